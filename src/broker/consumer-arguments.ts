import type { Table, TableValue } from '../protocol/field-table';
import type { ConsumedQueue } from './consumers';
import { isInteger, printedText, typeWord } from './erlang';
import { nameOf, precondition } from './failure';
import type { BrokerQueueType } from './queue-arguments';
import type { Rules } from './rules';
import { isStreamOffset } from './stream-reader';

type ForeignArguments = Readonly<Record<BrokerQueueType, readonly string[]>>;

/** Arguments that only consumers of other types of queues take. */
const FOREIGN: ForeignArguments = {
  classic: ['x-stream-offset'],
  quorum: ['x-cancel-on-ha-failover', 'x-stream-offset'],
  stream: ['x-cancel-on-ha-failover', 'x-priority'],
};

const OF_STREAMS = ['x-stream-offset', 'x-stream-filter', 'x-stream-match-unfiltered'];
const FOREIGN_SINCE_4: ForeignArguments = {
  classic: ['x-consumer-timeout', ...OF_STREAMS],
  quorum: OF_STREAMS,
  stream: ['x-consumer-timeout', 'x-priority'],
};

/** Says what is wrong with a value, in RabbitMQ's words. */
type Check = (value: TableValue, isSince4: boolean) => string | undefined;

const integer: Check = (value) =>
  isInteger(value) ? undefined : `"expected integer, got ${typeWord(value)}"`;

const CHECKS: Readonly<Record<string, Check>> = {
  'x-consumer-timeout': (value, isSince4) => (isSince4 ? integer(value, isSince4) : undefined),
  'x-priority': integer,
  'x-cancel-on-ha-failover': (value, isSince4) =>
    isSince4 || typeof value === 'boolean' ? undefined : `{unacceptable_type,${typeWord(value)}}`,
  'x-stream-offset': (value, isSince4) =>
    isStreamOffset(value, isSince4)
      ? undefined
      : `{invalid_stream_offset_arg,{longstr,${printedText(value as string)}}}`,
};

/** @throws {Failure} 406, naming the first argument of a consumer that cannot be */
export function checkConsumerArguments(
  queue: ConsumedQueue,
  args: Table,
  { name: vhost, rules }: { name: string; rules: Rules },
): void {
  const where = nameOf('queue', queue.name, vhost);
  const { type } = queue.limits;
  const foreign = (rules.isSince4 ? FOREIGN_SINCE_4 : FOREIGN)[type].find((name) => args[name] !== undefined);
  if (foreign !== undefined)
    throw precondition(`invalid arg '${foreign}' for ${where} of queue type rabbit_${type}_queue`);
  for (const [name, check] of Object.entries(CHECKS)) {
    const complaint = args[name] === undefined ? undefined : check(args[name], rules.isSince4);
    if (complaint !== undefined) throw precondition(`invalid arg '${name}' for ${where}: ${complaint}`);
  }
}
