import { decodeMethod, encodeMethod, methodName } from '../../src/protocol/codec';
import type { Input, MethodName } from '../../src/protocol/method-types';
import { METHODS } from '../../src/protocol/methods';
import { OutOfRoom, Reader, Writer } from '../../src/protocol/wire';
import { frame, hex, reading, thrown, violation, written } from './bytes';
import { BIT_ORDER, VECTORS } from './vectors';

const METHOD_FRAME = 1;
const CHANNEL = 0x0102;

function encoded<M extends MethodName>(name: M, args: Input<M>): Buffer {
  return written((writer) => encodeMethod(writer, CHANNEL, name, args));
}

/** The payload of a method frame: without type, channel, size and end octet. */
function payloadOf<M extends MethodName>(name: M, args: Input<M>): Buffer {
  return encoded(name, args).subarray(7, -1);
}

describe('golden vectors', () => {
  test('there is one for every method of the table', () => {
    const covered = new Set(VECTORS.map((vector) => vector.name));
    expect([...covered].sort()).toEqual(Object.keys(METHODS).sort());
  });

  test.each(VECTORS)('$name is encoded as its bytes', (vector) => {
    expect(encoded(vector.name, vector.args)).toEqual(frame(METHOD_FRAME, CHANNEL, hex(vector.hex)));
  });

  test.each(VECTORS)('$name is decoded from its bytes', (vector) => {
    expect(decodeMethod(reading(vector.hex))).toStrictEqual({ name: vector.name, args: vector.args });
  });

  test('a whole frame, octet by octet', () => {
    const writer = new Writer(Buffer.alloc(64));
    encodeMethod(writer, 0xfffe, 'basic.ack', { deliveryTag: 258, multiple: true });
    expect(writer.buffer.subarray(0, writer.pos)).toEqual(
      //   type channel size     basic ack  delivery-tag     multiple end
      hex('01   fffe    0000000d 003c  0050 0000000000000102 01       ce'),
    );
  });

  test('frames follow each other in one target', () => {
    const writer = new Writer(Buffer.alloc(64));
    encodeMethod(writer, 1, 'tx.select', {});
    encodeMethod(writer, 2, 'tx.commit', {});
    expect(writer.buffer.subarray(0, writer.pos)).toEqual(
      hex('01 0001 00000004 005a000a ce 01 0002 00000004 005a0014 ce'),
    );
  });
});

describe('bits share octets, lowest first', () => {
  const cases = BIT_ORDER.flatMap(({ name, before, bits }) =>
    bits.map((bit, index) => ({ name, bit, octet: 1 << index, before: hex(before) })),
  );

  test.each(cases)('$name: $bit alone is $octet', ({ name, bit, octet, before }) => {
    const payload = payloadOf(name, { [bit]: true });
    expect(payload.subarray(0, before.length)).toEqual(before);
    expect(payload[before.length]).toBe(octet);
    const args = Object.entries(decodeMethod(reading(payload)).args).filter(([, value]) => value === true);
    expect(args).toEqual([[bit, true]]);
  });

  test('bits that a peer sets beyond the last one mean nothing', () => {
    const { args } = decodeMethod(reading('003c 0050 0000000000000001 fe'));
    expect(args).toStrictEqual({ deliveryTag: 1, multiple: false });
  });
});

describe('absent arguments', () => {
  test('are sent as zero, false and empty', () => {
    expect(payloadOf('queue.declare', {})).toEqual(hex('0032 000a 0000 00 00 00000000'));
    expect(payloadOf('connection.start', {})).toEqual(hex('000a 000a 00 00 00000000 00000000 00000000'));
    expect(payloadOf('basic.get-ok', {})).toEqual(hex('003c 0047 0000000000000000 00 00 00 00000000'));
  });

  test('undefined counts as absent', () => {
    expect(payloadOf('basic.qos', { prefetchSize: undefined, global: undefined })).toEqual(
      hex('003c 000a 00000000 0000 00'),
    );
  });
});

describe('what somebody put on Object.prototype', () => {
  const prototype = Object.prototype as Record<string, unknown>;
  afterEach(() => {
    for (const name of ['queue', 'durable', 'arguments']) delete prototype[name];
  });

  test('is no argument of a method', () => {
    Object.assign(prototype, { queue: 'x', durable: true, arguments: { a: 1 } });
    expect(payloadOf('queue.declare', {})).toEqual(hex('0032 000a 0000 00 00 00000000'));
  });
});

describe('reserved fields', () => {
  test.each([
    { name: 'queue.declare', bytes: '0032 000a 0000 00 00 00000000' },
    { name: 'connection.open', bytes: '000a 0028 00 00 00' },
    { name: 'channel.open-ok', bytes: '0014 000b 00000000' },
  ] as const)('$name sends zeros whatever an untyped caller passes', ({ name, bytes }) => {
    const args = { reserved1: 7, reserved2: true };
    expect(payloadOf(name, args as Input<typeof name>)).toEqual(hex(bytes));
  });

  test.each([
    ['connection.open-ok, known hosts', '000a 0029 04 686f7374', {}],
    ['connection.open, capabilities and insist', '000a 0028 01 2f 03 616263 01', { virtualHost: '/' }],
    ['channel.open-ok, channel id', '0014 000b 00000003 616263', {}],
    ['access.request-ok, ticket 1', '001e 000b 0001', {}],
    ['queue.purge, ticket', '0032 001e ffff 01 71 00', { queue: 'q', noWait: false }],
    ['basic.get-empty, cluster id', '003c 0048 02 6964', {}],
  ])('what old peers put there is not shown: %s', (_, bytes, args) => {
    expect(decodeMethod(reading(bytes)).args).toStrictEqual(args);
  });
});

describe('encoding into too little room', () => {
  test.each(VECTORS)(
    '$name: one octet less is out of room, and nothing is written past the end',
    (vector) => {
      const whole = frame(METHOD_FRAME, CHANNEL, hex(vector.hex));
      for (let room = 0; room < whole.length; room++) {
        const target = Buffer.alloc(whole.length + 16, 0xaa);
        const writer = new Writer().target(target, 8, 8 + room);
        expect(thrown(() => encodeMethod(writer, CHANNEL, vector.name, vector.args))).toBeInstanceOf(
          OutOfRoom,
        );
        expect(target.subarray(0, 8)).toEqual(Buffer.alloc(8, 0xaa));
        expect(target.subarray(8 + room)).toEqual(Buffer.alloc(whole.length + 8 - room, 0xaa));
      }
      const target = Buffer.alloc(whole.length + 16, 0xaa);
      encodeMethod(new Writer().target(target, 8, 8 + whole.length), CHANNEL, vector.name, vector.args);
      expect(target.subarray(8, 8 + whole.length)).toEqual(whole);
    },
  );
});

describe('decoding malformed payloads', () => {
  test.each(VECTORS)('$name: cut anywhere it is a syntax error', (vector) => {
    const whole = hex(vector.hex);
    for (let size = 0; size < whole.length; size++) {
      // the octets behind the end are there, but not part of the frame
      const reader = new Reader().source(whole, 0, size);
      expect(violation(() => decodeMethod(reader)).replyCode).toBe(502);
    }
  });

  test.each(VECTORS)('$name: an octet too much is a syntax error', (vector) => {
    const error = violation(() => decodeMethod(reading(`${vector.hex} 00`)));
    expect(error).toMatchObject({ replyCode: 502, where: vector.name, expected: 0, got: 1 });
  });

  test('an unknown method is named by its ids', () => {
    const error = violation(() => decodeMethod(reading('003c 0063 00')));
    expect(error).toMatchObject({ replyCode: 503, problem: 'unknown method', got: '60.99' });
  });

  test('exchange.unbind-ok is 51; 41 is unknown', () => {
    expect(decodeMethod(reading('0028 0033')).name).toBe('exchange.unbind-ok');
    expect(violation(() => decodeMethod(reading('0028 0029'))).replyCode).toBe(503);
  });

  test('the error names method, field and sizes', () => {
    const error = violation(() => decodeMethod(reading('0032 000b 05 616d71')));
    expect(error.message).toBe('truncated value in queue.declare-ok queue: expected 5 bytes, got 3 bytes');
  });

  test('a delivery tag beyond 2^53-1 is refused, never rounded', () => {
    const error = violation(() => decodeMethod(reading('003c 0050 0020000000000000 00')));
    expect(error).toMatchObject({ replyCode: 502, where: 'basic.ack deliveryTag', got: '9007199254740992' });
  });
});

describe('decoded values outlive the bytes they came from', () => {
  test.each([
    ['response', '000a 0015 00000002 0102', { response: hex('0102') }],
    ['challenge', '000a 0014 00000001 07', { challenge: hex('07') }],
  ])('%s is a copy', (_, digits, args) => {
    const ring = hex(digits);
    const method = decodeMethod(reading(ring));
    ring.fill(0xff);
    expect(method.args).toStrictEqual(args);
  });
});

describe('arguments that do not fit', () => {
  const encode = (name: MethodName, args: object) => thrown(() => encoded(name, args as Input<MethodName>));

  test.each([
    ['queue.declare', { queue: 7 }, TypeError, 'queue must be a string, got a number'],
    ['queue.declare', { queue: null }, TypeError, 'queue must be a string, got null'],
    ['queue.declare', { durable: 1 }, TypeError, 'durable must be true or false, got a number'],
    ['queue.declare', { autoDelete: 'no' }, TypeError, 'autoDelete must be true or false, got a string'],
    ['queue.declare', { arguments: [] }, TypeError, 'arguments must be an object or a Map, got an array'],
    ['queue.declare', { arguments: { a: [() => 0] } }, TypeError, 'arguments.a[0] cannot be sent'],
    [
      'basic.qos',
      { prefetchCount: 65536 },
      RangeError,
      'prefetchCount must be a whole number from 0 to 65535',
    ],
    ['basic.qos', { prefetchCount: -1 }, RangeError, 'prefetchCount must be'],
    ['basic.qos', { prefetchCount: 1.5 }, RangeError, 'got 1.5'],
    ['basic.qos', { prefetchCount: Number.NaN }, RangeError, 'got NaN'],
    ['basic.qos', { prefetchCount: '5' }, TypeError, 'prefetchCount must be a whole number'],
    ['basic.qos', { prefetchSize: 2 ** 32 }, RangeError, 'prefetchSize must be'],
    ['basic.ack', { deliveryTag: 2 ** 53 }, RangeError, 'deliveryTag must be'],
    ['basic.ack', { deliveryTag: -1n }, RangeError, 'deliveryTag must be from 0'],
    ['connection.start', { versionMajor: 256 }, RangeError, 'versionMajor must be'],
    ['connection.secure-ok', { response: 5 }, TypeError, 'response must be a string or bytes, got a number'],
    ['basic.publish', { routingKey: 'é'.repeat(128) }, RangeError, 'routingKey is 256 bytes long in UTF-8'],
  ] as const)('are refused by name: %s %o', (name, args, type, message) => {
    const error = encode(name, args);
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toContain(message);
  });
});

test('methodName finds a method by the ids of a close frame', () => {
  expect(methodName(60, 120)).toBe('basic.nack');
  expect(methodName(0, 0)).toBeUndefined();
  expect(methodName(60, 0xffff)).toBeUndefined();
});
