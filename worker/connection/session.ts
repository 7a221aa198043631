import type { WorkerLink } from '../../src/bridge/worker-link';
import { closeRecord, type ErrorRecord, violationRecord } from '../../src/errors';
import { decodeMethod, encodeMethod, methodName } from '../../src/protocol/codec';
import { FRAME, FRAME_END, PROTOCOL_HEADER } from '../../src/protocol/constants';
import { FrameScanner } from '../../src/protocol/frame';
import { CannotAuthenticate, Handshake, type Outgoing } from '../../src/protocol/handshake';
import type { Args, Method } from '../../src/protocol/method-types';
import type { CloseReason, SessionDescription, SessionOptions } from '../../src/protocol/session-options';
import { hostAndPort } from '../../src/protocol/uri';
import { fitShortstr } from '../../src/protocol/utf8';
import { ProtocolViolation } from '../../src/protocol/violation';
import { OutOfRoom, Reader, Writer } from '../../src/protocol/wire';
import type { ReplayReport } from '../../src/topology/plan';
import { Blockade } from './blockade';
import { Cadence } from './cadence';
import { frameOf } from './frames';
import type { Gate } from './gate';
import { Heartbeat } from './heartbeat';
import type { Inbound } from './inbound';
import { Outbound } from './outbound';
import { Patience } from './patience';
import type { Restoration } from './restoration';
import type { Tap } from './tap';
import { type Route, Transport, type TransportEvents } from './transport';
import { Verdict } from './verdict';

/** Methods of channel 0 that an open connection may bring; main acts on them. */
const FOR_MAIN = new Set(['connection.blocked', 'connection.unblocked', 'connection.update-secret-ok']);
const HEARTBEAT_FRAME = Uint8Array.of(FRAME.HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END);
/** Methods of channel 0 are small, but credentials and client properties are the user's. */
const CONTROL_FRAME_SIZE = 128 * 1024;
/** How long a peer that broke the protocol is still listened to, and ignored. */
const LAST_WORD_MS = 500;
/** How long a last word may take to leave, when nobody else sets a limit. */
const LEAVE_TIMEOUT_MS = 2000;

const SCRATCH_SIZE = 64 * 1024;

/** What becomes of a session. */
export interface SessionEvents {
  /** A response of its SASL mechanism is wanted, and it is not built in. */
  asked(): void;
  /** The broker has let us in. */
  accepted(): void;
  /** It is main's now. In place of a lost one, its topology is there again. */
  opened(): void;
  /** It was open, and will end for this reason. */
  ending(record: ErrorRecord): void;
  /** Nothing is left of it. The record is empty if it was closed as asked. */
  ended(record: ErrorRecord | undefined): void;
}

/** What outlives a session. */
export interface Lasting {
  readonly inbound: Inbound;
  readonly gate: Gate;
  /** Undefined: a lost connection is over, and nobody needs to know what was declared. */
  readonly tap: Tap | undefined;
  /** What replays have changed and left out since main last heard of one. */
  readonly report: ReplayReport;
}

/**
 * One connection's life in the worker: a socket, the handshake, heartbeats, and the end. A session that takes the
 * place of a lost one first restores its topology.
 *
 *                                                 [restoring]
 *                                        open-ok ^     | all is there again
 *   [connecting] --tcp, tls--> [handshake] ------+-> [open] --close from main--> [closing]
 *        |                         |                      |                            | close-ok
 *        +---- any failure --------+---- any failure -----+--> [closed] <--------------+
 */
export class Session implements TransportEvents {
  #state: 'connecting' | 'handshake' | 'restoring' | 'open' | 'closing' | 'closed' = 'connecting';
  readonly handshake: Handshake;
  readonly transport: Transport;
  readonly #outbound: Outbound;
  readonly #scanner: FrameScanner;
  #restoration: Restoration | undefined;
  /** For what is restored. */
  readonly #scratch: Buffer;
  /** Main writes for this session, and not for an earlier one. */
  #isCurrent: boolean;
  #heartbeat: Heartbeat | undefined;
  readonly #patience: Patience;
  readonly #cadence: Cadence;
  readonly #blockade: Blockade;
  #timer: NodeJS.Timeout | undefined;
  /** Why the session is ending, once it is known; the first reason stays. */
  #end: ErrorRecord | undefined;
  readonly #verdict: Verdict;

  constructor(
    readonly link: WorkerLink,
    readonly route: Route,
    readonly options: SessionOptions,
    readonly lasting: Lasting,
    readonly events: SessionEvents,
    /** How often the connection has been recovered, once this has succeeded. */
    readonly epoch = 0,
  ) {
    this.handshake = new Handshake(route.target.handshake);
    this.#scanner = new FrameScanner((payload) => this.#control(payload), lasting.tap);
    this.#isCurrent = epoch === 0;
    this.#scratch = Buffer.alloc(this.#isCurrent ? 0 : SCRATCH_SIZE);
    lasting.inbound.begin(this.#scanner);
    this.#patience = new Patience(lasting.inbound, lasting.gate, options, {
      resume: () => this.transport.resume(),
      overrun: (record) => this.giveUp(record),
    });
    this.#blockade = new Blockade(route.target.blockedLimit, (record) => this.giveUp(record));
    this.#verdict = new Verdict(route, this.handshake, () => this.transport, epoch > 0);
    this.transport = new Transport(route, this);
    this.#cadence = new Cadence(link, () => this.wake());
    this.#outbound = new Outbound(link, this.transport, () => !this.#cadence.isStill, lasting.tap);
  }

  // ── transport events ────────────────────────────────────────────────────────────────────────────────

  lostAddress(address: string, error: Error): void {
    this.#verdict.lostAddress(address, error);
  }

  connected(): void {
    this.#state = 'handshake';
    this.#verdict.connected();
    this.transport.write(PROTOCOL_HEADER);
  }

  target(): Buffer {
    return this.#restoration === undefined ? this.lasting.inbound.target() : this.#scratch;
  }

  received(target: Buffer, size: number): boolean {
    this.#verdict.heard(target, size);
    return this.#take(size, () => {
      if (this.#restoration === undefined) this.lasting.inbound.received(target, size);
      else this.#restoration.received(target.subarray(0, size));
    });
  }

  copied(bytes: Buffer): boolean {
    this.#verdict.heard(bytes, bytes.length);
    return this.#take(bytes.length, () => {
      if (this.#restoration === undefined) this.lasting.inbound.copy(bytes);
      else this.#restoration.received(bytes);
    });
  }

  #take(size: number, place: () => void): boolean {
    if (this.#state === 'closed') return true;
    const awaited = this.link.isAwaited; // not any more, once it has been given the answer
    try {
      place();
      this.#restore();
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
    this.#finish(this.#end ?? this.#verdict.lost(error, this.#isInside));
  }

  // ── main's doorbell and commands ────────────────────────────────────────────────────────────────────

  wake(): void {
    if (this.#state === 'closed') return;
    this.lasting.inbound.moveHeld();
    this.#patience.watch();
    if (this.#state !== 'open') return;
    if (!this.#isCurrent) this.#arrive();
    if (this.#isCurrent) this.#outbound.flush();
  }

  /** Has main heard of this session? What it wrote before that is not for this broker. */
  #arrive(): void {
    const { tap } = this.lasting;
    if (this.link.epoch !== this.epoch || tap === undefined) return;
    this.#isCurrent = true;
    this.#outbound.discard(tap, (channel, method) => this.#say(channel, method));
  }

  /** Write frames of the worker's own. @returns false: not now */
  interject(frames: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (this.#isCurrent) return this.#outbound.interject(frames);
    this.transport.write(frames); // main is in nobody's way
    return true;
  }

  /** Flush, say connection.close, wait for close-ok, but not for ever. */
  close({ timeout, ...reason }: CloseReason): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    const say = () => this.#send({ name: 'connection.close', args: reason });
    if (this.#isCurrent) this.#outbound.drain(say);
    else say();
    this.#timer = setTimeout(() => this.transport.destroy(), timeout);
  }

  /** End it at once, for this reason unless there is one already. */
  giveUp(record: ErrorRecord): void {
    this.#end ??= record;
    this.transport.destroy();
  }

  /** Not open in time. */
  tooLate(reason: string): void {
    this.giveUp(this.#verdict.failed('ConnectError', reason));
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

  /** The broker has let us in. */
  get #isInside(): boolean {
    return this.#state !== 'connecting' && this.#state !== 'handshake';
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
    this.#scanner.headerMax = this.lasting.inbound.largestFrame;
    this.#scanner.channelMax = this.handshake.tuning.channelMax;
  }

  #opened(): void {
    this.#state = this.#isCurrent ? 'open' : 'restoring';
    const { heartbeat } = this.handshake.tuning;
    if (heartbeat > 0) this.#heartbeat = this.#startHeartbeat(heartbeat);
    this.events.accepted();
    if (!this.#isCurrent) return;
    this.events.opened();
    this.#outbound.flush();
  }

  /** Begin with the replay, where a frame begins. */
  #restore(): void {
    const { tap, inbound, report } = this.lasting;
    const isDue = this.#state === 'restoring' && this.#restoration === undefined && this.#scanner.atBoundary;
    if (!isDue || tap === undefined) return;
    const { LONGEST_PATIENCE_MS, Restoration } = require('./restoration') as typeof import('./restoration');
    const { connectTimeout, recovery, maxBufferedBytes } = this.options;
    this.#timer = setTimeout(
      () => this.tooLate('the topology was not restored in time'),
      LONGEST_PATIENCE_MS + connectTimeout,
    );
    const how = { journal: tap.journal, report, declares: recovery?.topology !== false };
    this.#restoration = new Restoration(
      how,
      this.handshake.tuning.heartbeat,
      this.#scanner,
      maxBufferedBytes,
      {
        write: (frame) => this.transport.write(frame),
        control: (frame) => inbound.copy(frame),
        restored: (bytes) => this.#restored(bytes),
      },
    );
    this.#restoration.start();
  }

  /** Main hears of it, and of what has come since. @throws {ProtocolViolation} */
  #restored(bytes: readonly Buffer[]): void {
    clearTimeout(this.#timer);
    this.#restoration = undefined;
    this.#state = 'open';
    this.events.opened();
    for (const each of bytes) this.lasting.inbound.copy(each);
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
    this.#end ??= this.#isInside ? this.#closeRecord(close) : this.#verdict.refused(close);
    this.#send({ name: 'connection.close-ok', args: {} });
    this.#leave();
  }

  #closeRecord(close: Args<'connection.close'>): ErrorRecord {
    const { classId, methodId, replyCode, replyText } = close;
    const record = closeRecord(replyCode, replyText, methodName(classId, methodId));
    // the next replay does without what the broker did not like
    const isLeftOut = this.#restoration?.replay.refusedAll(close) === true;
    return isLeftOut ? { ...record, recoverable: true } : record;
  }

  /** On a channel. */
  #say(channel: number, method: Outgoing): void {
    this.transport.write(frameOf(channel, method, this.handshake.tuning.frameMax));
  }

  #send(method: Outgoing): void {
    const isLogin = method.name === 'connection.start-ok' || method.name === 'connection.secure-ok';
    const writer = new Writer(Buffer.alloc(isLogin ? CONTROL_FRAME_SIZE : 1024));
    encodeMethod(writer, 0, method.name, method.args);
    if (isLogin) this.#verdict.loginSize = writer.pos;
    this.transport.write(writer.buffer.subarray(0, writer.pos));
  }

  describe(): SessionDescription {
    const { handshake, transport, route } = this;
    return {
      tuning: handshake.tuning,
      host: hostAndPort(route.target),
      address: transport.address,
      tls: transport.tls,
      bytesIn: transport.bytesIn,
      bytesOut: transport.bytesOut,
    };
  }

  // ── failures ────────────────────────────────────────────────────────────────────────────────────────

  /** The peer broke the protocol: say so, and go. */
  #violated(error: unknown): void {
    if (error instanceof CannotAuthenticate) return this.#refuse('AuthenticationError', error.message);
    if (error instanceof OutOfRoom)
      return this.#refuse('ConnectError', 'credentials and client properties do not fit in a frame');
    if (!(error instanceof ProtocolViolation)) throw error;
    const { replyCode, message } = error;
    this.#end ??= { ...violationRecord(error), ...this.#verdict.violated(message, this.#isInside) };
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
    this.giveUp({ ...this.#verdict.failed(name, reason), recoverable: false });
  }

  #finish(record: ErrorRecord): void {
    clearTimeout(this.#timer);
    this.#heartbeat?.stop();
    this.#blockade.stop();
    this.#patience.stop();
    this.#cadence.stop();
    this.#restoration?.stop();
    this.lasting.inbound.end();
    this.link.inFlight = 0;
    // a close that main asked for has nothing to report
    const clean = this.#state === 'closing' && this.#end === undefined;
    this.#state = 'closed';
    this.events.ended(clean ? undefined : record);
  }
}
