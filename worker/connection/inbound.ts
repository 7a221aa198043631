import type { WorkerLink } from '../../src/bridge/worker-link';
import type { FrameScanner } from '../../src/protocol/frame';

/** Bytes of room below which the ring is left alone: whole reads go to the overflow instead. */
const LEAST_READ = 4096;
const SCRATCH_SIZE = 64 * 1024;

/** Bytes that found no room, and the frame boundary that main may see once they are in the ring. */
interface Held {
  bytes: Buffer;
  size: number;
  boundary: number;
}

/**
 * The way of the socket's bytes to main. Ordinarily the kernel writes straight into the ring; when main is
 * slow the ring fills, and an overflow in this thread's heap takes the next bytes, as much as `maxHeld` says:
 * ordinarily what one read brings, and more when main does not read for long (see Backpressure).
 *
 *   ring has room ----------> read into the ring
 *   ring is full -----------> read into the scratch, keep a copy
 *   overflow is full -------> stop reading; main's doorbell resumes it
 *
 * Main sees whole frames only: what is published is the last frame boundary. Streams follow one another, those of
 * several sessions: what a session leaves half done is cut off.
 */
export class Inbound {
  readonly #held: Held[] = [];
  #heldSize = 0;
  /** Pieces fit long before the ring is empty. */
  readonly #pieceSize: number;
  /** Allocated when first needed: most connections never overflow. */
  #scratch: Buffer | undefined;
  /** Ring position of the stream's first byte. */
  #origin: number;

  constructor(
    readonly link: WorkerLink,
    public scanner: FrameScanner,
    /** Bytes in the overflow from which on the socket is to be left unread. */
    public maxHeld: number,
  ) {
    this.#origin = link.inbound.head;
    this.#pieceSize = Math.min(SCRATCH_SIZE, link.inbound.capacity / 8);
  }

  /** A stream begins, behind those that have ended. */
  begin(scanner: FrameScanner): void {
    this.scanner = scanner;
    this.#origin = this.#end;
  }

  /** The stream has ended: a frame that is not whole never will be. */
  end(): void {
    for (let excess = this.scanner.position - this.scanner.boundary; excess > 0; ) {
      const piece = this.#held.at(-1);
      if (piece === undefined) break;
      const cut = Math.min(piece.size, excess);
      piece.size -= cut;
      this.#heldSize -= cut;
      excess -= cut;
      if (piece.size === 0) this.#held.pop();
    }
    if (this.#held.length === 0) this.link.inbound.rewind();
    else this.#held.at(-1)!.boundary = this.#end;
  }

  /** Put whole frames of our own between those of the stream. */
  insert(frames: Buffer): void {
    this.#origin = (this.#origin + frames.length) >>> 0;
    if (this.#held.length === 0 && this.link.inbound.hasRoom(frames.length)) {
      this.link.inbound.write(frames, 0, frames.length);
      return this.link.publish(this.link.inbound.head);
    }
    this.#heldSize += frames.length;
    this.#held.push({ bytes: frames, size: frames.length, boundary: this.#end });
    this.moveHeld();
  }

  /** Ring position behind everything that has come. */
  get #end(): number {
    return (this.link.inbound.head + this.#heldSize) >>> 0;
  }

  /** A frame must be whole before main sees it; in the other half there is room for what main has to read first. */
  get largestFrame(): number {
    return this.link.inbound.capacity / 2;
  }

  get full(): boolean {
    return this.#held.length > 0 && this.#heldSize >= this.maxHeld;
  }

  /** Bytes in the overflow. */
  get heldSize(): number {
    return this.#heldSize;
  }

  /** Where the next bytes of the socket go. */
  target(): Buffer {
    if (this.#held.length === 0 && this.link.inbound.room() >= LEAST_READ)
      return this.link.inbound.writable();
    this.#scratch ??= Buffer.alloc(SCRATCH_SIZE);
    return this.#scratch;
  }

  /** `size` bytes have been put at the start of `target`. @throws {ProtocolViolation} */
  received(target: Buffer, size: number): void {
    if (target === this.#scratch) return this.copy(target.subarray(0, size));
    try {
      this.scanner.push(target, 0, size);
    } finally {
      // also what came before a frame that is refused
      this.link.inbound.advance(size);
      this.link.publish(this.#boundary());
    }
  }

  /** Bytes that came in memory of their own (TLS), or in the scratch. @throws {ProtocolViolation} */
  copy(bytes: Buffer): void {
    if (this.#held.length > 0 || !this.link.inbound.hasRoom(bytes.length)) return this.#hold(bytes);
    try {
      this.scanner.push(bytes);
    } finally {
      this.link.inbound.write(bytes, 0, bytes.length);
      this.link.publish(this.#boundary());
    }
  }

  /** Small reads share a piece: there may be very many of them. */
  #hold(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      let piece = this.#held.at(-1);
      if (piece === undefined || piece.size === piece.bytes.length) {
        piece = { bytes: Buffer.allocUnsafe(this.#pieceSize), size: 0, boundary: 0 };
        this.#held.push(piece);
      }
      const taken = bytes.copy(piece.bytes, piece.size, at);
      this.scanner.push(bytes, at, at + taken);
      piece.size += taken;
      piece.boundary = this.#boundary();
      at += taken;
    }
    this.#heldSize += bytes.length;
    this.moveHeld(); // main may have made room before it could see that it is wanted
  }

  /** Main has made room: move what fits. */
  moveHeld(): void {
    const { inbound } = this.link;
    let boundary: number | undefined;
    if (this.#held.length > 0) this.link.wantRoom();
    while (this.#held.length > 0 && inbound.hasRoom(this.#held[0]!.size)) {
      const piece = this.#held.shift()!;
      inbound.write(piece.bytes, 0, piece.size);
      this.#heldSize -= piece.size;
      boundary = piece.boundary;
    }
    if (boundary !== undefined) this.link.publish(boundary);
  }

  /** Ring position behind the last whole frame. */
  #boundary(): number {
    return (this.#origin + this.scanner.boundary) >>> 0;
  }
}
