import { AccessRefusedError, type Channel, type IncomingMessage, ResourceLockedError } from '../src/index';
import { BatchPublisher } from './parts/batch-publisher';
import { type BrokerFlags, brokerFlags, nameOf, noMore, withChannel } from './parts/broker-connection';
import { WHERE_NOTE } from './parts/condition';
import { EXIT, ExitError } from './parts/exit-status';
import type { OutgoingMessage } from './parts/message-json';
import { isTerminal, printNote } from './parts/output';
import { Progress } from './parts/progress';
import { QueueSource, SOURCE_NOTE, type SourceFlags, sourceFlags } from './parts/queue-source';
import type { Verb } from './verb';

interface Flags extends BrokerFlags, SourceFlags {
  queue?: string;
  toUrl?: string;
  toExchange?: string;
  toRoutingKey?: string;
}

/** Messages at most that are published, confirmed and then acked together. */
const GROUP = 500;

export const verb: Verb = {
  notes: `
Messages are acked once the other side has confirmed them: none is lost, and if this is cut off some may be
there twice.
${SOURCE_NOTE}
${WHERE_NOTE}

Examples:
  amqp-sync shovel orders.dead orders
  amqp-sync shovel orders orders --to-url amqp://other-host -c 1000
  amqp-sync shovel orders --to-exchange audit --copy
  amqp-sync shovel orders.dead orders --where 'headers.tries<3' --where 'key=eu.*'
`,

  define(command) {
    command
      .argument('[from]', 'the queue to take from')
      .argument('[to]', 'the queue to put into')
      .option('-q, --queue <queue>', 'the queue to take from')
      .option('--to-url <url>', 'another broker; default: the same')
      .option('--to-exchange <exchange>', 'publish there instead; the routing key of each message stays')
      .option('--to-routing-key <key>', 'another routing key');
    return brokerFlags(sourceFlags(command));
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
  const { source: channel, target, from, flags } = route;
  const { toExchange: exchange = '', copy } = flags;
  const source = new QueueSource(channel, from, flags, GROUP);
  const progress = new Progress(source.expected, 'messages');
  const publisher = new BatchPublisher(
    target,
    { exchange, mandatory: true, confirm: true, window: GROUP },
    progress,
  );
  try {
    for (const group of source.groups()) {
      const messages = group.map((message) => outgoing(message, route));
      if (publisher.published >= source.there) checkReturn(group, messages, route);
      publisher.add(messages, (index) => source.taken(group[index]!));
    }
  } finally {
    progress.stop();
    source.end();
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
