import { wrongType } from '../../caller';
import { type AmqpError, MessageTooLargeError, wasSent } from '../../errors';
import type { Args, Input } from '../../protocol/method-types';
import { isRabbitmqSince } from '../../protocol/server-version';
import { ProtocolViolation } from '../../protocol/violation';
import type { RecoveryFailure } from '../connection/recovery-info';
import { HAPPENING } from '../diagnostics';
import { DISPATCH } from '../dispatcher';
import { type CallOptions, checkBoolean, checkFunction, checkInteger, checkTimeout } from '../options/checks';
import { warnOf } from '../warnings';
import type { ChannelPart } from './channel-part';
import type { ChannelSession } from './channel-session';
import type { CancelCallback, ConsumeOptions, ConsumerStart, QosOptions } from './consume-options';
import { DEFAULT_PREFETCH } from './consume-options';
import { CallbackConsumer, cancelled, DrainingConsumer, IteratorConsumer, notRestarted } from './consumer';
import { ConsumerTags } from './consumer-tags';
import { CONSUMER, type Consumer, type Delivery, GIVE_BACK } from './delivery';
import type { MessageFactory } from './message-factory';
import type { PublishMode } from './publish-mode';
import type { QueueNames } from './queue-names';
import { type Answer, contentOf } from './replies';
import type { RequeuePauses } from './requeue-pauses';
import { giveBack } from './requeuing';
import type { Settler } from './settler';
import { follow, isRepeated } from './stream-following';

const FOREVER = Number.POSITIVE_INFINITY;

/** The public channel, as far as consuming calls it. */
export interface CancelReceiver {
  onCancel: CancelCallback | undefined;
}

/** Brings messages: the consumers of a channel, and basic.get. */
export class Consumers implements ChannelPart {
  readonly #tags: ConsumerTags;
  #prefetchSet = false;
  /** What `basicQos` said for the consumers to come. */
  #prefetch: number | undefined;

  constructor(
    readonly session: ChannelSession,
    readonly queues: QueueNames,
    readonly settler: Settler,
    readonly pauses: RequeuePauses,
    readonly mode: PublishMode,
    readonly factory: MessageFactory,
    readonly owner: CancelReceiver,
  ) {
    this.#tags = new ConsumerTags(session.id, (tag, isStream) => settler.giveBack(tag, isStream));
  }

  // ── starting ────────────────────────────────────────────────────────────────────────────────────────

  /** basic.qos: for the consumers that start after this, or with `global` for the channel. */
  limit(options: QosOptions): void {
    const { prefetchCount = 0, global } = options;
    this.session.request('basic.qos', options, options);
    const { host } = this.session;
    if (global === true && host.warnings && isRabbitmqSince(host.greeting?.serverProperties ?? {}, 4, 3))
      warnOf('AMQP_SYNC_GLOBAL_PREFETCH');
    this.settler.limit(prefetchCount);
    this.#prefetchSet = true;
    if (global !== true) this.#prefetch = prefetchCount;
  }

  /** Start a consumer with a callback. @returns its tag */
  consume<D extends Delivery>(
    queue: string,
    callback: (message: D) => unknown,
    { onCancel, prefetch, ...rest }: ConsumerStart & { onCancel?: CancelCallback | undefined },
  ): string {
    if (prefetch !== undefined) checkInteger(prefetch, 'prefetch', 0, 0xffff);
    if (onCancel !== undefined) checkFunction(onCancel, 'onCancel');
    const consumer = new CallbackConsumer<D>(this, rest.noAck === true, callback, onCancel);
    this.session.validate('basic.consume', { ...rest, queue });
    const isChosen = this.#prefetchSet;
    if (prefetch !== undefined) this.session.request('basic.qos', { prefetchCount: prefetch }, {});
    else if (!this.#prefetchSet && !rest.noAck) this.limit({ prefetchCount: DEFAULT_PREFETCH });
    consumer.window.size = prefetch ?? this.#prefetch ?? 0;
    consumer.window.isChosen = prefetch !== undefined || isChosen;
    const tag = this.start(queue, consumer, rest);
    if (prefetch !== undefined) this.#restorePrefetch(prefetch);
    return tag;
  }

  /** Start a consumer to be looped over. */
  iterate<D extends Delivery>(queue: string, options: ConsumeOptions): IteratorConsumer<D> {
    const { timeout = FOREVER, limit = FOREVER, prefetch, ...rest } = options;
    checkTimeout(timeout);
    if (limit !== FOREVER) checkInteger(limit, 'limit', 0, Number.MAX_SAFE_INTEGER);
    if (prefetch !== undefined) checkInteger(prefetch, 'prefetch', 0, 0xffff);
    const iterator = new IteratorConsumer<D>(this, options.noAck === true, { timeout, limit });
    this.session.validate('basic.consume', { ...rest, queue });
    iterator.window.size = this.#prefetch ?? 0;
    iterator.window.isChosen = prefetch !== undefined || this.#prefetchSet || Number.isFinite(limit);
    if (prefetch !== undefined || !this.#prefetchSet) {
      // a loop that settles nothing still reaches its limit
      const wanted =
        prefetch ?? (Number.isFinite(limit) ? Math.min(Math.max(1, limit), 0xffff) : DEFAULT_PREFETCH);
      this.session.request('basic.qos', { prefetchCount: wanted }, {});
      this.settler.limit(wanted);
      iterator.window.size = wanted;
    }
    this.start(queue, iterator, rest);
    if (prefetch !== undefined) this.#restorePrefetch(prefetch);
    return iterator;
  }

  /** The prefetch of one consumer is its own; consumers to come have theirs. */
  #restorePrefetch(own: number): void {
    this.settler.limit(own);
    if (this.#prefetch !== undefined)
      this.session.request('basic.qos', { prefetchCount: this.#prefetch }, {});
  }

  /** Start a consumer of any kind. @returns its tag */
  start(queue: string, consumer: Consumer, options: Omit<ConsumerStart, 'prefetch'>): string {
    const { consumerTag = '', noWait = false, timeout } = options;
    if (timeout !== undefined) checkTimeout(timeout);
    this.#tags.checkNew(consumerTag);
    const { session } = this;
    const { host } = session;
    this.settler.endSuspended((tag) => tag === consumerTag || options.exclusive === true);
    const args = { ...options, queue: this.queues.named(queue) };
    const register = (tag: string) => {
      this.#tags.add(tag, consumer);
      consumer.tag = tag;
      if (consumer.isStream) follow(session, consumer);
      if (!options.exclusive && host.queues.isLasting(args.queue))
        consumer.noAckBuffer?.allowSuspension(session.id, { ...args, consumerTag: tag }, host.frameMax);
    };
    if (consumer instanceof CallbackConsumer) host.dispatcher.isServed = false;
    consumer.isStream = host.queues.isStream(args.queue, args.arguments);
    consumer.queue = args.queue;
    if (noWait) {
      if (consumerTag === '')
        throw wrongType('basicConsume: noWait needs a consumerTag, or nobody will know it');
      session.send('basic.consume', args, queue);
      register(consumerTag);
      return consumerTag;
    }
    this.#tags.expect(consumerTag);
    // deliveries may follow the reply at once: the consumer is there before they are looked at
    const started = (then: (tag: string) => void) => (answer: Answer) => {
      this.#tags.answered(consumerTag);
      then((answer.args as Args<'basic.consume-ok'>).consumerTag);
    };
    const unwanted = (tag: string) => host.pump.defer(() => this.#dismiss(tag, consumer));
    try {
      session.request(
        'basic.consume',
        args,
        { timeout },
        { accept: started(register), late: started(unwanted) },
      );
    } catch (error) {
      if (!wasSent(error)) this.#tags.answered(consumerTag);
      throw error;
    }
    return consumer.tag;
  }

  // ── ending ──────────────────────────────────────────────────────────────────────────────────────────

  /** End a consumer without waiting: until the broker has answered, what it brings goes back. */
  #dismiss(consumerTag: string, consumer: Consumer): void {
    this.session.ask('basic.cancel', { consumerTag }, this.#tags.drain(consumerTag, consumer));
  }

  /** basic.cancel; what the consumer has brought and nobody has seen goes back. An unknown tag is no error. */
  cancel(consumerTag: string, options: CallOptions & { noWait?: boolean | undefined }): void {
    checkBoolean(options.noWait, 'noWait');
    this.#tags.check(consumerTag);
    const consumer = this.#tags.get(consumerTag);
    consumer?.noAckBuffer?.forbidSuspension();
    if (options.noWait && consumer !== undefined) this.#dismiss(consumerTag, consumer);
    else this.#cancel(consumerTag, consumer, options);
    const unseen = this.session.host.dispatcher.retain(
      (event) => consumer === undefined || (event as Partial<Delivery>)[CONSUMER] !== consumer,
    ) as Delivery[];
    consumer?.noAckBuffer?.drop();
    this.pauses.end(consumer);
    if (options.noWait) for (const message of unseen) message[GIVE_BACK]();
    else this.giveBack(consumer?.queue ?? '', unseen);
  }

  #cancel(
    consumerTag: string,
    consumer: Consumer | undefined,
    options: CallOptions & { noWait?: boolean | undefined },
  ): void {
    const { session } = this;
    let gone = () => this.#tags.end(consumerTag);
    try {
      const handlers = { accept: () => gone(), late: () => gone() };
      if (options.noWait) session.ask('basic.cancel', { consumerTag }, gone);
      else session.request('basic.cancel', { consumerTag }, options, handlers);
    } finally {
      const isLeft = consumer !== undefined && session.isOpen && this.#tags.get(consumerTag) === consumer;
      if (isLeft) gone = this.#tags.drain(consumerTag, consumer);
    }
  }

  /** Give messages of one queue back, and wait until they are there. */
  giveBack(queue: string, messages: readonly Delivery[]): void {
    giveBack(this.session, queue, messages, this.mode.current === 'tx');
  }

  // ── what there is ───────────────────────────────────────────────────────────────────────────────────

  /** A consumer gets no more before the program settles something. `isEndless`: the program waits without a limit. */
  isStuck(isEndless: boolean): boolean {
    for (const { window } of this.#tags.all())
      if (window?.isFull && (isEndless || !window.isChosen)) return true;
    return false;
  }

  isAwaiting(goal: object): boolean {
    return [...this.#tags.all()].some((consumer) => consumer === goal);
  }

  get tags(): string[] {
    return this.#tags.tags;
  }

  // ── one by one ──────────────────────────────────────────────────────────────────────────────────────

  /** basic.get. @returns null: the queue is empty */
  get<D extends Delivery>(
    queue: string,
    { noAck = false, timeout }: CallOptions & { noAck?: boolean | undefined },
  ): D | null {
    if (timeout !== undefined) checkTimeout(timeout);
    const answer = this.session.request(
      'basic.get',
      { queue: this.queues.named(queue), noAck },
      { timeout },
      {
        late: ({ content, args }) => {
          const { deliveryTag } = args as Args<'basic.get-ok'>;
          if (content !== undefined && !noAck)
            this.settler.giveBack(this.session.unacked.add(deliveryTag, noAck));
        },
      },
    );
    if (answer.content === undefined) return null;
    const message = this.#message(answer, undefined, noAck) as D;
    if (HAPPENING.deliver.isHeard)
      HAPPENING.deliver.tell({ ...this.session.facts, message, queue, by: 'get' });
    return message;
  }

  // ── recovering ──────────────────────────────────────────────────────────────────────────────────────

  /** basic.recover: all unsettled messages come again. */
  recover(options: Input<'basic.recover'> & CallOptions): void {
    const again = () => this.#forgetDeliveries();
    this.settler.endSuspended(() => true);
    const requeue = options.requeue ?? true;
    this.session.request('basic.recover', { requeue }, options, { accept: again, late: again });
  }

  /** basic.recover-async: the same, without waiting. */
  recoverAsync(options: Input<'basic.recover-async'>): void {
    this.settler.endSuspended(() => true);
    this.session.send('basic.recover-async', { requeue: options.requeue ?? true }, '');
    this.#forgetDeliveries();
  }

  /** What was delivered comes again, with new tags; what waits here of it is meaningless. */
  #forgetDeliveries(): void {
    this.session.unacked.clear();
    for (const consumer of this.#tags.all()) consumer.forget();
    this.session.host.dispatcher.retain((event) => {
      const { [CONSUMER]: consumer, noAck } = event as Partial<Delivery>;
      const isOurs = consumer instanceof CallbackConsumer && consumer.consumers === this;
      return !isOurs || noAck === true;
    });
  }

  // ── what becomes of the channel ─────────────────────────────────────────────────────────────────────

  opening(): void {
    this.#prefetchSet = false;
    this.#prefetch = undefined;
  }

  connectionLost(error: AmqpError): void {
    this.#forgetDeliveries();
    this.#tags.interrupted(this.session.owed('basic.consume').map(({ consumerTag = '' }) => consumerTag));
    for (const consumer of this.#tags.all()) consumer.interrupted?.(error);
  }

  recovered(tags: readonly string[], failures: readonly RecoveryFailure[]): void {
    const { recovery, frameMax } = this.session.host;
    for (const consumer of [...this.#tags.all()]) {
      const { tag } = consumer;
      const failure = failures.find(({ name }) => name === tag);
      const isGone = failure !== undefined || (consumer instanceof DrainingConsumer && !tags.includes(tag));
      if (!isGone) {
        consumer.noAckBuffer?.renew((args) => recovery.current(args), frameMax);
        continue;
      }
      this.#tags.end(tag);
      consumer.noAckBuffer?.forbidSuspension();
      if (failure !== undefined) consumer.ended(notRestarted(tag, failure.error));
    }
  }

  closing(): void {
    for (const consumer of this.#tags.all()) consumer.noAckBuffer?.forbidSuspension();
  }

  /** The broker requeues what is unsettled; what is queued here of it is meaningless now. */
  closed(reason: AmqpError): void {
    this.#forgetDeliveries();
    for (const consumer of this.#tags.all()) consumer.ended(reason);
    this.closing();
    this.#tags.clear();
  }

  aside(method: string | undefined): string {
    const watched = [...this.#tags.all()].some(({ noAckBuffer }) => noAckBuffer?.isSuspendable);
    if (method !== 'basic.consume' || !watched) return '';
    return '; its consumer had been suspended because this program did not read, and was to be started again';
  }

  // ── what the broker sends ───────────────────────────────────────────────────────────────────────────

  readonly handlers = {
    'basic.deliver': (answer: Answer) => this.#delivered(answer),
    'basic.cancel': ({ args }: Answer) => this.#cancelledByBroker((args as Args<'basic.cancel'>).consumerTag),
  };

  /**
   * A delivery goes to its consumer, or back if that has ended. One of an earlier channel with the number is nobody's:
   * its tag says nothing to the broker any more, or means another message. So is one for a tag that was never known
   * here; whether that wants an answer only its consumer would know, and a wrong one closes the channel. It stays
   * unsettled until the channel ends.
   */
  #delivered(answer: Answer): void {
    const { session } = this;
    const { consumerTag, deliveryTag } = answer.args as Args<'basic.deliver'>;
    if (session.late.includes(deliveryTag, session.unacked.nextOnWire)) return;
    const consumer = this.#tags.receiver(consumerTag);
    if (consumer === undefined) return void session.unacked.add(deliveryTag, true);
    try {
      const message = this.#message(answer, consumer, consumer.noAck);
      if (isRepeated(session, message, consumer)) this.settler.giveBack(message.deliveryTag, true);
      else consumer.deliver(message);
    } catch (error) {
      if (!(error instanceof MessageTooLargeError)) throw error;
      session.host.dispatcher.push({
        [DISPATCH]: () => {
          throw error;
        },
      });
    }
  }

  /** A consumer of ours is told of it, once: a suspended one is cancelled again for each further message that becomes late. */
  #cancelledByBroker(consumerTag: string): void {
    const { session } = this;
    const consumer = this.#tags.get(consumerTag);
    this.#tags.end(consumerTag);
    if (consumer === undefined || consumer instanceof DrainingConsumer) return; // it has been cancelled from here
    consumer.noAckBuffer?.forbidSuspension();
    this.settler.suspended(consumerTag);
    consumer.ended(cancelled(consumer, session.unacked.longest));
  }

  /** The message of a delivery or a get-ok. @throws {MessageTooLargeError} */
  #message(answer: Answer, consumer: Consumer | undefined, noAck: boolean): Delivery {
    const { deliveryTag, redelivered, exchange, routingKey, messageCount } =
      answer.args as Args<'basic.deliver'> & Partial<Args<'basic.get-ok'>>;
    const { body, bodySize, properties } = contentOf(answer);
    if (deliveryTag === 0) {
      throw new ProtocolViolation(502, 'delivery without a tag', answer.plan.name, 'at least 1', deliveryTag);
    }
    const { session } = this;
    const tag = session.unacked.add(deliveryTag, noAck);
    session.host.counts.delivered++;
    if (body === undefined) throw tooLarge(session, tag, bodySize, noAck);
    return this.factory.incoming(
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
}

/** A message above `maxMessageSize` came. */
function tooLarge(
  { id, host }: ChannelSession,
  deliveryTag: number,
  bodySize: number,
  noAck: boolean,
): MessageTooLargeError {
  const wayOut = noAck
    ? 'it is lost, as it was taken with noAck'
    : 'it is unsettled: reject it by its tag, or close the channel to requeue it';
  return new MessageTooLargeError(
    `message ${deliveryTag} on channel ${id} has ${bodySize} bytes, above maxMessageSize (${host.maxMessageSize}); ${wayOut}`,
    { bodySize, deliveryTag },
  );
}
