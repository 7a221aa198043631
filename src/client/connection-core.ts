import type { Awakening } from '../bridge/bell';
import type { ControlCall, ControlReply } from '../bridge/control';
import { STATE } from '../bridge/layout';
import { Link } from '../bridge/link';
import { fromCaller } from '../caller';
import { clock } from '../clock';
import { type AmqpError, ConnectionClosedError, WorkerStalledError, WrongStateError } from '../errors';
import { decodeMethod, PLANS } from '../protocol/codec';
import { FRAME, NOTICE_FRAME } from '../protocol/constants';
import type { Table } from '../protocol/field-table';
import type { LateDeliveries } from '../protocol/late-deliveries';
import type { Args } from '../protocol/method-types';
import type { Command, SessionDescription, SessionOptions } from '../protocol/session-options';
import { ProtocolViolation } from '../protocol/violation';
import type { Reader } from '../protocol/wire';
import { showAs } from '../shown';
import { Backlog, type BacklogLimits } from './backlog';
import { type Channel, type CloseOptions, closeOptions } from './channel';
import { ChannelNumbers } from './channel-numbers';
import { Dispatcher } from './dispatcher';
import { closeAtExit, forgetAtExit, isClosingAll } from './exit';
import { interruption } from './interruption';
import { Lives, notSent } from './lives';
import type { Settings } from './options';
import { Pump } from './pump';
import type { RecoveryInfo } from './recovery-info';
import type { RecoveryPolicy } from './recovery-options';
import { Replies } from './rpc';
import { SaslResponder } from './sasl-responder';
import { crashed, late, startThread, type Thread } from './thread';
import { warnOfUnserved } from './warning';

const CLOSE_TIMEOUT = 5000;
const LONGEST_TIMER = 0x7fff_ffff;
/** Bytes that may wait for a callback, whatever the user wants: deliveries come several at a time. */
const LEAST_BACKLOG = 1024 * 1024;
/** After `abort`, how long the worker may take to put the socket down. */
const ABORT_TIMEOUT = 100;

/**
 * A connection below its verbs: the worker thread and the memory shared with it, where frames go, and
 * how it ends. It remembers why it ended: the first call after it throws that, later ones say so.
 */
export abstract class ConnectionCore {
  /** @internal */
  readonly dispatcher = new Dispatcher();
  /** @internal */
  readonly pump: Pump;
  /** @internal */
  readonly maxMessageSize: number;
  /** @internal */
  readonly lastingQueues = new Set<string>();
  /** Queues declared here that are streams. @internal */
  readonly streams = new Set<string>();
  readonly #backlogLimits: BacklogLimits;
  /** @internal */
  readonly callTimeout: number;
  /** @internal */
  readonly blockedTimeout: number;
  /** @internal */
  readonly warnings: boolean;
  /** @internal */
  readonly link: Link;
  readonly #thread: Thread;
  /** Undefined: a lost connection is over. @internal */
  readonly recovery: RecoveryPolicy | undefined;
  /** @internal */
  readonly lives: Lives;
  /** @internal */
  protected description: SessionDescription;
  /** @internal */
  protected readonly open = new Map<number, Channel>();
  /** Requests on channel 0: update-secret. @internal */
  readonly replies = new Replies();
  /** connection.start: what the broker told about itself. @internal */
  greeting: Args<'connection.start'> | undefined;
  readonly #numbers = new ChannelNumbers();
  /** While connecting, if the mechanism is the user's own. */
  #sasl: SaslResponder | undefined;
  #blockedReason: string | undefined;
  #told = false;
  /** What is thrown now is kept from the user. */
  #isQuiet = false;

  /** The broker stops taking publishes (memory or disk alarm); run by the pump. */
  onBlocked: ((reason: string) => void) | undefined;
  onUnblocked: (() => void) | undefined;
  /** The connection is lost, and being recovered; run by the pump. */
  onOutage: ((error: AmqpError) => void) | undefined;
  /** It is there again, as it was but for `failures`; run by the pump, which else throws those. */
  onRecovery: ((info: RecoveryInfo) => void) | undefined;
  /**
   * The connection has ended, for good. Run once, by the call that notices, before it throws the same error; by
   * `close` and `abort`, too, and at the end of the program (codes `CLOSED`, `ABORTED`). What it throws is thrown by
   * that call instead, and the connection's error by the next.
   */
  onClose: ((error: AmqpError) => void) | undefined;

  /** Use `connect`. */
  constructor(settings: Settings) {
    this.maxMessageSize = settings.maxMessageSize;
    this.callTimeout = settings.callTimeout;
    this.blockedTimeout = settings.blockedTimeout;
    this.recovery = settings.recovery;
    this.warnings = settings.warnings;
    this.lives = new Lives(this);
    this.link = new Link(settings.ringCapacity, settings.interruptible, settings.stallTimeout);
    const { suspendAt } = settings;
    const { maxBufferedBytes } = settings.session;
    const overrun = (bytes: number) => this.#overrun(bytes, maxBufferedBytes);
    this.#backlogLimits = { suspendAt, most: Math.max(maxBufferedBytes, LEAST_BACKLOG), overrun };
    this.pump = new Pump(this.link, {
      route: (type, channel, reader) => this.#route(type, channel, reader),
      died: (error) => this.#died(error),
      tell: (error) => this.tell(error),
    });
    const began = clock.now();
    this.#thread = startThread(settings.session.connectTimeout);
    try {
      this.description = this.#open(settings, began);
    } catch (error) {
      if (this.link.state !== STATE.CLOSED) this.#thread.terminate(); // else it finishes by itself
      throw error;
    }
    this.pump.frameMax = this.frameMax;
    closeAtExit(this);
  }

  #open({ session, mechanism }: Settings, began: number): SessionDescription {
    const link = this.link;
    link.attach(this.#thread.doorbell);
    const wanted = session.targets[0]!.handshake.mechanisms;
    this.#sasl = mechanism && new SaslResponder(mechanism, wanted, (command) => link.post(command));
    const options = { ...session, spent: clock.now() - began };
    this.control({ call: 'open', memory: link.memory, bell: link.bell.memory, options });
    // the worker keeps the time; its grace here is for the case that it cannot
    const isPatient = session.recovery?.failFast === false;
    const deadline = isPatient ? Number.POSITIVE_INFINITY : began + session.connectTimeout + CLOSE_TIMEOUT;
    while (link.state === STATE.STARTING) {
      const end = link.waitReadable(STATE.STARTING, deadline);
      if (end === 'interrupted' || end === 'stopped') throw interruption(end);
      if (end !== 'rung') break;
      this.pump.poll();
    }
    this.pump.poll();
    const description = link.state === STATE.OPEN ? this.control({ call: 'describe' }) : undefined;
    if (description !== undefined) return description;
    throw this.pump.death ?? crashed('it does not answer');
  }

  /** @internal */
  protected control(call: ControlCall<SessionOptions>): ControlReply<SessionDescription> {
    try {
      return this.#thread.call(call);
    } catch (error) {
      if (call.call === 'open' && /timed-out/.test((error as Error).message)) throw late(call.options);
      throw crashed((error as Error).message, error);
    }
  }

  // ── what it is ──────────────────────────────────────────────────────────────────────────────────────

  /** `recovering`: it is lost, and the worker brings it back; calls wait for it meanwhile. */
  get state(): 'open' | 'recovering' | 'closed' {
    if (!this.isOpen) return 'closed';
    return this.lives.outage === undefined ? 'open' : 'recovering';
  }
  /** True until the connection has ended, as far as this thread has seen; also while it is recovered. */
  get isOpen(): boolean {
    return this.pump.death === undefined;
  }
  /** Like `isOpen`, after looking at what has come meanwhile. Does not block. */
  get isAlive(): boolean {
    this.glance();
    return this.isOpen;
  }
  get isBlocked(): boolean {
    return this.#blockedReason !== undefined;
  }
  /** Why the broker blocks publishing, in its words. */
  get blockedReason(): string | undefined {
    return this.#blockedReason;
  }
  /** What the broker told about itself: product, version, cluster_name, … */
  get serverProperties(): Table {
    return this.greeting?.serverProperties ?? Object.create(null);
  }
  /** The broker's capabilities: `{ publisher_confirms: true, … }`. */
  get serverCapabilities(): Record<string, boolean> {
    return (this.serverProperties.capabilities ?? {}) as unknown as Record<string, boolean>;
  }
  /** Negotiated: channels at most. */
  get channelMax(): number {
    return this.description.tuning.channelMax;
  }
  /** Negotiated: bytes of a frame at most. */
  get frameMax(): number {
    return this.description.tuning.frameMax;
  }
  /** Negotiated: seconds; 0 is none. */
  get heartbeat(): number {
    return this.description.tuning.heartbeat;
  }
  /** The open channels, by number. */
  get channels(): ReadonlyMap<number, Channel> {
    return this.open;
  }
  /** Lives of the connection; grows with each recovery. */
  get epoch(): number {
    return this.lives.epoch;
  }
  /** Why the connection ended, once it has. */
  get lastError(): AmqpError | undefined {
    return this.pump.death;
  }

  /** The number belongs to this channel from now on. @returns what may come late for earlier ones @internal */
  adopt(channel: Channel): LateDeliveries {
    const other = this.open.get(channel.id);
    if (other !== undefined) {
      const why = other.isOpen ? 'the number is in use again' : 'the broker still owes an answer about it';
      throw new WrongStateError(`channel ${channel.id} cannot be opened: ${why}`, {
        code: 'NUMBER_IN_USE',
        method: 'channel.open',
        outcome: 'not-sent',
      });
    }
    this.open.set(channel.id, channel);
    return this.#numbers.take(channel.id);
  }

  /** The number is free again. @internal */
  forget({ id, late }: Pick<Channel, 'id' | 'late'>): void {
    this.open.delete(id);
    this.#numbers.giveBack(id, late);
  }

  /** The number for a new channel. @internal */
  freeNumber(isReserved = (_id: number) => false): number | undefined {
    return this.#numbers.next(this.channelMax, (id) => this.open.has(id), isReserved);
  }

  /**
   * Close the connection: what was published is sent first, the broker requeues what is unsettled. Blocks
   * until it has answered, at most `timeout` ms (default 5000); then the socket is put down in any case.
   * Does nothing when it is closed; never throws for a connection that is lost.
   * @throws {InterruptedError} Ctrl-C: the socket was put down before its time
   */
  close(options: CloseOptions = {}): void {
    const { timeout } = closeOptions(options);
    const deadline = clock.now() + timeout;
    if (!this.isOpen) return this.dispatcher.tellEnds();
    if (this.warnings && !this.dispatcher.isServed) warnOfUnserved(this.open, isClosingAll());
    this.announceClose(options);
    this.#told = true;
    const closed = new ConnectionClosedError('the connection was closed by this program', { code: 'CLOSED' });
    const end = this.#await(deadline);
    const last = this.link.state < STATE.CLOSED ? this.#putDown() : 'rung';
    this.pump.finish(closed);
    this.dispatcher.tellEnds();
    if (end === 'interrupted' || last === 'interrupted') throw interruption('interrupted');
  }

  /** The first half of `close`: does not wait. @internal */
  announceClose(options: CloseOptions): void {
    const { reason, timeout } = closeOptions(options);
    const farewell = { ...reason, classId: 0, methodId: 0, timeout: Math.min(timeout, LONGEST_TIMER) };
    this.link.post({ command: 'close', reason: farewell } satisfies Command);
  }

  /** Put the socket down without a word. Never throws, hardly blocks. */
  abort(): void {
    if (!this.isOpen) return this.dispatcher.tellEnds();
    this.#told = true;
    const end = this.#putDown();
    this.pump.finish(
      new ConnectionClosedError('the connection was aborted by this program', { code: 'ABORTED' }),
    );
    if (end === 'interrupted') interruption(end); // whoever listens hears of it
    this.dispatcher.tellEnds();
  }

  #putDown(): Awakening {
    this.link.post({ command: 'abort' } satisfies Command);
    const end = this.#await(clock.now() + ABORT_TIMEOUT);
    if (this.link.state !== STATE.CLOSED) this.#thread.terminate(); // else it finishes by itself
    return end;
  }

  /**
   * Wait for the worker's last word, reading past whatever is in its way. Another thread cannot stop that half
   * way: what was published would be lost. It stops the next wait.
   */
  #await(deadline: number): Awakening {
    let stopped = false;
    let end: Awakening = 'rung';
    while (this.link.state < STATE.CLOSED && (end === 'rung' || end === 'stopped')) {
      this.pump.discard();
      const { state } = this.link;
      if (state < STATE.CLOSED) end = this.link.waitReadable(state, deadline);
      stopped ||= end === 'stopped';
    }
    if (stopped) this.link.bell.interrupt();
    return end;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What a log shows: the rings beneath hold messages and secrets. @internal */
  get shown(): object {
    const { isOpen, isBlocked } = this;
    return { connection: this.description?.host, isOpen, isBlocked, channels: [...this.open.keys()] };
  }

  // ── below the verbs ─────────────────────────────────────────────────────────────────────────────────

  /** Look at what has come, without waiting. @internal */
  glance(): void {
    if (this.pump.hasNews) this.pump.poll();
  }

  /** @throws why the connection has ended: the error itself once, then that it is closed @internal */
  checkAlive(what: string, how = 'was not sent'): void {
    const { death } = this.pump;
    if (death === undefined) return;
    if (!this.#told) throw notSent(`${what} ${how}`, this.tell(death));
    throw new WrongStateError(`${what} ${how}, the connection is closed: ${death.message}`, {
      code: 'CONNECTION_CLOSED',
      cause: death,
    });
  }

  /** The caller is about to hear of the end, whoever noticed it. @internal */
  tell(error: AmqpError): AmqpError {
    if (this.#isQuiet) return error;
    this.#told = true;
    try {
      this.dispatcher.tellEnds();
    } catch (thrown) {
      this.#told = false; // that is thrown now, and this by the next call
      throw thrown;
    }
    return fromCaller(error);
  }

  /** Run what keeps errors to itself: if the connection ends meanwhile, the next call tells. @internal */
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
      const target = this.open.get(channel);
      if (target !== undefined) return target.route(type, reader);
      const late = this.#numbers.late(channel);
      if (late !== undefined) return late.ignore(type, reader);
      throw new ProtocolViolation(
        504,
        'frame for a channel that is not open',
        'frame header',
        'an open channel',
        channel,
      );
    }
    if (type === FRAME.METHOD) this.#control0(reader);
    else if (type === NOTICE_FRAME) this.lives.notice(reader.buffer.subarray(reader.pos, reader.end));
  }

  // ── recovery ────────────────────────────────────────────────────────────────────────────────────────

  /** The broker that has blocked publishing is gone, and what it had still to send. @internal */
  lost(): void {
    this.#blockedReason = undefined;
    this.#numbers.lost();
  }

  /** @internal */
  recovered(session: SessionDescription): void {
    this.description = session;
    this.pump.frameMax = this.frameMax;
  }

  /** @internal */
  renamed(old: string, fresh: string): void {
    for (const queues of [this.lastingQueues, this.streams]) if (queues.delete(old)) queues.add(fresh);
  }

  /** What a queue is called now: those that the broker named have another name after each recovery. @internal */
  currentName(queue: string): string {
    return this.lives.names.of(queue);
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
      case 'connection.blocked': {
        const { reason } = method.args;
        this.#blockedReason = reason;
        this.pump.isHeld = true;
        return this.dispatcher.push({ dispatch: () => this.onBlocked?.(reason) });
      }
      case 'connection.unblocked':
        this.#blockedReason = undefined;
        this.pump.isHeld = this.pump.suspended;
        return this.dispatcher.push({ dispatch: () => this.onUnblocked?.() });
      case 'connection.update-secret-ok':
        return this.replies.settle({ plan: PLANS[method.name], args: {}, content: undefined });
    }
  }

  /** For a consumer without acknowledgements. @internal */
  newBacklog(): Backlog {
    return new Backlog(this.link, this.#backlogLimits);
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
    for (const channel of [...this.open.values()]) channel.died(error);
    this.open.clear();
    this.replies.fail(error);
    this.dispatcher.ended(this, () => this.onClose?.(error));
  }
}

showAs(ConnectionCore, ({ shown }) => shown);
