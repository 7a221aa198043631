import { outOfRange, wrongType } from '../caller';
import { MAX_SHORTSTR, MAX_TABLE_DEPTH } from './constants';
import {
  type Decimal,
  type Table,
  type TableLetter,
  type TableValue,
  type TypedTable,
  type TypedTableValue,
  TypedValue,
} from './field-values';
import { ProtocolViolation } from './violation';
import { isBytes, Reader, typeName, Writer } from './wire';

export * from './field-values';

// ── encoding ──────────────────────────────────────────────────────────────────────────────────────────

/** Write a table. @throws {TypeError | RangeError} naming the entry that cannot be sent */
export function encodeTable(writer: Writer, table: unknown): void {
  const source = isMap(table) ? undefined : sources.get(table as object);
  if (source !== undefined && isUnchanged(table, source)) writer.bytes(source);
  else encodeNested(writer, table, writer.at, 1);
}

/** The bytes of tables that were read with `rememberTable`: published again unchanged, they are the same bytes. */
const sources = new WeakMap<object, Buffer>();

/** Plain values may be longer than what was received, at most 5 bytes for 2. */
const SPARE = 16;

/** A table says the same as its bytes if both are written alike. */
function isUnchanged(table: unknown, source: Buffer): boolean {
  const now = new Writer(Buffer.alloc(SPARE + 3 * source.length));
  const then = new Writer(Buffer.alloc(SPARE + 3 * source.length));
  try {
    encodeNested(now, table, '', 1);
    encodeNested(then, decodeTable(new Reader(source)), '', 1);
  } catch {
    return false; // it does not fit, or cannot be sent: it was changed, or the ordinary way says why
  }
  return now.buffer.subarray(0, now.pos).equals(then.buffer.subarray(0, then.pos));
}

function encodeNested(writer: Writer, table: unknown, path: string, depth: number): void {
  checkDepth(depth, path);
  const lengthAt = writer.take(4);
  for (const [key, value] of entriesOf(table, path)) {
    if (value === undefined) continue;
    if (typeof key !== 'string') throw wrongType(`the keys of ${path} must be strings, got ${typeName(key)}`);
    writer.at = `the key ${JSON.stringify(key.slice(0, 40))} of ${path}`;
    writer.shortstr(key);
    encodeValue(writer, value, `${path}.${key.length > MAX_SHORTSTR ? '…' : key}`, depth);
  }
  writer.buffer.writeUInt32BE(writer.pos - lengthAt - 4, lengthAt);
}

/** Own entries only: what somebody put on Object.prototype is not part of the message. */
export function entriesOf(table: unknown, path = 'a table'): Iterable<readonly [unknown, unknown]> {
  if (isMap(table)) return table;
  if (isPlainObject(table)) return Object.entries(table);
  throw wrongType(`${path} must be an object or a Map, got ${typeName(table)}`);
}

/** Whether it can be sent as a table. */
export function isTable(value: unknown): value is object {
  return isMap(value) || isPlainObject(value);
}

function isMap(value: unknown): value is Map<unknown, unknown> {
  return Object.prototype.toString.call(value) === '[object Map]';
}

/** An object literal of any realm, or one without a prototype. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function encodeArray(writer: Writer, values: readonly unknown[], path: string, depth: number): void {
  checkDepth(depth, path);
  const lengthAt = writer.take(4);
  for (let index = 0; index < values.length; index++) {
    encodeValue(writer, values[index], `${path}[${index}]`, depth);
  }
  writer.buffer.writeUInt32BE(writer.pos - lengthAt - 4, lengthAt);
}

function encodeValue(writer: Writer, value: unknown, path: string, depth: number): void {
  writer.at = path;
  switch (typeof value) {
    case 'string':
      return encodeScalar(writer, 'S', value);
    case 'boolean':
      return encodeScalar(writer, 't', value);
    case 'number':
      return encodeScalar(writer, numberLetter(value, path), value);
    case 'bigint':
      return encodeScalar(writer, 'l', value);
    case 'object':
      return encodeObject(writer, value, path, depth);
    default:
      throw wrongType(`${path} cannot be sent in a table: got ${typeName(value)}`);
  }
}

/** The narrowest of int32, int64, double that holds the number exactly; -0 needs a double. */
function numberLetter(value: number, path: string): 'I' | 'l' | 'd' {
  if (!Number.isFinite(value)) {
    throw outOfRange(`${path} cannot be sent: RabbitMQ closes the connection for ${value} (541)`);
  }
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return 'd';
  return value >= -0x8000_0000 && value <= 0x7fff_ffff ? 'I' : 'l';
}

function encodeObject(writer: Writer, value: object | null, path: string, depth: number): void {
  if (value === null) return encodeScalar(writer, 'V', null);
  if (value instanceof TypedValue) return encodeScalar(writer, value.type, value.value);
  if (isBytes(value)) return encodeScalar(writer, 'x', value);
  if (Object.prototype.toString.call(value) === '[object Date]') return encodeScalar(writer, 'T', value);
  if (Array.isArray(value)) {
    writer.octet(0x41);
    return encodeArray(writer, value, path, depth + 1);
  }
  if (!isMap(value) && !isPlainObject(value)) {
    throw wrongType(`${path} cannot be sent in a table: got ${typeName(value)}`);
  }
  writer.octet(0x46);
  encodeNested(writer, value, path, depth + 1);
}

function encodeScalar(writer: Writer, letter: TableLetter, value: unknown): void {
  writer.buffer[writer.take(1)] = letter.charCodeAt(0);
  switch (letter) {
    case 't':
      return writer.octet(writer.boolean(value) ? 1 : 0);
    case 'b':
      return writer.int8(value);
    case 'B':
      return writer.octet(value);
    case 's':
      return writer.int16(value);
    case 'u':
      return writer.short(value);
    case 'I':
      return writer.int32(value);
    case 'i':
      return writer.long(value);
    case 'l':
    case 'L':
      return writer.int64(value);
    case 'f':
      return writer.float(value);
    case 'd':
      return writer.double(value);
    case 'D':
      return encodeDecimal(writer, value as Decimal);
    case 'S':
    case 'x':
      return writer.longstr(value);
    case 'T':
      return writer.longlong(secondsOf(value, writer.at));
    case 'V':
      return;
    default:
      throw wrongType(`${writer.at} has the unknown wire type ${JSON.stringify(letter)}`);
  }
}

function encodeDecimal(writer: Writer, value: Decimal): void {
  if (typeof value !== 'object' || value === null) {
    throw wrongType(`${writer.at} must be { unscaled, scale }, got ${typeName(value)}`);
  }
  writer.octet(value.scale);
  writer.int32(value.unscaled);
}

/** Timestamps are whole seconds since 1970; a part of one is dropped. @see AMQP 0-9-1 §4.2.5.4 */
export function secondsOf(value: unknown, path: string): unknown {
  if (typeof value === 'number' && value > 0) return Math.floor(value);
  if (Object.prototype.toString.call(value) !== '[object Date]') return value;
  const milliseconds = Number(value);
  if (Number.isNaN(milliseconds)) throw wrongType(`${path} is an invalid Date`);
  if (milliseconds < 0) throw outOfRange(`${path} is before 1970, which AMQP timestamps cannot express`);
  return Math.floor(milliseconds / 1000);
}

function checkDepth(depth: number, path: string): void {
  if (depth > MAX_TABLE_DEPTH) {
    throw outOfRange(
      `${path.slice(0, 60)}… is nested deeper than ${MAX_TABLE_DEPTH} levels, or contains itself`,
    );
  }
}

// ── decoding ──────────────────────────────────────────────────────────────────────────────────────────

/** How decoded scalars are handed over: plain JavaScript values, or with their wire type. */
type Shape = 'plain' | 'typed';

/** Read a table into an object without a prototype. @throws {ProtocolViolation} 502, malformed */
export function decodeTable(reader: Reader): Table {
  return decodeNested(reader, 'plain', 1) as Table;
}

/** Read a table and remember its bytes, for `encodeTable` and `typedTable`. */
export function rememberTable(reader: Reader): Table {
  const start = reader.pos;
  const table = decodeTable(reader);
  sources.set(table, Buffer.from(reader.buffer.subarray(start, reader.pos)));
  return table;
}

/** The table with the wire type of every value, if it is one that was received. */
export function typedTable(table: Table): TypedTable | undefined {
  const source = sources.get(table);
  return source === undefined ? undefined : decodeTypedTable(new Reader(source));
}

/** `typedTable`, of one whose values are those that were received. */
export function unchangedTable(table: Table): TypedTable | undefined {
  const source = sources.get(table);
  return source !== undefined && isUnchanged(table, source) ? typedTable(table) : undefined;
}

/** Read a table so that encoding it again gives the same bytes. @throws {ProtocolViolation} 502, malformed */
export function decodeTypedTable(reader: Reader): TypedTable {
  return decodeNested(reader, 'typed', 1) as TypedTable;
}

function decodeNested(reader: Reader, shape: Shape, depth: number): Table | TypedTable {
  const outerEnd = enter(reader, depth);
  const map: TypedTable = new Map();
  const table: Table = Object.create(null);
  while (reader.remaining > 0) {
    const key = reader.shortstr();
    const value = decodeValue(reader, shape, depth);
    if (shape === 'typed') map.set(key, value as TypedTableValue);
    else table[key] = value as TableValue;
  }
  reader.end = outerEnd;
  return shape === 'typed' ? map : table;
}

function decodeArray(reader: Reader, shape: Shape, depth: number): unknown[] {
  const outerEnd = enter(reader, depth);
  const values: unknown[] = [];
  while (reader.remaining > 0) values.push(decodeValue(reader, shape, depth));
  reader.end = outerEnd;
  return values;
}

/** Narrow the reader to the container that starts here; returns the end to restore. */
function enter(reader: Reader, depth: number): number {
  if (depth > MAX_TABLE_DEPTH) {
    throw new ProtocolViolation(
      502,
      'table nested too deeply',
      reader.at,
      `at most ${MAX_TABLE_DEPTH} levels`,
      'more',
    );
  }
  const size = reader.long();
  const start = reader.take(size);
  const outerEnd = reader.end;
  reader.pos = start;
  reader.end = start + size;
  return outerEnd;
}

function decodeValue(reader: Reader, shape: Shape, depth: number): unknown {
  const letter = String.fromCharCode(reader.octet());
  if (letter === 'A') return decodeArray(reader, shape, depth + 1);
  if (letter === 'F') return decodeNested(reader, shape, depth + 1);
  const value = decodeScalar(reader, letter);
  if (shape === 'plain') return letter === 'T' || letter === 'D' ? plain(letter, value) : value;
  return new TypedValue(letter as TableLetter, value);
}

function decodeScalar(reader: Reader, letter: string): unknown {
  switch (letter) {
    case 't':
      return reader.octet() !== 0;
    case 'b':
      return reader.int8();
    case 'B':
      return reader.octet();
    case 's':
      return reader.int16();
    case 'u':
      return reader.short();
    case 'I':
      return reader.int32();
    case 'i':
      return reader.long();
    case 'l':
    case 'L':
      return safe(reader.int64());
    case 'T':
      return safe(reader.uint64());
    case 'f':
      return reader.float();
    case 'd':
      return reader.double();
    case 'D':
      return { scale: reader.octet(), unscaled: reader.int32() } satisfies Decimal;
    case 'S':
      return reader.longstr();
    case 'x':
      return reader.longbytes();
    case 'V':
      return null;
    default:
      throw new ProtocolViolation(
        502,
        'unknown table value type',
        reader.at,
        'one of tbBsuIilLfdDSxATFV',
        letter,
      );
  }
}

function safe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The last second a Date can express. */
export const LAST_DATE_SECONDS = 8_640_000_000_000;

/** A timestamp no Date can hold, and a decimal no number holds exactly, keep their wire type. */
function plain(letter: 'T' | 'D', value: unknown): unknown {
  if (letter === 'T' && typeof value === 'number' && value <= LAST_DATE_SECONDS)
    return new Date(value * 1000);
  return new TypedValue(letter, value);
}
