/**
 * Celery and this library do each other's tasks. RabbitMQ 4.3 refuses the queues in which Celery 5.2 gets its results, so
 * where the broker of this run does, an embedded one that permits them takes its place.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Channel, type Connection, connect, type EmbeddedBroker, Message, startBroker } from '../../src';
import { CEILING, eventually, unique } from '../support/connect';
import { type Example, outcome, startExample } from '../support/programs/example';

/** Milliseconds after which a program in Python is killed. */
const LONGEST = 120_000;
/** Debian's package is one of the system's Python, which need not be the first in the path. */
const interpreter = ['python3', '/usr/bin/python3'].find(
  (file) => spawnSync(file, ['-c', 'import celery'], { timeout: LONGEST }).status === 0,
);
const ifCelery = interpreter === undefined ? describe.skip : describe;
/** Queues and exchanges have these names, so nothing else in the suite may use them. */
const QUEUES = ['celery', 'js'];
const EXCHANGES = [...QUEUES, 'celeryev', 'celery.pidbox', 'reply.celery.pidbox'];

let own: EmbeddedBroker | undefined;
let url: string;
let connection: Connection;
let channel: Channel;
let folder: string;

beforeAll(() => {
  url = process.env.AMQP_URL!;
  if (!takesTransient()) {
    own = startBroker({ permit: ['transient_nonexcl_queues'] });
    url = own.url;
  }
  connection = connect(url, { callTimeout: CEILING });
  channel = connection.channel();
  tidy();
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-celery-'));
});

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  tidy();
});

afterAll(() => {
  connection.close();
  own?.close();
  rmSync(folder, { recursive: true, force: true });
});

function takesTransient(): boolean {
  using asking = connect(url);
  try {
    asking
      .channel()
      .queueDeclare(unique('transient'), { autoDelete: true, arguments: { 'x-expires': 1000 } });
    return true;
  } catch {
    return false;
  }
}

function tidy(): void {
  for (const queue of QUEUES) channel.queueDelete(queue);
  for (const exchange of EXCHANGES) channel.exchangeDelete(exchange);
}

/** The Python that the first comment of an example shows, with this broker. */
function pythonIn(example: string): string {
  const source = readFileSync(join(__dirname, '..', '..', 'examples', 'celery', `${example}.ts`), 'utf8');
  const [comment] = source.split('*/');
  const lines = [...comment!.matchAll(/^ \*(?: {5}(.*))?$/gm)].map(([, line = '']) => line);
  const parts = lines.join('\n').split("'amqp://localhost'");
  expect(parts).toHaveLength(2);
  return parts.join(JSON.stringify(url));
}

const start = (example: string): Example =>
  startExample(`celery/${example}`, [], { env: { ...process.env, AMQP_URL: url } });

/** Start the worker in JavaScript, which says when it is ready. */
async function startWorker(): Promise<Example> {
  const worker = start('worker');
  await worker.says('ready');
  return worker;
}

/** Run Python. */
function ask(program: string) {
  return promisify(execFile)(interpreter!, ['-c', program], { timeout: LONGEST, killSignal: 'SIGKILL' });
}

/** Run Python. @returns the lines that it printed */
async function python(program: string): Promise<string[]> {
  const { stdout } = await ask(program);
  return stdout.trimEnd().split('\n');
}

ifCelery('with Celery (Debian has it as python3-celery)', () => {
  test('tasks that are sent from JavaScript are done by its worker, and their results come back', async () => {
    writeFileSync(join(folder, 'tasks.py'), pythonIn('send-tasks'));
    const worker = ['-m', 'celery', '-A', 'tasks', 'worker', '--pool', 'solo', '--loglevel', 'CRITICAL'];
    running.push(spawn(interpreter!, worker, { cwd: folder, stdio: 'ignore', timeout: LONGEST }));
    channel.declareQueue('celery');
    eventually(() => channel.getQueue('celery').status().consumerCount === 1);
    expect(outcome(await start('send-tasks').end)).toEqual([
      ...[0, '0.5 0.3333333333333333', 'ZeroDivisionError: division by zero', '3'],
    ]);
  });

  test('tasks that it sends are done in JavaScript, and their results come back', async () => {
    await startWorker();
    expect(await python(pythonIn('worker'))).toEqual(['HELLO']);
  });

  test('errors are exceptions in Python, and retries end in a result or in the last of them', async () => {
    await startWorker();
    const program = `${pythonIn('worker')}
from celery import signature

def ask(task, *args, **options):
    result = app.send_task(task, args, **options)
    try:
        print(task, result.get(timeout=60), result.status)
    except Exception as e:
        print(task, type(e).__name__, e, result.status, 'worker.' in result.traceback)

ask('js.upper', 3)
ask('js.missing')
ask('js.fragile', kwargs={'failures': 2})
ask('js.fragile', kwargs={'failures': 9})
ask('js.upper', 'later', countdown=1)
ask('js.upper', 'linked', link=signature('js.upper', ['next']))
`;
    expect(await python(program)).toEqual([
      'HELLO',
      'js.upper TypeError js.upper: a text is expected, got 3 FAILURE True',
      'js.missing Error js.missing: there is no such task here FAILURE True',
      'js.fragile worked at attempt 3 SUCCESS',
      'js.fragile Retry failed 4 times FAILURE True',
      'js.upper LATER SUCCESS',
      'js.upper Error js.upper: links, chains and chords are not for this worker FAILURE True',
    ]);
  });

  test('a task whose worker dies is done by another one', async () => {
    const worker = await startWorker();
    const queue = channel.getQueue('js');
    const sending = /print\((.*)\.get\(\)\)/;
    const asking = ask(
      pythonIn('worker')
        .replace('])', '], countdown=8)')
        .replace(sending, "r = $1; print('sent', flush=True); print(r.get())"),
    );
    await once(asking.child.stdout!, 'data');
    eventually(() => queue.status().messageCount === 0);
    worker.kill('SIGKILL');
    await worker.end;
    eventually(() => queue.status().messageCount === 1); // it was not acked
    await startWorker();
    expect((await asking).stdout).toBe('sent\nHELLO\n');
  });
});

describe('the worker, without Celery', () => {
  /** As Celery 5.2 sends it. */
  const task = (name: string, args: unknown[]) => ({
    body: Message.json([args, {}, { callbacks: null, errbacks: null, chain: null, chord: null }]),
    correlationId: 'c1',
    headers: {
      lang: 'py',
      task: name,
      id: 'i1',
      eta: null,
      expires: null,
      retries: 0,
      timelimit: [null, null],
    },
  });

  test('answers as Celery expects it, and acks', async () => {
    await startWorker();
    const replies = channel.declareQueue();
    channel.getQueue('js').publishBatch([task('js.upper', ['a'])], { replyTo: replies.name });
    const reply = replies.get({ timeout: CEILING })!;
    expect(reply.properties).toMatchObject({ contentType: 'application/json', correlationId: 'c1' });
    expect(reply.json).toEqual({
      task_id: 'i1',
      status: 'SUCCESS',
      result: 'A',
      traceback: null,
      children: [],
    });
    reply.ack();
  });

  test('goes on after a sender that has gone, and after what is no task', async () => {
    await startWorker();
    const queue = channel.getQueue('js');
    const replies = channel.declareQueue();
    queue.publishBatch([task('js.upper', ['lost'])], { replyTo: 'nobody' });
    queue.publishBatch([task('js.upper', ['unasked'])]);
    queue.publish('no task');
    queue.publish('no JSON', { replyTo: replies.name, headers: { task: 'js.upper', id: 'i2', retries: 0 } });
    const reply = replies.get({ timeout: CEILING })!;
    expect(reply.json).toMatchObject({
      task_id: 'i2',
      status: 'FAILURE',
      result: { exc_type: 'SyntaxError' },
    });
    reply.ack();
    expect(queue.status()).toMatchObject({ messageCount: 0, consumerCount: 1 });
  });
});
