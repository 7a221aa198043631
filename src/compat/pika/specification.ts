export { BasicProperties } from './basic-properties';
export { ExchangeType } from './exchange-type';
export * as Basic from './methods/basic';
export * as Connection from './methods/connection';
export * as Exchange from './methods/exchange';
export * as Queue from './methods/queue';
export * as Tx from './methods/tx';

/** The version of AMQP. */
export const PROTOCOL_VERSION = [0, 9, 1] as const;
export const PORT = 5672;

export const REPLY_SUCCESS = 200;
export const CONTENT_TOO_LARGE = 311;
export const NO_ROUTE = 312;
export const NO_CONSUMERS = 313;
export const CONNECTION_FORCED = 320;
export const INVALID_PATH = 402;
export const ACCESS_REFUSED = 403;
export const NOT_FOUND = 404;
export const RESOURCE_LOCKED = 405;
export const PRECONDITION_FAILED = 406;
export const FRAME_ERROR = 501;
export const SYNTAX_ERROR = 502;
export const COMMAND_INVALID = 503;
export const CHANNEL_ERROR = 504;
export const UNEXPECTED_FRAME = 505;
export const RESOURCE_ERROR = 506;
export const NOT_ALLOWED = 530;
export const NOT_IMPLEMENTED = 540;
export const INTERNAL_ERROR = 541;

export const FRAME_METHOD = 1;
export const FRAME_HEADER = 2;
export const FRAME_BODY = 3;
export const FRAME_HEARTBEAT = 8;
export const FRAME_MIN_SIZE = 8192;
export const FRAME_MAX_SIZE = 131_072;
export const FRAME_HEADER_SIZE = 7;
export const FRAME_END_SIZE = 1;
export const FRAME_END = 206;

export const TRANSIENT_DELIVERY_MODE = 1;
export const PERSISTENT_DELIVERY_MODE = 2;
