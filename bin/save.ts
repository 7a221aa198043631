import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import { WHERE_NOTE } from './parts/condition';
import { EXIT } from './parts/exit-status';
import { MessageFolder } from './parts/message-file';
import { isTerminal, printNote } from './parts/output';
import { Progress } from './parts/progress';
import { QueueSource, SOURCE_NOTE, type SourceFlags, sourceFlags } from './parts/queue-source';
import type { Verb } from './verb';

interface Flags extends BrokerFlags, SourceFlags {
  queue?: string;
}

/** Messages at most that are written and then acked together. */
const GROUP = 100;

export const verb: Verb = {
  notes: `
A file for each message, 000000000001.amqp and so on: a line of JSON, then the body as it is; load
publishes them again. A message is acked once its file is on the disk: none is lost, and if this is cut
off some are saved again by the next save, which goes on behind the last number. What is called .part
was cut off, and is still in the queue.
${SOURCE_NOTE}
${WHERE_NOTE}
Exits with 2 if there was nothing.

Examples:
  amqp-sync save orders ./orders
  amqp-sync save orders.dead ./broken --where 'body=*"id":17,*' --copy
`,

  define(command) {
    command
      .argument('[queue]', 'the queue')
      .argument('[folder]', 'where the files go; it is made if need be')
      .option('-q, --queue <queue>', 'the queue');
    return brokerFlags(sourceFlags(command));
  },

  run(options, args) {
    const flags = options as Flags;
    const queue = nameOf('queue', flags.queue, args);
    const path = nameOf('folder', undefined, args);
    noMore(args);
    return withChannel(flags, (channel) => {
      const source = new QueueSource(channel, queue, flags, GROUP);
      const folder = new MessageFolder(path);
      const progress = new Progress(source.expected, 'messages');
      let saved = 0;
      try {
        for (const group of source.groups()) {
          for (const message of group) {
            folder.write(message);
            progress.add(1, message.body.length);
          }
          folder.commit();
          for (const message of group) source.taken(message);
          saved += group.length;
        }
      } finally {
        progress.stop();
        source.end();
      }
      if (isTerminal.err()) printNote(`${saved} messages saved in ${path}`);
      return saved > 0 ? EXIT.OK : EXIT.EMPTY;
    });
  },
};
