/** A producer and a consumer over a network that fails again and again: nothing that was confirmed is missing. */
import { type AmqpError, type Connection, type ConnectOptions, ConsumerCancelledError } from '../../src';
import { chance } from '../support/chance';
import { CEILING, count, eventually, open, unique } from '../support/connect';
import { type Direction, startProxy, type TcpProxy } from '../support/peers/proxy';
import { SOON } from './lost';

const MESSAGES = 1500;
const DIRECTIONS: Direction[] = ['client->broker', 'broker->client'];

/** Each connection is cut after some bytes, in some direction, in some way. */
function hostile(random: (most: number) => number, cuts: number, [least, most]: [number, number]): TcpProxy {
  const proxy = startProxy(process.env.AMQP_URL!);
  for (let connection = 1; connection <= cuts; connection++) {
    const after = least + random(most - least);
    const direction = DIRECTIONS[random(2)];
    proxy.cut({ after, direction, connection, reset: random(3) === 0 });
  }
  return proxy;
}

class Consumer {
  readonly seen = new Map<string, number>();
  /** Seen for the first time, as the broker says, more than once. */
  readonly twice = new Set<string>();
  readonly #fresh = new Set<string>();
  recovered = false;

  constructor(
    readonly connection: Connection,
    readonly queue: string,
  ) {
    connection.onRecovery = ({ failures }) => {
      expect(failures).toEqual([]);
      this.recovered = true;
    };
    connection.channel().basicConsume(
      queue,
      (message) => {
        const id = message.text;
        if (!message.redelivered && this.#fresh.has(id)) this.twice.add(id);
        if (!message.redelivered) this.#fresh.add(id);
        this.seen.set(id, (this.seen.get(id) ?? 0) + 1);
        message.ack();
      },
      { prefetch: 20, consumerTag: 'only' },
    );
  }
}

/** Publish ids; `publish` says what became of each. */
function run(seed: number, options: ConnectOptions, publishOptions: { retry?: boolean }) {
  const random = chance(seed);
  using out = hostile(random, 60, [700, 12_000]);
  using back = hostile(random, 60, [900, 16_000]);
  const recovery = { ...SOON, failFast: false };
  const observer = open().channel();
  const queue = unique('chaos');
  observer.queueDeclare(queue, { durable: true, arguments: { 'x-expires': 120_000 } });
  const producer = open({ url: out.url, recovery, ...options });
  const consumer = new Consumer(open({ url: back.url, recovery }), queue);
  const channel = producer.channel();
  channel.confirmSelect();
  const confirmed = new Set<string>();
  const unknown = new Set<string>();
  for (let id = 0; id < MESSAGES; id++) {
    const { epoch } = producer;
    try {
      channel.basicPublish(`${id}`, { routingKey: queue, deliveryMode: 2, ...publishOptions });
      confirmed.add(`${id}`);
    } catch (error) {
      expect(error as AmqpError).toMatchObject({ outcome: 'unknown', recoverable: true });
      unknown.add(`${id}`);
    }
    if (producer.epoch !== epoch) unknown.add(`${id}`); // perhaps it was said twice
    if (id % 10 === 0) consumer.connection.loop({ timeout: 0 });
    if (!consumer.recovered) continue;
    consumer.recovered = false;
    eventually(() => observer.queueDeclare(queue, { passive: true }).consumerCount === 1);
  }
  const isMissing = () => [...confirmed].some((id) => !consumer.seen.has(id));
  for (const end = performance.now() + CEILING; isMissing() && performance.now() < end; )
    consumer.connection.loop({ timeout: 50 });
  const epochs = [producer.epoch, consumer.connection.epoch];
  producer.close();
  consumer.connection.close();
  eventually(() => count(observer, queue) === 0);
  observer.queueDelete(queue);
  return { confirmed, unknown, consumer, epochs };
}

test.each([1, 2])(
  '%i: without retry, what is not confirmed is unknown, and nothing else is lost or doubled',
  (round) => {
    const seed = Date.now() + round;
    const { confirmed, unknown, consumer, epochs } = run(seed, {}, {});
    const missing = [...confirmed].filter((id) => !consumer.seen.has(id));
    const doubled = [...consumer.twice].filter((id) => !unknown.has(id));
    expect({ seed, missing, doubled }).toEqual({ seed, missing: [], doubled: [] });
    expect(confirmed.size + [...unknown].filter((id) => !confirmed.has(id)).length).toBe(MESSAGES);
    expect(Math.min(...epochs)).toBeGreaterThan(2);
  },
);

test('with retry, everything is confirmed, and nothing is lost', () => {
  const seed = Date.now();
  const { confirmed, unknown, consumer } = run(seed, {}, { retry: true });
  const missing = [...confirmed].filter((id) => !consumer.seen.has(id));
  const doubled = [...consumer.twice].filter((id) => !unknown.has(id));
  expect({ seed, missing, doubled, confirmed: confirmed.size }).toEqual({
    ...{ seed, missing: [], doubled: [] },
    confirmed: MESSAGES,
  });
});

test('an iterator on a network that fails goes on to its last message', () => {
  const random = chance(Date.now());
  using proxy = hostile(random, 40, [900, 3500]);
  const filler = open().channel();
  const queue = unique('chaos');
  filler.queueDeclare(queue, { durable: true, arguments: { 'x-expires': 60_000 } });
  filler.confirmSelect();
  for (let id = 0; id < 400; id++) filler.basicPublish(`${id}`, { routingKey: queue });
  const connection = open({ url: proxy.url, recovery: { ...SOON, failFast: false } });
  const seen = new Set<string>();
  expect(() => {
    for (const message of connection.channel().consume(queue, { prefetch: 10, timeout: CEILING })) {
      seen.add(message.text);
      message.ack();
      if (seen.size === 400) break;
    }
  }).not.toThrow(ConsumerCancelledError);
  expect(seen.size).toBe(400);
  expect(connection.epoch).toBeGreaterThan(2);
});
