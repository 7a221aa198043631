import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { clock } from '../../src/clock';
import { decodeMethod } from '../../src/protocol/codec';
import { FRAME } from '../../src/protocol/constants';
import { decodeContentHeader } from '../../src/protocol/properties';
import { ProtocolViolation } from '../../src/protocol/violation';
import { Reader } from '../../src/protocol/wire';
import { isProtocolHeader, type PassingFrame } from './frame-tap';
import type { Direction, FrameListener } from './frame-watch';
import { withoutPasswords } from './passwords';
import { printError } from './stderr';

/** Arguments that are secrets. */
const SECRETS: Readonly<Record<string, string>> = {
  'connection.start-ok': 'response',
  'connection.secure': 'challenge',
  'connection.secure-ok': 'response',
  'connection.update-secret': 'newSecret',
};
const LEFT_OUT = '(left out)';
/** A pipe without a reader is refused at once, and one whose reader is slow holds up nobody for long. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);
/** Milliseconds for which a line waits for room in a pipe. */
const PATIENCE_MS = 100;
const asleep = new Int32Array(new SharedArrayBuffer(4));
/** Characters of a text, and bytes of a body, that are shown. */
const LONGEST_TEXT = 200;
const LONGEST_BODY = 32;

/** The trace of AMQP_SYNC_TRACE: every frame is a line of JSON, behind what others have written to the file. */
export class FrameTrace implements FrameListener {
  #file: number | undefined;
  /** Contents that are under way: only the first frame of a body shows how it begins. */
  readonly #begun = new Set<string>();

  constructor(
    readonly path: string,
    /** What the connection is called. */
    readonly connection: string,
  ) {
    this.#try('cannot be written', () => {
      this.#file = openSync(path, FLAGS, 0o600);
    });
  }

  frame(direction: Direction, frame: PassingFrame): void {
    const { channel } = frame;
    this.#write({ direction, channel, ...this.#describe(direction, frame) });
  }

  connected(broker: string): void {
    this.#begun.clear();
    this.#write({ event: 'connected', broker });
  }

  /** An attempt to connect: there may not even have been a socket. */
  failed(reason: string): void {
    this.#write({ event: 'failed', reason: withoutPasswords(reason) });
  }

  ended(reason: string): void {
    this.#write({ event: 'ended', reason: withoutPasswords(reason) });
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #describe(direction: Direction, frame: PassingFrame): object {
    const { type, channel, size, payload } = frame;
    const content = `${direction} ${channel}`;
    switch (type) {
      case FRAME.METHOD:
      case FRAME.HEADER:
        this.#begun.delete(content);
        return decoded(type, payload);
      case FRAME.BODY: {
        const begins = this.#begun.has(content) ? undefined : beginningOf(payload, size);
        this.#begun.add(content);
        return { frame: 'body', size, begins };
      }
      case FRAME.HEARTBEAT:
        return { frame: 'heartbeat' };
      default:
        return isProtocolHeader(frame)
          ? { frame: 'protocol-header', version: [...payload.subarray(4, 8)].join('-') }
          : { frame: 'none', size, begins: beginningOf(payload, size) };
    }
  }

  #write(what: object): void {
    const file = this.#file;
    if (file === undefined) return;
    const { connection } = this;
    const line = JSON.stringify({ time: new Date(), pid: process.pid, connection, ...what });
    this.#try('cannot be written any more', () => writeLine(file, Buffer.from(`${line}\n`)));
  }

  /** What goes wrong ends the trace, and not the connection. */
  #try(failure: string, fn: () => void): void {
    try {
      fn();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.close();
      printError(`amqp-sync: AMQP_SYNC_TRACE: "${this.path}" ${failure}: ${code}\n`);
    }
  }
}

/** One write for one line: those of other threads and processes stand beside it, not inside; but for a pipe that is nearly full. */
function writeLine(file: number, line: Buffer): void {
  const deadline = clock.now() + PATIENCE_MS;
  for (let at = 0; at < line.length; ) {
    try {
      at += writeSync(file, line, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || clock.now() > deadline) throw error;
      Atomics.wait(asleep, 0, 0, 1);
    }
  }
}

function decoded(type: number, payload: Buffer): object {
  try {
    const reader = new Reader(payload);
    if (type === FRAME.HEADER)
      return { frame: 'header', ...(shown({ ...decodeContentHeader(reader) }) as object) };
    const { name, args } = decodeMethod(reader);
    const secret = SECRETS[name];
    const all = secret === undefined ? args : { ...args, [secret]: LEFT_OUT };
    return { frame: 'method', method: name, arguments: shown(all) };
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error;
    return { frame: type === FRAME.HEADER ? 'header' : 'method', malformed: error.message };
  }
}

/** A value as JSON has it, without passwords. */
function shown(value: unknown): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return beginningOf(Buffer.from(value), value.length);
  if (value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [cut(key), shown(each)]));
}

function cut(text: string): string {
  return withoutPasswords(text.slice(0, LONGEST_TEXT), text.length > LONGEST_TEXT);
}

/** The beginning of bytes: text if it is text, else hexadecimal. */
function beginningOf(bytes: Buffer, size: number): string {
  const start = bytes.subarray(0, LONGEST_BODY);
  const isCut = start.length < size;
  // the last character may have been cut in two
  const text = start.toString().replace(isCut ? /\ufffd{1,3}$/u : /$^/, '');
  const isText = !/[^\P{Cc}\s]|\ufffd|^0x/u.test(text); // hexadecimal, and nothing that only looks so
  if (isText) return withoutPasswords(text, isCut);
  const latin = start.toString('latin1');
  const isSecret = withoutPasswords(latin, isCut) !== `${latin}${isCut ? '…' : ''}`;
  return isSecret ? LEFT_OUT : `0x${start.toString('hex')}${isCut ? '…' : ''}`;
}
