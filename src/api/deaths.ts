import type { Table, TableValue } from '../protocol/field-table';
import type { Message } from './message';

/** Why and where a message was dead-lettered, and how often. @see https://www.rabbitmq.com/docs/dlx#effects */
export interface Death {
  /** The queue it died in. */
  queue: string;
  /** Why: it was rejected, its time was up, the queue was full, or it was delivered too often. */
  reason: 'rejected' | 'expired' | 'maxlen' | 'delivery_limit' | (string & {});
  /** How often in this queue, for this reason. */
  count: number;
  /** Where it had been published before it came into that queue. */
  exchange: string;
  /** The routing keys it had there, those of its header CC included. */
  routingKeys: string[];
  /** When it first died so. */
  time: Date | undefined;
  /** The `expiration` of the message, which the broker took off. */
  originalExpiration: string | undefined;
}

/**
 * The deaths of a message by its `x-death` header, the latest first; none if it never died. Does not block.
 * @example
 * const times = deaths(message).find(({ queue }) => queue === 'orders')?.count ?? 0;
 */
export function deaths(message: Message): Death[] {
  const { headers } = message.properties as { headers?: Table };
  const entries = headers?.['x-death'];
  return Array.isArray(entries) ? entries.filter(isTable).map(death) : [];
}

function isTable(value: TableValue): value is Table {
  return typeof value === 'object' && value !== null && 'queue' in value;
}

function death(entry: Table): Death {
  const { queue, reason, count, exchange, time } = entry;
  const keys = entry['routing-keys'];
  const expiration = entry['original-expiration'];
  return {
    queue: String(queue),
    reason: String(reason),
    count: Number(count ?? 1),
    exchange: String(exchange ?? ''),
    routingKeys: Array.isArray(keys) ? keys.map(String) : [],
    time: time instanceof Date ? time : undefined,
    originalExpiration: expiration === undefined ? undefined : String(expiration),
  };
}
