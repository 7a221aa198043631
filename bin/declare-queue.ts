import { InvalidArgumentError, Option } from 'commander';
import { type BrokerFlags, brokerFlags, noMore, withChannel } from './parts/broker-connection';
import { print, printJson } from './parts/output';
import { type Entries, entry } from './parts/values';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  queue?: string;
  durable?: boolean;
  exclusive?: boolean;
  autoDelete?: boolean;
  passive?: boolean;
  type?: string;
  argument?: Entries;
  json?: boolean;
}

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync declare-queue tasks -d -a 'x-max-length:=1000' -a 'x-dead-letter-exchange: dead'
  amqp-sync declare-queue orders --type quorum
  amqp-sync declare-queue tasks --passive --json
`,

  define(command) {
    command
      .argument('[queue]', 'its name; without one the broker makes one')
      .option('-q, --queue <queue>', 'its name, as for amqp-declare-queue')
      .option('-d, --durable', 'it survives a restart of the broker; RabbitMQ 4.3 wants that')
      .option('--auto-delete', 'it goes with its last consumer')
      .addOption(
        new Option('--type <type>', 'what kind; all but classic are durable').choices([
          'classic',
          'quorum',
          'stream',
        ]),
      )
      .option(
        '-a, --argument <entry>',
        '"key: value", or key:=json for other types; again for more',
        argument,
      )
      .option('--passive', 'do not make it: say how many messages and consumers it has')
      .option('-j, --json', 'print name, messages and consumers as JSON');
    return brokerFlags(command);
  },

  run(options, args) {
    const flags = options as Flags;
    const { durable, autoDelete, passive, type, json } = flags;
    const name = flags.queue ?? args.shift() ?? '';
    noMore(args);
    const table: Entries = new Map(flags.argument);
    if (type !== undefined) table.set('x-queue-type', type);
    const isLasting = type === 'quorum' || type === 'stream';
    return withChannel(flags, (channel) => {
      const declared = channel.queueDeclare(name, {
        durable: durable || isLasting,
        autoDelete,
        passive,
        arguments: table,
      });
      if (json) printJson(declared);
      else if (passive) print(`${declared.messageCount} messages, ${declared.consumerCount} consumers\n`);
      else print(`${declared.queue}\n`);
      return 0;
    });
  },
};

/**
 * An argument of a queue. RabbitMQ has none that is a number or a boolean as text, but for names; it refuses such
 * a text, or ignores it.
 */
function argument(text: string, entries?: Entries): Entries {
  const [, key, value] = /^([^:]+): *(\d+|true|false)$/.exec(text) ?? [];
  if (key === undefined || key.startsWith('x-dead-letter-')) return entry(text, entries);
  throw new InvalidArgumentError(
    `It would be a text: write ${key}:=${value}, or ${key}:="${value}" for text.`,
  );
}
