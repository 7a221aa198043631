import type { Command } from 'commander';
import type { Channel } from '../../src/index';
import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './broker-connection';
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
    .argument('[exchange]', 'where messages come from')
    .argument('[queue]', 'where they go')
    .option('-e, --exchange <exchange>', 'where messages come from')
    .option('-q, --queue <queue>', 'where they go')
    .option('--to-exchange <exchange>', 'where they go, if that is an exchange')
    .option('-r, --routing-key <keys>', 'with these keys (commas, or again); default: none', list)
    .option('-a, --argument <entry>', 'what a headers exchange compares: "key: value", or key:=json', entry);
  return brokerFlags(command);
}

/** A round trip for each key. */
export function eachBinding(
  options: object,
  args: string[],
  act: (
    channel: Channel,
    binding: {
      exchange: string;
      queue: string | undefined;
      toExchange: string | undefined;
      how: { routingKey: string; arguments: Entries | undefined };
    },
  ) => void,
): number {
  const flags = options as Flags;
  const exchange = nameOf('exchange', flags.exchange, args);
  const { toExchange, routingKey = [''] } = flags;
  const queue = toExchange === undefined ? nameOf('queue', flags.queue, args) : undefined;
  noMore(args);
  return withChannel(flags, (channel) => {
    for (const key of routingKey)
      act(channel, { exchange, queue, toExchange, how: { routingKey: key, arguments: flags.argument } });
    return 0;
  });
}
