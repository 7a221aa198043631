/** The exchange types of the specification. */
export const ExchangeType = {
  /** To the queues bound with this very routing key. */
  direct: 'direct',
  /** To all queues bound to it. */
  fanout: 'fanout',
  /** To the queues whose binding's arguments match the headers. */
  headers: 'headers',
  /** To the queues whose binding key matches: `*` stands for one word, `#` for any number of them. */
  topic: 'topic',
} as const;
/** The name of one of them. */
export type ExchangeType = (typeof ExchangeType)[keyof typeof ExchangeType];
