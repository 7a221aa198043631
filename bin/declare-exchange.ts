import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import { print } from './parts/output';
import { type Entries, entry } from './parts/values';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  exchange?: string;
  type?: string;
  durable?: boolean;
  autoDelete?: boolean;
  internal?: boolean;
  passive?: boolean;
  argument?: Entries;
}

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync declare-exchange logs topic -d -a 'alternate-exchange: unrouted'
`,

  define(command) {
    command
      .argument('[exchange]', 'its name')
      .argument('[type]', 'direct (default), fanout, topic, headers, or one of a plugin')
      .option('-e, --exchange <exchange>', 'its name')
      .option('-t, --type <type>', 'the same')
      .option('-d, --durable', 'it survives a restart of the broker')
      .option('--auto-delete', 'it goes with its last binding')
      .option('--internal', 'only exchanges publish to it')
      .option('-a, --argument <entry>', '"key: value", or key:=json for other types; again for more', entry)
      .option('--passive', 'do not make it: see whether it is there');
    return brokerFlags(command);
  },

  run(options, args) {
    const flags = options as Flags;
    const { durable, autoDelete, internal, passive, argument } = flags;
    const name = nameOf('exchange', flags.exchange, args);
    const type = flags.type ?? args.shift() ?? 'direct';
    noMore(args);
    return withChannel(flags, (channel) => {
      channel.exchangeDeclare(name, type, { durable, autoDelete, internal, passive, arguments: argument });
      print(`${name}\n`);
      return 0;
    });
  },
};
