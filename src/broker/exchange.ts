import type { Table } from '../protocol/field-table';
import type { Binding } from './binding';
import { headersPattern, matches } from './headers';
import type { BrokerMessage } from './message';
import type { Rules } from './rules';
import { tableTerm } from './terms';
import { TopicTrie } from './topic';
import type { VhostQueue } from './vhost-queue';

export type Destination = VhostQueue | BrokerExchange;
type Outbound = Binding<Destination>;

export const EXCHANGE_TYPES: readonly string[] = ['direct', 'fanout', 'topic', 'headers'];
export const EXCHANGE_TYPES_SINCE_4: readonly string[] = [
  ...EXCHANGE_TYPES,
  'x-local-random',
  'x-modulus-hash',
];

export interface BrokerExchangeTraits {
  type: string;
  durable: boolean;
  autoDelete: boolean;
  internal: boolean;
}

/** An exchange and the bindings that start at it, kept in the way that its type looks for them. */
export class BrokerExchange {
  readonly kind = 'exchange';
  readonly bindings = new Map<string, Outbound>();
  /** Bindings that end here: they go when the exchange goes. */
  readonly inbound = new Set<Binding>();
  /** The exchange to go to when no binding matches. */
  readonly alternate: string | undefined;
  readonly #byKey = new Map<string, Set<Outbound>>();
  readonly #trie = new TopicTrie<Outbound>();

  constructor(
    readonly name: string,
    readonly traits: BrokerExchangeTraits,
    readonly args: Table,
    readonly rules: Rules,
  ) {
    const alternate = args['alternate-exchange'];
    this.alternate = typeof alternate === 'string' ? alternate : undefined;
  }

  /** Add a binding, once: the same destination, key and arguments are the same binding. */
  bind(destination: Destination, key: string, args: Table): void {
    const id = bindingId(destination, key, args);
    if (this.bindings.has(id)) return;
    const binding: Outbound = {
      source: this,
      destination,
      key,
      args,
      pattern: headersPattern(args, this.rules.isSince4),
    };
    this.bindings.set(id, binding);
    destination.inbound.add(binding);
    if (this.traits.type === 'topic') this.#trie.add(binding);
    let same = this.#byKey.get(key);
    if (same === undefined) {
      same = new Set();
      this.#byKey.set(key, same);
    }
    same.add(binding);
  }

  /** Whether there was such a binding. */
  unbind(destination: Destination, key: string, args: Table): boolean {
    const binding = this.bindings.get(bindingId(destination, key, args));
    if (binding !== undefined) this.remove(binding);
    return binding !== undefined;
  }

  remove(binding: Outbound): void {
    this.bindings.delete(bindingId(binding.destination, binding.key, binding.args));
    binding.destination.inbound.delete(binding);
    if (this.traits.type === 'topic') this.#trie.remove(binding);
    const same = this.#byKey.get(binding.key);
    same?.delete(binding);
    if (same?.size === 0) this.#byKey.delete(binding.key);
  }

  /** Call `found` with one of the destinations. */
  #matchOne(at: number, found: (destination: Destination) => void): void {
    const bindings = [...this.bindings.values()];
    const one = bindings[Math.floor(at * bindings.length)];
    if (one !== undefined) found(one.destination);
  }

  /** Call `found` with every destination of the message, perhaps more than once. */
  match(message: BrokerMessage, found: (destination: Destination) => void): void {
    switch (this.traits.type) {
      case 'fanout':
        for (const { destination } of this.bindings.values()) found(destination);
        return;
      case 'headers': {
        const terms = message.terms(this.rules.isSince4);
        for (const { destination, pattern } of this.bindings.values()) {
          if (matches(pattern, terms)) found(destination);
        }
        return;
      }
      case 'topic':
        for (const key of message.routingKeys) this.#trie.match(key, ({ destination }) => found(destination));
        return;
      case 'x-local-random':
        return this.#matchOne(Math.random(), found);
      case 'x-modulus-hash':
        return this.#matchOne(fraction(message.routingKey), found);
      default:
        for (const key of message.routingKeys) {
          const same = this.#byKey.get(key);
          if (same !== undefined) for (const { destination } of same) found(destination);
        }
    }
  }
}

/** A number from 0 to 1 that a key always has. */
function fraction(key: string): number {
  let hash = 0;
  for (const byte of Buffer.from(key)) hash = (Math.imul(hash, 31) + byte) >>> 0;
  return hash / 2 ** 32;
}

function bindingId(destination: Destination, key: string, args: Table): string {
  return JSON.stringify([
    destination.kind,
    destination.name,
    key,
    Object.keys(args).length ? tableTerm(args) : 0,
  ]);
}
