import { deepStrictEqual, strictEqual } from 'node:assert';
import fc from 'fast-check';
import { PLANS } from '../../src/protocol/codec';
import { ContentAssembler } from '../../src/protocol/content';
import { FrameScanner } from '../../src/protocol/frame';
import { ProtocolViolation } from '../../src/protocol/violation';
import { check, damaged } from './arbitrary';
import { frame, hex, hexOf, reading } from './bytes';

interface Recorded {
  stream: Buffer;
  /** Where each frame ends. */
  ends: number[];
  control: Buffer[];
}

/** A stream of many frames and what is to be found in it. */
const recordings = () => {
  const payload = (least: number) => fc.uint8Array({ minLength: least, maxLength: 300 });
  const channel = fc.integer({ min: 1, max: 9 });
  const frames = fc.oneof(
    fc.tuple(fc.constant(1), fc.constant(0), payload(4)),
    fc.tuple(fc.constant(1), channel, payload(4)),
    fc.tuple(fc.constant(2), channel, payload(14)),
    fc.tuple(fc.constant(3), channel, payload(0)),
    fc.tuple(fc.constant(8), fc.constant(0), fc.constant(new Uint8Array())),
  );
  return fc.array(frames, { minLength: 1, maxLength: 30 }).map((list): Recorded => {
    let end = 0;
    return {
      stream: Buffer.concat(list.map(([type, channel, payload]) => frame(type, channel, payload))),
      ends: list.map(([, , payload]) => {
        end += payload.length + 8;
        return end;
      }),
      control: list
        .filter(([type, channel]) => type === 1 && channel === 0)
        .map(([, , payload]) => Buffer.from(payload)),
    };
  });
};

const pieceSizes = () => fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.nat(2000)), { minLength: 1 });

/** Push `stream` in pieces, each from the same memory that is overwritten afterwards, as a socket's. */
function scan(stream: Buffer, sizes: readonly number[], afterPiece = (_scanner: FrameScanner) => {}) {
  const control: Buffer[] = [];
  const scanner = new FrameScanner((payload) => control.push(payload));
  scanner.channelMax = 9;
  let refused: string | undefined;
  try {
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const size = Math.max(1, sizes[turn % sizes.length]!);
      const piece = Buffer.from(stream.subarray(at, at + size));
      scanner.push(piece);
      piece.fill(0xee);
      at += size;
      afterPiece(scanner);
    }
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error;
    refused = error.message;
  }
  return { boundary: scanner.boundary, control, refused };
}

describe('FrameScanner', () => {
  test('finds the same frames in any pieces', () => {
    check(
      fc.property(recordings(), pieceSizes(), ({ stream, ends, control }, sizes) => {
        const wrong: FrameScanner[] = [];
        const found = scan(stream, sizes, (scanner) => {
          const { boundary, position, atBoundary } = scanner;
          const expected = ends.findLast((end) => end <= position) ?? 0;
          if (boundary !== expected || atBoundary !== (boundary === position)) wrong.push(scanner);
        });
        deepStrictEqual(wrong, []);
        deepStrictEqual(found, { boundary: stream.length, control, refused: undefined });
      }),
      500,
    );
  });

  test('finds them in single octets and in one piece', () => {
    check(
      fc.property(recordings(), ({ stream, control }) => {
        const expected = { boundary: stream.length, control, refused: undefined };
        deepStrictEqual(scan(stream, [1]), expected);
        deepStrictEqual(scan(stream, [stream.length]), expected);
      }),
      200,
    );
  });

  test('judges a damaged stream the same in any pieces', () => {
    const streams = fc.sample(recordings(), { seed: 9, numRuns: 40 }).map(({ stream }) => stream);
    let refusals = 0;
    check(
      fc.property(damaged(streams), pieceSizes(), (stream, sizes) => {
        const inOnePiece = scan(stream, [stream.length]);
        deepStrictEqual(scan(stream, sizes), inOnePiece);
        if (inOnePiece.refused !== undefined) refusals++;
      }),
      3000,
    );
    expect(refusals).toBeGreaterThan(500);
  });
});

describe('ContentAssembler', () => {
  const header = (bodySize: number) => reading(hex(`003c 0000 ${hexOf(bodySize, 8)} 0000`));

  test('puts a body together from any pieces, and takes not one byte more', () => {
    check(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), pieceSizes(), (array, sizes) => {
        const body = Buffer.from(array);
        const assembler = new ContentAssembler(Number.POSITIVE_INFINITY);
        assembler.method(PLANS['basic.deliver'], {});
        assembler.header(header(body.length));
        let content: ReturnType<ContentAssembler['body']>;
        for (let at = 0, turn = 0; at < body.length; turn++) {
          expect(content).toBeUndefined();
          const end = Math.min(at + Math.max(1, sizes[turn % sizes.length]!), body.length);
          content = assembler.body(body, at, end);
          at = end;
        }
        strictEqual(content?.body?.equals(body), true);
        expect(() => assembler.body(Buffer.alloc(1), 0, 1)).toThrow(ProtocolViolation);
      }),
      500,
    );
  });
});
