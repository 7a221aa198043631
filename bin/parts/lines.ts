import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK = 64 * 1024;
/** Milliseconds between two looks whether the file has grown. */
const LOOK_EVERY_MS = 100;
const NEWLINE = 0x0a;

const asleep = new Int32Array(new SharedArrayBuffer(4));

/**
 * The lines of a file, empty ones left out. `follow`: it goes on as the file grows, and blocks until it has. What is behind
 * the last newline is a line unless the file is followed.
 * @throws {Error} it cannot be read
 */
export function* linesOf(path: string, follow: boolean): Generator<string> {
  const file = openSync(path, 'r');
  const chunk = Buffer.alloc(CHUNK);
  let rest: Buffer[] = [];
  try {
    for (;;) {
      const size = readSync(file, chunk, 0, CHUNK, null);
      if (size === 0 && !follow) break;
      if (size === 0) Atomics.wait(asleep, 0, 0, LOOK_EVERY_MS);
      let at = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1 && end < size; end = chunk.indexOf(NEWLINE, at)) {
        const line = Buffer.concat([...rest, chunk.subarray(at, end)]).toString();
        rest = [];
        at = end + 1;
        if (line !== '') yield line;
      }
      if (at < size) rest.push(Buffer.from(chunk.subarray(at, size)));
    }
    if (rest.length > 0) yield Buffer.concat(rest).toString();
  } finally {
    closeSync(file);
  }
}
