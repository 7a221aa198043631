import { FRAME, FRAME_END, FRAME_HEADER_SIZE, FRAME_MAX_BEFORE_TUNE, FRAME_OVERHEAD } from './constants';
import { ProtocolViolation } from './violation';
import { uint32 } from './wire';

/** An observer of the methods of channels as they pass by. */
export interface MethodObserver {
  isWanted(id: number): boolean;
  method(channel: number, payload: Buffer): void;
}

/** Limits of what a peer may send. */
export interface FrameLimits {
  /** The largest frame, but for content headers. */
  readonly frameMax: number;
  /** The largest frame with a content header: RabbitMQ sends it whole, however much it has added to the properties. */
  readonly headerMax: number;
  readonly channelMax: number;
}

/**
 * The scanner for the frames in a byte stream that arrives in arbitrary pieces, without keeping the bytes.
 *
 *     octet   short    long          payload size octets   octet
 *   +------+---------+------+      +---------------------+------+
 *   | type | channel | size |      |       payload       | 0xCE |     AMQP 0-9-1 §4.2.3
 *   +------+---------+------+      +---------------------+------+
 *
 * All limits are judged from the seven header bytes, before anything is stored for the frame.
 */
export class FrameScanner implements FrameLimits {
  /** Bytes of the stream up to the end of the last whole frame. */
  boundary = 0;
  /** Bytes of the stream seen so far. */
  position = 0;
  /** Whole frames. */
  frames = 0;
  /** The largest frame the peer may send; the provisional value holds until tune. */
  frameMax = FRAME_MAX_BEFORE_TUNE;
  headerMax = FRAME_MAX_BEFORE_TUNE;
  /** The highest channel the peer may use; none before the connection is open. */
  channelMax = 0;

  readonly #header = Buffer.alloc(FRAME_HEADER_SIZE);
  #headerSize = 0;
  #type = 0;
  /** Payload and end octet still to come of the current frame. */
  #remaining = 0;
  /** The payload that is kept. */
  #control: Buffer | undefined;
  #channel = 0;
  #controlSize = 0;

  /** `onControl` receives the payload of every method frame on channel 0, `observer` those of the others that it wants. */
  constructor(
    readonly onControl: (payload: Buffer) => void,
    readonly observer?: MethodObserver,
  ) {}

  /** True between frames: nothing of the next one has been seen. */
  get atBoundary(): boolean {
    return this.boundary === this.position;
  }

  /** Look at the next `bytes[start, end)` of the stream. @throws {ProtocolViolation} 501, 504, 505 */
  push(bytes: Buffer, start = 0, end = bytes.length): void {
    let at = start;
    while (at < end) {
      if (this.#headerSize === FRAME_HEADER_SIZE) at = this.#readRest(bytes, at, end);
      else if (this.#headerSize === 0 && end - at >= FRAME_HEADER_SIZE)
        at = this.#wholeHeader(bytes, at, end);
      else at = this.#readHeader(bytes, at, end);
    }
  }

  #wholeHeader(bytes: Buffer, start: number, end: number): number {
    this.#headerSize = FRAME_HEADER_SIZE;
    this.position += FRAME_HEADER_SIZE;
    this.#beginFrame(bytes, start, end);
    return start + FRAME_HEADER_SIZE;
  }

  #readHeader(bytes: Buffer, start: number, end: number): number {
    const taken = Math.min(FRAME_HEADER_SIZE - this.#headerSize, end - start);
    bytes.copy(this.#header, this.#headerSize, start, start + taken);
    this.#headerSize += taken;
    this.position += taken;
    if (this.#headerSize === FRAME_HEADER_SIZE) this.#beginFrame(this.#header, 0, FRAME_HEADER_SIZE);
    return start + taken;
  }

  /** The header lies at `at`; perhaps more behind it, up to `end`. */
  #beginFrame(header: Buffer, at: number, end: number): void {
    const type = header[at]!;
    const channel = (header[at + 1]! << 8) | header[at + 2]!;
    const size = uint32(header, at + 3);
    checkFrame(type, channel, size, this);
    this.#type = type;
    this.#remaining = size + 1;
    const isKept =
      type === FRAME.METHOD &&
      (channel === 0 || (this.observer !== undefined && this.#isWanted(header, at + FRAME_HEADER_SIZE, end)));
    this.#control = isKept ? Buffer.allocUnsafe(size) : undefined;
    this.#controlSize = 0;
    this.#channel = channel;
  }

  /** Whether the observer wants the method; one whose id has not come yet may be wanted. */
  #isWanted(bytes: Buffer, at: number, end: number): boolean {
    return at + 4 > end || this.observer!.isWanted(uint32(bytes, at));
  }

  #readRest(bytes: Buffer, start: number, end: number): number {
    const taken = Math.min(this.#remaining, end - start);
    const last = taken === this.#remaining;
    if (this.#control !== undefined) {
      this.#controlSize += bytes.copy(
        this.#control,
        this.#controlSize,
        start,
        start + taken - (last ? 1 : 0),
      );
    }
    this.#remaining -= taken;
    this.position += taken;
    if (last) this.#endFrame(bytes[start + taken - 1]!);
    return start + taken;
  }

  #endFrame(octet: number): void {
    if (octet !== FRAME_END) {
      throw new ProtocolViolation(
        501,
        'bad frame end octet',
        frameName(this.#type),
        '0xce',
        `0x${octet.toString(16)}`,
      );
    }
    const control = this.#control;
    this.#control = undefined;
    this.#headerSize = 0;
    this.frames++;
    // a method that is refused does not count as received
    if (control === undefined) this.boundary = this.position;
    else this.#endMethod(control);
  }

  #endMethod(payload: Buffer): void {
    if (this.#channel === 0) this.onControl(payload);
    else if (this.observer?.isWanted(uint32(payload, 0))) this.observer.method(this.#channel, payload);
    this.boundary = this.position;
  }
}

/** Refuse a frame by its header. @throws {ProtocolViolation} 501, 504, 505 */
export function checkFrame(type: number, channel: number, size: number, limits: FrameLimits): void {
  const least = LEAST_PAYLOAD[type];
  const most = (type === FRAME.HEADER ? limits.headerMax : limits.frameMax) - FRAME_OVERHEAD;
  const isFine = least !== undefined && size >= least && size <= most;
  if (isFine && channel !== 0 && channel <= limits.channelMax && type !== FRAME.HEARTBEAT) return;
  refuseFrame(type, channel, size, limits);
}

/** The checks once more, to say what is wrong, if anything is. @throws {ProtocolViolation} 501, 504, 505 */
function refuseFrame(
  type: number,
  channel: number,
  size: number,
  { frameMax, headerMax, channelMax }: FrameLimits,
): void {
  const name = frameName(type);
  if (LEAST_PAYLOAD[type] === undefined) {
    throw new ProtocolViolation(501, 'unknown frame type', 'frame header', '1, 2, 3 or 8', type);
  }
  if (type === FRAME.HEADER && size > headerMax - FRAME_OVERHEAD) {
    throw new ProtocolViolation(
      501,
      'more properties than fit (connect with the largest frameMax, or purge the queue)',
      name,
      `at most ${headerMax}`,
      size + FRAME_OVERHEAD,
    );
  }
  if (type !== FRAME.HEADER && size > frameMax - FRAME_OVERHEAD) {
    throw new ProtocolViolation(
      501,
      'frame larger than negotiated',
      name,
      `at most ${frameMax}`,
      size + FRAME_OVERHEAD,
    );
  }
  if (size < LEAST_PAYLOAD[type]) {
    throw new ProtocolViolation(501, 'frame too small', name, `at least ${LEAST_PAYLOAD[type]}`, size);
  }
  if (type === FRAME.HEARTBEAT && (channel !== 0 || size !== 0)) {
    throw new ProtocolViolation(
      501,
      'malformed heartbeat',
      name,
      'channel 0, no payload',
      `channel ${channel}, ${size} bytes`,
    );
  }
  if (channel > channelMax) {
    throw new ProtocolViolation(504, 'channel out of range', name, `at most ${channelMax}`, channel);
  }
  if (channel === 0 && (type === FRAME.HEADER || type === FRAME.BODY)) {
    throw new ProtocolViolation(505, 'content on channel 0', name, 'a channel above 0', channel);
  }
}

/** A method has its ids (4), a content header class, weight, body size and flags (14). */
const LEAST_PAYLOAD: Readonly<Record<number, number>> = {
  [FRAME.METHOD]: 4,
  [FRAME.HEADER]: 14,
  [FRAME.BODY]: 0,
  [FRAME.HEARTBEAT]: 0,
};

export function frameName(type: number): string {
  switch (type) {
    case FRAME.METHOD:
      return 'method frame';
    case FRAME.HEADER:
      return 'header frame';
    case FRAME.BODY:
      return 'body frame';
    case FRAME.HEARTBEAT:
      return 'heartbeat frame';
    default:
      return `frame of type ${type}`;
  }
}
