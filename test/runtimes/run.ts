/**
 * `npm run test:runtimes [-- NAME...]`: the smoke suite on every runtime, from npm, with the packed tarball, against the
 * embedded broker and against RabbitMQ, where that is installed. NAME: node-20 … node-26, bun, deno; otherwise all.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findRabbitmq } from '../support/brokers/find-broker';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');
const STEPS = ['smoke.cjs', 'child.cjs', 'server.cjs', 'remote.cjs'];
/** Minutes are what an installation takes on a slow line, and the steps on a busy machine. */
const CEILING = 600_000;
/** Runs at a time: they wait more than they work. */
const AT_ONCE = 3;

interface Runtime {
  /** The package of npm's that it comes in. */
  package: string;
  /** How it runs a script, below `node_modules`. */
  command: string[];
}

const NODE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const node = (version: string): Runtime => ({
  package: `${NODE}@${version}`,
  command: [join(NODE, 'bin', 'node')],
});
const RUNTIMES: Readonly<Record<string, Runtime>> = {
  'node-20': node('20'),
  'node-22': node('22'),
  'node-24': node('24'),
  'node-26': node('26'),
  bun: { package: 'bun@1.4.5', command: [join('.bin', 'bun')] },
  deno: {
    package: 'deno@2.9.6',
    command: [
      join('.bin', 'deno'),
      ...['run', '--allow-net', '--allow-read', '--allow-write', '--allow-env', '--allow-sys', '--allow-run'],
    ],
  },
};

interface Result {
  title: string;
  lines: string[];
  failed: boolean;
}

async function main(names: string[]): Promise<boolean> {
  for (const name of names)
    if (!(name in RUNTIMES)) throw new Error(`${name} is not one of ${Object.keys(RUNTIMES).join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'amqp-sync-runtimes-'));
  const rabbitmq = await findRabbitmq();
  try {
    const tarball = await pack(folder);
    const installed: [string, string][] = [];
    for (const name of names) installed.push([name, await install(folder, name, tarball)]);
    const brokers = rabbitmq === undefined ? [[]] : [[], [rabbitmq.url]];
    const runs = installed.flatMap(([name, at]) => brokers.map((url) => () => steps(name, at, url)));
    const results = await inTurn(runs);
    for (const { lines, failed } of results) if (failed) console.log(lines.join('\n'));
    for (const { title, lines } of results) console.log(`${title}: ${lines.at(-1)}`);
    if (rabbitmq === undefined) console.log('RabbitMQ is not installed: only the embedded broker was used');
    return results.every(({ failed }) => !failed);
  } finally {
    await rabbitmq?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is published, of what `npm run build` has made. */
async function pack(folder: string): Promise<string> {
  const { stdout } = await run(
    'npm',
    ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder],
    {
      cwd: ROOT,
    },
  );
  return join(folder, stdout.trim());
}

/** A folder of its own, as somebody's who has just begun. */
async function install(folder: string, name: string, tarball: string): Promise<string> {
  const at = join(folder, name);
  mkdirSync(at);
  writeFileSync(join(at, 'package.json'), '{ "private": true }');
  const args = ['install', '--no-audit', '--no-fund', '--silent', tarball, RUNTIMES[name]!.package];
  await run('npm', args, { cwd: at, timeout: CEILING });
  for (const file of STEPS) cpSync(join(__dirname, file), join(at, file));
  return at;
}

async function steps(name: string, at: string, url: string[]): Promise<Result> {
  const [command, ...args] = RUNTIMES[name]!.command;
  const title = `${name}, ${url.length === 0 ? 'embedded broker' : 'RabbitMQ'}`;
  const options = { cwd: at, timeout: CEILING, maxBuffer: 1 << 26 };
  const file = join(at, 'node_modules', command!);
  const { stdout, stderr, failed } = await run(file, [...args, 'smoke.cjs', ...url], options).then(
    (said) => ({ ...said, failed: false }),
    (error: { stdout: string; stderr: string }) => ({
      stdout: error.stdout,
      stderr: `${error.stderr}\n${error}`,
      failed: true,
    }),
  );
  const said = stdout.trimEnd().split('\n');
  return { title, lines: failed ? [`── ${title}`, stderr, ...said] : said, failed };
}

async function inTurn<T>(tasks: (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  const entries = tasks.entries();
  const worker = async () => {
    for (const [index, task] of entries) results[index] = await task();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

const asked = process.argv.slice(2);
main(asked.length > 0 ? asked : Object.keys(RUNTIMES)).then(
  (passed) => {
    process.exitCode = passed ? 0 : 1;
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
