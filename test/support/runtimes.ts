import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Minutes are what an installation takes on a slow line. */
const CEILING = 600_000;

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
/** Other runtimes, and other versions of Node, as npm has them. */
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

export const RUNTIME_NAMES: readonly string[] = Object.keys(RUNTIMES);

/** Install a runtime in `folder`, and other packages beside it. @returns how it runs a script: a file, and arguments */
export async function installRuntime(
  name: string,
  folder: string,
  packages: string[] = [],
): Promise<string[]> {
  const { package: runtime, command } = RUNTIMES[name]!;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const args = ['install', '--no-audit', '--no-fund', '--silent', ...packages, runtime];
  await run('npm', args, { cwd: folder, timeout: CEILING });
  const [file, ...rest] = command;
  return [join(folder, 'node_modules', file!), ...rest];
}
