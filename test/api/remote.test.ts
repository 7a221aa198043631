/** `connection.remote()` and `Remote`: a connection as seen from another thread than its own. */

import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  type AmqpError,
  type Connection,
  InterruptedError,
  Remote,
  TimeoutError,
  WrongStateError,
} from '../../src';
import { SESSION } from '../../src/api/internals';
import { build } from '../support/built';
import {
  CEILING,
  count,
  drainUntil,
  duration,
  eventually,
  expectSilence,
  open,
  pause,
  privateQueue,
  thrownBy,
} from '../support/connect';
import { within } from '../support/within';

let connection: Connection;
beforeEach(() => {
  connection = open();
});

const workers: Worker[] = [];
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.terminate();
});

/**
 * Run `code` in a thread of its own, which has a `remote` of the connection; `callback` takes what it calls. It has begun
 * when this returns.
 */
function elsewhere(code: string, callback?: (value: unknown) => void): Worker {
  const handle = connection.remote(callback);
  const source = `
    const { workerData } = require('node:worker_threads');
    const { Remote } = require(workerData.library);
    const remote = new Remote(workerData.handle);
    Atomics.store(workerData.begun, 0, 1);
    Atomics.notify(workerData.begun, 0);
    const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    ${code}`;
  const begun = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(source, {
    eval: true,
    workerData: { handle, library: join(build(), 'src', 'index.js'), begun },
    transferList: [handle.port],
  });
  workers.push(worker);
  expect(Atomics.wait(begun, 0, 0, CEILING)).not.toBe('timed-out');
  return worker;
}

/** A remote in this very thread, for what needs no second one. */
const here = (callback?: (value: unknown) => void) => new Remote(connection.remote(callback));

describe('call', () => {
  it.each<[string, (ended: () => boolean) => void]>([
    ['drainEvents', (ended) => drainUntil(connection, ended)],
    ['loop', () => connection.loop({ timeout: within(500) })],
    ['sleep', () => connection.sleep(within(700))],
    [
      'an iterator',
      () => {
        const channel = connection.channel();
        for (const _ of channel.consume(privateQueue(channel), { timeout: within(700) }));
      },
    ],
  ])('runs the callback inside of %s, in order', (_what, serve) => {
    const seen: unknown[] = [];
    elsewhere('for (let i = 0; i < 100; i++) remote.call(i)', (value) => seen.push(value));
    serve(() => seen.length === 100);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('brings a copy of any value that can be cloned', () => {
    const seen: unknown[] = [];
    const remote = here((value) => seen.push(value));
    const job = { id: 1n, at: new Date(0), bytes: Uint8Array.of(1, 2), map: new Map([['a', [1]]]) };
    remote.call(job);
    remote.call();
    connection.drainEvents({ timeout: CEILING });
    connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual([job, undefined]);
    expect(seen[0]).not.toBe(job);
    expectSilence(connection);
  });

  it('wakes a blocked drainEvents at once', () => {
    let lag = Number.POSITIVE_INFINITY;
    elsewhere('pause(200); remote.call(Date.now())', (at) => {
      lag = Date.now() - Number(at);
    });
    connection.drainEvents({ timeout: CEILING });
    expect(lag).toBeLessThan(within(50));
  });

  it('never runs in the middle of another call', () => {
    const seen: unknown[] = [];
    const channel = connection.channel();
    here((value) => seen.push(value)).call('later');
    privateQueue(channel, 'a message');
    connection.flush();
    expect(seen).toEqual([]);
    connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual(['later']);
  });

  it('may block in its callback, whose error drainEvents throws', () => {
    const channel = connection.channel();
    const queue = privateQueue(channel);
    const remote = here((body) => {
      if (body === 'bad') throw new Error('mine');
      channel.basicPublish(String(body), { routingKey: queue });
      eventually(() => count(channel, queue) === 1);
    });
    remote.call('good');
    remote.call('bad');
    connection.drainEvents({ timeout: CEILING });
    expect(() => connection.drainEvents({ timeout: CEILING })).toThrow('mine');
    expect(channel.basicGet(queue, { noAck: true })?.text).toBe('good');
  });

  it('without a callback is an event all the same', () => {
    here().call('anything');
    connection.drainEvents({ timeout: CEILING });
  });

  it('throws in its own thread what cannot be cloned, and the next one arrives', () => {
    const seen: unknown[] = [];
    elsewhere(
      `try { remote.call(() => {}); } catch (error) { remote.call(error.name); }
       remote.call('next');`,
      (value) => seen.push(value),
    );
    drainUntil(connection, () => seen.length === 2);
    expect(seen).toEqual(['DataCloneError', 'next']);
    expectSilence(connection);
  });

  it('arrives also from a thread that ends right after it', () => {
    const seen: unknown[] = [];
    elsewhere('for (let i = 0; i < 1000; i++) remote.call(i); remote.close(); process.exit();', (value) =>
      seen.push(value),
    );
    drainUntil(connection, () => seen.length === 1000);
    expectSilence(connection);
  });

  it('10,000 from two threads all arrive, once, each in order', () => {
    const seen: [number[], number[]] = [[], []];
    for (const list of seen) {
      elsewhere(
        'for (let i = 0; i < 5000; i++) { remote.call(i); if (i % 100 === 0) pause(1); }',
        (value) => {
          list.push(Number(value));
        },
      );
    }
    drainUntil(connection, () => seen[0].length + seen[1].length >= 10_000);
    const expected = Array.from({ length: 5000 }, (_, i) => i);
    expect(seen).toEqual([expected, expected]);
    expectSilence(connection);
  });
});

describe('interrupt', () => {
  const STOPPED = { code: 'STOPPED', recoverable: true, outcome: 'unknown' };

  function expectStopped(call: () => unknown): void {
    const error = thrownBy<AmqpError>(call);
    expect(error).toBeInstanceOf(InterruptedError);
    expect(error).toMatchObject(STOPPED);
    expect(error.message).toBe('interrupted by another thread while waiting for the broker');
  }

  it('ends the wait under way, at once and once', () => {
    let at = 0;
    elsewhere('pause(200); remote.call(Date.now()); remote.interrupt()', (value) => {
      at = Number(value);
    });
    connection.drainEvents({ timeout: CEILING });
    expectStopped(() => connection.drainEvents({ timeout: CEILING }));
    expect(Date.now() - at).toBeLessThan(within(100));
    expectSilence(connection);
    expect(connection.isAlive).toBe(true);
  });

  it('ends the next wait when none is under way', () => {
    const remote = here();
    remote.interrupt();
    remote.interrupt(); // twice is once
    expectStopped(() => connection.sleep(CEILING));
    expectSilence(connection);
  });

  it.each<[string, (queue: string) => unknown]>([
    ['drainEvents', () => connection.drainEvents()],
    ['loop', () => connection.loop()],
    ['an iterator', (queue) => [...connection.channel().consume(queue, { noAck: true })]],
  ])('ends %s also when it never has to wait', (_what, serve) => {
    const channel = connection.channel();
    const queue = privateQueue(channel, 'one', 'two');
    channel.basicConsume(queue, (message) => {
      message.nack(); // and here it comes again
    });
    connection.drainEvents({ timeout: CEILING });
    elsewhere('pause(100); remote.interrupt()');
    expectStopped(() => {
      const deadline = performance.now() + CEILING;
      while (performance.now() < deadline) serve(queue);
    });
  });

  it('takes no reply away from its call, nor gives it to another', () => {
    const channel = connection.channel();
    const queue = privateQueue(channel, ...Array.from({ length: 20 }, (_, i) => String(i)));
    const remote = here();
    let interrupted = 0;
    const got = new Set<string>();
    for (let round = 0; got.size < 20 && round < 1000; round++) {
      try {
        if (round % 3 === 1) remote.interrupt();
        expect(channel.queueDeclare(queue, { passive: true }).queue).toBe(queue);
        if (round % 3 === 2) remote.interrupt();
        const message = channel.basicGet(queue);
        if (message === null) continue;
        got.add(message.text);
        message.ack();
      } catch (error) {
        expect(error).toMatchObject(STOPPED);
        interrupted++;
      }
    }
    expect(interrupted).toBeGreaterThan(0);
    expect(got.size).toBe(20);
    try {
      connection.loop({ timeout: 0 }); // the last call may have had nothing to wait for
    } catch (error) {
      expect(error).toMatchObject(STOPPED);
    }
    eventually(() => count(channel, queue) === 0);
  });

  it('lets close finish: nothing published is lost, and the next wait is what ends', () => {
    const other = open();
    const watcher = other.channel();
    const channel = connection.channel();
    const queue = privateQueue(watcher);
    const remote = here();
    for (let i = 0; i < 5000; i++) channel.basicPublish(String(i), { routingKey: queue });
    remote.interrupt();
    connection.close();
    expect(connection.lastError?.code).toBe('CLOSED');
    let stopped = 0;
    try {
      other.drainEvents({ timeout: 100 });
    } catch (error) {
      if (!(error instanceof TimeoutError)) expect(error).toMatchObject(STOPPED);
      stopped++;
    }
    expect(stopped).toBe(1);
    eventually(() => count(watcher, queue) === 5000);
  });
});

describe('the end', () => {
  it('of the connection makes remote() refuse, and a call do nothing', () => {
    const seen: unknown[] = [];
    const remote = here((value) => seen.push(value));
    connection.close();
    remote.call('too late');
    expect(seen).toEqual([]);
    expect(thrownBy(() => connection.drainEvents())).toBeInstanceOf(WrongStateError);
    expect(seen).toEqual([]);
    const error = thrownBy<AmqpError>(() => connection.remote());
    expect(error).toBeInstanceOf(WrongStateError);
    expect(error.message).toBe(
      'remote is not possible, the connection is closed: the connection was closed by this program',
    );
  });

  it('of the remote lets what was called before arrive, and nothing after it', () => {
    const seen: unknown[] = [];
    const remote = here((value) => seen.push(value));
    remote.call('before');
    remote.close();
    remote.call('after');
    remote.close();
    connection.drainEvents({ timeout: CEILING });
    expectSilence(connection);
    expect(seen).toEqual(['before']);
  });

  it('of the thread that has the remote changes nothing', async () => {
    const worker = elsewhere('remote.call("here")');
    connection.drainEvents({ timeout: CEILING });
    await worker.terminate();
    pause(10);
    expectSilence(connection);
    expect(connection.channel().isOpen).toBe(true);
  });

  it('of the remote is forgotten by the connection, after what it sent', () => {
    const seen: unknown[] = [];
    for (let each = 0; each < 100; each++) {
      const remote = here((value) => seen.push(value));
      remote.call(each);
      remote.close();
    }
    connection.loop({ timeout: 50 });
    expect(seen).toHaveLength(100);
    expect(connection[SESSION].dispatcher.mailboxes).toBe(0);
  });

  it('of the connection leaves none of many remotes behind', () => {
    const seen: unknown[] = [];
    const remotes = Array.from({ length: 50 }, (_, id) => here((value) => seen.push([id, value])));
    for (const remote of remotes) remote.call('hi');
    drainUntil(connection, () => seen.length === 50);
    expect(new Set(seen.map((each) => JSON.stringify(each))).size).toBe(50);
    expect(duration(() => connection.close())).toBeLessThan(within(1000));
  });
});

describe('wrong arguments', () => {
  it.each([undefined, null, 5, 'handle', {}, { posted: 1, bell: 2 }, []])(
    'are refused by new Remote: %p',
    (handle) => {
      expect(() => new Remote(handle as never)).toThrow(TypeError);
      expect(() => new Remote(handle as never)).toThrow(
        'Remote needs the handle that connection.remote() gave, got ',
      );
    },
  );

  it('are a handle without its port, too', () => {
    const { posted, bell } = connection.remote();
    expect(() => new Remote({ posted, bell } as never)).toThrow(TypeError);
  });

  it.each(['x', {}, null])('are refused by connection.remote: %p', (callback) => {
    expect(() => connection.remote(callback as never)).toThrow(TypeError);
  });
});
