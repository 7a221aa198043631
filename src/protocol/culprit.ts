import { PLANS } from './codec';
import type { Args } from './method-types';
import type { Said } from './reply-match';

/** The complaint of a broker about the method for which it closes a channel or a connection. */
export type Complaint = Pick<Args<'channel.close'>, 'classId' | 'methodId' | 'replyText'>;

/** Arguments whose values RabbitMQ quotes: `no exchange 'x' in vhost '/'`. */
const QUOTED = ['queue', 'exchange', 'source', 'destination', 'consumerTag'];

/**
 * The method that the broker complains of, among those that were sent, the oldest first.
 *
 * A close names the class and the method, and its text mostly the entity. Of several methods of that kind it is the
 * oldest whose entity is quoted: what came behind it was not carried out.
 *
 * @returns `quoted`: the one that the text is about; `alike`: the oldest of its kind, whatever the text is about
 */
export function culprit<T>(
  sent: readonly T[],
  { classId, methodId, replyText }: Complaint,
  methodOf: (each: T) => Said,
): { quoted: T | undefined; alike: T | undefined } {
  const id = classId * 0x1_0000 + methodId;
  const alike = sent.filter((each) => PLANS[methodOf(each).name].id === id);
  const quoted = alike.find((each) => {
    const args = methodOf(each).args as Record<string, unknown>;
    return QUOTED.some((name) => typeof args[name] === 'string' && quotes(replyText, args[name]));
  });
  return { quoted, alike: alike[0] };
}

/** Whether the text of a broker is about the entity of this name; never about one that has none. */
export function quotes(replyText: string, name: string): boolean {
  return name !== '' && replyText.includes(`'${name}'`);
}
