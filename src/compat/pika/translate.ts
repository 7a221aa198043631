import type { ReturnedMessage as CoreReturned } from '../../api/message';
import {
  AlreadySettledError,
  type AmqpError,
  BlockedTimeoutError,
  ChannelClosedError,
  ConnectError,
  ConnectionClosedError,
  ConsumerCancelledError,
  HeartbeatTimeoutError,
  MessageTooLargeError,
  NackError as Nacked,
  NotAllowedError,
  ProtocolError,
  AuthenticationError as Refused,
  StaleDeliveryError,
  UnroutableError as Unroutable,
  WrongStateError,
} from '../../errors';
import { translating } from '../python';
import { received } from './basic-properties';
import * as exceptions from './exceptions';
import { Return } from './methods/basic';
import { ReturnedMessage } from './returned-message';

/** Which of pika's objects was called, or made: each has words of its own for what went wrong. */
export type Subject = 'opening' | 'connection' | 'channel';

/** Make calls of the core; what it throws comes out as pika's exception. */
export function guard<T>(subject: Subject, fn: () => T, hint?: Hint): T {
  return translating((error) => translate(error, subject, hint), fn);
}

/** pika's exception for an error of the core, which is its `cause`. `hint`: what to do about it, if that is known. */
export function translate(error: AmqpError, subject: Subject, hint?: Hint): Error {
  const exception = exceptionFor(error, subject);
  const advice = hint?.replyCodes.includes(replyOf(error)?.code ?? 0) ? hint.advice : '';
  if (advice !== '') exception.message += `; ${advice}`;
  Object.defineProperty(exception, 'cause', { value: error, configurable: true, writable: true });
  return exception;
}

/** What RabbitMQ refuses, with which reply codes, and what to do about it. */
export interface Hint {
  replyCodes: readonly number[];
  advice: string;
}

/** The code and the text of the method that closed something; the core may have wrapped it. */
function replyOf(error: AmqpError): { code: number; text: string } | undefined {
  for (let at: AmqpError | undefined = error; at !== undefined; at = at.cause as AmqpError | undefined) {
    if (at.replyCode !== undefined) return { code: at.replyCode, text: at.replyText ?? '' };
  }
  return undefined;
}

function exceptionFor(error: AmqpError, subject: Subject): Error {
  const { message } = error;
  if (error instanceof WrongStateError) return wrongState(error, subject);
  if (error instanceof ConnectionClosedError) return connectionClosed(error);
  if (error instanceof ChannelClosedError) {
    const { code, text } = replyOf(error) ?? { code: 0, text: message };
    return new exceptions.ChannelClosedByBroker(code, text);
  }
  if (error instanceof ConnectError) return connectFailed(error);
  if (error instanceof Unroutable) return new exceptions.UnroutableError(returnedIn(error));
  if (error instanceof Nacked) return new exceptions.NackError([]);
  if (error instanceof ConsumerCancelledError) return new exceptions.ConsumerCancelled(message);
  if (error instanceof AlreadySettledError || error instanceof StaleDeliveryError)
    return new exceptions.AMQPChannelError(message);
  if (error instanceof MessageTooLargeError) return new exceptions.BodyTooLongError(message);
  if (error instanceof ProtocolError) {
    return subject === 'opening' ? new exceptions.IncompatibleProtocolError(message) : protocolBroken(error);
  }
  return subject === 'channel'
    ? new exceptions.AMQPChannelError(message)
    : new exceptions.AMQPConnectionError(message);
}

const WRONG_STATES: Readonly<Record<string, new (message: string) => Error>> = {
  NO_FREE_CHANNEL: exceptions.NoFreeChannels,
  DUPLICATE_TAG: exceptions.DuplicateConsumerTag,
  NESTED_PUMP: exceptions.ReentrancyError,
};

function wrongState({ code, message }: WrongStateError, subject: Subject): Error {
  const closed =
    subject === 'channel' ? exceptions.ChannelWrongStateError : exceptions.ConnectionWrongStateError;
  return new (WRONG_STATES[code] ?? closed)(message);
}

function connectionClosed(error: ConnectionClosedError): Error {
  const { message, code, origin } = error;
  if (error instanceof HeartbeatTimeoutError) return new exceptions.AMQPHeartbeatTimeout(message);
  if (error instanceof BlockedTimeoutError) return new exceptions.ConnectionBlockedTimeout(message);
  const reply = replyOf(error);
  if (error instanceof Refused) {
    // what ends for good without a word from the broker has ended here: there is no mechanism in common
    const isOurs = reply === undefined && !error.recoverable;
    return new (isOurs ? exceptions.AuthenticationError : exceptions.ProbableAuthenticationError)(message);
  }
  // the broker was asked for the virtual host, and had not said yes
  if (error instanceof NotAllowedError && /^VHOST_/.test(code))
    return new exceptions.ProbableAccessDeniedError(message);
  if (reply !== undefined) return new exceptions.ConnectionClosedByBroker(reply.code, reply.text);
  if (origin === 'client' && (code === 'CLOSED' || code === 'ABORTED'))
    return new exceptions.ConnectionClosedByClient(200, message);
  return new exceptions.StreamLostError(message);
}

/** What pika makes of a socket that ends while the connection is being opened. */
const AT_STAGE: Readonly<Record<string, new (message: string) => Error>> = {
  'connection.start': exceptions.IncompatibleProtocolError,
  'connection.tune': exceptions.ProbableAuthenticationError,
  'connection.open-ok': exceptions.ProbableAccessDeniedError,
};

/** As in pika, the last attempt decides. One that was only too slow proves nothing. */
function connectFailed({ attempts, message }: ConnectError): Error {
  const last = attempts.at(-1);
  const guess = last && !/^no answer within/.test(last.reason) ? AT_STAGE[last.stage] : undefined;
  return new (guess ?? exceptions.AMQPConnectionError)(message);
}

const VIOLATIONS: Readonly<Record<number, new (message: string) => Error>> = {
  501: exceptions.InvalidFrameError,
  503: exceptions.UnexpectedFrameError,
  504: exceptions.UnexpectedFrameError,
  505: exceptions.UnexpectedFrameError,
};

function protocolBroken({ replyCode, message }: ProtocolError): Error {
  return new (VIOLATIONS[replyCode ?? 0] ?? exceptions.ProtocolSyntaxError)(message);
}

function returnedIn({ returnedMessage }: Unroutable): ReturnedMessage[] {
  return returnedMessage === undefined ? [] : [returned(returnedMessage as CoreReturned)];
}

/** A message that came back, as pika has it. */
export function returned(message: CoreReturned): ReturnedMessage {
  const { replyCode, replyText, exchange, routingKey, properties, body } = message;
  const method = new Return(replyCode, replyText, exchange, routingKey);
  return new ReturnedMessage(method, received(properties), body);
}
