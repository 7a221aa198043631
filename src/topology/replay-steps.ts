import { clock } from '../clock';
import type { Outgoing } from '../protocol/handshake';
import type { Args } from '../protocol/method-types';
import type { JournalChannel, JournalConsumer, Qos } from './channels';
import type { JournalBinding } from './entities';
import type { Journal } from './journal';

/** An entity that could not be brought back, and why. Plain data: it crosses threads. */
export interface ReplayFailure {
  entity: 'exchange' | 'queue' | 'binding' | 'consumer' | 'channel';
  /** Name of the entity: of a binding both ends, of a consumer its tag, of a channel its number. */
  name: string;
  /** Channel number, of a consumer and of a channel. */
  channel?: number | undefined;
  replyCode: number;
  replyText: string;
}

/** The report of a replay: what it has changed, and what it could not bring back. */
export interface ReplayReport {
  /** Queues that the broker has named anew: old name, new name. */
  renames: [old: string, fresh: string][];
  failures: ReplayFailure[];
}

/** A request of topology recovery. Exchanges and queues come first, then bindings, each in the order of its declaration. */
export interface Step {
  readonly entity: ReplayFailure['entity'];
  readonly name: string;
  readonly method: Outgoing;
  /** Steps that it needs first, should the broker have thrown their entities away meanwhile. */
  readonly needs: () => Step[];
}

const NOTHING = () => [];

function exchangeStep(args: Args<'exchange.declare'>): Step {
  const method: Outgoing = { name: 'exchange.declare', args: { ...args, noWait: false } };
  return { entity: 'exchange', name: args.exchange, method, needs: NOTHING };
}

/** `name` is what the journal calls it; the broker may be asked for another one. */
function queueStep(name: string, args: Args<'queue.declare'>): Step {
  return {
    entity: 'queue',
    name,
    method: { name: 'queue.declare', args: { ...args, noWait: false } },
    needs: NOTHING,
  };
}

function bindingStep(journal: Journal, binding: JournalBinding): Step {
  const { name, args } = binding;
  const [source, destination] =
    name === 'queue.bind' ? [args.exchange, args.queue] : [args.source, args.destination];
  const needs = () => [
    ...exchangesNamed(journal, source),
    ...(name === 'queue.bind' ? queuesNamed(journal, destination) : exchangesNamed(journal, destination)),
  ];
  const method = { name, args: { ...args, noWait: false } } as Outgoing;
  return { entity: 'binding', name: `${source} -> ${destination}`, method, needs };
}

function exchangesNamed({ entities }: Journal, name: string): Step[] {
  const args = entities.exchanges.get(name);
  return args === undefined ? [] : [exchangeStep(args)];
}

/** The queue of this name, if it is declared again; one that the broker named is there, or the replay is not this far. */
function queuesNamed({ entities }: Journal, name: string): Step[] {
  const queue = entities.queues.get(name);
  return queue === undefined || queue.isServerNamed ? [] : [queueStep(name, queue.args)];
}

export function exchangesAndQueues({ entities }: Journal): Step[] {
  return [
    ...[...entities.exchanges.values()].map(exchangeStep),
    ...[...entities.queues].map(([name, { args }]) => queueStep(name, args)),
  ];
}

export function bindings(journal: Journal): Step[] {
  return journal.entities.bindings.map((binding) => bindingStep(journal, binding));
}

function consumerStep(journal: Journal, { args }: JournalConsumer, { streams }: JournalChannel): Step {
  const bound = (binding: JournalBinding) =>
    binding.name === 'queue.bind' && binding.args.queue === args.queue;
  const needs = () => [
    ...queuesNamed(journal, args.queue),
    ...journal.entities.bindings.filter(bound).map((binding) => bindingStep(journal, binding)),
  ];
  const { position, since = 0 } = streams.get(args.consumerTag) ?? {};
  const resumed = position?.resume(args, clock.now() - since) ?? args;
  const method: Outgoing = { name: 'basic.consume', args: { ...resumed, noWait: false } };
  return { entity: 'consumer', name: args.consumerTag, method, needs };
}

/** The steps for a channel that has just been opened: limits, mode, and its consumers, each with its own prefetch. */
export function channelSteps(journal: Journal, number: number): Step[] {
  const channel = journal.channels.get(number);
  if (channel === undefined) return [];
  const own = (method: Outgoing): Step => ({ entity: 'channel', name: `${number}`, method, needs: NOTHING });
  const steps: Step[] = [];
  let current: Qos | undefined;
  const limit = (qos: Qos | undefined) => {
    if (qos === undefined || qos.prefetchCount === current?.prefetchCount) return;
    steps.push(own({ name: 'basic.qos', args: qos }));
    current = qos;
  };
  if (channel.globalQos !== undefined) steps.push(own({ name: 'basic.qos', args: channel.globalQos }));
  if (channel.mode === 'confirm') steps.push(own({ name: 'confirm.select', args: {} }));
  if (channel.mode === 'tx') steps.push(own({ name: 'tx.select', args: {} }));
  for (const consumer of channel.consumers.values()) {
    limit(consumer.qos);
    steps.push(consumerStep(journal, consumer, channel));
  }
  limit(channel.qos);
  return steps;
}
