import { isUtf8 } from 'node:buffer';
import type {
  IncomingMessage,
  PropertiesInput,
  TableInput,
  TableInputValue,
  TypedTableValue,
} from '../../src/index';
import { TypedValue, type typed } from '../../src/index';
import { octetsOf, textOf } from './octets';
import { escapeJson, jsonText } from './output';

/**
 * A message as one JSON object, without loss: what `consume --json` prints, `publish --json` publishes again with
 * the same bytes, also when other tools have read and written it meanwhile. The body is `body` if it is text
 * (UTF-8), else `bodyBase64`; a text in the properties that is not UTF-8 is `{"$string":"<base64>"}`. (Exchanges
 * and routing keys always are: RabbitMQ takes no others.)
 *
 * In headers a JSON value stands for the wire type that the library gives to it. Any other is an object with the
 * name of its type, as in `typed`: `{"$int16":5}`, `{"$bytes":"AAE="}`, `{"$timestamp":"1700000000"}`. A table that
 * itself looks like that is `{"$table":{…}}`, and one whose keys JSON cannot have, or not in this order, is
 * `{"$table":[["key",value],…]}`.
 *
 * A `body` that is no text stands for its own JSON, as it is spelled.
 */
export interface MessageJson {
  exchange?: string;
  routingKey?: string;
  redelivered?: boolean;
  properties?: Record<string, unknown>;
  body?: unknown;
  bodyBase64?: string;
}

type Text = string | { $string: string };

/** A message to be published. */
export type OutgoingMessage = PropertiesInput & { body: Buffer; exchange?: string; routingKey?: string };

// ── out ───────────────────────────────────────────────────────────────────────────────────────────────

/** The object as a line. `isParsed`: a body that is JSON, and no text in JSON, stands there as it is. */
export function messageToJson(message: IncomingMessage, isParsed: boolean): string {
  const { body } = message;
  const head = headToJson(message);
  if (!isUtf8(body)) return jsonText({ ...head, bodyBase64: body.toString('base64') });
  const text = body.toString();
  if (!isParsed || !isObjectOrNumber(text)) return jsonText({ ...head, body: text });
  // as it is spelled: JSON.parse loses digits. Line breaks can only stand between its values
  return `${jsonText(head).slice(0, -1)},"body":${escapeJson(text.trim().replace(/[\r\n]+/g, ' '))}}`;
}

/** All but the body. */
export function headToJson(message: IncomingMessage): MessageJson {
  const { exchange, routingKey, redelivered } = message;
  return { exchange, routingKey, redelivered, properties: propertiesToJson(message) };
}

export function propertiesToJson(message: IncomingMessage): Record<string, unknown> {
  const properties: Record<string, unknown> = { ...message.properties };
  for (const [name, value] of Object.entries(properties))
    if (typeof value === 'string') properties[name] = textToJson(value);
  const { timestamp } = message.properties;
  if (timestamp !== undefined)
    properties.timestamp = typeof timestamp === 'bigint' ? `${timestamp}` : timestamp;
  if (message.typedHeaders !== undefined) properties.headers = headersToJson(message);
  return properties;
}

/** The headers, or one of them. */
export function headersToJson({ typedHeaders = new Map() }: IncomingMessage, name?: string): unknown {
  return name === undefined ? tableToJson(typedHeaders) : toJson(typedHeaders.get(name)!);
}

/** A text in JSON is left as it is: it could not be told from a body that is no JSON. */
function isObjectOrNumber(text: string): boolean {
  try {
    return typeof JSON.parse(text) !== 'string';
  } catch {
    return false;
  }
}

type Letter = TypedValue['type'];

/** `L` is a signed 64-bit integer, too: py-amqp writes it, and few others can read it. */
const NAMES: Readonly<Record<Letter, keyof typeof typed | 'L'>> = {
  t: 'boolean',
  b: 'int8',
  B: 'uint8',
  s: 'int16',
  u: 'uint16',
  I: 'int32',
  i: 'uint32',
  l: 'int64',
  L: 'L',
  f: 'float',
  d: 'double',
  D: 'decimal',
  S: 'string',
  x: 'bytes',
  T: 'timestamp',
  V: 'void',
};

function textToJson(text: string): Text {
  return text.isWellFormed() ? text : { $string: octetsOf(text).toString('base64') };
}

function tableToJson(table: ReadonlyMap<string, TypedTableValue>): object {
  const keys = [...table.keys()];
  // JSON.parse, unlike a literal, takes __proto__ for a key like any other
  const result = Object.create(null);
  for (const [key, value] of table) result[key] = toJson(value);
  // JavaScript puts keys that are numbers before the others
  const isKept = Object.keys(result).every((key, index) => key === keys[index] && key.isWellFormed());
  if (!isKept) return { $table: keys.map((key) => [textToJson(key), result[key]]) };
  return keys.length === 1 && keys[0]!.startsWith('$') ? { $table: result } : result;
}

function toJson(value: TypedTableValue): unknown {
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Map) return tableToJson(value);
  const json = plain(value);
  return json === undefined ? { [`$${NAMES[value.type]}`]: spelled(value.value) } : json;
}

/** JSON without the type, if reading that gives the type back. */
function plain({ type, value }: TypedValue): unknown {
  if (type === 'V') return null;
  if (type === 't') return value;
  if (type === 'S') return typeof value === 'string' && value.isWellFormed() ? value : undefined;
  if (typeof value !== 'number') return undefined;
  return letterOf(value) === type ? value : undefined;
}

/** The type that the library gives to a number. JSON has no -0. */
function letterOf(value: number): Letter | undefined {
  if (!Number.isFinite(value) || Object.is(value, -0)) return undefined;
  if (!Number.isSafeInteger(value)) return 'd';
  return value === (value | 0) ? 'I' : 'l';
}

function spelled(value: unknown): unknown {
  if (typeof value === 'string') return octetsOf(value).toString('base64');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return `${value.getTime() / 1000}`;
  if (typeof value === 'bigint' || (typeof value === 'number' && letterOf(value) === undefined))
    return Object.is(value, -0) ? '-0' : `${value}`;
  return value;
}

// ── in ────────────────────────────────────────────────────────────────────────────────────────────────

const FIELDS = new Set(['exchange', 'routingKey', 'redelivered', 'properties', 'body', 'bodyBase64']);
const HEAD_FIELDS = new Set(['exchange', 'routingKey', 'redelivered', 'properties', 'size']);

/** @throws {Error} saying what is wrong with it */
export function messageFromJson(line: string): OutgoingMessage {
  const { body, bodyBase64, ...head } = objectFrom(line, FIELDS);
  if ((body === undefined) === (bodyBase64 === undefined))
    throw new Error('a message must have either body or bodyBase64');
  if (body === undefined && typeof bodyBase64 !== 'string') throw new Error('bodyBase64 must be a string');
  const text = typeof body === 'string' ? body : spelling(line, 'body');
  const bytes = body === undefined ? Buffer.from(bodyBase64!, 'base64') : Buffer.from(text);
  return { ...headFrom(head), body: bytes };
}

/** All but the body, of which it has the size. @throws {Error} saying what is wrong with it */
export function headFromJson(line: string): { head: Omit<OutgoingMessage, 'body'>; size: unknown } {
  const { size, ...head } = objectFrom(line, HEAD_FIELDS) as MessageJson & { size?: unknown };
  return { head: headFrom(head), size };
}

function objectFrom(line: string, fields: ReadonlySet<string>): MessageJson {
  const json = JSON.parse(line) as MessageJson;
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error('a message must be a JSON object');
  const stranger = Object.keys(json).find((field) => !fields.has(field));
  if (stranger !== undefined) throw new Error(`unknown field "${stranger}"`);
  return json;
}

function headFrom({ exchange, routingKey, properties = {} }: MessageJson): Omit<OutgoingMessage, 'body'> {
  return {
    ...propertiesFrom(properties),
    ...(exchange === undefined ? undefined : { exchange }),
    ...(routingKey === undefined ? undefined : { routingKey }),
  };
}

/** A value of an object as it is spelled there, for JSON.parse loses digits and the order of keys. `json` is JSON, and has it. */
function spelling(json: string, field: string): string {
  let found = '';
  let depth = 0;
  let key: unknown;
  let value = 0;
  for (let at = 0; at < json.length; at++) {
    const sign = json[at]!;
    if (sign === '"') {
      const end = endOfText(json, at);
      if (depth === 1 && value === 0) key = JSON.parse(json.slice(at, end));
      at = end - 1;
    } else if (sign === ':' && depth === 1) value = at + 1;
    else if (sign === '{' || sign === '[') depth++;
    else if (sign === ',' || sign === '}' || sign === ']') {
      if (depth === 1 && key === field) found = json.slice(value, at).trim();
      if (depth === 1) value = 0;
      if (sign !== ',') depth--;
    }
  }
  return found;
}

/** The place behind a text in JSON that begins at `start`. */
function endOfText(json: string, start: number): number {
  for (let at = start + 1; ; at++) {
    if (json[at] === '\\') at++;
    else if (json[at] === '"') return at + 1;
  }
}

function propertiesFrom(given: Record<string, unknown>): PropertiesInput {
  const { headers, timestamp, ...rest } = given;
  const result = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, textFromJson(value)]));
  if (headers !== undefined) result.headers = fromJson(headers);
  if (typeof timestamp === 'string')
    result.timestamp = /^\d+$/.test(timestamp) ? BigInt(timestamp) : new Date(timestamp);
  else if (timestamp !== undefined) result.timestamp = timestamp;
  return result;
}

/** Whatever else it is stays what it is, for the library to refuse. */
function textFromJson<T>(value: T): Exclude<T, object> | string {
  const octets = (value as { $string?: unknown } | null)?.$string;
  return typeof octets === 'string' ? textOf(Buffer.from(octets, 'base64')) : (value as Exclude<T, object>);
}

/** The value that JSON stands for, see `MessageJson`. @throws {Error} no such type */
export function fromJson(json: unknown): TableInputValue {
  if (Array.isArray(json)) return json.map(fromJson);
  if (typeof json !== 'object' || json === null) return json as TableInputValue;
  const [first, ...others] = Object.entries(json);
  if (first !== undefined && others.length === 0 && first[0].startsWith('$'))
    return tagged(first[0].slice(1), first[1]);
  return tableFrom(json);
}

function tableFrom(json: object): TableInput {
  const entries: Iterable<[unknown, unknown]> = Array.isArray(json) ? json : Object.entries(json);
  return new Map(Array.from(entries, ([key, value]) => [textFromJson(key) as string, fromJson(value)]));
}

function tagged(type: string, value: unknown): TableInputValue {
  if (type === 'table' && typeof value === 'object' && value !== null) return tableFrom(value);
  const letter = Object.entries(NAMES).find(([, name]) => name === type)?.[0] as Letter | undefined;
  if (letter === undefined) throw new Error(`unknown type "$${type}"`);
  return new TypedValue(letter, read(letter, value));
}

function read(letter: Letter, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (letter === 'x' || letter === 'S') return Buffer.from(value, 'base64');
  if ('lLT'.includes(letter)) return BigInt(value);
  return 'fdbBsuIi'.includes(letter) ? Number(value) : value;
}
