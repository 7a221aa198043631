import { Habit } from '../../src/bridge/habit';
import type { WorkerLink } from '../../src/bridge/worker-link';
import { clock } from '../../src/clock';

/**
 * How long to watch for what main says to something that came. Longer pays for single calls, but takes the time of a
 * broker on the same machine.
 */
const WATCH_MS = 0.05;
/** How long to let more of a stream come together. */
const NAP_MS = 0.3;
/** As much at once is worth a look, and a wake-up of main's, without a nap. */
const PLENTY = 64 * 1024;

/**
 * When to look again, at the socket and at what main has written, without waiting to be woken: a wake-up costs more
 * than handling most messages does.
 *
 * An answer, or a single message, may have main say something at once: that is watched for, and the doorbell spared. A
 * stream comes in many small pieces: while it does, the worker looks, hands on, and naps. What main writes meanwhile
 * goes with the next look, unless it is urgent: then it ends the nap.
 *
 *   [still] --a piece of a stream--> [napping] --NAP_MS, or urgent--> [looking] --nothing came--> [still]
 *      |                                 ^                                |
 *      |                                 +----------- more came ----------+
 *      +--------anything else--------> [watching] --main has written, or WATCH_MS--> [still]
 *
 * What comes is taken for a stream as long as experience says that more follows, and main does not wait for an answer.
 */
export class Cadence {
  readonly #watching = new Habit();
  readonly #napping = new Habit();
  #watchesUntil = 0;
  /** Bytes since the last look. */
  #came = 0;
  #isStill = true;
  #isOver = false;

  /** `look` deals with what main has written, and with the room it has made. */
  constructor(
    readonly link: WorkerLink,
    readonly look: () => void,
  ) {}

  /** It will look again by itself: main need not ring. */
  get isStill(): boolean {
    return this.#isStill;
  }

  /** `size` bytes have come; `awaited`: main was waiting for an answer. */
  came(size: number, awaited: boolean): void {
    this.#came += size;
    if (!this.#isStill || this.#isOver) return;
    if (!awaited && this.#napping.isWorthIt) this.#leave(this.#nap);
    else if (this.#watching.isWorthIt) {
      this.#watchesUntil = clock.now() + WATCH_MS;
      this.#leave(this.#watch);
    }
  }

  #leave(next: () => void): void {
    this.#isStill = false;
    this.link.unpark();
    setImmediate(next);
  }

  readonly #watch = (): void => {
    const found = this.link.hasOutbound;
    if (!found && !this.#isOver && clock.now() < this.#watchesUntil) return void setImmediate(this.#watch);
    this.#watching.learn(found);
    this.#rest();
  };

  readonly #nap = (): void => {
    if (this.#came < PLENTY) this.link.nap(NAP_MS);
    this.#came = 0;
    setImmediate(this.#lookAgain); // after the socket was looked at
  };

  readonly #lookAgain = (): void => {
    const more = this.#came > 0;
    this.#napping.learn(more);
    if (!more || this.#isOver || this.link.isAwaited) return this.#rest();
    this.look();
    this.#nap();
  };

  #rest(): void {
    this.#isStill = true;
    if (!this.#isOver) this.look();
  }

  stop(): void {
    this.#isOver = true;
  }
}
