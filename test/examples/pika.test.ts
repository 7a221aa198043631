/**
 * pika's README and documentation, ported: every script a process of its own. They connect to pika's default, so
 * that is moved to the broker of the test; nothing else about them is changed. The queues `test`, `standard`
 * and `recovery-example` and the exchange `test` are theirs.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pika from '../../src/compat/pika';
import { readSources } from '../house/sources';
import { build } from '../support/built';
import { count, expectCount, fill, local } from '../support/facades/pika';
import { broker } from '../support/peers/peer';
import { cut, ready, type Script, send, serveThrough } from '../support/peers/script';
import { type End, run } from '../support/programs/program';
import { hasPika, original } from '../support/python/original-pika';

const ROOT = join(__dirname, '..', '..');
const sources = readSources('examples/pika');
let connection: pika.BlockingConnection;
let channel: pika.BlockingChannel;

beforeAll(() => {
  connection = new pika.BlockingConnection(local());
  channel = connection.channel();
  tidy();
  channel.queue_declare('test', { durable: true });
  channel.exchange_declare('test', 'fanout');
  channel.queue_bind('test', 'test');
});
beforeEach(() => {
  channel.queue_purge('test');
});
afterAll(() => {
  tidy();
  connection.close();
});

function tidy(): void {
  for (const queue of ['test', 'standard', 'recovery-example']) channel.queue_delete(queue);
  channel.exchange_delete('test');
}

const ran = new Set<string>();

/** Start a script, with pika's default moved to the broker at `url`. */
function start(script: string, url = process.env.AMQP_URL!): ReturnType<typeof run> {
  ran.add(`examples/pika/${script}.ts`);
  const { host, port, virtual_host, credentials } = new pika.URLParameters(url);
  const { username, password } = credentials as pika.PlainCredentials;
  const defaults = {
    DEFAULT_HOST: host,
    DEFAULT_PORT: port,
    DEFAULT_VIRTUAL_HOST: virtual_host,
    DEFAULT_USERNAME: username,
    DEFAULT_PASSWORD: password,
  };
  const file = join(build(), 'examples', 'pika', `${script}.js`);
  return run(`
    const { Parameters } = require(library.replace('index.js', 'compat/pika.js'));
    Object.assign(Parameters, ${JSON.stringify(defaults)});
    require(${JSON.stringify(file)});`);
}

/** All it printed, if it came to its end. */
function printed({ code, lines, stderr }: End): string[] {
  expect([code, stderr]).toEqual([0, '']);
  return lines;
}

const output = async (script: string) => printed(await start(script).end);

test('the example publish.ts publishes', async () => {
  expect(await output('publish')).toEqual([]);
  expect(String(channel.basic_get('test', true)[2])).toBe('Test message.');
});

test('the example consume.ts takes ten messages, and the others go back', async () => {
  fill(channel, 'test', ...Array.from({ length: 12 }, (_, index) => `message ${index + 1}`));
  const lines = await output('consume');
  expect(lines).toHaveLength(11);
  expect(lines[9]).toMatch(
    /^<Basic\.Deliver\(\['consumer_tag=ctag1\.\w+', 'delivery_tag=10', .*\]\)> <BasicProperties> message 10$/,
  );
  expect(lines[10]).toBe('Requeued 0 messages');
  expectCount(channel, 'test', 2);
});

test('the example several-hosts.ts is answered by the second host', async () => {
  expect(await output('several-hosts')).toEqual(['connected: true']);
});

test('the example ack-from-another-thread.ts acks what another thread has worked on', async () => {
  channel.queue_declare('standard', { durable: true });
  fill(channel, 'standard', 'a hard one');
  expect((await output('ack-from-another-thread')).sort()).toEqual([
    'acknowledged 1',
    'worked on a hard one',
  ]);
  expect(count(channel, 'standard')).toBe(0);
});

/** A broker that takes a consumer and then does something else. */
const serves = (...then: Script): Script => [...ready(), serveThrough('basic.consume'), ...then];
const forced = send('connection.close', { replyCode: 320, replyText: 'CONNECTION_FORCED' });

test('consume and recover: a lost connection is followed by another one, a closed one by the end', async () => {
  const peer = broker(serves(cut()), serves(forced));
  expect(printed(await start('consume-recover', peer.url).end)).toEqual([
    'connection lost, once more',
    'closed by broker',
  ]);
});

test('consume and recover: a channel error is the end', async () => {
  fill(channel, 'test', 'one');
  const script = start('consume-recover');
  await script.says('received one');
  channel.queue_delete('test');
  const lines = printed(await script.end);
  expect(lines).toEqual(['received one', expect.stringMatching(/^channel error: \(404\) NOT_FOUND/)]);
  channel.queue_declare('test', { durable: true });
  channel.queue_bind('test', 'test');
});

test('consume and recover with several hosts, until Ctrl-C', async () => {
  const peer = broker(serves(cut()), serves(forced));
  const retrying = start('consume-recover-multiple-hosts', peer.url);
  await retrying.says('Connection was closed by broker, retrying...');
  retrying.kill('SIGKILL');
  expect((await retrying.end).lines.slice(0, 6)).toEqual([
    ...['Connecting...', 'Consuming...', 'Connection was closed, retrying...'],
    ...['Connecting...', 'Consuming...', 'Connection was closed by broker, retrying...'],
  ]);

  const script = start('consume-recover-multiple-hosts');
  await script.says('Consuming...');
  channel.basic_publish('', 'recovery-example', 'one');
  await script.says('received one');
  await script.asleep();
  script.kill('SIGINT');
  expect(printed(await script.end)).toEqual(['Connecting...', 'Consuming...', 'received one']);
});

test('consume and recover with a function that retries', async () => {
  const peer = broker(serves(cut()), serves(forced));
  expect(printed(await start('consume-recover-retry', peer.url).end)).toEqual([
    'once more in 1 s',
    'closed by broker',
  ]);
});

test('the example blocking-basic-get.ts gets one message, and none', async () => {
  fill(channel, 'test', 'the one');
  expect(await output('blocking-basic-get')).toEqual([
    expect.stringMatching(/^<Basic\.GetOk\(.*'message_count=0'.*\)> <BasicProperties> the one$/),
  ]);
  expect(await output('blocking-basic-get')).toEqual(['No message returned']);
});

test('the example blocking-consume.ts consumes with a callback, until Ctrl-C', async () => {
  fill(channel, 'test', 'first', 'second');
  const script = start('blocking-consume');
  await script.says('second');
  await script.asleep();
  script.kill('SIGINT');
  expect(printed(await script.end)).toEqual(['1', 'first', '', '2', 'second', '']);
  expect(count(channel, 'test')).toBe(0);
});

test('the example blocking-delivery-confirmations.ts tells what was confirmed and what was not', async () => {
  expect(await output('blocking-delivery-confirmations')).toEqual([
    'Message publish was confirmed',
    'Message could not be confirmed',
  ]);
  expectCount(channel, 'test', 1);
});

test('the example transaction.ts commits', async () => {
  expect(await output('transaction')).toEqual(['committed']);
  expectCount(channel, 'test', 2);
});

test('the example heartbeat-and-blocked-timeouts.ts runs to its end', async () => {
  expect(await output('heartbeat-and-blocked-timeouts')).toEqual([]);
});

test('the example direct-reply-to.ts gets its reply', async () => {
  expect(await output('direct-reply-to')).toEqual([
    'RPC Server got request: Marco',
    'RPC Server says good bye',
    'RPC Client got reply: Polo',
    'RPC Client says bye',
  ]);
});

describe('the porting guide', () => {
  const guide = readFileSync(join(ROOT, 'docs', 'porting-pika.md'), 'utf8');
  const blocks = (language: string) =>
    [...guide.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, block]) => block!);

  /** A script as the guide shows it: for users of the package, without the words that say what it is. */
  const shown = (text: string) =>
    text
      .replace(/^\/\*\*.*?\*\/\n/s, '')
      .replace("'../../src/compat/pika'", "'amqp-sync/pika'")
      .trim();

  test('shows code that is run here, and nothing else', () => {
    const run = sources.map(({ text }) => shown(text));
    expect(blocks('ts').filter((block) => !run.includes(block.trim()))).toEqual([]);
    expect(blocks('ts').length).toBeGreaterThan(5);
  });

  test('each with the Python that it was, which is Python', () => {
    expect(blocks('py')).toHaveLength(blocks('ts').length);
    const source = 'import ast\nfor each in given: ast.parse(each)\nresult = len(given)';
    if (hasPika) expect(original(source, blocks('py'))).toBe(blocks('py').length);
  });
});

test('every script of examples/pika was run', () => {
  expect(sources.map(({ file }) => file).filter((file) => !ran.has(file))).toEqual([]);
});
