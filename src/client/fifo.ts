/** A queue that never moves its items: `Array.shift` is linear once an array is large. A ring that grows. */
export class Fifo<T> {
  /** Slots, in number a power of two. */
  #slots: (T | undefined)[] = new Array(8);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#slots.length) this.#move(this.#slots.length * 2);
    this.#slots[(this.#head + this.#length++) & (this.#slots.length - 1)] = item;
  }

  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    // what was long once does not stay large for ever
    if (--this.#length === 0 && this.#slots.length > USUAL_SLOTS) this.#move(USUAL_SLOTS);
    return item;
  }

  #move(size: number): void {
    const slots = new Array<T | undefined>(size);
    let index = 0;
    for (const item of this) slots[index++] = item;
    this.#slots = slots;
    this.#head = 0;
  }

  /** Put something else in the place of each, from the front; what `change` throws leaves the rest as they are. */
  update(change: (item: T) => T): void {
    for (let index = 0; index < this.#length; index++) {
      const slot = (this.#head + index) & (this.#slots.length - 1);
      this.#slots[slot] = change(this.#slots[slot] as T);
    }
  }

  /** Keep only what passes, and return the rest. */
  retain(keep: (item: T) => boolean): T[] {
    const items = [...this];
    const removed: T[] = [];
    this.#slots = new Array(8);
    this.#head = 0;
    this.#length = 0;
    for (const item of items)
      if (keep(item)) this.push(item);
      else removed.push(item);
    return removed;
  }

  clear(): T[] {
    return this.retain(() => false);
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.#length; index++)
      yield this.#slots[(this.#head + index) & (this.#slots.length - 1)] as T;
  }
}

const USUAL_SLOTS = 1024;
