import { Option } from 'commander';
import {
  AccessRefusedError,
  type Channel,
  type IncomingMessage,
  PreconditionFailedError,
  ResourceLockedError,
} from '../src/index';
import { BatchPublisher } from './parts/batch-publisher';
import { BoundedConsumer } from './parts/bounded-consumer';
import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import { EXIT, ExitError } from './parts/exit-status';
import type { OutgoingMessage } from './parts/message-json';
import { isTerminal, printNote } from './parts/output';
import { Progress } from './parts/progress';
import { duration, integer } from './parts/values';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  queue?: string;
  toUrl?: string;
  toExchange?: string;
  toRoutingKey?: string;
  copy?: boolean;
  force?: boolean;
  count?: number;
  timeout: number;
}

/** Messages at most that are published, confirmed and then acked together. */
const GROUP = 500;
/** The limit of AMQP: prefetch-count is a short. */
const MOST_PREFETCH = 65_535;

export const verb: Verb = {
  notes: `
Messages are acked once the other side has confirmed them: none is lost, and if this is cut off some may be
there twice. --copy gives back what it has read, and a quorum queue counts that as a delivery: over its
delivery limit, 20 in RabbitMQ 4 unless it has another, messages are dropped. So it takes --force there.

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
      .option('--force', 'with --copy: even if the queue counts it against a delivery limit')
      .option('-c, --count <number>', 'so many at most', integer(1))
      .addOption(
        new Option('--timeout <time>', 'end when nothing has come for so long')
          .argParser(duration)
          .default(1000, '1s'),
      );
    return brokerFlags(command);
  },

  run(options, args) {
    const flags = options as Flags;
    const from = nameOf('queue', flags.queue, args);
    const to = args.shift();
    noMore(args);
    if (to === undefined && flags.toExchange === undefined)
      throw new TypeError('where to? Give a queue, or --to-exchange');
    const isCircle = !flags.toExchange && (flags.toRoutingKey ?? to) === from;
    if (isCircle && flags.toUrl === undefined) throw new TypeError(circular(from));
    return withChannel(flags, (source) => {
      if (flags.copy && !flags.force && isQuorum(source, from)) throw new ExitError(counted(from));
      const move = (target: Channel) => {
        const isSame = flags.toUrl === undefined || isSameBroker(source, target);
        if (isCircle && isSame) throw new TypeError(circular(from));
        return shovel({ source, target, from, to, isSame, flags });
      };
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

const circular = (queue: string) =>
  `"${queue}" is where the messages come from: they would turn round for ever`;

const counted = (queue: string) =>
  `"${queue}" is a quorum queue, which counts each copy against its delivery limit and drops what is over it; ` +
  'move the messages, or add --force';

/** The type of a queue is nowhere to be asked for, but RabbitMQ names it when it refuses what only a stream takes. */
function isQuorum({ connection }: Channel, queue: string): boolean {
  const scratch = connection.channel();
  try {
    scratch.basicConsume(queue, () => {}, { arguments: { 'x-stream-offset': 'next' }, prefetch: 1 });
    return false;
  } catch (error) {
    if (error instanceof PreconditionFailedError) return /quorum/.test(error.message.replaceAll(queue, ''));
    throw error;
  } finally {
    if (scratch.isOpen) scratch.close();
  }
}

/** A queue that only the one connection may use is locked for the other, or missing at another broker. */
function isSameBroker(source: Channel, target: Channel): boolean {
  const here = source.connection.channel();
  const there = target.connection.channel();
  try {
    const { queue } = here.queueDeclare('', { exclusive: true });
    try {
      there.queueDeclare(queue, { passive: true });
    } catch (error) {
      return error instanceof ResourceLockedError;
    } finally {
      here.queueDelete(queue);
    }
  } catch (error) {
    if (!(error instanceof AccessRefusedError)) throw error; // not allowed to ask
  } finally {
    for (const channel of [here, there]) if (channel.isOpen) channel.close();
  }
  return false;
}

interface Route {
  source: Channel;
  target: Channel;
  from: string;
  to: string | undefined;
  /** Whether both are of the same broker. */
  isSame: boolean;
  flags: Flags;
}

function shovel(route: Route): number {
  const { source, target, from, flags } = route;
  const { toExchange: exchange = '', copy = false, timeout } = flags;
  const there = source.queueDeclare(from, { passive: true }).messageCount;
  // a copy keeps what it has read: it must not read what it has put back, nor what it puts in
  const count = copy ? Math.min(there, flags.count ?? there) : flags.count;
  if (count === 0) return EXIT.EMPTY;
  const progress = new Progress(Math.min(there, count ?? there), 'messages');
  const publisher = new BatchPublisher(
    target,
    { exchange, mandatory: true, confirm: true, window: GROUP },
    progress,
  );
  // a copy acks nothing, so nothing would come behind the prefetch
  const prefetch = copy ? (count! > MOST_PREFETCH ? 0 : count!) : GROUP;
  const consumer = new BoundedConsumer(source, from, { count, prefetch, timeout });
  let last: IncomingMessage | undefined;
  try {
    for (let group = consumer.next(GROUP); group.length > 0; group = consumer.next(GROUP)) {
      last = group.at(-1);
      const messages = group.map((message) => outgoing(message, route));
      if (publisher.published >= there) checkReturn(group, messages, route);
      publisher.add(messages, (index) => {
        const message = group[index]!;
        if (!copy) consumer.settle(message, () => message.ack());
      });
    }
  } finally {
    progress.stop();
    consumer.end();
    // RabbitMQ 4.3 counts what is left to the end of a channel against a delivery limit, but not a nack
    if (copy && source.isOpen) last?.nack({ multiple: true });
  }
  if (isTerminal.err()) printNote(`${publisher.published} messages ${copy ? 'copied' : 'moved'}`);
  return publisher.published > 0 ? EXIT.OK : EXIT.EMPTY;
}

/** @throws {ExitError} what was published has come back: an exchange leads to the queue that it was taken from */
function checkReturn(
  group: readonly IncomingMessage[],
  messages: readonly OutgoingMessage[],
  { isSame, from, flags: { toExchange = '' } }: Route,
): void {
  const isReturned = ({ exchange, routingKey }: IncomingMessage, index: number) =>
    exchange === toExchange && routingKey === messages[index]!.routingKey;
  if (isSame && group.some(isReturned))
    throw new ExitError(
      `the exchange "${toExchange}" leads back to "${from}": all that was there has been moved once, and comes again`,
    );
}

/** The message as it was, but for its address; RabbitMQ takes only the name of the own user. */
function outgoing(
  message: IncomingMessage,
  { to, flags: { toExchange, toRoutingKey } }: Route,
): OutgoingMessage {
  const { userId: _, ...properties } = message.properties;
  const kept = toExchange === undefined ? to! : message.routingKey;
  return { ...properties, body: message.body, routingKey: toRoutingKey ?? kept };
}
