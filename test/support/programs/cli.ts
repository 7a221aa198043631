/** The command line as a process of its own, from the built copy; killed if it does not end. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from '../built';
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
