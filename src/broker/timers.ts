/** A timer; `cancel` may be called at any moment, also afterwards. */
export interface Timer {
  cancel(): void;
}

interface Entry extends Timer {
  at: number;
  order: number;
  run: (() => void) | undefined;
}

/** Cancelled timers that are kept whatever the others are. */
const MOST_CANCELLED = 64;

/**
 * Timers of the broker. They read no clock of their own: `now` is given, so that a test may hold the
 * time still or let it leap, and whoever owns the real clock calls `tick` when `due` has come.
 */
export class Timers {
  /** Called when the earliest time has changed. */
  onChange: () => void = () => {};
  #heap: Entry[] = [];
  #count = 0;
  #cancelled = 0;

  constructor(readonly now: () => number) {}

  /** How many are kept; some of them may have been cancelled. */
  get size(): number {
    return this.#heap.length;
  }

  /** Time of the earliest timer; undefined: there is none. */
  get due(): number | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.run === undefined) {
      this.#pop();
      this.#cancelled--;
    }
    return this.#heap[0]?.at;
  }

  at(time: number, run: () => void): Timer {
    const entry: Entry = { at: time, order: this.#count++, run, cancel: () => this.#cancel(entry) };
    const before = this.due;
    this.#push(entry);
    if (before === undefined || time < before) this.onChange();
    return entry;
  }

  /** Run the timers that are due, in the order of their times. */
  tick(): void {
    const now = this.now();
    for (let at = this.due; at !== undefined && at <= now; at = this.due) {
      const first = this.#heap[0]!;
      const { run } = first;
      this.#pop();
      first.run = undefined;
      run!();
    }
    this.onChange();
  }

  /** Those that are cancelled go when they are the most: their time may be days away. */
  #cancel(entry: Entry): void {
    if (entry.run === undefined) return;
    entry.run = undefined;
    if (++this.#cancelled < MOST_CANCELLED || this.#cancelled * 2 < this.#heap.length) return;
    const left = this.#heap
      .filter(({ run }) => run !== undefined)
      .sort((one, other) => (isBefore(one, other) ? -1 : 1));
    this.#heap = left; // which is a heap, if it is in order
    this.#cancelled = 0;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(heap[index]!, heap[parent]!)) break;
      [heap[index], heap[parent]] = [heap[parent]!, heap[index]!];
      index = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ; ) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child;
      }
      if (least === index) return;
      [heap[index], heap[least]] = [heap[least]!, heap[index]!];
      index = least;
    }
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
