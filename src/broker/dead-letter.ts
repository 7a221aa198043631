import { type Table, type TypedTable, type TypedTableValue, typed } from '../protocol/field-table';
import type { TypedProperties } from '../protocol/properties';
import type { BrokerMessage } from './message';
import type { BrokerQueue, DeadLetterReason } from './queue';
import { sorted } from './terms';

/**
 * The message as it leaves a queue for the dead-letter exchange: with a record in `x-death`, without its
 * expiration, under the queue's dead-letter routing key or its own.
 */
export function deadLetter(
  message: BrokerMessage,
  queue: BrokerQueue,
  reason: DeadLetterReason,
  now: number,
): BrokerMessage {
  const { deadLetterExchange, deadLetterRoutingKey } = queue.limits;
  const { isSince4 } = queue.host.rules;
  const change = (properties: TypedProperties): void => {
    const headers: TypedTable = properties.headers ?? new Map();
    if (isSince4 && !message.hasDied) for (const name of RECORDS) headers.delete(name); // a client's own
    const death: TypedTable = new Map<string, TypedTableValue>([
      ['count', typed.int64(1)],
      ['reason', typed.string(reason)],
      ['queue', typed.string(queue.name)],
      ['time', typed.timestamp(Math.floor(now / 1000))],
      ['exchange', typed.string(message.exchange)],
      ['routing-keys', message.shownKeys.map((key) => typed.string(key))],
    ]);
    if (properties.expiration !== undefined) {
      death.set('original-expiration', typed.string(properties.expiration));
      delete properties.expiration;
    }
    const isFirst = !headers.has('x-death');
    record(headers, death, queue.name, reason);
    const places = [
      ['exchange', message.exchange],
      ['queue', queue.name],
      ['reason', reason],
    ] as const;
    for (const [name, value] of places) {
      if (isFirst) headers.set(`x-first-death-${name}`, typed.string(value));
      if (isSince4) headers.set(`x-last-death-${name}`, typed.string(value));
    }
    if (deadLetterRoutingKey !== undefined && !isSince4) headers.delete('CC');
    properties.headers = sorted(headers);
  };
  const to = { exchange: deadLetterExchange!, hasDied: true };
  if (deadLetterRoutingKey === undefined) return message.changed(change, to);
  return message.changed(change, { ...to, routingKeys: [deadLetterRoutingKey], hiddenKeys: 0 });
}

const RECORDS = ['x-death', ...['exchange', 'queue', 'reason'].map((name) => `x-first-death-${name}`)];

/** The newest death stands first; another one in the same queue for the same reason only counts. */
function record(headers: TypedTable, death: TypedTable, queue: string, reason: DeadLetterReason): void {
  const deaths = headers.get('x-death');
  if (!Array.isArray(deaths)) return void headers.set('x-death', [death]);
  const known = deaths.filter((value) => value instanceof Map);
  const same = known.find((one) => text(one, 'queue') === queue && text(one, 'reason') === reason);
  same?.set('count', typed.int64(number(same, 'count') + 1));
  headers.set('x-death', [sorted(same ?? death), ...known.filter((one) => one !== same)]);
}

function text(table: TypedTable, name: string): unknown {
  return table.get(name)?.valueOf();
}

function number(table: TypedTable, name: string): number {
  return Number(table.get(name)?.valueOf() ?? 0);
}

/** Whether the message has been in that queue before, and no client has rejected it since: it would go round for ever. */
export function isCycle(message: BrokerMessage, queue: string): boolean {
  const deaths = message.headers?.['x-death'];
  if (!Array.isArray(deaths)) return false;
  const last = deaths.findIndex((death) => (death as Table).queue === queue);
  return last >= 0 && deaths.slice(0, last + 1).every((death) => (death as Table).reason !== 'rejected');
}
