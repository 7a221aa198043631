/** The embedded broker and RabbitMQ, side by side. */
import { isDeepStrictEqual } from 'node:util';
import { type BrokerOptions, type EmbeddedBroker, startBroker } from '../../../src';
import { rabbitmqUrl } from '../../support/brokers/on-rabbitmq';
import { type KnownVersion, versionAt } from '../../support/brokers/version';
import type { Received } from './raw-client';

/** The version of RabbitMQ that is compared with; the embedded broker keeps its rules then. */
export const version: KnownVersion = rabbitmqUrl === '' ? '3.10' : versionAt(rabbitmqUrl);

const started = new Set<EmbeddedBroker>();

/** An embedded broker that ends with the file. */
export function embedded(options: BrokerOptions = {}): EmbeddedBroker {
  const broker = startBroker(options);
  started.add(broker);
  return broker;
}

afterAll(() => {
  for (const broker of started) broker.close();
});

/**
 * The methods that came, without what two brokers may do differently: names that they make, times, and how many confirms
 * they report at once.
 */
export function comparable(received: readonly Received[]): unknown[] {
  const kept: unknown[] = [];
  const confirmed = new Map<number, number>();
  for (const one of received) {
    const { channel, name, args } = one;
    if (channel > 0 && (name === 'basic.ack' || name === 'basic.nack')) {
      const from = args.multiple ? (confirmed.get(channel) ?? 0) + 1 : (args.deliveryTag as number);
      for (let tag = from; tag <= (args.deliveryTag as number); tag++) kept.push({ channel, name, tag });
      confirmed.set(channel, args.deliveryTag as number);
    } else {
      kept.push(JSON.parse(JSON.stringify(one, plain).replace(MADE_NAMES, '$1')));
    }
  }
  return kept;
}

const MADE_NAMES = /(amq\.gen-|amq\.ctag-|amq\.rabbitmq\.reply-to\.)[^"' ]+/g;

/** Tables by their sorted keys, and no moment of time. */
function plain(key: string, value: unknown): unknown {
  if (key === 'time') return 'a time';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * Where two brokers part: nothing, or the first place, as `path: here | there`. A test that expects a difference from
 * RabbitMQ 4.3 fails once there is none, or another.
 */
export function firstDifference(here: unknown, there: unknown, path = ''): string {
  if (isDeepStrictEqual(here, there)) return '';
  if (!isFolder(here) || !isFolder(there) || Array.isArray(here) !== Array.isArray(there))
    return `${path}: ${JSON.stringify(here) ?? 'nothing'} | ${JSON.stringify(there) ?? 'nothing'}`;
  for (const key of [...new Set([...Object.keys(here), ...Object.keys(there)])].sort(inOrder)) {
    const difference = firstDifference(here[key], there[key], path === '' ? key : `${path}.${key}`);
    if (difference !== '') return difference;
  }
  return '';
}

const inOrder = (one: string, other: string) => one.localeCompare(other, 'en', { numeric: true });

function isFolder(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** They say the same; beside RabbitMQ 4.3 they differ in what `on43` names. */
export function expectSame([here, there]: readonly unknown[], on43 = ''): void {
  if (version === '3.10' || on43 === '') expect(here).toEqual(there);
  else expect(firstDifference(here, there)).toBe(on43);
}
