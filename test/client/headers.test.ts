/** Header tables through the broker and back: every wire type, byte by byte. */
import { type Channel, type Connection, type Table, type TableInput, TypedValue, typed } from '../../src';
import * as fieldTable from '../../src/protocol/field-table';
import { Reader, Writer } from '../../src/protocol/wire';
import { open, privateQueue, shared } from '../support/connect';

let connection: Connection;
let channel: Channel;
beforeEach(() => {
  connection = shared();
  channel = connection.channel();
});
afterEach(() => channel.close());

const { decodeTable, decodeTypedTable, encodeTable } = fieldTable;

function roundTrip(headers: TableInput): Table {
  const queue = privateQueue(channel);
  channel.basicPublish('x', { routingKey: queue, headers });
  return channel.basicGet(queue, { noAck: true })?.properties.headers as Table;
}

/** The bytes of the header table as the broker sent them. */
function bytesThrough(headers: TableInput): Buffer {
  let bytes = Buffer.alloc(0);
  const spy = jest.spyOn(fieldTable, 'decodeTable').mockImplementation((reader: Reader) => {
    const start = reader.pos;
    const table = decodeTable(reader);
    bytes = Buffer.from(reader.buffer.subarray(start, reader.pos));
    return table;
  });
  roundTrip(headers);
  spy.mockRestore();
  return bytes;
}

function encoded(table: unknown): Buffer {
  const writer = new Writer(Buffer.alloc(64 * 1024));
  encodeTable(writer, table);
  return writer.buffer.subarray(0, writer.pos);
}

const everyType = {
  boolean: typed.boolean(true),
  int8: typed.int8(-128),
  uint8: typed.uint8(255),
  int16: typed.int16(-32_768),
  uint16: typed.uint16(65_535),
  int32: typed.int32(-2_147_483_648),
  uint32: typed.uint32(4_294_967_295),
  int64: typed.int64(-(2n ** 63n)),
  uint64: typed.uint64(2n ** 64n - 1n),
  float: typed.float(0.5),
  double: typed.double(0.1),
  decimal: typed.decimal(314, 2),
  string: typed.string('grün'),
  notUtf8: typed.string(Buffer.of(0xff, 0xfe, 0x00, 0x41)),
  bytes: typed.bytes(Buffer.of(0, 1, 254, 255)),
  timestamp: typed.timestamp(1_700_000_000),
  farFuture: typed.timestamp(2n ** 63n),
  void: typed.void(),
  array: [typed.int8(1), typed.string('two'), [typed.double(3)], new Map([['four', typed.int16(4)]])],
  table: { nested: { deeper: typed.uint8(1) } },
};

it('every wire type comes back as the same bytes', () => {
  expect(bytesThrough(everyType)).toEqual(encoded(everyType));
});

it.each(Object.entries(everyType))('%s alone too', (name, value) => {
  expect(bytesThrough({ [name]: value })).toEqual(encoded({ [name]: value }));
});

it('read with their types, they can be published again as the same bytes', () => {
  const bytes = bytesThrough(everyType);
  const table = decodeTypedTable(new Reader(bytes));
  expect([...table.keys()]).toEqual(Object.keys(everyType));
  expect(bytesThrough(table as TableInput)).toEqual(bytes);
});

it('whatever was read can be published again', () => {
  const headers = roundTrip(everyType);
  expect(roundTrip(headers)).toEqual(headers);
});

it('a message taken from a queue and published again has the same header bytes', () => {
  const [first, second] = [privateQueue(channel), privateQueue(channel)];
  channel.basicPublish('x', { routingKey: first, headers: everyType });
  const seen: Buffer[] = [];
  const spy = jest.spyOn(fieldTable, 'decodeTable').mockImplementation((reader: Reader) => {
    const start = reader.pos;
    const table = decodeTable(reader);
    seen.push(Buffer.from(reader.buffer.subarray(start, reader.pos)));
    return table;
  });
  channel.basicPublish(channel.basicGet(first)!, { routingKey: second });
  channel.basicGet(second);
  spy.mockRestore();
  expect(seen[1]).toEqual(seen[0]);
});

describe('plain values', () => {
  it.each<[string, unknown]>([
    ['text', 'grün 🐇'],
    ['empty text', ''],
    ['true', true],
    ['false', false],
    ['a small integer', 42],
    ['a negative integer', -1],
    ['more than 32 bits', 2 ** 40],
    ['the largest safe integer', Number.MAX_SAFE_INTEGER],
    ['a bigint beyond', 2n ** 62n],
    ['a fraction', 0.1],
    ['minus zero', -0],
    ['null', null],
    ['a Date', new Date('2026-11-21T12:34:56Z')],
    ['bytes', Buffer.of(0, 255)],
    ['an array', [1, 'two', [3], { four: 4 }]],
    ['an empty array', []],
    ['a table', { a: { b: { c: 'deep' } } }],
  ])('%s comes back as it was', (_what, value) => {
    expect(roundTrip({ value } as TableInput).value).toEqual(value);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, typed.float(Number.NEGATIVE_INFINITY)])(
    '%p is refused: RabbitMQ ends the connection for it (541)',
    (value) => {
      const victim = open();
      using doomed = victim.channel();
      const headers = { value };
      expect(() => doomed.basicPublish('x', { headers })).toThrow(RangeError);
      expect(() => doomed.basicPublish('x', { headers })).toThrow('headers.value');
    },
  );

  it('a bigint in the safe range comes back as a number, a Map as an object', () => {
    expect(roundTrip({ n: 5n, m: new Map([['a', 1]]) })).toEqual({ n: 5, m: { a: 1 } });
  });

  it('what no plain value can hold keeps its type', () => {
    expect(roundTrip({ price: typed.decimal(1999, 2) }).price).toEqual(
      new TypedValue('D', { unscaled: 1999, scale: 2 }),
    );
  });

  it('bytes in a string that are not UTF-8 are kept: published again, they are the same', () => {
    const headers = roundTrip({ odd: typed.string(Buffer.of(0x41, 0xff)) });
    expect(bytesThrough(headers)).toEqual(encoded({ odd: typed.string(Buffer.of(0x41, 0xff)) }));
  });

  it('entries that are undefined are left out', () => {
    expect(Object.keys(roundTrip({ a: undefined, b: 1 }))).toEqual(['b']);
  });
});

describe('a table that was read', () => {
  it('has no prototype: any key is only a key', () => {
    const headers = roundTrip(
      new Map([
        ['__proto__', 'p'],
        ['constructor', 'c'],
      ]),
    );
    expect(Object.getPrototypeOf(headers)).toBeNull();
    expect(Object.entries(headers)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
    expect(({} as Record<string, unknown>).p).toBeUndefined();
  });

  it('keeps the order of its keys', () => {
    expect(Object.keys(roundTrip({ z: 1, a: 2, m: 3 }))).toEqual(['z', 'a', 'm']);
  });
});
