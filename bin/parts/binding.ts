import type { Command } from 'commander';
import { type Channel, NotFoundError } from '../../src/index';
import { type BrokerFlags, brokerFlags, nameOf, withChannel } from './broker-connection';
import { ExitError } from './exit-status';
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
  const { toExchange, routingKey = [] } = flags;
  const queue = toExchange === undefined ? nameOf('queue', flags.queue, args) : undefined;
  const exchange = nameOf('exchange', flags.exchange, args);
  const keys = [...routingKey, ...args];
  return withChannel(flags, (channel) => {
    try {
      for (const key of keys.length === 0 ? [''] : keys)
        act(channel, { exchange, queue, toExchange, how: { routingKey: key, arguments: flags.argument } });
    } catch (error) {
      if (!(error instanceof NotFoundError) || queue === undefined) throw error;
      throw new ExitError(`${error.message}; the queue comes first, then the exchange`);
    }
    return 0;
  });
}
