import type { Table } from '../protocol/field-table';
import type { Entry } from './backlog';
import type { Queue } from './queue';

/** Who has subscribed: the channel, seen from its consumers. */
export interface Subscriber {
  /** Whether one more message may be sent to the consumer now. */
  canTake(consumer: Consumer): boolean;
  deliver(consumer: Consumer, entry: Entry): void;
  /** The queue has ended the consumer. */
  cancelled(consumer: Consumer): void;
}

export interface ConsumerTraits {
  noAck: boolean;
  exclusive: boolean;
  /** Unacknowledged messages at most; 0 is no limit. */
  prefetch: number;
  args: Table;
}

/** What RabbitMQ gives to a consumer of a quorum queue that has set no prefetch. */
const MOST_OF_QUORUM = 2000;

export class Consumer {
  /** Sent and not acknowledged. */
  unsettled = 0;
  readonly priority: number;
  /** Counts for the prefetch that a channel's consumers share; those of quorum queues do not. */
  readonly shares: boolean;
  /** Unacknowledged messages at most. */
  readonly most: number;

  constructor(
    readonly tag: string,
    readonly subscriber: Subscriber,
    readonly queue: Queue,
    readonly traits: ConsumerTraits,
  ) {
    this.priority = Number(traits.args['x-priority'] ?? 0);
    this.shares = queue.limits.type === 'classic';
    this.most = traits.prefetch || (this.shares ? Number.POSITIVE_INFINITY : MOST_OF_QUORUM);
  }
}

/**
 * The consumers of a queue, and whose turn it is: the highest priority first, within one in rotation. One that
 * cannot take more steps aside until it is called back, and then stands at the end.
 */
export class Consumers {
  /** In the order in which they subscribed. */
  readonly all = new Set<Consumer>();
  /** With a single active consumer: the one. */
  active: Consumer | undefined;
  #waiting: Consumer[] = [];
  readonly #aside = new Set<Consumer>();

  constructor(readonly single: boolean) {}

  get size(): number {
    return this.all.size;
  }

  get exclusive(): boolean {
    for (const { traits } of this.all) if (traits.exclusive) return true;
    return false;
  }

  add(consumer: Consumer): void {
    this.all.add(consumer);
    if (this.single) this.active ??= consumer;
    else this.#enqueue(consumer);
  }

  remove(consumer: Consumer): void {
    this.all.delete(consumer);
    this.#aside.delete(consumer);
    this.#waiting = this.#waiting.filter((other) => other !== consumer);
    if (this.active === consumer) this.active = this.#heir();
  }

  /** Whose turn it is, if anybody can take a message now. */
  next(): Consumer | undefined {
    if (this.single) {
      return this.active?.subscriber.canTake(this.active) ? this.active : undefined;
    }
    while (this.#waiting.length > 0) {
      const consumer = this.#waiting.shift()!;
      if (consumer.subscriber.canTake(consumer)) {
        this.#enqueue(consumer);
        return consumer;
      }
      this.#aside.add(consumer);
    }
    return undefined;
  }

  /** Call back those of a subscriber that can take messages again; whether there were any. */
  recall(subscriber: Subscriber): boolean {
    if (this.single) return this.active?.subscriber === subscriber;
    let any = false;
    for (const consumer of this.#aside) {
      if (consumer.subscriber !== subscriber || !subscriber.canTake(consumer)) continue;
      this.#aside.delete(consumer);
      this.#enqueue(consumer);
      any = true;
    }
    return any;
  }

  #enqueue(consumer: Consumer): void {
    const waiting = this.#waiting;
    let at = waiting.length;
    while (at > 0 && waiting[at - 1]!.priority < consumer.priority) at--;
    if (at === waiting.length) waiting.push(consumer);
    else waiting.splice(at, 0, consumer);
  }

  #heir(): Consumer | undefined {
    let heir: Consumer | undefined;
    for (const consumer of this.all)
      if (heir === undefined || consumer.priority > heir.priority) heir = consumer;
    return heir;
  }
}
