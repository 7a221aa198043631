import type { WorkerLink } from '../../src/bridge/worker-link';
import { closeRecord, type ErrorRecord, violationRecord } from '../../src/contract/error-record';
import type {
  CloseReason,
  SessionDescription,
  SessionOptions,
  Traffic,
} from '../../src/contract/session-options';
import { decodeMethod, encodeMethod, methodName } from '../../src/protocol/codec';
import { HEARTBEAT_FRAME, PROTOCOL_HEADER } from '../../src/protocol/constants';
import { FrameScanner } from '../../src/protocol/frame';
import { CannotAuthenticate, Handshake, type Outgoing } from '../../src/protocol/handshake';
import type { Args, Method } from '../../src/protocol/method-types';
import { hostAndPort } from '../../src/protocol/uri';
import { fitShortstr } from '../../src/protocol/utf8';
import { ProtocolViolation } from '../../src/protocol/violation';
import { OutOfRoom, Reader, Writer } from '../../src/protocol/wire';
import { AdaptivePolling } from './adaptive-polling';
import { Backpressure } from './backpressure';
import { BlockedTimer } from './blocked-timer';
import { FailureDiagnosis } from './failure-diagnosis';
import { frameOf } from './frames';
import { Heartbeat } from './heartbeat';
import { Outbound } from './outbound';
import type { SessionContext, SessionEvents } from './session-context';
import { LONGEST_LOCK_MS, TopologyRecovery } from './topology-recovery';
import { type Route, Transport, type TransportEvents } from './transport';

/** Methods of channel 0 that an open connection may receive; main acts on them. */
const FOR_MAIN = new Set(['connection.blocked', 'connection.unblocked', 'connection.update-secret-ok']);
/** Methods of channel 0 are small, but credentials and client properties are the user's. */
const CONTROL_FRAME_SIZE = 128 * 1024;
/** Milliseconds for which a peer that broke the protocol is still read from, so that it finds our connection.close. */
const CLOSE_DELIVERY_MS = 500;
/** Milliseconds for what was written to leave, before the socket is put down. */
const FLUSH_TIMEOUT_MS = 2000;

const SCRATCH_SIZE = 64 * 1024;

const HALF_SENT: ErrorRecord = {
  name: 'ConnectionLostError',
  message:
    'a call was stopped in the middle of a write to the socket (by a timeout of node:vm, for example), and the connection had to be ended with it',
  code: 'HALF_SENT',
  origin: 'worker',
  recoverable: true,
  outcome: 'unknown',
};

/**
 * The session with one broker, of one socket: the handshake, heartbeats, and the end. A session that takes the place of
 * a lost one begins with topology recovery.
 *
 *                                                 [recovering]
 *                                        open-ok ^     | all is there again
 *   [connecting] --tcp, tls--> [handshake] ------+-> [open] --close from main--> [closing]
 *        |                         |                      |                            | close-ok
 *        +---- any failure --------+---- any failure -----+--> [closed] <--------------+
 */
export class Session implements TransportEvents {
  #state: 'connecting' | 'handshake' | 'recovering' | 'open' | 'closing' | 'closed' = 'connecting';
  readonly handshake: Handshake;
  readonly transport: Transport;
  readonly #outbound: Outbound;
  readonly #scanner: FrameScanner;
  #topologyRecovery: TopologyRecovery | undefined;
  /** Memory for what comes during topology recovery. */
  readonly #scratch: Buffer;
  /** Whether main writes for this session, and not for an earlier one. */
  #isCurrent: boolean;
  #heartbeat: Heartbeat | undefined;
  readonly #backpressure: Backpressure;
  readonly #polling: AdaptivePolling;
  readonly #blockedTimer: BlockedTimer;
  #timer: NodeJS.Timeout | undefined;
  /** Why the session is ending, once it is known; the first reason stays. */
  #end: ErrorRecord | undefined;
  readonly #diagnosis: FailureDiagnosis;

  constructor(
    readonly link: WorkerLink,
    readonly route: Route,
    readonly options: SessionOptions,
    readonly context: SessionContext,
    readonly events: SessionEvents,
    /** 1, and one more for each recovery of the connection, this one included. */
    readonly generation = 1,
  ) {
    this.handshake = new Handshake(route.target.handshake);
    this.#scanner = new FrameScanner((payload) => this.#control(payload), context.recorder);
    this.#isCurrent = generation === 1;
    this.#scratch = Buffer.alloc(this.#isCurrent ? 0 : SCRATCH_SIZE);
    context.inbound.begin(this.#scanner);
    this.#backpressure = new Backpressure(context.inbound, context.noAckSuspension, options, {
      resume: () => this.transport.resume(),
      overrun: (record) => this.giveUp(record),
    });
    this.#blockedTimer = new BlockedTimer(route.target.blockedLimit, (record) => this.giveUp(record));
    this.#diagnosis = new FailureDiagnosis(route, this.handshake, () => this.transport, generation > 1);
    this.transport = new Transport(route, this);
    this.#polling = new AdaptivePolling(link, () => this.wake());
    const isPolled = () => !this.#polling.isIdle;
    const halfSent = () => this.giveUp(HALF_SENT);
    const { recorder, watch } = context;
    this.#outbound = new Outbound(link, this.transport, isPolled, recorder, halfSent, watch);
  }

  // ── transport events ────────────────────────────────────────────────────────────────────────────────

  lostAddress(address: string, error: Error): void {
    this.#diagnosis.lostAddress(address, error);
  }

  connected(): void {
    this.#state = 'handshake';
    this.#diagnosis.connected();
    this.context.watch?.begin(hostAndPort(this.route.target), () => this.#outbound.catchUp());
    this.#outbound.append(PROTOCOL_HEADER);
  }

  target(): Buffer {
    return this.#topologyRecovery === undefined ? this.context.inbound.target() : this.#scratch;
  }

  received(target: Buffer, size: number): boolean {
    this.#diagnosis.received(target, size);
    return this.#take(target, size, () => {
      if (this.#topologyRecovery === undefined) this.context.inbound.received(target, size);
      else this.#topologyRecovery.received(target.subarray(0, size));
    });
  }

  copied(bytes: Buffer): boolean {
    this.#diagnosis.received(bytes, bytes.length);
    return this.#take(bytes, bytes.length, () => {
      if (this.#topologyRecovery === undefined) this.context.inbound.copy(bytes);
      else this.#topologyRecovery.received(bytes);
    });
  }

  #take(bytes: Buffer, size: number, place: () => void): boolean {
    if (this.#state === 'closed') return true;
    const { frames } = this.#scanner;
    this.#outbound.catchUp();
    this.context.watch?.received(bytes.subarray(0, size));
    const isAwaited = this.link.isAwaited; // read first: it is cleared when main has been given the answer
    try {
      place();
      this.#startTopologyRecovery();
    } catch (error) {
      this.#violated(error);
    }
    // only now does main find what came before the broker's close
    if (this.#end !== undefined && this.#state !== 'handshake') this.events.ending(this.#end);
    this.#backpressure.update();
    if (this.#state === 'open') this.#polling.received(size, this.#scanner.frames - frames, isAwaited);
    return !this.#backpressure.paused;
  }

  ended(error: Error | undefined): void {
    this.#finish(this.#end ?? this.#diagnosis.lost(error, this.#isInside));
  }

  // ── main's doorbell and commands ────────────────────────────────────────────────────────────────────

  wake(): void {
    if (this.#state === 'closed') return;
    this.context.inbound.moveHeld();
    this.#backpressure.update();
    if (this.#state !== 'open') return;
    if (!this.#isCurrent) this.#switchOutbound();
    if (this.#isCurrent) this.#outbound.flush();
  }

  /** Main writes for this session once it knows of the recovery; what it wrote before that is not for this broker. */
  #switchOutbound(): void {
    const { recorder } = this.context;
    if (this.link.generation !== this.generation || recorder === undefined) return;
    this.#isCurrent = true;
    this.#outbound.discard(recorder, (channel, method) => this.#write(channel, method));
    this.#lend();
  }

  /** Write frames of the worker's own. @returns false: not now */
  interject(frames: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (this.#isCurrent) return this.#outbound.interject(frames);
    this.#outbound.append(frames); // main is in nobody's way
    return true;
  }

  /** Flush, say connection.close, wait for close-ok, but not for ever. */
  close({ timeout, ...reason }: CloseReason): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    const send = () => {
      this.#send({ name: 'connection.close', args: reason });
      this.#outbound.revoke();
    };
    if (this.#isCurrent) this.#outbound.drain(send);
    else send();
    this.#timer = setTimeout(() => this.transport.destroy(), timeout);
  }

  /** End the session at once, for this reason unless there is one already. */
  giveUp(record: ErrorRecord): void {
    this.#end ??= record;
    this.transport.destroy();
  }

  /** The session is not open in time. */
  tooLate(reason: string): void {
    this.giveUp(this.#diagnosis.failed('ConnectError', reason));
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
    this.#blockedTimer.received(method);
  }

  get state(): string {
    return this.#state;
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
    this.#scanner.headerMax = this.context.inbound.largestFrame;
    this.#scanner.channelMax = this.handshake.tuning.channelMax;
  }

  #opened(): void {
    this.#state = this.#isCurrent ? 'open' : 'recovering';
    const { heartbeat } = this.handshake.tuning;
    if (heartbeat > 0) this.#heartbeat = this.#startHeartbeat(heartbeat);
    this.events.accepted();
    if (!this.#isCurrent) return;
    this.events.opened();
    this.#lend();
    this.#outbound.flush();
  }

  /** Let main write to the socket itself, until the session is not open any more. */
  #lend(): void {
    if (!this.options.directWrites) return;
    const descriptor = this.transport.descriptor(() => this.#outbound.revoke());
    if (descriptor !== undefined) this.#outbound.lend(descriptor);
  }

  /** Begin topology recovery, where a frame begins. */
  #startTopologyRecovery(): void {
    const { recorder, inbound, report } = this.context;
    const isDue =
      this.#state === 'recovering' && this.#topologyRecovery === undefined && this.#scanner.atBoundary;
    if (!isDue || recorder === undefined) return;
    const { connectTimeout, recovery, maxBufferedBytes } = this.options;
    this.#timer = setTimeout(
      () => this.tooLate('the topology was not restored in time'),
      LONGEST_LOCK_MS + connectTimeout,
    );
    const how = { journal: recorder.journal, report, declares: recovery?.topology !== false };
    this.#topologyRecovery = new TopologyRecovery(
      how,
      this.handshake.tuning.heartbeat,
      this.#scanner,
      maxBufferedBytes,
      {
        write: (frame) => this.#outbound.append(frame),
        control: (frame) => inbound.copy(frame),
        recovered: (bytes) => this.#topologyRecovered(bytes),
      },
    );
    this.#topologyRecovery.start();
  }

  /** The topology is there again: main hears of it, and of what has come since. @throws {ProtocolViolation} */
  #topologyRecovered(bytes: readonly Buffer[]): void {
    clearTimeout(this.#timer);
    this.#topologyRecovery = undefined;
    this.#state = 'open';
    this.events.opened();
    for (const each of bytes) this.context.inbound.copy(each);
  }

  #startHeartbeat(interval: number): Heartbeat {
    const { transport } = this;
    const broker = hostAndPort(this.route.target);
    return new Heartbeat(interval, {
      received: () => transport.bytesIn,
      sent: () => {
        this.#outbound.catchUp();
        return transport.bytesOut;
      },
      isPaused: () => this.#backpressure.paused,
      send: () => this.#outbound.append(HEARTBEAT_FRAME),
      timedOut: () => {
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
    this.#end ??= this.#isInside ? this.#closeRecord(close) : this.#diagnosis.refused(close);
    this.#send({ name: 'connection.close-ok', args: {} }); // behind what main has begun to write
    this.#outbound.revoke();
    this.#endAfterFlush();
  }

  #closeRecord(close: Args<'connection.close'>): ErrorRecord {
    const { classId, methodId, replyCode, replyText } = close;
    const record = closeRecord(replyCode, replyText, methodName(classId, methodId));
    // the next replay does without what the broker did not like
    const isLeftOut = this.#topologyRecovery?.replay.refusedAll(close) === true;
    return isLeftOut ? { ...record, recoverable: true } : record;
  }

  /** Send a method on a channel. */
  #write(channel: number, method: Outgoing): void {
    this.#outbound.append(frameOf(channel, method, this.handshake.tuning.frameMax));
  }

  #send(method: Outgoing): void {
    const isLogin = method.name === 'connection.start-ok' || method.name === 'connection.secure-ok';
    const writer = new Writer(Buffer.alloc(isLogin ? CONTROL_FRAME_SIZE : 1024));
    encodeMethod(writer, 0, method.name, method.args);
    if (isLogin) this.#diagnosis.loginSize = writer.pos;
    this.#outbound.append(writer.buffer.subarray(0, writer.pos));
  }

  /** What has passed by; it can be asked of a session that is over. */
  get traffic(): Traffic {
    this.#outbound.catchUp();
    const { bytesIn, bytesOut } = this.transport;
    return { bytesIn, bytesOut };
  }

  describe(): SessionDescription {
    const { handshake, transport, route } = this;
    return {
      ...this.traffic,
      tuning: handshake.tuning,
      host: hostAndPort(route.target),
      address: transport.address,
      tls: transport.tls,
    };
  }

  // ── failures ────────────────────────────────────────────────────────────────────────────────────────

  /** The peer broke the protocol: send connection.close, and end. */
  #violated(error: unknown): void {
    if (error instanceof CannotAuthenticate) return this.#refuse('AuthenticationError', error.message);
    if (error instanceof OutOfRoom)
      return this.#refuse('ConnectError', 'credentials and client properties do not fit in a frame');
    if (!(error instanceof ProtocolViolation)) throw error;
    const { replyCode, message } = error;
    this.#end ??= { ...violationRecord(error), ...this.#diagnosis.violated(message, this.#isInside) };
    if (this.#state !== 'open') return this.transport.destroy();
    this.#state = 'closed';
    this.#send({ name: 'connection.close', args: { replyCode, replyText: fitShortstr(message) } });
    this.#outbound.revoke();
    // an end now, with bytes unread, would be a reset, and could take our connection.close with it
    setTimeout(() => this.transport.destroy(), CLOSE_DELIVERY_MS);
  }

  /** Send what was written and end; a peer that does not read gets no more than a moment. */
  #endAfterFlush(): void {
    this.transport.end();
    setTimeout(() => this.transport.destroy(), FLUSH_TIMEOUT_MS).unref();
  }

  #refuse(name: string, reason: string): void {
    this.giveUp({ ...this.#diagnosis.failed(name, reason), recoverable: false });
  }

  #finish(record: ErrorRecord): void {
    clearTimeout(this.#timer);
    this.#heartbeat?.stop();
    this.#blockedTimer.stop();
    this.#backpressure.stop();
    this.#polling.stop();
    this.#topologyRecovery?.stop();
    this.context.inbound.end();
    this.link.inFlight = 0;
    // a close that main asked for has nothing to report
    const clean = this.#state === 'closing' && this.#end === undefined;
    this.#state = 'closed';
    this.context.watch?.end(clean ? 'closed as asked' : record.message);
    this.events.ended(clean ? undefined : record);
  }
}
