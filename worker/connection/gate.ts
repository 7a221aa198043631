import type { SuspendableConsumer } from '../../src/protocol/session-options';

/** How soon to try again when main was in the way. */
const RETRY_MS = 20;

/**
 * Consumers without acknowledgements know no prefetch: the broker sends as fast as it can, and drops a
 * connection that is not read for 30 s. When too much waits, they are cancelled, and started again when that
 * has been taken: the messages stay in their queues meanwhile. Main, which may be busy for long, has left the
 * frames for both here; it does not notice.
 *
 * All are suspended while the worker holds too much for main, and each while too much of its own waits there.
 */
export class Gate {
  readonly #consumers = new Map<string, SuspendableConsumer>();
  /** Those that have been cancelled. */
  readonly #cancelled = new Set<string>();
  /** Those of which too much waits with main. */
  readonly #suspended = new Set<string>();
  #allSuspended = false;
  #isResting = false;
  #timer: NodeJS.Timeout | undefined;

  /** `send` writes frames now, or returns false: main is in the middle of a message. */
  constructor(readonly send: (frames: Uint8Array) => boolean) {}

  watch(key: string, consumer: SuspendableConsumer): void {
    this.#consumers.set(key, consumer);
    this.#act();
  }

  unwatch(key: string): void {
    this.#consumers.delete(key);
    this.#cancelled.delete(key);
    this.#suspended.delete(key);
  }

  suspend(key: string, suspended: boolean): void {
    if (suspended) this.#suspended.add(key);
    else this.#suspended.delete(key);
    this.#act();
  }

  suspendAll(suspended: boolean): void {
    if (this.#allSuspended === suspended) return;
    this.#allSuspended = suspended;
    this.#act();
  }

  #act(): void {
    clearTimeout(this.#timer);
    if (this.#isResting) return;
    for (const [key, { cancel, consume }] of this.#consumers) {
      const wanted = this.#allSuspended || this.#suspended.has(key);
      if (this.#cancelled.has(key) === wanted) continue;
      if (!this.send(wanted ? cancel : consume)) {
        this.#timer = setTimeout(() => this.#act(), RETRY_MS);
        return;
      }
      if (wanted) this.#cancelled.add(key);
      else this.#cancelled.delete(key);
    }
  }

  /** The connection is lost: its consumers will all be started again. */
  rest(): void {
    this.#isResting = true;
    this.#allSuspended = false;
    this.#cancelled.clear();
    clearTimeout(this.#timer);
  }

  /** They have been. `changed`: those for which the frames are not right any more; main will leave others. */
  goOn(changed: readonly string[]): void {
    this.#isResting = false;
    for (const key of changed) this.#consumers.delete(key);
    this.#act();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#consumers.clear();
  }
}
