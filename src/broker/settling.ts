import type { Channel } from './channel';
import { Failure, precondition } from './failure';
import type { Handlers } from './handlers';
import type { Verdict } from './ledger';
import { deliverTo } from './publishing';

/** Acks and their kin, confirm mode, transactions, flow. @see AMQP 0-9-1 §1.8, §1.9 */
export const SETTLING: Handlers = {
  'basic.ack'(channel, { deliveryTag, multiple }) {
    settle(channel, deliveryTag, multiple, 'ack');
  },
  'basic.nack'(channel, { deliveryTag, multiple, requeue }) {
    settle(channel, deliveryTag, multiple, requeue ? 'requeue' : 'discard');
  },
  'basic.reject'(channel, { deliveryTag, requeue }) {
    settle(channel, deliveryTag, false, requeue ? 'requeue' : 'discard');
  },

  'basic.recover-async'(channel, { requeue }) {
    recover(channel, requeue);
  },
  'basic.recover'(channel, { requeue }) {
    recover(channel, requeue, () => channel.send('basic.recover-ok'));
  },

  'confirm.select'(channel, { noWait }) {
    if (channel.transaction !== undefined) throw precondition('cannot switch from tx to confirm mode');
    channel.confirming = true;
    if (!noWait) channel.send('confirm.select-ok');
  },

  'tx.select'(channel) {
    if (channel.confirming) throw precondition('cannot switch from confirm to tx mode');
    channel.transaction ??= { publishes: [], verdicts: [] };
    channel.send('tx.select-ok');
  },
  'tx.commit'(channel) {
    const { publishes, verdicts } = restart(channel);
    for (const { message, mandatory, queues } of publishes) deliverTo(channel, queues, message, mandatory);
    for (const { deliveries, verdict } of verdicts) channel.settle(deliveries, verdict);
    channel.send('tx.commit-ok');
  },
  'tx.rollback'(channel) {
    const { verdicts } = restart(channel);
    channel.ledger.restore(verdicts.flatMap(({ deliveries }) => deliveries));
    channel.send('tx.rollback-ok');
  },

  'channel.flow'(channel, { active }) {
    if (!active) throw new Failure(540, 'active=false');
    channel.send('channel.flow-ok', { active });
  },
  'access.request'(channel) {
    channel.send('access.request-ok');
  },
};

/** In a transaction the deliveries leave the ledger now, and the queue hears of it at the commit. */
function settle(channel: Channel, tag: number, multiple: boolean, verdict: Verdict): void {
  const deliveries = channel.ledger.take(tag, multiple);
  if (channel.transaction !== undefined) channel.transaction.verdicts.push({ deliveries, verdict });
  else channel.settle(deliveries, verdict);
}

/** The reply goes out before the messages that come again. */
function recover(channel: Channel, requeue: boolean, reply: () => void = () => {}): void {
  if (!requeue) throw new Failure(540, 'requeue=false');
  reply();
  channel.settle(channel.ledger.takeAll(), 'requeue');
}

/** What the transaction has gathered; the next one begins at once. */
function restart(channel: Channel): NonNullable<Channel['transaction']> {
  const { transaction } = channel;
  if (transaction === undefined) throw precondition('channel is not transactional');
  channel.transaction = { publishes: [], verdicts: [] };
  return transaction;
}
