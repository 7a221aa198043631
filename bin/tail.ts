import type { Channel, IncomingMessage, Queue } from '../src/index';
import { BoundedConsumer } from './parts/bounded-consumer';
import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import { EXIT } from './parts/exit-status';
import { FORMAT_NOTE } from './parts/format';
import { type PrintFlags, printer, printFlags } from './parts/printing';
import { duration, integer, type Offset, offsetFlag } from './parts/values';
import type { Verb } from './verb';

interface Flags extends BrokerFlags, PrintFlags {
  exchange?: string;
  queue?: string;
  offset?: Offset;
  count?: number;
  timeout?: number;
}

/** Messages of a stream that are sent ahead. */
const PREFETCH = 100;

export const verb: Verb = {
  notes: `
A queue of its own gets a copy of each message while this runs; nobody else misses one. A stream (-q) is read
itself, from --offset on: it keeps what it has.
${FORMAT_NOTE}

Examples:
  amqp-sync tail logs 'error.*' 'audit.#' --lines
  amqp-sync tail orders --json -c 10
  amqp-sync tail -q a-stream --offset 1h --format '%o %T %s\\n'
`,

  define(command) {
    command
      .argument('[exchange]', 'the exchange')
      .argument('[keys...]', 'routing keys to bind with; default: # (all) and none')
      .option('-e, --exchange <exchange>', 'the exchange')
      .option('-q, --queue <stream>', 'a stream instead of an exchange')
      .addOption(offsetFlag())
      .option('-c, --count <number>', 'end after so many messages', integer(1))
      .option('--timeout <time>', 'end when nothing has come for so long; default: never', duration);
    return brokerFlags(printFlags(command));
  },

  run(options, args) {
    const flags = options as Flags;
    const { queue, count: limit, timeout, offset } = flags;
    const exchange = queue === undefined ? nameOf('exchange', flags.exchange, args) : '';
    if (queue !== undefined) noMore(args);
    else if (offset !== undefined) throw new TypeError('--offset is for a stream: name it with --queue');
    const show = printer(flags);
    return withChannel(flags, (channel) => {
      let printed = 0;
      const messages =
        queue === undefined
          ? boundQueue(channel, exchange, args).iterator({ noAck: true, limit, timeout })
          : streamed(channel, queue, flags);
      for (const message of messages) {
        show(message);
        printed++;
      }
      return printed > 0 ? EXIT.OK : EXIT.EMPTY;
    });
  },
};

function boundQueue(channel: Channel, exchange: string, keys: readonly string[]): Queue {
  const queue = channel.declareQueue();
  // the first is for topics, the second for what has no keys
  for (const key of keys.length > 0 ? keys : ['#', '']) queue.bind(exchange, key);
  return queue;
}

/** An offset says that it must be a stream: a queue would lose what is read. */
function* streamed(channel: Channel, stream: string, flags: Flags): Iterable<IncomingMessage> {
  const { count, timeout, offset = 'next' } = flags;
  const consumer = new BoundedConsumer(channel, stream, { count, timeout, offset, prefetch: PREFETCH });
  for (const message of consumer) {
    yield message;
    consumer.settle(message, () => message.ack());
  }
  consumer.end();
}
