import { DIRECT_REPLY_TO } from '../../protocol/constants';
import type { Table, TableValue } from '../../protocol/field-table';
import type { BrokerChannel } from '../channel';
import { BrokerConsumer } from '../consumers';
import { isInteger, printedText, typeWord } from '../erlang';
import { Failure, nameOf, precondition } from '../failure';
import { randomToken } from '../names';
import { isStreamOffset } from '../stream-reader';
import type { Vhost } from '../vhost';
import type { VhostQueue } from '../vhost-queue';
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
    const target = accessQueue(channel, resolveName(channel, queue));
    const tag = newTag(channel, consumerTag);
    checkArguments(target, args, channel.vhost);
    const wanted = { noAck, exclusive, prefetch: channel.prefetch, args };
    const traits = target.consumerTraits(wanted, channel.sharedPrefetch);
    const consumer = new BrokerConsumer(tag, channel, target, traits);
    target.subscribe(consumer);
    channel.consumers.set(tag, consumer);
    if (!noWait) channel.send('basic.consume-ok', { consumerTag: tag });
    target.run();
  },

  'basic.cancel'(channel, { consumerTag, noWait }) {
    const consumer = channel.consumers.get(consumerTag);
    channel.consumers.delete(consumerTag);
    if (channel.directReplyTo?.tag === consumerTag) {
      channel.connection.engine.directReplies.delete(channel.directReplyTo.name);
      channel.directReplyTo = undefined;
    }
    if (!noWait) channel.send('basic.cancel-ok', { consumerTag });
    consumer?.queue.unsubscribe(consumer);
  },

  'basic.get'(channel, { queue, noAck }) {
    const from = accessQueue(channel, resolveName(channel, queue));
    const entry = from.get(noAck);
    if (entry === undefined) return channel.send('basic.get-empty');
    const deliveryTag = channel.unacked.nextTag();
    if (!noAck) channel.unacked.add({ tag: deliveryTag, entry, queue: from, consumer: undefined });
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

function checkArguments(queue: VhostQueue, args: Table, { name, rules }: Vhost): void {
  const where = nameOf('queue', queue.name, name);
  const { type } = queue.limits;
  const { 'x-priority': priority, 'x-cancel-on-ha-failover': cancel, 'x-stream-offset': offset } = args;
  if (rules.isSince4) checkTimeout(where, queue, args['x-consumer-timeout']);
  const foreign = (argument: string) =>
    precondition(`invalid arg '${argument}' for ${where} of queue type rabbit_${type}_queue`);
  if (priority !== undefined && type === 'stream') throw foreign('x-priority');
  if (priority !== undefined && !isInteger(priority)) {
    throw precondition(
      `invalid arg 'x-priority' for ${where}: "expected integer, got ${typeWord(priority)}"`,
    );
  }
  if (!rules.isSince4 && cancel !== undefined) {
    if (type !== 'classic') throw foreign('x-cancel-on-ha-failover');
    if (typeof cancel !== 'boolean')
      throw precondition(
        `invalid arg 'x-cancel-on-ha-failover' for ${where}: {unacceptable_type,${typeWord(cancel)}}`,
      );
  }
  if (offset === undefined) return;
  if (type !== 'stream') throw foreign('x-stream-offset');
  if (isStreamOffset(offset, rules.isSince4)) return;
  const invalid = `{invalid_stream_offset_arg,{longstr,${printedText(offset as string)}}}`;
  throw precondition(`invalid arg 'x-stream-offset' for ${where}: ${invalid}`);
}

function checkTimeout(where: string, { limits }: VhostQueue, timeout: TableValue | undefined): void {
  if (timeout === undefined) return;
  const invalid = `invalid arg 'x-consumer-timeout' for ${where}`;
  if (limits.type !== 'quorum') throw precondition(`${invalid} of queue type rabbit_${limits.type}_queue`);
  if (!isInteger(timeout)) throw precondition(`${invalid}: "expected integer, got ${typeWord(timeout)}"`);
}

/** Become the one who gets the direct replies to the requests of this channel. */
function consumeDirectReplies(
  channel: BrokerChannel,
  consumerTag: string,
  noAck: boolean,
  noWait: boolean,
): void {
  const tag = newTag(channel, consumerTag);
  if (channel.directReplyTo !== undefined) throw precondition('reply consumer already set');
  if (!noAck) throw precondition('reply consumer cannot acknowledge');
  channel.directReplyTo = { tag, name: `${DIRECT_REPLY_TO}.${randomToken()}.${randomToken()}` };
  channel.connection.engine.directReplies.set(channel.directReplyTo.name, channel);
  if (!noWait) channel.send('basic.consume-ok', { consumerTag: tag });
}
