import { clock } from '../../src/clock';
import { FrameTap, type PassingFrame } from './frame-tap';

export type Direction = 'sent' | 'received';

/** How often what main has written itself is taken note of, in milliseconds; without an answer nobody would. */
const CATCH_UP_EVERY_MS = 10;

/** The listener to the frames of a connection. */
export interface FrameListener {
  frame(direction: Direction, frame: PassingFrame): void;
  /** A socket to a broker stands. */
  connected(broker: string): void;
  ended(reason: string): void;
}

/**
 * The watch on the frames of a connection, in both directions and on all ways: main's by the worker, main's own writes to
 * the socket, and the worker's. There is one only for AMQP_SYNC_TRACE and AMQP_SYNC_DEBUG.
 */
export class FrameWatch {
  #sent: FrameTap | undefined;
  #received: FrameTap | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The last frame each way, with when it passed by. */
  readonly last: { [D in Direction]?: { frame: PassingFrame; at: number } } = {};

  constructor(readonly listener: FrameListener | undefined) {}

  /** A socket stands. `catchUp` makes known what main has written to it. */
  begin(broker: string, catchUp: () => void): void {
    this.#sent = this.#tap('sent');
    this.#received = this.#tap('received');
    this.listener?.connected(broker);
    clearInterval(this.#timer);
    this.#timer = setInterval(catchUp, CATCH_UP_EVERY_MS);
  }

  #tap(direction: Direction): FrameTap {
    return new FrameTap((frame) => {
      this.last[direction] = { frame, at: clock.now() };
      this.listener?.frame(direction, frame);
    });
  }

  /** Bytes are on their way to the broker, in one or two pieces. */
  sent(first: Uint8Array, second?: Uint8Array): void {
    for (const bytes of [first, second])
      if (bytes !== undefined)
        this.#sent?.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  received(bytes: Buffer): void {
    this.#received?.push(bytes);
  }

  /** The socket has ended. */
  end(reason: string): void {
    clearInterval(this.#timer);
    if (this.#sent !== undefined) this.listener?.ended(reason);
    this.#sent = undefined;
    this.#received = undefined;
  }
}
