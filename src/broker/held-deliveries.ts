import type { BrokerConsumer, ConsumedQueue, Delivery, Held } from './consumers';
import type { Timer, Timers } from './timers';

/**
 * The deliveries of a quorum queue that are not settled. One that is not in time goes back to the queue; its consumer is
 * told so, and gets nothing more until it has settled what it had, or is cancelled.
 */
export class HeldDeliveries implements Held {
  /** By the milliseconds that there are for them, and then, in the order of these, the times until which they should be settled. */
  readonly #held = new Map<number, Map<Delivery, number>>();
  #timer: Timer | undefined;
  /** For which the timer is set: no later than the first deadline. */
  #due = Number.POSITIVE_INFINITY;

  constructor(
    readonly timers: Timers,
    /** Milliseconds for consumers that do not say it themselves; undefined: nothing is ever late. */
    readonly limit: number | undefined,
    readonly queue: ConsumedQueue,
  ) {}

  add(delivery: Delivery): void {
    const { timers, limit } = this;
    const timeout = limit === undefined ? Number.POSITIVE_INFINITY : (delivery.consumer?.timeout ?? limit);
    const deadline = timers.now() + timeout;
    const held = this.#held.get(timeout);
    if (held === undefined) this.#held.set(timeout, new Map([[delivery, deadline]]));
    else held.set(delivery, deadline);
    if (deadline < this.#due) this.#setTimer(deadline);
  }

  delete(delivery: Delivery): void {
    for (const [timeout, held] of this.#held) {
      if (!held.delete(delivery)) continue;
      if (held.size === 0) this.#held.delete(timeout);
      return;
    }
  }

  /** Those who hold messages and are no consumers of the queue: cancelled ones, and each message that was taken with get. */
  get others(): number {
    const { consumers } = this.queue;
    const holders = new Set<BrokerConsumer | Delivery>();
    for (const held of this.#held.values())
      for (const delivery of held.keys()) {
        const { consumer } = delivery;
        if (consumer === undefined) holders.add(delivery);
        else if (!consumers.all.has(consumer)) holders.add(consumer);
      }
    return holders.size;
  }

  /** The queue is deleted. */
  end(): void {
    this.#held.clear();
    this.#timer?.cancel();
  }

  #setTimer(due: number): void {
    this.#timer?.cancel();
    this.#due = due;
    this.#timer = this.timers.at(due, () => this.#evaluate());
  }

  #evaluate(): void {
    const now = this.timers.now();
    const late: [delivery: Delivery, deadline: number][] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const held of this.#held.values()) {
      for (const [delivery, deadline] of held) {
        if (deadline > now) {
          next = Math.min(next, deadline);
          break;
        }
        late.push([delivery, deadline]);
      }
    }
    late.sort(([, one], [, other]) => one - other);
    this.#due = Number.POSITIVE_INFINITY;
    if (next < Number.POSITIVE_INFINITY) this.#setTimer(next);
    for (const deliveries of byHolder(late.map(([delivery]) => delivery))) this.#takeBack(deliveries);
    if (late.length > 0) this.queue.run();
  }

  #takeBack(deliveries: readonly Delivery[]): void {
    const { consumer, subscriber } = deliveries[0]!;
    for (const delivery of deliveries) {
      this.delete(delivery);
      delivery.isLate = true;
      consumer?.late.add(delivery);
    }
    if (consumer !== undefined) {
      consumer.unacked -= deliveries.length;
      this.queue.consumers.suspend(consumer);
    }
    this.queue.requeue(
      deliveries.map(({ entry }) => entry),
      'timeout',
    );
    subscriber.timedOut(consumer);
  }
}

/** Those of each consumer together, in the order in which the first of them was sent; what was taken with get is by itself. */
function byHolder(deliveries: readonly Delivery[]): Iterable<readonly Delivery[]> {
  const groups = new Map<BrokerConsumer | Delivery, Delivery[]>();
  for (const delivery of deliveries) {
    const holder = delivery.consumer ?? delivery;
    const group = groups.get(holder);
    if (group === undefined) groups.set(holder, [delivery]);
    else group.push(delivery);
  }
  return groups.values();
}
