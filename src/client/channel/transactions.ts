import { type AmqpError, ConnectionLostError } from '../../errors';
import type { CallOptions } from '../options/checks';
import type { ChannelPart } from './channel-part';
import type { ChannelSession } from './channel-session';
import type { PublishMode } from './publish-mode';

/** Transactions of a channel: tx.select, tx.commit, tx.rollback. */
export class Transactions implements ChannelPart {
  /** Something was published in the transaction under way. */
  isBegun = false;
  /** The transaction under way was lost with the connection. */
  #loss: AmqpError | undefined;

  constructor(
    readonly session: ChannelSession,
    readonly mode: PublishMode,
  ) {}

  select(options: CallOptions): void {
    if (this.mode.current !== 'tx') this.mode.check('none', 'txSelect');
    this.mode.enter('tx', () => this.session.request('tx.select', {}, options));
  }

  commit(options: CallOptions): void {
    this.mode.check('tx', 'txCommit');
    this.session.checkOpen('tx.commit');
    const loss = this.#end();
    if (loss !== undefined) this.#refuseRest(loss, options);
    this.session.request('tx.commit', {}, options);
    this.session.unacked.commit();
  }

  /** The first part of the transaction was lost with the connection, so there will be no second. */
  #refuseRest(loss: AmqpError, options: CallOptions): never {
    this.session.request('tx.rollback', {}, options);
    this.session.unacked.rollback();
    throw new ConnectionLostError(`nothing was committed, the transaction was lost: ${loss.message}`, {
      code: 'TRANSACTION_LOST',
      method: 'tx.commit',
      origin: 'network',
      recoverable: true,
      outcome: 'rejected',
      cause: loss,
    });
  }

  rollback(options: CallOptions): void {
    this.mode.check('tx', 'txRollback');
    this.#end();
    this.session.request('tx.rollback', {}, options);
    this.session.unacked.rollback();
  }

  /** The transaction under way has ended. @returns why it was lost before, if it was */
  #end(): AmqpError | undefined {
    const loss = this.#loss;
    this.#loss = undefined;
    this.isBegun = false;
    return loss;
  }

  opening(): void {
    this.#end();
  }

  /** The broker has forgotten what was published and settled since the last commit. */
  connectionLost(error: AmqpError): void {
    const isTouched = this.isBegun || this.session.unacked.isTouched;
    if (this.mode.current === 'tx' && isTouched) this.#loss = error;
    this.isBegun = false;
  }
}
