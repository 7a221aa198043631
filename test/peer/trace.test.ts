/** AMQP_SYNC_TRACE: every frame is a line of JSON, on all ways to the socket; no secrets, and little of bodies. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, type ConnectOptions, connect, type EmbeddedBroker, startBroker } from '../../src';
import { makeCertificates } from '../support/brokers/rabbitmq';
import { CEILING, eventually, thrownBy } from '../support/connect';
import { run } from '../support/programs/program';

interface Line {
  time: string;
  pid: number;
  connection: string;
  direction?: string;
  channel?: number;
  frame?: string;
  method?: string;
  arguments?: Record<string, unknown>;
  bodySize?: number;
  properties?: { headers?: Record<string, unknown> };
  size?: number;
  begins?: string;
  event?: string;
  reason?: string;
}

const PASSWORD = 'pa55-of-the-user';
const SECRET = 'the-next-pa55';
const users = { ann: PASSWORD };

let folder: string;
let file: string;
const opened: (Connection | EmbeddedBroker)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-trace-'));
  file = join(folder, 'trace.jsonl');
  process.env.AMQP_SYNC_TRACE = file;
});
afterEach(() => {
  delete process.env.AMQP_SYNC_TRACE;
  for (const each of opened.splice(0).reverse()) each.close();
  rmSync(folder, { recursive: true });
});

function serve(options: Parameters<typeof startBroker>[0] = {}): EmbeddedBroker {
  const broker = startBroker({ users, ...options });
  opened.push(broker);
  return broker;
}

function open(broker: EmbeddedBroker, options: ConnectOptions = {}): Connection {
  const url = new URL(broker.url);
  url.username = 'ann';
  url.password = PASSWORD;
  const connection = connect(url.href, { callTimeout: CEILING, connectTimeout: CEILING, ...options });
  opened.push(connection);
  return connection;
}

function certificates() {
  makeCertificates(folder);
  return {
    ca: textOf(join(folder, 'ca.pem')),
    cert: textOf(join(folder, 'server.pem')),
    key: textOf(join(folder, 'server.key')),
  };
}

const textOf = (path = file) => readFileSync(path, 'utf8');
const linesOf = (path = file) =>
  textOf(path)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
/** Lines in short: `> basic.publish 1`, `< heartbeat 0`. */
const short = ({ direction, channel, method, frame, event }: Line) =>
  event ?? `${direction === 'sent' ? '>' : '<'} ${method ?? frame} ${channel}`;

const HANDSHAKE = [
  ...['connected', '> protocol-header 0', '< connection.start 0', '> connection.start-ok 0'],
  ...['< connection.tune 0', '> connection.tune-ok 0', '> connection.open 0', '< connection.open-ok 0'],
  ...['> channel.open 1', '< channel.open-ok 1'],
];
const TALK = [
  ...['> queue.declare 1', '< queue.declare-ok 1', '> confirm.select 1', '< confirm.select-ok 1'],
  ...['> basic.publish 1', '> header 1', '> body 1', '< basic.ack 1'],
  ...['> basic.get 1', '< basic.get-ok 1', '< header 1', '< body 1', '> basic.ack 1'],
  ...['> connection.update-secret 0', '< connection.update-secret-ok 0'],
  ...['> connection.close 0', '< connection.close-ok 0', 'ended'],
];

/** @returns how often main has written to the socket itself */
function talk(connection: Connection): number | undefined {
  const channel = connection.channel();
  const { queue } = channel.queueDeclare('', { exclusive: true });
  channel.confirmSelect();
  const headers = { from: `amqp://ann:${PASSWORD}@host/`, large: 2n ** 60n };
  channel.basicPublish('hello', { routingKey: queue, headers });
  channel.basicAck(channel.basicGet(queue)!.deliveryTag);
  connection.updateSecret(SECRET, 'it was due');
  const { directWrites } = connection.stats();
  connection.close();
  return directWrites;
}

describe.each<[string, boolean, () => [EmbeddedBroker, ConnectOptions]]>([
  ['by main itself', true, () => [serve(), { recovery: false }]],
  ['by main itself, with recovery', true, () => [serve(), { recovery: true }]],
  ['by the worker', false, () => [serve(), { directWrites: false, recovery: false }]],
  [
    'by the worker, over TLS',
    false,
    () => {
      const { ca, cert, key } = certificates();
      return [serve({ tls: { cert, key } }), { tls: { ca }, recovery: false }];
    },
  ],
])('what is written %s', (_, isDirect, make) => {
  it('is there in its order with the handshake, and no secret is', () => {
    const [broker, options] = make();
    const connection = open(broker, { name: 'orders', ...options });
    // a platform without descriptors has one way only
    if (process.platform !== 'win32') expect(talk(connection) !== undefined).toBe(isDirect);
    else talk(connection);
    eventually(() => linesOf().some(({ event }) => event === 'ended'));
    const lines = linesOf();
    expect(lines.map(short)).toEqual([...HANDSHAKE, ...TALK]);
    expect(new Set(lines.map(({ pid }) => pid))).toEqual(new Set([process.pid]));
    expect(new Set(lines.map(({ connection }) => connection.replace(/\d+/, 'n')))).toEqual(
      new Set(['#n orders']),
    );
    expect(lines.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) < CEILING)).toBe(true);
    for (const secret of [PASSWORD, SECRET]) {
      expect(textOf()).not.toContain(secret);
      expect(textOf()).not.toContain(Buffer.from(secret).toString('base64'));
      expect(textOf()).not.toContain(Buffer.from(secret).toString('hex'));
    }
    const by = (method: string) => lines.find((line) => line.method === method)!.arguments!;
    expect(by('connection.start-ok').response).toBe('(left out)');
    expect(by('connection.update-secret')).toEqual({ newSecret: '(left out)', reason: 'it was due' });
    expect(by('queue.declare')).toMatchObject({ queue: '', exclusive: true, durable: false });
    const [header, body] = [lines.findIndex(({ frame }) => frame === 'header'), 1];
    expect(lines[header]).toMatchObject({
      bodySize: 5,
      properties: { headers: { from: 'amqp://ann:…@host/' } },
    });
    expect(lines[header]!.properties!.headers!.large).toBe(String(2n ** 60n));
    expect(lines[header + body]).toMatchObject({ size: 5, begins: 'hello' });
  });
});

it('a call that gets no answer is there, though nobody looks for one', () => {
  const broker = serve();
  const connection = open(broker, { heartbeat: 0 });
  const channel = connection.channel();
  broker.stall();
  // the second comes before the worker is looked after again, and there are no heartbeats either
  for (const queue of ['first', 'second'])
    expect(() => channel.queueDeclare(queue, { timeout: 50 })).toThrow('no reply');
  eventually(() => linesOf().at(-1)!.arguments?.queue === 'second', 20_000);
  expect(linesOf().slice(-2).map(short)).toEqual(['> queue.declare 1', '> queue.declare 1']);
  connection.abort();
});

it('a recovery is there, with the handshake and the replay, and frames of the lost connection are not', () => {
  const broker = serve();
  const connection = open(broker, { recovery: true });
  const channel = connection.channel();
  channel.queueDeclare('kept', { exclusive: true });
  channel.basicPublish('x', { routingKey: 'kept' });
  connection.sleep(50);
  broker.kill();
  channel.queueDeclare('another', { exclusive: true });
  const lines = linesOf().map(short);
  const second = lines.lastIndexOf('connected');
  expect(lines.slice(0, second)).toContain('ended');
  expect(lines.slice(second, second + 8)).toEqual(HANDSHAKE.slice(0, 8));
  const replay = linesOf().slice(second);
  expect(
    replay.filter(({ method }) => method === 'queue.declare').map((line) => line.arguments!.queue),
  ).toEqual(['kept', 'another']);
});

it('a body of 100 MB is a line for each frame, of which the first shows how it begins', () => {
  const channel = open(serve({ maxMessageSize: 128 * 1024 * 1024 })).channel();
  const { queue } = channel.queueDeclare('', { exclusive: true });
  channel.confirmSelect();
  channel.basicPublish(Buffer.alloc(100 * 1024 * 1024, 'abc'), { routingKey: queue });
  expect(channel.basicGet(queue, { noAck: true })!.body).toHaveLength(100 * 1024 * 1024);
  const bodies = linesOf().filter(({ frame }) => frame === 'body');
  for (const direction of ['sent', 'received']) {
    const frames = bodies.filter((line) => line.direction === direction);
    expect(frames.reduce((sum, { size = 0 }) => sum + size, 0)).toBe(100 * 1024 * 1024);
    expect(frames.map(({ begins }) => begins).filter(Boolean)).toEqual(['abcabcabcabcabcabcabcabcabcabcab…']);
  }
  expect(textOf().length).toBeLessThan(1024 * 1024);
});

it('a password that is cut off in a body or a header is not shown', () => {
  const channel = open(serve()).channel();
  const { queue } = channel.queueDeclare('', { exclusive: true });
  const url = `amqp://ann:${PASSWORD}${'x'.repeat(300)}@host/`;
  channel.basicPublish(url, { routingKey: queue, headers: { url, list: [url] } });
  channel.basicPublish(Buffer.of(0, 1, 2), { routingKey: queue });
  channel.basicPublish(`amqp://a:p@55@h `, {
    routingKey: queue,
    headers: { url: `amqp://a:p@55@h/`, next: `amqp://a:b@${PASSWORD}${'x'.repeat(300)}` },
  });
  channel.basicPublish('0x', { routingKey: queue });
  channel.basicGet(queue, { noAck: true });
  expect(textOf()).not.toContain(PASSWORD.slice(0, 4));
  const bodies = linesOf().filter(({ frame, direction }) => frame === 'body' && direction === 'sent');
  expect(bodies.map(({ begins }) => begins)).toEqual(['amqp://ann:…', '0x000102', 'amqp://a:…@h ', '0x3078']);
  expect(textOf()).not.toContain('p@55');
});

it('a password in a name, of a connection or a header, or in bytes that are no text is not shown', () => {
  const url = `amqp://ann:${PASSWORD}@host`;
  const channel = open(serve(), { name: url }).channel();
  channel.basicPublish(Buffer.concat([Buffer.of(0), Buffer.from(url)]), {
    exchange: 'amq.fanout',
    headers: { [url]: 1 },
  });
  channel.queueDeclare('', { exclusive: true }); // what is before it has been written
  const lines = linesOf();
  expect(textOf()).not.toContain(PASSWORD);
  expect(lines[0]!.connection).toMatch(/ amqp:\/\/ann:…@host$/);
  expect(lines.find(({ frame }) => frame === 'body')!.begins).toBe('(left out)');
});

it('a password in the reason of an end is not shown', () => {
  const broker = serve();
  const connection = open(broker);
  broker.closeConnections(undefined, `moved to amqp://ann:${PASSWORD}@host`);
  expect(() => connection.drainEvents({ timeout: CEILING })).toThrow(/moved/);
  eventually(() => linesOf().some(({ event }) => event === 'ended'));
  expect(textOf()).toContain('moved to amqp://ann:…@host');
  expect(textOf()).not.toContain(PASSWORD);
});

const ONE_PUBLISH = `
  const connection = connect(url);
  connection.channel().basicPublish('x', { exchange: 'amq.fanout' });
  say(connection.isAlive);
  connection.close();`;

it('a pipe that nobody reads is told of, and holds up nobody; one that is read has every line', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const env = { ...process.env, AMQP_SYNC_TRACE: pipe };
  const broker = startBroker();
  opened.push(broker);
  const { url } = broker;
  const { lines, stderr } = await run(ONE_PUBLISH, { url, env }).end;
  expect(lines).toEqual(['true']);
  expect(stderr).toBe(`amqp-sync: AMQP_SYNC_TRACE: "${pipe}" cannot be written: ENXIO\n`);
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'], timeout: CEILING });
  let read = '';
  reader.stdout.on('data', (text) => {
    read += text;
  });
  const end = once(reader, 'close');
  expect(await run(ONE_PUBLISH, { url, env }).end).toMatchObject({ lines: ['true'], stderr: '' });
  await end;
  expect(read).toContain('"method":"basic.publish"');
  expect(read.trimEnd().split('\n').at(-1)).toContain('"event":"ended"');
});

it('connections share a file, each with a name of its own; %p is the process', () => {
  process.env.AMQP_SYNC_TRACE = join(folder, 'trace-%p');
  const broker = serve();
  for (const connection of [open(broker, { name: 'one' }), open(broker, { name: 'two' })])
    connection.channel();
  const lines = linesOf(join(folder, `trace-${process.pid}`));
  for (const name of ['one', 'two'])
    expect(lines.filter(({ connection }) => connection.endsWith(` ${name}`)).map(short)).toEqual(HANDSHAKE);
});

it('a file that cannot be written is an error of connect, before a byte is sent', () => {
  process.env.AMQP_SYNC_TRACE = join(folder, 'none', 'trace');
  const broker = serve();
  const error = thrownBy(() => open(broker));
  expect(error).toBeInstanceOf(TypeError);
  expect((error as Error).message).toBe(
    `AMQP_SYNC_TRACE: "${process.env.AMQP_SYNC_TRACE}" cannot be written: ENOENT`,
  );
  expect(broker.connections()).toEqual([]);
});

it('an attempt to connect that fails is an event', () => {
  expect(thrownBy(() => connect('amqp://127.0.0.1:1', { connectTimeout: 2000 }))).toBeInstanceOf(Error);
  expect(linesOf()).toEqual([
    expect.objectContaining({
      event: 'failed',
      reason: expect.stringMatching(/127\.0\.0\.1:1 .*ECONNREFUSED/),
    }),
  ]);
});

it('without it nothing is written', () => {
  delete process.env.AMQP_SYNC_TRACE;
  open(serve()).channel();
  expect(existsSync(file)).toBe(false);
});
