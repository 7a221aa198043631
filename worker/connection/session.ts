import type { WorkerLink } from '../../src/bridge/worker-link';
import { type ConnectAttempt, closeRecord, type ErrorRecord, violationRecord } from '../../src/errors';
import { decodeMethod, encodeMethod, methodName } from '../../src/protocol/codec';
import { FRAME, FRAME_END, PROTOCOL_HEADER } from '../../src/protocol/constants';
import { FrameScanner } from '../../src/protocol/frame';
import { CannotAuthenticate, describeStranger, Handshake, type Outgoing } from '../../src/protocol/handshake';
import type { Args, Method } from '../../src/protocol/method-types';
import type { CloseReason, SessionOptions } from '../../src/protocol/session-options';
import { hostAndPort } from '../../src/protocol/uri';
import { fitShortstr } from '../../src/protocol/utf8';
import { ProtocolViolation } from '../../src/protocol/violation';
import { OutOfRoom, Reader, Writer } from '../../src/protocol/wire';
import { Blockade } from './blockade';
import { Cadence } from './cadence';
import { describe, failed, lost, refusedUser, refusedVhost, troubled } from './failure';
import { Gate } from './gate';
import { Heartbeat } from './heartbeat';
import { Inbound } from './inbound';
import { Outbound } from './outbound';
import { Patience } from './patience';
import { type Route, Transport, type TransportEvents } from './transport';

/** Methods of channel 0 that an open connection may bring; main acts on them. */
const FOR_MAIN = new Set(['connection.blocked', 'connection.unblocked', 'connection.update-secret-ok']);
const HEARTBEAT_FRAME = Uint8Array.of(FRAME.HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END);
/** Methods of channel 0 are small, but credentials and client properties are the user's. */
const CONTROL_FRAME_SIZE = 128 * 1024;
/** How long a peer that broke the protocol is still listened to, and ignored. */
const LAST_WORD_MS = 500;
/** How long a last word may take to leave, when nobody else sets a limit. */
const LEAVE_TIMEOUT_MS = 2000;

/** The port that is for TLS by custom. */
const TLS_PORT = 5671;

/** What becomes of a session. */
export interface SessionEvents {
  /** A response of its SASL mechanism is wanted, and it is not built in. */
  asked(): void;
  opened(): void;
  /** It was open, and will end for this reason. */
  ending(record: ErrorRecord): void;
  /** Nothing is left of it. The record is empty if it was closed as asked. */
  ended(record: ErrorRecord | undefined): void;
}

/**
 * One connection's life in the worker: a socket, the handshake, heartbeats, and the end.
 *
 *   [connecting] --tcp, tls--> [handshake] --open-ok--> [open] --close from main--> [closing]
 *        |                         |                      |                            | close-ok
 *        +---- any failure --------+---- any failure -----+--> [closed] <--------------+
 */
export class Session implements TransportEvents {
  #state: 'connecting' | 'handshake' | 'open' | 'closing' | 'closed' = 'connecting';
  readonly handshake: Handshake;
  readonly transport: Transport;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #scanner = new FrameScanner((payload) => this.#control(payload));
  readonly gate = new Gate((frames) => this.#state === 'open' && this.#outbound.interject(frames));
  #heartbeat: Heartbeat | undefined;
  readonly #patience: Patience;
  readonly #cadence: Cadence;
  readonly #blockade: Blockade;
  #timer: NodeJS.Timeout | undefined;
  #greeting: Buffer = Buffer.alloc(0);
  /** Why the session is ending, once it is known; the first reason stays. */
  #end: ErrorRecord | undefined;
  /** Addresses that did not answer. */
  readonly #lostAddresses: ConnectAttempt[] = [];
  #lastError: Error | undefined;

  constructor(
    readonly link: WorkerLink,
    readonly route: Route,
    options: SessionOptions,
    readonly events: SessionEvents,
  ) {
    this.handshake = new Handshake(route.target.handshake);
    this.#inbound = new Inbound(link, this.#scanner, options.maxBufferedBytes);
    this.#patience = new Patience(this.#inbound, this.gate, options, {
      resume: () => this.transport.resume(),
      overrun: (record) => this.giveUp(record),
    });
    this.#blockade = new Blockade(route.target.blockedLimit, (record) => this.giveUp(record));
    this.transport = new Transport(route, this);
    this.#cadence = new Cadence(link, () => this.wake());
    this.#outbound = new Outbound(link, this.transport, () => !this.#cadence.isStill);
  }

  // ── transport events ────────────────────────────────────────────────────────────────────────────────

  lostAddress(address: string, error: Error): void {
    this.#lastError = error;
    const { host, port } = this.route.target;
    const other = address === host ? {} : { address };
    this.#lostAddresses.push({ host, port, ...other, stage: 'tcp', reason: describe(error) });
  }

  connected(): void {
    this.#state = 'handshake';
    this.transport.write(PROTOCOL_HEADER);
  }

  target(): Buffer {
    return this.#inbound.target();
  }

  received(target: Buffer, size: number): boolean {
    this.#greet(target, size);
    return this.#take(size, () => this.#inbound.received(target, size));
  }

  copied(bytes: Buffer): boolean {
    this.#greet(bytes, bytes.length);
    return this.#take(bytes.length, () => this.#inbound.copy(bytes));
  }

  /** Keep the very first bytes: if this is no AMQP broker, they tell what it is. */
  #greet(bytes: Buffer, size: number): void {
    if (this.#greeting.length === 0) this.#greeting = Buffer.from(bytes.subarray(0, Math.min(size, 8)));
  }

  #take(size: number, place: () => void): boolean {
    if (this.#state === 'closed') return true;
    const awaited = this.link.isAwaited; // not any more, once it has been given the answer
    try {
      place();
    } catch (error) {
      this.#violated(error);
    }
    // only now does main find what came before the broker's close
    if (this.#end !== undefined && this.#state !== 'handshake') this.events.ending(this.#end);
    this.#patience.watch();
    if (this.#state === 'open') this.#cadence.came(size, awaited);
    return !this.#patience.paused;
  }

  ended(error: Error | undefined): void {
    this.#finish(this.#end ?? this.#lost(error));
  }

  // ── main's doorbell and commands ────────────────────────────────────────────────────────────────────

  wake(): void {
    if (this.#state === 'closed') return;
    this.#inbound.moveHeld();
    this.#patience.watch();
    if (this.#state === 'open') this.#outbound.flush();
  }

  /** Flush, say connection.close, wait for close-ok, but not for ever. */
  close({ timeout, ...reason }: CloseReason): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#outbound.drain(() => this.#send({ name: 'connection.close', args: reason }));
    this.#timer = setTimeout(() => this.transport.destroy(), timeout);
  }

  /** End it at once, for this reason unless there is one already. */
  giveUp(record: ErrorRecord): void {
    this.#end ??= record;
    this.transport.destroy();
  }

  /** Not open in time. */
  tooLate(reason: string): void {
    this.giveUp(this.#failed('ConnectError', reason));
  }

  /** The mechanism's response, from outside. */
  respond(response: Buffer): void {
    if (this.#state !== 'handshake') return;
    try {
      for (const method of this.handshake.respond(response)) this.#send(method);
    } catch (error) {
      this.#violated(error);
    }
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
    this.#blockade.heard(method);
  }

  #advance(method: Method): void {
    for (const next of this.handshake.receive(method)) {
      // from tune-ok on the agreed limits hold for what the server sends
      if (next.name === 'connection.tune-ok') this.#limit();
      this.#send(next);
    }
    if (this.handshake.stage === 'sasl response') this.events.asked();
    if (this.handshake.stage === 'open') this.#opened();
  }

  #limit(): void {
    this.#scanner.frameMax = this.handshake.tuning.frameMax;
    this.#scanner.channelMax = this.handshake.tuning.channelMax;
  }

  #opened(): void {
    this.#state = 'open';
    const { heartbeat } = this.handshake.tuning;
    if (heartbeat > 0) this.#heartbeat = this.#startHeartbeat(heartbeat);
    this.events.opened();
    this.#outbound.flush();
  }

  #startHeartbeat(interval: number): Heartbeat {
    const { transport } = this;
    const broker = hostAndPort(this.route.target);
    return new Heartbeat(interval, {
      received: () => transport.bytesIn,
      sent: () => transport.bytesOut,
      deaf: () => this.#patience.paused,
      beat: () => transport.write(HEARTBEAT_FRAME),
      dead: () => {
        this.giveUp({
          name: 'HeartbeatTimeoutError',
          message: `the broker at ${broker} has been silent for two heartbeat intervals of ${interval} s`,
          origin: 'network',
          recoverable: true,
          outcome: 'unknown',
        });
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
    if (method.name === 'connection.start-ok') this.#checkStartOk(writer.pos);
    this.transport.write(writer.buffer.subarray(0, writer.pos));
  }

  /** An older RabbitMQ answers what is too large with a bare reset. @throws {CannotAuthenticate} */
  #checkStartOk(size: number): void {
    const { startOkLimit } = this.handshake;
    if (size <= startOkLimit) return;
    this.handshake.stage = 'sasl response';
    throw new CannotAuthenticate(
      `credentials and client properties take ${size} bytes, but this RabbitMQ accepts no more than ${startOkLimit} before login (4.1 and later: 8192)`,
    );
  }

  // ── failures ────────────────────────────────────────────────────────────────────────────────────────

  /** The peer broke the protocol: say so, and go. */
  #violated(error: unknown): void {
    if (error instanceof CannotAuthenticate) return this.#refuse('AuthenticationError', error.message);
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
    this.giveUp({ ...this.#failed(name, reason), recoverable: false });
  }

  #blame(violation: string): Partial<ErrorRecord> & Pick<ErrorRecord, 'message' | 'outcome'> {
    const place = hostAndPort(this.route.target);
    if (this.#state !== 'handshake') {
      return {
        message: `the broker at ${place} broke the protocol: ${violation}`,
        outcome: 'unknown',
      };
    }
    const isBroker = this.#greeting[0] === FRAME.METHOD;
    const why = isBroker ? violation : `${describeStranger(this.#greeting)} (${violation})`;
    const reason = `does not speak AMQP 0-9-1: ${why}`;
    return {
      message: `${place} ${reason}`,
      attempts: [{ ...this.#place(), reason }],
      outcome: 'not-sent',
    };
  }

  /** The broker closed the connection before it was open: which wish did it refuse? */
  #refused(close: Args<'connection.close'>): ErrorRecord {
    const { vhost } = this.route.target.handshake;
    const trouble = troubled(close, this.#place());
    if (trouble !== undefined) return trouble;
    return this.handshake.stage === 'connection.open-ok'
      ? refusedVhost(vhost, close, this.#place())
      : refusedUser(this.handshake, close, this.#place());
  }

  /** The socket ended without a reason of ours or the broker's. */
  #lost(error: Error | undefined): ErrorRecord {
    const { port, tls } = this.route.target;
    const reason = error === undefined ? 'the other end closed the socket' : describe(error);
    if (this.#state === 'open' || this.#state === 'closing') return lost(this.route.target, reason);
    if (this.#state === 'handshake' && this.handshake.stage === 'connection.tune') {
      return this.#failed(
        'AuthenticationError',
        `${reason} after the credentials were sent; they are probably wrong`,
      );
    }
    const unread = this.#state === 'handshake' && this.#greeting.length === 0;
    const hint =
      unread && tls === undefined && port === TLS_PORT ? '; port 5671 is for TLS: use amqps://' : '';
    const { code } = (error ?? this.#lastError ?? {}) as NodeJS.ErrnoException;
    return { ...this.#failed('ConnectError', this.#whyNobody() ?? reason + hint), code: code ?? 'CONNECT' };
  }

  /** If no address answered: what each said. */
  #whyNobody(): string | undefined {
    if (this.transport.remote !== undefined || this.#lostAddresses.length === 0) return undefined;
    return this.#lostAddresses.map(({ reason }) => reason).join('; ');
  }

  #failed(name: string, reason: string): ErrorRecord {
    const record = failed(name, { ...this.#place(), reason });
    const answered = this.transport.remote !== undefined || this.#lostAddresses.length === 0;
    return { ...record, attempts: [...this.#lostAddresses, ...(answered ? (record.attempts ?? []) : [])] };
  }

  /** Which attempt this is, and how far it got. */
  #place(): Omit<ConnectAttempt, 'reason'> {
    const { host, port } = this.route.target;
    const stage = this.#state === 'handshake' ? this.handshake.stage : this.transport.stage;
    const { remote } = this.transport;
    return { host, port, ...(remote === undefined || remote === host ? {} : { address: remote }), stage };
  }

  #finish(record: ErrorRecord): void {
    clearTimeout(this.#timer);
    this.#heartbeat?.stop();
    this.#blockade.stop();
    this.#patience.stop();
    this.#cadence.stop();
    // a close that main asked for has nothing to report
    const clean = this.#state === 'closing' && this.#end === undefined;
    this.#state = 'closed';
    this.events.ended(clean ? undefined : record);
  }
}
