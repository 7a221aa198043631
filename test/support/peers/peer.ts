/**
 * Connections to scripted brokers. jest cannot time out a test whose thread sleeps: every call has a
 * limit of its own, a test that hangs all the same is killed, and what a test leaves open is put
 * down after it. A broker that did not get what its script expects fails the test.
 */

import { type AmqpError, type Connection, type ConnectOptions, connect } from '../../../src';
import { SESSION } from '../../../src/api/internals';
import { STATE } from '../../../src/bridge/layout';
import { waitForFreeThread } from '../threads/spawned';
import { slowness, within } from '../within';
import { handshake, type Script, serve } from './script';
import { type ScriptedBroker, scriptedBroker, watchTest } from './scripted-broker';

/** Milliseconds that any call may take here: far more than one takes, however busy the machine is. */
export const CEILING = 30_000;

/**
 * Milliseconds for what is not to wait for a limit: less than `CEILING` and than the 5 s of `close`, and far more than it
 * takes, for on a busy machine each thread that has a part in it may wait for its turn.
 */
export const AT_ONCE = 4000;

const brokers = new Set<ScriptedBroker>();
const connections = new Set<Connection>();

/** A scripted broker of the current test. */
export function broker(...scripts: Script[]): ScriptedBroker {
  const created = scriptedBroker(...scripts);
  brokers.add(created);
  return created;
}

/** Connect to a scripted broker, for the current test. */
export function connectTo(to: ScriptedBroker, options: ConnectOptions = {}): Connection {
  const connection = connect(to.url, { callTimeout: CEILING, connectTimeout: CEILING, ...options });
  connections.add(connection);
  return connection;
}

/** A broker with this script, and a connection to it. */
export function talk(
  script: Script,
  options: ConnectOptions = {},
): { peer: ScriptedBroker; connection: Connection } {
  const peer = broker(script);
  return { peer, connection: connectTo(peer, options) };
}

/**
 * Leave a thread that has finished for the next connection, for tests of a short `connectTimeout`: starting one takes
 * longer than that on a busy machine, and the error would be about it.
 */
export function warm(): void {
  connectTo(broker([...handshake(), serve()])).close();
  waitForFreeThread();
}

beforeEach(() => watchTest(expect.getState().currentTestName));

afterEach(() => {
  let failure: unknown;
  for (const peer of brokers) {
    try {
      peer.satisfied();
    } catch (error) {
      failure ??= error;
    }
  }
  for (const connection of connections) connection.abort();
  for (const peer of brokers) peer.close();
  connections.clear();
  brokers.clear();
  watchTest(undefined);
  if (failure !== undefined) throw failure;
});

/** What a call threw, and how long it took. */
export interface Failure<E> {
  error: E;
  /** Milliseconds until it was thrown. */
  ms: number;
}

/** Run `fn`, which has to throw. */
export function failureOf<E = AmqpError>(fn: () => unknown): Failure<E> {
  const start = performance.now();
  let result: unknown;
  try {
    result = fn();
  } catch (error) {
    return { error: error as E, ms: performance.now() - start };
  }
  throw new Error(`nothing was thrown by ${fn}; it returned ${result}`);
}

/** What `fn` throws. */
export const errorOf = <E = AmqpError>(fn: () => unknown): E => failureOf<E>(fn).error;

/** Milliseconds that `fn` takes. */
export function duration(fn: () => unknown): number {
  const start = performance.now();
  fn();
  return performance.now() - start;
}

export { within };

/** Keep this thread busy elsewhere: the connection's thread goes on. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Long enough for what the broker has sent to arrive, though nobody looks at it. */
export const moment = () => pause(60 * slowness());

/** MiB by which the process has grown while `fn` ran. */
export function growthDuring(fn: () => unknown): number {
  const before = process.memoryUsage.rss();
  fn();
  return (process.memoryUsage.rss() - before) / 2 ** 20;
}

/** Wait until what these steps send is there, or the connection has ended if one of them cuts it, without looking at it. */
export function arrived(connection: Connection, ...steps: Script): void {
  const { link } = connection[SESSION];
  const sent = steps.reduce((sum, step) => sum + (step.step === 'bytes' ? step.bytes.length : 0), 0);
  const isCut = steps.some(({ step }) => step === 'cut');
  const isThere = () => !isCut && link.inbound.available() >= sent;
  waitUntil(() => isThere() || link.state !== STATE.OPEN, `${sent} bytes, or the end`);
}

/** Wait until the connection's thread has said how it ended, without looking at what that was. */
export function ended(connection: Connection): void {
  const { link } = connection[SESSION];
  waitUntil(() => link.state !== STATE.OPEN, 'the end of the connection');
}

/** Wait until it holds; the connections of this thread are not served meanwhile. */
export function waitUntil(predicate: () => boolean, what = String(predicate)): void {
  const deadline = performance.now() + CEILING;
  while (!predicate()) {
    if (performance.now() > deadline) throw new Error(`not within ${CEILING} ms: ${what}`);
    pause(5);
  }
}
