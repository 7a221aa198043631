import { outOfRange, wrongType } from '../caller';
import { checkBoolean, checkInteger, checkShortstr, checkString } from '../client/options/checks';
import { type Duration, type DurationParts, durationMs, ttlMs } from '../client/options/conversions';
import type { TableInput, TableInputValue } from '../protocol/field-table';
import { typeName } from '../protocol/wire';
import { type ExchangeName, nameOf } from './names';

/** What a queue is made of. @see https://www.rabbitmq.com/docs/queues */
export type QueueType = 'classic' | 'quorum' | 'stream';

/** The `x-arguments` of a queue by name; what is left out is not sent. @see https://www.rabbitmq.com/docs/queues#optional-arguments */
export interface QueueArguments {
  /** Default: the broker's, ordinarily classic. Quorum queues and streams are replicated and always durable. */
  type?: QueueType | undefined;
  /** One consumer gets all messages; another takes over when it ends. Not for streams. */
  singleActiveConsumer?: boolean | undefined;
  /**
   * Priorities that count, 1 to 255; few are better. Classic queues. Quorum queues of RabbitMQ 4.3 need no argument: they
   * know 32, strictly in their order, take what is above 31 for 31, and a message without one for 4.
   */
  maxPriority?: number | undefined;
  /** Time a message may wait, in milliseconds or as a duration. Not for streams. */
  messageTtl?: Duration | undefined;
  /** Time after which the queue is deleted if nobody uses it, in milliseconds or as a duration. Not for streams. */
  expires?: Duration | undefined;
  /** Messages that may wait. Not for streams. */
  maxLength?: number | undefined;
  /** Bytes that may wait, or that a stream keeps. */
  maxLengthBytes?: number | undefined;
  /** What gives way when the queue is full; with `reject-publish` the publisher gets a NackError. Not for streams. */
  overflow?: 'drop-head' | 'reject-publish' | 'reject-publish-dlx' | undefined;
  /** Where rejected, expired and displaced messages go; '' is the default exchange. Not for streams. */
  deadLetterExchange?: ExchangeName | undefined;
  /** The routing key they get; default: their own. */
  deadLetterRoutingKey?: string | undefined;
  /** Quorum queues; `at-least-once` needs `overflow: 'reject-publish'`. */
  deadLetterStrategy?: 'at-most-once' | 'at-least-once' | undefined;
  /**
   * Times a message may come back before it is dropped or dead-lettered; default in RabbitMQ 4: 20, and -1 there is no
   * limit (to RabbitMQ 3 it is one: what fails once is dropped). RabbitMQ 4.3 does not count a nack. Quorum queues.
   */
  deliveryLimit?: number | undefined;
  /**
   * Which messages wait before they come again: those that were rejected (`failed`), nacked (`returned`), or both. Needs
   * `delayedRetryMin`. Quorum queues of RabbitMQ 4.3.
   */
  delayedRetryType?: 'all' | 'failed' | 'returned' | undefined;
  /** How long: milliseconds or a duration; what was rejected waits as many times longer as it has been delivered. */
  delayedRetryMin?: Duration | undefined;
  /** How long at most. */
  delayedRetryMax?: Duration | undefined;
  /**
   * How long a consumer may hold a message: milliseconds or a duration; then the broker takes its messages back and ends
   * it (ConsumerCancelledError). Default in RabbitMQ: 30 minutes. Quorum queues of RabbitMQ 4.3.
   */
  consumerTimeout?: Duration | undefined;
  /** How long it may hold one while its node cannot be reached. Quorum queues of RabbitMQ 4.3. */
  consumerDisconnectedTimeout?: Duration | undefined;
  /** Replicas to begin with. Quorum queues and streams. */
  initialGroupSize?: number | undefined;
  /** Where the leader is. Quorum queues and streams; RabbitMQ 4 knows it for classic queues, too. */
  leaderLocator?: 'client-local' | 'balanced' | undefined;
  /** How long a stream keeps a message: a duration, or as RabbitMQ writes it (`7D`). */
  maxAge?: Duration | string | undefined;
  /** Bytes of a segment file of a stream. */
  maxSegmentSize?: number | undefined;
}

/** The `x-arguments` of a consumer by name. */
export interface ConsumerArguments {
  /** Consumers with a higher priority get messages first; default 0. @see https://www.rabbitmq.com/docs/consumer-priority */
  priority?: number | undefined;
  /** How long this consumer may hold a message, instead of what its queue says. Quorum queues of RabbitMQ 4.3. */
  consumerTimeout?: Duration | undefined;
  /**
   * Where in a stream to begin: `first`, `last` (chunk), `next` (default), an offset, a moment, or a duration
   * ago. @see https://www.rabbitmq.com/docs/streams#consuming
   */
  offset?: 'first' | 'last' | 'next' | number | bigint | Date | DurationParts | undefined;
  /** Only messages of a stream whose header `x-stream-filter-value` is (probably) one of these. RabbitMQ 3.13 */
  filter?: string | readonly string[] | undefined;
  /** With `filter`: also those that have no such header. */
  matchUnfiltered?: boolean | undefined;
}

type Encode = (value: never, name: string) => TableInputValue;
/** The argument on the wire, how its value is written, the queues that know it, and another option that has to be there. */
type Rule = readonly [argument: string, encode: Encode, types?: readonly QueueType[], needs?: string];

const QUEUES: readonly QueueType[] = ['classic', 'quorum'];
const REPLICATED: readonly QueueType[] = ['quorum', 'stream'];
const QUORUM: readonly QueueType[] = ['quorum'];

const count = (least: number, most = Number.MAX_SAFE_INTEGER): Encode => {
  return (value: unknown, name) => checkInteger(value, name, least, most);
};
const text: Encode = checkShortstr;
const flag: Encode = (value: unknown, name) => {
  checkBoolean(value, name);
  return value as boolean;
};
const oneOf = (...choices: readonly string[]): Encode => {
  return (value: unknown, name) => {
    if (choices.includes(value as string)) return value as string;
    throw wrongType(`${name} must be ${choices.join(' or ')}, got ${shown(value)}`);
  };
};

const shown = (value: unknown) => (typeof value === 'string' ? JSON.stringify(value) : typeName(value));

export const QUEUE_ARGUMENTS = {
  type: ['x-queue-type', oneOf('classic', 'quorum', 'stream')],
  singleActiveConsumer: ['x-single-active-consumer', flag, QUEUES],
  maxPriority: ['x-max-priority', count(1, 255), ['classic']],
  messageTtl: ['x-message-ttl', ttlMs, QUEUES],
  expires: ['x-expires', lease, QUEUES],
  maxLength: ['x-max-length', count(0), QUEUES],
  maxLengthBytes: ['x-max-length-bytes', count(0)],
  overflow: ['x-overflow', oneOf('drop-head', 'reject-publish', 'reject-publish-dlx'), QUEUES],
  deadLetterExchange: ['x-dead-letter-exchange', (value: ExchangeName, name) => nameOf(value, name), QUEUES],
  deadLetterRoutingKey: ['x-dead-letter-routing-key', text, QUEUES],
  deadLetterStrategy: ['x-dead-letter-strategy', oneOf('at-most-once', 'at-least-once'), QUORUM],
  deliveryLimit: ['x-delivery-limit', count(-1), QUORUM],
  // without its companion, or of another type, RabbitMQ takes it and does nothing
  delayedRetryType: ['x-delayed-retry-type', oneOf('all', 'failed', 'returned'), QUORUM, 'delayedRetryMin'],
  delayedRetryMin: ['x-delayed-retry-min', lease, QUORUM, 'delayedRetryType'],
  delayedRetryMax: ['x-delayed-retry-max', lease, QUORUM, 'delayedRetryMin'],
  consumerTimeout: ['x-consumer-timeout', lease, QUORUM],
  consumerDisconnectedTimeout: ['x-consumer-disconnected-timeout', ttlMs, QUORUM],
  initialGroupSize: ['x-quorum-initial-group-size', count(1), REPLICATED],
  leaderLocator: ['x-queue-leader-locator', oneOf('client-local', 'balanced')],
  maxAge: ['x-max-age', age, ['stream']],
  maxSegmentSize: ['x-stream-max-segment-size-bytes', count(1), ['stream']],
} as const satisfies Record<keyof QueueArguments, Rule>;

export const CONSUMER_ARGUMENTS = {
  priority: ['x-priority', count(-0x8000_0000, 0x7fff_ffff)],
  consumerTimeout: ['x-consumer-timeout', lease, QUORUM],
  offset: ['x-stream-offset', offset, ['stream']],
  filter: ['x-stream-filter', filters, ['stream']],
  matchUnfiltered: ['x-stream-match-unfiltered', flag, ['stream']],
} as const satisfies Record<keyof ConsumerArguments, Rule>;

/** The plain arguments and those with names, as one table. @throws {TypeError | RangeError} naming the option */
export function argumentsOf(
  verb: string,
  options: { readonly arguments?: TableInput | undefined },
  rules: Readonly<Record<string, Rule>>,
  type: QueueType | undefined,
): Record<string, TableInputValue> {
  const { arguments: plain = {} } = options;
  const table: Record<string, TableInputValue> = Object.fromEntries(
    plain instanceof Map ? plain : Object.entries(plain),
  );
  for (const [name, [argument, encode, types]] of Object.entries(rules)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    if (type !== undefined && types !== undefined && !types.includes(type))
      throw wrongType(`${verb}: ${name} is for ${types.join(' and ')} queues, and this is a ${type} queue`);
    if (Object.hasOwn(table, argument))
      throw wrongType(`${verb}: ${name} and arguments['${argument}'] are the same; give one of them`);
    table[argument] = encode(value as never, name);
  }
  for (const [name, [, , , needs]] of Object.entries(rules)) {
    if (needs === undefined || (options as Readonly<Record<string, unknown>>)[name] === undefined) continue;
    if (!Object.hasOwn(table, rules[needs]?.[0] ?? ''))
      throw wrongType(`${verb}: ${name} needs ${needs}, or the broker ignores it`);
  }
  return table;
}

/** Times at which nothing would be left: RabbitMQ refuses them, or ends every consumer at once. */
function lease(value: unknown, name: string): number {
  return checkInteger(ttlMs(value, name), name, 1, Number.MAX_SAFE_INTEGER);
}

const AGE = /^\d+[YMDhms]$/;

/** Years, months, days, hours, minutes or seconds: a duration is written in seconds. */
function age(value: unknown, name: string): string {
  if (typeof value !== 'string') return `${Math.ceil(durationMs(value, name) / 1000)}s`;
  if (AGE.test(value)) return value;
  throw wrongType(
    `${name} must be a duration, or a number with one of Y M D h m s, got ${JSON.stringify(value)}`,
  );
}

function offset(value: unknown, name: string): TableInputValue {
  if (typeof value === 'number') return checkInteger(value, name, 0, Number.MAX_SAFE_INTEGER);
  if (typeof value === 'bigint' && value < 0n)
    throw outOfRange(`${name} must be a whole number from 0 on, got ${value}`);
  if (typeof value === 'bigint' || value instanceof Date) return value;
  if (typeof value === 'object' && value !== null) return age(value, name);
  if (typeof value === 'string' && (['first', 'last', 'next'].includes(value) || AGE.test(value)))
    return value;
  throw wrongType(`${name} must be first, last, next, an offset, a Date or a duration, got ${shown(value)}`);
}

function filters(value: unknown, name: string): TableInputValue {
  const wanted = Array.isArray(value) ? (value as unknown[]) : [value];
  for (const each of wanted) checkString(each, name);
  if (wanted.length === 0)
    throw wrongType(`${name} must not be an empty list: leave it out to get all messages`);
  return value as string | string[];
}
