import { STATE } from '../../bridge/layout';
import { Link } from '../../bridge/link';
import type { WaitResult } from '../../bridge/wake-signal';
import { fromCaller } from '../../caller';
import { clock, LONGEST_TIMER } from '../../clock';
import type { CloseReason, Command, SessionDescription } from '../../contract/session-options';
import { type AmqpError, ConnectionClosedError, WorkerStalledError, WrongStateError } from '../../errors';
import { decodeMethod, PLANS } from '../../protocol/codec';
import { FRAME, NOTICE_FRAME } from '../../protocol/constants';
import type { LateDeliveries } from '../../protocol/late-deliveries';
import type { Args } from '../../protocol/method-types';
import { ProtocolViolation } from '../../protocol/violation';
import type { Reader } from '../../protocol/wire';
import type { ChannelHost, HostedChannel } from '../channel/channel-host';
import { NoAckBuffer, type NoAckBufferLimits } from '../channel/no-ack-buffer';
import { Replies } from '../channel/replies';
import { HAPPENING, OPERATION } from '../diagnostics';
import { Dispatcher } from '../dispatcher';
import { EventLoop } from '../event-loop';
import { closeAtExit, forgetAtExit, isClosingAll } from '../exit';
import { interruption } from '../interruption';
import { notSent } from '../loss';
import type { RecoveryPolicy } from '../options/recovery-options';
import type { Settings } from '../options/settings';
import { Pump } from '../pump';
import { warnOfError, warnOfUnserved } from '../warnings';
import { ChannelNumbers } from './channel-numbers';
import { MessageCounts } from './connection-stats';
import { KnownQueues } from './known-queues';
import { PublishBlock } from './publish-block';
import { Recovery, type RecoveryListener } from './recovery';
import { SaslResponder } from './sasl-responder';
import { WaitsOfMain } from './waits';
import { control, crashed, startThread, type Thread } from './worker-thread';

/** Milliseconds beyond `connectTimeout` for a worker that cannot keep the time. */
const OPEN_GRACE_MS = 5000;
/** Milliseconds a worker may take to show that it is there before `describe` does without it. */
const ANSWER_TIMEOUT = 250;
/** Bytes that may wait for a callback, whatever the user wants: deliveries come several at a time. */
const LEAST_BUFFER = 1024 * 1024;
/** After `abort`, how long the worker may take to put the socket down. */
const ABORT_TIMEOUT = 100;

/** The public connection, as far as its session calls it. */
export interface ConnectionOwner extends RecoveryListener {
  onBlocked: ((reason: string) => void) | undefined;
  onUnblocked: (() => void) | undefined;
  onClose: ((error: AmqpError) => void) | undefined;
}

/**
 * A connection below its public face: the worker thread and the memory shared with it, where frames go, and
 * how it ends. It remembers why it ended: the first call after it throws that, later ones say so.
 */
export class ConnectionSession implements ChannelHost {
  readonly dispatcher = new Dispatcher();
  readonly events = new EventLoop(this);
  readonly pump: Pump;
  readonly link: Link;
  readonly maxMessageSize: number;
  readonly callTimeout: number;
  readonly blockedTimeout: number;
  readonly requeuePause: number;
  readonly warnings: boolean;
  readonly queues = new KnownQueues();
  readonly recoveryPolicy: RecoveryPolicy | undefined;
  readonly recovery = new Recovery(this);
  readonly block = new PublishBlock(this);
  readonly counts = new MessageCounts();
  /** The open channels, by number, and the public ones of them. */
  readonly channels = new Map<number, HostedChannel>();
  readonly owners = new Map<number, object>();
  /** Requests on channel 0: update-secret. */
  readonly replies = new Replies();
  /** connection.start: what the broker told about itself. */
  greeting: Args<'connection.start'> | undefined;
  /** Frames that came for channels. */
  framesReceived = 0;
  /** Of the session with the broker: there once the connection has been open. */
  description!: SessionDescription;
  readonly #noAckBufferLimits: NoAckBufferLimits;
  #thread!: Thread;
  readonly #numbers = new ChannelNumbers();
  /** While connecting, if the mechanism is the user's own. */
  #sasl: SaslResponder | undefined;
  #isReported = false;
  /** Errors are kept from the user: see `quietly`. */
  #isQuiet = false;

  constructor(
    readonly owner: ConnectionOwner,
    settings: Settings,
  ) {
    this.maxMessageSize = settings.maxMessageSize;
    this.callTimeout = settings.callTimeout;
    this.blockedTimeout = settings.blockedTimeout;
    this.requeuePause = settings.requeuePause;
    this.recoveryPolicy = settings.recovery;
    this.warnings = settings.warnings;
    this.link = new Link(settings.ringCapacity, settings.interruptible, settings.stallTimeout);
    const { suspendAt } = settings;
    const { maxBufferedBytes } = settings.session;
    const overrun = (bytes: number) => this.#overrun(bytes, maxBufferedBytes);
    this.#noAckBufferLimits = { suspendAt, most: Math.max(maxBufferedBytes, LEAST_BUFFER), overrun };
    this.pump = new Pump(this.link, {
      route: (type, channel, reader) => this.#route(type, channel, reader),
      died: (error) => this.#died(error),
      report: (error) => this.report(error),
    });
    if (settings.session.diagnostics?.debugAfter !== undefined) this.link.watch = new WaitsOfMain(this);
  }

  /** Called once. Blocks until the connection is open. */
  open(settings: Settings): void {
    const began = clock.now();
    this.#thread = startThread(settings.session.connectTimeout);
    try {
      this.description = this.#opened(settings, began);
    } catch (error) {
      if (this.link.state !== STATE.CLOSED) this.#thread.terminate(); // else it finishes by itself
      throw error;
    }
    this.pump.frameMax = this.frameMax;
    closeAtExit(this);
  }

  #opened({ session, mechanism }: Settings, began: number): SessionDescription {
    const link = this.link;
    link.attach(this.#thread.doorbell);
    const wanted = session.targets[0]!.handshake.mechanisms;
    this.#sasl = mechanism && new SaslResponder(mechanism, wanted, (command) => link.post(command));
    const options = { ...session, spent: clock.now() - began };
    control(this.#thread, { call: 'open', memory: link.memory, wakeSignal: link.wakeSignal.memory, options });
    // the worker keeps the time; its grace here is for the case that it cannot
    const triesForEver = session.recovery?.failFast === false;
    const limit = triesForEver ? Number.POSITIVE_INFINITY : began + session.connectTimeout;
    const deadline = limit + OPEN_GRACE_MS;
    link.watch?.begin({ isDone: false, awaited: 'the connection to open' }, limit);
    while (link.state === STATE.STARTING) {
      const end = link.waitReadable(STATE.STARTING, deadline);
      if (end === 'interrupted' || end === 'stopped') throw interruption(end);
      if (end !== 'woken') break;
      this.pump.poll();
    }
    this.pump.poll();
    const description = link.state === STATE.OPEN ? control(this.#thread, { call: 'describe' }) : undefined;
    if (description !== undefined) return description;
    throw this.pump.death ?? crashed('it does not answer');
  }

  // ── what it is ──────────────────────────────────────────────────────────────────────────────────────

  /** Whose it is, for whoever listens. */
  get facts(): { connection: object; channel: undefined } {
    return { connection: this.owner, channel: undefined };
  }
  /** True until the connection has ended, as far as this thread has seen; also while it is recovered. */
  get isOpen(): boolean {
    return this.pump.death === undefined;
  }
  get state(): 'open' | 'recovering' | 'closed' {
    if (!this.isOpen) return 'closed';
    return this.recovery.outage === undefined ? 'open' : 'recovering';
  }
  get isBlocked(): boolean {
    return this.block.reason !== undefined;
  }
  get blockedReason(): string | undefined {
    return this.block.reason;
  }
  get channelMax(): number {
    return this.description.tuning.channelMax;
  }
  get frameMax(): number {
    return this.description.tuning.frameMax;
  }
  get lastError(): AmqpError | undefined {
    return this.pump.death;
  }

  /** The number belongs to this channel from now on. @returns what may come late for earlier ones */
  adopt(channel: HostedChannel): LateDeliveries {
    const other = this.channels.get(channel.id);
    if (other !== undefined) {
      const why = other.isOpen ? 'the number is in use again' : 'the broker still owes an answer about it';
      throw new WrongStateError(`channel ${channel.id} cannot be opened: ${why}`, {
        code: 'NUMBER_IN_USE',
        method: 'channel.open',
        outcome: 'not-sent',
      });
    }
    this.channels.set(channel.id, channel);
    if (channel.owner !== undefined) this.owners.set(channel.id, channel.owner);
    return this.#numbers.take(channel.id);
  }

  /** The number is free again. */
  forget({ id, late }: HostedChannel): void {
    this.channels.delete(id);
    this.owners.delete(id);
    this.#numbers.giveBack(id, late);
  }

  /** A number that no channel has, nor anybody keeps; undefined: there is none. */
  nextNumber(isReserved: (id: number) => boolean): number | undefined {
    return this.#numbers.next(this.channelMax, (id) => this.channels.has(id), isReserved);
  }

  freeNumber(): number {
    const id = this.nextNumber(() => false);
    if (id !== undefined) return id;
    throw new WrongStateError(`all ${this.channelMax} channels of the connection are in use`, {
      code: 'NO_FREE_CHANNEL',
    });
  }

  isStuck(isEndless: boolean): boolean {
    for (const channel of this.channels.values()) if (channel.isStuck(isEndless)) return true;
    return false;
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────

  /** Say connection.close, naming what caused it, and wait for the answer. Never throws for a connection that is lost. */
  close(reason: CloseReason): void {
    if (!this.isOpen) return this.dispatcher.reportEnds();
    if (!isClosingAll()) this.pump.checkNesting(); // at the end of the program nothing comes behind it
    OPERATION.close.trace(this.facts, () => this.#close(reason));
  }

  #close(reason: CloseReason): void {
    const deadline = clock.now() + reason.timeout;
    if (this.warnings && !this.dispatcher.isServed)
      warnOfUnserved(this.owners as Map<number, { consumerTags: readonly string[] }>, isClosingAll());
    this.announceClose(reason);
    this.#isReported = true;
    const closed = new ConnectionClosedError('the connection was closed by this program', { code: 'CLOSED' });
    const end = this.awaitEnd(deadline);
    const last = this.link.state < STATE.CLOSED ? this.#putDown() : 'woken';
    this.pump.finish(closed);
    this.dispatcher.reportEnds();
    if (end === 'interrupted' || last === 'interrupted') throw interruption('interrupted');
  }

  /** The first half of `close`: does not wait. */
  announceClose(reason: CloseReason): void {
    const timeout = Math.min(reason.timeout, LONGEST_TIMER);
    this.link.post({ command: 'close', reason: { ...reason, timeout } } satisfies Command);
  }

  /** Put the socket down without a word. */
  abort(): void {
    if (!this.isOpen) return this.dispatcher.reportEnds();
    this.pump.checkNesting();
    this.#isReported = true;
    const end = this.#putDown();
    this.pump.finish(
      new ConnectionClosedError('the connection was aborted by this program', { code: 'ABORTED' }),
    );
    if (end === 'interrupted') interruption(end); // whoever listens hears of it
    this.dispatcher.reportEnds();
  }

  #putDown(): WaitResult {
    this.link.post({ command: 'abort' } satisfies Command);
    const end = this.awaitEnd(clock.now() + ABORT_TIMEOUT);
    if (this.link.state !== STATE.CLOSED) this.#thread.terminate(); // else it finishes by itself
    return end;
  }

  /**
   * Wait for the worker's last word, reading past whatever is in its way. Another thread cannot stop that half
   * way: what was published would be lost. It stops the next wait.
   */
  awaitEnd(deadline: number): WaitResult {
    this.link.watch?.begin({ isDone: false, awaited: 'the connection to close' }, deadline);
    let stopped = false;
    let end: WaitResult = 'woken';
    while (this.link.state < STATE.CLOSED && (end === 'woken' || end === 'stopped')) {
      this.pump.discard();
      const { state } = this.link;
      if (state < STATE.CLOSED) end = this.link.waitReadable(state, deadline);
      stopped ||= end === 'stopped';
    }
    if (stopped) this.link.wakeSignal.interrupt();
    return end;
  }

  /** Look at what has come, without waiting. */
  pollIfNews(): void {
    if (this.pump.hasNews) this.pump.poll();
    this.dispatcher.runOwnTimers();
  }

  /** @throws why the connection has ended: the error itself once, then that it is closed */
  checkAlive(what: string, how = 'was not sent'): void {
    const { death } = this.pump;
    if (death === undefined) return;
    if (!this.#isReported) throw notSent(`${what} ${how}`, this.report(death));
    throw new WrongStateError(`${what} ${how}, the connection is closed: ${death.message}`, {
      code: 'CONNECTION_CLOSED',
      cause: death,
    });
  }

  /** The caller is about to hear of the end, whoever noticed it. */
  report(error: AmqpError): AmqpError {
    if (this.#isQuiet) return error;
    this.#isReported = true;
    try {
      this.dispatcher.reportEnds();
    } catch (thrown) {
      this.#isReported = false; // that is thrown now, and this by the next call
      throw thrown;
    }
    return fromCaller(error);
  }

  /** Run what keeps errors to itself: if the connection ends meanwhile, the next call tells. */
  quietly(act: () => void): void {
    const before = this.#isQuiet;
    this.#isQuiet = true;
    try {
      act();
    } finally {
      this.#isQuiet = before;
    }
  }

  #route(type: number, channel: number, reader: Reader): void {
    if (channel !== 0) {
      const target = this.channels.get(channel);
      if (target !== undefined) {
        this.framesReceived++;
        return target.route(type, reader);
      }
      const late = this.#numbers.late(channel);
      if (late !== undefined) return late.ignore(type, reader);
      const what = 'frame for a channel that is not open';
      throw new ProtocolViolation(504, what, 'frame header', 'an open channel', channel);
    }
    if (type === FRAME.METHOD) this.#control0(reader);
    else if (type === NOTICE_FRAME) this.recovery.notice(reader.buffer.subarray(reader.pos, reader.end));
  }

  /** The worker's description of the session: a new one, or the last if it does not answer. */
  describe(): SessionDescription {
    this.pollIfNews();
    if (this.isOpen && this.link.answers(ANSWER_TIMEOUT))
      this.description = control(this.#thread, { call: 'describe' }) ?? this.description;
    return this.description;
  }

  /** Warn of what was thrown, and nobody else hears of. */
  warnOfError(what: string, error: unknown): void {
    if (this.warnings) warnOfError(what, error);
  }

  // ── recovery ────────────────────────────────────────────────────────────────────────────────────────

  /** The broker that has blocked publishing is gone, and what it had still to send. */
  lost(): void {
    this.block.end();
    this.#numbers.lost();
  }

  recovered(session: SessionDescription): void {
    this.description = session;
    this.pump.frameMax = this.frameMax;
  }

  renamed(old: string, fresh: string): void {
    this.queues.renamed(old, fresh);
  }

  /** The worker has dealt with opening, closing and heartbeats; the rest is for this thread. */
  #control0(reader: Reader): void {
    const method = decodeMethod(reader);
    switch (method.name) {
      case 'connection.start':
        this.greeting = method.args;
        return this.#sasl?.started(method.args.mechanisms);
      case 'connection.secure':
        return this.#sasl?.challenged(method.args.challenge);
      case 'connection.blocked':
        return this.block.begin(method.args.reason);
      case 'connection.unblocked':
        return this.block.end();
      case 'connection.update-secret-ok':
        return this.replies.settle({ plan: PLANS[method.name], args: {}, content: undefined });
    }
  }

  /** For a consumer without acknowledgements. */
  newNoAckBuffer(): NoAckBuffer {
    return new NoAckBuffer(this.link, this.#noAckBufferLimits);
  }

  /** Too much has come for a consumer that cannot be told to wait. */
  #overrun(bytes: number, limit: number): void {
    const error = new ConnectionClosedError(
      `the connection was given up: ${bytes} bytes wait for a consumer without acknowledgements, more than maxBufferedBytes (${limit}); consume with acknowledgements and a prefetch, call drainEvents more often, or raise maxBufferedBytes`,
      { code: 'OVERRUN', recoverable: true, outcome: 'unknown' },
    );
    this.pump.defer(() => this.pump.abort(error)); // after the frame that was one too many
  }

  #died(error: AmqpError): void {
    forgetAtExit(this);
    this.dispatcher.closeMailboxes();
    if (error instanceof WorkerStalledError) this.#thread.terminate();
    this.block.end();
    for (const channel of [...this.channels.values()]) channel.died(error);
    this.channels.clear();
    this.owners.clear();
    this.replies.fail(error);
    // that it could not be opened is told of as an operation
    if (this.description !== undefined && HAPPENING.close.isHeard)
      HAPPENING.close.tell({ ...this.facts, error });
    this.dispatcher.ended(this, () => this.owner.onClose?.(error));
  }
}
