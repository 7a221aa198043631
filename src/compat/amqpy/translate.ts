import {
  AlreadySettledError,
  type AmqpError,
  AuthenticationError,
  BlockedTimeoutError,
  ChannelClosedError,
  ConnectError,
  ConsumerCancelledError,
  MessageTooLargeError,
  NackError,
  StaleDeliveryError,
  TimeoutError,
  WrongStateError,
} from '../../errors';
import type { MethodName } from '../../protocol/method-types';
import { METHODS } from '../../protocol/methods';
import { translating } from '../python';
import {
  AccessRefused,
  AMQPConnectionError,
  AMQPError,
  Blocked,
  because,
  ChannelError,
  ConsumerCancelled,
  ContentTooLarge,
  error_for_code,
  MessageNacked,
  NotAllowed,
  PreconditionFailed,
  RecoverableConnectionError,
  ResourceError,
  Timeout,
} from './exceptions';
import { Basic, method_t } from './spec';

/**
 * Run `fn`; this package's errors come out as amqpy's, with themselves as `cause`. Wrong arguments and what
 * callbacks throw pass. `channelOf` says which channel an error is about (0: the connection); then `heal` may
 * do something about it.
 */
export function pythonic<T>(
  channelOf: (error: AmqpError) => number,
  heal: (error: AmqpError) => void,
  fn: () => T,
): T {
  return translating((error) => {
    const channel = channelOf(error);
    heal(error);
    return translate(error, channel);
  }, fn);
}

/** The exception that amqpy's users expect of this error. */
export function translate(error: AmqpError, channel: number): Error {
  if (error instanceof TimeoutError) return new Timeout(error.message, { cause: error });
  if (error instanceof ConnectError && isLate(error)) return new Timeout(error.message, { cause: error });
  const exception = closed(error, channel) ?? refused(error, channel);
  return because(exception, error, hintFor(error));
}

/** All that was tried took too long, as opposed to being refused. */
function isLate({ attempts }: ConnectError): boolean {
  return (
    attempts.length > 0 &&
    attempts.every(({ reason }) => /timed out|connectTimeout|in time|not within/.test(reason))
  );
}

/** The broker closed the channel, or the connection, and said why. */
function closed(error: AmqpError, channel: number): AMQPError | undefined {
  // an innocent publish on a channel that something else closed
  const source =
    error.replyCode === undefined && error.cause instanceof ChannelClosedError ? error.cause : error;
  if (source.replyCode === undefined || source instanceof WrongStateError) return undefined;
  const isChannel = source instanceof ChannelClosedError;
  return error_for_code(
    source.replyCode,
    source.replyText ?? source.message,
    methodType(source.method),
    isChannel ? ChannelError : AMQPConnectionError,
    isChannel ? channel : 0,
  );
}

/** Whatever else went wrong. */
function refused(error: AmqpError, channel: number): AMQPError {
  const { message } = error;
  const method = methodType(error.method);
  const made = (errorClass: typeof AMQPError, type = method) =>
    new errorClass(message, type, null, null, channel);
  if (error instanceof ConsumerCancelledError) return made(ConsumerCancelled, Basic.Cancel);
  if (error instanceof BlockedTimeoutError) return made(Blocked);
  if (error instanceof NackError) return made(MessageNacked, Basic.Publish);
  if (error instanceof MessageTooLargeError) return made(ContentTooLarge);
  if (error instanceof AlreadySettledError || error instanceof StaleDeliveryError)
    return made(PreconditionFailed, method ?? Basic.Ack);
  if (error instanceof AuthenticationError) return made(AccessRefused);
  if (error instanceof ChannelClosedError) return made(ChannelError);
  if (error instanceof WrongStateError) {
    const [errorClass, text = message] = STATES[error.code] ?? [AMQPError];
    return new errorClass(text, method, null, null, channel);
  }
  return made(RecoverableConnectionError);
}

const STATES: Readonly<Record<string, [errorClass: typeof AMQPError, text?: string]>> = {
  CONNECTION_CLOSED: [RecoverableConnectionError, 'connection already closed'],
  CHANNEL_CLOSED: [RecoverableConnectionError, 'channel already closed'],
  NO_FREE_CHANNEL: [ResourceError],
  DUPLICATE_TAG: [NotAllowed],
  NUMBER_IN_USE: [AMQPConnectionError],
};

// ── where amqpy's default is what RabbitMQ refuses ────────────────────────────────────────────────────

const HINTS: readonly (readonly [code: number, method: RegExp, text: RegExp, hint: string])[] = [
  [
    540,
    /^basic\.recover/,
    /./,
    `RabbitMQ can only requeue: pass requeue=true; compat: { recover: 'requeue' } of Connection does it everywhere`,
  ],
  [
    540,
    /^basic\.publish/,
    /./,
    `RabbitMQ knows no immediate: leave it false; compat: { immediate: 'ignore' } of Connection does it everywhere`,
  ],
  [540, /^basic\.qos/, /./, 'RabbitMQ knows no prefetch_size: leave it 0, and use prefetch_count'],
  [540, /^channel\.flow/, /./, 'RabbitMQ cannot pause a channel: use basic_qos, or basic_cancel'],
  [
    541,
    /./,
    /transient_nonexcl_queues|transient.*non.?exclusive/i,
    `RabbitMQ 4.3 wants queues to be durable or exclusive: pass durable=true or exclusive=true to queue_declare; compat: { transient_queues: 'durable' } (or 'exclusive') of Connection does it everywhere`,
  ],
];

function hintFor({ replyCode, method = '?', replyText = '' }: AmqpError): string | undefined {
  return HINTS.find(
    ([code, blamed, text]) => code === replyCode && blamed.test(method) && text.test(`${replyText} `),
  )?.[3];
}

/** The numbers of a method by its name. */
function methodType(name: string | undefined): method_t | null {
  if (name === undefined || !Object.hasOwn(METHODS, name)) return null;
  const { id } = METHODS[name as MethodName];
  return new method_t(id >>> 16, id & 0xffff);
}
