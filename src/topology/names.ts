/**
 * Names of queues that the broker named: they are others after each recovery. Whoever still says an old one means the
 * queue that took its place.
 */
export class Names {
  readonly #current = new Map<string, string>();

  /** Whether no queue has ever been renamed. */
  get isEmpty(): boolean {
    return this.#current.size === 0;
  }

  /** The queue `old` is called `fresh` from now on, whatever it was called before. */
  rename(old: string, fresh: string): void {
    for (const [name, current] of this.#current) if (current === old) this.#current.set(name, fresh);
    this.#current.set(old, fresh);
  }

  /** The present name of the queue `name`. */
  of(name: string): string {
    return this.#current.get(name) ?? name;
  }
}
