import type { Entry } from './backlog';
import type { Consumer } from './consumers';
import { precondition } from './failure';
import type { Queue } from './queue';

/** A message that a channel has and has not settled. `consumer` is absent when it was taken with get. */
export interface Delivery {
  tag: number;
  entry: Entry;
  queue: Queue;
  consumer: Consumer | undefined;
}

/** What becomes of deliveries: the client says so, or is gone (`return`). */
export type Verdict = 'ack' | 'requeue' | 'return' | 'discard';

/** The deliveries of a channel that are not settled, in the order of their tags. */
export class Ledger {
  readonly #open = new Map<number, Delivery>();
  #tag = 0;

  nextTag(): number {
    return ++this.#tag;
  }

  get size(): number {
    return this.#open.size;
  }

  add(delivery: Delivery): void {
    this.#open.set(delivery.tag, delivery);
  }

  /** Take out one, or with `multiple` all up to it; 0 is all there are. @throws {Failure} 406 unknown tag */
  take(tag: number, multiple: boolean): Delivery[] {
    if (tag === 0 && multiple) return this.takeAll();
    const last = this.#open.get(tag);
    if (last === undefined) throw precondition(`unknown delivery tag ${tag}`);
    const taken: Delivery[] = [];
    if (multiple) {
      for (const delivery of this.#open.values()) {
        taken.push(delivery);
        if (delivery === last) break;
      }
    } else {
      taken.push(last);
    }
    for (const delivery of taken) this.#open.delete(delivery.tag);
    return taken;
  }

  takeAll(): Delivery[] {
    const all = [...this.#open.values()];
    this.#open.clear();
    return all;
  }

  /** Put back what a transaction had taken and gave up. */
  restore(deliveries: readonly Delivery[]): void {
    const all = [...deliveries, ...this.takeAll()].sort((one, other) => one.tag - other.tag);
    for (const delivery of all) this.add(delivery);
  }
}

/** Carry out a verdict, queue by queue. The caller tells the queues afterwards that there is room again. */
export function settle(deliveries: readonly Delivery[], verdict: Verdict): Set<Queue> {
  const byQueue = new Map<Queue, Entry[]>();
  for (const { queue, entry, consumer } of verdict === 'ack' ? deliveries : inOrder(deliveries)) {
    if (consumer !== undefined) consumer.unsettled--;
    const entries = byQueue.get(queue);
    if (entries === undefined) byQueue.set(queue, [entry]);
    else entries.push(entry);
  }
  for (const [queue, entries] of byQueue) {
    if (verdict === 'ack') for (const entry of entries) queue.settle(entry);
    else if (verdict === 'discard') queue.reject(entries);
    else queue.requeue(entries, verdict);
  }
  return new Set(byQueue.keys());
}

/**
 * What goes back to quorum queues goes by consumer tag, and for each in the order of its deliveries, as RabbitMQ's does
 * up to 32 at once; beyond, its order is that of a hash table.
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
