import { deepStrictEqual, strictEqual } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { decodeMethod, encodeMethod } from '../../src/protocol/codec';
import { decodeTable, decodeTypedTable, encodeTable } from '../../src/protocol/field-table';
import type { Input, MethodName } from '../../src/protocol/method-types';
import { decodeContentHeader, encodeContentHeader } from '../../src/protocol/properties';
import { decodeUtf8, encodeEscaped } from '../../src/protocol/utf8';
import { Reader } from '../../src/protocol/wire';
import {
  check,
  finiteWireTables,
  methods,
  properties,
  shortText,
  tables,
  text,
  wireTables,
} from './arbitrary';
import { reading, thrown, written } from './bytes';

const encodedTable = (table: unknown) => written((writer) => encodeTable(writer, table));

describe('what was sent is what is read', () => {
  test('of any table', () => {
    check(
      fc.property(tables(), (table) => {
        strictEqual(isDeepStrictEqual(decodeTable(reading(encodedTable(table))), table), true);
      }),
      2000,
    );
  });

  test('of any method', () => {
    check(
      fc.property(methods(), fc.nat(0xffff), ({ name, args }, channel) => {
        const bytes = written((writer) => encodeMethod(writer, channel, name, args as Input<MethodName>));
        deepStrictEqual([bytes[0], bytes.readUInt16BE(1), bytes.at(-1)], [1, channel, 0xce]);
        strictEqual(bytes.readUInt32BE(3), bytes.length - 8);
        const decoded = decodeMethod(reading(bytes.subarray(7, -1)));
        strictEqual(isDeepStrictEqual(decoded, { name, args: { ...args } }), true);
      }),
      2000,
    );
  });

  test('of any properties', () => {
    check(
      fc.property(properties(), fc.maxSafeNat(), (properties, bodySize) => {
        const bytes = written((writer) => encodeContentHeader(writer, bodySize, properties));
        const decoded = decodeContentHeader(reading(bytes));
        strictEqual(isDeepStrictEqual(decoded, { bodySize, properties: { ...properties } }), true);
      }),
      1000,
    );
  });
});

describe('what was read can be sent again', () => {
  test('typed tables, as the same bytes: types, order of keys, bytes that are not UTF-8', () => {
    check(
      fc.property(wireTables(), (bytes) => {
        strictEqual(encodedTable(decodeTypedTable(reading(bytes))).equals(bytes), true);
      }),
      3000,
    );
  });

  test('plain tables, as the same values', () => {
    check(
      fc.property(finiteWireTables(), (bytes) => {
        const received = decodeTable(reading(bytes));
        strictEqual(isDeepStrictEqual(decodeTable(reading(encodedTable(received))), received), true);
      }),
      2000,
    );
  });

  test('any bytes as a string', () => {
    check(
      fc.property(fc.uint8Array({ maxLength: 60 }), (array) => {
        const bytes = Buffer.from(array);
        const received = decodeUtf8(bytes, 0, bytes.length);
        const sent = received.isWellFormed() ? Buffer.from(received) : encodeEscaped(received);
        strictEqual(sent.equals(bytes), true);
      }),
      2000,
    );
  });
});

describe('short strings', () => {
  test('are written with their size in UTF-8, or refused when that is above 255', () => {
    const nearTheLimit = fc
      .tuple(fc.constantFrom('a', 'é', '€', '😀', '\udcff'), fc.integer({ min: 50, max: 300 }), shortText())
      .map(([character, count, rest]) => character.repeat(count) + rest);
    check(
      fc.property(fc.oneof(nearTheLimit, text(400)), (value) => {
        const utf8 = value.isWellFormed() ? Buffer.from(value) : encodeEscaped(value);
        const write = () => written((writer) => writer.shortstr(value), 'routingKey');
        if (utf8.length > 255) {
          const error = thrown(write) as Error;
          expect(error).toBeInstanceOf(RangeError);
          expect(error.message).toContain(`routingKey is ${utf8.length} bytes long`);
        } else {
          const bytes = write();
          strictEqual(bytes.equals(Buffer.concat([Buffer.of(utf8.length), utf8])), true);
          strictEqual(new Reader(bytes).shortstr(), value);
        }
      }),
      2000,
    );
  });

  test('do not depend on the room there is, if there is enough', () => {
    check(
      fc.property(shortText(), fc.nat(600), (value, spare) => {
        const size = 1 + Buffer.byteLength(value);
        const bytes = written((writer) => writer.shortstr(value), 'x', size + spare);
        strictEqual(bytes.equals(written((writer) => writer.shortstr(value))), true);
      }),
      2000,
    );
  });
});
