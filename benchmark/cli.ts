import { join } from 'node:path';
import { build } from '../test/support/built';
import { type Broker, openBroker } from './brokers';
import { type Command, run } from './children';
import { progress } from './compare';
import type { Options } from './options';
import { median } from './statistics';
import { aligned } from './table';

const TIMEOUT = 60_000;
/** Each is started so often in a round. */
const STARTS = 5;
const QUEUE = 'amqp-sync-bench-cli';

interface Contestant extends Command {
  name: string;
}

/** How long a command takes from its start to its end with one message published, or taken: milliseconds. */
export async function cli({ rounds }: Options): Promise<number> {
  const broker = await openBroker('rabbitmq');
  const contestants = contestantsFor(broker);
  const times = new Map<string, number[]>();
  try {
    await run(ours(broker, 'declare-queue', '-d', QUEUE), TIMEOUT);
    // interleaved, so that all have their share of what else the machine does
    for (let round = 0; round < rounds * STARTS; round++) {
      for (const contestant of contestants) {
        progress(`${round + 1} of ${rounds * STARTS}: ${contestant.name}`);
        const ms = await timed(contestant);
        if (ms !== undefined) times.set(contestant.name, [...(times.get(contestant.name) ?? []), ms]);
      }
    }
    progress('');
    const rows = [...times].map(([name, all]) => [
      name,
      ...[Math.min(...all), median(all)].map((ms) => ms.toFixed(0)),
    ]);
    console.log(aligned([['from start to end, ms', 'best', 'median'], ...rows]));
    return 0;
  } finally {
    await run(ours(broker, 'delete-queue', QUEUE), TIMEOUT);
    await broker.stop();
  }
}

/** Milliseconds; undefined if it is not installed. */
async function timed(command: Command): Promise<number | undefined> {
  const began = performance.now();
  try {
    await run(command, TIMEOUT);
    return performance.now() - began;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Those that publish stand before those that take. */
function contestantsFor(broker: Broker): Contestant[] {
  const theirs = (tool: string, ...args: string[]) => ({ file: tool, args: ['-u', broker.url, ...args] });
  return [
    { name: 'node, which does nothing', file: process.execPath, args: ['-e', ''] },
    { name: 'amqp-sync --version', ...ours(broker, '--version') },
    { name: 'amqp-sync publish', ...ours(broker, 'publish', '-r', QUEUE, 'x') },
    { name: 'amqp-publish', ...theirs('amqp-publish', '-r', QUEUE, '-b', 'x') },
    { name: 'amqp-sync get', ...ours(broker, 'get', QUEUE) },
    { name: 'amqp-get', ...theirs('amqp-get', '-q', QUEUE) },
  ];
}

function ours(broker: Broker, ...args: string[]): Command {
  const file = join(build(), 'bin', 'amqp-sync.js');
  return { file: process.execPath, args: [file, ...args], env: { AMQP_URL: broker.url } };
}
