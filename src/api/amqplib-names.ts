import { wrongType } from '../caller';

const EVENTS = 'a callback is set as onReturn, onCancel or onClose; errors are thrown by the call';

/** What a channel of amqplib has, and how that is written here. */
export const AMQPLIB_CHANNEL: Readonly<Record<string, string>> = {
  assertQueue: 'channel.queueDeclare(queue, { durable: true }), or channel.declareQueue(name, options)',
  checkQueue: 'channel.queueDeclare(queue, { passive: true }), or channel.getQueue(name)',
  deleteQueue: 'channel.queueDelete(queue, options)',
  purgeQueue: 'channel.queuePurge(queue)',
  bindQueue: 'channel.queueBind(queue, exchange, { routingKey })',
  unbindQueue: 'channel.queueUnbind(queue, exchange, { routingKey })',
  assertExchange:
    'channel.exchangeDeclare(exchange, type, { durable: true }), or channel.declareExchange(name, type, options)',
  checkExchange: 'channel.getExchange(name)',
  deleteExchange: 'channel.exchangeDelete(exchange, options)',
  bindExchange: 'channel.exchangeBind(destination, source, { routingKey })',
  unbindExchange: 'channel.exchangeUnbind(destination, source, { routingKey })',
  publish: 'channel.basicPublish(body, { exchange, routingKey })',
  sendToQueue: 'channel.basicPublish(body, { routingKey: queue })',
  cancel: 'channel.basicCancel(consumerTag)',
  get: 'channel.basicGet(queue)',
  ack: 'message.ack(), or channel.basicAck(deliveryTag)',
  ackAll: 'channel.basicAck(0, { multiple: true })',
  nack: 'message.nack({ requeue }), or channel.basicNack(deliveryTag, { requeue })',
  nackAll: 'channel.basicNack(0, { multiple: true, requeue })',
  reject: 'message.reject({ requeue }), or channel.basicReject(deliveryTag, { requeue })',
  prefetch: 'channel.basicQos({ prefetchCount })',
  recover: 'channel.basicRecover()',
  on: EVENTS,
  once: EVENTS,
};

/** What a connection of amqplib has, and how that is written here. */
export const AMQPLIB_CONNECTION: Readonly<Record<string, string>> = {
  createChannel: 'connection.channel()',
  createConfirmChannel: 'connection.channel(), and confirmSelect() of what it returns',
  on: 'a callback is set as onClose, onBlocked or onUnblocked; errors are thrown by the call',
  once: 'a callback is set as onClose, onBlocked or onUnblocked; errors are thrown by the call',
};

/**
 * Names of amqplib on an object of ours: they are no part of the API, and reading one is harmless; calling one throws
 * what to write instead.
 */
export function explainAmqplib(
  prototype: object,
  what: string,
  names: Readonly<Record<string, string>>,
): void {
  for (const [name, here] of Object.entries(names)) {
    const value = () => {
      throw wrongType(
        `${what}.${name} is amqplib's; ${here.startsWith('a ') ? 'here ' : 'here it is '}${here}`,
      );
    };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable: false });
  }
}
