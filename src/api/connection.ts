import { refusePromise } from '../client/callbacks';
import { flush, updateSecret } from '../client/connection/connection-calls';
import { ConnectionSession } from '../client/connection/connection-session';
import type { ConnectionStats } from '../client/connection/connection-stats';
import type { RecoveryInfo } from '../client/connection/recovery-info';
import { takeStats } from '../client/connection/take-stats';
import { OPERATION } from '../client/diagnostics';
import {
  type CallOptions,
  checkFunction,
  checkInteger,
  checkOptions,
  checkString,
  checkTimeout,
  type WaitOptions,
} from '../client/options/checks';
import { type CloseOptions, closeOptions } from '../client/options/close-options';
import type { ConnectOptions } from '../client/options/connect-options';
import { resolveOptions, type Settings } from '../client/options/settings';
import { clock } from '../clock';
import { type AmqpError, TimeoutError } from '../errors';
import { DIRECT_REPLY_TO } from '../protocol/constants';
import type { Table } from '../protocol/field-table';
import { hostAndPort } from '../protocol/uri';
import { showAs } from '../shown';
import { AMQPLIB_CONNECTION, explainAmqplib } from './amqplib-names';
import { Channel } from './channel';
import type { Exchange } from './exchange';
import { PARTS, REPLIES, SESSION } from './internals';
import { Procedure, withNewChannel } from './procedure';
import type { Queue } from './queue';
import type { RemoteHandle } from './remote';
import { RpcReplies } from './rpc-replies';

const TIMEOUT_ONLY = new Set(['timeout']);

/**
 * Open a connection. Blocks until it is open, at most `connectTimeout` ms.
 *
 * Without a URL: `AMQP_URL` of the environment, else `amqp://guest:guest@localhost:5672/`.
 * @throws {ConnectError} nobody answers, TLS fails, or the time is up; `attempts` names host and stage
 * @throws {AuthenticationError} the broker refuses the credentials
 * @throws {NotAllowedError} 530, no such vhost
 * @example
 * const connection = connect('amqp://localhost', { heartbeat: 30 });
 * const channel = connection.channel();
 */
export function connect(url?: string | ConnectOptions, options?: ConnectOptions): Connection {
  return new Connection(resolveOptions(url, options));
}

/**
 * `connect` with `recovery: true`: a connection that comes back by itself, with all that was declared on it.
 * aio-pika's connect_robust. Blocks and throws like `connect`.
 * @example
 * const connection = connectRobust('amqp://rabbit-1?reconnect_interval=5');
 */
export function connectRobust(url?: string | ConnectOptions, options: ConnectOptions = {}): Connection {
  const { recovery } = { ...(typeof url === 'object' ? url : undefined), ...options };
  return connect(url, { ...options, recovery: recovery || true });
}

/**
 * A connection to a broker. A thread of its own owns the socket: heartbeats go on while your code is
 * busy. Everything else, callbacks included, happens in the thread that made the connection, and only
 * inside its calls.
 * @example
 * using connection = connect('amqp://localhost'); // closed at the end of the block
 * connection.onBlocked = (reason) => console.log(`the broker takes nothing: ${reason}`);
 * connection.queue('tasks').publish('hello');
 */
export class Connection {
  readonly #session: ConnectionSession;
  #defaultChannel: Channel | undefined;
  #rpcReplies: RpcReplies | undefined;

  /** The broker stops taking publishes (memory or disk alarm); run by the pump. */
  onBlocked: ((reason: string) => void) | undefined;
  /** The broker takes publishes again, or the one that took none is lost; run by the pump. */
  onUnblocked: (() => void) | undefined;
  /** The connection is lost, and being recovered; run by the pump. */
  onOutage: ((error: AmqpError) => void) | undefined;
  /** The connection is there again, as it was but for `failures`; run by the pump, which else throws those. */
  onRecovery: ((info: RecoveryInfo) => void) | undefined;
  /**
   * The connection has ended, for good. Run once, by the call that notices, before it throws the same error; by
   * `close` and `abort`, too, and at the end of the program (codes `CLOSED`, `ABORTED`). What it throws is thrown by
   * that call instead, and the connection's error by the next.
   */
  onClose: ((error: AmqpError) => void) | undefined;

  /** Use `connect`. */
  constructor(settings: Settings) {
    this.#session = new ConnectionSession(this, settings);
    const facts = { hosts: settings.session.targets.map(hostAndPort), connection: this };
    OPERATION.connect.trace(facts, () => this.#session.open(settings));
  }

  // ── what it is ──────────────────────────────────────────────────────────────────────────────────────

  /** `recovering`: it is lost, and the worker brings it back; calls wait for it meanwhile. */
  get state(): ConnectionStats['state'] {
    return this.#session.state;
  }

  /** True until the connection has ended, as far as this thread has seen; also while it is recovered. */
  get isOpen(): boolean {
    return this.#session.isOpen;
  }
  /** Like `isOpen`, after looking at what has come meanwhile. Does not block. */
  get isAlive(): boolean {
    this.#session.pollIfNews();
    return this.isOpen;
  }
  /** Whether the broker blocks publishing, as far as this thread has seen. */
  get isBlocked(): boolean {
    return this.#session.isBlocked;
  }
  /** Why the broker blocks publishing, in its words. */
  get blockedReason(): string | undefined {
    return this.#session.blockedReason;
  }
  /** What the broker told about itself: product, version, cluster_name, … */
  get serverProperties(): Table {
    return this.#session.greeting?.serverProperties ?? Object.create(null);
  }
  /** The broker's capabilities: `{ publisher_confirms: true, … }`. */
  get serverCapabilities(): Record<string, boolean> {
    return (this.serverProperties.capabilities ?? {}) as unknown as Record<string, boolean>;
  }
  /** Negotiated: channels at most. */
  get channelMax(): number {
    return this.#session.channelMax;
  }
  /** Negotiated: bytes of a frame at most. */
  get frameMax(): number {
    return this.#session.frameMax;
  }
  /** Negotiated: seconds; 0 is none. */
  get heartbeat(): number {
    return this.#session.description.tuning.heartbeat;
  }
  /** The open channels, by number. */
  get channels(): ReadonlyMap<number, Channel> {
    return this.#session.owners as ReadonlyMap<number, Channel>;
  }
  /** 1, and one more for each recovery of the connection. */
  get epoch(): number {
    return this.#session.recovery.generation;
  }
  /** Why the connection ended, once it has. */
  get lastError(): AmqpError | undefined {
    return this.#session.lastError;
  }

  /** @internal */
  get [SESSION](): ConnectionSession {
    return this.#session;
  }

  // ── channels ────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Open a channel with a number of its own, or with `id`; an id in use gives that channel. Numbers are handed out
   * in turn: one that was given back rests as long as there are others. Blocks for a round trip.
   * @throws {WrongStateError} all `channelMax` channels are in use
   * @example
   * const channel = connection.channel();
   * const queue = channel.declareQueue('tasks');
   */
  channel(id?: number): Channel {
    const session = this.#session;
    if (id !== undefined) {
      const existing = this.channels.get(checkInteger(id, 'id', 1, this.channelMax));
      if (existing?.isOpen) return existing;
    }
    session.pollIfNews();
    session.checkAlive('channel.open');
    const channel = new Channel(this, id ?? session.freeNumber());
    channel[PARTS].session.open();
    return channel;
  }

  /**
   * A channel for what needs none of its own; opened when it is first used, and anew once it is closed.
   * @example
   * const queue = connection.defaultChannel.declareQueue();
   * queue.publish('hello');
   */
  get defaultChannel(): Channel {
    if (!this.#defaultChannel?.isOpen) this.#defaultChannel = this.channel();
    return this.#defaultChannel as Channel;
  }

  /**
   * A queue that exists, on the default channel. Nothing is sent, but for opening that channel: a name that
   * is wrong shows when the queue is used. `defaultChannel.declareQueue` makes one.
   * @example
   * connection.queue('tasks').publish('hello');
   * for (const message of connection.queue('tasks')) message.process(work);
   */
  queue(name: string): Queue {
    return this.defaultChannel.getQueue(name, { ensure: false });
  }

  /**
   * An exchange that exists, on the default channel, as `queue` gives a queue; '' is the default exchange.
   * @example
   * connection.exchange('logs').publish('disk full', 'error');
   * connection.exchange('').publish('a task', 'tasks');
   */
  exchange(name: string): Exchange {
    return this.defaultChannel.getExchange(name, { ensure: false });
  }

  /**
   * A procedure by its name: to call it, or to serve it. Nothing is sent.
   * @example
   * connection.rpc('sum').serve((request) => add(request.json));
   * const sum = elsewhere.rpc('sum').call({ a: 1, b: 2 }).json;
   */
  rpc(name: string): Procedure {
    return new Procedure(this, name);
  }

  /** Replies on the channel that calls of procedures share. @internal */
  [REPLIES](timeout: number | undefined): RpcReplies {
    if (!this.#rpcReplies?.isOpen) {
      const start = (channel: Channel) => new RpcReplies(channel, DIRECT_REPLY_TO, { timeout });
      this.#rpcReplies = withNewChannel(this, start);
    }
    return this.#rpcReplies as RpcReplies;
  }

  // ── events ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Wait for an event of any channel and dispatch it: a delivery to its callback, a return, a cancel, a
   * blocked notice, a timer. Blocks for ever, or up to `timeout` ms. What a callback throws is thrown here.
   * @throws {TimeoutError} nothing came
   * @throws {ChannelClosedError} a channel was closed and no call has said so yet
   * @throws {ConsumerCancelledError} the broker cancelled a consumer that has no `onCancel`
   * @throws {WrongStateError} inside a callback
   * @example
   * channel.basicConsume('tasks', (message) => { work(message); message.ack(); });
   * for (;;) connection.drainEvents();
   */
  drainEvents(options: WaitOptions = {}): void {
    if (this.#session.events.drainOne('drainEvents', this.#checkedDeadline('drainEvents', options))) return;
    throw new TimeoutError(`no event came within ${options.timeout} ms`, { recoverable: true });
  }

  /**
   * `drainEvents` until `timeout` ms pass without an event; 0 takes what is there. Blocks; without a
   * `timeout` it ends by an error only. Throws like `drainEvents`.
   * @example
   * channel.declareQueue('tasks').subscribe(work);
   * connection.loop();
   */
  loop(options: WaitOptions = {}): void {
    while (this.#session.events.drainOne('loop', this.#checkedDeadline('loop', options)));
  }

  /**
   * Sleep for `ms` milliseconds while events are dispatched. Blocks. Throws like `drainEvents`.
   * @example
   * connection.sleep(1000); // and not setTimeout, which needs an event loop that turns
   */
  sleep(ms: number): void {
    const { events } = this.#session;
    const deadline = events.eventDeadline(checkTimeout(ms, 'ms'));
    while (clock.now() < deadline) events.drainOne('sleep', deadline);
  }

  #checkedDeadline(verb: string, options: WaitOptions): number {
    checkOptions(verb, options, TIMEOUT_ONLY);
    return this.#session.events.eventDeadline(checkTimeout(options.timeout ?? Number.POSITIVE_INFINITY));
  }

  /**
   * Run `callback` once after `ms` milliseconds, from the pump. Does not block.
   * @returns an id for `cancelTimer`
   * @example
   * connection.callLater(5000, () => console.log(connection.stats().bytesIn));
   */
  callLater(ms: number, callback: () => void): number {
    checkFunction(callback, 'callback');
    return this.#session.events.callLater(checkTimeout(ms, 'ms'), callback);
  }

  /** Forget a `callLater`; an unknown or finished one is no error. Does not block. */
  cancelTimer(id: number): void {
    this.#session.events.cancelTimer(id);
  }

  /**
   * Run `callback` from the pump, after the events that wait already: for code that runs between two
   * calls, such as a signal handler, and must not run inside of one. Does not block. Functions cannot go
   * from thread to thread: other threads have `remote`.
   */
  addCallbackThreadsafe(callback: () => void): void {
    checkFunction(callback, 'callback');
    this.#session.events.later(callback);
  }

  /**
   * Let other threads have `callback` run here, from the pump, with a value of theirs, and interrupt calls
   * that block here. Does not block.
   * @returns a handle to be posted to one other thread, which makes a `Remote` of it
   * @example
   * const handle = connection.remote((job) => channel.basicPublish(String(job), { routingKey: 'jobs' }));
   * new Worker('./producer.js', { workerData: handle, transferList: [handle.port] });
   */
  remote(callback: (value: unknown) => void = () => {}): RemoteHandle {
    checkFunction(callback, 'callback');
    this.#session.checkAlive('remote', 'is not possible');
    return this.#session.events.remote(callback);
  }

  // ── deadlines ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Limit everything that `fn` does on this connection to `ms` altogether.
   * @throws {TypeError} `fn` returned a promise: what comes behind an await would have no limit
   * @example
   * connection.withDeadline(2000, () => { channel.basicGet('orders')?.ack(); channel.queuePurge('orders'); });
   */
  withDeadline<T>(ms: number, fn: () => T): T {
    checkFunction(fn, 'fn');
    return this.#session.events.within(checkTimeout(ms, 'ms'), () => refusePromise(fn(), 'withDeadline'));
  }

  // ── the connection itself ───────────────────────────────────────────────────────────────────────────

  /**
   * Block until the socket has taken everything that was written.
   * @throws {TimeoutError} it has not after `timeout` ms; the broker does not read
   * @example
   * channel.basicPublish('hello', { routingKey: 'tasks' }); // no confirm
   * connection.flush();
   */
  flush(options: CallOptions = {}): void {
    checkOptions('flush', options, TIMEOUT_ONLY);
    flush(this.#session, options);
  }

  /**
   * Replace the password of a running connection (OAuth tokens). Blocks for a round trip.
   * @see RabbitMQ: connection.update-secret
   */
  updateSecret(secret: string, reason = '', options: CallOptions = {}): void {
    checkOptions('updateSecret', options, TIMEOUT_ONLY);
    checkString(secret, 'secret');
    updateSecret(this.#session, secret, reason, options);
  }

  /**
   * Close the connection: what was published is sent first, the broker requeues what is unsettled. Blocks
   * until it has answered, at most `timeout` ms (default 5000); then the socket is put down in any case.
   * Does nothing when it is closed; never throws for a connection that is lost.
   * @throws {InterruptedError} Ctrl-C: the socket was put down before its time
   * @example
   * connection.close();
   */
  close(options: CloseOptions = {}): void {
    this.#session.close(closeOptions(options));
  }

  /** Put the socket down without a word. Never throws, hardly blocks. */
  abort(): void {
    this.#session.abort();
  }

  /** `close`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Figures for monitoring. Blocks for some microseconds. */
  stats(): ConnectionStats {
    return takeStats(this.#session);
  }
}

// the rings beneath hold messages and secrets
showAs(Connection, (connection) => {
  const { isOpen, isBlocked, channels } = connection;
  const host = connection[SESSION].description?.host;
  return { connection: host, isOpen, isBlocked, channels: [...channels.keys()] };
});
explainAmqplib(Connection.prototype, 'connection', AMQPLIB_CONNECTION);
