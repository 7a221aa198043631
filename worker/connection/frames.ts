import { decodeMethodToRepeat, encodeMethod } from '../../src/protocol/codec';
import { FRAME, FRAME_HEADER_SIZE, FRAME_OVERHEAD } from '../../src/protocol/constants';
import { checkFrame, type FrameLimits } from '../../src/protocol/frame';
import type { Outgoing } from '../../src/protocol/handshake';
import type { Method } from '../../src/protocol/method-types';
import { OutOfRoom, Reader, uint32, Writer } from '../../src/protocol/wire';

/** A whole frame, in memory of its own. */
export interface Frame {
  type: number;
  channel: number;
  bytes: Buffer;
}

/** The id of the method in a frame. */
export function methodId({ bytes }: Frame): number {
  return uint32(bytes, FRAME_HEADER_SIZE);
}

/** @throws {ProtocolViolation} */
export function methodOf({ bytes }: Frame): Method {
  return readMethod(bytes.subarray(FRAME_HEADER_SIZE, -1));
}

/** @throws {ProtocolViolation} */
export function readMethod(payload: Buffer): Method {
  return decodeMethodToRepeat(new Reader(payload));
}

const USUAL_SIZE = 1024;

/** A method frame. Larger than `frameMax` it cannot be: it has been sent, or might have been. */
export function frameOf(channel: number, { name, args }: Outgoing, frameMax: number): Buffer {
  for (const size of [USUAL_SIZE, 2 * frameMax]) {
    const writer = new Writer(Buffer.alloc(size));
    try {
      encodeMethod(writer, channel, name, args);
      return writer.buffer.subarray(0, writer.pos);
    } catch (error) {
      if (!(error instanceof OutOfRoom)) throw error;
    }
  }
  throw new RangeError(`${name} does not fit in a frame of ${frameMax} bytes`);
}

/** A cutter of a stream, which comes in pieces, into its frames. */
export class FrameCutter {
  #rest: Buffer = Buffer.alloc(0);

  constructor(readonly limits: FrameLimits) {}

  /** `bytes` may be overwritten after the call. */
  push(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
  }

  /** The next whole frame, if there is one. @throws {ProtocolViolation} */
  next(): Frame | undefined {
    const rest = this.#rest;
    if (rest.length < FRAME_HEADER_SIZE) return undefined;
    const [type, channel, size] = [rest[0]!, rest.readUInt16BE(1), uint32(rest, 3)];
    checkFrame(type, channel, size, this.limits);
    if (rest.length < size + FRAME_OVERHEAD) return undefined;
    this.#rest = rest.subarray(size + FRAME_OVERHEAD);
    return { type, channel, bytes: rest.subarray(0, size + FRAME_OVERHEAD) };
  }

  /** The rest, which is no whole frame; it is the caller's from now on. */
  takeRest(): Buffer {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest;
  }
}

/** The method frames of a batch of whole frames that lies in one or two pieces. */
export function* methodFrames(first: Buffer, second: Buffer | undefined): Generator<Frame> {
  const size = first.length + (second?.length ?? 0);
  const octet = (at: number) => (at < first.length ? first[at]! : second![at - first.length]!);
  for (let at = 0; at < size; ) {
    const length =
      ((octet(at + 3) << 24) | (octet(at + 4) << 16) | (octet(at + 5) << 8) | octet(at + 6)) >>> 0;
    const end = at + length + FRAME_OVERHEAD;
    if (octet(at) === FRAME.METHOD) {
      const channel = (octet(at + 1) << 8) | octet(at + 2);
      yield { type: FRAME.METHOD, channel, bytes: slice(first, second, at, end) };
    }
    at = end;
  }
}

function slice(first: Buffer, second: Buffer | undefined, start: number, end: number): Buffer {
  if (end <= first.length) return first.subarray(start, end);
  const tail = (second as Buffer).subarray(Math.max(0, start - first.length), end - first.length);
  return start >= first.length ? tail : Buffer.concat([first.subarray(start), tail]);
}
