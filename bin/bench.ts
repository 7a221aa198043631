import { clock } from '../src/clock';
import type { Queue } from '../src/index';
import { type BrokerFlags, brokerFlags, withConnection } from './parts/broker-connection';
import { printJson, printTable } from './parts/output';
import { integer } from './parts/values';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  size: number;
  count: number;
  confirm: boolean;
  ack: boolean;
  json?: boolean;
}

export const verb: Verb = {
  notes: `
Transient messages, into a queue of its own and out of it again, one after the other.

Examples:
  amqp-sync bench --size 1024 -c 100000
`,

  define(command) {
    command
      .option('--size <bytes>', 'of each body', integer(), 100)
      .option('-c, --count <number>', 'messages', integer(1), 50_000)
      .option('--no-confirm', 'publish without confirms')
      .option('-A, --no-ack', 'consume without acks')
      .option('-j, --json', 'as JSON');
    return brokerFlags(command);
  },

  run(options) {
    const flags = options as Flags;
    return withConnection(flags, (connection) => {
      const queue = connection.defaultChannel.declareQueue();
      const published = rate(flags.count, () => publish(queue, flags));
      const consumed = rate(flags.count, () => consume(queue, flags));
      if (flags.json) printJson({ published, consumed });
      else {
        printTable([
          ['published', `${published} messages/s`],
          ['consumed', `${consumed} messages/s`],
        ]);
      }
      return 0;
    });
  },
};

function rate(count: number, act: () => void): number {
  const began = clock.now();
  act();
  return Math.round((count * 1000) / (clock.now() - began));
}

function publish({ channel, name }: Queue, { size, count, confirm }: Flags): void {
  const body = Buffer.alloc(size, 'x');
  const options = { routingKey: name, deliveryMode: 1 };
  if (confirm) {
    channel.confirmSelect();
    channel.publishBatch(Array(count).fill(body), options);
  } else {
    for (let sent = 0; sent < count; sent++) channel.basicPublish(body, options);
    channel.queueDeclare(name, { passive: true }); // answered behind the last one
  }
}

function consume(queue: Queue, { count, ack }: Flags): void {
  for (const message of queue.iterator({ limit: count, noAck: !ack, prefetch: 1000 })) if (ack) message.ack();
}
