import { MAX_SHORTSTR } from './constants';
import type { Reader } from './wire';

/** Whether `size` bytes are the same here and there. For few bytes a loop beats a call of Buffer's. */
function same(one: Uint8Array, at: number, other: Uint8Array, size: number): boolean {
  for (let index = 0; index < size; index++) if (one[at + index] !== other[index]) return false;
  return true;
}

/** A cache of the last short string of a stream in which the same one tends to come again: it need not be made again. */
export class ShortstrCache {
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

/** Bytes of the largest rest of a frame that is cached. */
const MOST_BYTES = 128;

/** A cache of the rest of a frame, which tends to be the same as the last one's, and of what it decodes to. */
export class FrameCache<T extends object> {
  readonly #bytes = new Uint8Array(MOST_BYTES);
  #size = -1;
  #value: T | undefined;

  /** The value that the rest of the frame decoded to last time, if it is the same: then it counts as read. */
  read(reader: Reader): T | undefined {
    const size = reader.remaining;
    if (size !== this.#size || !same(reader.buffer, reader.pos, this.#bytes, size)) return undefined;
    reader.pos += size;
    return this.#value;
  }

  /** The bytes from `start` to the end of the frame decode to this value. */
  store(reader: Reader, start: number, value: T): void {
    const size = reader.end - start;
    if (size > MOST_BYTES) return;
    this.#bytes.set(reader.buffer.subarray(start, reader.end));
    this.#size = size;
    this.#value = value;
  }
}
