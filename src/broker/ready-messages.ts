import type { BrokerMessage } from './message';

/** The message in one queue. */
export interface QueuedMessage {
  message: BrokerMessage;
  /** Place in the queue, kept when it is taken and put back. */
  order: number;
  priority: number;
  /** The priority by which it is delivered: RabbitMQ 4.3 puts what has come back to a quorum queue above all others. */
  level: number;
  /** Time at which it expires; undefined: never. */
  expiry: number | undefined;
  redelivered: boolean;
  /** Times that it was taken and came back. */
  returns: number;
  /** Those of them that count as failures: since 4.0 not what a client has given back by nack or recover. */
  failures: number;
}

/** Bytes that a message counts for: `x-max-length-bytes` counts bodies only. */
export function bodySize(entry: QueuedMessage): number {
  return entry.message.body.length;
}

/** The messages of a queue that are ready: by their level, and within one as they came. */
export class ReadyMessages {
  length = 0;
  bytes = 0;
  /** Messages that will expire. */
  expiring = 0;
  /** From the highest to the lowest. */
  readonly #levels: { level: number; deque: Deque }[] = [];

  /** At the end of its level. */
  push(entry: QueuedMessage): void {
    this.#level(entry.level).push(entry);
    this.#count(entry, 1);
  }

  /** Where it belongs; of several the last first, which is cheap. */
  putBack(entry: QueuedMessage): void {
    this.#level(entry.level).insert(entry);
    this.#count(entry, 1);
  }

  peek(): QueuedMessage | undefined {
    for (const { deque } of this.#levels) if (deque.length > 0) return deque.first;
    return undefined;
  }

  shift(): QueuedMessage | undefined {
    for (const { deque } of this.#levels) {
      if (deque.length === 0) continue;
      const entry = deque.shift();
      this.#count(entry, -1);
      return entry;
    }
    return undefined;
  }

  /** The head of every level. */
  firsts(): QueuedMessage[] {
    return this.#levels.filter(({ deque }) => deque.length > 0).map(({ deque }) => deque.first!);
  }

  /** Take the head of one level. */
  shiftFrom(level: number): QueuedMessage {
    const entry = this.#level(level).shift();
    this.#count(entry, -1);
    return entry;
  }

  *[Symbol.iterator](): Generator<QueuedMessage> {
    for (const { deque } of this.#levels) yield* deque;
  }

  #count(entry: QueuedMessage, sign: 1 | -1): void {
    this.length += sign;
    this.bytes += sign * bodySize(entry);
    if (entry.expiry !== undefined) this.expiring += sign;
  }

  #level(level: number): Deque {
    const index = this.#levels.findIndex((other) => other.level <= level);
    if (index >= 0 && this.#levels[index]!.level === level) return this.#levels[index]!.deque;
    const deque = new Deque();
    this.#levels.splice(index < 0 ? this.#levels.length : index, 0, { level, deque });
    return deque;
  }
}

/** The messages of one level in order, cheap at both ends. */
class Deque {
  #entries: (QueuedMessage | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }
  get first(): QueuedMessage | undefined {
    return this.#entries[this.#head];
  }

  push(entry: QueuedMessage): void {
    this.#entries.push(entry);
  }

  shift(): QueuedMessage {
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

  insert(entry: QueuedMessage): void {
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

  *[Symbol.iterator](): Generator<QueuedMessage> {
    for (let index = this.#head; index < this.#entries.length; index++) yield this.#entries[index]!;
  }
}
