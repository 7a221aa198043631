/**
 * Queues that the broker named have another name in each life of a connection. Whoever still says an old one
 * means the queue that took its place.
 */
export class Names {
  readonly #current = new Map<string, string>();

  /** Nothing has ever been renamed. */
  get isEmpty(): boolean {
    return this.#current.size === 0;
  }

  /** What was called `old` is called `fresh` from now on, and so is what was called something else before. */
  rename(old: string, fresh: string): void {
    for (const [name, current] of this.#current) if (current === old) this.#current.set(name, fresh);
    this.#current.set(old, fresh);
  }

  /** What `name` is called now. */
  of(name: string): string {
    return this.#current.get(name) ?? name;
  }
}
