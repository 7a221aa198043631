/** A signal while a command works on a message: the command never goes on while its message returns to the queue. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { channel, queue, useQueue } from '../support/channel';
import { count, sharedQueue, unique } from '../support/connect';
import { interrupted } from '../support/programs/cli';

let folder: string;
/** Where a command says that it has begun, and with which process. */
let pid: string;

useQueue('one', 'two');
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'amqp-sync-signals-'));
  pid = join(folder, 'pid');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const hasBegun = () => existsSync(pid) && readFileSync(pid, 'utf8').endsWith('\n');

function isGone(): boolean {
  try {
    process.kill(Number(readFileSync(pid, 'utf8')), 0);
    return false;
  } catch {
    return true;
  }
}

const consuming = (script: string, ...flags: string[]) => [
  ...['consume', queue, ...flags, '--', 'sh', '-c'],
  script,
];
/** A process that goes on by itself, and is waited for. */
const working = (trap: string) => `${trap}; sleep 100 & echo $! > ${pid}; wait`;

describe.each<[NodeJS.Signals]>([['SIGTERM'], ['SIGINT'], ['SIGHUP']])('%s', (signal) => {
  it('lets the command clean up and end with 0: its message is acked, and no other begun', async () => {
    const script = working(`trap 'kill $! 2>/dev/null; echo tidied; exit 0' ${signal.slice(3)}`);
    const end = await interrupted(consuming(script, '--on-failure', 'requeue'), signal, hasBegun);
    expect(end).toEqual({ code: null, signal, stdout: 'tidied\n', stderr: '' });
    expect([count(channel, queue), isGone()]).toEqual([1, true]);
  });
});

it('a command that dies of the signal gives its message back, whatever becomes of those that fail', async () => {
  const end = await interrupted(consuming(working(':'), '--on-failure', 'reject'), 'SIGTERM', hasBegun);
  expect(end).toEqual({
    code: null,
    signal: 'SIGTERM',
    stdout: '',
    stderr: 'amqp-sync: sh: killed by SIGTERM; its message goes back\n',
  });
  expect([count(channel, queue), isGone()]).toEqual([2, true]);
});

it('a command that fails by itself behind the signal has its message settled as one that fails', async () => {
  const script = working(`trap 'kill $! 2>/dev/null; exit 3' TERM`);
  const end = await interrupted(consuming(script, '--on-failure', 'reject'), 'SIGTERM', hasBegun);
  expect(end).toMatchObject({ signal: 'SIGTERM', stderr: 'amqp-sync: message 1: sh: exit status 3\n' });
  expect([count(channel, queue), isGone()]).toEqual([1, true]);
});

it('a command that takes no notice of the signal is killed, with all that it has started', async () => {
  const script = working(`trap '' TERM`);
  const end = await interrupted(consuming(script, '--kill-after', '300ms'), 'SIGTERM', hasBegun);
  expect(end).toMatchObject({
    signal: 'SIGTERM',
    stderr: 'amqp-sync: sh: killed by SIGKILL; its message goes back\n',
  });
  expect([count(channel, queue), isGone()]).toEqual([2, true]);
});

it('a signal while nothing is under way leaves what was done acked', async () => {
  const isDone = (stdout: string) => stdout === 'onetwo';
  const end = await interrupted(['consume', queue, '--lines', '--', 'cat'], 'SIGTERM', isDone);
  expect(end).toEqual({ code: null, signal: 'SIGTERM', stdout: 'onetwo', stderr: '' });
  expect(count(channel, queue)).toBe(0);
});

it('a signal before the connection is open ends the program', async () => {
  let isThere = false;
  const silent = createServer((socket) => {
    isThere = true;
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const address = [
    '--url',
    `amqp://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    '--connect-timeout',
    '60s',
  ];
  const end = await interrupted(['consume', 'q', ...address, '--', 'cat'], 'SIGTERM', () => isThere);
  silent.close();
  expect(end).toMatchObject({ signal: 'SIGTERM', stdout: '' });
});

it('a signal during a served call tells nobody that the call has failed', async () => {
  const [name, replies] = [unique('served'), sharedQueue(channel)];
  channel.queueDeclare(name, { durable: true, autoDelete: true });
  channel.basicPublish('x', { routingKey: name, replyTo: replies });
  const end = await interrupted(['rpc', name, '--', 'sh', '-c', working(':')], 'SIGTERM', hasBegun);
  expect(end).toMatchObject({ signal: 'SIGTERM', stderr: expect.stringContaining('its message goes back') });
  expect([isGone(), count(channel, replies)]).toEqual([true, 0]);
  channel.queueDelete(replies);
});
