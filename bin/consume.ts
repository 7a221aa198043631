import { Option } from 'commander';
import type { Channel, IncomingMessage } from '../src/index';
import { BoundedConsumer } from './parts/bounded-consumer';
import { type BrokerFlags, brokerFlags, noMore, withChannel } from './parts/broker-connection';
import { EXIT } from './parts/exit-status';
import { FORMAT_NOTE } from './parts/format';
import { isTerminal, printError, printNote } from './parts/output';
import { type PrintFlags, printer, printFlags, teller } from './parts/printing';
import { Progress } from './parts/progress';
import { duration, integer, list, type Offset, offsetFlag } from './parts/values';
import { killAfter, runCommand } from './parts/worker-command';
import type { Verb } from './verb';

interface Flags extends BrokerFlags, PrintFlags {
  queue?: string;
  exchange?: string;
  routingKey?: string[];
  declare?: boolean;
  exclusive?: boolean;
  offset?: Offset;
  ack: boolean;
  count?: number;
  prefetchCount?: number;
  prefetch?: number;
  timeout?: number;
  onFailure: OnFailure;
  killAfter: number;
}

/** Messages that are sent ahead. */
const PREFETCH = 100;

type OnFailure = 'keep' | 'requeue' | 'reject' | 'stop';

export const verb: Verb = {
  notes: `
A message is acked once it is written, or its command has ended with 0. Without --on-failure one whose
command fails is put back at the end. Ctrl-C, SIGTERM and SIGHUP are passed on to the command; if it then
ends with 0 its message is acked, and if the signal or --kill-after has ended it, it is put back.
The command finds AMQP_EXCHANGE, AMQP_ROUTING_KEY, AMQP_MESSAGE_ID, AMQP_CORRELATION_ID, AMQP_REPLY_TO,
AMQP_TYPE, AMQP_CONTENT_TYPE and AMQP_REDELIVERED in its environment.
With -q no -- is needed: the first argument that is no option begins the command, as with amqp-consume.
${FORMAT_NOTE}
Exits with 2 if nothing came, and with 1 if a command failed.

Examples:
  amqp-sync consume tasks --json --parse | jq .body
  amqp-sync consume tasks --format '%T %k %{headers.host} %s\\n'
  amqp-sync consume tasks -p 1 --on-failure reject -- ./work.sh
  amqp-sync consume -q tasks ./work.sh
  amqp-sync consume a-stream --offset 1h --timeout 1s
  amqp-sync consume -e logs -r 'error.*' --lines
`,

  define(command) {
    command
      .argument('[queue]', 'the queue; without one, a queue is made for the time being')
      .argument('[command...]', 'with -q: to be run for each message')
      .usage('[options] [queue] [-- command [args...]]')
      .option('-q, --queue <queue>', 'the queue; a command may follow the options without --')
      .on('option:queue', () => command.passThroughOptions())
      .option('-e, --exchange <exchange>', 'bind the queue to it first')
      .option('-r, --routing-key <keys>', 'with these keys (commas, or again)', list)
      .option('-x, --exclusive', 'declare the queue for this program alone; it goes with it')
      .addOption(new Option('-d, --declare', 'the same').hideHelp())
      .addOption(offsetFlag())
      .option('-A, --no-ack', 'the broker forgets a message when it has sent it')
      .option('-c, --count <number>', 'end after so many messages', integer(1))
      .option(
        '-p, --prefetch-count <number>',
        `messages that are sent ahead, never more than --count; default ${PREFETCH}, with a command 1`,
        integer(1, 65535),
      )
      .addOption(new Option('--prefetch <number>', 'the same').argParser(integer(1, 65535)).hideHelp())
      .option('--timeout <time>', 'end when nothing has come for so long; default: never', duration)
      .addOption(
        new Option('--on-failure <how>', 'what becomes of a message whose command fails')
          .choices(['keep', 'requeue', 'reject', 'stop'])
          .default('keep'),
      )
      .addOption(killAfter());
    return brokerFlags(printFlags(command));
  },

  command({ queue }: Flags, args, behind) {
    if (queue === undefined || args.length === 0) return behind;
    return [...args.splice(0), ...(behind === undefined ? [] : ['--', ...behind])];
  },

  run(options, args, { command }) {
    const flags = options as Flags;
    const name = flags.queue ?? args.shift() ?? '';
    noMore(args);
    return withChannel(flags, (channel) => {
      const queue = prepare(channel, name, flags);
      const { ack, count, timeout, offset } = flags;
      const prefetch = prefetchOf(flags, command);
      const consumer = new BoundedConsumer(channel, queue, { noAck: !ack, count, timeout, prefetch, offset });
      const worker = command === undefined ? printing(flags, consumer) : working(flags, command, consumer);
      // on the same terminal as the messages it would be in their way
      const progress = isTerminal.out() ? undefined : new Progress(count, 'messages');
      try {
        for (const message of consumer) {
          if (!worker.take(message)) break;
          progress?.add(1, message.body.length);
        }
      } finally {
        progress?.stop();
        consumer.end();
      }
      return worker.status();
    });
  },
};

/** The queue to consume from, declared and bound as the flags say. */
function prepare(channel: Channel, name: string, flags: Flags): string {
  const { exchange, routingKey, declare, exclusive } = flags;
  let queue = name;
  const isNew = name === '' || declare || exclusive;
  if (isNew) {
    const made = channel.queueDeclare(queue, { exclusive: true, autoDelete: true }).queue;
    if (name === '') printNote(`the broker calls the queue ${made}`);
    queue = made;
  }
  if (exchange !== undefined)
    for (const key of routingKey ?? ['']) channel.queueBind(queue, exchange, { routingKey: key });
  return queue;
}

/** A command takes its time: what is sent ahead of it would be kept from others, and go back when a signal ends it. */
function prefetchOf({ prefetchCount, prefetch, count }: Flags, command: unknown): number {
  const usual = command === undefined ? PREFETCH : 1;
  return Math.min(prefetchCount ?? prefetch ?? usual, count ?? Number.POSITIVE_INFINITY);
}

interface Worker {
  /** @returns false when no more should come */
  take(message: IncomingMessage): boolean;
  status(): number;
}

function printing(flags: Flags, consumer: BoundedConsumer): Worker {
  const show = printer(flags);
  let printed = 0;
  return {
    take(message) {
      show(message);
      if (flags.ack) consumer.settle(message, () => message.ack());
      printed++;
      return true;
    },
    status: () => (printed > 0 ? EXIT.OK : EXIT.EMPTY),
  };
}

function working(flags: Flags, command: readonly string[], consumer: BoundedConsumer): Worker {
  const { ack, onFailure, killAfter: limit, prefetchCount, prefetch = PREFETCH } = flags;
  const tell = teller(flags);
  const most = prefetchCount ?? prefetch;
  let done = 0;
  let failed = 0;
  return {
    take(message) {
      tell(message);
      const { ok, why } = runCommand(command, message, { capture: false, killAfter: limit });
      if (ok) done++;
      else {
        failed++;
        printError(`message ${done + failed}: ${why}`);
      }
      const how = settlement(message, ok, onFailure);
      if (ack && how !== undefined) consumer.settle(message, how);
      if (ok) return true;
      if (ack && onFailure === 'keep' && failed >= most) {
        printError(`${failed} messages failed and are kept: no more come before they are put back`);
        return false;
      }
      if (onFailure === 'stop') return false;
      if (how === undefined) consumer.keep(message);
      return true;
    },
    status: () => (failed > 0 ? EXIT.ERROR : done > 0 ? EXIT.OK : EXIT.EMPTY),
  };
}

/** How a message is settled; one that is kept never is. What is given up is requeued as by subscribers: counted, and not in a hot loop. */
function settlement(message: IncomingMessage, ok: boolean, onFailure: OnFailure): (() => void) | undefined {
  if (ok) return () => message.ack();
  if (onFailure === 'reject') return () => message.reject();
  if (onFailure === 'requeue') return () => message[Symbol.dispose]();
  return undefined;
}
