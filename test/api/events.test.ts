/** What runs callbacks: drainEvents, loop, sleep and timers, and nothing else. */
import { type IncomingMessage, NotFoundError, TimeoutError, WrongStateError } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import {
  CEILING,
  count,
  drainUntil,
  duration,
  eventually,
  expectSilence,
  privateQueue,
  takeAll,
  thrownBy,
  unique,
  untilSentAhead,
} from '../support/connect';
import { within } from '../support/within';

let seen: string[];
const note = (message: IncomingMessage) => {
  seen.push(message.text);
  message.ack();
};
useChannel();
beforeEach(() => {
  seen = [];
});

describe('callbacks', () => {
  it('run in no other call than those for it: not in a declare, a get, a publish', () => {
    const queue = privateQueue(channel, 'one');
    channel.basicConsume(queue, note);
    untilSentAhead(channel, queue);
    channel.basicPublish('x', { routingKey: 'nowhere' });
    expect(channel.basicGet(queue)).toBeNull();
    connection.flush();
    expect(seen).toEqual([]);
    expect(connection.stats().queuedEvents).toBe(1);
    connection.drainEvents({ timeout: 0 });
    expect(seen).toEqual(['one']);
  });

  it('one drainEvents serves all channels', () => {
    const other = connection.channel();
    const [here, there] = [privateQueue(channel, 'here'), privateQueue(other, 'there')];
    channel.basicConsume(here, note);
    other.basicConsume(there, note);
    drainUntil(connection, () => seen.length === 2);
    expect(seen.sort()).toEqual(['here', 'there']);
    other.close();
  });

  it('may make blocking calls, on any channel; other callbacks wait until they are done', () => {
    const [requests, replies] = [privateQueue(channel, '1', '2', '3'), privateQueue(channel)];
    const other = connection.channel();
    let depth = 0;
    channel.basicConsume(requests, (message) => {
      expect(++depth).toBe(1);
      const { queue } = channel.queueDeclare('', { exclusive: true });
      other.basicPublish(message.text, { routingKey: queue });
      eventually(() => count(other, queue) === 1);
      const copy = channel.basicGet(queue);
      channel.basicPublish(`re: ${copy?.text}`, { routingKey: replies });
      note(message);
      depth--;
    });
    drainUntil(connection, () => seen.length === 3);
    expect(takeAll(channel, replies)).toEqual(['re: 1', 're: 2', 're: 3']);
    other.close();
  });

  it.each([
    ['drainEvents', () => connection.drainEvents({ timeout: 10 })],
    ['loop', () => connection.loop({ timeout: 10 })],
    ['sleep', () => connection.sleep(10)],
  ])('never nest: %s inside a callback is WrongStateError', (_verb, call) => {
    const queue = privateQueue(channel, 'one', 'two');
    let error: WrongStateError | undefined;
    channel.basicConsume(queue, (message) => {
      error ??= thrownBy(call);
      note(message);
    });
    connection.drainEvents({ timeout: CEILING });
    expect(error).toBeInstanceOf(WrongStateError);
    expect(error).toMatchObject({ code: 'NESTED_PUMP' });
    expect(seen).toEqual(['one']);
    drainUntil(connection, () => seen.length === 2);
  });

  it('what one throws is thrown by drainEvents; its message stays unsettled, the next one follows', () => {
    const queue = privateQueue(channel, 'bad', 'good');
    channel.basicConsume(queue, (message) => {
      if (message.text === 'bad') throw new Error('spoilt');
      note(message);
    });
    expect(() => connection.drainEvents({ timeout: CEILING })).toThrow('spoilt');
    connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual(['good']);
    channel.close();
    channel.reopen();
    eventually(() => count(channel, queue) === 1);
  });
});

describe('drainEvents, loop, sleep', () => {
  it('drainEvents dispatches one event, and throws TimeoutError when none comes in time', () => {
    const queue = privateQueue(channel, 'one', 'two');
    channel.basicConsume(queue, note);
    connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual(['one']);
    connection.drainEvents({ timeout: CEILING });
    const took = duration(() => {
      const error = thrownBy(() => connection.drainEvents({ timeout: 80 }));
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ code: 'TIMEOUT', recoverable: true });
    });
    expect(took).toBeGreaterThanOrEqual(79);
    expect(took).toBeLessThan(within(300));
  });

  it('an error that a call has thrown is no event any more', () => {
    expect(() => channel.basicGet(unique('missing'))).toThrow(NotFoundError);
    expect(connection.stats().queuedEvents).toBe(0);
    expectSilence(connection, 20);
  });

  it('loop goes on until a timeout passes with nothing; 0 takes what is there', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three');
    channel.basicConsume(queue, (message) => {
      note(message);
      if (message.text === 'four') connection.callLater(500, () => seen.push('timer'));
    });
    untilSentAhead(channel, queue);
    connection.loop({ timeout: 300 });
    expect(seen).toEqual(['one', 'two', 'three']);
    channel.basicPublish('four', { routingKey: queue });
    connection.loop({ timeout: 2000 });
    expect(seen.slice(3)).toEqual(['four', 'timer']);
    expect(duration(() => connection.loop({ timeout: 0 }))).toBeLessThan(within(50));
  });

  it('sleep lasts as long as it is told, and serves events meanwhile', () => {
    const queue = privateQueue(channel, 'one', 'two');
    channel.basicConsume(queue, note);
    untilSentAhead(channel, queue);
    const took = duration(() => connection.sleep(120));
    expect(seen).toEqual(['one', 'two']);
    expect(took).toBeGreaterThanOrEqual(119);
    expect(took).toBeLessThan(within(400));
  });
});

describe('callLater', () => {
  it('runs once, from the pump, in the order of its times', () => {
    connection.callLater(40, () => seen.push('second'));
    connection.callLater(10, () => seen.push('first'));
    drainUntil(connection, () => seen.length === 2);
    expect(seen).toEqual(['first', 'second']);
    connection.sleep(60);
    expect(seen).toEqual(['first', 'second']);
  });

  it('counts as an event, and may call again later', () => {
    const tick = () => {
      seen.push('tick');
      if (seen.length < 3) connection.callLater(5, tick);
    };
    connection.callLater(5, tick);
    drainUntil(connection, () => seen.length === 3);
  });

  it('cancelTimer: never; an unknown id is no error', () => {
    const id = connection.callLater(10, () => seen.push('cancelled'));
    connection.cancelTimer(id);
    connection.cancelTimer(id);
    connection.cancelTimer(99_999);
    connection.sleep(40);
    expect(seen).toEqual([]);
  });
});

describe('what else the pump runs', () => {
  it('addCallbackThreadsafe: after what waits already, and not before somebody pumps', () => {
    const queue = privateQueue(channel, 'first');
    channel.basicConsume(queue, note);
    untilSentAhead(channel, queue);
    connection.addCallbackThreadsafe(() => seen.push('then the callback'));
    expect(seen).toEqual([]);
    connection.loop({ timeout: 0 });
    expect(seen).toEqual(['first', 'then the callback']);
  });

  it('onCancel of the channel, for consumers that have none', () => {
    const queue = privateQueue(channel);
    const tag = channel.basicConsume(queue, note);
    channel.onCancel = (consumerTag) => seen.push(consumerTag);
    channel.queueDelete(queue);
    drainUntil(connection, () => seen.length === 1);
    expect(seen).toEqual([tag]);
  });

  it('no async callback: nobody would wait for it', () => {
    const queue = privateQueue(channel, 'one');
    channel.basicConsume(queue, async (message) => message.ack());
    const error = thrownBy(() => connection.drainEvents({ timeout: CEILING }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('returned a promise');
  });
});
