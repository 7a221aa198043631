import type { WorkerLink } from '../../src/bridge/worker-link';
import { closeRecord, describeReply, type ErrorRecord, violationRecord } from '../../src/errors';
import { decodeMethod, encodeMethod, methodName } from '../../src/protocol/codec';
import { FRAME, FRAME_END, PROTOCOL_HEADER } from '../../src/protocol/constants';
import { FrameScanner } from '../../src/protocol/frame';
import { describeStranger, Handshake, NoCommonMechanism, type Outgoing } from '../../src/protocol/handshake';
import type { Args, Method } from '../../src/protocol/method-types';
import type { CloseReason, SessionOptions } from '../../src/protocol/session-options';
import { fitShortstr } from '../../src/protocol/utf8';
import { ProtocolViolation } from '../../src/protocol/violation';
import { OutOfRoom, Reader, Writer } from '../../src/protocol/wire';
import { Heartbeat } from './heartbeat';
import { Inbound } from './inbound';
import { Outbound } from './outbound';
import { Transport, type TransportEvents } from './transport';

/** Methods of channel 0 that an open connection may bring; main acts on them. */
const FOR_MAIN = new Set(['connection.blocked', 'connection.unblocked', 'connection.update-secret-ok']);
const HEARTBEAT_FRAME = Uint8Array.of(FRAME.HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END);
/** Methods of channel 0 are small, but credentials and client properties are the user's. */
const CONTROL_FRAME_SIZE = 128 * 1024;
/** How long a peer that broke the protocol is still listened to, and ignored. */
const LAST_WORD_MS = 500;
/** How long a last word may take to leave, when nobody else sets a limit. */
const LEAVE_TIMEOUT_MS = 2000;

/**
 * One connection's life in the worker: a socket, the handshake, heartbeats, and the end.
 *
 *   [connecting] --tcp, tls--> [handshake] --open-ok--> [open] --close from main--> [closing]
 *        |                         |                      |                            | close-ok
 *        +---- any failure --------+---- any failure -----+--> [closed] <--------------+
 *
 * The last word on how it ended goes to main as the report.
 */
export class Session implements TransportEvents {
  #state: 'connecting' | 'handshake' | 'open' | 'closing' | 'closed' = 'connecting';
  readonly handshake: Handshake;
  readonly transport: Transport;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #scanner = new FrameScanner((payload) => this.#control(payload));
  #heartbeat: Heartbeat | undefined;
  #timer: NodeJS.Timeout;
  #paused = false;
  #greeting: Buffer = Buffer.alloc(0);
  /** Why the session is ending, once it is known; the first reason stays. */
  #end: ErrorRecord | undefined;

  constructor(
    readonly link: WorkerLink,
    readonly options: SessionOptions,
    /** Runs once, when nothing is left. */
    readonly onClosed: () => void,
  ) {
    this.handshake = new Handshake(options.handshake);
    this.#inbound = new Inbound(link, this.#scanner, options.maxBufferedBytes);
    this.#timer = setTimeout(() => this.#timedOut(), options.connectTimeout);
    this.transport = new Transport(options.endpoint, this);
    this.#outbound = new Outbound(link, this.transport);
  }

  // ── transport events ────────────────────────────────────────────────────────────────────────────────

  connected(): void {
    this.#state = 'handshake';
    this.transport.write(PROTOCOL_HEADER);
  }

  target(): Buffer {
    return this.#inbound.target();
  }

  received(target: Buffer, size: number): boolean {
    this.#greet(target, size);
    return this.#take(() => this.#inbound.received(target, size));
  }

  copied(bytes: Buffer): boolean {
    this.#greet(bytes, bytes.length);
    return this.#take(() => this.#inbound.copy(bytes));
  }

  /** Keep the very first bytes: if this is no AMQP broker, they tell what it is. */
  #greet(bytes: Buffer, size: number): void {
    if (this.#greeting.length === 0) this.#greeting = Buffer.from(bytes.subarray(0, Math.min(size, 8)));
  }

  #take(place: () => void): boolean {
    if (this.#state === 'closed') return true;
    try {
      place();
    } catch (error) {
      this.#violated(error);
    }
    // only now does main find what came before the broker's close
    if (this.#end !== undefined && this.#state !== 'handshake') this.link.close(JSON.stringify(this.#end));
    this.#paused = this.#inbound.full;
    return !this.#paused;
  }

  ended(error: Error | undefined): void {
    this.#finish(this.#end ?? this.#lost(error));
  }

  // ── main's doorbell and commands ────────────────────────────────────────────────────────────────────

  wake(): void {
    if (this.#state === 'closed') return;
    this.#inbound.moveHeld();
    if (this.#paused && !this.#inbound.full) {
      this.#paused = false;
      this.transport.resume();
    }
    if (this.#state === 'open') this.#outbound.flush();
  }

  /** Flush, say connection.close, wait for close-ok, but not for ever. */
  close({ timeout, ...reason }: CloseReason): void {
    if (this.#state === 'connecting' || this.#state === 'handshake') return this.abort();
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#outbound.drain(() => this.#send({ name: 'connection.close', args: reason }));
    this.#timer = setTimeout(() => this.transport.destroy(), timeout);
  }

  abort(): void {
    this.#end ??= { name: 'ConnectionClosedError', message: 'the connection was aborted', code: 'ABORTED' };
    this.transport.destroy();
  }

  // ── methods on channel 0 ────────────────────────────────────────────────────────────────────────────

  #control(payload: Buffer): void {
    const method = decodeMethod(new Reader(payload));
    if (method.name === 'connection.close') return this.#closedByBroker(method.args);
    if (method.name === 'connection.close-ok' && this.#state === 'closing') return this.transport.end();
    if (this.#state === 'handshake') return this.#advance(method);
    if (!FOR_MAIN.has(method.name)) {
      throw new ProtocolViolation(
        503,
        'unexpected method',
        'channel 0',
        'none, or one of an open connection',
        method.name,
      );
    }
  }

  #advance(method: Method): void {
    for (const next of this.handshake.receive(method)) {
      // from tune-ok on the agreed limits hold for what the server sends
      if (next.name === 'connection.tune-ok') this.#limit();
      this.#send(next);
    }
    if (this.handshake.stage === 'open') this.#opened();
  }

  #limit(): void {
    this.#scanner.frameMax = this.handshake.tuning.frameMax;
    this.#scanner.channelMax = this.handshake.tuning.channelMax;
  }

  #opened(): void {
    clearTimeout(this.#timer);
    this.#state = 'open';
    const { heartbeat } = this.handshake.tuning;
    if (heartbeat > 0) this.#heartbeat = this.#startHeartbeat(heartbeat);
    this.link.open();
    this.#outbound.flush();
  }

  #startHeartbeat(interval: number): Heartbeat {
    const { transport } = this;
    return new Heartbeat(interval, {
      received: () => transport.bytesIn,
      sent: () => transport.bytesOut,
      deaf: () => this.#paused,
      beat: () => transport.write(HEARTBEAT_FRAME),
      dead: () => {
        this.#end ??= {
          name: 'HeartbeatTimeoutError',
          message: `the broker has been silent for two heartbeat intervals of ${interval} s`,
          origin: 'network',
          recoverable: true,
          outcome: 'unknown',
        };
        transport.destroy();
      },
    });
  }

  #closedByBroker(close: Args<'connection.close'>): void {
    this.#end ??=
      this.#state === 'handshake'
        ? this.#refused(close)
        : closeRecord(close.replyCode, close.replyText, methodName(close.classId, close.methodId));
    this.#send({ name: 'connection.close-ok', args: {} });
    this.#leave();
  }

  #send(method: Outgoing): void {
    const writer = new Writer(
      Buffer.alloc(method.name === 'connection.start-ok' ? CONTROL_FRAME_SIZE : 1024),
    );
    encodeMethod(writer, 0, method.name, method.args);
    this.transport.write(writer.buffer.subarray(0, writer.pos));
  }

  // ── failures ────────────────────────────────────────────────────────────────────────────────────────

  /** The peer broke the protocol: say so, and go. */
  #violated(error: unknown): void {
    if (error instanceof NoCommonMechanism) return this.#refuse('AuthenticationError', error.message);
    if (error instanceof OutOfRoom)
      return this.#refuse('ConnectError', 'credentials and client properties do not fit in a frame');
    if (!(error instanceof ProtocolViolation)) throw error;
    const { replyCode, message } = error;
    this.#end ??= { ...violationRecord(error), ...this.#blame(message) };
    if (this.#state !== 'open') return this.transport.destroy();
    this.#state = 'closed';
    this.#send({ name: 'connection.close', args: { replyCode, replyText: fitShortstr(message) } });
    // ending now, with bytes unread, would be a reset, and could take our word with it
    setTimeout(() => this.transport.destroy(), LAST_WORD_MS);
  }

  /** Send what was written and end; a peer that does not read gets no more than a moment. */
  #leave(): void {
    this.transport.end();
    setTimeout(() => this.transport.destroy(), LEAVE_TIMEOUT_MS).unref();
  }

  #refuse(name: string, reason: string): void {
    this.#end ??= { ...this.#failed(name, reason), recoverable: false };
    this.transport.destroy();
  }

  #blame(violation: string): Pick<ErrorRecord, 'message' | 'outcome'> {
    const { host, port } = this.options.endpoint;
    if (this.#state !== 'handshake') {
      return {
        message: `the broker at ${host}:${port} broke the protocol: ${violation}`,
        outcome: 'unknown',
      };
    }
    const isBroker = this.#greeting[0] === FRAME.METHOD;
    const why = isBroker ? violation : `${describeStranger(this.#greeting)} (${violation})`;
    return { message: `${host}:${port} does not speak AMQP 0-9-1: ${why}`, outcome: 'not-sent' };
  }

  #timedOut(): void {
    const limit = this.options.connectTimeout;
    this.#end ??= this.#failed('ConnectError', `no answer within connectTimeout (${limit} ms)`);
    this.transport.destroy();
  }

  /** The broker closed the connection before it was open: which wish did it refuse? */
  #refused(close: Args<'connection.close'>): ErrorRecord {
    const text = describeReply(close.replyCode, close.replyText);
    const { username, vhost } = this.options.handshake;
    if (this.handshake.stage === 'connection.tune') {
      const record = this.#failed('AuthenticationError', `user "${username}" was refused: ${text}`);
      const { replyCode, replyText } = close;
      return {
        ...record,
        code: 'ACCESS_REFUSED',
        replyCode,
        replyText,
        origin: 'broker',
        recoverable: false,
      };
    }
    const record = closeRecord(close.replyCode, close.replyText, undefined);
    return { ...record, message: `vhost "${vhost}" was refused: ${text}`, outcome: 'not-sent' };
  }

  #lost(error: Error | undefined): ErrorRecord {
    const { host, port } = this.options.endpoint;
    const reason = error === undefined ? 'the other end closed the socket' : describe(error);
    if (this.#state === 'open' || this.#state === 'closing') {
      return {
        name: 'ConnectionLostError',
        message: `the connection to ${host}:${port} was lost: ${reason}`,
        reason,
        origin: 'network',
        recoverable: true,
        outcome: 'unknown',
      };
    }
    if (this.#state === 'handshake' && this.handshake.stage === 'connection.tune') {
      return this.#failed(
        'AuthenticationError',
        `${reason} after the credentials were sent; they are probably wrong`,
      );
    }
    return {
      ...this.#failed('ConnectError', reason),
      code: (error as NodeJS.ErrnoException)?.code ?? 'CONNECT',
    };
  }

  #failed(name: string, reason: string): ErrorRecord {
    const { host, port } = this.options.endpoint;
    const stage = this.#state === 'handshake' ? this.handshake.stage : this.transport.stage;
    const waiting = this.#state === 'handshake' ? `waiting for ${stage}` : `at ${stage}`;
    return {
      name,
      message: `cannot connect to ${host}:${port} (${waiting}): ${reason}`,
      attempts: [{ host, port, stage, reason }],
      origin: 'network',
      recoverable: true,
      outcome: 'not-sent',
    };
  }

  #finish(record: ErrorRecord): void {
    clearTimeout(this.#timer);
    this.#heartbeat?.stop();
    // a close that main asked for has nothing to report
    const clean = this.#state === 'closing' && this.#end === undefined;
    this.#state = 'closed';
    this.link.close(clean ? '' : JSON.stringify(record));
    this.onClosed();
  }
}

/** Node's AggregateError (several addresses) has an empty message of its own. */
function describe(error: Error): string {
  const errors = (error as AggregateError).errors as Error[] | undefined;
  return errors?.length ? errors.map((each) => each.message).join('; ') : error.message;
}
