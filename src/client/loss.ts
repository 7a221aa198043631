import {
  type AmqpError,
  channelErrorClass,
  type ErrorDetails,
  TimeoutError,
  WrongStateError,
} from '../errors';
import { describeReply, isGivenUp, replyCodeName } from '../protocol/constants';
import type { Args } from '../protocol/method-types';

/** The same loss, told by something that it has cut short. */
export function inOutage(what: string, loss: AmqpError): AmqpError {
  const errorClass = loss.constructor as new (message: string, details: ErrorDetails) => AmqpError;
  const { code, replyCode, replyText, method, origin } = loss;
  return new errorClass(`${what}: ${loss.message}`, {
    ...{ code, replyCode, replyText, method, origin },
    recoverable: true,
    outcome: 'unknown',
    cause: loss,
  });
}

/** The connection was lost under a call that cannot be repeated. */
export function cutOff(method: string, loss: AmqpError): AmqpError {
  return inOutage(`${method} got no reply, and may or may not have been carried out`, loss);
}

/** The same end, told by a call that had nothing to do with it and has not been sent. */
export function notSent(what: string, death: AmqpError): AmqpError {
  const { message, code, replyCode, replyText, method, origin, recoverable } = death;
  const errorClass = death.constructor as new (message: string, details: ErrorDetails) => AmqpError;
  const details = { code, replyCode, replyText, method, origin, recoverable };
  return new errorClass(`${what}: ${message}`, {
    ...details,
    outcome: 'not-sent',
    cause: death,
  });
}

/** A call that could not be sent in time, or has got no answer; `outage`: the connection is being recovered. */
export function timedOut(
  call: string,
  method: string,
  outcome: 'not-sent' | 'unknown',
  outage: AmqpError | undefined,
): TimeoutError {
  const lost = outage && `the connection is being recovered: ${outage.message}`;
  const what =
    outcome === 'not-sent'
      ? `could not be sent in time: ${lost ?? 'the broker does not read'}`
      : `got no reply in time; it may still be carried out, and its reply will be ignored${lost ? ` (${lost})` : ''}`;
  return new TimeoutError(`${call} ${what}`, { method, outcome, recoverable: true });
}

/** The broker has closed a channel; `blamed` says what for, `method` is what it names. */
export function closedByBroker(
  blamed: string,
  { replyCode, replyText }: Args<'channel.close'>,
  method: string | undefined,
  aside: string,
): AmqpError {
  const outcome = isGivenUp(replyText) ? 'unknown' : 'rejected';
  return new (channelErrorClass(replyCode))(`${blamed}: ${describeReply(replyCode, replyText)}${aside}`, {
    code: replyCodeName(replyCode),
    replyCode,
    replyText,
    method,
    origin: 'broker',
    outcome,
  });
}

/** The program has closed a channel. */
export function closedByUs(id: number): AmqpError {
  return new WrongStateError(`channel ${id} was closed by this program`, { code: 'CLOSED' });
}
