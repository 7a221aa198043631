/** What examples/ promises its reader: every file is shown to him, and every command line names one. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { readSources } from '../house/sources';

const ROOT = join(__dirname, '..', '..');
const TUTORIALS = join(ROOT, 'examples', 'tutorials');
const files = readSources('examples').map(({ file }) => file);
const tutorials = files.filter((file) => file.startsWith('examples/tutorials/'));
const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');

test('there are seven tutorials, of thirteen scripts', () => {
  expect(new Set(tutorials.map((file) => dirname(file))).size).toBe(7);
  expect(tutorials).toHaveLength(13);
});

test('every example is named in a README, every tutorial with a command line', () => {
  const commands = read('examples', 'tutorials', 'README.md')
    .match(/^ {4}\$ .*$/gm)!
    .join('\n');
  const shown = (file: string) =>
    tutorials.includes(file)
      ? commands.includes(`npx ts-node ${file.replace('examples/tutorials/', '')}`)
      : read('examples', 'README.md').includes(`(${file.replace('examples/', '')})`);
  expect(files.filter((file) => !shown(file))).toEqual([]);
});

test('what the README of the tutorials starts is there', () => {
  const scripts = [...read('examples', 'tutorials', 'README.md').matchAll(/npx ts-node (\S+)/g)].map(
    ([, script]) => script!,
  );
  expect(scripts.length).toBeGreaterThan(tutorials.length);
  expect(scripts.filter((script) => !existsSync(join(TUTORIALS, script)))).toEqual([]);
});

test('each script stands alone: it imports the library and nothing else', () => {
  const imports = readSources('examples/tutorials').map(({ file, text }) => [
    file,
    text.match(/ from '.*'/g),
  ]);
  expect(imports).toEqual(tutorials.map((file) => [file, [" from '../../../src'"]]));
});

test('npm run check looks at the types of all of them', () => {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const checked = new Set(fileNames.map((file) => resolve(file)));
  expect(files.filter((file) => !checked.has(join(ROOT, file)))).toEqual([]);
  expect(JSON.parse(read('package.json')).scripts.check).toContain('typecheck');
});
