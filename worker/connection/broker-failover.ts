import type { SecureContext } from 'node:tls';
import { clock } from '../../src/clock';
import type { ConnectAttempt, ErrorRecord } from '../../src/contract/error-record';
import type { SessionOptions, Target, TlsMaterial } from '../../src/contract/session-options';
import type { HandshakeParams } from '../../src/protocol/handshake';
import { Race, resolve } from './dial';
import { allFailed, describe, describeOptions, failed } from './failure';
import type { Session } from './session';
import type { SessionEvents } from './session-context';
import { type Route, tls } from './transport';

/** Milliseconds that a target has at least, if there is so much time. */
const LEAST_SHARE_MS = 2000;

export interface BrokerFailoverEvents {
  /** Begin a session; until it is open its events are the failover's, and from then on the connection's. */
  session(route: Route, events: Pick<SessionEvents, 'accepted' | 'ended'>): Session;
  /** Every target has failed. */
  failed(record: ErrorRecord): void;
}

/**
 * Failover from broker to broker, until one takes the connection: every target in order, of each every address, and the whole list
 * as often as asked for, until one session is open.
 *
 *   [trying] -----one is open----> [over]
 *     |  target -> addresses -> session     ^
 *     |    ^---- failed: the next ---+      |
 *     |    ^-- retryDelay -- list is at its end
 *     +-- refused, time is up, no attempts left, ended from outside
 *
 * The time is one budget: a target gets its share of what is left in this round, so that the first that does
 * not answer leaves some for the others.
 */
export class BrokerFailover {
  session: Session | undefined;
  #isOver = false;
  readonly #attempts: ConnectAttempt[] = [];
  #sessions = 0;
  #last: ErrorRecord | undefined;
  #refusal: ErrorRecord | undefined;
  /** Credentials a broker has said no to: the others of a cluster would say the same. */
  readonly #refused = new Set<HandshakeParams | TlsMaterial>();
  #round = 1;
  #next = 0;
  /** The share of a target, or the pause between two rounds. */
  #timer: NodeJS.Timeout | undefined;
  readonly #deadline: number;
  /** The current target has had its share: its other addresses are not for now. */
  #spent = false;

  constructor(
    readonly options: SessionOptions,
    readonly events: BrokerFailoverEvents,
    /** The option that says how long it may take. */
    readonly limit = 'connectTimeout',
  ) {
    this.#deadline = clock.now() + options.connectTimeout - options.spent;
  }

  start(): void {
    this.#tryNext();
  }

  /** The session is open: it is the connection's. */
  opened(): void {
    this.#isOver = true;
  }

  /** Why the last attempt failed; undefined: none has. */
  get lastFailure(): string | undefined {
    return this.#last?.message;
  }

  /** Try no other broker. @returns the session under way */
  stop(): Session | undefined {
    this.#isOver = true;
    clearTimeout(this.#timer);
    return this.session;
  }

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
      ? `${this.limit} (${connectTimeout} ms)`
      : `${Math.round(share)} ms, its share of ${this.limit} (${connectTimeout} ms)`;
    this.#timer = setTimeout(() => this.#tooLate(target, `no answer within ${limit}`), share);
    const round = this.#round;
    resolve(target.host, dial.interleave, (error, addresses) => {
      const late = this.#isOver || this.#round !== round || targets[this.#next - 1] !== target;
      if (late) return;
      if (error !== undefined) return this.#unresolved(target, describe(error), error);
      this.#open(target, new Race(addresses, dial.happyEyeballsDelay));
    });
  }

  /**
   * Milliseconds that a target may take: a fair part of the time for all attempts that are still due, pauses aside. But
   * not too little for a slow network; then there will be fewer rounds.
   */
  #share(): number {
    const { targets, connectionAttempts, retryDelay } = this.options;
    const inRound = targets.length - this.#next + 1;
    const rounds = connectionAttempts - this.#round;
    const fair = (this.#remaining - rounds * retryDelay) / (inRound + rounds * targets.length);
    return Math.max(fair, Math.min(LEAST_SHARE_MS, this.#remaining / inRound));
  }

  get #remaining(): number {
    return Math.max(0, this.#deadline - clock.now());
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
      secure = target.tls && tls().createSecureContext(target.tls as object);
    } catch (error) {
      const reason = `the TLS options cannot be used: ${describeOptions(error as Error, target.tls ?? {})}`;
      const record = failed('ConnectError', { host, port, stage: 'tls', reason });
      return this.#failed(
        { ...record, code: 'TLS_OPTIONS', origin: 'client', recoverable: false },
        target.tls,
      );
    }
    this.#sessions++;
    const route = { target, race, secure, dial: this.options.dial };
    this.session = this.events.session(route, {
      accepted: () => clearTimeout(this.#timer),
      ended: (record) => this.#ended(route, record),
    });
  }

  #ended({ target, race }: { target: Target; race: Race }, record: ErrorRecord | undefined): void {
    this.session = undefined;
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

  /** A hint for whoever asked for more rounds than there was time for. */
  #roundsMissed(): string {
    const { connectionAttempts, connectTimeout } = this.options;
    const left = connectionAttempts - this.#round;
    return left === 0
      ? ''
      : ` and ${this.limit} (${connectTimeout} ms) leaves no time for ${left} more rounds`;
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

  /** A refusal is what has to be mended; and if there was more than one attempt, all of them are reported. */
  #giveUp(hint: string): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    const only = this.#sessions <= 1 && this.options.targets.length === 1 && hint === '';
    const last = this.#last as ErrorRecord;
    this.events.failed(only ? last : allFailed(this.#attempts, hint, this.#refusal));
  }
}
