/**
 * Heartbeats of a client's connection: one is sent when nothing else was for half the interval, and a client of
 * which nothing came for two intervals is given up. @see AMQP 0-9-1 §4.2.7
 */
export class BrokerHeartbeat {
  readonly #timer: NodeJS.Timeout | undefined;
  #silent = 0;
  #idle = false;
  #suspended = false;

  /** `interval` in seconds; 0: none. */
  constructor(interval: number, onDeath: () => void, onBeat: () => void) {
    if (interval === 0) return;
    this.#timer = setInterval(() => {
      if (!this.#suspended && ++this.#silent > SILENT_HALVES) return onDeath();
      if (this.#idle) onBeat();
      this.#idle = true;
    }, interval * 500).unref();
  }

  received(): void {
    this.#silent = 0;
  }
  sent(): void {
    this.#idle = false;
  }
  /** Suspend the count of silence, while nothing is read; or resume it. */
  suspend(suspended: boolean): void {
    if (suspended === this.#suspended) return;
    this.#suspended = suspended;
    this.#silent = 0;
  }
  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Half intervals without a sign: RabbitMQ's patience comes to about three intervals. */
const SILENT_HALVES = 5;
