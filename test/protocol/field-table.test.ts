import { runInNewContext } from 'node:vm';
import {
  decodeTable,
  decodeTypedTable,
  encodeTable,
  type TableInput,
  type TableInputValue,
  type TableValue,
  TypedValue,
  typed,
} from '../../src/protocol/field-table';
import { hex, hexOf, reading, table, violation, written } from './bytes';

/** A table whose only key is "k", with these bytes (letter included) as its value. */
function tableOf(value: string): Buffer {
  const entry = hex(`01 6b ${value}`);
  return Buffer.concat([hex(hexOf(entry.length, 4)), entry]);
}

const encoded = (input: unknown) => written((writer) => encodeTable(writer, input));

/** `type: letter and bytes`, what is given to encode it, and what it is read as. */
interface Golden {
  hex: string;
  sent: TableInputValue;
  read: TableValue;
}
const golden = (hex: string, sent: TableInputValue, read = sent as TableValue): Golden => ({
  hex,
  sent,
  read,
});

const MAX_SAFE = 2 ** 53 - 1;

const GOLDEN: readonly Golden[] = [
  // t: boolean
  golden('74 01', true),
  golden('74 00', false),
  golden('74 01', typed.boolean(true), true),
  // b B: 8 bits
  golden('62 80', typed.int8(-128), -128),
  golden('62 7f', typed.int8(127), 127),
  golden('42 00', typed.uint8(0), 0),
  golden('42 ff', typed.uint8(255), 255),
  // s u: 16 bits
  golden('73 8000', typed.int16(-32768), -32768),
  golden('73 7fff', typed.int16(32767), 32767),
  golden('75 ffff', typed.uint16(65535), 65535),
  golden('75 0102', typed.uint16(258), 258),
  // I i: 32 bits; integers of this range are I on their own
  golden('49 00000000', 0),
  golden('49 ffffffff', -1),
  golden('49 7fffffff', 2147483647),
  golden('49 80000000', -2147483648),
  golden('49 01020304', typed.int32(16909060), 16909060),
  golden('69 ffffffff', typed.uint32(4294967295), 4294967295),
  golden('69 00000007', typed.uint32(7), 7),
  // l: other safe integers and every bigint; read as a number where that is exact
  golden('6c 0000000080000000', 2147483648),
  golden('6c ffffffff7fffffff', -2147483649),
  golden('6c 001fffffffffffff', MAX_SAFE),
  golden('6c ffe0000000000001', -MAX_SAFE),
  golden('6c 0000000000000005', 5n, 5),
  golden('6c 0000000000000007', typed.int64(7), 7),
  golden('6c 0020000000000000', 2n ** 53n),
  golden('6c ffe0000000000000', -(2n ** 53n)),
  golden('6c 7fffffffffffffff', 2n ** 63n - 1n),
  golden('6c 8000000000000000', -(2n ** 63n)),
  // L: signed, too
  golden('4c 0000000000000001', new TypedValue('L', 1), 1),
  golden('4c 001fffffffffffff', new TypedValue('L', MAX_SAFE), MAX_SAFE),
  golden('4c 0020000000000000', new TypedValue('L', 2n ** 53n), 2n ** 53n),
  golden('4c ffffffff4d2fa200', new TypedValue('L', -3_000_000_000), -3_000_000_000),
  golden('4c 8000000000000000', new TypedValue('L', -(2n ** 63n)), -(2n ** 63n)),
  // f d: every number that is no safe integer is a double; what is not finite only where it is asked for
  golden('66 3f000000', typed.float(0.5), 0.5),
  golden('66 ff800000', typed.float(Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY),
  golden('66 7fc00000', typed.float(Number.NaN), Number.NaN),
  golden('64 3fb999999999999a', 0.1),
  golden('64 8000000000000000', -0),
  golden('64 7ff8000000000000', typed.double(Number.NaN), Number.NaN),
  golden('64 7ff0000000000000', typed.double(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY),
  golden('64 fff0000000000000', typed.double(Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY),
  golden('64 0000000000000001', Number.MIN_VALUE),
  golden('64 7fefffffffffffff', Number.MAX_VALUE),
  golden('64 4340000000000000', 2 ** 53),
  golden('64 3ff0000000000000', typed.double(1), 1),
  // D: digits behind the point, then the unscaled value; no number could be exact
  golden('44 02 0000013a', typed.decimal(314, 2)),
  golden('44 02 fffffec6', typed.decimal(-314, 2)),
  golden('44 ff 80000000', typed.decimal(-(2 ** 31), 255)),
  // S x: text and bytes behind four octets of length
  golden('53 00000000', ''),
  golden('53 0000000a 6ec3a920e282ac20f09f', typed.string(hex('6ec3a920e282ac20f09f')), 'né € \udcf0\udc9f'),
  golden('53 00000009 c3a9e282acf09f9880', 'é€😀'),
  golden('53 00000002 00ff', typed.string(hex('00ff')), '\0\udcff'),
  golden('78 00000000', hex('')),
  golden('78 00000003 0080ff', hex('0080ff')),
  golden('78 00000002 0102', Uint8Array.of(1, 2), hex('0102')),
  golden('78 00000001 7f', typed.bytes(Uint8Array.of(127)), hex('7f')),
  // A F: nested
  golden('41 00000000', []),
  golden('41 00000010 49 00000001 53 00000001 61 41 00000000', [1, 'a', []]),
  golden('41 00000003 56 74 00', [null, false]),
  golden('46 00000000', {}, table()),
  golden('46 00000008 02 c3a9 46 00000000', { é: {} }, table({ é: table() })),
  golden('46 00000003 01 61 56', new Map([['a', null]]), table({ a: null })),
  golden('46 00000003 01 61 56', table({ a: null })),
  // T: seconds since 1970
  golden('54 0000000000000000', new Date(0)),
  golden('54 000000006553f100', new Date(1_700_000_000_000)),
  golden('54 000000006553f100', typed.timestamp(1_700_000_000), new Date(1_700_000_000_000)),
  golden('54 000007dba8218000', new Date(8.64e15)),
  golden('54 000007dba8218001', typed.timestamp(8_640_000_000_001)),
  golden('54 ffffffffffffffff', typed.timestamp(2n ** 64n - 1n)),
  // V
  golden('56', null),
  golden('56', typed.void(), null),
];

describe("every type of RabbitMQ's dialect", () => {
  test('is in the golden vectors', () => {
    const letters = new Set(GOLDEN.map((vector) => String.fromCharCode(hex(vector.hex)[0]!)));
    expect([...letters].sort().join('')).toBe('ABDFILSTVbdfilstux');
  });

  test.each(GOLDEN)('$hex is what is sent for $sent', ({ hex: bytes, sent }) => {
    expect(encoded({ k: sent })).toEqual(tableOf(bytes));
  });

  test.each(GOLDEN)('$hex is read as $read', ({ hex: bytes, read }) => {
    expect(decodeTable(reading(tableOf(bytes)))).toStrictEqual(table({ k: read }));
  });

  test.each(GOLDEN)('$hex keeps its type in a typed table and is sent again unchanged', ({ hex: bytes }) => {
    const typedTable = decodeTypedTable(reading(tableOf(bytes)));
    const value = typedTable.get('k');
    const letter = String.fromCharCode(hex(bytes)[0]!);
    if (letter === 'A') expect(value).toBeInstanceOf(Array);
    else if (letter === 'F') expect(value).toBeInstanceOf(Map);
    else expect(value).toMatchObject({ type: letter });
    expect(encoded(typedTable)).toEqual(tableOf(bytes));
  });

  test('a table of several entries has one length, in bytes', () => {
    const bytes = '00000014 01 61 49 00000001 02 c3bc 53 00000002 c3a9 00 74 01';
    expect(encoded({ a: 1, ü: 'é', '': true })).toEqual(hex(bytes));
    expect(decodeTable(reading(bytes))).toStrictEqual(table({ a: 1, ü: 'é', '': true }));
  });

  test('an empty table is four zeros', () => {
    expect(encoded({})).toEqual(hex('00000000'));
    expect(decodeTable(reading('00000000'))).toStrictEqual(table());
    expect(decodeTypedTable(reading('00000000'))).toEqual(new Map());
  });

  test('any octet but 0 is true', () => {
    expect(decodeTable(reading(tableOf('74 02')))).toStrictEqual(table({ k: true }));
  });

  test('a date is cut to the whole second, never rounded up', () => {
    expect(encoded({ k: new Date(1_700_000_000_999) })).toEqual(tableOf('54 000000006553f100'));
    expect(encoded({ k: new Date(999) })).toEqual(tableOf('54 0000000000000000'));
  });

  test('entries that are undefined are left out', () => {
    expect(encoded({ a: undefined, k: null, b: undefined })).toEqual(tableOf('56'));
    expect(encoded(new Map([['a', undefined]]))).toEqual(hex('00000000'));
  });

  test('bytes are copied: what was read from may be overwritten', () => {
    const ring = tableOf('78 00000002 0102');
    const { k } = decodeTable(reading(ring));
    ring.fill(0xff);
    expect(k).toEqual(hex('0102'));
  });

  test('objects of another realm are what they are here', () => {
    const foreign = runInNewContext('({ a: [1], b: new Uint8Array([1]), c: new Date(0), d: new Map() })');
    expect(encoded(foreign)).toEqual(encoded({ a: [1], b: Uint8Array.of(1), c: new Date(0), d: new Map() }));
  });
});

describe('typed values', () => {
  test('are their value in calculations and in JSON', () => {
    expect(Number(typed.int32(5)) + 1).toBe(6);
    expect(JSON.stringify({ a: typed.int8(1), b: typed.int64(2n ** 63n - 1n), c: typed.decimal(1, 2) })).toBe(
      '{"a":1,"b":"9223372036854775807","c":{"unscaled":1,"scale":2}}',
    );
  });

  test('may stand anywhere in a table', () => {
    const nested = { k: [typed.int8(1), { n: typed.uint16(2) }] } satisfies TableInput;
    expect(encoded(nested)).toEqual(tableOf('41 0000000c 62 01 46 00000005 01 6e 75 0002'));
  });
});

describe('keys', () => {
  test('keep their order on the wire, integer-like ones too where a Map or typed table is used', () => {
    const bytes = hex('0000000c 01 62 56 01 32 56 01 61 56 01 31 56');
    expect(encoded(new Map([...'b2a1'].map((key) => [key, null])))).toEqual(bytes);
    expect([...decodeTypedTable(reading(bytes)).keys()]).toEqual(['b', '2', 'a', '1']);
  });

  test('such as __proto__ and constructor are only keys', () => {
    const bytes = hex(
      `00000036 09 5f5f70726f746f5f5f 46 0000000b 08 706f6c6c75746564 74 01
                0b 636f6e7374727563746f72 53 00000001 78 08 746f537472696e67 56`,
    );
    const read = decodeTable(reading(bytes));
    expect(Object.keys(read)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(Object.getPrototypeOf(read)).toBeNull();
    expect(read.polluted).toBeUndefined();
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect(read.constructor).toBe('x');
    expect(encoded(read)).toEqual(bytes);
  });

  test('of Object.prototype are nobody’s entries', () => {
    const prototype = Object.prototype as Record<string, unknown>;
    prototype.polluted = 'x';
    try {
      expect(encoded({ k: null })).toEqual(tableOf('56'));
      expect(encoded({ k: {} })).toEqual(tableOf('46 00000000'));
      expect(decodeTable(reading(tableOf('56'))).polluted).toBeUndefined();
    } finally {
      delete prototype.polluted;
    }
  });

  test('that come twice count with their last value', () => {
    const bytes = '00000008 01 6b 74 00 01 6b 74 01';
    expect(decodeTable(reading(bytes))).toStrictEqual(table({ k: true }));
  });
});

describe('bytes that are not UTF-8', () => {
  test('are escaped in keys and strings and sent again unchanged, even at full length', () => {
    const key = Buffer.alloc(255, 0xff);
    const entry = Buffer.concat([hex('ff'), key, hex('53 00000003 61 c3 28')]);
    const bytes = Buffer.concat([hex(hexOf(entry.length, 4)), entry]);
    const read = decodeTable(reading(bytes));
    expect(read).toStrictEqual(table({ ['\udcff'.repeat(255)]: 'a\udcc3(' }));
    expect(encoded(read)).toEqual(bytes);
  });
});

describe('malformed tables are refused', () => {
  test.each([
    ['no length', '000000'],
    ['longer than its frame', '00000005 01 6b 56'],
    ['2 GiB announced', '7fffffff 01 6b 56'],
    ['4 GiB announced', 'ffffffff 01 6b 56'],
    ['a key without value', '00000002 01 6b'],
    ['an empty key without value', '00000001 00'],
    ['an empty key without value after an entry', '00000004 01 6b 56 00'],
    ['a key longer than the table', '00000003 09 6b 56 56 56 56 56 56 56 56'],
    ['a value that ends behind the table', '00000004 01 6b 49 00 000001'],
    ['a string that ends behind the table', '00000009 01 6b 53 00000009 61 62 63 64 65 66 67 68'],
    ['an array that ends behind the table', '00000007 01 6b 41 00000001 56'],
    ['an element that ends behind its array', '0000000b 01 6b 41 00000002 49 00000001'],
    ['a nested table that ends behind its table', '00000007 01 6b 46 00000003 01 61 56'],
  ])('%s', (_, bytes) => {
    expect(violation(() => decodeTable(reading(bytes))).replyCode).toBe(502);
    expect(violation(() => decodeTypedTable(reading(bytes))).replyCode).toBe(502);
  });

  test('an unknown letter is shown with those that are known', () => {
    const error = violation(() => decodeTable(reading(tableOf('5a 00'))));
    expect(error).toMatchObject({ replyCode: 502, problem: 'unknown table value type', got: 'Z' });
    expect(error.where).toBe('headers');
    expect(violation(() => decodeTable(reading(tableOf('00')))).replyCode).toBe(502);
  });

  test('what follows the table is left for the next field', () => {
    const reader = reading('00000003 01 6b 56 abcd');
    decodeTable(reader);
    expect(reader.short()).toBe(0xabcd);
  });
});

test('TypedValue has no wire types of its own making', () => {
  const unknown = new TypedValue('Z' as 'S', 1);
  expect(() => encoded({ k: unknown })).toThrow(new TypeError('headers.k has the unknown wire type "Z"'));
});
