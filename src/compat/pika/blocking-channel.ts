import type { Channel } from '../../api/channel';
import { PARTS, SESSION } from '../../api/internals';
import type { ReturnedMessage as CoreReturned } from '../../api/message';
import { outOfRange, wrongType } from '../../caller';
import type { PublishOptions } from '../../client/options/publish-options';
import { UnroutableError as Unroutable } from '../../errors';
import { FORGET } from '../internals';
import { type Args, milliseconds } from '../python';
import type { Method as AmqpMethod } from './amqp-object';
import { callable } from './argument-checks';
import { addTo, BasicProperties, received, type Table } from './basic-properties';
import type { BlockingConnection } from './blocking-connection';
import { type ConsumeForever, DEF, type Wanted } from './channel-signatures';
import { type Consumed, delivered } from './consumed';
import { Source, Subscriber } from './consumers';
import { ConsumerCancelled, DuplicateConsumerTag, ReentrancyError } from './exceptions';
import { Method } from './frame';
import { Cancel, type Deliver, GetOk, type Return } from './methods/basic';
import * as Exchange from './methods/exchange';
import * as Queue from './methods/queue';
import * as Tx from './methods/tx';
import type { Compat } from './parameters';
import { Shown } from './repr';
import { guard, type Hint, returned } from './translate';

/** Called with a message that no queue took; `method.reply_text` says why. */
export type OnReturn = (
  channel: BlockingChannel,
  method: Return,
  properties: BasicProperties,
  body: Buffer,
) => unknown;

/** What `basic_get` returns: a message, or three times null when the queue is empty. */
export type Got = [method: GetOk, properties: BasicProperties, body: Buffer] | [null, null, null];

/** Called with every message of a consumer; `method.delivery_tag` is what `basic_ack` wants. */
export type OnMessage = (
  channel: BlockingChannel,
  method: Deliver,
  properties: BasicProperties,
  body: Buffer,
) => unknown;

/** Called when the broker has ended a consumer; `frame.method.consumer_tag` says which. */
export type OnCancel = (frame: Method<Cancel>) => unknown;

const TRANSIENT: Hint = {
  replyCodes: [540, 541],
  advice:
    "this broker refuses queues that are neither durable nor exclusive: give durable=True or exclusive=True, or connect with the parameter compat={transient_queues: 'durable'}",
};

const FLOW: Hint = {
  replyCodes: [540],
  advice: 'RabbitMQ has no active=False; basic_qos limits what it sends',
};
const RECOVER: Hint = {
  replyCodes: [540],
  advice:
    "RabbitMQ has no requeue=False, which is pika's default: give requeue=True, or connect with the parameter compat={recover: 'requeue'}",
};
const QOS: Hint = {
  replyCodes: [540],
  advice: 'RabbitMQ has no prefetch_size: give prefetch_count alone',
};

/**
 * A channel. Calls block until the broker has answered. Callbacks run only in `start_consuming`, `consume`, and
 * the connection's `process_data_events` and `sleep`, never inside one another.
 *
 * Every call throws ChannelClosedByBroker when the broker closes the channel for it, an AMQPConnectionError when
 * the connection ends, ChannelWrongStateError on a closed channel, and TypeError or RangeError (Python's
 * ValueError) for a wrong argument.
 * @example
 * const channel = connection.channel();
 * channel.queue_declare({ queue: 'tasks', durable: true });
 * channel.basic_publish({ exchange: '', routing_key: 'tasks', body: 'hello' });
 */
export class BlockingChannel extends Shown {
  /** The channel of the blocking client. */
  readonly #core: Channel;
  readonly #compat: Compat;

  readonly #consumers = new Map<string, Subscriber | Source>();
  #source: Source | undefined;
  readonly #onReturn: OnReturn[] = [];
  readonly #onCancel: OnCancel[] = [];

  /** Use `connection.channel()`. */
  constructor(
    /** The connection it belongs to. */
    readonly connection: BlockingConnection,
    core: Channel,
    compat: Compat,
  ) {
    super();
    this.#core = core;
    this.#compat = compat;
    core.onReturn = (message) => {
      if (!core.isOpen) return; // with the channel, all that nobody has looked at is gone
      const { method, properties, body } = returned(message);
      for (const callback of this.#onReturn) callback(this, method, properties, body);
    };
  }

  /** The channel's number. */
  get channel_number(): number {
    return this.#core.id;
  }

  /** Whether neither it nor its connection has ended. */
  get is_open(): boolean {
    return this.connection.is_open && this.#core.isOpen;
  }
  /** The opposite of `is_open`. */
  get is_closed(): boolean {
    return !this.is_open;
  }
  /** The tags of its consumers. */
  get consumer_tags(): string[] {
    return this.#core.isOpen ? [...this.#consumers.keys()] : [];
  }

  /** Python's `int(channel)`: `Number(channel)`. */
  override valueOf(): number {
    return this.channel_number;
  }
  /** As pika shows it: the number, and whether it is closed. */
  override toString(): string {
    return `<BlockingChannel ${this.channel_number}${this.is_open ? '' : ' (closed)'}>`;
  }

  /**
   * Close the channel, after its consumers. Blocks for a round trip for each.
   * @throws {ChannelWrongStateError} it is closed
   */
  close(...args: Args<typeof DEF.close>): void {
    const { reply_code, reply_text } = DEF.close(args);
    this.#call(() => this.#core[PARTS].session.checkOpen('channel.close'));
    try {
      this.#cancelAll();
      this.#call(() => this.#core.close({ replyCode: reply_code, replyText: reply_text }));
    } finally {
      this[FORGET]();
    }
  }

  /** Closes it if it is open: `using channel = connection.channel()`. */
  [Symbol.dispose](): void {
    if (this.is_open) this.close();
  }

  /** The channel has ended: nothing is consumed any more. @internal */
  [FORGET](): void {
    this.#consumers.clear();
    this.#source = undefined;
  }

  /** Have `callback(method_frame)` called when the broker ends a consumer of `basic_consume`. */
  add_on_cancel_callback(...args: Args<typeof DEF.add_on_cancel_callback>): void {
    const { callback } = DEF.add_on_cancel_callback(args);
    this.#onCancel.push(callable(callback, 'callback'));
  }

  // ── consuming with callbacks ────────────────────────────────────────────────────────────────────────

  /**
   * Start a consumer. Without `basic_qos` the broker sends all it has at once. Blocks for a round trip.
   * @returns the consumer tag
   * @throws {DuplicateConsumerTag} the channel has one with this tag
   * @example
   * channel.basic_consume('tasks', (ch, method, properties, body) => {
   *   work(body.toString());
   *   ch.basic_ack(method.delivery_tag);
   * });
   * channel.start_consuming();
   */
  basic_consume(...args: Args<typeof DEF.basic_consume>): string {
    const { on_message_callback, auto_ack, ...rest } = DEF.basic_consume(args);
    const onMessage = callable(on_message_callback, 'on_message_callback');
    const consumer = new Subscriber(
      this.#core[PARTS].consumers,
      auto_ack,
      (message) => onMessage(this, ...delivered(message)),
      (tag) => this.#cancelledByBroker(tag),
    );
    return this.#start(consumer, rest);
  }

  #start(
    consumer: Subscriber | Source,
    wanted: {
      queue: string;
      exclusive: boolean;
      consumer_tag: string | null;
      arguments: Table | null;
    },
  ): string {
    const { queue, exclusive, consumer_tag } = wanted;
    const tag = consumer_tag || this.#newTag();
    if (this.#consumers.has(tag)) throw new DuplicateConsumerTag(tag);
    const options = { consumerTag: tag, noAck: consumer.noAck, exclusive, ...table(wanted) };
    this.#call(() => this.#core[PARTS].consumers.start(queue, consumer, options));
    this.#consumers.set(tag, consumer);
    return tag;
  }

  #newTag(): string {
    return `ctag${this.channel_number}.${crypto.randomUUID().replaceAll('-', '')}`;
  }

  #cancelledByBroker(consumerTag: string): void {
    this.#consumers.delete(consumerTag);
    const frame = this.#frame(new Cancel(consumerTag));
    for (const callback of this.#onCancel) callback(frame);
  }

  /**
   * End a consumer; an unknown one is no error, nor is one of a closed channel. What has come and was not handed over goes back to the queue.
   * Blocks for a round trip.
   * @returns with `auto_ack`, the messages that nobody has any more; else an empty array
   */
  basic_cancel(...args: Args<typeof DEF.basic_cancel>): [Deliver, BasicProperties, Buffer][] {
    const { consumer_tag } = DEF.basic_cancel(args);
    const consumer = this.#consumers.get(consumer_tag ?? '');
    if (consumer === undefined || !this.#core.isOpen) return [];
    if (consumer instanceof Source) {
      this.cancel();
      return [];
    }
    consumer.over = true;
    try {
      this.#call(() => this.#core.basicCancel(consumer.tag));
    } finally {
      this.#consumers.delete(consumer.tag);
    }
    return [...consumer.waiting].map(delivered);
  }

  #cancelAll(): void {
    for (const tag of this.consumer_tags) this.basic_cancel(tag);
  }

  /**
   * Run callbacks until no consumer is left. Blocks.
   * @throws {ReentrancyError} in a callback
   * @throws {ChannelClosedByBroker} the channel has been closed
   * @throws {KeyboardInterrupt} Ctrl-C
   */
  start_consuming(): void {
    if (this.#core.connection[SESSION].events.isDispatching) {
      throw new ReentrancyError(
        'start_consuming may not be called from the scope of another BlockingConnection or BlockingChannel callback',
      );
    }
    this.#call(() => this.#core[PARTS].session.checkOpen('start_consuming'));
    while (this.#consumers.size > 0) {
      this.connection.process_data_events(null);
      if (this.#consumers.size > 0) this.#raiseIfClosed();
    }
  }

  /** The end of the channel has been told to somebody already; this caller must learn of it, too. */
  #raiseIfClosed(): void {
    const { lastError } = this.#core;
    if (lastError === undefined || this.#core.isOpen) return;
    this[FORGET]();
    this.#call(() => {
      throw lastError;
    });
  }

  /** Cancel all consumers, or one: `start_consuming` returns. May be called in a callback. Blocks. */
  stop_consuming(...args: Args<typeof DEF.stop_consuming>): void {
    const { consumer_tag } = DEF.stop_consuming(args);
    if (consumer_tag) this.basic_cancel(consumer_tag);
    else this.#cancelAll();
  }

  // ── consuming with a loop ───────────────────────────────────────────────────────────────────────────

  /**
   * Loop over a queue. The consumer is started at the first step, and stays when the loop is left: the same call
   * goes on with it, `cancel` ends it. Blocks until there is a message, or for `inactivity_timeout` seconds.
   * @throws {RangeError} Python's ValueError: there is one with another queue, `auto_ack` or `exclusive`
   * @example
   * for (const [method, properties, body] of channel.consume('tasks')) {
   *   channel.basic_ack(method.delivery_tag);
   *   if (method.delivery_tag === 10) break;
   * }
   * channel.cancel();
   */
  consume(...args: ConsumeForever): Generator<[Deliver, BasicProperties, Buffer], void, undefined>;
  /** With `inactivity_timeout` some steps have three times null: nothing came in that time. */
  consume(...args: Args<typeof DEF.consume>): Generator<Consumed, void, undefined>;
  consume(...args: Args<typeof DEF.consume>): Generator<Consumed, void, undefined> {
    return this.#messages(DEF.consume(args));
  }

  *#messages(wanted: Wanted): Generator<Consumed, void, undefined> {
    this.#call(() => this.#core[PARTS].session.checkOpen('basic.consume'));
    const source = this.#sourceOf(wanted);
    const timeout = milliseconds(wanted.inactivity_timeout, 'inactivity_timeout');
    while (this.#source === source) {
      const message = this.#take(source, timeout);
      if (message === undefined && this.#source !== source) return;
      yield message === undefined ? [null, null, null] : delivered(message);
    }
  }

  /** The consumer that is there, or a new one. */
  #sourceOf(wanted: Wanted): Source {
    const { queue, auto_ack, exclusive } = wanted;
    const triple = [queue, auto_ack, exclusive];
    const existing = this.#source;
    if (existing !== undefined) {
      if (triple.every((value, index) => value === existing.wanted[index])) return existing;
      throw outOfRange(
        `consume: the channel consumes with (queue, auto_ack, exclusive) = ${show(existing.wanted)}, not ${show(triple)}; call cancel first`,
      );
    }
    const source = new Source(this.#core[PARTS].consumers, auto_ack, { timeout: Infinity, limit: Infinity });
    source.wanted = triple;
    this.#start(source, wanted);
    this.#source = source;
    return source;
  }

  /** The next message; undefined when there is none in time, or none to come. */
  #take(source: Source, timeout: number) {
    try {
      return this.#call(() => source.take(timeout));
    } catch (error) {
      if (error instanceof ConsumerCancelled) return this.#leave(source);
      if (!this.#core.isOpen) this[FORGET]();
      throw error;
    }
  }

  #leave(source: Source): undefined {
    this.#consumers.delete(source.tag);
    this.#source = undefined;
  }

  /** How many messages `consume` would yield without waiting. */
  get_waiting_message_count(): number {
    return this.#source?.waiting ?? 0;
  }

  /**
   * End what `consume` has started; messages that were not yielded go back to the queue. Blocks for a round trip.
   * @returns 0, as pika does
   */
  cancel(): number {
    const source = this.#source;
    if (source === undefined) return 0;
    this.#leave(source);
    this.#call(() => source.leave());
    return 0;
  }

  // ── one message at a time ───────────────────────────────────────────────────────────────────────────

  /**
   * Take one message; three times null if the queue is empty. Blocks for a round trip.
   * @example
   * const [method, properties, body] = channel.basic_get('tasks');
   * if (method) channel.basic_ack(method.delivery_tag);
   */
  basic_get(...args: Args<typeof DEF.basic_get>): Got {
    const { queue, auto_ack } = DEF.basic_get(args);
    const message = this.#call(() => this.#core.basicGet(queue, { noAck: auto_ack }));
    if (message === null) return [null, null, null];
    const { deliveryTag, redelivered, exchange, routingKey, messageCount, properties, body } = message;
    const method = new GetOk(deliveryTag, redelivered, exchange, routingKey, messageCount);
    return [method, received(properties), body];
  }

  /** Take responsibility for a message. Does not block. @throws {AMQPChannelError} it was settled before */
  basic_ack(...args: Args<typeof DEF.basic_ack>): void {
    const { delivery_tag, multiple } = DEF.basic_ack(args);
    this.#call(() => this.#core.basicAck(delivery_tag, { multiple }));
  }

  /** Give messages back, or away. Does not block. Throws like `basic_ack`. */
  basic_nack(...args: Args<typeof DEF.basic_nack>): void {
    const { delivery_tag, multiple, requeue } = DEF.basic_nack(args);
    this.#call(() => this.#core.basicNack(delivery_tag, { multiple, requeue }));
  }

  /** Give a message back, or away. Does not block. Throws like `basic_ack`. */
  basic_reject(...args: Args<typeof DEF.basic_reject>): void {
    const { delivery_tag, requeue } = DEF.basic_reject(args);
    this.#call(() => this.#core.basicReject(delivery_tag, { requeue }));
  }

  /** Limit the messages that the broker sends ahead. Blocks for a round trip. */
  basic_qos(...args: Args<typeof DEF.basic_qos>): void {
    const { prefetch_size, prefetch_count, global_qos } = DEF.basic_qos(args);
    const options = { prefetchSize: prefetch_size, prefetchCount: prefetch_count, global: global_qos };
    this.#call(() => this.#core.basicQos(options), QOS);
  }

  /** Have all unsettled messages delivered again. Blocks for a round trip. RabbitMQ wants `requeue`: see `compat`. */
  basic_recover(...args: Args<typeof DEF.basic_recover>): void {
    const { requeue } = DEF.basic_recover(args);
    const wanted = requeue || this.#compat.recover === 'requeue';
    this.#call(() => this.#core.basicRecover({ requeue: wanted }), wanted ? undefined : RECOVER);
  }

  // ── publishing ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Publish a message. Blocks in confirm mode, until the broker has taken responsibility, and while the broker
   * blocks publishing.
   * @throws {UnroutableError} confirm mode and `mandatory`: no queue took it; `messages` has it
   * @throws {NackError} confirm mode: the broker could not take it
   * @throws {ConnectionBlockedTimeout} the broker has blocked publishing for `blocked_connection_timeout`
   * @example
   * channel.basic_publish({ exchange: '', routing_key: 'tasks', body: 'hello' });
   */
  basic_publish(...args: Args<typeof DEF.basic_publish>): void {
    const { exchange, routing_key, body, properties, mandatory } = DEF.basic_publish(args);
    // a string would have its encoding written into the properties, which pika does not do
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const options: PublishOptions = { exchange, routingKey: routing_key, mandatory };
    if (properties instanceof BasicProperties) addTo(options, properties);
    else if (properties !== null) throw wrongType('properties must be BasicProperties or None');
    this.#call(() => this.#publish(bytes, options));
  }

  /** A message that comes back is thrown, and then shown to the callbacks, too. */
  #publish(body: Uint8Array, options: PublishOptions): void {
    const core = this.#core;
    try {
      core.basicPublish(body, options);
    } catch (error) {
      if (error instanceof Unroutable && error.returnedMessage !== undefined) {
        const message = error.returnedMessage as CoreReturned;
        core.connection[SESSION].events.later(() => core.onReturn?.(message));
      }
      throw error;
    }
  }

  /** Have the broker confirm what is published here from now on. Blocks for a round trip; again: nothing. */
  confirm_delivery(): void {
    this.#call(() => this.#core.confirmSelect());
  }

  /** Have `callback(channel, method, properties, body)` called for what comes back; in confirm mode `basic_publish` throws as well. */
  add_on_return_callback(...args: Args<typeof DEF.add_on_return_callback>): void {
    const { callback } = DEF.add_on_return_callback(args);
    this.#onReturn.push(callable(callback, 'callback'));
  }

  // ── limits ──────────────────────────────────────────────────────────────────────────────────────────

  /** Ask the broker to pause or go on delivering. Blocks for a round trip. @returns what it does */
  flow(...args: Args<typeof DEF.flow>): boolean {
    const { active } = DEF.flow(args);
    return this.#call(() => this.#core.flow(active), FLOW);
  }

  // ── exchanges ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare an exchange, or with `passive` check that it is there. Blocks for a round trip.
   * @throws {ChannelClosedByBroker} 406, it exists with other properties; 404, `passive` and missing
   * @example
   * channel.exchange_declare({ exchange: 'logs', exchange_type: 'fanout' });
   */
  exchange_declare(...args: Args<typeof DEF.exchange_declare>): Method<Exchange.DeclareOk> {
    const { exchange, exchange_type, passive, durable, auto_delete, internal, ...rest } =
      DEF.exchange_declare(args);
    const options = { passive, durable, autoDelete: auto_delete, internal, ...table(rest) };
    this.#call(() => this.#core.exchangeDeclare(exchange, exchange_type, options));
    return this.#frame(new Exchange.DeclareOk());
  }

  /** Delete an exchange; a missing one is no error. Blocks for a round trip. */
  exchange_delete(...args: Args<typeof DEF.exchange_delete>): Method<Exchange.DeleteOk> {
    const { exchange, if_unused } = DEF.exchange_delete(args);
    this.#call(() => this.#core.exchangeDelete(exchange, { ifUnused: if_unused }));
    return this.#frame(new Exchange.DeleteOk());
  }

  /** Let `destination` receive from `source`. Blocks for a round trip. */
  exchange_bind(...args: Args<typeof DEF.exchange_bind>): Method<Exchange.BindOk> {
    const { destination, source, routing_key, ...rest } = DEF.exchange_bind(args);
    const options = { routingKey: routing_key ?? '', ...table(rest) };
    this.#call(() => this.#core.exchangeBind(destination, source, options));
    return this.#frame(new Exchange.BindOk());
  }

  /** Undo `exchange_bind` with the same arguments. Blocks for a round trip. */
  exchange_unbind(...args: Args<typeof DEF.exchange_unbind>): Method<Exchange.UnbindOk> {
    const { destination, source, routing_key, ...rest } = DEF.exchange_unbind(args);
    const options = { routingKey: routing_key ?? '', ...table(rest) };
    this.#call(() => this.#core.exchangeUnbind(destination, source, options));
    return this.#frame(new Exchange.UnbindOk());
  }

  // ── queues ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare a queue, or with `passive` check that it is there. Blocks for a round trip.
   * @returns a frame with `.method.queue`, `.method.message_count`, `.method.consumer_count`
   * @throws {ChannelClosedByBroker} 406, it exists with other properties; 404, `passive` and missing; 405
   * @throws {ConnectionClosedByBroker} 541, RabbitMQ 4.3 and later, for pika's default: see `compat`
   * @example
   * const result = channel.queue_declare({ queue: '', exclusive: true });
   * const queue_name = result.method.queue;
   */
  queue_declare(...args: Args<typeof DEF.queue_declare>): Method<Queue.DeclareOk> {
    const { queue, passive, durable, exclusive, auto_delete, ...rest } = DEF.queue_declare(args);
    const isTransient = !passive && !durable && !exclusive;
    const instead = isTransient ? this.#compat.transient_queues : undefined;
    const options = {
      passive,
      durable: durable || instead === 'durable',
      exclusive: exclusive || instead === 'exclusive',
      autoDelete: auto_delete,
      ...table(rest),
    };
    const declared = this.#call(
      () => this.#core.queueDeclare(queue, options),
      isTransient ? TRANSIENT : undefined,
    );
    return this.#frame(new Queue.DeclareOk(declared.queue, declared.messageCount, declared.consumerCount));
  }

  /** Delete a queue; a missing one is no error. Blocks for a round trip. @returns `.method.message_count` */
  queue_delete(...args: Args<typeof DEF.queue_delete>): Method<Queue.DeleteOk> {
    const { queue, if_unused, if_empty } = DEF.queue_delete(args);
    const options = { ifUnused: if_unused, ifEmpty: if_empty };
    return this.#frame(new Queue.DeleteOk(this.#call(() => this.#core.queueDelete(queue, options))));
  }

  /** Remove the messages that wait for no ack. Blocks for a round trip. @returns `.method.message_count` */
  queue_purge(...args: Args<typeof DEF.queue_purge>): Method<Queue.PurgeOk> {
    const { queue } = DEF.queue_purge(args);
    return this.#frame(new Queue.PurgeOk(this.#call(() => this.#core.queuePurge(queue))));
  }

  /** Route messages from an exchange to a queue. Blocks for a round trip. */
  queue_bind(...args: Args<typeof DEF.queue_bind>): Method<Queue.BindOk> {
    const { queue, exchange, routing_key, ...rest } = DEF.queue_bind(args);
    const options = { routingKey: routing_key ?? queue, ...table(rest) };
    this.#call(() => this.#core.queueBind(queue, exchange, options));
    return this.#frame(new Queue.BindOk());
  }

  /** Undo `queue_bind` with the same arguments. Blocks for a round trip. */
  queue_unbind(...args: Args<typeof DEF.queue_unbind>): Method<Queue.UnbindOk> {
    const { queue, exchange, routing_key, ...rest } = DEF.queue_unbind(args);
    const options = { routingKey: routing_key ?? queue, ...table(rest) };
    this.#call(() => this.#core.queueUnbind(queue, exchange, options));
    return this.#frame(new Queue.UnbindOk());
  }

  // ── transactions ────────────────────────────────────────────────────────────────────────────────────

  /** Make publishes and acks of this channel transactional, for good. Blocks for a round trip. */
  tx_select(...args: Args<typeof DEF.tx_select>): Method<Tx.SelectOk> {
    DEF.tx_select(args);
    this.#call(() => this.#core.txSelect());
    return this.#frame(new Tx.SelectOk());
  }

  /** Commit what was published and settled. Blocks until the broker has. */
  tx_commit(...args: Args<typeof DEF.tx_commit>): Method<Tx.CommitOk> {
    DEF.tx_commit(args);
    this.#call(() => this.#core.txCommit());
    return this.#frame(new Tx.CommitOk());
  }

  /** Forget what was published and settled since the last commit. Blocks until the broker has. */
  tx_rollback(...args: Args<typeof DEF.tx_rollback>): Method<Tx.RollbackOk> {
    DEF.tx_rollback(args);
    this.#call(() => this.#core.txRollback());
    return this.#frame(new Tx.RollbackOk());
  }

  // ── below the methods ───────────────────────────────────────────────────────────────────────────────

  /** Make calls of the core; what it throws comes out as pika's exception. */
  #call<T>(fn: () => T, hint?: Hint): T {
    return guard('channel', fn, hint);
  }

  /** A method as the calls return it. */
  #frame<M extends AmqpMethod>(method: M): Method<M> {
    return new Method(this.channel_number, method);
  }
}

function show(triple: readonly unknown[]): string {
  return `(${triple.map(String).join(', ')})`;
}

/** A table as the core takes it, which has undefined for None. */
function table(rest: { arguments: Table | null }): { arguments: Table | undefined } {
  return { arguments: rest.arguments ?? undefined };
}
