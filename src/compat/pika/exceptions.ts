import { fromCaller } from '../../caller';
import { errorInShort } from '../../shown';
import type { ReturnedMessage } from './returned-message';

/**
 * pika's exceptions. What this client throws has the error behind it as `cause`, and its text: that says
 * more than a code does.
 */

/**
 * The base of pika's exceptions. `args` are those of the constructor, as in Python.
 * @example
 * try {
 *   channel.queue_declare({ queue: 'tasks', passive: true });
 * } catch (error) {
 *   if (!(error instanceof pika.exceptions.ChannelClosedByBroker)) throw error;
 *   console.log(error.reply_code, error.reply_text); // 404 …
 * }
 */
export class AMQPError extends Error {
  /** What it was made of, as in Python. */
  readonly args: readonly unknown[];

  /** The message is made of `args`, as `str()` makes it. */
  constructor(...args: unknown[]) {
    super(args.length === 1 ? String(args[0]) : args.map(String).join(' '));
    this.args = args;
    Object.defineProperty(this, 'name', { value: new.target.name, configurable: true });
    fromCaller(this);
  }

  /** What a log wants of it. */
  toJSON(): object {
    return errorInShort(this);
  }
}

// ── the connection ────────────────────────────────────────────────────────────────────────────────────

/** The connection cannot be opened, or has ended. */
export class AMQPConnectionError extends AMQPError {}
/** The client closed the connection while it was being opened. */
export class ConnectionOpenAborted extends AMQPConnectionError {}
/** The socket ended without a word from the broker. */
export class StreamLostError extends AMQPConnectionError {}
/** The other end is no AMQP 0-9-1 broker. */
export class IncompatibleProtocolError extends AMQPConnectionError {}
/** Client and broker have no authentication mechanism in common. */
export class AuthenticationError extends AMQPConnectionError {}
/** The broker ended the connection when it had seen the credentials. */
export class ProbableAuthenticationError extends AMQPConnectionError {}
/** The broker ended the connection when it was asked for the virtual host. */
export class ProbableAccessDeniedError extends AMQPConnectionError {}
/** Every channel number is in use. */
export class NoFreeChannels extends AMQPConnectionError {}
/** The connection is not open. */
export class ConnectionWrongStateError extends AMQPConnectionError {}

/** The connection was closed by a connection.close. */
export class ConnectionClosed extends AMQPConnectionError {
  /** AMQP's number of the reason, and the reason in words. */
  constructor(reply_code: number, reply_text: string) {
    super(reply_code, reply_text);
    this.message = `(${reply_code}) ${reply_text}`;
  }
  /** AMQP's number of the reason. */
  get reply_code(): number {
    return this.args[0] as number;
  }
  /** The reason in words. */
  get reply_text(): string {
    return this.args[1] as string;
  }
}
/** The broker closed the connection. */
export class ConnectionClosedByBroker extends ConnectionClosed {}
/** This program closed the connection. */
export class ConnectionClosedByClient extends ConnectionClosed {}
/** The broker has blocked publishing for longer than `blocked_connection_timeout`. */
export class ConnectionBlockedTimeout extends AMQPConnectionError {}
/** The broker was silent for two heartbeats. */
export class AMQPHeartbeatTimeout extends AMQPConnectionError {}
/** An exception of pika's new adapter; never thrown here. */
export class WorkQueueFullError extends AMQPConnectionError {}

// ── the channel ───────────────────────────────────────────────────────────────────────────────────────

/** A channel cannot do what it was asked, or has ended; the connection lives. */
export class AMQPChannelError extends AMQPError {}
/** The channel is not open, or in a mode that excludes the call. */
export class ChannelWrongStateError extends AMQPChannelError {}

/** The channel was closed by a channel.close. */
export class ChannelClosed extends AMQPChannelError {
  /** AMQP's number of the reason, and the reason in words. */
  constructor(reply_code: number, reply_text: string) {
    super(reply_code, reply_text);
    this.message = `(${reply_code}) ${reply_text}`;
  }
  /** AMQP's number of the reason. */
  get reply_code(): number {
    return this.args[0] as number;
  }
  /** The reason in words. */
  get reply_text(): string {
    return this.args[1] as string;
  }
}
/** The broker closed the channel. */
export class ChannelClosedByBroker extends ChannelClosed {}
/** This program closed the channel. */
export class ChannelClosedByClient extends ChannelClosed {}
/** The channel has a consumer with this tag. */
export class DuplicateConsumerTag extends AMQPChannelError {}
/** The broker ended a consumer. */
export class ConsumerCancelled extends AMQPChannelError {}

/** Confirm mode: no queue took the message, which was `mandatory`. */
export class UnroutableError extends AMQPChannelError {
  /** `messages` are those that came back. */
  constructor(
    /** What came back. */
    readonly messages: readonly ReturnedMessage[],
  ) {
    super(`${messages.length} unroutable message(s) returned`);
  }
}
/** Confirm mode: the broker could not take the message. */
export class NackError extends AMQPChannelError {
  /** `messages` are those that came back. */
  constructor(
    /** What came back, which is ordinarily nothing. */
    readonly messages: readonly ReturnedMessage[],
  ) {
    super(`${messages.length} message(s) NACKed`);
  }
}

// ── everything else ───────────────────────────────────────────────────────────────────────────────────

/** A channel number that is none. */
export class InvalidChannelNumber extends AMQPError {}
/** A method that the broker does not know. */
export class MethodNotImplemented extends AMQPError {}
/** A name or a routing key of more than 255 bytes. */
export class ShortStringTooLong extends AMQPError {}
/** One side does not keep to the protocol. */
export class ProtocolSyntaxError extends AMQPError {}
/** A frame out of turn. */
export class UnexpectedFrameError extends ProtocolSyntaxError {}
/** Another version of AMQP. */
export class ProtocolVersionMismatch extends ProtocolSyntaxError {}
/** A body that is longer than announced, or than this client keeps. */
export class BodyTooLongError extends ProtocolSyntaxError {}
/** A frame that is none. */
export class InvalidFrameError extends ProtocolSyntaxError {}
/** A table has a value of an unknown type. */
export class InvalidFieldTypeException extends ProtocolSyntaxError {}
/** A value that cannot be sent in a table. */
export class UnsupportedAMQPFieldException extends ProtocolSyntaxError {}

/** Callbacks are in each other's way; beside AMQPError, as in pika. */
export class ChannelError extends Error {
  /** As in Python: the name of the class. */
  override readonly name: string = 'ChannelError';

  /** `message` says which callback. */
  constructor(message?: string) {
    super(message);
    fromCaller(this);
  }
}
/** Exported for code that names it, and never thrown: a get waits for its answer. */
export class DuplicateGetOkCallback extends ChannelError {
  /** As in Python: the name of the class. */
  override readonly name = 'DuplicateGetOkCallback';
}
/** A function that runs callbacks was called from one. */
export class ReentrancyError extends Error {
  /** As in Python: the name of the class. */
  override readonly name = 'ReentrancyError';

  /** `message` says which callback. */
  constructor(message?: string) {
    super(message);
    fromCaller(this);
  }
}
