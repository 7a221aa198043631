/** Up to here a loop beats any call. */
const FEW_BYTES = 48;
/** From here on the detour pays. */
const MANY_BYTES = 256;

/**
 * Copy `from[start, end)` to `to` at `at`. Between shared memory and other memory, `set` and `copy` move word
 * by word, since another thread might look: ten times slower than `fill`, which is a plain memcpy. Here nobody
 * looks: what a ring's counter has not announced yet belongs to the one who writes, the rest to the one who reads.
 */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Buffer, at: number): void {
  const size = end - start;
  if (size <= FEW_BYTES) {
    for (let index = 0; index < size; index++) to[at + index] = from[start + index]!;
    return;
  }
  const bytes = size === from.length ? from : from.subarray(start, end);
  if (size < MANY_BYTES) to.set(bytes, at);
  else to.fill(bytes, at, at + size);
}
