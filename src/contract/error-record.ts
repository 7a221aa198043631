import { describeReply, replyCodeName } from '../protocol/constants';
import type { ProtocolViolation } from '../protocol/violation';

/**
 * What happened to the operation that failed: it never left this process, the broker refused it, or
 * nobody knows (it may have been carried out).
 */
export type Outcome = 'not-sent' | 'rejected' | 'unknown';

/** Who is to blame: the caller, the broker's decision, the broken protocol or network, our own worker, another program. */
export type Origin = 'client' | 'broker' | 'network' | 'worker' | 'remote';

/** What an error of this library is made of: its fields, by name. */
export interface ErrorDetails {
  /** Stable, for programs; default: from the name of the class, `NotFoundError` -> `NOT_FOUND`. */
  code?: string | undefined;
  /** AMQP's number of the reason, such as 404. */
  replyCode?: number | undefined;
  /** The broker's own words. */
  replyText?: string | undefined;
  /** The AMQP method that caused it, such as `queue.declare`. */
  method?: string | undefined;
  /** Default `client`. */
  origin?: Origin | undefined;
  /** A new connection or channel may well succeed. */
  recoverable?: boolean | undefined;
  /** Default: nothing to tell. */
  outcome?: Outcome | undefined;
  /** The error behind this one. */
  cause?: unknown;
}

/** One try to open a connection. */
export interface ConnectAttempt {
  /** As it was asked for: a name or an address. */
  host: string;
  /** The TCP port. */
  port: number;
  /** The address of the host that was tried, where it is another. */
  address?: string | undefined;
  /** How far it got: `resolve`, `tcp`, `tls`, `connection.start`, `connection.tune`, `connection.open-ok`. */
  stage: string;
  /** Why it went no further, in words. */
  reason: string;
}

/** An error as plain data: classes do not survive the way between threads, and stacks belong to the caller. */
export interface ErrorRecord extends Omit<ErrorDetails, 'cause'> {
  name: string;
  message: string;
  /** What the worker saw, as text. */
  reason?: string | undefined;
  attempts?: readonly ConnectAttempt[] | undefined;
  where?: string | undefined;
  expected?: string | number | undefined;
  got?: string | number | undefined;
}

/** Classes of errors that end a connection, by the code of connection.close. */
const CONNECTION_ERRORS: Readonly<Record<number, string>> = {
  320: 'ConnectionForcedError',
  402: 'InvalidPathError',
  501: 'FrameError',
  502: 'CommandSyntaxError',
  503: 'CommandInvalidError',
  504: 'ChannelNumberError',
  505: 'UnexpectedFrameError',
  506: 'ResourceError',
  530: 'NotAllowedError',
  540: 'NotImplementedError',
  541: 'InternalError',
};

/** The record in a worker's last word; one that was cut short still says what it can. */
export function parseRecord(report: string): ErrorRecord {
  try {
    return JSON.parse(report) as ErrorRecord;
  } catch {
    return { name: 'ConnectionClosedError', message: report, code: 'CLOSED', outcome: 'unknown' };
  }
}

/** The record of a connection.close from the broker. */
export function closeRecord(replyCode: number, replyText: string, method: string | undefined): ErrorRecord {
  const after = method === undefined ? '' : ` after ${method}`;
  return {
    name: CONNECTION_ERRORS[replyCode] ?? 'ConnectionClosedError',
    message: `the broker closed the connection${after}: ${describeReply(replyCode, replyText)}`,
    code: replyCodeName(replyCode),
    replyCode,
    replyText,
    method,
    origin: 'broker',
    recoverable: replyCode === 320,
    outcome: 'unknown',
  };
}

/** The record of a peer that broke the protocol. */
export function violationRecord(violation: ProtocolViolation): ErrorRecord {
  const { message, replyCode, where, expected, got } = violation;
  return {
    name: 'ProtocolError',
    message: `the broker broke the protocol: ${message}`,
    code: replyCodeName(replyCode),
    replyCode,
    where,
    expected,
    got,
    outcome: 'unknown',
  };
}
