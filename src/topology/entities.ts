import type { Args, Method } from '../protocol/method-types';

export type JournalBinding =
  | { name: 'queue.bind'; args: Args<'queue.bind'> }
  | { name: 'exchange.bind'; args: Args<'exchange.bind'> };

export interface JournalQueue {
  args: Args<'queue.declare'>;
  /** The broker made the name, and will make another one. */
  isServerNamed: boolean;
}

/** Exchanges, queues and bindings, in the order in which they were declared. */
export class Entities {
  readonly exchanges = new Map<string, Args<'exchange.declare'>>();
  readonly queues = new Map<string, JournalQueue>();
  readonly #bindings = new Map<string, JournalBinding>();

  get bindings(): JournalBinding[] {
    return [...this.#bindings.values()];
  }

  declareQueue(queue: string, args: Args<'queue.declare'>): void {
    if (!args.passive) this.queues.set(queue, { args, isServerNamed: args.queue === '' });
  }

  /** @returns whether the method was one to be remembered */
  apply(method: Method): boolean {
    switch (method.name) {
      case 'exchange.declare':
        if (!method.args.passive) this.exchanges.set(method.args.exchange, method.args);
        return !method.args.passive;
      case 'exchange.delete':
        this.deleteExchange(method.args.exchange);
        return true;
      case 'queue.bind':
      case 'exchange.bind':
        this.#bindings.set(keyOf(method), method);
        return true;
      case 'queue.unbind':
      case 'exchange.unbind':
        this.#unbind((key) => key === keyOf(method));
        return true;
      default:
        return false;
    }
  }

  /** A method was refused after all. */
  undo(method: Method): void {
    if (method.name === 'exchange.declare') this.deleteExchange(method.args.exchange);
    if (method.name === 'queue.bind' || method.name === 'exchange.bind') this.#bindings.delete(keyOf(method));
  }

  deleteQueue(queue: string): void {
    this.queues.delete(queue);
    this.#unbind((_key, { name, args }) => name === 'queue.bind' && args.queue === queue);
  }

  deleteExchange(exchange: string): void {
    this.exchanges.delete(exchange);
    this.#unbind((_key, binding) => {
      return sourceOf(binding) === exchange || destinationExchange(binding) === exchange;
    });
  }

  /** Bindings go, and with the last one of an autoDelete exchange that. */
  #unbind(isGone: (key: string, binding: JournalBinding) => boolean): void {
    const gone = [...this.#bindings].filter(([key, binding]) => isGone(key, binding));
    for (const [key] of gone) this.#bindings.delete(key);
    for (const [, binding] of gone) {
      const source = sourceOf(binding);
      const isUsed = this.bindings.some((other) => sourceOf(other) === source);
      if (!isUsed && this.exchanges.get(source)?.autoDelete) this.deleteExchange(source);
    }
  }

  /** The queue has another name; bindings by its name are by the new one. */
  rename(old: string, fresh: string): void {
    const queue = this.queues.get(old);
    if (queue !== undefined) this.queues.set(fresh, queue);
    this.queues.delete(old);
    for (const [key, { name, args }] of [...this.#bindings]) {
      if (name !== 'queue.bind' || args.queue !== old) continue;
      const routingKey = args.routingKey === old ? fresh : args.routingKey;
      const renamed: JournalBinding = { name, args: { ...args, queue: fresh, routingKey } };
      this.#bindings.delete(key);
      this.#bindings.set(keyOf(renamed), renamed);
    }
  }
}

export function sourceOf({ name, args }: JournalBinding): string {
  return name === 'queue.bind' ? args.exchange : args.source;
}

/** The destination of a binding between exchanges. */
function destinationExchange({ name, args }: JournalBinding): string | undefined {
  return name === 'exchange.bind' ? args.destination : undefined;
}

type Bound = Method<'queue.bind' | 'queue.unbind' | 'exchange.bind' | 'exchange.unbind'>;

/** A binding is told from others by all it says. */
function keyOf({ args }: Bound): string {
  const { routingKey, arguments: table } = args;
  const ends = 'queue' in args ? ['queue', args.queue, args.exchange] : ['', args.destination, args.source];
  return JSON.stringify([...ends, routingKey, canonical(table)]);
}

/** A form that is the same for equal tables, in whatever order their entries are. */
function canonical(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}`;
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (Array.isArray(value)) return value.map(canonical);
  const entries = Object.entries(value).map(([name, each]) => [name, canonical(each)] as const);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}
