import type { IncomingMessage } from '../../api/message';
import { type BasicProperties, received } from './basic-properties';
import { Deliver } from './methods/basic';

/** What `consume` yields: a message, or three times null when none came within `inactivity_timeout`. */
export type Consumed = [method: Deliver, properties: BasicProperties, body: Buffer] | [null, null, null];

/** A message as pika has it. */
export function delivered(message: IncomingMessage): [Deliver, BasicProperties, Buffer] {
  const { consumerTag, deliveryTag, redelivered, exchange, routingKey, properties, body } = message;
  const method = new Deliver(consumerTag as string, deliveryTag, redelivered, exchange, routingKey);
  return [method, received(properties), body];
}
