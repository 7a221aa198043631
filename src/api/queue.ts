import { wrongType } from '../caller';
import type { BasicConsumeOptions, ConsumeOptions } from '../client/channel/consume-options';
import { type CallOptions, checkOptions, checkTimeout } from '../client/options/checks';
import type { BatchCounts, PublishResult, ResultReceiver } from '../client/options/publish-options';
import type { DeclaredQueue, QueueDeclareOptions, QueueDeleteOptions } from '../client/options/verb-options';
import type { TableInputValue } from '../protocol/field-table';
import { typeName } from '../protocol/wire';
import { showAs } from '../shown';
import {
  argumentsOf,
  CONSUMER_ARGUMENTS,
  type ConsumerArguments,
  QUEUE_ARGUMENTS,
  type QueueArguments,
  type QueueType,
} from './arguments';
import type { Channel, Publishing } from './channel';
import {
  BIND_OPTIONS,
  type BindOptions,
  type ExchangeBatchOptions,
  type ExchangePublishOptions,
} from './exchange';
import { SESSION } from './internals';
import type { BodyInput, IncomingMessage, Message } from './message';
import type { MessageCallback, MessageIterator } from './message-iterator';
import { type ExchangeName, nameOf } from './names';
import { type SubscribeOptions, Subscription } from './subscription';

/** How to declare a queue: AMQP's own flags, and the broker's arguments by name. */
export interface QueueOptions extends Omit<QueueDeclareOptions, 'noWait'>, QueueArguments {}
/** Options of `queue.consume`, whose callback settles its messages. */
export interface QueueConsumeOptions
  extends Omit<BasicConsumeOptions, 'noWait' | 'noLocal'>,
    ConsumerArguments {}
/** Options of `queue.iterator`, the `for` loop over a queue. */
export interface QueueIteratorOptions extends ConsumeOptions, ConsumerArguments {}

/** Options of `queue.get`. */
export interface QueueGetOptions {
  /** The message counts as acknowledged when it is sent; default false. */
  noAck?: boolean | undefined;
  /** Milliseconds to wait for a message; default 0: only one that is there. */
  timeout?: number | undefined;
}

/** What is known of a queue; of one that was not declared here, little. */
export interface QueueTraits {
  /** What kind of queue; undefined also where the broker chose. */
  readonly type?: QueueType | undefined;
  /** It survives a restart of the broker. */
  readonly durable?: boolean | undefined;
  /** For the connection alone that declared it, and gone with it. */
  readonly exclusive?: boolean | undefined;
  /** Gone with its last consumer. */
  readonly autoDelete?: boolean | undefined;
  /** The arguments it was declared with, as they were sent. */
  readonly arguments?: Readonly<Record<string, TableInputValue>> | undefined;
}

/** The names of `QueueOptions`. */
export const QUEUE_OPTIONS: ReadonlySet<string> = new Set([
  ...['passive', 'durable', 'autoDelete', 'exclusive', 'arguments', 'timeout'],
  ...Object.keys(QUEUE_ARGUMENTS),
]);

const BY_NAME = Object.keys(CONSUMER_ARGUMENTS);
const NAMES = {
  get: new Set(['noAck', 'timeout']),
  consume: new Set([
    ...['noAck', 'exclusive', 'consumerTag', 'prefetch', 'arguments', 'onCancel', 'timeout'],
    ...BY_NAME,
  ]),
  iterator: new Set([
    ...['noAck', 'exclusive', 'consumerTag', 'prefetch', 'arguments', 'limit', 'timeout'],
    ...BY_NAME,
  ]),
  cancel: new Set(['timeout']),
  purge: new Set(['timeout']),
  delete: new Set(['ifUnused', 'ifEmpty', 'timeout']),
};

/**
 * A queue: something to loop over. From `channel.declareQueue` or `getQueue`. Its methods throw as the verbs
 * of its channel do, see `Channel`.
 * @example
 * const queue = channel.declareQueue('tasks');
 * for (const message of queue) message.process(work);
 */
export class Queue implements QueueTraits, Iterable<IncomingMessage> {
  /**
   * What kind of queue it was declared as; undefined also where the broker chose, or of a queue that was not
   * declared here.
   */
  readonly type: QueueType | undefined;
  /** It survives a restart of the broker; undefined: not declared here. */
  readonly durable: boolean | undefined;
  /** For this connection alone, and gone with it; undefined: not declared here. */
  readonly exclusive: boolean | undefined;
  /** Gone with its last consumer; undefined: not declared here. */
  readonly autoDelete: boolean | undefined;
  /** The arguments it was declared with, as they were sent; undefined: not declared here. */
  readonly arguments: Readonly<Record<string, TableInputValue>> | undefined;
  readonly #name: string;

  /** Use `channel.declareQueue` or `channel.getQueue`. */
  constructor(
    /** The channel its methods use. */
    readonly channel: Channel,
    name: string,
    traits: QueueTraits = {},
  ) {
    this.#name = name;
    this.type = traits.type;
    this.durable = traits.durable;
    this.exclusive = traits.exclusive;
    this.autoDelete = traits.autoDelete;
    this.arguments = traits.arguments;
  }

  /** The name of the queue. One that the broker made is another after each recovery of the connection. */
  get name(): string {
    return this.channel.connection[SESSION].recovery.names.of(this.#name);
  }

  // ── bindings ────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Receive from an exchange; the routing key is the queue's name unless it is given. Blocks for a round trip.
   * @returns this queue
   * @throws {NotFoundError} 404, queue or exchange is missing
   * @example
   * channel.declareQueue('mails').bind('shop', 'order.created').bind('shop', 'order.paid');
   */
  bind(exchange: ExchangeName, routingKey = this.name, options: BindOptions = {}): this {
    checkOptions('bind', options, BIND_OPTIONS);
    this.channel.queueBind(this.name, nameOf(exchange, 'exchange'), { ...options, routingKey });
    return this;
  }

  /**
   * Undo `bind` with the same arguments. Blocks for a round trip.
   * @returns this queue
   * @example
   * queue.bind('shop', 'order.paid');
   * queue.unbind('shop', 'order.paid');
   */
  unbind(exchange: ExchangeName, routingKey = this.name, options: BindOptions = {}): this {
    checkOptions('unbind', options, BIND_OPTIONS);
    this.channel.queueUnbind(this.name, nameOf(exchange, 'exchange'), { ...options, routingKey });
    return this;
  }

  // ── messages out ────────────────────────────────────────────────────────────────────────────────────

  /** A `for` loop without options: prefetch 100 (or what `setQos` said), for ever. See `iterator`. */
  [Symbol.iterator](): MessageIterator {
    return this.iterator();
  }

  /**
   * Read the queue with a `for` loop. Blocks until there is a message; ends after `timeout` ms without one
   * (default: never), or after `limit` messages. Leaving the loop in any way cancels the consumer and requeues
   * what was sent ahead. (The broker deletes an `autoDelete` queue then.)
   * @throws {ConsumerCancelledError} the queue was deleted
   * @example
   * for (const message of queue.iterator({ prefetch: 10, timeout: 5000 })) message.process(work);
   */
  iterator(options: QueueIteratorOptions = {}): MessageIterator {
    checkOptions('iterator', options, NAMES.iterator);
    return this.channel.consume(this.name, this.#consuming('iterator', options));
  }

  /**
   * Take one message, or `null` if the queue is empty: at once, or after waiting for `timeout` ms. Blocks for a
   * round trip, and while it waits it looks again every 50 ms or sooner; callbacks do not run meanwhile.
   * @throws {TypeError} the queue was declared as a stream here; of another stream RabbitMQ closes the connection
   * @example
   * using message = queue.get({ timeout: 1000 }); // requeued if it is not settled
   */
  get(options: QueueGetOptions = {}): IncomingMessage | null {
    checkOptions('get', options, NAMES.get);
    const { noAck, timeout = 0 } = options;
    checkTimeout(timeout);
    this.#refuseStream('get is not possible: read it with a for loop, consume or subscribe');
    const { events } = this.channel.connection[SESSION];
    // a consumer would be told of a message, but an autoDelete queue would be gone with it
    const look = () => this.channel.basicGet(this.name, { noAck });
    const message = events.poll(look, `a message of queue "${this.name}"`, events.eventDeadline(timeout));
    if (message === null) events.checkLimit();
    return message;
  }

  /**
   * Start a consumer. `callback` gets each message in `connection.drainEvents`, `loop` and `sleep`, and settles
   * it. Blocks for a round trip.
   * @returns the consumer tag, for `cancel`
   * @throws {AccessRefusedError} 403, `exclusive` and the queue has consumers
   * @example
   * queue.consume((message) => { work(message.text); message.ack(); }, { prefetch: 10 });
   * for (;;) connection.drainEvents();
   */
  consume(callback: MessageCallback, options: QueueConsumeOptions = {}): string {
    if (typeof callback !== 'function') {
      throw wrongType(
        `consume: callback must be a function, got ${typeName(callback)}; iterator(options) is something to loop over`,
      );
    }
    checkOptions('consume', options, NAMES.consume);
    return this.channel.basicConsume(this.name, callback, this.#consuming('consume', options));
  }

  /**
   * End a consumer; what it has brought but its callback has not seen is requeued. Blocks for a round trip.
   * @example
   * const tag = queue.consume((message) => message.ack());
   * connection.loop({ timeout: 1000 }); queue.cancel(tag);
   */
  cancel(consumerTag: string, options: CallOptions = {}): void {
    checkOptions('cancel', options, NAMES.cancel);
    this.channel.basicCancel(consumerTag, options);
  }

  /**
   * Start a consumer that settles by itself: ack when `fn` returns, reject (`requeue`, default true) when it
   * throws; `fn` may also do it. A message that fails again goes back after a pause that grows (`requeuePause` of
   * `connect`), and quorum queues count that against their delivery limit. What `fn` throws is thrown by `drainEvents`, unless `onError` takes it.
   * Blocks for a round trip.
   * @throws {TypeError} from `drainEvents`: `fn` returned a promise; the message is requeued
   * @example
   * queue.subscribe((message) => work(message.json), { onError: retry({ max: 5, delay: { seconds: 10 } }) });
   * connection.loop();
   */
  subscribe(fn: MessageCallback, options: SubscribeOptions = {}): Subscription {
    return new Subscription(this, fn, options);
  }

  /** The options of a consumer with its arguments in one table. */
  #consuming<O extends QueueConsumeOptions | QueueIteratorOptions>(
    verb: string,
    options: O,
  ): Omit<O, keyof ConsumerArguments> {
    if (options.noAck) this.#refuseStream('noAck is not possible, and acknowledging costs nothing');
    const { priority, consumerTimeout, offset, filter, matchUnfiltered, ...rest } = options;
    const table = argumentsOf(verb, options, CONSUMER_ARGUMENTS, this.type);
    return { ...rest, arguments: table };
  }

  /** RabbitMQ would close the channel, or the whole connection. @throws {TypeError} */
  #refuseStream(why: string): void {
    const { queues } = this.channel.connection[SESSION];
    const isStream = this.type === 'stream' || queues.isStream(this.name);
    if (isStream) throw wrongType(`queue "${this.name}" is a stream: ${why}`);
  }

  // ── messages in, and the queue itself ───────────────────────────────────────────────────────────────

  /**
   * Publish to this queue, through the default exchange. Blocks until the broker has the message, and throws
   * like `Exchange.publish`.
   * @example
   * queue.publish('hello');
   */
  publish(message: BodyInput | Message, options: ExchangePublishOptions = {}): void {
    this.channel.defaultExchange.publish(message, this.name, options);
  }

  /**
   * Publish many messages to this queue. Blocks until each is confirmed, and says what became of each, like
   * `Exchange.publishBatch`.
   * @example
   * const lost = queue.publishBatch(lines).filter(({ status }) => status !== 'acked');
   */
  publishBatch(messages: Iterable<Publishing>, options: ExchangeBatchOptions & ResultReceiver): BatchCounts;
  publishBatch(messages: Iterable<Publishing>, options?: ExchangeBatchOptions): PublishResult[];
  publishBatch(
    messages: Iterable<Publishing>,
    options: ExchangeBatchOptions & Partial<ResultReceiver> = {},
  ): PublishResult[] | BatchCounts {
    return this.channel.defaultExchange.publishBatch(messages, this.name, options);
  }

  /**
   * How many messages are ready, and how many consumers there are, now. Blocks for a round trip.
   * @throws {NotFoundError} 404, it is gone; the channel is closed
   * @example
   * const { messageCount, consumerCount } = queue.status();
   * if (messageCount > 1000 && consumerCount === 0) alert(queue.name);
   */
  status(options: CallOptions = {}): DeclaredQueue {
    checkOptions('status', options, NAMES.purge);
    return this.channel.queueDeclare(this.name, { ...options, passive: true });
  }

  /**
   * Remove the messages that are ready. Blocks for a round trip.
   * @returns how many there were
   * @example
   * const { purge } = options;
   * if (purge) console.log(`${queue.purge()} old messages removed`);
   */
  purge(options: CallOptions = {}): number {
    checkOptions('purge', options, NAMES.purge);
    return this.channel.queuePurge(this.name, options);
  }

  /**
   * Delete it with its messages; deleting a missing one succeeds. Blocks for a round trip.
   * @returns how many messages went with it
   * @throws {PreconditionFailedError} 406, `ifUnused` and it has consumers, or `ifEmpty` and it has messages
   * @example
   * const lost = queue.delete({ ifUnused: true });
   * console.log(`${lost} messages were in it`);
   */
  delete(options: Omit<QueueDeleteOptions, 'noWait'> = {}): number {
    checkOptions('delete', options, NAMES.delete);
    return this.channel.queueDelete(this.name, options);
  }
}

showAs(Queue, ({ name, type, durable, exclusive, autoDelete, channel }) => ({
  ...{ queue: name, type, durable, exclusive, autoDelete },
  channel: channel.id,
}));
