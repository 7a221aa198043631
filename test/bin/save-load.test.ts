/** save and load: messages as files, and back. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type IncomingMessage, typed } from '../../src';
import { describeRabbitmq, rabbitmqUrl } from '../support/brokers/on-rabbitmq';
import { channel, queue, useQueue } from '../support/channel';
import { CEILING, count, eventually, fill, sharedQueue, takeAll, unique } from '../support/connect';
import { cli, interrupted, out, said } from '../support/programs/cli';

useQueue();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-save-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const state = () => channel.queueDeclare(queue, { passive: true });
const file = (number: number) => join(folder, `${number}`.padStart(12, '0').concat('.amqp'));
const comparable = ({ body, properties, typedHeaders }: IncomingMessage) => ({
  body: body.toString('base64'),
  properties,
  typedHeaders,
});

it('a file for each: properties, headers of every type and the bytes come back as they were', () => {
  const bodies = [
    Buffer.from('text\n'),
    Buffer.of(0xff, 0, 0x0a, 0x80),
    Buffer.alloc(0),
    randomBytes(3_000_000),
  ];
  const publish = () => {
    for (const [n, body] of bodies.entries())
      channel.basicPublish(body, {
        routingKey: queue,
        headers: {
          n: typed.int16(n),
          latin1: typed.string(Buffer.of(0xfc)),
          table: { 2: null, 1: [typed.float(0.5)] },
        },
        timestamp: 2n ** 60n,
        expiration: '900000',
        messageId: `\u0000${n}`,
        deliveryMode: 2,
      });
  };
  const take = () => bodies.map(() => comparable(channel.basicGet(queue, { noAck: true })!));
  publish();
  const before = take();
  publish();
  expect(out(['save', queue, folder])).toBe('');
  expect(readdirSync(folder).sort()).toEqual([1, 2, 3, 4].map((n) => file(n).slice(folder.length + 1)));
  expect(statSync(file(4)).size).toBeGreaterThan(3_000_000);
  expect(readFileSync(file(1), 'utf8')).toMatch(/^\{"exchange":"",.*"size":5\}\ntext\n$/);
  expect(count(channel, queue)).toBe(0);
  out(['load', folder]);
  expect(take()).toEqual(before);
});

it('goes on behind what is there, and leaves what was cut off alone', () => {
  fill(channel, queue, 'one');
  out(['save', queue, folder]);
  writeFileSync(`${file(2)}.part`, 'cut off');
  writeFileSync(join(folder, 'notes.txt'), 'not a message');
  fill(channel, queue, 'two', 'three');
  out(['save', queue, folder]);
  expect(existsSync(file(2))).toBe(false);
  out(['load', folder]);
  expect(takeAll(channel, queue)).toEqual(['one', 'two', 'three']);
});

it('saves so many, copies, and those for which a condition holds; 2 if there is none', () => {
  fill(channel, queue, 'a', 'b', 'c', 'd');
  out(['save', '-q', queue, folder, '-c', '1']);
  out(['save', queue, folder, '--where', 'body=c']);
  out(['save', queue, folder, '--copy']);
  expect(takeAll(channel, queue)).toEqual(['b', 'd']);
  expect(said('save', queue, folder)).toEqual([2, '']);
  out(['load', folder, queue]);
  expect(takeAll(channel, queue)).toEqual(['a', 'c', 'b', 'd']);
});

it('load goes where it is told; a file goes with --remove once the broker has its message; 2 if there is none', () => {
  const exchange = unique('exchange');
  channel.exchangeDeclare(exchange, 'topic', { autoDelete: true });
  channel.queueBind(queue, exchange, { routingKey: '*' });
  fill(channel, queue, 'a', 'b');
  out(['save', queue, folder]);
  out(['load', folder, '-e', exchange, '-r', 'key']);
  expect(channel.basicGet(queue, { noAck: true })).toMatchObject({ text: 'a', exchange, routingKey: 'key' });
  channel.queuePurge(queue);
  out(['load', folder, queue, '--remove']);
  expect([readdirSync(folder), takeAll(channel, queue)]).toEqual([[], ['a', 'b']]);
  expect(said('load', folder)).toEqual([2, '']);
});

it('what no queue takes stays in its file, and ends it with 5', () => {
  fill(channel, queue, 'a', 'b');
  out(['save', queue, folder]);
  const nowhere = unique('nowhere');
  expect(said('load', folder, nowhere, '--remove')).toEqual([
    5,
    expect.stringContaining(`there is no queue "${nowhere}"`),
  ]);
  expect(readdirSync(folder)).toHaveLength(2);
});

it.each([
  ['x\n', 'Unexpected token'],
  ['{"size":0}', 'its first line has no end'],
  ['{"size":3}\nab', 'its body has 2 bytes, and should have 3'],
  ['{"body":"x"}\nab', 'unknown field "body"'],
])('a file that is none, %j: those before it are published', (text, why) => {
  fill(channel, queue, 'a');
  out(['save', queue, folder]);
  writeFileSync(file(2), text);
  expect(said('load', folder)).toEqual([
    1,
    expect.stringMatching(new RegExp(`^amqp-sync: 0+2.amqp is no message: .*${why}.*\\n$`)),
  ]);
  expect(takeAll(channel, queue)).toEqual(['a']);
});

it('a folder that is missing, or cannot be made, is an error, and nothing is taken', () => {
  fill(channel, queue, 'a');
  expect(said('load', join(folder, 'missing'))).toEqual([
    1,
    expect.stringMatching(/^amqp-sync: ENOENT.*\n$/),
  ]);
  writeFileSync(join(folder, 'file'), '');
  expect(said('save', queue, join(folder, 'file'))).toEqual([
    1,
    expect.stringMatching(/^amqp-sync: ENOTDIR.*\n$/),
  ]);
  expect(said('save', queue)).toEqual([64, 'amqp-sync: which folder? Give its name\n']);
  expect(said('load', folder, queue, '-r', 'x')).toEqual([64, expect.stringContaining('not both')]);
  expect(count(channel, queue)).toBe(1);
});

it.each<[NodeJS.Signals]>([['SIGINT'], ['SIGKILL']])(
  '%s in the middle of it loses nothing',
  async (signal) => {
    const many = Array.from({ length: 1000 }, (_, n) => `${n}`);
    fill(channel, queue, ...many);
    await interrupted(['save', queue, folder], signal, () => readdirSync(folder).length > 5);
    const files = readdirSync(folder).filter((name) => name.endsWith('.amqp')).length;
    // a consumer that was about to end is gone before all has come back
    eventually(() => state().consumerCount === 0);
    eventually(() => count(channel, queue) + files >= many.length);
    const left = takeAll(channel, queue);
    expect(cli(['load', folder, queue]).status).toBe(0);
    const saved = takeAll(channel, queue);
    expect(saved).toEqual(many.slice(0, saved.length));
    expect(left).toEqual(many.slice(many.length - left.length));
    expect(saved.length + left.length).toBeGreaterThanOrEqual(many.length);
  },
);

describeRabbitmq('against RabbitMQ', () => {
  it('needs no more memory for more messages', () => {
    const needs = join(folder, 'needs');
    const hook = join(folder, 'hook.cjs');
    writeFileSync(
      hook,
      `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(needs)}, String(process.resourceUsage().maxRSS)));`,
    );
    const megabytes = (...args: string[]) => {
      out([...args, '-u', rabbitmqUrl], { env: { NODE_OPTIONS: `--require ${hook}` } });
      return Number(readFileSync(needs, 'utf8')) / 1024;
    };
    const body = Buffer.alloc(1024 * 1024);
    using connection = connect(rabbitmqUrl, { callTimeout: CEILING, connectTimeout: CEILING });
    const there = connection.channel();
    const name = sharedQueue(there);
    const used = [50, 400].map((number) => {
      const path = join(folder, `${number}`);
      fill(there, name, ...Array<Buffer>(number).fill(body));
      const saving = megabytes('save', name, path);
      const loading = megabytes('load', path);
      there.queuePurge(name);
      return [saving, loading];
    });
    there.queueDelete(name);
    for (const index of [0, 1]) expect(used[1]![index]! - used[0]![index]!).toBeLessThan(100);
  });
});
