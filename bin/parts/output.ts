import { fstatSync, statSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { escapeControls, UNSAFE } from './control-characters';
import { EXIT, ExitError } from './exit-status';

const STDOUT = 1;
const STDERR = 2;
/** Milliseconds until a full pipe that does not block is tried again. */
const AGAIN_MS = 5;

export const isTerminal = { in: () => isatty(0), out: () => isatty(STDOUT), err: () => isatty(STDERR) };

const asleep = new Int32Array(new SharedArrayBuffer(4));

/**
 * Write all of it. Blocks while the reader is slow. `process.stdout` is never touched: it would make a pipe
 * refuse what it has no room for.
 * @throws {ExitError} nobody reads any more
 */
function write(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw new ExitError('', EXIT.PIPE);
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(asleep, 0, 0, AGAIN_MS);
    }
  }
}

/** Print data to stdout. A program gets the bytes as they are, a terminal only what it can do no harm with. */
export function print(data: string | Uint8Array): void {
  const bytes =
    typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length);
  write(STDOUT, isTerminal.out() ? Buffer.from(escapeControls(bytes.toString())) : bytes);
}

/** Print a note to stderr, as a line. */
export function printNote(text: string): void {
  write(STDERR, Buffer.from(`${escapeControls(text)}\n`));
}

/** Print an error to stderr, as a line. */
export function printError(text: string): void {
  write(STDERR, Buffer.from(`${paint(escapeControls(`amqp-sync: ${text}`), '31')}\n`));
}

/** Colour the text on a terminal, unless NO_COLOR is set. @see https://no-color.org */
function paint(text: string, colour: string): string {
  return isTerminal.err() && !process.env.NO_COLOR ? `\x1b[${colour}m${text}\x1b[0m` : text;
}

/** Rows of names and values, for people. */
export function printTable(rows: readonly (readonly [name: string, value: unknown])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  print(rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join(''));
}

/** Print an object as JSON on a line, for programs. */
export function printJson(value: unknown): void {
  print(`${jsonText(value)}\n`);
}

/** JSON on one line. */
export function jsonText(value: unknown): string {
  return escapeJson(JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item)));
}

/** JSON has an escape of its own for what a terminal must not get. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Bytes of a regular file; undefined for a pipe or a terminal. */
export function sizeOf(file: number | string): number | undefined {
  const stats = typeof file === 'number' ? fstatSync(file) : statSync(file);
  return stats.isFile() ? stats.size : undefined;
}
