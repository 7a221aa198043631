import { createSecureContext, type SecureContext } from 'node:tls';
import type { WorkerLink } from '../../src/bridge/worker-link';
import type { ConnectAttempt, ErrorRecord } from '../../src/errors';
import type { HandshakeParams } from '../../src/protocol/handshake';
import type {
  CloseReason,
  SessionDescription,
  SessionOptions,
  Target,
  TlsMaterial,
} from '../../src/protocol/session-options';
import { hostAndPort } from '../../src/protocol/uri';
import { Race, resolve } from './dial';
import { allFailed, describe, failed } from './failure';
import { Session } from './session';

/** A target has at least this long, if there is so much time. */
const LEAST_SHARE_MS = 2000;
const ABORTED: ErrorRecord = {
  name: 'ConnectionClosedError',
  message: 'the connection was aborted',
  code: 'ABORTED',
};

/**
 * Finds a broker that takes the connection: every target in order, of each every address, and the whole list
 * as often as asked for, until one session is open. Then that session is the connection.
 *
 *   [looking for] --one is open--> [connected] --ends--> [over]
 *     |  target -> addresses -> session                    ^
 *     |    ^---- failed: the next ---+                     |
 *     |    ^-- retryDelay -- list is at its end            |
 *     +-- refused, time is up, no attempts left, aborted --+
 *
 * The time is one budget: a target gets its share of what is left in this round, so that the first that does
 * not answer leaves some for the others. The last word on how it ended goes to main as the report.
 */
export class Connector {
  session: Session | undefined;
  #state: 'looking' | 'connected' | 'over' = 'looking';
  readonly #attempts: ConnectAttempt[] = [];
  #sessions = 0;
  #last: ErrorRecord | undefined;
  #refusal: ErrorRecord | undefined;
  /** Credentials a broker has said no to: the others of a cluster would say the same. */
  readonly #refused = new Set<HandshakeParams | TlsMaterial>();
  #aborted = false;
  #round = 1;
  #next = 0;
  /** The share of a target, or the pause between two rounds. */
  #timer: NodeJS.Timeout | undefined;
  readonly #deadline: number;
  /** The current target has had its share: its other addresses are not for now. */
  #spent = false;
  /** Responses that mechanisms of the user's own were asked for. */
  #questions = 0;

  constructor(
    readonly link: WorkerLink,
    readonly options: SessionOptions,
    /** Runs once, when nothing is left. */
    readonly onOver: () => void,
  ) {
    this.#deadline = performance.now() + options.connectTimeout - options.spent;
    this.#tryNext();
  }

  // ── looking ─────────────────────────────────────────────────────────────────────────────────────────

  #tryNext(): void {
    clearTimeout(this.#timer);
    this.#spent = false;
    const { targets, dial, connectTimeout, connectionAttempts } = this.options;
    const target = targets[this.#next++];
    if (target === undefined) return this.#roundOver();
    if (this.#isRefused(target)) return this.#tryNext();
    const share = this.#share();
    const isAlone = targets.length === 1 && connectionAttempts === 1;
    const limit = isAlone
      ? `connectTimeout (${connectTimeout} ms)`
      : `${Math.round(share)} ms, its share of connectTimeout (${connectTimeout} ms)`;
    this.#timer = setTimeout(() => this.#tooLate(target, `no answer within ${limit}`), share);
    const round = this.#round;
    resolve(target.host, dial.interleave, (error, addresses) => {
      const late = this.#state !== 'looking' || this.#round !== round || targets[this.#next - 1] !== target;
      if (late) return;
      if (error !== undefined) return this.#unresolved(target, describe(error), error);
      this.#open(target, new Race(addresses, dial.happyEyeballsDelay));
    });
  }

  /**
   * What a target may take: a fair part of the time for all attempts that are still due, pauses aside. But not
   * too little for a slow network; then there will be fewer rounds.
   */
  #share(): number {
    const { targets, connectionAttempts, retryDelay } = this.options;
    const inRound = targets.length - this.#next + 1;
    const rounds = connectionAttempts - this.#round;
    const fair = (this.#remaining - rounds * retryDelay) / (inRound + rounds * targets.length);
    return Math.max(fair, Math.min(LEAST_SHARE_MS, this.#remaining / inRound));
  }

  get #remaining(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  #tooLate(target: Target, reason: string): void {
    this.#spent = true;
    if (this.session !== undefined) return this.session.tooLate(reason);
    this.#unresolved(target, reason);
  }

  #unresolved({ host, port }: Target, reason: string, error?: NodeJS.ErrnoException): void {
    const record = failed('ConnectError', { host, port, stage: 'resolve', reason });
    this.#failed(error?.code === undefined ? record : { ...record, code: error.code });
  }

  #open(target: Target, race: Race): void {
    const { host, port } = target;
    let secure: SecureContext | undefined;
    try {
      secure = target.tls && createSecureContext(target.tls as object);
    } catch (error) {
      const reason = `the TLS options cannot be used: ${describe(error as Error)}`;
      const record = failed('ConnectError', { host, port, stage: 'tls', reason });
      return this.#failed(
        { ...record, code: 'TLS_OPTIONS', origin: 'client', recoverable: false },
        target.tls,
      );
    }
    this.#sessions++;
    const route = { target, race, secure, dial: this.options.dial };
    this.session = new Session(this.link, route, this.options, {
      asked: () => {
        this.#questions++;
      },
      opened: () => this.#opened(),
      ending: (record) => this.link.close(JSON.stringify(record)),
      ended: (record) => this.#ended(route, record),
    });
  }

  #opened(): void {
    clearTimeout(this.#timer);
    this.#state = 'connected';
    this.link.open();
  }

  #ended({ target, race }: { target: Target; race: Race }, record: ErrorRecord | undefined): void {
    if (this.#state !== 'looking') return this.#over(record);
    this.session = undefined;
    if (this.#aborted) return this.#over(ABORTED);
    // the next session's stream begins where main has read to
    this.link.inbound.rewind();
    const another = record?.recoverable !== false && race.left > 0 && !this.#spent;
    if (!another) return this.#failed(record as ErrorRecord, target.handshake);
    this.#attempts.push(...(record?.attempts ?? []));
    this.#open(target, race);
  }

  /** `cause`: what was refused, if anything. */
  #failed(record: ErrorRecord, cause?: HandshakeParams | TlsMaterial): void {
    this.#last = record;
    this.#attempts.push(...(record.attempts ?? []));
    if (record.recoverable === false) {
      this.#refusal ??= record;
      if (cause !== undefined) this.#refused.add(cause);
    }
    if (this.#remaining > 0) this.#tryNext();
    else this.#giveUp(this.#roundsMissed());
  }

  #isRefused({ handshake, tls }: Target): boolean {
    return this.#refused.has(handshake) || (tls !== undefined && this.#refused.has(tls));
  }

  /** For whoever asked for more rounds than there was time for. */
  #roundsMissed(): string {
    const { connectionAttempts, connectTimeout } = this.options;
    const left = connectionAttempts - this.#round;
    return left === 0
      ? ''
      : ` and connectTimeout (${connectTimeout} ms) leaves no time for ${left} more rounds`;
  }

  #roundOver(): void {
    const { targets, connectionAttempts, retryDelay } = this.options;
    const hopeless = targets.every((target) => this.#isRefused(target));
    if (hopeless || this.#round >= connectionAttempts) return this.#giveUp('');
    if (this.#remaining <= retryDelay) return this.#giveUp(this.#roundsMissed());
    this.#timer = setTimeout(() => {
      this.#round++;
      this.#next = 0;
      this.#tryNext();
    }, retryDelay);
  }

  /** A refusal is what has to be mended; and if there was more than one attempt, all of them are told. */
  #giveUp(hint: string): void {
    const only = this.#sessions <= 1 && this.options.targets.length === 1 && hint === '';
    this.#over(only ? this.#last : allFailed(this.#attempts, hint, this.#refusal));
  }

  #over(record: ErrorRecord | undefined): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    clearTimeout(this.#timer);
    this.link.close(record === undefined ? '' : JSON.stringify(record));
    this.onOver();
  }

  // ── from main ───────────────────────────────────────────────────────────────────────────────────────

  wake(): void {
    this.session?.wake();
  }

  close(reason: CloseReason): void {
    if (this.#state === 'looking') this.abort();
    else this.session?.close(reason);
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

  describe(): SessionDescription | undefined {
    if (this.session === undefined) return undefined;
    const { handshake, transport, route } = this.session;
    return {
      tuning: handshake.tuning,
      host: hostAndPort(route.target),
      address: transport.address,
      tls: transport.tls,
      bytesIn: transport.bytesIn,
      bytesOut: transport.bytesOut,
    };
  }
}
