import type { WorkerLink } from '../../src/bridge/worker-link';
import { clock } from '../../src/clock';
import type { ErrorRecord } from '../../src/contract/error-record';
import type { Notice } from '../../src/contract/notices';
import type {
  CloseReason,
  RecoverySettings,
  SessionDescription,
  SessionOptions,
  Target,
  Traffic,
} from '../../src/contract/session-options';
import { FRAME_END, NOTICE_FRAME } from '../../src/protocol/constants';
import { FrameScanner } from '../../src/protocol/frame';
import { hostAndPort } from '../../src/protocol/uri';
import type { Journal } from '../../src/topology/journal';
import { BrokerFailover, type BrokerFailoverEvents } from './broker-failover';
import { DebugReport } from './debug-report';
import { givenUp } from './failure';
import { FrameTrace } from './frame-trace';
import { FrameWatch } from './frame-watch';
import { Inbound } from './inbound';
import { NoAckSuspension } from './no-ack-suspension';
import { withoutPasswords } from './passwords';
import { Session } from './session';
import type { SessionContext, SessionEvents } from './session-context';
import { TopologyRecorder } from './topology-recorder';
import type { Route } from './transport';

const ABORTED: ErrorRecord = {
  name: 'ConnectionClosedError',
  message: 'the connection was aborted',
  code: 'ABORTED',
};

/**
 * The connection of main's, for as long as main has it: one session, or with recovery one after the other.
 *
 *                    +------------------ failed, and it may be tried again -----------------+
 *                    v                                                                      |
 *   [dialing] -> ... [waiting] --interval, ever longer--> [dialing] --open-ok--> (session: recovering)
 *      | open            ^                                   | refused, or no attempts left  | all is there again
 *      v                 | lost, and recovery is on          v                               |
 *   [connected] ---------+--------------------------------> [over]                           |
 *      ^     \-- closed by main or for good, or no recovery --^   <-- close, abort: at once, wherever it is
 *      +-------------------------------------------------------------------------------------+
 *
 * Main hears of it in notices between the frames of the inbound ring: `lost` ends a generation of the connection, and
 * `recovered` begins the next. What main had written before it saw that is not for the new broker: it says in shared
 * memory where the new generation begins in the outbound ring (see `Link.enter`), and until then nothing of that is
 * sent. Topology recovery needs no main, which may be busy. How the connection ended goes to main as the report.
 */
export class Connector {
  session: Session | undefined;
  #state: 'dialing' | 'waiting' | 'connected' | 'over' = 'dialing';
  #failover: BrokerFailover | undefined;
  readonly #context: SessionContext;
  readonly #trace: FrameTrace | undefined;
  /** Undefined: nobody wants one. */
  readonly debugReport: DebugReport | undefined;
  #aborted = false;
  /** Main has closed the connection: whatever happens now, it is not to come back. */
  #isClosing = false;
  /** Responses that mechanisms of the user's own were asked for. */
  #questions = 0;

  /** 1, and one more for each recovery that has succeeded. */
  #generation = 1;
  /** Why the connection is lost, if it is; with since when, and how often recovery was tried. */
  #loss: ErrorRecord | undefined;
  #lostAt = 0;
  #attempts = 0;
  /** What the last attempt, or the session before it, has failed of. */
  #whyWaiting = '';
  #timer: NodeJS.Timeout | undefined;
  /** The description of the session that is open, or was last; its bytes are those of all. */
  #description: SessionDescription | undefined;
  /** Bytes of the sessions that are over. */
  #earlier: Traffic = { bytesIn: 0, bytesOut: 0 };
  /** Targets in the order in which they are tried. */
  #targets: Target[];

  constructor(
    readonly link: WorkerLink,
    readonly options: SessionOptions,
    /** Called once, when nothing is left. */
    readonly onOver: () => void,
  ) {
    this.#targets = options.targets;
    const { label: given = '', trace, debugAfter } = options.diagnostics ?? {};
    const label = withoutPasswords(given);
    this.#trace = trace === undefined ? undefined : new FrameTrace(trace, label);
    const watch = options.diagnostics && new FrameWatch(this.#trace);
    if (debugAfter !== undefined) this.debugReport = new DebugReport(this, watch!, label, debugAfter);
    this.#context = {
      watch,
      inbound: new Inbound(link, new FrameScanner(() => {}), 0),
      noAckSuspension: new NoAckSuspension((frames) => this.session?.interject(frames) === true),
      recorder: options.recovery && new TopologyRecorder(),
      report: { renames: [], failures: [] },
    };
    this.#dial(options);
  }

  // ── dialing ─────────────────────────────────────────────────────────────────────────────────────────

  /** `limit`: the name of what limits the time. */
  #dial(options: SessionOptions, limit = 'connectTimeout'): void {
    this.#state = 'dialing';
    const events: BrokerFailoverEvents = {
      session: (route, own) => this.#begin(route, own),
      failed: (record) => this.#failoverFailed(record),
    };
    this.#failover = new BrokerFailover(options, events, limit);
    this.#failover.start();
  }

  #begin(route: Route, failover: Pick<SessionEvents, 'accepted' | 'ended'>): Session {
    const events: SessionEvents = {
      asked: () => {
        this.#questions++;
      },
      accepted: failover.accepted,
      opened: () => this.#opened(route),
      ending: (record) => {
        if (!this.#mayRecover(record)) this.link.close(JSON.stringify(record), this.#traffic);
      },
      ended: (record) => {
        if (this.#state === 'connected') this.#ended(record);
        else if (this.#aborted) this.#over(ABORTED);
        else if (this.#state === 'dialing') this.#failed(failover, record);
      },
    };
    const generation = this.#wasOpen ? this.#generation + 1 : 1;
    this.session = new Session(this.link, route, this.options, this.#context, events, generation);
    return this.session;
  }

  #failed(failover: Pick<SessionEvents, 'ended'>, record: ErrorRecord | undefined): void {
    this.#leaveSession();
    failover.ended(record);
  }

  #opened({ target }: Route): void {
    this.#failover?.opened();
    this.#state = 'connected';
    // the next failover begins with the next target: this one may be about to go
    const at = this.#targets.indexOf(target) + 1;
    this.#targets = [...this.#targets.slice(at), ...this.#targets.slice(0, at)];
    this.describe(); // the session may be lost again before main asks
    if (this.#wasOpen) this.#recovered();
    else this.link.open();
  }

  // ── recovering ──────────────────────────────────────────────────────────────────────────────────────

  get #journal(): Journal | undefined {
    return this.#context.recorder?.journal;
  }

  get #wasOpen(): boolean {
    return this.#loss !== undefined || this.#generation > 1;
  }

  #mayRecover({ recoverable, origin }: ErrorRecord): boolean {
    if (this.#aborted || this.#isClosing) return false;
    return this.options.recovery !== undefined && recoverable === true && origin !== 'client';
  }

  /** The session has ended that was open. */
  #ended(record: ErrorRecord | undefined): void {
    if (this.#aborted || record === undefined || !this.#mayRecover(record))
      return this.#over(this.#aborted ? ABORTED : record);
    this.#leaveSession();
    this.#whyWaiting = record.message;
    this.#description = { ...this.#description!, ...this.#earlier };
    this.#loss = record;
    this.#lostAt = clock.now();
    this.#journal?.lost();
    this.#context.noAckSuspension.connectionLost();
    this.#notify({ notice: 'lost', record });
    this.#wait();
  }

  #failoverFailed(record: ErrorRecord): void {
    this.session = undefined;
    this.#trace?.failed(record.message);
    const { recovery } = this.options;
    const isFirst = !this.#wasOpen && this.#attempts === 0 && recovery?.failFast !== false;
    if (isFirst || recovery === undefined) return this.#over(record);
    this.#attempts++;
    this.#whyWaiting = record.message;
    const isOver = record.recoverable === false || this.#attempts >= recovery.attempts;
    if (isOver) this.#over(givenUp(this.#loss, record, this.#attempts));
    else this.#wait();
  }

  /** The first attempt is made at once, or nearly: many may have lost their connections together. */
  #wait(): void {
    this.#state = 'waiting';
    const recovery = this.options.recovery as RecoverySettings;
    const longest = this.options.connectTimeout;
    const connectTimeout = limitOf(this.#attempts, recovery, longest);
    const limit = connectTimeout < longest ? 'recovery.attemptTimeout' : 'connectTimeout';
    this.#timer = setTimeout(
      () => {
        const targets = this.#targets;
        this.#dial({ ...this.options, targets, connectTimeout, connectionAttempts: 1, spent: 0 }, limit);
      },
      pauseBefore(this.#attempts, recovery),
    );
  }

  /** The topology is there again: main hears of it, and a generation begins. */
  #recovered(): void {
    const { session } = this;
    if (session === undefined || this.#journal === undefined) return;
    this.#generation = session.generation;
    const { renames, failures } = this.#context.report;
    const channels = this.#journal.channels.open();
    this.#notify({
      notice: 'recovered',
      generation: this.#generation,
      session: this.describe()!,
      downtime: clock.now() - this.#lostAt,
      attempts: this.#attempts + 1,
      renames,
      failures,
      channels: channels.map(([number, { consumers }]) => [number, [...consumers.keys()]]),
    });
    const renamed = new Set(renames.map(([, name]) => name));
    const changed = channels.flatMap(([number, { consumers }]) =>
      [...consumers.values()]
        .filter(({ args }) => renamed.has(args.queue))
        .map(({ args }) => `${number}/${args.consumerTag}`),
    );
    this.#loss = undefined;
    this.#attempts = 0;
    renames.length = 0;
    failures.length = 0;
    this.#context.noAckSuspension.recovered(changed);
  }

  #notify(notice: Notice): void {
    const payload = Buffer.from(JSON.stringify(notice));
    const head = Buffer.alloc(7);
    head[0] = NOTICE_FRAME;
    head.writeUInt32BE(payload.length, 3);
    this.#context.inbound.insert(Buffer.concat([head, payload, Buffer.of(FRAME_END)]));
  }

  #over(record: ErrorRecord | undefined): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    clearTimeout(this.#timer);
    this.#failover?.stop();
    this.#context.noAckSuspension.stop();
    this.#trace?.close();
    this.debugReport?.stop();
    this.link.close(record === undefined ? '' : JSON.stringify(record), this.#traffic);
    this.onOver();
  }

  // ── from main ───────────────────────────────────────────────────────────────────────────────────────

  get noAckSuspension(): NoAckSuspension {
    return this.#context.noAckSuspension;
  }

  wake(): void {
    if (this.session !== undefined) this.session.wake();
    else this.#context.inbound.moveHeld();
  }

  close(reason: CloseReason): void {
    this.#isClosing = true;
    if (this.#state === 'connected') return this.session?.close(reason);
    if (!this.#wasOpen) return this.abort();
    // the broker cannot hear of it
    const session = this.#failover?.stop();
    this.#over(undefined);
    session?.giveUp(ABORTED);
  }

  abort(): void {
    this.#aborted = true;
    if (this.session !== undefined) return this.session.giveUp(ABORTED);
    this.#over(ABORTED);
  }

  /** The response of a mechanism of the user's own, to the question with this number. */
  respond(response: Uint8Array, question: number): void {
    if (question === this.#questions) this.session?.respond(Buffer.from(response));
  }

  /** The password has been replaced: the next connection has to say the new one. */
  renewSecret(secret: string): void {
    for (const { handshake } of this.options.targets) handshake.password = secret;
  }

  /** A consumer of main's reads a stream. */
  follow(channel: number, consumerTag: string, position: BigInt64Array): void {
    this.#journal?.follow(channel, consumerTag, position, clock.now());
  }

  /** For a person: what it is doing. */
  get doing(): string {
    if (this.#state === 'waiting') return `waiting for attempt ${this.#attempts + 1}: ${this.#whyWaiting}`;
    if (this.#state !== 'dialing') return this.#state;
    const { route, state } = this.session ?? {};
    const where = route === undefined ? '' : ` ${hostAndPort(route.target)}, ${state}`;
    const failure = this.#failover?.lastFailure;
    return `dialing${where}${failure === undefined ? '' : `; the last attempt: ${failure}`}`;
  }
  get heldSize(): number {
    return this.#context.inbound.heldSize;
  }

  #leaveSession(): void {
    this.#earlier = this.#traffic;
    this.session = undefined;
  }

  /** Of all sessions. */
  get #traffic(): Traffic {
    const { bytesIn = 0, bytesOut = 0 } = this.session?.traffic ?? {};
    return { bytesIn: this.#earlier.bytesIn + bytesIn, bytesOut: this.#earlier.bytesOut + bytesOut };
  }

  describe(): SessionDescription | undefined {
    if (this.#state === 'connected' && this.session !== undefined)
      this.#description = { ...this.session.describe(), ...this.#traffic };
    return this.#description;
  }
}

/** Milliseconds before an attempt, when `failed` have failed in a row. */
export function pauseBefore(
  failed: number,
  { interval, maxInterval, jitter }: RecoverySettings,
  random: () => number = Math.random,
): number {
  if (failed === 0) return random() * Math.min(jitter * interval, LONGEST_FIRST_PAUSE_MS);
  const pause = Math.min(interval * 2 ** (failed - 1), maxInterval);
  return Math.min(pause * (1 - jitter + 2 * jitter * random()), maxInterval);
}

const LONGEST_FIRST_PAUSE_MS = 100;

/** Milliseconds for an attempt, when `failed` have failed in a row: a broker that is slow has its time in the end. */
export function limitOf(
  failed: number,
  { attemptTimeout }: Pick<RecoverySettings, 'attemptTimeout'>,
  connectTimeout: number,
): number {
  return Math.min(attemptTimeout * 2 ** failed, connectTimeout);
}
