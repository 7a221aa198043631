import { fromCaller } from '../caller';
import { clock } from '../clock';
import { type AmqpError, channelErrorClass, describeReply, TimeoutError, WrongStateError } from '../errors';
import { decodeArgs, decodeMethodPlan, encodeMethod, methodName, PLANS } from '../protocol/codec';
import { FRAME, replyCodeName } from '../protocol/constants';
import { ContentAssembler } from '../protocol/content';
import { LateDeliveries } from '../protocol/late-deliveries';
import type { Args, Input, MethodName, RequestName } from '../protocol/method-types';
import { ProtocolViolation } from '../protocol/violation';
import type { Reader } from '../protocol/wire';
import { Blame } from './blame';
import type { Channel } from './channel';
import { type CallOptions, checkEncodable, checkTimeout } from './checks';
import type { Connection } from './connection';
import type { Event } from './dispatcher';
import { cutOff } from './lives';
import { when } from './pump';
import { type Answer, type AnswerHandlers, Replies } from './rpc';

/**
 * A channel below its verbs: frames in, requests and their replies, and how it ends.
 *
 *   [closed] --channel.open--> [opening] --open-ok--> [open] --close()--> [closing]
 *      ^                           | given up            |                  ^   | close-ok
 *      |                      [abandoned] --open-ok------|------------------+   |
 *      +------- channel.close from the broker -----------+----------------------+
 *
 * RabbitMQ goes on writing deliveries behind its channel.close, even behind the open-ok of the next channel with the
 * number. So everything is ignored that comes outside of [open], contents piece by piece, but for what the arrows
 * name; what comes inside for a consumer that is not known is dropped, see ConsumingChannel.
 *
 * What the broker has not been told, or a lost connection took along, is closed at once.
 * A closed channel remembers why. The first call after it throws that reason, later ones say that the
 * channel is closed, with the reason as `cause`.
 *
 * The verbs stand on it in layers, one for each class of AMQP, and each layer takes the methods that
 * belong to it: core <- topology <- settling <- consuming <- publishing <- channel.
 */
export abstract class ChannelCore {
  /** Grows with every reopen: deliveries of an earlier life cannot be settled. @internal */
  epoch = 0;
  /** @internal */
  protected readonly blame = new Blame();
  #replies = new Replies();
  #assembler: ContentAssembler;
  /** What the broker may still send of earlier channels with the number. @internal */
  late = new LateDeliveries();
  /** Grows with every end of what was under way: by a reopen, or as the connection is lost. @internal */
  life = 0;
  #state: 'closed' | 'opening' | 'abandoned' | 'open' | 'closing' = 'closed';
  #reason: AmqpError | undefined;
  /** What tells the user of the end, as long as no call has. */
  #notice: Event | undefined;
  /** What is thrown now is kept from the user. */
  #isQuiet = false;
  /** It is open, or was, and `onClose` has not been told of its end. */
  #hasLife = false;

  /**
   * The channel has ended: closed by the broker, by `close`, or with the connection (whose `onClose` comes behind).
   * Run once for each life, by the call that notices, before it throws the same error; else by the pump. What it
   * throws is thrown instead.
   */
  onClose: ((error: AmqpError) => void) | undefined;

  /** Use `connection.channel()`. */
  constructor(
    readonly connection: Connection,
    /** The channel number, 1 to `connection.channelMax`. */
    readonly id: number,
  ) {
    this.#assembler = new ContentAssembler(connection.maxMessageSize);
  }

  /** The layers are one object, and this is what the user holds. @internal */
  protected get self(): Channel {
    return this as unknown as Channel;
  }

  get isOpen(): boolean {
    return this.#state === 'open' && this.connection.isOpen;
  }

  /** Why the channel is closed, if the broker or the network did it. */
  get lastError(): AmqpError | undefined {
    return this.#reason;
  }

  // ── opening and closing ─────────────────────────────────────────────────────────────────────────────

  /** Begin a life: blocks until the broker has opened the channel. @internal */
  openUp(): void {
    this.connection.glance();
    this.#tellEnd();
    this.connection.checkAlive('channel.open');
    this.late = this.connection.adopt(this.self);
    this.epoch++;
    this.life++;
    this.#state = 'opening';
    this.#reason = undefined;
    this.#notice = undefined;
    this.#replies = new Replies();
    this.#assembler = new ContentAssembler(this.connection.maxMessageSize);
    this.renew();
    const opened = () => {
      this.#state = 'open';
      this.#hasLife = true;
    };
    const unwanted = () => {
      this.#state = 'closing';
      this.#answer('channel.close', { replyCode: 200, replyText: 'nobody waits for it any more' });
    };
    try {
      this.request('channel.open', {}, {}, { accept: opened, late: unwanted });
    } finally {
      if (this.#state === 'opening') this.#abandon();
    }
  }

  /** The broker has not answered channel.open: what comes for the number is of its earlier life. */
  get #isOpening(): boolean {
    return this.#state === 'opening' || this.#state === 'abandoned';
  }

  #abandon(): void {
    const wasSent = this.#replies.current !== undefined;
    if (wasSent) this.#state = 'abandoned';
    else this.#closed();
  }

  /** A layer's state for a new life. @internal */
  protected renew(): void {}

  /** What a layer knows about an end that this method caused. @internal */
  protected aside(_method: string | undefined): string {
    return '';
  }

  /** channel.close is about to be said. @internal */
  protected ending(): void {}

  /** The tag of the next delivery on the wire, if the broker counts them one by one. @internal */
  protected get nextDelivery(): number {
    return 1;
  }

  /** A layer's end: nothing more will come. @internal */
  protected ended(_reason: AmqpError): void {}

  /**
   * Say channel.close and wait for close-ok; the number is free once that has come. Throws what the broker
   * had to complain of before it heard of it. @internal
   */
  protected closeDown(args: Input<'channel.close'>, timeout: number): void {
    if (this.untold !== undefined) throw this.tell(this.untold);
    if (this.#state !== 'open') return this.#tellEnd();
    this.#state = 'closing';
    this.ending();
    const { pump } = this.connection;
    const deadline = clock.now() + timeout;
    const closed = when(() => this.#state === 'closed');
    try {
      if (pump.write(this.id, 'channel.close', args, deadline)) pump.until(closed, deadline);
    } finally {
      this.#end(this.#reason ?? this.#closedByUs());
    }
    if (this.untold !== undefined) throw this.tell(this.untold);
    this.#tellEnd();
  }

  #closedByUs(): AmqpError {
    return new WrongStateError(`channel ${this.id} was closed by this program`, { code: 'CLOSED' });
  }

  /** The broker, or the end of the connection, closed the channel. @internal */
  died(reason: AmqpError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reason = reason;
    this.#end(reason);
  }

  #end(reason: AmqpError): void {
    this.#replies.fail(reason);
    this.ended(reason);
    if (this.#hasLife) this.connection.dispatcher.ended(this, () => this.onClose?.(reason));
    this.#hasLife = false;
  }

  #tellEnd(): void {
    this.connection.dispatcher.tellEnds(this);
  }

  /** Give the reason of the channel's end to a caller: it has been told. @internal */
  tell(reason: AmqpError): AmqpError {
    if (this.#isQuiet) return reason;
    if (reason === this.#reason && this.#notice !== undefined) {
      this.connection.dispatcher.remove(this.#notice);
      this.#notice = undefined;
    }
    if (reason === this.connection.lastError) this.connection.tell(reason);
    this.#tellEnd();
    return fromCaller(reason);
  }

  /** Run what keeps errors to itself: if the channel or the connection ends meanwhile, the next call tells. @internal */
  quietly(act: () => void): void {
    this.#isQuiet = true;
    try {
      this.connection.quietly(act);
    } finally {
      this.#isQuiet = false;
    }
  }

  /** The reason of the channel's end, if no call has thrown it yet. @internal */
  get untold(): AmqpError | undefined {
    return this.#notice === undefined || !this.connection.isOpen ? undefined : this.#reason;
  }

  /** @throws when a method cannot be sent now, with what closed the channel @internal */
  checkOpen(method: string): void {
    this.connection.glance();
    this.#checkState(method);
  }

  #checkState(method: string): void {
    if (this.#state === 'open' || (this.#state === 'opening' && method === 'channel.open')) return;
    this.connection.checkAlive(method);
    if (this.untold !== undefined) throw this.tell(this.untold);
    this.#tellEnd();
    const cause = this.#reason ?? this.#closedByUs();
    throw new WrongStateError(`${method} was not sent, channel ${this.id} is closed: ${cause.message}`, {
      code: 'CHANNEL_CLOSED',
      method,
      cause,
    });
  }

  // ── recovery ────────────────────────────────────────────────────────────────────────────────────────

  /** The connection is lost, and will be recovered. @internal */
  interrupted(error: AmqpError): void {
    if (this.#state === 'closed') return;
    this.life++;
    this.#assembler = new ContentAssembler(this.connection.maxMessageSize);
    this.late.clear();
    this.#replies.interrupt(error);
    this.paused(error);
    if (this.#state === 'abandoned') this.#closed();
  }

  /** It is there again: `isOpen`, the broker has this channel. @internal */
  resumed(isOpen: boolean, failure: AmqpError): void {
    if (this.#state === 'open' && !isOpen) {
      this.connection.forget(this);
      this.died(failure);
      if (this.onClose !== undefined) this.connection.dispatcher.push({ dispatch: () => this.#tellEnd() });
      return;
    }
    if (this.#state === 'closing' && !isOpen) return this.#closed();
    if (this.#state === 'closing') this.#answer('channel.close', { replyCode: 200, replyText: 'again' });
    for (const { plan, args } of this.#replies.owed)
      this.#answer(plan.name, this.connection.lives.current(args) as never);
  }

  /** A layer's part of the connection's loss. @internal */
  protected paused(_error: AmqpError): void {}

  /** The arguments of the requests by this name whose replies have not come. @internal */
  protected owed<M extends RequestName>(method: M): Input<M>[] {
    return this.#replies.owed.filter(({ plan }) => plan.name === method).map(({ args }) => args as Input<M>);
  }

  // ── writing ─────────────────────────────────────────────────────────────────────────────────────────

  /** Send a request and wait, or with `noWait` do not: such methods have no reply then. @internal */
  protected call<M extends RequestName>(
    method: M,
    args: Input<M>,
    options: CallOptions & { noWait?: boolean | undefined },
    subject = '',
  ): Answer | undefined {
    if (options.noWait !== true) return this.request(method, args, options);
    this.send(method, args, subject);
    return undefined;
  }

  /** Send a method and wait for its reply. A reply that comes after the deadline is swallowed. @internal */
  protected request<M extends RequestName>(
    method: M,
    args: Input<M>,
    { timeout }: CallOptions,
    handlers?: AnswerHandlers,
  ): Answer {
    const { pump } = this.connection;
    if (timeout !== undefined) checkTimeout(timeout);
    this.checkOpen(method);
    const deadline = this.connection.deadline(timeout);
    const guard = () => this.#checkState(method);
    const now = () => this.connection.lives.current(args);
    if (!pump.write(this.id, method, now, deadline, guard)) throw this.timedOut(method, 'not-sent');
    const pending = this.#replies.expect(PLANS[method], args, handlers);
    try {
      pump.until(pending, deadline);
    } finally {
      pending.abandoned = !pending.settled;
    }
    if (pending.error !== undefined)
      throw pending.interrupted ? cutOff(method, pending.error) : this.tell(pending.error);
    if (pending.answer === undefined) throw this.timedOut(method, 'unknown');
    return pending.answer;
  }

  /** Refuse wrong arguments before other methods are sent for the sake of this one. @internal */
  protected validate<M extends MethodName>(method: M, args: Input<M>): void {
    checkEncodable(method, this.connection.frameMax, (writer) => encodeMethod(writer, this.id, method, args));
  }

  /** @internal */
  protected timedOut(method: string, outcome: 'not-sent' | 'unknown'): TimeoutError {
    const { outage } = this.connection.lives;
    const why =
      outage === undefined
        ? 'the broker does not read'
        : `the connection is being recovered: ${outage.message}`;
    const what =
      outcome === 'not-sent'
        ? `could not be sent in time: ${why}`
        : 'got no reply in time; it may still be carried out, and its reply will be ignored';
    return new TimeoutError(`${method} on channel ${this.id} ${what}`, {
      method,
      outcome,
      recoverable: true,
    });
  }

  /** Send a method that has no reply, or none is wanted of. @internal */
  protected send<M extends MethodName>(method: M, args: Input<M>, subject: string | number): void {
    this.checkOpen(method);
    const deadline = this.connection.deadline(undefined);
    const guard = () => this.#checkState(method);
    const now = () => this.connection.lives.current(args);
    if (!this.connection.pump.write(this.id, method, now, deadline, guard))
      throw this.timedOut(method, 'not-sent');
    this.blame.remember(method, subject);
  }

  /** Send a request whose reply nobody waits for; `late` runs when it comes. @internal */
  protected ask<M extends RequestName>(method: M, args: Input<M>, late: () => void): void {
    this.send(method, args, '');
    this.#replies.expect(PLANS[method], args, { late }).abandoned = true;
  }

  /** Send because of a frame that is being routed, once it is out of the way. @internal */
  #answer<M extends MethodName>(method: M, args: Input<M>): void {
    const { pump, callTimeout } = this.connection;
    const { life } = this;
    pump.defer(() => {
      if (this.life === life) pump.write(this.id, method, args, clock.now() + callTimeout);
    });
  }

  /** Like `#answer`, for the layers: only while the channel is open. @internal */
  protected respond<M extends MethodName>(method: M, args: Input<M>): void {
    if (this.#state === 'open') this.#answer(method, args);
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────

  /** One frame of this channel. @throws {ProtocolViolation} @internal */
  route(type: number, reader: Reader): void {
    if (type === FRAME.METHOD) return this.#method(reader);
    if (this.#state !== 'open') return; // of what was on its way when the channel ended
    const content =
      type === FRAME.HEADER
        ? this.#assembler.header(reader)
        : this.#assembler.body(reader.buffer, reader.pos, reader.end);
    if (content !== undefined) this.handle({ plan: content.plan, args: content.args, content });
  }

  #method(reader: Reader): void {
    const plan = decodeMethodPlan(reader);
    const { name } = plan;
    if (plan.from === 'client' || name.startsWith('connection.')) {
      throw new ProtocolViolation(
        503,
        'unexpected method',
        `channel ${this.id}`,
        'a method of the server',
        name,
      );
    }
    if (name === 'channel.close')
      return this.#closedByBroker(decodeArgs(reader, plan) as Args<'channel.close'>);
    if (this.#state === 'closing') {
      if (name === 'channel.close-ok') this.#closed();
      return;
    }
    if (this.#state === 'closed') return;
    const args = decodeArgs(reader, plan);
    if (this.#isOpening && name !== 'channel.open-ok') {
      if (name === 'basic.deliver') this.late.ignoreDelivery(args);
      return;
    }
    if (plan.content) return this.#assembler.method(plan, args);
    this.#assembler.refuse('method', name);
    this.handle({ plan, args, content: undefined });
  }

  /** A whole method came, with its content if it has one. Layers take theirs; the rest are replies. @internal */
  protected handle(answer: Answer): void {
    this.#replies.settle(answer);
  }

  #closed(): void {
    this.#state = 'closed';
    this.connection.forget(this);
  }

  #closedByBroker({ replyCode, replyText, classId, methodId }: Args<'channel.close'>): void {
    this.#answer('channel.close-ok', {});
    if (this.#state === 'closed') return;
    if (!this.#isOpening) this.late.ended(this.nextDelivery);
    const method = methodName(classId, methodId);
    const blamed = method === undefined ? 'an error' : this.blame.find(method, replyText);
    const during = this.#replies.current?.plan.name;
    const elsewhere = during === undefined || during === method ? '' : ` (noticed during ${during})`;
    const reason = new (channelErrorClass(replyCode))(
      `${blamed} closed channel ${this.id}: ${describeReply(replyCode, replyText)}${this.aside(method)}${elsewhere}`,
      { code: replyCodeName(replyCode), replyCode, replyText, method, origin: 'broker', outcome: 'rejected' },
    );
    if (this.#state === 'closing') {
      // the two closes crossed, and the broker answers ours too. Nobody waits for a method, so only one
      // that nobody waited for in the first place can still have something to say
      if (method === undefined || !this.blame.knows(method)) return;
      this.#reason = reason;
    } else {
      this.connection.forget(this);
      this.died(reason);
    }
    // nobody's call may be waiting on this channel: then the pump throws it
    this.#notice = {
      dispatch: () => {
        throw this.tell(reason);
      },
    };
    this.connection.dispatcher.push(this.#notice);
  }
}
