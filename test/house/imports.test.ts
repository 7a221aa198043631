import {
  circles,
  classesIn,
  type Import,
  importsOf,
  membersReachedIn,
  namesIn,
  readSources,
  type Source,
  typesExportedBy,
} from './sources';

/**
 * The house of ARCHITECTURE.md: who may import whom. A file may import what the rows allow whose first column is
 * the file, or a folder above it; a name that ends in a slash stands for everything below it.
 */
const RULES: readonly (readonly [importer: string, ...imported: string[]])[] = [
  ['src/index.ts', 'src/api/', 'src/client/', 'src/patterns/', 'src/errors.ts', 'src/protocol/'],
  ['src/index.ts', 'src/embedded/', 'src/broker/control.ts', 'src/broker/metrics.ts', 'src/broker/rules.ts'],
  ['src/index.mts', 'src/index.ts'],
  ['src/version.ts'],
  ['src/bytes.ts'],
  ['src/runtime.ts'],
  ['src/clock.ts', 'node:perf_hooks', 'node:worker_threads'],
  ['src/caller.ts'],
  ['src/shown.ts'],
  ...['protocol', 'bridge', 'client', 'embedded', 'api', 'patterns', 'compat'].map(
    (folder) => [`src/${folder}/`, 'src/caller.ts', 'src/shown.ts'] as const,
  ),
  ['src/errors.ts', 'src/caller.ts', 'src/shown.ts'],
  ['src/errors.ts', 'src/contract/error-record.ts', 'src/protocol/violation.ts'],
  ['src/contract/', 'src/contract/', 'src/protocol/', 'src/topology/'],
  ['src/protocol/', 'src/protocol/', 'src/bytes.ts'],
  ['src/bridge/', 'src/bridge/', 'node:worker_threads', 'node:vm'],
  ['src/bridge/', 'src/bytes.ts', 'src/runtime.ts', 'src/clock.ts', 'node:fs', 'node:path'],
  ['src/bridge/spawn.ts', 'synckit'],
  [
    'src/client/',
    'src/client/',
    'src/protocol/',
    'src/bridge/',
    'src/errors.ts',
    'src/version.ts',
    'src/runtime.ts',
    'src/bytes.ts',
    'src/clock.ts',
    'src/contract/',
    'src/topology/names.ts',
    'src/topology/stream-position.ts',
  ],
  ['src/api/remote.ts', 'node:worker_threads', 'src/bridge/wake-signal.ts', 'src/bridge/mailbox.ts'],
  ['src/client/warnings.ts', 'node:worker_threads'],
  ['src/client/diagnostics.ts', 'node:diagnostics_channel'],
  ['src/client/options/targets.ts', 'node:os'],
  ['src/client/options/diagnostics.ts', 'node:fs', 'node:worker_threads'],
  ['src/client/options/tls-options.ts', 'node:fs', 'node:path'],
  ['src/topology/', 'src/topology/', 'src/protocol/'],
  ['src/topology/replay-steps.ts', 'src/clock.ts'],
  ['src/broker/', 'src/broker/', 'src/protocol/'],
  ['src/embedded/', 'src/embedded/', 'src/bridge/spawn.ts', 'src/broker/control.ts', 'src/broker/rules.ts'],
  ['src/embedded/', 'src/broker/metrics.ts', 'src/protocol/'],
  ['src/api/', 'src/api/', 'src/client/', 'src/errors.ts', 'src/clock.ts', 'src/protocol/'],
  ['src/patterns/', 'src/patterns/', 'src/api/', 'src/errors.ts', 'src/clock.ts', 'src/protocol/'],
  ['src/patterns/', 'src/client/options/'],
  ['src/patterns/serializer.ts', 'node:zlib'],
  ['src/compat/', 'src/compat/', 'src/client/', 'src/api/', 'src/errors.ts', 'src/clock.ts'],
  ['src/compat/amqpy/', 'src/protocol/', 'src/contract/'],
  ['src/compat/pika/url-parameters.ts', 'src/protocol/uri.ts'],
  ['src/opentelemetry.ts', 'src/opentelemetry/'],
  ['src/opentelemetry.mts', 'src/opentelemetry.ts'],
  ['src/opentelemetry/', 'src/opentelemetry/', 'src/api/', 'src/caller.ts', 'src/client/diagnostics.ts'],
  [
    'src/opentelemetry/',
    'src/client/options/',
    'src/errors.ts',
    'src/clock.ts',
    'src/version.ts',
    'src/protocol/',
  ],
  ['src/opentelemetry/', '@opentelemetry/api'],
  ['src/opentelemetry/subscriptions.ts', 'node:diagnostics_channel'],
  [
    'worker/',
    'src/protocol/',
    'src/bridge/',
    'src/topology/',
    'src/broker/',
    'src/contract/',
    'src/clock.ts',
    'src/runtime.ts',
  ],
  ['worker/', 'node:net', 'node:tls', 'node:worker_threads', 'synckit'],
  ['worker/connection/', 'worker/connection/', 'worker/tasks.ts'],
  ['worker/connection/dial.ts', 'node:dns'],
  ['worker/connection/failure.ts', 'node:crypto'],
  ['worker/connection/frame-trace.ts', 'node:fs'],
  ['worker/connection/stderr.ts', 'node:fs'],
  ['worker/broker/', 'worker/broker/', 'worker/tasks.ts', 'src/version.ts'],
  ['bin/', 'bin/', 'src/index.ts', 'src/clock.ts', 'commander'],
  ['bin/amqp-sync.ts', 'src/version.ts'],
  ['bin/parts/', 'node:buffer', 'node:fs'],
  ['bin/parts/output.ts', 'node:tty'],
  ['bin/amqp-sync.ts', 'node:worker_threads'],
  ['bin/parts/supervisor.ts', 'node:child_process', 'node:os', 'node:worker_threads'],
  ['bin/parts/worker-command.ts', 'node:os', 'node:worker_threads'],
  ['bin/parts/progress.ts', 'cli-progress'],
  ['bin/publish.ts', 'node:fs'],
  ['examples/', 'src/index.ts'],
  ['examples/amqpy/', 'src/compat/amqpy.ts'],
  ['examples/pika/', 'src/compat/pika.ts'],
  ['examples/pika/ack-from-another-thread.ts', 'node:worker_threads'],
  ['examples/sigterm/thread.ts', 'node:worker_threads', 'node:events'],
  ['examples/import-csv.ts', 'node:fs', 'node:string_decoder'],
  [
    'examples/opentelemetry/',
    'src/opentelemetry.ts',
    'node:events',
    'node:http',
    'node:net',
    'node:stream/consumers',
  ],
  ['examples/opentelemetry/', '@opentelemetry/exporter-trace-otlp-http', '@opentelemetry/sdk-trace-node'],
  ['examples/celery/send-tasks.ts', 'node:crypto'],
  ['examples/testing/ship-orders.vitest.ts', 'examples/testing/ship-orders.ts', 'vitest'],
];

/** Folders in which no circle of imports is, types included. */
const WITHOUT_CIRCLES = ['src/', 'worker/', 'bin/'];
/**
 * Files that every circle by types leads through: the public classes give each other out, as `message.channel` and the
 * arguments of callbacks do, so they and what they are made with name one another.
 */
const ON_CIRCLES = [
  ...['channel', 'connection', 'queue'].map((name) => `src/api/${name}.ts`),
  ...['connection', 'message'].map((name) => `src/compat/amqpy/${name}.ts`),
  ...['blocking-channel', 'blocking-connection'].map((name) => `src/compat/pika/${name}.ts`),
];

/** Folders whose classes have names that no other class has; a facade's are those of the library that it stands for. */
const WITH_NAMES_OF_THEIR_OWN = WITHOUT_CIRCLES;
const FACADES = ['src/compat/'];

/** Folders that use the machinery by its event loop and its sessions. */
const ABOVE = ['src/api/', 'src/patterns/', 'src/compat/', 'src/opentelemetry/'];

/** Names that `src/protocol` does without: it has no timers, no threads, no process, and no clock. */
const NOT_IN_PROTOCOL =
  /^(process|console|performance|globalThis|Atomics|SharedArrayBuffer|queueMicrotask|(set|clear)(Timeout|Interval|Immediate))$/;

/** Names for which fake timers have others: waits ask `src/clock.ts`. Timers of other threads and programs are real. */
const FAKED = /^(performance|hrtime|nextTick|queueMicrotask|(set|clear)(Timeout|Interval|Immediate))$/;
const FAKED_ELSEWHERE = /^(performance|hrtime)$/;

const MAX_LINES = 450;
/** The public channels are long, as their verbs are many: each is explained, checks, and hands over. */
const FACES = ['src/api/channel.ts', 'src/compat/amqpy/channel.ts', 'src/compat/pika/blocking-channel.ts'];
const MAX_FACE_LINES = 900;

const sources = readSources('src', 'worker', 'bin', 'examples');
/** What files take of others: an entry point is its own default export. */
const imports = sources.flatMap(importsOf).filter(({ file, target }) => file !== target);

function covers(name: string, path: string): boolean {
  return name === path || (name.endsWith('/') && path.startsWith(name));
}

function isIn(names: readonly string[], path: string): boolean {
  return names.some((name) => covers(name, path));
}

/** The complaint about an import, in one line, if there is one. */
function complaint({ file, line, target }: Omit<Import, 'typeOnly'>): string | undefined {
  const rows = RULES.filter(([importer]) => covers(importer, file));
  if (rows.length === 0) return `${file}:${line} imports ${target}, but there is no rule for ${file}`;
  const allowed = rows.flatMap(([, ...imported]) => imported);
  if (allowed.some((name) => covers(name, target))) return undefined;
  const rule = `${rows.map(([importer]) => importer).at(-1)} may import only ${allowed.join(', ') || 'nothing'}`;
  return `${file}:${line} imports ${target}: ${rule}`;
}

describe('the house', () => {
  test('everybody imports only whom the table allows', () => {
    expect(imports.map(complaint).filter(Boolean)).toEqual([]);
  });

  test('every file has a rule', () => {
    const homeless = sources.filter(({ file }) => !RULES.some(([importer]) => covers(importer, file)));
    expect(homeless.map(({ file }) => file)).toEqual([]);
  });

  test('src/index.ts holds the public names, nothing else', () => {
    const index = sources.find(({ file }) => file === 'src/index.ts')!;
    const withoutComments = index.text.replace(/^\/\*\*.*?\*\/$|^\/\/\/ [^\n]*/gms, '');
    const withoutExports = withoutComments.replace(
      /^export (type )?(\{[^}]*\}|\* as default) from '[^']+';$/gm,
      '',
    );
    expect(withoutExports.trim()).toBe('');
  });

  test('no file needs, at run time, another one that needs it', () => {
    const ours = imports.filter(({ file }) => !file.startsWith('examples/'));
    expect(circles(ours, { types: false })).toEqual([]);
  });

  test('circles by types lead through the public classes that give each other out, each of which is needed', () => {
    const left = (leadThrough: readonly string[]) => {
      const isChecked = (path: string) => isIn(WITHOUT_CIRCLES, path) && !isIn(leadThrough, path);
      const ours = imports.filter(({ file, target }) => isChecked(file) && isChecked(target));
      return circles(ours, { types: true });
    };
    expect(left(ON_CIRCLES)).toEqual([]);
    const needless = ON_CIRCLES.filter(
      (path) => left(ON_CIRCLES.filter((each) => each !== path)).length === 0,
    );
    expect(needless).toEqual([]);
  });

  test('no class of the machinery has the name of another class, or of an exported type', () => {
    const types = typesExportedBy(sources.find(({ file }) => file === 'src/index.ts')!);
    const isTaken = (file: string, name: string) =>
      types.some((type) => type.name === name && type.from !== file);
    const classes = sources
      .filter(({ file }) => !file.startsWith('examples/') && !isIn(FACADES, file))
      .flatMap((source) => classesIn(source).map((name) => ({ file: source.file, name })));
    const complaints = classes
      .filter(({ file }) => isIn(WITH_NAMES_OF_THEIR_OWN, file))
      .filter(
        ({ file, name }) => isTaken(file, name) || classes.filter((other) => other.name === name).length > 1,
      )
      .map(({ file, name }) => `${file} has a class ${name}, which is the name of something else`);
    expect(complaints).toEqual([]);
  });

  test('nobody above the machinery reaches for the pump, the link or the dispatcher', () => {
    const complaints = sources
      .filter(({ file }) => isIn(ABOVE, file))
      .flatMap((source) =>
        membersReachedIn(source)
          .filter(({ name }) => /^(pump|link|dispatcher)$/.test(name))
          .map(({ name, line }) => `${source.file}:${line} reaches for ${name}`),
      );
    expect(complaints).toEqual([]);
  });

  test('src/protocol has no timers, no threads and no process', () => {
    const complaints = sources
      .filter(({ file }) => file.startsWith('src/protocol/'))
      .flatMap((source) =>
        namesIn(source)
          .filter(({ name }) => NOT_IN_PROTOCOL.test(name))
          .map(
            ({ name, line }) =>
              `${source.file}:${line} uses ${name}: src/protocol turns bytes into values, only`,
          ),
      );
    expect(complaints).toEqual([]);
  });

  test('nothing that waits asks a clock which fake timers replace', () => {
    const complaints = sources
      .filter(({ file }) => !file.startsWith('examples/') && file !== 'src/clock.ts')
      .flatMap((source) => {
        const faked = source.file.startsWith('src/') ? FAKED : FAKED_ELSEWHERE;
        return namesIn(source)
          .filter(({ name }) => faked.test(name))
          .map(({ name, line }) => `${source.file}:${line} uses ${name}: fakes replace it, see src/clock.ts`);
      });
    expect(complaints).toEqual([]);
  });

  test('whoever refuses an argument does it with a stack that begins at the caller', () => {
    const complaints = sources
      .filter(({ file }) => file.startsWith('src/') && file !== 'src/caller.ts')
      .flatMap(({ file, text }) => (/new (Type|Range)Error\(/.test(text) ? [file] : []));
    expect(complaints).toEqual([]);
  });

  test(`no file is longer than ${MAX_LINES} lines, a public channel not longer than ${MAX_FACE_LINES}`, () => {
    const complaints = sources
      .filter(({ file }) => !file.startsWith('examples/'))
      .map(({ file, text }) => {
        const most = isIn(FACES, file) ? MAX_FACE_LINES : MAX_LINES;
        return { file, lines: text.trimEnd().split('\n').length, most };
      })
      .filter(({ lines, most }) => lines > most)
      .map(({ file, lines, most }) => `${file}:${lines} is the last line: at most ${most} are allowed`);
    expect(complaints).toEqual([]);
  });
});

describe('the checks themselves', () => {
  test('there is something to check', () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(imports.filter(({ target }) => target.startsWith('.') || target === '?')).toEqual([]);
  });

  test.each([
    ['src/protocol/wire.ts', 'node:net'],
    ['src/protocol/wire.ts', 'src/errors.ts'],
    ['src/errors.ts', 'src/protocol/methods.ts'],
    ['src/bridge/ring.ts', 'synckit'],
    ['src/bridge/spawn.ts', 'src/protocol/constants.ts'],
    ['src/topology/journal.ts', 'src/errors.ts'],
    ['src/topology/replay.ts', 'node:timers'],
    ['src/client/connection/recovery.ts', 'src/topology/replay.ts'],
    ['src/client/pump.ts', 'node:net'],
    ['src/client/pump.ts', 'node:fs'],
    ['src/client/pump.ts', 'worker/connection/session.ts'],
    ['src/client/channel/channel-session.ts', 'src/api/channel.ts'],
    ['src/api/connection.ts', 'src/patterns/rpc.ts'],
    ['src/patterns/rpc.ts', 'src/client/pump.ts'],
    ['src/index.ts', 'src/bridge/link.ts'],
    ['worker/connection/session.ts', 'src/client/pump.ts'],
    ['worker/connection/session.ts', 'worker/broker/server.ts'],
    ['examples/round-trip.ts', 'src/api/connection.ts'],
    ['src/compat/python.ts', 'src/protocol/codec.ts'],
    ['src/api/channel.ts', 'src/compat/amqpy.ts'],
    ['src/newcomer.ts', 'src/version.ts'],
  ])('%s may not import %s', (file, target) => {
    expect(complaint({ file, line: 7, target })).toMatch(`${file}:7 imports ${target}`);
  });

  test('imports are seen in all their forms', () => {
    const source: Source = {
      file: 'src/client/sample.ts',
      text: [
        "import { Link } from '../bridge/link';",
        "import type { Link } from '../bridge/link';",
        "import { type Link } from '../bridge/link';",
        "import { type Link, other } from '../bridge/link';",
        "export * from '../errors';",
        "export { type A, type B } from '../errors';",
        "import net = require('node:net');",
        'const late = () => import(`../version.js`);',
        "const tls = require('node:tls'), path = require.resolve(name);",
        "let socket: import('node:net').Socket;",
        "import 'synckit';",
        "// import 'nothing'",
        'const text = "import x from \'nothing\'";',
      ].join('\n'),
    };
    expect(importsOf(source).map(({ line, target, typeOnly }) => [line, target, typeOnly])).toEqual([
      [1, 'src/bridge/link.ts', false],
      [2, 'src/bridge/link.ts', true],
      [3, 'src/bridge/link.ts', true],
      [4, 'src/bridge/link.ts', false],
      [5, 'src/errors.ts', false],
      [6, 'src/errors.ts', true],
      [7, 'node:net', false],
      [8, 'src/version.ts', false],
      [9, 'node:tls', false],
      [9, '?', false],
      [10, 'node:net', true],
      [11, 'synckit', false],
    ]);
  });

  test('a circle is found, however long; one of types only if they are wanted', () => {
    const step = (file: string, target: string, typeOnly = false): Import => ({
      file,
      line: 1,
      target,
      typeOnly,
    });
    const chain = [step('a', 'b'), step('b', 'c'), step('a', 'c'), step('c', 'd')];
    const circle = ['b:1 -> c:1 -> d:1 -> b'];
    expect(circles(chain, { types: true })).toEqual([]);
    expect(circles([...chain, step('d', 'b', true)], { types: false })).toEqual([]);
    expect(circles([...chain, step('d', 'b', true)], { types: true })).toEqual(circle);
    expect(circles([...chain, step('d', 'b')], { types: false })).toEqual(circle);
  });

  test('classes are seen by their names, and exported types', () => {
    const text = [
      "export { type A, B, type C as D } from './a';",
      "export type { E } from './e';",
      'export abstract class F {}',
      'const g = class G {};',
    ].join('\n');
    const source = { file: 'src/sample.ts', text };
    expect(typesExportedBy(source)).toEqual([
      { name: 'A', from: 'src/a' },
      { name: 'D', from: 'src/a' },
      { name: 'E', from: 'src/e' },
    ]);
    expect(classesIn(source)).toEqual(['F', 'G']);
  });

  test('members are seen however they are reached', () => {
    const text = [
      'session.pump.until();',
      "session?.['link'];",
      'const { dispatcher } = session;',
      'const { pump: other } = session;',
      'const pump = { link: 1 };',
    ].join('\n');
    expect(membersReachedIn({ file: 'sample.ts', text })).toEqual([
      { name: 'until', line: 1 },
      { name: 'pump', line: 1 },
      { name: 'link', line: 2 },
      { name: 'dispatcher', line: 3 },
      { name: 'pump', line: 4 },
    ]);
  });

  test('names are told from members of the same name', () => {
    const source = {
      file: 'sample.ts',
      text: 'message.process(work);\nprocess.exit();\nclass A { process() {} }',
    };
    expect(namesIn(source).filter(({ name }) => name === 'process')).toEqual([{ name: 'process', line: 2 }]);
  });
});
