import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './children';

/** What the benchmark makes for itself; git does not see it. */
export const CACHE = join(__dirname, '..', 'node_modules', '.cache', 'amqp-sync-bench');

/**
 * Compile a C file of this folder, once for each state of it, and return the program's path.
 * @throws {Error} what is missing
 */
export async function compiled(source: string, ...libraries: string[]): Promise<string> {
  const file = join(__dirname, source);
  const state = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
  const name = source.replace(/^.*\/|\.c$/g, '');
  const program = join(CACHE, `${name}-${state}`);
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  const draft = `${program}.${process.pid}`;
  const args = ['-O2', '-pthread', '-o', draft, file, ...libraries];
  await run({ file: await compiler(), args }, 60_000);
  renameSync(draft, program);
  return program;
}

async function compiler(): Promise<string> {
  for (const file of [process.env.CC, 'cc', 'gcc', 'clang']) {
    if (!file) continue;
    try {
      await run({ file, args: ['--version'] }, 10_000);
      return file;
    } catch {
      // the next one
    }
  }
  throw new Error('no C compiler (cc, gcc, clang or $CC)');
}
