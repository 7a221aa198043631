import { FRAME, FRAME_HEADER_SIZE, PROTOCOL_HEADER } from '../../src/protocol/constants';
import { uint32 } from '../../src/protocol/wire';

/** A frame that has passed by. Of a body no more is kept than its beginning. */
export interface PassingFrame {
  /** One of FRAME; 0: a protocol header, or what is no frame. */
  type: number;
  channel: number;
  /** Bytes of the payload. */
  size: number;
  payload: Buffer;
}

/** Whether a frame of type 0 is a protocol header. */
export function isProtocolHeader({ payload }: PassingFrame): boolean {
  return payload.toString('latin1', 0, 4) === 'AMQP';
}

/** Bytes of a body that are kept. */
const BODY_KEPT = 64;
const KNOWN = new Set<number>(Object.values(FRAME));
const PROTOCOL_LETTER = PROTOCOL_HEADER[0]!;

/**
 * A tap on one direction of a stream: it tells of the frames that pass by, in whatever pieces they come, and judges
 * none. A protocol header is told of by itself; behind what is no frame at all there is nothing more to tell.
 */
export class FrameTap {
  readonly #header = Buffer.alloc(FRAME_HEADER_SIZE);
  #headerSize = 0;
  /** Payload and end octet still to come. */
  #remaining = 0;
  #size = 0;
  #kept: Buffer[] = [];
  #toKeep = 0;
  #isLost = false;

  constructor(readonly onFrame: (frame: PassingFrame) => void) {}

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.#isLost; )
      at = this.#headerSize < FRAME_HEADER_SIZE ? this.#readHeader(bytes, at) : this.#readRest(bytes, at);
  }

  #readHeader(bytes: Buffer, at: number): number {
    const taken = bytes.copy(this.#header, this.#headerSize, at);
    this.#headerSize += taken;
    const type = this.#header[0]!;
    // as large as the header of a frame, with one octet behind it
    if (type === PROTOCOL_LETTER) this.#expect(0);
    else if (!KNOWN.has(type)) this.#lose(bytes.subarray(at));
    else if (this.#headerSize === FRAME_HEADER_SIZE) this.#expect(uint32(this.#header, 3));
    return at + taken;
  }

  #expect(size: number): void {
    this.#size = size;
    this.#remaining = size + 1;
    this.#toKeep = this.#header[0] === FRAME.BODY ? Math.min(size, BODY_KEPT) : size;
  }

  #readRest(bytes: Buffer, at: number): number {
    const taken = Math.min(this.#remaining, bytes.length - at);
    const kept = Math.min(this.#toKeep, taken);
    if (kept > 0) this.#kept.push(Buffer.from(bytes.subarray(at, at + kept)));
    this.#toKeep -= kept;
    this.#remaining -= taken;
    if (this.#remaining === 0) this.#end(bytes[at + taken - 1]!);
    return at + taken;
  }

  #end(last: number): void {
    const type = this.#header[0]!;
    const payload = this.#kept.length === 1 ? this.#kept[0]! : Buffer.concat(this.#kept);
    this.#headerSize = 0;
    this.#kept = [];
    if (type === PROTOCOL_LETTER) {
      const all = Buffer.concat([this.#header, Buffer.of(last)]);
      return this.onFrame({ type: 0, channel: 0, size: all.length, payload: all });
    }
    const channel = (this.#header[1]! << 8) | this.#header[2]!;
    this.onFrame({ type, channel, size: this.#size, payload });
  }

  #lose(rest: Buffer): void {
    this.#isLost = true;
    this.onFrame({
      type: 0,
      channel: 0,
      size: rest.length,
      payload: Buffer.from(rest.subarray(0, BODY_KEPT)),
    });
  }
}
