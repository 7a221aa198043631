import { type BrokerFlags, brokerFlags, nameOf, withChannel } from './parts/broker-connection';
import { EXIT } from './parts/exit-status';
import { type PrintFlags, printer, printFlags } from './parts/printing';
import { duration, integer } from './parts/values';
import type { Verb } from './verb';

interface Flags extends BrokerFlags, PrintFlags {
  exchange?: string;
  count?: number;
  timeout?: number;
}

export const verb: Verb = {
  notes: `
A queue of its own gets a copy of each message while this runs; nobody else misses one.

Examples:
  amqp-sync tail logs 'error.*' 'audit.#' --lines
  amqp-sync tail orders --json -c 10
`,

  define(command) {
    command
      .argument('[exchange]', 'the exchange')
      .argument('[keys...]', 'routing keys to bind with; default: # (all) and none')
      .option('-e, --exchange <exchange>', 'the exchange')
      .option('-c, --count <number>', 'end after so many messages', integer(1))
      .option('--timeout <time>', 'end when nothing has come for so long; default: never', duration);
    return brokerFlags(printFlags(command));
  },

  run(options, args) {
    const flags = options as Flags;
    const exchange = nameOf('exchange', flags.exchange, args);
    const show = printer(flags);
    return withChannel(flags, (channel) => {
      const queue = channel.declareQueue();
      // the first is for topics, the second for what has no keys
      for (const key of args.length > 0 ? args : ['#', '']) queue.bind(exchange, key);
      let printed = 0;
      for (const message of queue.iterator({ noAck: true, limit: flags.count, timeout: flags.timeout })) {
        show(message);
        printed++;
      }
      return printed > 0 ? EXIT.OK : EXIT.EMPTY;
    });
  },
};
