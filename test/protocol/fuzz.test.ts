import { strictEqual } from 'node:assert';
import fc from 'fast-check';
import { decodeMethod, PLANS } from '../../src/protocol/codec';
import { ContentAssembler } from '../../src/protocol/content';
import { decodeTable, decodeTypedTable, encodeTable } from '../../src/protocol/field-table';
import { FrameScanner } from '../../src/protocol/frame';
import { Handshake } from '../../src/protocol/handshake';
import {
  decodeContentHeader,
  decodeTypedProperties,
  encodeContentHeader,
} from '../../src/protocol/properties';
import type { Reader } from '../../src/protocol/wire';
import { check, damaged, garbage, properties, wireTables } from './arbitrary';
import { frame, hex, reading, survives, violation, written } from './bytes';
import { VECTORS } from './vectors';

/*
 * Hostile bytes: whatever comes, it is either understood or refused with a ProtocolViolation.
 * Any other error (Buffer's RangeError, a TypeError) fails the test.
 */

const METHOD_PAYLOADS = VECTORS.map((vector) => hex(vector.hex));
const TABLES = fc.sample(wireTables(), { seed: 1, numRuns: 200 });
const HEADERS = fc
  .sample(properties(), { seed: 2, numRuns: 200 })
  .map((each) => written((writer) => encodeContentHeader(writer, 1000, each)));

/** Try `decode` on damaged originals and on garbage; both outcomes must have been seen. */
function attack(originals: readonly Buffer[], decode: (bytes: Buffer) => unknown, numRuns: number): void {
  let accepted = 0;
  let refused = 0;
  const hostile = fc.oneof(
    { weight: 4, arbitrary: damaged(originals) },
    { weight: 1, arbitrary: garbage(120) },
  );
  check(
    fc.property(hostile, (bytes) => {
      const before = Buffer.from(bytes);
      if (survives(() => decode(bytes) ?? true) === undefined) refused++;
      else accepted++;
      strictEqual(bytes.equals(before), true);
    }),
    numRuns,
  );
  expect(accepted).toBeGreaterThan(numRuns / 20);
  expect(refused).toBeGreaterThan(numRuns / 10);
}

test('damaged methods are refused or read', () => {
  attack(METHOD_PAYLOADS, (bytes) => decodeMethod(reading(bytes)), 6000);
});

test('damaged content headers are refused or read', () => {
  attack(HEADERS, (bytes) => decodeContentHeader(reading(bytes)), 3000);
  attack(
    HEADERS.map((bytes) => bytes.subarray(12)),
    (bytes) => decodeTypedProperties(reading(bytes)),
    2000,
  );
});

test('damaged tables are refused or read', () => {
  attack(TABLES, (bytes) => decodeTable(reading(bytes)), 4000);
});

test('typed tables that are accepted mean the same when they are sent again', () => {
  const decode = (bytes: Buffer) => {
    const table = decodeTypedTable(reading(bytes));
    const again = written((writer) => encodeTable(writer, table));
    expect(decodeTypedTable(reading(again))).toEqual(table);
  };
  attack(TABLES, decode, 2000);
});

test('damaged frames are judged the same in pieces', () => {
  const streams = METHOD_PAYLOADS.slice(0, 20).map((payload) =>
    Buffer.concat([
      frame(1, 0, payload),
      frame(8, 0, hex('')),
      frame(2, 1, HEADERS[0]!),
      frame(3, 1, payload),
    ]),
  );
  const decode = (bytes: Buffer) => {
    const scanner = new FrameScanner((payload) => expect(payload.length).toBeLessThanOrEqual(8184));
    scanner.channelMax = 1;
    for (let at = 0; at < bytes.length; at += 13) {
      scanner.push(bytes, at, Math.min(at + 13, bytes.length));
    }
    expect([scanner.position, scanner.boundary <= bytes.length]).toEqual([bytes.length, true]);
  };
  attack(streams, decode, 2000);
});

test('frames of contents in any order are refused or read', () => {
  const kinds = fc.constantFrom('method', 'header', 'body');
  check(
    fc.property(fc.array(fc.tuple(kinds, garbage(30)), { maxLength: 12 }), (frames) => {
      const assembler = new ContentAssembler(50);
      survives(() => {
        for (const [kind, bytes] of frames) {
          if (kind === 'method') assembler.method(PLANS['basic.return'], {});
          if (kind === 'header')
            assembler.header(reading(`003c 0000 00000000000000${bytes.length + 10} 0000`));
          if (kind === 'body') assembler.body(bytes, 0, bytes.length);
        }
      });
    }),
    1000,
  );
});

test('damaged methods of a handshake are refused or read', () => {
  const payloads = METHOD_PAYLOADS.filter((payload) => payload.readUInt16BE(0) === 10);
  check(
    fc.property(fc.array(damaged(payloads), { maxLength: 5 }), (received) => {
      const handshake = new Handshake({
        mechanisms: ['PLAIN'],
        username: 'u',
        password: 'p',
        vhost: '/',
        locale: 'en_US',
        clientProperties: {},
        channelMax: 0,
        frameMax: 0,
        heartbeat: undefined,
      });
      survives(() => {
        for (const payload of received) {
          try {
            handshake.receive(decodeMethod(reading(payload)));
          } catch (error) {
            if ((error as Error).message.startsWith('the server does not offer')) return;
            throw error;
          }
        }
      });
    }),
    1000,
  );
});

describe('hostile input of the size of a frame is judged quickly', () => {
  const SIZE = 131_064;
  const repeated = (digits: string) => {
    const unit = hex(digits);
    return Buffer.alloc(Math.floor(SIZE / unit.length) * unit.length, unit);
  };
  const sized = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const inArray = (elements: Buffer) => sized(Buffer.concat([hex('01 61 41'), sized(elements)]));

  test.each<[string, Buffer, (reader: Reader) => unknown]>([
    ['a text of bytes that are no UTF-8', sized(repeated('ff')), (reader) => reader.longstr()],
    ['a text of cut characters', sized(repeated('f09f98')), (reader) => reader.longstr()],
    ['a text with one bad byte at its end', sized(repeated('c3')), (reader) => reader.longstr()],
    ['keys without end', sized(repeated('00 56')), decodeTable],
    ['an array of nothing', inArray(repeated('56')), decodeTable],
    ['an array of empty tables', inArray(repeated('46 00000000')), decodeTable],
    ['an array of empty arrays, typed', inArray(repeated('41 00000000')), decodeTypedTable],
  ])('%s', (_, bytes, decode) => {
    decode(reading(bytes)); // once to warm up
    const before = process.cpuUsage();
    decode(reading(bytes));
    const { user, system } = process.cpuUsage(before); // microseconds, whatever else the machine does
    expect(user + system).toBeLessThan(500_000);
  });

  test('a frame of nested tables', () => {
    strictEqual(violation(() => decodeTable(reading(repeated('00001000 01 61 46')))).replyCode, 502);
  });
});
