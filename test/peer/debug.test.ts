/** AMQP_SYNC_DEBUG: while main sleeps in a wait that has lasted too long, the worker says on stderr what it waits for. */
import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { connect, type EmbeddedBroker, startBroker } from '../../src';
import { build } from '../support/built';
import { CEILING, thrownBy } from '../support/connect';
import { run } from '../support/programs/program';

let broker: EmbeddedBroker;
beforeAll(() => {
  broker = startBroker();
});
afterAll(() => broker.close());

const program = (source: string, debug = '300ms') =>
  run(
    `const connection = connect(url, { name: 'orders' }); const channel = connection.channel(); ${source}`,
    {
      url: broker.url,
      env: { ...process.env, AMQP_SYNC_DEBUG: debug },
    },
  );
/** The waits that were told of, each with its rows by their names. */
function reports(stderr: string): { headline: string; rows: Record<string, string> }[] {
  return stderr
    .split(/^(?=amqp-sync )/m)
    .filter(Boolean)
    .map((text) => {
      const [headline = '', ...rows] = text.trimEnd().split('\n');
      return {
        headline,
        rows: Object.fromEntries(rows.map((row) => row.trim().split(/ {2,}/) as [string, string])),
      };
    });
}

it('says what is waited for, for how long, and how things stand; again when the time has doubled', async () => {
  const { stderr, code } = await program(`
    channel.confirmSelect();
    const queue = channel.declareQueue('debugged', { autoDelete: true });
    channel.basicPublish('1', { routingKey: 'debugged' });
    channel.basicPublish('2', { routingKey: 'debugged' });
    for (const _ of queue.iterator({ consumerTag: 'me', timeout: 1500, limit: 3 }));
    connection.close();
  `).end;
  expect(code).toBe(0);
  const all = reports(stderr);
  expect(all.length).toBeGreaterThanOrEqual(2);
  for (const { headline, rows } of all) {
    expect(headline).toMatch(
      /^amqp-sync \d+ #1 orders has waited \d\.\d s for a message of consumer "me" of queue "debugged" on channel 1; \d\.\d s are left$/,
    );
    expect(rows).toMatchObject({
      connection: expect.stringMatching(/^open, 127\.0\.0\.1:\d+ \(127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+\)$/),
      'channel 1': '2 unsettled, 0 unconfirmed',
      'to send': expect.stringMatching(/^0 of \d+ bytes, 0 of them with the socket$/),
      'to read': expect.stringMatching(/^0 of \d+ bytes, and 0 that found no room$/),
      'last sent': expect.stringMatching(/^basic\.consume on channel 1, \d\.\d s ago$/),
      'last received': expect.stringMatching(/^1 bytes of a body on channel 1, \d\.\d s ago$/),
    });
  }
  const waited = all.map(({ headline }) => Number(/waited (\S+)/.exec(headline)![1]));
  expect(waited[0]).toBeGreaterThanOrEqual(0.3);
  expect(waited[1]).toBeGreaterThanOrEqual(0.6);
  if (waited.length > 2) expect(waited[2]).toBeGreaterThanOrEqual(1.2);
  expect(waited.length).toBeLessThanOrEqual(3);
});

it.each([
  ["channel.queueDeclare('q', { timeout: 700 })", 'the answer to queue.declare of queue "q" on channel 1'],
  ['channel.close({ timeout: 700 })', 'the answer to channel.close of channel 1'],
  [
    "channel.basicPublish('x', { exchange: 'amq.topic', routingKey: 'k', timeout: 700 })",
    'the confirm of publish 1 to exchange "amq.topic", routing key "k" on channel 1',
  ],
  [
    "channel.basicPublish('x', { wait: false }); channel.waitForConfirms({ timeout: 700 })",
    '1 confirms on channel 1',
  ],
  ['connection.drainEvents({ timeout: 700 })', 'an event'],
  ['connection.sleep(700)', 'an event'],
  ['waitAny([connection], { timeout: 700 })', 'an event on any of 1 connections'],
])('%s waits for %s', async (call, what) => {
  const waiting = program(`
    channel.confirmSelect();
    say('ready');
    pause(1000);
    try { ${call} } catch (error) { say(error.name); }
    connection.abort();
  `);
  await waiting.says('ready');
  broker.stall();
  const { stderr, code } = await waiting.end;
  broker.resume();
  expect(code).toBe(0);
  const all = reports(stderr);
  expect(all.length).toBeGreaterThanOrEqual(1);
  expect(all[0]!.headline).toMatch(
    new RegExp(`has waited \\d+\\.\\d s for ${what.replace(/[.*()]/g, '\\$&')}; \\d+\\.\\d s are left$`),
  );
});

it('a get that looks again and again is one wait', async () => {
  const { stderr } = await program(`
    channel.declareQueue('looked-at', { autoDelete: true }).get({ timeout: 700 });
    connection.close();
  `).end;
  expect(reports(stderr)[0]!.headline).toMatch(
    / has waited 0\.\d s for a message of queue "looked-at"; 0\.\d s are left$/,
  );
});

it("Node's debugger is let in while the program waits, and says where", async () => {
  const script = `
    const connection = require(${JSON.stringify(join(build(), 'src'))}).connect(${JSON.stringify(broker.url)});
    function importOrders() { connection.drainEvents({ timeout: 60_000 }); }
    setTimeout(importOrders);
    console.log('ready');`;
  const options = { timeout: CEILING, killSignal: 'SIGKILL' } as const;
  const program = spawn(process.execPath, ['--inspect-port=0', '-e', script], options);
  const lookedAt = [program];
  try {
    await said(program.stdout, /ready/);
    program.kill('SIGUSR1');
    const [, address = ''] = await said(program.stderr, /ws:\/\/([\d.:]+)\//);
    const inspector = spawn(process.execPath, ['inspect', address], options);
    lookedAt.push(inspector);
    await said(inspector.stdout, /debug> /);
    const paused = said(inspector.stdout, /break in.*debug> /s);
    inspector.stdin.write('pause\n');
    await paused;
    const stack = said(inspector.stdout, /importOrders/);
    inspector.stdin.write('bt\n');
    expect((await stack).input).toMatch(/drainEvents/);
  } finally {
    for (const each of lookedAt) each.kill('SIGKILL');
  }
});

/** What a stream has said, once it matches. */
async function said(stream: Readable, pattern: RegExp): Promise<RegExpExecArray> {
  let text = '';
  for await (const chunk of on(stream, 'data', { close: ['end', 'close'] })) {
    text += chunk;
    const match = pattern.exec(text);
    if (match !== null) return match;
  }
  throw new Error(`${pattern} was not said, but: ${text}`);
}

it('a connection that is being recovered says so', async () => {
  const own = startBroker();
  const waiting = run(
    `const connection = connect(url, { recovery: true }); const channel = connection.channel();
     say('ready');
     try { pause(300); channel.queueDeclare('q', { timeout: 900 }); } catch (error) { say(error.name); }
     connection.abort();`,
    { url: own.url, env: { ...process.env, AMQP_SYNC_DEBUG: '300ms' } },
  );
  await waiting.says('ready');
  own.close();
  const { stderr } = await waiting.end;
  const [first] = reports(stderr);
  expect(first!.headline).toMatch(
    / #1 has waited \d+\.\d s for queue\.declare to be sent on channel 1; \d+\.\d s are left$/,
  );
  expect(first!.rows.connection).toMatch(
    /^recovering, (waiting for attempt \d: .*(ECONNREFUSED|closed|reset|CONNECTION_FORCED).*|dialing 127\.0\.0\.1:\d+, connecting)$/,
  );
});

it('a connection that does not open says how far it has come', async () => {
  const mute = createServer().listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as AddressInfo;
  const { stderr } = await run(
    'try { connect(url, { connectTimeout: 700 }); } catch (error) { say(error.name); }',
    {
      url: `amqp://127.0.0.1:${port}`,
      env: { ...process.env, AMQP_SYNC_DEBUG: '300ms' },
    },
  ).end;
  mute.close();
  const [first] = reports(stderr);
  const [, waited, left] = / #1 has waited (\S+) s for the connection to open; (\S+) s are left$/.exec(
    first!.headline,
  )!;
  expect(Number(waited) + Number(left)).toBeCloseTo(0.7, 0);
  expect(first!.rows).toMatchObject({
    connection: `dialing 127.0.0.1:${port}, handshake`,
    'last sent': expect.stringMatching(/^the protocol header, \d+\.\d s ago$/),
    'last received': 'nothing',
  });
});

it.each<[string, Buffer | string, RegExp]>([
  ['a method without an id', Buffer.of(1, 0, 0, 0, 0, 0, 0, 206), /^an unknown method, /],
  ['no frame', 'HTTP/1.1 400 Bad Request\r\n\r\n', /^what is no frame, /],
])('what answers %s is told of, and why the last attempt failed', async (_, answer, last) => {
  const other = createServer((socket) => socket.on('error', () => {}).write(answer)).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { stderr, lines } = await run(
    'try { connect(url, { connectionAttempts: 2, retryDelay: 900 }); } catch (error) { say(error.name); }',
    { url: `amqp://127.0.0.1:${port}`, env: { ...process.env, AMQP_SYNC_DEBUG: '300ms' } },
  ).end;
  other.close();
  expect(lines).toEqual(['ConnectError']);
  const [first] = reports(stderr);
  expect(first!.rows).toMatchObject({
    connection: expect.stringMatching(/^dialing; the last attempt: .*does not speak AMQP/),
    'last received': expect.stringMatching(last),
  });
});

it('nobody who reads stderr any more is no end of the connection', async () => {
  const waiting = program(`
    say('ready');
    for (let rounds = 0; rounds < 3; rounds++) connection.sleep(400);
    say(connection.isAlive);
    connection.close();
  `);
  await waiting.says('ready');
  waiting.deafen();
  expect(await waiting.end).toMatchObject({ code: 0, lines: ['ready', 'true'] });
});

it('what blocks publishing is named', async () => {
  const waiting = program(`
    say('ready');
    try { for (;;) { channel.basicPublish('x', { exchange: 'amq.topic', timeout: 900 }); connection.sleep(5); } } catch (error) { say(error.name); }
    connection.abort();
  `);
  await waiting.says('ready');
  broker.block('low on memory');
  const { stderr } = await waiting.end;
  broker.unblock();
  const [first] = reports(stderr);
  expect(first!.headline).toMatch(/ has waited \d+\.\d s for connection.unblocked; /);
  expect(first!.rows.connection).toMatch(/; the broker blocks publishing: low on memory$/);
});

it('waits that are short are not told of, nor what the program does by itself', async () => {
  const { stderr } = await program('pause(700); connection.sleep(100); connection.close();').end;
  expect(stderr).toBe('');
});

it('each connection and thread is called by a name of its own', async () => {
  const { stderr } = await program(`
    const other = connect(url, { name: 'other' });
    const { Worker } = require('node:worker_threads');
    new Worker('const { connect } = require(' + JSON.stringify(library) + '); const own = connect(' + JSON.stringify(url)
      + ', { name: "threaded" }); own.sleep(500); own.close();', { eval: true });
    waitAny([connection, other], { timeout: 600 });
    connection.close();
    other.close();
  `).end;
  const names = reports(stderr).map(({ headline }) => /^amqp-sync \d+ (\S+ \S+)/.exec(headline)![1]!);
  expect(new Set(names.map((name) => name.replace(/#\d+\./, '#thread.')))).toEqual(
    new Set(['#1 orders', '#2 other', '#thread.1 threaded']),
  );
});

it.each(['5', 'yes', '1d', '-1s'])('AMQP_SYNC_DEBUG=%s is refused', (debug) => {
  process.env.AMQP_SYNC_DEBUG = debug;
  try {
    expect(thrownBy(() => connect(broker.url))).toEqual(
      new TypeError(
        `AMQP_SYNC_DEBUG must be a time with its unit, such as 500ms, 5s or 2m, or 1 for 5s, not "${debug}"`,
      ),
    );
  } finally {
    delete process.env.AMQP_SYNC_DEBUG;
  }
});

it('0 is off', async () => {
  const { stderr } = await program('connection.sleep(700); connection.close();', '0').end;
  expect(stderr).toBe('');
});
