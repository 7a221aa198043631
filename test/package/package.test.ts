import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { readSources } from '../house/sources';
import { type Consumer, GREETING, installPackage, run } from './consumer';

const MAX_PACKED_BYTES = 1_000_000;

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

  test('holds the build, the sources for debuggers, and what a reader looks for; nothing else', () => {
    expect([...files]).toEqual(
      expect.arrayContaining([
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'dist/src/index.js',
        'dist/src/index.mjs',
        'dist/src/compat/amqpy.mjs',
        'dist/src/compat/pika.js',
        'dist/src/compat/pika.mjs',
        'dist/bin/amqp-sync.js',
        'dist/amqp-sync.1',
      ]),
    );
    const expected =
      /^(README\.md|LICENSE|CHANGELOG\.md|package\.json|dist\/amqp-sync\.1|(dist\/)?(src|worker|bin)\/[\w./-]+)$/;
    expect(
      [...files].filter(
        (file) => !expected.test(file) || /(^|\/)(test|spec)s?\/|[.-](test|spec)s?\./.test(file),
      ),
    ).toEqual([]);
  });

  test('every source has its declarations', () => {
    const declared = readSources('src').map(({ file }) => `dist/${file.replace(/(\.[cm]?)ts$/, '.d$1ts')}`);
    expect(declared.filter((file) => !files.has(file))).toEqual([]);
  });

  test('each thread is a file, and all that the threads need is in few', () => {
    const code = [...files].filter((file) => /^dist\/.*js$/.test(file));
    expect(code).toEqual(
      expect.arrayContaining(['dist/worker/connection/thread.js', 'dist/worker/broker/thread.js']),
    );
    expect(code.length).toBeLessThan(20);
  });

  test('every source map leads to a file that is there', () => {
    const maps = [...files].filter((file) => file.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(20);
    const lost = maps.flatMap((map) => {
      const { sources } = JSON.parse(fs.readFileSync(join(consumer.installed, map), 'utf8'));
      return sources
        .map((source: string) => join(dirname(map), source))
        .filter((file: string) => !files.has(file));
    });
    expect(lost).toEqual([]);
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
    const faces = ['index', 'compat/amqpy', 'compat/pika'].map((face) =>
      join(consumer.installed, `dist/src/${face}.d.ts`),
    );
    const program = ts.createProgram(faces, { module: ts.ModuleKind.Node16, types: [] });
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
      .map(({ file, text }) => ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
      .flatMap((source) => membersOf(source).filter(({ comment }) => comment.includes('@internal')))
      .map(({ name }) => name);
    expect(internals).toEqual(
      expect.arrayContaining(['Channel.[PARTS]', 'Connection.[SESSION]', 'IncomingMessage.[DISPATCH]']),
    );
    // the engine of the broker has classes by the same names
    const shown = declarations
      .filter(({ fileName }) => !fileName.includes('/src/broker/'))
      .flatMap((file) => membersOf(file).map(({ name }) => name));
    expect(shown).toEqual(
      expect.arrayContaining(['Channel.isOpen', 'Connection.drainEvents', 'Connection.drain_events']),
    );
    expect(shown.filter((name) => internals.includes(name))).toEqual([]);
  });

  test('they do not lead into the bridge between the threads', () => {
    const names = declarations.map(({ fileName }) => fileName);
    expect(names.filter((name) => /\/(bridge|worker)\//.test(name))).toEqual([]);
  });

  test.each(['tsconfig.json', 'tsconfig.bundler.json'])(
    'a strict program compiles against them, wrong calls do not: %s',
    async (config) => {
      expect(await consumer.node(['compile.cjs', config])).toBe('');
    },
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
    ['by require, as pika', ['pika.cjs']],
    ['by import *, as pika', ['pika.mjs']],
    ['by require, as amqpy', ['amqpy.cjs']],
    ['by import, as amqpy', ['amqpy.mjs']],
    ['by ts-node, transpile only', ['-r', 'ts-node/register/transpile-only', 'typescript.ts']],
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
    const queue = (await cli('declare-queue', '--auto-delete')).trim();
    expect(await cli('publish', '-r', queue, GREETING)).toBe('');
    expect(await cli('get', queue, '--lines')).toBe(`${GREETING}\n`);
    await cli('delete-queue', queue);
  });

  test('and import and require give the same classes, all of them', async () => {
    expect(await consumer.node(['identity.mjs'], node)).toBe('identical\n');
  });
});

/** This Node, or one that npm has brought for the occasion. */
async function nodeBinary(version: string): Promise<string> {
  if (process.versions.node.startsWith(`${version}.`)) return process.execPath;
  const args = ['--loglevel=error', '-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'];
  return (await run('npx', args, consumer.folder, 180_000)).trim();
}

/** The members of classes and interfaces, as `Class.member`, with the comment before them. */
function membersOf(file: ts.SourceFile): { name: string; comment: string }[] {
  const members: { name: string; comment: string }[] = [];
  for (const statement of file.statements) {
    if (!ts.isClassDeclaration(statement) && !ts.isInterfaceDeclaration(statement)) continue;
    for (const member of statement.members) {
      const name = `${statement.name?.text}.${member.name?.getText(file) ?? 'constructor'}`;
      const comments = ts.getLeadingCommentRanges(file.text, member.pos) ?? [];
      const comment = comments.map(({ pos, end }) => file.text.slice(pos, end)).join('\n');
      members.push({ name, comment });
    }
  }
  return members;
}
