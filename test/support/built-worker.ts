import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const CACHE = join(ROOT, 'node_modules', '.cache', 'amqp-sync');
const AN_HOUR = 3_600_000;

/**
 * `src/bridge/spawn`, from a copy of the sources that is JavaScript already. A worker started from
 * TypeScript takes most of a second, for ts-node has to be loaded into each; 200 connections of hostile
 * peers have no time for that. The copy is made once for each state of the sources.
 */
export function builtSpawn(): typeof import('../../src/bridge/spawn') {
  return require(join(build(), 'src', 'bridge', 'spawn.js'));
}

/** The folder of the copy: its `src` is what the package exports. */
export function build(): string {
  const files = ['src', 'worker', 'bin']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true }).map((file) => join(folder, String(file))),
    )
    .filter((file) => file.endsWith('.ts'))
    .sort();
  const sources = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
  const folder = join(
    CACHE,
    createHash('sha256')
      .update(JSON.stringify([...sources]))
      .digest('hex')
      .slice(0, 16),
  );
  if (exists(folder)) return folder;
  const { transpileModule, ModuleKind, ScriptTarget } = require('typescript') as typeof import('typescript');
  const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true };
  const draft = `${folder}.${process.pid}`;
  for (const [file, source] of sources) {
    const { outputText } = transpileModule(source, { compilerOptions, fileName: file });
    mkdirSync(join(draft, file, '..'), { recursive: true });
    writeFileSync(join(draft, file.replace(/\.ts$/, '.js')), outputText);
  }
  try {
    renameSync(draft, folder);
  } catch {
    rmSync(draft, { recursive: true, force: true }); // another process was faster
  }
  forgetOldCopies();
  return folder;
}

function forgetOldCopies(): void {
  for (const name of readdirSync(CACHE)) {
    const folder = join(CACHE, name);
    const { mtimeMs } = statSync(folder, { throwIfNoEntry: false }) ?? {}; // another process may be tidying up, too
    if (mtimeMs !== undefined && Date.now() - mtimeMs > AN_HOUR)
      rmSync(folder, { recursive: true, force: true });
  }
}

function exists(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false }) !== undefined;
}
