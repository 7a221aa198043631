import { BASIC_CLASS } from './constants';
import { FrameCache } from './decode-cache';
import {
  decodeTypedTable,
  encodeTable,
  LAST_DATE_SECONDS,
  rememberTable,
  secondsOf,
  type Table,
  type TableInput,
  type TypedTable,
} from './field-table';
import { ProtocolViolation } from './violation';
import type { Reader, Writer } from './wire';

/** The fourteen basic properties of a message. @see AMQP 0-9-1 §1.8.1 */
export interface Properties {
  /** MIME type of the body. */
  contentType?: string;
  /** MIME encoding of the body; a string body sets `utf-8`. */
  contentEncoding?: string;
  /** What the application, or the broker, adds by names of its own. */
  headers?: Table;
  /** 1 transient, 2 persistent. */
  deliveryMode?: number;
  /** 0 to 255; counts up to the queue's x-max-priority. */
  priority?: number;
  /** Ties a reply to its request. */
  correlationId?: string;
  /** The queue that an answer should go to. */
  replyTo?: string;
  /** Milliseconds to live, as a string of digits. */
  expiration?: string;
  /** What the application calls this message. */
  messageId?: string;
  /** Whole seconds on the wire. A bigint: seconds beyond the range of Date. */
  timestamp?: Date | bigint;
  /** What kind of message it is, for the application. */
  type?: string;
  /** RabbitMQ refuses (406) a name other than the connection's user. */
  userId?: string;
  /** Which application sent it. */
  appId?: string;
  /** Reserved by the specification. */
  clusterId?: string;
}

/** Properties as they may be given: a number as `timestamp` is seconds since 1970. */
export type PropertiesInput = {
  [K in Exclude<keyof Properties, 'headers' | 'timestamp'>]?: Properties[K] | undefined;
} & {
  /** What the application adds by names of its own; an object or a Map. */
  headers?: TableInput | undefined;
  /** When: a Date, or seconds since 1970. */
  timestamp?: Date | number | bigint | undefined;
};

type PropertyKind = 'shortstr' | 'octet' | 'table' | 'timestamp';

/** In wire order: the first has flag bit 15, the next 14, … @see AMQP 0-9-1 §4.2.6.1 */
const PROPERTIES = [
  ['contentType', 'shortstr'],
  ['contentEncoding', 'shortstr'],
  ['headers', 'table'],
  ['deliveryMode', 'octet'],
  ['priority', 'octet'],
  ['correlationId', 'shortstr'],
  ['replyTo', 'shortstr'],
  ['expiration', 'shortstr'],
  ['messageId', 'shortstr'],
  ['timestamp', 'timestamp'],
  ['type', 'shortstr'],
  ['userId', 'shortstr'],
  ['appId', 'shortstr'],
  ['clusterId', 'shortstr'],
] as const satisfies readonly (readonly [keyof Properties, PropertyKind])[];

export const PROPERTY_NAMES: readonly (keyof Properties)[] = PROPERTIES.map(([name]) => name);

/** The two low bits are not properties: bit 0 announces more flags, and basic has no fifteenth property. */
const UNUSED_FLAGS = 0b11;

/** Write the payload of a content header frame. @throws {TypeError | RangeError} naming the property */
export function encodeContentHeader(writer: Writer, bodySize: number, properties: PropertiesInput): void {
  writer.short(BASIC_CLASS);
  writer.short(0); // weight
  writer.at = 'body size';
  writer.longlong(bodySize);
  const flagsAt = writer.take(2);
  let flags = 0;
  for (let index = 0; index < PROPERTIES.length; index++) {
    const [name, kind] = PROPERTIES[index]!;
    const value = properties[name];
    if (value === undefined || !Object.hasOwn(properties, name)) continue;
    flags |= 1 << (15 - index);
    writer.at = name;
    if (kind === 'shortstr') writer.shortstr(value);
    else if (kind === 'octet') writer.octet(value);
    else if (kind === 'table') encodeTable(writer, value);
    else writer.longlong(secondsOf(value, name));
  }
  writer.buffer.writeUInt16BE(flags, flagsAt);
}

export interface ContentHeader {
  bodySize: number;
  properties: Properties;
}

/** Read the payload of a content header frame. @throws {ProtocolViolation} 501-505, malformed */
export function decodeContentHeader(reader: Reader): ContentHeader {
  reader.at = 'content header';
  const classId = reader.short();
  if (classId !== BASIC_CLASS) {
    throw new ProtocolViolation(501, 'wrong class', 'content header', BASIC_CLASS, classId);
  }
  reader.short(); // weight
  reader.at = 'body size';
  const bodySize = reader.longlong();
  return { bodySize, properties: decodePlainProperties(reader) };
}

/** Properties of the last message: most messages of one sender have the same. */
const propertiesCache = new FrameCache<Properties>();

function decodePlainProperties(reader: Reader): Properties {
  const known = propertiesCache.read(reader);
  if (known !== undefined) return { ...known };
  const start = reader.pos;
  const properties = decodeProperties(reader, rememberTable) as Properties;
  // objects that the user could change are not shared
  if (properties.headers === undefined && properties.timestamp === undefined)
    propertiesCache.store(reader, start, { ...properties });
  return properties;
}

/** Like `Properties`, with headers that keep their wire types. */
export type TypedProperties = Omit<Properties, 'headers'> & { headers?: TypedTable };

/** Read a property list so that publishing it again gives the same bytes. */
export function decodeTypedProperties(reader: Reader): TypedProperties {
  return decodeProperties(reader, decodeTypedTable) as TypedProperties;
}

function decodeProperties(reader: Reader, headersAs: (reader: Reader) => Table | TypedTable): object {
  reader.at = 'property flags';
  const flags = reader.short();
  if (flags & UNUSED_FLAGS) {
    throw new ProtocolViolation(502, 'unknown property flags', 'content header', 'bits 2 to 15', flags);
  }
  const properties: Record<string, unknown> = {};
  for (let index = 0; flags << (16 + index) !== 0; index++) {
    if ((flags & (1 << (15 - index))) === 0) continue;
    const [name, kind] = PROPERTIES[index]!;
    reader.at = name;
    if (kind === 'shortstr') properties[name] = reader.shortstr();
    else if (kind === 'octet') properties[name] = reader.octet();
    else if (kind === 'table') properties[name] = headersAs(reader);
    else properties[name] = timestamp(reader.uint64());
  }
  if (reader.remaining > 0) {
    throw new ProtocolViolation(502, 'bytes after the last property', 'content header', 0, reader.remaining);
  }
  return properties;
}

function timestamp(seconds: bigint): Date | bigint {
  return seconds <= LAST_DATE_SECONDS ? new Date(Number(seconds) * 1000) : seconds;
}
