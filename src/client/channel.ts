import { wrongType } from '../caller';
import { type AmqpError, ConnectionLostError } from '../errors';
import type { Args } from '../protocol/method-types';
import type { CloseReason } from '../protocol/session-options';
import { showAs } from '../shown';
import { PublishingChannel } from './channel-publishing';
import {
  type CallOptions,
  checkFunction,
  checkInteger,
  checkOptions,
  checkShortstr,
  checkTimeout,
} from './checks';
import { refusePromise } from './message';
import type { Answer } from './rpc';

export interface CloseOptions {
  /** Default 200. */
  replyCode?: number | undefined;
  replyText?: string | undefined;
  /** Milliseconds for the broker's answer, default 5000; it is closed in any case. */
  timeout?: number | undefined;
}

const CLOSE_TIMEOUT = 5000;
const CLOSE_OPTIONS = new Set(['replyCode', 'replyText', 'timeout']);
const TIMEOUT_ONLY = new Set(['timeout']);

/** The options of `close`, checked and filled in. */
export function closeOptions(options: CloseOptions): {
  reason: Pick<CloseReason, 'replyCode' | 'replyText'>;
  timeout: number;
} {
  checkOptions('close', options, CLOSE_OPTIONS);
  const { replyCode = 200, replyText = 'Normal shutdown', timeout = CLOSE_TIMEOUT } = options;
  checkInteger(replyCode, 'replyCode', 0, 0xffff);
  checkShortstr(replyText, 'replyText');
  return { reason: { replyCode, replyText }, timeout: checkTimeout(timeout) };
}

/**
 * A channel: AMQP's verbs, each blocking until the broker has answered unless it says otherwise.
 *
 * Every verb throws TypeError or RangeError for a wrong argument before anything is sent, TimeoutError
 * when `timeout` milliseconds pass (default: the connection's `callTimeout`), a ChannelClosedError (by
 * reply code: NotFoundError, PreconditionFailedError, …) when the broker closes the channel for it, a
 * ConnectionClosedError when the connection ends, and WrongStateError on a channel that is closed.
 */
export class Channel extends PublishingChannel {
  // ── transactions ────────────────────────────────────────────────────────────────────────────────────

  /**
   * Make publishes and acks of this channel transactional, for good. Blocks for a round trip.
   * @throws {WrongStateError} in confirm mode
   * @see AMQP 0-9-1 §1.9.2.1 (tx.select)
   */
  txSelect(options: CallOptions = {}): void {
    checkOptions('txSelect', options, TIMEOUT_ONLY);
    if (this.mode !== 'tx') this.checkMode('none', 'txSelect');
    this.enter('tx', () => this.call('tx.select', {}, options));
  }

  /**
   * Commit what was published and settled since the last commit. Blocks until the broker has committed.
   * @throws {TimeoutError | ConnectionClosedError} with `outcome: 'unknown'` when the answer never came
   * @throws {ConnectionLostError} `TRANSACTION_LOST`: the connection was recovered since it began; nothing of it is left
   * @see AMQP 0-9-1 §1.9.2.3 (tx.commit)
   */
  txCommit(options: CallOptions = {}): void {
    checkOptions('txCommit', options, TIMEOUT_ONLY);
    this.checkMode('tx', 'txCommit');
    this.checkOpen('tx.commit');
    const loss = this.takeTransaction();
    if (loss !== undefined) this.#refuseRest(loss, options);
    this.call('tx.commit', {}, options, '');
    this.deliveries.commit();
  }

  /** The first part of the transaction was lost with the connection, so there will be no second. */
  #refuseRest(loss: AmqpError, options: CallOptions): never {
    this.call('tx.rollback', {}, options, '');
    this.deliveries.rollback();
    throw new ConnectionLostError(`nothing was committed, the transaction was lost: ${loss.message}`, {
      code: 'TRANSACTION_LOST',
      method: 'tx.commit',
      origin: 'network',
      recoverable: true,
      outcome: 'rejected',
      cause: loss,
    });
  }

  /** Forget what was published and settled since the last commit; settled messages are unsettled again. Blocks. */
  txRollback(options: CallOptions = {}): void {
    checkOptions('txRollback', options, TIMEOUT_ONLY);
    this.checkMode('tx', 'txRollback');
    this.takeTransaction();
    this.call('tx.rollback', {}, options, '');
    this.deliveries.rollback();
  }

  /**
   * Run `fn` in a transaction: commit when it returns, roll back when it throws. Blocks.
   * @throws {TypeError} when `fn` returns a promise; rolled back
   *
   *     channel.transaction(() => { channel.basicPublish(result, { routingKey: 'out' }); message.ack(); });
   */
  transaction<T>(fn: () => T): T {
    checkFunction(fn, 'fn');
    if (this.mode !== 'tx') this.txSelect();
    let result: T;
    try {
      result = refusePromise(fn(), 'transaction', ', and is rolled back');
    } catch (error) {
      if (this.isOpen) this.txRollback();
      throw error;
    }
    this.txCommit();
    return result;
  }

  // ── the channel itself ──────────────────────────────────────────────────────────────────────────────

  /**
   * Ask the broker to pause (`false`) or go on delivering. Blocks for a round trip.
   * @returns what the broker did
   * RabbitMQ answers `false` by closing the connection with 540. @see AMQP 0-9-1 §1.5.2.3 (channel.flow)
   */
  flow(active: boolean, options: CallOptions = {}): boolean {
    checkOptions('flow', options, TIMEOUT_ONLY);
    if (active === undefined) throw wrongType('active must be true or false, got undefined');
    const answer = this.call('channel.flow', { active }, options, '') as Answer;
    return (answer.args as Args<'channel.flow-ok'>).active;
  }

  /**
   * Close the channel: the broker requeues what is unsettled. Blocks for a round trip, at most `timeout`;
   * does nothing when it is closed.
   * @see AMQP 0-9-1 §1.5.2.5 (channel.close)
   */
  close(options: CloseOptions = {}): void {
    const { reason, timeout } = closeOptions(options);
    this.closeDown(reason, timeout);
  }

  /**
   * Open a closed channel again, with its number. Blocks for a round trip. Consumers, prefetch and mode
   * are gone, and deliveries of its earlier life cannot be settled any more.
   * @throws {WrongStateError} another channel has the number by now, or the broker has not answered its close
   */
  reopen(): void {
    if (this.isOpen) return;
    this.openUp();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

showAs(Channel, ({ id, isOpen, mode, consumerTags }) => ({ channel: id, isOpen, mode, consumerTags }));
