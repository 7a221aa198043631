/** A quorum queue drops what was delivered too often: nothing is delivered that nobody sees. */
import { channel, useChannel } from '../support/channel';
import { count, eventually, fill, sharedQueue, takeAll, unique } from '../support/connect';
import { cli, interrupted, isConsumed, out, shell, started, until } from '../support/programs/cli';
import { throwaway } from '../support/throwaway';

const MANY = 50;
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `${from + n}`);

useChannel();
const declareQueue = throwaway();
let queue: string;
beforeEach(() => {
  queue = declareQueue(unique('limited'), { type: 'quorum', deliveryLimit: 1 }).name;
  fill(channel, queue, ...numbers(0, MANY));
});

/** Messages that are left, none of which was ever delivered. */
function untouched(): string[] {
  const left: string[] = [];
  for (let message = channel.basicGet(queue); message !== null; message = channel.basicGet(queue)) {
    expect([message.text, message.redelivered]).toEqual([message.text, false]);
    left.push(message.text);
    message.ack();
  }
  return left;
}

it.each([
  ['consume', ['consume', '-c', '1']],
  ['consume without acks', ['consume', '-c', '1', '-A']],
  ['consume with a large prefetch', ['consume', '-c', '1', '-p', '1000']],
  ['get', ['get']],
])('%s, called four times, delivers to nobody what it leaves', (_what, [verb = '', ...flags]) => {
  for (const number of numbers(0, 4)) expect(out([verb, queue, ...flags])).toBe(number);
  expect(untouched()).toEqual(numbers(4, MANY));
});

it('consume that ends in the middle delivers to nobody what it leaves', () => {
  expect(out(['consume', queue, '-c', '30', '-p', '10', '--lines'])).toBe(`${numbers(0, 30).join('\n')}\n`);
  expect(untouched()).toEqual(numbers(30, MANY));
});

it('commands that run one after the other get one message each, and leave the rest alone', () => {
  const { status, stdout } = shell(`amqp-sync consume ${queue} -c 3 --on-failure reject -- cat`);
  expect([status, stdout.toString()]).toEqual([0, '012']);
  expect(untouched()).toEqual(numbers(3, MANY));
});

it('commands that fail keep their messages to the end, and leave the rest alone', () => {
  const { status, stderr } = shell(`amqp-sync consume ${queue} -c 3 -- sh -c 'test "$(cat)" != 1'`);
  expect([status, stderr.toString()]).toEqual([1, 'amqp-sync: message 2: sh: exit status 1\n']);
  eventually(() => count(channel, queue) === MANY - 2);
  expect(channel.basicGet(queue, { noAck: true })).toMatchObject({ text: '1', redelivered: true });
  expect(untouched()).toEqual(numbers(3, MANY));
});

it('shovel moves so many, and leaves the rest alone', () => {
  const to = sharedQueue(channel);
  out(['shovel', queue, to, '-c', '20']);
  expect(takeAll(channel, to)).toEqual(numbers(0, 20));
  expect(untouched()).toEqual(numbers(20, MANY));
  channel.queueDelete(to);
});

it('shovel --copy is refused; told to, it shows each to the broker once', () => {
  const to = sharedQueue(channel);
  for (let time = 0; time < 4; time++) {
    const { status, stderr } = cli(['shovel', queue, to, '--copy']);
    expect([status, stderr.toString()]).toEqual([1, expect.stringContaining('against its delivery limit')]);
  }
  expect([count(channel, queue), count(channel, to)]).toEqual([MANY, 0]);
  out(['shovel', queue, to, '--copy', '--force', '-c', '10']);
  expect(takeAll(channel, to)).toEqual(numbers(0, 10));
  expect(takeAll(channel, queue)).toEqual(numbers(0, MANY));
  channel.queueDelete(to);
});

it('shovel --copy of a classic queue leaves it as it is', () => {
  const [from, to] = [sharedQueue(channel), sharedQueue(channel)];
  fill(channel, from, 'a', 'b', 'c');
  for (let time = 0; time < 4; time++) out(['shovel', from, to, '--copy']);
  expect([takeAll(channel, from), count(channel, to)]).toEqual([['a', 'b', 'c'], 12]);
  for (const each of [from, to]) channel.queueDelete(each);
});

describe('what comes slowly, of a count', () => {
  it('is acked soon, and not held back for the rest', async () => {
    const slow = sharedQueue(channel);
    fill(channel, slow, 'one');
    const state = () => channel.queueDeclare(slow, { passive: true });
    const end = await interrupted(['consume', slow, '-c', '3'], 'SIGKILL', () => {
      if (state().messageCount > 0) return false;
      channel.connection.sleep(3000);
      return true;
    });
    expect(end.stdout).toBe('one');
    eventually(() => state().consumerCount === 0);
    expect(count(channel, slow)).toBe(0);
    channel.queueDelete(slow);
  });

  it('comes from a queue that goes with its last consumer', async () => {
    const passing = unique('passing');
    channel.queueDeclare(passing, { autoDelete: true, durable: true });
    fill(channel, passing, 'one');
    const consumer = started('consume', passing, '-c', '3', '--lines');
    await until(() => isConsumed(passing), consumer);
    channel.connection.sleep(3000);
    for (const body of ['two', 'three']) channel.basicPublish(body, { routingKey: passing });
    expect(await consumer.end).toEqual({ status: 0, stdout: 'one\ntwo\nthree\n', stderr: '' });
  });
});
