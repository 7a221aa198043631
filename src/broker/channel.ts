import type { Input, MethodName } from '../protocol/method-types';
import type { Entry } from './backlog';
import type { Connection } from './connection';
import type { Consumer, Subscriber } from './consumers';
import { type Delivery, Ledger, settle, type Verdict } from './ledger';
import type { Message } from './message';
import type { Queue } from './queue';
import type { Vhost } from './vhost';

/** What waits for the commit. */
export interface Transaction {
  publishes: { message: Message; mandatory: boolean; queues: Set<Queue> }[];
  verdicts: { deliveries: Delivery[]; verdict: Verdict }[];
}

/** One channel of a client: what its methods have left behind. The methods themselves are in the handlers. */
export class Channel implements Subscriber {
  readonly vhost: Vhost;
  readonly consumers = new Map<string, Consumer>();
  readonly ledger = new Ledger();
  /** What an empty queue name stands for. */
  lastQueue: string | undefined;
  /** For consumers to come; 0 is no limit. */
  prefetch = 0;
  /** For all consumers of the channel together. */
  sharedPrefetch = 0;
  confirming = false;
  transaction: Transaction | undefined;
  /** The consumer of direct replies, and the name that others answer to. */
  replies: { tag: string; name: string } | undefined;
  #shared = 0;
  #published = 0;
  /** Publishes that are settled and not yet reported: the last of a run of equal verdicts, and how many. */
  #run: { acked: boolean; last: number; count: number } | undefined;

  constructor(
    readonly connection: Connection,
    readonly number: number,
  ) {
    this.vhost = connection.vhost!;
  }

  send<M extends MethodName>(name: M, args: Input<M> = {}): void {
    this.connection.output.method(this.number, name, args);
  }

  // ── deliveries ──────────────────────────────────────────────────────────────────────────────────────

  canTake({ traits, shares, most, unsettled }: Consumer): boolean {
    if (this.connection.congested || !this.connection.has(this)) return false;
    if (traits.noAck) return true;
    if (unsettled >= most) return false;
    return !shares || this.sharedPrefetch === 0 || this.#shared < this.sharedPrefetch;
  }

  deliver(consumer: Consumer, entry: Entry): void {
    const tag = this.ledger.nextTag();
    if (!consumer.traits.noAck) {
      consumer.unsettled++;
      if (consumer.shares) this.#shared++;
      this.ledger.add({ tag, entry, queue: consumer.queue, consumer });
    }
    this.#send(consumer.tag, tag, entry.redelivered, consumer.queue.told(entry));
  }

  /** An answer to a request of this channel. */
  deliverReply(message: Message): void {
    this.#send(this.replies!.tag, this.ledger.nextTag(), false, message);
  }

  #send(consumerTag: string, deliveryTag: number, redelivered: boolean, message: Message): void {
    const { exchange, routingKey } = message;
    const args = { consumerTag, deliveryTag, redelivered, exchange, routingKey };
    this.connection.output.content(this.number, 'basic.deliver', args, message);
    this.connection.delivered();
  }

  cancelled(consumer: Consumer): void {
    this.consumers.delete(consumer.tag);
    if (!this.connection.capabilities.consumerCancelNotify) return;
    this.connection.broker.later(() => {
      if (this.connection.has(this)) this.send('basic.cancel', { consumerTag: consumer.tag, noWait: true });
    });
  }

  /** Settle deliveries, and give the queues their turn. */
  settle(deliveries: readonly Delivery[], verdict: Verdict): void {
    for (const { consumer } of deliveries) if (consumer?.shares) this.#shared--;
    const queues = settle(deliveries, verdict);
    if (this.sharedPrefetch > 0) for (const { queue } of this.consumers.values()) queues.add(queue);
    for (const queue of queues) queue.consumers.recall(this);
    for (const queue of queues) queue.run();
  }

  /** Messages can be sent again, or more of them. */
  recall(): void {
    for (const { queue } of this.consumers.values()) queue.recall(this);
  }

  // ── confirms ────────────────────────────────────────────────────────────────────────────────────────

  /** One more publish was taken over by the broker, or refused by a queue. */
  confirm(acked: boolean): void {
    const last = ++this.#published;
    if (this.#run?.acked === acked) {
      this.#run.last = last;
      this.#run.count++;
      return;
    }
    this.flushConfirms();
    this.#run = { acked, last, count: 1 };
    this.connection.unflushed.add(this);
  }

  /** Tell the client what has become of its publishes: everything up to a tag is settled in order. */
  flushConfirms(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    if (run.acked) this.send('basic.ack', { deliveryTag: run.last, multiple: run.count > 1 });
    else this.send('basic.nack', { deliveryTag: run.last, multiple: true, requeue: true });
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────

  /** Give everything back: consumers end, what is not settled returns to its queue. */
  end(): void {
    if (this.replies !== undefined) this.connection.broker.replies.delete(this.replies.name);
    const consumers = [...this.consumers.values()];
    this.consumers.clear();
    const queues = new Set(consumers.map(({ queue }) => queue));
    for (const consumer of consumers) consumer.queue.unsubscribe(consumer);
    const deliveries = (this.transaction?.verdicts ?? []).flatMap((one) => one.deliveries);
    for (const queue of settle([...deliveries, ...this.ledger.takeAll()], 'return')) queues.add(queue);
    for (const queue of queues) queue.run();
  }
}
