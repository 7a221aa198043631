import { type TypedTable, type TypedTableValue, TypedValue } from '../protocol/field-table';
import type { TypedProperties } from '../protocol/properties';
import { internalError } from './failure';
import type { BrokerMessage } from './message';
import type { Rules } from './rules';

/**
 * A message as a stream keeps it: RabbitMQ makes a message of AMQP 1.0 out of it, and makes one of 0-9-1 out of that for
 * those who read it. @throws {Failure} 541, a header that has no counterpart there
 */
export function keptByStream(message: BrokerMessage, { isSince4 }: Rules): BrokerMessage {
  return message.changed((properties) => {
    delete properties.clusterId;
    if (properties.headers !== undefined)
      properties.headers = keptHeaders(properties.headers, message.hasDied, isSince4);
    if (isSince4) convert(properties);
  });
}

/** Text that consumers can filter by; none is none. @throws {Failure} 541, it is no text */
export function filterValue({ headers }: BrokerMessage, { isSince4 }: Rules): string | undefined {
  const value = isSince4 ? headers?.['x-stream-filter-value'] : undefined;
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw internalError();
  return value;
}

function convert(properties: TypedProperties): void {
  properties.deliveryMode = properties.deliveryMode === 2 ? 2 : 1;
  for (const name of ['messageId', 'correlationId'] as const) {
    const id = properties[name];
    if (id !== undefined && UUID.test(id)) properties[name] = id.toLowerCase();
  }
}

const UUID = /^urn:uuid:[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Lists and tables are lost, but since 4.0 not those whose names say that they are annotations. */
function keptHeaders(headers: TypedTable, hasDied: boolean, isSince4: boolean): TypedTable {
  const kept: TypedTable = new Map();
  for (const [name, value] of headers) {
    if (!(value instanceof TypedValue) && !(isSince4 && isAnnotation(name, hasDied))) continue;
    kept.set(name, isSince4 ? converted(value) : representable(value));
  }
  return kept;
}

/** The copies' keys are one; a client's own records of deaths are not. */
function isAnnotation(name: string, hasDied: boolean): boolean {
  return name === 'CC' || (name.startsWith('x-') && (name !== 'x-death' || hasDied));
}

/** AMQP 1.0's decimals are others. */
function representable(value: TypedTableValue): TypedTableValue {
  if (value instanceof TypedValue && value.type === 'D') throw internalError();
  return value;
}

/** Bytes come back as text. */
function converted(value: TypedTableValue): TypedTableValue {
  if (Array.isArray(value)) return value.map(converted);
  if (value instanceof Map) return new Map([...value].map(([name, each]) => [name, converted(each)]));
  return value.type === 'x' ? new TypedValue('S', value.value as never) : representable(value);
}
