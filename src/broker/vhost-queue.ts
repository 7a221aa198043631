import type { Table } from '../protocol/field-table';
import type { Binding } from './binding';
import type { BrokerConsumer, ConsumedQueue, ConsumerTraits } from './consumers';
import type { BrokerMessage } from './message';
import type { QueueMetrics } from './metrics';
import type { QueuedMessage } from './ready-messages';

export interface BrokerQueueTraits {
  durable: boolean;
  exclusive: boolean;
  autoDelete: boolean;
}

/** A queue of whatever kind, seen from its virtual host and from the methods of clients. */
export interface VhostQueue extends ConsumedQueue {
  readonly kind: 'queue';
  readonly traits: BrokerQueueTraits;
  /** The connection that it is exclusive to, if it is. */
  readonly owner: object | undefined;
  readonly args: Table;
  readonly inbound: Set<Binding>;
  readonly deleted: boolean;
  readonly metrics: QueueMetrics;
  /** Messages that wait, or that a stream keeps. */
  readonly messageCount: number;
  /** Messages that a client has and has not settled. */
  readonly unacked: number;
  /** Consumers, as far as the queue tells their number. */
  readonly consumerCount: number;
  /** The messages that wait, from the head on. */
  messages(): Iterable<QueuedMessage>;
  /** It was declared, read from, or lost a consumer. */
  used(): void;
  /** Take a message; false: it is full and refuses it. @throws {Failure} 541, a stream cannot keep it */
  publish(message: BrokerMessage, redelivered?: boolean): boolean;
  /** Take the first message that is ready. @throws {Failure} it is not possible here */
  get(noAck: boolean): QueuedMessage | undefined;
  messageFor(entry: QueuedMessage, toGet?: boolean): BrokerMessage;
  /** Drop what is ready, and say how much it was. @throws {Failure} 540, it is a stream */
  purge(): number;
  /** The traits that a new consumer has here. @throws {Failure} it is not possible */
  consumerTraits(wanted: ConsumerTraits, sharedPrefetch: number): ConsumerTraits;
  subscribe(consumer: BrokerConsumer): void;
  /** Messages that go with it. @throws {Failure} the condition does not hold, or is not possible here */
  checkDeletion(ifUnused: boolean, ifEmpty: boolean): number;
  /** It is deleted: nothing of it is left. The host has taken it from its table. */
  end(): void;
}
