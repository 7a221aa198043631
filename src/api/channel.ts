import { wrongType } from '../caller';
import { ChannelParts } from '../client/channel/channel-parts';
import type { CancelCallback } from '../client/channel/consume-options';
import {
  type BasicConsumeOptions,
  type BasicGetOptions,
  CONSUMING_OPTIONS,
  type ConsumeOptions,
  type QosOptions,
} from '../client/channel/consume-options';
import type { BodyInput } from '../client/channel/content';
import type { MessageFactory } from '../client/channel/message-factory';
import { publishBatch } from '../client/channel/publish-batch';
import {
  type CallOptions,
  checkBoolean,
  checkFunction,
  checkGiven,
  checkKind,
  checkOptions,
  checkShortstr,
  checkString,
  optionNames,
} from '../client/options/checks';
import { type CloseOptions, closeOptions } from '../client/options/close-options';
import type {
  BatchCounts,
  BatchOptions,
  ChannelMode,
  PublishOptions,
  PublishResult,
  ResultReceiver,
} from '../client/options/publish-options';
import type {
  AckOptions,
  BasicCancelOptions,
  BasicRecoverOptions,
  ConfirmSelectOptions,
  DeclaredQueue,
  ExchangeBindOptions,
  ExchangeDeclareOptions,
  ExchangeDeleteOptions,
  NackOptions,
  QueueBindOptions,
  QueueDeclareOptions,
  QueueDeleteOptions,
  QueuePurgeOptions,
  QueueUnbindOptions,
  RejectOptions,
} from '../client/options/verb-options';
import { type AmqpError, WrongStateError } from '../errors';
import { ExchangeType } from '../protocol/constants';
import type { TableInput } from '../protocol/field-table';
import type { Args } from '../protocol/method-types';
import { typeName } from '../protocol/wire';
import { showAs } from '../shown';
import { AMQPLIB_CHANNEL, explainAmqplib } from './amqplib-names';
import { argumentsOf, QUEUE_ARGUMENTS, type QueueType } from './arguments';
import type { Connection } from './connection';
import { Exchange, type ExchangeOptions } from './exchange';
import { PARTS, READY, RUN, SESSION } from './internals';
import { IncomingMessage, type Message, ReturnedMessage } from './message';
import { LoopedConsumer, type MessageCallback, type MessageIterator } from './message-iterator';
import { nameOf } from './names';
import { publishErrorOf } from './publish-errors';
import { QUEUE_OPTIONS, Queue, type QueueOptions } from './queue';
import { Transaction } from './transaction';

/** Options of `channel.getQueue` and `getExchange`. */
export interface GetOptions extends CallOptions {
  /** Ask the broker whether it is there; default true. */
  ensure?: boolean | undefined;
}

/** One message of a batch: a body, a Message, or a body with options of its own. */
export type Publishing =
  | BodyInput
  | Message
  | (Omit<PublishOptions, 'timeout' | 'wait'> & {
      /** What to publish. */
      body: BodyInput | Message;
    });

const NAMES = {
  exchangeDeclare: optionNames('exchange.declare', ['exchange', 'type']),
  exchangeDelete: optionNames('exchange.delete', ['exchange']),
  exchangeBind: optionNames('exchange.bind', ['destination', 'source']),
  queueDeclare: optionNames('queue.declare', ['queue']),
  queueBind: optionNames('queue.bind', ['queue', 'exchange']),
  queueUnbind: optionNames('queue.unbind', ['queue', 'exchange']),
  queuePurge: optionNames('queue.purge', ['queue']),
  queueDelete: optionNames('queue.delete', ['queue']),
  confirmSelect: optionNames('confirm.select', []),
  basicAck: new Set(['multiple']),
  basicNack: new Set(['multiple', 'requeue']),
  basicReject: new Set(['requeue']),
  timeout: new Set(['timeout']),
  getObject: new Set(['ensure', 'timeout']),
  declareExchange: new Set([
    ...['passive', 'durable', 'autoDelete', 'internal', 'arguments', 'timeout'],
    ...['alternateExchange', 'delayed'],
  ]),
  setQos: optionNames('basic.qos', []),
  ...CONSUMING_OPTIONS,
};

const NO_OPTIONS = {};
const EXCHANGE_ARGUMENTS = { alternateExchange: ['alternate-exchange', nameOf] } as const;

/**
 * A channel: AMQP's verbs, each blocking until the broker has answered unless it says otherwise, and on top of
 * them queues, exchanges and transactions as objects.
 *
 * Every call throws TypeError or RangeError for a wrong argument before anything is sent, TimeoutError
 * when `timeout` milliseconds pass (default: the connection's `callTimeout`), a ChannelClosedError (by
 * reply code: NotFoundError, PreconditionFailedError, …) when the broker closes the channel for it, a
 * ConnectionClosedError when the connection ends, and WrongStateError on a channel that is closed.
 * @example
 * channel.queueDeclare('tasks', { durable: true });
 * channel.basicPublish('hello', { routingKey: 'tasks' });
 * const message = channel.basicGet('tasks');
 */
export class Channel {
  readonly #parts: ChannelParts;
  #defaultExchange: Exchange | undefined;
  #transaction: Transaction | undefined;
  /** Whether `transaction` made the channel transactional, not the caller. */
  #isManaged = false;

  /**
   * The channel has ended: closed by the broker, by `close`, or with the connection (whose `onClose` comes behind).
   * Run once for each time it was opened, by the call that notices, before it throws the same error; else by the pump. What it
   * throws is thrown instead.
   */
  onClose: ((error: AmqpError) => void) | undefined;
  /** The broker has cancelled a consumer that has no `onCancel` of its own; run by the pump. */
  onCancel: CancelCallback | undefined;
  /** Called when a mandatory message comes back and no publish waits for it; run by the pump. */
  onReturn: ((message: ReturnedMessage) => void) | undefined;

  /** Use `connection.channel()`. */
  constructor(
    /** The connection it belongs to. */
    readonly connection: Connection,
    /** The channel number, 1 to `connection.channelMax`. */
    readonly id: number,
  ) {
    this.#parts = new ChannelParts(connection[SESSION], id, this, factoryOf(this));
  }

  get #session() {
    return this.#parts.session;
  }

  // ── what it is ──────────────────────────────────────────────────────────────────────────────────────

  /** False once it has ended, alone or with its connection, as far as this thread has seen. */
  get isOpen(): boolean {
    return this.#session.isOpen;
  }

  /** Why the channel is closed, if the broker or the network did it. */
  get lastError(): AmqpError | undefined {
    return this.#session.lastError;
  }

  /** `none`, or after `txSelect` or `confirmSelect` for good: `tx`, `confirm`. */
  get mode(): ChannelMode {
    return this.#parts.mode.current;
  }

  /** The tags of the consumers of this channel. */
  get consumerTags(): string[] {
    return this.#parts.consumers.tags;
  }

  /** @internal */
  get [PARTS](): ChannelParts {
    return this.#parts;
  }

  // ── exchanges ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare an exchange, or with `passive` check that it is there. Blocks for a round trip unless `noWait`.
   * @throws {PreconditionFailedError} 406, it exists with other properties
   * @throws {NotFoundError} 404, passive and missing
   * @see AMQP 0-9-1 §1.6.2.1 (exchange.declare)
   * @example
   * channel.exchangeDeclare('logs', 'fanout', { durable: true });
   */
  exchangeDeclare(exchange: string, ...given: [type?: string, options?: ExchangeDeclareOptions]): void {
    const [type, options = {}] = given.length === 0 ? ['direct'] : given;
    checkOptions('exchangeDeclare', options, NAMES.exchangeDeclare);
    checkString(exchange, 'exchange');
    checkKind(type, 'type', 'direct');
    this.#session.call('exchange.declare', { ...options, exchange, type }, options, exchange);
  }

  /**
   * Delete an exchange; deleting a missing one succeeds. Blocks for a round trip unless `noWait`.
   * @throws {PreconditionFailedError} 406, `ifUnused` and it has bindings
   * @see AMQP 0-9-1 §1.6.2.3 (exchange.delete)
   * @example
   * channel.exchangeDelete('logs', { ifUnused: true });
   */
  exchangeDelete(exchange: string, options: ExchangeDeleteOptions = {}): void {
    checkOptions('exchangeDelete', options, NAMES.exchangeDelete);
    checkString(exchange, 'exchange');
    this.#session.call('exchange.delete', { ...options, exchange }, options, exchange);
  }

  /**
   * Let `destination` receive from `source`. Blocks for a round trip unless `noWait`.
   * @throws {NotFoundError} 404, one of them is missing
   * @see RabbitMQ: exchange to exchange bindings (exchange.bind)
   * @example
   * channel.exchangeBind('audit', 'shop', { routingKey: 'order.#' });
   */
  exchangeBind(destination: string, source: string, options: ExchangeBindOptions = {}): void {
    checkOptions('exchangeBind', options, NAMES.exchangeBind);
    checkString(destination, 'destination');
    checkString(source, 'source');
    this.#session.call('exchange.bind', { ...options, destination, source }, options, destination);
  }

  /**
   * Undo `exchangeBind` with the same arguments. Blocks for a round trip unless `noWait`.
   * @example
   * channel.exchangeUnbind('audit', 'shop', { routingKey: 'order.#' });
   */
  exchangeUnbind(destination: string, source: string, options: ExchangeBindOptions = {}): void {
    checkOptions('exchangeUnbind', options, NAMES.exchangeBind);
    checkString(destination, 'destination');
    checkString(source, 'source');
    this.#session.call('exchange.unbind', { ...options, destination, source }, options, destination);
  }

  // ── queues ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare a queue, or with `passive` check that it is there. `''` lets the broker choose a name; from
   * then on `''` means this queue in other calls. Blocks for a round trip unless `noWait`.
   * @returns its name and counts (0 with `noWait`, when nobody answers)
   * @throws {PreconditionFailedError} 406, it exists with other properties
   * @throws {NotFoundError} 404, passive and missing
   * @throws {ResourceLockedError} 405, exclusive to another connection
   * @throws {InternalError} 541, neither durable nor exclusive: RabbitMQ 4.3 refuses that, unless its operator permits it
   * @see AMQP 0-9-1 §1.7.2.1 (queue.declare)
   * @example
   * const { queue } = channel.queueDeclare('', { exclusive: true });
   */
  queueDeclare(queue = '', options: QueueDeclareOptions = {}): DeclaredQueue {
    checkOptions('queueDeclare', options, NAMES.queueDeclare);
    if (options.noWait && queue === '')
      throw wrongType('queueDeclare: noWait needs a queue name, or nobody will know it');
    const name = options.passive ? this.#parts.queues.named(queue) : queue;
    const answer = this.#session.call('queue.declare', { ...options, queue: name }, options, queue);
    const declared = (answer?.args ?? {
      queue,
      messageCount: 0,
      consumerCount: 0,
    }) as Args<'queue.declare-ok'>;
    this.#parts.queues.last = declared.queue;
    if (!options.passive) this.#parts.host.queues.declared(declared.queue, options);
    return declared;
  }

  /**
   * Route messages from an exchange to a queue. Blocks for a round trip unless `noWait`.
   * @throws {NotFoundError} 404, queue or exchange is missing
   * @see AMQP 0-9-1 §1.7.2.3 (queue.bind)
   * @example
   * channel.queueBind('mails', 'shop', { routingKey: 'order.*' });
   */
  queueBind(queue: string, exchange: string, options: QueueBindOptions = {}): void {
    checkOptions('queueBind', options, NAMES.queueBind);
    checkString(queue, 'queue');
    checkString(exchange, 'exchange');
    this.#session.call(
      'queue.bind',
      { ...options, ...this.#parts.queues.binding(queue, options), exchange },
      options,
      exchange,
    );
  }

  /**
   * Undo `queueBind` with the same arguments. Blocks for a round trip.
   * @see AMQP 0-9-1 §1.7.2.5 (queue.unbind)
   * @example
   * channel.queueUnbind('mails', 'shop', { routingKey: 'order.*' });
   */
  queueUnbind(queue: string, exchange: string, options: QueueUnbindOptions = {}): void {
    checkOptions('queueUnbind', options, NAMES.queueUnbind);
    checkString(queue, 'queue');
    checkString(exchange, 'exchange');
    this.#session.call(
      'queue.unbind',
      { ...options, ...this.#parts.queues.binding(queue, options), exchange },
      options,
      exchange,
    );
  }

  /**
   * Remove all messages that are not waiting for an ack. Blocks for a round trip unless `noWait`.
   * @returns how many there were (0 with `noWait`)
   * @see AMQP 0-9-1 §1.7.2.7 (queue.purge)
   * @example
   * console.log(`${channel.queuePurge('tasks')} old messages removed`);
   */
  queuePurge(queue = '', options: QueuePurgeOptions = {}): number {
    checkOptions('queuePurge', options, NAMES.queuePurge);
    const answer = this.#session.call(
      'queue.purge',
      { ...options, queue: this.#parts.queues.named(queue) },
      options,
      queue,
    );
    return (answer?.args as Args<'queue.purge-ok'> | undefined)?.messageCount ?? 0;
  }

  /**
   * Delete a queue with its messages; deleting a missing one succeeds. Blocks for a round trip unless `noWait`.
   * @returns how many messages went with it (0 with `noWait`)
   * @throws {PreconditionFailedError} 406, `ifUnused` and it has consumers, or `ifEmpty` and it has messages
   * @see AMQP 0-9-1 §1.7.2.9 (queue.delete)
   * @example
   * channel.queueDelete('tasks', { ifUnused: true, ifEmpty: true });
   */
  queueDelete(queue = '', options: QueueDeleteOptions = {}): number {
    checkOptions('queueDelete', options, NAMES.queueDelete);
    const { host, queues } = this.#parts;
    const name = queues.named(queue);
    host.queues.deleting(name);
    const answer = this.#session.call('queue.delete', { ...options, queue: name }, options, queue);
    host.queues.deleted(name);
    return (answer?.args as Args<'queue.delete-ok'> | undefined)?.messageCount ?? 0;
  }

  // ── queues and exchanges as objects ─────────────────────────────────────────────────────────────────────

  /**
   * Declare a queue: one with a name is durable, one without (the broker makes a name) is exclusive and
   * autoDelete, unless you say otherwise. Blocks for a round trip.
   * @throws {PreconditionFailedError} 406, it exists with other arguments: `argument`, `wanted` and `got` say which
   * @throws {ResourceLockedError} 405, exclusive to another connection
   * @throws {NotFoundError} 404, `passive` and missing
   * @see AMQP 0-9-1 §1.7.2.1 (queue.declare)
   * @example
   * const orders = channel.declareQueue('orders', { type: 'quorum', deadLetterExchange: 'dead' });
   * const replies = channel.declareQueue();
   */
  declareQueue(name = '', options: QueueOptions = {}): Queue {
    checkOptions('declareQueue', options, QUEUE_OPTIONS);
    checkShortstr(name, 'name');
    checkGiven(options, 'type');
    const { passive, timeout } = options;
    checkBoolean(passive, 'passive');
    if (passive && name === '') throw wrongType('declareQueue: passive needs a name');
    if (passive) return this.getQueue(name, { timeout });
    const type = options.type ?? typeIn(options.arguments);
    const table = argumentsOf('declareQueue', options, QUEUE_ARGUMENTS, type);
    const isTemporary = name === '';
    const { exclusive = isTemporary, autoDelete = isTemporary } = options;
    // RabbitMQ 4.3 refuses what is neither durable nor exclusive
    const { durable = !isTemporary || !exclusive } = options;
    const flags = { durable, exclusive, autoDelete };
    if (type === 'quorum' || type === 'stream') refuseFleeting(type, name, flags);
    const { queue } = this.queueDeclare(name, { ...flags, arguments: table, timeout });
    return new Queue(this, queue, { ...flags, type, arguments: table });
  }

  /**
   * A queue that somebody else has declared. Blocks for a round trip, to see that it is there; with
   * `ensure: false` it does not.
   * @throws {NotFoundError} 404, no such queue; the channel is closed
   * @example
   * const tasks = channel.getQueue('tasks'); // NotFoundError if nobody declared it
   * for (const message of tasks) message.process(work);
   */
  getQueue(name: string, options: GetOptions = {}): Queue {
    checkOptions('getQueue', options, NAMES.getObject);
    if (checkShortstr(name, 'name') === '') throw wrongType('getQueue: name must not be empty');
    const { ensure = true, timeout } = options;
    checkBoolean(ensure, 'ensure');
    if (ensure) this.queueDeclare(name, { passive: true, timeout });
    return new Queue(this, name);
  }

  /**
   * Declare an exchange; it is durable unless you say otherwise, as queues with a name are. Blocks for a
   * round trip.
   * @throws {PreconditionFailedError} 406, it exists with other arguments: `argument`, `wanted` and `got` say which
   * @throws {CommandInvalidError} 503, no such type, and the connection is closed; RabbitMQ 4 closes the channel only,
   *   with PreconditionFailedError 406
   * @see AMQP 0-9-1 §1.6.2.1 (exchange.declare)
   * @example
   * const shop = channel.declareExchange('shop', 'topic', { alternateExchange: 'unrouted' });
   * const later = channel.declareExchange('later', 'direct', { delayed: true });
   */
  declareExchange(
    name: string,
    ...given: [type?: ExchangeType | (string & {}), options?: ExchangeOptions]
  ): Exchange {
    const [type, options = {}] = given.length === 0 ? [ExchangeType.Direct] : given;
    checkOptions('declareExchange', options, NAMES.declareExchange);
    checkShortstr(name, 'name');
    checkKind(type, 'type', ExchangeType.Direct);
    const {
      passive,
      timeout,
      delayed = false,
      durable = true,
      autoDelete = false,
      internal = false,
    } = options;
    checkBoolean(passive, 'passive');
    checkBoolean(delayed, 'delayed');
    if (passive) return this.getExchange(name, { timeout });
    const table = argumentsOf('declareExchange', options, EXCHANGE_ARGUMENTS, undefined);
    if (delayed) table['x-delayed-type'] = type;
    const flags = { durable, autoDelete, internal };
    const onWire = delayed ? ExchangeType.XDelayedMessage : type;
    this.exchangeDeclare(name, onWire, { ...flags, arguments: table, timeout });
    const isDelayed = onWire === ExchangeType.XDelayedMessage;
    return new Exchange(this, name, { ...flags, type, delayed: isDelayed, arguments: table });
  }

  /**
   * An exchange that somebody else has declared. Blocks for a round trip, to see that it is there; with
   * `ensure: false` it does not.
   * @throws {NotFoundError} 404, no such exchange; the channel is closed
   * @example
   * const shop = channel.getExchange('shop');
   * shop.publish('an order', 'order.created');
   */
  getExchange(name: string, options: GetOptions = {}): Exchange {
    checkOptions('getExchange', options, NAMES.getObject);
    if (checkShortstr(name, 'name') === '') return this.defaultExchange;
    const { ensure = true, timeout } = options;
    checkBoolean(ensure, 'ensure');
    if (ensure) this.exchangeDeclare(name, ExchangeType.Direct, { passive: true, timeout });
    return new Exchange(this, name);
  }

  /**
   * Routes to the queue whose name is the routing key. @see AMQP 0-9-1 §3.1.3.1
   * @example
   * const { defaultExchange } = channel;
   * defaultExchange.publish('a task', 'tasks');
   */
  get defaultExchange(): Exchange {
    this.#defaultExchange ??= new Exchange(this, '', {
      type: ExchangeType.Direct,
      durable: true,
      delayed: false,
    });
    return this.#defaultExchange;
  }

  // ── publishing ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Publish a message; properties stand beside the address. The body is copied before this returns.
   * Without confirm mode it blocks only while the connection's buffer is full. In confirm mode it returns
   * once the broker has taken responsibility.
   * @throws {NackError} confirm mode: the broker could not take it
   * @throws {UnroutableError} confirm mode and `mandatory`: no queue took it; carries the message
   * @throws {TimeoutError} `outcome` is `not-sent`, or `unknown` when only the confirm is missing
   * @throws {ConnectionClosedError} `outcome` is `unknown` when the connection was lost before the confirm came; with
   *   `recovery` it comes back, and `retry` publishes again instead of throwing
   * @throws {BlockedTimeoutError} the broker has blocked publishing for `blockedTimeout` ms; not sent
   * @see AMQP 0-9-1 §1.8.3.7 (basic.publish)
   * @example
   * channel.basicPublish('hello', { routingKey: 'tasks', deliveryMode: 2 });
   */
  basicPublish(body: BodyInput | Message, options: PublishOptions = {}): void {
    this.#parts.publisher.publish(body, options);
  }

  /**
   * Publish many messages in confirm mode with at most `window` unconfirmed ones. Blocks until each is
   * confirmed, and never throws for one of them: the results say what became of each, in order. Without `mandatory` one that
   * no queue takes is `acked`, and gone; `not-sent` is also one whose properties do not fit in a frame (see `frameMax`). When no more can be
   * sent (the channel is gone, a confirm is late), an array still has a result for each; any other iterable, which may
   * have no end, is asked for no more, and the results end with the message that was not sent.
   * @throws {WrongStateError} without `confirmSelect`
   * @returns what became of each; with `onResult`, which gets each result as soon as it is known, how many came to which end
   * @example
   * channel.confirmSelect();
   * const results = channel.publishBatch(lines, { routingKey: 'lines', mandatory: true, deliveryMode: 2 });
   * const lost = results.filter((result) => result.status !== 'acked');
   * @example
   * // millions, in flat memory
   * const onResult = ({ status }, index) => { if (status !== 'acked') console.error(index, status); };
   * const { acked } = channel.publishBatch(lines, { routingKey: 'lines', mandatory: true, deliveryMode: 2, onResult });
   */
  publishBatch(messages: Iterable<Publishing>, options: BatchOptions & ResultReceiver): BatchCounts;
  publishBatch(messages: Iterable<Publishing>, options?: BatchOptions): PublishResult[];
  publishBatch(
    messages: Iterable<Publishing>,
    options: BatchOptions & Partial<ResultReceiver> = {},
  ): PublishResult[] | BatchCounts {
    return publishBatch(this.#parts.publisher, messages, options);
  }

  /**
   * From now on the broker confirms what is published here. Blocks for a round trip; again: nothing.
   * @throws {WrongStateError} in a transactional channel
   * @see RabbitMQ: publisher confirms (confirm.select)
   * @example
   * channel.confirmSelect();
   * channel.basicPublish('hello', { routingKey: 'tasks', mandatory: true }); // the broker has it now
   */
  confirmSelect(options: ConfirmSelectOptions = {}): void {
    checkOptions('confirmSelect', options, NAMES.confirmSelect);
    this.#parts.publisher.confirmSelect(options);
  }

  /**
   * Wait for the confirms of everything published with `wait: false`, or timed out. Blocks. A mandatory
   * message that no queue took is confirmed, too: it is in `returnedMessages` then, or at `onReturn` with the
   * next `drainEvents`.
   * @returns true if nothing was nacked since the last call
   * @throws {TimeoutError} some are still missing
   * @example
   * channel.confirmSelect();
   * for (const line of lines) channel.basicPublish(line, { routingKey: 'lines', wait: false });
   * if (!channel.waitForConfirms()) console.log('the broker refused some');
   */
  waitForConfirms(options: CallOptions = {}): boolean {
    checkOptions('waitForConfirms', options, NAMES.timeout);
    return this.#parts.publisher.waitForConfirms(options);
  }

  /** The sequence number of the next publish in confirm mode; 0 outside of it. */
  get nextPublishSeqNo(): number {
    return this.#parts.publisher.nextSeqNo;
  }

  /** Mandatory messages that came back and that no publish waited for, if there is no `onReturn`; take them out yourself. */
  get returnedMessages(): ReturnedMessage[] {
    return this.#parts.publisher.returned as ReturnedMessage[];
  }

  // ── consuming ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Limit how many unsettled messages the broker sends ahead. Blocks for a round trip.
   * RabbitMQ: `global: false` is for each consumer started after this, `true` for the channel (since 4.3 for each
   * consumer too, unless its operator permits `global_qos`: `AMQP_SYNC_GLOBAL_PREFETCH` warns of it);
   * `prefetchSize` other than 0 closes the connection with 540.
   * @see AMQP 0-9-1 §1.8.3.1 (basic.qos)
   * @example
   * channel.basicQos({ prefetchCount: 10 });
   */
  basicQos(options: QosOptions): void {
    checkOptions('basicQos', options, NAMES.basicQos);
    this.#parts.consumers.limit(options);
  }

  /**
   * Limit how many unsettled messages the broker sends ahead to each consumer that starts after this. Blocks
   * for a round trip. It is `basicQos` by another name.
   * @example
   * channel.setQos({ prefetchCount: 1 }); // one after the other, to whoever is free
   */
  setQos(options: QosOptions): void {
    checkOptions('setQos', options, NAMES.setQos);
    this.basicQos(options);
  }

  /**
   * Start a consumer. Its callback runs in `drainEvents`, `loop`, `sleep` and iterators, never by itself.
   * Without an earlier `basicQos`, at most 100 unsettled messages are sent ahead. Blocks for a round trip.
   * @returns the consumer tag
   * @throws {NotFoundError} 404, no such queue
   * @throws {AccessRefusedError} 403, `exclusive` and it has consumers
   * @see AMQP 0-9-1 §1.8.3.3 (basic.consume)
   * @example
   * channel.basicConsume('tasks', (message) => { work(message.text); message.ack(); });
   * for (;;) connection.drainEvents();
   */
  basicConsume(queue: string, callback: MessageCallback, options: BasicConsumeOptions = {}): string {
    checkOptions('basicConsume', options, NAMES.basicConsume);
    checkFunction(callback, 'callback');
    return this.#parts.consumers.consume(queue, callback, options);
  }

  /**
   * Read a queue with a `for` loop. Leaving the loop in any way cancels the consumer and gives back what was sent
   * ahead: the next statement finds it in the queue. (What came with `noAck` is gone; in a transaction it is back
   * with the commit.) Blocks until there is a message; ends after `timeout` ms without one, or `limit` messages. With
   * `recovery` the loop goes on when the connection was lost.
   * @example
   * for (const message of channel.consume('tasks', { timeout: 5000 })) message.process(work);
   */
  consume(queue: string, options: ConsumeOptions = {}): MessageIterator {
    if (typeof options === 'function')
      throw wrongType(
        'consume: options must be an object, got a function; basicConsume(queue, callback) takes one',
      );
    checkOptions('consume', options, NAMES.consume);
    return new LoopedConsumer(this.#parts.consumers.iterate(queue, options), this.id);
  }

  /**
   * End a consumer; an unknown tag is no error. Messages it has brought but that were not handed to its
   * callback are in the queue again when this returns. Blocks for a round trip, and some more if there are such
   * messages; with `noWait` not at all, and what still comes is requeued by itself.
   * @see AMQP 0-9-1 §1.8.3.5 (basic.cancel)
   * @example
   * const tag = channel.basicConsume('tasks', (message) => message.ack());
   * connection.loop({ timeout: 1000 });
   * channel.basicCancel(tag);
   */
  basicCancel(consumerTag: string, options: BasicCancelOptions = {}): void {
    checkOptions('basicCancel', options, NAMES.basicCancel);
    checkString(consumerTag, 'consumerTag');
    this.#parts.consumers.cancel(consumerTag, options);
  }

  /**
   * Take one message from a queue, or `null` if it is empty. Blocks for one round trip. A reply that comes
   * after `timeout` is requeued by itself (with `noAck` it is lost, as the broker has forgotten it). With
   * `recovery` it is asked again when the connection was lost before the reply came.
   * @throws {NotFoundError} 404, no such queue
   * @throws {MessageTooLargeError} it is larger than `maxMessageSize`; it is unsettled and has a `deliveryTag`
   * @see AMQP 0-9-1 §1.8.3.10 (basic.get)
   * @example
   * const message = channel.basicGet('tasks');
   * if (message) { work(message.text); message.ack(); }
   */
  basicGet(queue = '', options: BasicGetOptions = {}): IncomingMessage | null {
    checkOptions('basicGet', options, NAMES.basicGet);
    return this.#parts.consumers.get<IncomingMessage>(queue, options);
  }

  /**
   * Ask the broker to deliver all unsettled messages of the channel again, with new tags. Blocks for a
   * round trip. RabbitMQ answers `requeue: false` by closing the connection with 540.
   * @see AMQP 0-9-1 §1.8.3.16 (basic.recover)
   * @example
   * channel.basicRecover();
   */
  basicRecover(options: BasicRecoverOptions = {}): void {
    checkOptions('basicRecover', options, NAMES.basicRecover);
    this.#parts.consumers.recover(options);
  }

  /** `basicRecover` without waiting; deprecated in the specification. @see AMQP 0-9-1 §1.8.3.15 */
  basicRecoverAsync(options: Omit<BasicRecoverOptions, 'timeout'> = {}): void {
    checkOptions('basicRecoverAsync', options, NAMES.basicRecoverAsync);
    this.#parts.consumers.recoverAsync(options);
  }

  // ── settling ────────────────────────────────────────────────────────────────────────────────────────

  /** Is this delivery still to be acked, nacked or rejected? */
  isUnsettled(deliveryTag: number): boolean {
    return this.#session.unacked.has(deliveryTag);
  }

  /**
   * Take responsibility for a message, or with `multiple` for all up to it (0: for all). Does not block.
   * @throws {AlreadySettledError} it was settled before, or needs no ack; nothing is sent, the channel lives
   * @throws {RangeError} no such message was delivered
   * @throws {StaleDeliveryError} with `recovery.staleDeliveries: 'error'`: the connection was recovered since; else
   *   that is no error, for the broker delivers the message again
   * @see AMQP 0-9-1 §1.8.3.13 (basic.ack)
   * @example
   * channel.basicAck(message.deliveryTag);
   * channel.basicAck(0, { multiple: true }); // all that came
   */
  basicAck(deliveryTag: number, options: AckOptions = NO_OPTIONS): void {
    if (options !== NO_OPTIONS) checkOptions('basicAck', options, NAMES.basicAck);
    this.#parts.settler.settle('basic.ack', deliveryTag, options);
  }

  /**
   * Give messages back (`requeue`, default true) or away. Does not block. Throws like `basicAck`.
   * @example
   * channel.basicNack(message.deliveryTag, { multiple: true }); // this one, and all before it
   */
  basicNack(deliveryTag: number, options: NackOptions = {}): void {
    checkOptions('basicNack', options, NAMES.basicNack);
    const { multiple, requeue = true } = options;
    this.#parts.settler.settle('basic.nack', deliveryTag, { multiple, requeue });
  }

  /**
   * Give a message away (dead letters), or back with `requeue: true`. Does not block. Throws like `basicAck`.
   * @example
   * channel.basicReject(message.deliveryTag);
   */
  basicReject(deliveryTag: number, options: RejectOptions = {}): void {
    checkOptions('basicReject', options, NAMES.basicReject);
    this.#parts.settler.settle('basic.reject', deliveryTag, { requeue: options.requeue });
  }

  // ── transactions ────────────────────────────────────────────────────────────────────────────────────

  /**
   * Make publishes and acks of this channel transactional, for good. Blocks for a round trip.
   * @throws {WrongStateError} in confirm mode
   * @see AMQP 0-9-1 §1.9.2.1 (tx.select)
   * @example
   * channel.txSelect();
   * channel.basicPublish('one', { routingKey: 'tasks' });
   * channel.txCommit();
   */
  txSelect(options: CallOptions = {}): void {
    checkOptions('txSelect', options, NAMES.timeout);
    this.#parts.transactions.select(options);
  }

  /**
   * Commit what was published and settled since the last commit. Blocks until the broker has committed.
   * @throws {TimeoutError | ConnectionClosedError} with `outcome: 'unknown'` when the answer never came
   * @throws {ConnectionLostError} `TRANSACTION_LOST`: the connection was recovered since it began; nothing of it is left
   * @see AMQP 0-9-1 §1.9.2.3 (tx.commit)
   */
  txCommit(options: CallOptions = {}): void {
    checkOptions('txCommit', options, NAMES.timeout);
    this.#parts.transactions.commit(options);
  }

  /**
   * Forget what was published and settled since the last commit; settled messages are unsettled again. Blocks.
   * @see AMQP 0-9-1 §1.9.2.5 (tx.rollback)
   * @example
   * channel.txSelect();
   * channel.basicPublish('one', { routingKey: 'tasks' });
   * channel.txRollback(); // nobody ever sees it
   */
  txRollback(options: CallOptions = {}): void {
    checkOptions('txRollback', options, NAMES.timeout);
    this.#parts.transactions.rollback(options);
  }

  /**
   * Run `fn` in a transaction: commit when it returns, roll back when it throws. Without `fn`, begin one to be
   * committed by hand; at the end of a `using` block it is rolled back if it was not. Blocks.
   *
   * It makes the channel transactional for good: what is settled between two transactions belongs to the next
   * one. Mandatory messages that come back do so at the commit, to `onReturn` or `returnedMessages`.
   * @throws {TypeError} when `fn` returns a promise; rolled back
   * @throws {WrongStateError} the channel is in confirm mode, or in a transaction already
   * @see AMQP 0-9-1 §1.9 (tx)
   * @example
   * channel.transaction(() => { queue.publish(result); message.ack(); });
   */
  transaction<T>(fn: (transaction: Transaction) => T): T;
  /** Begin a transaction to be committed by hand. Blocks for a round trip the first time. */
  transaction(): Transaction;
  transaction<T>(...given: [fn?: (transaction: Transaction) => T]): T | Transaction {
    const [fn] = given;
    // a function that is missing by mistake must not leave a transaction open
    if (given.length > 0) checkFunction(fn, 'fn');
    const transaction = this.#begin();
    return fn === undefined ? transaction : transaction[RUN](fn);
  }

  #begin(): Transaction {
    if (this.#transaction?.state === 'started') {
      throw new WrongStateError(`transaction: channel ${this.id} is in one already; open another channel`, {
        code: 'NESTED_TRANSACTION',
      });
    }
    if (this.mode !== 'tx') {
      this.txSelect();
      this.#isManaged = true;
    }
    this.#transaction = new Transaction(this);
    return this.#transaction;
  }

  // ── the channel itself ──────────────────────────────────────────────────────────────────────────────

  /**
   * Ask the broker to pause (`false`) or go on delivering. Blocks for a round trip.
   * @returns what the broker did
   *   RabbitMQ answers `false` by closing the connection with 540.
   * @see AMQP 0-9-1 §1.5.2.3 (channel.flow)
   */
  flow(active: boolean, options: CallOptions = {}): boolean {
    checkOptions('flow', options, NAMES.timeout);
    if (active === undefined) throw wrongType('active must be true or false, got undefined');
    const answer = this.#session.request('channel.flow', { active }, options);
    return (answer.args as Args<'channel.flow-ok'>).active;
  }

  /**
   * Close the channel: the broker requeues what is unsettled. Blocks for a round trip, at most `timeout`;
   * does nothing when it is closed.
   * @see AMQP 0-9-1 §1.5.2.5 (channel.close)
   * @example
   * channel.close();
   */
  close(options: CloseOptions = {}): void {
    const { timeout, ...reason } = closeOptions(options);
    this.#session.close(reason, timeout);
  }

  /**
   * Open a closed channel again, with its number. Blocks for a round trip. Consumers, prefetch and mode
   * are gone, and deliveries of before cannot be settled any more.
   * @throws {WrongStateError} another channel has the number by now, or the broker has not answered its close
   * @example
   * try {
   *   channel.queueDeclare('tasks', { passive: true });
   * } catch (error) {
   *   if (!(error instanceof NotFoundError)) throw error;
   *   channel.reopen(); // the broker has closed it
   * }
   */
  reopen(): void {
    if (this.isOpen) return;
    const session = this.#session;
    const { openings } = session;
    try {
      session.open();
    } finally {
      if (session.openings !== openings) {
        this.#transaction = undefined;
        this.#isManaged = false;
      }
    }
  }

  /** `close`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Let a publish be safe when it returns, or with the commit. @throws {WrongStateError} @internal */
  [READY](timeout: number | undefined): void {
    if (this.mode === 'none') this.confirmSelect({ timeout });
    if (this.mode !== 'tx' || !this.#isManaged || this.#transaction?.state === 'started') return;
    throw new WrongStateError(
      `publish: channel ${this.id} is transactional and in no transaction, so it would wait for the next one; publish inside transaction(), or on another channel`,
      { code: 'NO_TRANSACTION' },
    );
  }
}

showAs(Channel, ({ id, isOpen, mode, consumerTags }) => ({ channel: id, isOpen, mode, consumerTags }));
explainAmqplib(Channel.prototype, 'channel', AMQPLIB_CHANNEL);

/** Makes the messages of a channel, and the errors that carry one. */
function factoryOf(channel: Channel): MessageFactory {
  return {
    incoming: (consumer, tag, redelivered, exchange, routingKey, messageCount, noAck, body, properties) =>
      new IncomingMessage(
        channel,
        consumer,
        tag,
        redelivered,
        exchange,
        routingKey,
        messageCount,
        noAck,
        body,
        properties,
      ),
    returned: (replyCode, replyText, exchange, routingKey, body, properties) =>
      new ReturnedMessage(channel, replyCode, replyText, exchange, routingKey, body, properties),
    publishError: (publish, what) =>
      publishErrorOf(publish, what, (reason) => channel[PARTS].session.report(reason)),
  };
}

/** @throws {TypeError} it is something else, a connection for one */
export function checkChannel(value: unknown, what: string): void {
  if (value instanceof Channel) return;
  throw wrongType(
    `${what}: channel must be a Channel, as connection.channel() gives, got ${typeName(value)}`,
  );
}

/** RabbitMQ says so, too, but not so clearly. @throws {TypeError} */
function refuseFleeting(
  type: string,
  name: string,
  flags: { durable: boolean; exclusive: boolean; autoDelete: boolean },
): void {
  if (name === '') throw wrongType(`declareQueue: a ${type} queue needs a name`);
  const { durable, exclusive, autoDelete } = flags;
  if (durable && !exclusive && !autoDelete) return;
  const what = durable ? (exclusive ? 'exclusive' : 'autoDelete') : 'transient';
  throw wrongType(`declareQueue: a ${type} queue is durable and shared, it cannot be ${what}`);
}

/** The type that plain arguments give. */
function typeIn(table: TableInput = {}): QueueType | undefined {
  const type = Object.fromEntries(table instanceof Map ? table : Object.entries(table))['x-queue-type'];
  return typeof type === 'string' ? (type as QueueType) : undefined;
}
