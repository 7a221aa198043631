import type { Table } from '../protocol/field-table';
import type { ConsumedQueue } from './consumers';
import { printedText } from './erlang';
import { nameOf, precondition } from './failure';
import {
  type BrokerQueueType,
  type Check,
  type Checks,
  complaintAbout,
  flag,
  integer,
  notNegative,
} from './queue-arguments';
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

const streamOffset =
  (isSince4: boolean): Check =>
  (value) =>
    isStreamOffset(value, isSince4)
      ? undefined
      : `{invalid_stream_offset_arg,{longstr,${printedText(value as string)}}}`;

const CHECKS: Checks = {
  'x-priority': integer,
  'x-cancel-on-ha-failover': flag,
  'x-stream-offset': streamOffset(false),
};
const CHECKS_SINCE_4: Checks = {
  'x-consumer-timeout': notNegative,
  'x-priority': integer,
  'x-stream-offset': streamOffset(true),
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
  for (const [name, check] of Object.entries(rules.isSince4 ? CHECKS_SINCE_4 : CHECKS)) {
    const complaint = complaintAbout(args, name, check);
    if (complaint !== undefined) throw precondition(`invalid arg '${name}' for ${where}: ${complaint}`);
  }
}
