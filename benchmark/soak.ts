import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from '../test/support/built';
import { openBroker } from './brokers';
import { gist, start } from './children';
import { progress } from './compare';
import type { Options } from './options';
import { growth, median, short } from './statistics';
import { aligned } from './table';

const MIB = 1024 * 1024;
/** Messages one way before it is the other's turn. */
const BATCH = 100_000;
/** Lines of the table. */
const LINES = 20;
/** What the second half may grow by and still be called flat, MiB: garbage that is not collected yet swings by half of it. */
const ALLOWED = 16;

export interface Sample {
  published: number;
  consumed: number;
  rss: number;
  heapUsed: number;
  external: number;
}

/** Memory over many messages; the exit code is 1 if it grows. */
export async function soak({ millions, brokers }: Options): Promise<number> {
  const broker = await openBroker(brokers.length === 1 ? brokers[0]! : 'null');
  const messages = Math.round(millions * 1e6);
  const nothingYet = {
    broker: broker.kind,
    scenario: broker.kind === 'null' ? 'D' : 'A',
    rounds: 1,
  } as const;
  try {
    const queue = await broker.prepare({ ...nothingYet, size: 16, count: BATCH }, BATCH);
    const begin = performance.now();
    const samples = await collect(
      [messages, BATCH, broker.url, queue, broker.kind === 'null' ? 'filled' : ''].map(String),
    );
    const seconds = (performance.now() - begin) / 1000;
    console.log(`${short(messages)} messages each way in ${seconds.toFixed(0)} s, against ${broker.name}\n`);
    console.log(aligned([['consumed', 'RSS MiB', 'heap MiB', 'external MiB', ''], ...lines(samples)]));
    const grown = grownBy(samples);
    const flat = grown <= ALLOWED;
    console.log(`\n${flat ? 'flat' : 'NOT FLAT'}: the second half grew by ${grown.toFixed(1)} MiB`);
    return flat ? 0 : 1;
  } finally {
    await broker.stop();
  }
}

async function collect(args: string[]): Promise<Sample[]> {
  const child = start({
    file: process.execPath,
    args: [join(__dirname, 'drivers', 'soak.cjs'), ...args],
    env: { AMQP_SYNC_LIBRARY: join(build(), 'src', 'index.js') },
  });
  const samples: Sample[] = [];
  let complaint = '';
  child.stderr!.on('data', (bytes) => {
    complaint += bytes;
  });
  const closed = once(child, 'close');
  for await (const line of createInterface(child.stdout!)) {
    const sample = JSON.parse(line) as Sample;
    samples.push(sample);
    progress(`${short(sample.consumed)} consumed, RSS ${(sample.rss / MIB).toFixed(0)} MiB`);
  }
  const [code] = await closed;
  progress('');
  if (code !== 0) throw new Error(`the soak run failed: ${gist(complaint)}`);
  return samples;
}

/** The samples in a few groups, the median of each, with a bar. */
function lines(samples: readonly Sample[]): string[][] {
  const most = Math.max(...samples.map(({ rss }) => rss));
  const step = Math.max(1, Math.ceil(samples.length / LINES));
  const result: string[][] = [];
  for (let from = 0; from < samples.length; from += step) {
    const group = samples.slice(from, from + step);
    const middle = (field: (sample: Sample) => number) => median(group.map(field));
    const rss = middle((sample) => sample.rss);
    result.push([
      short(group.at(-1)!.consumed),
      (rss / MIB).toFixed(1),
      (middle(({ heapUsed }) => heapUsed) / MIB).toFixed(1),
      (middle(({ external }) => external) / MIB).toFixed(1),
      '#'.repeat(Math.round((rss / most) * 40)).padEnd(40),
    ]);
  }
  return result;
}

/** MiB that the second half grew by, by its trend: the first half is for warming up. */
export function grownBy(samples: readonly Sample[]): number {
  return growth(samples.slice(samples.length >> 1).map(({ rss }) => rss)) / MIB;
}
