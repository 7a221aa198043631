/** Header tables through the broker and back: every wire type, byte by byte. */
import { type IncomingMessage, type Table, type TableInput, TypedValue, typed } from '../../src';
import { encodeTable } from '../../src/protocol/field-table';
import { Writer } from '../../src/protocol/wire';
import { versionOf } from '../support/brokers/version';
import { channel, connection, useChannel } from '../support/channel';
import { open, privateQueue } from '../support/connect';

// biome-ignore lint/suspicious/noExplicitAny: headers are whatever the sender made them
type Anything = any;

useChannel();

function send(headers: TableInput): IncomingMessage {
  const queue = privateQueue(channel);
  channel.basicPublish('x', { routingKey: queue, headers });
  return channel.basicGet(queue, { noAck: true })!;
}

/** Take a message and publish it again, as a relay does. */
function relay(message: IncomingMessage): IncomingMessage {
  const queue = privateQueue(channel);
  channel.basicPublish(message, { routingKey: queue });
  return channel.basicGet(queue, { noAck: true })!;
}

const roundTrip = (headers: TableInput) => send(headers).properties.headers as Table;

function encoded(table: unknown): Buffer {
  const writer = new Writer(Buffer.alloc(64 * 1024));
  encodeTable(writer, table);
  return writer.buffer.subarray(0, writer.pos);
}

/** What the broker makes of a table: 3.10 keeps every byte, 4.3 writes it again. */
const stored = (table: object) => ({ '3.10': table, '4.3': rewritten(table) })[versionOf(connection)];

/** Keys in order, `l` for `L`. */
function rewritten(value: unknown): unknown {
  if (value instanceof TypedValue) return value.type === 'L' ? new TypedValue('l', value.value) : value;
  if (Array.isArray(value)) return value.map(rewritten);
  const entries = value instanceof Map ? [...value] : Object.entries(value as object);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return new Map(entries.map(([key, each]) => [key, rewritten(each)]));
}

/** The bytes of the header table as the broker sent them: reading with types loses nothing. */
const bytesOf = (message: IncomingMessage) => encoded(message.typedHeaders);

const everyType = {
  boolean: typed.boolean(true),
  int8: typed.int8(-128),
  uint8: typed.uint8(255),
  int16: typed.int16(-32_768),
  uint16: typed.uint16(65_535),
  int32: typed.int32(-2_147_483_648),
  uint32: typed.uint32(4_294_967_295),
  int64: typed.int64(-(2n ** 63n)),
  signed64: new TypedValue('L', -3_000_000_000),
  float: typed.float(0.5),
  double: typed.double(0.1),
  decimal: typed.decimal(-314, 2),
  string: typed.string('grün'),
  notUtf8: typed.string(Buffer.of(0xff, 0xfe, 0x00, 0x41)),
  bytes: typed.bytes(Buffer.of(0, 1, 254, 255)),
  timestamp: typed.timestamp(1_700_000_000),
  farFuture: typed.timestamp(2n ** 63n),
  void: typed.void(),
  array: [typed.int8(1), typed.string('two'), [typed.double(3)], new Map([['four', typed.int16(4)]])],
  table: { nested: { deeper: typed.uint8(1) } },
};

it('every wire type comes back as the same bytes, with its type in typedHeaders', () => {
  const message = send(everyType);
  expect(bytesOf(message)).toEqual(encoded(stored(everyType)));
  expect([...message.typedHeaders!.keys()]).toEqual(
    { '3.10': Object.keys(everyType), '4.3': Object.keys(everyType).sort() }[versionOf(connection)],
  );
  expect(message.typedHeaders?.get('uint16')).toEqual(typed.uint16(65_535));
});

it.each(Object.entries(everyType))('%s alone comes back as the same bytes', (name, value) => {
  expect(bytesOf(send({ [name]: value }))).toEqual(encoded(stored({ [name]: value })));
});

describe('a message published again', () => {
  it('has the same header bytes, as long as they are not changed', () => {
    const message = send(everyType);
    expect(bytesOf(relay(message))).toEqual(bytesOf(message));
  });

  it('however much longer its plain values would be: arrays of one byte each', () => {
    const message = send({ levels: Array.from({ length: 300 }, (_, index) => typed.uint8(index & 0xff)) });
    expect(bytesOf(relay(message))).toEqual(bytesOf(message));
  });

  it('by its typedHeaders too, under other headers', () => {
    const message = send(everyType);
    const more = new Map([...message.typedHeaders!, ['added', typed.int16(1)]]);
    expect(bytesOf(send(more))).toEqual(encoded(stored({ ...everyType, added: typed.int16(1) })));
  });

  it('with a change, has the change', () => {
    const message = send({ tries: typed.int8(1), nested: { deep: typed.int16(2) }, list: [typed.uint8(3)] });
    const headers = message.properties.headers as Record<string, Anything>;
    headers.tries += 1;
    headers.nested.deep += 1;
    headers.list.push(4);
    headers.added = true;
    expect(relay(message).properties.headers).toEqual({
      tries: 2,
      nested: { deep: 3 },
      list: [3, 4],
      added: true,
    });
  });

  it('never fails, whatever was read', () => {
    const { headers } = send(everyType).properties;
    expect(roundTrip(headers as TableInput)).toEqual(headers);
    expect(roundTrip({ ...headers } as TableInput)).toEqual(headers);
  });
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

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
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
    const { odd } = roundTrip({ odd: typed.string(Buffer.of(0x41, 0xff)) });
    const message = send({ odd: odd as string });
    expect(bytesOf(message)).toEqual(encoded({ odd: typed.string(Buffer.of(0x41, 0xff)) }));
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
    expect(Object.keys(roundTrip({ z: 1, a: 2, m: 3 }))).toEqual(
      { '3.10': ['z', 'a', 'm'], '4.3': ['a', 'm', 'z'] }[versionOf(connection)],
    );
  });
});
