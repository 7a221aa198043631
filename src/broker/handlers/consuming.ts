import { DIRECT_REPLY_TO } from '../../protocol/constants';
import type { Table } from '../../protocol/field-table';
import type { BrokerChannel } from '../channel';
import { BrokerConsumer } from '../consumers';
import { typeWord } from '../erlang';
import { Failure, nameOf, precondition, refused } from '../failure';
import { randomToken } from '../names';
import type { BrokerQueue } from '../queue';
import { complaintAbout, integer, notNegative } from '../queue-arguments';
import type { Vhost } from '../vhost';
import type { Handlers } from './handler';
import { accessQueue, resolveName } from './topology';

/** Prefetch, consumers and get. @see AMQP 0-9-1 §1.8 */
export const CONSUMING: Handlers = {
  'basic.qos'(channel, { prefetchSize, prefetchCount, global }) {
    if (prefetchSize !== 0) throw new Failure(540, `prefetch_size!=0 (${prefetchSize})`);
    const isShared = global && channel.vhost.rules.permits('global_qos');
    if (isShared) channel.sharedPrefetch = prefetchCount;
    else channel.prefetch = prefetchCount;
    channel.send('basic.qos-ok');
    if (isShared) channel.unblockConsumers();
  },

  'basic.consume'(channel, { queue, consumerTag, noAck, exclusive, noWait, arguments: args }) {
    if (queue === DIRECT_REPLY_TO) return consumeDirectReplies(channel, consumerTag, noAck, noWait);
    const name = resolveName(channel, queue);
    refuseDirectReplies(channel, name);
    const target = accessQueue(channel, name);
    const tag = newTag(channel, consumerTag);
    checkArguments(target, args, channel.vhost);
    const where = nameOf('queue', target.name, channel.vhost.name);
    const isQuorum = target.limits.type === 'quorum';
    if (isQuorum && channel.sharedPrefetch > 0)
      throw new Failure(540, `${where} does not support global qos`);
    const alone = exclusive && !isQuorum;
    if (target.consumers.exclusive || (alone && (target.consumers.size > 0 || target.consumers.single))) {
      throw refused(`${where} in exclusive use`);
    }
    const traits = { noAck, exclusive: alone, prefetch: channel.prefetch, args };
    const consumer = new BrokerConsumer(tag, channel, target, traits);
    channel.consumers.set(tag, consumer);
    if (isQuorum) channel.unacked.handOver(consumer);
    target.subscribe(consumer);
    if (!noWait) channel.send('basic.consume-ok', { consumerTag: tag });
    target.run();
  },

  'basic.cancel'(channel, { consumerTag, noWait }) {
    const consumer = channel.consumers.get(consumerTag);
    channel.consumers.delete(consumerTag);
    if (channel.directReplyTo?.tag === consumerTag) {
      channel.connection.engine.directReplies.remove(channel.directReplyTo.name);
      channel.directReplyTo = undefined;
    }
    if (!noWait) channel.send('basic.cancel-ok', { consumerTag });
    consumer?.queue.unsubscribe(consumer);
  },

  'basic.get'(channel, { queue, noAck }) {
    const name = resolveName(channel, queue);
    const { vhost } = channel;
    if (channel.connection.engine.directReplies.isVolatileQueue(name))
      throw new Failure(540, `basic.get not supported by volatile ${nameOf('queue', name, vhost.name)}`);
    const from = accessQueue(channel, name);
    if (from.limits.type === 'quorum' && from.limits.singleActiveConsumer) {
      throw new Failure(
        405,
        `cannot obtain access to locked ${nameOf('queue', from.name, channel.vhost.name)}. basic.get operations ` +
          `are not supported by ${channel.vhost.rules.isSince4 ? '<<"quorum">>' : 'quorum'} queues with single active consumer`,
      );
    }
    const entry = from.get(noAck);
    if (entry === undefined) return channel.send('basic.get-empty');
    const deliveryTag = channel.unacked.nextTag();
    if (!noAck) channel.hold(deliveryTag, entry, from);
    const { redelivered } = entry;
    const message = from.messageFor(entry, true);
    const { exchange, routingKey } = message;
    const args = { deliveryTag, redelivered, exchange, routingKey, messageCount: from.ready.length };
    channel.connection.output.content(channel.number, 'basic.get-ok', args, message);
  },
};

function newTag(channel: BrokerChannel, wanted: string): string {
  if (wanted === '') return `amq.ctag-${randomToken()}`;
  if (channel.consumers.has(wanted)) throw new Failure(530, `attempt to reuse consumer tag '${wanted}'`);
  return wanted;
}

function checkArguments(queue: BrokerQueue, args: Table, { name, rules }: Vhost): void {
  const where = nameOf('queue', queue.name, name);
  const { 'x-cancel-on-ha-failover': cancel, 'x-stream-offset': offset } = args;
  if (rules.isSince4) checkTimeout(where, queue, args);
  checkArgument(where, args, 'x-priority', integer);
  if (!rules.isSince4 && cancel !== undefined) {
    const invalid = `invalid arg 'x-cancel-on-ha-failover' for ${where}`;
    if (queue.limits.type === 'quorum') throw precondition(`${invalid} of queue type rabbit_quorum_queue`);
    if (typeof cancel !== 'boolean')
      throw precondition(`${invalid}: {unacceptable_type,${typeWord(cancel)}}`);
  }
  if (offset !== undefined) {
    throw precondition(
      `invalid arg 'x-stream-offset' for ${where} of queue type rabbit_${queue.limits.type}_queue`,
    );
  }
}

function checkTimeout(where: string, { limits }: BrokerQueue, args: Table): void {
  const name = 'x-consumer-timeout';
  if (args[name] !== undefined && limits.type === 'classic')
    throw precondition(`invalid arg '${name}' for ${where} of queue type rabbit_classic_queue`);
  checkArgument(where, args, name, notNegative);
}

function checkArgument(where: string, args: Table, name: string, check: typeof integer): void {
  const complaint = complaintAbout(args, name, check);
  if (complaint !== undefined) throw precondition(`invalid arg '${name}' for ${where}: ${complaint}`);
}

/** Nobody consumes by such a name: who asked does by `amq.rabbitmq.reply-to`, and once. */
function refuseDirectReplies({ connection, directReplyTo, vhost }: BrokerChannel, name: string): void {
  if (!connection.engine.directReplies.isVolatileQueue(name)) return;
  const what =
    directReplyTo?.name === name
      ? 'multiple consumers are unsupported for'
      : 'only creator channel may consume from';
  throw precondition(`${what} ${nameOf('queue', name, vhost.name)}`);
}

/** Become the one who gets the direct replies to the requests of this channel. */
function consumeDirectReplies(
  channel: BrokerChannel,
  consumerTag: string,
  noAck: boolean,
  noWait: boolean,
): void {
  const tag = newTag(channel, consumerTag);
  if (!noAck) throw precondition('reply consumer cannot acknowledge');
  if (channel.directReplyTo !== undefined) throw precondition('reply consumer already set');
  channel.directReplyTo = { tag, name: channel.connection.engine.directReplies.add(channel) };
  if (!noWait) channel.send('basic.consume-ok', { consumerTag: tag });
}
