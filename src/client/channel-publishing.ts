import { clock } from '../clock';
import { type AmqpError, TimeoutError, WrongStateError, wasSent } from '../errors';
import type { Args, Input } from '../protocol/method-types';
import type { PropertiesInput } from '../protocol/properties';
import { type BatchOptions, type Publishing, type PublishResult, publishBatch } from './batch';
import { ConsumingChannel } from './channel-consuming';
import {
  type CallOptions,
  checkBoolean,
  checkGiven,
  checkOptions,
  checkTimeout,
  MESSAGE_PROPERTIES,
  optionNames,
  PUBLISH_OPTIONS,
} from './checks';
import { Confirms, type Publish } from './confirms';
import { wireProperties } from './conversions';
import { Head, Heads } from './heads';
import { type BodyInput, bodyBytes, Message, ReturnedMessage, refusePromise, withEncoding } from './message';
import { blockedByBroker, pausedByBroker, publishErrorOf } from './publish-errors';
import { type Address, PropertiesTooLarge, writeKnown, writePublish } from './publisher';
import { when } from './pump';
import { type Answer, contentOf } from './rpc';

export type PublishOptions = Input<'basic.publish'> &
  PropertiesInput &
  CallOptions & {
    /** Confirm mode: false leaves waiting to `waitForConfirms`. Default true. */
    wait?: boolean | undefined;
    /**
     * Confirm mode of a connection with recovery: if that is lost before the confirm came, publish again until one
     * does. Then the message arrives at least once, perhaps twice. Default `recovery.republish`.
     */
    retry?: boolean | undefined;
  };

/** Publishing mode of a channel: transactions and confirms exclude each other. */
export type ChannelMode = 'none' | 'tx' | 'confirm';

const CONFIRM_SELECT = optionNames('confirm.select', []);
const TIMEOUT_ONLY = new Set(['timeout']);

/** The verbs that send messages, plainly, confirmed, or in a transaction. */
export abstract class PublishingChannel extends ConsumingChannel {
  #confirms = new Confirms();
  readonly #heads = new Heads();
  #mode: ChannelMode = 'none';
  /** The broker's wish (channel.flow): false means do not publish. */
  #active = true;
  readonly #returned: ReturnedMessage[] = [];
  /** Of a connection that was lost: to be published again before anything else is. */
  #unconfirmed: Publish[] = [];
  /** An event that tells of returned messages has not run yet. */
  #isTold = false;
  /** Something was published in the transaction under way. */
  #txBegun = false;
  /** A transaction under way was lost with the connection. */
  #txLoss: AmqpError | undefined;

  /** Called when a mandatory message comes back and no publish waits for it; run by the pump. */
  onReturn: ((message: ReturnedMessage) => void) | undefined;

  /** `none`, or after `txSelect` or `confirmSelect` for good: `tx`, `confirm`. */
  get mode(): ChannelMode {
    return this.#mode;
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
   *
   *     channel.basicPublish('hello', { routingKey: 'tasks', deliveryMode: 2 });
   */
  basicPublish(body: BodyInput | Message, options: PublishOptions = {}): void {
    // one limit for the way out and for the confirm; where none is awaited the time need not be asked for
    const began = this.#mode === 'confirm' ? clock.now() : 0;
    let publish = this.sendPublish(body, options);
    if (publish === undefined || options.wait === false) return;
    const deadline = this.connection.deadline(options.timeout, began);
    for (;;) {
      publish.watched = true;
      try {
        this.connection.pump.until(publish, deadline);
      } finally {
        publish.watched = publish.settled;
        // who was told that nobody knows may do something about it, and reuse the buffer
        if (!publish.settled) publish.retry = false;
      }
      if (publish.acked) return;
      if (!publish.interrupted || !publish.retry) throw this.publishError(publish);
      publish = this.sendPublish(body, options, deadline) as Publish;
    }
  }

  /**
   * Write one publish; in confirm mode returns what tracks it. What was written before with the same options
   * needs no checks, only the bytes it gave rise to then. @internal
   */
  sendPublish(body: BodyInput | Message, options: PublishOptions, deadline?: number): Publish | undefined {
    if (typeof options !== 'object' || options === null)
      checkOptions('basicPublish', options, PUBLISH_OPTIONS);
    if (this.#unconfirmed.length > 0) this.#publishAgain(deadline);
    const known = this.#writeKnown(body, this.current(options));
    if (!known) this.#writeNew(body, options, deadline);
    this.blame.remember('basic.publish', options.exchange ?? '', options.routingKey);
    if (this.#mode === 'none') return undefined;
    if (this.#mode === 'confirm') return this.#track(body, options);
    this.#txBegun = true;
    return undefined;
  }

  #track(body: BodyInput | Message, options: PublishOptions): Publish {
    const publish = this.#confirms.track(body, options);
    const { recovery } = this.connection;
    if (recovery === undefined) return publish;
    publish.retry = options.retry ?? recovery.republish;
    // nobody waits for it: the caller's buffer may have something else in it by the time it is published again
    const isFleeting = publish.retry && options.wait === false && !(body instanceof Message);
    if (isFleeting) publish.content = Buffer.from(bodyBytes(body));
    return publish;
  }

  /** What was published without waiting, and lost its confirm with the connection. */
  #publishAgain(deadline: number | undefined): void {
    const lost = this.#unconfirmed;
    this.#unconfirmed = [];
    while (lost.length > 0) {
      const { content, options } = lost[0] as Publish;
      try {
        this.sendPublish(content, options, deadline);
      } catch (error) {
        // to the broker that is there now it cannot be sent at all
        if (error instanceof PropertiesTooLarge) lost.shift();
        this.#unconfirmed.unshift(...lost);
        throw error;
      }
      lost.shift();
    }
  }

  #writeKnown(body: BodyInput | Message, options: PublishOptions): boolean {
    const isText = typeof body === 'string';
    if (!isText && !(body instanceof Uint8Array)) return false;
    const head = this.#heads.find(options, isText);
    if (head === undefined) return false;
    this.checkOpen('basic.publish');
    const { pump } = this.connection;
    return this.#active && !pump.isHeld && writeKnown(pump, head, body);
  }

  #writeNew(body: BodyInput | Message, options: PublishOptions, limit: number | undefined): void {
    checkOptions('basicPublish', options, PUBLISH_OPTIONS);
    checkGiven(options, 'deliveryMode');
    checkBoolean(options.wait, 'wait');
    checkBoolean(options.retry, 'retry');
    const { timeout } = options;
    const deadline =
      limit ?? this.connection.deadline(timeout === undefined ? undefined : checkTimeout(timeout));
    const bytes = body instanceof Message ? body.body : bodyBytes(body);
    const properties = body instanceof Message ? merged(body, options) : withEncoding(body, options);
    this.checkOpen('basic.publish');
    const learn =
      body instanceof Message || !this.#heads.wanted(options)
        ? undefined
        : (head: Uint8Array, headerAt: number) =>
            this.#heads.keep(new Head(options, typeof body === 'string', head, headerAt, this.id));
    let end: ReturnType<typeof writePublish>;
    do {
      this.#waitUntilAllowed(deadline);
      end = writePublish(this.connection.pump, this, options, properties, bytes, deadline, learn);
    } while (end === 'interrupted'); // the broker has not got the whole of it, and will not
    if (end === 'late') throw this.timedOut('basic.publish', 'not-sent');
    if (!this.isOpen) this.checkOpen('basic.publish'); // it was closed while a large body waited for room
  }

  /** Queues by the names they have now. @internal */
  current<O extends Address & PropertiesInput>(options: O): O {
    const { names } = this.connection.lives;
    if (names.isEmpty) return options;
    const { exchange = '', routingKey = '', replyTo = '' } = options;
    const key = exchange === '' ? names.of(routingKey) : routingKey;
    if (key === routingKey && names.of(replyTo) === replyTo) return options;
    return { ...options, routingKey: key, ...(replyTo === '' ? undefined : { replyTo: names.of(replyTo) }) };
  }

  /** Why a publish was not acked. @internal */
  publishError(publish: Publish, what = addressed(publish)): Error {
    return publishErrorOf(publish, what, (reason) => this.tell(reason));
  }

  /** The broker may have asked not to publish: for this channel (flow) or for all (alarm). */
  #waitUntilAllowed(deadline: number): void {
    const { connection } = this;
    if (connection.isBlocked) {
      const limit = Math.min(deadline, clock.now() + connection.blockedTimeout);
      if (
        !connection.pump.until(
          when(() => !connection.isBlocked),
          limit,
        )
      )
        throw blockedByBroker(connection.blockedReason);
    }
    if (
      !this.#active &&
      !connection.pump.until(
        when(() => this.#active),
        deadline,
      )
    )
      throw pausedByBroker(this.id);
  }

  /**
   * Publish many messages in confirm mode with at most `window` unconfirmed ones. Blocks until each is
   * confirmed, and never throws for one of them: the results say what became of each, in order; `not-sent` is also one
   * whose properties do not fit in a frame (see `frameMax`). When no more can be
   * sent (the channel is gone, a confirm is late), an array still has a result for each; any other iterable, which may
   * have no end, is asked for no more, and the results end with the message that was not sent.
   * @throws {WrongStateError} without `confirmSelect`
   *
   *     const results = channel.publishBatch(lines, { routingKey: 'lines', window: 500 });
   *     const lost = results.filter((result) => result.status !== 'acked');
   */
  publishBatch(messages: Iterable<Publishing>, options: BatchOptions = {}): PublishResult[] {
    return publishBatch(this.self, messages, options);
  }

  /**
   * Wait for the confirms of everything published with `wait: false`, or timed out. Blocks. A mandatory
   * message that no queue took is confirmed, too: it is in `returnedMessages` then, or at `onReturn` with the
   * next `drainEvents`.
   * @returns true if nothing was nacked since the last call
   * @throws {TimeoutError} some are still missing
   */
  waitForConfirms(options: CallOptions = {}): boolean {
    checkOptions('waitForConfirms', options, TIMEOUT_ONLY);
    this.checkMode('confirm', 'waitForConfirms');
    this.checkOpen('waitForConfirms');
    const confirms = this.#confirms;
    const { connection } = this;
    const deadline = connection.deadline(
      options.timeout === undefined ? undefined : checkTimeout(options.timeout),
    );
    do {
      if (this.#unconfirmed.length > 0) this.#publishAgain(deadline);
      connection.pump.until(confirms, deadline);
    } while (this.#unconfirmed.length > 0);
    const failure = confirms.takeFailure();
    if (failure !== undefined) throw this.tell(failure);
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
    return this.#mode === 'confirm' ? this.#confirms.nextSeqNo : 0;
  }

  /** Mandatory messages that came back and that no publish waited for, if there is no `onReturn`; take them out yourself. */
  get returnedMessages(): ReturnedMessage[] {
    return this.#returned;
  }

  /**
   * From now on the broker confirms what is published here. Blocks for a round trip; again: nothing.
   * @throws {WrongStateError} in a transactional channel
   * @see RabbitMQ: publisher confirms (confirm.select)
   */
  confirmSelect(options: Input<'confirm.select'> & CallOptions = {}): void {
    checkOptions('confirmSelect', options, CONFIRM_SELECT);
    if (this.#mode === 'confirm') return;
    this.checkMode('none', 'confirmSelect');
    this.enter('confirm', () => this.call('confirm.select', { noWait: options.noWait }, options));
  }

  // ── modes ───────────────────────────────────────────────────────────────────────────────────────────

  /** The broker is in a mode from the request on, even if nobody hears its reply. @internal */
  protected enter(mode: 'tx' | 'confirm', select: () => void): void {
    try {
      select();
    } catch (error) {
      if (wasSent(error)) this.#switch(mode);
      throw error;
    }
    this.#switch(mode);
  }

  #switch(mode: 'tx' | 'confirm'): void {
    if (mode === 'tx' && this.#mode !== 'tx') this.deliveries.begin();
    this.#mode = mode;
  }

  /** @throws {WrongStateError} @internal */
  checkMode(wanted: 'none' | 'tx' | 'confirm', verb: string): void {
    if (this.#mode === wanted) return;
    const hint =
      wanted === 'none'
        ? `channel ${this.id} is in ${this.#mode} mode, and the two exclude each other; open another channel`
        : `call ${wanted === 'tx' ? 'txSelect' : 'confirmSelect'} on channel ${this.id} first`;
    throw new WrongStateError(`${verb}: ${hint}`, { code: 'WRONG_MODE' });
  }

  // ── what the broker sends ───────────────────────────────────────────────────────────────────────────

  /** @internal */
  protected override renew(): void {
    super.renew();
    this.#confirms = new Confirms();
    this.#mode = 'none';
    this.#active = true;
    this.#unconfirmed = [];
    this.takeTransaction();
  }

  /** @internal */
  protected override paused(error: AmqpError): void {
    const isTouched = this.#txBegun || this.deliveries.isTouched;
    super.paused(error);
    if (this.#mode === 'tx' && isTouched) this.#txLoss = error;
    this.#txBegun = false;
    this.#active = true;
    this.#unconfirmed.push(...this.#confirms.interrupt(error));
  }

  /** The transaction under way has ended. @returns why it was lost before, if it was @internal */
  protected takeTransaction(): AmqpError | undefined {
    const loss = this.#txLoss;
    this.#txLoss = undefined;
    this.#txBegun = false;
    return loss;
  }

  /** @internal */
  protected override ended(reason: AmqpError): void {
    super.ended(reason);
    const { method, replyText = '' } = reason;
    const alone = this.#confirms.outstanding === 1;
    // the broker's text names the exchange, or the size of the body
    this.#confirms.fail(reason, ({ exchange, body }) => {
      const named = replyText.includes(`'${exchange}'`) || replyText.includes(` ${body.length} `);
      return method === 'basic.publish' && (alone || named);
    });
  }

  /** @internal */
  protected override handle(answer: Answer): void {
    switch (answer.plan.name) {
      case 'basic.ack':
      case 'basic.nack': {
        const { deliveryTag, multiple } = answer.args as Args<'basic.nack'>;
        return this.#confirms.settle(deliveryTag, multiple, answer.plan.name === 'basic.nack');
      }
      case 'basic.return':
        return this.#cameBack(answer);
      case 'channel.flow':
        this.#active = (answer.args as Args<'channel.flow'>).active;
        return this.respond('channel.flow-ok', { active: this.#active });
      default:
        return super.handle(answer);
    }
  }

  #cameBack(answer: Answer): void {
    const { replyCode, replyText, exchange, routingKey } = answer.args as Args<'basic.return'>;
    const { body, properties } = contentOf(answer);
    const returned = (bytes: Uint8Array) =>
      new ReturnedMessage(this.self, replyCode, replyText, exchange, routingKey, bytes as Buffer, properties);
    const message = returned(body ?? NO_BODY);
    const publish = this.#mode === 'confirm' ? this.#confirms.returned(message) : undefined;
    // above maxMessageSize it was not kept, but it was ours
    if (publish !== undefined && body === undefined) publish.returned = returned(publish.body);
    if (!publish?.watched) this.#hand(publish?.returned ?? message);
  }

  /** Whoever looks for it finds it at once; whoever waits for events is told, once for all that came before he looked. */
  #hand(message: ReturnedMessage): void {
    const { dispatcher } = this.connection;
    if (this.onReturn !== undefined) return dispatcher.push(message);
    this.#returned.push(message);
    if (this.#isTold) return;
    this.#isTold = true;
    dispatcher.push({
      dispatch: () => {
        this.#isTold = false;
      },
    });
  }

  /** @internal */
  takeReturn(message: ReturnedMessage): void {
    if (this.onReturn === undefined) this.#returned.push(message);
    else refusePromise(this.onReturn(message), 'onReturn');
  }
}

const NO_BODY = Buffer.alloc(0);

/** Which publish it was. */
function addressed({ seqNo, exchange, routingKey }: Publish): string {
  return `publish ${seqNo} to exchange "${exchange}" with routing key "${routingKey}"`;
}

/** A message's own properties, and those given beside it, which win. */
function merged(message: Message, options: PublishOptions): PublishOptions {
  checkOptions('Message', message.properties, MESSAGE_PROPERTIES);
  return { ...wireProperties(message.properties), ...options };
}
