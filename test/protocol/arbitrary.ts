import fc from 'fast-check';
import type { TableValue } from '../../src/protocol/field-table';
import type { MethodName } from '../../src/protocol/method-types';
import { type Domain, METHODS } from '../../src/protocol/methods';
import { hex, hexOf, table } from './bytes';

/** The seed for the whole suite: a failure is the same failure everywhere. */
export const SEED = 0x0901;

/** Run a property `numRuns` times with the suite's seed. */
export function check<T extends [unknown, ...unknown[]]>(property: fc.IProperty<T>, numRuns: number): void {
  fc.assert(property, { seed: SEED, numRuns });
}

const buffers = (constraints: fc.IntArrayConstraints) =>
  fc.uint8Array(constraints).map((bytes) => Buffer.from(bytes));

/** Every character but half surrogate pairs. fast-check's own `binary` lists them all first, which takes seconds. */
const character = fc
  .integer({ min: 0, max: 0x10ffff - 0x800 })
  .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800));

/** Any text that UTF-8 can express. */
export const text = (maxLength = 40) =>
  fc.oneof(fc.string({ unit: character, maxLength }), fc.string({ unit: 'grapheme', maxLength }));

/** Text of at most 255 bytes. */
export const shortText = () => text(70).filter((value) => Buffer.byteLength(value) <= 255);

/** Keys that would mean something to an ordinary object among others. */
export const keys = () =>
  fc.oneof(shortText(), fc.constantFrom('__proto__', 'constructor', 'toString', '', '0', '10', '2'));

const unsafeIntegers = () =>
  fc.oneof(
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  );

/** Values as they are read from a table, so that a round trip changes nothing. */
const { value: tableValues } = fc.letrec<{ value: TableValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    unsafeIntegers(),
    text(),
    fc.constant(null),
    fc.integer({ min: 0, max: 8.64e12 }).map((seconds) => new Date(seconds * 1000)),
    buffers({ maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(keys(), tie('value')), { maxLength: 5 }).map((entries) => table(entries)),
  ),
}));

export const tables = () =>
  fc.array(fc.tuple(keys(), tableValues), { maxLength: 8 }).map((list) => table(list));

// ── tables as bytes, written independently of the codec ───────────────────────────────────────────────

const sized = (bytes: Buffer) => Buffer.concat([hex(hexOf(bytes.length, 4)), bytes]);
const scalar = (letter: string, payload: fc.Arbitrary<Buffer>) =>
  payload.map((bytes) => Buffer.concat([Buffer.from(letter), bytes]));
const octets = (size: number) => buffers({ minLength: size, maxLength: size });

/** Any octets of a number but those of a NaN, which engines may change: the usual one takes their place. */
const float = () => octets(4).map((bytes) => (Number.isNaN(bytes.readFloatBE()) ? hex('7fc00000') : bytes));
const double = () =>
  octets(8).map((bytes) => (Number.isNaN(bytes.readDoubleBE()) ? hex('7ff8000000000000') : bytes));
const finiteFloat = () => float().filter((bytes) => Number.isFinite(bytes.readFloatBE()));
const finiteDouble = () => double().filter((bytes) => Number.isFinite(bytes.readDoubleBE()));

function entriesOf(value: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const key = fc.oneof(
    { weight: 4, arbitrary: buffers({ maxLength: 12 }) },
    { weight: 1, arbitrary: buffers({ minLength: 250, maxLength: 255 }) },
    { weight: 2, arbitrary: keys().map((name) => Buffer.from(name)) },
  );
  return fc
    .uniqueArray(fc.tuple(key, value), { maxLength: 6, selector: ([name]) => name.toString('hex') })
    .map((list) =>
      sized(Buffer.concat(list.flatMap(([name, bytes]) => [Buffer.of(name.length), name, bytes]))),
    );
}

const wireValues = (floats: fc.Arbitrary<Buffer>, doubles: fc.Arbitrary<Buffer>) =>
  fc.letrec<{ wire: Buffer }>((tie) => ({
    wire: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      scalar('t', fc.constantFrom(hex('00'), hex('01'))),
      ...['b', 'B'].map((letter) => scalar(letter, octets(1))),
      ...['s', 'u'].map((letter) => scalar(letter, octets(2))),
      ...['I', 'i'].map((letter) => scalar(letter, octets(4))),
      ...['l', 'L', 'T'].map((letter) => scalar(letter, octets(8))),
      scalar('l', fc.maxSafeInteger().map(int64)),
      scalar('T', fc.integer({ min: 0, max: 2 ** 31 }).map(int64)),
      scalar('f', floats),
      scalar('d', doubles),
      scalar('D', octets(5)),
      scalar('V', fc.constant(hex(''))),
      ...['S', 'x'].map((letter) => scalar(letter, buffers({ maxLength: 30 }).map(sized))),
      scalar(
        'S',
        text().map((value) => sized(Buffer.from(value))),
      ),
      scalar(
        'A',
        fc.array(tie('wire'), { maxLength: 4 }).map((list) => sized(Buffer.concat(list))),
      ),
      scalar('F', entriesOf(tie('wire'))),
    ),
  })).wire;

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

/** Whole tables in bytes, with every type, any bytes as keys and strings, and no key twice. */
export const wireTables = () => entriesOf(wireValues(float(), double()));

/** The same without NaN and infinity, which cannot be sent as plain values. */
export const finiteWireTables = () => entriesOf(wireValues(finiteFloat(), finiteDouble()));

// ── methods and properties ────────────────────────────────────────────────────────────────────────────

const DOMAINS: Readonly<Record<Domain, fc.Arbitrary<unknown>>> = {
  bit: fc.boolean(),
  octet: fc.integer({ min: 0, max: 0xff }),
  short: fc.integer({ min: 0, max: 0xffff }),
  long: fc.integer({ min: 0, max: 0xffff_ffff }),
  longlong: fc.maxSafeNat(),
  shortstr: shortText(),
  longstr: text(300),
  longbytes: buffers({ maxLength: 300 }),
  table: tables(),
};

/** Any method with any arguments. */
export const methods = () =>
  fc.constantFrom(...(Object.keys(METHODS) as MethodName[])).chain((name) => {
    const fields = Object.entries(METHODS[name].args).filter(([field]) => !field.startsWith('reserved'));
    const args = Object.fromEntries(fields.map(([field, domain]) => [field, DOMAINS[domain]]));
    return fc.record({ name: fc.constant(name), args: fc.record(args) });
  });

const TIMES = fc.oneof(
  fc.integer({ min: 0, max: 8.64e12 }).map((seconds) => new Date(seconds * 1000)),
  fc.bigInt({ min: 8_640_000_000_001n, max: 2n ** 64n - 1n }),
);

/** Any subset of the fourteen properties. */
export const properties = () =>
  fc.record(
    {
      contentType: shortText(),
      contentEncoding: shortText(),
      headers: tables(),
      deliveryMode: DOMAINS.octet as fc.Arbitrary<number>,
      priority: DOMAINS.octet as fc.Arbitrary<number>,
      correlationId: shortText(),
      replyTo: shortText(),
      expiration: shortText(),
      messageId: shortText(),
      timestamp: TIMES,
      type: shortText(),
      userId: shortText(),
      appId: shortText(),
      clusterId: shortText(),
    },
    { requiredKeys: [] },
  );

// ── damage ────────────────────────────────────────────────────────────────────────────────────────────

/** Octets at which parsers break: limits, signs, letters of nested and sized values, the end octet. */
const NASTY = hex('00 01 02 03 08 40 7f 80 c3 ce ed f0 fe ff 41 46 53 54 78 74 6c');

const octet = () => fc.oneof(fc.nat(255), fc.constantFrom(...NASTY));
const position = () => fc.nat(0xffff).map((value) => value / 0x1_0000);

interface Accident {
  how: 'set' | 'delete' | 'insert' | 'cut' | 'repeat' | 'size';
  /** Where, as a part of the whole. */
  at: number;
  octets: number[];
}

/** Mostly one octet changed, which leaves the lengths alone: those inputs get far into a decoder. */
const accident = (): fc.Arbitrary<Accident> =>
  fc.oneof(
    fc.record({ how: fc.constant('set' as const), at: position(), octets: fc.tuple(octet()) }),
    fc.record({
      how: fc.constantFrom('set', 'delete', 'insert', 'cut', 'repeat', 'size'),
      at: position(),
      octets: fc.array(octet(), { minLength: 1, maxLength: 6 }),
    }),
  );

/** A value of `originals` after a few accidents. */
export function damaged(originals: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...originals), fc.array(accident(), { minLength: 1, maxLength: 3 }))
    .map(([original, accidents]) => accidents.reduce(suffer, original));
}

function suffer(bytes: Buffer, { how, at, octets }: Accident): Buffer {
  const from = Math.floor(at * bytes.length);
  const [head, tail] = [bytes.subarray(0, from), bytes.subarray(from)];
  const others = Buffer.from(octets);
  switch (how) {
    case 'set':
      return Buffer.concat([head, others, tail.subarray(others.length)]);
    case 'delete':
      return Buffer.concat([head, tail.subarray(others.length)]);
    case 'insert':
      return Buffer.concat([head, others, tail]);
    case 'cut':
      return Buffer.from(head);
    case 'repeat':
      return Buffer.concat([head, tail, tail]);
    case 'size':
      return Buffer.concat([head, hex('000000'), others.subarray(0, 1), tail.subarray(4)]);
  }
}

/** Any bytes, the nasty ones more often. */
export const garbage = (maxLength: number) =>
  fc.array(octet(), { maxLength }).map((octets) => Buffer.from(octets));
