/**
 * The package as its users get it: packed from a copy of this tree (so that nobody's `dist` is touched),
 * installed in a folder of its own, and used from there by programs written in each way it can be loaded.
 */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(__dirname, '..', '..');
const NOT_COPIED = new Set(['.git', '.built', 'node_modules', 'dist', 'coverage', 'reference']);
/** What a user has installed beside our package; linked from here, for they are large. */
const TOOLS = ['typescript', 'ts-node', 'jest', join('@types', 'node')];

/** What the programs print when all went well. */
export const GREETING = 'got a greeting';

const ROUND_TRIP = `
const connection = connect(process.env.AMQP_URL);
const channel = connection.channel();
const { queue } = channel.queueDeclare('', { exclusive: true });
channel.basicPublish('a greeting', { routingKey: queue });
const message = channel.basicGet(queue);
message?.ack();
connection.close();
console.log(\`got \${message?.text}\`);
`;

/** The same by the facade of amqpy. */
const AMQPY_ROUND_TRIP = `
const { hostname, port, username, password, pathname } = new URL(process.env.AMQP_URL ?? '');
const conn = new Connection({
  host: hostname, port: Number(port), userid: username || 'guest', password: password || 'guest',
  virtual_host: decodeURIComponent(pathname.slice(1)) || '/',
});
const ch = conn.channel();
const [queue] = ch.queue_declare('', { exclusive: true });
ch.basic_publish(new Message('a greeting'), '', queue);
const msg = ch.basic_get(queue);
msg?.ack();
conn.close();
console.log(\`got \${msg?.body}\`);
`;

const PIKA_ROUND_TRIP = `
const connection = new pika.BlockingConnection(new pika.URLParameters(process.env.AMQP_URL));
const channel = connection.channel();
const queue = channel.queue_declare({ queue: '', exclusive: true }).method.queue;
channel.basic_publish({ exchange: '', routing_key: queue, body: 'a greeting' });
const [method, properties, body] = channel.basic_get(queue);
if (method) channel.basic_ack(method.delivery_tag);
connection.close();
console.log(\`got \${body}\`);
`;

/** The programs, by the way they load the package. */
const PROGRAMS = {
  'require.cjs': `const { connect } = require('amqp-sync');${ROUND_TRIP}`,
  'named.mjs': `import { connect } from 'amqp-sync';${ROUND_TRIP}`,
  'namespace.mjs': `import * as amqp from 'amqp-sync';\nconst { connect } = amqp;${ROUND_TRIP}`,
  'default.mjs': `import amqp from 'amqp-sync';\nconst { connect } = amqp;${ROUND_TRIP}`,
  'default.ts': `import amqp from 'amqp-sync';\nconst { connect } = amqp;${ROUND_TRIP}`,
  'typescript.ts': `import { connect } from 'amqp-sync';${ROUND_TRIP}`,
  'amqpy.cjs': `const { Connection, Message } = require('amqp-sync/amqpy');${AMQPY_ROUND_TRIP}`,
  'amqpy.mjs': `import { Connection, Message } from 'amqp-sync/amqpy';${AMQPY_ROUND_TRIP}`,
  'amqpy.ts': `import { Connection, Message } from 'amqp-sync/amqpy';${AMQPY_ROUND_TRIP}`,
  'pika.cjs': `const pika = require('amqp-sync/pika');${PIKA_ROUND_TRIP}`,
  'pika.mjs': `import * as pika from 'amqp-sync/pika';${PIKA_ROUND_TRIP}`,
  'pika.ts': `import * as pika from 'amqp-sync/pika';${PIKA_ROUND_TRIP.replace('AMQP_URL', 'AMQP_URL!')}`,
  'forms.ts': "import './typescript';\nimport './amqpy';\nimport './pika';",
  'greeting.test.cjs': `const { connect } = require('amqp-sync');\ntest('greeting', () => {${ROUND_TRIP}
    expect(message.text).toBe('a greeting'); });`,
  // the same classes whichever way they came in, and no name that import does not see
  'identity.mjs': `
    import { strictEqual, deepStrictEqual } from 'node:assert';
    import { createRequire } from 'node:module';
    import * as all from 'amqp-sync';
    import * as amqpy from 'amqp-sync/amqpy';
    import * as pika from 'amqp-sync/pika';
    const require = createRequire(import.meta.url);
    function check(imported, name, least) {
      for (const [key, value] of Object.entries(imported.default)) strictEqual(value, imported[key], key);
      const required = require(name);
      const { __esModule, 'module.exports': __, ...named } = imported; // Node's own additions
      deepStrictEqual(Object.keys(named).sort(), Object.keys(required).sort());
      for (const [name, value] of Object.entries(required)) strictEqual(named[name], value, name);
      return Object.keys(named).length > least;
    }
    const faces = [[all, 'amqp-sync', 40], [amqpy, 'amqp-sync/amqpy', 35], [pika, 'amqp-sync/pika', 10]];
    console.log(faces.every((face) => check(...face)) && 'identical');`,
  // without OpenTelemetry's API
  'untraced.cjs': `
    require('amqp-sync');
    console.log(Object.keys(require.cache).some((file) => file.includes('opentelemetry')));
    try { require('amqp-sync/opentelemetry'); } catch (error) { console.log(error.code, error.message); }`,
  // the same library, and the same channels, whichever way each of them came in
  'traced.mjs': `
    import { strictEqual } from 'node:assert';
    import { createRequire } from 'node:module';
    import { trace } from '@opentelemetry/api';
    import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
    import { connect } from 'amqp-sync';
    import { instrument } from 'amqp-sync/opentelemetry';
    const require = createRequire(import.meta.url);
    strictEqual(require('amqp-sync/opentelemetry').instrument, instrument);
    new NodeTracerProvider().register();
    const instrumentation = instrument();
    for (const each of [connect, require('amqp-sync').connect]) {
      const connection = each(process.env.AMQP_URL);
      const queue = connection.channel().declareQueue('', { exclusive: true });
      let traceId;
      queue.subscribe(() => { traceId = trace.getActiveSpan().spanContext().traceId; });
      trace.getTracer('mine').startActiveSpan('mine', (span) => queue.publish('hello'));
      connection.drainEvents({ timeout: 10_000 });
      strictEqual(traceId.length, 32);
      connection.close();
    }
    instrumentation.disable();
    console.log('traced');`,
  // the public types, as a user meets them; each expected error must be one
  'types.mts': `
    import {
      Channel, Connection, connect, DeliveryMode, type ConnectOptions, IncomingMessage, JsonRpc, Master, Message, NotFoundError,
      type Properties, type PublishResult, type TableInput, typed, UnroutableError,
    } from 'amqp-sync';
    const options: ConnectOptions = { heartbeat: 10, clientProperties: { job: 'nightly' } };
    const connection: Connection = connect('amqp://localhost', options);
    const channel: Channel = connection.channel();
    const headers: TableInput = { count: typed.int16(1), nested: { list: [1, 'two', null, 3n, new Date(0)] } };
    const { queue, messageCount }: { queue: string; messageCount: number } = channel.queueDeclare('tasks', { durable: true });
    channel.basicPublish(new Message('body', { headers }), { routingKey: queue, deliveryMode: DeliveryMode.Persistent });
    const results: PublishResult[] = channel.publishBatch(['one', new Uint8Array(2)], { routingKey: queue });
    const message: IncomingMessage | null = channel.basicGet(queue, { noAck: true });
    const bytes: Buffer | undefined = message?.body;
    const properties: Properties | undefined = message?.properties;
    for (const next of channel.consume(queue, { limit: messageCount })) next.process((it) => it.text.length);
    channel.basicConsume(queue, (delivered) => delivered.ack());
    try { channel.txCommit({ timeout: 1 }); } catch (error) {
      if (error instanceof NotFoundError || error instanceof UnroutableError) console.log(error.code, error.cause);
    }
    const { id } = new Message('{"id":1}').json;
    new JsonRpc(channel).register('sum', ({ a, b }) => a + b);
    new JsonRpc(channel).proxy.math.sum({ a: 1, b: 2 });
    new Master(channel).createWorker('resize', ({ file }) => file.length);
    connection[Symbol.dispose]();
    console.log(results, bytes, properties, id);
    // @ts-expect-error: it may be null
    channel.basicGet(queue).ack();
    // @ts-expect-error: unknown option
    channel.basicPublish('body', { routingkey: queue });
    // @ts-expect-error: a body is bytes or text
    channel.basicPublish(42);
    // @ts-expect-error: internal
    channel.openUp();
    // @ts-expect-error: internal
    connection.pump;
    // @ts-expect-error: unknown option
    connect({ hostName: 'localhost' });`,
  'types-amqpy.mts': `
    import {
      AbstractConsumer, Channel, Connection, Message, NotFound, proto, spec, ssl, Timeout,
    } from 'amqp-sync/amqpy';
    class Printer extends AbstractConsumer {
      run(msg: Message) { console.log(msg.body, msg.delivery_info.redelivered); msg.ack(); }
    }
    const conn = new Connection('localhost', 5671, { cert_reqs: ssl.CERT_REQUIRED }, { heartbeat: 10, userid: 'me' });
    const ch: Channel = conn.channel();
    const [queue, count] = ch.queue_declare('q', { durable: true, arguments: { 'x-max-length': 5 } });
    const ok: spec.queue_declare_ok_t = ch.queue_declare({ queue, passive: true });
    ch.basic_publish(new Message('x', { application_headers: { count } }), { routing_key: ok.queue });
    new Printer(ch, 'q', { no_ack: false }).declare();
    const msg: Message | null = ch.basic_get('q', true);
    const tag: string = ch.basic_consume('q', { callback: (it) => it.reject(true), on_cancel: (name) => name.length });
    const code: number = ch.returned_messages.get(true, 1.5).reply_code;
    const frame: proto.Frame = new proto.Method(spec.Queue.Purge, { queue }, null, 1).dump_method_frame();
    try { conn.drain_events(1.5); } catch (error) {
      if (error instanceof NotFound) console.log(error.reply_code, error.hint);
      else if (!(error instanceof Timeout)) throw error;
    }
    conn[Symbol.dispose]();
    console.log(msg, tag, code, frame.data);
    // @ts-expect-error: it may be null
    ch.basic_get('q').ack();
    // @ts-expect-error: no such argument
    ch.queue_declare('q', { durabel: true });
    // @ts-expect-error: requeue is missing
    ch.basic_reject(1);
    // @ts-expect-error: text is no message
    ch.basic_publish('x');
    // @ts-expect-error: internal
    ch.core;
    // @ts-expect-error: internal
    conn.serve;`,
  'pika-types.mts': `
    import * as pika from 'amqp-sync/pika';
    const parameters = new pika.ConnectionParameters({ host: 'localhost', heartbeat: 30 });
    using connection = new pika.BlockingConnection([parameters, new pika.URLParameters('amqp://localhost')]);
    const channel: pika.BlockingChannel = connection.channel();
    const queue: string = channel.queue_declare('tasks', false, true).method.queue;
    const properties = new pika.BasicProperties({ delivery_mode: pika.DeliveryMode.Persistent, headers: { n: 1 } });
    channel.basic_publish({ exchange: '', routing_key: queue, body: 'hello', properties });
    channel.basic_publish('', queue, new Uint8Array(2), properties, true);
    const tag: string = channel.basic_consume(queue, (ch, method, props, body) => {
      const id: string | null = props.message_id;
      ch.basic_ack(method.delivery_tag);
      console.log(id, body.toString('utf8'));
    }, { auto_ack: false });
    for (const [method, , body] of channel.consume(queue)) channel.basic_ack(method.delivery_tag + body.length);
    for (const [method, , body] of channel.consume(queue, { inactivity_timeout: 1 })) {
      if (method) channel.basic_ack({ delivery_tag: method.delivery_tag, multiple: body.length > 0 });
    }
    const [method, , body] = channel.basic_get(queue);
    if (method !== null) console.log(method.message_count, body.length);
    try { channel.start_consuming(); } catch (error) {
      if (error instanceof pika.exceptions.ChannelClosedByBroker) console.log(error.reply_code, error.reply_text);
      if (error instanceof pika.exceptions.UnroutableError) console.log(error.messages[0]?.method.reply_text);
    }
    channel.exchange_declare('logs', pika.exchange_type.ExchangeType.fanout, { durable: true });
    console.log(channel.basic_cancel(tag).length, channel.queue_purge(queue).method.message_count);
    // @ts-expect-error: it may be null
    console.log(method.delivery_tag);
    // @ts-expect-error: unknown argument
    channel.queue_declare('tasks', { durabel: true });
    // @ts-expect-error: a required argument is missing
    channel.basic_publish({ exchange: '', routing_key: queue });
    // @ts-expect-error: internal
    channel.core;`,
};

/** How a user compiles: everything strict, and our declarations are looked at as well. */
const COMPILER = { noEmit: true, strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false };
const CONFIGS = {
  'tsconfig.json': { module: 'node16' },
  'tsconfig.bundler.json': { module: 'esnext', moduleResolution: 'bundler' },
};

export class Consumer {
  constructor(
    /** The folder of the user's project. */
    readonly folder: string,
    /** What would go to the registry. */
    readonly tarball: string,
  ) {}

  /** The package, as npm has unpacked it. */
  get installed(): string {
    return join(this.folder, 'node_modules', 'amqp-sync');
  }

  /** Run Node in the user's project. @returns all it printed. @throws {Error} with that, when it fails or hangs */
  node(args: string[], node = process.execPath): Promise<string> {
    return run(node, args, this.folder);
  }

  /** Run TypeScript's compiler there. @returns all it said */
  compile(...args: string[]): Promise<string> {
    const tsc = join('node_modules', 'typescript', 'lib', 'tsc.js');
    return run(process.execPath, [tsc, ...args], this.folder);
  }

  /** Have one of our packages installed beside it. */
  link(name: string): void {
    link(join('node_modules', name), this.folder);
  }

  remove(): void {
    fs.rmSync(join(this.folder, '..'), { recursive: true, force: true });
  }
}

/** Pack and install; some seconds. */
export async function installPackage(): Promise<Consumer> {
  const scratch = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'amqp-sync-package-')));
  const consumer = new Consumer(join(scratch, 'consumer'), join(scratch, 'amqp-sync.tgz'));
  try {
    await pack(join(scratch, 'copy'), consumer.tarball);
    fs.mkdirSync(consumer.folder);
    const write = (file: string, text: string) => fs.writeFileSync(join(consumer.folder, file), text);
    write('package.json', JSON.stringify({ name: 'consumer', private: true }));
    await run('npm', ['install', '--no-audit', '--no-fund', consumer.tarball], consumer.folder, 120_000);
    for (const tool of TOOLS) link(join('node_modules', tool), consumer.folder);
    for (const [file, text] of Object.entries(PROGRAMS)) write(file, text);
    for (const [file, more] of Object.entries(CONFIGS)) {
      const compilerOptions = { ...COMPILER, target: 'es2022', lib: ['es2022'], types: ['node'], ...more };
      write(
        file,
        JSON.stringify({
          compilerOptions,
          files: ['typescript.ts', 'types.mts', 'amqpy.ts', 'types-amqpy.mts', 'pika.ts', 'pika-types.mts'],
        }),
      );
    }
    write('jest.config.json', JSON.stringify({ testMatch: ['**/*.test.cjs'] }));
  } catch (error) {
    consumer.remove();
    throw error;
  }
  return consumer;
}

async function pack(copy: string, tarball: string): Promise<void> {
  fs.mkdirSync(copy);
  for (const name of fs.readdirSync(ROOT)) {
    if (!NOT_COPIED.has(name)) fs.cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  link('node_modules', copy);
  await run('npm', ['pack', '--pack-destination', copy], copy, 120_000);
  const [packed] = fs.readdirSync(copy).filter((name) => name.endsWith('.tgz'));
  fs.renameSync(join(copy, packed!), tarball);
}

function link(name: string, into: string): void {
  fs.mkdirSync(join(into, name, '..'), { recursive: true });
  fs.symlinkSync(join(ROOT, name), join(into, name), 'dir');
}

/** What npm needs to reach the registry: run-jest.cjs keeps it from all others. */
const { AMQP_SYNC_EXTRA_CA_CERTS: authorities } = process.env;
const FOR_NPM = authorities ? { NODE_EXTRA_CA_CERTS: authorities } : {};

/** Run a program, at most `timeout` ms. @returns all it printed @throws {Error} with that, when it fails or hangs */
export async function run(program: string, args: string[], cwd: string, timeout = 170_000): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, {
      cwd,
      env: { ...process.env, ...(/^np[mx]$/.test(program) && FOR_NPM) },
      timeout,
      killSignal: 'SIGKILL',
    });
    return stdout + stderr;
  } catch (error) {
    const { code, killed, stdout, stderr } = error as { [key: string]: unknown };
    const how = killed ? `was killed after ${timeout} ms` : `ended with ${code}`;
    throw new Error(`${basename(program)} ${args.join(' ')} ${how}:\n${stdout}${stderr}`);
  }
}
