import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../test/support/built';
import { installRuntime } from '../test/support/runtimes';
import { type Command, run } from './children';
import { CACHE, compiled } from './native';
import type { Options } from './options';

export const OURS = 'amqp-sync';

/** The asynchronous clients for Node. */
export const NODE_PEERS: readonly string[] = ['amqplib', 'amqp-client', 'rabbitmq-client'];

/** A client to measure: how to start its driver, but for the arguments. */
export interface Peer {
  name: string;
  command: Command;
  /** Part of the usual messages, so that slow ones take no longer. */
  pace: number;
}

/** One that cannot be measured here, and why. */
export interface Absentee {
  name: string;
  reason: string;
}

const DRIVERS = join(__dirname, 'drivers');

interface Candidate {
  name: string;
  pace: number;
  quick: boolean;
  prepare(): Promise<Command>;
}

const CANDIDATES: readonly Candidate[] = [
  { name: OURS, pace: 1, quick: true, prepare: async () => ours(join(build(), 'src', 'index.js')) },
  { name: 'amqplib', pace: 1, quick: true, prepare: async () => node('amqplib.cjs') },
  { name: 'amqp-client', pace: 1, quick: true, prepare: () => installed('amqp-client.cjs') },
  { name: 'rabbitmq-client', pace: 0.8, quick: true, prepare: () => installed('rabbitmq-client.cjs') },
  { name: 'synckit', pace: 0.15, quick: false, prepare: async () => node('synckit-amqplib.cjs') },
  { name: 'librabbitmq', pace: 1, quick: true, prepare: librabbitmq },
  { name: 'pika', pace: 0.25, quick: true, prepare: () => python('pika.py', 'pika', 'python3-pika') },
  { name: 'py-amqp', pace: 0.35, quick: false, prepare: () => python('py-amqp.py', 'amqp', 'python3-amqp') },
];

export const PEER_NAMES: readonly string[] = CANDIDATES.map(({ name }) => name);

/** Those that are asked for; none: all, or with `quick` those without which there is no comparison. */
export async function findPeers({
  peers: names,
  quick,
  baseline,
  runtimes,
}: Pick<Options, 'peers' | 'quick' | 'baseline' | 'runtimes'>): Promise<{
  peers: Peer[];
  absent: Absentee[];
}> {
  const peers: Peer[] = [];
  const absent: Absentee[] = [];
  const wanted = CANDIDATES.filter(({ name, quick: usual }) =>
    names.length > 0 ? names.includes(name) : usual || !quick,
  );
  const others = runtimes.map((name) => ({ name, pace: 1, quick, prepare: () => on(name) }));
  if (baseline !== undefined)
    others.push({ name: 'baseline', pace: 1, quick, prepare: async () => ours(baseline) });
  for (const { name, pace, prepare } of [...wanted, ...others]) {
    try {
      peers.push({ name, pace, command: await prepare() });
    } catch (error) {
      absent.push({ name, reason: (error as Error).message });
    }
  }
  return { peers, absent };
}

function node(driver: string, env: Record<string, string> = {}): Command {
  return { file: process.execPath, args: [join(DRIVERS, driver)], env };
}

function ours(library: string): Command {
  if (!existsSync(library)) throw new Error(`${library} does not exist`);
  return node('amqp-sync.cjs', { AMQP_SYNC_LIBRARY: library });
}

/** This library on another runtime. */
async function on(name: string): Promise<Command> {
  const { args, env } = ours(join(build(), 'src', 'index.js'));
  const [file, ...rest] = await installRuntime(name, join(CACHE, name));
  return { file: file!, args: [...rest, ...args], ...(env && { env }) };
}

/** The project does not depend on these: they have a folder of their own, filled when first needed. */
async function installed(driver: string): Promise<Command> {
  const folder = join(CACHE, 'peers');
  const list = join(__dirname, 'peers', 'package.json');
  const copy = join(folder, 'package.json');
  const done = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(done) || readFileSync(copy, 'utf8') !== readFileSync(list, 'utf8')) {
    mkdirSync(folder, { recursive: true });
    copyFileSync(list, copy);
    const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-package-lock'];
    await run({ file: 'npm', args }, 120_000);
  }
  return node(driver, { NODE_PATH: join(folder, 'node_modules') });
}

async function librabbitmq(): Promise<Command> {
  try {
    return { file: await compiled('drivers/librabbitmq.c', '-lrabbitmq'), args: [] };
  } catch (error) {
    throw new Error(`needs a C compiler and librabbitmq-dev (${(error as Error).message})`);
  }
}

/** Debian's packages are those of the system's Python, which need not be the first in the path. */
async function python(driver: string, module: string, packageName: string): Promise<Command> {
  for (const file of ['python3', '/usr/bin/python3']) {
    try {
      await run({ file, args: ['-c', `import ${module}`] }, 10_000);
      return { file, args: [join(DRIVERS, driver)], env: { PYTHONDONTWRITEBYTECODE: '1' } };
    } catch {
      // the next one
    }
  }
  throw new Error(`needs Python 3 with ${module} (Debian: ${packageName})`);
}
