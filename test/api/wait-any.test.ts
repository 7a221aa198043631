/** Waiting for several connections at once. */

import {
  type AmqpError,
  type Connection,
  ConnectionLostError,
  InterruptedError,
  Remote,
  WrongStateError,
  waitAny,
} from '../../src';
import { SESSION } from '../../src/api/internals';
import { connection as one, useChannel } from '../support/channel';
import { CEILING, duration, open, privateQueue, thrownBy } from '../support/connect';
import { talk } from '../support/peers/peer';
import { cut, ready, stall } from '../support/peers/script';
import { failOnLostWakeUp, realSleep } from '../support/threads/threads';
import { within } from '../support/within';

const TIMEOUT = { timeout: CEILING };

useChannel();
let two: Connection;
beforeEach(() => {
  two = open();
});

/** A queue that `connection` consumes; what comes is pushed to the list that is returned. */
function consumed(connection: Connection): { queue: string; seen: string[] } {
  const channel = connection.channel();
  const queue = privateQueue(channel);
  const seen: string[] = [];
  channel.basicConsume(queue, (message) => {
    seen.push(message.text);
    message.ack();
  });
  return { queue, seen };
}

describe('waitAny', () => {
  it('returns the connection for which something came, and dispatches nothing', () => {
    const { seen, queue } = consumed(two);
    consumed(one);
    using sender = open();
    sender.channel().basicPublish('hi', { routingKey: queue });
    sender.flush();
    expect(waitAny([one, two], TIMEOUT)).toEqual([two]);
    expect(seen).toEqual([]);
    expect(waitAny([one, two], TIMEOUT)).toEqual([two]); // still there
    two.drainEvents(TIMEOUT);
    expect(seen).toEqual(['hi']);
    expect(waitAny([one, two], { timeout: 50 })).toEqual([]);
  });

  it('returns all that have something, in the order given', () => {
    one.addCallbackThreadsafe(() => {});
    two.addCallbackThreadsafe(() => {});
    expect(waitAny([two, one], TIMEOUT)).toEqual([two, one]);
    expect(waitAny([one], TIMEOUT)).toEqual([one]);
  });

  it('wakes up for a timer when it is due', () => {
    let ran = 0;
    one.callLater(150, () => ran++);
    const ms = duration(() => expect(waitAny([one, two], TIMEOUT)).toEqual([one]));
    expect(ms).toBeGreaterThanOrEqual(149);
    expect(ms).toBeLessThan(150 + within(100));
    expect(ran).toBe(0);
    one.drainEvents({ timeout: 0 });
    expect(ran).toBe(1);
  });

  it('wakes up for a remote call', () => {
    const seen: unknown[] = [];
    new Remote(two.remote((value) => seen.push(value))).call('hello');
    expect(waitAny([one, two], TIMEOUT)).toEqual([two]);
    two.drainEvents(TIMEOUT);
    expect(seen).toEqual(['hello']);
  });

  it('returns a connection that is closed, now and later', () => {
    one.close();
    expect(waitAny([one, two], TIMEOUT)).toEqual([one]);
    expect(waitAny([two, one], TIMEOUT)).toEqual([one]);
    expect(thrownBy(() => one.drainEvents())).toBeInstanceOf(WrongStateError);
  });

  it('returns a connection that is lost meanwhile; drainEvents says why', () => {
    const { connection } = talk([...ready(), stall(200), cut()]);
    connection.channel();
    expect(waitAny([one, connection], TIMEOUT)).toEqual([connection]);
    expect(thrownBy(() => connection.drainEvents())).toBeInstanceOf(ConnectionLostError);
    expect(one.isAlive).toBe(true);
  });

  it('returns nothing when the time is up', () => {
    const ms = duration(() => expect(waitAny([one, two], { timeout: 200 })).toEqual([]));
    expect(ms).toBeGreaterThanOrEqual(199);
    expect(ms).toBeLessThan(200 + within(100));
    expect(duration(() => expect(waitAny([one, two], { timeout: 0 })).toEqual([]))).toBeLessThan(within(20));
  });

  it('ends when another thread interrupts it', () => {
    new Remote(two.remote()).interrupt();
    const error = thrownBy<AmqpError>(() => waitAny([one, two], TIMEOUT));
    expect(error).toBeInstanceOf(InterruptedError);
    expect(error.code).toBe('STOPPED');
    expect(waitAny([one, two], { timeout: 20 })).toEqual([]);
  });

  it.each<[string, unknown, unknown]>([
    ['nothing', undefined, undefined],
    ['no array', 'connections', undefined],
    ['an empty array', [], undefined],
    ['something else', [{}], undefined],
    ['null', [null], undefined],
    ['an unknown option', 'both', { timeOut: 5 }],
    ['a timeout that is none', 'both', { timeout: 'soon' }],
    ['NaN', 'both', { timeout: Number.NaN }],
    ['a negative timeout', 'both', { timeout: -1 }],
  ])('refuses %s', (_what, connections, options) => {
    const given = (connections === 'both' ? [one, two] : connections) as Connection[];
    expect(thrownBy(() => waitAny(given, options as object)).name).toMatch(/^(Type|Range)Error$/);
  });

  it('sleeps through nothing: thousands of messages from one connection to the other', () => {
    const ROUNDS = 3000;
    const channels = [one, two].map((connection) => connection.channel());
    const queues = channels.map((channel) => privateQueue(channel));
    let rounds = 0;
    for (const [index, channel] of channels.entries()) {
      const queue = queues[index]!;
      channel.basicConsume(
        queue,
        () => {
          rounds++;
          channel.basicPublish('ball', { routingKey: queues[1 - index]! });
        },
        { noAck: true },
      );
    }
    failOnLostWakeUp(one[SESSION].link); // which is the wakeSignal of both
    try {
      channels[0]!.basicPublish('ball', { routingKey: queues[1]! });
      while (rounds < ROUNDS) for (const connection of waitAny([one, two])) connection.drainEvents();
    } finally {
      realSleep();
    }
  });
});
