import { outOfRange } from '../../caller';
import { entriesOf, isTable } from '../../protocol/field-table';
import { TypedValue } from '../../protocol/field-values';
import { isRabbitmqSince } from '../../protocol/server-version';
import { warnOf } from '../warnings';
import type { ChannelHost } from './channel-host';

/** Lists for the exchange, which has read them then. */
const FOR_ROUTING: ReadonlySet<string> = new Set(['CC', 'BCC']);

/**
 * Headers of a message to a stream. RabbitMQ has no word for a decimal there, and ends the connection; a table or a list
 * is left out of the message without a word, unless RabbitMQ 4 finds `x-` before its name.
 * @throws {RangeError} a decimal
 */
export function checkStreamHeaders({ greeting, warnings }: ChannelHost, headers: object): void {
  for (const [name, value] of entriesOf(headers)) {
    if (typeof name !== 'string') continue; // which is for whoever writes it to refuse
    const isOwn = name.startsWith('x-');
    if (isDecimal(value) || (isOwn && holdsDecimal(value))) {
      throw outOfRange(
        `headers.${name} cannot be sent to a stream: RabbitMQ closes the connection for a decimal there (541)`,
      );
    }
    if (FOR_ROUTING.has(name)) continue;
    const isKept = isOwn && isRabbitmqSince(greeting?.serverProperties ?? {}, 4, 0) !== false;
    if (warnings && !isKept && (Array.isArray(value) || isTable(value))) warnOf('AMQP_SYNC_STREAM_HEADERS');
  }
}

/** Each value is looked at once: a table may contain itself, which is for whoever writes it to refuse. */
function holdsDecimal(header: unknown): boolean {
  const values = new Set([header]);
  for (const value of values) {
    if (isDecimal(value)) return true;
    if (Array.isArray(value)) for (const each of value) values.add(each);
    else if (isTable(value)) for (const [, each] of entriesOf(value)) values.add(each);
  }
  return false;
}

function isDecimal(value: unknown): boolean {
  return value instanceof TypedValue && value.type === 'D';
}
