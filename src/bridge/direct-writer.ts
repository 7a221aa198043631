import { writeSync } from 'node:fs';
import { WORD, WRITER } from './layout';
import type { RingProducer } from './ring';
import { inodeOf } from './write-lock';

/** The function of Node's, kept from what the tests of a program put in its place: that would be given frames. */
const write = writeSync;

/** Errors of a socket that is full, or lost: nothing was written, and the worker will meet them itself. */
const OF_THE_SOCKET = new Set([
  'EAGAIN',
  'EWOULDBLOCK',
  'EINTR',
  'EPIPE',
  'ECONNRESET',
  'ENOTCONN',
  'ETIMEDOUT',
]);
/** Part of the ring that may have been sent here before the worker gives its room back. */
const MOST_AHEAD = 1 / 4;

/**
 * Main's direct way to the socket, round the worker: a call is sent without waking a thread for it. The bytes are those
 * of the outbound ring, under the lock that WRITER is.
 */
export class DirectWriter {
  /** How often main has written. */
  count = 0;
  /** Turned off for good when the descriptor does not do what it should. */
  #isUsable = true;

  constructor(
    readonly words: Int32Array,
    readonly bytes: Buffer,
    readonly outbound: RingProducer,
  ) {}

  /** Does the worker lend its descriptor? */
  get isLent(): boolean {
    return this.#isUsable && Atomics.load(this.words, WORD.WRITER) !== WRITER.NOT_LENT;
  }

  /** Bytes in the ring that were sent here, and whose room the worker has not given back. */
  get ahead(): number {
    if (!this.isLent) return 0;
    const tail = Atomics.load(this.words, WORD.OUT_TAIL);
    return Math.max(0, (Atomics.load(this.words, WORD.DIRECT_SENT) - tail) | 0);
  }

  /** Write all that has been published, as far as the socket takes it. Does not block. @returns whether nothing is left */
  write(): boolean {
    const { words, outbound } = this;
    if (!this.#isUsable || this.ahead > outbound.capacity * MOST_AHEAD) return false;
    if (Atomics.compareExchange(words, WORD.WRITER, WRITER.FREE, WRITER.MAIN) !== WRITER.FREE) return false;
    try {
      return this.#isItself() && this.#writeAll(outbound.head);
    } catch (error) {
      if (!OF_THE_SOCKET.has((error as NodeJS.ErrnoException).code ?? '')) this.#isUsable = false;
      return false;
    } finally {
      Atomics.store(words, WORD.WRITER, WRITER.FREE);
    }
  }

  /** A thread that runs out of memory closes its descriptors without a word, and the number may be another file's by now. */
  #isItself(): boolean {
    return inodeOf(this.words[WORD.DESCRIPTOR]!) === this.words[WORD.INODE];
  }

  /** The end is told first: the broker's answer may be there before the write has returned. */
  #writeAll(head: number): boolean {
    const { words, bytes } = this;
    const descriptor = words[WORD.DESCRIPTOR]!;
    let sent = words[WORD.DIRECT_SENT]! >>> 0;
    Atomics.store(words, WORD.DIRECT_END, head);
    this.count++;
    while (sent !== head) {
      const position = sent & (bytes.length - 1);
      const size = Math.min((head - sent) >>> 0, bytes.length - position);
      const written = write(descriptor, bytes, position, size);
      sent = (sent + written) >>> 0;
      Atomics.store(words, WORD.DIRECT_SENT, sent);
      if (written < size) return false;
    }
    return true;
  }
}
