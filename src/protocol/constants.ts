/** The eight bytes that open every AMQP 0-9-1 conversation. @see AMQP 0-9-1 §4.2.2 */
export const PROTOCOL_HEADER: Uint8Array = Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1);

/** Frame types. @see AMQP 0-9-1 §4.2.3 */
export const FRAME = { METHOD: 1, HEADER: 2, BODY: 3, HEARTBEAT: 8 } as const;

/** Type of the worker's notices to main between the frames of a broker; none of AMQP's, and refused from a peer. */
export const NOTICE_FRAME = 0xf0;

export const FRAME_END = 0xce;
/** A whole frame. @see AMQP 0-9-1 §4.2.7 */
export const HEARTBEAT_FRAME: Uint8Array = Uint8Array.of(FRAME.HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END);
/** type (1) + channel (2) + payload size (4) */
export const FRAME_HEADER_SIZE = 7;
/** Bytes of a frame around its payload: the header and the end octet. */
export const FRAME_OVERHEAD = 8;
/** Frame size that both sides must accept before tune; RabbitMQ 4.1 raised it for long credentials. */
export const FRAME_MIN_SIZE = 4096;
export const FRAME_MAX_BEFORE_TUNE = 8192;
export const BASIC_CLASS = 60;
export const MAX_SHORTSTR = 255;
/** Tables and arrays inside each other; the peer is untrusted, and a stack is finite. */
export const MAX_TABLE_DEPTH = 64;

/**
 * Every reply code a broker may close with, its stable name, and what it ends.
 * `soft` closes the channel, `hard` the connection. @see AMQP 0-9-1 §1.2
 */
export const REPLY_CODES = {
  200: { code: 'REPLY_SUCCESS', scope: 'none' },
  311: { code: 'CONTENT_TOO_LARGE', scope: 'channel' },
  312: { code: 'NO_ROUTE', scope: 'none' },
  313: { code: 'NO_CONSUMERS', scope: 'channel' },
  320: { code: 'CONNECTION_FORCED', scope: 'connection' },
  402: { code: 'INVALID_PATH', scope: 'connection' },
  403: { code: 'ACCESS_REFUSED', scope: 'channel' },
  404: { code: 'NOT_FOUND', scope: 'channel' },
  405: { code: 'RESOURCE_LOCKED', scope: 'channel' },
  406: { code: 'PRECONDITION_FAILED', scope: 'channel' },
  501: { code: 'FRAME_ERROR', scope: 'connection' },
  502: { code: 'SYNTAX_ERROR', scope: 'connection' },
  503: { code: 'COMMAND_INVALID', scope: 'connection' },
  504: { code: 'CHANNEL_ERROR', scope: 'connection' },
  505: { code: 'UNEXPECTED_FRAME', scope: 'connection' },
  506: { code: 'RESOURCE_ERROR', scope: 'connection' },
  530: { code: 'NOT_ALLOWED', scope: 'connection' },
  540: { code: 'NOT_IMPLEMENTED', scope: 'connection' },
  541: { code: 'INTERNAL_ERROR', scope: 'connection' },
} as const satisfies Record<number, { code: string; scope: 'none' | 'channel' | 'connection' }>;

export type ReplyCode = keyof typeof REPLY_CODES;

/** The name of a reply code, or `REPLY_<number>` for one the specification does not know. */
export function replyCodeName(replyCode: number): string {
  return (
    (REPLY_CODES as Record<number, { code: string } | undefined>)[replyCode]?.code ?? `REPLY_${replyCode}`
  );
}

/** RabbitMQ has given up waiting for other nodes, or for the node of a queue: what they were asked for they may still do. */
export function isGivenUp(replyText: string): boolean {
  return /operation timed out|due to timeout/.test(replyText);
}

/** `404 NOT_FOUND - no queue 'x'`: RabbitMQ's texts begin with the name already. */
export function describeReply(replyCode: number, replyText: string): string {
  const name = replyCodeName(replyCode);
  const text = replyText.startsWith(name)
    ? `${replyCode} ${replyText}`
    : `${replyCode} ${name} - ${replyText}`;
  return isGivenUp(replyText) ? `${text}; it may still be carried out` : text;
}

/** Capabilities of this client; RabbitMQ changes its behaviour for each of them. */
export const CAPABILITIES = {
  publisher_confirms: true,
  exchange_exchange_bindings: true,
  'basic.nack': true,
  consumer_cancel_notify: true,
  'connection.blocked': true,
  authentication_failure_close: true,
} as const;

/** Message persistence, also as aio-pika spells it. @see AMQP 0-9-1 §1.8.1 (delivery-mode) */
export const DeliveryMode = {
  /** It may be lost when the broker stops. */
  Transient: 1,
  /** It is written to disk, and outlives the broker in a durable queue. */
  Persistent: 2,
  /** `Transient`, as aio-pika spells it. */
  NOT_PERSISTENT: 1,
  /** `Persistent`, as aio-pika spells it. */
  PERSISTENT: 2,
} as const;
/** 1 or 2. */
export type DeliveryMode = (typeof DeliveryMode)[keyof typeof DeliveryMode];

/** Exchange types: the four of the specification and those of RabbitMQ's plugins; also as aio-pika spells them. */
export const ExchangeType = {
  /** To the queues bound with this very routing key. */
  Direct: 'direct',
  /** To all queues bound to it. */
  Fanout: 'fanout',
  /** To the queues whose binding key matches: `*` stands for one word, `#` for any number of them. */
  Topic: 'topic',
  /** To the queues whose binding's arguments match the headers. */
  Headers: 'headers',
  /** Keeps messages for a while first: the delayed message plugin, and `delayed: true` of `declareExchange`. */
  XDelayedMessage: 'x-delayed-message',
  /** Spreads messages over queues by a hash of the routing key: the consistent hash plugin. */
  XConsistentHash: 'x-consistent-hash',
  /** Spreads messages over queues by a hash, modulo their number: the sharding plugin. */
  XModulusHash: 'x-modulus-hash',
  /** To one of its queues by chance: the random exchange plugin. */
  XRandom: 'x-random',
  /** To one of its queues on the node that the publisher is connected to: RabbitMQ 4. */
  XLocalRandom: 'x-local-random',
  /** Gives the last messages to a queue that is newly bound: the recent history plugin. */
  XRecentHistory: 'x-recent-history',
  /** `Direct`, as aio-pika spells it. */
  DIRECT: 'direct',
  /** `Fanout`, as aio-pika spells it. */
  FANOUT: 'fanout',
  /** `Topic`, as aio-pika spells it. */
  TOPIC: 'topic',
  /** `Headers`, as aio-pika spells it. */
  HEADERS: 'headers',
  /** `XDelayedMessage`, as aio-pika spells it. */
  X_DELAYED_MESSAGE: 'x-delayed-message',
  /** `XConsistentHash`, as aio-pika spells it. */
  X_CONSISTENT_HASH: 'x-consistent-hash',
  /** `XModulusHash`, as aio-pika spells it. */
  X_MODULUS_HASH: 'x-modulus-hash',
  /** `XRandom`, in the same spelling. */
  X_RANDOM: 'x-random',
  /** `XLocalRandom`, in the same spelling. */
  X_LOCAL_RANDOM: 'x-local-random',
  /** `XRecentHistory`, in the same spelling. */
  X_RECENT_HISTORY: 'x-recent-history',
} as const;
/** The name of a type that `ExchangeType` has. */
export type ExchangeType = (typeof ExchangeType)[keyof typeof ExchangeType];

/** RabbitMQ's pseudo-queue of direct replies. @see https://www.rabbitmq.com/docs/direct-reply-to */
export const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';
