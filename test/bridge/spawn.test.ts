import { spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { STATE } from '../../src/bridge/layout';
import { Link } from '../../src/bridge/link';
import { spawnWorker, type WorkerThread } from '../../src/bridge/spawn';
import type { BrokerCall, BrokerReply } from '../../src/broker/control';
import type { ControlCall, ControlReply } from '../../src/contract/control';
import { serverOptions } from '../../src/embedded/options';
import { startBroker } from '../../src/embedded/start-broker';
import { built } from '../support/built';
import { waitForFreeThread } from '../support/threads/spawned';

const started: Worker[] = [];
const seen = (message: unknown) => started.push((message as { worker: Worker }).worker);
beforeAll(() => subscribe('worker_threads', seen));
afterAll(() => unsubscribe('worker_threads', seen));
afterEach(() => Promise.all(started.splice(0).map((worker) => worker.terminate())));

/** The thread of a connection, before it was told to connect: what there is to spawn in this package. */
const spawn = () => spawnWorker<ControlCall<never>, ControlReply<never>>('connection/thread', 30_000);

/** Block until the thread behind the doorbell is gone; returns the state that is left. */
function waitForEnd({ doorbell }: Pick<WorkerThread<never, never>, 'doorbell'>): number {
  const link = new Link(1024, false, 60_000);
  link.attach(doorbell);
  link.waitReadable(link.state, performance.now() + 20_000);
  return link.state;
}

test('a missing file is reported at once, by name', () => {
  const missing = built('worker/connection/nowhere');
  expect(() => spawnWorker('connection/nowhere', 30_000)).toThrow(`worker file not found at ${missing}`);
  expect(started).toEqual([]);
});

test('a thread answers calls while this one blocks', () => {
  const thread = spawn();
  expect(thread.call({ call: 'describe' })).toBeUndefined();
  expect(thread.call({ call: 'describe' })).toBeUndefined();
  expect(started.length).toBe(1);
});

test('a program may have put a getter in the place of the Worker: it serves, and is there again', () => {
  const module = require('node:worker_threads') as object;
  const before = Object.getOwnPropertyDescriptor(module, 'Worker')!;
  const own = {
    get: () => before.value as typeof Worker,

    enumerable: true,
    configurable: true,
  };
  Object.defineProperty(module, 'Worker', own);
  try {
    expect(spawn().call({ call: 'describe' })).toBeUndefined();
    expect(Object.getOwnPropertyDescriptor(module, 'Worker')?.get).toBe(own.get);
  } finally {
    Object.defineProperty(module, 'Worker', before);
  }
});

test('every connection has a thread of its own', () => {
  const [one, other] = [spawn(), spawn()];
  one.call({ call: 'describe' });
  one.terminate();
  expect(waitForEnd(one)).toBe(STATE.DEAD);
  expect(other.call({ call: 'describe' })).toBeUndefined();
});

test('terminate ends the thread and frees it', async () => {
  const thread = spawn();
  thread.call({ call: 'describe' });
  const [worker] = started;
  const exit = new Promise((resolve) => worker!.once('exit', resolve));
  thread.terminate();
  expect(waitForEnd(thread)).toBe(STATE.DEAD);
  await exit;
  expect(worker!.threadId).toBe(-1);
  expect(thread.doorbell.postMessage(0)).not.toBe(true);
});

test('terminate ends a thread that has not even started', async () => {
  const thread = spawn();
  const exit = new Promise((resolve) => started[0]!.once('exit', resolve));
  thread.terminate();
  await exit;
});

test('a thread that cannot start is reported by the first call', () => {
  // a script, not a thread: without its argument it throws while it is loaded
  const thread = spawnWorker<string, never>('../test/support/programs/sleeping-child', 30_000);
  const began = performance.now();
  expect(() => thread.call('hello')).toThrow(/JSON|undefined/);
  expect(performance.now() - began).toBeLessThan(15_000); // by far: the call's limit is 30 s
});

describe('a thread that has finished its task', () => {
  /** One that serves an embedded broker, after the broker has been closed. */
  function finished(): Worker {
    startBroker().close();
    return started.at(-1)!;
  }
  const gone = (worker: Worker) => new Promise((resolve) => worker.once('exit', resolve));

  test('serves the next one', () => {
    finished();
    waitForFreeThread();
    using broker = startBroker();
    expect(started).toHaveLength(1);
    expect(broker.queues()).toEqual([]); // and knows nothing of the one before
    using other = startBroker();
    expect(started).toHaveLength(2);
    expect(other.port).not.toBe(broker.port);
  });

  test('ends by itself when nobody needs it', async () => {
    const end = gone(finished());
    await end;
    startBroker().close();
    expect(started).toHaveLength(2);
  });

  test('is not for a program whose environment has changed: its own is a copy of the old one', () => {
    finished();
    waitForFreeThread();
    process.env.AMQP_SYNC_TEST = 'changed';
    startBroker().close();
    delete process.env.AMQP_SYNC_TEST;
    expect(started).toHaveLength(2);
  });

  test('is not for a task that gives its calls more time', async () => {
    const options = serverOptions({});
    const run = (timeout: number) => {
      const thread = spawnWorker<BrokerCall, BrokerReply>('broker/thread', timeout);
      thread.call({ call: 'start', options });
      thread.call({ call: 'close' });
      waitForFreeThread();
    };
    run(20_000);
    run(30_000);
    expect(started).toHaveLength(2);
    run(20_000);
    expect(started).toHaveLength(2);
  });

  test('belongs to its next task: whoever had it before cannot end it, nor ring its wakeSignal', () => {
    const first = spawnWorker<BrokerCall, BrokerReply>('broker/thread', 30_000);
    const options = serverOptions({});
    first.call({ call: 'start', options });
    first.call({ call: 'close' });
    waitForFreeThread();
    const second = spawnWorker<BrokerCall, BrokerReply>('broker/thread', 30_000);
    expect(second.call({ call: 'start', options })).toMatchObject({ ok: expect.any(Number) });
    first.terminate();
    expect(first.doorbell.postMessage(0)).not.toBe(true);
    expect(second.call({ call: 'queues' })).toEqual({ ok: [] });
    expect(second.doorbell.postMessage(0)).toBe(true);
    expect(started).toHaveLength(1);
  });
});

test('a thread does not keep the process alive', () => {
  const script = `
    const { spawnWorker } = require('./src/bridge/spawn.ts');
    const thread = spawnWorker('connection/thread', 30_000);
    console.log(thread.call({ call: 'describe' }));`;
  const { stdout, stderr, status, error } = spawnSync(
    process.execPath,
    ['-r', 'ts-node/register/transpile-only', '-e', script],
    { cwd: join(__dirname, '../..'), encoding: 'utf8', timeout: 120_000 },
  );
  expect({ stdout, stderr, status, error }).toEqual({ stdout: 'undefined\n', stderr: '', status: 0 });
});
