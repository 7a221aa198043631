import type { Table } from '../protocol/field-table';
import type { BindingSource } from './binding';
import { deadLetter, isCycle } from './dead-letter';
import type { DirectReplies } from './direct-replies';
import { shown, typeWord } from './erlang';
import {
  BrokerExchange,
  type BrokerExchangeTraits,
  type Destination,
  EXCHANGE_TYPES,
  EXCHANGE_TYPES_SINCE_4,
} from './exchange';
import { Failure, locked, nameOf, notFound, precondition, refused } from './failure';
import { MATCH_MODES } from './headers';
import type { BrokerMessage } from './message';
import type { BrokerMetrics } from './metrics';
import { BrokerQueue, type DeadLetterReason, type QueueHost } from './queue';
import {
  asCompared,
  checkQueueArguments,
  checkSameArguments,
  checkSameType,
  checkStreamSizes,
  comparedArguments,
  different,
  queueType,
} from './queue-arguments';
import type { Rules } from './rules';
import { BrokerStream } from './stream';
import type { Timers } from './timers';
import type { BrokerQueueTraits, VhostQueue } from './vhost-queue';

/** The engine, seen from its virtual hosts. */
export interface VhostHost {
  readonly timers: Timers;
  readonly rules: Rules;
  /** Do it when what is being done has been done. */
  defer(run: () => void): void;
  countBytes(bytes: number): void;
  /** Whom the default exchange knows besides the queues. */
  readonly directReplies: DirectReplies;
}

/** A virtual host: its exchanges and queues, and what is done to them. @throws {Failure} all its methods */
export class Vhost implements QueueHost {
  readonly exchanges = new Map<string, BrokerExchange>();
  readonly queues = new Map<string, VhostQueue>();
  readonly metrics: Omit<BrokerMetrics, 'queues'> = { published: 0, routed: 0, unroutable: 0, returned: 0 };
  readonly timers: Timers;
  readonly rules: Rules;

  constructor(
    readonly name: string,
    readonly host: VhostHost,
  ) {
    this.timers = host.timers;
    this.rules = host.rules;
    for (const [exchange, type] of this.rules.isSince4 ? [...BUILT_IN, LOG] : BUILT_IN) {
      const traits = {
        type,
        durable: true,
        autoDelete: false,
        internal: exchange.startsWith('amq.rabbitmq.'),
      };
      this.exchanges.set(exchange, new BrokerExchange(exchange, traits, {}, this.rules));
    }
  }

  countBytes(bytes: number): void {
    this.host.countBytes(bytes);
  }

  // ── exchanges ───────────────────────────────────────────────────────────────────────────────────────

  exchange(name: string): BrokerExchange {
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) throw notFound('exchange', name, this.name);
    return exchange;
  }

  declareExchange(name: string, traits: BrokerExchangeTraits, args: Table): void {
    const where = nameOf('exchange', name, this.name);
    const known = this.exchanges.get(name);
    if (known !== undefined) return checkSame(where, traits, args, known);
    if (name.startsWith('amq.')) throw refused(`exchange name '${name}' contains reserved prefix 'amq.*'`);
    const alternate = args['alternate-exchange'];
    if (alternate !== undefined && typeof alternate !== 'string') {
      throw precondition(`invalid type '${typeWord(alternate)}' for arg 'alternate-exchange' in ${where}`);
    }
    this.exchanges.set(name, new BrokerExchange(name, traits, args, this.rules));
  }

  deleteExchange(name: string, ifUnused: boolean): void {
    if (name.startsWith('amq.')) {
      throw refused(`deletion of system ${nameOf('exchange', name, this.name)} not allowed`);
    }
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) return;
    if (ifUnused && exchange.bindings.size > 0) {
      throw precondition(`${nameOf('exchange', name, this.name)} in use`);
    }
    this.#removeExchange(exchange);
  }

  #removeExchange(exchange: BrokerExchange): void {
    this.exchanges.delete(exchange.name);
    for (const binding of [...exchange.bindings.values()]) exchange.remove(binding);
    this.#unbindAll(exchange);
  }

  /** An exchange that is deleted with its last binding has lost one. */
  #lostBinding({ name }: BindingSource): void {
    const exchange = this.exchanges.get(name);
    if (exchange?.traits.autoDelete && exchange.bindings.size === 0) this.#removeExchange(exchange);
  }

  #unbindAll(destination: Destination): void {
    for (const binding of [...destination.inbound]) {
      binding.source.remove(binding);
      this.#lostBinding(binding.source);
    }
  }

  // ── bindings ────────────────────────────────────────────────────────────────────────────────────────

  bind(destination: Destination, source: BrokerExchange, key: string, args: Table): void {
    if (source.traits.type === 'headers') checkMatchMode(args['x-match']);
    if (source.traits.type === 'topic' && this.rules.isSince4) checkWildcards(key);
    if (source.traits.type === 'x-local-random' && key !== '')
      throw precondition(`Non empty binding '${key}' key not permitted`);
    source.bind(destination, key, args);
  }

  unbind(
    destination: Destination | undefined,
    source: BrokerExchange | undefined,
    key: string,
    args: Table,
  ): void {
    if (destination === undefined || source === undefined) return;
    if (source.unbind(destination, key, args)) this.#lostBinding(source);
  }

  // ── queues ──────────────────────────────────────────────────────────────────────────────────────────

  /** A queue that `user` may use. */
  queue(name: string, user: object): VhostQueue {
    const queue = this.queues.get(name);
    if (queue === undefined) throw notFound('queue', name, this.name);
    if (queue.owner !== undefined && queue.owner !== user) throw locked(name, this.name);
    return queue;
  }

  declareQueue(name: string, wanted: BrokerQueueTraits, args: Table, user: object): VhostQueue {
    const where = nameOf('queue', name, this.name);
    // an exclusive queue never outlives its connection, so it is never durable
    const traits = { ...wanted, durable: wanted.durable && !wanted.exclusive };
    const known = this.queues.get(name);
    if (known !== undefined) {
      if (known.owner !== (wanted.exclusive ? user : undefined)) throw locked(name, this.name);
      checkField(where, 'durable', traits.durable, known.traits.durable);
      checkField(where, 'auto_delete', traits.autoDelete, known.traits.autoDelete);
      const { isSince4 } = this.rules;
      if (isSince4) checkSameType(where, args, known.args);
      const names = comparedArguments(args, known.args, isSince4);
      checkSameArguments(where, asCompared(args, isSince4), asCompared(known.args, isSince4), names);
      return known;
    }
    checkQueueArguments(name, args, this.name, this.rules.isSince4);
    if (!wanted.durable && !wanted.exclusive) this.rules.deprecated('transient_nonexcl_queues');
    const type = queueType(args);
    if (type !== 'classic') checkReplicated(where, wanted);
    if (type === 'stream') checkStreamSizes(args, this.rules.isSince4);
    if (args['x-queue-master-locator'] !== undefined) this.rules.deprecated('queue_master_locator');
    const owner = wanted.exclusive ? user : undefined;
    const queue =
      type === 'stream'
        ? new BrokerStream(name, traits, args, this)
        : new BrokerQueue(name, traits, owner, args, this);
    this.queues.set(name, queue);
    return queue;
  }

  remove(queue: VhostQueue): void {
    if (this.queues.get(queue.name) !== queue) return;
    this.queues.delete(queue.name);
    this.#unbindAll(queue);
    queue.end();
  }

  // ── messages ────────────────────────────────────────────────────────────────────────────────────────

  /** The queues that take a message: each once, in no order. */
  route(exchange: BrokerExchange, message: BrokerMessage): Set<VhostQueue> {
    const found = new Set<VhostQueue>();
    const passed = new Set([exchange]);
    for (const current of passed) {
      let any = false;
      this.#match(current, message, (destination) => {
        any = true;
        if (destination.kind === 'queue') found.add(destination);
        else passed.add(destination);
      });
      if (any || current.alternate === undefined) continue;
      const alternate = this.exchanges.get(current.alternate);
      if (alternate !== undefined) passed.add(alternate);
    }
    return found;
  }

  /** The default exchange has a binding to every queue, by its name. */
  #match(exchange: BrokerExchange, message: BrokerMessage, found: (destination: Destination) => void): void {
    if (exchange.name !== '') return exchange.match(message, found);
    for (const key of message.routingKeys) {
      const queue = this.queues.get(key);
      if (queue !== undefined) found(queue);
    }
  }

  deadLetter(queue: BrokerQueue, message: BrokerMessage, reason: DeadLetterReason): void {
    if (queue.limits.deadLetterExchange === undefined) return;
    this.host.defer(() => this.#publishDeadLetter(queue, message, reason));
  }

  #publishDeadLetter(queue: BrokerQueue, message: BrokerMessage, reason: DeadLetterReason): void {
    const exchange = this.exchanges.get(queue.limits.deadLetterExchange!);
    if (exchange === undefined) return;
    queue.metrics.deadLettered++;
    const dead = deadLetter(message, queue, reason, this.timers.now());
    const wasDelivered = this.rules.isSince4 && (reason === 'rejected' || reason === 'delivery_limit');
    for (const target of this.route(exchange, dead)) {
      if (reason === 'rejected' || !isCycle(dead, target.name)) publishDead(target, dead, wasDelivered);
    }
    this.host.directReplies.deliver(dead);
  }
}

/** What a stream cannot keep is lost on its way. */
function publishDead(target: VhostQueue, message: BrokerMessage, wasDelivered: boolean): void {
  try {
    target.publish(message, wasDelivered);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

/** The exchanges that are there; to those of RabbitMQ's tracing and log nothing is published here. */
const BUILT_IN: readonly (readonly [name: string, type: string])[] = [
  ['', 'direct'],
  ['amq.direct', 'direct'],
  ['amq.fanout', 'fanout'],
  ['amq.topic', 'topic'],
  ['amq.headers', 'headers'],
  ['amq.match', 'headers'],
  ['amq.rabbitmq.trace', 'topic'],
];
const LOG = ['amq.rabbitmq.log', 'topic'] as const;

/** @throws {Failure} 503, since 4.0 406 */
export function checkExchangeType(type: string, { isSince4 }: Rules): void {
  const known = isSince4 ? EXCHANGE_TYPES_SINCE_4 : EXCHANGE_TYPES;
  if (known.includes(type)) return;
  throw new Failure(isSince4 ? 406 : 503, `${type === '' ? 'invalid' : 'unknown'} exchange type '${type}'`);
}

function checkSame(where: string, traits: BrokerExchangeTraits, args: Table, known: BrokerExchange): void {
  if (traits.type !== known.traits.type) {
    throw different(where, 'type', `'${traits.type}'`, `'${known.traits.type}'`);
  }
  checkField(where, 'durable', traits.durable, known.traits.durable);
  checkField(where, 'auto_delete', traits.autoDelete, known.traits.autoDelete);
  checkField(where, 'internal', traits.internal, known.traits.internal);
  checkSameArguments(where, args, known.args, ['alternate-exchange']);
}

/** A quorum queue or a stream is durable, and exclusive to no connection. */
function checkReplicated(where: string, { durable, exclusive, autoDelete }: BrokerQueueTraits): void {
  const invalid = (property: string) => precondition(`invalid property '${property}' for ${where}`);
  if (exclusive) throw invalid('exclusive-owner');
  if (autoDelete) throw invalid('auto-delete');
  if (!durable) throw invalid('non-durable');
}

function checkField(where: string, name: string, wanted: boolean, current: boolean): void {
  if (wanted !== current) throw different(where, name, `'${wanted}'`, `'${current}'`);
}

/** Two signs for many words are allowed. */
const MOST_WILDCARDS = 2;

function checkWildcards(key: string): void {
  const count = key.split('.').filter((word) => word === '#').length;
  if (count <= MOST_WILDCARDS) return;
  throw precondition(
    `Topic binding key '${key}' uses ${count} '#' wildcards, at most ${MOST_WILDCARDS} are allowed`,
  );
}

function checkMatchMode(mode: Table[string] | undefined): void {
  if (mode === undefined) return;
  if (typeof mode !== 'string') {
    throw precondition(
      `Invalid x-match field type ${typeWord(mode)} (value ${shown(mode)}); expected longstr`,
    );
  }
  if (!MATCH_MODES.includes(mode)) {
    throw precondition(
      `Invalid x-match field value <<"${mode}">>; expected all, any, all-with-x, or any-with-x`,
    );
  }
}
