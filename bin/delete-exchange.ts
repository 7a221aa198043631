import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  exchange?: string;
  ifUnused?: boolean;
}

export const verb: Verb = {
  notes: `
One that is missing is no error.

Examples:
  amqp-sync delete-exchange logs --if-unused
`,

  define(command) {
    command
      .argument('[exchange]', 'the exchange')
      .option('-e, --exchange <exchange>', 'the exchange')
      .option('--if-unused', 'only if nothing is bound to it');
    return brokerFlags(command);
  },

  run(options, args) {
    const flags = options as Flags;
    const name = nameOf('exchange', flags.exchange, args);
    noMore(args);
    return withChannel(flags, (channel) => {
      channel.exchangeDelete(name, { ifUnused: flags.ifUnused });
      return 0;
    });
  },
};
