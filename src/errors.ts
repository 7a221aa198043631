import { fromCaller } from './caller';
import type { ConnectAttempt, ErrorDetails, ErrorRecord, Origin, Outcome } from './contract/error-record';
import { errorInShort } from './shown';

export type { ConnectAttempt, ErrorDetails, Origin, Outcome } from './contract/error-record';

/**
 * The base of every error that is not a wrong argument. The class says what died, `code` says why.
 * @example
 * try {
 *   channel.queueDeclare('tasks', { passive: true });
 * } catch (error) {
 *   if (error instanceof NotFoundError) console.log('declare it first');
 *   else if (error instanceof AmqpError) console.log(error.code, error.outcome);
 *   else throw error;
 * }
 */
export class AmqpError extends Error {
  /** The name of its class, such as `NotFoundError`. */
  override readonly name: string = 'AmqpError';
  /** Stable, for programs: `NOT_FOUND`, `CONNECTION_LOST`, … */
  readonly code: string;
  /**
   * AMQP's number of the reason, such as 404, when a broker (or for a returned message, basic.return) gave
   * one.
   */
  declare readonly replyCode: number | undefined;
  /** The broker's own words, when it gave any. */
  declare readonly replyText: string | undefined;
  /** The AMQP method that failed, such as `queue.declare`; undefined when none is to blame. */
  declare readonly method: string | undefined;
  /**
   * Who is to blame; `broker` is a decision of the broker's, `network` also a peer that breaks the protocol.
   */
  readonly origin: Origin;
  /** A new connection or channel, or the same call later, may well succeed; default false. */
  readonly recoverable: boolean;
  /** What became of the operation; undefined when there is nothing to tell. `wasSent` reads it. */
  declare readonly outcome: Outcome | undefined;

  /**
   * Errors are made by the library; a test may make one. Without `details.code` the code follows from the
   * class.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const { code, replyCode, replyText, method, origin, recoverable, outcome } = details;
    this.code = code ?? defaultCode(new.target.name);
    this.origin = origin ?? 'client';
    this.recoverable = recoverable ?? false;
    // what is not there is not printed either
    if (replyCode !== undefined) this.replyCode = replyCode;
    if (replyText !== undefined) this.replyText = replyText;
    if (method !== undefined) this.method = method;
    if (outcome !== undefined) this.outcome = outcome;
    Object.defineProperty(this, 'name', { value: new.target.name, enumerable: false });
    fromCaller(this);
  }

  /** What a log wants: name, message, code and the like; of the cause, its name and message. */
  toJSON(): object {
    return errorInShort(this);
  }
}

/** `HeartbeatTimeoutError` -> `HEARTBEAT_TIMEOUT` */
function defaultCode(className: string): string {
  return className
    .replace(/Error$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toUpperCase();
}

// ── the channel died ──────────────────────────────────────────────────────────────────────────────────

/** The broker closed one channel; the connection and its other channels live. */
export class ChannelClosedError extends AmqpError {}
/** 311: a message too large for the broker. */
export class ContentTooLargeError extends ChannelClosedError {}
/** 313: an `immediate` message for which no consumer was ready; RabbitMQ does not say so. */
export class NoConsumersError extends ChannelClosedError {}
/** 403 on a channel: not with these permissions, or a name or a queue that is not for this program. */
export class AccessRefusedError extends ChannelClosedError {}
/** 404: a queue or an exchange that is not there. */
export class NotFoundError extends ChannelClosedError {}
/** 405: a queue that is exclusive to another connection. */
export class ResourceLockedError extends ChannelClosedError {}
/** 406: it exists with other arguments (those are told), is in use, or does not allow this. */
export class PreconditionFailedError extends ChannelClosedError {
  /** The argument that differs, such as `durable` or `x-message-ttl`. */
  declare readonly argument: string | undefined;
  /** What this program asked for, as the broker writes it; undefined also for nothing. */
  declare readonly wanted: string | undefined;
  /** What the broker has, as it writes it; undefined also for nothing. */
  declare readonly got: string | undefined;

  /** Reads `argument`, `wanted` and `got` from the broker's words in `details.replyText`. */
  constructor(message: string, details: ErrorDetails = {}) {
    const difference = inequivalence(details.replyText);
    super(difference === undefined ? message : `${message} (${explain(difference)})`, details);
    Object.assign(this, difference);
  }
}

interface Difference {
  argument: string;
  wanted?: string;
  got?: string;
}

const INEQUIVALENT = /inequivalent arg '(.+?)' for .*: received (.+?) but current is (.+)$/;

/** RabbitMQ writes `'false'`, `none`, or `the value '1000' of type 'signedint'`. */
function inequivalence(text = ''): Difference | undefined {
  const found = INEQUIVALENT.exec(text);
  if (found === null) return undefined;
  const [, argument, received, current] = found as unknown as [string, string, string, string];
  const [wanted, got] = [received, current].map((value) => /'(.*?)'/.exec(value)?.[1]);
  return { argument, ...(wanted !== undefined && { wanted }), ...(got !== undefined && { got }) };
}

/** The verbs are AMQP's, with its defaults; a queue or an exchange as an object is as aio-pika's users want it. */
const WHO_MAKES_DURABLE =
  'declareQueue and declareExchange make it durable unless told otherwise, queueDeclare and exchangeDeclare only when told to';

function explain({ argument, wanted = 'none', got = 'none' }: Difference): string {
  const reason = argument === 'durable' ? `; ${WHO_MAKES_DURABLE}` : '';
  return `wanted ${argument}: ${wanted || EMPTY}, got ${argument}: ${got || EMPTY}${reason}`;
}

/** A text without a character, which could not be seen. */
const EMPTY = "''";

// ── the connection died ───────────────────────────────────────────────────────────────────────────────

/** The connection is over: closed by the broker, lost, or its worker ended. */
export class ConnectionClosedError extends AmqpError {}
/** 320: an operator, or a broker that shuts down. */
export class ConnectionForcedError extends ConnectionClosedError {}
/** 402: a virtual host that is not there, as the specification has it; RabbitMQ says 530. */
export class InvalidPathError extends ConnectionClosedError {}
/** 501: a frame that the broker could not read. */
export class FrameError extends ConnectionClosedError {}
/** 502: a value in a method that the broker could not read. */
export class CommandSyntaxError extends ConnectionClosedError {}
/** 503: a method that the broker does not take in this order, or with these arguments. */
export class CommandInvalidError extends ConnectionClosedError {}
/** 504: a channel that is not open, for the broker. */
export class ChannelNumberError extends ConnectionClosedError {}
/** 505: a frame that the broker did not expect. */
export class UnexpectedFrameError extends ConnectionClosedError {}
/** 506: too many of something, for the broker. */
export class ResourceError extends ConnectionClosedError {}
/** 530: what the broker does not allow, such as a virtual host that is not there. */
export class NotAllowedError extends ConnectionClosedError {}
/** 540: what the broker does not know how to do. */
export class NotImplementedError extends ConnectionClosedError {}
/** 541: a failure of the broker; RabbitMQ says so of features that it has given up, too. */
export class InternalError extends ConnectionClosedError {
  /** Adds to the message what to do without a feature that RabbitMQ 4 has given up. */
  constructor(message: string, details: ErrorDetails = {}) {
    const instead = GIVEN_UP.find(([feature]) => details.replyText?.includes(feature))?.[1];
    super(instead === undefined ? message : `${message} (${instead})`, details);
  }
}
/** Features that RabbitMQ 4 refuses unless its operator permits them, and what to do without them. */
const GIVEN_UP: readonly (readonly [feature: string, instead: string])[] = [
  ['transient_nonexcl_queues', 'declare the queue durable or exclusive'],
  [
    'queue_master_locator',
    'leave x-queue-master-locator out; x-queue-leader-locator, leaderLocator, is its successor',
  ],
];
/** The broker refused the credentials. */
export class AuthenticationError extends ConnectionClosedError {}
/** The broker was silent for two heartbeat intervals. */
export class HeartbeatTimeoutError extends ConnectionClosedError {}
/** The broker blocked publishing (memory or disk alarm) for longer than `blockedTimeout`. */
export class BlockedTimeoutError extends ConnectionClosedError {}
/** The socket ended without a word from the broker. */
export class ConnectionLostError extends ConnectionClosedError {}
/** The worker thread ended. */
export class WorkerCrashedError extends ConnectionClosedError {}
/** The worker thread is there but does not answer. */
export class WorkerStalledError extends ConnectionClosedError {}

// ── everything else ───────────────────────────────────────────────────────────────────────────────────

/** The connection could not be opened; `attempts` has one entry for each try. */
export class ConnectError extends AmqpError {
  /** Each try to reach a broker, in order; empty when none was made. */
  readonly attempts: readonly ConnectAttempt[];

  /** Made by `connect`; a test may make one. */
  constructor(
    message: string,
    details: ErrorDetails & {
      /** Each try to reach a broker. */
      attempts?: readonly ConnectAttempt[] | undefined;
    } = {},
  ) {
    super(message, details);
    this.attempts = details.attempts ?? [];
  }
}

/** The peer broke the protocol; the connection is closed with `replyCode`. */
export class ProtocolError extends AmqpError {
  /** What was being read, such as `content header`. */
  readonly where: string | undefined;
  /** What the protocol wants there, if that can be said. */
  readonly expected: string | number | undefined;
  /** What came instead. */
  readonly got: string | number | undefined;

  /** Made for what a peer has sent; a test may make one. Its `origin` is `network` by default. */
  constructor(
    message: string,
    details: ErrorDetails & {
      /** What was being read. */
      where?: string | undefined;
      /** What the protocol wants there. */
      expected?: string | number | undefined;
      /** What came instead. */
      got?: string | number | undefined;
    } = {},
  ) {
    super(message, { origin: 'network', ...details });
    this.where = details.where;
    this.expected = details.expected;
    this.got = details.got;
  }
}

/** A limit in milliseconds passed. The connection goes on; a late reply is swallowed. */
export class TimeoutError extends AmqpError {}
/** Ctrl-C ended a blocking call. */
export class InterruptedError extends AmqpError {}

/** A publish that did not arrive carries its message. */
abstract class PublishError<M = unknown> extends AmqpError {
  /**
   * The message as it came back, or as it was given; not enumerable, so that logs stay short. Undefined if
   * it is not known.
   */
  declare readonly returnedMessage: M | undefined;

  /** Its `origin` is `broker` and its `outcome` is `rejected` by default. */
  constructor(
    message: string,
    details: ErrorDetails & {
      /** What was published, or came back. */
      message?: M | undefined;
    } = {},
  ) {
    super(message, { origin: 'broker', outcome: 'rejected', ...details });
    // Node prints what nobody catches with all that can be enumerated, down to the connection
    Object.defineProperty(this, 'returnedMessage', { value: details.message, enumerable: false });
  }

  override toJSON(): object {
    return { ...super.toJSON(), returnedMessage: this.returnedMessage };
  }
}
/**
 * A mandatory message that no queue took; `returnedMessage` is the message.
 * @example
 * try {
 *   channel.defaultExchange.publish('a task', 'tasks');
 * } catch (error) {
 *   if (error instanceof UnroutableError) console.log('no such queue', error.replyText);
 *   else throw error;
 * }
 */
export class UnroutableError<M = unknown> extends PublishError<M> {}
/** The broker could not take responsibility for a message (basic.nack); `returnedMessage` is the message. */
export class NackError<M = unknown> extends PublishError<M> {}

/** The server of a remote call threw. The message has its text; the stack is that of the call. */
export class RpcError extends AmqpError {
  /** The class of what it threw, such as `RangeError` or Python's `ValueError`. */
  readonly remoteName: string;
  /** The text of what it threw. */
  readonly remoteMessage: string;
  /** What it was made of, as aio-pika sends it. */
  readonly remoteArgs: readonly unknown[];

  /** Made of a reply; a test may make one. Its `origin` is `remote` and its `outcome` is `unknown` by default. */
  constructor(
    message: string,
    details: ErrorDetails & {
      /** Default `Error`. */
      remoteName?: string | undefined;
      /** Default: the message. */
      remoteMessage?: string | undefined;
      /** Default: none. */
      remoteArgs?: readonly unknown[] | undefined;
    } = {},
  ) {
    super(message, { origin: 'remote', outcome: 'unknown', ...details });
    this.remoteName = details.remoteName ?? 'Error';
    this.remoteMessage = details.remoteMessage ?? message;
    this.remoteArgs = details.remoteArgs ?? [];
  }
}

/** The delivery belongs to an earlier life of the channel; the broker has it back. */
export class StaleDeliveryError extends AmqpError {}
/** The delivery has been acked, nacked or rejected before, or needs none. */
export class AlreadySettledError extends AmqpError {}
/** The broker ended a consumer: its queue is gone, or moved, or a message was not settled in time. */
export class ConsumerCancelledError extends AmqpError {
  /** The tag of the consumer that is no more. */
  readonly consumerTag: string;

  /** Made for what the broker says; a test may make one. Its `origin` is `broker`, and it is `recoverable`, by default. */
  constructor(
    message: string,
    details: ErrorDetails & {
      /** The tag of the consumer. */
      consumerTag: string;
    },
  ) {
    super(message, { origin: 'broker', recoverable: true, ...details });
    this.consumerTag = details.consumerTag;
  }
}

/** A message above `maxMessageSize` came. It was not kept; it is still unsettled, to be rejected by its tag. */
export class MessageTooLargeError extends AmqpError {
  /** What settles it: `channel.basicReject(error.deliveryTag)`. With `noAck` there is nothing to settle. */
  readonly deliveryTag: number | undefined;
  /** Bytes of its body, as its header announced them. */
  readonly bodySize: number;

  /** Made for what came; a test may make one. Its `origin` is `broker` by default. */
  constructor(
    message: string,
    details: ErrorDetails & {
      /** Bytes of its body. */
      bodySize: number;
      /** The tag to settle it by. */
      deliveryTag?: number | undefined;
    },
  ) {
    super(message, { origin: 'broker', ...details });
    this.bodySize = details.bodySize;
    this.deliveryTag = details.deliveryTag;
  }
}

/** The call cannot be made in this state: closed before (`cause` says why), wrong mode, nested pump. */
export class WrongStateError extends AmqpError {
  /** Its `outcome` is `not-sent` by default. */
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { outcome: 'not-sent', ...details });
  }
}

// ── from reply codes ──────────────────────────────────────────────────────────────────────────────────

type ErrorClass = new (message: string, details: ErrorDetails) => AmqpError;

const CHANNEL_ERRORS: Readonly<Record<number, ErrorClass>> = {
  311: ContentTooLargeError,
  313: NoConsumersError,
  403: AccessRefusedError,
  404: NotFoundError,
  405: ResourceLockedError,
  406: PreconditionFailedError,
};

/** The same code means different deaths: which method carried it decides (403 arrives on both). */
export function channelErrorClass(replyCode: number): ErrorClass {
  return CHANNEL_ERRORS[replyCode] ?? ChannelClosedError;
}

// ── records: errors that cross threads ────────────────────────────────────────────────────────────────

/** The classes of records, by name. */
const RECORDED: Readonly<Record<string, ErrorClass>> = Object.fromEntries(
  [
    ConnectionClosedError,
    ConnectionForcedError,
    InvalidPathError,
    FrameError,
    CommandSyntaxError,
    CommandInvalidError,
    ChannelNumberError,
    UnexpectedFrameError,
    ResourceError,
    NotAllowedError,
    NotImplementedError,
    InternalError,
    AuthenticationError,
    HeartbeatTimeoutError,
    BlockedTimeoutError,
    ConnectionLostError,
    WorkerCrashedError,
    ConnectError,
    ProtocolError,
    TimeoutError,
  ].map((errorClass) => [errorClass.name, errorClass]),
);

/** The error of a record, with the stack of whoever asks. */
export function fromRecord(record: ErrorRecord): AmqpError {
  const { name, message, reason, ...details } = record;
  const errorClass = RECORDED[name] ?? ConnectionClosedError;
  return new errorClass(
    message,
    reason === undefined ? details : { ...details, cause: fromCaller(new Error(reason)) },
  );
}

/**
 * Was anything of the failed operation sent? False: it is safe to repeat. True: it may have been carried out.
 * @example
 * try {
 *   queue.publish('a task', { timeout: 1000 });
 * } catch (error) {
 *   if (wasSent(error)) reconcile(); // it may be there
 *   else again();
 * }
 */
export function wasSent(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return false;
  return !(error instanceof AmqpError && error.outcome === 'not-sent');
}
