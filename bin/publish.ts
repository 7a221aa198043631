import { closeSync, openSync } from 'node:fs';
import { Option } from 'commander';
import { BatchPublisher } from './parts/batch-publisher';
import { type BrokerFlags, brokerFlags, withChannel } from './parts/broker-connection';
import { EXIT, ExitError } from './parts/exit-status';
import { groups, readAll, STDIN } from './parts/input';
import { type MessageFlags, messageFlags, propertiesOf } from './parts/message-flags';
import { messageFromJson, type OutgoingMessage } from './parts/message-json';
import { isTerminal, printNote, sizeOf } from './parts/output';
import { Progress } from './parts/progress';
import { duration, integer } from './parts/values';
import type { Verb } from './verb';

interface Flags extends BrokerFlags, MessageFlags {
  exchange?: string;
  routingKey?: string;
  body?: string;
  file?: string;
  lineBuffered?: boolean;
  lines?: boolean;
  null?: boolean;
  json?: boolean;
  allowEmpty?: boolean;
  count: number;
  confirm: boolean;
  mandatory: boolean;
  window: number;
  timeout?: number;
}

const NEWLINE = 0x0a;

export const verb: Verb = {
  notes: `
Examples:
  amqp-sync publish -r tasks 'a task'
  date | amqp-sync publish -e logs -p -C text/plain -H 'host: web-1' -H 'x-delay:={"$int32":5000}'
  amqp-sync publish -r lines --lines -f access.log
`,

  define(command) {
    command
      .argument('[body...]', 'bodies, a message each; without one, what comes from stdin')
      .option('-e, --exchange <exchange>', 'publish to it; default: the default exchange')
      .option('-r, --routing-key <key>', 'for the default exchange, the name of the queue')
      .option('-b, --body <body>', 'the body')
      .option('-f, --file <file>', 'read from a file instead of stdin')
      .option('-l, --line-buffered', 'a message for each line, with its newline, as amqp-publish does')
      .addOption(
        new Option('--lines', 'a message for each line, without its newline').conflicts('lineBuffered'),
      )
      .addOption(
        new Option('-0, --null', 'a message up to each zero byte').conflicts(['lines', 'lineBuffered']),
      )
      .addOption(
        new Option('-j, --json', 'a message for each line of JSON, as consume --json prints them').conflicts([
          'lines',
          'lineBuffered',
          'null',
          'body',
        ]),
      )
      .option('--allow-empty', 'publish an empty message if the input is empty')
      .option('-c, --count <number>', 'publish each body so many times', integer(1), 1)
      .option('--no-confirm', 'do not wait until the broker has taken it')
      .option('--no-mandatory', 'a message that no queue takes is no error')
      .option('--window <number>', 'unconfirmed messages at most', integer(1, 0xffff_ffff), 1000)
      .option('--timeout <time>', 'for the confirms, as a whole for one group of messages', duration);
    return brokerFlags(messageFlags(command));
  },

  run(options, bodies) {
    const flags = options as Flags;
    const { exchange, routingKey, confirm, window, timeout } = flags;
    return withChannel(flags, (channel) => {
      const progress = new Progress(totalOf(flags, bodies), 'bytes');
      const address = Object.fromEntries(
        Object.entries({ exchange, routingKey }).filter(([, value]) => value !== undefined),
      );
      const said = { ...propertiesOf(flags), ...address };
      const mandatory = confirm && flags.mandatory;
      const publisher = new BatchPublisher(channel, { mandatory, window, confirm, timeout }, progress);
      try {
        for (const group of messages(flags, bodies))
          publisher.add(group.map((item) => ({ ...item, ...said })));
      } finally {
        progress.stop();
      }
      if (isTerminal.err() && publisher.published > 1) printNote(`${publisher.published} messages published`);
      return 0;
    });
  },
};

/** Bytes, if the end is known. */
function totalOf({ file, body }: Flags, bodies: readonly string[]): number | undefined {
  if (body !== undefined || bodies.length > 0) return undefined;
  return sizeOf(file ?? STDIN);
}

/** The messages in groups, as they come. */
function* messages(flags: Flags, bodies: readonly string[]): Iterable<OutgoingMessage[]> {
  const given = flags.body === undefined ? bodies : [flags.body, ...bodies];
  if (given.length > 0)
    return yield* repeated(
      flags.count,
      given.map((body) => ({ body: Buffer.from(body) })),
    );
  if (flags.file === undefined && isTerminal.in())
    printNote('the body comes from the keyboard; Ctrl-D ends it');
  const fd = flags.file === undefined ? STDIN : openSync(flags.file, 'r');
  try {
    yield* fromInput(flags, fd);
  } finally {
    if (fd !== STDIN) closeSync(fd);
  }
}

function* fromInput(flags: Flags, fd: number): Iterable<OutgoingMessage[]> {
  const { count, lineBuffered, lines, null: zero, json, allowEmpty, file = 'stdin' } = flags;
  if (json) return yield* parsed(fd);
  if (lineBuffered || lines || zero) {
    for (const group of groups(fd, zero ? 0 : NEWLINE, lineBuffered === true))
      yield* repeated(
        count,
        group.map((body) => ({ body })),
      );
    return;
  }
  const body = readAll(fd);
  // a pipe whose first part has failed, or cron: more often a mistake than a message
  if (body.length === 0 && !allowEmpty)
    throw new ExitError(
      `nothing is published: ${file} is empty; an empty message needs --allow-empty`,
      EXIT.EMPTY,
    );
  yield* repeated(count, [{ body }]);
}

/** A line that is wrong ends it; those before it are published. */
function* parsed(fd: number): Iterable<OutgoingMessage[]> {
  let number = 0;
  for (const group of groups(fd, NEWLINE, false)) {
    const good: OutgoingMessage[] = [];
    for (const line of group) {
      number++;
      const text = line.toString();
      if (text.trim() === '') continue;
      try {
        good.push(messageFromJson(text));
      } catch (error) {
        yield good;
        throw new ExitError(`line ${number} is no message: ${(error as Error).message}`);
      }
    }
    yield good;
  }
}

function* repeated(count: number, group: OutgoingMessage[]): Iterable<OutgoingMessage[]> {
  for (let time = 0; time < count; time++) yield group;
}
