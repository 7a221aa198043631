/** Taking single messages, and deciding what becomes of them. */

import {
  AlreadySettledError,
  type IncomingMessage,
  MessageTooLargeError,
  StaleDeliveryError,
} from '../../src';
import { SESSION } from '../../src/api/internals';
import { channel, connection, useChannel } from '../support/channel';
import {
  count,
  drainUntil,
  eventually,
  fill,
  open,
  pause,
  privateQueue,
  sharedQueue,
  takeAll,
  thrownBy,
  unique,
  untilTooLate,
} from '../support/connect';

useChannel();

/** A message that has to be there. */
function get(queue: string, from = channel): IncomingMessage {
  const message = from.basicGet(queue);
  if (message === null) throw new Error('the queue is empty');
  return message;
}

/** A queue whose dead letters end in another. */
function withDeadLetters(...bodies: string[]): { queue: string; dead: string } {
  const dead = privateQueue(channel);
  const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
  const { queue } = channel.queueDeclare('', { exclusive: true, arguments: args });
  fill(channel, queue, ...bodies);
  return { queue, dead };
}

describe('basicGet', () => {
  it('returns a message, or null when the queue is empty', () => {
    const queue = privateQueue(channel, 'hello');
    expect(get(queue).text).toBe('hello');
    expect(channel.basicGet(queue)).toBeNull();
  });

  it('tells where the message came from and how many are left', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three');
    const message = get(queue);
    expect(message.channel).toBe(channel);
    expect(message).toMatchObject({
      deliveryTag: 1,
      redelivered: false,
      exchange: '',
      routingKey: queue,
      messageCount: 2,
      consumerTag: undefined,
      noAck: false,
    });
    expect(get(queue)).toMatchObject({ deliveryTag: 2, messageCount: 1 });
  });

  it('the body as bytes, text or JSON', () => {
    const queue = privateQueue(channel, '{"günstig":true}', 'no json');
    const message = get(queue);
    expect(message.body).toEqual(Buffer.from('{"günstig":true}'));
    expect(message.text).toBe('{"günstig":true}');
    expect(message.json).toEqual({ günstig: true });
    expect(() => get(queue).json).toThrow(SyntaxError);
  });

  it('noAck: the broker forgets it at once', () => {
    const queue = privateQueue(channel, 'one');
    expect(channel.basicGet(queue, { noAck: true })).toMatchObject({ isSettled: true, noAck: true });
    channel.close();
    expect(connection.channel().basicGet(queue)).toBeNull();
  });

  it('what is not settled goes back to the queue when the channel closes, marked as redelivered', () => {
    const queue = privateQueue(channel, 'again');
    expect(get(queue).redelivered).toBe(false);
    channel.close();
    const next = connection.channel();
    eventually(() => count(next, queue) === 1);
    expect(get(queue, next).redelivered).toBe(true);
  });

  it('a reply that comes too late is requeued by itself: no message is lost, none comes twice', () => {
    const queue = sharedQueue(channel);
    const taken: string[] = [];
    let late = 0;
    for (let round = 0; round < 3000; round++) {
      channel.basicPublish(String(round), { routingKey: queue });
      try {
        const message = channel.basicGet(queue, { timeout: (round % 4) / 20 });
        if (message === null) continue;
        taken.push(message.text);
        message.ack();
      } catch (error) {
        expect(error).toMatchObject({ name: 'TimeoutError', method: 'basic.get', outcome: 'unknown' });
        late++;
      }
    }
    expect(late).toBeGreaterThan(0);
    // what was late is ready again once its reply has been looked at
    eventually(() => taken.length + count(channel, queue) === 3000);
    const all = [...taken, ...takeAll(channel, queue)].map(Number);
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 3000 }, (_, index) => index));
    channel.queueDelete(queue);
  });

  it('a late message is nobody’s: the next call gets its own reply', () => {
    const [full, empty] = [privateQueue(channel, 'late'), privateQueue(channel)];
    untilTooLate(() => channel.basicGet(full, { timeout: 0 })?.nack());
    expect(channel.basicGet(empty)).toBeNull();
    eventually(() => count(channel, full) === 1);
    expect(get(full).text).toBe('late');
  });
});

describe('ack, nack and reject', () => {
  it('ack: the broker forgets the message', () => {
    const queue = privateQueue(channel, 'one');
    const message = get(queue);
    expect(message.isSettled).toBe(false);
    message.ack();
    expect(message.isSettled).toBe(true);
    channel.close();
    expect(connection.channel().basicGet(queue)).toBeNull();
  });

  it('nack requeues, or with requeue: false gives the message away', () => {
    const { queue, dead } = withDeadLetters('one');
    get(queue).nack();
    eventually(() => count(channel, queue) === 1);
    const again = get(queue);
    expect(again.redelivered).toBe(true);
    again.nack({ requeue: false });
    eventually(() => count(channel, dead) === 1);
    expect(count(channel, queue)).toBe(0);
  });

  it('reject gives the message away, or with requeue: true requeues', () => {
    const { queue, dead } = withDeadLetters('one');
    get(queue).reject({ requeue: true });
    eventually(() => count(channel, queue) === 1);
    get(queue).reject();
    eventually(() => count(channel, dead) === 1);
    expect(get(dead).properties.headers).toMatchObject({ 'x-first-death-reason': 'rejected' });
  });

  it('take a tag on the channel, too', () => {
    const { queue, dead } = withDeadLetters('ack', 'nack', 'reject');
    channel.basicAck(get(queue).deliveryTag);
    channel.basicNack(get(queue).deliveryTag, { requeue: false });
    channel.basicReject(get(queue).deliveryTag);
    eventually(() => count(channel, dead) === 2);
    expect(takeAll(channel, dead)).toEqual(['nack', 'reject']);
    expect(channel.isUnsettled(1) || channel.isUnsettled(2) || channel.isUnsettled(3)).toBe(false);
  });

  it('multiple: everything up to the tag', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three', 'four');
    const [one, two, three, four] = [get(queue), get(queue), get(queue), get(queue)];
    two.ack({ multiple: true });
    expect([one, two, three, four].map((message) => message.isSettled)).toEqual([true, true, false, false]);
    four.nack({ multiple: true });
    expect(three.isSettled).toBe(true);
    eventually(() => count(channel, queue) === 2);
    expect(takeAll(channel, queue)).toEqual(['three', 'four']);
  });

  it('multiple with tag 0: everything', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const messages = [get(queue), get(queue)];
    channel.basicAck(0, { multiple: true });
    expect(messages.every((message) => message.isSettled)).toBe(true);
    channel.close();
    expect(count(connection.channel(), queue)).toBe(0);
  });
});

describe('a settlement', () => {
  /** Which of `acks` settlements one after the other were urgent. */
  function urgencies(acks: number): boolean[] {
    const queue = privateQueue(channel, ...Array(acks).fill('x'));
    const urgent: boolean[] = [];
    const send = jest.spyOn(connection[SESSION].link, 'send');
    const sendSoon = jest.spyOn(connection[SESSION].link, 'sendSoon');
    for (let ack = 0; ack < acks; ack++) {
      const message = get(queue);
      send.mockClear();
      sendSoon.mockClear();
      message.ack();
      expect(send.mock.calls.length + sendSoon.mock.calls.length).toBe(1);
      urgent.push(send.mock.calls.length === 1);
    }
    jest.restoreAllMocks();
    return urgent;
  }

  it('waits until a quarter of the prefetch is settled', () => {
    channel.basicQos({ prefetchCount: 8 });
    channel.basicQos({ prefetchCount: 100 }); // there may be consumers with the smaller one
    expect(urgencies(6)).toEqual([false, true, false, true, false, true]);
  });

  it('is urgent with a prefetch of one', () => {
    channel.basicQos({ prefetchCount: 1 });
    expect(urgencies(3)).toEqual([true, true, true]);
  });

  it('is never urgent without a prefetch', () => {
    expect(urgencies(3)).toEqual([false, false, false]);
  });
});

describe('a message is settled exactly once', () => {
  it.each<[string, (message: IncomingMessage) => void]>([
    ['ack', (message) => message.ack()],
    ['nack', (message) => message.nack()],
    ['reject', (message) => message.reject()],
    ['basicAck', ({ deliveryTag }) => channel.basicAck(deliveryTag)],
    ['basicAck multiple', ({ deliveryTag }) => channel.basicAck(deliveryTag, { multiple: true })],
  ])('a second decision (%s) is AlreadySettledError; nothing is sent, the channel lives', (_verb, again) => {
    const queue = privateQueue(channel, 'one', 'two');
    const message = get(queue);
    message.ack();
    const error = thrownBy(() => again(message));
    expect(error).toBeInstanceOf(AlreadySettledError);
    expect(error).toMatchObject({ code: 'ALREADY_SETTLED', outcome: 'not-sent' });
    expect(get(queue).text).toBe('two');
  });

  it('a message taken with noAck needs no decision', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const message = channel.basicGet(queue, { noAck: true })!;
    expect(() => message.ack()).toThrow(AlreadySettledError);
    expect(() => message.nack()).toThrow('it was taken with noAck');
    expect(() => channel.basicAck(message.deliveryTag)).toThrow(AlreadySettledError);
    expect(get(queue).text).toBe('two');
  });

  it('a tag that never was is a RangeError', () => {
    const queue = privateQueue(channel, 'one');
    get(queue);
    expect(() => channel.basicAck(7)).toThrow(
      new RangeError(`deliveryTag 7 was never delivered on channel ${channel.id}; the last one was 1`),
    );
    expect(() => channel.basicNack(7, { multiple: true })).toThrow(RangeError);
    channel.basicAck(1);
    expect(channel.basicGet(queue)).toBeNull();
  });

  it('tags count per channel: another channel’s tag is not this one’s', () => {
    const other = connection.channel();
    const queue = privateQueue(channel, 'here', 'there');
    get(queue);
    const there = get(queue, other);
    expect(() => channel.basicAck(there.deliveryTag + 1)).toThrow(RangeError);
    there.ack();
    expect([channel.isUnsettled(1), other.isUnsettled(1)]).toEqual([true, false]);
    other.close();
  });

  it('a message of the channel’s earlier life is stale: the broker has it back', () => {
    const queue = privateQueue(channel, 'one');
    const message = get(queue);
    channel.close();
    channel.reopen();
    eventually(() => count(channel, queue) === 1);
    const again = get(queue);
    expect(again.deliveryTag).toBe(message.deliveryTag); // the same number, another delivery
    expect(message.isSettled).toBe(true);
    const error = thrownBy(() => message.ack());
    expect(error).toBeInstanceOf(StaleDeliveryError);
    expect(again.isSettled).toBe(false);
    again.ack();
  });
});

describe('process', () => {
  const failing = () => {
    throw new Error('no good');
  };

  it('acks when the function returns, and returns its result', () => {
    const queue = privateQueue(channel, '20');
    const message = get(queue);
    expect(message.process((self) => Number(self.text) * 2)).toBe(40);
    expect(message.isSettled).toBe(true);
  });

  it('rejects when it throws, and throws on', () => {
    const { queue, dead } = withDeadLetters('one');
    expect(() => get(queue).process(failing)).toThrow('no good');
    eventually(() => count(channel, dead) === 1);
  });

  it('requeue: gives it back when it throws; rejectOnRedelivered: only the first time', () => {
    const { queue, dead } = withDeadLetters('one');
    const options = { requeue: true, rejectOnRedelivered: true };
    expect(() => get(queue).process(failing, options)).toThrow('no good');
    eventually(() => count(channel, queue) === 1);
    expect(() => get(queue).process(failing, options)).toThrow('no good');
    eventually(() => count(channel, dead) === 1);
  });

  it('ignoreProcessed: the function may have decided itself', () => {
    const queue = privateQueue(channel, 'one', 'two');
    get(queue).process((message) => message.ack(), { ignoreProcessed: true });
    const message = get(queue);
    expect(() => message.process(() => message.ack())).toThrow(AlreadySettledError);
  });

  it('refuses a function that returns a promise', () => {
    const queue = privateQueue(channel, 'one');
    expect(() => get(queue).process(async () => {})).toThrow('the function returned a promise');
  });
});

describe('basicRecover', () => {
  it('delivers what is unsettled again, with new tags', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const [one, two] = [get(queue), get(queue)];
    one.ack();
    channel.basicRecover();
    expect(two.isSettled).toBe(true);
    eventually(() => count(channel, queue) === 1);
    expect(get(queue)).toMatchObject({ text: 'two', redelivered: true, deliveryTag: 3 });
  });

  it('what has come but was not handed to its callback comes again too, and can be acked', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three');
    const seen: string[] = [];
    channel.basicConsume(queue, (message) => {
      seen.push(message.text);
      message.ack();
    });
    eventually(() => count(channel, queue) === 0 && connection.stats().queuedEvents === 3);
    channel.basicRecover();
    drainUntil(connection, () => seen.length >= 3);
    expect(seen).toEqual(['one', 'two', 'three']);
  });

  it('basicRecoverAsync: the same without waiting', () => {
    const queue = privateQueue(channel, 'one');
    get(queue);
    channel.basicRecoverAsync();
    eventually(() => count(channel, queue) === 1);
    expect(get(queue)).toMatchObject({ text: 'one', redelivered: true });
  });
});

describe('a message above maxMessageSize', () => {
  const modest = open({ maxMessageSize: 1000 });

  it('is not kept, but is unsettled and can be rejected by its tag; one byte less passes', () => {
    const asking = modest.channel();
    const { queue, dead } = (() => {
      const dead = privateQueue(asking);
      const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
      return { dead, queue: asking.queueDeclare('', { exclusive: true, arguments: args }).queue };
    })();
    asking.basicPublish(Buffer.alloc(1001), { routingKey: queue });
    asking.basicPublish(Buffer.alloc(1000), { routingKey: queue });
    const error = thrownBy<MessageTooLargeError>(() => asking.basicGet(queue));
    expect(error).toBeInstanceOf(MessageTooLargeError);
    expect(error).toMatchObject({ bodySize: 1001, deliveryTag: 1 });
    expect(asking.basicGet(queue)?.body.length).toBe(1000);
    asking.basicReject(error.deliveryTag!);
    eventually(() => count(asking, dead) === 1);
    asking.close();
  });

  it('reaches a consumer as an error from drainEvents, and the next message follows', () => {
    const consuming = modest.channel();
    const queue = sharedQueue(consuming);
    const texts: string[] = [];
    consuming.basicConsume(queue, (message) => void texts.push(message.text), { consumerTag: unique() });
    consuming.basicPublish(Buffer.alloc(5000), { routingKey: queue });
    consuming.basicPublish('small', { routingKey: queue });
    const error = thrownBy<MessageTooLargeError>(() => drainUntil(modest, () => texts.length > 0));
    expect(error).toBeInstanceOf(MessageTooLargeError);
    drainUntil(modest, () => texts.length > 0);
    expect(texts).toEqual(['small']);
    consuming.close();
    pause(10);
    // nothing is lost: whoever allows more can read it
    eventually(() => count(channel, queue) === 2);
    expect(get(queue).body.length).toBe(5000);
    channel.queueDelete(queue);
  });
});
