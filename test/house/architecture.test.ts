import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { join as joined } from 'node:path/posix';

const ROOT = join(__dirname, '..', '..');

/** Folders that are drawn, with all folders below them. */
const DRAWN = ['src', 'worker', 'bin', 'test'];
/** Folders of which every file is named, those of their own folders too. */
const IN_FULL = [
  'src/api',
  'src/client',
  'src/contract',
  'src/bridge',
  'src/topology',
  'worker/connection',
  'worker/broker',
];

/**
 * The paths in a tree: on each line names, with commas between them and two spaces or more behind, and what they are.
 * Folders end in a slash; what is indented below several folders is in each of them that has it.
 */
function pathsIn(tree: string): string[] {
  const paths: string[] = [];
  /** Folders that are open, by depth. */
  const open: string[][] = [['']];
  for (const line of tree.split('\n')) {
    const [, indent = '', names = ''] = /^( *)(\S+(?:, \S+)*) {2,}\S/.exec(line) ?? [];
    if (names === '') throw new Error(`ARCHITECTURE.md: "${line}" is not "names  what they are"`);
    const depth = indent.length / 2;
    const parents = open[depth];
    if (parents === undefined) throw new Error(`ARCHITECTURE.md: "${line}" is below no folder`);
    const found = names.split(', ').flatMap((name) => {
      const all = parents.map((parent) => joined(parent, name));
      const there = all.filter((path) => existsSync(join(ROOT, path)));
      return there.length > 0 ? there : all;
    });
    paths.push(...found.map((path) => path.replace(/\/$/, '')));
    open.length = depth + 1;
    const folders = found.filter((path) => path.endsWith('/'));
    if (folders.length > 0) open.push(folders);
  }
  return paths;
}

function below(folder: string): { path: string; isFolder: boolean }[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true });
  return entries.map((entry) => ({
    path: join(entry.parentPath, entry.name)
      .slice(ROOT.length + 1)
      .replaceAll('\\', '/'),
    isFolder: entry.isDirectory(),
  }));
}

const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
const named = pathsIn(/^```text\n(.*?)\n```$/ms.exec(text)?.[1] ?? '');

test('ARCHITECTURE.md names every folder, and every file of the folders that are drawn in full', () => {
  const wanted = [
    ...DRAWN,
    ...DRAWN.flatMap(below).flatMap(({ path, isFolder }) => (isFolder ? [path] : [])),
    ...IN_FULL.flatMap(below).map(({ path }) => path),
  ];
  expect(wanted.filter((path) => !named.includes(path))).toEqual([]);
});

test('every name in the tree of ARCHITECTURE.md exists, and is there once', () => {
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  expect(named.filter((path, index) => named.indexOf(path) !== index)).toEqual([]);
});

test('every path that ARCHITECTURE.md and CONTRIBUTING.md mention exists', () => {
  const paths = ['ARCHITECTURE.md', 'CONTRIBUTING.md'].flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(/`((?:src|worker|bin|test|docs)\/[\w./-]*)`/g)].map(
      ([, path]) => path as string,
    ),
  );
  expect(paths.length).toBeGreaterThan(40);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});
