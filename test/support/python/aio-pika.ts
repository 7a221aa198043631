/** Programs in Python that use aio-pika, where the machine has it. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Milliseconds after which a program is killed. */
const CEILING = 120_000;

/** Debian's packages (python3-aio-pika) are those of the system's Python, which need not be the first in the path. */
const interpreter = ['python3', '/usr/bin/python3'].find(
  (file) => spawnSync(file, ['-c', 'import aio_pika'], { timeout: CEILING }).status === 0,
);
export const hasAioPika = interpreter !== undefined;

const PRELUDE = `
import asyncio, inspect, json, os
import aio_pika
from aio_pika.patterns import JsonRPC
from aio_pika.patterns.master import CompressedJsonMaster, JsonMaster

def say(*words):
    print(*words, flush=True)

def name(which):
    return os.environ['NAMES_' + which.upper()]
`;

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Run a whole program; what it prints. */
export function runPython(source: string): string {
  return execFileSync(interpreter!, ['-c', source], {
    encoding: 'utf8',
    timeout: CEILING,
    killSignal: 'SIGKILL',
  });
}

/** Run the body of `async def main(connection, channel)`; resolves with its first line, and `lines` has all of them. */
export async function python(
  body: string,
  names: Record<string, string>,
): Promise<{ lines: string[]; end: Promise<void> }> {
  const indented = body.replace(/^/gm, '    ');
  const source = `${PRELUDE}
async def main(connection, channel):
${indented}

async def start():
    connection = await aio_pika.connect(os.environ['AMQP_URL'])
    async with connection:
        await main(connection, await connection.channel())

asyncio.run(start())
`;
  const env = Object.entries(names).map(([key, value]) => [`NAMES_${key.toUpperCase()}`, value]);
  const child = spawn(interpreter!, ['-c', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...Object.fromEntries(env) },
    timeout: CEILING,
    killSignal: 'SIGKILL',
  });
  running.add(child);
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  const lines: string[] = [];
  const end = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const first = new Promise<void>((resolve) => {
    createInterface(child.stdout as NodeJS.ReadableStream).on('line', (line) => {
      lines.push(line);
      resolve();
    });
  });
  await Promise.race([first, end]);
  if (lines.length === 0) throw new Error(`the program in Python said nothing: ${stderr}`);
  return { lines, end };
}
