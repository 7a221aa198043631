import { wrongType } from '../caller';
import { type AmqpError, MessageTooLargeError, wasSent } from '../errors';
import type { Args, Input } from '../protocol/method-types';
import { ProtocolViolation } from '../protocol/violation';
import { SettlingChannel } from './channel-settling';
import {
  type CallOptions,
  checkBoolean,
  checkFunction,
  checkInteger,
  checkOptions,
  checkString,
  checkTimeout,
} from './checks';
import {
  type BasicConsumeOptions,
  type BasicGetOptions,
  type ConsumeOptions,
  DEFAULT_PREFETCH,
  NAMES,
  type QosOptions,
} from './consume-options';
import {
  CallbackConsumer,
  type CancelCallback,
  type Consumer,
  cancelled,
  DrainingConsumer,
  IteratorConsumer,
  type MessageCallback,
  type MessageIterator,
  notRestarted,
} from './consumer';
import { Consumers } from './consumers';
import { IncomingMessage, tooLarge } from './message';
import type { RecoveryFailure } from './recovery-info';
import { giveBack } from './requeuing';
import { type Answer, contentOf } from './rpc';
import { follow, isRepeated } from './stream-following';

const FOREVER = Number.POSITIVE_INFINITY;

/** The verbs that bring messages and settle them. */
export abstract class ConsumingChannel extends SettlingChannel {
  readonly #consumers = new Consumers(this.id, this.#giveBack.bind(this));
  #prefetchSet = false;

  /** The broker has cancelled a consumer that has no `onCancel` of its own; run by the pump. */
  onCancel: CancelCallback | undefined;
  /** What `basicQos` said for the consumers to come. */
  #prefetch: number | undefined;

  // ── consuming ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Limit how many unsettled messages the broker sends ahead. Blocks for a round trip.
   * RabbitMQ: `global: false` is for each consumer started after this, `true` for the channel;
   * `prefetchSize` other than 0 closes the connection with 540.
   * @see AMQP 0-9-1 §1.8.3.1 (basic.qos)
   */
  basicQos(options: QosOptions): void {
    checkOptions('basicQos', options, NAMES.basicQos);
    this.call('basic.qos', options, options, '');
    this.limited(options.prefetchCount ?? 0);
    this.#prefetchSet = true;
    if (options.global !== true) this.#prefetch = options.prefetchCount ?? 0;
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
    const { onCancel, prefetch, ...rest } = options;
    if (prefetch !== undefined) checkInteger(prefetch, 'prefetch', 0, 0xffff);
    if (onCancel !== undefined) checkFunction(onCancel, 'onCancel');
    const consumer = new CallbackConsumer(this.self, options.noAck === true, callback, onCancel);
    this.validate('basic.consume', { ...rest, queue });
    const isChosen = this.#prefetchSet;
    if (prefetch !== undefined) this.request('basic.qos', { prefetchCount: prefetch }, {});
    else if (!this.#prefetchSet && !options.noAck) this.basicQos({ prefetchCount: DEFAULT_PREFETCH });
    consumer.window.size = prefetch ?? this.#prefetch ?? 0;
    consumer.window.isChosen = prefetch !== undefined || isChosen;
    const tag = this.startConsumer(queue, consumer, rest);
    if (prefetch !== undefined) this.#restorePrefetch(prefetch);
    return tag;
  }

  /**
   * Read a queue with a `for` loop. Leaving the loop in any way cancels the consumer and gives back what was sent
   * ahead: the next statement finds it in the queue. (What came with `noAck` is gone; in a transaction it is back
   * with the commit.) Blocks until there is a message; ends after `timeout` ms without one, or `limit` messages. With
   * `recovery` the loop goes on when the connection was lost.
   *
   *     for (const message of channel.consume('tasks', { timeout: 5000 })) message.process(work);
   */
  consume(queue: string, options: ConsumeOptions = {}): MessageIterator {
    if (typeof options === 'function')
      throw wrongType(
        'consume: options must be an object, got a function; basicConsume(queue, callback) takes one',
      );
    checkOptions('consume', options, NAMES.consume);
    const { timeout = FOREVER, limit = FOREVER, prefetch, ...rest } = options;
    checkTimeout(timeout);
    if (limit !== FOREVER) checkInteger(limit, 'limit', 0, Number.MAX_SAFE_INTEGER);
    if (prefetch !== undefined) checkInteger(prefetch, 'prefetch', 0, 0xffff);
    const iterator = new IteratorConsumer(this.self, options.noAck === true, { timeout, limit });
    this.validate('basic.consume', { ...rest, queue });
    iterator.window.size = this.#prefetch ?? 0;
    iterator.window.isChosen = prefetch !== undefined || this.#prefetchSet || Number.isFinite(limit);
    if (prefetch !== undefined || !this.#prefetchSet) {
      // a loop that settles nothing still reaches its limit
      const wanted =
        prefetch ?? (Number.isFinite(limit) ? Math.min(Math.max(1, limit), 0xffff) : DEFAULT_PREFETCH);
      this.request('basic.qos', { prefetchCount: wanted }, {});
      this.limited(wanted);
      iterator.window.size = wanted;
    }
    this.startConsumer(queue, iterator, rest);
    if (prefetch !== undefined) this.#restorePrefetch(prefetch);
    return iterator;
  }

  /** The prefetch of one consumer is its own; consumers to come have theirs. */
  #restorePrefetch(own: number): void {
    this.limited(own);
    if (this.#prefetch !== undefined) this.request('basic.qos', { prefetchCount: this.#prefetch }, {});
  }

  /** Start a consumer of any kind. @returns its tag @internal */
  startConsumer(
    queue: string,
    consumer: Consumer & { tag: string },
    options: Omit<BasicConsumeOptions, 'onCancel' | 'prefetch'>,
  ): string {
    const { consumerTag = '', noWait = false, timeout } = options;
    if (timeout !== undefined) checkTimeout(timeout);
    this.#consumers.checkNew(consumerTag);
    const register = (tag: string) => {
      this.#consumers.add(tag, consumer);
      consumer.tag = tag;
      if (consumer.isStream) follow(this.self, consumer);
      if (!options.exclusive && this.connection.lastingQueues.has(args.queue))
        consumer.backlog?.watch(this.id, { ...args, consumerTag: tag }, this.connection.frameMax);
    };
    if (consumer instanceof CallbackConsumer) this.connection.dispatcher.isServed = false;
    const args = { ...options, queue: this.queueNamed(queue) };
    consumer.isStream = this.isStream(args);
    consumer.queue = args.queue;
    if (noWait) {
      if (consumerTag === '')
        throw wrongType('basicConsume: noWait needs a consumerTag, or nobody will know it');
      this.send('basic.consume', args, queue);
      register(consumerTag);
      return consumerTag;
    }
    this.#consumers.expect(consumerTag);
    // deliveries may follow the reply at once: the consumer is there before they are looked at
    const started = (then: (tag: string) => void) => (answer: Answer) => {
      this.#consumers.answered(consumerTag);
      then((answer.args as Args<'basic.consume-ok'>).consumerTag);
    };
    const unwanted = (tag: string) => this.connection.pump.defer(() => this.#dismiss(tag, consumer));
    try {
      this.request(
        'basic.consume',
        args,
        { timeout },
        { accept: started(register), late: started(unwanted) },
      );
    } catch (error) {
      if (!wasSent(error)) this.#consumers.answered(consumerTag);
      throw error;
    }
    return consumer.tag;
  }

  /** End a consumer without waiting: until the broker has answered, what it brings goes back. */
  #dismiss(consumerTag: string, consumer: Consumer): void {
    this.ask('basic.cancel', { consumerTag }, this.#consumers.drain(consumerTag, consumer));
  }

  /**
   * End a consumer; an unknown tag is no error. Messages it has brought but that were not handed to its
   * callback are in the queue again when this returns. Blocks for a round trip, and some more if there are such
   * messages; with `noWait` not at all, and what still comes is requeued by itself.
   * @see AMQP 0-9-1 §1.8.3.5 (basic.cancel)
   */
  basicCancel(consumerTag: string, options: CallOptions & { noWait?: boolean | undefined } = {}): void {
    checkOptions('basicCancel', options, NAMES.basicCancel);
    checkString(consumerTag, 'consumerTag');
    checkBoolean(options.noWait, 'noWait');
    this.#consumers.check(consumerTag);
    const consumer = this.#consumers.get(consumerTag);
    consumer?.backlog?.unwatch();
    if (options.noWait && consumer !== undefined) this.#dismiss(consumerTag, consumer);
    else this.#cancel(consumerTag, consumer, options);
    const unseen = this.connection.dispatcher.retain(
      (event) => consumer === undefined || (event as Partial<IncomingMessage>).consumer !== consumer,
    );
    consumer?.backlog?.drop();
    if (options.noWait) for (const message of unseen as IncomingMessage[]) message[Symbol.dispose]();
    else giveBack(this.self, consumer?.queue ?? '', unseen as IncomingMessage[]);
  }

  #cancel(
    consumerTag: string,
    consumer: Consumer | undefined,
    options: CallOptions & { noWait?: boolean | undefined },
  ): void {
    let gone = () => this.#consumers.end(consumerTag);
    try {
      const handlers = { accept: () => gone(), late: () => gone() };
      if (options.noWait) this.ask('basic.cancel', { consumerTag }, gone);
      else this.request('basic.cancel', { consumerTag }, options, handlers);
    } finally {
      const isLeft = consumer !== undefined && this.isOpen && this.#consumers.get(consumerTag) === consumer;
      if (isLeft) gone = this.#consumers.drain(consumerTag, consumer);
    }
  }

  /** A consumer gets no more before the program settles something. `isEndless`: the program waits without a limit. @internal */
  isStuck(isEndless: boolean): boolean {
    for (const { window } of this.#consumers.all())
      if (window?.isFull && (isEndless || !window.isChosen)) return true;
    return false;
  }

  /** The tags of the consumers of this channel. */
  get consumerTags(): string[] {
    return this.#consumers.tags;
  }

  /**
   * Take one message from a queue, or `null` if it is empty. Blocks for one round trip. A reply that comes
   * after `timeout` is requeued by itself (with `noAck` it is lost, as the broker has forgotten it). With
   * `recovery` it is asked again when the connection was lost before the reply came.
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
      { queue: this.queueNamed(queue), noAck },
      { timeout },
      {
        late: ({ content, args }) => {
          const { deliveryTag } = args as Args<'basic.get-ok'>;
          if (content !== undefined && !noAck) this.#giveBack(this.deliveries.add(deliveryTag, noAck));
        },
      },
    );
    return answer.content === undefined ? null : this.#message(answer, undefined, noAck);
  }

  // ── recovering ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Ask the broker to deliver all unsettled messages of the channel again, with new tags. Blocks for a
   * round trip. RabbitMQ answers `requeue: false` by closing the connection with 540.
   * @see AMQP 0-9-1 §1.8.3.16 (basic.recover)
   */
  basicRecover(options: Input<'basic.recover'> & CallOptions = {}): void {
    checkOptions('basicRecover', options, NAMES.basicRecover);
    const again = () => this.#forgetDeliveries();
    this.request('basic.recover', { requeue: options.requeue ?? true }, options, {
      accept: again,
      late: again,
    });
  }

  /** `basicRecover` without waiting; deprecated in the specification. @see AMQP 0-9-1 §1.8.3.15 */
  basicRecoverAsync(options: Input<'basic.recover-async'> = {}): void {
    checkOptions('basicRecoverAsync', options, NAMES.basicRecoverAsync);
    this.send('basic.recover-async', { requeue: options.requeue ?? true }, '');
    this.#forgetDeliveries();
  }

  /** What was delivered comes again, with new tags; what waits here of it is meaningless. */
  #forgetDeliveries(): void {
    this.deliveries.clear();
    for (const consumer of this.#consumers.all()) consumer.forget();
    this.connection.dispatcher.retain(
      (event) => !(event instanceof IncomingMessage) || event.channel !== this.self || event.noAck,
    );
  }

  // ── what the broker sends ───────────────────────────────────────────────────────────────────────────

  /** @internal */
  protected override renew(): void {
    super.renew();
    this.#prefetchSet = false;
    this.#prefetch = undefined;
  }

  /** @internal */
  protected override paused(error: AmqpError): void {
    super.paused(error);
    this.#forgetDeliveries();
    this.#consumers.interrupted(this.owed('basic.consume').map(({ consumerTag = '' }) => consumerTag));
    for (const consumer of this.#consumers.all()) consumer.interrupted?.(error);
  }

  /** The connection has been recovered, and on this channel the consumers with these tags. @internal */
  consumersResumed(tags: readonly string[], failures: readonly RecoveryFailure[]): void {
    const { connection } = this;
    const current = connection.lives.current.bind(connection.lives);
    for (const consumer of [...this.#consumers.all()]) {
      const { tag } = consumer;
      const failure = failures.find(({ name }) => name === tag);
      const isGone = failure !== undefined || (consumer instanceof DrainingConsumer && !tags.includes(tag));
      if (!isGone) {
        consumer.backlog?.renew(current, connection.frameMax);
        continue;
      }
      this.#consumers.end(tag);
      consumer.backlog?.unwatch();
      if (failure !== undefined) consumer.ended(notRestarted(tag, failure.error));
    }
  }

  /** @internal */
  protected override aside(method: string | undefined): string {
    const watched = [...this.#consumers.all()].some(({ backlog }) => backlog?.isWatched);
    if (method !== 'basic.consume' || !watched) return '';
    return '; its consumer had been suspended because this program did not read, and was to be started again';
  }

  /** @internal */
  protected override ending(): void {
    for (const consumer of this.#consumers.all()) consumer.backlog?.unwatch();
  }

  /** The broker requeues what is unsettled; what is queued here of it is meaningless now. @internal */
  protected override ended(reason: AmqpError): void {
    super.ended(reason);
    this.#forgetDeliveries();
    for (const consumer of this.#consumers.all()) consumer.ended(reason);
    this.ending();
    this.#consumers.clear();
  }

  /** @internal */
  protected override handle(answer: Answer): void {
    switch (answer.plan.name) {
      case 'basic.deliver':
        return this.#delivered(answer);
      case 'basic.cancel':
        return this.#cancelledByBroker((answer.args as Args<'basic.cancel'>).consumerTag);
      default:
        return super.handle(answer);
    }
  }

  /**
   * A delivery goes to its consumer, or back if that has ended. One of an earlier channel with the number is nobody's:
   * its tag says nothing to the broker any more, or means another message. So is one for a tag that was never known
   * here; whether that wants an answer only its consumer would know, and a wrong one closes the channel. It stays
   * unsettled until the channel ends.
   */
  #delivered(answer: Answer): void {
    const { consumerTag, deliveryTag } = answer.args as Args<'basic.deliver'>;
    if (this.late.includes(deliveryTag, this.nextDelivery)) return;
    const consumer = this.#consumers.receiver(consumerTag);
    if (consumer === undefined) return void this.deliveries.add(deliveryTag, true);
    try {
      const message = this.#message(answer, consumer, consumer.noAck);
      if (isRepeated(message, consumer)) this.#giveBack(message.deliveryTag, true);
      else consumer.deliver(message);
    } catch (error) {
      if (!(error instanceof MessageTooLargeError)) throw error;
      this.connection.dispatcher.push({
        dispatch: () => {
          throw error;
        },
      });
    }
  }

  #cancelledByBroker(consumerTag: string): void {
    const consumer = this.#consumers.get(consumerTag);
    this.#consumers.end(consumerTag);
    consumer?.backlog?.unwatch();
    consumer?.ended(cancelled(consumerTag));
  }

  /** The message of a delivery or a get-ok. @throws {MessageTooLargeError} */
  #message(answer: Answer, consumer: Consumer | undefined, noAck: boolean): IncomingMessage {
    const { deliveryTag, redelivered, exchange, routingKey, messageCount } =
      answer.args as Args<'basic.deliver'> & Partial<Args<'basic.get-ok'>>;
    const { body, bodySize, properties } = contentOf(answer);
    if (deliveryTag === 0) {
      throw new ProtocolViolation(502, 'delivery without a tag', answer.plan.name, 'at least 1', deliveryTag);
    }
    const tag = this.deliveries.add(deliveryTag, noAck);
    if (body === undefined) throw tooLarge(this.self, tag, bodySize, noAck);
    return new IncomingMessage(
      this.self,
      consumer,
      tag,
      redelivered,
      exchange,
      routingKey,
      messageCount,
      noAck,
      body,
      properties,
    );
  }

  /** Give back a delivery that nobody will see. */
  #giveBack(deliveryTag: number, isStream = false): void {
    this.deliveries.settle(deliveryTag, false);
    const tag = this.deliveries.onWire(deliveryTag);
    if (isStream) this.respond('basic.ack', { deliveryTag: tag });
    else this.respond('basic.nack', { deliveryTag: tag, requeue: true });
  }
}
