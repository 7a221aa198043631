import { closeFrame, encodeMethod, openFrame } from '../protocol/codec';
import { FRAME, FRAME_OVERHEAD } from '../protocol/constants';
import { bodyCapacity } from '../protocol/content';
import type { Input, MethodName } from '../protocol/method-types';
import { OutOfRoom, Writer } from '../protocol/wire';
import type { BrokerMessage } from './message';

const SLAB = 65_536;

/** The frames that wait to be sent to one client, one behind the other in memory. */
export class FrameOutput {
  frameMax = 4096;
  readonly #writer = new Writer();
  #start = 0;
  readonly #full: Buffer[] = [];
  #fullSize = 0;

  /** `onWork` is called when there is something to take, where there was nothing. */
  constructor(readonly onWork: () => void) {}

  method<M extends MethodName>(channel: number, name: M, args: Input<M> = {}): void {
    this.#begin(256);
    for (;;) {
      const start = this.#writer.pos;
      try {
        return encodeMethod(this.#writer, channel, name, args);
      } catch (error) {
        if (!(error instanceof OutOfRoom)) throw error;
        this.#writer.pos = start;
        this.#grow(2 * (this.#writer.end - start) + 1024);
      }
    }
  }

  /** A method with the content of a message. */
  content<M extends MethodName>(channel: number, name: M, args: Input<M>, message: BrokerMessage): void {
    this.method(channel, name, args);
    const { header, body } = message;
    this.#payload(FRAME.HEADER, channel, header, 0, header.length);
    const most = bodyCapacity(this.frameMax);
    for (let at = 0; at < body.length; at += most) {
      this.#payload(FRAME.BODY, channel, body, at, Math.min(at + most, body.length));
    }
  }

  heartbeat(): void {
    this.#begin(FRAME_OVERHEAD);
    closeFrame(this.#writer, openFrame(this.#writer, FRAME.HEARTBEAT, 0));
  }

  /** Take all frames that wait. */
  take(): Buffer[] {
    const pieces = this.#full.splice(0);
    this.#fullSize = 0;
    const { buffer, pos } = this.#writer;
    if (pos > this.#start) pieces.push(buffer.subarray(this.#start, pos));
    this.#start = pos;
    return pieces;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#fullSize + this.#writer.pos - this.#start;
  }

  #payload(type: number, channel: number, bytes: Buffer, start: number, end: number): void {
    this.#begin(end - start + FRAME_OVERHEAD);
    const frame = openFrame(this.#writer, type, channel);
    const at = this.#writer.take(end - start);
    bytes.copy(this.#writer.buffer, at, start, end);
    closeFrame(this.#writer, frame);
  }

  #begin(size: number): void {
    if (this.isEmpty) this.onWork();
    if (this.#writer.end - this.#writer.pos < size) this.#grow(size);
  }

  #grow(size: number): void {
    const writer = this.#writer;
    if (writer.pos > this.#start) {
      this.#full.push(writer.buffer.subarray(this.#start, writer.pos));
      this.#fullSize += writer.pos - this.#start;
    }
    const slab = Buffer.allocUnsafe(Math.max(SLAB, size));
    writer.target(slab, 0, slab.length);
    this.#start = 0;
  }
}
