import type { Table } from '../protocol/field-table';
import type { BrokerMessage } from './message';
import type { QueueLimits } from './queue-arguments';
import type { QueuedMessage } from './ready-messages';

/** The channel, seen from its consumers. */
export interface Subscriber {
  /** Whether one more message may be sent to the consumer now. */
  canDeliver(consumer: BrokerConsumer): boolean;
  deliver(consumer: BrokerConsumer, entry: QueuedMessage): void;
  /** The queue has ended the consumer. */
  consumerCancelled(consumer: BrokerConsumer): void;
  /** The queue has taken back what was not settled in time; without a consumer: what was taken with get. */
  timedOut(consumer: BrokerConsumer | undefined): void;
}

/** How deliveries come back: by nack, recover or reject, because the client is gone, or after too long a time. */
export type Requeue = 'nack' | 'recover' | 'reject' | 'return' | 'timeout';

/** The consumers of a queue, seen from outside. */
export interface Consumers {
  /** All consumers, in the order in which they subscribed. */
  readonly all: ReadonlySet<BrokerConsumer>;
  readonly size: number;
  /** Whether only one of them gets messages, and which. */
  readonly single: boolean;
  readonly active: BrokerConsumer | undefined;
  /** Unblock those of a subscriber that can take messages again; whether there were any. */
  unblock(subscriber: Subscriber): boolean;
  /** The consumer has not settled its messages in time, or has at last. */
  suspend(consumer: BrokerConsumer): void;
  resume(consumer: BrokerConsumer): void;
}

/** A message that a channel has and has not settled. `consumer` is absent when it was taken with get. */
export interface Delivery {
  readonly tag: number;
  readonly entry: QueuedMessage;
  readonly queue: ConsumedQueue;
  readonly subscriber: Subscriber;
  consumer: BrokerConsumer | undefined;
  /** The time at which it was sent; absent where nobody asks for it. */
  readonly since: number | undefined;
  /** Whether the queue has taken it back, since it was not settled in time. */
  isLate: boolean;
}

/** The deliveries of a queue that are not settled. */
export interface Held {
  add(delivery: Delivery): void;
  delete(delivery: Delivery): void;
}

/** The queue, seen from those who consume from it. */
export interface ConsumedQueue {
  readonly name: string;
  readonly limits: QueueLimits;
  readonly consumers: Consumers;
  /** Absent where the queue does not ask who has its messages. */
  readonly held?: Held | undefined;
  unsubscribe(consumer: BrokerConsumer): void;
  unblock(subscriber: Subscriber): void;
  run(): void;
  messageFor(entry: QueuedMessage): BrokerMessage;
  /** @throws {Failure} 540 or 541, clients cannot give back to it; absent where they always can */
  checkReturn?(why: Requeue): void;
  settle(entry: QueuedMessage): void;
  reject(entries: readonly QueuedMessage[]): void;
  requeue(entries: readonly QueuedMessage[], why: Requeue): void;
}

export interface ConsumerTraits {
  noAck: boolean;
  exclusive: boolean;
  /** Unacknowledged messages at most; 0 is no limit. */
  prefetch: number;
  args: Table;
}

/** Prefetch that RabbitMQ gives to a consumer of a quorum queue that has set none. */
const MOST_OF_QUORUM = 2000;

export class BrokerConsumer {
  /** Messages that were sent and not acknowledged. */
  unacked = 0;
  readonly priority: number;
  /** Whether it counts for the prefetch that a channel's consumers share; those of quorum queues do not. */
  readonly shares: boolean;
  /** Unacknowledged messages at most. */
  readonly most: number;
  /** Deliveries that it did not settle in time, and has not settled since: as long as there are any it gets nothing. */
  readonly late = new Set<Delivery>();
  /** Milliseconds in which it is to settle its messages; undefined: as long as the queue says. */
  timeout: number | undefined;
  /** Whether it has only given back what was late: RabbitMQ forgets to serve it then, until it settles something else. */
  isForgotten = false;

  constructor(
    readonly tag: string,
    readonly subscriber: Subscriber,
    readonly queue: ConsumedQueue,
    readonly traits: ConsumerTraits,
  ) {
    const { 'x-priority': priority = 0, 'x-consumer-timeout': timeout } = traits.args;
    this.priority = Number(priority);
    this.timeout = timeout === undefined ? undefined : Number(timeout);
    this.shares = queue.limits.type === 'classic';
    this.most = traits.prefetch || (this.shares ? Number.POSITIVE_INFINITY : MOST_OF_QUORUM);
  }

  /** Whether its queue serves it. */
  get isServed(): boolean {
    return this.late.size === 0 && !this.isForgotten;
  }
}

/**
 * The consumers of a queue, and whose turn it is: the highest priority first, within one in rotation. One that
 * cannot take more is blocked until it can again, and then stands at the end.
 */
export class QueueConsumers implements Consumers {
  readonly all = new Set<BrokerConsumer>();
  active: BrokerConsumer | undefined;
  #waiting: BrokerConsumer[] = [];
  readonly #blocked = new Set<BrokerConsumer>();

  constructor(readonly single: boolean) {}

  get size(): number {
    return this.all.size;
  }

  get exclusive(): boolean {
    for (const { traits } of this.all) if (traits.exclusive) return true;
    return false;
  }

  add(consumer: BrokerConsumer): void {
    this.all.add(consumer);
    if (this.single) this.active ??= consumer;
    else this.#enqueue(consumer);
  }

  remove(consumer: BrokerConsumer): void {
    this.all.delete(consumer);
    this.#blocked.delete(consumer);
    this.#waiting = this.#waiting.filter((other) => other !== consumer);
    if (this.active === consumer) this.active = this.#nextActive();
  }

  /** The consumer has not settled its messages in time: another one is the active one, if there is one. */
  suspend(consumer: BrokerConsumer): void {
    if (this.active === consumer) this.active = this.#nextActive();
  }

  /** The consumer has settled what was late. */
  resume(consumer: BrokerConsumer): void {
    if (this.single && this.all.has(consumer)) this.active ??= consumer;
  }

  /** The consumer whose turn it is, if one can take a message now. */
  next(): BrokerConsumer | undefined {
    if (this.single) {
      return this.active?.subscriber.canDeliver(this.active) ? this.active : undefined;
    }
    while (this.#waiting.length > 0) {
      const consumer = this.#waiting.shift()!;
      if (consumer.subscriber.canDeliver(consumer)) {
        this.#enqueue(consumer);
        return consumer;
      }
      this.#blocked.add(consumer);
    }
    return undefined;
  }

  unblock(subscriber: Subscriber): boolean {
    if (this.single) return this.active?.subscriber === subscriber;
    let any = false;
    for (const consumer of this.#blocked) {
      if (consumer.subscriber !== subscriber || !subscriber.canDeliver(consumer)) continue;
      this.#blocked.delete(consumer);
      this.#enqueue(consumer);
      any = true;
    }
    return any;
  }

  #enqueue(consumer: BrokerConsumer): void {
    const waiting = this.#waiting;
    let at = waiting.length;
    while (at > 0 && waiting[at - 1]!.priority < consumer.priority) at--;
    if (at === waiting.length) waiting.push(consumer);
    else waiting.splice(at, 0, consumer);
  }

  #nextActive(): BrokerConsumer | undefined {
    let next: BrokerConsumer | undefined;
    for (const consumer of this.all) {
      if (!consumer.isServed) continue;
      if (next === undefined || consumer.priority > next.priority) next = consumer;
    }
    return next;
  }
}
