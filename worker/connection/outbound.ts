import type { WorkerLink } from '../../src/bridge/worker-link';
import type { Outgoing } from '../../src/protocol/handshake';
import type { FrameWatch } from './frame-watch';
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
 * The worker does not park while a poll is to come by itself (see AdaptivePolling). Where the descriptor is lent, main
 * writes to the socket too, while this does not (see WriteLock): what it has sent is counted, recorded, and its room given
 * back, when the worker comes to it.
 */
export class Outbound {
  #whenEmpty: (() => void) | undefined;
  /** Frames of the worker's own that the socket has not taken. */
  #own = 0;
  /** Ring position up to where the recorder has been told. */
  #recorded: number;

  constructor(
    readonly link: WorkerLink,
    readonly transport: Transport,
    /** Whether `flush` will be called again before long, without the doorbell. */
    readonly isPolled: () => boolean,
    /** Records what is sent. */
    readonly recorder?: TopologyRecorder,
    /** Main was ended in the middle of a write of its own: nobody knows what the broker has got of it. */
    readonly halfSent: () => void = () => transport.destroy(),
    /** Sees all frames, the worker's own too. */
    readonly watch?: FrameWatch,
  ) {
    this.#recorded = link.outbound.tail;
  }

  // ── what main may do ────────────────────────────────────────────────────────────────────────────────

  /** Main may write to the socket as well. */
  lend(descriptor: number): void {
    const { writeLock, outbound, inFlight } = this.link;
    writeLock.lend(descriptor, (outbound.tail + inFlight) >>> 0);
  }

  /** Main writes to this socket no more; what it has written is known. */
  revoke(): void {
    const { writeLock } = this.link;
    if (!writeLock.isLent) return;
    writeLock.take();
    this.catchUp();
    writeLock.revoke();
  }

  /** Take note of what main has sent: before the broker's answer to it is looked at. */
  catchUp(): void {
    const { outbound, writeLock, inFlight } = this.link;
    if (inFlight > 0 || !writeLock.isLent) return; // main is kept from writing
    const { sent } = writeLock; // first: main may be about to write more, whose end is not known here yet
    const { end } = writeLock;
    this.#record(end);
    const size = (sent - outbound.tail) | 0;
    // the room of a write that was cut off is given back with its rest: what is lost with a connection is whole frames
    if (size <= 0 || sent !== end) return;
    this.transport.bytesOut += size;
    this.link.release(size);
  }

  /** Bytes at the tail that main has sent, and which are not given back as its write was cut off. The lock is held. */
  get #begun(): number {
    const { outbound, writeLock } = this.link;
    return writeLock.isLent ? Math.max(0, (writeLock.sent - outbound.tail) | 0) : 0;
  }

  // ── main's bytes ────────────────────────────────────────────────────────────────────────────────────

  /** Write all that there is, and go on until there is nothing left. */
  flush(): void {
    if (this.link.inFlight > 0) return;
    this.link.attend(); // first: what is written from here on sets it again
    if (!this.link.writeLock.take()) return this.halfSent();
    this.catchUp();
    const size = this.#available();
    if (size > 0) return this.#write(size);
    this.#give();
    this.#whenEmpty?.();
  }

  #write(size: number): void {
    const { outbound } = this.link;
    const begun = this.#begun;
    const first = outbound.readable(begun).subarray(0, size - begun);
    const sofar = begun + first.length;
    this.link.inFlight = size;
    this.#record((outbound.tail + size) >>> 0);
    this.transport.bytesOut += begun;
    if (sofar === size) return this.transport.write(first, () => this.#written(size));
    this.transport.write(first);
    const second = outbound.readable(sofar).subarray(0, size - sofar);
    this.transport.write(second, () => this.#written(size));
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
    this.#give();
    if (this.link.isUrgent || this.#whenEmpty !== undefined || !this.isPolled()) this.flush();
  }

  #give(): void {
    const { inFlight, writeLock, outbound } = this.link;
    if (inFlight > 0) return;
    writeLock.advance(outbound.tail);
    if (this.#own === 0) writeLock.give();
  }

  /** Whole frames of main's, up to ring position `end`, are on their way to the broker. */
  #record(end: number): void {
    const { outbound } = this.link;
    const size = (end - this.#recorded) | 0;
    if (size <= 0) return;
    const skip = (this.#recorded - outbound.tail) >>> 0;
    this.#recorded = end;
    if (this.recorder === undefined && this.watch === undefined) return;
    const first = outbound.readable(skip).subarray(0, size);
    const left = size - first.length;
    const second = left > 0 ? outbound.readable(skip + first.length).subarray(0, left) : undefined;
    this.recorder?.sent(first, second);
    this.watch?.sent(first, second);
  }

  // ── the worker's own ────────────────────────────────────────────────────────────────────────────────

  /** Write frames of the worker's own, behind what main has begun to write. */
  append(frames: Uint8Array): void {
    const { link } = this;
    if (!link.writeLock.take()) return this.halfSent();
    this.catchUp();
    if (link.inFlight === 0 && this.#begun > 0) this.#write(link.outbound.available());
    this.#own++;
    this.watch?.sent(frames);
    this.transport.write(frames, () => {
      this.#own--;
      this.#give();
    });
  }

  /**
   * Put frames of the worker's own between two messages of main's, on whatever channel.
   * @returns false: not now, main is in the middle of one
   */
  interject(frames: Uint8Array): boolean {
    const { link } = this;
    if (!link.writeLock.take()) {
      this.halfSent();
      return false;
    }
    // in this order: a message that began after the first look has something in the ring, where the lock keeps it
    const isFree = !link.isWritingLocked && !link.hasOutbound;
    if (isFree) this.append(frames);
    else if (link.inFlight === 0 && this.#own === 0) link.writeLock.give();
    return isFree;
  }

  /** Main writes for this session from now on: take out what is before that, and send what has to be sent again. */
  discard(recorder: TopologyRecorder, send: (channel: number, method: Outgoing) => void): void {
    const { outbound, stale: size } = this.link;
    const first = outbound.readable().subarray(0, size);
    const second =
      first.length < size ? outbound.readable(first.length).subarray(0, size - first.length) : undefined;
    for (const { channel, method } of recorder.resend(first, second)) send(channel, method);
    this.link.release(size);
    this.#recorded = outbound.tail;
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
