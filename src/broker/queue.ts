import { type Table, typed } from '../protocol/field-table';
import { Backlog, bodySize, type Entry } from './backlog';
import { type Consumer, Consumers, type Subscriber } from './consumers';
import type { Binding } from './exchange';
import type { Message } from './message';
import { type QueueLimits, queueLimits } from './queue-arguments';
import type { Rules } from './rules';
import type { Timer, Timers } from './timers';

export interface QueueTraits {
  durable: boolean;
  exclusive: boolean;
  autoDelete: boolean;
}

export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

/** What a queue asks of the house it stands in. */
export interface QueueHost {
  readonly timers: Timers;
  readonly rules: Rules;
  /** Bytes that messages take have become more, or fewer. */
  weigh(bytes: number): void;
  /** Publish the message to the queue's dead-letter exchange, if it has one. */
  bury(queue: Queue, message: Message, reason: DeathReason): void;
  /** The queue has outlived its last consumer or its last use. */
  remove(queue: Queue): void;
}

/**
 * A queue: messages that are ready, consumers that take them, and the rules by which messages go on their own.
 *
 *              publish             next consumer, get               ack
 *   (nowhere) ---------> [ready] ---------------------> [unsettled] ----> (gone)
 *                        |     ^------- requeue ----------|    |
 *      expired, maxlen   +--------> dead letter <---------+ rejected
 */
export class Queue {
  readonly kind = 'queue';
  readonly inbound = new Set<Binding>();
  readonly ready = new Backlog();
  readonly consumers: Consumers;
  readonly limits: QueueLimits;
  /** Messages that somebody has and has not settled. */
  unsettled = 0;
  deleted = false;
  #order = 0;
  /** Places before all that never was delivered. */
  #front = Number.MIN_SAFE_INTEGER;
  /** A quorum queue that is full. */
  #refusing = false;
  #expiryTimer: Timer | undefined;
  #expiryAt = Number.POSITIVE_INFINITY;
  #idleTimer: Timer | undefined;

  constructor(
    readonly name: string,
    readonly traits: QueueTraits,
    /** Whose it is, if it is exclusive. */
    readonly owner: object | undefined,
    readonly args: Table,
    readonly host: QueueHost,
  ) {
    this.limits = queueLimits(args, host.rules.deliveryLimit(args));
    this.consumers = new Consumers(this.limits.singleActiveConsumer);
    this.used();
  }

  /** Somebody declared it, read from it or ceased to: its `x-expires` begins anew. */
  used(): void {
    const { expires } = this.limits;
    if (expires === undefined) return;
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
    if (this.consumers.size > 0 || this.deleted) return;
    const { timers } = this.host;
    this.#idleTimer = timers.at(timers.now() + expires, () => this.host.remove(this));
  }

  /** Take a message; false: the queue is full and refuses it. */
  publish(message: Message): boolean {
    if (this.limits.overflow !== 'drop-head' && this.#refuses(message)) {
      if (this.limits.overflow === 'reject-publish-dlx') this.host.bury(this, message, 'maxlen');
      return false;
    }
    const entry: Entry = {
      message,
      order: this.#order++,
      priority: this.#priority(message),
      expiry: this.#expiry(message),
      redelivered: false,
      returns: 0,
    };
    this.host.weigh(weight(entry));
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

  #deliver(consumer: Consumer, entry: Entry): void {
    if (consumer.traits.noAck) this.host.weigh(-weight(entry));
    else this.unsettled++;
    consumer.subscriber.deliver(consumer, entry);
  }

  /** Take the first message that is ready. */
  get(noAck: boolean): Entry | undefined {
    this.used();
    this.dropExpired();
    const entry = this.ready.shift();
    if (entry === undefined) return undefined;
    this.dropExpired(); // what stood behind it is not counted any more
    if (noAck) this.host.weigh(-weight(entry));
    else this.unsettled++;
    return entry;
  }

  /** A message that was taken is done with. */
  settle(entry: Entry): void {
    this.unsettled--;
    this.host.weigh(-weight(entry));
  }

  /** Messages that were taken are refused for good. */
  reject(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.settle(entry);
      if (!this.deleted) this.host.bury(this, entry.message, 'rejected');
    }
  }

  /** Messages that were taken come back; `run` hands them out again. */
  requeue(entries: readonly Entry[], why: 'requeue' | 'return'): void {
    const back: Entry[] = [];
    for (const entry of entries) {
      if (this.deleted) {
        this.settle(entry);
      } else {
        this.unsettled--;
        entry.redelivered = true;
        entry.returns++;
        if (this.limits.type === 'classic' || this.#mayReturn(entry, why)) back.push(entry);
      }
    }
    // the last first: then none has to make room for itself
    for (const entry of back.reverse()) this.ready.putBack(entry);
    this.#dropHeads();
    this.#watch();
  }

  /**
   * Into a quorum queue what comes back comes before all that never was delivered, as long as its limit lets it. Where
   * there is no limit RabbitMQ puts at the end what a client gives back, so that it can forget what it has logged.
   */
  #mayReturn(entry: Entry, why: 'requeue' | 'return'): boolean {
    const { deliveryLimit } = this.limits;
    if (deliveryLimit !== undefined && entry.returns > deliveryLimit) {
      this.#bury(entry, 'delivery_limit');
      return false;
    }
    entry.order = why === 'requeue' && deliveryLimit === undefined ? this.#order++ : this.#front++;
    return true;
  }

  /** The message as it is sent: quorum queues say how often it came back, and to `get` that it never did. */
  told({ message, returns }: Entry, toGet = false): Message {
    const isCounted = this.limits.type === 'quorum' && (returns > 0 || toGet);
    return isCounted ? message.with('x-delivery-count', typed.int64(returns)) : message;
  }

  purge(): number {
    this.used();
    const count = this.ready.length;
    for (let entry = this.ready.shift(); entry !== undefined; entry = this.ready.shift()) {
      this.host.weigh(-weight(entry));
    }
    return count;
  }

  subscribe(consumer: Consumer): void {
    this.consumers.add(consumer);
    this.used();
  }

  /** A consumer is gone; with the last one an auto-delete queue goes, too. */
  unsubscribe(consumer: Consumer): void {
    this.consumers.remove(consumer);
    this.used();
    if (this.consumers.size === 0 && this.traits.autoDelete) this.host.remove(this);
    else if (this.consumers.single) this.run();
  }

  /** A subscriber can take messages again. */
  recall(subscriber: Subscriber): void {
    if (this.consumers.recall(subscriber)) this.run();
  }

  /** The end: nothing of it is left. The host has taken it from its table. */
  end(): void {
    this.deleted = true;
    this.purge();
    this.#idleTimer?.cancel();
    this.#watch();
    for (const consumer of [...this.consumers.all]) {
      this.consumers.remove(consumer);
      consumer.subscriber.cancelled(consumer);
    }
  }

  /** Only what stands at the head goes, as in RabbitMQ. */
  dropExpired(): void {
    if (this.ready.mortals === 0 && this.#expiryTimer === undefined) return;
    const now = this.host.timers.now();
    for (const head of this.ready.heads()) {
      for (let entry: Entry | undefined = head; entry !== undefined && isOver(entry, now); ) {
        this.ready.shiftFrom(head.priority);
        this.#bury(entry, 'expired');
        entry = this.ready.heads().find(({ priority }) => priority === head.priority);
      }
    }
    this.#watch();
  }

  /** Set the timer for the first head that will expire. */
  #watch(): void {
    if (this.ready.mortals === 0 && this.#expiryTimer === undefined) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const { expiry } of this.ready.heads())
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
    while (this.ready.length > 0 && this.#overflows(0, 0)) this.#bury(this.ready.shift()!, 'maxlen');
  }

  #bury(entry: Entry, reason: DeathReason): void {
    this.host.weigh(-weight(entry));
    this.host.bury(this, entry.message, reason);
  }

  /** A quorum queue takes one too many, and then none until a fifth is gone. */
  #refuses({ body }: Message): boolean {
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
    return this.ready.length + more > maxLength || this.ready.bytes + bytes > maxLengthBytes;
  }

  #priority(message: Message): number {
    const { maxPriority } = this.limits;
    return maxPriority === undefined ? 0 : Math.min(message.properties.priority ?? 0, maxPriority);
  }

  #expiry(message: Message): number | undefined {
    const { expiration } = message.properties;
    const { messageTtl } = this.limits;
    if (expiration === undefined && messageTtl === undefined) return undefined;
    const own = expiration === undefined ? Number.POSITIVE_INFINITY : Number(expiration);
    return this.host.timers.now() + Math.min(own, messageTtl ?? Number.POSITIVE_INFINITY);
  }
}

function isOver({ expiry }: Entry, now: number): boolean {
  return expiry !== undefined && expiry <= now;
}

/** What a message takes of the broker's memory, the objects around it included. */
function weight(entry: Entry): number {
  return bodySize(entry) + entry.message.header.length + OVERHEAD;
}

const OVERHEAD = 200;
