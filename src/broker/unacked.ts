import type { BrokerConsumer, ConsumedQueue, Requeue } from './consumers';
import { precondition } from './failure';
import type { QueuedMessage } from './ready-messages';

/** A message that a channel has and has not settled. `consumer` is absent when it was taken with get. */
export interface Delivery {
  tag: number;
  entry: QueuedMessage;
  queue: ConsumedQueue;
  consumer: BrokerConsumer | undefined;
}

/** How deliveries are settled. */
export type Settlement = 'ack' | 'discard' | Requeue;

/** The deliveries of a channel that are not settled, in the order of their tags. */
export class UnackedDeliveries {
  readonly #deliveries = new Map<number, Delivery>();
  #tag = 0;

  nextTag(): number {
    return ++this.#tag;
  }

  get size(): number {
    return this.#deliveries.size;
  }

  add(delivery: Delivery): void {
    this.#deliveries.set(delivery.tag, delivery);
  }

  /** Take out one, or with `multiple` all up to it; 0 is all there are. @throws {Failure} 406 unknown tag */
  take(tag: number, multiple: boolean): Delivery[] {
    if (tag === 0 && multiple) return this.takeAll();
    const last = this.#deliveries.get(tag);
    if (last === undefined) throw precondition(`unknown delivery tag ${tag}`);
    const taken: Delivery[] = [];
    if (multiple) {
      for (const delivery of this.#deliveries.values()) {
        taken.push(delivery);
        if (delivery === last) break;
      }
    } else {
      taken.push(last);
    }
    for (const delivery of taken) this.#deliveries.delete(delivery.tag);
    return taken;
  }

  takeAll(): Delivery[] {
    const all = [...this.#deliveries.values()];
    this.#deliveries.clear();
    return all;
  }

  /** Put back what a transaction had taken and gave up. */
  restore(deliveries: readonly Delivery[]): void {
    const all = [...deliveries, ...this.takeAll()].sort((one, other) => one.tag - other.tag);
    for (const delivery of all) this.add(delivery);
  }
}

/** Settle deliveries, queue by queue. The caller runs the queues afterwards, for there is room again. */
export function settleDeliveries(
  deliveries: readonly Delivery[],
  settlement: Settlement,
): Set<ConsumedQueue> {
  const byQueue = new Map<ConsumedQueue, QueuedMessage[]>();
  for (const { queue, entry, consumer } of settlement === 'ack' ? deliveries : inOrder(deliveries)) {
    if (consumer !== undefined) consumer.unacked--;
    const entries = byQueue.get(queue);
    if (entries === undefined) byQueue.set(queue, [entry]);
    else entries.push(entry);
  }
  for (const [queue, entries] of byQueue) {
    if (settlement === 'ack') for (const entry of entries) queue.settle(entry);
    else if (settlement === 'discard') queue.reject(entries);
    else queue.requeue(entries, settlement);
  }
  return new Set(byQueue.keys());
}

/**
 * The order in which deliveries go back: to quorum queues by consumer tag, and for each in the order of its deliveries,
 * as RabbitMQ's do up to 32 at once; beyond, their order is that of a hash table.
 */
function inOrder(deliveries: readonly Delivery[]): readonly Delivery[] {
  if (deliveries.length < 2 || !deliveries.some(({ queue }) => queue.limits.type === 'quorum'))
    return deliveries;
  const tag = ({ queue, consumer }: Delivery) =>
    queue.limits.type === 'quorum' ? (consumer?.tag ?? '') : '';
  return [...deliveries].sort((one, other) => {
    const [a, b] = [tag(one), tag(other)];
    return a < b ? -1 : a > b ? 1 : 0;
  });
}
