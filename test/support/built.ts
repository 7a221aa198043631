import { execFileSync } from 'node:child_process';
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
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
/** Copies lie beside node_modules, for jest leaves out of its reports what is below that. */
const COPIES = join(ROOT, '.built');
const FOLDERS = ['src', 'worker', 'bin', 'examples', join('test', 'support')];
/** What else the package depends on. */
const CONFIGURATION = [
  'node_modules/rolldown/package.json',
  'node_modules/synckit/package.json',
  'rolldown.config.mjs',
  'tsconfig.json',
  'package.json',
];
const AN_HOUR = 3_600_000;

const { process: transpile, getCacheKey } = require('./transpile.cjs') as {
  process(text: string, file: string): { code: string; map: string };
  getCacheKey(text: string, file: string): string;
};

/**
 * The folder of what the package has in its `dist`, with the examples beside it, made once for each state of the
 * sources: programs are started from it. A worker that is TypeScript has to load a compiler first, which takes most of a
 * second of CPU for each connection.
 */
export function build(): string {
  return join(copy(), 'package');
}

/**
 * A file of the project, by its path without extension, as JavaScript: tests import the library's (resolver.cjs), and
 * start threads of their own. The library's threads are those of the package.
 */
export function built(path: string): string {
  return join(copy(), 'modules', `${path}.js`);
}

function copy(): string {
  process.env.AMQP_SYNC_BUILT ??= make();
  return process.env.AMQP_SYNC_BUILT;
}

function make(): string {
  const sources = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
    .filter((file) => /\.m?ts$/.test(file))
    .sort()
    .map((file) => ({ file, key: getCacheKey(textOf(file), file) }));
  const folder = join(COPIES, hashed(JSON.stringify([sources, CONFIGURATION.map(textOf)])));
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  for (const { file, key } of sources) {
    if (!file.endsWith('.ts')) continue;
    const within = file.startsWith('examples') ? 'package' : 'modules';
    mkdirSync(dirname(join(draft, within, file)), { recursive: true });
    // JavaScript alone: synckit would take TypeScript beside it for the worker
    for (const part of parts(file, key)) linkSync(part.from, join(draft, within, part.to));
  }
  const rolldown = join(ROOT, 'node_modules', 'rolldown', 'bin', 'cli.mjs');
  execFileSync(process.execPath, [rolldown, '-c', '-d', join(draft, 'package')], {
    cwd: ROOT,
    stdio: 'pipe',
  });
  // one and the same for a thread of the package, whoever starts it: the modules have synckit from where it is installed
  for (const preloaded of ['register.cjs', 'shared.cjs']) {
    const file = join(draft, 'package', 'src', preloaded);
    rmSync(file);
    symlinkSync(join(ROOT, 'node_modules', 'synckit', preloaded), file);
  }
  for (const thread of ['connection', 'broker']) {
    const path = join('worker', thread, 'thread.js');
    const file = join(draft, 'modules', path);
    rmSync(file);
    writeFileSync(file, `require(${JSON.stringify(join(folder, 'package', path))});\n`);
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
function parts(file: string, key: string): { from: string; to: string }[] {
  const stem = file.replace(/\.ts$/, '');
  const from = join(COPIES, 'files', key);
  if (!existsSync(`${from}.js`)) {
    const { code, map } = transpile(textOf(file), file);
    mkdirSync(dirname(from), { recursive: true });
    writeFileSync(`${from}.js.map`, map);
    writeFileSync(`${from}.${process.pid}`, code);
    renameSync(`${from}.${process.pid}`, `${from}.js`);
  }
  return ['.js', '.js.map'].map((extension) => ({ from: from + extension, to: stem + extension }));
}

const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const hashed = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

function forgetOldCopies(present: string): void {
  for (const name of readdirSync(COPIES)) {
    const folder = join(COPIES, name);
    const { mtimeMs } = statSync(folder, { throwIfNoEntry: false }) ?? {}; // another process may be tidying up, too
    if (name !== 'files' && folder !== present && mtimeMs !== undefined && Date.now() - mtimeMs > AN_HOUR)
      rmSync(folder, { recursive: true, force: true });
  }
}
