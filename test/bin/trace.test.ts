/** `amqp-sync trace`: a file of AMQP_SYNC_TRACE for people. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, startBroker } from '../../src';
import { build } from '../support/built';
import { CEILING } from '../support/connect';
import { cli, out } from '../support/programs/cli';

let folder: string;
let file: string;
/** The file is that of a real conversation, once for all. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-trace-verb-'));
  file = join(folder, 'trace.jsonl');
  process.env.AMQP_SYNC_TRACE = file;
  const broker = startBroker();
  try {
    const connection = connect(broker.url, { name: 'orders', callTimeout: CEILING });
    const channel = connection.channel();
    channel.queueDeclare('q', { durable: true, arguments: { 'x-max-length': 5 } });
    channel.confirmSelect();
    channel.basicPublish('hello', { routingKey: 'q', headers: { a: 1 } });
    connection.channel().queuePurge('q');
    connection.close();
  } finally {
    delete process.env.AMQP_SYNC_TRACE;
    broker.close();
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Behind the time, the process and the name, which are the same in each line. */
const rest = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => {
      expect(line).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  ${process.pid} #\\d+ orders  `));
      return line.slice(line.indexOf('orders  ') + 'orders  '.length);
    });

it('prints a line for each frame, in columns, with what says something', () => {
  const lines = rest(out(['trace', file]));
  expect(lines).toHaveLength(25);
  expect(lines.slice(0, 2)).toEqual([
    expect.stringMatching(/^ {6}-- connected 127\.0\.0\.1:\d+$/),
    '    0 -> protocol header 0-0-9-1',
  ]);
  expect(lines).toContain('    1 -> queue.declare queue="q" durable=true arguments={"x-max-length":5}');
  expect(lines.slice(14, 18)).toEqual([
    '    1 -> basic.publish routingKey="q"',
    expect.stringMatching(/^ {4}1 -> {3}header, 5 bytes follow .*headers=\{"a":1\}/),
    '    1 ->   body, 5 bytes: "hello"',
    '    1 <- basic.ack deliveryTag=1',
  ]);
  expect(lines.at(-1)).toBe('      -- ended closed as asked');
});

it('--channel, --connection and --method choose; a method has its content with it', () => {
  expect(rest(out(['trace', file, '--channel', '2']))).toEqual([
    expect.stringContaining(' -- connected '),
    '    2 -> channel.open',
    '    2 <- channel.open-ok',
    '    2 -> queue.purge queue="q"',
    '    2 <- queue.purge-ok messageCount=1',
    expect.stringContaining(' -- ended '),
  ]);
  expect(rest(out(['trace', file, '--method', 'basic.publish'])).map((line) => line.slice(0, 20))).toEqual([
    '    1 -> basic.publi',
    '    1 ->   header, 5',
    '    1 ->   body, 5 b',
  ]);
  expect(rest(out(['trace', file, '--method', 'queue.*', '--connection', 'orders']))).toHaveLength(4);
  expect(cli(['trace', file, '--connection', 'nobody'])).toMatchObject({ status: 2, stdout: Buffer.of() });
});

it('lines that are none of a trace are told of, and skipped; what a terminal could obey is not printed as it is', () => {
  const mixed = join(folder, 'mixed');
  const line = {
    time: '2030-01-31T12:00:00.000Z',
    pid: 1,
    connection: '#1',
    event: 'connected',
    broker: 'a\nb',
  };
  writeFileSync(mixed, `nonsense\n\n${JSON.stringify(line)}\n[]\nnull\n{"time":1}\n{"time":"x","connec`);
  const { status, stdout, stderr } = cli(['trace', mixed]);
  expect(status).toBe(0);
  expect(stdout.toString()).toBe('12:00:00.000  1 #1        -- connected a b\n');
  expect(stderr.toString()).toBe(
    [1, 4, 5, 6, 7].map((n) => `${mixed}:${n} is no line of a trace\n`).join(''),
  );
});

it('a line of somebody else that looks like one, and names that a terminal would obey', () => {
  const foreign = join(folder, 'foreign');
  const head = {
    time: '2030-01-31T12:00:00.000Z',
    pid: 1,
    connection: '\x1b[2J#1',
    direction: 'sent',
    channel: 1,
  };
  const lines = [
    { ...head, frame: 'method', method: 'basic.ack', arguments: null },
    { ...head, frame: 'header', bodySize: 1, properties: null },
    { ...head, frame: 'method', malformed: 'a\x07\r\nb' },
  ];
  writeFileSync(foreign, lines.map((line) => JSON.stringify(line)).join('\n'));
  const { status, stdout, stderr } = cli(['trace', foreign]);
  expect([status, stderr.toString()]).toEqual([0, '']);
  const who = '12:00:00.000  1 \\x1b[2J#1      1 -> ';
  expect(stdout.toString().split('\n')).toEqual([
    `${who}basic.ack`,
    `${who}  header, 1 bytes follow`,
    `${who}method: a\\x07 b`,
    '',
  ]);
});

it('several files, one after the other, and stdin; one alone is followed', () => {
  expect(rest(out(['trace', '-'], { input: readFileSync(file) }))).toHaveLength(25);
  expect(rest(out(['trace', file, file]))).toHaveLength(50);
  expect(cli(['trace', '-f', file, file])).toMatchObject({
    status: 64,
    stderr: Buffer.from('amqp-sync: --follow goes on with one file, not with several\n'),
  });
});

it('a file that is not there, and a wrong flag, are errors in one line', () => {
  const { status, stderr } = cli(['trace', join(folder, 'none')]);
  expect([status, stderr.toString()]).toEqual([1, expect.stringMatching(/^amqp-sync: ENOENT: .*none'\n$/)]);
  expect(cli(['trace']).status).toBe(64);
  expect(cli(['trace', file, '--channel', 'x']).status).toBe(64);
  expect(cli(['trace', file, '--method', 'a b']).status).toBe(64);
});

it('--follow goes on as the file grows', async () => {
  const growing = join(folder, 'growing');
  const line = (broker: string) =>
    `${JSON.stringify({ time: '2030-01-31T12:00:00.000Z', pid: 1, connection: '#1', event: 'connected', broker })}\n`;
  writeFileSync(growing, line('first'));
  const child: ChildProcess = spawn(process.execPath, [
    join(build(), 'bin', 'amqp-sync.js'),
    'trace',
    '-f',
    growing,
  ]);
  try {
    let printed = '';
    const until = (text: string) =>
      new Promise<void>((resolve) => {
        const look = () => printed.includes(text) && resolve();
        child.stdout!.on('data', look);
        look();
      });
    child.stdout!.on('data', (text) => {
      printed += text;
    });
    await until('first');
    // a line that comes in two pieces is one
    appendFileSync(growing, line('second').slice(0, 50));
    await new Promise((resolve) => setTimeout(resolve, 250));
    appendFileSync(growing, line('second').slice(50));
    await until('second');
    expect(printed.split('\n')).toHaveLength(3);
  } finally {
    child.kill('SIGKILL');
  }
});
