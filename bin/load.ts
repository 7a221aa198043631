import { BatchPublisher } from './parts/batch-publisher';
import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import { EXIT } from './parts/exit-status';
import { messageFiles, readMessage, removeMessage } from './parts/message-file';
import type { OutgoingMessage } from './parts/message-json';
import { isTerminal, printNote } from './parts/output';
import { Progress } from './parts/progress';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  exchange?: string;
  routingKey?: string;
  remove?: boolean;
}

/** Messages, and bytes, that are published and then confirmed together. */
const GROUP = 500;
const GROUP_BYTES = 16 * 1024 * 1024;

export const verb: Verb = {
  notes: `
Publishes what save has saved, in its order, as it was: all but the user id, for RabbitMQ takes only
that of who publishes. It goes into the queue, or where it was published, unless the flags say else.
Each is confirmed by the broker; with --remove its file goes then, and the next load goes on where this
one was cut off.
Exits with 2 if there is no message in the folder, and with 5 if one was not taken: its file stays.

Examples:
  amqp-sync load ./orders orders
  amqp-sync load ./orders --remove
  amqp-sync load ./orders -e audit
`,

  define(command) {
    command
      .argument('[folder]', 'where the files are')
      .argument('[queue]', 'where the messages go; default: to their exchange, with their routing key')
      .option('-e, --exchange <exchange>', 'another exchange')
      .option('-r, --routing-key <key>', 'another routing key')
      .option('--remove', 'remove each file once the broker has its message');
    return brokerFlags(command);
  },

  run(options, args) {
    const flags = options as Flags;
    const folder = nameOf('folder', undefined, args);
    const queue = args.shift();
    noMore(args);
    if (queue !== undefined && (flags.exchange !== undefined || flags.routingKey !== undefined))
      throw new TypeError('a queue, or --exchange and --routing-key: not both');
    const { exchange, routingKey } = queue === undefined ? flags : { exchange: '', routingKey: queue };
    const files = messageFiles(folder);
    if (files.length === 0) return EXIT.EMPTY;
    return withChannel(flags, (channel) => {
      const progress = new Progress(files.length, 'messages');
      const publisher = new BatchPublisher(
        channel,
        { mandatory: true, confirm: true, window: GROUP },
        progress,
      );
      try {
        for (const group of groups(files)) {
          const messages = group.map(([, { userId: _, ...message }]) => ({
            ...message,
            ...(exchange !== undefined && { exchange }),
            ...(routingKey !== undefined && { routingKey }),
          }));
          publisher.add(messages, (index) => {
            if (flags.remove) removeMessage(group[index]![0]);
          });
        }
      } finally {
        progress.stop();
      }
      if (isTerminal.err()) printNote(`${publisher.published} messages published`);
      return EXIT.OK;
    });
  },
};

/** The messages of files, as many at a time as memory is to hold. One that cannot be read ends it; those before it are published. */
function* groups(files: readonly string[]): Iterable<[file: string, message: OutgoingMessage][]> {
  let group: [string, OutgoingMessage][] = [];
  let bytes = 0;
  for (const file of files) {
    try {
      const message = readMessage(file);
      group.push([file, message]);
      bytes += message.body.length;
    } catch (error) {
      yield group;
      throw error;
    }
    if (group.length < GROUP && bytes < GROUP_BYTES) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  yield group;
}
