import { fstatSync } from 'node:fs';
import { WORD, WRITER } from './layout';

/** The function of Node's, whatever a program has put in its place. */
const stat = fstatSync;

/** Looks until main is taken for dead: it holds the lock for one write, which does not block. */
const MOST_LOOKS = 40_000;
const LOOK_EVERY_MS = 0.05;

/** The worker's side of the lock on the socket's write side; see WRITER. While nothing is lent, it is the worker's. */
export class WriteLock {
  #isHeld = false;

  constructor(readonly words: Int32Array) {}

  get isLent(): boolean {
    return Atomics.load(this.words, WORD.WRITER) !== WRITER.NOT_LENT;
  }

  /** Let main write to the socket of this descriptor, from position `at` of the outbound ring on. */
  lend(descriptor: number, at: number): void {
    const { words } = this;
    words[WORD.DESCRIPTOR] = descriptor;
    words[WORD.INODE] = inodeOf(descriptor);
    this.advance(at);
    Atomics.store(words, WORD.WRITER, this.#isHeld ? WRITER.WORKER : WRITER.FREE);
  }

  /** Main writes no more. The lock is held. */
  revoke(): void {
    Atomics.store(this.words, WORD.WRITER, WRITER.NOT_LENT);
  }

  /**
   * Keep main from writing, until `give`. Blocks while main is at it, for as long as a write takes that does not block.
   * @returns false: main has died in the middle of one
   */
  take(): boolean {
    if (this.#isHeld) return true;
    const { words } = this;
    for (let looks = 0; this.isLent; looks++) {
      const was = Atomics.compareExchange(words, WORD.WRITER, WRITER.FREE, WRITER.WORKER);
      if (was !== WRITER.MAIN) break;
      if (looks === MOST_LOOKS) return false;
      Atomics.wait(words, WORD.WRITER, WRITER.MAIN, LOOK_EVERY_MS);
    }
    this.#isHeld = true;
    return true;
  }

  /** Main may write again. */
  give(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.isLent) Atomics.store(this.words, WORD.WRITER, WRITER.FREE);
  }

  /** Everything up to position `at` of the outbound ring has been sent. */
  advance(at: number): void {
    Atomics.store(this.words, WORD.DIRECT_SENT, at);
    Atomics.store(this.words, WORD.DIRECT_END, at);
  }

  /** Positions up to where main has sent, and up to where it was to send: the broker may have got that far. */
  get sent(): number {
    return Atomics.load(this.words, WORD.DIRECT_SENT) >>> 0;
  }
  get end(): number {
    return Atomics.load(this.words, WORD.DIRECT_END) >>> 0;
  }
}

/** What tells a file from another that has got its number. As a word: it may be larger. @throws {Error} there is no such file */
export function inodeOf(descriptor: number): number {
  return stat(descriptor).ino | 0;
}
