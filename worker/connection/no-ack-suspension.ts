import type { SuspendableConsumer } from '../../src/contract/session-options';

/** How soon to try again when main was in the way. */
const RETRY_MS = 20;

/**
 * Suspension of no-ack consumers. Without acknowledgements there is no prefetch: the broker sends as fast as it can, and
 * drops a connection that is not read for 30 s. When too much waits, such consumers are cancelled, and started again when
 * that has been taken: the messages stay in their queues meanwhile. Main, which may be busy for long, has left the
 * frames for both here; it does not notice.
 *
 * All are suspended while the worker holds too much for main, and each while too much of its own waits there.
 */
export class NoAckSuspension {
  readonly #consumers = new Map<string, SuspendableConsumer>();
  /** Consumers that have been cancelled. */
  readonly #cancelled = new Set<string>();
  /** Consumers of which too much waits with main. */
  readonly #suspended = new Set<string>();
  #allSuspended = false;
  #isLost = false;
  #timer: NodeJS.Timeout | undefined;

  /** `send` writes frames now, or returns false: main is in the middle of a message. */
  constructor(readonly send: (frames: Uint8Array) => boolean) {}

  add(key: string, consumer: SuspendableConsumer): void {
    this.#consumers.set(key, consumer);
    this.#apply();
  }

  remove(key: string): void {
    this.#consumers.delete(key);
    this.#cancelled.delete(key);
    this.#suspended.delete(key);
  }

  suspend(key: string, suspended: boolean): void {
    if (suspended) this.#suspended.add(key);
    else this.#suspended.delete(key);
    this.#apply();
  }

  suspendAll(suspended: boolean): void {
    if (this.#allSuspended === suspended) return;
    this.#allSuspended = suspended;
    this.#apply();
  }

  #apply(): void {
    clearTimeout(this.#timer);
    if (this.#isLost) return;
    for (const [key, { cancel, consume }] of this.#consumers) {
      const wanted = this.#allSuspended || this.#suspended.has(key);
      if (this.#cancelled.has(key) === wanted) continue;
      if (!this.send(wanted ? cancel : consume)) {
        this.#timer = setTimeout(() => this.#apply(), RETRY_MS);
        return;
      }
      if (wanted) this.#cancelled.add(key);
      else this.#cancelled.delete(key);
    }
  }

  /** The connection is lost: its consumers will all be started again. */
  connectionLost(): void {
    this.#isLost = true;
    this.#allSuspended = false;
    this.#cancelled.clear();
    clearTimeout(this.#timer);
  }

  /** All consumers have been started again. `changed`: those whose frames are outdated; main will leave others. */
  recovered(changed: readonly string[]): void {
    this.#isLost = false;
    for (const key of changed) this.#consumers.delete(key);
    this.#apply();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#consumers.clear();
  }
}
