import { AdaptiveChoice } from '../../src/bridge/adaptive-choice';
import type { WorkerLink } from '../../src/bridge/worker-link';
import { clock } from '../../src/clock';

/**
 * Milliseconds to spin for what main says to something that came. Longer pays for single calls, but takes the time of a
 * broker on the same machine.
 */
const SPIN_MS = 0.05;
/** Milliseconds to sleep while more of a stream comes together. */
const COALESCE_MS = 0.3;
/** Bytes that are worth a poll, and a wake-up of main's, without coalescing. */
const ENOUGH_SIZE = 64 * 1024;
/** Frames of one message that fits in a frame: a method, a header, a body. */
const MESSAGE_FRAMES = 3;

/**
 * Adaptive polling of the socket, and of what main has written, without waiting to be woken: a wake-up costs more than
 * handling most messages does.
 *
 * An answer, or a single message, may have main say something at once: where main cannot write to the socket itself, the
 * worker spins for that, and the doorbell is spared. A stream comes in many small pieces, which are coalesced: while it does, the worker polls, hands on, and
 * sleeps. What main writes meanwhile goes with the next poll, unless it is urgent: then it ends the sleep.
 *
 *   [idle] --a piece of a stream--> [coalescing] --COALESCE_MS, or urgent--> [polling] --nothing came--> [idle]
 *      |                                  ^                                     |
 *      |                                  +-------------- more came ------------+
 *      +--------anything else--------> [spinning] --main has written, or SPIN_MS--> [idle]
 *
 * What comes is taken for a stream as long as experience says that more follows, and main does not wait for an answer.
 */
export class AdaptivePolling {
  readonly #spinning = new AdaptiveChoice();
  readonly #coalescing = new AdaptiveChoice();
  #spinsUntil = 0;
  /** Bytes and frames since the last poll. */
  #received = 0;
  #frames = 0;
  #isIdle = true;
  #isStopped = false;

  /** `poll` deals with what main has written, and with the room it has made. */
  constructor(
    readonly link: WorkerLink,
    readonly poll: () => void,
  ) {}

  /** Whether no poll is to come by itself: then main has to ring. */
  get isIdle(): boolean {
    return this.#isIdle;
  }

  /** `size` bytes have come, with the ends of so many frames; `isAwaited`: main was waiting for an answer. */
  received(size: number, frames: number, isAwaited: boolean): void {
    this.#received += size;
    this.#frames += frames;
    if (!this.#isIdle || this.#isStopped) return;
    if (!isAwaited && this.#coalescing.isWorthIt) this.#begin(this.#coalesce);
    else if (!this.link.writeLock.isLent && this.#spinning.isWorthIt) {
      this.#spinsUntil = clock.now() + SPIN_MS;
      this.#begin(this.#spin);
    }
  }

  #begin(next: () => void): void {
    this.#isIdle = false;
    this.link.unpark();
    setImmediate(next);
  }

  readonly #spin = (): void => {
    const found = this.link.hasOutbound;
    if (!found && !this.#isStopped && clock.now() < this.#spinsUntil) return void setImmediate(this.#spin);
    this.#spinning.learn(found);
    this.#idle();
  };

  readonly #coalesce = (): void => {
    if (this.#received < ENOUGH_SIZE) this.link.nap(COALESCE_MS);
    this.#received = 0;
    this.#frames = 0;
    setImmediate(this.#pollAgain); // after the socket was polled
  };

  readonly #pollAgain = (): void => {
    const more = this.#received > 0;
    // a message at a time is none: it may be the answer to what main has published meanwhile
    this.#coalescing.learn(this.#frames > MESSAGE_FRAMES || this.#received >= ENOUGH_SIZE);
    if (!more || this.#isStopped || this.link.isAwaited) return this.#idle();
    this.poll();
    this.#coalesce();
  };

  #idle(): void {
    this.#isIdle = true;
    if (!this.#isStopped) this.poll();
  }

  stop(): void {
    this.#isStopped = true;
  }
}
