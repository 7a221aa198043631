import { DIRECT_REPLY_TO } from '../../protocol/constants';
import type { Args } from '../../protocol/method-types';
import type { Properties } from '../../protocol/properties';
import type { BrokerChannel, BrokerTransaction } from '../channel';
import { isRepresentable, typeWord } from '../erlang';
import { Failure, internalError, nameOf, precondition, refused } from '../failure';
import { BrokerMessage, extraKeys } from '../message';
import { MAX_EXPIRY } from '../queue-arguments';
import type { Rules } from '../rules';
import type { VhostQueue } from '../vhost-queue';

/** Take a message from a client. @throws {Failure} and it was not published. @see AMQP 0-9-1 §1.8.3.7 */
export function publish(
  channel: BrokerChannel,
  { exchange: name, routingKey, mandatory, immediate }: Args<'basic.publish'>,
  header: Buffer,
  body: Buffer,
  properties: Properties,
): void {
  if (immediate) throw new Failure(540, 'immediate=true');
  const { vhost, connection } = channel;
  const exchange = vhost.exchange(name);
  if (exchange.traits.internal) {
    throw refused(`cannot publish to internal ${nameOf('exchange', name, vhost.name)}`);
  }
  checkUser(properties, connection.username);
  checkExpiration(properties.expiration);
  if (!vhost.rules.isSince4) checkDeliveryMode(properties.deliveryMode);
  if (properties.headers !== undefined && !isRepresentable(properties.headers)) throw internalError();
  const sent = new BrokerMessage(name, [routingKey], header, body, properties);
  const plain = withCopies(withReplyTo(channel, sent));
  const message = vhost.rules.isSince4 ? plain.normalized() : plain;
  const { directReplies } = connection.engine;
  if (directReplies.breakOn(message)) throw internalError();
  const queues = vhost.route(exchange, message);
  if (channel.transaction === undefined) enqueue(channel, queues, message, mandatory);
  else keep(channel.transaction, { message, mandatory, queues }, vhost.rules);
  if (!vhost.rules.isSince4) directReplies.deliver(message); // whether it will be committed or not
}

/** Keep a publish until the commit. @throws {Failure} 406, there are too many */
function keep(
  { publishes }: BrokerTransaction,
  publish: BrokerTransaction['publishes'][number],
  { isSince4 }: Rules,
): void {
  if (isSince4 && publishes.length === MOST_UNCOMMITTED)
    throw precondition(`transaction has reached the maximum of ${MOST_UNCOMMITTED} uncommitted publishes`);
  publishes.push(publish);
}

/** Publishes that RabbitMQ 4.3 keeps for one commit. */
const MOST_UNCOMMITTED = 10_000;

/** Put the message into its queues; what nobody takes is returned first and then confirmed. */
export function enqueue(
  channel: BrokerChannel,
  queues: ReadonlySet<VhostQueue>,
  message: BrokerMessage,
  mandatory: boolean,
): void {
  const { directReplies } = channel.connection.engine;
  const { metrics } = channel.vhost;
  metrics.published++;
  if (queues.size > 0 || directReplies.concern(message)) metrics.routed++;
  else metrics.unroutable++;
  if (mandatory && queues.size === 0 && !directReplies.take(message)) {
    metrics.returned++;
    returnMessage(channel, message);
  }
  let accepted = true;
  for (const queue of queues) if (!queue.deleted && !queue.publish(message)) accepted = false;
  if (directReplies.isSince4) directReplies.deliver(message);
  if (channel.confirming) channel.confirm(accepted);
}

function returnMessage(channel: BrokerChannel, message: BrokerMessage): void {
  const { exchange, routingKey } = message;
  const args = { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey };
  channel.connection.output.content(channel.number, 'basic.return', args, message);
}

function checkUser({ userId }: Properties, username: string): void {
  if (userId !== undefined && userId !== username) {
    throw precondition(`user_id property set to '${userId}' but authenticated user was '${username}'`);
  }
}

function checkDeliveryMode(mode: number | undefined): void {
  if (mode === undefined || mode === 1 || mode === 2) return;
  throw precondition(`invalid message: {delivery_mode_unknown,${mode}}`);
}

function checkExpiration(expiration: string | undefined): void {
  if (expiration === undefined) return;
  const [, digits, rest] = /^([+-]?\d+)?(.*)$/s.exec(expiration)!;
  const complaint =
    digits === undefined
      ? 'no_integer'
      : rest !== ''
        ? `{leftover_string,"${rest}"}`
        : Number(digits) < 0
          ? `{value_negative,${Number(digits)}}`
          : Number(digits) > MAX_EXPIRY && `{value_too_large,${Number(digits)}}`;
  if (complaint) throw precondition(`invalid expiration '${expiration}': ${complaint}`);
}

/** A request for a direct reply gets the name under which its channel can be reached. */
function withReplyTo(channel: BrokerChannel, message: BrokerMessage): BrokerMessage {
  if (message.properties.replyTo !== DIRECT_REPLY_TO) return message;
  if (channel.directReplyTo === undefined) throw precondition('fast reply consumer does not exist');
  const { name } = channel.directReplyTo;
  return message.changed((properties) => {
    properties.replyTo = name;
  });
}

/** The routing keys of CC and BCC; BCC itself is not for the receivers. */
function withCopies(message: BrokerMessage): BrokerMessage {
  const { headers } = message;
  if (headers === undefined || !(Object.hasOwn(headers, 'CC') || Object.hasOwn(headers, 'BCC')))
    return message;
  const keys = [message.routingKey];
  let hidden = 0;
  for (const name of ['CC', 'BCC'] as const) {
    const extra = extraKeys(headers, name);
    if (extra === undefined) {
      throw precondition(
        `invalid message: {unacceptable_type_in_header,"${name}",${typeWord(headers[name]!)}}`,
      );
    }
    keys.push(...extra);
    if (name === 'BCC') hidden = extra.length;
  }
  const { exchange, header, body, properties } = message;
  if (!Object.hasOwn(headers, 'BCC')) return new BrokerMessage(exchange, keys, header, body, properties);
  const way = { routingKeys: keys, hiddenKeys: hidden };
  return message.changed((changed) => changed.headers!.delete('BCC'), way);
}
