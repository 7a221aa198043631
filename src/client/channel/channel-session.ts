import { fromCaller } from '../../caller';
import { clock } from '../../clock';
import { type AmqpError, type TimeoutError, WrongStateError } from '../../errors';
import { decodeArgs, decodeMethodPlan, encodeMethod, methodName, PLANS } from '../../protocol/codec';
import { FRAME } from '../../protocol/constants';
import { ContentAssembler } from '../../protocol/content';
import { LateDeliveries } from '../../protocol/late-deliveries';
import type { Args, Input, MethodName, RequestName } from '../../protocol/method-types';
import { ProtocolViolation } from '../../protocol/violation';
import type { Reader } from '../../protocol/wire';
import type { RecoveryFailure } from '../connection/recovery-info';
import { HAPPENING, OPERATION } from '../diagnostics';
import { DISPATCH, type Event } from '../dispatcher';
import { closedByBroker, closedByUs, cutOff, timedOut } from '../loss';
import { type CallOptions, checkEncodable, checkTimeout } from '../options/checks';
import { when } from '../pump';
import type { ChannelHost, HostedChannel } from './channel-host';
import { PartList } from './channel-part';
import { MethodHistory } from './method-history';
import { type Answer, type AnswerHandlers, type Pending, Replies } from './replies';
import { Unacked } from './unacked';

/** The public channel, as far as the session calls it. */
export interface ChannelOwner {
  onClose: ((error: AmqpError) => void) | undefined;
}

/**
 * A channel as the wire knows it: frames in, requests and their replies, and how it ends.
 *
 *   [closed] --channel.open--> [opening] --open-ok--> [open] --close()--> [closing]
 *      ^                           | given up            |                  ^   | close-ok
 *      |                      [abandoned] --open-ok------|------------------+   |
 *      +------- channel.close from the broker -----------+----------------------+
 *
 * RabbitMQ goes on writing deliveries behind its channel.close, even behind the open-ok of the next channel with the
 * number. So everything is ignored that comes outside of [open], contents piece by piece, but for what the arrows
 * name; what comes inside for a consumer that is not known is dropped, see Consumers.
 *
 * What the broker has not been told, or a lost connection took along, is closed at once.
 * A closed channel remembers why. The first call after it throws that reason, later ones say that the
 * channel is closed, with the reason as `cause`.
 *
 * The parts that stand on it (publishing, consuming, settling, transactions) take the methods that belong to them,
 * and are told what becomes of it.
 */
export class ChannelSession implements HostedChannel {
  /** How often it was opened: deliveries of an earlier time cannot be settled. */
  openings = 0;
  /** How often what was under way has ended: by a reopen, or as the connection was lost. */
  interruptions = 0;
  /** What the broker may still send of earlier channels with the number. */
  late = new LateDeliveries();
  readonly unacked = new Unacked();
  readonly history = new MethodHistory();
  /** The parts that stand on it; set once. */
  parts = new PartList([]);
  #replies = new Replies();
  #assembler: ContentAssembler;
  /** `leaving`: channel.close is to be written; `closing`: it was. `abandoned`: nobody waits for channel.open-ok any more. */
  #state: 'closed' | 'opening' | 'abandoned' | 'open' | 'leaving' | 'closing' = 'closed';
  #reason: AmqpError | undefined;
  /** The event that throws the reason, until a call has thrown it. */
  #notice: Event | undefined;
  /** Errors are kept from the user: see `quietly`. */
  #isQuiet = false;
  /** `onClose` is still to be told of an end. */
  #isEndOwed = false;

  constructor(
    readonly host: ChannelHost,
    /** The channel number, 1 to `channelMax`. */
    readonly id: number,
    /** The public channel; none where the library has opened it for itself. */
    readonly owner: ChannelOwner | undefined = undefined,
  ) {
    this.#assembler = new ContentAssembler(host.maxMessageSize);
  }

  get isOpen(): boolean {
    return this.#state === 'open' && this.host.isOpen;
  }

  /** Whose it is, for whoever listens. */
  get facts(): { connection: object; channel: object | undefined } {
    return { connection: this.host.owner, channel: this.owner };
  }

  /** Why the channel is closed, if the broker or the network did it. */
  get lastError(): AmqpError | undefined {
    return this.#reason;
  }

  // ── opening and closing ─────────────────────────────────────────────────────────────────────────────

  /** Blocks until the broker has opened the channel. */
  open(): void {
    this.host.pollIfNews();
    this.host.dispatcher.reportEnds(this);
    this.host.checkAlive('channel.open');
    this.late = this.host.adopt(this);
    this.openings++;
    this.interruptions++;
    this.#state = 'opening';
    this.#reason = undefined;
    this.#notice = undefined;
    this.#replies = new Replies();
    this.#assembler = new ContentAssembler(this.host.maxMessageSize);
    this.unacked.reset();
    for (const part of this.parts) part.opening?.();
    const opened = () => {
      this.#state = 'open';
      this.#isEndOwed = this.owner !== undefined;
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

  /** The broker has not answered channel.open: what comes for the number is of an earlier channel. */
  get #isOpening(): boolean {
    return this.#state === 'opening' || this.#state === 'abandoned';
  }

  get #isClosing(): boolean {
    return this.#state === 'leaving' || this.#state === 'closing';
  }

  #abandon(): void {
    if (this.#replies.current === undefined) return this.#closed(); // nothing was sent
    this.#state = 'abandoned';
  }

  /**
   * Say channel.close and wait for close-ok; the number is free once that has come. Throws what the broker
   * had to complain of before it heard of it.
   */
  close(args: Input<'channel.close'>, timeout: number): void {
    if (this.unreported !== undefined) throw this.report(this.unreported);
    if (this.#state !== 'open') return this.host.dispatcher.reportEnds(this);
    this.host.pump.checkNesting();
    if (this.owner === undefined) return this.#close(args, timeout);
    OPERATION.close.trace(this.facts, () => this.#close(args, timeout));
  }

  #close(args: Input<'channel.close'>, timeout: number): void {
    this.#state = 'leaving';
    for (const part of this.parts) part.closing?.();
    const { pump } = this.host;
    const deadline = clock.now() + timeout;
    const closed = when(() => this.#state === 'closed', `the answer to channel.close of channel ${this.id}`);
    const reason = closedByUs(this.id);
    const leave = () => {
      if (this.#state === 'closed') throw reason; // while room was waited for, or the next connection
      this.#state = 'closing';
    };
    try {
      if (pump.ask(this.id, 'channel.close', args, deadline, leave)) pump.until(closed, deadline);
    } catch (error) {
      if (error !== reason) throw error;
    } finally {
      if (this.#state === 'leaving') this.#state = 'closing'; // it is said after the next recovery, if there is one
      this.#end(this.#reason ?? reason);
    }
    if (this.unreported !== undefined) throw this.report(this.unreported);
    this.host.dispatcher.reportEnds(this);
  }

  /** The broker, or the end of the connection, closed the channel. */
  died(reason: AmqpError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reason = reason;
    this.#end(reason);
  }

  #end(reason: AmqpError): void {
    this.#replies.fail(reason);
    for (const part of this.parts) part.closed?.(reason);
    if (this.#isEndOwed && HAPPENING.close.isHeard) HAPPENING.close.tell({ ...this.facts, error: reason });
    if (this.#isEndOwed) this.host.dispatcher.ended(this, () => this.owner?.onClose?.(reason));
    this.#isEndOwed = false;
  }

  /** Give the reason of the channel's end to a caller: it has been told. */
  report(reason: AmqpError): AmqpError {
    if (this.#isQuiet) return reason;
    if (reason === this.#reason && this.#notice !== undefined) {
      this.host.dispatcher.remove(this.#notice);
      this.#notice = undefined;
    }
    if (reason === this.host.lastError) this.host.report(reason);
    this.host.dispatcher.reportEnds(this);
    return fromCaller(reason);
  }

  /** Run what keeps errors to itself: if the channel or the connection ends meanwhile, the next call tells. */
  quietly(act: () => void): void {
    this.#isQuiet = true;
    try {
      this.host.quietly(act);
    } finally {
      this.#isQuiet = false;
    }
  }

  /** The reason of the channel's end, if no call has thrown it yet. */
  get unreported(): AmqpError | undefined {
    return this.#notice === undefined || !this.host.isOpen ? undefined : this.#reason;
  }

  /** @throws when a method cannot be sent now, with what closed the channel */
  checkOpen(method: string): void {
    this.host.pollIfNews();
    this.#checkState(method);
  }

  #checkState(method: string): void {
    if (this.#state === 'open' || (this.#state === 'opening' && method === 'channel.open')) return;
    this.host.checkAlive(method);
    if (this.unreported !== undefined) throw this.report(this.unreported);
    this.host.dispatcher.reportEnds(this);
    const cause = this.#reason ?? closedByUs(this.id);
    throw new WrongStateError(`${method} was not sent, channel ${this.id} is closed: ${cause.message}`, {
      code: 'CHANNEL_CLOSED',
      method,
      cause,
    });
  }

  // ── recovery ────────────────────────────────────────────────────────────────────────────────────────

  /** The connection is lost, and will be recovered. */
  connectionLost(error: AmqpError): void {
    if (this.#state === 'closed') return;
    this.interruptions++;
    this.#assembler = new ContentAssembler(this.host.maxMessageSize);
    this.late.clear();
    this.#replies.interrupt(error);
    for (const part of this.parts) part.connectionLost?.(error);
    this.unacked.interrupt();
    if (this.#state === 'abandoned') this.#closed();
  }

  /** The connection is there again: `isOpen`, the broker has this channel. */
  recovered(
    isOpen: boolean,
    failure: AmqpError,
    tags: readonly string[],
    failures: readonly RecoveryFailure[],
  ): void {
    for (const part of this.parts) part.recovered?.(tags, failures);
    if (this.#state === 'open' && !isOpen) {
      this.host.forget(this);
      this.died(failure);
      if (this.owner?.onClose !== undefined)
        this.host.dispatcher.push({ [DISPATCH]: () => this.host.dispatcher.reportEnds(this) });
      return;
    }
    if (this.#isClosing && !isOpen) return this.#closed();
    if (this.#state === 'closing') this.#answer('channel.close', { replyCode: 200, replyText: 'again' });
    for (const { plan, args } of this.#replies.owed)
      this.#answer(plan.name, this.host.recovery.current(args) as never);
  }

  isStuck(isEndless: boolean): boolean {
    return this.parts.isStuck(isEndless);
  }

  isAwaiting(goal: object): boolean {
    return this.#replies.owed.includes(goal as Pending) || this.parts.isAwaiting(goal);
  }
  get unconfirmed(): number {
    return this.parts.unconfirmed;
  }

  /** The arguments of the requests by this name whose replies have not come. */
  owed<M extends RequestName>(method: M): Input<M>[] {
    return this.#replies.owed.filter(({ plan }) => plan.name === method).map(({ args }) => args as Input<M>);
  }

  // ── writing ─────────────────────────────────────────────────────────────────────────────────────────

  /** Send a request and wait, or with `noWait` do not: such methods have no reply then. */
  call<M extends RequestName>(
    method: M,
    args: Input<M>,
    options: CallOptions & { noWait?: boolean | undefined },
    subject = '',
  ): Answer | undefined {
    if (options.noWait !== true) return this.request(method, args, options);
    this.send(method, args, subject);
    return undefined;
  }

  /** Send a method and wait for its reply. A reply that comes after the deadline is swallowed. */
  request<M extends RequestName>(
    method: M,
    args: Input<M>,
    options: CallOptions,
    handlers?: AnswerHandlers,
  ): Answer {
    if (!OPERATION.call.isTraced) return this.#request(method, args, options, handlers);
    const run = () => this.#request(method, args, options, handlers);
    return OPERATION.call.trace({ ...this.facts, method }, run);
  }

  #request<M extends RequestName>(
    method: M,
    args: Input<M>,
    { timeout }: CallOptions,
    handlers: AnswerHandlers | undefined,
  ): Answer {
    const { pump } = this.host;
    if (timeout !== undefined) checkTimeout(timeout);
    this.checkOpen(method);
    const deadline = this.host.events.deadline(timeout);
    const guard = () => this.#checkState(method);
    const now = () => this.host.recovery.current(args);
    if (!pump.ask(this.id, method, now, deadline, guard)) throw this.timedOut(method, 'not-sent');
    const pending = this.#replies.expect(PLANS[method], args, handlers);
    try {
      pump.until(pending, deadline);
    } finally {
      pending.abandoned = !pending.isDone;
    }
    if (pending.error !== undefined)
      throw pending.interrupted ? cutOff(method, pending.error) : this.report(pending.error);
    if (pending.answer === undefined) throw this.timedOut(method, 'unknown');
    return pending.answer;
  }

  /** Refuse wrong arguments before other methods are sent for the sake of this one. */
  validate<M extends MethodName>(method: M, args: Input<M>): void {
    checkEncodable(method, this.host.frameMax, (writer) => encodeMethod(writer, this.id, method, args));
  }

  timedOut(method: string, outcome: 'not-sent' | 'unknown'): TimeoutError {
    return timedOut(`${method} on channel ${this.id}`, method, outcome, this.host.recovery.outage);
  }

  /** Send a method that has no reply, or none is wanted of. */
  send<M extends MethodName>(method: M, args: Input<M>, subject: string | number): void {
    this.checkOpen(method);
    const deadline = this.host.events.deadline(undefined);
    const guard = () => this.#checkState(method);
    const now = () => this.host.recovery.current(args);
    if (!this.host.pump.write(this.id, method, now, deadline, guard)) throw this.timedOut(method, 'not-sent');
    this.history.remember(method, subject);
  }

  /** Send a request whose reply nobody waits for; `late` runs when it comes. */
  ask<M extends RequestName>(method: M, args: Input<M>, late: () => void): void {
    this.send(method, args, '');
    this.#replies.expect(PLANS[method], args, { late }).abandoned = true;
  }

  /** Send because of a frame that is being routed, once it is out of the way. */
  #answer<M extends MethodName>(method: M, args: Input<M>): void {
    const { pump, callTimeout } = this.host;
    const { interruptions } = this;
    pump.defer(() => {
      if (this.interruptions === interruptions) pump.write(this.id, method, args, clock.now() + callTimeout);
    });
  }

  /** Like `#answer`, for the parts: only while the channel is open. */
  respond<M extends MethodName>(method: M, args: Input<M>): void {
    if (this.#state === 'open') this.#answer(method, args);
  }

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────

  /** One frame of this channel. @throws {ProtocolViolation} */
  route(type: number, reader: Reader): void {
    if (type === FRAME.METHOD) return this.#method(reader);
    if (this.#state !== 'open') return; // of what was on its way when the channel ended
    const content =
      type === FRAME.HEADER
        ? this.#assembler.header(reader)
        : this.#assembler.body(reader.buffer, reader.pos, reader.end);
    if (content !== undefined) this.#handle({ plan: content.plan, args: content.args, content });
  }

  #method(reader: Reader): void {
    const plan = decodeMethodPlan(reader);
    const { name } = plan;
    if (plan.from === 'client' || name.startsWith('connection.')) {
      const where = `channel ${this.id}`;
      throw new ProtocolViolation(503, 'unexpected method', where, 'a method of the server', name);
    }
    if (name === 'channel.close') return this.#closedByBroker(decodeArgs(reader, plan) as never);
    if (this.#isClosing && name === 'channel.close-ok') return this.#closed();
    if (this.#isClosing || this.#state === 'closed') return;
    const args = decodeArgs(reader, plan);
    if (this.#isOpening && name !== 'channel.open-ok') {
      if (name === 'basic.deliver') this.late.ignoreDelivery(args);
      return;
    }
    if (plan.content) return this.#assembler.method(plan, args);
    this.#assembler.refuse('method', name);
    this.#handle({ plan, args, content: undefined });
  }

  /** A whole method came, with its content if it has one. Parts take theirs; the rest are replies. */
  #handle(answer: Answer): void {
    const handle = this.parts.handler(answer.plan.name);
    if (handle !== undefined) handle(answer);
    else this.#replies.settle(answer);
  }

  #closed(): void {
    this.#state = 'closed';
    this.host.forget(this);
  }

  #closedByBroker(close: Args<'channel.close'>): void {
    this.#answer('channel.close-ok', {});
    if (this.#state === 'closed') return;
    if (!this.#isOpening) this.late.ended(this.unacked.nextOnWire);
    const method = methodName(close.classId, close.methodId);
    const blamed = method === undefined ? 'an error' : this.history.find(method, close.replyText);
    const during = this.#replies.current?.plan.name;
    const elsewhere = during === undefined || during === method ? '' : ` (noticed during ${during})`;
    const aside = `${this.parts.aside(method)}${elsewhere}`;
    const reason = closedByBroker(`${blamed} closed channel ${this.id}`, close, method, aside);
    if (this.#state === 'closing') {
      // the two closes crossed, and the broker answers ours too. No caller waits for a method now, so only a method
      // that none has ever waited for can still have something to say
      if (method === undefined || !this.history.knows(method)) return;
      this.#reason = reason;
    } else {
      this.host.forget(this);
      this.died(reason);
    }
    // the pump throws it where no call is waiting on this channel
    this.#notice = {
      [DISPATCH]: () => {
        throw this.report(reason);
      },
    };
    this.host.dispatcher.push(this.#notice);
  }
}
