import { ok } from 'node:assert';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { closeFrame, encodeMethod, openFrame } from '../../src/protocol/codec';
import { REPLY_CODES } from '../../src/protocol/constants';
import { decodeTable, encodeTable, type TableInputValue, TypedValue } from '../../src/protocol/field-table';
import type { Input, MethodName } from '../../src/protocol/method-types';
import { type Domain, METHODS } from '../../src/protocol/methods';
import { decodeContentHeader, encodeContentHeader, PROPERTY_NAMES } from '../../src/protocol/properties';
import { check, methods, properties, shortText, text } from './arbitrary';
import { hex, reading, table, written } from './bytes';
import { VECTORS } from './vectors';

/*
 * A second opinion: amqplib's codec, generated from RabbitMQ's machine-readable specification, has to
 * agree wherever the dialects do. Differences in taste are translated here: amqplib names some fields
 * otherwise, shows reserved fields, and wants Buffers for long strings.
 */

type Fields = Record<string, unknown>;
interface Defs {
  info(id: number): { name: string; args: { type: string; name: string }[] };
  encodeMethod(id: number, channel: number, fields: Fields): Buffer;
  encodeProperties(id: number, channel: number, bodySize: number, fields: Fields): Buffer;
  constants: Record<string, number>;
}
interface Codec {
  encodeTable(buffer: Buffer, table: unknown, offset: number): number;
  decodeFields(bytes: Buffer): Fields;
}
interface Frames {
  parseFrame(bytes: Buffer, max: number): object;
  decodeFrame(frame: object): { id: number; channel: number; size: number; fields: Fields };
  HEARTBEAT_BUF: Buffer;
}

// amqplib does not export these modules
const amqplib = dirname(require.resolve('amqplib'));
const defs: Defs = require(join(amqplib, 'lib/defs.js'));
const codec: Codec = require(join(amqplib, 'lib/codec.js'));
const frames: Frames = require(join(amqplib, 'lib/frame.js'));

const NAMES = Object.keys(METHODS) as MethodName[];
const fieldsOf = (name: MethodName) => Object.entries(METHODS[name].args) as [string, Domain][];
const ZERO: Partial<Record<Domain, unknown>> = {
  short: 0,
  shortstr: '',
  longstr: Buffer.alloc(0),
  bit: false,
};

/** A value as amqplib takes it: numbers with the wire type that we choose on our own. */
function theirs(value: unknown): unknown {
  if (typeof value === 'bigint') return { '!': 'int64', value };
  if (typeof value === 'number') return { '!': wireType(value), value };
  if (value instanceof Date) return { '!': 'timestamp', value: value.getTime() / 1000 };
  if (Array.isArray(value)) return value.map(theirs);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, theirs(each)]));
}

function wireType(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return 'double';
  return value === (value | 0) ? 'int32' : 'int64';
}

/** Values that amqplib read, as we would have read them. */
function ours(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ours);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  const typed = value as { '!'?: string; value?: unknown };
  if (typed['!'] === 'timestamp') return new Date((typed.value as number) * 1000);
  if (typed['!'] === 'decimal') {
    const { digits, places } = typed.value as { digits: number; places: number };
    return new TypedValue('D', { scale: places, unscaled: digits });
  }
  return table(Object.fromEntries(Object.entries(value).map(([key, each]) => [key, ours(each) as null])));
}

/** The fields of a method under amqplib's names, which stand in the same order. */
function theirFields(name: MethodName, args: Fields): Fields {
  const names = defs.info(METHODS[name].id).args.map((field) => field.name);
  const values = fieldsOf(name).map(([field, domain]) => {
    if (field.startsWith('reserved')) return ZERO[domain];
    if (domain === 'longstr') return Buffer.from(args[field] as string);
    return domain === 'table' ? theirs(args[field]) : args[field];
  });
  return Object.fromEntries(names.map((field, index) => [field, values[index]]));
}

function ourArgs(name: MethodName, fields: Fields): Fields {
  const names = defs.info(METHODS[name].id).args.map((field) => field.name);
  const entries = fieldsOf(name).map(([field, domain], index): [string, unknown] => {
    const value = fields[names[index]!];
    return [field, domain === 'longstr' ? String(value) : domain === 'table' ? ours(value) : value];
  });
  return Object.fromEntries(entries.filter(([field]) => !field.startsWith('reserved')));
}

/** Keys that are safe in amqplib's ordinary objects, and the values both read and write in the same way. */
const sharedKeys = shortText().filter((key) => !(key in Object.prototype) && key !== '!');
const { value: sharedValues } = fc.letrec<{ value: TableInputValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    text(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.nat(2 ** 31 - 1).map((seconds) => new Date(seconds * 1000)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(sharedKeys, tie('value'), { maxKeys: 4 }),
  ),
}));
const sharedTables = fc.dictionary(sharedKeys, sharedValues, { maxKeys: 6 });

describe('the method table', () => {
  test.each(NAMES)('%s has the id, and fields of the types, that amqplib knows', (name) => {
    const { name: theirName, args } = defs.info(METHODS[name].id);
    expect(theirName).toBe(name.replaceAll(/(?:^|[.-])(\w)/g, (_, letter: string) => letter.toUpperCase()));
    const types = fieldsOf(name).map(([, domain]) => (domain === 'longbytes' ? 'longstr' : domain));
    expect(types).toEqual(args.map((field) => field.type));
    const names = fieldsOf(name).map(([field], index) =>
      field.startsWith('reserved') ? args[index]?.name : field.replace('noWait', 'nowait'),
    );
    expect(names).toEqual(args.map((field) => field.name));
  });

  test('has the properties that amqplib knows', () => {
    expect(PROPERTY_NAMES).toEqual(defs.info(60).args.map((field) => field.name));
  });

  test('has the reply codes that amqplib knows', () => {
    const names = Object.entries(REPLY_CODES).map(([code, { code: name }]) => [name, Number(code)]);
    const framing = Object.entries(defs.constants).filter(
      ([name]) => !name.startsWith('FRAME_') || name === 'FRAME_ERROR',
    );
    expect(new Map(names as [string, number][])).toEqual(new Map(framing));
  });
});

describe('methods', () => {
  test.each(VECTORS)('$name: the golden bytes are theirs', ({ name, args, hex: payload }) => {
    const frame = defs.encodeMethod(METHODS[name].id, 7, theirFields(name, { ...args }));
    expect(frame.subarray(7, -1)).toEqual(hex(payload));
    const decoded = frames.decodeFrame(frames.parseFrame(frame, 0));
    expect(ourArgs(name, decoded.fields)).toEqual(args);
  });

  test('any arguments give the same frame', () => {
    const withTables = fc.tuple(methods(), sharedTables).map(([{ name, args }, shared]) => {
      const tables = fieldsOf(name).filter(([, domain]) => domain === 'table');
      return { name, args: { ...args, ...Object.fromEntries(tables.map(([field]) => [field, shared])) } };
    });
    check(
      fc.property(withTables, fc.nat(0xffff), ({ name, args }, channel) => {
        const frame = written((writer) => encodeMethod(writer, channel, name, args as Input<MethodName>));
        const their = defs.encodeMethod(METHODS[name].id, channel, theirFields(name, args));
        ok(their.equals(frame));
      }),
      1500,
    );
  });
});

describe('tables', () => {
  test('the same entries give the same bytes, and each reads what the other wrote', () => {
    const scratch = Buffer.alloc(70_000);
    check(
      fc.property(sharedTables, (entries) => {
        const mine = written((writer) => encodeTable(writer, entries));
        const their = scratch.subarray(0, codec.encodeTable(scratch, theirs(entries), 0));
        ok(mine.equals(their));
        expect(ours(codec.decodeFields(mine.subarray(4)))).toEqual(decodeTable(reading(Buffer.from(their))));
      }),
      1000,
    );
  });

  test.each([
    ['int8', -128],
    ['uint8', 255],
    ['int16', -32768],
    ['uint16', 65535],
    ['int32', -2147483648],
    ['uint32', 4294967295],
    ['int64', -(2 ** 52)],
    ['float', 0.25],
    ['double', 1e300],
  ])('%s as amqplib writes it', (type, value) => {
    const scratch = Buffer.alloc(64);
    const size = codec.encodeTable(scratch, { k: { '!': type, value } }, 0);
    expect(decodeTable(reading(scratch.subarray(0, size)))).toEqual(table({ k: value }));
  });

  test('decimals are the same bytes', () => {
    const scratch = Buffer.alloc(64);
    const size = codec.encodeTable(scratch, { k: { '!': 'decimal', value: { places: 2, digits: 314 } } }, 0);
    const { k } = decodeTable(reading(scratch.subarray(0, size)));
    expect(k).toEqual(new TypedValue('D', { scale: 2, unscaled: 314 }));
  });
});

describe('properties', () => {
  test('any of them give the same header frame, and each reads what the other wrote', () => {
    const shared = fc
      .tuple(properties(), sharedTables, fc.nat(2 ** 31))
      .map(([{ headers, timestamp, ...others }, sharedHeaders, seconds]) => ({
        ...others,
        ...(headers !== undefined && { headers: sharedHeaders }),
        ...(timestamp !== undefined && { timestamp: new Date(seconds * 1000) }),
      }));
    check(
      fc.property(shared, fc.maxSafeNat(), (properties, bodySize) => {
        const frame = written((writer) => {
          const start = openFrame(writer, 2, 9);
          encodeContentHeader(writer, bodySize, properties);
          closeFrame(writer, start);
        });
        const seconds = properties.timestamp && properties.timestamp.getTime() / 1000;
        const headers = properties.headers && theirs(properties.headers);
        const their = defs.encodeProperties(60, 9, bodySize, { ...properties, timestamp: seconds, headers });
        ok(their.equals(frame));

        const decoded = frames.decodeFrame(frames.parseFrame(frame, 0));
        expect(decoded).toMatchObject({ id: 60, channel: 9, size: bodySize });
        const read = decodeContentHeader(reading(their.subarray(7, -1)));
        const { timestamp, headers: theirHeaders, ...others } = decoded.fields;
        const defined = Object.entries(others).filter(([, value]) => value !== undefined);
        expect(read.properties).toEqual({
          ...Object.fromEntries(defined),
          ...(timestamp !== undefined && { timestamp: new Date((timestamp as number) * 1000) }),
          ...(theirHeaders !== undefined && { headers: ours(theirHeaders) }),
        });
      }),
      500,
    );
  });
});

test('a heartbeat is a heartbeat', () => {
  const heartbeat = written((writer) => closeFrame(writer, openFrame(writer, 8, 0)));
  expect(heartbeat).toEqual(frames.HEARTBEAT_BUF);
});
