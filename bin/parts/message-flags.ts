import { type Command, InvalidArgumentError } from 'commander';
import type { PropertiesInput } from '../../src/index';
import { duration, type Entries, entry, integer, moment } from './values';

export interface MessageFlags {
  contentType?: string;
  contentEncoding?: string;
  header?: Entries;
  persistent?: boolean;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: number;
  messageId?: string;
  timestamp?: Date | bigint;
  type?: string;
  userId?: string;
  appId?: string;
}

/** Every property of a message; the letters are those of amqp-publish. `own`: those that the verb sets itself. */
export function messageFlags(command: Command, own: readonly string[] = []): Command {
  command
    .optionsGroup('The message:')
    .option('-H, --header <entry>', '"key: value", or key:=json for other types; again for more', entry)
    .option('-p, --persistent', 'it survives a restart of the broker, as a durable queue does')
    .option('-C, --content-type <type>', 'such as application/json')
    .option('-E, --content-encoding <encoding>', 'such as gzip')
    .option('-t, --reply-to <queue>', 'where answers go')
    .option('--correlation-id <id>', 'what answers are to name')
    .option('--priority <number>', '0 to 255', integer(0, 255))
    .option('--expiration <time>', 'how long it lives: 500ms, 5s, 2m', duration)
    .option('--message-id <id>', 'a name of its own')
    .option('--timestamp <time>', 'a date, or seconds since 1970', moment)
    .option('--type <type>', 'what kind of message it is')
    .option('--user-id <user>', 'checked by the broker')
    .option('--app-id <app>', 'the program');
  for (const option of command.options.filter(({ long }) => own.includes(long ?? '')))
    option.hideHelp().argParser(() => {
      throw new InvalidArgumentError(`${command.name()} sets it itself.`);
    });
  return command;
}

export function propertiesOf(flags: MessageFlags): PropertiesInput {
  const { header, persistent, expiration } = flags;
  const given: PropertiesInput = {
    contentType: flags.contentType,
    contentEncoding: flags.contentEncoding,
    headers: header,
    deliveryMode: persistent ? 2 : undefined,
    priority: flags.priority,
    correlationId: flags.correlationId,
    replyTo: flags.replyTo,
    expiration: expiration === undefined ? undefined : String(Math.round(expiration)),
    messageId: flags.messageId,
    timestamp: flags.timestamp,
    type: flags.type,
    userId: flags.userId,
    appId: flags.appId,
  };
  // a property that no flag gives must not win over what the JSON of a message says
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
