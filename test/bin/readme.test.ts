/** The one-liners of bin/README.md, one after the other, as they stand there but for the names. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { count, shared, unique } from '../support/connect';
import { shell } from '../support/programs/cli';

const readme = readFileSync(join(__dirname, '..', '..', 'bin', 'README.md'), 'utf8');
const lines = /```sh\n(.*?)```/s
  .exec(readme)![1]!
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

test('the one-liners do what is said of them', () => {
  const channel = shared().channel();
  const folder = mkdtempSync(join(tmpdir(), 'amqp-sync-one-liners-'));
  const names: Record<string, string> = Object.fromEntries(
    ['tasks', 'files', 'upper', 'events'].map((name) => [name, unique(name)]),
  );
  const { tasks = '', files = '', events = '' } = names;
  const next = (more = '') => {
    const line = lines
      .shift()!
      .replace(/\b(?:tasks|files|upper|events)\b(?!\.(?:jsonl|saved))/g, (name) => names[name]!);
    const { stdout, stderr, status } = shell(line + more, { cwd: folder });
    return [stdout.toString(), stderr.toString(), status];
  };
  const done = (stdout: unknown) => [stdout, '', 0];
  try {
    expect(next()).toEqual(done(expect.stringMatching(/^open after \d+ ms\nready\n$/)));
    expect(next()).toEqual(done(`${tasks}.dead\n`));
    expect(next()).toEqual(done(`${tasks}\n`));
    expect(next()).toEqual(done(''));
    expect(next()).toEqual(done('5 messages, 0 consumers\n'));
    expect(next()).toEqual(
      done(expect.stringMatching(/^\{.*"properties":\{"deliveryMode":2\},"body":"1"\}\n$/)),
    );
    expect(next()).toEqual(done(`${tasks} 1 bytes: 1\n`));
    expect(next()).toEqual(['', 'amqp-sync: message 3: sh: exit status 1\n', 1]);
    expect(next()).toEqual(done(''));
    expect(count(channel, tasks)).toBe(1);
    expect(next()).toEqual(['', '', 2]);
    expect(next()).toEqual(done(''));
    expect(count(channel, tasks)).toBe(0);
    expect(next()).toEqual(done(''));
    expect(count(channel, tasks)).toBe(1);
    expect(next()).toEqual(done(''));
    expect(count(channel, tasks)).toBe(0);
    expect(next()).toEqual(done(''));
    expect(count(channel, tasks)).toBe(1);
    expect(next()).toEqual(done(`${files}\n`));
    expect(next()).toEqual(done('tasks.jsonl\n'));
    expect(next()).toEqual(done(`${events}\n`));
    expect(next()).toEqual([
      `queue     ${tasks}  differs: x-dead-letter-exchange is '', and in the file not given\n`,
      'amqp-sync: 1 of 1 differ\n',
      1,
    ]);
    // until tail has bound its queue the message is returned
    const publish = 'amqp-sync publish -e amq.topic -r error.disk full';
    expect(next(` -c 1 & until ${publish} 2> unroutable; do :; done; wait`)).toEqual(done('full\n'));
    const serve = (command: string) => `${command.replace('rpc ', 'rpc -c 1 ')} & consumed upper; `;
    lines.unshift(serve(lines.shift()!) + lines.shift()!);
    expect(next('; wait')).toEqual(done('HELLO'));
    expect(next()).toEqual(done(expect.stringMatching(/connection\.start.*connection\.close-ok/s)));
    expect(lines).toEqual([]);
  } finally {
    for (const queue of [tasks, `${tasks}.dead`, files]) channel.queueDelete(queue);
    channel.exchangeDelete(events);
    channel.close();
    rmSync(folder, { recursive: true });
  }
}, 300_000);
