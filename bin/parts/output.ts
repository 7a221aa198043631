import { fstatSync, statSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { EXIT, Failure } from './failure';

const STDOUT = 1;
const STDERR = 2;
/** Milliseconds until a full pipe that does not block is tried again. */
const AGAIN_MS = 5;

export const isTerminal = { in: () => isatty(0), out: () => isatty(STDOUT), err: () => isatty(STDERR) };

const asleep = new Int32Array(new SharedArrayBuffer(4));

/**
 * Write all of it. Blocks while the reader is slow. `process.stdout` is never touched: it would make a pipe
 * refuse what it has no room for.
 * @throws {Failure} nobody reads any more
 */
function write(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new Failure('', EXIT.PIPE);
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(asleep, 0, 0, AGAIN_MS);
    }
  }
}

/** Data: to stdout. */
export function print(data: string | Uint8Array): void {
  write(STDOUT, typeof data === 'string' ? Buffer.from(data) : data);
}

/** Everything else: to stderr, a line. */
export function note(text: string): void {
  write(STDERR, Buffer.from(`${text}\n`));
}

/** What went wrong, in one line. */
export function complain(text: string): void {
  note(paint(`amqp-sync: ${text}`, '31'));
}

/** On a terminal, and unless NO_COLOR is set. @see https://no-color.org */
function paint(text: string, colour: string): string {
  return isTerminal.err() && !process.env.NO_COLOR ? `\x1b[${colour}m${text}\x1b[0m` : text;
}

/** Rows of names and values, for people. */
export function printTable(rows: readonly (readonly [name: string, value: unknown])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  print(rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join(''));
}

/** One object on a line, for programs. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item))}\n`);
}

/** Bytes of a regular file; undefined for a pipe or a terminal. */
export function sizeOf(file: number | string): number | undefined {
  const stats = typeof file === 'number' ? fstatSync(file) : statSync(file);
  return stats.isFile() ? stats.size : undefined;
}
