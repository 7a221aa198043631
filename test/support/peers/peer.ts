/**
 * Connections to scripted brokers. jest cannot time out a test whose thread sleeps: every call has a
 * limit of its own, a test that hangs all the same is killed, and what a test leaves open is put
 * down after it. A broker that did not get what its script expects fails the test.
 */
import { type AmqpError, type Connection, type ConnectOptions, connect } from '../../../src';
import { slowness, within } from '../within';
import type { Script } from './script';
import { type ScriptedBroker, scriptedBroker, watchTest } from './scripted-broker';

/** Milliseconds that any call may take here: far more than one takes, however busy the machine is. */
export const CEILING = 30_000;

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
