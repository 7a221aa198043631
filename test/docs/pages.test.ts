/** README.md and docs/: what they show works as it stands there, and what they link to is there. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { build } from '../support/built';
import { shared } from '../support/connect';
import { hasAioPika, runPython } from '../support/python/aio-pika';
import { namesIn, PAGES, type Page, ROOT, readPage, syntaxErrors, typeErrors } from './page';

const CEILING = 150_000;
const pages = PAGES.map(readPage);
const programs = pages.filter(({ program }) => program !== '');

/** The program of a page; its output. */
const run = ({ program }: Page) =>
  withNames(program, async (named) => {
    const source = ts
      .transpile(named, {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      })
      .replaceAll("require('amqp-sync')", `require('${join(build(), 'src')}')`)
      .replaceAll(/from 'amqp-sync(?:\/(\w+))?'/g, (_, facade = '') => `from '${library(facade)}'`);
    const folder = mkdtempSync(join(build(), 'page-')); // other packages are found from there
    const file = join(folder, 'page.mjs');
    try {
      writeFileSync(file, source);
      const { stdout } = await promisify(execFile)(process.execPath, [file], {
        cwd: folder,
        encoding: 'utf8',
        timeout: CEILING,
        killSignal: 'SIGKILL',
      });
      return stdout;
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

/** Run what has names of its own for all that it declares, and the broker of this run for localhost; the output in its words. */
async function withNames(
  program: string,
  run: (source: string) => string | Promise<string>,
): Promise<string> {
  const names = namesIn(program);
  const named = [...names].reduce((text, [name, own]) => text.replaceAll(`'${name}'`, `'${own}'`), program);
  try {
    const output = await run(named.replaceAll("'amqp://localhost'", `'${process.env.AMQP_URL}'`));
    return [...names].reduce((text, [name, own]) => text.replaceAll(own, name), output);
  } finally {
    const channel = shared().channel();
    for (const name of names.values()) {
      channel.queueDelete(name);
      channel.exchangeDelete(name);
    }
    channel.close();
  }
}

const FILES: Readonly<Record<string, string>> = { '': 'index', opentelemetry: 'opentelemetry' };
const library = (facade: string) =>
  pathToFileURL(join(build(), 'src', `${FILES[facade] ?? `compat/${facade}`}.mjs`)).href;

test.each(programs.map((page) => [page.file, page] as const))(
  'the code of %s runs, block after block, and prints what it says',
  async (_, page) => {
    const lines = (await run(page)).split('\n');
    expect(page.printed.filter((line) => !lines.includes(line))).toEqual([]);
  },
  CEILING,
);

const inPython = pages.filter(({ python }) => python.program !== '');

(hasAioPika ? test : test.skip).each(inPython.map((page) => [page.file, page] as const))(
  'so does the Python of %s',
  async (_, { python: { program, printed } }) => {
    expect(printed.length).toBeGreaterThan(0);
    const lines = (await withNames(program, runPython)).split('\n');
    expect(printed.filter((line) => !lines.includes(line))).toEqual([]);
  },
  CEILING,
);

test('the compiler finds nothing in any page: each name is imported once, each option is there', () => {
  expect(programs.length).toBeGreaterThan(10);
  expect(typeErrors(programs)).toEqual([]);
});

test('JavaScript has no types', () => {
  expect(pages.flatMap(syntaxErrors)).toEqual([]);
});

test('a page begins with code that is run', () => {
  expect(programs.filter(({ blocks }) => blocks[0]!.reason !== '').map(({ file }) => file)).toEqual([]);
});

test('the test in jest is the one that is run, and so is what it tests', () => {
  const [tested, shown] = readPage('docs/testing.md').blocks.filter(({ language }) => language === 'ts');
  const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
  expect(read('test', 'examples', 'testing.test.ts')).toContain(shown!.code.replace(/^import.*\n\n/, ''));
  expect(read('examples', 'testing', 'ship-orders.ts').replace('export ', '')).toContain(tested!.code);
});

test('every command line is one of bin/README.md, which are run', () => {
  const lines = pages
    .flatMap(({ blocks }) => blocks.filter(({ language }) => language === 'sh'))
    .flatMap(({ code }) => code.trimEnd().split('\n'))
    .map((line) => line.replace(/ *# .*$/, ''))
    .filter((line) => line !== '');
  const run = readFileSync(join(ROOT, 'bin', 'README.md'), 'utf8').split('\n');
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.filter((line) => !run.includes(line))).toEqual([]);
});

test('the first page fits', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(200);
});

test('docs/README.md leads to every page', () => {
  const index = readFileSync(join(ROOT, 'docs', 'README.md'), 'utf8');
  const others = PAGES.filter((file) => file.startsWith('docs/') && file !== 'docs/README.md');
  expect(others.filter((file) => !index.includes(`(${file.replace('docs/', '')})`))).toEqual([]);
});

test('every link leads to a file that is there, and to a heading of it', () => {
  const others = ['porting-pika', 'porting-amqpy'].map((name) => `docs/${name}.md`);
  others.push('ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'bin/README.md', 'examples/README.md');
  const broken = [...pages, ...others.map(readPage)].flatMap(({ file, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link as string)
      .filter((link) => !/^https?:/.test(link) && !leads(file, link))
      .map((link) => `${file}: ${link}`),
  );
  expect(broken).toEqual([]);
});

function leads(from: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? join(ROOT, from) : join(ROOT, dirname(from), path);
  if (!existsSync(file)) return false;
  return anchor === undefined || anchors(readFileSync(file, 'utf8')).includes(anchor);
}

/** As GitHub makes them of headings. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
