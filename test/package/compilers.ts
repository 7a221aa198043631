/** The compilers that users of TypeScript have, the ways they may be set up, and what a user writes. */
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { type Consumer, run } from './consumer';

/** The oldest that is supported, the last of each line, and the one that is no JavaScript any more. */
export const COMPILERS = ['5.4.5', '5.9.3', '6.0.3', '7.0.2'] as const;

/** A program in an ES module; each expected error must be one. */
const MODULE = `
  import amqp, {
    type Channel, connect, type IncomingMessage, Master, Message, NotFoundError, type PublishOptions, startBroker,
  } from 'amqp-sync';
  import amqpy from 'amqp-sync/amqpy';
  import pika, { type ConnectionParameters } from 'amqp-sync/pika';
  interface Order { id: number }
  const same: typeof connect = amqp.connect;
  const connection = same('amqp://localhost', { heartbeat: 10, recovery: true });
  const channel: Channel = connection.channel();
  const queue = channel.declareQueue('orders', { type: 'quorum', messageTtl: { hours: 1 } });
  const options: PublishOptions = { routingKey: queue.name, headers: { n: 1 }, mandatory: true };
  channel.basicPublish(Message.json({ id: 1 }), options);
  queue.publish('hello', { expiration: { seconds: 5 } });
  for (const message of queue.iterator({ timeout: 1000 })) {
    const id: number = message.parse<Order>().id + message.json.count;
    const bytes: Buffer = message.body;
    message.process((it: IncomingMessage) => it.text + bytes.toString('utf8') + id);
    // @ts-expect-error: what it is has to be said
    message.parse().id;
    // @ts-expect-error: a Buffer is not any
    message.body.nonsense;
    // @ts-expect-error: a Buffer is no number
    const size: number = message.body;
  }
  try {
    new Master(channel).createTask('resize', { file: 'a.png' });
  } catch (error) {
    if (error instanceof NotFoundError) throw new Error(error.code + error.replyCode, { cause: error });
  }
  const waiting: Buffer | undefined = startBroker({ clock: 'virtual' }).messages('orders')[0]?.body;
  const parameters: ConnectionParameters = new pika.ConnectionParameters({ host: 'localhost' });
  new pika.BlockingConnection(parameters).channel().basic_publish('', 'q', 'x');
  const conn = new amqpy.Connection({ host: 'localhost' });
  const body: string | Uint8Array | undefined = conn.channel().basic_get('q')?.body;
  export { body, waiting };
  // @ts-expect-error: it may be null
  channel.basicGet('orders').ack();
  // @ts-expect-error: unknown option
  channel.basicPublish('body', { routingkey: 'orders' });
  // @ts-expect-error: a body is bytes or text
  channel.basicPublish(42);
  // @ts-expect-error: no such name
  amqp.conect();
  // @ts-expect-error: no such argument
  conn.channel().queue_declare('q', { durabel: true });`;

/** One in CommonJS, with all the ways to import. */
const COMMON = `
  import amqp from 'amqp-sync';
  import * as all from 'amqp-sync';
  import required = require('amqp-sync');
  import pika from 'amqp-sync/pika';
  const connections: all.Connection[] = [amqp, all, required].map(({ connect }) => connect('amqp://localhost'));
  const bytes: Buffer | undefined = connections[0]?.channel().basicGet('q')?.body;
  const channel: pika.BlockingChannel = new pika.BlockingConnection().channel();
  export = { bytes, channel };
  // @ts-expect-error: no such name
  amqp.conect();
  // @ts-expect-error: a Buffer is not any
  bytes?.nonsense;`;

const STRICT = { noEmit: true, strict: true, skipLibCheck: true, target: 'es2022', lib: ['es2022'] };
const RESOLUTIONS = {
  node16: { compilerOptions: { module: 'node16' }, files: ['module.mts', 'common.cts'] },
  nodenext: { compilerOptions: { module: 'nodenext' }, files: ['module.mts', 'common.cts'] },
  bundler: { compilerOptions: { module: 'esnext', moduleResolution: 'bundler' }, files: ['module.mts'] },
};

/** All set-ups of a compiler in one process: what they read alike is read once. TypeScript 7 has no such interface. */
const CHECK = `
  const [, , typescript, ...configs] = process.argv;
  const ts = require(typescript);
  const read = new Map();
  for (const config of configs) {
    const { options, fileNames } = ts.getParsedCommandLineOfConfigFile(config, {}, ts.sys);
    const host = ts.createCompilerHost(options);
    const { getSourceFile } = host;
    host.getSourceFile = (file, as) => {
      const key = file + ' ' + as.impliedNodeFormat;
      if (!read.has(key)) read.set(key, getSourceFile.call(host, file, as));
      return read.get(key);
    };
    const complaints = ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options, host));
    if (complaints.length > 0) console.log(config, ts.formatDiagnostics(complaints, host));
  }`;

/** The programs, and a configuration of each set-up. @returns its files */
export function writePrograms(consumer: Consumer): string[] {
  const folder = join(consumer.folder, 'compilers');
  fs.mkdirSync(folder);
  const write = (file: string, text: string) => fs.writeFileSync(join(folder, file), text);
  write('module.mts', MODULE);
  write('common.cts', COMMON);
  write('check.cjs', CHECK);
  const setUps = Object.entries(RESOLUTIONS).flatMap(([name, { compilerOptions, files }]) =>
    Object.entries({ with: ['node'], without: [] }).map(([how, types]) => {
      const file = `${name}.${how}.json`;
      const all = { ...STRICT, esModuleInterop: true, ...compilerOptions, types };
      write(file, JSON.stringify({ compilerOptions: all, files }));
      return join(folder, file);
    }),
  );
  return setUps;
}

/** What a compiler has to say of all set-ups; npx keeps it for the next time. */
export async function complaintsOf(
  version: string,
  consumer: Consumer,
  configs: readonly string[],
): Promise<string> {
  const find = ['--loglevel=error', '-y', '-p', `typescript@${version}`, '-c', 'command -v tsc'];
  // beside the user's project, which has one of its own
  const tsc = (await run('npx', find, dirname(consumer.folder))).trim();
  if (!version.startsWith('7.')) {
    const typescript = join(dirname(dirname(tsc)), 'typescript');
    return consumer.node([join('compilers', 'check.cjs'), typescript, ...configs]);
  }
  const all = await Promise.all(configs.map((config) => run(tsc, ['-p', config], consumer.folder)));
  return all.join('');
}
