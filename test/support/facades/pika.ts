/** The facade `amqp-sync/pika` in tests: calls have no limit there, so a test that hangs is ended (see peer.ts). */
import { randomBytes } from 'node:crypto';
import * as pika from '../../../src/compat/pika';
import { broker } from '../peers/peer';
import { ready, type Script } from '../peers/script';
import type { ScriptedBroker } from '../peers/scripted-broker';

const connections = new Set<pika.BlockingConnection>();
afterEach(() => {
  for (const connection of connections) if (connection.is_open) connection.close();
  connections.clear();
});

/** Parameters for the broker of this run. */
export function local(): pika.URLParameters {
  return new pika.URLParameters(process.env.AMQP_URL!);
}

/** The same, by keywords. */
export function localWith(
  more: ConstructorParameters<typeof pika.ConnectionParameters>[0] & object,
): pika.ConnectionParameters {
  const { host, port, virtual_host, credentials } = local();
  return new pika.ConnectionParameters({ host, port, virtual_host, credentials, ...more });
}

/** A connection to the broker of this run, for this test. */
export function open(parameters: pika.Parameters = local()): pika.BlockingConnection {
  const connection = new pika.BlockingConnection(parameters);
  connections.add(connection);
  return connection;
}

/** The connection and the channel of the running test, in a file that says `useChannel()`. */
export let connection: pika.BlockingConnection;
export let channel: pika.BlockingChannel;

/** Each test gets a channel of its own, on a connection that the tests of the file share while it is open. */
export function useChannel(): void {
  beforeEach(() => {
    if (!connection?.is_open) connection = new pika.BlockingConnection(local());
    channel = connection.channel();
  });
  afterEach(() => {
    if (channel.is_open) channel.close();
    if (connection.is_open) connection.process_data_events(0);
  });
  afterAll(() => {
    if (connection?.is_open) connection.close();
  });
}

/** A queue of this connection alone. */
export function privateQueue(channel: pika.BlockingChannel, ...bodies: string[]): string {
  const queue = channel.queue_declare({ queue: '', exclusive: true }).method.queue;
  fill(channel, queue, ...bodies);
  return queue;
}

/** Publish, and wait until the queue has them. */
export function fill(channel: pika.BlockingChannel, queue: string, ...bodies: string[]): void {
  const wanted = count(channel, queue) + bodies.length;
  for (const body of bodies) channel.basic_publish({ exchange: '', routing_key: queue, body });
  expectCount(channel, queue, wanted);
}

/** How many messages of the queue are ready. */
export function count(channel: pika.BlockingChannel, queue: string): number {
  return channel.queue_declare({ queue, passive: true }).method.message_count;
}

/**
 * Wait until all that was in the queue is on this side, sent ahead to consumers of this channel. What the queue has handed to
 * the channel is sent before its next answer.
 */
export function untilSentAhead(channel: pika.BlockingChannel, queue: string): void {
  expectCount(channel, queue, 0);
  count(channel, queue);
}

/** Expect so many messages there, now or soon: what goes back to a queue takes a moment. */
export function expectCount(channel: pika.BlockingChannel, queue: string, expected: number): void {
  const deadline = performance.now() + 60_000;
  while (count(channel, queue) !== expected && performance.now() < deadline);
  expect(count(channel, queue)).toBe(expected);
}

/** A name that no other test has. */
export function unique(what = 'pika'): string {
  return `amqp-sync.${what}.${randomBytes(6).toString('hex')}`;
}

export interface Scene {
  peer: ScriptedBroker;
  connection: pika.BlockingConnection;
  channel: pika.BlockingChannel;
}

/** A connection to a scripted broker with one channel; the script goes on from there. */
export function scene(
  steps: Script,
  more: ConstructorParameters<typeof pika.ConnectionParameters>[0] & object = {},
): Scene {
  const peer = broker([...ready(), ...steps]);
  const connection = new pika.BlockingConnection(parametersFor(peer, more));
  return { peer, connection, channel: connection.channel() };
}

export function parametersFor(
  { port }: ScriptedBroker,
  more: ConstructorParameters<typeof pika.ConnectionParameters>[0] & object = {},
): pika.ConnectionParameters {
  return new pika.ConnectionParameters({ host: '127.0.0.1', port, ...more });
}
