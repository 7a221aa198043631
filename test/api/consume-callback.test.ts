/** Consumers with callbacks: starting, limiting and ending them. */
import {
  AccessRefusedError,
  ConsumerCancelledError,
  type IncomingMessage,
  NotFoundError,
  TimeoutError,
  WrongStateError,
} from '../../src';
import { versionOf } from '../support/brokers/version';
import { channel, connection, useChannel } from '../support/channel';
import {
  CEILING,
  count,
  drainUntil,
  eventually,
  expectSilence,
  fill,
  privateQueue,
  takeAll,
  thrownBy,
  unique,
} from '../support/connect';

let seen: string[];
const note = (message: IncomingMessage) => {
  seen.push(message.text);
  message.ack();
};
useChannel();
beforeEach(() => {
  seen = [];
});

describe('basicConsume', () => {
  it('a callback that returns a promise: its message goes back, unless it has settled it', () => {
    const queue = privateQueue(channel, 'one');
    const settles = [false, true];
    const tag = channel.basicConsume(queue, async (message) => {
      if (settles.shift()) message.ack();
    });
    const drain = () => connection.drainEvents({ timeout: CEILING });
    expect(drain).toThrow(
      'a consumer callback: the function returned a promise, and its message was requeued',
    );
    expect(drain).toThrow('a consumer callback: the function returned a promise; it must do its work');
    channel.basicCancel(tag);
    expect(takeAll(channel, queue)).toEqual([]);
  });

  it('the callback gets every message, in order, with all that a delivery says', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three');
    const messages: IncomingMessage[] = [];
    const tag = channel.basicConsume(queue, (message) => {
      messages.push(message);
      note(message);
    });
    drainUntil(connection, () => seen.length === 3);
    expect(seen).toEqual(['one', 'two', 'three']);
    expect(messages[0]?.channel).toBe(channel);
    expect(messages[2]).toMatchObject({
      consumerTag: tag,
      deliveryTag: 3,
      redelivered: false,
      exchange: '',
      routingKey: queue,
      isSettled: true,
    });
    expect(count(channel, queue)).toBe(0);
  });

  it('returns the tag the broker made, or the one it was given', () => {
    const queue = privateQueue(channel);
    const made = channel.basicConsume(queue, note);
    expect(made).toMatch(/^amq\.ctag-/);
    expect(channel.basicConsume(queue, note, { consumerTag: 'mine' })).toBe('mine');
    expect(channel.consumerTags).toEqual([made, 'mine']);
  });

  it('a second consumer with the same tag is refused here; the broker would end the connection (530)', () => {
    const queue = privateQueue(channel);
    channel.basicConsume(queue, note, { consumerTag: 'twin' });
    expect(() => channel.basicConsume(queue, note, { consumerTag: 'twin' })).toThrow(WrongStateError);
    expect(channel.isOpen).toBe(true);
    channel.basicCancel('twin');
    expect(channel.basicConsume(queue, note, { consumerTag: 'twin' })).toBe('twin');
  });

  it('with noAck leaves nothing to settle', () => {
    const queue = privateQueue(channel, 'one');
    let settled: boolean | undefined;
    channel.basicConsume(
      queue,
      (message) => {
        settled = message.isSettled;
      },
      { noAck: true },
    );
    connection.drainEvents({ timeout: CEILING });
    expect(settled).toBe(true);
    channel.close();
    channel.reopen();
    expect(channel.basicGet(queue)).toBeNull();
  });

  it('exclusive: no other consumer (403)', () => {
    const queue = privateQueue(channel);
    channel.basicConsume(queue, note, { exclusive: true });
    const other = connection.channel();
    expect(() => other.basicConsume(queue, note)).toThrow(AccessRefusedError);
    expect(channel.isOpen).toBe(true);
  });

  it('arguments: the consumer with the higher x-priority is served first', () => {
    const queue = privateQueue(channel);
    channel.basicConsume(queue, () => seen.push('low'), { noAck: true, arguments: { 'x-priority': 1 } });
    channel.basicConsume(queue, () => seen.push('high'), { noAck: true, arguments: { 'x-priority': 9 } });
    channel.basicPublish('x', { routingKey: queue });
    connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual(['high']);
  });

  it('noWait: consuming without waiting; the tag has to be given', () => {
    const queue = privateQueue(channel, 'one');
    expect(() => channel.basicConsume(queue, note, { noWait: true })).toThrow(TypeError);
    expect(channel.basicConsume(queue, note, { noWait: true, consumerTag: 'quick' })).toBe('quick');
    drainUntil(connection, () => seen.length === 1);
  });

  it('404 when there is no such queue', () => {
    const error = thrownBy(() => channel.basicConsume(unique('missing'), note));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'basic.consume' });
  });

  it('a consumer whose starting timed out is ended again, and takes nothing with it', () => {
    const queue = privateQueue(channel);
    channel.basicQos({ prefetchCount: 10 });
    let late = false;
    for (let attempt = 0; attempt < 100 && !late; attempt++) {
      try {
        channel.basicCancel(channel.basicConsume(queue, note, { timeout: 0 }));
      } catch (error) {
        expect(error).toBeInstanceOf(TimeoutError);
        late = true;
      }
    }
    expect(late).toBe(true);
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
    fill(channel, queue, 'still here');
    expectSilence(connection);
    expect(channel.consumerTags).toEqual([]);
    expect(takeAll(channel, queue)).toEqual(['still here']);
  });
});

describe('a reply that comes too late', () => {
  // RabbitMQ sends consume-ok and cancel-ok when the queue has answered: replies to later requests overtake them
  it('of a consume is no reply to another call, and does not disturb its own', () => {
    const queue = privateQueue(channel);
    channel.basicQos({ prefetchCount: 1 });
    for (let round = 0; round < 50; round++) {
      try {
        channel.basicCancel(channel.basicConsume(queue, note, { timeout: 0 }));
      } catch (error) {
        expect(error).toBeInstanceOf(TimeoutError);
      }
      expect(channel.queueDeclare(queue, { passive: true }).queue).toBe(queue);
      expect(channel.queuePurge(queue)).toBe(0);
    }
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
    expect(channel.consumerTags).toEqual([]);
  });

  it.each<[string, (queue: string, consumerTag: string) => void]>([
    ['cancelled', (_queue, consumerTag) => channel.basicCancel(consumerTag)],
    ['started again', (queue, consumerTag) => channel.basicConsume(queue, note, { consumerTag })],
  ])('of a consume whose tag is %s at once: RabbitMQ would end the connection (541, 530)', (_how, again) => {
    const queue = privateQueue(channel);
    channel.basicQos({ prefetchCount: 1 });
    for (let round = 0; round < 20; round++) {
      const consumerTag = `round ${round}`;
      try {
        channel.basicConsume(queue, note, { consumerTag, timeout: 0 });
      } catch (error) {
        expect(error).toBeInstanceOf(TimeoutError);
        try {
          again(queue, consumerTag);
        } catch (refusal) {
          expect(refusal).toBeInstanceOf(WrongStateError); // not yet: that would do as well
        }
      }
      if (channel.consumerTags.includes(consumerTag)) channel.basicCancel(consumerTag);
    }
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
  });

  it('of a cancel is no reply to another call either', () => {
    const queue = privateQueue(channel);
    for (let round = 0; round < 50; round++) {
      const tag = channel.basicConsume(queue, note);
      try {
        channel.basicCancel(tag, { timeout: 0 });
      } catch (error) {
        expect(error).toBeInstanceOf(TimeoutError);
      }
      expect(channel.queueDeclare(queue, { passive: true }).queue).toBe(queue);
      expect(channel.queuePurge(queue)).toBe(0);
    }
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
    expect(channel.consumerTags).toEqual([]);
  });
});

describe('basicQos', () => {
  it('limits how many unsettled messages a consumer is sent', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three');
    channel.basicQos({ prefetchCount: 2 });
    const messages: IncomingMessage[] = [];
    channel.basicConsume(queue, (message) => messages.push(message));
    drainUntil(connection, () => messages.length === 2);
    expectSilence(connection);
    messages[0]?.ack();
    connection.drainEvents({ timeout: CEILING });
    expect(messages.map((message) => message.text)).toEqual(['one', 'two', 'three']);
  });

  it('global: for all consumers of the channel together, which 4.3 takes for each of them', () => {
    channel.basicQos({ prefetchCount: 2, global: true });
    const messages: IncomingMessage[] = [];
    for (let i = 0; i < 2; i++) {
      const queue = privateQueue(channel, 'one', 'two', 'three');
      channel.basicConsume(queue, (message) => messages.push(message));
    }
    const most = { '3.10': 2, '4.3': 4 }[versionOf(connection)];
    drainUntil(connection, () => messages.length === most);
    expectSilence(connection);
  });

  it('without it a consumer is sent 100', () => {
    const queue = privateQueue(channel, ...Array.from({ length: 101 }, String));
    channel.basicConsume(queue, () => {});
    eventually(() => count(channel, queue) === 1);
  });
});

describe('basicCancel', () => {
  it('ends a consumer; what was sent ahead goes back to the queue', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three');
    const tag = channel.basicConsume(queue, note);
    connection.drainEvents({ timeout: CEILING });
    channel.basicCancel(tag);
    expect(channel.consumerTags).toEqual([]);
    expect(count(channel, queue)).toBe(2);
    expectSilence(connection, 50);
    expect(seen).toEqual(['one']);
    expect(takeAll(channel, queue)).toEqual(['two', 'three']);
  });

  it('from inside its own callback', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const tag = channel.basicConsume(queue, (message) => {
      note(message);
      channel.basicCancel(tag);
    });
    connection.drainEvents({ timeout: CEILING });
    expect(count(channel, queue)).toBe(1);
    expectSilence(connection, 50);
    expect(seen).toEqual(['one']);
  });

  it('noWait: what is still under way goes back to the queue, and the tag is free again', () => {
    const queue = privateQueue(channel);
    channel.basicConsume(queue, note, { consumerTag: 'going' });
    const other = connection.channel();
    for (let i = 0; i < 50; i++) other.basicPublish(String(i), { routingKey: queue });
    channel.basicCancel('going', { noWait: true });
    eventually(() => count(channel, queue) === 50);
    expectSilence(connection, 50);
    expect(seen).toEqual([]);
    expect(channel.consumerTags).toEqual([]);
    expect(channel.basicConsume(queue, note, { consumerTag: 'going' })).toBe('going');
    other.close();
  });

  it('an unknown tag is no error', () => {
    channel.basicCancel('never-was');
    expect(channel.isOpen).toBe(true);
  });
});

describe('a consumer that the broker cancels', () => {
  it('its onCancel is told by the pump, after its last message', () => {
    const queue = privateQueue(channel, 'last words');
    const tag = channel.basicConsume(queue, note, { onCancel: (which) => seen.push(`cancelled ${which}`) });
    eventually(() => count(channel, queue) === 0);
    connection.channel().queueDelete(queue);
    drainUntil(connection, () => seen.length === 2);
    expect(seen).toEqual(['last words', `cancelled ${tag}`]);
    expect(channel.isOpen).toBe(true);
    expect(channel.consumerTags).toEqual([]);
  });

  it('without onCancel, drainEvents throws ConsumerCancelledError with the tag; the channel lives', () => {
    const queue = privateQueue(channel);
    const tag = channel.basicConsume(queue, note);
    channel.queueDelete(queue);
    const error = thrownBy<ConsumerCancelledError>(() => connection.drainEvents({ timeout: CEILING }));
    expect(error).toBeInstanceOf(ConsumerCancelledError);
    expect(error).toMatchObject({ consumerTag: tag, code: 'CONSUMER_CANCELLED', origin: 'broker' });
    expectSilence(connection, 20);
    expect(privateQueue(channel)).toMatch(/^amq\.gen/);
  });
});
