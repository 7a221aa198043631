import { ExitError } from './exit-status';

/**
 * RabbitMQ's definitions, as `rabbitmqctl export_definitions` and its management write them: what of it AMQP can make, in
 * one vhost. A file of a single vhost says of its entries no vhost.
 */
export interface Definitions {
  exchanges: readonly ExchangeDefinition[];
  queues: readonly QueueDefinition[];
  bindings: readonly BindingDefinition[];
  /** What AMQP cannot make, or not here, in words. */
  skipped: readonly string[];
}

type Arguments = Record<string, never>;

export interface ExchangeDefinition {
  name: string;
  type: string;
  durable: boolean;
  autoDelete: boolean;
  internal: boolean;
  arguments: Arguments;
}

export interface QueueDefinition {
  name: string;
  durable: boolean;
  autoDelete: boolean;
  arguments: Arguments;
}

export interface BindingDefinition {
  source: string;
  destination: string;
  isToQueue: boolean;
  routingKey: string;
  arguments: Arguments;
}

/** What else a file may have, and what names it. */
const OTHERS: Readonly<Record<string, string>> = {
  users: 'name',
  permissions: 'user',
  topic_permissions: 'user',
  policies: 'name',
  parameters: 'name',
  global_parameters: 'name',
};

/** @throws {ExitError} saying what is wrong with it */
export function definitionsFrom(text: string, vhost: string): Definitions {
  const file = parsed(text);
  const elsewhere = new Map<string, number>();
  const read = <T>(kind: string, make: (entry: Entry) => T): T[] => {
    const entries = listOf(file, kind).map((entry, index) => new Entry(entry, `${kind}[${index}]`));
    return entries.flatMap((entry) => {
      const theirs = entry.text('vhost', vhost);
      if (theirs === vhost) return [make(entry)];
      elsewhere.set(theirs, (elsewhere.get(theirs) ?? 0) + 1);
      return [];
    });
  };
  const exchanges = read('exchanges', exchangeFrom);
  const queues = read('queues', queueFrom);
  const bindings = read('bindings', bindingFrom);
  const vhosts = listOf(file, 'vhosts').map(({ name }) => name);
  const skipped = [
    ...Object.entries(OTHERS).map(
      ([kind, name]) => [kind, listOf(file, kind).map((entry) => entry[name])] as const,
    ),
    ['vhosts', vhosts.filter((name) => name !== vhost)] as const,
  ].filter(([, names]) => names.length > 0);
  return {
    exchanges,
    queues,
    bindings,
    skipped: [
      ...skipped.map(
        ([kind, names]) =>
          `${kind.replace('_', ' ')} ${[...new Set(names)].join(', ')}: AMQP cannot make them`,
      ),
      ...Array.from(
        elsewhere,
        ([name, count]) => `what is in the vhost ${name} (${count}): apply it with --vhost ${name}`,
      ),
    ],
  };
}

type Json = Readonly<Record<string, unknown>>;

function parsed(text: string): Json {
  const what = 'it is no definitions of RabbitMQ';
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new ExitError(`${what}: ${(error as Error).message}`);
  }
  if (!isObject(file)) throw new ExitError(`${what}: they are a JSON object`);
  if (['exchanges', 'queues', 'bindings'].some((kind) => kind in file)) return file;
  throw new ExitError(`${what}: it has no exchanges, queues or bindings`);
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function listOf(file: Json, kind: string): readonly Json[] {
  const list = file[kind] ?? [];
  if (Array.isArray(list) && list.every(isObject)) return list;
  throw new ExitError(`${kind} must be a list of objects`);
}

/** An entry of the file, whose fields are checked as they are read. */
class Entry {
  constructor(
    readonly json: Json,
    readonly where: string,
  ) {}

  text(field: string, missing?: string): string {
    return this.#read(field, missing, (value) => typeof value === 'string', 'a string') as string;
  }

  flag(field: string): boolean {
    return this.#read(field, false, (value) => typeof value === 'boolean', 'true or false') as boolean;
  }

  get arguments(): Arguments {
    return this.#read('arguments', {}, isObject, 'an object') as Arguments;
  }

  #read(field: string, missing: unknown, isRight: (value: unknown) => boolean, what: string): unknown {
    const value = this.json[field] ?? missing;
    if (isRight(value)) return value;
    throw new ExitError(`${this.where}: its ${field} must be ${what}`);
  }
}

const exchangeFrom = (entry: Entry): ExchangeDefinition => ({
  name: entry.text('name'),
  type: entry.text('type'),
  durable: entry.flag('durable'),
  autoDelete: entry.flag('auto_delete'),
  internal: entry.flag('internal'),
  arguments: entry.arguments,
});

function queueFrom(entry: Entry): QueueDefinition {
  const type = entry.text('type', 'classic');
  return {
    name: entry.text('name'),
    durable: entry.flag('durable'),
    autoDelete: entry.flag('auto_delete'),
    arguments: { ...(type !== 'classic' && { 'x-queue-type': type }), ...entry.arguments } as Arguments,
  };
}

function bindingFrom(entry: Entry): BindingDefinition {
  const kind = entry.text('destination_type', 'queue');
  if (kind !== 'queue' && kind !== 'exchange')
    throw new ExitError(`${entry.where}: its destination_type must be queue or exchange`);
  return {
    source: entry.text('source'),
    destination: entry.text('destination'),
    isToQueue: kind === 'queue',
    routingKey: entry.text('routing_key', ''),
    arguments: entry.arguments,
  };
}
