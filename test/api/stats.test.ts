/** connection.stats: the figures of a connection. */
import { startBroker } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { drainUntil, eventually, open, pause, privateQueue } from '../support/connect';
import { failureOf } from '../support/peers/peer';

useChannel();

/** What has changed in figures that count up, and what the others are. */
function changes(fn: () => void): Record<string, number> {
  const before = connection.stats();
  fn();
  const after = connection.stats();
  const names = ['messagesIn', 'messagesOut', 'returns', 'reconnects'] as const;
  const counted = names.map((name) => [name, after[name] - before[name]] as const);
  const { unconfirmed, unsettled } = after;
  return { ...Object.fromEntries(counted.filter(([, count]) => count !== 0)), unconfirmed, unsettled };
}

const SETTLED = { unconfirmed: 0, unsettled: 0 };

test('messages out: published by verbs and in batches, with and without confirms', () => {
  const queue = privateQueue(channel);
  expect(changes(() => channel.basicPublish('x', { routingKey: queue }))).toEqual({
    messagesOut: 1,
    ...SETTLED,
  });
  channel.confirmSelect();
  expect(changes(() => channel.basicPublish('x', { routingKey: queue }))).toEqual({
    messagesOut: 1,
    ...SETTLED,
  });
  const batch = Array.from({ length: 100 }, () => 'x');
  const counted = changes(() => channel.publishBatch(batch, { routingKey: queue }));
  expect(counted).toEqual({ messagesOut: 100, ...SETTLED });
  expect(changes(() => failureOf(() => channel.basicPublish(5 as never)))).toEqual(SETTLED);
});

test('messages in, and not settled: by get, loop and callback, and those that nobody has looked at', () => {
  const fetched = changes(() => channel.basicGet(privateQueue(channel, 'x')));
  expect(fetched).toEqual({ messagesIn: 1, messagesOut: 1, unconfirmed: 0, unsettled: 1 });
  const looped = changes(() => {
    for (const message of channel.consume(privateQueue(channel, 'x'), { limit: 1 })) message.ack();
  });
  expect(looped).toEqual({ messagesIn: 1, messagesOut: 1, unconfirmed: 0, unsettled: 1 });
  const waiting = changes(() => {
    channel.basicConsume(privateQueue(channel, 'x', 'x'), (message) => message.ack());
    eventually(() => connection.stats().queuedEvents === 2);
  });
  expect(waiting).toEqual({ messagesIn: 2, messagesOut: 2, unconfirmed: 0, unsettled: 3 });
  const served = changes(() => drainUntil(connection, () => connection.stats().queuedEvents === 0));
  expect(served).toEqual({ unconfirmed: 0, unsettled: 1 });
  expect(changes(() => channel.basicAck(0, { multiple: true }))).toEqual(SETTLED);
});

test('nothing that came with noAck waits to be settled', () => {
  const queue = privateQueue(channel, 'one');
  const counted = changes(() => channel.basicGet(queue, { noAck: true }));
  expect(counted).toEqual({ messagesIn: 1, ...SETTLED });
});

test('publishes that wait for the broker: of all channels', () => {
  using broker = startBroker();
  using other = open({ url: broker.url });
  const channels = [other.channel(), other.channel()];
  for (const each of channels) each.confirmSelect();
  broker.stall();
  for (const each of channels) each.basicPublish('x', { wait: false });
  expect(other.stats().unconfirmed).toBe(2);
  broker.resume();
  for (const each of channels) each.waitForConfirms();
  expect(other.stats().unconfirmed).toBe(0);
});

test('messages that came back', () => {
  channel.confirmSelect();
  const lost = { routingKey: 'no-such-queue', mandatory: true };
  const counted = changes(() => failureOf(() => channel.basicPublish('x', lost)));
  expect(counted).toEqual({ messagesOut: 1, returns: 1, ...SETTLED });
});

test('the time for which the broker has blocked publishing, in all, and as it lasts', () => {
  using broker = startBroker();
  using other = open({ url: broker.url });
  const publisher = other.channel();
  expect(other.stats()).toMatchObject({ isBlocked: false, blockedTime: 0 });
  broker.block('a test');
  publisher.basicPublish('x');
  eventually(() => other.isAlive && other.isBlocked);
  pause(20);
  const during = other.stats();
  expect(during.isBlocked).toBe(true);
  expect(during.blockedTime).toBeGreaterThanOrEqual(19);
  broker.unblock();
  eventually(() => other.isAlive && !other.isBlocked);
  const { isBlocked, blockedTime } = other.stats();
  expect(isBlocked).toBe(false);
  expect(blockedTime).toBeGreaterThanOrEqual(during.blockedTime);
  pause(20);
  expect(other.stats().blockedTime).toBe(blockedTime);
});

test('wake-ups: each call that has to wait is woken, and what is there already wakes nobody', () => {
  const { wakeUps } = connection.stats();
  for (let count = 0; count < 50; count++) channel.basicGet(privateQueue(channel));
  const waited = connection.stats().wakeUps - wakeUps;
  expect(waited).toBeGreaterThan(0);
  expect(waited).toBeLessThanOrEqual(400); // two calls each; a sleep may be woken for news of before, too
  const before = connection.stats().wakeUps;
  for (let count = 0; count < 50; count++) expect(connection.isAlive).toBe(true);
  expect(connection.stats().wakeUps).toBe(before);
});

test('a connection that has ended has its last figures', () => {
  const own = open();
  const { queue } = own.channel().queueDeclare('', { exclusive: true });
  const body = Buffer.alloc(100_000);
  for (let count = 0; count < 10; count++) own.channel(1).basicPublish(body, { routingKey: queue });
  for (let count = 0; count < 10; count++) own.channel(1).basicGet(queue, { noAck: true });
  const { directWrites } = own.stats();
  own.close();
  const last = own.stats();
  expect(last).toMatchObject({ state: 'closed', messagesIn: 10, messagesOut: 10, directWrites });
  expect([last.bytesIn > 1_000_000, last.bytesOut > 1_000_000]).toEqual([true, true]);
  pause(20);
  expect(own.stats()).toEqual(last);
});

test('bytes of a connection of which nobody has asked before it ended', () => {
  const own = open();
  own.channel().basicPublish(Buffer.alloc(100_000), { exchange: 'amq.fanout' });
  own.close();
  expect(own.stats().bytesOut).toBeGreaterThan(100_000);
});
