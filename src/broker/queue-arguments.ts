import type { Table, TableValue } from '../protocol/field-table';
import { isInteger, shown, typeWord } from './erlang';
import { type Failure, nameOf, precondition } from './failure';

/** The longest time RabbitMQ takes: ten years, in milliseconds. */
export const MAX_EXPIRY = 315_360_000_000;

export type Overflow = 'drop-head' | 'reject-publish' | 'reject-publish-dlx';

/** What the arguments of a queue mean to it. */
export interface QueueLimits {
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
type Check = (value: TableValue, args: Table) => string | undefined;

const integer: Check = (value) =>
  isInteger(value) ? undefined : `"expected integer, got ${typeWord(value)}"`;
const notNegative: Check = (value, args) =>
  integer(value, args) ?? (Number(value) < 0 ? `{value_negative,${value}}` : undefined);
const time: Check = (value, args) =>
  notNegative(value, args) ?? (Number(value) > MAX_EXPIRY ? `{value_too_large,${value}}` : undefined);
const positiveTime: Check = (value, args) =>
  time(value, args) ?? (Number(value) === 0 ? '{value_zero,0}' : undefined);
const priority: Check = (value, args) =>
  notNegative(value, args) ?? (Number(value) > 255 ? `{max_value_exceeded,${value}}` : undefined);
const text: Check = (value) =>
  typeof value === 'string' ? undefined : `{unacceptable_type,${typeWord(value)}}`;
const flag: Check = (value) =>
  typeof value === 'boolean' ? undefined : `{unacceptable_type,${typeWord(value)}}`;
const oneOf =
  (names: readonly string[], complaint: (value: TableValue) => string): Check =>
  (value, args) =>
    text(value, args) ?? (names.includes(value as string) ? undefined : complaint(value));

const OVERFLOWS: readonly Overflow[] = ['drop-head', 'reject-publish', 'reject-publish-dlx'];

/** The arguments of queues; in this order they are checked and compared. */
const CHECKS: Readonly<Record<string, Check>> = {
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
  'x-queue-type': oneOf(['classic'], (value) => `"unsupported queue type '${value}'"`),
};

/** Arguments that only quorum queues and streams take; they are not here. */
const OF_OTHER_TYPES = [
  'x-delivery-limit',
  'x-dead-letter-strategy',
  'x-initial-cluster-size',
  'x-max-age',
  'x-max-in-memory-bytes',
  'x-max-in-memory-length',
  'x-queue-leader-locator',
  'x-quorum-initial-group-size',
  'x-stream-max-segment-size-bytes',
];

/** @throws {Failure} 406, naming the first argument that cannot be */
export function checkQueueArguments(queue: string, args: Table, vhost: string): void {
  const where = nameOf('queue', queue, vhost);
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = args[name];
    if (value === undefined) continue;
    const complaint = check(value, args);
    if (complaint === undefined) continue;
    if (name === 'x-dead-letter-exchange') {
      throw precondition(`invalid type '${typeWord(value)}' for arg '${name}' in ${where}`);
    }
    throw precondition(`invalid arg '${name}' for ${where}: ${complaint}`);
  }
  const foreign = OF_OTHER_TYPES.find((name) => args[name] !== undefined);
  if (foreign !== undefined) {
    throw precondition(`invalid arg '${foreign}' for ${where} of queue type rabbit_classic_queue`);
  }
}

/** @throws {Failure} 406, naming the first argument that differs from what it was declared with */
export function checkSameArguments(
  where: string,
  now: Table,
  then: Table,
  names: readonly string[] = Object.keys(CHECKS).filter((name) => name !== 'x-queue-type'),
): void {
  for (const name of names) {
    const received = now[name];
    const current = then[name];
    if (received === undefined && current === undefined) continue;
    if (received === undefined) throw different(where, name, 'none', described(current!));
    if (current === undefined) throw different(where, name, described(received), 'none');
    if (shown(received) === shown(current) && sameKind(received, current)) continue;
    if (sameKind(received, current)) {
      throw different(where, name, `'${shown(received)}'`, `'${shown(current)}'`);
    }
    throw different(where, name, described(received), described(current));
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

export function queueLimits(args: Table): QueueLimits {
  const number = (name: string): number | undefined =>
    args[name] === undefined ? undefined : Number(args[name]);
  return {
    messageTtl: number('x-message-ttl'),
    expires: number('x-expires'),
    maxLength: number('x-max-length') ?? Number.POSITIVE_INFINITY,
    maxLengthBytes: number('x-max-length-bytes') ?? Number.POSITIVE_INFINITY,
    overflow: (args['x-overflow'] as Overflow | undefined) ?? 'drop-head',
    deadLetterExchange: args['x-dead-letter-exchange'] as string | undefined,
    deadLetterRoutingKey: args['x-dead-letter-routing-key'] as string | undefined,
    maxPriority: number('x-max-priority'),
    singleActiveConsumer: args['x-single-active-consumer'] === true,
  };
}
