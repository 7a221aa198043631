import type { Message } from './message';

/** A message in one queue. */
export interface Entry {
  message: Message;
  /** Its place in the queue, kept when it is taken and put back. */
  order: number;
  priority: number;
  /** When it goes by itself; undefined: never. */
  expiry: number | undefined;
  redelivered: boolean;
  /** How often it was taken and came back. */
  returns: number;
}

/** Bytes that a message counts for: `x-max-length-bytes` counts bodies only. */
export function bodySize(entry: Entry): number {
  return entry.message.body.length;
}

/** The messages of a queue that are ready: by priority, and within one as they came. */
export class Backlog {
  length = 0;
  bytes = 0;
  /** How many of them will expire. */
  mortals = 0;
  /** From the highest priority to the lowest. */
  readonly #levels: { priority: number; line: Line }[] = [];

  /** At the end of its priority. */
  push(entry: Entry): void {
    this.#line(entry.priority).push(entry);
    this.#count(entry, 1);
  }

  /** Where it belongs; of several the last first, which is cheap. */
  putBack(entry: Entry): void {
    this.#line(entry.priority).insert(entry);
    this.#count(entry, 1);
  }

  peek(): Entry | undefined {
    for (const { line } of this.#levels) if (line.length > 0) return line.first;
    return undefined;
  }

  shift(): Entry | undefined {
    for (const { line } of this.#levels) {
      if (line.length === 0) continue;
      const entry = line.shift();
      this.#count(entry, -1);
      return entry;
    }
    return undefined;
  }

  /** The head of every priority. */
  heads(): Entry[] {
    return this.#levels.filter(({ line }) => line.length > 0).map(({ line }) => line.first!);
  }

  /** Take the head of one priority. */
  shiftFrom(priority: number): Entry {
    const entry = this.#line(priority).shift();
    this.#count(entry, -1);
    return entry;
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (const { line } of this.#levels) yield* line;
  }

  #count(entry: Entry, sign: 1 | -1): void {
    this.length += sign;
    this.bytes += sign * bodySize(entry);
    if (entry.expiry !== undefined) this.mortals += sign;
  }

  #line(priority: number): Line {
    const index = this.#levels.findIndex((level) => level.priority <= priority);
    if (index >= 0 && this.#levels[index]!.priority === priority) return this.#levels[index]!.line;
    const line = new Line();
    this.#levels.splice(index < 0 ? this.#levels.length : index, 0, { priority, line });
    return line;
  }
}

/** A line in order, cheap at both ends. */
class Line {
  #entries: (Entry | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }
  get first(): Entry | undefined {
    return this.#entries[this.#head];
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  shift(): Entry {
    const entry = this.#entries[this.#head]!;
    this.#entries[this.#head++] = undefined;
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  insert(entry: Entry): void {
    if (this.length > 0 && this.first!.order > entry.order) {
      if (this.#head === 0) this.#makeRoom();
      this.#entries[--this.#head] = entry;
      return;
    }
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.order < entry.order) low = middle + 1;
      else high = middle;
    }
    this.#entries.splice(low, 0, entry);
  }

  /** Room in front, as much as there is behind: one that comes back costs no more than one at the end. */
  #makeRoom(): void {
    const room = Math.max(16, this.length);
    this.#entries = [...new Array<undefined>(room), ...this.#entries];
    this.#head = room;
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (let index = this.#head; index < this.#entries.length; index++) yield this.#entries[index]!;
  }
}
