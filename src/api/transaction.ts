import { inVain, refusePromise } from '../client/callbacks';
import type { CallOptions } from '../client/options/checks';
import { AmqpError, WrongStateError, wasSent } from '../errors';
import { showAs } from '../shown';
import type { Channel } from './channel';
import { PARTS, RUN } from './internals';

/**
 * What is published and settled on a channel until the commit, or not at all. From `channel.transaction()`.
 *
 * ```text
 * [started] --commit()--> [committed]
 *     |  \--rollback() was sent, end of the `using` block--> [rolled-back]
 *     +--- the answer to commit never came, the channel ended --> [unknown]
 * ```
 *
 * A connection that is recovered meanwhile has lost it: then `commit` rolls back what came since, and throws.
 */
export class Transaction implements Disposable {
  #state: 'started' | 'committed' | 'rolled-back' | 'unknown' = 'started';
  readonly #opening: number;

  /** Use `channel.transaction()`. */
  constructor(
    /** The channel it is of. */
    readonly channel: Channel,
  ) {
    this.#opening = channel[PARTS].session.openings;
  }

  /** Where it is; `unknown`: nobody can say whether it was committed. */
  get state(): 'started' | 'committed' | 'rolled-back' | 'unknown' {
    if (this.#state === 'started' && !this.#isCurrent) this.#state = 'rolled-back';
    return this.#state;
  }

  /** The broker rolls back when a channel ends. */
  get #isCurrent(): boolean {
    return this.channel.isOpen && this.channel[PARTS].session.openings === this.#opening;
  }

  /**
   * Make it happen. Blocks until the broker has committed.
   * @throws {WrongStateError} it is over
   * @throws {ConnectionLostError} `TRANSACTION_LOST`: the connection was recovered since it began; nothing is left of it
   * @throws {TimeoutError | ConnectionClosedError} with `outcome: 'unknown'` when the answer never came
   * @see AMQP 0-9-1 §1.9.2.3 (tx.commit)
   * @example
   * using tx = channel.transaction(); // rolled back if the block is left without a commit
   * queue.publish('one'); queue.publish('two'); tx.commit();
   */
  commit(options: CallOptions = {}): void {
    this.#checkStarted('commit');
    try {
      this.channel.txCommit(options);
      this.#state = 'committed';
    } catch (error) {
      if (isLost(error)) this.#state = 'rolled-back';
      else if (wasSent(error)) this.#state = 'unknown';
      throw error;
    }
  }

  /**
   * Undo everything; what was settled is unsettled again. Blocks until the broker has done it.
   * @example
   * using tx = channel.transaction();
   * queue.publish('one'); if (queue.status().messageCount > 10) tx.rollback();
   */
  rollback(options: CallOptions = {}): void {
    this.#checkStarted('rollback');
    try {
      this.channel.txRollback(options);
      this.#state = 'rolled-back';
    } catch (error) {
      // the answer may be missing, but nothing can be committed any more
      if (wasSent(error)) this.#state = 'rolled-back';
      throw error;
    }
  }

  #checkStarted(verb: string): void {
    if (this.#state !== 'started') {
      throw new WrongStateError(`${verb}: the transaction is over (${this.#state})`, {
        code: 'NO_TRANSACTION',
      });
    }
    // on a channel that has ended, txCommit itself says why
    if (this.channel.isOpen && !this.#isCurrent) {
      throw new WrongStateError(
        `${verb}: the transaction ended when channel ${this.channel.id} was reopened; the broker has rolled it back`,
        { code: 'NO_TRANSACTION' },
      );
    }
  }

  /** Commit what `fn` has done, or roll it back. @internal */
  [RUN]<T>(fn: (transaction: Transaction) => T): T {
    let result: T;
    try {
      result = refusePromise(fn(this), 'transaction', ', and is rolled back');
    } catch (error) {
      inVain(() => this[Symbol.dispose]());
      throw error;
    }
    if (this.#state === 'started') this.commit();
    return result;
  }

  /** Rolls back what was not committed. Blocks for a round trip then. */
  [Symbol.dispose](): void {
    if (this.state === 'started') this.rollback();
  }
}

showAs(Transaction, ({ state, channel }) => ({ state, channel: channel.id }));

function isLost(error: unknown): boolean {
  return error instanceof AmqpError && error.code === 'TRANSACTION_LOST';
}
