/** pika itself, where the machine has it (Debian: python3-pika, of the system's Python). */
import { spawnSync } from 'node:child_process';

/** Milliseconds after which a program is killed. */
const CEILING = 120_000;

const interpreter = ['python3', '/usr/bin/python3'].find(
  (file) => spawnSync(file, ['-c', 'import pika'], { timeout: CEILING }).status === 0,
);
export const hasPika = interpreter !== undefined;

const PRELUDE = `
import inspect, json, os, sys
import pika, pika.credentials, pika.exceptions, pika.spec
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
given = json.load(sys.stdin)
`;

/** Run Python that finds `given` and binds `result`; that comes back through JSON. */
export function original<T>(source: string, given: unknown = null): T {
  const options = { input: JSON.stringify(given), encoding: 'utf8', timeout: CEILING } as const;
  const program = `${PRELUDE}\n${source}\njson.dump(result, sys.stdout)`;
  const { status, stdout, stderr } = spawnSync(interpreter!, ['-c', program], options);
  if (status !== 0) throw new Error(`the program in Python failed: ${stderr}`);
  return JSON.parse(stdout) as T;
}
