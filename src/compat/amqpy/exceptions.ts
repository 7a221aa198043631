import { fromCaller } from '../../caller';
import { errorInShort } from '../../shown';
import { type Args, signatures } from '../python';
import { method_name, type method_t } from './spec';

interface ArgumentTypes {
  /** What the broker said. */
  reply_text: [reply_text: string | null];
  /** The method that is to blame. */
  method_type: [method_type: method_t | null];
  /** The name of that method; by default it follows from `method_type`. */
  method_name: [method_name: string | null];
  /** AMQP's number; by default that of the class. */
  reply_code: [reply_code: number | null];
  /** The channel it happened on; 0 is the connection. */
  channel_id: [channel_id: number | null];
}

const DEF = signatures<ArgumentTypes>()('AMQPError', {
  __init__: 'reply_text=None, method_type=None, method_name=None, reply_code=None, channel_id=None',
});

/** The time was up: the port of Python's TimeoutError. `cause` is this package's own error. */
export class Timeout extends Error {
  /** As in Python: the name of the class. */
  override readonly name: string = 'Timeout';

  /** `options.cause` is the error behind it. */
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    fromCaller(this);
  }
}

/**
 * The base of everything a broker, or the way to it, can do wrong. `cause` is this package's own error, which
 * knows more (`code`, `outcome`, …).
 * @example
 * try {
 *   ch.queue_declare('q', { passive: true });
 * } catch (e) {
 *   if (!(e instanceof NotFound)) throw e;
 *   console.log(e.reply_code, e.reply_text);
 * }
 */
export class AMQPError extends Error {
  /** AMQP's number of this class; 0 where it has none. */
  static readonly code: number = 0;

  /** What the broker said. */
  readonly reply_text: string | null;
  /** AMQP's number, of the broker or of the class; 0: none. */
  readonly reply_code: number;
  /** The method that is to blame. */
  readonly method_type: method_t | null;
  /** The name of that method, such as `queue.declare`; '' if none is to blame. */
  readonly method_name: string;
  /** The channel it happened on; 0 is the connection. */
  readonly channel_id: number | null;
  /** Which argument to change, where the default of amqpy is one that RabbitMQ refuses. */
  declare readonly hint: string | undefined;

  /** Arguments in amqpy's order, or by name. */
  constructor(...args: Args<typeof DEF.__init__>) {
    const given = DEF.__init__(args);
    const name = given.method_name || method_name(given.method_type);
    const code = given.reply_code || new.target.code;
    super(given.reply_text ?? '');
    this.reply_text = given.reply_text;
    this.reply_code = code;
    this.method_type = given.method_type;
    this.method_name = name;
    this.channel_id = given.channel_id;
    Object.defineProperty(this, 'name', { value: new.target.name, configurable: true });
    fromCaller(this, String(this));
  }

  /** AMQP's number of its class. */
  get code(): number {
    return (this.constructor as typeof AMQPError).code;
  }

  /** The name of the method that is to blame, or its numbers. */
  get method(): string | method_t | null {
    return this.method_name || this.method_type;
  }

  /** As `str()` has it: method, channel, code and text. */
  override toString(): string {
    const { method_name: name, channel_id, reply_code, message } = this;
    return sentence(name, channel_id, reply_code, message || this.name);
  }

  /** What a log wants of it. */
  toJSON(): object {
    return errorInShort(this);
  }
}

/** The same exception, which says where it comes from, and what helps. */
export function because<E extends AMQPError>(exception: E, cause: unknown, hint?: string): E {
  Object.defineProperty(exception, 'cause', { value: cause, enumerable: false, configurable: true });
  if (hint !== undefined) {
    Object.defineProperty(exception, 'hint', { value: hint, enumerable: true });
    exception.message = `${exception.message} (${hint})`;
  }
  return fromCaller(exception, String(exception));
}

function sentence(name: string, channel: number | null, code: number, text: string | null): string {
  if (name === '') return text ?? '';
  return `${name} [ch: ${channel ?? 'None'}]: (${code}) ${text ?? ''}`;
}

/** The connection is over. */
export class AMQPConnectionError extends AMQPError {}
/** The channel was closed; it is open again when this is caught. */
export class ChannelError extends AMQPError {}
/** The same call may succeed later. */
export class RecoverableChannelError extends ChannelError {}
/** The same call will fail again. */
export class IrrecoverableChannelError extends ChannelError {}
/** `Connection.connect()` may help. */
export class RecoverableConnectionError extends AMQPConnectionError {}
/** The same call will end the next connection as well. */
export class IrrecoverableConnectionError extends AMQPConnectionError {}

/** The broker takes no publishes for now: it is short of memory or disk. */
export class Blocked extends RecoverableConnectionError {}
/** The broker ended a consumer that has no `on_cancel`: its queue is gone, or has moved, or a message was not settled in time. */
export class ConsumerCancelled extends RecoverableConnectionError {}
/** 320: an operator, or a broker that shuts down. */
export class ConnectionForced extends RecoverableConnectionError {
  static override readonly code: number = 320;
}
/** 506: too many of something. */
export class ResourceError extends RecoverableConnectionError {
  static override readonly code: number = 506;
}

/** 402: no such virtual host. */
export class InvalidPath extends IrrecoverableConnectionError {
  static override readonly code: number = 402;
}
/** 501: a frame that cannot be read. */
export class FrameError extends IrrecoverableConnectionError {
  static override readonly code: number = 501;
}
/** 502: a value that cannot be sent, or read. Of a value to be sent the channel knows nothing: it is usable. */
export class FrameSyntaxError extends IrrecoverableConnectionError {
  static override readonly code: number = 502;
}
/** 503: methods in an order that makes no sense. */
export class InvalidCommand extends IrrecoverableConnectionError {
  static override readonly code: number = 503;
}
/** 504: a channel that is not open. */
export class ChannelNotOpen extends IrrecoverableConnectionError {
  static override readonly code: number = 504;
}
/** 505: a frame that was not due. */
export class UnexpectedFrame extends IrrecoverableConnectionError {
  static override readonly code: number = 505;
}
/** 530: the broker does not want that. */
export class NotAllowed extends IrrecoverableConnectionError {
  static override readonly code: number = 530;
}
/** 540: the broker does not know how; `hint` says what it knows instead. */
export class AMQPNotImplementedError extends IrrecoverableConnectionError {
  static override readonly code: number = 540;
}
/** 541: the broker failed; RabbitMQ says so of features that it has given up, too. */
export class InternalError extends IrrecoverableConnectionError {
  static override readonly code: number = 541;
}

/** 311: a message too large for the broker, or for this client. */
export class ContentTooLarge extends RecoverableChannelError {
  static override readonly code: number = 311;
}
/** 313: nobody consumes, and the message was `immediate`. */
export class NoConsumers extends RecoverableChannelError {
  static override readonly code: number = 313;
}
/** 405: another connection has it for itself. */
export class ResourceLocked extends RecoverableChannelError {
  static override readonly code: number = 405;
}
/** A confirmed publish was refused (basic.nack). The channel lives. amqpy waits for ever here. */
export class MessageNacked extends RecoverableChannelError {}

/** 403: not with these credentials, or not with this name. */
export class AccessRefused extends IrrecoverableChannelError {
  static override readonly code: number = 403;
}
/** 404: no such queue or exchange. */
export class NotFound extends IrrecoverableChannelError {
  static override readonly code: number = 404;
}
/** 406: it exists with other arguments, is in use, the mode is wrong, or the tag unknown. */
export class PreconditionFailed extends IrrecoverableChannelError {
  static override readonly code: number = 406;
}

const CLASSES = [
  ...[ContentTooLarge, NoConsumers, ConnectionForced, InvalidPath, AccessRefused, NotFound, ResourceLocked],
  ...[PreconditionFailed, FrameError, FrameSyntaxError, InvalidCommand, ChannelNotOpen, UnexpectedFrame],
  ...[ResourceError, NotAllowed, AMQPNotImplementedError, InternalError],
];
const BY_CODE = new Map(CLASSES.map((errorClass) => [errorClass.code, errorClass]));

interface CodeArgumentTypes {
  /** AMQP's reply code. */
  code: [code: number];
  /** What the broker said. */
  text: [text: string | null];
  /** The method that is to blame. */
  method_type: [method_type: method_t | null];
  /** The class for codes that have none. */
  default: [otherwise: typeof AMQPError];
  /** The channel it happened on. */
  channel_id: [channel_id: number | null];
}

const FUNCTIONS = signatures<CodeArgumentTypes>()('', {
  error_for_code: 'code, text, method_type, default, channel_id=None',
});

/** The exception for a reply code: made, not thrown. */
export function error_for_code(...args: Args<typeof FUNCTIONS.error_for_code>): AMQPError {
  const { code, text, method_type, default: otherwise, channel_id } = FUNCTIONS.error_for_code(args);
  const errorClass = BY_CODE.get(code) ?? otherwise;
  return new errorClass(text, method_type, null, code, channel_id);
}
