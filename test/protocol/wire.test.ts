import { ProtocolViolation } from '../../src/protocol/violation';
import { isBytes, OutOfRoom, Reader, typeName, Writer } from '../../src/protocol/wire';
import { hex, reading, thrown, violation, written } from './bytes';

type Numeric = 'octet' | 'int8' | 'short' | 'int16' | 'long' | 'int32' | 'longlong' | 'int64';

describe('integers', () => {
  test.each<[Numeric, number | bigint, string, number | bigint, string]>([
    ['octet', 0, '00', 255, 'ff'],
    ['int8', -128, '80', 127, '7f'],
    ['short', 0, '0000', 65535, 'ffff'],
    ['int16', -32768, '8000', 32767, '7fff'],
    ['long', 0, '00000000', 4294967295, 'ffffffff'],
    ['int32', -2147483648, '80000000', 2147483647, '7fffffff'],
    ['longlong', 0n, '0000000000000000', 2n ** 64n - 1n, 'ffffffffffffffff'],
    ['int64', -(2n ** 63n), '8000000000000000', 2n ** 63n - 1n, '7fffffffffffffff'],
  ])('%s goes from %s to %s and not one further', (kind, least, leastBytes, most, mostBytes) => {
    expect(written((writer) => writer[kind](least))).toEqual(hex(leastBytes));
    expect(written((writer) => writer[kind](most))).toEqual(hex(mostBytes));
    const below = typeof least === 'bigint' ? least - 1n : least - 1;
    const above = typeof most === 'bigint' ? most + 1n : (most as number) + 1;
    for (const outside of [below, above]) {
      const error = thrown(() => written((writer) => writer[kind](outside), 'x')) as Error;
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(/^x must be .*from -?\d+ to \d+, got -?\d+$/);
    }
  });

  test.each<[Numeric, string, number | bigint]>([
    ['octet', 'ff', 255],
    ['int8', 'ff', -1],
    ['short', 'fffe', 65534],
    ['int16', 'fffe', -2],
    ['long', 'fffffffd', 4294967293],
    ['int32', 'fffffffd', -3],
    ['longlong', '0000000100000002', 4294967298],
    ['int64', 'fffffffffffffffc', -4n],
  ])('%s is read from %s as %s', (kind, bytes, value) => {
    expect(reading(bytes)[kind]()).toBe(value);
  });

  test.each<[Numeric, unknown, typeof TypeError | typeof RangeError, string]>([
    ['octet', undefined, TypeError, 'got undefined'],
    ['octet', null, TypeError, 'got null'],
    ['short', '1', TypeError, 'got a string'],
    ['short', true, TypeError, 'got a boolean'],
    ['long', 1n, TypeError, 'got a bigint'],
    ['long', {}, TypeError, 'got an object'],
    ['long', 0.1, RangeError, 'got 0.1'],
    ['int32', Number.NaN, RangeError, 'got NaN'],
    ['int32', Number.POSITIVE_INFINITY, RangeError, 'got Infinity'],
    ['longlong', 2 ** 53, RangeError, 'got 9007199254740992'],
    ['longlong', 0.5, RangeError, 'got 0.5'],
    ['longlong', '1', TypeError, 'got a string'],
    ['int64', -(2 ** 53), RangeError, 'got -9007199254740992'],
    ['int64', null, TypeError, 'got null'],
  ])('%s refuses %p', (kind, value, type, message) => {
    const error = thrown(() => written((writer) => writer[kind](value), 'x')) as Error;
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(/^x must be /);
    expect(error.message).toContain(message);
  });

  test('64 bits are exact from numbers up to 2^53-1', () => {
    for (const value of [1, 0xffff_ffff, 0x1_0000_0000, 0x1f_ffff_ffff_ffff, 0x12_3456_789a_bcde]) {
      const bytes = hex(value.toString(16).padStart(16, '0'));
      expect(written((writer) => writer.longlong(value))).toEqual(bytes);
      expect(written((writer) => writer.int64(value))).toEqual(bytes);
      expect(new Reader(bytes).longlong()).toBe(value);
    }
    expect(written((writer) => writer.int64(-2))).toEqual(hex('fffffffffffffffe'));
  });
});

describe('short strings', () => {
  test.each([
    ['', '00'],
    ['q', '01 71'],
    ['é', '02 c3a9'],
    ['€', '03 e282ac'],
    ['😀', '04 f09f9880'],
    ['\0', '01 00'],
    ['\ufffd', '03 efbfbd'],
    ['\ufeffx', '04 efbbbf78'], // a byte order mark is a character like others
  ])('are written and read: %j', (text, bytes) => {
    expect(written((writer) => writer.shortstr(text))).toEqual(hex(bytes));
    expect(reading(bytes).shortstr()).toBe(text);
  });

  test.each([
    ['ASCII', 'a'.repeat(255), 'a'.repeat(256), 256],
    ['two bytes each', `${'é'.repeat(127)}a`, 'é'.repeat(128), 256],
    ['three bytes each', '€'.repeat(85), `${'€'.repeat(85)}a`, 256],
    ['surrogate pairs', `${'😀'.repeat(63)}abc`, '😀'.repeat(64), 256],
    ['a pair cut by the limit', `${'a'.repeat(251)}😀`, `${'a'.repeat(252)}😀`, 256],
    ['escaped bytes', '\udcff'.repeat(255), '\udcff'.repeat(256), 256],
    ['far too long', 'a', 'a'.repeat(100_000), 100_000],
  ])('255 bytes fit, 256 do not: %s', (_, fits, tooLong, size) => {
    const bytes = written((writer) => writer.shortstr(fits));
    expect(bytes[0]).toBe(bytes.length - 1);
    expect(new Reader(bytes).shortstr()).toBe(fits);
    expect(() => written((writer) => writer.shortstr(tooLong), 'queue')).toThrow(
      new RangeError(`queue is ${size} bytes long in UTF-8; AMQP allows at most 255`),
    );
  });

  test.each(['', 'a', 'é€😀', 'a'.repeat(255), '€'.repeat(85), '\udcff'.repeat(200)])(
    'never touch what lies behind their room: %#',
    (text) => {
      const whole = written((writer) => writer.shortstr(text));
      for (let room = 0; room <= whole.length; room++) {
        const target = Buffer.alloc(300, 0xaa);
        const writer = new Writer().target(target, 3, 3 + room);
        if (room < whole.length) expect(thrown(() => writer.shortstr(text))).toBeInstanceOf(OutOfRoom);
        else writer.shortstr(text);
        expect(target.subarray(3 + room).equals(Buffer.alloc(297 - room, 0xaa))).toBe(true);
      }
    },
  );

  test('are strings, and nothing else', () => {
    for (const value of [1, null, undefined, {}, Buffer.from('q'), Object('q')]) {
      expect(() => written((writer) => writer.shortstr(value), 'queue')).toThrow(
        /^queue must be a string, got /,
      );
    }
  });
});

describe('long strings', () => {
  test.each([
    ['text', 'aé', '00000003 61c3a9'],
    ['bytes', hex('00ff'), '00000002 00ff'],
    ['a view into a larger buffer', hex('01020304').subarray(1, 3), '00000002 0203'],
    ['an escaped byte', 'a\udcff', '00000002 61ff'],
  ])('are written with their size: %s', (_, value, bytes) => {
    expect(written((writer) => writer.longstr(value))).toEqual(hex(bytes));
  });

  test('of 100,000 characters go through', () => {
    const text = 'ä😀'.repeat(50_000);
    const bytes = written((writer) => writer.longstr(text), 'x', 400_000);
    expect(bytes.readUInt32BE(0)).toBe(300_000);
    expect(new Reader(bytes).longstr()).toBe(text);
  });

  test('never touch what lies behind their room', () => {
    for (const value of ['aé€', hex('0102030405'), 'a\udcffb']) {
      const whole = written((writer) => writer.longstr(value));
      for (let room = 0; room < whole.length; room++) {
        const target = Buffer.alloc(20, 0xaa);
        expect(thrown(() => new Writer().target(target, 0, room).longstr(value))).toBeInstanceOf(OutOfRoom);
        expect(target.subarray(room)).toEqual(Buffer.alloc(20 - room, 0xaa));
      }
    }
  });

  test('refuse what is no string and no bytes', () => {
    for (const value of [1, null, [1], {}, new Uint16Array(1), new ArrayBuffer(1)]) {
      expect(() => written((writer) => writer.longstr(value), 'x')).toThrow(
        /^x must be a string or bytes, got /,
      );
    }
  });
});

describe('reading', () => {
  const KINDS = [
    'octet',
    'int8',
    'short',
    'int16',
    'long',
    'int32',
    'float',
    'double',
    'uint64',
    'int64',
  ] as const;
  const MORE = ['longlong', 'shortstr', 'longstr', 'longbytes'] as const;

  test.each([...KINDS, ...MORE])('%s stops at the end of its frame, not of the memory', (kind) => {
    const memory = Buffer.alloc(64, 0x01);
    expect(violation(() => new Reader().source(memory, 60, 60)[kind]())).toMatchObject({
      replyCode: 502,
      problem: 'truncated value',
    });
  });

  test('a size larger than what is left is refused before it is believed', () => {
    const error = violation(() => reading('7fffffff 61', 'mechanisms').longstr());
    expect(error.message).toBe('truncated value in mechanisms: expected 2147483647 bytes, got 1 bytes');
    expect(() => reading('ffffffff').longbytes()).toThrow(ProtocolViolation);
    expect(() => reading('02 61').shortstr()).toThrow(ProtocolViolation);
  });

  test('floating point numbers are read exactly', () => {
    expect(reading('c0490fdb').float()).toBe(Math.fround(-Math.PI));
    expect(reading('400921fb54442d18').double()).toBe(Math.PI);
    expect(reading('ffffffffffffffff').uint64()).toBe(2n ** 64n - 1n);
  });
});

test.each([
  [null, 'null'],
  [undefined, 'undefined'],
  [1, 'a number'],
  ['secret', 'a string'],
  [Symbol('secret'), 'a symbol'],
  [() => 'secret', 'a function'],
  [['secret'], 'an array'],
  [{ secret: 1 }, 'an object'],
  [Object.create(null), 'an object'],
  [new Map(), 'a Map'],
  [new (class Account {})(), 'an Account'],
  [new (class {})(), 'an object'],
  [{ constructor: { name: 'secret' } }, 'an object'],
])('typeName names the kind of %p, never its content', (value, name) => {
  expect(typeName(value)).toBe(name);
});

test.each([
  [new Uint8Array(1), true],
  [Buffer.alloc(1), true],
  [new Uint8ClampedArray(1), false],
  [new Int8Array(1), false],
  [new DataView(new ArrayBuffer(1)), false],
  [[1], false],
  [{ [Symbol.toStringTag]: 'Uint8Array' }, false],
  [null, false],
])('isBytes(%p) is %p', (value, expected) => {
  expect(isBytes(value)).toBe(expected);
});
