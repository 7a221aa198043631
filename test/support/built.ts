import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
/** Not below node_modules: jest leaves out of its reports what is there. */
const COPIES = join(ROOT, '.built');
const FOLDERS = ['src', 'worker', 'bin', 'examples', join('test', 'support')];
const AN_HOUR = 3_600_000;

/**
 * The folder of a copy of the project that is JavaScript already, made once for each state of the sources: its `src` is
 * what the package exports. Tests import from it (resolver.cjs), programs and threads are started from it. A worker that
 * is TypeScript has to load a compiler first: most of a second of CPU for each connection.
 */
export function build(): string {
  process.env.AMQP_SYNC_BUILT ??= make();
  return process.env.AMQP_SYNC_BUILT;
}

/** A file of the copy, by its path in the project, without extension. */
export function built(path: string): string {
  return join(build(), `${path}.js`);
}

function make(): string {
  const sources = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => ({ file, hash: hashed(readFileSync(join(ROOT, file), 'utf8')) }));
  const folder = join(COPIES, hashed(JSON.stringify(sources)));
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  for (const { file, hash } of sources) {
    mkdirSync(dirname(join(draft, file)), { recursive: true });
    // no TypeScript beside its JavaScript: synckit would take that for the worker
    for (const part of parts(file, hash)) linkSync(part.from, join(draft, part.to));
  }
  try {
    renameSync(draft, folder);
  } catch {
    rmSync(draft, { recursive: true, force: true }); // another process was faster
  }
  forgetOldCopies(folder);
  return folder;
}

/** The JavaScript of a file and its source map, which other states of the sources share. */
function parts(file: string, hash: string): { from: string; to: string }[] {
  const stem = file.replace(/\.ts$/, '');
  const from = join(COPIES, 'files', hashed(file + hash));
  if (!existsSync(`${from}.js`)) {
    const { process: transpile } = require('./transpile.cjs') as {
      process(text: string, file: string): { code: string; map: string };
    };
    const { code, map } = transpile(readFileSync(join(ROOT, file), 'utf8'), file);
    mkdirSync(dirname(from), { recursive: true });
    writeFileSync(`${from}.js.map`, map);
    writeFileSync(`${from}.${process.pid}`, code);
    renameSync(`${from}.${process.pid}`, `${from}.js`);
  }
  return ['.js', '.js.map'].map((extension) => ({ from: from + extension, to: stem + extension }));
}

const hashed = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

function forgetOldCopies(present: string): void {
  for (const name of readdirSync(COPIES)) {
    const folder = join(COPIES, name);
    const { mtimeMs } = statSync(folder, { throwIfNoEntry: false }) ?? {}; // another process may be tidying up, too
    if (name !== 'files' && folder !== present && mtimeMs !== undefined && Date.now() - mtimeMs > AN_HOUR)
      rmSync(folder, { recursive: true, force: true });
  }
}
