import type { WorkerLink } from '../../src/bridge/worker-link';
import type { Outgoing } from '../../src/protocol/handshake';
import type { TopologyRecorder } from './topology-recorder';
import type { Transport } from './transport';

/**
 * The way of main's bytes, in the outbound ring, to the socket. A batch is everything that was published when it began (one
 * piece, or two where the ring wraps), so a batch ends with a whole frame and the worker's own frames may
 * follow it. The bytes belong to the socket until its callback; then the room goes back to main.
 *
 *   [parked] --doorbell--> [writing a batch] --more published--> [writing a batch] ...
 *     ^                                                               |
 *     +--------------------------- nothing left ----------------------+
 *
 * The worker does not park while a poll is to come by itself (see AdaptivePolling).
 */
export class Outbound {
  #whenEmpty: (() => void) | undefined;

  constructor(
    readonly link: WorkerLink,
    readonly transport: Transport,
    /** Whether `flush` will be called again before long, without the doorbell. */
    readonly isPolled: () => boolean,
    /** Records what is sent. */
    readonly recorder?: TopologyRecorder,
  ) {}

  /** Write all that there is, and go on until there is nothing left. */
  flush(): void {
    if (this.link.inFlight > 0) return;
    this.link.attend(); // first: what is written from here on sets it again
    const size = this.#available();
    if (size === 0) return this.#whenEmpty?.();
    const { outbound } = this.link;
    const first = outbound.readable();
    this.link.inFlight = size;
    if (first.length >= size) {
      this.recorder?.sent(first.subarray(0, size));
      this.transport.write(first.subarray(0, size), () => this.#written(size));
    } else {
      const second = outbound.readable(first.length).subarray(0, size - first.length);
      this.recorder?.sent(first, second);
      this.transport.write(first);
      this.transport.write(second, () => this.#written(size));
    }
  }

  /** Park, then look once more: main rings the doorbell only for what comes after. */
  #available(): number {
    const { outbound } = this.link;
    const size = outbound.available();
    if (size > 0 || this.isPolled()) return size;
    this.link.park();
    const late = outbound.available();
    if (late > 0) this.link.unpark();
    return late;
  }

  #written(size: number): void {
    this.link.inFlight = 0;
    this.link.release(size);
    if (this.link.isUrgent || this.#whenEmpty !== undefined || !this.isPolled()) this.flush();
  }

  /**
   * Put frames of the worker's own between two messages of main's, on whatever channel.
   * @returns false: not now, main is in the middle of one
   */
  interject(frames: Uint8Array): boolean {
    // in this order: a message that began after the first look has something in the ring
    if (this.link.isWritingLocked || this.link.hasOutbound) return false;
    this.transport.write(frames);
    return true;
  }

  /** Main writes for this session from now on: take out what is before that, and send what has to be sent again. */
  discard(recorder: TopologyRecorder, send: (channel: number, method: Outgoing) => void): void {
    const { outbound, stale: size } = this.link;
    const first = outbound.readable().subarray(0, size);
    const second =
      first.length < size ? outbound.readable(first.length).subarray(0, size - first.length) : undefined;
    for (const { channel, method } of recorder.resend(first, second)) send(channel, method);
    this.link.release(size);
  }

  /** Flush, then run `done` once. */
  drain(done: () => void): void {
    this.#whenEmpty = () => {
      this.#whenEmpty = undefined;
      done();
    };
    this.flush();
  }
}
