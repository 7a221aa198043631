/** The example of a test with vitest, in both of its pools, and what its comment says of calls that block. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../package/consumer';
import { build } from '../support/built';
import { channel, queue, useQueue } from '../support/channel';

const VITEST = 'vitest@4.1.12'; // the newest that runs on Node 20
const EXAMPLES = join(__dirname, '..', '..', 'examples', 'testing');

useQueue();

let folder: string;
const library = () => JSON.stringify(join(build(), 'src', 'index.js'));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-vitest-'));
  write('package.json', '{ "private": true }');
  await run('npm', ['install', '--no-audit', '--no-fund', VITEST], folder, 180_000);
}, 200_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string): void {
  const path = join(folder, file);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

interface Report {
  success: boolean;
  testResults: {
    assertionResults: { title: string; status: string; duration: number }[];
  }[];
}

/** Run the tests in a folder. @returns each by its title */
async function vitest(pool: string, where: string) {
  const file = join(folder, `${where}.${pool}.json`);
  const args = [
    'run',
    '--dir',
    where,
    '--pool',
    pool,
    '--maxWorkers=2',
    '--reporter=json',
    '--outputFile',
    file,
  ];
  const cli = join('node_modules', 'vitest', 'vitest.mjs');
  await run(process.execPath, [cli, ...args], folder).catch(() => {}); // whether tests have failed is in the report
  const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  return Object.fromEntries(
    testResults.flatMap(({ assertionResults }) => assertionResults).map((test) => [test.title, test]),
  );
}

describe.each(['forks', 'threads'])('in the pool %s', (pool) => {
  test('the example passes', async () => {
    for (const file of ['ship-orders', 'ship-orders.vitest']) {
      const text = readFileSync(join(EXAMPLES, `${file}.ts`), 'utf8').replace("'../../src'", library());
      write(`example/${file.replace('vitest', 'test')}.ts`, text);
    }
    const title = 'what cannot be shipped goes to the dead letters';
    expect(await vitest(pool, 'example')).toMatchObject({ [title]: { status: 'passed' } });
  });

  test('a blocked test does not keep others from running, and its time counts when the call has returned', async () => {
    const head = `
      import { expect, test } from 'vitest';
      import { connect } from ${library()};
      const connection = connect();
      const queue = connection.channel().getQueue(${JSON.stringify(queue)});`;
    write(
      'blocked/waits.test.ts',
      `${head} test('waits', () => { expect(queue.get({ timeout: 60_000 })?.text).toBe('from beside'); }, 100_000);`,
    );
    write(
      'blocked/beside.test.ts',
      `${head}
      test('publishes', () => queue.publish('from beside'));
      test('takes too long', () => connection.sleep(1500), 500);
      test('goes on', () => {});`,
    );
    const tests = await vitest(pool, 'blocked');
    expect(tests).toMatchObject({
      waits: { status: 'passed' },
      publishes: { status: 'passed' },
      'takes too long': { status: 'failed' },
      'goes on': { status: 'passed' },
    });
    expect(tests['takes too long']!.duration).toBeGreaterThanOrEqual(1500);
    channel.queuePurge(queue);
  });
});
