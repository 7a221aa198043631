import type { Connection } from '../../api/connection';
import { SESSION } from '../../api/internals';
import type { RemoteHandle } from '../../api/remote';
import { outOfRange, wrongType } from '../../caller';
import { clock } from '../../clock';
import { FORGET } from '../internals';
import { type Args, milliseconds, signatures } from '../python';
import { callable } from './argument-checks';
import { BlockingChannel } from './blocking-channel';
import { dial, redial } from './dial';
import { ConnectionWrongStateError, InvalidChannelNumber, ReentrancyError } from './exceptions';
import { Method } from './frame';
import { Blocked, Unblocked } from './methods/connection';
import { ConnectionParameters, Parameters } from './parameters';
import { Shown } from './repr';
import { guard } from './translate';

/** Called when the broker stops taking publishes; `frame.method.reason` says why. */
export type OnBlocked = (connection: BlockingConnection, frame: Method<Blocked>) => unknown;
/** Called when it takes them again. */
export type OnUnblocked = (connection: BlockingConnection, frame: Method<Unblocked>) => unknown;

/** The arguments, and what they mean. */
interface ArgumentTypes {
  /** One, several to be tried in order, or null for a broker on this machine. */
  parameters: [parameters: Parameters | readonly Parameters[] | null];
  /** pika's tests use it; only null is possible here. */
  _impl_class: [_impl_class: null];
  /** 1 to what was negotiated (RabbitMQ: 2047); null: one that is free. */
  channel_number: [channel_number: number | null];
  /** AMQP's number of the reason; default 200. */
  reply_code: [reply_code: number];
  /** The reason in words. */
  reply_text: [reply_text: string];
  /** Seconds; 0: what is there; null: until something came. */
  time_limit: [time_limit: number | null];
  /** Seconds. */
  duration: [duration: number];
  /** Seconds. */
  delay: [delay: number];
  /** Runs from the functions that wait for events. */
  callback: [callback: () => unknown];
  /** What `call_later` has returned. */
  timeout_id: [timeout_id: number];
  /** The new password, or token. */
  new_secret: [new_secret: string];
  /** For the broker's log. */
  reason: [reason: string];
}

const DEF = signatures<ArgumentTypes>()('BlockingConnection', {
  __init__: 'parameters=None, _impl_class=None',
  channel: 'channel_number=None',
  close: "reply_code=200, reply_text='Normal shutdown'",
  process_data_events: 'time_limit=0',
  sleep: 'duration',
  call_later: 'delay, callback',
  remove_timeout: 'timeout_id',
  add_callback_threadsafe: 'callback',
  update_secret: 'new_secret, reason',
});
interface BlockedArgumentTypes {
  /** Runs from the functions that wait for events. */
  callback: [callback: OnBlocked];
}
interface UnblockedArgumentTypes {
  /** Runs from the functions that wait for events. */
  callback: [callback: OnUnblocked];
}
const BLOCKED = signatures<BlockedArgumentTypes>()('BlockingConnection', {
  add_on_connection_blocked_callback: 'callback',
});
const UNBLOCKED = signatures<UnblockedArgumentTypes>()('BlockingConnection', {
  add_on_connection_unblocked_callback: 'callback',
});

const NEVER = { isDone: false };

/**
 * A connection to a broker. Unlike in pika, a thread of its own serves the socket: heartbeats go on while a
 * callback works, however long. Callbacks run only in `process_data_events`, `sleep`, and the `start_consuming`
 * and `consume` of a channel, never inside one another.
 *
 * The first call after the connection has ended throws why (StreamLostError, ConnectionClosedByBroker, …), the others
 * ConnectionWrongStateError. Ctrl-C is KeyboardInterrupt.
 * @example
 * using connection = new pika.BlockingConnection(new pika.ConnectionParameters('localhost'));
 * const channel = connection.channel();
 */
export class BlockingConnection extends Shown {
  readonly #core: Connection;
  readonly #parameters: Parameters;
  readonly #channels = new Set<BlockingChannel>();
  readonly #onBlocked: OnBlocked[] = [];
  readonly #onUnblocked: OnUnblocked[] = [];

  /**
   * Connect. Blocks until the connection is open, at most `stack_timeout` for each attempt.
   * @throws {AMQPConnectionError} no attempt succeeded
   * @throws {ProbableAuthenticationError} the broker refuses the credentials
   * @throws {ProbableAccessDeniedError} no such virtual host, or not for this user
   * @throws {IncompatibleProtocolError} whoever answers speaks no AMQP 0-9-1
   */
  constructor(...args: Args<typeof DEF.__init__>) {
    super();
    const all = listOf(DEF.__init__(args).parameters);
    const { core, used } = guard('opening', () => dial(all));
    this.#core = core;
    this.#parameters = used;
    if (typeof used.heartbeat === 'function') this.#core = this.#decideHeartbeat(core, used.heartbeat);
    used.credentials.erase_credentials();
    this.#core.onBlocked = (reason) => {
      const frame = new Method(0, new Blocked(reason));
      for (const callback of this.#onBlocked) callback(this, frame);
    };
    this.#core.onUnblocked = () => {
      const frame = new Method(0, new Unblocked());
      for (const callback of this.#onUnblocked) callback(this, frame);
    };
  }

  /** The function is asked once the broker's wish is known; what it wants else needs another connection. */
  #decideHeartbeat(
    core: Connection,
    decide: NonNullable<Exclude<Parameters['heartbeat'], number>>,
  ): Connection {
    const wanted = decide(this, core.heartbeat);
    if (wanted === core.heartbeat) return core;
    core.close();
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535)
      throw wrongType(`heartbeat must return an int from 0 to 65535, got ${String(wanted)}`);
    return guard('opening', () => redial(this.#parameters, wanted));
  }

  // ── what it is ──────────────────────────────────────────────────────────────────────────────────────

  /** Whether it is neither closed nor lost, after a look at what has come. Does not block. */
  get is_open(): boolean {
    return this.#core.isAlive;
  }
  /** The opposite of `is_open`. */
  get is_closed(): boolean {
    return !this.is_open;
  }
  /** The broker knows basic.nack. */
  get basic_nack_supported(): boolean {
    return this.#has('basic.nack');
  }
  /** The broker says when it ends a consumer. */
  get consumer_cancel_notify_supported(): boolean {
    return this.#has('consumer_cancel_notify');
  }
  /** The broker knows exchange.bind. */
  get exchange_exchange_bindings_supported(): boolean {
    return this.#has('exchange_exchange_bindings');
  }
  /** The broker confirms what is published. */
  get publisher_confirms_supported(): boolean {
    return this.#has('publisher_confirms');
  }
  /** Older name of `basic_nack_supported`. */
  get basic_nack(): boolean {
    return this.basic_nack_supported;
  }
  /** Older name of `consumer_cancel_notify_supported`. */
  get consumer_cancel_notify(): boolean {
    return this.consumer_cancel_notify_supported;
  }
  /** Older name of `exchange_exchange_bindings_supported`. */
  get exchange_exchange_bindings(): boolean {
    return this.exchange_exchange_bindings_supported;
  }
  /** Older name of `publisher_confirms_supported`. */
  get publisher_confirms(): boolean {
    return this.publisher_confirms_supported;
  }

  #has(capability: string): boolean {
    return this.#core.serverCapabilities[capability] === true;
  }

  /** As pika shows it: host, port, and whether it is closed. */
  override toString(): string {
    const { host, port } = this.#parameters;
    return `<BlockingConnection ${host}:${port}${this.is_open ? '' : ' (closed)'}>`;
  }

  // ── channels, opening and closing ───────────────────────────────────────────────────────────────────

  /**
   * Open a channel. Blocks for a round trip.
   * @throws {NoFreeChannels} all numbers are in use
   * @throws {InvalidChannelNumber} this one is
   */
  channel(...args: Args<typeof DEF.channel>): BlockingChannel {
    const { channel_number } = DEF.channel(args);
    this.#checkOpen('channel');
    if (channel_number !== null && this.#core.channels.has(channel_number))
      throw new InvalidChannelNumber(`channel ${channel_number} is open already`);
    const core = guard('connection', () => this.#core.channel(channel_number ?? undefined));
    const channel = new BlockingChannel(this, core, this.#parameters.compat);
    for (const each of this.#channels) if (each.is_closed) this.#channels.delete(each);
    this.#channels.add(channel);
    return channel;
  }

  /**
   * Close the connection, and its channels with it; the broker requeues what is unsettled. Blocks until the broker
   * has answered, at most 5 seconds.
   * @throws {ConnectionWrongStateError} it is closed
   */
  close(...args: Args<typeof DEF.close>): void {
    const { reply_code, reply_text } = DEF.close(args);
    this.#checkOpen(`close(${reply_code}, '${reply_text}')`);
    for (const channel of this.#channels) channel[FORGET]();
    guard('connection', () => this.#core.close({ replyCode: reply_code, replyText: reply_text }));
  }

  /** Closes it if it is open: `using connection = new pika.BlockingConnection()`. */
  [Symbol.dispose](): void {
    if (this.is_open) this.close();
  }

  #checkOpen(what: string): void {
    if (this.is_open) return;
    try {
      // the reason of its end comes first, if no call has said so
      guard('connection', () => this.#core[SESSION].checkAlive(what));
    } catch (error) {
      if (!(error instanceof ConnectionWrongStateError)) throw error;
      const { lastError } = this.#core;
      error.message = `BlockingConnection.${what} called on closed connection: ${lastError?.message}`;
      throw Object.defineProperty(error, 'cause', { value: lastError });
    }
  }

  /** Replace the password of the running connection. Blocks for a round trip. */
  update_secret(...args: Args<typeof DEF.update_secret>): void {
    const { new_secret, reason } = DEF.update_secret(args);
    this.#checkOpen('update_secret');
    guard('connection', () => this.#core.updateSecret(new_secret, reason));
  }

  // ── events ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Run the callbacks of what has come, of any channel. Blocks up to `time_limit` seconds, if nothing is there;
   * then until the first thing comes. In a callback it only waits: callbacks do not nest.
   * @throws {ChannelClosedByBroker} a channel was closed, and no call has said so yet
   * @throws {ReentrancyError} in a callback, without a limit: nothing could end it
   */
  process_data_events(...args: Args<typeof DEF.process_data_events>): void {
    const { time_limit } = DEF.process_data_events(args);
    this.#serve(milliseconds(time_limit, 'time_limit'));
  }

  #serve(timeout: number): void {
    const core = this.#core;
    const { events } = core[SESSION];
    const deadline = events.eventDeadline(timeout);
    if (events.isDispatching) {
      if (timeout === Infinity)
        throw new ReentrancyError('process_data_events(None) in a callback would never return');
      guard('connection', () => events.waitFor(NEVER, deadline));
      return;
    }
    guard('connection', () => {
      while (!events.hasEvents) {
        if (clock.now() >= deadline) return;
        events.waitForEvents(deadline);
      }
      // the events that are there now, and no more: callbacks that take long must not keep the caller here for ever
      let left = Math.max(1, events.waiting);
      do core.drainEvents({ timeout: 0 });
      while (--left > 0 && core.isOpen && events.hasEvents);
    });
  }

  /** Sleep for `duration` seconds, while callbacks run. In a callback it only waits. */
  sleep(...args: Args<typeof DEF.sleep>): void {
    const { duration } = DEF.sleep(args);
    const deadline = clock.now() + milliseconds(duration ?? Number.NaN, 'duration');
    do this.#serve(Math.max(0, deadline - clock.now()));
    while (clock.now() < deadline);
  }

  /** Run `callback` once after `delay` seconds, from the functions that wait for events. @returns for `remove_timeout` */
  call_later(...args: Args<typeof DEF.call_later>): number {
    const { delay, callback } = DEF.call_later(args);
    callable(callback, 'callback');
    return this.#core.callLater(milliseconds(delay ?? Number.NaN, 'delay'), () => callback());
  }

  /** Forget what `call_later` has begun; one that has run is no error. */
  remove_timeout(...args: Args<typeof DEF.remove_timeout>): void {
    this.#core.cancelTimer(DEF.remove_timeout(args).timeout_id);
  }

  /**
   * Run `callback` from the functions that wait for events. Functions cannot go from thread to thread in Node:
   * what runs in another thread uses `remote`.
   * @throws {ConnectionWrongStateError} the connection is closed
   */
  add_callback_threadsafe(...args: Args<typeof DEF.add_callback_threadsafe>): void {
    const { callback } = DEF.add_callback_threadsafe(args);
    callable(callback, 'callback');
    this.#checkOpen('add_callback_threadsafe');
    this.#core.addCallbackThreadsafe(() => callback());
  }

  /**
   * Not in pika. Let another thread have `callback` run here, with a value of its own: the port of
   * `add_callback_threadsafe` called by a thread.
   * @returns a handle for one other thread, which makes a `Remote` of `amqp-sync` of it
   * @example
   * const handle = connection.remote((tag) => channel.basic_ack(tag as number));
   * new Worker('./work.js', { workerData: handle, transferList: [handle.port] });
   */
  remote(callback: (value: unknown) => void): RemoteHandle {
    this.#checkOpen('remote');
    return this.#core.remote(callback);
  }

  // ── the broker blocks publishing ────────────────────────────────────────────────────────────────────

  /** Have `callback(connection, method_frame)` called when the broker stops taking publishes. */
  add_on_connection_blocked_callback(...args: Args<typeof BLOCKED.add_on_connection_blocked_callback>): void {
    const { callback } = BLOCKED.add_on_connection_blocked_callback(args);
    this.#onBlocked.push(callable(callback, 'callback'));
  }

  /** Have `callback(connection, method_frame)` called when it takes them again. */
  add_on_connection_unblocked_callback(
    ...args: Args<typeof UNBLOCKED.add_on_connection_unblocked_callback>
  ): void {
    const { callback } = UNBLOCKED.add_on_connection_unblocked_callback(args);
    this.#onUnblocked.push(callable(callback, 'callback'));
  }
}

function listOf(parameters: Parameters | readonly Parameters[] | null): readonly Parameters[] {
  if (parameters === null) return [new ConnectionParameters()];
  const all = Array.isArray(parameters) ? (parameters as readonly Parameters[]) : [parameters as Parameters];
  if (all.length === 0)
    throw outOfRange('Expected a non-empty sequence of connection parameters, but got an empty one');
  const wrong = all.find((each) => !(each instanceof Parameters));
  if (wrong !== undefined)
    throw wrongType(`parameters must be ConnectionParameters or URLParameters, got ${typeof wrong}`);
  return all;
}
