export { BasicProperties } from './basic-properties';
export { ExchangeType } from './exchange-type';
export * as Basic from './methods/basic';
export * as Connection from './methods/connection';
export * as Exchange from './methods/exchange';
export * as Queue from './methods/queue';
export * as Tx from './methods/tx';

/** The version of AMQP. */
export const PROTOCOL_VERSION = [0, 9, 1] as const;
/** The TCP port of a broker. */
export const PORT = 5672;

/** It went well. */
export const REPLY_SUCCESS = 200;
/** A message is too large. Closes the channel. */
export const CONTENT_TOO_LARGE = 311;
/** A mandatory message that no queue took, in basic.return. */
export const NO_ROUTE = 312;
/** An immediate message that no consumer was ready for. RabbitMQ does not say so. */
export const NO_CONSUMERS = 313;
/** An operator, or a broker that shuts down. Closes the connection. */
export const CONNECTION_FORCED = 320;
/** No such virtual host, as the specification has it. Closes the connection. */
export const INVALID_PATH = 402;
/** Not with these permissions. Closes the channel. */
export const ACCESS_REFUSED = 403;
/** No such queue or exchange. Closes the channel. */
export const NOT_FOUND = 404;
/** A queue that is exclusive to another connection. Closes the channel. */
export const RESOURCE_LOCKED = 405;
/** It exists with other arguments, is in use, or does not allow this. Closes the channel. */
export const PRECONDITION_FAILED = 406;
/** A frame that cannot be read. Closes the connection. */
export const FRAME_ERROR = 501;
/** A value that cannot be read. Closes the connection. */
export const SYNTAX_ERROR = 502;
/** A method in an order that makes no sense. Closes the connection. */
export const COMMAND_INVALID = 503;
/** A channel that is not open. Closes the connection. */
export const CHANNEL_ERROR = 504;
/** A frame that was not due. Closes the connection. */
export const UNEXPECTED_FRAME = 505;
/** Too many of something. Closes the connection. */
export const RESOURCE_ERROR = 506;
/** What the broker does not allow. Closes the connection. */
export const NOT_ALLOWED = 530;
/** What the broker does not know how to do. Closes the connection. */
export const NOT_IMPLEMENTED = 540;
/** The broker failed. Closes the connection. */
export const INTERNAL_ERROR = 541;

/** A frame with a method. */
export const FRAME_METHOD = 1;
/** A frame with size and properties of a message. */
export const FRAME_HEADER = 2;
/** A frame with a part of a body. */
export const FRAME_BODY = 3;
/** A heartbeat. */
export const FRAME_HEARTBEAT = 8;
/** Bytes of a frame that `frame_max` must allow, here; pika has 4096, which RabbitMQ 4.1 refuses. */
export const FRAME_MIN_SIZE = 8192;
/** Bytes of a frame at most. */
export const FRAME_MAX_SIZE = 131_072;
/** Bytes before the payload of a frame. */
export const FRAME_HEADER_SIZE = 7;
/** Bytes behind it. */
export const FRAME_END_SIZE = 1;
/** The octet that ends every frame. */
export const FRAME_END = 206;

/** A message that may be lost when the broker stops. */
export const TRANSIENT_DELIVERY_MODE = 1;
/** A message that outlives the broker in a durable queue. */
export const PERSISTENT_DELIVERY_MODE = 2;
