/** Process warnings of what a program cannot have meant. Each is told once, and at once: a blocked thread has no ticks. */
import { startBroker } from '../../src';
import { run } from '../support/programs/program';

let broker: ReturnType<typeof startBroker>;
beforeAll(() => {
  broker = startBroker();
});
afterAll(() => broker.close());

/** Run `source` with a `channel` and a `queue` of five messages: its exit code, and what it said on stderr. */
async function warned(
  source: string,
  options: string = '{}',
  args: string[] = [],
): Promise<[unknown, string]> {
  const { code, stderr } = await run(
    `const connection = connect(url, ${options});
    const channel = connection.channel();
    const queue = channel.declareQueue('', { autoDelete: false });
    for (let i = 0; i < 5; i++) queue.publish('x');
    ${source}`,
    { url: broker.url, args },
  ).end;
  return [code, stderr];
}

const times = (text: string, what: string) => text.split(what).length - 1;

const NEVER_SERVED = 'queue.subscribe(() => {}); queue.subscribe(() => {});';
const NOTHING_SETTLED = `queue.publishBatch(Array(100).fill('x'));
  for (let i = 0; i < 2; i++) for (const message of queue.iterator({ timeout: 500 }));`;
const FAILS_AGAIN = `
  let calls = 0;
  const failing = channel.declareQueue();
  for (const body of ['one', 'two']) failing.publish(body);
  failing.subscribe(() => { calls++; throw new Error('failed'); });
  while (calls < 12) try { connection.drainEvents(); } catch {}`;
const SIGNAL_UNHEARD = `
  process.on('SIGTERM', () => {});
  connection.callLater(1500, () => { throw new Error('enough'); });
  try { connection.loop(); } catch {}
  connection.callLater(50, () => process.exit(0));
  for (const message of queue) message.ack();`;

const HABITS: [code: string, source: string, advice: string][] = [
  ['AMQP_SYNC_NEVER_SERVED', NEVER_SERVED, 'connection.loop()'],
  ['AMQP_SYNC_NOTHING_SETTLED', NOTHING_SETTLED, 'message.ack()'],
  ['AMQP_SYNC_FAILS_AGAIN', FAILS_AGAIN, 'onError: retry({ max })'],
  ['AMQP_SYNC_SIGNAL_UNHEARD', SIGNAL_UNHEARD, 'loop({ timeout: 1000 })'],
];

describe.each(HABITS)('%s', (code, source, advice) => {
  it('is told once, with what to write instead', async () => {
    const [exit, stderr] = await warned(source);
    expect(exit).toBe(0);
    expect(times(stderr, code)).toBe(1);
    expect(stderr).toMatch(/^\(node:\d+\) \[AMQP_SYNC/);
    expect(stderr).toContain(advice);
  });

  it('is not told with warnings: false', async () => {
    expect(await warned(source, '{ warnings: false }')).toEqual([0, '']);
  });

  it('is not told with --no-warnings', async () => {
    expect(await warned(source, '{}', ['--no-warnings'])).toEqual([0, '']);
  });

  it("is heard by a listener of 'warning'", async () => {
    const listen = "process.on('warning', ({ code }) => require('fs').writeSync(2, 'heard ' + code));";
    const [, stderr] = await warned(`${listen} ${source}`, '{}', ['--no-warnings']);
    expect(stderr).toBe(`heard ${code}`);
  });
});

it('a consumer with a callback that settles nothing', async () => {
  const [, stderr] = await warned(
    `process.on('warning', () => process.exit(0));
    channel.basicQos({ prefetchCount: 2 });
    channel.basicConsume(queue.name, () => {});
    connection.loop();`,
  );
  expect(stderr).toContain('AMQP_SYNC_NOTHING_SETTLED');
});

describe('nothing is told', () => {
  it.each([
    ['a consumer that is served', 'queue.subscribe(() => {}); connection.loop({ timeout: 50 });'],
    [
      'a consumer served by a loop over another queue',
      'queue.subscribe(() => {}); for (const m of channel.declareQueue().iterator({ timeout: 50 }));',
    ],
    ['a consumer that was cancelled', 'queue.subscribe(() => {}).cancel();'],
    [
      'calls and replies',
      "channel.declareQueue('own'); try { connection.rpc('own').call('x', { timeout: 50 }); } catch {}",
    ],
    [
      'a loop that settles',
      'for (const message of queue.iterator({ prefetch: 2, timeout: 50 })) message.ack();',
    ],
    [
      'a loop that settles in groups',
      'let n = 0; for (const message of queue.iterator({ prefetch: 5, timeout: 50 })) if (++n === 5) message.ack({ multiple: true });',
    ],
    [
      'a loop that collects as many as its prefetch',
      'let last; for (const message of queue.iterator({ prefetch: 2, timeout: 1000 })) last = message; last.ack({ multiple: true });',
    ],
    [
      'a consumer of a program that closes the connection as it fails',
      "process.on('uncaughtException', () => process.exit(1)); try { queue.subscribe(() => {}); throw new Error('mine'); } finally { connection.close(); }",
    ],
    ['a loop with a limit', 'for (const message of queue.iterator({ limit: 3 }));'],
    ['a loop with noAck', 'for (const message of queue.iterator({ noAck: true, timeout: 50 }));'],
    [
      'a wait with a limit',
      "process.on('SIGTERM', () => {}); connection.loop({ timeout: 50 }); process.exit(0);",
    ],
    [
      'a wait with a listener that does not last',
      "process.on('SIGTERM', () => {}); for (const message of queue) { message.ack(); break; } process.exit(0);",
    ],
    ['a wait without a listener', 'connection.callLater(50, () => process.exit(0)); connection.loop();'],
    [
      'a deadline around it',
      "process.on('SIGTERM', () => {}); try { connection.withDeadline(50, () => connection.loop()); } catch {} process.exit(0);",
    ],
  ])('of %s', async (_what, source) => {
    expect((await warned(source))[1]).toBe('');
  });

  it('of a consumer whose program fails: that is the news', async () => {
    const [code, stderr] = await warned('queue.subscribe(() => {}); throw new Error("mine");');
    expect(code).toBe(1);
    expect(stderr).not.toContain('AMQP_SYNC');
  });
});

it('a consumer that is never served: also when the connection is closed', async () => {
  const [, stderr] = await warned('queue.subscribe(() => {}); connection.close();');
  expect(stderr).toContain('AMQP_SYNC_NEVER_SERVED');
});

it('many connections whose consumers are never served: one warning, and no leak of listeners', async () => {
  const [code, stderr] = await warned(
    'for (let n = 0; n < 12; n++) { const each = connect(url); each.channel().declareQueue().subscribe(() => {}); each.close(); }',
  );
  expect([code, times(stderr, 'AMQP_SYNC_NEVER_SERVED'), times(stderr, 'MaxListeners')]).toEqual([0, 1, 0]);
});

describe('what a function throws, and a handler takes', () => {
  const failing = "() => { calls++; throw new Error('mine'); }";
  const until = (calls: number) => `while (calls < ${calls}) connection.drainEvents({ timeout: 60_000 });`;
  const RETRY = (more = '') =>
    `let calls = 0;
    queue.subscribe(${failing}, { onError: amqp.retry({ max: 1, park: false${more} }) });
    ${until(10)}`;
  const SERVE = (more = '') =>
    `let calls = 0;
    connection.rpc('procedure').serve(${failing}, { exclusive: true${more} });
    connection.queue('procedure').publish('x');
    ${until(1)}`;
  const REGISTER = (more = '') =>
    `let calls = 0;
    new amqp.Rpc(connection.channel()).register('method', ${failing}, { exclusive: true${more} });
    connection.queue('method').publish('{}');
    ${until(1)}`;

  it.each([
    ['retry', RETRY, 10],
    ['serve', SERVE, 1],
    ['Rpc.register', REGISTER, 1],
  ])('%s: is a warning with the stack, each time, or goes to onError', async (_what, source, many) => {
    const [code, stderr] = await warned(source());
    expect(code).toBe(0);
    expect(times(stderr, '[AMQP_SYNC_UNHEARD_ERROR]')).toBe(many);
    expect(times(stderr, 'Error: mine\n    at ')).toBe(many);
    const onError =
      ", onError: (error, message) => require('fs').writeSync(2, error.message + message.body.length + ' ')";
    expect((await warned(source(onError)))[1].split(' ').filter(Boolean)).toHaveLength(many);
    expect(await warned(source(), '{ warnings: false }')).toEqual([0, '']);
  });
});

describe('AMQP_SYNC_GLOBAL_PREFETCH', () => {
  const source = `
    const channel = connect(url, OPTIONS).channel();
    channel.basicQos({ prefetchCount: 5 });
    for (let i = 0; i < 2; i++) channel.basicQos({ prefetchCount: 5, global: true });`;
  const said = async (options: string, version: '3.10' | '4.3') => {
    using broker = startBroker({ version });
    return (await run(source.replace('OPTIONS', options), { url: broker.url }).end).stderr;
  };

  it('is told once, by RabbitMQ 4.3 only, which limits each consumer', async () => {
    const stderr = await said('{}', '4.3');
    expect(times(stderr, 'AMQP_SYNC_GLOBAL_PREFETCH')).toBe(1);
    expect(stderr).toContain('leave global out');
    expect(await said('{}', '3.10')).toBe('');
    expect(await said('{ warnings: false }', '4.3')).toBe('');
  });
});
