import { type Channel, type IncomingMessage, TimeoutError } from '../src/index';
import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker';
import type { Outgoing } from './parts/envelope';
import { EXIT } from './parts/failure';
import { isTerminal, note } from './parts/output';
import { Progress } from './parts/progress';
import { Publishing } from './parts/publishing';
import { duration, integer } from './parts/values';
import type { Verb } from './verbs';

interface Flags extends BrokerFlags {
  queue?: string;
  toUrl?: string;
  toExchange?: string;
  toRoutingKey?: string;
  copy?: boolean;
  count?: number;
  timeout: number;
}

/** As many messages at most are published, confirmed and then acked together. */
const GROUP = 500;

export const verb: Verb = {
  notes: `
Messages are acked once the other side has confirmed them: none is lost, and if this is cut off some may be
there twice.

Examples:
  amqp-sync shovel orders.dead orders
  amqp-sync shovel orders orders --to-url amqp://other-host -c 1000
  amqp-sync shovel orders --to-exchange audit --copy
`,

  define(command) {
    command
      .argument('[from]', 'the queue to take from')
      .argument('[to]', 'the queue to put into')
      .option('-q, --queue <queue>', 'the queue to take from')
      .option('--to-url <url>', 'another broker; default: the same')
      .option('--to-exchange <exchange>', 'publish there instead; the routing key of each message stays')
      .option('--to-routing-key <key>', 'another routing key')
      .option('--copy', 'leave them where they are; only those that are there now')
      .option('-c, --count <number>', 'so many at most', integer(1))
      .option('--timeout <time>', 'end when nothing has come for so long', duration, 1000);
    return brokerFlags(command);
  },

  run(options, args) {
    const flags = options as Flags;
    const from = nameOf('queue', flags.queue, args);
    const to = args.shift();
    noMore(args);
    if (to === undefined && flags.toExchange === undefined)
      throw new TypeError('where to? Give a queue, or --to-exchange');
    return withChannel(flags, (source) => {
      const move = (target: Channel) => shovel(source, target, from, to, flags);
      if (flags.toUrl === undefined) return move(source.connection.channel());
      const {
        server: _,
        port: __,
        vhost: ___,
        username: ____,
        password: _____,
        authfile: ______,
        ...rest
      } = flags;
      return withChannel({ ...rest, url: flags.toUrl }, move);
    });
  },
};

function shovel(
  source: Channel,
  target: Channel,
  from: string,
  to: string | undefined,
  flags: Flags,
): number {
  const { toExchange: exchange = '', copy = false, timeout } = flags;
  const there = source.queueDeclare(from, { passive: true }).messageCount;
  // a copy keeps what it has read: it must not read what it has put back, nor what it puts in
  const count = copy ? Math.min(there, flags.count ?? there) : flags.count;
  const total = Math.min(there, count ?? there);
  const progress = new Progress(total, 'messages');
  const options = { exchange, mandatory: true, confirm: true, window: GROUP };
  const publishing = new Publishing(target, options, progress);
  const group: IncomingMessage[] = [];
  try {
    // a copy acks nothing, so nothing would come behind the prefetch
    source.basicQos({ prefetchCount: copy ? 0 : GROUP });
    let left = count ?? Number.POSITIVE_INFINITY;
    source.basicConsume(from, (message) => {
      if (left-- > 0) group.push(message); // one too many goes back when the connection closes
    });
    while (left > 0 && arrives(source, timeout)) {
      if (group.length === 0) continue;
      publishing.add(group.map((message) => outgoing(message, to, flags)));
      if (!copy) group.at(-1)!.ack({ multiple: true });
      group.length = 0;
    }
  } finally {
    progress.stop();
  }
  if (isTerminal.err()) note(`${publishing.published} messages ${copy ? 'copied' : 'moved'}`);
  return publishing.published > 0 ? EXIT.OK : EXIT.EMPTY;
}

/** Wait for a message, and take those that have come with it. @returns false: nothing came within `timeout` */
function arrives({ connection }: Channel, timeout: number): boolean {
  try {
    connection.drainEvents({ timeout });
  } catch (error) {
    if (error instanceof TimeoutError) return false;
    throw error;
  }
  connection.loop({ timeout: 0 });
  return true;
}

/** As it was, but for its address; RabbitMQ takes only the name of the own user. */
function outgoing(
  message: IncomingMessage,
  to: string | undefined,
  { toExchange, toRoutingKey }: Flags,
): Outgoing {
  const { userId: _, ...properties } = message.properties;
  const kept = toExchange === undefined ? to! : message.routingKey;
  return { ...properties, body: message.body, routingKey: toRoutingKey ?? kept };
}
