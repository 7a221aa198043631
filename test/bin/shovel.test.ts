/** shovel: moving and copying, between queues, exchanges and brokers. */
import { startBroker } from '../../src';
import { channel, useChannel } from '../support/channel';
import { count, eventually, fill, sharedQueue, takeAll, unique } from '../support/connect';
import { interrupted, out, said } from '../support/programs/cli';

useChannel();

const fillNumbered = (queue: string, many: number) => {
  for (let n = 0; n < many; n++)
    channel.basicPublish(`${n}`, { routingKey: queue, headers: { n }, deliveryMode: 2 });
  eventually(() => count(channel, queue) === many);
};

it('moves, in order, with all properties', () => {
  const [from, to] = [sharedQueue(channel), sharedQueue(channel)];
  fillNumbered(from, 1300);
  out(['shovel', from, to, '--timeout', '2s']);
  expect(count(channel, from)).toBe(0);
  const first = channel.basicGet(to, { noAck: true })!;
  expect([first.text, first.properties]).toMatchObject(['0', { headers: { n: 0 }, deliveryMode: 2 }]);
  expect(takeAll(channel, to)).toEqual(Array.from({ length: 1299 }, (_, n) => `${n + 1}`));
  for (const queue of [from, to]) channel.queueDelete(queue);
});

it('copies what is there, so many, to another exchange and broker', () => {
  const [from, to, exchange] = [sharedQueue(channel), sharedQueue(channel), unique('cli')];
  channel.exchangeDeclare(exchange, 'fanout', { autoDelete: true });
  channel.queueBind(to, exchange);
  fillNumbered(from, 10);
  out(['shovel', from, '--to-exchange', exchange, '--to-url', process.env.AMQP_URL!, '--copy', '-c', '7']);
  expect([count(channel, from), count(channel, to)]).toEqual([10, 7]);
  for (const queue of [from, to]) channel.queueDelete(queue);
});

it('says where a stream is to be read from, if nothing of it came', () => {
  const [from, to] = [unique('stream'), sharedQueue(channel)];
  channel.queueDeclare(from, { durable: true, arguments: { 'x-queue-type': 'stream' } });
  fillNumbered(from, 3);
  const none = new RegExp(`none of the messages of "${from}" came \\(there were 3\\): .*--offset`);
  for (const flags of [[], ['--copy']])
    expect(said('shovel', from, to, ...flags)).toEqual([2, expect.stringMatching(none)]);
  expect(said('shovel', from, to, '--copy', '--offset', 'first')).toEqual([0, '']);
  expect(takeAll(channel, to)).toEqual(['0', '1', '2']);
  for (const queue of [from, to]) channel.queueDelete(queue);
});

it('does not keep waiting what has come while it waits for more', async () => {
  const [from, to] = [sharedQueue(channel), sharedQueue(channel)];
  const isConsuming = () => channel.queueDeclare(from, { passive: true }).consumerCount === 1;
  const ended = interrupted(['shovel', from, to, '--timeout', '1h'], 'SIGINT', () => {
    if (!isConsuming()) return false;
    channel.basicPublish('x', { routingKey: from });
    for (let tries = 0; count(channel, to) === 0 && tries < 1200; tries++) channel.connection.sleep(50);
    return true;
  });
  expect(await ended).toMatchObject({ signal: 'SIGINT' });
  expect(takeAll(channel, to)).toEqual(['x']);
  for (const queue of [from, to]) channel.queueDelete(queue);
});

it('what the other side does not take stays', () => {
  const from = sharedQueue(channel);
  fillNumbered(from, 3);
  expect(said('shovel', from, unique('nowhere'))).toEqual([5, expect.stringContaining('NO_ROUTE')]);
  expect(count(channel, from)).toBe(3);
  channel.queueDelete(from);
});

it('into a queue that fills up: what is confirmed is acked, and the rest stays', () => {
  const [from, to] = [sharedQueue(channel), unique('full')];
  channel.queueDeclare(to, {
    durable: true,
    arguments: { 'x-max-length': 7, 'x-overflow': 'reject-publish' },
  });
  fillNumbered(from, 20);
  expect(said('shovel', from, to)).toEqual([
    5,
    expect.stringMatching(
      /message \d+ was not taken: the broker refused it .* full; \d+ were taken, \d+ were not\n$/,
    ),
  ]);
  eventually(() => count(channel, to) + count(channel, from) === 20);
  const moved = takeAll(channel, to);
  const left = takeAll(channel, from);
  expect(moved.length).toBeGreaterThanOrEqual(7);
  expect([...moved, ...left].map(Number).sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
  for (const queue of [from, to]) channel.queueDelete(queue);
});

it('to itself under another URL: refused, nothing moves', () => {
  const queue = sharedQueue(channel);
  fill(channel, queue, 'x');
  const url = new URL(process.env.AMQP_URL!);
  url.searchParams.set('heartbeat', '30');
  expect(said('shovel', queue, queue, '--to-url', url.href)).toEqual([
    64,
    `amqp-sync: "${queue}" is where the messages come from: they would turn round for ever\n`,
  ]);
  expect(channel.basicGet(queue, { noAck: true })!.redelivered).toBe(false);
  channel.queueDelete(queue);
});

it('to a queue of the same name at another broker', () => {
  const queue = sharedQueue(channel);
  fill(channel, queue, 'x');
  const other = startBroker();
  try {
    out(['declare-queue', queue, '-d', '--url', other.url]);
    out(['shovel', queue, queue, '--to-url', other.url, '--timeout', '2s']);
    expect(other.messages(queue).map(({ text }) => text)).toEqual(['x']);
    expect(count(channel, queue)).toBe(0);
  } finally {
    other.close();
    channel.queueDelete(queue);
  }
});

it('to an exchange that leads back: each is moved once, and then it says so', () => {
  const [queue, exchange] = [sharedQueue(channel), unique('back')];
  channel.exchangeDeclare(exchange, 'fanout', { autoDelete: true });
  channel.queueBind(queue, exchange);
  fillNumbered(queue, 5);
  expect(said('shovel', queue, '--to-exchange', exchange)).toEqual([
    1,
    expect.stringContaining(`the exchange "${exchange}" leads back to "${queue}"`),
  ]);
  expect(takeAll(channel, queue).sort()).toEqual(['0', '1', '2', '3', '4']);
  channel.queueDelete(queue);
});
