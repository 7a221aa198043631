import { type Command, Option } from 'commander';
import { type Channel, type IncomingMessage, PreconditionFailedError } from '../../src/index';
import { BoundedConsumer, isOfStream } from './bounded-consumer';
import { type Condition, condition } from './condition';
import { ExitError } from './exit-status';
import { printNote } from './output';
import { duration, integer, type Offset, offsetFlag } from './values';

export interface SourceFlags {
  where?: Condition;
  copy?: boolean;
  force?: boolean;
  offset?: Offset;
  count?: number;
  timeout: number;
}

/** The limit of AMQP: prefetch-count is a short. */
const MOST_PREFETCH = 65_535;

/** What a verb says of these flags. */
export const SOURCE_NOTE = `With --copy or --where only those are read that are there now. What is left goes back when this ends, to
its old place if nobody else consumes meanwhile; the broker counts that as a delivery, and a quorum
queue drops what is over its delivery limit, 20 in RabbitMQ 4 unless it has another. So it takes --force
there. A stream keeps everything, and is read from --offset on.`;

/** The flags of verbs that take messages elsewhere. */
export function sourceFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--where <condition>', 'only those for which it holds, see below; again for more').argParser(
        condition,
      ),
    )
    .option('--copy', 'leave them where they are; only those that are there now')
    .option('--force', 'even if the queue counts against a delivery limit what is given back')
    .addOption(offsetFlag())
    .option('-c, --count <number>', 'so many at most', integer(1))
    .addOption(
      new Option('--timeout <time>', 'end when nothing has come for so long')
        .argParser(duration)
        .default(1000, '1s'),
    );
}

/** The messages of a queue that a verb takes elsewhere: those that fit, in groups. The others, and copies, go back at the end. */
export class QueueSource {
  /** Messages that were there at the beginning. */
  readonly there: number;
  /** Messages that will come, as far as that is known. */
  readonly expected: number | undefined;
  readonly #consumer: BoundedConsumer | undefined;
  /** The last message that is to go back. */
  #last: IncomingMessage | undefined;

  /** @throws {ExitError} the queue would count against a delivery limit what goes back */
  constructor(
    readonly channel: Channel,
    readonly queue: string,
    readonly flags: SourceFlags,
    readonly group: number,
  ) {
    const { copy = false, force, where, offset, count = Number.POSITIVE_INFINITY, timeout } = flags;
    const givesBack = (copy || where !== undefined) && offset === undefined;
    if (givesBack && !force && isQuorum(channel, queue)) throw new ExitError(counted(queue));
    this.there = channel.queueDeclare(queue, { passive: true }).messageCount;
    this.expected = offset === undefined && where === undefined ? Math.min(this.there, count) : undefined;
    // what has been read and goes back must not be read again
    const least = where === undefined ? count : Number.POSITIVE_INFINITY;
    const most = givesBack ? Math.min(this.there, least) : least;
    if (most === 0) return;
    this.#consumer = new BoundedConsumer(channel, queue, {
      count: most === Number.POSITIVE_INFINITY ? undefined : most,
      // nothing would come behind what is not settled; what is settled beside that must bring nothing more
      prefetch: !givesBack ? group : where !== undefined || most > MOST_PREFETCH ? 0 : most,
      timeout,
      offset,
    });
  }

  /** Messages that fit, as they come. Blocks for each group. */
  *groups(): Iterable<IncomingMessage[]> {
    const { where, count = Number.POSITIVE_INFINITY } = this.flags;
    let left = count;
    let hasCome = false;
    while (left > 0) {
      const come = this.#consumer?.next(Math.min(this.group, left)) ?? [];
      if (come.length === 0) return hasCome ? undefined : this.#tellOfNone();
      hasCome = true;
      const group =
        where === undefined ? come : come.filter((message) => where(message) || this.#keep(message));
      left -= group.length;
      if (group.length > 0) yield group;
    }
  }

  /** A stream has messages, but without an offset only those come that are published from now on. */
  #tellOfNone(): void {
    if (this.there > 0 && this.flags.offset === undefined)
      printNote(
        `none of the messages of "${this.queue}" came (there were ${this.there}): ` +
          'if it is a stream, say with --offset where to begin (first: at the oldest message)',
      );
  }

  /** The message is elsewhere, and can go. */
  taken(message: IncomingMessage): void {
    if (this.flags.copy) this.#keep(message);
    else this.#consumer!.settle(message, () => message.ack());
  }

  #keep(message: IncomingMessage): false {
    if (isOfStream(message)) this.#consumer!.settle(message, () => message.ack());
    else this.#last = message;
    return false;
  }

  /** Give back what has been kept. */
  end(): void {
    this.#consumer?.end(this.#last);
  }
}

const counted = (queue: string) =>
  `"${queue}" is a quorum queue, which counts what is given back against its delivery limit and drops what is over it; ` +
  'move all messages, or add --force';

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
