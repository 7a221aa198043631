import { MAX_TABLE_DEPTH } from '../../src/protocol/constants';
import {
  decodeTable,
  decodeTypedTable,
  encodeTable,
  rememberTable,
  TypedValue,
  typed,
} from '../../src/protocol/field-table';
import { hex, hexOf, reading, thrown, violation, written } from './bytes';

const encoded = (input: unknown) => written((writer) => encodeTable(writer, input));

class Account {
  name = 'x';
}

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;
const cyclicArray: unknown[] = [];
cyclicArray.push(cyclicArray);

describe('values that cannot be sent are refused with the path to them', () => {
  test.each([
    ['function', { a: { b: () => 0 } }, TypeError, 'headers.a.b cannot be sent in a table: got a function'],
    ['symbol', { a: Symbol('s') }, TypeError, 'headers.a cannot be sent in a table: got a symbol'],
    [
      'class instance',
      { a: [new Account()] },
      TypeError,
      'headers.a[0] cannot be sent in a table: got an Account',
    ],
    ['set', { a: new Set() }, TypeError, 'headers.a cannot be sent in a table: got a Set'],
    ['regular expression', { a: /x/ }, TypeError, 'headers.a cannot be sent in a table: got a RegExp'],
    ['error', { a: new Error('x') }, TypeError, 'headers.a cannot be sent in a table: got an Error'],
    ['promise', { a: Promise.resolve() }, TypeError, 'headers.a cannot be sent in a table: got a Promise'],
    ['boxed number', { a: Object(1) }, TypeError, 'headers.a cannot be sent in a table: got a Number'],
    ['other typed array', { a: new Uint16Array(1) }, TypeError, 'headers.a cannot be sent'],
    ['data view', { a: new DataView(new ArrayBuffer(1)) }, TypeError, 'headers.a cannot be sent'],
    [
      'undefined in an array',
      { a: [1, undefined] },
      TypeError,
      'headers.a[1] cannot be sent in a table: got undefined',
    ],
    // biome-ignore lint/suspicious/noSparseArray: the hole is the point
    ['hole in an array', { a: [1, , 2] }, TypeError, 'headers.a[1] cannot be sent'],
    ['invalid date', { a: { d: new Date(Number.NaN) } }, TypeError, 'headers.a.d is an invalid Date'],
    ['date before 1970', { d: new Date(-1) }, RangeError, 'headers.d is before 1970'],
    [
      'NaN',
      { a: [Number.NaN] },
      RangeError,
      'headers.a[0] cannot be sent: RabbitMQ closes the connection for NaN',
    ],
    ['infinity', { n: Number.POSITIVE_INFINITY }, RangeError, 'headers.n cannot be sent: RabbitMQ closes'],
    [
      'minus infinity',
      { n: Number.NEGATIVE_INFINITY },
      RangeError,
      'headers.n cannot be sent: RabbitMQ closes',
    ],
    ['bigint above 64 bits', { n: 2n ** 63n }, RangeError, 'headers.n must be from'],
    ['bigint below 64 bits', { n: -(2n ** 63n) - 1n }, RangeError, 'headers.n must be from'],
    ['key of a Map', new Map([[1, 1]]), TypeError, 'the keys of headers must be strings, got a number'],
    ['key of a nested Map', { m: new Map([[{}, 1]]) }, TypeError, 'the keys of headers.m must be strings'],
  ])('such as %s', (_, input, type, message) => {
    const error = thrown(() => encoded(input));
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toContain(message);
  });

  test.each([
    ['NaN where an integer is wanted', typed.int32(Number.NaN), RangeError, 'got NaN'],
    [
      'infinity where an integer is wanted',
      typed.uint8(Number.POSITIVE_INFINITY),
      RangeError,
      'got Infinity',
    ],
    ['a fraction', typed.int16(0.5), RangeError, 'from -32768 to 32767, got 0.5'],
    ['int8 too large', typed.int8(128), RangeError, 'from -128 to 127, got 128'],
    ['int8 too small', typed.int8(-129), RangeError, 'from -128 to 127'],
    ['uint8 too large', typed.uint8(256), RangeError, 'from 0 to 255, got 256'],
    ['uint8 negative', typed.uint8(-1), RangeError, 'from 0 to 255'],
    ['int16 too large', typed.int16(32768), RangeError, 'from -32768'],
    ['uint16 too large', typed.uint16(65536), RangeError, 'from 0 to 65535'],
    ['int32 too large', typed.int32(2 ** 31), RangeError, 'to 2147483647'],
    ['int32 too small', typed.int32(-(2 ** 31) - 1), RangeError, 'from -2147483648'],
    ['uint32 too large', typed.uint32(2 ** 32), RangeError, 'to 4294967295'],
    ['int64 as an inexact number', typed.int64(2 ** 53), RangeError, 'to 9007199254740991'],
    ['int64 too large', typed.int64(2n ** 63n), RangeError, 'to 9223372036854775807'],
    ['L too large', new TypedValue('L', 2n ** 63n), RangeError, 'to 9223372036854775807'],
    ['a decimal with a long scale', typed.decimal(1, 256), RangeError, 'from 0 to 255'],
    ['a decimal too large', typed.decimal(2 ** 31, 0), RangeError, 'from -2147483648 to 2147483647'],
    [
      'a decimal without parts',
      new TypedValue('D', null),
      TypeError,
      'must be { unscaled, scale }, got null',
    ],
    ['a text as a number', new TypedValue('I', '5'), TypeError, 'got a string'],
    ['a bigint as int32', new TypedValue('I', 5n), TypeError, 'got a bigint'],
    ['a number as a text', new TypedValue('S', 5), TypeError, 'must be a string or bytes, got a number'],
    ['a number as a boolean', new TypedValue('t', 1), TypeError, 'must be true or false, got a number'],
    ['a text as a double', new TypedValue('d', '1'), TypeError, 'must be a number, got a string'],
    ['a text as a time', new TypedValue('T', 'now'), TypeError, 'got a string'],
    ['a negative time', typed.timestamp(-1), RangeError, 'from 0'],
    ['an invalid Date as a time', typed.timestamp(new Date(Number.NaN)), TypeError, 'is an invalid Date'],
    ['a time before 1970', typed.timestamp(new Date(-5000)), RangeError, 'is before 1970'],
  ])('typed: %s', (_, value, type, message) => {
    const error = thrown(() => encoded({ deep: [{ x: value }] }));
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toMatch(/^headers\.deep\[0\]\.x /);
    expect((error as Error).message).toContain(message);
  });

  test.each([
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['an array', [1], 'an array'],
    ['a text', 'x', 'a string'],
    ['bytes', Uint8Array.of(1), 'a Uint8Array'],
    ['a date', new Date(0), 'a Date'],
    ['a class instance', new Account(), 'an Account'],
  ])('%s is no table', (_, input, name) => {
    const message = `headers must be an object or a Map, got ${name}`;
    expect(() => encoded(input)).toThrow(new TypeError(message));
  });

  test('the values themselves stay out of the message', () => {
    const secret = { password: 'hunter2', toString: undefined, [Symbol.toPrimitive]: undefined };
    const error = thrown(() => encoded({ a: new TypedValue('I', 'hunter2'), b: secret })) as Error;
    expect(error.message).not.toContain('hunter2');
  });
});

describe('keys that cannot be sent', () => {
  test.each([
    ['ASCII', 'a'.repeat(255), 'a'.repeat(256)],
    ['two bytes', `${'é'.repeat(127)}a`, 'é'.repeat(128)],
    ['three bytes', '€'.repeat(85), '€'.repeat(86)],
    ['surrogate pairs', `${'😀'.repeat(63)}abc`, '😀'.repeat(64)],
  ])('255 bytes are sent, 256 are not: %s', (_, fits, tooLong) => {
    expect(Buffer.byteLength(fits)).toBe(255);
    expect(encoded({ [fits]: null })).toEqual(
      Buffer.concat([hex(hexOf(257, 4)), hex('ff'), Buffer.from(fits), hex('56')]),
    );
    const error = thrown(() => encoded({ a: [{ [tooLong]: null }] })) as Error;
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(/^the key ".+" of headers\.a\[0\] is 25[68] bytes long in UTF-8/);
    expect(error.message.length).toBeLessThan(200);
  });
});

describe('nesting', () => {
  /** `depth` tables inside each other, the outermost counted. */
  function nestedTables(depth: number): object {
    return depth === 1 ? {} : { t: nestedTables(depth - 1) };
  }
  function nestedArrays(depth: number): object {
    let value: unknown[] = [];
    for (let level = 2; level < depth; level++) value = [value];
    return { a: value };
  }
  function nestedBytes(depth: number): Buffer {
    const perLevel = hex('01 74 46 00000000').length;
    const lengths = Array.from({ length: depth }, (_, level) => hexOf(perLevel * (depth - 1 - level), 4));
    return hex(lengths.join('017446'));
  }

  test(`${MAX_TABLE_DEPTH} levels go both ways`, () => {
    expect(encoded(nestedTables(MAX_TABLE_DEPTH))).toEqual(nestedBytes(MAX_TABLE_DEPTH));
    const read = decodeTable(reading(nestedBytes(MAX_TABLE_DEPTH)));
    expect(encoded(read)).toEqual(nestedBytes(MAX_TABLE_DEPTH));
    const arrays = encoded(nestedArrays(MAX_TABLE_DEPTH));
    expect(encoded(decodeTypedTable(reading(arrays)))).toEqual(arrays);
  });

  test('one more is refused when sending', () => {
    for (const input of [nestedTables(MAX_TABLE_DEPTH + 1), nestedArrays(MAX_TABLE_DEPTH + 1)]) {
      const error = thrown(() => encoded(input)) as Error;
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(/^headers\.[ta].* is nested deeper than 64 levels/);
    }
  });

  test.each([MAX_TABLE_DEPTH + 1, 580, 18_000])('%i levels are refused when receiving', (depth) => {
    const bytes = nestedBytes(depth);
    for (const decode of [decodeTable, decodeTypedTable]) {
      const error = violation(() => decode(reading(bytes)));
      expect(error).toMatchObject({ replyCode: 502, problem: 'table nested too deeply' });
    }
  });

  test('a bomb of arrays is refused when receiving', () => {
    let value = hex('41 00000000');
    for (let level = 0; level < 1000; level++) {
      value = Buffer.concat([hex(`41 ${hexOf(value.length, 4)}`), value]);
    }
    const bytes = Buffer.concat([hex(`${hexOf(value.length + 2, 4)} 01 61`), value]);
    expect(violation(() => decodeTable(reading(bytes))).problem).toBe('table nested too deeply');
  });

  test('what contains itself is nested too deeply', () => {
    for (const input of [cyclic, { a: cyclicArray }, new Map([['c', cyclic]])]) {
      const error = thrown(() => encoded(input)) as Error;
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(/^headers.* contains itself$/);
    }
  });
});

describe('what was received can always be sent again', () => {
  test('the type L, which is not sent from here otherwise', () => {
    const bytes = hex('0000000b 01 6b 4c ffffffffffffffff');
    const received = rememberTable(reading(bytes));
    expect(received.k).toBe(-1);
    expect(encoded(received)).toEqual(bytes);
  });
});
