import type { Input, MethodName } from '../protocol/method-types';
import type { BrokerConsumer, ConsumedQueue, Delivery, Subscriber } from './consumers';
import type { DirectReplies } from './direct-replies';
import { type Failure, timedOut } from './failure';
import type { FrameOutput } from './frame-output';
import type { BrokerMessage } from './message';
import type { QueuedMessage } from './ready-messages';
import type { Rules } from './rules';
import type { Timer, Timers } from './timers';
import { type Settlement, settleDeliveries, UnackedDeliveries } from './unacked';
import type { Vhost } from './vhost';
import type { VhostQueue } from './vhost-queue';

/** The engine, seen from the channels. */
export interface ChannelEngine {
  readonly rules: Rules;
  readonly timers: Timers;
  /** Channels that wait for direct replies, by the name to reply to. */
  readonly directReplies: DirectReplies<BrokerChannel>;
  /** Do it when what is being done has been done. */
  defer(run: () => void): void;
}

/** The connection, seen from its channels. */
export interface ChannelHost {
  readonly id: number;
  readonly engine: ChannelEngine;
  readonly output: FrameOutput;
  readonly username: string;
  readonly vhost: Vhost | undefined;
  readonly capabilities: { readonly consumerCancelNotify: boolean };
  readonly congested: boolean;
  /** Channels with confirms to report. */
  readonly unflushed: Set<BrokerChannel>;
  has(channel: BrokerChannel): boolean;
  /** A message was sent to a consumer. */
  delivered(): void;
  /** End a channel, not because of a method that has come. */
  failChannel(channel: BrokerChannel, failure: Failure): void;
}

/** Publishes and settlements that wait for the commit. */
export interface BrokerTransaction {
  publishes: { message: BrokerMessage; mandatory: boolean; queues: Set<VhostQueue> }[];
  settlements: { deliveries: Delivery[]; settlement: Settlement }[];
}

/** The state of one channel of a client. Its methods are carried out by the handlers. */
export class BrokerChannel implements Subscriber {
  readonly vhost: Vhost;
  readonly consumers = new Map<string, BrokerConsumer>();
  readonly unacked = new UnackedDeliveries();
  /** The queue that an empty name stands for. */
  lastQueue: string | undefined;
  /** Prefetch of consumers to come; 0 is no limit. */
  prefetch = 0;
  /** Prefetch of all consumers of the channel together. */
  sharedPrefetch = 0;
  confirming = false;
  transaction: BrokerTransaction | undefined;
  /** The consumer of direct replies, and the name that others reply to. */
  directReplyTo: { tag: string; name: string } | undefined;
  /** Set for the oldest of the messages, if the channel is asked to settle them in time. */
  #patience: Timer | undefined;
  #sharedUnacked = 0;
  #published = 0;
  /** Confirms that are not yet reported: the last of a run of equal ones, and how many. */
  #confirms: { acked: boolean; last: number; count: number } | undefined;

  constructor(
    readonly connection: ChannelHost,
    readonly number: number,
  ) {
    this.vhost = connection.vhost!;
  }

  send<M extends MethodName>(name: M, args: Input<M> = {}): void {
    this.connection.output.method(this.number, name, args);
  }

  // ── deliveries ──────────────────────────────────────────────────────────────────────────────────────

  canDeliver({ traits, shares, most, unacked, isServed }: BrokerConsumer): boolean {
    if (!isServed) return false;
    if (this.connection.congested || !this.connection.has(this)) return false;
    // a prefetch that is shared and full holds those without acks, too
    if (shares && this.sharedPrefetch > 0 && this.#sharedUnacked >= this.sharedPrefetch) return false;
    return traits.noAck || unacked < most;
  }

  deliver(consumer: BrokerConsumer, entry: QueuedMessage): void {
    const tag = this.unacked.nextTag();
    if (!consumer.traits.noAck) {
      consumer.unacked++;
      if (consumer.shares) this.#sharedUnacked++;
      this.hold(tag, entry, consumer.queue, consumer);
    }
    this.#send(consumer.tag, tag, entry.redelivered, consumer.queue.messageFor(entry));
  }

  /** A message is sent that the client has to settle. */
  hold(tag: number, entry: QueuedMessage, queue: ConsumedQueue, consumer?: BrokerConsumer): void {
    const { rules, timers } = this.connection.engine;
    const limit = rules.channelTimeout;
    const since = limit === undefined ? undefined : timers.now();
    const delivery: Delivery = { tag, entry, queue, subscriber: this, consumer, since, isLate: false };
    this.unacked.add(delivery);
    queue.held?.add(delivery);
    if (limit !== undefined && this.#patience === undefined) this.#wait(limit);
  }

  /** Wait for as long as the oldest message may be held. */
  #wait(limit: number): void {
    const { timers } = this.connection.engine;
    const { since } = this.unacked.oldest ?? {};
    if (since === undefined) return;
    this.#patience = timers.at(since + limit, () => {
      this.#patience = undefined;
      const { oldest } = this.unacked;
      if (oldest === undefined || timers.now() < oldest.since! + limit) return this.#wait(limit);
      this.connection.failChannel(this, timedOut(this.number, limit));
    });
  }

  /** An answer to a request of this channel. */
  deliverDirectReply(message: BrokerMessage): void {
    const { isSince4 } = this.connection.engine.rules;
    const tag = isSince4 ? this.unacked.nextTag() : this.unacked.upcomingTag; // which 3.10 does not use up
    this.#send(this.directReplyTo!.tag, tag, false, message);
  }

  #send(consumerTag: string, deliveryTag: number, redelivered: boolean, message: BrokerMessage): void {
    const { exchange, routingKey } = message;
    const args = { consumerTag, deliveryTag, redelivered, exchange, routingKey };
    this.connection.output.content(this.number, 'basic.deliver', args, message);
    this.connection.delivered();
  }

  consumerCancelled(consumer: BrokerConsumer): void {
    this.consumers.delete(consumer.tag);
    if (!this.connection.capabilities.consumerCancelNotify) return;
    this.connection.engine.defer(() => {
      if (this.connection.has(this)) this.send('basic.cancel', { consumerTag: consumer.tag, noWait: true });
    });
  }

  /** A client that knows of no cancelled consumers loses its channel, and so does one that has no consumer any more. */
  timedOut(consumer: BrokerConsumer | undefined): void {
    const { capabilities, engine } = this.connection;
    if (consumer !== undefined && this.consumers.has(consumer.tag) && capabilities.consumerCancelNotify)
      return this.send('basic.cancel', { consumerTag: consumer.tag, noWait: true });
    engine.defer(() => {
      if (this.connection.has(this)) this.connection.failChannel(this, timedOut(this.number, -1));
    });
  }

  /** Settle deliveries, and run their queues; the reply goes out before what these send, but behind what streams do. */
  settle(deliveries: readonly Delivery[], settlement: Settlement, reply: () => void = () => {}): void {
    this.#checkReturn(deliveries, settlement);
    for (const { consumer } of deliveries) if (consumer?.shares) this.#sharedUnacked--;
    const settled = settleDeliveries(deliveries, settlement);
    reply();
    const queues = this.sharedPrefetch === 0 ? settled : this.#inTurn(settled);
    for (const queue of queues) queue.consumers.unblock(this);
    for (const queue of queues) queue.run();
  }

  /** What a queue refuses ends the channel, with which all of it goes back. @throws {Failure} see `ConsumedQueue` */
  #checkReturn(deliveries: readonly Delivery[], settlement: Settlement): void {
    if (settlement === 'ack') return;
    try {
      const why = settlement === 'discard' ? 'reject' : settlement;
      for (const { queue } of deliveries) queue.checkReturn?.(why);
    } catch (error) {
      this.unacked.restore(deliveries);
      throw error;
    }
  }

  /** All queues that share the prefetch, those behind the last that had its turn first, and that one at the end. */
  #inTurn(served: ReadonlySet<ConsumedQueue>): Set<ConsumedQueue> {
    const all = [...new Set([...this.consumers.values()].map(({ queue }) => queue))];
    const next = all.findLastIndex((queue) => served.has(queue)) + 1;
    return new Set([...all.slice(next), ...all.slice(0, next), ...served]);
  }

  /** The consumers can take messages again, or more of them. */
  unblockConsumers(): void {
    for (const { queue } of this.consumers.values()) queue.unblock(this);
  }

  // ── confirms ────────────────────────────────────────────────────────────────────────────────────────

  /** A publish was taken over by the broker, or refused by a queue. */
  confirm(acked: boolean): void {
    const last = ++this.#published;
    if (this.#confirms?.acked === acked) {
      this.#confirms.last = last;
      this.#confirms.count++;
      return;
    }
    this.flushConfirms();
    this.#confirms = { acked, last, count: 1 };
    this.connection.unflushed.add(this);
  }

  /** Report to the client what has become of its publishes: everything up to a tag is settled in order. */
  flushConfirms(): void {
    const confirms = this.#confirms;
    if (confirms === undefined) return;
    this.#confirms = undefined;
    const { acked, last: deliveryTag, count } = confirms;
    if (acked) this.send('basic.ack', { deliveryTag, multiple: count > 1 });
    else this.send('basic.nack', { deliveryTag, multiple: true, requeue: true });
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────

  /** The channel has ended: so do its consumers, and what is not settled returns to its queue. */
  end(): void {
    this.#patience?.cancel();
    if (this.directReplyTo !== undefined)
      this.connection.engine.directReplies.remove(this.directReplyTo.name);
    const consumers = [...this.consumers.values()];
    this.consumers.clear();
    const queues = new Set(consumers.map(({ queue }) => queue));
    for (const consumer of consumers) consumer.queue.unsubscribe(consumer);
    const deliveries = (this.transaction?.settlements ?? []).flatMap((one) => one.deliveries);
    for (const queue of settleDeliveries([...deliveries, ...this.unacked.takeAll()], 'return'))
      queues.add(queue);
    for (const queue of queues) queue.run();
  }
}
