import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, startBroker } from '../../src';
import { channel, queue, useQueue } from '../support/channel';
import { count, eventually, takeAll, unique } from '../support/connect';
import { outcome, startExample } from '../support/programs/example';

useQueue();

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-csv-'));
  file = join(folder, 'orders.csv');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const imported = async (name: string) => outcome(await startExample('import-csv', [file, name]).end);

test('each record becomes a message, and what is wrong is named by its line', async () => {
  const lines = [
    'id,name',
    '1,"Müller, Söhne"',
    '2',
    '',
    '3,"two',
    'lines, ""quoted"""',
    '4,x,y',
    '5,',
    '6,"not closed',
  ];
  writeFileSync(file, lines.join('\r\n'));
  expect(await imported(queue)).toEqual([
    1,
    '3 confirmed, 3 failed',
    'line 3: 2 fields are expected, got 1\nline 7: 2 fields are expected, got 3\nline 9: a quote is not closed\n',
  ]);
  expect(takeAll(channel, queue).map((text) => JSON.parse(text))).toEqual([
    { id: '1', name: 'Müller, Söhne' },
    { id: '3', name: 'two\nlines, "quoted"' },
    { id: '5', name: '' },
  ]);
});

test('characters that lie in two pieces of the file arrive', async () => {
  const record = 'é'.repeat(50_000);
  writeFileSync(file, `text,odd\n${record},-\n${record},-\n`);
  expect(await imported(queue)).toEqual([0, '2 confirmed, 0 failed']);
  const text = JSON.stringify({ text: record, odd: '-' });
  expect(takeAll(channel, queue)).toEqual([text, text]);
});

test('a quote too many costs a piece of the file, not all of it', async () => {
  const filler = `${'x'.repeat(999)}\n`.repeat(1001);
  writeFileSync(file, `text\n"${filler}last\n`);
  const [code, summary, errors] = await imported(queue);
  expect([code, summary]).toEqual([1, '2 confirmed, 1 failed']);
  expect(errors).toBe('line 2: a quote is not closed\n');
  expect(takeAll(channel, queue).at(-1)).toBe('{"text":"last"}');
});

test('what the broker refuses is named by its line, and the rest is imported', async () => {
  const full = channel.declareQueue(unique('full'), {
    maxLength: 2,
    overflow: 'reject-publish',
    arguments: { 'x-expires': 600_000 },
  });
  writeFileSync(file, 'id\n1\n2\n3\n4\n');
  const [code, summary, errors] = await imported(full.name);
  expect(code).toBe(1);
  // RabbitMQ refuses once it has counted, which may be one message later
  const confirmed = count(channel, full.name);
  expect(summary).toBe(`${confirmed} confirmed, ${4 - confirmed} failed`);
  expect(String(errors)).toMatch(/^(line 4: nacked: .+\n)?line 5: nacked: .+\n$/);
  full.delete();
});

test('a queue that is not there is an error before the file is read', async () => {
  const { code, stderr } = await startExample('import-csv', ['no-such-file', unique('missing')]).end;
  expect(code).toBe(1);
  expect(stderr).toContain('NOT_FOUND');
  expect(stderr).not.toContain('ENOENT');
});

test('when the connection is lost, each line that may not have arrived is named, and the rest is left', async () => {
  using broker = startBroker();
  using own = connect(broker.url);
  const lines = own.channel().declareQueue('lines');
  writeFileSync(file, `id\n${'1\n'.repeat(200_000)}`);
  const env = { ...process.env, AMQP_URL: broker.url };
  const example = startExample('import-csv', [file, 'lines'], { env });
  eventually(() => lines.status().messageCount > 1000);
  broker.kill();
  const { code, lines: printed, stderr } = await example.end;
  const [, confirmed, failed] = /^(\d+) confirmed, (\d+) failed, the rest was not read$/.exec(printed[0]!)!;
  expect(code).toBe(1);
  const named = stderr.match(/^line \d+: (unknown|not-sent): .*$/gm)!;
  expect(named).toHaveLength(Number(failed));
  expect(named[0]).toMatch(new RegExp(`^line ${Number(confirmed) + 2}: `));
});

test('memory stays flat, and progress is told', async () => {
  const line = `${'x'.repeat(999)}\n`;
  writeFileSync(file, 'text\n');
  for (let thousand = 0; thousand < 25; thousand++) writeFileSync(file, line.repeat(1000), { flag: 'a' });
  const args = ['--max-old-space-size=16']; // the file is larger
  const { code, lines, stderr } = await startExample('import-csv', [file, queue], { args }).end;
  expect([code, ...lines]).toEqual([0, '25000 confirmed, 0 failed']);
  expect(stderr).toBe('10000 confirmed, at line 10001\n20000 confirmed, at line 20001\n');
  expect(count(channel, queue)).toBe(25_000);
});
