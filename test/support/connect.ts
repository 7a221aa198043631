/**
 * Connections for the tests against the broker of this run (AMQP_URL). jest cannot time out a test whose
 * thread sleeps, so every call made on them has a ceiling of its own.
 */
import { randomBytes } from 'node:crypto';
import {
  type BodyInput,
  type Channel,
  type Connection,
  type ConnectOptions,
  connect,
  TimeoutError,
} from '../../src';
import { waitForFreeThread } from './threads/spawned';

/** Milliseconds after which a call that should have ended fails its test: far more than one takes, however busy the machine is. */
export const CEILING = 60_000;

const ofFile = new Set<Connection>();
const ofTest = new Set<Connection>();

/**
 * Open a connection. Outside of a test it lives as long as the file, inside as long as the test; what a
 * test closes itself is closed. Opening one takes a while: share one per file where tests leave it alone.
 */
export function open(options: ConnectOptions = {}): Connection {
  const connection = connect(undefined, { callTimeout: CEILING, connectTimeout: CEILING, ...options });
  (insideTest ? ofTest : ofFile).add(connection);
  return connection;
}

/**
 * Have a thread that the next connection takes over, for one whose `connectTimeout` is short and is to be spent on the
 * broker: on a busy machine the start of a thread can take longer.
 */
export function warmUp(): void {
  connect(undefined, { connectTimeout: CEILING }).close({ timeout: CEILING });
  waitForFreeThread();
}

let common: Connection | undefined;

/** The connection that the tests of a file share, each with a channel of its own. What one test breaks is replaced for the next. */
export function shared(options: ConnectOptions = {}, url?: string): Connection {
  if (common?.isAlive) return common;
  common = connect(url, { callTimeout: CEILING, connectTimeout: CEILING, ...options });
  ofFile.add(common);
  return common;
}

let insideTest = false;
beforeEach(() => {
  insideTest = true;
});
afterEach(() => {
  insideTest = false;
  closeAll(ofTest);
});
afterAll(() => closeAll(ofFile));

function closeAll(connections: Set<Connection>): void {
  for (const connection of connections) connection.close();
  connections.clear();
}

/** A name that no other test, file or run has. */
export function unique(what = 'test'): string {
  return `amqp-sync.${what}.${randomBytes(6).toString('hex')}`;
}

/** A queue of this connection alone, gone with it. */
export function privateQueue(channel: Channel, ...bodies: string[]): string {
  const { queue } = channel.queueDeclare('', { exclusive: true });
  fill(channel, queue, ...bodies);
  return queue;
}

/** A queue that several connections may use; the broker removes it ten minutes after its last use. */
export function sharedQueue(channel: Channel, ...bodies: string[]): string {
  const { queue } = channel.queueDeclare(unique('shared'), {
    durable: true,
    arguments: { 'x-expires': 600_000 },
  });
  fill(channel, queue, ...bodies);
  return queue;
}

/** Publish, and wait until the broker has them in the queue. */
export function fill(channel: Channel, queue: string, ...bodies: BodyInput[]): void {
  for (const body of bodies) channel.basicPublish(body, { routingKey: queue });
  if (bodies.length > 0 && channel.mode !== 'tx') eventually(() => count(channel, queue) >= bodies.length);
}

/** How many messages of the queue are ready: neither taken nor unsettled. */
export function count(channel: Channel, queue: string): number {
  return channel.queueDeclare(queue, { passive: true }).messageCount;
}

/**
 * Wait until all that was in the queue is on this side, sent ahead to consumers of this channel: nobody has looked at it.
 * RabbitMQ's channel sends what the queue has handed to it behind the answer that says so, but before the next answer.
 */
export function untilSentAhead(channel: Channel, queue: string): void {
  eventually(() => count(channel, queue) === 0);
  count(channel, queue);
}

/** Take every message that is ready, for good. */
export function takeAll(channel: Channel, queue: string): string[] {
  const bodies: string[] = [];
  for (;;) {
    const message = channel.basicGet(queue, { noAck: true });
    if (message === null) return bodies;
    bodies.push(message.text);
  }
}

/** Try again until it holds: the broker carries out some things (a requeue) after it has answered. */
export function eventually(predicate: () => boolean, timeout = CEILING): void {
  const deadline = performance.now() + timeout;
  while (!predicate()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeout} ms: ${predicate}`);
    pause(5);
  }
}

/** Sleep without serving any connection, as a busy program does. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Serve events until `done`; fails when none comes for long. */
export function drainUntil(connection: Connection, done: () => boolean): void {
  while (!done()) connection.drainEvents({ timeout: CEILING });
}

/** Expect that no event is waiting, and none comes within `ms`. */
export function expectSilence(connection: Connection, ms = 100): void {
  expect(() => connection.drainEvents({ timeout: ms })).toThrow(TimeoutError);
}

/** What `fn` throws. */
export function thrownBy<E = Error>(fn: () => unknown): E {
  try {
    fn();
  } catch (error) {
    return error as E;
  }
  throw new Error(`nothing was thrown by ${fn}`);
}

/** Repeat a call with timeout 0 until it really is too late: on a busy machine the reply may win now and then. */
export function untilTooLate(call: () => unknown): TimeoutError {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      call();
    } catch (error) {
      if (error instanceof TimeoutError) return error;
      throw error;
    }
  }
  throw new Error(`a hundred times the reply came in no time: ${call}`);
}

/** How long `fn` takes, in milliseconds. */
export function duration(fn: () => unknown): number {
  const start = performance.now();
  fn();
  return performance.now() - start;
}
