/**
 * `npm run test:runtimes [-- NAME...]`: the smoke suite on every runtime, from npm, with the packed tarball, against the
 * embedded broker and against RabbitMQ, where that is installed. NAME: node-20 … node-26, bun, deno; otherwise all.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findRabbitmq } from '../support/brokers/find-broker';
import { installRuntime, RUNTIME_NAMES } from '../support/runtimes';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');
/** What the steps need beside the tarball, in the versions that the other tests have. */
const PACKAGES = ['@opentelemetry/api', '@opentelemetry/sdk-trace-node'];
const STEPS = ['smoke.cjs', 'child.cjs', 'server.cjs', 'remote.cjs'];
/** Minutes are what the steps take on a busy machine. */
const CEILING = 600_000;
/** Runs at a time: they wait more than they work. */
const AT_ONCE = 3;

interface Installed {
  name: string;
  at: string;
  command: string[];
}

interface Result {
  title: string;
  lines: string[];
  failed: boolean;
}

async function main(names: readonly string[]): Promise<boolean> {
  for (const name of names)
    if (!RUNTIME_NAMES.includes(name)) throw new Error(`${name} is not one of ${RUNTIME_NAMES.join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'amqp-sync-runtimes-'));
  const rabbitmq = await findRabbitmq();
  try {
    const tarball = await pack(folder);
    const installed: Installed[] = [];
    for (const name of names) installed.push(await install(folder, name, tarball));
    const brokers = rabbitmq === undefined ? [[]] : [[], [rabbitmq.url]];
    const runs = installed.flatMap((runtime) => brokers.map((url) => () => steps(runtime, url)));
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

/** As somebody's who has just begun. */
async function install(folder: string, name: string, tarball: string): Promise<Installed> {
  const at = join(folder, name);
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const packages = PACKAGES.map((needed) => `${needed}@${devDependencies[needed]}`);
  const command = await installRuntime(name, at, [tarball, ...packages]);
  for (const file of STEPS) cpSync(join(__dirname, file), join(at, file));
  return { name, at, command };
}

async function steps({ name, at, command }: Installed, url: string[]): Promise<Result> {
  const title = `${name}, ${url.length === 0 ? 'embedded broker' : 'RabbitMQ'}`;
  const [file, ...args] = command as [string, ...string[]];
  const options = { cwd: at, timeout: CEILING, maxBuffer: 1 << 26 };
  const { stdout, stderr, failed } = await run(file, [...args, 'smoke.cjs', ...url], options).then(
    (said) => ({ ...said, failed: false }),
    (error: { stdout: string; stderr: string }) => ({
      stdout: error.stdout,
      stderr: `${error.stderr}\n${error}`,
      failed: true,
    }),
  );
  const said = stdout.trimEnd().split('\n');
  // one that ended before its last step has failed, too, whatever its exit code is
  const isWhole = !failed && / passed, 0 failed/.test(said.at(-1)!);
  return { title, lines: isWhole ? said : [`── ${title}`, stderr, ...said], failed: !isWhole };
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
main(asked.length > 0 ? asked : RUNTIME_NAMES).then(
  (passed) => {
    process.exitCode = passed ? 0 : 1;
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
