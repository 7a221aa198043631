import { type Table, type TableValue, type TypedTable, TypedValue } from '../protocol/field-table';
import { isInteger, shown, typeWord } from './erlang';
import { type Failure, nameOf, precondition } from './failure';
import { ageOf } from './stream-age';
import { typesOf } from './terms';

/** The longest time RabbitMQ takes: ten years, in milliseconds. */
export const MAX_EXPIRY = 315_360_000_000;

export type BrokerQueueType = 'classic' | 'quorum' | 'stream';
export type Overflow = 'drop-head' | 'reject-publish' | 'reject-publish-dlx';

export const DELAYED_RETRY_TYPES = ['all', 'failed', 'returned'] as const;

/** Pauses before a message comes again, in milliseconds: `min` for each of its failures, `max` at most. */
export interface DelayedRetry {
  /** Whether they are for messages that count as failures, for those that do not, or for both. */
  type: (typeof DELAYED_RETRY_TYPES)[number];
  min: number;
  max: number;
}

/** The meaning of a queue's arguments. */
export interface QueueLimits {
  type: BrokerQueueType;
  /** Quorum queues: how often a message may come back; undefined is no limit. */
  deliveryLimit: number | undefined;
  messageTtl: number | undefined;
  expires: number | undefined;
  maxLength: number;
  maxLengthBytes: number;
  overflow: Overflow;
  deadLetterExchange: string | undefined;
  deadLetterRoutingKey: string | undefined;
  maxPriority: number | undefined;
  singleActiveConsumer: boolean;
}

/** Says what is wrong with a value, in RabbitMQ's words. */
export type Check = (value: TableValue, args: Table) => string | undefined;
export type Checks = Readonly<Record<string, Check>>;

export const integer: Check = (value) =>
  isInteger(value) ? undefined : `"expected integer, got ${typeWord(value)}"`;
export const notNegative: Check = (value, args) =>
  integer(value, args) ?? (Number(value) < 0 ? `{value_negative,${value}}` : undefined);
const time: Check = (value, args) =>
  notNegative(value, args) ?? (Number(value) > MAX_EXPIRY ? `{value_too_large,${value}}` : undefined);
const positiveTime: Check = (value, args) =>
  time(value, args) ?? (Number(value) === 0 ? '{value_zero,0}' : undefined);
const positive: Check = (value, args) =>
  notNegative(value, args) ?? (Number(value) === 0 ? '{value_zero,0}' : undefined);
const priority: Check = (value, args) =>
  notNegative(value, args) ?? (Number(value) > 255 ? `{max_value_exceeded,${value}}` : undefined);
const text: Check = (value) =>
  typeof value === 'string' ? undefined : `{unacceptable_type,${typeWord(value)}}`;
export const flag: Check = (value) =>
  typeof value === 'boolean' ? undefined : `{unacceptable_type,${typeWord(value)}}`;
const oneOf =
  (names: readonly string[], complaint: (value: TableValue) => string): Check =>
  (value, args) =>
    text(value, args) ?? (names.includes(value as string) ? undefined : complaint(value));

const age =
  (isSince4: boolean): Check =>
  (value, args) =>
    text(value, args) ?? (ageOf(value as string, isSince4) === undefined ? 'invalid_max_age' : undefined);

const anything: Check = () => undefined;

const OVERFLOWS: readonly Overflow[] = ['drop-head', 'reject-publish', 'reject-publish-dlx'];
const TYPES: readonly string[] = ['classic', 'quorum', 'stream'] satisfies BrokerQueueType[];
/** Words that RabbitMQ 4.3 takes for no type. */
const UNSAID: readonly string[] = ['', 'undefined'];
const LOCATORS = ['client-local', 'balanced', 'least-leaders', 'random'];

/** The arguments of queues; in this order they are checked and compared. */
const CHECKS: Checks = {
  'x-expires': positiveTime,
  'x-message-ttl': time,
  'x-dead-letter-exchange': text,
  'x-dead-letter-routing-key': (value, args) =>
    text(value, args) ??
    (args['x-dead-letter-exchange'] === undefined ? 'routing_key_but_no_dlx_defined' : undefined),
  'x-max-length': notNegative,
  'x-max-length-bytes': notNegative,
  'x-max-priority': priority,
  'x-overflow': oneOf(OVERFLOWS, () => 'invalid_overflow'),
  'x-queue-mode': oneOf(['default', 'lazy'], (value) => `"unsupported queue mode '${value}'"`),
  'x-queue-version': (value, args) =>
    integer(value, args) ??
    (value === 1 || value === 2 ? undefined : `"unsupported queue version '${value}'"`),
  'x-single-active-consumer': flag,
  'x-dead-letter-strategy': oneOf(['at-most-once', 'at-least-once'], () => 'invalid_dlx_strategy'),
  'x-quorum-initial-group-size': positive,
  'x-queue-leader-locator': oneOf(LOCATORS, () => 'invalid_queue_locator_arg'),
  'x-max-in-memory-length': notNegative,
  'x-max-in-memory-bytes': notNegative,
  'x-delivery-limit': anything,
  'x-max-age': age(false),
  'x-stream-max-segment-size-bytes': notNegative,
  'x-initial-cluster-size': positive,
  'x-queue-type': oneOf(TYPES, (value) => `"unsupported queue type '${value}'"`),
};

const CHECKS_SINCE_4: Checks = {
  ...CHECKS,
  'x-queue-mode': anything,
  'x-max-age': age(true),
  'x-stream-filter-size-bytes': notNegative,
  'x-queue-version': (value, args) =>
    integer(value, args) ?? (value === 2 ? undefined : `"unsupported queue version '${value}'"`),
  'x-consumer-timeout': notNegative,
  'x-consumer-disconnected-timeout': notNegative,
  'x-queue-type': oneOf([...TYPES, ...UNSAID], (value) => `"unsupported queue type '${value}'"`),
};

type ForeignArguments = Readonly<Record<BrokerQueueType, readonly string[]>>;

/** Arguments that other types of queues take. */
const FOREIGN: ForeignArguments = {
  classic: [
    'x-delivery-limit',
    'x-dead-letter-strategy',
    'x-initial-cluster-size',
    'x-max-age',
    'x-max-in-memory-bytes',
    'x-max-in-memory-length',
    'x-queue-leader-locator',
    'x-quorum-initial-group-size',
    'x-stream-max-segment-size-bytes',
  ],
  quorum: [
    'x-max-priority',
    'x-queue-master-locator',
    'x-queue-mode',
    'x-queue-version',
    'x-initial-cluster-size',
    'x-max-age',
    'x-stream-max-segment-size-bytes',
  ],
  stream: [
    'x-expires',
    'x-message-ttl',
    'x-dead-letter-exchange',
    'x-dead-letter-routing-key',
    'x-dead-letter-strategy',
    'x-max-length',
    'x-max-priority',
    'x-overflow',
    'x-queue-master-locator',
    'x-queue-mode',
    'x-queue-version',
    'x-single-active-consumer',
    'x-delivery-limit',
    'x-max-in-memory-length',
    'x-max-in-memory-bytes',
    'x-quorum-initial-group-size',
  ],
};

/** Arguments that RabbitMQ 4.3 has added for quorum queues. */
const QUORUM_SINCE_4 = [
  'x-consumer-timeout',
  'x-consumer-disconnected-timeout',
  'x-delayed-retry-type',
  'x-delayed-retry-min',
  'x-delayed-retry-max',
];

const FOREIGN_SINCE_4: ForeignArguments = {
  classic: [
    ...FOREIGN.classic.filter((name) => name !== 'x-queue-leader-locator'),
    ...QUORUM_SINCE_4,
    'x-stream-filter-size-bytes',
  ],
  quorum: [...FOREIGN.quorum, 'x-stream-filter-size-bytes'],
  stream: [...FOREIGN.stream, ...QUORUM_SINCE_4],
};

export function queueType(args: Table): BrokerQueueType {
  const type = args['x-queue-type'];
  return type === 'quorum' || type === 'stream' ? type : 'classic';
}

/** @throws {Failure} 406, naming the first argument that cannot be */
export function checkQueueArguments(queue: string, args: Table, vhost: string, isSince4: boolean): void {
  const where = nameOf('queue', queue, vhost);
  checkForeign(where, args, isSince4 ? FOREIGN_SINCE_4 : FOREIGN);
  const types = typesOf(args);
  for (const [name, check] of Object.entries(isSince4 ? CHECKS_SINCE_4 : CHECKS)) {
    if (args[name] === undefined) continue;
    const value = asSent(args, types, name);
    const complaint = check(value, args);
    if (complaint === undefined) continue;
    if (name === 'x-dead-letter-exchange') {
      throw precondition(`invalid type '${typeWord(value)}' for arg '${name}' in ${where}`);
    }
    throw precondition(`invalid arg '${name}' for ${where}: ${complaint}`);
  }
}

/** What is wrong with an argument, if it is there. */
export function complaintAbout(args: Table, name: string, check: Check): string | undefined {
  return args[name] === undefined ? undefined : check(asSent(args, typesOf(args), name), args);
}

/** A whole number that came as a float is none to RabbitMQ. */
function asSent(args: Table, types: TypedTable, name: string): TableValue {
  const value = types.get(name);
  return value instanceof TypedValue && (value.type === 'd' || value.type === 'f') ? value : args[name]!;
}

function checkForeign(where: string, args: Table, foreign: ForeignArguments): void {
  const type = queueType(args);
  const name = foreign[type].find((one) => args[one] !== undefined);
  if (name !== undefined)
    throw precondition(`invalid arg '${name}' for ${where} of queue type rabbit_${type}_queue`);
}

/** The largest segment of a stream, and the sizes that its filters can have. */
const MAX_SEGMENT_SIZE = 3_000_000_000;
const [MIN_FILTER_SIZE, MAX_FILTER_SIZE] = [16, 255];

/** @throws {Failure} 406, a size of a stream is out of range: RabbitMQ looks at that last of all */
export function checkStreamSizes(args: Table, isSince4: boolean): void {
  const { 'x-stream-max-segment-size-bytes': segment, 'x-stream-filter-size-bytes': filter } = args;
  if (Number(segment ?? 0) > MAX_SEGMENT_SIZE)
    throw precondition('Exceeded max value for x-stream-max-segment-size-bytes');
  const size = Number(filter ?? MIN_FILTER_SIZE);
  if (isSince4 && (size < MIN_FILTER_SIZE || size > MAX_FILTER_SIZE))
    throw precondition('Invalid value for x-stream-filter-size-bytes');
}

/** The arguments that have to be the same when a queue is declared again; no type is the same as the usual one. */
export function comparedArguments(now: Table, then: Table, isSince4: boolean): string[] {
  const isOfSameType = queueType(now) === queueType(then);
  const names = Object.keys(CHECKS).filter((name) => name !== 'x-queue-type' || !isOfSameType);
  return isSince4 ? [...names, ...QUORUM_SINCE_4, 'x-stream-filter-size-bytes'] : names;
}

/** The arguments as RabbitMQ compares them: since 4.0 an age is its milliseconds, whatever its unit. */
export function asCompared(args: Table, isSince4: boolean): Table {
  const age = args['x-max-age'];
  const milliseconds = isSince4 && typeof age === 'string' ? ageOf(age, true) : undefined;
  return milliseconds === undefined ? args : { ...args, 'x-max-age': `${milliseconds}` };
}

/** @throws {Failure} 406, naming both types, which RabbitMQ 4.3 compares as it does the other fields */
export function checkSameType(where: string, now: Table, then: Table): void {
  const [received, current] = [queueType(now), queueType(then)];
  if (received !== current) throw different(where, 'x-queue-type', `'${received}'`, `'${current}'`);
}

/** @throws {Failure} 406, naming the first argument that differs from what it was declared with */
export function checkSameArguments(where: string, now: Table, then: Table, names: readonly string[]): void {
  for (const name of names) {
    const received = now[name];
    const current = then[name];
    if (received === undefined && current === undefined) continue;
    if (received === undefined) throw different(where, name, 'none', described(current!));
    if (current === undefined) throw different(where, name, described(received), 'none');
    if (shown(received) === shown(current) && sameKind(received, current)) continue;
    throw different(where, name, `'${shown(received)}'`, `'${shown(current)}'`);
  }
}

function sameKind(one: TableValue, other: TableValue): boolean {
  return isInteger(one) ? isInteger(other) : typeWord(one) === typeWord(other);
}

function described(value: TableValue): string {
  return `the value '${shown(value)}' of type '${typeWord(value)}'`;
}

/** The complaint about one field of an entity that exists already with another. */
export function different(where: string, name: string, received: string, current: string): Failure {
  return precondition(
    `inequivalent arg '${name}' for ${where}: received ${received} but current is ${current}`,
  );
}

export function queueLimits(args: Table, deliveryLimit: number | undefined): QueueLimits {
  const number = (name: string): number | undefined =>
    args[name] === undefined ? undefined : Number(args[name]);
  return {
    type: queueType(args),
    deliveryLimit,
    messageTtl: number('x-message-ttl'),
    expires: number('x-expires'),
    maxLength: number('x-max-length') ?? Number.POSITIVE_INFINITY,
    maxLengthBytes: number('x-max-length-bytes') ?? Number.POSITIVE_INFINITY,
    overflow: overflow(args),
    deadLetterExchange: args['x-dead-letter-exchange'] as string | undefined,
    deadLetterRoutingKey: args['x-dead-letter-routing-key'] as string | undefined,
    maxPriority: number('x-max-priority'),
    singleActiveConsumer: args['x-single-active-consumer'] === true,
  };
}

/** To quorum queues `reject-publish-dlx` means nothing. */
function overflow(args: Table): Overflow {
  const wanted = (args['x-overflow'] as Overflow | undefined) ?? 'drop-head';
  return wanted === 'reject-publish-dlx' && queueType(args) === 'quorum' ? 'drop-head' : wanted;
}
