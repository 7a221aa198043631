import { PLANS } from '../../src/protocol/codec';
import { bodyCapacity, type Content, ContentAssembler } from '../../src/protocol/content';
import { hex, hexOf, reading, violation } from './bytes';

const DELIVER = PLANS['basic.deliver'];
const ARGS = { deliveryTag: 1 };
const MIB = 1 << 20;

/** The payload of a header frame: class 60, weight 0, size, flags, content-type "text". */
const headerOf = (bodySize: number) => reading(`003c 0000 ${hexOf(bodySize, 8)} 8000 04 74657874`);

/** An assembler that is at the body of a delivery of `bodySize` bytes. */
function atBody(bodySize: number, maxBodySize = Number.POSITIVE_INFINITY): ContentAssembler {
  const assembler = new ContentAssembler(maxBodySize);
  assembler.method(DELIVER, ARGS);
  expect(assembler.header(headerOf(bodySize))).toBeUndefined();
  return assembler;
}

const push = (assembler: ContentAssembler, bytes: Buffer) => assembler.body(bytes, 0, bytes.length);

describe('a content comes together', () => {
  const complete = (body: Buffer): Content => ({
    plan: DELIVER,
    args: ARGS,
    properties: { contentType: 'text' },
    bodySize: body.length,
    body,
  });

  test('from a method, a header and one body frame', () => {
    const assembler = new ContentAssembler(100);
    expect(assembler.expects).toBe('method');
    assembler.method(DELIVER, ARGS);
    expect(assembler.expects).toBe('header');
    expect(assembler.header(headerOf(5))).toBeUndefined();
    expect(assembler.expects).toBe('body');
    expect(push(assembler, Buffer.from('hello'))).toStrictEqual(complete(Buffer.from('hello')));
    expect(assembler.expects).toBe('method');
  });

  test('from a header alone when the body is empty', () => {
    const assembler = new ContentAssembler(0);
    assembler.method(DELIVER, ARGS);
    expect(assembler.header(headerOf(0))).toStrictEqual(complete(Buffer.alloc(0)));
    expect(assembler.expects).toBe('method');
  });

  test('from body frames of any size, empty ones too, by the bytes that remain', () => {
    const assembler = atBody(6);
    expect(push(assembler, Buffer.from('a'))).toBeUndefined();
    expect(push(assembler, hex(''))).toBeUndefined();
    expect(push(assembler, Buffer.from('bcde'))).toBeUndefined();
    expect(push(assembler, Buffer.from('f'))).toStrictEqual(complete(Buffer.from('abcdef')));
  });

  test('from parts of a larger memory that is overwritten afterwards', () => {
    const assembler = atBody(4);
    const ring = Buffer.from('..ab....');
    assembler.body(ring, 2, 4);
    ring.write('....cd..');
    const content = assembler.body(ring, 4, 6);
    ring.fill(0xff);
    expect(content?.body?.toString()).toBe('abcd');
  });

  test('again and again, nothing of the last one left', () => {
    const assembler = atBody(3);
    push(assembler, Buffer.from('one'));
    assembler.method(PLANS['basic.return'], { replyCode: 312 });
    expect(assembler.header(reading(`003c 0000 ${hexOf(2, 8)} 0000`))).toBeUndefined();
    expect(push(assembler, Buffer.from('xy'))).toStrictEqual({
      plan: PLANS['basic.return'],
      args: { replyCode: 312 },
      properties: {},
      bodySize: 2,
      body: Buffer.from('xy'),
    });
  });

  test('larger than what is allocated at first: 5 MiB in frames of 128 KiB', () => {
    const whole = Buffer.alloc(5 * MIB + 3);
    for (let at = 0; at < whole.length; at++) whole[at] = (at * 31) >>> 5;
    const assembler = atBody(whole.length);
    const capacity = bodyCapacity(131_072);
    let content: Content | undefined;
    for (let at = 0; at < whole.length; at += capacity) {
      expect(content).toBeUndefined();
      content = assembler.body(whole, at, Math.min(at + capacity, whole.length));
    }
    expect(content?.body?.equals(whole)).toBe(true);
  });
});

describe('a frame at the wrong time', () => {
  const AT = {
    'between contents': () => new ContentAssembler(100),
    'when a header is due': () => {
      const assembler = new ContentAssembler(100);
      assembler.method(DELIVER, ARGS);
      return assembler;
    },
    'when a body is due': () => atBody(5),
  };
  const FRAMES = {
    'method frame': (assembler: ContentAssembler) => assembler.method(PLANS['basic.get-ok'], {}),
    'header frame': (assembler: ContentAssembler) => assembler.header(headerOf(5)),
    'body frame': (assembler: ContentAssembler) => push(assembler, Buffer.from('x')),
  };

  test.each<[keyof typeof FRAMES, keyof typeof AT, { where: string; expected: string; got: string }]>([
    ['header frame', 'between contents', { where: 'channel', expected: 'a method frame', got: 'header' }],
    ['body frame', 'between contents', { where: 'channel', expected: 'a method frame', got: 'body' }],
    [
      'method frame',
      'when a header is due',
      { where: DELIVER.name, expected: 'a header frame', got: 'basic.get-ok' },
    ],
    ['body frame', 'when a header is due', { where: DELIVER.name, expected: 'a header frame', got: 'body' }],
    [
      'method frame',
      'when a body is due',
      { where: DELIVER.name, expected: 'a body frame', got: 'basic.get-ok' },
    ],
    ['header frame', 'when a body is due', { where: DELIVER.name, expected: 'a body frame', got: 'header' }],
  ])('a %s %s is unexpected', (kind, state, fields) => {
    const assembler = AT[state]();
    const error = violation(() => FRAMES[kind](assembler));
    expect(error).toMatchObject({ replyCode: 505, problem: 'unexpected frame', ...fields });
  });

  test('a method without content is refused inside a content, and only there', () => {
    expect(() => AT['between contents']().refuse('method', 'basic.ack')).not.toThrow();
    for (const state of ['when a header is due', 'when a body is due'] as const) {
      const error = violation(() => AT[state]().refuse('method', 'basic.ack'));
      expect(error).toMatchObject({ replyCode: 505, got: 'basic.ack' });
    }
  });
});

describe('a body that is longer than announced', () => {
  test('is refused in one frame', () => {
    const error = violation(() => push(atBody(3), Buffer.from('four')));
    expect(error).toMatchObject({ replyCode: 505, problem: 'body longer than announced', got: 4 });
    expect(error.expected).toBe('3 bytes');
  });

  test('is refused with its last frame', () => {
    const assembler = atBody(3);
    push(assembler, Buffer.from('ab'));
    expect(violation(() => push(assembler, Buffer.from('cd'))).problem).toBe('body longer than announced');
  });

  test('is refused after it was complete', () => {
    const assembler = atBody(3);
    push(assembler, Buffer.from('abc'));
    expect(violation(() => push(assembler, Buffer.from('d'))).problem).toBe('unexpected frame');
  });

  test('is refused when it is not even kept', () => {
    expect(violation(() => push(atBody(11, 10), Buffer.alloc(12))).problem).toBe(
      'body longer than announced',
    );
  });
});

describe('a body above the limit', () => {
  test('is kept at the limit, and read past one byte above it', () => {
    expect(push(atBody(10, 10), Buffer.alloc(10))?.body).toEqual(Buffer.alloc(10));
    const skipped = push(atBody(11, 10), Buffer.alloc(11));
    expect(skipped).toMatchObject({ bodySize: 11, body: undefined, properties: { contentType: 'text' } });
  });

  test('is read past to its end in many frames, and the next content is whole', () => {
    const assembler = atBody(10_000, 9_999);
    for (let frame = 1; frame < 10; frame++) expect(push(assembler, Buffer.alloc(1000))).toBeUndefined();
    expect(push(assembler, Buffer.alloc(1000))?.bodySize).toBe(10_000);
    assembler.method(DELIVER, ARGS);
    assembler.header(headerOf(2));
    expect(push(assembler, Buffer.from('ok'))?.body).toEqual(Buffer.from('ok'));
  });
});

describe('memory follows the bytes that came, not the size that was announced', () => {
  function allocatedBy(action: () => void): number {
    const before = process.memoryUsage().arrayBuffers;
    action();
    return process.memoryUsage().arrayBuffers - before;
  }

  test.each([4 * 2 ** 30, 2 ** 53 - 1])('for a body of %i announced bytes', (bodySize) => {
    const piece = Buffer.alloc(131_064);
    let assembler!: ContentAssembler;
    const atHeader = allocatedBy(() => {
      assembler = atBody(bodySize);
    });
    expect(atHeader).toBeLessThan(2 * MIB);
    const afterBytes = allocatedBy(() => {
      for (let frame = 0; frame < 24; frame++) push(assembler, piece); // 3 MiB
    });
    expect(afterBytes).toBeLessThan(16 * MIB);
    expect(assembler.expects).toBe('body');
  });

  test('nothing at all is allocated for a body that is not kept', () => {
    const piece = Buffer.alloc(MIB);
    const allocated = allocatedBy(() => {
      const assembler = atBody(4 * 2 ** 30, 64 * MIB);
      for (let frame = 0; frame < 64; frame++) push(assembler, piece);
    });
    expect(allocated).toBeLessThan(MIB);
  });

  test('a body that was kept is no larger than its bytes', () => {
    expect(push(atBody(3), Buffer.from('abc'))?.body).toHaveLength(3);
    const assembler = atBody(3 * MIB);
    for (let frame = 1; frame < 3; frame++) push(assembler, Buffer.alloc(MIB, frame));
    const body = push(assembler, Buffer.alloc(MIB, 3))?.body;
    expect(body).toHaveLength(3 * MIB);
    expect([body?.[0], body?.[MIB], body?.[3 * MIB - 1]]).toEqual([1, 2, 3]);
  });
});

test('a malformed header is refused', () => {
  const assembler = new ContentAssembler(100);
  assembler.method(DELIVER, ARGS);
  expect(violation(() => assembler.header(reading('0032 0000 0000000000000000 0000'))).replyCode).toBe(501);
});

test.each([
  [4096, 4088],
  [131_072, 131_064],
])('a frame of %i bytes carries %i bytes of body', (frameMax, capacity) => {
  expect(bodyCapacity(frameMax)).toBe(capacity);
});
