import { Habit } from '../../src/bridge/habit';
import type { WorkerLink } from '../../src/bridge/worker-link';
import type { Transport } from './transport';

/** How long to watch for an answer of main's before asking for the doorbell. See WATCH_MS in the bridge. */
const LINGER_MS = 0.15;

/**
 * Hands the outbound ring to the socket. A batch is everything that was published when it began (one
 * piece, or two where the ring wraps), so a batch ends with a whole frame and the worker's own frames may
 * follow it. The bytes belong to the socket until its callback; then the room goes back to main.
 *
 *   [parked] --doorbell--> [writing a batch] --more published--> [writing a batch] ...
 *     ^    |                       ^                                    |
 *     |    +--something for main--> [lingering] --something published---+
 *     +------ LINGER_MS ----------------+------------- nothing left ----+
 */
export class Outbound {
  /** Bytes that the socket has been given and has not taken. */
  #batch = 0;
  #whenEmpty: (() => void) | undefined;
  readonly #lingering = new Habit();
  #lingersUntil = 0;
  #isLingering = false;

  constructor(
    readonly link: WorkerLink,
    readonly transport: Transport,
  ) {}

  /** Write what there is, and go on until there is nothing left. */
  flush(): void {
    if (this.#batch > 0) return;
    const size = this.#available();
    if (size === 0) return this.#whenEmpty?.();
    const { outbound } = this.link;
    const first = outbound.readable();
    this.#batch = size;
    if (first.length >= size) {
      this.transport.write(first.subarray(0, size), () => this.#written(size));
    } else {
      const second = outbound.readable(first.length).subarray(0, size - first.length);
      this.transport.write(first);
      this.transport.write(second, () => this.#written(size));
    }
  }

  /** Park, then look once more: main rings the doorbell only for what comes after. */
  #available(): number {
    const { outbound } = this.link;
    const size = outbound.available();
    if (size > 0 || this.#isLingering) return size;
    this.link.park();
    const late = outbound.available();
    if (late > 0) this.link.unpark();
    return late;
  }

  /** Main has been given something, and may answer at once: watch for that, and spare it the doorbell. */
  linger(): void {
    if (this.#isLingering || !this.#lingering.isWorthIt) return;
    this.#lingersUntil = performance.now() + LINGER_MS;
    this.#isLingering = true;
    this.link.unpark();
    setImmediate(this.#watch);
  }

  readonly #watch = (): void => {
    const found = this.link.outbound.available() > this.#batch;
    this.#isLingering = !found && performance.now() < this.#lingersUntil;
    if (this.#isLingering) return void setImmediate(this.#watch);
    this.#lingering.learn(found);
    this.flush();
  };

  #written(size: number): void {
    this.#batch = 0;
    this.link.release(size);
    this.flush();
  }

  /**
   * Put frames of the worker's own between two messages of main's, on whatever channel.
   * @returns false: not now, main is in the middle of one
   */
  interject(frames: Uint8Array): boolean {
    // in this order: a message that began after the first look has something in the ring
    if (this.link.handsOff || this.link.outbound.available() > this.#batch) return false;
    this.transport.write(frames);
    return true;
  }

  /** Flush, then run `done` once. */
  drain(done: () => void): void {
    this.#whenEmpty = () => {
      this.#whenEmpty = undefined;
      done();
    };
    this.flush();
  }
}
