import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

export const STDIN = 0;
const PIECE = 64 * 1024;
/** Milliseconds until a terminal or pipe that does not block is read again. */
const AGAIN_MS = 5;
/** Milliseconds between two looks whether a file has grown. */
const GROWN_MS = 100;
const NEWLINE = 0x0a;

const asleep = new Int32Array(new SharedArrayBuffer(4));

/** The pieces that come from a descriptor, each in memory of its own. Blocks for each. `follow`: the end is none, more will come. */
function* pieces(fd: number, follow = false): Iterable<Buffer> {
  for (;;) {
    const buffer = Buffer.allocUnsafe(PIECE);
    const size = read(fd, buffer);
    if (size > 0) yield buffer.subarray(0, size);
    else if (!follow) return;
    else Atomics.wait(asleep, 0, 0, GROWN_MS);
  }
}

function read(fd: number, buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0; // Windows
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(asleep, 0, 0, AGAIN_MS);
    }
  }
}

/** Read all that comes from a descriptor. Blocks. */
export function readAll(fd: number): Buffer {
  return Buffer.concat([...pieces(fd)]);
}

/**
 * The pieces between separators, in groups: those that came with one read, so that a slow writer's are not kept
 * waiting. The last one needs no separator. `keep`: with its separator.
 */
export function* groups(fd: number, separator: number, keep: boolean, follow = false): Iterable<Buffer[]> {
  let begun: Buffer[] = [];
  for (const piece of pieces(fd, follow)) {
    const group: Buffer[] = [];
    let at = 0;
    for (let end = piece.indexOf(separator); end !== -1; end = piece.indexOf(separator, at)) {
      const rest = piece.subarray(at, keep ? end + 1 : end);
      group.push(begun.length === 0 ? rest : Buffer.concat([...begun, rest]));
      begun = [];
      at = end + 1;
    }
    if (at < piece.length) begun.push(piece.subarray(at));
    if (group.length > 0) yield group;
  }
  if (begun.length > 0) yield [Buffer.concat(begun)];
}

/** The lines of a file; `-` is stdin. Blocks; `follow`: it goes on as the file grows. @throws {Error} it cannot be read */
export function* linesOf(path: string, follow: boolean): Iterable<string> {
  const fd = path === '-' ? STDIN : openSync(path, 'r');
  try {
    for (const group of groups(fd, NEWLINE, false, follow)) for (const line of group) yield line.toString();
  } finally {
    if (fd !== STDIN) closeSync(fd);
  }
}

/** The text of a file; `-` is stdin. Blocks. */
export function contentOf(file: string): string {
  return (file === '-' ? readAll(STDIN) : readFileSync(file)).toString();
}
