/** The command line as a process of its own, from the built copy; killed if it does not end. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { NotFoundError } from '../../../src';
import { build } from '../built';
import { shared } from '../connect';
import { asleep } from './asleep';

/** Milliseconds after which a command is killed: far more than one takes, however busy the machine is. */
const CEILING = 900_000;

export interface CliOptions {
  input?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

const command = (args: readonly string[]) => [join(build(), 'bin', 'amqp-sync.js'), ...args];

/** Run it to its end. */
export function cli(args: readonly string[], { input, env }: CliOptions = {}): SpawnSyncReturns<Buffer> {
  return spawnSync(process.execPath, command(args), {
    input: input ?? '',
    env: { ...process.env, ...env },
    timeout: CEILING,
    killSignal: 'SIGKILL',
    maxBuffer: 256 * 1024 * 1024,
  });
}

/** Run it to its end, which must be good. @returns what it printed */
export function out(args: readonly string[], options?: CliOptions): string {
  const { status, stdout, stderr } = cli(args, options);
  if (status !== 0) throw new Error(`exit status ${status}: ${stderr}`);
  return stdout.toString();
}

/** Run it to its end. @returns its exit status, and what it said on stderr */
export function said(...args: string[]): [status: number | null, stderr: string] {
  const { status, stderr } = cli(args);
  return [status, stderr.toString()];
}

/** Run a line of bash in which `amqp-sync` is ours, and `consumed QUEUE` waits until somebody consumes from the queue. */
export function shell(line: string, { input, env, cwd }: CliOptions = {}): SpawnSyncReturns<Buffer> {
  const alias = `amqp-sync() { "${process.execPath}" "${command([])[0]}" "$@"; }\n`;
  const consumed =
    'consumed() { until amqp-sync declare-queue "$1" --passive 2>&1 | grep -q " [1-9][0-9]* consumer"; do :; done; }\n';
  return spawnSync('bash', ['-o', 'pipefail', '-c', alias + consumed + line], {
    cwd,
    input: input ?? '',
    env: { ...process.env, ...env },
    timeout: CEILING,
    killSignal: 'SIGKILL',
    maxBuffer: 256 * 1024 * 1024,
  });
}

/** A command that runs, with what is written to its stdin, and its end. */
export interface Running {
  stdin: Writable;
  end: Promise<{ status: number | null; stdout: string; stderr: string }>;
}

/** Start it; meanwhile the test goes on. */
export function started(...args: string[]): Running {
  const child = spawn(process.execPath, command(args), { timeout: CEILING, killSignal: 'SIGKILL' });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      said[name] += text;
    });
  }
  const end = once(child, 'close').then(([status]) => ({ status, ...said }));
  return { stdin: child.stdin, end };
}

/** Ask again until it holds; programs that were started are heard meanwhile. @throws {Error} they have ended, and it does not hold */
export async function until(holds: () => boolean, { end }: Running): Promise<void> {
  const ended = end.then(() => true);
  while (!holds()) {
    if (await Promise.race([ended, sleep(20, false)])) throw new Error(`it has ended: ${(await end).stderr}`);
  }
}

/** Whether somebody consumes from a queue, which need not be there yet. */
export function isConsumed(queue: string): boolean {
  const channel = shared().channel();
  try {
    return channel.queueDeclare(queue, { passive: true }).consumerCount > 0;
  } catch (error) {
    if (error instanceof NotFoundError) return false;
    throw error;
  } finally {
    channel.close();
  }
}

/** Start it; send it a signal once `isReady`, told what it has printed, and it is asleep. See how it ends. */
export async function interrupted(
  args: readonly string[],
  signal: NodeJS.Signals,
  isReady: (stdout: string) => boolean,
): Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, command(args), { timeout: CEILING, killSignal: 'SIGKILL' });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const timer = setInterval(() => {
    if (!isReady(stdout)) return;
    clearInterval(timer);
    void asleep(child.pid!).then(() => child.kill(signal));
  }, 20);
  return new Promise((resolve) => {
    child.on('close', (code, how) => {
      clearInterval(timer);
      resolve({ code, signal: how, stdout, stderr });
    });
  });
}
