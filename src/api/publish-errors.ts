import type { Publish } from '../client/channel/confirms';
import { isMessage, withEncoding } from '../client/channel/content';
import { inOutage } from '../client/loss';
import { MESSAGE_PROPERTIES } from '../client/options/checks';
import { type AmqpError, ChannelClosedError, NackError, TimeoutError, UnroutableError } from '../errors';
import { Message, type ReturnedMessage } from './message';

/** Why a publish was not acked. `report`: the reason of the channel's end is about to be thrown. */
export function publishErrorOf(
  publish: Publish,
  what: string,
  report: (reason: AmqpError) => AmqpError,
): Error {
  const { returned } = publish;
  if (publish.error !== undefined) return lost(publish, publish.error, report);
  if (returned !== undefined) {
    const { replyCode, replyText } = returned;
    return new UnroutableError<ReturnedMessage>(`${what} was returned: ${replyCode} ${replyText}`, {
      code: replyText,
      replyCode,
      replyText,
      method: 'basic.publish',
      message: returned as ReturnedMessage,
    });
  }
  if (publish.nacked) {
    return new NackError<Message>(`${what} was refused by the broker (basic.nack)`, {
      method: 'basic.publish',
      message: messageOf(publish),
    });
  }
  return new TimeoutError(`${what} was not confirmed in time; it may or may not have arrived`, {
    method: 'basic.publish',
    outcome: 'unknown',
    recoverable: true,
  });
}

/** An innocent publish on a channel that something else closed, or a connection that is recovered. */
function lost(publish: Publish, reason: AmqpError, report: (reason: AmqpError) => AmqpError): AmqpError {
  if (publish.interrupted)
    return inOutage(`publish ${publish.seqNo} was not confirmed, and may or may not have arrived`, reason);
  if (publish.outcome === 'rejected' || !(reason instanceof ChannelClosedError)) return report(reason);
  report(reason);
  return new ChannelClosedError(`publish ${publish.seqNo} was not confirmed: ${reason.message}`, {
    code: reason.code,
    method: 'basic.publish',
    origin: 'broker',
    outcome: 'unknown',
    cause: reason,
  });
}

/** The message of a publish, for its error. */
function messageOf({ content, body, options }: Publish): Message {
  const own = isMessage(content) ? content.properties : withEncoding(content, {});
  const given = Object.entries(options).filter(([name]) => MESSAGE_PROPERTIES.has(name));
  return new Message(body, { ...own, ...Object.fromEntries(given) });
}
