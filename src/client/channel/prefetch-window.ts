/**
 * How many messages of a consumer may be unsettled, and those of them that the program has been given: when these are as
 * many, the broker sends no more before one is settled.
 */
export class PrefetchWindow {
  /** 0: no limit, or not known. */
  size = 0;
  /** Whether the program chose the size: perhaps it collects so many and settles them together. */
  isChosen = false;
  /** Delivery tags; those that have been settled since are sorted out now and then. */
  #handedOut: number[] = [];

  constructor(readonly isUnsettled: (deliveryTag: number) => boolean) {}

  handOut(deliveryTag: number): void {
    if (this.size === 0) return;
    this.#handedOut.push(deliveryTag);
    if (this.#handedOut.length >= 2 * this.size) this.#sortOut();
  }

  get isFull(): boolean {
    if (this.size === 0 || this.#handedOut.length < this.size) return false;
    this.#sortOut();
    return this.#handedOut.length >= this.size;
  }

  #sortOut(): void {
    this.#handedOut = this.#handedOut.filter(this.isUnsettled);
  }
}
