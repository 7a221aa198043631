/** The tap on a stream: it tells of each frame once, in whatever pieces the stream comes, and keeps little of a body. */
import { FRAME, HEARTBEAT_FRAME, PROTOCOL_HEADER } from '../../src/protocol/constants';
import { FrameTap, type PassingFrame } from '../../worker/connection/frame-tap';
import { frame } from '../protocol/bytes';
import { methodFrame } from '../support/peers/script';

const LARGE = Buffer.alloc(100_000, 7);
const STREAM = Buffer.concat([
  PROTOCOL_HEADER,
  methodFrame('queue.declare', { queue: 'q' }, 3),
  frame(FRAME.BODY, 3, LARGE),
  frame(FRAME.BODY, 3, Buffer.alloc(0)),
  HEARTBEAT_FRAME,
]);

function tapped(bytes: Buffer, piece: number): PassingFrame[] {
  const frames: PassingFrame[] = [];
  const tap = new FrameTap((each) => frames.push(each));
  for (let at = 0; at < bytes.length; at += piece) tap.push(bytes.subarray(at, at + piece));
  return frames;
}

test('the frames of a stream are told of, in whatever pieces it comes', () => {
  const whole = tapped(STREAM, STREAM.length);
  expect(whole.map(({ type, channel, size }) => [type, channel, size])).toEqual([
    [0, 0, 8],
    [FRAME.METHOD, 3, methodFrame('queue.declare', { queue: 'q' }, 3).length - 8],
    [FRAME.BODY, 3, 100_000],
    [FRAME.BODY, 3, 0],
    [FRAME.HEARTBEAT, 0, 0],
  ]);
  for (const piece of [1, 2, 3, 5, 7, 8, 9, 64, 1000, 65_536]) expect(tapped(STREAM, piece)).toEqual(whole);
});

test('of a body no more is kept than its beginning', () => {
  const [, , body] = tapped(STREAM, 999);
  expect(body!.payload).toEqual(LARGE.subarray(0, 64));
});

test('behind what is no frame there is nothing more to tell', () => {
  const stream = Buffer.concat([HEARTBEAT_FRAME, Buffer.from('HTTP/1.1 400'), HEARTBEAT_FRAME]);
  const frames = tapped(stream, stream.length);
  expect(frames.map(({ type, size }) => [type, size])).toEqual([
    [FRAME.HEARTBEAT, 0],
    [0, 20],
  ]);
  expect(frames[1]!.payload.toString('latin1', 0, 12)).toBe('HTTP/1.1 400');
});
