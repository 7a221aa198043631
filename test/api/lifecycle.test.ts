/** Closing and opening again, channel numbers, and what a script owes its broker when it ends. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type AmqpError, ConnectionClosedError, WrongStateError } from '../../src';
import { PARTS } from '../../src/api/internals';
import { build } from '../support/built';
import { channel, connection, queue, useChannel, useQueue } from '../support/channel';
import {
  CEILING,
  count,
  duration,
  eventually,
  open,
  privateQueue,
  shared,
  sharedQueue,
  takeAll,
  thrownBy,
  unique,
} from '../support/connect';
import { within } from '../support/within';

describe('connection.close', () => {
  it('sends what was published first, returns when the broker has answered, and is idempotent', () => {
    const connection = open();
    const channel = connection.channel();
    const queue = sharedQueue(channel);
    for (let i = 0; i < 1000; i++) channel.basicPublish(String(i), { routingKey: queue });
    expect(duration(() => connection.close())).toBeLessThan(within(2000));
    expect([connection.isOpen, connection.isAlive, channel.isOpen]).toEqual([false, false, false]);
    expect(connection.channels.size).toBe(0);
    expect(connection.stats().state).toBe('closed');
    for (const again of [() => connection.close(), () => connection.abort(), () => channel.close()])
      expect(duration(again)).toBeLessThan(within(50));

    const other = shared().channel();
    eventually(() => count(other, queue) === 1000); // RabbitMQ 4 may still be handing them to the queue
    expect(takeAll(other, queue).length).toBe(1000);
    other.queueDelete(queue);
  });

  it('is why later calls fail', () => {
    const connection = open();
    const channel = connection.channel();
    connection.close({ replyCode: 200, replyText: 'Goodbye' });
    const { lastError } = connection;
    expect(lastError).toBeInstanceOf(ConnectionClosedError);
    expect(lastError).toMatchObject({ code: 'CLOSED', message: 'the connection was closed by this program' });
    const calls: [string, () => void][] = [
      ['basic.get', () => channel.basicGet('x')],
      ['basic.publish', () => channel.basicPublish('x')],
      ['channel.open', () => connection.channel()],
      ['drainEvents', () => connection.drainEvents()],
      ['loop', () => connection.loop()],
      ['flush', () => connection.flush()],
      ['connection.update-secret', () => connection.updateSecret('x')],
    ];
    for (const [what, call] of calls) {
      let error!: WrongStateError;
      const took = duration(() => {
        error = thrownBy(call);
      });
      expect(took).toBeLessThan(within(50));
      expect(error).toBeInstanceOf(WrongStateError);
      expect(error).toMatchObject({ code: 'CONNECTION_CLOSED', outcome: 'not-sent' });
      expect(error.cause).toBe(lastError);
      expect(error.message).toContain(what);
    }
  });

  it('inside a callback ends it all, and the pump says so', () => {
    const connection = open();
    const channel = connection.channel();
    const queue = privateQueue(channel, 'last', 'never seen');
    const seen: string[] = [];
    channel.basicConsume(queue, (message) => {
      seen.push(message.text);
      connection.close();
    });
    connection.drainEvents({ timeout: CEILING });
    expect(() => connection.drainEvents({ timeout: CEILING })).toThrow(WrongStateError);
    expect(seen).toEqual(['last']);
  });

  it('timeout 0: the socket is put down at once', () => {
    const connection = open();
    const queue = privateQueue(connection.channel());
    expect(duration(() => connection.close({ timeout: 0 }))).toBeLessThan(within(500));
    expect(connection.isOpen).toBe(false);
    eventually(() => {
      using channel = shared().channel();
      return thrownBy<AmqpError>(() => channel.basicGet(queue)).replyCode === 404; // 405 while it lives on
    });
  });
});

describe('connection.abort', () => {
  it('puts the socket down without a word: the broker requeues what was unsettled', () => {
    const connection = open();
    const channel = connection.channel();
    const queue = sharedQueue(channel, 'unsettled');
    channel.basicGet(queue);
    expect(duration(() => connection.abort())).toBeLessThan(within(500));
    expect(connection.lastError).toMatchObject({ code: 'ABORTED' });
    expect(() => channel.basicGet(queue)).toThrow(WrongStateError);
    const other = shared().channel();
    eventually(() => count(other, queue) === 1);
    expect(other.basicGet(queue)?.redelivered).toBe(true);
    other.queueDelete(queue);
  });
});

describe('channels', () => {
  useChannel();

  it('get numbers in turn: those that were never used, then the one that was given back first', () => {
    const few = open({ channelMax: 4 });
    const ids = (count: number) => Array.from({ length: count }, () => few.channel().id);
    expect(ids(3)).toEqual([1, 2, 3]);
    for (const id of [3, 1]) few.channel(id).close();
    expect(ids(3)).toEqual([4, 3, 1]);
    expect([...few.channels.keys()].sort()).toEqual([1, 2, 3, 4]);
    expect(() => few.channel()).toThrow('all 4 channels of the connection are in use');
    few.channel(2).close();
    expect(few.channel().id).toBe(2);
  });

  it('get the number asked for; one that is in use is that channel', () => {
    const channel = connection.channel(700);
    expect(channel.id).toBe(700);
    expect(connection.channel(700)).toBe(channel);
    expect(connection.channel().id).not.toBe(700);
    channel.close();
    expect(connection.channel(700)).not.toBe(channel);
  });

  it('that the broker closed give their number back as well', () => {
    const channel = connection.channel();
    expect(() => channel.basicGet(unique('missing'))).toThrow('404');
    expect(privateQueue(connection.channel())).toMatch(/^amq\.gen/);
    expect(privateQueue(connection.channel(channel.id))).toMatch(/^amq\.gen/);
  });

  it('can be opened and closed for ever', () => {
    const few = open({ channelMax: 7 });
    for (let i = 0; i < 300; i++) few.channel().close();
    expect(few.channel().id).toBe((300 % 7) + 1);
  });

  it('close once however often they are told, in bounded time, and the broker requeues what was unsettled', () => {
    const channel = connection.channel();
    const other = connection.channel();
    const queue = privateQueue(other, 'unsettled');
    channel.basicGet(queue);
    channel.close({ replyCode: 200, replyText: 'done', timeout: CEILING });
    channel.close();
    eventually(() => count(other, queue) === 1);
  });

  it('close with timeout 0: closed at once; the number is free when the broker has answered', () => {
    const channel = connection.channel();
    expect(duration(() => channel.close({ timeout: 0 }))).toBeLessThan(within(50));
    expect(channel.isOpen).toBe(false);
    expect(() => channel.basicGet('x')).toThrow(WrongStateError);
    eventually(() => {
      connection.flush();
      return connection.isAlive && !connection.channels.has(channel.id);
    });
    expect(connection.channel(channel.id).isOpen).toBe(true);
  });

  it('closing one with messages under way disturbs nothing', () => {
    const other = connection.channel();
    const queue = privateQueue(other, ...Array.from({ length: 200 }, String));
    for (let i = 0; i < 5; i++) {
      const channel = connection.channel();
      channel.basicConsume(queue, () => {});
      channel.close();
    }
    eventually(() => count(other, queue) === 200);
    expect(connection.isAlive).toBe(true);
    connection.loop({ timeout: 0 });
  });

  it('reopen: a new life under the same number, without consumers, prefetch and mode', () => {
    const channel = connection.channel();
    const { id } = channel;
    const queue = privateQueue(channel);
    channel.confirmSelect();
    channel.basicConsume(queue, () => {});
    channel.close();
    channel.reopen();
    expect(channel).toMatchObject({ isOpen: true, id, mode: 'none', consumerTags: [] });
    expect(channel[PARTS].session.openings).toBe(2);
    channel.reopen(); // open already
    expect(channel[PARTS].session.openings).toBe(2);
    expect(channel.queueDeclare(queue, { passive: true }).consumerCount).toBe(0);
  });
});

describe('channelMax', () => {
  it('is the end of numbers: WrongStateError here, where the broker would close the connection', () => {
    const connection = open({ channelMax: 3 });
    const channels = [1, 2, 3].map(() => connection.channel());
    const error = thrownBy(() => connection.channel());
    expect(error).toBeInstanceOf(WrongStateError);
    expect(error).toMatchObject({ code: 'NO_FREE_CHANNEL', outcome: 'not-sent' });
    expect(error.message).toBe('all 3 channels of the connection are in use');
    expect(() => connection.channel(4)).toThrow(RangeError);
    channels[1]?.close();
    expect(connection.channel().id).toBe(2);
    expect(connection.isAlive).toBe(true);
  });

  it('2047 are possible with RabbitMQ', () => {
    const connection = open();
    const channel = connection.channel(2047);
    expect(privateQueue(channel)).toMatch(/^amq\.gen/);
  });
});

describe('a script that ends without close', () => {
  useQueue();

  /** Run a script that has published "farewell" when it comes to `end`. */
  function run(end: string) {
    const script = `
      const { connect } = require(${JSON.stringify(join(build(), 'src'))});
      const connection = connect();
      const channel = connection.channel();
      for (let i = 0; i < 100; i++) channel.basicPublish('farewell ' + i, { routingKey: ${JSON.stringify(queue)} });
      ${end}`;
    return spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 150_000 });
  }

  it.each<[string, string, number]>([
    ['at its last line', '', 0],
    ['at its last line, with process.exitCode', 'process.exitCode = 4;', 4],
    ['by process.exit(3)', 'process.exit(3);', 3],
    ['by an uncaught throw', 'throw new Error("uncaught");', 1],
    ['by an unhandled rejection', 'Promise.reject(new Error("unhandled"));', 1],
  ])('%s: has sent everything, ends, and keeps its exit code', (_how, end, status) => {
    const result = run(end);
    expect(result.signal).toBeNull();
    expect(result.status).toBe(status);
    if (status === 0) expect(result.stdout + result.stderr).toBe('');
    else if (status === 1) expect(result.stderr).toMatch(/Error: (uncaught|unhandled)/);
    eventually(() => count(channel, queue) === 100);
    expect(takeAll(channel, queue).length).toBe(100);
  });

  it('closes politely: the broker has nothing to wonder about', () => {
    const result = run(`
      connection.onClose = (error) => console.log(connection.isOpen, error.code);`);
    expect(result.stdout).toBe('false CLOSED\n');
  });
});
