import type { Channel as ClientChannel } from '../../api/channel';
import { Connection as ClientConnection } from '../../api/connection';
import { SESSION } from '../../api/internals';
import type { RemoteHandle } from '../../api/remote';
import { sendHeartbeat } from '../../client/connection/connection-calls';
import { resolveOptions } from '../../client/options/settings';
import { type AmqpError, ChannelClosedError } from '../../errors';
import type { Table } from '../../protocol/field-table';
import { showAs } from '../../shown';
import { COMPAT, COUNT, DIED, FORGET, OPEN, REVIVE, SERVE } from '../internals';
import { type Args, milliseconds } from '../python';
import { checkCallbacks, naming } from './argument-errors';
import { Channel } from './channel';
import { AMQPConnectionError, RecoverableConnectionError, ResourceError } from './exceptions';
import { type ConnectionArguments, checkCompat, connectOptions, type Parameters } from './settings';
import { CONNECTION, type Compat } from './signatures';
import { Channel as ChannelMethods } from './spec';
import { pythonic } from './translate';
import { monotonic, Transport } from './transport';
import { closeReason, leaveConnection } from './wire';

/**
 * A connection to a broker, open when it has been made. Callbacks run inside `drain_events` and `loop` only.
 *
 * Heartbeats are sent and checked by a thread of the connection's own, also while this one is busy.
 * @example
 * const conn = new Connection({ host: 'rabbit', virtual_host: '/orders' });
 * using other = new Connection(); // `with`: closed when the block is left
 */
export class Connection {
  /** Called with a reason when the broker stops taking publishes, in `drain_events` and `loop`. */
  on_blocked: ((reason: string) => unknown) | null;
  /** Called when the broker takes publishes again. */
  on_unblocked: (() => unknown) | null;
  readonly #parameters: Parameters;
  readonly #compat: Compat;
  #core: ClientConnection | undefined;
  #methodsSent = 0;
  #channels = new Map<number, Channel>();
  #transport: Transport | null = null;
  /** What the callback that ran last has returned. */
  #served: unknown;

  /** The number of the connection itself, as in every frame that is about no channel. */
  readonly channel_id = 0;

  /**
   * Blocks until it is open.
   * @throws {AccessRefused} the credentials are refused
   * @throws {NotAllowed} no such virtual host
   * @throws {Timeout} `connect_timeout`
   * @throws {RecoverableConnectionError} nobody answers; `cause.attempts` says where and why
   */
  constructor(...args: ConnectionArguments) {
    this.#parameters = CONNECTION.__init__(args);
    this.#compat = checkCompat(this.#parameters.compat);
    const { on_blocked, on_unblocked } = this.#parameters;
    checkCallbacks({ on_blocked, on_unblocked });
    this.on_blocked = on_blocked;
    this.on_unblocked = on_unblocked;
    this.connect();
  }

  /**
   * Connect, with the parameters of the constructor, which calls this. What there was is closed; channels,
   * consumers and delivery tags of before are void. Blocks.
   */
  connect(): void {
    this.close();
    const settings = naming(() => resolveOptions(connectOptions(this.#parameters)));
    const core = this.#run(() => new ClientConnection(settings));
    core.onBlocked = (reason) => this[SERVE](() => this.on_blocked?.(reason));
    core.onUnblocked = () => this[SERVE](() => this.on_unblocked?.());
    this.#core = core;
    this.#methodsSent = 0;
    this.#channels = new Map();
    this.#transport = new Transport(core, () => this.close());
  }

  // ── channels ────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Open a channel, or fetch the one that has this number. Blocks for a round trip.
   * @throws {ResourceError} all numbers are in use
   * @example
   * const ch = conn.channel(); // or conn.channel(5)
   */
  channel(...args: Args<typeof CONNECTION.channel>): Channel {
    const { channel_id } = CONNECTION.channel(args);
    const existing = channel_id === null ? undefined : this.#channels.get(channel_id);
    return existing ?? new Channel(this, channel_id);
  }

  /** The open channels by number; 0 is the connection itself. A new object every time. */
  get channels(): {
    /** The connection. */
    readonly 0: Connection;
    readonly [channel_id: number]: Channel | Connection;
  } {
    const channels = this.connected ? [...this.#channels] : [];
    return Object.assign(Object.create(null), { 0: this }, Object.fromEntries(channels));
  }

  /** A channel of this connection, known by its number from now on. @internal */
  [OPEN](channel: Channel, channel_id: number | null): ClientChannel {
    if (channel_id !== null && this.#channels.has(channel_id)) {
      throw new AMQPConnectionError(`channel ${channel_id} is open already`);
    }
    const core = this.#run(() => naming(() => this.#alive().channel(channel_id ?? this.#freeId())));
    this.#channels.set(core.id, channel);
    return core;
  }

  /** A channel that the broker has closed keeps its number until it is opened again. */
  #freeId(): number {
    const core = this.#alive();
    const session = core[SESSION];
    session.checkAlive('channel.open');
    const id = session.nextNumber((number) => this.#channels.has(number));
    if (id !== undefined) return id;
    const text = `no free channel ids: ${this.#channels.size} are in use, channel_max is ${core.channelMax}`;
    throw new ResourceError(text, ChannelMethods.Open, null, null, 0);
  }

  /** @internal */
  [FORGET](channel: Channel, channel_id: number): void {
    if (this.#channels.get(channel_id) === channel) this.#channels.delete(channel_id);
  }

  // ── events ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Wait for one event of any channel and serve it: a message for its callback, a return, a cancel, a blocked
   * notice. Blocks. What a callback throws is thrown here.
   * @returns what the callback returned
   * @throws {Timeout} nothing came
   * @throws {ChannelError} a channel was closed, and opened again, and no call has said so
   * @throws {ConsumerCancelled} the broker ended a consumer that has no `on_cancel`
   * @throws {KeyboardInterrupt} Ctrl-C, as in every call that blocks
   * @example
   * try { conn.drain_events(1.5); } catch (e) { if (!(e instanceof Timeout)) throw e; }
   */
  drain_events(...args: Args<typeof CONNECTION.drain_events>): unknown {
    const timeout = milliseconds(CONNECTION.drain_events(args).timeout, 'timeout');
    this.#served = undefined;
    this.#run(() => this.#alive().drainEvents({ timeout }));
    return this.#served;
  }

  /** `drain_events` until nothing comes for `timeout` seconds: 0 takes what is there, null goes on for ever. */
  loop(...args: Args<typeof CONNECTION.loop>): void {
    const timeout = milliseconds(CONNECTION.loop(args).timeout, 'timeout');
    this.#run(() => this.#alive().loop({ timeout }));
  }

  /**
   * Not in amqpy, whose threads share a connection. Let another thread have `callback` run here, in `drain_events` and
   * `loop`, with a value of its own. Does not block.
   * @returns a handle for one other thread, which makes a `Remote` of `amqp-sync` of it
   * @throws {RecoverableConnectionError} the connection is closed
   * @example
   * const handle = conn.remote((tag) => ch.basic_ack(tag as number));
   * new Worker('./work.js', { workerData: handle, transferList: [handle.port] });
   */
  remote(callback: (value: unknown) => void): RemoteHandle {
    return this.#run(() => this.#alive().remote(callback));
  }

  /** Run a callback, and remember what it returns. @internal */
  [SERVE](callback: () => unknown): unknown {
    const value = callback();
    this.#served = value;
    return value;
  }

  // ── the connection itself ───────────────────────────────────────────────────────────────────────────

  /** Close it, at most 5 s after the broker has stopped answering. Blocks; does nothing when it is closed. */
  close(...args: Args<typeof CONNECTION.close>): void {
    const reason = naming(() => closeReason(CONNECTION.close(args)));
    const core = this.#core;
    if (core === undefined) return;
    this.#run(() => leaveConnection(core, reason));
    this.#channels = new Map();
  }

  /** `close`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Whether it is neither closed nor lost, after a look at what has come. Does not block. */
  is_alive(): boolean {
    return this.#core?.isAlive === true;
  }

  /** Whether it has a transport, and that is open. */
  get connected(): boolean {
    return this.#core?.isOpen === true;
  }

  /** The connection itself, or null once it is closed. */
  get connection(): Connection | null {
    return this.connected ? this : null;
  }

  /** Send one heartbeat, beside those that go by themselves. Blocks only while the way out is full. */
  send_heartbeat(): void {
    const core = this.#alive();
    this.#run(() => sendHeartbeat(core[SESSION]));
    if (this.#transport !== null) this.#transport.last_heartbeat_sent = monotonic();
  }

  /** The way to the broker: who is at its ends. null once it is closed. */
  get transport(): Transport | null {
    return this.connected ? this.#transport : null;
  }

  /** The socket, as far as it can be seen from here: a thread of its own has it. null once it is closed. */
  get sock(): Transport['sock'] | null {
    return this.transport?.sock ?? null;
  }

  /** When `send_heartbeat` last sent one, in seconds as Python's `time.monotonic`; 0: never. */
  get last_heartbeat_sent(): number {
    return this.#transport?.last_heartbeat_sent ?? 0;
  }

  /** When something last came from the broker, in seconds as `last_heartbeat_sent`: every byte is a sign of life. */
  get last_heartbeat_recv(): number {
    return this.#transport?.last_heartbeat_received ?? 0;
  }

  // ── what was agreed ─────────────────────────────────────────────────────────────────────────────────

  /** What the broker told about itself. */
  get server_properties(): Table {
    return this.#core?.serverProperties ?? Object.create(null);
  }
  /** What the broker can do: `{ publisher_confirms: true, … }`. */
  get server_capabilities(): Record<string, boolean> {
    return this.#core?.serverCapabilities ?? Object.create(null);
  }
  /** The ways to authenticate that the broker offers. */
  get mechanisms(): string[] {
    return words(this.#core?.[SESSION].greeting?.mechanisms);
  }
  /** The languages that the broker offers. */
  get locales(): string[] {
    return words(this.#core?.[SESSION].greeting?.locales);
  }
  /** AMQP's version as the broker speaks it: 0. */
  get version_major(): number {
    return this.#core?.[SESSION].greeting?.versionMajor ?? 0;
  }
  /** AMQP's version as the broker speaks it: 9. */
  get version_minor(): number {
    return this.#core?.[SESSION].greeting?.versionMinor ?? 0;
  }
  /** Channels at most. */
  get channel_max(): number {
    return this.#core?.channelMax ?? this.#parameters.channel_max;
  }
  /** Bytes of a frame at most. */
  get frame_max(): number {
    return this.#core?.frameMax ?? this.#parameters.frame_max;
  }
  /** Seconds; 0 is none. */
  get heartbeat(): number {
    return this.#core?.heartbeat ?? this.#parameters.heartbeat;
  }
  /** `frames_recv`: frames that have come for channels. */
  get method_reader(): {
    /** Frames that have come for channels. */
    readonly frames_recv: number;
  } {
    return { frames_recv: this.#core?.[SESSION].framesReceived ?? 0 };
  }
  /** `methods_sent`: methods that channels have sent. */
  get method_writer(): {
    /** Methods that channels have sent. */
    readonly methods_sent: number;
  } {
    return { methods_sent: this.#methodsSent };
  }
  /** A channel is about to send a method. @internal */
  [COUNT](core: ClientChannel): void {
    if (core.connection === this.#core) this.#methodsSent++;
  }

  /** @internal */
  get [COMPAT](): Compat {
    return this.#compat;
  }

  // ── below ───────────────────────────────────────────────────────────────────────────────────────────

  #alive(): ClientConnection {
    if (this.#core === undefined) throw new RecoverableConnectionError('connection already closed');
    return this.#core;
  }

  #run<T>(fn: () => T): T {
    return pythonic(this.#channelId, (error) => this.#heal(error), fn);
  }

  /** The channel that an error is about. */
  readonly #channelId = (error: AmqpError): number =>
    [...this.#channels.values()].find((channel) => channel[DIED](error))?.channel_id ?? 0;

  /** A channel that was closed is opened again before anybody hears of it. */
  #heal(error: AmqpError): void {
    if (!(error instanceof ChannelClosedError)) return;
    for (const channel of this.#channels.values()) if (channel[DIED](error)) channel[REVIVE]();
  }

  static {
    showAs(Connection, (connection) => {
      const { host, port, virtual_host } = connection.#parameters;
      const { connected } = connection;
      const channels = [...connection.#channels.keys()];
      return { connection: `${host}:${port}`, virtual_host, connected, channels };
    });
  }
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(' ').filter((word) => word !== '');
}
