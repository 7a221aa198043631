import type { DelayedRetry } from './queue-arguments';
import { bodySize, type QueuedMessage } from './ready-messages';
import type { Timer, Timers } from './timers';

/** Messages of a queue that have come back, and wait before they come again: in no count, but for limits of the queue. */
export class DelayedMessages {
  bytes = 0;
  /** In the order in which they will come again. */
  #waiting: { entry: QueuedMessage; at: number }[] = [];
  #timer: Timer | undefined;
  /** For which the timer is set. */
  #due: number | undefined;

  constructor(
    readonly timers: Timers,
    readonly retry: DelayedRetry,
    /** These have waited for long enough. */
    readonly onReady: (entries: readonly QueuedMessage[]) => void,
  ) {}

  get length(): number {
    return this.#waiting.length;
  }

  /** Take a message that has come back, if it has to wait. */
  take(entry: QueuedMessage, hasFailed: boolean): boolean {
    const { type, min, max } = this.retry;
    if (type !== 'all' && (type === 'failed') !== hasFailed) return false;
    const at = this.timers.now() + Math.min(min * Math.max(1, entry.failures), max);
    const place = this.#countBefore((other) =>
      other.at === at ? other.entry.order < entry.order : other.at < at,
    );
    this.#waiting.splice(place, 0, { entry, at });
    this.bytes += bodySize(entry);
    this.#setTimer();
    return true;
  }

  /** Take out all of them. */
  clear(): QueuedMessage[] {
    return this.#release(this.length);
  }

  /** How many stand before a place in the order: those of which it is true. */
  #countBefore(isBefore: (waiting: { entry: QueuedMessage; at: number }) => boolean): number {
    let low = 0;
    for (let high = this.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (isBefore(this.#waiting[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #release(count: number): QueuedMessage[] {
    const entries = this.#waiting.splice(0, count).map(({ entry }) => entry);
    for (const entry of entries) this.bytes -= bodySize(entry);
    this.#setTimer();
    return entries;
  }

  #setTimer(): void {
    const due = this.#waiting[0]?.at;
    if (due === this.#due) return;
    this.#timer?.cancel();
    this.#due = due;
    if (due === undefined) return;
    this.#timer = this.timers.at(due, () => {
      this.#due = undefined;
      const now = this.timers.now();
      this.onReady(this.#release(this.#countBefore(({ at }) => at <= now)));
    });
  }
}
