/**
 * Fake timers stop every clock that a program sees, and a blocked thread cannot make them go on. What jest, vitest and
 * sinon call is the same library, `@sinonjs/fake-timers`; they differ in what they have it replace, and where.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from '../support/built';
import { shared, sharedQueue } from '../support/connect';
import { run } from '../support/programs/program';

/** Milliseconds for a run of jest. */
const CEILING = 170_000;
/** Those of `every-wait.cjs`. */
const WAITS = [
  ...['sleep', 'loop', 'drainEvents', 'withDeadline', 'waitAny', 'iterator', 'get', 'remote call'],
  ...['publish and confirm', 'callLater', 'pika', 'amqpy', 'embedded broker', 'close'],
];

const everyWait = () => {
  const file = join(__dirname, '..', 'support', 'programs', 'every-wait.cjs');
  const given = [build(), process.env.AMQP_URL, queue].map((text) => JSON.stringify(text));
  return `require(${JSON.stringify(file)})(${given})`;
};

let queue: string;
beforeAll(() => {
  queue = sharedQueue(shared().channel(), 'one');
});

/** What each of them installs by default. */
const INSTALLED: [string, string][] = [
  ['sinon.useFakeTimers()', 'install({ now: 0 })'],
  ['jest.useFakeTimers()', 'install({ now: Date.now(), loopLimit: 100_000, shouldClearNativeTimers: true })'],
  [
    'vi.useFakeTimers()',
    'const toFake = Object.keys(timers).filter((name) => name !== "nextTick" && name !== "queueMicrotask");' +
      'install({ now: Date.now(), loopLimit: 10_000, ignoreMissingTimers: true, toFake })',
  ],
];

describe.each(INSTALLED)('in a program of its own, under what %s installs', (_what, how) => {
  const fakes = `const { install, timers } = require(${JSON.stringify(require.resolve('@sinonjs/fake-timers'))}); ${how};`;

  it.each([
    ['before', `for (const file of Object.keys(require.cache)) delete require.cache[file]; ${fakes}`],
    ['after', fakes],
  ])('%s the library is loaded, every wait ends', async (_order, installing) => {
    const program = run(`${installing} say(${everyWait()}.join());`);
    const { code, lines, stderr } = await program.end;
    expect(stderr).toBe('');
    expect([code, lines]).toEqual([0, [WAITS.join()]]);
  });

  it('a SIGINT listener runs once the stack has unwound', async () => {
    const program = run(`${fakes}
      process.on('SIGINT', () => { say('heard'); process.exit(7); });
      const connection = connect(url);
      say('waiting');
      try { connection.loop(); } catch (error) { say(error.code); }`);
    await program.ctrlC();
    const { code, lines } = await program.end;
    expect([code, lines]).toEqual([7, ['INTERRUPTED', 'heard']]);
  });
});

describe('in a test of jest', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'amqp-sync-jest-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ['jest.useFakeTimers()', 'jest.useFakeTimers();', {}],
    ['jest.useFakeTimers() after the library was loaded', 'LOAD; jest.useFakeTimers();', {}],
    ['fakeTimers.enableGlobally', '', { enableGlobally: true }],
    ['legacy fake timers', '', { enableGlobally: true, legacyFakeTimers: true }],
  ])('under %s every wait ends', (_what, installing, fakeTimers) => {
    const load = `require(${JSON.stringify(join(build(), 'src', 'index.js'))})`;
    const source = `test('waits', () => {
      ${installing.replace('LOAD', load)}
      expect(${everyWait()}).toEqual(${JSON.stringify(WAITS)});
    });`;
    writeFileSync(join(folder, 'waits.test.js'), source);
    const config = { rootDir: folder, testEnvironment: 'node', transform: {}, fakeTimers };
    const jest = join(dirname(require.resolve('jest/package.json')), 'bin', 'jest.js');
    const args = [jest, '-i', '--config', JSON.stringify(config)];
    const { status, stderr } = spawnSync(process.execPath, args, {
      cwd: folder,
      timeout: CEILING,
      killSignal: 'SIGKILL',
      encoding: 'utf8',
    });
    expect(stderr).toContain('1 passed');
    expect(status).toBe(0);
  });
});
