/** The embedded broker and RabbitMQ, side by side. */
import { type BrokerOptions, connect, type EmbeddedBroker, InternalError, startBroker } from '../../../src';
import { rabbitmqUrl } from '../../support/brokers/on-rabbitmq';
import { type KnownVersion, versionAt } from '../../support/brokers/version';
import type { Received } from './raw-client';

/** The version of RabbitMQ that is compared with. */
export const version: KnownVersion = rabbitmqUrl === '' ? '3.10' : versionAt(rabbitmqUrl);

/** The rules of that RabbitMQ: Debian's 4.3 permits what it refuses as its makers give it out. */
export const sameRules: BrokerOptions = {
  version,
  permit: permitsTransientQueues() ? ['transient_nonexcl_queues'] : [],
};

function permitsTransientQueues(): boolean {
  if (version === '3.10') return true;
  using connection = connect(rabbitmqUrl);
  try {
    connection.channel().queueDeclare('', { arguments: { 'x-expires': 60_000 } });
    return true;
  } catch (error) {
    if (error instanceof InternalError) return false;
    throw error;
  }
}

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
      kept.push(JSON.parse(JSON.stringify(one, plain).replace(MADE_NAMES, '$1').replace(DENIED, '$1"')));
    }
  }
  return kept;
}

const MADE_NAMES = /(amq\.gen-|amq\.ctag-|amq\.rabbitmq\.reply-to\.)[^"' ]+/g;

/** Whether it is denied by default or by an operator is in the text that follows. */
const DENIED = /(Feature `transient_nonexcl_queues` is deprecated\.)(?:[^"\\]|\\.)*"/g;

/** Tables by their sorted keys, and no moment of time. */
function plain(key: string, value: unknown): unknown {
  if (key === 'time') return 'a time';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
