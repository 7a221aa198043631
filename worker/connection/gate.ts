import type { SuspendableConsumer } from '../../src/protocol/session-options';

/** How soon to try again when main was in the way. */
const RETRY_MS = 20;

/**
 * Consumers without acknowledgements know no prefetch: the broker sends as fast as it can, and drops a
 * connection that is not read for 30 s. When too much waits for main, they are cancelled, and started again
 * when that has been taken: the messages stay in their queues meanwhile. Main, which may be busy for long,
 * has left the frames for both here; it does not notice.
 *
 *   [open] --too much waits here, or with main--> [shut] --both have been taken--> [open]
 */
export class Gate {
  readonly #consumers = new Map<string, SuspendableConsumer>();
  /** Those that have been cancelled. */
  readonly #suspended = new Set<string>();
  /** Too much waits in the worker; with main. */
  #here = false;
  #there = false;
  #timer: NodeJS.Timeout | undefined;

  /** `send` writes frames now, or returns false: main is in the middle of a message. */
  constructor(readonly send: (frames: Uint8Array) => boolean) {}

  add(key: string, consumer: SuspendableConsumer): void {
    this.#consumers.set(key, consumer);
    this.#act();
  }

  remove(key: string): void {
    this.#consumers.delete(key);
    this.#suspended.delete(key);
  }

  /** Does too much wait here? */
  here(much: boolean): void {
    if (this.#here === much) return;
    this.#here = much;
    this.#act();
  }

  /** Does too much wait with main? */
  there(much: boolean): void {
    this.#there = much;
    this.#act();
  }

  #act(): void {
    clearTimeout(this.#timer);
    const shut = this.#here || this.#there;
    for (const [key, { cancel, consume }] of this.#consumers) {
      if (this.#suspended.has(key) === shut) continue;
      if (!this.send(shut ? cancel : consume)) {
        this.#timer = setTimeout(() => this.#act(), RETRY_MS);
        return;
      }
      if (shut) this.#suspended.add(key);
      else this.#suspended.delete(key);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#consumers.clear();
  }
}
