/** The recipes for SIGTERM in `examples/sigterm` end in order, also as process 1 of a PID namespace of their own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(__dirname, '..', '..');
/** Milliseconds from "ready" until a script surely waits: what comes before that is for its listener, once it returns. */
const UNTIL_IT_WAITS = 1000;
/** Milliseconds after which a script is killed. */
const CEILING = 50_000;
const isPossible = spawnSync('unshare', ['--pid', '--fork', '--kill-child', 'true']).status === 0;

/** Start a script, send it a signal once it is ready, and collect what it says. */
async function terminated(script: string, signal: NodeJS.Signals, asProcess1: boolean): Promise<unknown> {
  const node = [process.execPath, '-r', 'ts-node/register', `examples/sigterm/${script}.ts`];
  // unshare itself does not hand signals on: the one in the namespace is its only child
  const command = asProcess1 ? ['unshare', '--pid', '--fork', '--kill-child', ...node] : node;
  const child = spawn(command[0]!, command.slice(1), {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: CEILING,
    killSignal: 'SIGKILL',
  });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    const kill = () => process.kill(asProcess1 ? onlyChildOf(child) : child.pid!, signal);
    if (line === 'ready') setTimeout(kill, UNTIL_IT_WAITS);
  });
  return new Promise((resolve) => child.on('close', (code, killed) => resolve([code, killed, ...lines])));
}

function onlyChildOf({ pid }: ChildProcess): number {
  return Number(spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' }).stdout);
}

describe.each([
  ['stop-signal', 'SIGINT'],
  ['slices', 'SIGTERM'],
  ['thread', 'SIGTERM'],
] as const)('%s.ts ends at %s', (script, signal) => {
  test('as any process', async () => {
    expect(await terminated(script, signal, false)).toEqual([0, null, 'ready', 'closed']);
  });

  (isPossible ? test : test.skip)('as process 1', async () => {
    expect(await terminated(script, signal, true)).toEqual([0, null, 'ready', 'closed']);
  });
});
