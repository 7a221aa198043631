/** The end of a program that has not closed its connections: it sends what was published, and does not linger. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { count, eventually, shared, sharedQueue } from '../support/connect';
import { broker } from '../support/peers/peer';
import { closed, expects, reading, ready, repeat, send, serve, stall } from '../support/peers/script';
import { type End, run } from '../support/programs/program';
import { within } from '../support/within';

/** Milliseconds that a program may linger on a broker that does not answer; one is a second. */
const BOUND = 1500;
const HOOK = join(__dirname, '..', 'support', 'programs', 'worker-fault.cjs');

/** How a program ends, and its exit code then. */
const ENDS: [string, string, number][] = [
  ['at its last line', '', 0],
  ['at its last line, with process.exitCode', 'process.exitCode = 4;', 4],
  ['by process.exit(3)', 'process.exit(3);', 3],
  ['by an uncaught throw', 'throw new Error("mine");', 1],
  ['by an unhandled rejection', 'Promise.reject(new Error("mine"));', 1],
];
const ended = ({ code, signal }: End) => [code, signal];

describe('with thousands of unsent messages', () => {
  const MANY = 20_000;

  /** Run `source`, which publishes to `queue`; count what has arrived when it has ended. */
  async function arrived(source: (queue: string) => string): Promise<{ end: End; messages: number }> {
    const channel = shared().channel();
    const queue = sharedQueue(channel);
    const end = await run(source(queue)).end;
    // RabbitMQ has them all when close-ok comes; RabbitMQ 4 may still be handing them to the queue
    let messages = 0;
    let unchanged = 0;
    eventually(() => {
      const before = messages;
      messages = count(channel, queue);
      unchanged = messages === before ? unchanged + 1 : 0;
      return messages === MANY || unchanged === 100;
    }, 30_000);
    channel.queueDelete(queue);
    channel.close();
    return { end, messages };
  }

  const publish = (queue: string, times = MANY) => `
    for (let i = 0; i < ${times}; i++) channel.basicPublish('message ' + i, { routingKey: ${JSON.stringify(queue)} });`;
  const main = (queue: string) => `
    const connection = connect(url);
    const channel = connection.channel();
    ${publish(queue)}
    say('waiting');`;

  it.each(ENDS)('%s: all arrive, and the exit code is kept', async (_how, how, code) => {
    const { end, messages } = await arrived((queue) => `${main(queue)} ${how}`);
    expect(ended(end)).toEqual([code, null]);
    expect(messages).toBe(MANY);
    expect(end.ms).toBeLessThan(within(BOUND));
    if (code === 1) expect(end.stderr).toContain('Error: mine');
    else expect(end.stderr).toBe('');
  });

  it('process.exit in a callback loses none of them', async () => {
    const { end, messages } = await arrived(
      (queue) => `
        const connection = connect(url);
        const channel = connection.channel();
        connection.callLater(1, () => { ${publish(queue)} process.exit(6); });
        say('waiting');
        connection.loop();`,
    );
    expect(ended(end)).toEqual([6, null]);
    expect(messages).toBe(MANY);
    expect(end.ms).toBeLessThan(within(BOUND));
  });

  it('all arrive, though they are on several connections', async () => {
    const { end, messages } = await arrived(
      (queue) => `
        for (let connection = 0; connection < 4; connection++) {
          const channel = connect(url).channel();
          ${publish(queue, MANY / 4)}
        }
        say('waiting');`,
    );
    expect(ended(end)).toEqual([0, null]);
    expect(messages).toBe(MANY);
    expect(end.ms).toBeLessThan(within(BOUND));
  });

  it.each([
    ['comes to its end', '', 0],
    ['calls process.exit', 'process.exit(5);', 5],
  ])('all arrive from a worker thread of the program, which %s', async (_how, how, code) => {
    const { end, messages } = await arrived(
      (queue) => `
        const { Worker } = require('node:worker_threads');
        const job = \`
          const channel = require(\${JSON.stringify(library)}).connect(\${JSON.stringify(url)}).channel();
          ${publish(queue)}
          ${how}\`;
        new Worker(job, { eval: true }).on('exit', (code) => say(code));`,
    );
    expect(ended(end)).toEqual([0, null]);
    expect(end.lines).toEqual([String(code)]);
    expect(messages).toBe(MANY);
  });
});

describe('an open connection keeps no program alive', () => {
  it.each([
    ['with a consumer', "channel.basicConsume('q', () => {});"],
    ['with a timer', 'connection.callLater(60_000, () => {});'],
    ['with a handle for other threads', 'globalThis.handle = connection.remote(() => {});'],
    ['with a Remote in the same thread', 'const remote = new Remote(connection.remote()); remote.call(1);'],
    ['after a wait', 'connection.sleep(50);'],
  ])('%s', async (_what, also) => {
    const peer = broker([...ready(), serve('connection.close'), ...closed()]);
    const program = run(
      `const connection = connect(url, { warnings: false });
      const channel = connection.channel();
      ${also}
      say('waiting');`,
      { url: peer.url },
    );
    const end = await program.end;
    expect(ended(end)).toEqual([0, null]);
    expect(end.stderr).toBe('');
    expect(end.ms).toBeLessThan(within(500));
    peer.done();
  });
});

test('a broker that is slow to deal with what was published gets more than a second', async () => {
  const slow = [expects('connection.close'), stall(2500), send('connection.close-ok')];
  const peer = broker([...ready(), ...repeat(10, [expects('basic.publish')]), ...slow]);
  const program = run(
    `const channel = connect(url).channel();
    for (let i = 0; i < 10; i++) channel.basicPublish(Buffer.alloc(100_000));
    say('waiting');`,
    { url: peer.url },
  );
  const end = await program.end;
  expect(ended(end)).toEqual([0, null]);
  expect(end.ms).toBeGreaterThan(2400);
  peer.done();
});

describe('about a second is given', () => {
  it.each(ENDS.slice(1, 4))('to a broker that does not read, %s', async (_how, how, code) => {
    const program = run(
      `const channel = connect(url).channel();
      try {
        for (;;) channel.basicPublish(Buffer.alloc(100_000), { timeout: 20 });
      } catch (error) {
        say(error.name);
      }
      say('waiting');
      ${how}`,
      { url: broker([...ready(), reading(false)]).url },
    );
    const end = await program.end;
    expect(ended(end)).toEqual([code, null]);
    expect(end.lines).toEqual(['TimeoutError']);
    expect(end.ms).toBeGreaterThan(900);
    expect(end.ms).toBeLessThan(within(BOUND));
  });

  it.each([1, 3])('to brokers that never answer close, %i connection(s) together', async (many) => {
    const program = run(
      `for (let i = 0; i < ${many}; i++) connect(url).channel();
      say('waiting');
      process.exitCode = 4;`,
      { url: broker([...ready(), expects('connection.close')]).url },
    );
    const end = await program.end;
    expect(ended(end)).toEqual([4, null]);
    expect(end.ms).toBeGreaterThan(900);
    expect(end.ms).toBeLessThan(within(BOUND));
  });

  it.each(ENDS.slice(1, 3))('to a worker thread in an endless loop, %s', async (_how, how, code) => {
    const folder = mkdtempSync(join(tmpdir(), 'amqp-sync-exit-'));
    const fault = {
      NODE_OPTIONS: `--require ${HOOK}`,
      AMQP_SYNC_FAULT: 'loop',
      AMQP_SYNC_FAULT_GO: join(folder, 'cue'),
      AMQP_SYNC_FAULT_AT: join(folder, 'at'),
    };
    const program = run(
      `const channel = connect(url).channel();
      const { existsSync, writeFileSync } = require('node:fs');
      writeFileSync(process.env.AMQP_SYNC_FAULT_GO, '');
      while (!existsSync(process.env.AMQP_SYNC_FAULT_AT)) pause(10);
      channel.basicPublish('x', { routingKey: 'q' });
      say('waiting');
      ${how}`,
      { url: broker([...ready()]).url, env: { ...process.env, ...fault } },
    );
    const end = await program.end;
    rmSync(folder, { recursive: true });
    expect(ended(end)).toEqual([code, null]);
    expect(end.ms).toBeLessThan(within(BOUND));
  });
});
