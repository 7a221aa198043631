import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { readSources } from '../house/sources';
import { COMPILERS, complaintsOf, writePrograms } from './compilers';
import { type Consumer, GREETING, installPackage, run } from './consumer';

const ROOT = join(__dirname, '..', '..');
const MAX_PACKED_BYTES = 1_200_000;
const MAX_FILES = 250;

let consumer: Consumer;

beforeAll(async () => {
  consumer = await installPackage();
}, 300_000);

afterAll(() => consumer?.remove());

describe('the tarball', () => {
  let files: Set<string>;
  beforeAll(() => {
    const all = fs.readdirSync(consumer.installed, { recursive: true, encoding: 'utf8' });
    files = new Set(all.filter((file) => fs.statSync(join(consumer.installed, file)).isFile()));
  });

  test('the tarball holds the build and what a reader looks for, and no source beside them', () => {
    expect([...files]).toEqual(
      expect.arrayContaining([
        'README.md',
        'LICENSE',
        'ARCHITECTURE.md',
        'CHANGELOG.md',
        'CONTRIBUTING.md',
        'SECURITY.md',
        'bin/README.md',
        'docs/porting-pika.md',
        'dist/src/index.js',
        'dist/src/index.mjs',
        'dist/src/compat/amqpy.mjs',
        'dist/src/compat/pika.js',
        'dist/src/compat/pika.mjs',
        'dist/src/opentelemetry.js',
        'dist/src/opentelemetry.mjs',
        'dist/bin/amqp-sync.js',
        'dist/amqp-sync.1',
      ]),
    );
    const expected = [
      /^([A-Z]+\.md|LICENSE|package\.json|bin\/README\.md|dist\/amqp-sync\.1)$/,
      /^(docs|examples|benchmark\/report)\/[\w./-]+\.(md|ts|svg)$/,
      /^dist\/(src|worker|bin)\/[\w./-]+\.(js|js\.map|mjs)$/,
      /^dist\/src\/[\w./-]+\.d\.m?ts$/,
      /^dist\/src\/(register\.cjs|shared\.cjs|shared\/synckit\.LICENSE)$/, // of synckit, which is built in
    ];
    const isTest = /(^|\/)(test|spec)s?\/|[.-](test|spec)s?\./;
    const surplus = [...files].filter(
      (file) => !expected.some((pattern) => pattern.test(file)) || isTest.test(file),
    );
    expect(surplus).toEqual([]);
  });

  test('each way in has its declarations', () => {
    const declared = readSources('src')
      .filter(({ file }) => /^src\/(index|opentelemetry|compat\/\w+)\.mts$/.test(file))
      .flatMap(({ file }) => [file.replace('.mts', '.d.mts'), file.replace('.mts', '.d.ts')]);
    expect(declared.length).toBe(8);
    expect(declared.filter((file) => !files.has(`dist/${file}`))).toEqual([]);
  });

  test('each thread is a file, and all that the threads need is in few', () => {
    const code = [...files].filter((file) => /^dist\/.*js$/.test(file));
    expect(code).toEqual(
      expect.arrayContaining(['dist/worker/connection/thread.js', 'dist/worker/broker/thread.js']),
    );
    expect(code.length).toBeLessThan(20);
  });

  test('source maps bring the sources that they lead to', () => {
    const maps = [...files].filter((file) => file.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(5);
    for (const map of maps) {
      const { sources, sourcesContent } = JSON.parse(
        fs.readFileSync(join(consumer.installed, map), 'utf8'),
      ) as { sources: string[]; sourcesContent: string[] };
      for (const [index, source] of sources.entries()) {
        const path = source.startsWith('node_modules/') ? source : join(dirname(map), source);
        expect(sourcesContent[index]).toBe(fs.readFileSync(join(ROOT, path), 'utf8'));
      }
    }
  });

  test('a stack with --enable-source-maps names the file and the line of the source', async () => {
    const program =
      "try { require('amqp-sync').connect({ get hostname() { throw new Error('mine'); } }) } catch (e) { console.log(e.stack) }";
    const stack = await consumer.node(['--enable-source-maps', '-e', program]);
    const [, file = '', line = ''] = /amqp-sync\/(src\/[\w/-]+\.ts):(\d+):\d+/.exec(stack) ?? [];
    const source = fs.readFileSync(join(ROOT, file), 'utf8').split('\n');
    expect(source[Number(line) - 1]).toMatch(/hostname|given|options/i);
  });

  test('links of the documents lead to files of the tarball', () => {
    const broken = [...files]
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) => {
        const text = fs.readFileSync(join(consumer.installed, file), 'utf8');
        const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link]) => link as string);
        return links
          .filter((link) => !/^https?:/.test(link))
          .filter((link) => !fs.existsSync(join(consumer.installed, dirname(file), link)))
          .map((link) => `${file} links to ${link}`);
      });
    expect(broken).toEqual([]);
  });

  test(`the tarball has at most ${MAX_FILES} files`, () => {
    expect(files.size).toBeLessThanOrEqual(MAX_FILES);
  });

  test(`is smaller than ${MAX_PACKED_BYTES} bytes`, () => {
    expect(fs.statSync(consumer.tarball).size).toBeLessThan(MAX_PACKED_BYTES);
  });

  test('publint finds nothing to say', async () => {
    const report = await run(
      'npx',
      ['-y', 'publint@0.3.25', '--strict', consumer.tarball],
      consumer.folder,
      180_000,
    );
    expect(report).toContain('All good!');
  }, 200_000);

  test('its types are right for every way to resolve them', async () => {
    const attw = ['-y', '@arethetypeswrong/cli@0.18.5', consumer.tarball];
    expect(await run('npx', attw, consumer.folder, 180_000)).toContain('No problems found');
  }, 200_000);
});

describe('the declarations', () => {
  /** Those that a user's compiler reads. */
  let declarations: ts.SourceFile[];
  beforeAll(() => {
    const faces = ['index', 'compat/amqpy', 'compat/pika', 'opentelemetry'].flatMap((face) =>
      ['ts', 'mts'].map((extension) => join(consumer.installed, `dist/src/${face}.d.${extension}`)),
    );
    const program = ts.createProgram(faces, { module: ts.ModuleKind.Node16, types: [], noLib: true });
    const files = program.getSourceFiles();
    declarations = files.filter(({ fileName }) => fileName.startsWith(consumer.installed));
  });

  /** What comes from another program, of which the caller alone knows the type. */
  const FROM_ELSEWHERE = /get json\(\): any|<[KT] = any>|(\[name: string\]|options\?: object\)): any/;

  test('nothing is of type any, but what comes from another program', () => {
    const complaints: string[] = [];
    for (const file of declarations) {
      const visit = (node: ts.Node): void => {
        if (node.kind === ts.SyntaxKind.AnyKeyword) {
          const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
          complaints.push(`${file.fileName}:${line + 1} ${file.text.split('\n')[line]?.trim()}`);
        }
        node.forEachChild(visit);
      };
      visit(file);
    }
    expect(complaints.filter((complaint) => !FROM_ELSEWHERE.test(complaint))).toEqual([]);
  });

  test('what is marked @internal is not there', () => {
    const internals = readSources('src')
      .filter(({ text }) => text.includes('@internal'))
      .map(({ file, text }) => ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
      .flatMap((source) => membersOf(source).filter(({ comment }) => comment.includes('@internal')))
      .map(({ name }) => name);
    expect(internals).toEqual(
      expect.arrayContaining(['src/api/channel Channel.[PARTS]', 'src/compat/amqpy/channel Channel.[DIED]']),
    );
    const shown = declarations.flatMap((file) => membersOf(file).map(({ name }) => name));
    expect(shown).toEqual(
      expect.arrayContaining([
        'src/api/channel Channel.reopen',
        'src/api/connection Connection.drainEvents',
        'src/compat/amqpy/connection Connection.drain_events',
      ]),
    );
    expect(shown.filter((name) => internals.includes(name))).toEqual([]);
  });

  test('there are no others', () => {
    const all = fs.readdirSync(join(consumer.installed, 'dist'), { recursive: true, encoding: 'utf8' });
    const read = declarations.map(({ fileName }) => fileName);
    const surplus = all
      .filter((file) => /\.d\.m?ts$/.test(file))
      .filter((file) => !read.includes(join(consumer.installed, 'dist', file)));
    expect(surplus).toEqual([]);
    expect(read.length).toBeGreaterThan(50);
  });

  test('they do not lead into the bridge between the threads', () => {
    const names = declarations.map(({ fileName }) => fileName);
    expect(names.filter((name) => /\/(bridge|worker)\//.test(name))).toEqual([]);
  });

  test.each(['tsconfig.json', 'tsconfig.bundler.json'])(
    'a strict program compiles against them, wrong calls do not: %s',
    async (config) => {
      expect(await consumer.compile('-p', config)).toBe('');
    },
  );
});

describe('OpenTelemetry', () => {
  test('nothing of it is loaded or needed, but by the subpath, which says what to install', async () => {
    expect(await consumer.node(['untraced.cjs'])).toBe(
      "false\nMODULE_NOT_FOUND amqp-sync/opentelemetry needs OpenTelemetry's API: npm install @opentelemetry/api\n",
    );
  });

  test('the subpath traces the library, by import and by require', async () => {
    consumer.link('@opentelemetry');
    expect(await consumer.node(['traced.mjs'])).toBe('traced\n');
  });
});

describe('a program in TypeScript, under every resolution, with and without the types of Node', () => {
  let setUps: string[];
  beforeAll(() => {
    setUps = writePrograms(consumer);
  });

  test.each(COMPILERS)(
    'compiles with TypeScript %s, and what is wrong in it does not',
    async (version) => {
      expect(setUps.length).toBe(6);
      expect(await complaintsOf(version, consumer, setUps)).toBe('');
    },
    200_000,
  );
});

describe.each(['20', '22', '24'])('in a program on Node %s it talks to the broker', (version) => {
  let node: string;

  beforeAll(async () => {
    node = await nodeBinary(version);
  }, 200_000);

  test.each([
    ['by require', ['require.cjs']],
    ['by import, named', ['named.mjs']],
    ['by import *', ['namespace.mjs']],
    ['by import, as the default', ['default.mjs']],
    ['by require, as pika', ['pika.cjs']],
    ['by import *, as pika', ['pika.mjs']],
    ['by require, as amqpy', ['amqpy.cjs']],
    ['by import, as amqpy', ['amqpy.mjs']],
    ['by ts-node, transpile only', ['-r', 'ts-node/register/transpile-only', 'typescript.ts']],
    ['by ts-node, as the default', ['-r', 'ts-node/register/transpile-only', 'default.ts']],
  ])('%s', async (_, args) => {
    expect(await consumer.node(args, node)).toBe(`${GREETING}\n`);
  });

  test('by ts-node, which checks the types, in all its forms', async () => {
    const greetings = await consumer.node(['-r', 'ts-node/register', 'forms.ts'], node);
    expect(greetings).toBe(`${GREETING}\n`.repeat(3));
  });

  test('in a jest test', async () => {
    const output = await consumer.node(
      ['node_modules/jest/bin/jest.js', '--config', 'jest.config.json'],
      node,
    );
    expect(output).toContain(GREETING);
    expect(output).toMatch(/Tests: +1 passed, 1 total/);
  });

  test('by the command line, as npm links it', async () => {
    const cli = (...args: string[]) =>
      consumer.node([join('node_modules', '.bin', 'amqp-sync'), ...args], node);
    const queue = (await cli('declare-queue', '-d', '--auto-delete')).trim();
    expect(await cli('publish', '-r', queue, GREETING)).toBe('');
    expect(await cli('get', queue, '--lines')).toBe(`${GREETING}\n`);
    await cli('delete-queue', queue);
  });

  test('import and require give the same classes, all of them', async () => {
    expect(await consumer.node(['identity.mjs'], node)).toBe('identical\n');
  });
});

/** This Node, or one that npm has brought for the occasion. */
async function nodeBinary(version: string): Promise<string> {
  if (process.versions.node.startsWith(`${version}.`)) return process.execPath;
  const args = ['--loglevel=error', '-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'];
  return (await run('npx', args, consumer.folder, 180_000)).trim();
}

/** The members of classes and interfaces, as `file Class.member`, with the comment before them. */
function membersOf(file: ts.SourceFile): { name: string; comment: string }[] {
  const members: { name: string; comment: string }[] = [];
  const [, path] = /(?:^|\/dist\/)(src\/.+?)(?:\.d)?\.[cm]?ts$/.exec(file.fileName) ?? [];
  for (const statement of file.statements) {
    if (!ts.isClassDeclaration(statement) && !ts.isInterfaceDeclaration(statement)) continue;
    for (const member of statement.members) {
      const name = `${path} ${statement.name?.text}.${member.name?.getText(file) ?? 'constructor'}`;
      const comments = ts.getLeadingCommentRanges(file.text, member.pos) ?? [];
      const comment = comments.map(({ pos, end }) => file.text.slice(pos, end)).join('\n');
      members.push({ name, comment });
    }
  }
  return members;
}
