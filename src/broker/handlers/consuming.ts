import { DIRECT_REPLY_TO } from '../../protocol/constants';
import type { BrokerChannel } from '../channel';
import { checkConsumerArguments } from '../consumer-arguments';
import { BrokerConsumer } from '../consumers';
import { Failure, nameOf, precondition } from '../failure';
import { randomToken } from '../names';
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
    checkConsumerArguments(target, args, channel.vhost);
    const wanted = { noAck, exclusive, prefetch: channel.prefetch, args };
    const traits = target.consumerTraits(wanted, channel.sharedPrefetch);
    const consumer = new BrokerConsumer(tag, channel, target, traits);
    if (target.held !== undefined) channel.unacked.handOver(consumer);
    target.subscribe(consumer);
    channel.consumers.set(tag, consumer);
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
    const entry = from.get(noAck);
    if (entry === undefined) return channel.send('basic.get-empty');
    const deliveryTag = channel.unacked.nextTag();
    if (!noAck) channel.hold(deliveryTag, entry, from);
    const { redelivered } = entry;
    const message = from.messageFor(entry, true);
    const { exchange, routingKey } = message;
    const args = { deliveryTag, redelivered, exchange, routingKey, messageCount: from.messageCount };
    channel.connection.output.content(channel.number, 'basic.get-ok', args, message);
  },
};

function newTag(channel: BrokerChannel, wanted: string): string {
  if (wanted === '') return `amq.ctag-${randomToken()}`;
  if (channel.consumers.has(wanted)) throw new Failure(530, `attempt to reuse consumer tag '${wanted}'`);
  return wanted;
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
