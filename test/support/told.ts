/** What diagnostics channels tell, as lines. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

const OPERATIONS = ['connect', 'publish', 'batch', 'confirm', 'process', 'call', 'rpc', 'wait', 'close'];
const EVENTS = ['confirm', 'return', 'deliver', 'failure', 'settle', 'recovery', 'blocked', 'close'];

/** The channels by the names that the documentation gives them. */
export const CHANNELS: readonly string[] = [
  ...OPERATIONS.flatMap((name) =>
    ['start', 'end', 'error'].map((event) => `tracing:amqp-sync:${name}:${event}`),
  ),
  ...EVENTS.map((name) => `amqp-sync:${name}`),
];

/** Something told, and on which channel. */
export interface Told<Facts = Record<string, unknown>> {
  /** `publish:start`, or `deliver`. */
  readonly name: string;
  readonly facts: Facts;
}

/** Listen to all channels, or to those by these names (`publish`: all of it), while `fn` runs. */
export function toldDuring(fn: () => void, ...names: string[]): Told[] {
  const told: Told[] = [];
  const listener = (facts: unknown, channel: string | symbol) =>
    told.push({ name: short(String(channel)), facts: facts as Record<string, unknown> });
  const heard = CHANNELS.filter(
    (channel) => names.length === 0 || names.includes(short(channel).split(':')[0]!),
  );
  for (const channel of heard) subscribe(channel, listener);
  try {
    fn();
  } finally {
    for (const channel of heard) unsubscribe(channel, listener);
  }
  return told;
}

const short = (channel: string) => channel.replace(/^(tracing:)?amqp-sync:/, '');

/** The names of what was told, in order. */
export const namesOf = (told: readonly Told[]): string[] => told.map(({ name }) => name);

/** The facts that were told on one channel. */
export function factsOf<Facts>(told: readonly Told[], name: string): Facts[] {
  return told.filter((each) => each.name === name).map(({ facts }) => facts as Facts);
}
