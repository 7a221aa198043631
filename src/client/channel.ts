import { NackError, TimeoutError, UnroutableError, WrongStateError } from '../errors';
import type { Args, Input } from '../protocol/method-types';
import type { PropertiesInput } from '../protocol/properties';
import { type BatchOptions, type Publishing, type PublishResult, publishBatch } from './batch';
import { ChannelCore } from './channel-core';
import {
  type CallOptions,
  checkFunction,
  checkInteger,
  checkOptions,
  checkTimeout,
  optionNames,
  PUBLISH_OPTIONS,
} from './checks';
import type { Publish } from './confirms';
import {
  CallbackConsumer,
  type CancelCallback,
  type Consumer,
  DrainingConsumer,
  type MessageCallback,
  MessageIterator,
} from './consumer';
import {
  type BodyInput,
  bodyBytes,
  type IncomingMessage,
  Message,
  type ReturnedMessage,
  refusePromise,
  withEncoding,
} from './message';
import type { Answer } from './rpc';

type Options<M extends Parameters<typeof optionNames>[0], Positional extends string> = Omit<
  Input<M>,
  Positional
> &
  CallOptions;

export type ExchangeDeclareOptions = Options<'exchange.declare', 'exchange' | 'type'>;
export type ExchangeDeleteOptions = Options<'exchange.delete', 'exchange'>;
export type ExchangeBindOptions = Options<'exchange.bind', 'destination' | 'source'>;
export type QueueDeclareOptions = Options<'queue.declare', 'queue'>;
export type QueueBindOptions = Options<'queue.bind', 'queue' | 'exchange'>;
export type QueueUnbindOptions = Options<'queue.unbind', 'queue' | 'exchange'>;
export type QueuePurgeOptions = Options<'queue.purge', 'queue'>;
export type QueueDeleteOptions = Options<'queue.delete', 'queue'>;
export type QosOptions = Input<'basic.qos'> & CallOptions;
export type BasicGetOptions = Options<'basic.get', 'queue'>;
export type BasicConsumeOptions = Options<'basic.consume', 'queue'> & {
  /** The broker cancelled the consumer; without it, `drainEvents` throws ConsumerCancelledError. */
  onCancel?: CancelCallback | undefined;
};
export interface ConsumeOptions {
  noAck?: boolean | undefined;
  /** Unsettled messages at most; default 100, or what `basicQos` set. */
  prefetch?: number | undefined;
  exclusive?: boolean | undefined;
  arguments?: Input<'basic.consume'>['arguments'];
  consumerTag?: string | undefined;
  /** Milliseconds without a message after which the iteration ends; default: never. */
  timeout?: number | undefined;
  /** Messages after which the iteration ends; default: none. */
  limit?: number | undefined;
}
export type PublishOptions = Input<'basic.publish'> &
  PropertiesInput &
  CallOptions & {
    /** Confirm mode: false leaves waiting to `waitForConfirms`. Default true. */
    wait?: boolean | undefined;
  };
export interface CloseOptions {
  replyCode?: number | undefined;
  replyText?: string | undefined;
  /** Milliseconds for the broker's answer, default 5000; the channel is closed in any case. */
  timeout?: number | undefined;
}

/** What a queue.declare says of the queue. */
export interface DeclaredQueue {
  queue: string;
  messageCount: number;
  consumerCount: number;
}

const DEFAULT_PREFETCH = 100;
const CLOSE_TIMEOUT = 5000;

const NAMES = {
  exchangeDeclare: optionNames('exchange.declare', ['exchange', 'type']),
  exchangeDelete: optionNames('exchange.delete', ['exchange']),
  exchangeBind: optionNames('exchange.bind', ['destination', 'source']),
  queueDeclare: optionNames('queue.declare', ['queue']),
  queueBind: optionNames('queue.bind', ['queue', 'exchange']),
  queueUnbind: optionNames('queue.unbind', ['queue', 'exchange']),
  queuePurge: optionNames('queue.purge', ['queue']),
  queueDelete: optionNames('queue.delete', ['queue']),
  basicQos: optionNames('basic.qos', []),
  basicGet: optionNames('basic.get', ['queue']),
  basicConsume: optionNames('basic.consume', ['queue'], ['onCancel']),
  basicCancel: optionNames('basic.cancel', ['consumerTag']),
  basicAck: optionNames('basic.ack', ['deliveryTag']),
  basicNack: optionNames('basic.nack', ['deliveryTag']),
  basicReject: optionNames('basic.reject', ['deliveryTag']),
  basicRecover: optionNames('basic.recover', []),
  confirmSelect: optionNames('confirm.select', []),
  consume: new Set(['noAck', 'prefetch', 'exclusive', 'arguments', 'consumerTag', 'timeout', 'limit']),
  close: new Set(['replyCode', 'replyText', 'timeout']),
  timeout: new Set(['timeout']),
} as const;

/**
 * A channel: AMQP's verbs, each blocking until the broker has answered unless it says otherwise.
 *
 * Every verb throws TypeError or RangeError for a wrong argument before anything is sent, TimeoutError
 * when `timeout` milliseconds pass (default: the connection's `callTimeout`), a ChannelClosedError (by
 * reply code: NotFoundError, PreconditionFailedError, …) when the broker closes the channel for it, a
 * ConnectionClosedError when the connection ends, and WrongStateError on a channel that is closed.
 */
export class Channel extends ChannelCore {
  #lastQueue = '';
  #prefetchSet = false;

  /** Open a channel with the lowest free number, or with `id`. @internal Use `connection.channel()`. */
  static open(connection: Channel['connection'], id: number): Channel {
    const channel = new Channel(connection, id);
    connection.adopt(channel);
    channel.openUp();
    return channel;
  }

  /** Send with or without waiting: `noWait` methods have no reply. */
  #request<M extends Parameters<ChannelCore['request']>[0]>(
    method: M,
    args: Input<M>,
    options: CallOptions & { noWait?: boolean | undefined },
    subject: string,
  ): Answer | undefined {
    const timeout = options.timeout === undefined ? undefined : checkTimeout(options.timeout);
    if (options.noWait !== true) return this.request(method, args, { timeout });
    this.send(method, args, subject);
    return undefined;
  }

  // ── exchanges ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare an exchange, or with `passive` check that it is there. Blocks for a round trip unless `noWait`.
   * @throws {PreconditionFailedError} 406, it exists with other properties
   * @throws {NotFoundError} 404, passive and missing
   * @see AMQP 0-9-1 §1.6.2.1 (exchange.declare)
   *
   *     channel.exchangeDeclare('logs', 'fanout', { durable: true });
   */
  exchangeDeclare(exchange: string, type = 'direct', options: ExchangeDeclareOptions = {}): void {
    checkOptions('exchangeDeclare', options, NAMES.exchangeDeclare);
    this.#request('exchange.declare', { ...options, exchange, type }, options, exchange);
  }

  /**
   * Delete an exchange; deleting a missing one succeeds. Blocks for a round trip unless `noWait`.
   * @throws {PreconditionFailedError} 406, `ifUnused` and it has bindings
   * @see AMQP 0-9-1 §1.6.2.3 (exchange.delete)
   */
  exchangeDelete(exchange: string, options: ExchangeDeleteOptions = {}): void {
    checkOptions('exchangeDelete', options, NAMES.exchangeDelete);
    this.#request('exchange.delete', { ...options, exchange }, options, exchange);
  }

  /**
   * Let `destination` receive from `source`. Blocks for a round trip unless `noWait`.
   * @throws {NotFoundError} 404, one of them is missing
   * @see RabbitMQ: exchange to exchange bindings (exchange.bind)
   */
  exchangeBind(destination: string, source: string, options: ExchangeBindOptions = {}): void {
    checkOptions('exchangeBind', options, NAMES.exchangeBind);
    this.#request('exchange.bind', { ...options, destination, source }, options, destination);
  }

  /** Undo `exchangeBind` with the same arguments. Blocks for a round trip unless `noWait`. */
  exchangeUnbind(destination: string, source: string, options: ExchangeBindOptions = {}): void {
    checkOptions('exchangeUnbind', options, NAMES.exchangeBind);
    this.#request('exchange.unbind', { ...options, destination, source }, options, destination);
  }

  // ── queues ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare a queue, or with `passive` check that it is there. `''` lets the broker choose a name; from
   * then on `''` means this queue in other calls. Blocks for a round trip unless `noWait`.
   * @returns its name and counts (0 with `noWait`, when nobody answers)
   * @throws {PreconditionFailedError} 406, it exists with other properties
   * @throws {NotFoundError} 404, passive and missing
   * @throws {ResourceLockedError} 405, exclusive to another connection
   * @see AMQP 0-9-1 §1.7.2.1 (queue.declare)
   *
   *     const { queue } = channel.queueDeclare('', { exclusive: true });
   */
  queueDeclare(queue = '', options: QueueDeclareOptions = {}): DeclaredQueue {
    checkOptions('queueDeclare', options, NAMES.queueDeclare);
    if (options.noWait && queue === '')
      throw new TypeError('queueDeclare: noWait needs a queue name, or nobody will know it');
    const answer = this.#request('queue.declare', { ...options, queue }, options, queue);
    const declared = (answer?.args ?? {
      queue,
      messageCount: 0,
      consumerCount: 0,
    }) as Args<'queue.declare-ok'>;
    this.#lastQueue = declared.queue;
    return declared;
  }

  /**
   * Route messages from an exchange to a queue. Blocks for a round trip unless `noWait`.
   * @throws {NotFoundError} 404, queue or exchange is missing
   * @see AMQP 0-9-1 §1.7.2.3 (queue.bind)
   */
  queueBind(queue: string, exchange: string, options: QueueBindOptions = {}): void {
    checkOptions('queueBind', options, NAMES.queueBind);
    this.#request('queue.bind', { ...options, queue: this.#named(queue), exchange }, options, exchange);
  }

  /** Undo `queueBind` with the same arguments. Blocks for a round trip. @see AMQP 0-9-1 §1.7.2.5 */
  queueUnbind(queue: string, exchange: string, options: QueueUnbindOptions = {}): void {
    checkOptions('queueUnbind', options, NAMES.queueUnbind);
    this.#request('queue.unbind', { ...options, queue: this.#named(queue), exchange }, options, exchange);
  }

  /**
   * Remove all messages that are not waiting for an ack. Blocks for a round trip unless `noWait`.
   * @returns how many there were (0 with `noWait`)
   * @see AMQP 0-9-1 §1.7.2.7 (queue.purge)
   */
  queuePurge(queue = '', options: QueuePurgeOptions = {}): number {
    checkOptions('queuePurge', options, NAMES.queuePurge);
    const answer = this.#request('queue.purge', { ...options, queue: this.#named(queue) }, options, queue);
    return (answer?.args as Args<'queue.purge-ok'> | undefined)?.messageCount ?? 0;
  }

  /**
   * Delete a queue with its messages; deleting a missing one succeeds. Blocks for a round trip unless `noWait`.
   * @returns how many messages went with it (0 with `noWait`)
   * @throws {PreconditionFailedError} 406, `ifUnused` and it has consumers, or `ifEmpty` and it has messages
   * @see AMQP 0-9-1 §1.7.2.9 (queue.delete)
   */
  queueDelete(queue = '', options: QueueDeleteOptions = {}): number {
    checkOptions('queueDelete', options, NAMES.queueDelete);
    const answer = this.#request('queue.delete', { ...options, queue: this.#named(queue) }, options, queue);
    return (answer?.args as Args<'queue.delete-ok'> | undefined)?.messageCount ?? 0;
  }

  /** `''` is the queue declared last. RabbitMQ has the same rule, and answers 404 when there is none. */
  #named(queue: string): string {
    return queue === '' ? this.#lastQueue : queue;
  }

  // ── consuming ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Limit how many unsettled messages the broker sends ahead. Blocks for a round trip.
   * RabbitMQ: `global: false` is for each consumer started after this, `true` for the channel;
   * `prefetchSize` other than 0 closes the connection with 540.
   * @see AMQP 0-9-1 §1.8.3.1 (basic.qos)
   */
  basicQos(options: QosOptions): void {
    checkOptions('basicQos', options, NAMES.basicQos);
    this.#request('basic.qos', options, options, '');
    this.#prefetchSet = true;
  }

  /**
   * Start a consumer. Its callback runs in `drainEvents`, `loop`, `sleep` and iterators, never by itself.
   * Without an earlier `basicQos`, at most 100 unsettled messages are sent ahead. Blocks for a round trip.
   * @returns the consumer tag
   * @throws {NotFoundError} 404, no such queue
   * @throws {AccessRefusedError} 403, `exclusive` and it has consumers
   * @see AMQP 0-9-1 §1.8.3.3 (basic.consume)
   *
   *     channel.basicConsume('tasks', (message) => { work(message.text); message.ack(); });
   *     for (;;) connection.drainEvents();
   */
  basicConsume(queue: string, callback: MessageCallback, options: BasicConsumeOptions = {}): string {
    checkOptions('basicConsume', options, NAMES.basicConsume);
    checkFunction(callback, 'callback');
    const { onCancel, ...rest } = options;
    if (onCancel !== undefined) checkFunction(onCancel, 'onCancel');
    const consumer = new CallbackConsumer(this, options.noAck === true, callback, onCancel);
    if (!this.#prefetchSet && !options.noAck) this.basicQos({ prefetchCount: DEFAULT_PREFETCH });
    return this.#consume(queue, consumer, rest);
  }

  /**
   * Read a queue with a `for` loop. Leaving the loop in any way cancels the consumer and requeues what was
   * sent ahead (what came with `noAck` is gone). Blocks until there is a message; ends after `timeout` ms
   * without one, or `limit` messages.
   *
   *     for (const message of channel.consume('tasks', { timeout: 5000 })) message.process(work);
   */
  consume(queue: string, options: ConsumeOptions = {}): MessageIterator {
    checkOptions('consume', options, NAMES.consume);
    const {
      timeout = Number.POSITIVE_INFINITY,
      limit = Number.POSITIVE_INFINITY,
      prefetch,
      ...rest
    } = options;
    checkTimeout(timeout);
    if (limit !== Number.POSITIVE_INFINITY) checkInteger(limit, 'limit', 0, Number.MAX_SAFE_INTEGER);
    if (prefetch !== undefined) checkInteger(prefetch, 'prefetch', 0, 0xffff);
    const iterator = new MessageIterator(this, options.noAck === true, { timeout, limit });
    if (prefetch !== undefined || !this.#prefetchSet) {
      const wanted = prefetch ?? Math.min(DEFAULT_PREFETCH, Math.max(1, limit));
      this.request('basic.qos', { prefetchCount: wanted }, {});
    }
    this.#consume(queue, iterator, rest);
    return iterator;
  }

  #consume(
    queue: string,
    consumer: Consumer & { tag: string },
    options: Omit<BasicConsumeOptions, 'onCancel'>,
  ): string {
    const { consumerTag = '', noWait = false, timeout } = options;
    if (timeout !== undefined) checkTimeout(timeout);
    if (consumerTag !== '' && this.consumers.has(consumerTag)) {
      throw new WrongStateError(`channel ${this.id} has a consumer "${consumerTag}" already`, {
        code: 'DUPLICATE_TAG',
      });
    }
    const register = (tag: string) => {
      consumer.tag = tag;
      this.consumers.set(tag, consumer);
    };
    const args = { ...options, queue: this.#named(queue) };
    if (noWait) {
      if (consumerTag === '')
        throw new TypeError('basicConsume: noWait needs a consumerTag, or nobody will know it');
      this.send('basic.consume', args, queue);
      register(consumerTag);
      return consumerTag;
    }
    // deliveries may follow the reply at once: the consumer is there before they are looked at
    const tagOf = (answer: Answer) => (answer.args as Args<'basic.consume-ok'>).consumerTag;
    this.request(
      'basic.consume',
      args,
      { timeout },
      {
        accept: (answer) => register(tagOf(answer)),
        late: (answer) => this.#refuseConsumer(tagOf(answer), consumer.noAck),
      },
    );
    return consumer.tag;
  }

  /** Its caller has given up on it: end it, and give back what it brings until then. */
  #refuseConsumer(consumerTag: string, noAck: boolean): void {
    this.consumers.set(consumerTag, new DrainingConsumer(consumerTag, noAck, (tag) => this.giveBack(tag)));
    this.connection.pump.defer(() => this.send('basic.cancel', { consumerTag, noWait: true }, consumerTag));
  }

  /**
   * End a consumer; an unknown tag is no error. Messages it has brought but that were not handed to its
   * callback are requeued. Blocks for a round trip unless `noWait`.
   * @see AMQP 0-9-1 §1.8.3.5 (basic.cancel)
   */
  basicCancel(consumerTag: string, options: CallOptions & { noWait?: boolean | undefined } = {}): void {
    checkOptions('basicCancel', options, NAMES.basicCancel);
    this.#request('basic.cancel', { consumerTag, noWait: options.noWait }, options, consumerTag);
    const consumer = this.consumers.get(consumerTag);
    if (consumer === undefined) return;
    if (options.noWait) {
      this.consumers.set(
        consumerTag,
        new DrainingConsumer(consumerTag, consumer.noAck, (tag) => this.giveBack(tag)),
      );
    } else {
      this.consumers.delete(consumerTag);
    }
    const unseen = this.connection.dispatcher.retain(
      (event) => (event as Partial<IncomingMessage>).consumer !== consumer,
    );
    for (const message of unseen as IncomingMessage[])
      if (!message.isSettled) message.nack({ requeue: true });
  }

  /** The tags of the consumers of this channel. */
  get consumerTags(): string[] {
    return [...this.consumers.keys()];
  }

  /**
   * Take one message from a queue, or `null` if it is empty. Blocks for one round trip. A reply that comes
   * after `timeout` is requeued by itself (with `noAck` it is lost, as the broker has forgotten it).
   * @throws {NotFoundError} 404, no such queue
   * @throws {MessageTooLargeError} it is larger than `maxMessageSize`; it is unsettled and has a `deliveryTag`
   * @see AMQP 0-9-1 §1.8.3.10 (basic.get)
   *
   *     const message = channel.basicGet('tasks');
   *     if (message) { work(message.text); message.ack(); }
   */
  basicGet(queue = '', options: BasicGetOptions = {}): IncomingMessage | null {
    checkOptions('basicGet', options, NAMES.basicGet);
    const { noAck = false, timeout } = options;
    if (timeout !== undefined) checkTimeout(timeout);
    const answer = this.request(
      'basic.get',
      { queue: this.#named(queue), noAck },
      { timeout },
      {
        late: ({ content, args }) => {
          if (content !== undefined && !noAck) this.giveBack((args as Args<'basic.get-ok'>).deliveryTag);
        },
      },
    );
    return answer.content === undefined ? null : this.received(answer.content, undefined, noAck);
  }

  // ── settling ────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Take responsibility for a message, or with `multiple` for all up to it (0: for all). Does not block.
   * @throws {AlreadySettledError} it was settled before, or needs no ack; nothing is sent, the channel lives
   * @throws {RangeError} no such message was delivered
   * @see AMQP 0-9-1 §1.8.3.13 (basic.ack)
   */
  basicAck(deliveryTag: number, options: { multiple?: boolean | undefined } = {}): void {
    checkOptions('basicAck', options, NAMES.basicAck);
    this.#settle('basic.ack', deliveryTag, { multiple: options.multiple });
  }

  /** Give messages back (`requeue`, default true) or away. Does not block. Throws like `basicAck`. */
  basicNack(
    deliveryTag: number,
    options: { multiple?: boolean | undefined; requeue?: boolean | undefined } = {},
  ): void {
    checkOptions('basicNack', options, NAMES.basicNack);
    this.#settle('basic.nack', deliveryTag, { multiple: options.multiple, requeue: options.requeue ?? true });
  }

  /** Give a message away (dead letters), or back with `requeue: true`. Does not block. Throws like `basicAck`. */
  basicReject(deliveryTag: number, options: { requeue?: boolean | undefined } = {}): void {
    checkOptions('basicReject', options, NAMES.basicReject);
    this.#settle('basic.reject', deliveryTag, { requeue: options.requeue });
  }

  #settle(
    method: 'basic.ack' | 'basic.nack' | 'basic.reject',
    deliveryTag: number,
    how: { multiple?: boolean | undefined; requeue?: boolean | undefined },
  ): void {
    const multiple = how.multiple === true;
    checkInteger(deliveryTag, 'deliveryTag', multiple ? 0 : 1, Number.MAX_SAFE_INTEGER);
    this.checkOpen(method);
    this.deliveries.check(deliveryTag, multiple, this.id);
    this.send(method, { deliveryTag, ...how }, deliveryTag);
    this.deliveries.settle(deliveryTag, multiple);
  }

  /**
   * Ask the broker to deliver all unsettled messages of the channel again, with new tags. Blocks for a
   * round trip. RabbitMQ answers `requeue: false` by closing the connection with 540.
   * @see AMQP 0-9-1 §1.8.3.16 (basic.recover)
   */
  basicRecover(options: Input<'basic.recover'> & CallOptions = {}): void {
    checkOptions('basicRecover', options, NAMES.basicRecover);
    this.#request('basic.recover', { requeue: options.requeue ?? true }, options, '');
    this.deliveries.clear();
  }

  /** `basicRecover` without waiting; deprecated in the specification. @see AMQP 0-9-1 §1.8.3.15 */
  basicRecoverAsync(options: Input<'basic.recover-async'> = {}): void {
    checkOptions('basicRecoverAsync', options, NAMES.basicRecover);
    this.send('basic.recover-async', { requeue: options.requeue ?? true }, '');
    this.deliveries.clear();
  }

  // ── publishing ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Publish a message; properties stand beside the address. The body is copied before this returns.
   * Without confirm mode it blocks only while the connection's buffer is full. In confirm mode it returns
   * once the broker has taken responsibility.
   * @throws {NackError} confirm mode: the broker could not take it
   * @throws {UnroutableError} confirm mode and `mandatory`: no queue took it; carries the message
   * @throws {TimeoutError} `outcome` is `not-sent`, or `unknown` when only the confirm is missing
   * @throws {BlockedTimeoutError} the broker has blocked publishing for `blockedTimeout` ms; not sent
   * @see AMQP 0-9-1 §1.8.3.7 (basic.publish)
   *
   *     channel.basicPublish('hello', { routingKey: 'tasks', deliveryMode: 2 });
   */
  basicPublish(body: BodyInput | Message, options: PublishOptions = {}): void {
    checkOptions('basicPublish', options, PUBLISH_OPTIONS);
    const deadline = this.connection.deadline(
      options.timeout === undefined ? undefined : checkTimeout(options.timeout),
    );
    const publish = this.publishWithin(body, options, deadline);
    if (publish === undefined || options.wait === false) return;
    this.connection.pump.until(publish, deadline);
    if (publish.acked) return;
    throw this.publishError(publish);
  }

  /** Write one publish; in confirm mode returns what tracks it. @internal */
  publishWithin(body: BodyInput | Message, options: PublishOptions, deadline: number): Publish | undefined {
    const bytes = body instanceof Message ? body.body : bodyBytes(body);
    const properties =
      body instanceof Message ? { ...body.properties, ...options } : withEncoding(body, options);
    this.checkOpen('basic.publish');
    this.publishOne(options, properties, bytes, deadline);
    if (this.currentMode !== 'confirm') return undefined;
    const { exchange = '', routingKey = '', mandatory = false } = options;
    return this.confirms.track(exchange, routingKey, mandatory, bytes);
  }

  /** Why a publish was not acked. @internal */
  publishError(publish: Publish): Error {
    const { seqNo, exchange, routingKey, returned } = publish;
    const what = `publish ${seqNo} to exchange "${exchange}" with routing key "${routingKey}"`;
    if (publish.error !== undefined) return this.lostPublish(publish);
    if (returned !== undefined) {
      const { replyCode, replyText } = returned;
      return new UnroutableError<ReturnedMessage>(`${what} was returned: ${replyCode} ${replyText}`, {
        code: replyText,
        replyCode,
        replyText,
        method: 'basic.publish',
        message: returned,
      });
    }
    if (publish.nacked) {
      const message = new Message(publish.body);
      return new NackError<Message>(`${what} was refused by the broker (basic.nack)`, {
        method: 'basic.publish',
        message,
      });
    }
    return new TimeoutError(`${what} was not confirmed in time; it may or may not have arrived`, {
      method: 'basic.publish',
      outcome: 'unknown',
      recoverable: true,
    });
  }

  /**
   * Publish many messages in confirm mode with at most `window` unconfirmed ones. Blocks until each is
   * confirmed, and never throws for one of them: the results say what became of each, in order.
   * @throws {WrongStateError} without `confirmSelect`
   *
   *     const results = channel.publishBatch(lines, { routingKey: 'lines', window: 500 });
   *     const lost = results.filter((result) => result.status !== 'acked');
   */
  publishBatch(messages: Iterable<Publishing>, options: BatchOptions = {}): PublishResult[] {
    return publishBatch(this, messages, options);
  }

  /**
   * Wait for the confirms of everything published with `wait: false`, or timed out. Blocks.
   * @returns true if nothing was nacked since the last call
   * @throws {TimeoutError} some are still missing
   */
  waitForConfirms(options: CallOptions = {}): boolean {
    checkOptions('waitForConfirms', options, NAMES.timeout);
    this.checkMode('confirm', 'waitForConfirms');
    this.checkOpen('waitForConfirms');
    const { confirms, connection } = this;
    connection.pump.until(
      confirms,
      connection.deadline(options.timeout === undefined ? undefined : checkTimeout(options.timeout)),
    );
    if (this.untold !== undefined) throw this.tell(this.untold);
    if (!confirms.settled) {
      throw new TimeoutError(
        `${confirms.outstanding} publishes on channel ${this.id} were not confirmed in time`,
        {
          outcome: 'unknown',
          recoverable: true,
        },
      );
    }
    return !confirms.takeNacked();
  }

  /** The sequence number of the next publish in confirm mode; 0 outside of it. */
  get nextPublishSeqNo(): number {
    return this.currentMode === 'confirm' ? this.confirms.nextSeqNo : 0;
  }

  /** Mandatory messages that came back outside of confirm mode, if there is no `onReturn`; take them out yourself. */
  get returnedMessages(): ReturnedMessage[] {
    return this.returns;
  }

  /**
   * From now on the broker confirms what is published here. Blocks for a round trip; again: nothing.
   * @throws {WrongStateError} in a transactional channel
   * @see RabbitMQ: publisher confirms (confirm.select)
   */
  confirmSelect(options: Input<'confirm.select'> & CallOptions = {}): void {
    checkOptions('confirmSelect', options, NAMES.confirmSelect);
    if (this.currentMode === 'confirm') return;
    this.checkMode('none', 'confirmSelect');
    this.#request('confirm.select', { noWait: options.noWait }, options, '');
    this.currentMode = 'confirm';
  }

  // ── transactions ────────────────────────────────────────────────────────────────────────────────────

  /**
   * Make publishes and acks of this channel transactional, for good. Blocks for a round trip.
   * @throws {WrongStateError} in confirm mode
   * @see AMQP 0-9-1 §1.9.2.1 (tx.select)
   */
  txSelect(options: CallOptions = {}): void {
    checkOptions('txSelect', options, NAMES.timeout);
    if (this.currentMode !== 'tx') this.checkMode('none', 'txSelect');
    this.#request('tx.select', {}, options, '');
    this.currentMode = 'tx';
    this.deliveries.begin();
  }

  /**
   * Commit what was published and settled since the last commit. Blocks until the broker has committed.
   * @throws {TimeoutError | ConnectionClosedError} with `outcome: 'unknown'` when the answer never came
   * @see AMQP 0-9-1 §1.9.2.3 (tx.commit)
   */
  txCommit(options: CallOptions = {}): void {
    checkOptions('txCommit', options, NAMES.timeout);
    this.checkMode('tx', 'txCommit');
    this.#request('tx.commit', {}, options, '');
    this.deliveries.commit();
  }

  /** Forget what was published and settled since the last commit; settled messages are unsettled again. Blocks. */
  txRollback(options: CallOptions = {}): void {
    checkOptions('txRollback', options, NAMES.timeout);
    this.checkMode('tx', 'txRollback');
    this.#request('tx.rollback', {}, options, '');
    this.deliveries.rollback();
  }

  /**
   * Run `fn` in a transaction: commit when it returns, roll back when it throws. Blocks.
   * @throws {TypeError} when `fn` returns a promise; rolled back
   *
   *     channel.transaction(() => { channel.basicPublish(result, { routingKey: 'out' }); message.ack(); });
   */
  transaction<T>(fn: () => T): T {
    checkFunction(fn, 'fn');
    if (this.currentMode !== 'tx') this.txSelect();
    let result: T;
    try {
      result = refusePromise(fn(), 'transaction');
    } catch (error) {
      if (this.isOpen) this.txRollback();
      throw error;
    }
    this.txCommit();
    return result;
  }

  /** @throws {WrongStateError} @internal */
  checkMode(wanted: 'none' | 'tx' | 'confirm', verb: string): void {
    if (this.currentMode === wanted) return;
    const hint =
      wanted === 'none'
        ? `channel ${this.id} is in ${this.currentMode} mode, and the two exclude each other; open another channel`
        : `call ${wanted === 'tx' ? 'txSelect' : 'confirmSelect'} on channel ${this.id} first`;
    throw new WrongStateError(`${verb}: ${hint}`, { code: 'WRONG_MODE' });
  }

  // ── the channel itself ──────────────────────────────────────────────────────────────────────────────

  /**
   * Ask the broker to pause (`false`) or go on delivering. Blocks for a round trip.
   * @returns what the broker did
   * RabbitMQ answers `false` by closing the connection with 540. @see AMQP 0-9-1 §1.5.2.3 (channel.flow)
   */
  flow(active: boolean, options: CallOptions = {}): boolean {
    checkOptions('flow', options, NAMES.timeout);
    const answer = this.#request('channel.flow', { active }, options, '') as Answer;
    return (answer.args as Args<'channel.flow-ok'>).active;
  }

  /**
   * Close the channel: the broker requeues what is unsettled. Blocks for a round trip, at most `timeout`;
   * does nothing when it is closed.
   * @see AMQP 0-9-1 §1.5.2.5 (channel.close)
   */
  close(options: CloseOptions = {}): void {
    checkOptions('close', options, NAMES.close);
    const { replyCode = 200, replyText = 'Normal shutdown', timeout = CLOSE_TIMEOUT } = options;
    this.closeDown({ replyCode, replyText }, checkTimeout(timeout));
  }

  /**
   * Open a closed channel again, with its number. Blocks for a round trip. Consumers, prefetch and mode
   * are gone, and deliveries of its earlier life cannot be settled any more.
   * @throws {WrongStateError} another channel has the number by now
   */
  reopen(): void {
    if (this.isOpen) return;
    this.connection.adopt(this);
    this.#lastQueue = '';
    this.#prefetchSet = false;
    this.openUp();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
