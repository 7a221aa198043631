import { copyBytes } from '../bytes';

/**
 * A ring of bytes between exactly one producer and one consumer thread.
 *
 * `head` and `tail` count bytes ever written and read, modulo 2^32; their difference is what is in the
 * ring, and a position in memory is a count modulo the capacity. The order that makes it safe: bytes
 * first, then `head`; bytes out first, then `tail`.
 *
 * Encoders and decoders want memory in one piece. Where the end of the ring would cut it, both sides
 * work on a spare buffer and the ring copies the two parts.
 */
abstract class RingEnd {
  readonly capacity: number;
  protected readonly mask: number;
  /** Where a claimed or viewed piece is: in the ring itself, or in the spare. */
  buffer: Buffer;
  offset = 0;
  #spare: Buffer = Buffer.alloc(0);

  constructor(
    protected readonly bytes: Buffer,
    protected readonly words: Int32Array,
    protected readonly headAt: number,
    protected readonly tailAt: number,
  ) {
    this.capacity = bytes.length;
    this.mask = bytes.length - 1;
    this.buffer = bytes;
  }

  protected spare(size: number): Buffer {
    if (this.#spare.length < size) this.#spare = Buffer.alloc(Math.min(size * 2, this.capacity));
    return this.#spare;
  }
}

export class RingProducer extends RingEnd {
  /** Bytes written so far, published or not. */
  head: number;
  /** A tail seen earlier: never ahead of the real one, so room is never overestimated. */
  #tail: number;

  constructor(bytes: Buffer, words: Int32Array, headAt: number, tailAt: number) {
    super(bytes, words, headAt, tailAt);
    this.head = Atomics.load(words, headAt);
    this.#tail = Atomics.load(words, tailAt);
  }

  /** True if `size` bytes can be written now; looks at the consumer only when it must. */
  hasRoom(size: number): boolean {
    if (this.capacity - ((this.head - this.#tail) >>> 0) >= size) return true;
    return this.room() >= size;
  }

  room(): number {
    this.#tail = Atomics.load(this.words, this.tailAt);
    return this.capacity - ((this.head - this.#tail) >>> 0);
  }

  /** Point `buffer` and `offset` at `size` writable bytes in one piece. The caller has checked the room. */
  claim(size: number): void {
    const position = this.head & this.mask;
    const whole = position + size <= this.capacity;
    this.buffer = whole ? this.bytes : this.spare(size);
    this.offset = whole ? position : 0;
  }

  /** Count the first `size` claimed bytes as written. They become visible with `publish`. */
  commit(size: number): void {
    if (this.buffer !== this.bytes) this.#copyIn(this.buffer, 0, size);
    this.head = (this.head + size) >>> 0;
  }

  /** Write `source[start, end)`; the caller has checked the room. */
  write(source: Uint8Array, start: number, end: number): void {
    this.#copyIn(source, start, end);
    this.head = (this.head + end - start) >>> 0;
  }

  #copyIn(source: Uint8Array, start: number, end: number): void {
    const position = this.head & this.mask;
    const first = Math.min(end - start, this.capacity - position);
    copyBytes(source, start, start + first, this.bytes, position);
    if (start + first < end) copyBytes(source, start + first, end, this.bytes, 0);
  }

  /** The writable bytes at the head in one piece, up to the end of the ring: for a reader of sockets. */
  writable(): Buffer {
    const position = this.head & this.mask;
    return this.bytes.subarray(position, position + Math.min(this.room(), this.capacity - position));
  }

  /** Count `size` bytes as written that were put straight into `writable()`. */
  advance(size: number): void {
    this.head = (this.head + size) >>> 0;
  }

  /** Forget what was written but not published. */
  rewind(): void {
    this.head = Atomics.load(this.words, this.headAt);
  }

  /** Show the consumer everything up to `head`, or up to an earlier count. */
  publish(head: number = this.head): void {
    Atomics.store(this.words, this.headAt, head);
  }
}

export class RingConsumer extends RingEnd {
  /** Bytes taken so far, released or not. */
  tail: number;
  /** A head seen earlier: never ahead of the real one. */
  #head: number;
  /** Where the producer believes the tail is. */
  #released: number;

  constructor(bytes: Buffer, words: Int32Array, headAt: number, tailAt: number) {
    super(bytes, words, headAt, tailAt);
    this.tail = Atomics.load(words, tailAt) >>> 0;
    this.#head = this.tail;
    this.#released = this.tail;
  }

  /** Bytes that can be read now. */
  available(): number {
    this.#head = Atomics.load(this.words, this.headAt) >>> 0;
    return (this.#head - this.tail) >>> 0;
  }

  /** Is there nothing to read? Looks at the producer only when it must. */
  isEmpty(): boolean {
    return this.#head === this.tail && this.available() === 0;
  }

  /** Point `buffer` and `offset` at the next `size` bytes in one piece. The caller has checked `available`. */
  view(size: number): void {
    const position = this.tail & this.mask;
    const whole = position + size <= this.capacity;
    if (whole) {
      this.buffer = this.bytes;
      this.offset = position;
      return;
    }
    const spare = this.spare(size);
    const first = this.capacity - position;
    copyBytes(this.bytes, position, this.capacity, spare, 0);
    copyBytes(this.bytes, 0, size - first, spare, first);
    this.buffer = spare;
    this.offset = 0;
  }

  /** The readable bytes `skip` behind the tail in one piece, up to the end of the ring: for a socket. */
  readable(skip = 0): Buffer {
    const position = (this.tail + skip) & this.mask;
    const size = Math.min(this.available() - skip, this.capacity - position);
    return this.bytes.subarray(position, position + size);
  }

  /** Count the next `size` bytes as taken; `release` gives them back. */
  take(size: number): void {
    this.tail = (this.tail + size) >>> 0;
  }

  /** Bytes taken, but not given back. */
  get taken(): number {
    return (this.tail - this.#released) >>> 0;
  }

  /** Give what was taken, and the next `size` bytes, back to the producer. */
  release(size = 0): void {
    this.take(size);
    this.#released = this.tail;
    Atomics.store(this.words, this.tailAt, this.tail);
  }
}
