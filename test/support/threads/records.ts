import type { RingConsumer, RingProducer } from '../../../src/bridge/ring';

/**
 * Records that both threads know from their number:
 *
 *   number (4) | size (4) | bytes of the pattern, from a place that the number decides
 *
 * A byte lost, doubled, misplaced or seen too early is an error in the first record it touches.
 */
const HEADER = 8;
const PATTERN = pattern(1 << 20);

function pattern(size: number): Buffer {
  const words = new Uint32Array(size / 4);
  const random = generator(1);
  for (let i = 0; i < words.length; i++) words[i] = random();
  return Buffer.from(words.buffer);
}

/** xorshift32: the same numbers in both threads. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

export interface StreamOptions {
  count: number;
  seed: number;
  /** Payloads are below this, except for one in `hugeEvery`, which may be several rings long. */
  usual: number;
  hugeEvery: number;
}

/** The next record of a stream, as both ends expect it. */
class Sequence {
  number = 0;
  /** Header and payload. */
  total = 0;
  readonly #random: () => number;

  constructor(
    readonly options: StreamOptions,
    readonly capacity: number,
  ) {
    this.#random = generator(options.seed);
    this.#roll();
  }

  get finished(): boolean {
    return this.number === this.options.count;
  }
  get payload(): number {
    return this.total - HEADER;
  }
  /** Where the payload begins in the pattern. */
  get place(): number {
    return (this.number * 7919) % (PATTERN.length - 4 * this.capacity);
  }

  next(): void {
    this.number++;
    this.#roll();
  }

  #roll(): void {
    const huge = this.number % this.options.hugeEvery === this.options.hugeEvery - 1;
    this.total = HEADER + (this.#random() % (huge ? 3 * this.capacity : this.options.usual));
  }
}

/** Puts records into a ring: in one piece where they fit, else bit by bit. */
export class RecordWriter extends Sequence {
  /** Bytes of the current record that are in the ring already: only of those larger than the ring. */
  #done = 0;
  readonly #large = Buffer.alloc(HEADER + 3 * this.capacity);

  constructor(
    readonly ring: RingProducer,
    options: StreamOptions,
  ) {
    super(options, ring.capacity);
  }

  /** Room without which nothing can be written. */
  get need(): number {
    if (this.total <= this.capacity) return this.total;
    return this.#done === 0 ? HEADER : 1;
  }

  /** Write until all is written or there is no room. Returns the number of bytes; they are not published. */
  write(): number {
    const before = this.ring.head;
    while (!this.finished && this.ring.hasRoom(this.need)) {
      if (this.total <= this.capacity) this.#whole();
      else this.#part();
    }
    return (this.ring.head - before) >>> 0;
  }

  #whole(): void {
    this.ring.claim(this.total);
    this.#encode(this.ring.buffer, this.ring.offset);
    this.ring.commit(this.total);
    this.next();
  }

  #part(): void {
    if (this.#done === 0) this.#encode(this.#large, 0);
    const end = Math.min(this.#done + this.ring.room(), this.total);
    this.ring.write(this.#large, this.#done, end);
    this.#done = end;
    if (end < this.total) return;
    this.#done = 0;
    this.next();
  }

  #encode(buffer: Buffer, offset: number): void {
    buffer.writeUInt32BE(this.number, offset);
    buffer.writeUInt32BE(this.payload, offset + 4);
    PATTERN.copy(buffer, offset + HEADER, this.place, this.place + this.payload);
  }
}

/** Takes records from a ring and compares them with what they must be. */
export class RecordReader extends Sequence {
  /** Bytes of the current record taken already: only of those larger than the ring. */
  #done = 0;
  bytes = 0;

  constructor(
    readonly ring: RingConsumer,
    options: StreamOptions,
    /** Gives bytes back; wakes the writer. */
    readonly release: (size: number) => void,
  ) {
    super(options, ring.capacity);
  }

  /** Read what is there; returns the number of bytes. @throws {Error} on the first wrong byte */
  read(): number {
    const before = this.bytes;
    while (!this.finished && this.ring.available() > 0) {
      if (this.#done === 0) this.#header();
      if (this.total <= this.capacity) this.#whole();
      else this.#part();
    }
    if (this.finished && this.ring.available() > 0) throw new Error('bytes after the last record');
    return this.bytes - before;
  }

  #header(): void {
    const available = this.ring.available();
    if (available < Math.min(this.total, HEADER)) return this.#wrong(`only ${available} bytes of a header`);
    this.ring.view(HEADER);
    const { buffer, offset } = this.ring;
    const number = buffer.readUInt32BE(offset);
    const size = buffer.readUInt32BE(offset + 4);
    if (number !== this.number || size !== this.payload)
      this.#wrong(`expected ${this.payload} bytes, found number ${number} of ${size} bytes`);
  }

  #whole(): void {
    const { ring } = this;
    if (ring.available() < this.total) this.#wrong('published in part');
    ring.view(this.total);
    this.#compare(ring.buffer, ring.offset + HEADER, 0, this.payload);
    this.#give(this.total);
    this.next();
  }

  #part(): void {
    if (this.#done === 0) {
      this.#give(HEADER);
      this.#done = HEADER;
    }
    const piece = this.ring.readable();
    const size = Math.min(piece.length, this.total - this.#done);
    this.#compare(piece, 0, this.#done - HEADER, size);
    this.#give(size);
    this.#done += size;
    if (this.#done < this.total) return;
    this.#done = 0;
    this.next();
  }

  #compare(buffer: Buffer, offset: number, from: number, size: number): void {
    const start = this.place + from;
    if (buffer.compare(PATTERN, start, start + size, offset, offset + size) !== 0)
      this.#wrong(`wrong bytes between ${from} and ${from + size} of ${this.payload}`);
  }

  #give(size: number): void {
    this.bytes += size;
    this.release(size);
  }

  #wrong(what: string): never {
    throw new Error(`record ${this.number}: ${what}`);
  }
}
