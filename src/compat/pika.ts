/// <reference types="node" preserve="true" />
/**
 * pika's BlockingConnection and what belongs to it, for code carried over from Python line by line:
 * docs/porting-pika.md says how.
 * Arguments are given in the order of Python, by name in a last object, or both: `queue_declare('q', { durable: true })`.
 * @module amqp-sync/pika
 * @example
 * import * as pika from 'amqp-sync/pika';
 *
 * const connection = new pika.BlockingConnection(new pika.ConnectionParameters('localhost'));
 * const channel = connection.channel();
 * channel.basic_publish({ exchange: '', routing_key: 'hello', body: 'Hello World!' });
 * connection.close();
 */

/** All of it: `import pika from 'amqp-sync/pika'`, for `new pika.BlockingConnection()`. */
export * as default from './pika';
export type { Table } from './pika/basic-properties';
export { BasicProperties } from './pika/basic-properties';
export type { Got, OnReturn } from './pika/blocking-channel';
export { BlockingChannel, type OnCancel, type OnMessage } from './pika/blocking-channel';
export { BlockingConnection, type OnBlocked, type OnUnblocked } from './pika/blocking-connection';
export type { Consumed } from './pika/consumed';
export * as credentials from './pika/credentials';
export { ExternalCredentials, PlainCredentials } from './pika/credentials';
export { DeliveryMode } from './pika/delivery-mode';
export * as exceptions from './pika/exceptions';
export * as exchange_type from './pika/exchange-type';
export * as frame from './pika/frame';
export {
  type Compat,
  ConnectionParameters,
  type HeartbeatCallback,
  Parameters,
} from './pika/parameters';
export { ReturnedMessage } from './pika/returned-message';
export * as spec from './pika/specification';
export { SSLOptions } from './pika/ssl-options';
export { URLParameters } from './pika/url-parameters';
export { KeyboardInterrupt } from './python';
