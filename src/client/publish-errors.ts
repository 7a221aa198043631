import {
  type AmqpError,
  BlockedTimeoutError,
  ChannelClosedError,
  NackError,
  TimeoutError,
  UnroutableError,
} from '../errors';
import type { Publish } from './confirms';
import { inOutage } from './lives';
import type { Message, ReturnedMessage } from './message';

/** Why a publish was not acked. `tell`: the reason of the channel's end is about to be thrown. */
export function publishErrorOf(
  publish: Publish,
  what: string,
  tell: (reason: AmqpError) => AmqpError,
): Error {
  const { returned } = publish;
  if (publish.error !== undefined) return lost(publish, publish.error, tell);
  if (returned !== undefined) {
    const { replyCode, replyText } = returned;
    return new UnroutableError<ReturnedMessage>(`${what} was returned: ${replyCode} ${replyText}`, {
      code: replyText,
      replyCode,
      replyText,
      method: 'basic.publish',
      message: returned,
    });
  }
  if (publish.nacked) {
    return new NackError<Message>(`${what} was refused by the broker (basic.nack)`, {
      method: 'basic.publish',
      message: publish.message,
    });
  }
  return new TimeoutError(`${what} was not confirmed in time; it may or may not have arrived`, {
    method: 'basic.publish',
    outcome: 'unknown',
    recoverable: true,
  });
}

/** An innocent publish on a channel that something else closed, or a connection that is recovered. */
function lost(publish: Publish, reason: AmqpError, tell: (reason: AmqpError) => AmqpError): AmqpError {
  if (publish.interrupted)
    return inOutage(`publish ${publish.seqNo} was not confirmed, and may or may not have arrived`, reason);
  if (publish.outcome === 'rejected' || !(reason instanceof ChannelClosedError)) return tell(reason);
  tell(reason);
  return new ChannelClosedError(`publish ${publish.seqNo} was not confirmed: ${reason.message}`, {
    code: reason.code,
    method: 'basic.publish',
    origin: 'broker',
    outcome: 'unknown',
    cause: reason,
  });
}

/** channel.flow */
export function pausedByBroker(channel: number): TimeoutError {
  return new TimeoutError(
    `basic.publish was not sent: the broker has paused channel ${channel} (channel.flow)`,
    { method: 'basic.publish', outcome: 'not-sent', recoverable: true },
  );
}

/** connection.blocked */
export function blockedByBroker(reason: string | undefined): BlockedTimeoutError {
  return new BlockedTimeoutError(
    `basic.publish was not sent: the broker has blocked publishing (${reason})`,
    {
      method: 'basic.publish',
      origin: 'broker',
      recoverable: true,
      outcome: 'not-sent',
    },
  );
}
