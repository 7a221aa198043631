/** How the stack of an error is cut: by paths alone, so that any runtime, platform and bundler can be tried here. */
import { fromCaller, ownFrames, withoutOwn } from '../src/caller';

const stack = (...files: string[]) =>
  [
    'Error: it failed',
    ...files.map((file) => (file.startsWith('at ') ? `    ${file}` : `    at fn (${file})`)),
  ].join('\n');
const cut = (home: string, limit: number, ...files: string[]) =>
  withoutOwn(stack(...files), 0, ownFrames(home) as RegExp, limit)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().replace(/^at fn \((.*)\)$/, '$1'));

describe('the frames that a stack begins with, as long as they are of the library', () => {
  const home = '/app/node_modules/amqp-sync/dist/src/caller.js';
  const own = '/app/node_modules/amqp-sync/dist/src/client/pump.js:1:2';

  test.each<[what: string, home: string, own: string, user: string]>([
    ['built', home, own, '/app/main.js:3:4'],
    ['built, in what the ways in share', home.replace('caller', 'shared/options'), own, '/app/main.js:3:4'],
    [
      'built, shown by its source map',
      home,
      '/app/node_modules/amqp-sync/src/client/pump.ts:1:2',
      '/app/main.ts:3:4',
    ],
    [
      'built, its worker',
      home,
      '/app/node_modules/amqp-sync/dist/worker/connection/no-ack-suspension.js:1:2',
      '/app/main.js:3:4',
    ],
    [
      'as TypeScript',
      '/git/amqp-sync/src/caller.ts',
      '/git/amqp-sync/src/errors.ts:1:2',
      '/git/amqp-sync/test/a.ts:3:4',
    ],
    ['called by its own command line', home, own, '/app/node_modules/amqp-sync/dist/bin/get.js:3:4'],
    ['called by an ES module', home, own, 'file:///app/main.mjs:3:4'],
    [
      'on Windows',
      'C:\\app\\amqp-sync\\dist\\src\\caller.js',
      'C:\\app\\amqp-sync\\dist\\src\\errors.js:1:2',
      'C:\\app\\main.js:3:4',
    ],
    [
      'on Windows, by a URL',
      'C:\\app\\amqp-sync\\dist\\src\\caller.js',
      'file:///C:/app/amqp-sync/dist/src/errors.js:1:2',
      'C:\\app\\main.js:3:4',
    ],
    [
      'in a folder with signs in its name',
      '/a (b)/c+d/src/caller.ts',
      '/a (b)/c+d/src/errors.ts:1:2',
      '/a (b)/main.ts:3:4',
    ],
    ['beside a folder that ends like it', home, own, '/x/app/node_modules/amqp-sync/dist/src/mine.js:3:4'],
  ])('are dropped: %s', (_, where, theirs, user) => {
    expect(cut(where, 10, theirs, theirs, user)).toEqual([user]);
  });

  test('are dropped with what Node has between them, and not with what it has below', () => {
    const native = 'at Array.map (<anonymous>)';
    expect(cut(home, 10, own, native, own, 'node:internal/vm:1:2', own, native, '/app/main.js:3:4')).toEqual([
      native,
      '/app/main.js:3:4',
    ]);
  });

  test('are dropped with the steps of their generators', () => {
    expect(cut(home, 10, own, 'at #messages.next (<anonymous>)', '/app/main.js:3:4')).toEqual([
      '/app/main.js:3:4',
    ]);
  });

  test('stay where a function of the program is on top', () => {
    expect(cut(home, 10, '/app/callback.js:1:2', own, '/app/main.js:3:4')).toEqual([
      '/app/callback.js:1:2',
      own,
      '/app/main.js:3:4',
    ]);
  });

  test('stay where there are no others', () => {
    expect(cut(home, 1, own, own)).toEqual([own]);
  });

  test('do not count against the limit', () => {
    expect(cut(home, 2, own, own, own, '/app/a.js:1:1', '/app/b.js:1:1', '/app/c.js:1:1')).toEqual([
      '/app/a.js:1:1',
      '/app/b.js:1:1',
    ]);
  });

  test.each([
    '/app/bundle.js',
    '/index.js',
    'webpack:/amqp-sync/src/caller.ts',
    'amqp-sync/src/caller.js',
    '',
  ])('are not known in a file of a bundler (%j)', (file) => expect(ownFrames(file)).toBeUndefined());

  test('are looked for behind the message, which may hold a stack itself', () => {
    const message = `Error: it failed\n    at fn (${own})`;
    expect(
      withoutOwn(
        `${message}\n    at fn (${own})\n    at /app/main.js:1:1`,
        message.length,
        ownFrames(home)!,
        10,
      ),
    ).toBe(`${message}\n    at /app/main.js:1:1`);
  });
});

describe('an error', () => {
  const { stackTraceLimit, prepareStackTrace } = Error;
  afterEach(() => {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  });
  const frames = (error: Error) =>
    (error.stack as string).split('\n').filter((line) => /^ {4}at /.test(line));

  test.each([0, 1, 3, Number.POSITIVE_INFINITY])(
    'has at most %d frames where the program wants that',
    (limit) => {
      Error.stackTraceLimit = limit;
      const { length } = frames(new Error('as usual'));
      const error = fromCaller(new Error('cut'));
      expect(Error.stackTraceLimit).toBe(limit);
      Error.stackTraceLimit = stackTraceLimit;
      expect(frames(error)).toHaveLength(length);
      if (limit > 0) expect(frames(error)[0]).toContain(__filename);
    },
  );

  test('has none where Node takes none', () => {
    Reflect.deleteProperty(Error, 'stackTraceLimit');
    expect(fromCaller(new Error('cut')).stack).toBe(new Error('as usual').stack);
  });

  test('is written when it is read, once, and by whoever the program wants to write stacks', () => {
    const error = fromCaller(new Error('before'));
    error.message = 'after';
    const seen: unknown[] = [];
    Error.prepareStackTrace = (of, sites) => {
      seen.push(of instanceof Error, of.message, sites.length > 0);
      return `mine: ${of.message}`;
    };
    expect([error.stack, error.stack]).toEqual(['mine: after', 'mine: after']);
    expect(seen).toEqual([true, 'after', true]);
  });

  test('leaves to the program what it does with its stack', () => {
    const error = fromCaller(new Error('mine'));
    expect(Object.keys(error)).toEqual([]);
    error.stack = 'another';
    expect(error.stack).toBe('another');
    Error.captureStackTrace(fromCaller(error));
    expect(error.stack).toContain('Error: mine\n');
  });

  test('begins anew where it is thrown again', () => {
    const error = fromCaller(new Error('once'));
    const first = error.stack;
    function again() {
      return fromCaller(error);
    }
    expect(again().stack).not.toBe(first);
    expect(frames(error)[0]).toContain('again');
  });
});
