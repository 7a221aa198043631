import type { Table } from '../protocol/field-table';
import type { Channel } from './channel';
import { Consumer } from './consumers';
import { isInteger, typeWord } from './erlang';
import { Failure, nameOf, precondition, refused } from './failure';
import type { Handlers } from './handlers';
import { REPLY_TO, token } from './names';
import type { Queue } from './queue';
import { named, use } from './topology';

/** Prefetch, consumers and get. @see AMQP 0-9-1 §1.8 */
export const CONSUMING: Handlers = {
  'basic.qos'(channel, { prefetchSize, prefetchCount, global }) {
    if (prefetchSize !== 0) throw new Failure(540, `prefetch_size!=0 (${prefetchSize})`);
    if (global) {
      channel.connection.broker.rules.globalPrefetch();
      channel.sharedPrefetch = prefetchCount;
    } else {
      channel.prefetch = prefetchCount;
    }
    channel.send('basic.qos-ok');
    if (global) channel.recall();
  },

  'basic.consume'(channel, { queue, consumerTag, noAck, exclusive, noWait, arguments: args }) {
    if (queue === REPLY_TO) return consumeReplies(channel, consumerTag, noAck, noWait);
    const target = use(channel, named(channel, queue));
    const tag = newTag(channel, consumerTag);
    checkArguments(target, args, channel.vhost.name);
    const where = nameOf('queue', target.name, channel.vhost.name);
    const isQuorum = target.limits.type === 'quorum';
    if (isQuorum && channel.sharedPrefetch > 0)
      throw new Failure(540, `${where} does not support global qos`);
    const alone = exclusive && !isQuorum;
    if (target.consumers.exclusive || (alone && (target.consumers.size > 0 || target.consumers.single))) {
      throw refused(`${where} in exclusive use`);
    }
    const traits = { noAck, exclusive: alone, prefetch: channel.prefetch, args };
    const consumer = new Consumer(tag, channel, target, traits);
    channel.consumers.set(tag, consumer);
    target.subscribe(consumer);
    if (!noWait) channel.send('basic.consume-ok', { consumerTag: tag });
    target.run();
  },

  'basic.cancel'(channel, { consumerTag, noWait }) {
    const consumer = channel.consumers.get(consumerTag);
    channel.consumers.delete(consumerTag);
    if (channel.replies?.tag === consumerTag) {
      channel.connection.broker.replies.delete(channel.replies.name);
      channel.replies = undefined;
    }
    if (!noWait) channel.send('basic.cancel-ok', { consumerTag });
    consumer?.queue.unsubscribe(consumer);
  },

  'basic.get'(channel, { queue, noAck }) {
    const from = use(channel, named(channel, queue));
    if (from.limits.type === 'quorum' && from.limits.singleActiveConsumer) {
      throw new Failure(
        405,
        `cannot obtain access to locked ${nameOf('queue', from.name, channel.vhost.name)}. basic.get operations ` +
          'are not supported by quorum queues with single active consumer',
      );
    }
    const entry = from.get(noAck);
    if (entry === undefined) return channel.send('basic.get-empty');
    const deliveryTag = channel.ledger.nextTag();
    if (!noAck) channel.ledger.add({ tag: deliveryTag, entry, queue: from, consumer: undefined });
    const { redelivered } = entry;
    const message = from.told(entry, true);
    const { exchange, routingKey } = message;
    const args = { deliveryTag, redelivered, exchange, routingKey, messageCount: from.ready.length };
    channel.connection.output.content(channel.number, 'basic.get-ok', args, message);
  },
};

function newTag(channel: Channel, wanted: string): string {
  if (wanted === '') return `amq.ctag-${token()}`;
  if (channel.consumers.has(wanted)) throw new Failure(530, `attempt to reuse consumer tag '${wanted}'`);
  return wanted;
}

function checkArguments(queue: Queue, args: Table, vhost: string): void {
  const where = nameOf('queue', queue.name, vhost);
  const { 'x-priority': priority, 'x-cancel-on-ha-failover': cancel, 'x-stream-offset': offset } = args;
  if (priority !== undefined && !isInteger(priority)) {
    throw precondition(
      `invalid arg 'x-priority' for ${where}: "expected integer, got ${typeWord(priority)}"`,
    );
  }
  if (cancel !== undefined && typeof cancel !== 'boolean') {
    throw precondition(
      `invalid arg 'x-cancel-on-ha-failover' for ${where}: {unacceptable_type,${typeWord(cancel)}}`,
    );
  }
  if (offset !== undefined) {
    throw precondition(
      `invalid arg 'x-stream-offset' for ${where} of queue type rabbit_${queue.limits.type}_queue`,
    );
  }
}

/** Become the one who gets the direct replies to the requests of this channel. */
function consumeReplies(channel: Channel, consumerTag: string, noAck: boolean, noWait: boolean): void {
  const tag = newTag(channel, consumerTag);
  if (channel.replies !== undefined) throw precondition('reply consumer already set');
  if (!noAck) throw precondition('reply consumer cannot acknowledge');
  channel.replies = { tag, name: `${REPLY_TO}.${token()}.${token()}` };
  channel.connection.broker.replies.set(channel.replies.name, channel);
  if (!noWait) channel.send('basic.consume-ok', { consumerTag: tag });
}
