import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { IncomingMessage } from '../../src/index';
import { ExitError } from './exit-status';
import { headFromJson, headToJson, type OutgoingMessage } from './message-json';
import { jsonText } from './output';

/**
 * A message as a file: a line of JSON as `--json` prints it, with the `size` of the body in its place, and then the
 * bytes of the body. Files are numbered in the order of the messages.
 */
const NAME = /^(\d{12,})\.amqp$/;
const NEWLINE = 0x0a;

/** A folder of messages, to which more are added. One that is cut off leaves a file with another ending, and whole ones. */
export class MessageFolder {
  #next: number;

  /** Makes the folder if need be, within one that is there; goes on behind what is in it. */
  constructor(readonly path: string) {
    if (!existsSync(path)) mkdirSync(path); // not recursive: below /proc Node tries that for ever
    this.#next = Number(namesIn(path).at(-1)?.replace('.amqp', '') ?? 0) + 1;
  }

  /** Write a message, and have it on the disk; it has its name once `commit` has returned. */
  write(message: IncomingMessage): void {
    const { fd, draft, file } = this.#draft();
    try {
      const head = Buffer.from(`${jsonText({ ...headToJson(message), size: message.body.length })}\n`);
      for (const bytes of [head, message.body])
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fdatasyncSync(fd);
    } catch (error) {
      unlinkSync(draft);
      throw error;
    } finally {
      closeSync(fd);
    }
    renameSync(draft, file);
  }

  /** Have the names of what was written on the disk. */
  commit(): void {
    if (process.platform === 'win32') return; // it opens no folders
    const fd = openSync(this.path, 'r');
    fsyncSync(fd);
    closeSync(fd);
  }

  /** The next file, which is nobody else's: another program may be saving into the same folder. */
  #draft(): { fd: number; draft: string; file: string } {
    for (;;) {
      const file = `${this.path}/${String(this.#next++).padStart(12, '0')}.amqp`;
      const draft = `${file}.part`;
      try {
        const fd = openSync(draft, 'wx');
        if (!existsSync(file)) return { fd, draft, file };
        closeSync(fd);
        unlinkSync(draft);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }
}

/** The files of a folder in the order of their messages. */
export function messageFiles(folder: string): string[] {
  return namesIn(folder).map((name) => `${folder}/${name}`);
}

function namesIn(folder: string): string[] {
  const numberOf = (name: string) => Number(NAME.exec(name)![1]);
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort((a, b) => numberOf(a) - numberOf(b));
}

/** Remove the file of a message. */
export const removeMessage = (file: string): void => unlinkSync(file);

/** @throws {ExitError} it is no message, or not a whole one */
export function readMessage(file: string): OutgoingMessage {
  const bytes = readFileSync(file);
  const end = bytes.indexOf(NEWLINE);
  const name = file.slice(file.lastIndexOf('/') + 1);
  if (end === -1) throw new ExitError(`${name} is no message: its first line has no end`);
  const body = bytes.subarray(end + 1);
  const { head, size } = parsed(name, bytes.toString('utf8', 0, end));
  if (body.length !== size)
    throw new ExitError(`${name} is no message: its body has ${body.length} bytes, and should have ${size}`);
  return { ...head, body };
}

function parsed(name: string, line: string): ReturnType<typeof headFromJson> {
  try {
    return headFromJson(line);
  } catch (error) {
    throw new ExitError(`${name} is no message: ${(error as Error).message}`);
  }
}
