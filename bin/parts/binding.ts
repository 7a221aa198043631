import type { Command } from 'commander';
import type { Channel } from '../../src/index';
import { type BrokerFlags, brokerFlags, nameOf, withChannel } from './broker-connection';
import { type Entries, entry, list } from './values';

interface Flags extends BrokerFlags {
  queue?: string;
  toExchange?: string;
  exchange?: string;
  routingKey?: string[];
  argument?: Entries;
}

/** The flags of `bind` and `unbind`. */
export function bindingFlags(command: Command): Command {
  command
    .argument('[queue]', 'where messages go; not with --queue or --to-exchange')
    .argument('[exchange]', 'where they come from; not with --exchange')
    .argument('[keys...]', 'with these routing keys; default: none')
    .option('-e, --exchange <exchange>', 'where messages come from')
    .option('-q, --queue <queue>', 'where they go')
    .option('--to-exchange <exchange>', 'where they go, if that is an exchange')
    .option('-r, --routing-key <keys>', 'with these keys (commas, or again)', list)
    .option('-a, --argument <entry>', 'what a headers exchange compares: "key: value", or key:=json', entry);
  return brokerFlags(command);
}

/** What is bound: a queue or an exchange to an exchange, in each of these ways. */
export interface Bindings {
  exchange: string;
  queue: string | undefined;
  toExchange: string | undefined;
  ways: { routingKey: string; arguments: Entries | undefined }[];
}

/** Connect, and do it. Blocks for what that takes. */
export function withBindings(
  options: object,
  args: string[],
  act: (channel: Channel, bindings: Bindings) => void,
): number {
  const flags = options as Flags;
  const { toExchange, routingKey = [] } = flags;
  const queue = toExchange === undefined ? nameOf('queue', flags.queue, args) : undefined;
  const exchange = nameOf('exchange', flags.exchange, args);
  const keys = [...routingKey, ...args];
  const ways = (keys.length === 0 ? [''] : keys).map((key) => ({
    routingKey: key,
    arguments: flags.argument,
  }));
  return withChannel(flags, (channel) => {
    act(channel, { exchange, queue, toExchange, ways });
    return 0;
  });
}

/** What to say behind a name that is not there: the order is easily mistaken. */
export const ORDER = 'the queue comes first, then the exchange';
