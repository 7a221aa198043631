/** The exchange types of the specification. */
export const ExchangeType = {
  direct: 'direct',
  fanout: 'fanout',
  headers: 'headers',
  topic: 'topic',
} as const;
export type ExchangeType = (typeof ExchangeType)[keyof typeof ExchangeType];
