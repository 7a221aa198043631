/**
 * `npx ts-node test/support/brokers/with-broker.ts ts-node benchmark/recovery.ts [rounds]`: how long a connection is away
 * when its socket is cut, by the size of its topology; and what recovery costs while nothing happens.
 */
import { join } from 'node:path';
import type * as Library from '../src';
import { build } from '../test/support/built';
import { startProxy } from '../test/support/peers/proxy';
import { median } from './statistics';
import { aligned } from './table';

const amqp = require(join(build(), 'src', 'index.js')) as typeof Library;
const url = process.env.AMQP_URL;
const rounds = Number(process.argv[2] ?? 5);
const SIZES = [0, 1, 10, 100, 1000];
const MESSAGES = 100_000;

if (url === undefined)
  throw new Error('AMQP_URL must name a broker; test/support/brokers/with-broker.ts finds one');

/** Milliseconds from a cut to the end of the recovery, of a connection with so many queues, bound and consumed from. */
function outages(size: number): number[] {
  using proxy = startProxy(url as string);
  const connection = amqp.connect(proxy.url, { recovery: { interval: 20, jitter: 0 } });
  const channel = connection.channel();
  for (let index = 0; index < size; index++) {
    const { queue } = channel.queueDeclare('', { exclusive: true });
    channel.queueBind(queue, 'amq.topic', { routingKey: `bench.${index}` });
    channel.basicConsume(queue, () => {});
  }
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { epoch } = connection;
    const began = performance.now();
    proxy.cut();
    while (connection.epoch === epoch) connection.drainEvents({ timeout: 60_000 });
    times.push(performance.now() - began);
  }
  connection.close();
  return times;
}

/** Messages a second: published to nobody, and taken from a queue. */
function rates(recovery: boolean): [out: number, back: number] {
  const connection = amqp.connect(url, { recovery });
  const channel = connection.channel();
  const body = Buffer.alloc(16);
  let began = performance.now();
  for (let index = 0; index < MESSAGES; index++) channel.basicPublish(body, { exchange: 'amq.fanout' });
  channel.queueDeclare('amq.rabbitmq.reply-to', { passive: true }); // the broker has seen them all
  const out = MESSAGES / (performance.now() - began);
  const { queue } = channel.queueDeclare('', { exclusive: true });
  for (let index = 0; index < MESSAGES; index++) channel.basicPublish(body, { routingKey: queue });
  while (channel.queueDeclare(queue, { passive: true }).messageCount < MESSAGES) connection.sleep(20);
  let left = MESSAGES;
  began = performance.now();
  channel.basicConsume(queue, () => left--, { noAck: true });
  while (left > 0) connection.drainEvents({ timeout: 10_000 });
  const back = MESSAGES / (performance.now() - began);
  connection.close();
  return [out, back];
}

const ms = (value: number) => `${value.toFixed(1)} ms`;
const rate = (values: number[]) => `${median(values).toFixed(0)}k/s`;

const table = SIZES.map((size) => {
  const times = outages(size);
  return [`${size}`, ms(Math.min(...times)), ms(median(times)), ms(Math.max(...times))];
});
console.log(`From the cut to the recovery, ${rounds} times\n`);
console.log(aligned([['queues', 'least', 'median', 'most'], ...table]));

const measured = Array.from({ length: rounds }, () => [rates(false), rates(true)] as const);
const column = (on: 0 | 1, way: 0 | 1) => rate(measured.map((round) => round[on][way]));
console.log('\nMessages of 16 bytes, medians\n');
console.log(
  aligned([
    ['recovery', 'published', 'consumed'],
    ['off', column(0, 0), column(0, 1)],
    ['on', column(1, 0), column(1, 1)],
  ]),
);
