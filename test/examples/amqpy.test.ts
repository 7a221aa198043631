/** The scripts of examples/amqpy as they stand, against the broker of this run instead of that of localhost. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { readSources } from '../house/sources';
import { build } from '../support/built';
import { count, eventually, shared, takeAll } from '../support/connect';
import { parameters } from '../support/facades/amqpy';
import { startProxy } from '../support/peers/proxy';
import { type End, run } from '../support/programs/program';

const ROOT = join(__dirname, '..', '..');
const QUEUES = ['test.q', 'orders.new', 'tasks'];
const examples = readSources('examples/amqpy');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-amqpy-'));
  symlinkSync(join(build(), 'src'), join(folder, 'src'), 'junction');
  tidy();
});

afterAll(() => {
  tidy();
  rmSync(folder, { recursive: true, force: true });
});

function tidy(): void {
  const channel = shared().channel();
  for (const queue of QUEUES) channel.queueDelete(queue);
  for (const exchange of ['test.exchange', 'orders']) channel.exchangeDelete(exchange);
  channel.close();
}

/** Start `examples/amqpy/<name>.ts`. */
function start(name: string, url = process.env.AMQP_URL!): ReturnType<typeof run> {
  const { file, text } = examples.find((example) => example.file.endsWith(`/${name}.ts`))!;
  const where = JSON.stringify({ ...parameters(url), compat: null });
  const parts = text.split(/new Connection\((?:\{ host: 'localhost' \})?\)/);
  expect(parts).toHaveLength(2);
  const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 };
  const path = join(folder, file.replace(/ts$/, 'js'));
  mkdirSync(dirname(path), { recursive: true });
  const script = transpileModule(parts.join(`new Connection(${where})`), { compilerOptions }).outputText;
  writeFileSync(path, script);
  return run(`require(${JSON.stringify(path)});`);
}

/** Press Ctrl-C once the script is asleep. */
async function ctrlC(script: ReturnType<typeof run>): Promise<End> {
  await script.asleep();
  script.kill('SIGINT');
  return script.end;
}

async function output(name: string): Promise<string[]> {
  const { code, lines, stderr } = await start(name).end;
  expect([code, stderr]).toEqual([0, '']);
  return lines;
}

test("the example of amqpy's README consumes until Ctrl-C", async () => {
  const script = start('readme');
  await script.says('Received a message: hello world 3');
  const { code, lines, stderr } = await ctrlC(script);
  expect(lines).toEqual(['Received a message: hello world 2', 'Received a message: hello world 3']);
  expect(stderr).toContain('KeyboardInterrupt');
  expect(code).toBe(130);
});

test("the example of a message prints what amqpy's documentation says", async () => {
  const printed = (await output('message')).join(' ').replace(/\s+/g, ' ');
  expect(printed).toBe(
    "hello world { content_type: 'text/plain', content_encoding: 'UTF-8', application_headers: [Object: null prototype] { foo: 7 } } true",
  );
});

test('the examples producer and consumer work together, with a class and with functions', async () => {
  expect(await output('producer')).toEqual(['published']);
  expect(await output('producer')).toEqual(['published']);
  const channel = shared().channel();
  expect(count(channel, 'orders.new')).toBe(6);
  const consumer = start('consumer');
  const orders = ['0: order 0', '1: order 1', '2: order 2'];
  await consumer.says('2: order 2');
  eventually(() => channel.queueDeclare('orders.new', { passive: true }).consumerCount === 1);
  await consumer.says('started');
  channel.basicPublish('late', { routingKey: 'orders.new' });
  await consumer.says('again: late');
  channel.queueDelete('orders.new');
  await consumer.says('mine was cancelled');
  const { code, lines } = await ctrlC(consumer);
  expect([code, ...lines]).toEqual([
    ...[0, ...orders, ...orders, 'started', 'again: late', 'mine was cancelled', '6 printed'],
  ]);
  channel.close();
});

test('the example of confirms tells a lost message from a safe one', async () => {
  expect(await output('confirms')).toEqual(['312 NO_ROUTE no such queue: lost', 'safe']);
});

test('the example of a transaction rolls back, and commits', async () => {
  expect(await output('transaction')).toEqual(['rolled back: not this time', 'ONE 1']);
});

test('the example that publishes whatever happens goes on after an outage', async () => {
  using proxy = startProxy(process.env.AMQP_URL!);
  const script = start('retry', proxy.url);
  await script.says('published 2');
  proxy.down();
  proxy.cut({ reset: true });
  await script.says(/^attempt 1: /);
  proxy.up();
  await script.says('published 5');
  shared().channel().queueDelete('tasks');
  const { code, lines, stderr } = await script.end;
  expect([code, stderr]).toEqual([0, '']);
  const published = Array.from({ length: 10 }, (_, n) => `published ${n}`);
  expect(lines.filter((line) => line.startsWith('published'))).toEqual(published);
  expect(lines.filter((line) => line.startsWith('attempt 1: '))).toHaveLength(1);
  // what came after the queue was made anew
  const left = takeAll(shared().channel(), 'tasks');
  expect(left).toEqual(expect.arrayContaining(['task 8', 'task 9']));
});

describe('the porting guide', () => {
  const guide = readFileSync(join(ROOT, 'docs', 'porting-amqpy.md'), 'utf8');
  const blocks = [...guide.matchAll(/```ts\n(.*?)```/gs)].map(([, block]) => block!.trim());

  /** An example as the guide shows it: for users of the package, without the line that says what it is. */
  const shown = (text: string) =>
    text
      .replace(/^\/\*\*.*\*\/\n/, '')
      .replace("'../../src/compat/amqpy'", "'amqp-sync/amqpy'")
      .trim();

  test('shows code that is run here, and nothing else', () => {
    const run = examples.map(({ text }) => shown(text));
    expect(blocks.filter((block) => !run.includes(block))).toEqual([]);
    expect(blocks.length).toBeGreaterThan(4);
  });

  test('there is Python beside each', () => {
    expect(guide.match(/```py\n/g)).toHaveLength(blocks.length);
  });

  test('all examples are run here', () => {
    const own = readFileSync(__filename, 'utf8');
    const names = examples.map(({ file }) => /(\w+)\.ts$/.exec(file)![1]!);
    expect(names.filter((name) => !own.includes(`('${name}'`))).toEqual([]);
  });
});
