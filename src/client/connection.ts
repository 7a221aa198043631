import type { ControlCall, ControlReply } from '../bridge/control';
import { STATE } from '../bridge/layout';
import { Link } from '../bridge/link';
import { spawnWorker, type WorkerThread } from '../bridge/spawn';
import {
  type AmqpError,
  ConnectionClosedError,
  type ErrorRecord,
  fromRecord,
  InterruptedError,
  TimeoutError,
  WorkerCrashedError,
  WrongStateError,
} from '../errors';
import { decodeMethod, PLANS } from '../protocol/codec';
import { FRAME } from '../protocol/constants';
import type { Table } from '../protocol/field-table';
import type { SessionDescription, SessionOptions } from '../protocol/session-options';
import { ProtocolViolation } from '../protocol/violation';
import type { Reader } from '../protocol/wire';
import { Channel, type CloseOptions } from './channel';
import { type CallOptions, checkFunction, checkInteger, checkOptions, checkTimeout } from './checks';
import { Dispatcher } from './dispatcher';
import { closeAtExit, forgetAtExit } from './exit';
import { type ConnectOptions, resolveOptions, type Settings } from './options';
import { type FrameRouter, Pump, type Waitable } from './pump';
import { Replies } from './rpc';

type Thread = WorkerThread<ControlCall<SessionOptions>, ControlReply<SessionDescription>>;

const CLOSE_TIMEOUT = 5000;
/** After `abort`, how long the worker may take to put the socket down. */
const ABORT_TIMEOUT = 100;
const TIMEOUT_ONLY = new Set(['timeout']);
const CLOSE_OPTIONS = new Set(['replyCode', 'replyText', 'timeout']);

/** Figures of a connection; taken without disturbing it. */
export interface ConnectionStats {
  state: 'open' | 'closed';
  /** `local:port -> remote:port` */
  address: string;
  bytesIn: number;
  bytesOut: number;
  /** Bytes written by this thread that the socket has not taken yet. */
  unsentBytes: number;
  /** Bytes that came and that this thread has not looked at. */
  unreadBytes: number;
  /** Events that wait for `drainEvents`. */
  queuedEvents: number;
}

/**
 * Open a connection. Blocks until it is open, at most `connectTimeout` ms.
 *
 * Without a URL: `AMQP_URL` of the environment, else `amqp://guest:guest@localhost:5672/`.
 * @throws {ConnectError} nobody answers, TLS fails, or the time is up; `attempts` names host and stage
 * @throws {AuthenticationError} the broker refuses the credentials
 * @throws {NotAllowedError} 530, no such vhost
 *
 *     const connection = connect('amqp://localhost', { heartbeat: 30 });
 *     const channel = connection.channel();
 */
export function connect(url?: string | ConnectOptions, options?: ConnectOptions): Connection {
  return new Connection(resolveOptions(url, options));
}

/**
 * A connection to a broker. A thread of its own owns the socket: heartbeats go on while your code is
 * busy. Everything else, callbacks included, happens in the thread that made the connection, and only
 * inside its calls.
 */
export class Connection implements FrameRouter {
  /** @internal */
  readonly dispatcher = new Dispatcher();
  /** @internal */
  readonly pump: Pump;
  /** @internal */
  readonly maxMessageSize: number;
  /** @internal */
  readonly callTimeout: number;
  /** @internal */
  readonly blockedTimeout: number;
  readonly #link: Link;
  readonly #thread: Thread;
  readonly #description: SessionDescription;
  readonly #channels = new Map<number, Channel>();
  /** Requests on channel 0: update-secret. */
  readonly #replies = new Replies();
  /** Set by `withDeadline`. */
  #limit = Number.POSITIVE_INFINITY;
  #blockedReason: string | undefined;
  #told = false;

  /** The broker stops taking publishes (memory or disk alarm); run by the pump. */
  onBlocked: ((reason: string) => void) | undefined;
  onUnblocked: (() => void) | undefined;
  /** The connection has ended; run by the pump, or by the call that notices. */
  onClose: ((error: AmqpError) => void) | undefined;

  /** @internal Use `connect`. */
  constructor(settings: Settings) {
    this.maxMessageSize = settings.maxMessageSize;
    this.callTimeout = settings.callTimeout;
    this.blockedTimeout = settings.blockedTimeout;
    this.#link = new Link(settings.ringCapacity, settings.interruptible, settings.stallTimeout);
    this.pump = new Pump(this.#link, this);
    this.#thread = startThread();
    try {
      this.#description = this.#open(settings);
    } catch (error) {
      this.#thread.terminate();
      throw error;
    }
    this.pump.frameMax = this.frameMax;
    closeAtExit(this);
  }

  #open({ session }: Settings): SessionDescription {
    const link = this.#link;
    link.attach(this.#thread.doorbell);
    this.#control({ call: 'open', memory: link.memory, bell: link.bell.memory, options: session });
    // the worker keeps the time; its grace here is for the case that it cannot
    const deadline = performance.now() + session.connectTimeout + CLOSE_TIMEOUT;
    while (link.state === STATE.STARTING) {
      const end = link.waitReadable(STATE.STARTING, deadline);
      if (end === 'interrupted')
        throw new InterruptedError('interrupted by Ctrl-C (SIGINT) while connecting');
      if (end !== 'rung') break;
      if (link.inbound.available() > 0) this.pump.skip();
    }
    const description = link.state === STATE.OPEN ? this.#control({ call: 'describe' }) : undefined;
    if (description !== undefined) return description;
    throw link.report === ''
      ? crashed('it ended, or does not answer')
      : fromRecord(JSON.parse(link.report) as ErrorRecord);
  }

  #control(call: ControlCall<SessionOptions>): ControlReply<SessionDescription> {
    try {
      return this.#thread.call(call);
    } catch (error) {
      throw crashed((error as Error).message, error);
    }
  }

  // ── what it is ──────────────────────────────────────────────────────────────────────────────────────

  /** True until the connection has ended, as far as this thread has seen. */
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
    return this.#description.serverProperties;
  }
  /** The broker's capabilities: `{ publisher_confirms: true, … }`. */
  get serverCapabilities(): Record<string, boolean> {
    return (this.serverProperties.capabilities ?? {}) as unknown as Record<string, boolean>;
  }
  /** Negotiated: channels at most. */
  get channelMax(): number {
    return this.#description.tuning.channelMax;
  }
  /** Negotiated: bytes of a frame at most. */
  get frameMax(): number {
    return this.#description.tuning.frameMax;
  }
  /** Negotiated: seconds; 0 is none. */
  get heartbeat(): number {
    return this.#description.tuning.heartbeat;
  }
  /** The open channels, by number. */
  get channels(): ReadonlyMap<number, Channel> {
    return this.#channels;
  }
  /** Lives of the connection; grows with each recovery. */
  get epoch(): number {
    return 1;
  }
  /** Why the connection ended, once it has. */
  get lastError(): AmqpError | undefined {
    return this.pump.death;
  }

  /** Figures for monitoring. Blocks for some microseconds. */
  stats(): ConnectionStats {
    const { address, bytesIn, bytesOut } =
      (this.isAlive && this.#control({ call: 'describe' })) || this.#description;
    return {
      state: this.isOpen ? 'open' : 'closed',
      address,
      bytesIn,
      bytesOut,
      unsentBytes: this.#link.unsent,
      unreadBytes: this.#link.inbound.available(),
      queuedEvents: this.dispatcher.length,
    };
  }

  // ── channels ────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Open a channel with the lowest free number, or with `id`; an id in use gives that channel. Blocks for
   * a round trip.
   * @throws {WrongStateError} all `channelMax` channels are in use
   */
  channel(id?: number): Channel {
    if (id !== undefined) {
      const existing = this.#channels.get(checkInteger(id, 'id', 1, this.channelMax));
      if (existing !== undefined) return existing;
    }
    this.glance();
    this.checkAlive('channel.open');
    return this.openChannel(id ?? this.#freeId());
  }

  /** @internal Which class a channel is of. */
  protected openChannel(id: number): Channel {
    return Channel.open(this, id);
  }

  #freeId(): number {
    for (let id = 1; id <= this.channelMax; id++) if (!this.#channels.has(id)) return id;
    throw new WrongStateError(`all ${this.channelMax} channels of the connection are in use`, {
      code: 'NO_FREE_CHANNEL',
    });
  }

  /** The number belongs to this channel from now on. @internal */
  adopt(channel: Channel): void {
    const other = this.#channels.get(channel.id);
    if (other !== undefined && other !== channel) {
      throw new WrongStateError(`channel ${channel.id} cannot be opened: the number is in use again`, {
        code: 'NUMBER_IN_USE',
      });
    }
    this.#channels.set(channel.id, channel);
  }

  /** The number is free again. @internal */
  forget(channel: { id: number }): void {
    this.#channels.delete(channel.id);
  }

  // ── events ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Wait for an event of any channel and dispatch it: a delivery to its callback, a return, a cancel, a
   * blocked notice, a timer. Blocks for ever, or up to `timeout` ms. What a callback throws is thrown here.
   * @throws {TimeoutError} nothing came
   * @throws {ChannelClosedError} a channel was closed and no call has said so yet
   * @throws {ConsumerCancelledError} the broker cancelled a consumer that has no `onCancel`
   * @throws {WrongStateError} inside a callback
   */
  drainEvents(options: CallOptions = {}): void {
    if (!this.#drainOne('drainEvents', this.#eventDeadline('drainEvents', options))) {
      throw new TimeoutError(`no event came within ${options.timeout} ms`, {
        code: 'TIMEOUT',
        recoverable: true,
      });
    }
  }

  /**
   * `drainEvents` until `timeout` ms pass without an event; 0 takes what is there. Blocks; without a
   * `timeout` it ends by an error only. Throws like `drainEvents`.
   */
  loop(options: CallOptions = {}): void {
    while (this.#drainOne('loop', this.#eventDeadline('loop', options)));
  }

  /** Sleep for `ms` while events are dispatched. Throws like `drainEvents`. */
  sleep(ms: number): void {
    const deadline = performance.now() + checkTimeout(ms, 'ms');
    while (performance.now() < deadline) this.#drainOne('sleep', deadline);
  }

  #eventDeadline(verb: string, options: CallOptions): number {
    checkOptions(verb, options, TIMEOUT_ONLY);
    const { timeout = Number.POSITIVE_INFINITY } = options;
    return Math.min(performance.now() + checkTimeout(timeout), this.#limit);
  }

  #drainOne(verb: string, deadline: number): boolean {
    const { dispatcher } = this;
    dispatcher.enter(verb);
    for (;;) {
      if (dispatcher.runOne()) return true;
      this.checkAlive(verb);
      if (
        !this.waitFor(dispatcher, deadline) &&
        performance.now() >= deadline &&
        dispatcher.nextDue > deadline
      )
        return false;
    }
  }

  /** Pump until `goal` has settled, the deadline, or the next timer. @internal */
  waitFor(goal: Waitable, deadline: number): boolean {
    return this.pump.until(goal, Math.min(deadline, this.dispatcher.nextDue));
  }

  /** Run `callback` once after `ms`, from the pump. @returns an id for `cancelTimer` */
  callLater(ms: number, callback: () => void): number {
    checkFunction(callback, 'callback');
    return this.dispatcher.addTimer(performance.now() + checkTimeout(ms, 'ms'), callback);
  }

  /** Forget a `callLater`; an unknown or finished one is no error. */
  cancelTimer(id: number): void {
    this.dispatcher.cancelTimer(id);
  }

  // ── deadlines ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Limit everything that `fn` does on this connection to `ms` altogether.
   *
   *     connection.withDeadline(2000, () => { channel.queueDeclare('a'); channel.basicGet('a'); });
   */
  withDeadline<T>(ms: number, fn: () => T): T {
    const outer = this.#limit;
    this.#limit = Math.min(outer, performance.now() + checkTimeout(ms, 'ms'));
    try {
      return fn();
    } finally {
      this.#limit = outer;
    }
  }

  /** When a call that starts now has to end. @internal */
  deadline(timeout: number | undefined): number {
    return Math.min(performance.now() + (timeout ?? this.callTimeout), this.#limit);
  }

  // ── the connection itself ───────────────────────────────────────────────────────────────────────────

  /**
   * Block until the socket has taken everything that was written.
   * @throws {TimeoutError}
   */
  flush(options: CallOptions = {}): void {
    checkOptions('flush', options, TIMEOUT_ONLY);
    this.checkAlive('flush');
    const deadline = this.deadline(options.timeout === undefined ? undefined : checkTimeout(options.timeout));
    if (this.pump.room(this.#link.outbound.capacity, deadline)) return;
    throw new TimeoutError(`${this.#link.unsent} bytes could not be sent in time: the broker does not read`, {
      outcome: 'unknown',
    });
  }

  /** Replace the password of a running connection (OAuth tokens). Blocks for a round trip. */
  updateSecret(secret: string, reason = '', options: CallOptions = {}): void {
    checkOptions('updateSecret', options, TIMEOUT_ONLY);
    this.checkAlive('connection.update-secret');
    const deadline = this.deadline(options.timeout === undefined ? undefined : checkTimeout(options.timeout));
    const method = 'connection.update-secret';
    const written = this.pump.write(0, method, { newSecret: secret, reason }, deadline);
    const pending = this.#replies.expect(PLANS[method]);
    if (written && this.pump.until(pending, deadline)) return;
    pending.abandoned = true;
    throw new TimeoutError(`${method} got no reply in time`, { method, outcome: 'unknown' });
  }

  /**
   * Close the connection: what was published is sent first, the broker requeues what is unsettled. Blocks
   * until it has answered, at most `timeout` ms (default 5000); then the socket is put down in any case.
   * Does nothing when it is closed; never throws for a connection that is lost.
   */
  close(options: CloseOptions = {}): void {
    checkOptions('close', options, CLOSE_OPTIONS);
    const { replyCode = 200, replyText = 'Normal shutdown', timeout = CLOSE_TIMEOUT } = options;
    checkInteger(replyCode, 'replyCode', 0, 0xffff);
    const deadline = performance.now() + checkTimeout(timeout);
    if (!this.isOpen) return;
    this.#told = true;
    const closed = new ConnectionClosedError('the connection was closed by this program', { code: 'CLOSED' });
    this.#link.post({ replyCode, replyText: String(replyText).slice(0, 80), classId: 0, methodId: 0 });
    this.#await(deadline);
    if (this.#link.state < STATE.CLOSED) this.#putDown();
    this.pump.finish(closed);
  }

  /** Put the socket down without a word. Never throws, hardly blocks. */
  abort(): void {
    if (!this.isOpen) return;
    this.#told = true;
    this.#putDown();
    this.pump.finish(
      new ConnectionClosedError('the connection was aborted by this program', { code: 'ABORTED' }),
    );
  }

  #putDown(): void {
    this.#link.post('abort');
    this.#await(performance.now() + ABORT_TIMEOUT);
    this.#thread.terminate();
  }

  /** Wait for the worker's last word, reading past whatever is in its way. */
  #await(deadline: number): void {
    while (this.#link.state < STATE.CLOSED) {
      this.pump.skip();
      const end = this.#link.waitReadable(this.#link.state, deadline);
      if (end !== 'rung') return;
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // ── below the verbs ─────────────────────────────────────────────────────────────────────────────────

  /** Look at what has come, without waiting. @internal */
  glance(): void {
    if (this.pump.hasNews) this.pump.poll();
  }

  /** @throws why the connection has ended: the error itself once, then that it is closed @internal */
  checkAlive(what: string): void {
    const { death } = this.pump;
    if (death === undefined) return;
    if (!this.#told) throw this.tell(death);
    throw new WrongStateError(`the connection is closed; ${what} was not sent`, {
      code: 'CONNECTION_CLOSED',
      cause: death,
    });
  }

  /** @internal */
  tell(error: AmqpError): AmqpError {
    this.#told = true;
    return error;
  }

  /** @internal */
  route(type: number, channel: number, reader: Reader): void {
    if (channel !== 0) {
      const target = this.#channels.get(channel);
      if (target !== undefined) return target.route(type, reader);
      throw new ProtocolViolation(
        504,
        'frame for a channel that is not open',
        'frame header',
        'an open channel',
        channel,
      );
    }
    if (type === FRAME.METHOD) this.#control0(reader);
  }

  /** The worker has dealt with opening, closing and heartbeats; the rest is for this thread. */
  #control0(reader: Reader): void {
    const method = decodeMethod(reader);
    switch (method.name) {
      case 'connection.blocked': {
        const { reason } = method.args;
        this.#blockedReason = reason;
        return this.dispatcher.push({ dispatch: () => this.onBlocked?.(reason) });
      }
      case 'connection.unblocked':
        this.#blockedReason = undefined;
        return this.dispatcher.push({ dispatch: () => this.onUnblocked?.() });
      case 'connection.update-secret-ok':
        return this.#replies.settle({ plan: PLANS[method.name], args: {}, content: undefined });
    }
  }

  /** @internal */
  died(error: AmqpError): void {
    forgetAtExit(this);
    for (const channel of [...this.#channels.values()]) channel.died(error);
    this.#channels.clear();
    this.#replies.fail(error);
    if (this.onClose !== undefined) this.dispatcher.push({ dispatch: () => this.onClose?.(error) });
  }
}

function startThread(): Thread {
  try {
    return spawnWorker('connection/thread');
  } catch (error) {
    throw crashed((error as Error).message, error);
  }
}

function crashed(what: string, cause?: unknown): WorkerCrashedError {
  return new WorkerCrashedError(`the worker thread of the connection failed: ${what}`, {
    origin: 'worker',
    outcome: 'not-sent',
    cause,
  });
}
