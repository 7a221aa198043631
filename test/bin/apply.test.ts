/** apply: RabbitMQ's definitions. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NotFoundError } from '../../src';
import { describeNode } from '../support/brokers/on-rabbitmq';
import { startRabbitmq } from '../support/brokers/rabbitmq';
import { channel, useChannel } from '../support/channel';
import { CEILING, count, shared, takeAll, thrownBy, unique } from '../support/connect';
import { cli } from '../support/programs/cli';

useChannel();
let names: { topic: string; fanout: string; queue: string; quorum: string };
beforeEach(() => {
  names = {
    topic: unique('topic'),
    fanout: unique('fanout'),
    queue: unique('queue'),
    quorum: unique('quorum'),
  };
});
afterEach(() => {
  using last = shared().channel();
  for (const queue of [names.queue, names.quorum]) last.queueDelete(queue);
  for (const exchange of [names.topic, names.fanout]) last.exchangeDelete(exchange);
});

/** As RabbitMQ writes them. */
const definitions = ({ topic, fanout, queue, quorum } = names) => ({
  rabbit_version: '3.10.8',
  users: [{ name: 'guest', tags: ['administrator'] }, { name: 'app' }],
  vhosts: [{ name: '/' }, { name: 'orders' }],
  permissions: [{ user: 'app', vhost: '/', configure: '.*', write: '.*', read: '.*' }],
  topic_permissions: [],
  parameters: [],
  global_parameters: [],
  policies: [{ vhost: '/', name: 'limits', pattern: 'x', definition: { 'max-length': 5 } }],
  queues: [
    { name: queue, vhost: '/', durable: true, auto_delete: false, arguments: { 'x-max-length': 100 } },
    { name: quorum, vhost: '/', type: 'quorum', durable: true, auto_delete: false, arguments: {} },
    { name: 'elsewhere', vhost: 'orders', durable: true, auto_delete: false, arguments: {} },
  ],
  exchanges: [
    {
      name: topic,
      vhost: '/',
      type: 'topic',
      durable: true,
      auto_delete: false,
      internal: false,
      arguments: {},
    },
    {
      name: fanout,
      vhost: '/',
      type: 'fanout',
      durable: false,
      auto_delete: false,
      internal: true,
      arguments: {},
    },
  ],
  bindings: [
    {
      source: topic,
      vhost: '/',
      destination: fanout,
      destination_type: 'exchange',
      routing_key: '#',
      arguments: {},
    },
    {
      source: fanout,
      vhost: '/',
      destination: queue,
      destination_type: 'queue',
      routing_key: '',
      arguments: {},
    },
    {
      source: topic,
      vhost: '/',
      destination: quorum,
      destination_type: 'queue',
      routing_key: 'a.*',
      arguments: {},
    },
  ],
});

function apply(content: unknown, ...flags: string[]) {
  const input = typeof content === 'string' ? content : JSON.stringify(content);
  const { status, stdout, stderr } = cli(['apply', '-', ...flags], { input });
  const rows = stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((row) => row.split(/ {2,}/));
  return { status, stderr: stderr.toString(), rows: rows.map(([what, , state]) => `${what} ${state}`) };
}

const isThere = (queue: string) => {
  const probe = shared().channel();
  const error = thrownBy(() => probe.queueDeclare(queue, { passive: true }));
  if (probe.isOpen) probe.close();
  return !(error instanceof NotFoundError);
};

it('--dry-run changes nothing; apply makes what is missing, and what is there already it leaves', () => {
  const missing = apply(definitions(), '--dry-run');
  expect(missing).toMatchObject({
    status: 1,
    rows: [
      'exchange missing',
      'exchange missing',
      'queue missing',
      'queue missing',
      ...Array(3).fill('binding AMQP cannot ask'),
    ],
  });
  expect([isThere(names.queue), isThere(names.quorum)]).toEqual([false, false]);
  expect(apply(definitions())).toMatchObject({
    status: 0,
    rows: ['exchange made', 'exchange made', 'queue made', 'queue made', ...Array(3).fill('binding made')],
  });
  channel.basicPublish('x', { exchange: names.topic, routingKey: 'a.b' });
  expect([takeAll(channel, names.queue), takeAll(channel, names.quorum)]).toEqual([['x'], ['x']]);
  expect(apply(definitions(), '--dry-run')).toMatchObject({ status: 0 });
  channel.basicPublish('stays', { routingKey: names.queue });
  expect(apply(definitions())).toMatchObject({ status: 0, rows: expect.arrayContaining(['queue is there']) });
  expect(count(channel, names.queue)).toBe(1);
});

it('names what AMQP cannot make, and what is of another vhost', () => {
  expect(apply(definitions(), '--dry-run').stderr).toBe(
    [
      'left out: users guest, app: AMQP cannot make them',
      'left out: permissions app: AMQP cannot make them',
      'left out: policies limits: AMQP cannot make them',
      'left out: vhosts orders: AMQP cannot make them',
      'left out: what is in the vhost orders (1): apply it with --vhost orders',
      '',
    ].join('\n'),
  );
});

it('where something differs nothing is changed: the table says what', () => {
  channel.queueDeclare(names.queue, { durable: true, arguments: { 'x-dead-letter-exchange': '' } });
  channel.exchangeDeclare(names.topic, 'direct', { durable: true });
  const wanted = definitions();
  wanted.queues[0]!.arguments = { 'x-dead-letter-exchange': 'dead' } as never;
  for (const flags of [[], ['--dry-run']]) {
    const { status, rows, stderr } = apply(wanted, ...flags);
    expect([status, rows.slice(0, 4)]).toEqual([
      1,
      [
        'exchange differs: type is direct, and in the file topic',
        'exchange missing',
        "queue differs: x-dead-letter-exchange is '', and in the file dead",
        'queue missing',
      ],
    ]);
    expect(stderr).toMatch(
      flags.length === 0
        ? /\namqp-sync: 2 of 7 differ: nothing is changed\n$/
        : /\namqp-sync: 2 of 7 differ\n$/,
    );
    expect(isThere(names.quorum)).toBe(false);
  }
});

it('predeclared exchanges are bound and left alone, the default one needs no binding', () => {
  const { queue } = names;
  const { rows, status } = apply({
    exchanges: [
      { name: 'amq.topic', type: 'topic', durable: true },
      { name: '', type: 'direct' },
    ],
    queues: [
      { name: queue, durable: true },
      { name: 'amq.gen-x', durable: true },
    ],
    bindings: [
      { source: '', destination: queue, routing_key: queue },
      { source: 'amq.topic', destination: queue, routing_key: queue },
    ],
  });
  expect([status, rows]).toEqual([
    1,
    [
      'exchange is there',
      'queue missing',
      'queue differs: it is missing, and only the broker makes names with amq.',
      'binding AMQP cannot ask',
    ],
  ]);
});

it.each([
  ['{', 'it is no definitions of RabbitMQ: Expected'],
  ['[]', 'it is no definitions of RabbitMQ: they are a JSON object'],
  ['{"users":[]}', 'it is no definitions of RabbitMQ: it has no exchanges, queues or bindings'],
  ['{"queues":{}}', 'queues must be a list of objects'],
  ['{"queues":[{}]}', 'queues[0]: its name must be a string'],
  ['{"queues":[{"name":"q","durable":"yes"}]}', 'queues[0]: its durable must be true or false'],
  [
    '{"exchanges":[{"name":"x","type":"topic","arguments":[]}]}',
    'exchanges[0]: its arguments must be an object',
  ],
  ['{"bindings":[{"source":"x","destination":"y","destination_type":"z"}]}', 'must be queue or exchange'],
])('%s is refused', (content, error) => {
  const { status, stderr } = apply(content);
  expect([status, stderr]).toEqual([1, expect.stringContaining(`amqp-sync: `)]);
  expect(stderr).toContain(error);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

it('what the broker refuses to make ends it, and is named', () => {
  const queue = { name: names.queue, durable: true, arguments: { 'x-message-ttl': 'soon' } };
  const { status, stderr } = apply({ queues: [queue] });
  expect([status, stderr]).toEqual([1, expect.stringContaining(`the queue ${names.queue} cannot be made: `)]);
});

describeNode('RabbitMQ itself', () => {
  it(
    'what its rabbitmqctl exports makes the same there again',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'amqp-sync-definitions-'));
      const node = await startRabbitmq();
      try {
        const url = ['-u', node.url];
        const run = (...args: string[]) => cli([...args, ...url]);
        const first = join(folder, 'first.json');
        // RabbitMQ exports no exchange whose name begins with amq, nor an internal one
        const topic = names.topic.replace('amqp', 'test');
        const given = definitions({ ...names, topic });
        const exchanges = given.exchanges.slice(0, 1);
        writeFileSync(first, JSON.stringify({ ...given, exchanges, bindings: given.bindings.slice(2) }));
        expect(run('apply', first).status).toBe(0);
        const exported = [join(folder, 'one.json'), join(folder, 'two.json')];
        node.ctl('export_definitions', exported[0]!);
        const same = run('apply', exported[0]!, '--dry-run');
        expect([same.status, same.stdout.toString()]).toEqual([0, expect.not.stringContaining('missing')]);
        for (const queue of [names.queue, names.quorum]) run('delete-queue', queue);
        run('delete-exchange', topic);
        expect(run('apply', exported[0]!, '--dry-run').status).toBe(1);
        expect(run('apply', exported[0]!).status).toBe(0);
        node.ctl('export_definitions', exported[1]!);
        const [one, two] = exported.map((file) => {
          const { queues, exchanges, bindings } = JSON.parse(readFileSync(file, 'utf8'));
          const sorted = (list: object[]) => list.map((entry) => JSON.stringify(entry)).sort();
          return [sorted(queues), sorted(exchanges), sorted(bindings)];
        });
        expect(two).toEqual(one);
        const [queues, all, bindings] = one!;
        expect([queues!.length, bindings!.length]).toEqual([2, 1]);
        // 4.3 exports one of its own, too
        expect(all).toContainEqual(expect.stringContaining(JSON.stringify(topic)));
      } finally {
        await node.stop();
        rmSync(folder, { recursive: true });
      }
    },
    4 * CEILING,
  );
});
