/** `channel.consume`: a queue in a `for` loop. */
import {
  AlreadySettledError,
  ConsumerCancelledError,
  type IncomingMessage,
  MessageTooLargeError,
  NotFoundError,
  PreconditionFailedError,
} from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import {
  CEILING,
  count,
  duration,
  eventually,
  open,
  privateQueue,
  sharedQueue,
  takeAll,
  thrownBy,
  unique,
  untilSentAhead,
} from '../support/connect';
import { within } from '../support/within';

useChannel();

/** Loops end by themselves where a test goes wrong. */
const patient = { timeout: CEILING };

/** The messages of the queue in order, with their redelivered flags. */
function remains(queue: string, expected: number): [string, boolean][] {
  expect(count(channel, queue)).toBe(expected); // asked once: they are there when the loop has been left
  return Array.from({ length: expected }, () => {
    const { text, redelivered } = channel.basicGet(queue, { noAck: true })!;
    return [text, redelivered];
  });
}

const consumers = (queue: string) => channel.queueDeclare(queue, { passive: true }).consumerCount;

describe('a loop over consume()', () => {
  it('gets the messages one by one, and waits for more', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const texts: string[] = [];
    for (const message of channel.consume(queue, patient)) {
      texts.push(message.text);
      message.ack();
      if (texts.length === 2) channel.basicPublish('three', { routingKey: queue });
      if (texts.length === 3) break;
    }
    expect(texts).toEqual(['one', 'two', 'three']);
    expect(count(channel, queue)).toBe(0);
  });

  it('the messages say through which consumer they came', () => {
    const queue = privateQueue(channel, 'one');
    const iterator = channel.consume(queue, { ...patient, consumerTag: 'reader' });
    const { value } = iterator.next();
    expect(value).toMatchObject({ text: 'one', consumerTag: 'reader', redelivered: false });
    expect(channel.consumerTags).toEqual(['reader']);
    iterator.return?.();
  });

  it('noAck, exclusive and arguments are the broker’s', () => {
    const queue = privateQueue(channel, 'one');
    const iterator = channel.consume(queue, { ...patient, noAck: true, exclusive: true });
    expect((iterator.next().value as IncomingMessage).isSettled).toBe(true);
    const other = connection.channel();
    expect(() => other.basicConsume(queue, () => {})).toThrow('403 ACCESS_REFUSED');
    iterator.return?.();
    expect(() => channel.consume(queue, { ...patient, arguments: { 'x-priority': 'high' } })).toThrow(
      PreconditionFailedError,
    );
  });

  it('404 when there is no such queue', () => {
    const error = thrownBy(() => channel.consume(unique('missing'), patient));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'basic.consume' });
  });
});

describe('leaving the loop cancels the consumer and gives back what was sent ahead', () => {
  const bodies = ['one', 'two', 'three'];
  let queue: string;
  let ahead: boolean;
  beforeEach(() => {
    queue = privateQueue(channel, ...bodies);
    ahead = false;
  });
  /** All have been sent: they wait here, not in the queue. */
  const sentAhead = () => {
    eventually(() => count(channel, queue) === 0);
    ahead = true;
  };

  afterEach(() => {
    expect(channel.consumerTags).toEqual([]);
    expect(consumers(queue)).toBe(0);
    const rest = remains(queue, 2);
    expect(rest.map(([text]) => text)).toEqual(['two', 'three']);
    if (ahead) expect(rest.every(([, redelivered]) => redelivered)).toBe(true);
  });

  it('by break', () => {
    for (const message of channel.consume(queue, patient)) {
      sentAhead();
      message.ack();
      break;
    }
  });

  it('by return', () => {
    const first = () => {
      for (const message of channel.consume(queue, patient)) {
        sentAhead();
        message.ack();
        return message.text;
      }
      return undefined;
    };
    expect(first()).toBe('one');
  });

  it('by throw; what was thrown arrives', () => {
    expect(() => {
      for (const message of channel.consume(queue, patient)) {
        sentAhead();
        message.ack();
        throw new Error('enough');
      }
    }).toThrow('enough');
  });

  it('by limit, which is also how many are sent ahead', () => {
    for (const message of channel.consume(queue, { ...patient, limit: 1 })) {
      expect(count(channel, queue)).toBe(2);
      message.ack();
    }
  });

  it('by destructuring, as with any iterator', () => {
    const [message] = channel.consume(queue, { ...patient, prefetch: 1 });
    message?.ack();
  });

  it('by using', () => {
    {
      using iterator = channel.consume(queue, patient);
      (iterator.next().value as IncomingMessage).ack();
      sentAhead();
    }
  });

  it('by the end of a spread over limit', () => {
    const messages = [...channel.consume(queue, { ...patient, limit: 1 })];
    expect(messages.map((message) => message.text)).toEqual(['one']);
    messages[0]?.ack();
  });
});

describe('the end of a loop', () => {
  it('comes with timeout after so many milliseconds without a message', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const texts: string[] = [];
    const took = duration(() => {
      for (const message of channel.consume(queue, { timeout: 1000 })) {
        texts.push(message.text);
        message.ack();
        untilSentAhead(channel, queue);
      }
    });
    expect(texts).toEqual(['one', 'two']);
    expect(took).toBeGreaterThanOrEqual(999);
    expect(took).toBeLessThan(within(1200));
    expect(consumers(queue)).toBe(0);
  });

  it('timeout counts anew with each message', () => {
    const queue = privateQueue(channel);
    const other = connection.channel();
    const send = () => {
      if (sent++ < 4) {
        other.basicPublish(String(sent), { routingKey: queue });
        connection.callLater(400, send);
      }
    };
    let sent = 0;
    send();
    const texts = [...channel.consume(queue, { timeout: 1100 })].map((message) => message.text);
    expect(texts).toEqual(['1', '2', '3', '4']);
    other.close();
  });

  it('comes with timeout 0 once what is there already has been taken', () => {
    expect([...channel.consume(privateQueue(channel), { timeout: 0 })]).toEqual([]);
  });

  it('comes before any message with limit 0', () => {
    const queue = privateQueue(channel, 'one');
    expect([...channel.consume(queue, { ...patient, limit: 0 })]).toEqual([]);
    expect(count(channel, queue)).toBe(1);
  });

  it('is the end: next() says done again and again, return() does nothing more', () => {
    const iterator = channel.consume(privateQueue(channel, 'one'), { ...patient, limit: 1 });
    expect(iterator.next().done).toBe(false);
    for (let i = 0; i < 3; i++) expect(iterator.next()).toEqual({ done: true, value: undefined });
    expect(iterator.return?.()).toEqual({ done: true, value: undefined });
  });

  it('what was handed out but not settled stays the program’s', () => {
    const queue = privateQueue(channel, 'one', 'two');
    let kept: IncomingMessage | undefined;
    for (const message of channel.consume(queue, patient)) {
      kept = message;
      break;
    }
    expect(count(channel, queue)).toBe(1);
    expect(kept?.isSettled).toBe(false);
    kept?.ack();
    expect(takeAll(channel, queue)).toEqual(['two']);
  });

  it('with noAck, what was sent ahead is gone', () => {
    const queue = privateQueue(channel, 'one', 'two');
    for (const _ of channel.consume(queue, { ...patient, noAck: true })) {
      eventually(() => count(channel, queue) === 0);
      break;
    }
    expect(channel.basicGet(queue)).toBeNull();
  });
});

describe('a queue that goes away', () => {
  it('its loop gets what had been sent, then ConsumerCancelledError; the channel lives', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const texts: string[] = [];
    const error = thrownBy<ConsumerCancelledError>(() => {
      for (const message of channel.consume(queue, { ...patient, consumerTag: 'doomed' })) {
        if (texts.length === 0) {
          eventually(() => count(channel, queue) === 0);
          channel.queueDelete(queue);
        }
        texts.push(message.text);
        message.ack();
      }
    });
    expect(texts).toEqual(['one', 'two']);
    expect(error).toBeInstanceOf(ConsumerCancelledError);
    expect(error.consumerTag).toBe('doomed');
    expect(channel.isOpen).toBe(true);
  });

  it('a loop on a channel that the broker closes throws its reason', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const error = thrownBy(() => {
      for (const message of channel.consume(queue, patient)) {
        message.ack();
        channel.basicPublish('x', { exchange: unique('missing') });
      }
    });
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'basic.publish' });
    expect(channel.isOpen).toBe(false);
    connection.loop({ timeout: 0 }); // it has been said, and is not said again
  });
});

describe('several loops', () => {
  it('one inside another, on one channel', () => {
    const letters = privateQueue(channel, 'a', 'b');
    const digits = privateQueue(channel, '1', '2', '3');
    const pairs: string[] = [];
    for (const letter of channel.consume(letters, { ...patient, limit: 2 })) {
      letter.ack();
      for (const digit of channel.consume(digits, patient)) {
        digit.ack();
        pairs.push(letter.text + digit.text);
        break;
      }
      expect(count(channel, digits)).toBe(3 - pairs.length);
    }
    expect(pairs).toEqual(['a1', 'b2']);
    expect(takeAll(channel, digits)).toEqual(['3']);
  });

  it('two taking turns share the queue', () => {
    const queue = privateQueue(channel);
    const first = channel.consume(queue, { ...patient, prefetch: 1 });
    const second = channel.consume(queue, { ...patient, prefetch: 1 });
    for (const body of ['one', 'two']) channel.basicPublish(body, { routingKey: queue });
    const texts = [first, second].map((iterator) => {
      const message = iterator.next().value as IncomingMessage;
      message.ack();
      return message.text;
    });
    expect(texts.sort()).toEqual(['one', 'two']);
    for (const iterator of [first, second]) iterator.return?.();
  });
});

describe('a limit beyond the default prefetch', () => {
  it('is reached by a loop that settles nothing, too', () => {
    const queue = privateQueue(channel);
    for (let n = 0; n < 150; n++) channel.basicPublish('x', { routingKey: queue });
    expect([...channel.consume(queue, { ...patient, limit: 150 })]).toHaveLength(150);
  });
});

describe('meanwhile', () => {
  it('callbacks of other consumers and timers run while a loop waits', () => {
    const [looped, called] = [privateQueue(channel), privateQueue(channel, 'to the callback')];
    const seen: string[] = [];
    const other = connection.channel();
    other.basicConsume(called, (message) => {
      seen.push(message.text);
      message.ack();
      other.basicPublish('to the loop', { routingKey: looped });
    });
    connection.callLater(0, () => seen.push('timer'));
    for (const message of channel.consume(looped, { ...patient, limit: 1 })) {
      seen.push(message.text);
      message.ack();
    }
    expect(seen.sort()).toEqual(['timer', 'to the callback', 'to the loop']);
    other.close();
  });

  it('a callback may leave the loop, which ends at once', () => {
    const queue = privateQueue(channel);
    const loop = channel.consume(queue, patient);
    connection.callLater(50, () => loop.return?.());
    expect(duration(() => expect([...loop]).toEqual([]))).toBeLessThan(CEILING / 2);
    expect(channel.consumerTags).toEqual([]);
  });

  it('a loop inside a callback works, and runs no other callback', () => {
    const [outer, inner] = [privateQueue(channel, 'start', 'next'), privateQueue(channel, '1', '2')];
    const seen: string[] = [];
    channel.basicConsume(outer, (message) => {
      seen.push(message.text);
      message.ack();
      if (message.text === 'next') return;
      for (const digit of channel.consume(inner, { ...patient, limit: 2 })) {
        seen.push(digit.text);
        digit.ack();
      }
    });
    connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual(['start', '1', '2']);
    connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual(['start', '1', '2', 'next']);
  });
});

describe('settling and limits', () => {
  it('prefetch: how many unsettled messages are sent ahead', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three');
    const iterator = channel.consume(queue, { ...patient, prefetch: 2 });
    const first = iterator.next().value as IncomingMessage;
    eventually(() => count(channel, queue) === 1);
    first.ack();
    eventually(() => count(channel, queue) === 0);
    iterator.return?.();
  });

  it('prefetch is the loop’s own: consumers after it have what basicQos said', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three', 'four');
    channel.basicQos({ prefetchCount: 3 });
    for (const message of channel.consume(queue, { ...patient, prefetch: 1 })) {
      message.nack();
      break;
    }
    eventually(() => count(channel, queue) === 4);
    channel.basicConsume(queue, () => {});
    eventually(() => count(channel, queue) === 1);
  });

  it('a message acked by the loop is settled like any other', () => {
    const queue = privateQueue(channel, 'one');
    for (const message of channel.consume(queue, { ...patient, limit: 1 })) {
      message.ack();
      expect(() => message.nack()).toThrow(AlreadySettledError);
    }
  });

  it('a message above maxMessageSize is thrown by the loop, and is back in the queue once it is rejected', () => {
    const modest = open({ maxMessageSize: 1000 });
    const reading = modest.channel();
    const queue = sharedQueue(reading);
    reading.basicPublish(Buffer.alloc(2000), { routingKey: queue });
    const error = thrownBy<MessageTooLargeError>(() => {
      for (const _ of reading.consume(queue, patient));
    });
    expect(error).toBeInstanceOf(MessageTooLargeError);
    reading.basicReject(error.deliveryTag!, { requeue: true });
    eventually(() => count(channel, queue) === 1);
    expect(channel.basicGet(queue)?.body.length).toBe(2000);
    channel.queueDelete(queue);
  });
});
