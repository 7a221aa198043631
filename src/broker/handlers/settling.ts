import type { BrokerChannel, BrokerTransaction } from '../channel';
import { Failure, precondition } from '../failure';
import type { Settlement } from '../unacked';
import type { VhostQueue } from '../vhost-queue';
import type { Handlers } from './handler';
import { enqueue } from './publishing';

/** Acks and their kin, confirm mode, transactions, flow. @see AMQP 0-9-1 §1.8, §1.9 */
export const SETTLING: Handlers = {
  'basic.ack'(channel, { deliveryTag, multiple }) {
    settle(channel, deliveryTag, multiple, 'ack');
  },
  'basic.nack'(channel, { deliveryTag, multiple, requeue }) {
    settle(channel, deliveryTag, multiple, requeue ? 'nack' : 'discard');
  },
  'basic.reject'(channel, { deliveryTag, requeue }) {
    settle(channel, deliveryTag, false, requeue ? 'reject' : 'discard');
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
    channel.transaction ??= { publishes: [], settlements: [] };
    channel.send('tx.select-ok');
  },
  'tx.commit'(channel) {
    const { publishes, settlements } = transactionOf(channel);
    // what may end the channel comes while the transaction is there: what it has of messages goes back to the queues then
    for (const { message, mandatory, queues } of publishes)
      enqueue(channel, stillThere(channel, queues), message, mandatory);
    // what was published is in its queues then, what was settled is on its way
    if (publishes.length === 0) channel.send('tx.commit-ok');
    settlements.reverse();
    for (let next = settlements.pop(); next !== undefined; next = settlements.pop())
      channel.settle(next.deliveries, next.settlement);
    channel.transaction = { publishes: [], settlements: [] };
    if (publishes.length > 0) channel.send('tx.commit-ok');
  },
  'tx.rollback'(channel) {
    const { settlements } = transactionOf(channel);
    channel.transaction = { publishes: [], settlements: [] };
    channel.unacked.restore(settlements.flatMap(({ deliveries }) => deliveries));
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

/** Deliveries are taken out now; in a transaction they are settled at the commit. */
function settle(channel: BrokerChannel, tag: number, multiple: boolean, settlement: Settlement): void {
  const deliveries = channel.unacked.take(tag, multiple);
  if (channel.transaction !== undefined) channel.transaction.settlements.push({ deliveries, settlement });
  else channel.settle(deliveries, settlement);
}

/** The reply goes out before the messages that come again. */
function recover(channel: BrokerChannel, requeue: boolean, reply: () => void = () => {}): void {
  if (!requeue) throw new Failure(540, 'requeue=false');
  channel.settle(channel.unacked.takeAll(), 'recover', reply);
}

/** The queues that a message was for, without those that have gone since. @throws {Failure} since 4.0: there is one that has */
function stillThere({ vhost }: BrokerChannel, queues: ReadonlySet<VhostQueue>): ReadonlySet<VhostQueue> {
  const gone = [...queues].find(({ deleted }) => deleted);
  if (gone === undefined) return queues;
  if (vhost.rules.isSince4) throw undeliverable(gone.name, vhost.name);
  return new Set([...queues].filter(({ deleted }) => !deleted));
}

/** The widest line of what Erlang prints; it breaks what is wider, first the outer tuple, then the inner one. */
const ERLANG_LINE = 78;

function undeliverable(queue: string, vhost: string): Failure {
  const [what, where, name] = [
    'failed to deliver message: {not_found,',
    `{resource,<<"${vhost}">>,queue,`,
    `<<"${queue}">>}}`,
  ];
  const [outer, inner] = [' '.repeat(31), ' '.repeat(35)];
  const inLines = [what, outer + where, inner + name];
  const layouts = [[what + where + name], [what, outer + where + name], inLines];
  const fits = (lines: readonly string[]) => lines.every(({ length }) => length <= ERLANG_LINE);
  return new Failure(506, (layouts.find(fits) ?? inLines).join('\n'));
}

function transactionOf({ transaction }: BrokerChannel): BrokerTransaction {
  if (transaction === undefined) throw precondition('channel is not transactional');
  return transaction;
}
