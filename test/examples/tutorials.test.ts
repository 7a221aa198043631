/**
 * The tutorials as their reader runs them: every script a process of its own, its output what he sees. Their
 * queues and exchanges have fixed names, so nothing else in the suite may use these.
 */
import { join } from 'node:path';
import { eventually, shared } from '../support/connect';
import { type Example, execute, outcome, startExample } from '../support/programs/example';

const ROOT = join(__dirname, '..', '..');
const QUEUES = ['hello', 'task_queue', 'rpc_queue'];
const EXCHANGES = ['logs', 'direct_logs', 'topic_logs'];
const MESSAGES = ' [*] Waiting for messages. To exit press CTRL+C';
const LOGS = ' [*] Waiting for logs. To exit press CTRL+C';
const REQUESTS = ' [x] Awaiting RPC requests';

beforeAll(tidy);
afterAll(tidy);

function tidy(): void {
  const channel = shared().channel();
  for (const queue of QUEUES) channel.queueDelete(queue);
  for (const exchange of EXCHANGES) channel.exchangeDelete(exchange);
  channel.close();
}

/** Start a script, `1-hello-world/send` for one, with the arguments of its command line. */
function start(script: string, ...args: string[]): Example {
  return startExample(`tutorials/${script}`, args);
}

/** Start a consumer, and wait until it says that it waits. */
async function listen(greeting: string, script: string, ...args: string[]): Promise<Example> {
  const consumer = start(script, ...args);
  await consumer.says(greeting);
  return consumer;
}

async function output(script: string, ...args: string[]): Promise<unknown[]> {
  return outcome(await start(script, ...args).end);
}

async function ctrlC(script: Example): Promise<unknown[]> {
  script.kill('SIGINT');
  return outcome(await script.end);
}

function waiting(queue: string) {
  return shared().queue(queue).status();
}

function untilConsumers(queue: string, consumers: number): void {
  eventually(() => waiting(queue).consumerCount === consumers);
}

describe('1: hello world', () => {
  const SENT = [0, " [x] Sent 'Hello World!'"];
  const RECEIVED = " [x] Received 'Hello World!'";

  test('what was sent waits for a receiver', async () => {
    expect(await output('1-hello-world/send')).toEqual(SENT);
    const receiver = await listen(RECEIVED, '1-hello-world/receive');
    expect(await ctrlC(receiver)).toEqual(['SIGINT', MESSAGES, RECEIVED]);
    expect(waiting('hello').messageCount).toBe(0);
  });

  test('a receiver waits for what is sent, here by the script as it stands, in TypeScript', async () => {
    const receiver = await listen(MESSAGES, '1-hello-world/receive');
    const send = join(ROOT, 'examples', 'tutorials', '1-hello-world', 'send.ts');
    expect(outcome(await execute(send, [], { args: ['-r', 'ts-node/register'] }).end)).toEqual(SENT);
    await receiver.says(RECEIVED);
    expect(await ctrlC(receiver)).toEqual(['SIGINT', MESSAGES, RECEIVED]);
  });
});

describe('2: work queues', () => {
  async function startWorker(): Promise<Example> {
    const { consumerCount } = waiting('task_queue');
    const worker = await listen(MESSAGES, '2-work-queues/worker');
    untilConsumers('task_queue', consumerCount + 1);
    return worker;
  }

  const addTask = (...words: string[]) => output('2-work-queues/new-task', ...words);
  const received = (task: string) => ` [x] Received '${task}'`;

  test('two workers share the tasks, a second for each dot', async () => {
    expect(await addTask()).toEqual([0, " [x] Sent 'Hello World!'"]);
    const workers = [await startWorker(), await startWorker()];
    const begin = performance.now();
    for (const task of ['First.', 'Second.', 'Third.', 'Fourth.']) {
      expect(await addTask(task)).toEqual([0, ` [x] Sent '${task}'`]);
    }
    const long = 'Fifth, sixth..........';
    for (let i = 0; i < 2; i++) shared().queue('task_queue').publish(long);
    // a worker that has one of these has acked all before
    eventually(() => waiting('task_queue').messageCount === 0);
    expect(performance.now() - begin).toBeGreaterThan(2000);
    const outputs = await Promise.all(workers.map(ctrlC));
    const done = outputs.map((lines) =>
      lines.filter((line) => /\.'$/.test(String(line)) && line !== received(long)),
    );
    expect(done.map(({ length }) => length)).toEqual([2, 2]);
    expect(done.flat().sort()).toEqual(['First.', 'Fourth.', 'Second.', 'Third.'].map(received));
    expect(outputs.flat().filter((line) => line === ' [x] Done')).toHaveLength(5);
    eventually(() => waiting('task_queue').messageCount === 2); // Ctrl-C gave the long ones back
    shared().queue('task_queue').purge();
  });

  test('a killed worker loses nothing: the other one gets its task', async () => {
    const hard = 'Hard work..........';
    const one = await startWorker();
    await addTask(hard);
    await one.says(received(hard));
    const two = await startWorker();
    expect(waiting('task_queue').messageCount).toBe(0);
    one.kill('SIGKILL');
    expect(outcome(await one.end)).toEqual(['SIGKILL', MESSAGES, received(hard)]);
    await two.says(received(hard));
    expect(await ctrlC(two)).toEqual(['SIGINT', MESSAGES, received(hard)]);
    eventually(() => waiting('task_queue').messageCount === 1);
    shared().queue('task_queue').purge();
  });
});

describe('3: publish and subscribe', () => {
  test('what nobody hears is lost; then all who listen get it', async () => {
    expect(await output('3-publish-subscribe/emit-log')).toEqual([0, " [x] Sent 'info: Hello World!'"]);
    const listeners = await Promise.all([1, 2].map(() => listen(LOGS, '3-publish-subscribe/receive-logs')));
    expect(await output('3-publish-subscribe/emit-log', 'to', 'all')).toEqual([0, " [x] Sent 'to all'"]);
    for (const listener of listeners) {
      await listener.says(" [x] 'to all'");
      expect(await ctrlC(listener)).toEqual(['SIGINT', LOGS, " [x] 'to all'"]);
    }
  });
});

describe('4: routing', () => {
  test('each gets the severities that it asked for', async () => {
    const [some, all] = await Promise.all([
      listen(LOGS, '4-routing/receive-logs-direct', 'warning', 'error'),
      listen(LOGS, '4-routing/receive-logs-direct', 'info', 'warning', 'error'),
    ]);
    const emit = (...args: string[]) => output('4-routing/emit-log-direct', ...args);
    expect(await emit()).toEqual([0, " [x] Sent 'info':'Hello World!'"]);
    expect(await emit('warning', 'Walk.')).toEqual([0, " [x] Sent 'warning':'Walk.'"]);
    expect(await emit('debug', 'Stand.')).toEqual([0, " [x] Sent 'debug':'Stand.'"]); // nobody asked for it
    expect(await emit('error', 'Run.', 'Run.')).toEqual([0, " [x] Sent 'error':'Run. Run.'"]);
    const printed = [" [x] 'warning':'Walk.'", " [x] 'error':'Run. Run.'"];
    for (const listener of [some, all]) await listener.says(printed[1]!);
    expect(await ctrlC(some)).toEqual(['SIGINT', LOGS, ...printed]);
    expect(await ctrlC(all)).toEqual(['SIGINT', LOGS, " [x] 'info':'Hello World!'", ...printed]);
  });

  test('without a severity: how it is used, and exit code 1', async () => {
    const usage = 'Usage: receive-logs-direct.ts [info] [warning] [error]\n';
    expect(await output('4-routing/receive-logs-direct')).toEqual([1, usage]);
  });
});

describe('5: topics', () => {
  test('each gets what fits one of its patterns, once', async () => {
    const patterns = [['#'], ['kern.*'], ['*.critical'], ['kern.*', '*.critical']];
    const listeners = await Promise.all(
      patterns.map((keys) => listen(LOGS, '5-topics/receive-logs-topic', ...keys)),
    );
    const emit = (...args: string[]) => output('5-topics/emit-log-topic', ...args);
    expect(await emit()).toEqual([0, " [x] Sent 'anonymous.info':'Hello World!'"]);
    for (const key of ['kern.info', 'cron.critical', 'kern.disk.full', 'kern.critical']) {
      expect(await emit(key, 'It', 'happened')).toEqual([0, ` [x] Sent '${key}':'It happened'`]);
    }
    const printed = (...keys: string[]) => keys.map((key) => ` [x] '${key}':'It happened'`);
    const expected = [
      [
        " [x] 'anonymous.info':'Hello World!'",
        ...printed('kern.info', 'cron.critical', 'kern.disk.full', 'kern.critical'),
      ],
      printed('kern.info', 'kern.critical'),
      printed('cron.critical', 'kern.critical'),
      printed('kern.info', 'cron.critical', 'kern.critical'),
    ];
    for (const [index, listener] of listeners.entries()) {
      await listener.says(printed('kern.critical')[0]!);
      expect(await ctrlC(listener)).toEqual(['SIGINT', LOGS, ...expected[index]!]);
    }
  });

  test('without a pattern: how it is used, and exit code 1', async () => {
    const usage = 'Usage: receive-logs-topic.ts [binding_key]...\n';
    expect(await output('5-topics/receive-logs-topic')).toEqual([1, usage]);
  });
});

describe('6: RPC', () => {
  const ask = (...args: string[]) => output('6-rpc/rpc-client', ...args);
  const answers = (n: number, answer: number) => [0, ` [x] Requesting fib(${n})`, ` [.] Got ${answer}`];

  test('every client gets the answer to its own question', async () => {
    const server = await listen(REQUESTS, '6-rpc/rpc-server');
    untilConsumers('rpc_queue', 1);
    expect(await ask('30')).toEqual(answers(30, 832040));
    expect(await Promise.all([ask(), ask('0'), ask('20')])).toEqual([
      answers(30, 832040),
      answers(0, 0),
      answers(20, 6765),
    ]);
    const [signal, greeting, ...served] = await ctrlC(server);
    expect([signal, greeting]).toEqual(['SIGINT', REQUESTS]);
    expect(served.sort()).toEqual([' [.] fib(0)', ' [.] fib(20)', ' [.] fib(30)', ' [.] fib(30)']);
    expect(waiting('rpc_queue').messageCount).toBe(0);
  });

  test('a server outlives clients that have left or want no answer', async () => {
    const queue = shared().queue('rpc_queue');
    queue.publish('11', { replyTo: 'nobody', correlationId: '1' });
    queue.publish('12');
    const server = await listen(' [.] fib(12)', '6-rpc/rpc-server');
    expect(await ask('10')).toEqual(answers(10, 55));
    const [, , ...served] = await ctrlC(server);
    expect(served).toEqual([' [.] fib(11)', ' [.] fib(12)', ' [.] fib(10)']);
  });

  test('without a server: an error that says so', async () => {
    shared().queue('rpc_queue').delete();
    const { code, lines, stderr } = await start('6-rpc/rpc-client', '30').end;
    expect([code, ...lines]).toEqual([1, ' [x] Requesting fib(30)']);
    expect(stderr).toMatch(/UnroutableError: .*"rpc_queue" was returned: 312 NO_ROUTE/);
  });

  test('with something that is no number: how it is used, and exit code 1', async () => {
    for (const wrong of ['many', '-1', '1.5'])
      expect(await ask(wrong)).toEqual([1, 'Usage: rpc-client.ts [num]\n']);
  });
});

describe('7: publisher confirms', () => {
  test('all are confirmed, in each of the three ways', async () => {
    const [code, ...lines] = await output('7-publisher-confirms/publisher-confirms', '1234');
    expect(code).toBe(0);
    expect(lines.map((line) => String(line).replace(/[\d,]+ ms$/, 'N ms'))).toEqual([
      'Published 1,234 messages individually in N ms',
      'Published 1,234 messages in batch in N ms',
      'Published 1,234 messages and handled confirms asynchronously in N ms',
    ]);
  });
});
