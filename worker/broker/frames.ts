import { binary } from '../../src/broker/erlang';
import { Failure } from '../../src/broker/failure';
import { FRAME, FRAME_END, FRAME_HEADER_SIZE, FRAME_OVERHEAD } from '../../src/protocol/constants';
import { uint32 } from '../../src/protocol/wire';

/** Receives the frames of a stream. The payload is `bytes[start, end)`, good until the call returns. */
export type FrameHandler = (type: number, channel: number, bytes: Buffer, start: number, end: number) => void;

/** Cuts a client's byte stream into frames, and refuses what RabbitMQ refuses, in its words. */
export class FrameReader {
  frameMax = 4096;
  #pending: Buffer | undefined;

  /** `onWrong` hears of frames that are wrong but whole: the stream goes on behind them. */
  constructor(
    readonly onFrame: FrameHandler,
    readonly onWrong: (failure: Failure) => void,
  ) {}

  /** Whether a frame has begun and not ended. */
  get partial(): boolean {
    return this.#pending !== undefined;
  }

  /** `isOpen` is asked before each frame: one may be the last that counts. @throws {Failure} 501, the boundaries are lost */
  push(chunk: Buffer, isOpen: () => boolean): void {
    const bytes = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = undefined;
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_SIZE && isOpen()) {
      const type = bytes[at]!;
      const channel = (bytes[at + 1]! << 8) | bytes[at + 2]!;
      const size = uint32(bytes, at + 3);
      // RabbitMQ is patient with clients that do not count what a frame takes around its payload
      if (this.frameMax > 0 && size > this.frameMax) {
        throw wrong(type, NOTHING, `{frame_too_large,${size},${this.frameMax - FRAME_OVERHEAD}}`);
      }
      const start = at + FRAME_HEADER_SIZE;
      const end = start + size;
      if (bytes.length <= end) break;
      const failure = check(type, channel, bytes, start, end);
      if (failure === undefined) this.onFrame(type, channel, bytes, start, end);
      else this.onWrong(failure);
      at = end + 1;
    }
    if (at < bytes.length && isOpen()) this.#pending = at === 0 ? bytes : Buffer.from(bytes.subarray(at));
  }
}

const NOTHING = new Uint8Array(0);

function wrong(type: number, payload: Uint8Array, what: string): Failure {
  return new Failure(501, `type ${type}, all octets = ${binary(payload)}: ${what}`);
}

function check(
  type: number,
  channel: number,
  bytes: Buffer,
  start: number,
  end: number,
): Failure | undefined {
  const isKnown =
    (type === FRAME.METHOD && end - start >= 4) ||
    type === FRAME.HEADER ||
    type === FRAME.BODY ||
    (type === FRAME.HEARTBEAT && end === start);
  const isPlaced = type === FRAME.METHOD || (channel === 0) === (type === FRAME.HEARTBEAT);
  if (isKnown && isPlaced && bytes[end] === FRAME_END) return undefined;
  const payload = bytes.subarray(start, end);
  if (bytes[end] !== FRAME_END) throw wrong(type, payload, `{invalid_frame_end_marker,${bytes[end]}}`);
  if (!isKnown) return wrong(type, payload, 'unknown_frame');
  return new Failure(505, `type ${type}, all octets = ${binary(payload)}`);
}
