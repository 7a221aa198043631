import type { Channel as ClientChannel } from '../../api/channel';
import type { ReturnedMessage } from '../../api/message';
import { wrongType } from '../../caller';
import type { PublishOptions } from '../../client/channel/publisher';
import { UnroutableError } from '../../errors';
import type { Args } from '../python';
import { ConsumingChannel } from './channel-consuming';
import { Message, returned, unsendable } from './message';
import { insist } from './wire';
import { CHANNEL } from './words';

/** The methods that send messages, plainly, confirmed, or in a transaction. */
export abstract class PublishingChannel extends ConsumingChannel {
  /**
   * Publish a message. In confirm mode it returns once the broker has taken responsibility; what no queue
   * took is in `returned_messages` by then. Otherwise it does not block.
   * @throws {FrameSyntaxError} something of it cannot be sent; the channel lives
   * @throws {MessageNacked} confirm mode: the broker refused it
   * @throws {Blocked} the broker takes no publishes, and `compat.call_timeout` has passed
   * @see AMQP 0-9-1 §1.8.3.7 (basic.publish)
   *
   *     ch.basic_publish(new Message('hello', { delivery_mode: 2 }), { routing_key: 'tasks' });
   */
  basic_publish(...args: Args<typeof CHANNEL.basic_publish>): void {
    const { msg, exchange, routing_key, mandatory, immediate } = CHANNEL.basic_publish(args);
    if (!(msg instanceof Message)) throw wrongType('basic_publish: msg must be a Message');
    const { body, properties } = msg.outgoing();
    const isImmediate = immediate && this.home.compat.immediate !== 'ignore';
    const address = { exchange, routingKey: routing_key, mandatory, ...(isImmediate && { immediate }) };
    try {
      this.call((core) => this.#publish(core, body, { ...properties, ...address }));
    } catch (error) {
      throw error instanceof TypeError || error instanceof RangeError ? unsendable(error) : error;
    }
  }

  #publish(core: ClientChannel, body: Uint8Array, options: PublishOptions): void {
    try {
      core.basicPublish(body, options);
    } catch (error) {
      if (!(error instanceof UnroutableError)) throw error;
      this.returned_messages.put(returned(error.returnedMessage as ReturnedMessage, this.auto_decode));
    }
  }

  /**
   * `basic_publish` in confirm mode, which is selected first if need be. Blocks until it is confirmed.
   *
   *     ch.basic_publish_confirm(msg, { routing_key: 'tasks', mandatory: true });
   *     if (!ch.returned_messages.empty()) console.log('nobody wants it');
   */
  basic_publish_confirm(...args: Args<typeof CHANNEL.basic_publish_confirm>): void {
    const given = CHANNEL.basic_publish_confirm(args);
    if (this.mode !== this.CH_MODE_CONFIRM) this.confirm_select();
    this.basic_publish(given);
  }

  /**
   * Have the broker confirm what is published from now on. Blocks unless `nowait`.
   * @throws {PreconditionFailed} in a transaction; the channel is as new then, and the next try succeeds
   */
  confirm_select(...args: Args<typeof CHANNEL.confirm_select>): void {
    const { nowait } = CHANNEL.confirm_select(args);
    this.call((core) => {
      if (core.mode === 'tx') insist(core, 'confirm.select');
      else core.confirmSelect({ noWait: nowait });
    });
  }

  /**
   * Make what is published and acknowledged wait for `tx_commit`. Blocks.
   * @throws {PreconditionFailed} in confirm mode; the channel is as new then, and the next try succeeds
   *
   *     ch.tx_select();
   *     try { work(); ch.tx_commit(); } catch (e) { ch.tx_rollback(); throw e; }
   */
  tx_select(): void {
    this.call((core) => (core.mode === 'confirm' ? insist(core, 'tx.select') : core.txSelect()));
  }

  /** Carry out what was published and acknowledged since the last time. Blocks until the broker has. */
  tx_commit(): void {
    this.call((core) => (core.mode === 'tx' ? core.txCommit() : insist(core, 'tx.commit')));
  }

  /** Forget what was published and acknowledged since the last time. Blocks. */
  tx_rollback(): void {
    this.call((core) => (core.mode === 'tx' ? core.txRollback() : insist(core, 'tx.rollback')));
  }
}
