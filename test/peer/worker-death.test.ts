import { type ChildProcess, spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { type Channel, Connection, WorkerCrashedError, WorkerStalledError, WrongStateError } from '../../src';
import { resolveOptions } from '../../src/client/options/settings';
import { build } from '../support/built';
import {
  AT_ONCE,
  broker,
  CEILING,
  connectTo,
  duration,
  ended,
  failureOf,
  pause,
} from '../support/peers/peer';
import {
  beat,
  expects,
  handshake,
  header,
  loop,
  opened,
  reading,
  ready,
  type Script,
  send,
  serve,
  stall,
  touch,
} from '../support/peers/script';

const HOOK = join(__dirname, '..', 'support', 'programs', 'worker-fault.cjs');
const CHILD = join(__dirname, '..', 'support', 'programs', 'blocked-child.cjs');
/** Milliseconds from the broker's last step to the fault: the call that it is about sleeps by then. */
const LATER = 150;

let folder: string;
let timeOfDeath: string;
/** The file that starts the clock of a fault. */
let go: string;
const { env } = process;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-death-'));
  timeOfDeath = join(folder, 'at');
  go = join(folder, 'go');
});
afterEach(() => {
  process.env = env;
  rmSync(folder, { recursive: true });
});

/** Workers that start from now on die so: `LATER`, once a script has touched `go`, or while they load. */
function faultEnv(fault: string, ms = LATER): NodeJS.ProcessEnv {
  return {
    ...env,
    NODE_OPTIONS: `--require ${HOOK}`,
    AMQP_SYNC_FAULT: fault,
    AMQP_SYNC_FAULT_MS: String(ms),
    AMQP_SYNC_FAULT_GO: go,
    AMQP_SYNC_FAULT_AT: timeOfDeath,
  };
}

/** Connect with a worker that dies a moment after these steps; later ones live. */
function doomed(
  fault: string,
  steps: Script = [],
  cue: Script = [touch(go)],
): { connection: Connection; channel: Channel } {
  process.env = faultEnv(fault);
  const connection = connectTo(broker([...ready(), ...steps, ...cue, serve()], [...ready(), serve()]));
  process.env = env;
  return { connection, channel: connection.channel() };
}

const sinceDeath = () => Date.now() - Number(readFileSync(timeOfDeath, 'utf8'));

/** The worker has died in the middle of a call. */
function expectCrash(error: Error): void {
  expect(sinceDeath()).toBeLessThan(AT_ONCE);
  expect(error).toBeInstanceOf(WorkerCrashedError);
  expect(error).toMatchObject({ outcome: 'unknown' });
}

/** The connection sends no more, and fails quickly. */
function expectOver(connection: Connection, channel: Channel): void {
  for (const call of [
    () => channel.queuePurge('q'),
    () => channel.basicPublish('x'),
    () => connection.drainEvents(),
  ]) {
    const { error: later, ms } = failureOf(call);
    expect(later).toBeInstanceOf(WrongStateError);
    expect(later.cause).toBe(connection.lastError);
    expect(ms).toBeLessThan(AT_ONCE);
  }
  expect(duration(() => channel.close())).toBeLessThan(AT_ONCE);
  expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
}

/** The thread that is started during `fn`: never one that has finished with an earlier task, whose environment differs. */
function workersOf<T>(fn: () => T, created: (worker: Worker) => void): T {
  let count = 0;
  const seen = (message: unknown) => {
    count++;
    created((message as { worker: Worker }).worker);
  };
  subscribe('worker_threads', seen);
  process.env = { ...process.env, AMQP_SYNC_FRESH: folder };
  try {
    return fn();
  } finally {
    process.env = env;
    unsubscribe('worker_threads', seen);
    expect(count).toBe(1);
  }
}

describe('a worker that dies while this thread waits', () => {
  test.each(['throw', 'reject', 'exit', 'overflow'])('%s: an error at once, not a hang', (fault) => {
    const { connection, channel } = doomed(fault);
    const { error } = failureOf(() => connection.drainEvents({ timeout: CEILING }));
    expect(sinceDeath()).toBeLessThan(AT_ONCE);
    expect(error).toBeInstanceOf(WorkerCrashedError);
    expect(error).toMatchObject({
      code: 'WORKER_CRASHED',
      origin: 'worker',
      outcome: 'unknown',
      recoverable: true,
    });
    if (fault === 'throw' || fault === 'reject') expect(`${error.message} ${error.cause}`).toContain('boom');
    if (fault === 'overflow') expect(error.message).toContain('RangeError');
    expectOver(connection, channel);
    const again = connectTo(broker([...ready(), serve()]));
    expect(again.channel().queueDeclare('q').queue).toBe('q');
  });

  test.each<[string, Script, (channel: Channel) => unknown]>([
    [
      'a reply',
      [expects('basic.get')],
      (channel) => channel.basicGet('q', { timeout: Number.POSITIVE_INFINITY }),
    ],
    [
      'a confirm',
      [expects('confirm.select'), send('confirm.select-ok'), expects('basic.publish')],
      (channel) => {
        channel.confirmSelect();
        channel.basicPublish('x', { routingKey: 'q', timeout: Number.POSITIVE_INFINITY });
      },
    ],
  ])('ends the wait for %s', (_, steps, call) => {
    const { channel } = doomed('exit', steps);
    const { error } = failureOf(() => call(channel));
    expectCrash(error);
  });

  test.each<[string, number]>([
    ['room', 100_000],
    ['room for half a message', 64 * 2 ** 20],
  ])('ends the wait for %s', (_, size) => {
    // a broker that reads no more says nothing more either: the clock of the fault is started here
    const { channel } = doomed('exit', [reading(false)], []);
    const body = Buffer.alloc(size);
    writeFileSync(go, '');
    const { error } = failureOf(() => {
      for (;;) channel.basicPublish(body, { timeout: Number.POSITIVE_INFINITY });
    });
    expectCrash(error);
  });

  test('ended from outside, without a word: the same', () => {
    let worker: Worker | undefined;
    const peer = broker([...ready(), serve()]);
    const connection = workersOf(
      () => connectTo(peer),
      (created) => {
        worker = created;
      },
    );
    const channel = connection.channel();
    void worker?.terminate();
    const { error, ms } = failureOf(() => connection.drainEvents({ timeout: CEILING }));
    expect(ms).toBeLessThan(AT_ONCE);
    expect(error).toBeInstanceOf(WorkerCrashedError);
    expectOver(connection, channel);
  });

  test('another connection of this thread that is busy all the time does not hide it', () => {
    const busy = connectTo(
      broker([...ready(), loop([send('connection.blocked', { reason: 'x' }), stall(20)])]),
    );
    busy.channel();
    let worker: Worker | undefined;
    const peer = broker([...ready(), serve()]);
    const connection = workersOf(
      () => connectTo(peer),
      (created) => {
        worker = created;
      },
    );
    connection.channel();
    void worker?.terminate();
    const { error, ms } = failureOf(() => connection.drainEvents({ timeout: CEILING }));
    expect(error).toBeInstanceOf(WorkerCrashedError);
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test.each<[string, (connection: Connection, channel: Channel) => unknown]>([
    ['stats', (connection) => connection.stats()],
    ['close', (connection) => connection.close()],
    ['abort', (connection) => connection.abort()],
    ['channel.close', (_, channel) => channel.close()],
    ['flush', (connection) => connection.flush()],
  ])('ended from outside: %s does not take long either', (_, call) => {
    let worker: Worker | undefined;
    const peer = broker([...ready(), serve()]);
    const connection = workersOf(
      () => connectTo(peer),
      (created) => {
        worker = created;
      },
    );
    const channel = connection.channel();
    void worker?.terminate();
    pause(50);
    const ms = duration(() => {
      try {
        call(connection, channel);
      } catch (error) {
        expect(error).toBeInstanceOf(WorkerCrashedError);
      }
    });
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('an endless loop: stalled, and ended for it', async () => {
    let worker: Worker | undefined;
    const { url } = broker([...ready(), touch(go), serve()]);
    process.env = faultEnv('loop');
    const settings = { ...resolveOptions(url), stallTimeout: 1000 };
    const connection = workersOf(
      () => new Connection(settings),
      (created) => {
        worker = created;
      },
    );
    process.env = env;
    const channel = connection.channel();
    const { error } = failureOf(() => connection.drainEvents({ timeout: CEILING }));
    expect(error).toBeInstanceOf(WorkerStalledError);
    expect(error).toMatchObject({
      code: 'WORKER_STALLED',
      origin: 'worker',
      outcome: 'unknown',
      recoverable: true,
    });
    expect(sinceDeath()).toBeGreaterThan(900);
    expect(sinceDeath()).toBeLessThan(AT_ONCE);
    expectOver(connection, channel);
    for (let turn = 0; worker?.threadId !== -1 && turn < 1200; turn++) await delay(50);
    expect(worker?.threadId).toBe(-1); // it does not burn a processor for ever
    await worker?.terminate();
  });
});

describe('a worker that dies while this thread does something else', () => {
  test('the next call says so', () => {
    const { connection, channel } = doomed('throw');
    ended(connection);
    const { error, ms } = failureOf(() => channel.queuePurge('q'));
    expect(error).toBeInstanceOf(WorkerCrashedError);
    expect(ms).toBeLessThan(AT_ONCE);
    expectOver(connection, channel);
  });

  test('publishes say so, at the latest the second', () => {
    const { connection, channel } = doomed('exit');
    ended(connection);
    const { error, ms } = failureOf(() => {
      for (let count = 0; count < 2; count++) channel.basicPublish('x', { routingKey: 'q' });
    });
    expect(error).toBeInstanceOf(WorkerCrashedError);
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('isAlive is false at once', () => {
    const { connection } = doomed('exit');
    ended(connection);
    expect(connection.isAlive).toBe(false);
    expect(connection.lastError).toBeInstanceOf(WorkerCrashedError);
  });
});

describe('a worker that never comes to life', () => {
  test.each(['throw', 'exit', 'reject', 'overflow'])('%s while it loads: an error at once', (fault) => {
    process.env = faultEnv(fault, 0);
    const { error, ms } = failureOf(() => connectTo(broker([])));
    expect(error).toBeInstanceOf(WorkerCrashedError);
    expect(error).toMatchObject({ outcome: 'not-sent' });
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('a NODE_OPTIONS that cannot be loaded', () => {
    process.env = { ...env, NODE_OPTIONS: '--require /nowhere/hook.cjs' };
    const { error, ms } = failureOf(() => connectTo(broker([])));
    expect(error).toBeInstanceOf(WorkerCrashedError);
    expect(error.message).toContain('/nowhere/hook.cjs');
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test.each(['throw', 'exit'])('%s in the middle of the handshake', (fault) => {
    process.env = faultEnv(fault);
    const { error } = failureOf(() => connectTo(broker([header(), beat(50), touch(go)])));
    expect(error).toBeInstanceOf(WorkerCrashedError);
    expect(error).toMatchObject({ outcome: 'not-sent' });
    expect(sinceDeath()).toBeLessThan(AT_ONCE);
  });

  test('ended from outside in the moment it starts: nobody can know, but connectTimeout holds', () => {
    const peer = broker([]);
    const options = { connectTimeout: 1000 };
    const { error, ms } = failureOf(() =>
      workersOf(
        () => connectTo(peer, options),
        (worker) => void worker.terminate(),
      ),
    );
    expect(error.name).toMatch(/ConnectError|WorkerCrashedError/);
    expect(error).toMatchObject({ outcome: 'not-sent' });
    expect(error.message).toContain('worker');
    expect(ms).toBeLessThan(1000 + AT_ONCE);
  });
});

describe('a program of its own', () => {
  /** Run the child; resolves with what it says, and its exit code. */
  async function run(options: {
    args?: string[];
    env?: NodeJS.ProcessEnv;
    script: Script;
    timeout: number;
    meanwhile?: (child: ChildProcess) => Promise<void>;
  }) {
    const { url } = broker(options.script);
    const library = join(build(), 'src', 'index.js');
    const child = spawn(
      process.execPath,
      [...(options.args ?? []), CHILD, library, url, String(options.timeout)],
      {
        env: options.env ?? env,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const guard = setTimeout(() => child.kill('SIGKILL'), 120_000);
    let out = '';
    let err = '';
    child.stdout.on('data', (text) => {
      out += text;
    });
    child.stderr.on('data', (text) => {
      err += text;
    });
    const exited = once(child, 'close');
    await Promise.race([once(child.stdout, 'data'), exited]);
    await options.meanwhile?.(child);
    const [code] = await exited;
    clearTimeout(guard);
    const said = JSON.parse(out.split('\n')[1] || '{}') as {
      outcome?: string;
      at?: number;
      after?: string[];
    };
    return { code, err, ...said };
  }

  test('whose worker runs out of memory', async () => {
    const { code, outcome, at, after } = await run({
      args: ['--max-old-space-size=64'],
      env: faultEnv('memory'),
      script: [...ready(), touch(go), serve()],
      timeout: 60_000,
    });
    expect(outcome).toBe('WorkerCrashedError');
    expect(after).toEqual(['WrongStateError', 'WrongStateError']);
    expect(code).toBe(0);
    expect((at ?? 0) - Number(readFileSync(timeOfDeath, 'utf8'))).toBeLessThan(30_000); // most of it is the dying
  });

  test('that is suspended and goes on has no dead worker', async () => {
    const { outcome, after, code } = await run({
      script: [...handshake(), ...opened(), serve()],
      timeout: 3000,
      async meanwhile(child) {
        await delay(300);
        child.kill('SIGSTOP');
        await delay(1500);
        child.kill('SIGCONT');
      },
    });
    expect(outcome).toBe('TimeoutError');
    expect(after).toEqual([]);
    expect(code).toBe(0);
  });
});
