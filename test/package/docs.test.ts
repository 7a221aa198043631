/** `npm run docs`: the reference that TypeDoc makes of the doc comments. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './consumer';

const ROOT = join(__dirname, '..', '..');
let folder: string;
beforeAll(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), 'amqp-sync-docs-'));
  await run('npm', ['run', 'docs', '--', '--out', folder], ROOT);
}, 180_000);
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** The text of a page. */
const page = (file: string) =>
  fs
    .readFileSync(join(folder, file), 'utf8')
    .replace(/<[^>]+>/g, '')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&#39;', "'");

test('the reference has a module for each entry point', () => {
  const modules = fs.readdirSync(join(folder, 'modules'));
  expect(modules).toEqual(
    expect.arrayContaining(
      ['', '_amqpy', '_pika', '_opentelemetry'].map((entry) => `amqp-sync${entry}.html`),
    ),
  );
});

test('methods say which errors they throw, and have examples', () => {
  const channel = page('classes/amqp-sync.Channel.html');
  expect(channel).toContain('PreconditionFailedError');
  expect(channel).toContain("channel.exchangeDeclare('logs', 'fanout', { durable: true });");
});

test('options have their members, those of AMQP and properties included', () => {
  const options = page('interfaces/amqp-sync.PublishOptions.html');
  for (const text of [
    'routingKey',
    'deliveryMode',
    'Return the message when no queue takes it',
    'Milliseconds',
  ])
    expect(options).toContain(text);
});

test('functions of the facades have the arguments of Python, with what they mean', () => {
  const [amqpy, pika] = ['amqpy.Channel', 'pika.BlockingChannel'].map((name) =>
    page(`classes/amqp-sync_${name}.html`),
  );
  expect(amqpy).toContain('auto_delete');
  expect(amqpy).toContain('Whether it goes when its last user does');
  expect(pika).toContain('inactivity_timeout');
  expect(`${amqpy}${pika}`).not.toMatch(/\.\.\.args: \w/);
});
