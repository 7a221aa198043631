import { Mailbox } from '../bridge/mailbox';
import { clock } from '../clock';
import { TimeoutError, WrongStateError } from '../errors';
import { PLANS } from '../protocol/codec';
import type { Command, SessionDescription } from '../protocol/session-options';
import { Channel } from './channel';
import {
  type CallOptions,
  checkFunction,
  checkInteger,
  checkOptions,
  checkString,
  checkTimeout,
} from './checks';
import { ConnectionCore } from './connection-core';
import { interruption } from './interruption';
import { refusePromise } from './message';
import type { Waitable } from './pump';
import type { RemoteHandle } from './remote';
import { isWarnedOf, LONG_WAIT_MS, listensToSignals, warnOf, warnOfError } from './warning';

const TIMEOUT_ONLY = new Set(['timeout']);
/** Milliseconds a worker may take to show that it is there before `stats` does without it. */
const ANSWER_TIMEOUT = 250;

/** Figures of a connection; taken without disturbing it. */
export interface ConnectionStats {
  state: 'open' | 'recovering' | 'closed';
  /** Lives of the connection: 1, and one more for each recovery. */
  epoch: number;
  /** Milliseconds of all outages that are over. */
  downtime: number;
  /** `host:port` of the broker, as it was asked for. */
  host: string;
  /** `local:port -> remote:port` */
  address: string;
  /** Version and cipher, or empty. */
  tls: string;
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
 * A connection to a broker. A thread of its own owns the socket: heartbeats go on while your code is
 * busy. Everything else, callbacks included, happens in the thread that made the connection, and only
 * inside its calls.
 */
export class Connection extends ConnectionCore {
  /** Set by `withDeadline`. */
  #limit = Number.POSITIVE_INFINITY;

  // ── channels ────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Open a channel with a number of its own, or with `id`; an id in use gives that channel. Numbers are handed out
   * in turn: one that was given back rests as long as there are others. Blocks for a round trip.
   * @throws {WrongStateError} all `channelMax` channels are in use
   */
  channel(id?: number): Channel {
    if (id !== undefined) {
      const existing = this.open.get(checkInteger(id, 'id', 1, this.channelMax));
      if (existing?.isOpen) return existing;
    }
    this.glance();
    this.checkAlive('channel.open');
    const channel = this.newChannel(id ?? this.#freeId());
    channel.openUp();
    return channel;
  }

  /** Which class a channel is of: the object API has its own. @internal */
  protected newChannel(id: number): Channel {
    return new Channel(this, id);
  }

  #freeId(): number {
    const id = this.freeNumber();
    if (id !== undefined) return id;
    throw new WrongStateError(`all ${this.channelMax} channels of the connection are in use`, {
      code: 'NO_FREE_CHANNEL',
    });
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
    if (this.#drainOne('drainEvents', this.#checkedDeadline('drainEvents', options))) return;
    throw new TimeoutError(`no event came within ${options.timeout} ms`, { recoverable: true });
  }

  /**
   * `drainEvents` until `timeout` ms pass without an event; 0 takes what is there. Blocks; without a
   * `timeout` it ends by an error only. Throws like `drainEvents`.
   */
  loop(options: CallOptions = {}): void {
    while (this.#drainOne('loop', this.#checkedDeadline('loop', options)));
  }

  /** Sleep for `ms` while events are dispatched. Throws like `drainEvents`. */
  sleep(ms: number): void {
    const deadline = this.eventDeadline(checkTimeout(ms, 'ms'));
    while (clock.now() < deadline) this.#drainOne('sleep', deadline);
  }

  /** `drainEvents` would not have to wait. @internal */
  get hasEvents(): boolean {
    this.glance();
    return !this.isOpen || this.dispatcher.settled || this.dispatcher.nextDue <= clock.now();
  }

  #checkedDeadline(verb: string, options: CallOptions): number {
    checkOptions(verb, options, TIMEOUT_ONLY);
    return this.eventDeadline(checkTimeout(options.timeout ?? Number.POSITIVE_INFINITY));
  }

  /** When a wait for events that starts now has to end. @internal */
  eventDeadline(timeout: number): number {
    if (timeout === Number.POSITIVE_INFINITY) return this.#limit; // asking for the time has its price, too
    return Math.min(clock.now() + timeout, this.#limit);
  }

  /** Was it `withDeadline` that ended a wait? @throws {TimeoutError} @internal */
  checkLimit(): void {
    if (clock.now() < this.#limit) return;
    throw new TimeoutError('no event came before the deadline of withDeadline', { recoverable: true });
  }

  /** A queue that is never empty leaves no sleep to be ended. @throws {InterruptedError} by another thread @internal */
  checkInterrupt(): void {
    if (this.link.bell.takeInterrupt()) throw interruption('stopped');
  }

  /** False: the deadline passed first. */
  #drainOne(verb: string, deadline: number): boolean {
    const { dispatcher } = this;
    dispatcher.enter(verb);
    this.checkInterrupt();
    for (;;) {
      if (dispatcher.runOne()) return true;
      this.checkAlive(verb, 'ended');
      if (this.waitFor(dispatcher, deadline) || clock.now() < deadline) continue;
      if (dispatcher.runOne()) return true; // a timer that was due with the deadline
      this.checkLimit();
      return false;
    }
  }

  /** Warn of what was thrown, and nobody else hears of. @internal */
  warnOfError(what: string, error: unknown): void {
    if (this.warnings) warnOfError(what, error);
  }

  /** A wait without a limit would keep signals from their listeners. @internal */
  isDeaf(deadline: number): boolean {
    return this.warnings && deadline === Number.POSITIVE_INFINITY && listensToSignals();
  }

  /** A consumer gets no more before something is settled, and nobody is there to do that: no timer, no other thread. */
  #isStuck(deadline: number): boolean {
    if (!this.warnings || isWarnedOf('AMQP_SYNC_NOTHING_SETTLED')) return false;
    const { nextDue, mailboxes } = this.dispatcher;
    if (nextDue !== Number.POSITIVE_INFINITY || mailboxes > 0) return false;
    for (const channel of this.open.values())
      if (channel.isStuck(deadline === Number.POSITIVE_INFINITY)) return true;
    return false;
  }

  /** Pump until `goal` has settled, the deadline, or the next timer. @internal */
  waitFor(goal: Waitable, deadline: number): boolean {
    const { busy, nextDue } = this.dispatcher;
    const end = busy ? deadline : Math.min(deadline, nextDue);
    this.dispatcher.isServed = true;
    const [isDeaf, isStuck] = [this.isDeaf(deadline), this.#isStuck(deadline)];
    if (isDeaf || isStuck) {
      const long = clock.now() + LONG_WAIT_MS;
      if (this.pump.until(goal, Math.min(end, long), false)) return true;
      if (isDeaf && long < end) warnOf('AMQP_SYNC_SIGNAL_UNHEARD');
      if (isStuck) warnOf('AMQP_SYNC_NOTHING_SETTLED');
    }
    return this.pump.until(goal, end, false);
  }

  /** Run `callback` once after `ms`, from the pump. @returns an id for `cancelTimer` */
  callLater(ms: number, callback: () => void): number {
    checkFunction(callback, 'callback');
    return this.dispatcher.addTimer(clock.now() + checkTimeout(ms, 'ms'), callback);
  }

  /** Forget a `callLater`; an unknown or finished one is no error. */
  cancelTimer(id: number): void {
    this.dispatcher.cancelTimer(id);
  }

  /**
   * Run `callback` from the pump, after the events that wait already: for code that runs between two
   * calls, such as a signal handler, and must not run inside of one. Does not block. Functions cannot go
   * from thread to thread: other threads have `remote`.
   */
  addCallbackThreadsafe(callback: () => void): void {
    checkFunction(callback, 'callback');
    this.dispatcher.push({ dispatch: callback });
  }

  /**
   * Let other threads have `callback` run here, from the pump, with a value of theirs, and interrupt calls
   * that block here. Does not block.
   * @returns a handle to be posted to one other thread, which makes a `Remote` of it
   *
   *     const handle = connection.remote((job) => channel.basicPublish(job, { routingKey: 'jobs' }));
   *     new Worker('./producer.js', { workerData: handle, transferList: [handle.port] });
   */
  remote(callback: (value: unknown) => void = () => {}): RemoteHandle {
    checkFunction(callback, 'callback');
    this.checkAlive('remote', 'is not possible');
    const mailbox = new Mailbox(this.link.bell);
    this.dispatcher.addMailbox(mailbox, callback);
    return mailbox.handle;
  }

  // ── deadlines ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Limit everything that `fn` does on this connection to `ms` altogether.
   * @throws {TypeError} `fn` returned a promise: what comes behind an await would have no limit
   *
   *     connection.withDeadline(2000, () => { channel.queueDeclare('a'); channel.basicGet('a'); });
   */
  withDeadline<T>(ms: number, fn: () => T): T {
    checkFunction(fn, 'fn');
    const outer = this.#limit;
    this.#limit = Math.min(outer, clock.now() + checkTimeout(ms, 'ms'));
    try {
      return refusePromise(fn(), 'withDeadline');
    } finally {
      this.#limit = outer;
    }
  }

  /** When a call that starts now, or that began before, has to end. @internal */
  deadline(timeout: number | undefined, began = clock.now()): number {
    return Math.min(began + (timeout ?? this.callTimeout), this.#limit);
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
    if (this.pump.room(this.link.outbound.capacity, deadline)) return;
    throw new TimeoutError(`${this.link.unsent} bytes could not be sent in time: the broker does not read`, {
      outcome: 'unknown',
    });
  }

  /** Replace the password of a running connection (OAuth tokens). Blocks for a round trip. */
  updateSecret(secret: string, reason = '', options: CallOptions = {}): void {
    checkOptions('updateSecret', options, TIMEOUT_ONLY);
    checkString(secret, 'secret');
    this.checkAlive('connection.update-secret');
    const deadline = this.deadline(options.timeout === undefined ? undefined : checkTimeout(options.timeout));
    const method = 'connection.update-secret';
    const args = { newSecret: secret, reason };
    const written = this.pump.write(0, method, args, deadline);
    const pending = this.replies.expect(PLANS[method], args, {
      accept: () => void this.link.post({ command: 'secret', secret } satisfies Command),
    });
    const answered = written && this.pump.until(pending, deadline);
    if (pending.error !== undefined) throw this.tell(pending.error);
    if (answered) return;
    pending.abandoned = true;
    throw new TimeoutError(`${method} got no reply in time`, { method, outcome: 'unknown' });
  }

  /** What the worker says now, or said last. */
  #describe(): SessionDescription {
    const current = this.isAlive && this.link.answers(ANSWER_TIMEOUT) && this.control({ call: 'describe' });
    return current || this.description;
  }

  /** Figures for monitoring. Blocks for some microseconds. */
  stats(): ConnectionStats {
    const { host, address, tls, bytesIn, bytesOut } = this.#describe();
    return {
      state: this.state,
      epoch: this.epoch,
      downtime: this.lives.downtime,
      host,
      address,
      tls,
      bytesIn,
      bytesOut,
      unsentBytes: this.link.unsent,
      unreadBytes: this.link.inbound.available(),
      queuedEvents: this.dispatcher.length,
    };
  }
}
