import { DIRECT_REPLY_TO } from '../../protocol/constants';
import type { BrokerChannel } from '../channel';
import { Failure, internalError, notFound, precondition, refused } from '../failure';
import { oneLine, randomToken } from '../names';
import { queueType } from '../queue-arguments';
import { checkExchangeType } from '../vhost';
import type { VhostQueue } from '../vhost-queue';
import type { Handlers } from './handler';

/** The methods of exchanges and queues. @see AMQP 0-9-1 §1.6, §1.7 */
export const TOPOLOGY: Handlers = {
  'exchange.declare'(channel, { exchange, type, passive, durable, autoDelete, internal, noWait, ...rest }) {
    if (!passive) checkExchangeType(type, channel.vhost.rules);
    refuseDefault(exchange);
    if (passive) channel.vhost.exchange(exchange);
    else
      channel.vhost.declareExchange(
        oneLine(exchange),
        { type, durable, autoDelete, internal },
        rest.arguments,
      );
    if (!noWait) channel.send('exchange.declare-ok');
  },

  'exchange.delete'(channel, { exchange, ifUnused, noWait }) {
    refuseDefault(exchange);
    channel.vhost.deleteExchange(exchange, ifUnused);
    if (!noWait) channel.send('exchange.delete-ok');
  },

  'exchange.bind'(channel, { destination, source, routingKey, noWait, arguments: args }) {
    const { vhost } = channel;
    refuseDefault(source);
    refuseDefault(destination);
    const from = vhost.exchange(source);
    vhost.bind(vhost.exchange(destination), from, routingKey, args);
    if (!noWait) channel.send('exchange.bind-ok');
  },

  'exchange.unbind'(channel, { destination, source, routingKey, noWait, arguments: args }) {
    const { exchanges } = channel.vhost;
    refuseDefault(source);
    refuseDefault(destination);
    channel.vhost.unbind(exchanges.get(destination), exchanges.get(source), routingKey, args);
    if (!noWait) channel.send('exchange.unbind-ok');
  },

  'queue.declare'(channel, args) {
    if (args.queue.startsWith(DIRECT_REPLY_TO)) return declareDirectReplyTo(channel, args);
    const queue = args.passive ? accessQueue(channel, args.queue) : declare(channel, args);
    queue.used();
    channel.lastQueue = queue.name;
    if (args.noWait) return;
    const { name, messageCount, consumerCount } = queue;
    channel.send('queue.declare-ok', { queue: name, messageCount, consumerCount });
  },

  'queue.bind'(channel, { exchange, noWait, ...args }) {
    refuseDefault(exchange);
    const { queue, routingKey } = bindingTarget(channel, args);
    refuseDirectReplies(channel, queue);
    const { vhost } = channel;
    const source = vhost.exchange(exchange);
    vhost.bind(vhost.queue(queue, channel.connection), source, routingKey, args.arguments);
    if (!noWait) channel.send('queue.bind-ok');
  },

  'queue.unbind'(channel, { exchange, ...args }) {
    refuseDefault(exchange);
    const { queue, routingKey } = bindingTarget(channel, args);
    refuseDirectReplies(channel, queue);
    const { vhost } = channel;
    const target = vhost.queues.has(queue) ? accessQueue(channel, queue) : undefined;
    vhost.unbind(target, vhost.exchanges.get(exchange), routingKey, args.arguments);
    channel.send('queue.unbind-ok');
  },

  'queue.purge'(channel, { queue, noWait }) {
    const name = resolveName(channel, queue);
    const isVolatile = channel.connection.engine.directReplies.isVolatileQueue(name);
    const messageCount = isVolatile ? 0 : accessQueue(channel, name).purge();
    if (!noWait) channel.send('queue.purge-ok', { messageCount });
  },

  'queue.delete'(channel, { queue, ifUnused, ifEmpty, noWait }) {
    const messageCount = remove(channel, resolveName(channel, queue), ifUnused, ifEmpty);
    if (!noWait) channel.send('queue.delete-ok', { messageCount });
  },
};

function refuseDefault(exchange: string): void {
  if (exchange === '') throw refused('operation not permitted on the default exchange');
}

/** A queue that exists, and that this connection may use. */
export function accessQueue(channel: BrokerChannel, name: string): VhostQueue {
  return channel.vhost.queue(name, channel.connection);
}

/** An empty name is the queue that was declared last. */
export function resolveName(channel: BrokerChannel, name: string): string {
  if (name !== '') return name;
  if (channel.lastQueue === undefined) throw new Failure(404, 'no previously declared queue');
  return channel.lastQueue;
}

/** The queue and the key of a binding: without either, the name of the last queue stands for both. */
function bindingTarget(
  channel: BrokerChannel,
  { queue, routingKey }: { queue: string; routingKey: string },
): { queue: string; routingKey: string } {
  const name = resolveName(channel, queue);
  return { queue: name, routingKey: queue === '' && routingKey === '' ? name : routingKey };
}

type Declaration = Parameters<NonNullable<Handlers['queue.declare']>>[1];

function declare(
  channel: BrokerChannel,
  { queue, durable, exclusive, autoDelete, arguments: args }: Declaration,
): VhostQueue {
  const { vhost, connection } = channel;
  if (queue.startsWith('amq.') && !vhost.queues.has(queue)) {
    throw refused(`queue name '${queue}' contains reserved prefix 'amq.*'`);
  }
  const type = queueType(args);
  if (queue === '' && type !== 'classic') {
    throw precondition(`Cannot declare a server-named queue for type rabbit_${type}_queue`);
  }
  const name = oneLine(queue) || `amq.gen-${randomToken()}`;
  return vhost.declareQueue(name, { durable, exclusive, autoDelete }, args, connection);
}

function remove(channel: BrokerChannel, name: string, ifUnused: boolean, ifEmpty: boolean): number {
  if (!channel.vhost.queues.has(name)) return 0;
  const queue = accessQueue(channel, name);
  const count = queue.checkDeletion(ifUnused, ifEmpty);
  channel.vhost.remove(queue);
  return count;
}

function refuseDirectReplies({ vhost }: BrokerChannel, queue: string): void {
  if (vhost.rules.isSince4 && queue.startsWith(`${DIRECT_REPLY_TO}.`))
    throw refused('cannot bind or unbind to a volatile (direct reply-to) queue');
}

/**
 * The pseudo-queue of direct replies is always there; a name to reply to, as long as somebody else waits: RabbitMQ asks
 * the channel that does, and 3.10 breaks when that is the one which asks.
 */
function declareDirectReplyTo(channel: BrokerChannel, { queue, noWait }: Declaration): void {
  if (queue !== DIRECT_REPLY_TO) {
    const { directReplies } = channel.connection.engine;
    const asker = directReplies.get(queue);
    const isOwn = asker === channel;
    if (directReplies.breaks(queue) || (isOwn && !directReplies.isSince4)) throw internalError();
    if (asker === undefined || isOwn) throw notFound('queue', queue, channel.vhost.name);
  }
  channel.lastQueue = queue;
  if (!noWait) channel.send('queue.declare-ok', { queue, messageCount: 0, consumerCount: 1 });
}
