import { deepStrictEqual, strictEqual } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { decodeArgs, encodeMethod, PLANS, walk } from '../../src/protocol/codec';
import { FrameCache, ShortstrCache } from '../../src/protocol/decode-cache';
import {
  decodeContentHeader,
  decodeTypedProperties,
  encodeContentHeader,
} from '../../src/protocol/properties';
import { Reader } from '../../src/protocol/wire';
import { check, properties, shortText } from './arbitrary';
import { hex, reading, written } from './bytes';

const DELIVER = PLANS['basic.deliver'];

/** The arguments of a method frame, without what is in front of them. */
function argumentsOf(frame: Buffer): Buffer {
  return frame.subarray(11, -1);
}

describe('basic.deliver, decoded by hand', () => {
  const few = fc.constantFrom('', 'ctag', 'ctag2', 'größe', 'x'.repeat(255));

  test('is what the walk along the plan gives, however often the same strings come', () => {
    check(
      fc.property(
        fc.array(
          fc.record({
            consumerTag: fc.oneof(few, shortText()),
            deliveryTag: fc.maxSafeNat(),
            redelivered: fc.boolean(),
            exchange: fc.oneof(few, shortText()),
            routingKey: fc.oneof(few, shortText()),
          }),
          { maxLength: 8 },
        ),
        (deliveries) => {
          for (const args of deliveries) {
            const bytes = argumentsOf(written((writer) => encodeMethod(writer, 1, 'basic.deliver', args)));
            const decoded = decodeArgs(reading(bytes), DELIVER);
            strictEqual(isDeepStrictEqual(decoded, walk(reading(bytes), DELIVER)), true);
            deepStrictEqual(Object.keys(decoded), Object.keys(walk(reading(bytes), DELIVER)));
          }
        },
      ),
      500,
    );
  });

  test('is refused where the walk refuses it: cut anywhere, or too long', () => {
    const args = { consumerTag: 'ctag', deliveryTag: 7, redelivered: true, exchange: 'e', routingKey: 'k' };
    const bytes = argumentsOf(written((writer) => encodeMethod(writer, 1, 'basic.deliver', args)));
    decodeArgs(reading(bytes), DELIVER); // these strings are the cached ones from here on
    for (let end = 0; end < bytes.length; end++) {
      expect(() => decodeArgs(reading(bytes.subarray(0, end)), DELIVER)).toThrow('truncated value');
    }
    expect(() => decodeArgs(reading(Buffer.concat([bytes, hex('00')])), DELIVER)).toThrow(
      'bytes after the last argument',
    );
  });

  test('bytes that are not UTF-8 are told apart', () => {
    const cache = new ShortstrCache();
    const texts = ['02 61ff', '02 61fe', '02 61ff', '01 61'].map((bytes) => cache.read(reading(hex(bytes))));
    expect(texts).toEqual(['a\udcff', 'a\udcfe', 'a\udcff', 'a']);
  });
});

describe('properties that come again', () => {
  test('are what they are when they are read for the first time, and nobody else’s', () => {
    check(
      fc.property(fc.array(properties(), { minLength: 1, maxLength: 4 }), (kinds) => {
        for (const each of [...kinds, ...kinds, ...kinds.toReversed()]) {
          const bytes = written((writer) => encodeContentHeader(writer, 5, each));
          const { properties: first } = decodeContentHeader(reading(bytes));
          const { properties: second } = decodeContentHeader(reading(bytes));
          strictEqual(isDeepStrictEqual(first, { ...each }), true);
          strictEqual(isDeepStrictEqual(second, first), true);
          expect(second).not.toBe(first);
          (second as { messageId: string }).messageId = 'changed by the user';
          strictEqual(isDeepStrictEqual(decodeContentHeader(reading(bytes)).properties, { ...each }), true);
        }
      }),
      300,
    );
  });

  test('those with something in them that can change are made anew', () => {
    const given = { headers: { list: [1] }, timestamp: new Date(1_700_000_000_000) };
    const bytes = written((writer) => encodeContentHeader(writer, 0, given));
    const [one, two] = [1, 2].map(() => decodeContentHeader(reading(bytes)).properties);
    expect(one!.headers).not.toBe(two!.headers);
    expect(one!.timestamp).not.toBe(two!.timestamp);
  });

  test('a header that is cut is refused, though its beginning is known', () => {
    const bytes = written((writer) => encodeContentHeader(writer, 0, { type: 'known', appId: 'a' }));
    decodeContentHeader(reading(bytes));
    for (let end = 12; end < bytes.length; end++) {
      expect(() => decodeContentHeader(reading(bytes.subarray(0, end)))).toThrow('truncated value');
    }
    expect(decodeTypedProperties(new Reader(bytes).source(bytes, 12, bytes.length))).toEqual({
      type: 'known',
      appId: 'a',
    });
  });

  test('what is too long to be worth it is not kept', () => {
    const cache = new FrameCache<object>();
    const long = Buffer.alloc(200, 1);
    cache.store(reading(long), 0, { long: true });
    expect(cache.read(reading(long))).toBeUndefined();
    const short = Buffer.alloc(128, 1);
    cache.store(reading(short), 0, { short: true });
    expect(cache.read(reading(short))).toEqual({ short: true });
    expect(cache.read(reading(short.subarray(1)))).toBeUndefined();
  });
});
