/**
 * Heartbeats of one connection: one is sent when nothing else was for half the interval, and a client of
 * which nothing was heard for two intervals is given up. @see AMQP 0-9-1 §4.2.7
 */
export class Pulse {
  readonly #timer: NodeJS.Timeout | undefined;
  #silent = 0;
  #idle = false;
  #suspended = false;

  /** `interval` in seconds; 0: none. */
  constructor(interval: number, onDeath: () => void, onBeat: () => void) {
    if (interval === 0) return;
    this.#timer = setInterval(() => {
      if (!this.#suspended && ++this.#silent > HALVES) return onDeath();
      if (this.#idle) onBeat();
      this.#idle = true;
    }, interval * 500).unref();
  }

  heard(): void {
    this.#silent = 0;
  }
  sent(): void {
    this.#idle = false;
  }
  /** Nothing is read for a while: then silence says nothing. */
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
const HALVES = 5;
