import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import { print } from './parts/output';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  queue?: string;
}

export const verb: Verb = {
  notes: `
Prints how many messages were removed; those that somebody has and has not acked stay.

Examples:
  amqp-sync purge tasks
`,

  define(command) {
    command.argument('[queue]', 'the queue').option('-q, --queue <queue>', 'the queue');
    return brokerFlags(command);
  },

  run(options, args) {
    const flags = options as Flags;
    const name = nameOf('queue', flags.queue, args);
    noMore(args);
    return withChannel(flags, (channel) => {
      print(`${channel.queuePurge(name)}\n`);
      return 0;
    });
  },
};
