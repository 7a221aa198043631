import type { ErrorRecord } from '../../src/contract/error-record';
import type { Method } from '../../src/protocol/method-types';

/** The timer that gives a connection up whose broker blocks publishing (memory or disk alarm) for longer than `limit` ms. */
export class BlockedTimer {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    /** Undefined: it may be blocked for ever. */
    readonly limit: number | undefined,
    readonly onExpired: (record: ErrorRecord) => void,
  ) {}

  /** A method of channel 0 has come. */
  received(method: Method): void {
    if (method.name === 'connection.unblocked') this.stop();
    if (method.name !== 'connection.blocked' || this.limit === undefined) return;
    const { reason } = method.args;
    this.#timer ??= setTimeout(() => this.#expired(reason), this.limit);
  }

  #expired(reason: string): void {
    this.onExpired({
      name: 'BlockedTimeoutError',
      message: `the connection was given up: the broker has blocked publishing (${reason}) for ${this.limit} ms`,
      origin: 'broker',
      recoverable: true,
      outcome: 'unknown',
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
