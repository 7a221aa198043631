import { needRabbitmq } from '../test/support/brokers/find-broker';
import { firstLine, start } from './children';
import { compiled } from './native';
import type { BrokerKind, Row } from './scenarios';

/** What the drivers talk to. */
export interface Broker {
  kind: BrokerKind;
  /** For headings: `RabbitMQ 3.10.8`. */
  name: string;
  /** `localhost:5672`, if it was found or started somewhere. */
  where?: string;
  url: string;
  /** Make a queue for a measurement, filled if the scenario takes from it; returns its name. */
  prepare(row: Row, count: number): Promise<string>;
  stop(): Promise<void>;
}

/** As much of amqplib as is used here; the package has no types. */
interface Channel {
  assertQueue(name: string, options: object): Promise<unknown>;
  purgeQueue(name: string): Promise<unknown>;
  deleteQueue(name: string): Promise<unknown>;
  publish(exchange: string, key: string, body: Buffer, options: object): boolean;
  waitForConfirms(): Promise<unknown>;
}
interface Amqplib {
  connect(url: string): Promise<{
    connection: { serverProperties: Record<string, unknown> };
    createConfirmChannel(): Promise<Channel>;
    close(): Promise<unknown>;
    on(event: 'error', listener: () => void): void;
  }>;
}

const FILLED = 'DEF';

export function openBroker(kind: BrokerKind): Promise<Broker> {
  return kind === 'null' ? openNullBroker() : openRabbitmq();
}

/** Costs almost nothing, so that the clients' own limits show. @throws {Error} without a C compiler */
async function openNullBroker(): Promise<Broker> {
  const broker = start({ file: await compiled('nullbroker.c'), args: ['-p', '0', '-e'] });
  const line = await firstLine(broker, 10_000);
  return {
    kind: 'null',
    name: 'the null broker',
    url: `amqp://guest:guest@127.0.0.1:${Number(line.split(' ')[1])}/%2f`,
    prepare: async ({ scenario, size }, count) =>
      FILLED.includes(scenario) ? `q.${size}.${count}` : 'bench',
    stop: async () => void broker.kill('SIGKILL'),
  };
}

/** AMQP_URL, this machine's, or a private one. */
async function openRabbitmq(): Promise<Broker> {
  const { url, how, stop } = await needRabbitmq();
  const amqplib = require('amqplib') as Amqplib;
  const connection = await amqplib.connect(url);
  connection.on('error', () => {}); // the next call tells
  const channel = await connection.createConfirmChannel();
  const { product, version } = connection.connection.serverProperties;
  const queue = `amqp-sync-bench-${process.pid}`;
  // a run that was killed leaves nothing behind for long
  const declare = () => channel.assertQueue(queue, { durable: false, expires: 600_000 });
  return {
    kind: 'rabbitmq',
    name: `${product ?? 'AMQP broker'} ${version ?? ''}`.trim(),
    where: how,
    url: spelledOut(url),
    async prepare({ scenario, size }, count) {
      await declare();
      await channel.purgeQueue(queue);
      if (!FILLED.includes(scenario)) return queue;
      const body = Buffer.alloc(size, 'x');
      for (let index = 1; index <= count; index++) {
        channel.publish('', queue, body, { deliveryMode: 1 });
        if (index % 1000 === 0) await channel.waitForConfirms();
      }
      await channel.waitForConfirms();
      return queue;
    },
    async stop() {
      await channel.deleteQueue(queue).catch(() => {});
      await connection.close().catch(() => {});
      await stop();
    },
  };
}

/**
 * The URL as every client reads it: without a query, and with the vhost. An empty path is the vhost `/` for some of
 * them, and the vhost without a name for librabbitmq, as the URI specification has it.
 */
export function spelledOut(url: string): string {
  const [, address, path] = /^(\w+:\/\/[^/?]*)([^?]*)/.exec(url) as unknown as [string, string, string];
  return `${address}${path === '' || path === '/' ? '/%2f' : path}`;
}
