import type { Table } from '../protocol/field-table';
import { typed } from '../protocol/field-table';
import type { Binding } from './binding';
import type { BrokerConsumer, Consumers, ConsumerTraits, Requeue, Subscriber } from './consumers';
import { Failure, internalError, nameOf, precondition } from './failure';
import type { BrokerMessage } from './message';
import { newQueueMetrics } from './metrics';
import type { QueueHost } from './queue';
import { type QueueLimits, queueLimits } from './queue-arguments';
import type { QueuedMessage } from './ready-messages';
import { ageOf } from './stream-age';
import { type LogEntry, logSize, StreamLog } from './stream-log';
import { filterValue, keptByStream } from './stream-message';
import { StreamReader } from './stream-reader';
import type { BrokerQueueTraits, VhostQueue } from './vhost-queue';

/** Bytes of a segment, unless it was declared with another size. */
const SEGMENT_SIZE = 500_000_000;

/**
 * A stream: a log that all its consumers read, each from where it has begun. What was read stays, and nothing comes back.
 *
 *              publish                     retention
 *   (nowhere) ---------> [log: 0 1 2 3 …] ----------> (gone)
 *                           |
 *                           +-- a copy for every reader --> [unsettled] -- settled, in whatever way --> (gone)
 */
export class BrokerStream implements VhostQueue {
  readonly kind = 'queue';
  readonly owner = undefined;
  readonly inbound = new Set<Binding>();
  readonly limits: QueueLimits;
  readonly consumers = new StreamReaders();
  /** RabbitMQ does not count the consumers of streams. */
  readonly consumerCount = 0;
  unacked = 0;
  deleted = false;
  readonly metrics = newQueueMetrics();
  readonly #log: StreamLog;

  constructor(
    readonly name: string,
    readonly traits: BrokerQueueTraits,
    readonly args: Table,
    readonly host: QueueHost,
  ) {
    this.limits = queueLimits(args, undefined);
    const age = args['x-max-age'];
    this.#log = new StreamLog({
      segmentSize: Number(args['x-stream-max-segment-size-bytes'] ?? SEGMENT_SIZE),
      maxBytes: this.limits.maxLengthBytes,
      maxAge: typeof age === 'string' ? ageOf(age, host.rules.isSince4)! : Number.POSITIVE_INFINITY,
    });
  }

  /** Offsets from the first to the last: as RabbitMQ counts, those of its own records are among them. */
  get messageCount(): number {
    return this.#log.length;
  }

  *messages(): Generator<QueuedMessage> {
    for (const entry of this.#log) yield { ...queued(entry), message: this.messageFor(queued(entry)) };
  }

  used(): void {}

  /** RabbitMQ 3.10 loses dead letters on their way to a stream. */
  publish(message: BrokerMessage): boolean {
    const { rules, timers } = this.host;
    if (message.hasDied && !rules.isSince4) return true;
    const kept = keptByStream(message, rules);
    const value = filterValue(message, rules);
    this.#roll();
    this.#log.append(kept, value, timers.now());
    this.metrics.published++;
    this.host.countBytes(logSize(kept));
    this.#handOut(this.consumers.byTagBackwards);
    return true;
  }

  #roll(): void {
    const gone = this.#log.roll(this.host.timers.now());
    if (gone.length > 0) this.host.countBytes(-sizeOf(gone));
  }

  /** Give the readers what there is for them. */
  run(): void {
    this.#handOut(this.consumers.byTag);
  }

  /** One that has come to the end waits there, and that is something that happens to the stream, too. */
  #handOut(readers: readonly StreamReader[]): void {
    let isAtEnd = false;
    for (const reader of readers) {
      const { consumer } = reader;
      while (consumer.subscriber.canDeliver(consumer)) {
        const entry = reader.read();
        isAtEnd ||= entry === undefined;
        if (entry === undefined) break;
        this.unacked++;
        this.metrics.delivered++;
        consumer.subscriber.deliver(consumer, queued(entry));
      }
    }
    if (isAtEnd) this.#roll();
  }

  get(): never {
    throw this.#unsupported('basic.get');
  }

  messageFor({ message, order }: QueuedMessage): BrokerMessage {
    return message.withHeaders([['x-stream-offset', typed.int64(order)]]);
  }

  settle(): void {
    this.metrics.acknowledged++;
    this.unacked--;
  }

  reject(entries: readonly QueuedMessage[]): void {
    this.metrics.rejected += entries.length;
    this.#settleAll(entries);
  }

  /** RabbitMQ 3.10 does not even take from a client what will not come back. */
  checkReturn(why: Requeue): void {
    if (this.deleted || this.host.rules.isSince4) return;
    throw why === 'recover' ? internalError() : this.#unsupported('basic.nack and basic.reject');
  }

  /** Nothing comes back: it is settled. */
  requeue(entries: readonly QueuedMessage[]): void {
    this.metrics.requeued += entries.length;
    this.#settleAll(entries);
  }

  #settleAll(entries: readonly QueuedMessage[]): void {
    this.unacked -= entries.length;
    this.run();
  }

  purge(): never {
    throw this.#unsupported('queue.purge');
  }

  /** A consumer is exclusive to nobody. */
  consumerTraits(wanted: ConsumerTraits, sharedPrefetch: number): ConsumerTraits {
    const { isSince4 } = this.host.rules;
    if (wanted.prefetch === 0) {
      const which = isSince4 ? `stream ${this.#where}` : `'${this.#where}'`;
      throw precondition(`consumer prefetch count is not set for ${which}`);
    }
    if (wanted.noAck) {
      const which = isSince4 ? 'stream' : 'stream queues';
      throw new Failure(540, `automatic acknowledgement not supported by ${which} ${this.#where}`);
    }
    if (sharedPrefetch > 0) throw new Failure(540, `${this.#where} does not support global qos`);
    return { ...wanted, exclusive: false };
  }

  subscribe(consumer: BrokerConsumer): void {
    const { timers, rules } = this.host;
    this.consumers.add(new StreamReader(consumer, this.#log, timers.now(), rules));
  }

  unsubscribe(consumer: BrokerConsumer): void {
    this.consumers.remove(consumer);
  }

  unblock(): void {
    this.run();
  }

  /** RabbitMQ does not look whether it is used or empty, and counts nothing. */
  checkDeletion(): number {
    return 0;
  }

  end(): void {
    this.deleted = true;
    this.host.countBytes(-sizeOf(this.#log.clear()));
    for (const consumer of [...this.consumers.all]) {
      this.consumers.remove(consumer);
      consumer.subscriber.consumerCancelled(consumer);
    }
  }

  #unsupported(what: string): Failure {
    return new Failure(540, `${what} not supported by stream queues ${this.#where}`);
  }

  get #where(): string {
    return nameOf('queue', this.name, this.host.name);
  }
}

/** The consumers of a stream: all at the same time, without turns. */
class StreamReaders implements Consumers {
  readonly single = false;
  readonly active = undefined;
  readonly #readers = new Map<BrokerConsumer, StreamReader>();
  /** Those of a channel by their tags: so RabbitMQ serves them after an ack, and the other way round what has come. */
  byTag: readonly StreamReader[] = [];
  byTagBackwards: readonly StreamReader[] = [];

  get all(): ReadonlySet<BrokerConsumer> {
    return new Set(this.#readers.keys());
  }
  get size(): number {
    return this.#readers.size;
  }

  add(reader: StreamReader): void {
    this.#readers.set(reader.consumer, reader);
    this.#sort();
  }

  remove(consumer: BrokerConsumer): void {
    this.#readers.delete(consumer);
    this.#sort();
  }

  /** Whoever has a subscriber's room again looks for more. */
  unblock(subscriber: Subscriber): boolean {
    for (const consumer of this.#readers.keys()) if (consumer.subscriber === subscriber) return true;
    return false;
  }

  /** A stream asks nobody to settle in time. */
  suspend(): void {}
  resume(): void {}

  #sort(): void {
    this.byTag = [...this.#readers.values()].sort(({ consumer: one }, { consumer: other }) =>
      one.tag < other.tag ? -1 : one.tag > other.tag ? 1 : 0,
    );
    this.byTagBackwards = [...this.byTag].reverse();
  }
}

function queued({ message, offset }: LogEntry): QueuedMessage {
  return {
    message,
    order: offset,
    priority: 0,
    level: 0,
    expiry: undefined,
    redelivered: false,
    returns: 0,
    failures: 0,
  };
}

function sizeOf(entries: Iterable<LogEntry>): number {
  let size = 0;
  for (const { message } of entries) size += logSize(message);
  return size;
}
