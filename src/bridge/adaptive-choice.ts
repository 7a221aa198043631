/** Misses in a row until it is given up. */
const MOST_MISSES = 8;
/** Chances that are let go by until it is tried again, a few times in a row. */
const RETRY_EVERY = 256;

/** Something that pays at some times and not at others: it is done as long as experience says that it does. */
export class AdaptiveChoice {
  #misses = 0;
  #declined = 0;

  /** Do it this time? */
  get isWorthIt(): boolean {
    if (this.#misses < MOST_MISSES) return true;
    if (++this.#declined < RETRY_EVERY) return false;
    this.#declined = 0;
    this.#misses = MOST_MISSES / 2;
    return true;
  }

  /** The choice was made; `paid`: it was right. */
  learn(paid: boolean): void {
    this.#misses = paid ? 0 : this.#misses + 1;
  }
}
