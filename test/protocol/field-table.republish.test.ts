import fc from 'fast-check';
import { encodeMethod } from '../../src/protocol/codec';
import {
  encodeTable,
  rememberTable,
  type Table,
  type TableInputValue,
  TypedValue,
  typed,
  typedTable,
} from '../../src/protocol/field-table';
import { decodeContentHeader, encodeContentHeader } from '../../src/protocol/properties';
import { check, finiteWireTables } from './arbitrary';
import { hex, reading, table, written } from './bytes';

/*
 * Headers that were received are plain values, but remember their bytes: published again unchanged they
 * are the same bytes, and changed they are what they now say.
 */

const encoded = (input: unknown) => written((writer) => encodeTable(writer, input));

/** int8 5, float 0.5, L 1, keys "b" "2" "1": nothing that plain values would be sent as. */
const RECEIVED = hex('0000001d 01 62 62 05 01 32 66 3f000000 01 31 4c 0000000000000001 01 61 41 00000000');
const receive = (bytes: Buffer = RECEIVED) => rememberTable(reading(bytes));

describe('a received table', () => {
  test('has plain JavaScript values', () => {
    expect(receive()).toStrictEqual(table({ b: 5, 2: 0.5, 1: 1, a: [] }));
  });

  test('that was not changed is the same bytes, as often as it is sent', () => {
    const received = receive();
    expect(encoded(received)).toEqual(RECEIVED);
    expect(encoded(received)).toEqual(RECEIVED);
  });

  test('is sent as its bytes in a method, too', () => {
    const payload = written((writer) => {
      encodeMethod(writer, 1, 'queue.unbind', { arguments: receive() });
    }).subarray(7, -1);
    expect(payload).toEqual(Buffer.concat([hex('0032 0032 0000 00 00 00'), RECEIVED]));
  });

  test('remembers a copy: the bytes it was read from may be overwritten', () => {
    const ring = Buffer.concat([hex('ffff'), RECEIVED, hex('ffff')]);
    const reader = reading(ring);
    reader.pos = 2;
    const received = rememberTable(reader);
    expect(reader.pos).toBe(2 + RECEIVED.length);
    ring.fill(0xee);
    expect(encoded(received)).toEqual(RECEIVED);
  });

  test.each<[string, (received: Table) => void, [string, TableInputValue][]]>([
    [
      'a value',
      (received) => Object.assign(received, { b: 6 }),
      [
        ['1', 1],
        ['2', 0.5],
        ['b', 6],
        ['a', []],
      ],
    ],
    [
      'the type of a value',
      (received) => Object.assign(received, { b: '5' }),
      [
        ['1', 1],
        ['2', 0.5],
        ['b', '5'],
        ['a', []],
      ],
    ],
    [
      'a new key',
      (received) => Object.assign(received, { c: null }),
      [
        ['1', 1],
        ['2', 0.5],
        ['b', 5],
        ['a', []],
        ['c', null],
      ],
    ],
    [
      'a key less',
      (received) => Reflect.deleteProperty(received, 'b'),
      [
        ['1', 1],
        ['2', 0.5],
        ['a', []],
      ],
    ],
    [
      'something nested',
      (received) => (received.a as unknown[]).push('x'),
      [
        ['1', 1],
        ['2', 0.5],
        ['b', 5],
        ['a', ['x']],
      ],
    ],
    [
      'far more of it',
      (received) => Object.assign(received, { b: 'x'.repeat(500) }),
      [
        ['1', 1],
        ['2', 0.5],
        ['b', 'x'.repeat(500)],
        ['a', []],
      ],
    ],
  ])('that was changed says what it now is: %s', (_, change, now) => {
    const received = receive();
    change(received);
    expect(encoded(received)).toEqual(encoded(new Map(now)));
  });

  test('that was changed and changed back is the same bytes again', () => {
    const received = receive();
    received.b = 6;
    received.b = 5;
    expect(encoded(received)).toEqual(RECEIVED);
  });

  test('that can no longer be sent is refused by name', () => {
    const received = receive();
    Object.assign(received, { b: () => 0 });
    expect(() => encoded(received)).toThrow(
      new TypeError('headers.b cannot be sent in a table: got a function'),
    );
  });

  test('copied into another object is an ordinary table', () => {
    expect(encoded({ ...receive() })).toEqual(
      encoded(
        new Map<string, TableInputValue>([
          ['1', 1],
          ['2', 0.5],
          ['b', 5],
          ['a', []],
        ]),
      ),
    );
  });

  test('of any content comes back as the same bytes with its message', () => {
    check(
      fc.property(finiteWireTables(), (headers) => {
        const payload = Buffer.concat([hex('003c 0000 0000000000000007 2000'), headers]);
        const { bodySize, properties } = decodeContentHeader(reading(payload));
        const again = written((writer) => encodeContentHeader(writer, bodySize, properties));
        expect(again.equals(payload)).toBe(true);
      }),
      1000,
    );
  });

  test('keeps what no plain or typed value can: a boolean that is 2, a key that comes twice', () => {
    const bytes = hex('0000000c 01 6b 74 02 01 6b 74 02 01 6a 74 03');
    expect(encoded(receive(bytes))).toEqual(bytes);
  });

  test('grows by at most what its shortest values grow', () => {
    const bytes = Buffer.concat([hex('00000fa7 01 61 41 00000fa0'), Buffer.alloc(4000, hex('62 05'))]);
    expect(encoded(receive(bytes)).equals(bytes)).toBe(true);
  });
});

describe('typedTable', () => {
  test('shows the wire types of a received table', () => {
    const types = typedTable(receive());
    expect(types).toEqual(
      new Map<string, unknown>([
        ['b', typed.int8(5)],
        ['2', typed.float(0.5)],
        ['1', new TypedValue('L', 1)],
        ['a', []],
      ]),
    );
    expect([...types!.keys()]).toEqual(['b', '2', '1', 'a']);
    expect(encoded(types)).toEqual(RECEIVED);
  });

  test('knows nothing of other tables', () => {
    expect(typedTable(table({ b: 5 }))).toBeUndefined();
    expect(typedTable({ ...receive() })).toBeUndefined();
  });
});
