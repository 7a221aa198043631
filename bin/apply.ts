import {
  type Channel,
  type Connection,
  NotFoundError,
  PreconditionFailedError,
  ResourceLockedError,
} from '../src/index';
import {
  type BrokerFlags,
  brokerFlags,
  nameOf,
  noMore,
  vhostOf,
  withConnection,
} from './parts/broker-connection';
import {
  type BindingDefinition,
  type Definitions,
  definitionsFrom,
  type ExchangeDefinition,
  type QueueDefinition,
} from './parts/definitions';
import { EXIT, ExitError } from './parts/exit-status';
import { contentOf } from './parts/input';
import { print, printError, printNote } from './parts/output';
import type { Verb } from './verb';

interface Flags extends BrokerFlags {
  dryRun?: boolean;
}

export const verb: Verb = {
  notes: `
The file is what rabbitmqctl export_definitions writes, or RabbitMQ's management; - is stdin. Its
exchanges, queues and bindings of one vhost are made. Users, permissions, policies, parameters and
vhosts are named and left out: AMQP cannot make them. If the broker has something otherwise, nothing is
changed: the table says what differs (of each the first difference, for the broker tells no more). AMQP
cannot ask for a binding, so --dry-run does not know whether it is there; to bind it again changes
nothing.
Exits with 1 if something differs; with --dry-run also if something is missing.

Examples:
  rabbitmqctl export_definitions broker.json && amqp-sync apply broker.json -u amqp://other-host
  amqp-sync apply broker.json --dry-run
`,

  define(command) {
    command
      .argument('[file]', 'the definitions as JSON')
      .option('--dry-run', 'change nothing: say what is missing, and what differs');
    return brokerFlags(command);
  },

  run(options, args) {
    const flags = options as Flags;
    const file = nameOf('file', undefined, args);
    noMore(args);
    const definitions = definitionsFrom(contentOf(file), vhostOf(flags));
    return withConnection(flags, (connection) => {
      const items = itemsOf(definitions);
      const states = inspectAll(connection, items);
      for (const what of definitions.skipped) printNote(`left out: ${what}`);
      const rows = table(items);
      const counted = (kind: State['kind']) => states.filter((state) => state.kind === kind).length;
      const differ = counted('differs');
      if (flags.dryRun || differ > 0) {
        for (const [index, state] of states.entries()) rows(items[index]!, said(state));
        if (differ > 0)
          printError(`${differ} of ${items.length} differ${flags.dryRun ? '' : ': nothing is changed'}`);
        return differ > 0 || counted('missing') > 0 ? EXIT.ERROR : EXIT.OK;
      }
      const channel = connection.channel();
      for (const [index, { kind }] of states.entries()) {
        const item = items[index]!;
        if (kind !== 'is there') make(channel, item);
        rows(item, kind === 'is there' ? kind : 'made');
      }
      return EXIT.OK;
    });
  },
};

/** Something to be made. Exchanges stand before queues, and both before what binds them. */
interface Item {
  what: 'exchange' | 'queue' | 'binding';
  name: string;
  /** See whether it is there. Undefined: AMQP cannot ask. */
  ask?: (channel: Channel) => void;
  /** Make it; where it is already, this changes nothing, or fails and says what differs. */
  make?: ((channel: Channel) => void) | undefined;
}

function itemsOf({ exchanges, queues, bindings }: Definitions): Item[] {
  return [
    ...exchanges.filter(({ name }) => name !== '').map(exchangeItem),
    ...queues.map(queueItem),
    ...bindings.filter(({ source }) => source !== '').map(bindingItem),
  ];
}

/** Names that only the broker gives: what has one is there, or cannot be made. */
const isReserved = (name: string) => name.startsWith('amq.');

function exchangeItem({ name, type, ...options }: ExchangeDefinition): Item {
  return {
    what: 'exchange',
    name,
    ask: (channel) => channel.exchangeDeclare(name, type, { passive: true }),
    make: isReserved(name) ? undefined : (channel) => channel.exchangeDeclare(name, type, options),
  };
}

function queueItem({ name, ...options }: QueueDefinition): Item {
  return {
    what: 'queue',
    name,
    ask: (channel) => channel.queueDeclare(name, { passive: true }),
    make: isReserved(name) ? undefined : (channel) => channel.queueDeclare(name, options),
  };
}

function bindingItem({ source, destination, isToQueue, ...options }: BindingDefinition): Item {
  const key = options.routingKey === '' ? '' : ` (${options.routingKey})`;
  return {
    what: 'binding',
    name: `${source} -> ${destination}${key}`,
    make: (channel) =>
      isToQueue
        ? channel.queueBind(destination, source, options)
        : channel.exchangeBind(destination, source, options),
  };
}

interface State {
  kind: 'is there' | 'missing' | 'differs' | 'unknown';
  how?: string;
}

const said = ({ kind, how }: State) =>
  kind === 'unknown' ? 'AMQP cannot ask' : how === undefined ? kind : `${kind}: ${how}`;

/** A channel is used until an answer has closed it. */
function inspectAll(connection: Connection, items: readonly Item[]): State[] {
  let channel = connection.channel();
  const states = items.map((item) => {
    if (!channel.isOpen) channel = connection.channel();
    return inspect(channel, item);
  });
  if (channel.isOpen) channel.close();
  return states;
}

function inspect(channel: Channel, { ask, make }: Item): State {
  if (ask === undefined) return { kind: 'unknown' };
  try {
    ask(channel);
    make?.(channel);
    return { kind: 'is there' };
  } catch (error) {
    if (error instanceof NotFoundError)
      return make === undefined
        ? { kind: 'differs', how: 'it is missing, and only the broker makes names with amq.' }
        : { kind: 'missing' };
    if (error instanceof ResourceLockedError)
      return { kind: 'differs', how: 'it is exclusive to another connection' };
    if (error instanceof PreconditionFailedError) return { kind: 'differs', how: difference(error) };
    throw error;
  }
}

function difference({ argument, wanted, got, replyText, message }: PreconditionFailedError): string {
  if (argument === undefined) return replyText ?? message;
  const [theirs, ours] = [got, wanted].map((value) => (value === undefined ? 'not given' : value || "''"));
  return `${argument} is ${theirs}, and in the file ${ours}`;
}

function make(channel: Channel, { what, name, make: run }: Item): void {
  try {
    run!(channel);
  } catch (error) {
    throw new ExitError(`the ${what} ${name} cannot be made: ${(error as Error).message}`);
  }
}

/** Prints a row for an item, in columns. */
function table(items: readonly Item[]): (item: Item, state: string) => void {
  const width = Math.max(0, ...items.map(({ name }) => name.length));
  return ({ what, name }, state) => print(`${what.padEnd(8)}  ${name.padEnd(width)}  ${state}\n`);
}
