import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import { print } from './parts/output';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  queue?: string;
  ifUnused?: boolean;
  ifEmpty?: boolean;
}

export const verb: Verb = {
  notes: `
Prints how many messages went with it. One that is missing is no error.

Examples:
  amqp-sync delete-queue tasks --if-empty
`,

  define(command) {
    command
      .argument('[queue]', 'the queue')
      .option('-q, --queue <queue>', 'the queue, as for amqp-delete-queue')
      .option('--if-unused', 'only if nobody consumes from it')
      .option('-e, --if-empty', 'only if it is empty');
    return brokerFlags(command);
  },

  run(options, args) {
    const flags = options as Flags;
    const { ifUnused, ifEmpty } = flags;
    const name = nameOf('queue', flags.queue, args);
    noMore(args);
    return withChannel(flags, (channel) => {
      print(`${channel.queueDelete(name, { ifUnused, ifEmpty })}\n`);
      return 0;
    });
  },
};
