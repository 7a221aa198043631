/** The recipes for SIGTERM in `examples/sigterm` end in order, also as process 1 of a PID namespace of their own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from '../support/built';
import { shared } from '../support/connect';
import { asleep } from '../support/programs/asleep';

/** That of the recipes, so nothing else in the suite may use it. */
const QUEUE = 'jobs';
/** Milliseconds after which a script is killed: far more than one takes, however busy the machine is. */
const CEILING = 150_000;
const isPossible = spawnSync('unshare', ['--pid', '--fork', '--kill-child', 'true']).status === 0;

beforeAll(tidy);
afterAll(tidy);

function tidy(): void {
  using channel = shared().channel();
  channel.queueDelete(QUEUE);
}

/** Start a script, send it a signal once it is ready and asleep, and collect what it says. */
async function terminated(script: string, signal: NodeJS.Signals, asProcess1: boolean): Promise<unknown> {
  const node = [process.execPath, join(build(), 'examples', 'sigterm', `${script}.js`)];
  // unshare itself does not hand signals on: the one in the namespace is its only child
  const command = asProcess1 ? ['unshare', '--pid', '--fork', '--kill-child', ...node] : node;
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: CEILING,
    killSignal: 'SIGKILL',
  });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    if (line !== 'ready') return;
    const pid = asProcess1 ? onlyChildOf(child) : child.pid!;
    // what comes before it waits is for its listener, once it returns
    void asleep(pid).then(() => process.kill(pid, signal));
  });
  return new Promise((resolve) => child.on('close', (code, killed) => resolve([code, killed, ...lines])));
}

/** Start a script, have messages come all the time, and send it SIGTERM once it listens for that and the first has come. */
async function terminatedAtWork(script: string): Promise<unknown> {
  const child = spawn(process.execPath, [join(build(), 'examples', 'sigterm', `${script}.js`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: CEILING,
    killSignal: 'SIGKILL',
  });
  using channel = shared().channel();
  channel.declareQueue(QUEUE);
  const feeding = setInterval(() => channel.basicPublish('more', { routingKey: QUEUE }), 20);
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const isAtWork = () => lines.includes('ready') && lines.includes('more');
    const wasAtWork = isAtWork();
    lines.push(line); // a thread of its own may print what waits before the main one says that it is ready
    if (isAtWork() && !wasAtWork) child.kill('SIGTERM');
  });
  const [code] = await once(child, 'close');
  clearInterval(feeding);
  return [code, lines.includes('ready'), lines.at(-1)];
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

test.each(['slices', 'thread'])('%s.ts ends at SIGTERM while messages keep coming', async (script) => {
  expect(await terminatedAtWork(script)).toEqual([0, true, 'closed']);
});
