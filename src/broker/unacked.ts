import type { BrokerConsumer, ConsumedQueue, Delivery, Requeue } from './consumers';
import { precondition } from './failure';
import type { QueuedMessage } from './ready-messages';

/** How deliveries are settled. */
export type Settlement = 'ack' | 'discard' | Requeue;

/** The deliveries of a channel that are not settled, in the order of their tags. */
export class UnackedDeliveries {
  readonly #deliveries = new Map<number, Delivery>();
  #tag = 0;

  nextTag(): number {
    return ++this.#tag;
  }

  get upcomingTag(): number {
    return this.#tag + 1;
  }

  get size(): number {
    return this.#deliveries.size;
  }

  /** The one that is held longest. */
  get oldest(): Delivery | undefined {
    return this.#deliveries.values().next().value;
  }

  add(delivery: Delivery): void {
    this.#deliveries.set(delivery.tag, delivery);
  }

  /** What a cancelled consumer of a quorum queue has not settled goes over to the next one with its tag, and its timeout. */
  handOver(consumer: BrokerConsumer): void {
    for (const delivery of this.#deliveries.values()) {
      const { queue, consumer: last, isLate } = delivery;
      if (isLate || queue !== consumer.queue || last?.tag !== consumer.tag) continue;
      delivery.consumer = consumer;
      consumer.timeout = last.timeout;
      consumer.unacked++;
    }
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
  for (const delivery of deliveries) if (delivery.isLate) byQueue.set(settleLate(delivery, settlement), []);
  for (const delivery of settlement === 'ack' ? deliveries : inOrder(deliveries)) {
    if (delivery.isLate) continue;
    const { queue, entry, consumer } = delivery;
    queue.held?.delete(delivery);
    if (consumer !== undefined) {
      consumer.unacked--;
      consumer.isForgotten = false;
    }
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
 * A message that went back long ago is settled after all, and its consumer goes on. To give it back is not enough:
 * RabbitMQ forgets to serve the consumer then, unless it is one that waits for its turn.
 */
function settleLate(delivery: Delivery, settlement: Settlement): ConsumedQueue {
  const { queue, consumer } = delivery;
  if (consumer === undefined) return queue;
  consumer.late.delete(delivery);
  consumer.isForgotten = settlement !== 'ack' && settlement !== 'discard' && !queue.consumers.single;
  if (consumer.isServed) queue.consumers.resume(consumer);
  return queue;
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
