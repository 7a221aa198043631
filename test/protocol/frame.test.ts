import { type FrameLimits, FrameScanner, frameName } from '../../src/protocol/frame';
import { frame, hex, hexOf, violation } from './bytes';

const METHOD = 1;
const HEADER = 2;
const BODY = 3;
const HEARTBEAT = hex('08 0000 00000000 ce');

/** A scanner as it is after tune, and the control payloads it has found. */
function scanner({ frameMax = 131_072, headerMax = 131_072, channelMax = 2047 }: Partial<FrameLimits> = {}) {
  const control: Buffer[] = [];
  const scanner = new FrameScanner((payload) => control.push(payload));
  scanner.frameMax = frameMax;
  scanner.headerMax = headerMax;
  scanner.channelMax = channelMax;
  return { scanner, control };
}

const frameHeader = (type: number, channel: number, size: number) =>
  hex(`${hexOf(type, 1)} ${hexOf(channel, 2)} ${hexOf(size, 4)}`);

describe('frames are found', () => {
  test('one after the other', () => {
    const { scanner: frames, control } = scanner();
    frames.push(frame(METHOD, 1, hex('005a000b')));
    expect([frames.position, frames.boundary, frames.atBoundary]).toEqual([12, 12, true]);
    frames.push(HEARTBEAT);
    frames.push(frame(BODY, 1, Buffer.alloc(100)));
    expect([frames.position, frames.boundary, frames.atBoundary]).toEqual([128, 128, true]);
    expect(control).toEqual([]);
  });

  test('in pieces: the boundary stays until the end octet has come', () => {
    const { scanner: frames } = scanner();
    const stream = Buffer.concat([HEARTBEAT, frame(METHOD, 1, hex('005a000b')), HEARTBEAT.subarray(0, 1)]);
    const boundaries = [...stream].map((octet) => {
      frames.push(Buffer.of(octet));
      return frames.boundary;
    });
    expect(boundaries).toEqual([...Array(7).fill(0), ...Array(12).fill(8), 20, 20]);
    expect(frames.position).toBe(21);
    expect(frames.atBoundary).toBe(false);
  });

  test('in a part of a larger memory', () => {
    const { scanner: frames, control } = scanner();
    const wire = frame(METHOD, 0, hex('000a0033'));
    const memory = Buffer.concat([Buffer.alloc(5, 0xff), wire, Buffer.alloc(5, 0xff)]);
    frames.push(memory, 5, 9);
    frames.push(memory, 9, 9);
    frames.push(memory, 9, 5 + wire.length);
    expect(frames.boundary).toBe(wire.length);
    expect(control).toEqual([hex('000a0033')]);
  });

  test('an empty body frame is a frame', () => {
    const { scanner: frames } = scanner();
    frames.push(frame(BODY, 1, hex('')));
    expect(frames.boundary).toBe(8);
  });

  test('0xce inside a payload ends nothing', () => {
    const { scanner: frames } = scanner();
    frames.push(frame(BODY, 1, Buffer.alloc(50, 0xce)).subarray(0, -1));
    expect(frames.boundary).toBe(0);
    frames.push(hex('ce'));
    expect(frames.boundary).toBe(58);
  });
});

describe('control payloads', () => {
  test('are those of method frames on channel 0, in order', () => {
    const { scanner: frames, control } = scanner();
    const stream = [
      frame(METHOD, 0, hex('000a0033')),
      frame(METHOD, 1, hex('00140029')),
      HEARTBEAT,
      frame(METHOD, 0, hex('000a003d')),
    ];
    frames.push(Buffer.concat(stream));
    expect(control).toEqual([hex('000a0033'), hex('000a003d')]);
  });

  test('are copies: the bytes of the stream may be overwritten between and after pieces', () => {
    const { scanner: frames, control } = scanner();
    const wire = frame(METHOD, 0, hex('000a0032 0140 03 627965 0000 0000'));
    const memory = Buffer.alloc(4);
    for (let at = 0; at < wire.length; at += 4) {
      const size = wire.copy(memory, 0, at, at + 4);
      frames.push(memory, 0, size);
      memory.fill(0xff);
    }
    expect(control).toEqual([hex('000a0032 0140 03 627965 0000 0000')]);
  });

  test('come when their frame has been judged: limits may change from within', () => {
    const seen: number[] = [];
    const frames = new FrameScanner(() => {
      seen.push(frames.boundary);
      frames.frameMax = 100_000;
      frames.channelMax = 7;
    });
    frames.push(Buffer.concat([frame(METHOD, 0, hex('000a0029 00')), frame(BODY, 7, Buffer.alloc(90_000))]));
    expect(seen).toEqual([0]); // and it counts only once nobody has refused it
    expect(frames.boundary).toBe(13 + 90_008);
  });
});

describe('limits are judged by the seven octets of the header', () => {
  /** Give the header octet by octet: the error must come with the last of them. */
  function refusal(header: Buffer, limits?: Partial<FrameLimits>) {
    const { scanner: frames } = scanner(limits);
    for (const octet of header.subarray(0, 6)) frames.push(Buffer.of(octet));
    return violation(() => frames.push(header, 6));
  }

  test.each([
    { what: 'before tune', limits: undefined, frameMax: 8192 },
    { what: 'after tune', limits: 131_072, frameMax: 131_072 },
    { what: 'at the least frame_max', limits: 4096, frameMax: 4096 },
  ])('$what a frame of $frameMax is taken, one more is not', ({ limits, frameMax }) => {
    const frames = new FrameScanner(() => {});
    if (limits !== undefined) frames.frameMax = limits;
    frames.push(frame(METHOD, 0, Buffer.alloc(frameMax - 8)));
    expect(frames.boundary).toBe(frameMax);
    const error = violation(() => frames.push(frameHeader(METHOD, 0, frameMax - 7)));
    expect(error).toMatchObject({
      replyCode: 501,
      problem: 'frame larger than negotiated',
      got: frameMax + 1,
    });
    expect(error.expected).toBe(`at most ${frameMax}`);
  });

  test('a content header may be larger, up to a limit of its own', () => {
    const limits = { frameMax: 4096, headerMax: 200_000 };
    const { scanner: frames } = scanner(limits);
    frames.push(frame(HEADER, 1, Buffer.alloc(200_000 - 8)));
    expect(frames.boundary).toBe(200_000);
    expect(refusal(frameHeader(HEADER, 1, 200_001 - 8), limits)).toMatchObject({
      replyCode: 501,
      where: 'header frame',
      expected: 'at most 200000',
      got: 200_001,
    });
    for (const type of [METHOD, BODY])
      expect(refusal(frameHeader(type, 1, 4097 - 8), limits)).toMatchObject({ expected: 'at most 4096' });
  });

  test('a frame of 4 GiB is refused without a thought of memory', () => {
    for (const type of [METHOD, HEADER, BODY]) {
      const before = process.memoryUsage().arrayBuffers;
      expect(refusal(frameHeader(type, 0, 0xffff_ffff)).replyCode).toBe(501);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
    }
  });

  test.each([0, 4, 5, 7, 9, 65, 72, 255])('type %i is unknown', (type) => {
    const error = refusal(frameHeader(type, 0, 0));
    expect(error).toMatchObject({
      replyCode: 501,
      problem: 'unknown frame type',
      expected: '1, 2, 3 or 8',
      got: type,
    });
  });

  test.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n'],
    ['an AMQP header of another version', 'AMQP\0\0\x09\x02'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a TLS alert', '\x15\x03\x01\0\x02\x02\x46'],
  ])('%s is no AMQP', (_, greeting) => {
    expect(refusal(Buffer.from(greeting, 'latin1')).replyCode).toBe(501);
  });

  test.each([
    { type: METHOD, channel: 1, least: 4, what: 'method frame' },
    { type: HEADER, channel: 1, least: 14, what: 'header frame' },
  ])('a $what has at least $least octets', ({ type, channel, least, what }) => {
    const error = refusal(frameHeader(type, channel, least - 1));
    expect(error).toMatchObject({ replyCode: 501, problem: 'frame too small', where: what, got: least - 1 });
    const { scanner: frames } = scanner();
    frames.push(frame(type, channel, Buffer.alloc(least)));
    expect(frames.boundary).toBe(least + 8);
  });

  test.each([
    ['with a payload', frameHeader(8, 0, 1), 'channel 0, 1 bytes'],
    ['on a channel', frameHeader(8, 1, 0), 'channel 1, 0 bytes'],
    ['on a channel out of range', frameHeader(8, 65535, 0), 'channel 65535, 0 bytes'],
  ])('a heartbeat %s is malformed', (_, header, got) => {
    expect(refusal(header)).toMatchObject({
      replyCode: 501,
      problem: 'malformed heartbeat',
      expected: 'channel 0, no payload',
      got,
    });
  });

  test.each([HEADER, BODY])('content (type %i) on channel 0 is unexpected', (type) => {
    expect(refusal(frameHeader(type, 0, 20))).toMatchObject({
      replyCode: 505,
      problem: 'content on channel 0',
    });
  });

  test.each([METHOD, HEADER, BODY])('channelMax is the last channel (type %i)', (type) => {
    const { scanner: frames } = scanner({ channelMax: 10 });
    frames.push(frame(type, 10, Buffer.alloc(20)));
    expect(frames.boundary).toBe(28);
    const error = violation(() => frames.push(frameHeader(type, 11, 20)));
    expect(error).toMatchObject({ replyCode: 504, expected: 'at most 10', got: 11 });
  });

  test('no channel exists before the connection is open', () => {
    const frames = new FrameScanner(() => {});
    frames.push(HEARTBEAT);
    expect(violation(() => frames.push(frameHeader(METHOD, 1, 4))).replyCode).toBe(504);
  });

  test('channel 65535 is a channel', () => {
    const { scanner: frames } = scanner({ channelMax: 65535 });
    frames.push(frame(METHOD, 65535, Buffer.alloc(4)));
    expect(frames.boundary).toBe(12);
  });
});

describe('the end octet', () => {
  test.each([0x00, 0xcd, 0xcf, 0x01])('that is %i and not 0xce is refused', (octet) => {
    const { scanner: frames, control } = scanner();
    const wire = frame(METHOD, 0, hex('000a0033'));
    wire[wire.length - 1] = octet;
    const error = violation(() => frames.push(wire));
    expect(error).toMatchObject({ replyCode: 501, problem: 'bad frame end octet', where: 'method frame' });
    expect(error.got).toBe(`0x${octet.toString(16)}`);
    expect(frames.boundary).toBe(0);
    expect(control).toEqual([]);
  });

  test('is checked when it comes alone', () => {
    const { scanner: frames } = scanner();
    frames.push(HEARTBEAT.subarray(0, 7));
    expect(violation(() => frames.push(hex('00'))).where).toBe('heartbeat frame');
  });
});

test.each([
  [1, 'method frame'],
  [2, 'header frame'],
  [3, 'body frame'],
  [8, 'heartbeat frame'],
  [9, 'frame of type 9'],
])('type %i is called "%s"', (type, name) => {
  expect(frameName(type)).toBe(name);
});
