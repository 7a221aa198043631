/// <reference types="node" preserve="true" />
/**
 * The API of Python's amqpy on the blocking client: the same names, arguments, defaults and exceptions.
 * What changes on the way from Python, and what this does otherwise than amqpy, is in docs/porting-amqpy.md.
 * Arguments are given in the order of Python, by name in a last object, or both: `queue_declare('q', { durable: true })`.
 * @module amqp-sync/amqpy
 */

/** All of it: `import amqpy from 'amqp-sync/amqpy'`, for `new amqpy.Connection()`. */
export * as default from './amqpy';
export { Channel } from './amqpy/channel';
export { Connection } from './amqpy/connection';
export { AbstractConsumer } from './amqpy/consumer';
export {
  AccessRefused,
  AMQPConnectionError,
  AMQPError,
  AMQPNotImplementedError,
  Blocked,
  ChannelError,
  ChannelNotOpen,
  ConnectionForced,
  ConsumerCancelled,
  ContentTooLarge,
  error_for_code,
  FrameError,
  FrameSyntaxError,
  InternalError,
  InvalidCommand,
  InvalidPath,
  IrrecoverableChannelError,
  IrrecoverableConnectionError,
  MessageNacked,
  NoConsumers,
  NotAllowed,
  NotFound,
  PreconditionFailed,
  RecoverableChannelError,
  RecoverableConnectionError,
  ResourceError,
  ResourceLocked,
  Timeout,
  UnexpectedFrame,
} from './amqpy/exceptions';
export { type DeliveryInfo, Message, type MessageProperties } from './amqpy/message';
export * as proto from './amqpy/proto';
export { Empty, type ReturnedMessages } from './amqpy/returned-messages';
export { ssl } from './amqpy/settings';
export type { Compat, SslOptions } from './amqpy/signatures';
export * as spec from './amqpy/spec';
export type { address_t, Transport } from './amqpy/transport';
export { KeyboardInterrupt } from './python';
