import { type Table, type TypedValue, typed } from '../protocol/field-table';
import type { Binding } from './binding';
import {
  type BrokerConsumer,
  type ConsumerTraits,
  QueueConsumers,
  type Requeue,
  type Subscriber,
} from './consumers';
import { DelayedMessages } from './delayed-messages';
import { Failure, nameOf, precondition, refused } from './failure';
import { HeldDeliveries } from './held-deliveries';
import type { BrokerMessage } from './message';
import { newQueueMetrics } from './metrics';
import { type QueueLimits, queueLimits } from './queue-arguments';
import { bodySize, type QueuedMessage, ReadyMessages } from './ready-messages';
import type { Rules } from './rules';
import type { Timer, Timers } from './timers';
import type { BrokerQueueTraits, VhostQueue } from './vhost-queue';

export type DeadLetterReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

/** The virtual host, seen from its queues. */
export interface QueueHost {
  readonly name: string;
  readonly timers: Timers;
  readonly rules: Rules;
  /** Messages take so many bytes more, or fewer. */
  countBytes(bytes: number): void;
  /** Publish the message to the queue's dead-letter exchange, if it has one. */
  deadLetter(queue: BrokerQueue, message: BrokerMessage, reason: DeadLetterReason): void;
  /** The queue has outlived its last consumer or its last use. */
  remove(queue: VhostQueue): void;
}

/**
 * A classic queue or a quorum queue: messages that are ready, consumers that take them, and the rules by which messages go
 * on their own.
 *
 *              publish             next consumer, get               ack
 *   (nowhere) ---------> [ready] ---------------------> [unsettled] ----> (gone)
 *                        |     ^------- requeue ----------|    |
 *      expired, maxlen   +--------> dead letter <---------+ rejected
 */
export class BrokerQueue implements VhostQueue {
  readonly kind = 'queue';
  readonly inbound = new Set<Binding>();
  readonly ready = new ReadyMessages();
  readonly consumers: QueueConsumers;
  readonly limits: QueueLimits;
  readonly held: HeldDeliveries | undefined;
  /** Messages that have come back and wait before they come again; undefined: none do. */
  readonly #delayed: DelayedMessages | undefined;
  /** Messages that a client has and has not settled. */
  unacked = 0;
  deleted = false;
  readonly metrics = newQueueMetrics();
  #order = 0;
  /** The next place before all that never was delivered. */
  #front = Number.MIN_SAFE_INTEGER;
  /** Whether a quorum queue is full. */
  #refusing = false;
  #expiryTimer: Timer | undefined;
  #expiryAt = Number.POSITIVE_INFINITY;
  #idleTimer: Timer | undefined;

  constructor(
    readonly name: string,
    readonly traits: BrokerQueueTraits,
    /** The connection that it is exclusive to, if it is. */
    readonly owner: object | undefined,
    readonly args: Table,
    readonly host: QueueHost,
  ) {
    this.limits = queueLimits(args, host.rules.deliveryLimit(args));
    this.consumers = new QueueConsumers(this.limits.singleActiveConsumer);
    if (this.limits.type === 'quorum')
      this.held = new HeldDeliveries(host.timers, host.rules.queueTimeout(args), this);
    const retry = host.rules.delayedRetry(args);
    if (retry !== undefined)
      this.#delayed = new DelayedMessages(host.timers, retry, (entries) => this.#retry(entries));
    this.used();
  }

  get messageCount(): number {
    return this.ready.length;
  }

  get consumerCount(): number {
    return this.consumers.size + (this.held?.others ?? 0);
  }

  messages(): Iterable<QueuedMessage> {
    return this.ready;
  }

  get #where(): string {
    return nameOf('queue', this.name, this.host.name);
  }

  /** Whenever it is used its `x-expires` begins anew. */
  used(): void {
    const { expires } = this.limits;
    if (expires === undefined) return;
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
    if (this.consumers.size > 0 || this.deleted) return;
    const { timers } = this.host;
    this.#idleTimer = timers.at(timers.now() + expires, () => this.host.remove(this));
  }

  publish(message: BrokerMessage, redelivered = false): boolean {
    if (this.limits.overflow !== 'drop-head' && this.#refuses(message)) {
      this.metrics.refused++;
      if (this.limits.overflow === 'reject-publish-dlx') this.host.deadLetter(this, message, 'maxlen');
      return false;
    }
    this.metrics.published++;
    const priority = this.#priority(message);
    const entry: QueuedMessage = {
      message,
      order: this.#order++,
      priority,
      level: priority,
      expiry: this.#expiry(message),
      redelivered,
      returns: 0,
      failures: 0,
    };
    this.host.countBytes(memoryOf(entry));
    const consumer = this.ready.length === 0 && this.consumers.size > 0 ? this.consumers.next() : undefined;
    if (consumer !== undefined) {
      this.#deliver(consumer, entry);
      return true;
    }
    this.ready.push(entry);
    this.#dropHeads();
    if (entry.expiry !== undefined) this.dropExpired(); // it may have no time at all
    return true;
  }

  /** Give consumers what is ready, as long as there are both. */
  run(): void {
    if (this.ready.length === 0) return;
    this.dropExpired();
    while (this.ready.length > 0) {
      const consumer = this.consumers.next();
      if (consumer === undefined) return;
      this.#deliver(consumer, this.ready.shift()!);
      this.dropExpired();
    }
  }

  #deliver(consumer: BrokerConsumer, entry: QueuedMessage): void {
    this.#take(entry, consumer.traits.noAck);
    consumer.subscriber.deliver(consumer, entry);
  }

  get(noAck: boolean): QueuedMessage | undefined {
    if (this.limits.type === 'quorum' && this.consumers.single) throw this.#noGet();
    this.used();
    this.dropExpired();
    const entry = this.ready.shift();
    if (entry === undefined) return undefined;
    this.dropExpired(); // what stood behind it is not counted any more
    this.#take(entry, noAck);
    return entry;
  }

  /** A message goes out. */
  #take(entry: QueuedMessage, noAck: boolean): void {
    this.metrics.delivered++;
    if (entry.redelivered) this.metrics.redelivered++;
    if (noAck) this.host.countBytes(-memoryOf(entry));
    else this.unacked++;
  }

  #noGet(): Failure {
    const type = this.host.rules.isSince4 ? '<<"quorum">>' : 'quorum';
    return new Failure(
      405,
      `cannot obtain access to locked ${this.#where}. basic.get operations are not supported by ${type} queues ` +
        'with single active consumer',
    );
  }

  /** A message that was taken is done with. */
  settle(entry: QueuedMessage): void {
    this.metrics.acknowledged++;
    this.#forget(entry);
  }

  #forget(entry: QueuedMessage): void {
    this.unacked--;
    this.host.countBytes(-memoryOf(entry));
  }

  /** Messages that were taken are refused for good. */
  reject(entries: readonly QueuedMessage[]): void {
    for (const entry of entries) {
      this.#forget(entry);
      this.metrics.rejected++;
      if (!this.deleted) this.host.deadLetter(this, entry.message, 'rejected');
    }
  }

  /** Messages that were taken come back; `run` hands them out again. */
  requeue(entries: readonly QueuedMessage[], why: Requeue): void {
    const back: QueuedMessage[] = [];
    for (const entry of entries) {
      if (this.deleted) {
        this.#forget(entry);
      } else {
        this.metrics.requeued++;
        this.unacked--;
        entry.redelivered = true;
        entry.returns++;
        if (this.#isFailure(why)) entry.failures++;
        if (this.limits.type === 'classic' || this.#mayReturn(entry, why)) back.push(entry);
      }
    }
    // the last first: then none has to make room for itself
    for (const entry of back.reverse()) this.ready.putBack(entry);
    this.#dropHeads();
    this.#scheduleExpiry();
  }

  /**
   * A message that comes back to a quorum queue comes before all that never was delivered, as long as its limit lets it.
   * Where there is no limit RabbitMQ 3.10 puts at the end what a client gives back, so that it can forget what it has logged.
   * Some wait before they come again, where the queue wants it.
   */
  #mayReturn(entry: QueuedMessage, why: Requeue): boolean {
    const { deliveryLimit } = this.limits;
    const { isSince4 } = this.host.rules;
    if (deliveryLimit !== undefined && entry.failures > deliveryLimit) {
      this.#deadLetter(entry, 'delivery_limit');
      return false;
    }
    if (this.#delayed?.take(entry, this.#isFailure(why))) return false;
    if (!isSince4 && deliveryLimit === undefined && why !== 'return') entry.order = this.#order++;
    else this.#putFirst(entry);
    return true;
  }

  /** Before all that never was delivered, whatever their priorities are. */
  #putFirst(entry: QueuedMessage): void {
    entry.order = this.#front++;
    entry.level = Number.POSITIVE_INFINITY;
  }

  /** Whether it counts as a failure of the message that it comes back: since 4.0 not when a client gives it back by nack. */
  #isFailure(why: Requeue): boolean {
    return why === 'reject' || why === 'return' || !this.host.rules.isSince4;
  }

  /** Messages have waited for long enough. */
  #retry(entries: readonly QueuedMessage[]): void {
    for (const entry of entries) {
      this.#putFirst(entry);
      this.ready.putBack(entry);
    }
    this.dropExpired();
    this.run();
  }

  /** The message as it is sent: quorum queues say how often it came back, and 3.10 says to `get` that it never did. */
  messageFor({ message, returns, failures }: QueuedMessage, toGet = false): BrokerMessage {
    if (this.limits.type === 'classic') return message;
    const { isSince4 } = this.host.rules;
    if (returns === 0 && (isSince4 || !toGet)) return message;
    const counts: [name: string, value: TypedValue][] = [];
    if (isSince4) counts.push(['x-acquired-count', typed.int64(returns)]);
    if (failures > 0 || !isSince4) counts.push(['x-delivery-count', typed.int64(failures)]);
    return message.withHeaders(counts);
  }

  purge(): number {
    this.used();
    const entries = this.#delayed?.clear() ?? [];
    for (let entry = this.ready.shift(); entry !== undefined; entry = this.ready.shift()) entries.push(entry);
    for (const entry of entries) this.host.countBytes(-memoryOf(entry));
    this.metrics.purged += entries.length;
    return entries.length;
  }

  /** Only a consumer of a classic queue can be exclusive. */
  consumerTraits(wanted: ConsumerTraits, sharedPrefetch: number): ConsumerTraits {
    const isQuorum = this.limits.type === 'quorum';
    if (isQuorum && sharedPrefetch > 0) throw new Failure(540, `${this.#where} does not support global qos`);
    const exclusive = wanted.exclusive && !isQuorum;
    if (this.consumers.exclusive || (exclusive && (this.consumers.size > 0 || this.consumers.single))) {
      throw refused(`${this.#where} in exclusive use`);
    }
    return { ...wanted, exclusive };
  }

  subscribe(consumer: BrokerConsumer): void {
    this.consumers.add(consumer);
    this.used();
  }

  /** A consumer is gone; with the last one an auto-delete queue goes, too. */
  unsubscribe(consumer: BrokerConsumer): void {
    this.consumers.remove(consumer);
    this.used();
    if (this.consumers.size === 0 && this.traits.autoDelete) this.host.remove(this);
    else if (this.consumers.single) this.run();
  }

  /** A subscriber can take messages again. */
  unblock(subscriber: Subscriber): void {
    if (this.consumers.unblock(subscriber)) this.run();
  }

  checkDeletion(ifUnused: boolean, ifEmpty: boolean): number {
    if (this.limits.type === 'quorum' && (ifUnused || ifEmpty)) {
      throw new Failure(
        540,
        `cannot delete ${this.#where}. queue.delete operations with ${ifUnused ? 'if-unused' : 'if-empty'} flag set ` +
          'are not supported by quorum queues',
      );
    }
    if (ifUnused && this.consumers.size > 0) throw precondition(`${this.#where} in use`);
    if (ifEmpty && this.ready.length > 0) throw precondition(`${this.#where} not empty`);
    return this.ready.length;
  }

  end(): void {
    this.deleted = true;
    this.purge();
    this.#idleTimer?.cancel();
    this.held?.end();
    this.#scheduleExpiry();
    for (const consumer of [...this.consumers.all]) {
      this.consumers.remove(consumer);
      consumer.subscriber.consumerCancelled(consumer);
    }
  }

  /** Expired messages go, but only from the head of the queue, as in RabbitMQ. */
  dropExpired(): void {
    if (this.ready.expiring === 0 && this.#expiryTimer === undefined) return;
    const now = this.host.timers.now();
    for (const head of this.ready.firsts()) {
      for (let entry: QueuedMessage | undefined = head; entry !== undefined && isExpired(entry, now); ) {
        this.ready.shiftFrom(head.level);
        this.#deadLetter(entry, 'expired');
        entry = this.ready.firsts().find(({ level }) => level === head.level);
      }
    }
    this.#scheduleExpiry();
  }

  /** Set the timer for the first head that will expire. */
  #scheduleExpiry(): void {
    if (this.ready.expiring === 0 && this.#expiryTimer === undefined) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const { expiry } of this.ready.firsts())
      if (expiry !== undefined && expiry < earliest) earliest = expiry;
    if (earliest === this.#expiryAt) return;
    this.#expiryTimer?.cancel();
    this.#expiryTimer = undefined;
    this.#expiryAt = earliest;
    if (earliest === Number.POSITIVE_INFINITY) return;
    this.#expiryTimer = this.host.timers.at(earliest, () => {
      this.#expiryAt = Number.POSITIVE_INFINITY;
      this.#expiryTimer = undefined;
      this.dropExpired();
    });
  }

  /** The oldest make room, unless the newest are refused instead. */
  #dropHeads(): void {
    if (this.limits.overflow !== 'drop-head') return;
    while (this.ready.length > 0 && this.#overflows(0, 0)) this.#deadLetter(this.ready.shift()!, 'maxlen');
  }

  #deadLetter(entry: QueuedMessage, reason: keyof typeof METRIC): void {
    this.metrics[METRIC[reason]]++;
    this.host.countBytes(-memoryOf(entry));
    this.host.deadLetter(this, entry.message, reason);
  }

  /** A quorum queue takes one too many, and then none until a fifth is gone. */
  #refuses({ body }: BrokerMessage): boolean {
    const { type, maxLength, maxLengthBytes } = this.limits;
    if (type === 'classic') return this.#overflows(1, body.length);
    const { length, bytes } = this.ready;
    if (this.#overflows(0, 0)) this.#refusing = true;
    else if (length <= Math.trunc(0.8 * maxLength) && bytes <= Math.trunc(0.8 * maxLengthBytes)) {
      this.#refusing = false;
    }
    return this.#refusing;
  }

  #overflows(more: number, bytes: number): boolean {
    const { maxLength, maxLengthBytes } = this.limits;
    const { length, bytes: size } = this.#delayed ?? NONE;
    return this.ready.length + length + more > maxLength || this.ready.bytes + size + bytes > maxLengthBytes;
  }

  #priority(message: BrokerMessage): number {
    const { type, maxPriority } = this.limits;
    if (type === 'quorum') return this.host.rules.quorumPriority(message.properties.priority);
    return maxPriority === undefined ? 0 : Math.min(message.properties.priority ?? 0, maxPriority);
  }

  #expiry(message: BrokerMessage): number | undefined {
    const { expiration } = message.properties;
    const { messageTtl } = this.limits;
    if (expiration === undefined && messageTtl === undefined) return undefined;
    const own = expiration === undefined ? Number.POSITIVE_INFINITY : Number(expiration);
    return this.host.timers.now() + Math.min(own, messageTtl ?? Number.POSITIVE_INFINITY);
  }
}

/** Where a queue counts what leaves it on its own. */
const METRIC = { expired: 'expired', maxlen: 'overflowed', delivery_limit: 'exhausted' } as const;

function isExpired({ expiry }: QueuedMessage, now: number): boolean {
  return expiry !== undefined && expiry <= now;
}

/** Bytes that a message takes of the broker's memory, the objects around it included. */
function memoryOf(entry: QueuedMessage): number {
  return bodySize(entry) + entry.message.header.length + OVERHEAD;
}

const OVERHEAD = 200;
const NONE = { length: 0, bytes: 0 };
