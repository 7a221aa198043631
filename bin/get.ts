import { Option } from 'commander';
import type { IncomingMessage } from '../src/index';
import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import { EXIT } from './parts/exit-status';
import { FORMAT_NOTE } from './parts/format';
import { type PrintFlags, printer, printFlags } from './parts/printing';
import { duration, integer } from './parts/values';
import type { Verb } from './verb';

interface Flags extends BrokerFlags, PrintFlags {
  queue?: string;
  count: number;
  timeout: number;
  settle: 'ack' | 'requeue' | 'reject';
}

export const verb: Verb = {
  notes: `
Exits with 2 if the queue is empty.
${FORMAT_NOTE}
What is put back was delivered, and a quorum queue counts that against its delivery limit.

Examples:
  amqp-sync get tasks
  amqp-sync get tasks --settle requeue --json     look without taking
  amqp-sync get tasks -c 100 --lines > tasks.txt
  amqp-sync get tasks --format '%k %{messageId} %S\\n'
`,

  define(command) {
    command
      .argument('[queue]', 'the queue')
      .option('-q, --queue <queue>', 'the queue, as for amqp-get')
      .option('-c, --count <number>', 'so many messages at most', integer(1), 1)
      .option('--timeout <time>', 'wait so long for each, if the queue is empty', duration, 0)
      .addOption(
        new Option(
          '--settle <how>',
          'what becomes of it once it is printed: taken, put back, or away (dead letters)',
        )
          .choices(['ack', 'requeue', 'reject'])
          .default('ack'),
      );
    return brokerFlags(printFlags(command));
  },

  run(options, args) {
    const flags = options as Flags;
    const name = nameOf('queue', flags.queue, args);
    noMore(args);
    const show = printer(flags);
    return withChannel(flags, (channel) => {
      const queue = channel.getQueue(name, { ensure: false });
      let got = 0;
      let last: IncomingMessage | undefined;
      while (got < flags.count) {
        const message = queue.get({ timeout: flags.timeout });
        if (message === null) break;
        show(message);
        // a message that is put back would be the next one again: it stays with us until the end
        if (flags.settle === 'ack') message.ack();
        else if (flags.settle === 'reject') message.reject();
        else last = message;
        got++;
      }
      // RabbitMQ 4.3 counts what is left to the end of a channel against a delivery limit, but not a nack
      last?.nack({ multiple: true });
      return got > 0 ? EXIT.OK : EXIT.EMPTY;
    });
  },
};
