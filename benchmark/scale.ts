import { join } from 'node:path';
import { build } from '../test/support/built';
import { type Broker, openBroker } from './brokers';
import { run } from './children';
import type { Options } from './options';
import type { Row } from './scenarios';
import { bytes, short } from './statistics';
import { aligned } from './table';

const KIB = 1024;
const MIB = KIB * KIB;

interface Axis {
  title: string;
  values: readonly number[];
  show(value: number): string;
  /** Messages for one point. */
  count(value: number): number;
  /** Bytes of a message. */
  size?(value: number): number;
  /** Messages that have to be in the queue before. */
  filled?(value: number): number;
  /** What `setup` opens, if anything. */
  opens?: string;
}

const sizes: readonly number[] = [
  0,
  16,
  256,
  KIB,
  4 * KIB,
  16 * KIB,
  64 * KIB,
  256 * KIB,
  MIB,
  16 * MIB,
  128 * MIB,
];
/** 256 MiB in all, at most 50,000 messages, at least 2. */
const bySize = (size: number) => Math.max(2, Math.min(50_000, Math.floor((256 * MIB) / Math.max(1, size))));

const AXES: Record<string, Axis> = {
  size: { title: 'publish, by body size', values: sizes, show: bytes, count: bySize, size: (size) => size },
  'consume-size': {
    title: 'consume without acks, by body size',
    values: sizes,
    show: bytes,
    count: bySize,
    size: (size) => size,
    filled: bySize,
  },
  depth: {
    title: 'get, by messages in the queue',
    values: [2000, 20_000, 200_000],
    show: short,
    count: () => 2000,
    filled: (depth) => depth,
  },
  unsettled: {
    title: 'consume and ack, by messages held',
    values: [1, 10, 100, 1000, 10_000, 60_000],
    show: short,
    count: () => 120_000,
    filled: () => 120_000,
  },
  channels: {
    title: 'publish in turn, by channels',
    values: [1, 10, 100, 1000, 2046],
    show: short,
    count: () => 50_000,
    opens: 'channel',
  },
  consumers: {
    title: 'consume without acks, by consumers, each on a channel',
    values: [1, 10, 100, 1000],
    show: short,
    count: () => 100_000,
    filled: (consumers) => 100_000 / consumers,
    opens: 'channel',
  },
  connections: {
    title: 'publish in turn, by connections',
    values: [1, 4, 16, 64],
    show: short,
    count: () => 50_000,
    opens: 'connection',
  },
};

interface Point {
  setup: number;
  seconds: number;
  cpu: number;
  rss: number;
}

/** Lines that should stay flat: what one message costs as something else grows. */
export async function scale(options: Options): Promise<number> {
  const chosen = options.axis === undefined ? Object.keys(AXES) : [options.axis];
  const strange = chosen.find((name) => !Object.hasOwn(AXES, name));
  if (strange !== undefined)
    throw new Error(`--axis: "${strange}" is none of ${Object.keys(AXES).join(', ')}`);
  const kind = options.brokers.length === 1 ? options.brokers[0]! : 'null';
  const broker = await openBroker(kind);
  try {
    for (const name of chosen) await showAxis(name, AXES[name]!, broker, options.quick ? 0.1 : options.share);
  } finally {
    await broker.stop();
  }
  return 0;
}

async function showAxis(name: string, axis: Axis, broker: Broker, share: number): Promise<void> {
  const rows: string[][] = [];
  for (const value of axis.values) rows.push(await showPoint(name, axis, value, broker, share));
  const head = ['', 'messages', 'us each', 'CPU us each', 'MiB/s', 'RSS MiB'];
  if (axis.opens !== undefined) head.push(`us to open a ${axis.opens}`);
  console.log(`${axis.title}, against ${broker.name}\n${aligned([head, ...rows])}\n`);
}

async function showPoint(
  name: string,
  axis: Axis,
  value: number,
  broker: Broker,
  share: number,
): Promise<string[]> {
  const { size = () => 16, filled } = axis;
  const count = Math.max(2, Math.round(axis.count(value) * share));
  // consumers have their part each at the null broker, and share one queue at RabbitMQ
  const each =
    filled === undefined ? 0 : Math.max(1, Math.round(filled(value) * (name === 'depth' ? 1 : share)));
  const stored = name === 'consumers' && broker.kind === 'rabbitmq' ? each * value : each;
  const row: Row = {
    broker: broker.kind,
    scenario: filled === undefined ? 'A' : 'E',
    size: size(value),
    count,
    rounds: 1,
  };
  try {
    const queue = await broker.prepare(row, stored);
    const messages = name === 'consumers' ? each * value : count;
    const point = await runPoint(name, value, messages, broker.url, queue);
    const micros = (seconds: number) => short((seconds * 1e6) / messages);
    const megabytes = (messages * row.size) / MIB / point.seconds;
    return [
      axis.show(value),
      short(messages),
      micros(point.seconds),
      micros(point.cpu),
      row.size > 0 ? short(megabytes) : '-',
      point.rss.toFixed(0),
      ...(axis.opens === undefined ? [] : [short((point.setup * 1000) / value)]),
    ];
  } catch (error) {
    return [axis.show(value), '-', (error as Error).message];
  }
}

async function runPoint(
  name: string,
  value: number,
  messages: number,
  url: string,
  queue: string,
): Promise<Point> {
  const args = [join(__dirname, 'drivers', 'scale.cjs'), name, value, messages, url, queue].map(String);
  const env = { AMQP_SYNC_LIBRARY: join(build(), 'src', 'index.js') };
  return JSON.parse(await run({ file: process.execPath, args, env }, 120_000)) as Point;
}
