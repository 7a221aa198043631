import { closeFrame, openFrame } from '../../src/protocol/codec';
import { TypedValue } from '../../src/protocol/field-table';
import {
  decodeContentHeader,
  decodeTypedProperties,
  encodeContentHeader,
  PROPERTY_NAMES,
  type Properties,
  type PropertiesInput,
} from '../../src/protocol/properties';
import { OutOfRoom, Reader, Writer } from '../../src/protocol/wire';
import { hex, reading, table, thrown, violation, written } from './bytes';

const encoded = (bodySize: number, properties: PropertiesInput) =>
  written((writer) => encodeContentHeader(writer, bodySize, properties), '');

/** class 60, weight 0, a body of 258 bytes, then the flags and values of the properties. */
const header = (flagsAndValues: string) => hex(`003c 0000 0000000000000102 ${flagsAndValues}`);

/** In the order of the specification, from flag bit 15 down. */
const GOLDEN: readonly { properties: Properties; flags: string; value: string }[] = [
  { properties: { contentType: 'text/plain' }, flags: '8000', value: '0a 746578742f706c61696e' },
  { properties: { contentEncoding: 'utf-8' }, flags: '4000', value: '05 7574662d38' },
  {
    properties: { headers: table({ a: 1, é: null }) },
    flags: '2000',
    value: '0000000b 01 61 49 00000001 02 c3a9 56',
  },
  { properties: { deliveryMode: 2 }, flags: '1000', value: '02' },
  { properties: { priority: 255 }, flags: '0800', value: 'ff' },
  { properties: { correlationId: 'c-é' }, flags: '0400', value: '04 632dc3a9' },
  {
    properties: { replyTo: 'amq.rabbitmq.reply-to' },
    flags: '0200',
    value: '15 616d712e7261626269746d712e7265706c792d746f',
  },
  { properties: { expiration: '60000' }, flags: '0100', value: '05 3630303030' },
  { properties: { messageId: 'm' }, flags: '0080', value: '01 6d' },
  { properties: { timestamp: new Date(1_700_000_000_000) }, flags: '0040', value: '000000006553f100' },
  { properties: { type: '😀' }, flags: '0020', value: '04 f09f9880' },
  { properties: { userId: 'guest' }, flags: '0010', value: '05 6775657374' },
  { properties: { appId: 'app' }, flags: '0008', value: '03 617070' },
  { properties: { clusterId: 'cl' }, flags: '0004', value: '02 636c' },
];

describe('the fourteen properties', () => {
  test('are all in the golden vectors, in their order', () => {
    expect(GOLDEN.flatMap(({ properties }) => Object.keys(properties))).toEqual(PROPERTY_NAMES);
    expect(PROPERTY_NAMES).toHaveLength(14);
  });

  test.each(GOLDEN)('$properties alone has the flags $flags', ({ properties, flags, value }) => {
    const bytes = header(`${flags} ${value}`);
    expect(encoded(258, properties)).toEqual(bytes);
    expect(decodeContentHeader(reading(bytes))).toStrictEqual({ bodySize: 258, properties });
  });

  test('all together follow each other in the order of their flags', () => {
    const all = Object.assign({}, ...GOLDEN.map(({ properties }) => properties)) as Properties;
    const bytes = header(`fffc ${GOLDEN.map(({ value }) => value).join(' ')}`);
    expect(encoded(258, all)).toEqual(bytes);
    const reversed = Object.fromEntries(Object.entries(all).reverse());
    expect(encoded(258, reversed)).toEqual(bytes);
    expect(decodeContentHeader(reading(bytes))).toStrictEqual({ bodySize: 258, properties: all });
  });

  test('none at all leaves two zero octets of flags', () => {
    expect(encoded(258, {})).toEqual(header('0000'));
    expect(encoded(258, { type: undefined, headers: undefined })).toEqual(header('0000'));
    expect(decodeContentHeader(reading(header('0000')))).toStrictEqual({ bodySize: 258, properties: {} });
  });

  test('that are empty or zero are present all the same', () => {
    const properties = {
      contentType: '',
      headers: table(),
      priority: 0,
      timestamp: new Date(0),
      clusterId: '',
    };
    const bytes = header('a844 00 00000000 00 0000000000000000 00');
    expect(encoded(258, properties)).toEqual(bytes);
    expect(decodeContentHeader(reading(bytes)).properties).toStrictEqual(properties);
  });
});

test('the header frame of a message, octet by octet', () => {
  const writer = new Writer(Buffer.alloc(64));
  const start = openFrame(writer, 2, 0x0304);
  encodeContentHeader(writer, 5, { deliveryMode: 1 });
  closeFrame(writer, start);
  expect(writer.buffer.subarray(0, writer.pos)).toEqual(
    //   type channel size     class weight body size        flags mode end
    hex('02   0304    0000000f 003c  0000   0000000000000005 1000  01   ce'),
  );
});

test('what somebody put on Object.prototype is no property', () => {
  const prototype = Object.prototype as Record<string, unknown>;
  Object.assign(prototype, { type: 'x', headers: {}, priority: 1 });
  try {
    expect(encoded(258, {})).toEqual(header('0000'));
  } finally {
    for (const name of ['type', 'headers', 'priority']) delete prototype[name];
  }
});

describe('timestamp', () => {
  const LAST_DATE = '0040 000007dba8218000';

  test.each([
    ['a date, cut to the second', new Date(1_700_000_000_999), '0040 000000006553f100'],
    ['a number of seconds', 1_700_000_000, '0040 000000006553f100'],
    ['a bigint of seconds', 1_700_000_000n, '0040 000000006553f100'],
    ['the last date', new Date(8.64e15), LAST_DATE],
    ['64 bits', 2n ** 64n - 1n, '0040 ffffffffffffffff'],
  ])('may be given as %s', (_, timestamp, bytes) => {
    expect(encoded(258, { timestamp })).toEqual(header(bytes));
  });

  test('is read as a Date as long as there is one, then as a bigint of seconds', () => {
    const read = (bytes: string) => decodeContentHeader(reading(header(bytes))).properties.timestamp;
    expect(read(LAST_DATE)).toEqual(new Date(8.64e15));
    expect(read('0040 000007dba8218001')).toBe(8_640_000_000_001n);
    expect(read('0040 ffffffffffffffff')).toBe(2n ** 64n - 1n);
  });
});

describe('body size', () => {
  test.each([
    [0, '0000000000000000'],
    [0xffff_ffff, '00000000ffffffff'],
    [0x1_0000_0000, '0000000100000000'],
    [2 ** 53 - 1, '001fffffffffffff'],
  ])('of %i is written and read in eight octets', (size, bytes) => {
    const payload = hex(`003c 0000 ${bytes} 0000`);
    expect(encoded(size, {})).toEqual(payload);
    expect(decodeContentHeader(reading(payload)).bodySize).toBe(size);
  });

  test('of 2^53 or more is refused both ways', () => {
    expect(() => encoded(2 ** 53, {})).toThrow(/^body size must be a whole number/);
    const error = violation(() => decodeContentHeader(reading('003c 0000 0020000000000000 0000')));
    expect(error).toMatchObject({ replyCode: 502, where: 'body size', expected: 'at most 2^53-1' });
    expect(violation(() => decodeContentHeader(reading('003c 0000 ffffffffffffffff 0000'))).replyCode).toBe(
      502,
    );
  });
});

describe('properties that cannot be sent are refused by name', () => {
  test.each([
    [{ contentType: 5 }, TypeError, 'contentType must be a string, got a number'],
    [{ contentType: null }, TypeError, 'contentType must be a string, got null'],
    [{ expiration: 60000 }, TypeError, 'expiration must be a string, got a number'],
    [{ deliveryMode: true }, TypeError, 'deliveryMode must be a whole number from 0 to 255, got a boolean'],
    [{ priority: 256 }, RangeError, 'priority must be a whole number from 0 to 255, got 256'],
    [{ priority: 0.5 }, RangeError, 'priority must be a whole number from 0 to 255, got 0.5'],
    [{ headers: 'x' }, TypeError, 'headers must be an object or a Map, got a string'],
    [{ headers: { a: [{ b: () => 0 }] } }, TypeError, 'headers.a[0].b cannot be sent in a table'],
    [{ timestamp: '2024' }, TypeError, 'timestamp must be a whole number or a bigint, got a string'],
    [{ timestamp: new Date(Number.NaN) }, TypeError, 'timestamp is an invalid Date'],
    [{ timestamp: new Date(-1) }, RangeError, 'timestamp is before 1970'],
    [{ timestamp: -1.5 }, RangeError, 'timestamp must be a whole number'],
    [{ timestamp: -1n }, RangeError, 'timestamp must be from 0'],
  ])('such as %o', (properties, type, message) => {
    const error = thrown(() => encoded(0, properties as PropertiesInput)) as Error;
    expect(error).toBeInstanceOf(type);
    expect(error.message).toContain(message);
  });

  const shortStrings = PROPERTY_NAMES.filter(
    (name) => !['headers', 'deliveryMode', 'priority', 'timestamp'].includes(name),
  );

  test.each(shortStrings)('%s of 255 bytes is sent, of 256 bytes refused', (name) => {
    const fits = `${'é'.repeat(127)}a`;
    const bytes = encoded(0, { [name]: fits });
    expect(bytes.subarray(14)).toEqual(Buffer.concat([hex('ff'), Buffer.from(fits)]));
    const error = thrown(() => encoded(0, { [name]: 'é'.repeat(128) })) as Error;
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(new RegExp(`^${name} is 256 bytes long in UTF-8`));
  });

  test('too little room is out of room at every size', () => {
    const properties = Object.assign({}, ...GOLDEN.map((each) => each.properties)) as Properties;
    const whole = encoded(1, properties);
    for (let room = 0; room < whole.length; room++) {
      const target = Buffer.alloc(whole.length + 8, 0xaa);
      const writer = new Writer().target(target, 0, room);
      expect(thrown(() => encodeContentHeader(writer, 1, properties))).toBeInstanceOf(OutOfRoom);
      expect(target.subarray(room)).toEqual(Buffer.alloc(target.length - room, 0xaa));
    }
  });
});

describe('malformed content headers are refused', () => {
  test('when they are cut anywhere', () => {
    const whole = header(`fffc ${GOLDEN.map(({ value }) => value).join(' ')}`);
    for (let size = 0; size < whole.length; size++) {
      const reader = new Reader().source(whole, 0, size);
      expect(violation(() => decodeContentHeader(reader)).replyCode).toBe(502);
    }
  });

  test('when they are of another class', () => {
    const error = violation(() => decodeContentHeader(reading('0032 0000 0000000000000000 0000')));
    expect(error).toMatchObject({ replyCode: 501, problem: 'wrong class', expected: 60, got: 50 });
  });

  test.each(['0001', '8001 00', '0002', 'ffff'])(
    'with the flags %s, which mean nothing in basic',
    (flags) => {
      const error = violation(() => decodeContentHeader(reading(header(flags))));
      expect(error).toMatchObject({
        replyCode: 502,
        problem: 'unknown property flags',
        expected: 'bits 2 to 15',
      });
    },
  );

  test('with bytes after the last property', () => {
    const error = violation(() => decodeContentHeader(reading(header('1000 02 00'))));
    expect(error).toMatchObject({ replyCode: 502, problem: 'bytes after the last property', got: 1 });
  });

  test('with the name of the property', () => {
    expect(violation(() => decodeContentHeader(reading(header('80')))).where).toBe('property flags');
    const error = violation(() => decodeContentHeader(reading(header('0080 05 6d'))));
    expect(error.message).toBe('truncated value in messageId: expected 5 bytes, got 1 bytes');
  });
});

describe('properties that keep their wire types', () => {
  test('are sent again as the same bytes', () => {
    const list = hex('2050 0000000e 01 61 62 05 01 32 56 01 31 66 3f000000 000000006553f100 01 75');
    const properties = decodeTypedProperties(reading(list));
    expect(properties).toStrictEqual({
      headers: new Map<string, TypedValue>([
        ['a', new TypedValue('b', 5)],
        ['2', new TypedValue('V', null)],
        ['1', new TypedValue('f', 0.5)],
      ]),
      timestamp: new Date(1_700_000_000_000),
      userId: 'u',
    });
    expect(encoded(0, properties as PropertiesInput).subarray(12)).toEqual(list);
  });
});

test('short strings that are not UTF-8 are sent again unchanged, even at full length', () => {
  const bytes = Buffer.concat([header('0480'), hex('ff'), Buffer.alloc(255, 0x80), hex('02 c328')]);
  const { bodySize, properties } = decodeContentHeader(reading(bytes));
  expect(properties.correlationId).toBe('\udc80'.repeat(255));
  expect(encoded(bodySize, properties)).toEqual(bytes);
});
