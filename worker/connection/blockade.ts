import type { ErrorRecord } from '../../src/errors';
import type { Method } from '../../src/protocol/method-types';

/** Gives a connection up whose broker blocks publishing (memory or disk alarm) for longer than `limit` ms, if there is one. */
export class Blockade {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly limit: number | undefined,
    readonly onOver: (record: ErrorRecord) => void,
  ) {}

  /** A method of channel 0 came. */
  heard(method: Method): void {
    if (method.name === 'connection.unblocked') this.stop();
    if (method.name !== 'connection.blocked' || this.limit === undefined) return;
    const { reason } = method.args;
    this.#timer ??= setTimeout(() => this.#over(reason), this.limit);
  }

  #over(reason: string): void {
    this.onOver({
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
