/** The 'exit' listeners of a program that still has open connections: they may use them, whenever they were added. */
import { join } from 'node:path';
import { build } from '../support/built';
import { shared, sharedQueue, takeAll } from '../support/connect';
import { run } from '../support/programs/program';

/** Run `source`; what it published to `queue` with `publish(text)`, and how it ended. */
async function published(source: string): Promise<{ texts: string[]; end: unknown[]; stderr: string }> {
  const channel = shared().channel();
  const queue = sharedQueue(channel);
  const { code, signal, lines, stderr } = await run(`
    const connection = connect(url);
    const channel = connection.channel();
    channel.confirmSelect();
    const publish = (text) => channel.basicPublish(text, { routingKey: ${JSON.stringify(queue)} });
    ${source}`).end;
  const texts = takeAll(channel, queue);
  channel.queueDelete(queue);
  channel.close();
  return { texts, end: [code, signal, ...lines], stderr };
}

it.each([
  ['the last line', '', 0],
  ['process.exit(3)', 'process.exit(3);', 3],
  ['process.exitCode = 4', 'process.exitCode = 4;', 4],
])('at the end by %s a listener can publish', async (_how, how, code) => {
  const { texts, end, stderr } = await published(`process.on('exit', () => publish('last words')); ${how}`);
  expect([texts, end, stderr]).toEqual([['last words'], [code, null], '']);
});

it.each([
  ['once', "process.once('exit', () => publish('last words'));"],
  ['prependListener', "process.prependListener('exit', () => publish('last words'));"],
  [
    'on, after all others were removed',
    "process.removeAllListeners('exit'); process.on('exit', () => publish('last words'));",
  ],
  [
    'on, from another listener of process',
    "process.on('newListener', () => {}); process.on('exit', () => publish('last words'));",
  ],
  [
    'on, while another connection was closed',
    "connect(url).close(); process.on('exit', () => publish('last words')); connect(url).close();",
  ],
])('a listener added with %s can publish', async (_added, add) => {
  expect(await published(add)).toEqual({ texts: ['last words'], end: [0, null], stderr: '' });
});

it('each of several listeners can publish, in their order, before any connection is closed', async () => {
  const { texts, end } = await published(`
    for (const text of ['one', 'two', 'three']) process.on('exit', () => publish(text));
    process.on('exit', () => say(connection.isOpen));`);
  expect(texts).toEqual(['one', 'two', 'three']);
  expect(end).toEqual([0, null, 'true']);
});

it('a listener that calls process.exit leaves nothing unsent', async () => {
  const { texts, end } = await published(`
    process.on('exit', () => { publish('last words'); process.exit(9); });
    process.on('exit', () => say('skipped'));`);
  expect([texts, end]).toEqual([['last words'], [9, null]]);
});

it('a listener that throws leaves nothing unsent, and its error is told', async () => {
  const { texts, end, stderr } = await published(
    "process.on('exit', () => { publish('last words'); throw new Error('mine'); });",
  );
  expect([texts, end]).toEqual([['last words'], [expect.any(Number), null]]);
  expect(end[0]).not.toBe(0);
  expect(stderr).toContain('Error: mine');
});

it('an uncaught error: listeners can publish, and the exit code is 1', async () => {
  const { texts, end } = await published(
    "process.on('exit', () => publish('last words')); throw new Error('mine');",
  );
  expect([texts, end]).toEqual([['last words'], [1, null]]);
});

it('a listener that connects has its connection closed, too', async () => {
  const channel = shared().channel();
  const queue = sharedQueue(channel);
  const { code } = await run(`
    process.on('exit', () => {
      const channel = connect(url).channel();
      for (let i = 0; i < 1000; i++) channel.basicPublish('last words', { routingKey: ${JSON.stringify(queue)} });
    });
    globalThis.first = connect(url);`).end;
  expect([code, takeAll(channel, queue).length]).toEqual([0, 1000]);
  channel.queueDelete(queue);
});

it('several copies of the library: the connections of each are there for the listeners', async () => {
  const other = join(build(), 'src', 'index.js');
  const { texts, end } = await published(`
    for (const file of Object.keys(require.cache)) delete require.cache[file];
    const copy = require(${JSON.stringify(other)});
    if (copy.connect === connect) throw new Error("it is the same copy");
    const second = copy.connect(url);
    for (let i = 0; i < 3; i++) { connect(url).close(); copy.connect(url).close(); }
    process.on('exit', () => { publish('first'); second.channel().confirmSelect(); publish('second'); });`);
  expect([texts, end]).toEqual([
    ['first', 'second'],
    [0, null],
  ]);
});

it('a listener in a worker thread can publish', async () => {
  const channel = shared().channel();
  const queue = sharedQueue(channel);
  const { code } = await run(`
    const { Worker } = require('node:worker_threads');
    new Worker(\`
      const channel = require(\${JSON.stringify(library)}).connect(\${JSON.stringify(url)}).channel();
      process.on('exit', () => channel.basicPublish('last words', { routingKey: ${JSON.stringify(queue)} }));
    \`, { eval: true });`).end;
  expect([code, takeAll(channel, queue)]).toEqual([0, ['last words']]);
  channel.queueDelete(queue);
});

it('the process is as it was, once the last connection is closed', async () => {
  const { code, lines } = await run(`
    const { emit, reallyExit } = process;
    const connection = connect(url);
    connect(url).close();
    say(process.emit === emit);
    connection.close();
    say(process.emit === emit, process.reallyExit === reallyExit, process.listenerCount('exit'));`).end;
  expect([code, lines]).toEqual([0, ['false', 'true true 0']]);
});
