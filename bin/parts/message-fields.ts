import type { IncomingMessage } from '../../src/index';
import { headersToJson, propertiesToJson } from './message-json';
import { octetsOf } from './octets';
import { jsonText } from './output';

/** The fields of a message that `--format` prints and `--where` compares, by name; those of `--json` have the same. */
const FIELDS: Readonly<Record<string, (message: IncomingMessage) => unknown>> = {
  exchange: ({ exchange }) => exchange,
  key: ({ routingKey }) => routingKey,
  body: ({ body }) => body,
  size: ({ body }) => body.length,
  redelivered: ({ redelivered }) => redelivered,
  deliveryTag: ({ deliveryTag }) => deliveryTag,
  headers: (message) => jsonText(headersToJson(message)),
  properties: (message) => jsonText(propertiesToJson(message)),
};

const PROPERTIES = [
  'contentType',
  'contentEncoding',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
] as const;

const HEADER = 'headers.';

/** The names of all fields, for whoever has given another. */
export const FIELD_NAMES = `${[...Object.keys(FIELDS), ...PROPERTIES].join(', ')} or ${HEADER}NAME`;

export type Field = (message: IncomingMessage) => unknown;

/** How to have a field of a message: undefined where the message has none. @returns undefined: no field has this name */
export function fieldOf(name: string): Field | undefined {
  if (name === 'routingKey') return FIELDS.key;
  if (Object.hasOwn(FIELDS, name)) return FIELDS[name];
  const property = PROPERTIES.find((candidate) => candidate === name);
  if (property !== undefined) return ({ properties }) => properties[property];
  if (!name.startsWith(HEADER) || name === HEADER) return undefined;
  const header = name.slice(HEADER.length);
  return (message) => {
    const { headers } = message.properties;
    const value = headers !== undefined && Object.hasOwn(headers, header) ? headers[header] : undefined;
    const isTable = typeof value === 'object' && value !== null && !(value instanceof Date || isBytes(value));
    return isTable ? jsonText(headersToJson(message, header)) : value;
  };
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

/** A field as bytes: texts and bodies as they are, a moment as ISO 8601, nothing where there is nothing. */
export function octetsOfField(value: unknown): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  if (isBytes(value)) return Buffer.from(value.buffer, value.byteOffset, value.length);
  if (value instanceof Date) return Buffer.from(value.toISOString());
  return octetsOf(String(value));
}
