import { MAX_SHORTSTR } from './constants';
import type { Reader } from './wire';

/** Are `size` bytes the same here and there? For few bytes a loop beats a call of Buffer's. */
function same(one: Uint8Array, at: number, other: Uint8Array, size: number): boolean {
  for (let index = 0; index < size; index++) if (one[at + index] !== other[index]) return false;
  return true;
}

/** A short string of a stream in which the same one tends to come again: then it need not be made again. */
export class RecentString {
  readonly #bytes = new Uint8Array(MAX_SHORTSTR);
  #size = -1;
  #text = '';

  read(reader: Reader): string {
    const start = reader.pos;
    const size = reader.octet();
    if (
      size === this.#size &&
      size <= reader.remaining &&
      same(reader.buffer, start + 1, this.#bytes, size)
    ) {
      reader.pos += size;
      return this.#text;
    }
    reader.pos = start;
    this.#text = reader.shortstr();
    this.#size = size;
    this.#bytes.set(reader.buffer.subarray(start + 1, start + 1 + size));
    return this.#text;
  }
}

/** Larger ones are decoded each time. */
const MOST_BYTES = 128;

/** The rest of a frame that tends to be the same as the last one's, and what it means. */
export class RecentBytes<T extends object> {
  readonly #bytes = new Uint8Array(MOST_BYTES);
  #size = -1;
  #meaning: T | undefined;

  /** What the rest of the frame meant last time, if it is the same: then it counts as read. */
  read(reader: Reader): T | undefined {
    const size = reader.remaining;
    if (size !== this.#size || !same(reader.buffer, reader.pos, this.#bytes, size)) return undefined;
    reader.pos += size;
    return this.#meaning;
  }

  /** The bytes from `start` to the end of the frame mean this. */
  keep(reader: Reader, start: number, meaning: T): void {
    const size = reader.end - start;
    if (size > MOST_BYTES) return;
    this.#bytes.set(reader.buffer.subarray(start, reader.end));
    this.#size = size;
    this.#meaning = meaning;
  }
}
