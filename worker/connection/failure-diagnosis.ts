import type { ConnectAttempt, ErrorRecord } from '../../src/contract/error-record';
import { FRAME, PROTOCOL_HEADER } from '../../src/protocol/constants';
import { describeStranger, type Handshake } from '../../src/protocol/handshake';
import type { Args } from '../../src/protocol/method-types';
import { hostAndPort } from '../../src/protocol/uri';
import { describe, failed, lost, refusedUser, refusedVhost, troubled } from './failure';
import type { Route, Transport } from './transport';

/** A broker answers a header that it does not know with its own; this one is ours. */
const MANGLED =
  'speaks AMQP 0-9-1, but something in between has changed what it was sent: if a proxy or balancer adds a PROXY protocol header, turn that off there, or on in the broker (rabbitmq.conf: proxy_protocol = true)';

/** The port that is for TLS by custom. */
const TLS_PORT = 5671;

/**
 * The diagnosis of why a session has failed, by how far it got: `isInside`, the broker has let it in. The first bytes
 * that came, and the addresses that did not answer, are kept for that.
 */
export class FailureDiagnosis {
  #greeting: Buffer = Buffer.alloc(0);
  /** Attempts at addresses that did not answer. */
  readonly #lostAddresses: ConnectAttempt[] = [];
  #lastError: Error | undefined;
  #isConnected = false;
  /** Bytes of the frame with the credentials, once they are sent. */
  loginSize = 0;

  constructor(
    readonly route: Route,
    readonly handshake: Handshake,
    readonly transport: () => Transport | undefined,
    /** The broker has let us in before: a sudden end may have other reasons than what we said. */
    readonly isKnown: boolean,
  ) {}

  lostAddress(address: string, error: Error): void {
    this.#lastError = error;
    const { host, port } = this.route.target;
    const other = address === host ? {} : { address };
    this.#lostAddresses.push({ host, port, ...other, stage: 'tcp', reason: describe(error) });
  }

  /** The connection of TCP (and TLS) stands. */
  connected(): void {
    this.#isConnected = true;
  }

  /** Keep the very first bytes: if this is no AMQP broker, they tell what it is. */
  received(bytes: Buffer, size: number): void {
    if (this.#greeting.length === 0) this.#greeting = Buffer.from(bytes.subarray(0, Math.min(size, 8)));
  }

  /** The peer broke the protocol. */
  violated(
    violation: string,
    isInside: boolean,
  ): Partial<ErrorRecord> & Pick<ErrorRecord, 'message' | 'outcome'> {
    const place = hostAndPort(this.route.target);
    if (isInside) {
      return {
        message: `the broker at ${place} broke the protocol: ${violation}`,
        outcome: 'unknown',
      };
    }
    const isBroker = this.#greeting[0] === FRAME.METHOD;
    const why = isBroker ? violation : `${describeStranger(this.#greeting)} (${violation})`;
    const reason = this.#greeting.equals(PROTOCOL_HEADER) ? MANGLED : `does not speak AMQP 0-9-1: ${why}`;
    return {
      message: `${place} ${reason}`,
      attempts: [{ ...this.#place(), reason }],
      outcome: 'not-sent',
    };
  }

  /** The broker closed the connection before it was open: which wish did it refuse? */
  refused(close: Args<'connection.close'>): ErrorRecord {
    const { vhost } = this.route.target.handshake;
    const trouble = troubled(close, this.#place());
    if (trouble !== undefined) return trouble;
    return this.handshake.stage === 'connection.open-ok'
      ? refusedVhost(vhost, close, this.#place())
      : refusedUser(this.handshake, close, this.#place());
  }

  /** The socket ended without a reason of ours or the broker's. */
  lost(error: Error | undefined, isInside: boolean): ErrorRecord {
    const { port, tls } = this.route.target;
    const reason = error === undefined ? 'the other end closed the socket' : describe(error);
    if (isInside) {
      const { idle = 0 } = this.transport() ?? {};
      return lost(this.route.target, reason, idle, this.handshake.tuning.heartbeat);
    }
    if (this.#isConnected && this.handshake.stage === 'connection.tune') return this.#hungUp(reason);
    const unread = this.#isConnected && this.#greeting.length === 0;
    const hint =
      unread && tls === undefined && port === TLS_PORT ? '; port 5671 is for TLS: use amqps://' : '';
    const { code } = (error ?? this.#lastError ?? {}) as NodeJS.ErrnoException;
    return { ...this.failed('ConnectError', this.#whyNobody() ?? reason + hint), code: code ?? 'CONNECT' };
  }

  /** Some brokers, and RabbitMQ for a frame that it finds too large, say no without a word. */
  #hungUp(reason: string): ErrorRecord {
    const { loginLimit } = this.handshake;
    const isTooLong = this.loginSize > loginLimit;
    const why = isTooLong
      ? `credentials and client properties take ${this.loginSize} bytes, but this RabbitMQ accepts no more than ${loginLimit} before login, unless initial_frame_max in its configuration is larger`
      : 'they are probably wrong';
    const record = this.failed('AuthenticationError', `${reason} after the credentials were sent; ${why}`);
    return isTooLong && !this.isKnown ? { ...record, recoverable: false } : record;
  }

  /** Reasons of all addresses, if none has answered. */
  #whyNobody(): string | undefined {
    if (this.transport()?.remote !== undefined || this.#lostAddresses.length === 0) return undefined;
    return this.#lostAddresses.map(({ reason }) => reason).join('; ');
  }

  failed(name: string, reason: string): ErrorRecord {
    const record = failed(name, { ...this.#place(), reason });
    const answered = this.transport()?.remote !== undefined || this.#lostAddresses.length === 0;
    return { ...record, attempts: [...this.#lostAddresses, ...(answered ? (record.attempts ?? []) : [])] };
  }

  /** The attempt, and how far it got. */
  #place(): Omit<ConnectAttempt, 'reason'> {
    const { host, port } = this.route.target;
    const { remote, stage = 'tcp' } = this.transport() ?? {};
    const address = remote === undefined || remote === host ? {} : { address: remote };
    return { host, port, ...address, stage: this.#isConnected ? this.handshake.stage : stage };
  }
}
