import { outOfRange, wrongType } from '../../caller';
import { entriesOf, isTable } from '../../protocol/field-table';
import { TypedValue } from '../../protocol/field-values';
import { isRabbitmqSince } from '../../protocol/server-version';
import { typeName } from '../../protocol/wire';
import { warnOf } from '../warnings';
import type { ChannelHost } from './channel-host';

/** Lists for the exchange, which has read them then. */
const FOR_ROUTING: ReadonlySet<string> = new Set(['CC', 'BCC']);
/** A text, to RabbitMQ 4; to older brokers a header like others. */
const FILTER_VALUE = 'x-stream-filter-value';

/**
 * Headers of a message to a stream. RabbitMQ has no word for a decimal there, and ends the connection; a table or a list
 * is left out of the message without a word, unless RabbitMQ 4 finds `x-` before its name. A value for filters that is no
 * text ends the connection, too, in RabbitMQ 4.
 * @throws {RangeError} a decimal
 * @throws {TypeError} a value for filters that is no text
 */
export function checkStreamHeaders({ greeting, warnings }: ChannelHost, headers: object): void {
  const isSince4 = isRabbitmqSince(greeting?.serverProperties ?? {}, 4, 0);
  if (isSince4 === undefined) return; // what others keep is not known
  for (const [name, value] of entriesOf(headers)) {
    if (typeof name !== 'string') continue; // which is for whoever writes it to refuse
    if (isSince4 && name === FILTER_VALUE) checkFilterValue(value);
    const isKept = isSince4 && name.startsWith('x-');
    if (isDecimal(value) || (isKept && holdsDecimal(value))) {
      throw outOfRange(
        `headers.${name} cannot be sent to a stream: RabbitMQ closes the connection for a decimal there (541)`,
      );
    }
    if (isKept || FOR_ROUTING.has(name)) continue;
    if (warnings && (Array.isArray(value) || isTable(value))) warnOf('AMQP_SYNC_STREAM_HEADERS');
  }
}

function checkFilterValue(value: unknown): void {
  if (value === undefined || typeof value === 'string') return;
  if (value instanceof TypedValue && value.type === 'S') return;
  throw wrongType(
    `headers.${FILTER_VALUE} must be a string, or RabbitMQ closes the connection (541), got ${typeName(value)}`,
  );
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
