import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Everything that runs; nothing of it survives the benchmark. */
const children = new Set<ChildProcess>();

export interface Command {
  file: string;
  args: readonly string[];
  env?: Record<string, string>;
}

export function start({ file, args, env }: Command): ChildProcess {
  const child = spawn(file, args, { stdio: 'pipe', env: { ...process.env, ...env } });
  children.add(child);
  child.once('close', () => children.delete(child));
  child.stdin!.on('error', () => {});
  return child;
}

/** Kill whatever is left. */
export function killAll(): void {
  for (const child of children) child.kill('SIGKILL');
}

process.on('exit', killAll);

/**
 * Run a command to its end and return its standard output.
 * @throws {Error} one line that says what went wrong; after `timeout` ms it is killed
 */
export async function run(command: Command, timeout: number): Promise<string> {
  const child = start(command);
  let out = '';
  let complaint = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4000);
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeout);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (late) throw new Error(`no end after ${timeout / 1000} s`);
    if (code !== 0) throw new Error(gist(complaint) || `exit ${code ?? signal}`);
    return out;
  } finally {
    clearTimeout(timer);
  }
}

/** The line of a stack trace, from Node or Python, that says what happened. */
export function gist(complaint: string): string {
  const lines = complaint.split('\n').filter((line) => line.trim() !== '');
  const told =
    lines.find((line) => /^(\w*Error|Error)\b.*:|^not as expected/.test(line)) ?? lines.at(-1) ?? '';
  return told.trim().slice(0, 200);
}

/** Resolves with the first line of its output. @throws {Error} when it ends, or `timeout` passes, before */
export function firstLine(child: ChildProcess, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    let complaint = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`no sign of life within ${timeout / 1000} s`));
    }, timeout);
    child.stderr!.on('data', (bytes) => {
      complaint = (complaint + bytes).slice(-4000);
    });
    child.stdout!.on('data', (bytes) => {
      out += bytes;
      if (!out.includes('\n')) return;
      clearTimeout(timer);
      resolve(out.slice(0, out.indexOf('\n')));
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      reject(new Error(gist(complaint) || 'it ended at once'));
    });
  });
}
