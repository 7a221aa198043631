/** Loops over messages go on through an outage; what came before it cannot be settled any more, and need not be. */
import {
  AlreadySettledError,
  ConsumerCancelledError,
  type IncomingMessage,
  StaleDeliveryError,
} from '../../src';
import { versionOf } from '../support/brokers/version';
import {
  CEILING,
  count,
  drainUntil,
  eventually,
  expectSilence,
  fill,
  open,
  thrownBy,
  unique,
} from '../support/connect';
import { lossy, other, regained, untilSucceeded } from './lost';

/** A queue that outlives connections, with messages in it. */
function durable(...bodies: string[]): string {
  const queue = unique('durable');
  const channel = open().channel();
  channel.queueDeclare(queue, { durable: true, arguments: { 'x-expires': 60_000 } });
  channel.confirmSelect();
  for (const body of bodies) channel.basicPublish(body, { routingKey: queue });
  return queue;
}

test('a for loop gets every message, though the connection is lost in the middle', () => {
  const { connection, recoveries, lose, regain } = lossy();
  const bodies = Array.from({ length: 30 }, (_, index) => `${index}`);
  const queue = durable(...bodies);
  const seen = new Set<string>();
  for (const message of connection.channel().consume(queue, { prefetch: 4, timeout: CEILING })) {
    seen.add(message.text);
    if (message.text === '10' && !message.redelivered) {
      lose();
      regain();
    }
    message.ack(); // of the lost connection: void, and no error
    if (seen.size === bodies.length) break;
  }
  expect([...seen].sort()).toEqual(bodies.sort());
  connection.loop({ timeout: 0 });
  expect(recoveries).toHaveLength(1);
  expect(connection.epoch).toBe(2);
});

test('a loop that waits when the connection is lost goes on waiting, without limit or with', () => {
  const { connection, proxy } = lossy();
  const queue = durable();
  const publisher = other();
  const iterator = connection.channel().consume(queue);
  proxy.cut();
  publisher.channel().basicPublish('there', { routingKey: queue });
  const { value } = iterator.next();
  expect((value as IncomingMessage).text).toBe('there');
  publisher.close();
  iterator.return?.();
});

test('what waits for a callback and has to be acked is dropped: it comes again', () => {
  const { connection, lose, regain } = lossy();
  const queue = durable('a', 'b', 'c');
  const got: IncomingMessage[] = [];
  const observer = open().channel();
  connection.channel().basicConsume(queue, (message) => void got.push(message), { prefetch: 3 });
  drainUntil(connection, () => got.length === 1);
  eventually(() => count(observer, queue) === 0); // the broker has sent them all
  lose();
  regain();
  connection.onRecovery = undefined;
  drainUntil(connection, () => got.length === 4);
  expectSilence(connection);
  expect(got.map(({ text }) => text)).toEqual(['a', 'a', 'b', 'c']);
  expect(got.map(({ redelivered }) => redelivered)).toEqual([false, true, true, true]);
});

test('a consumer that the broker has cancelled, as it held a message for too long, does not come back', () => {
  const { connection, lose, regain } = lossy();
  if (versionOf(connection) !== '4.3') return;
  const channel = connection.channel();
  const queue = unique('impatient');
  channel.queueDeclare(queue, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-consumer-timeout': 300, 'x-expires': 60_000 },
  });
  fill(channel, queue, 'one', 'two');
  const observer = open().channel();
  const consumer = { consumerTag: 'slow', prefetch: 1 };
  const holdTooLong = () => eventually(() => count(observer, queue) === 2);
  channel.basicConsume(queue, holdTooLong, consumer);
  const wait = () => drainUntil(connection, () => false);
  expect(thrownBy(wait)).toBeInstanceOf(ConsumerCancelledError);
  lose();
  regain();
  expect(channel.queueDeclare(queue, { passive: true })).toMatchObject({ messageCount: 2, consumerCount: 0 });
  const seen: string[] = [];
  for (const message of channel.consume(queue, { ...consumer, limit: 2, timeout: CEILING }))
    message.process(() => seen.push(message.text));
  expect(seen).toEqual(['one', 'two']);
});

test('a message of before is settled already; to settle it is void, by whatever verb, and its tag reaches nobody', () => {
  const { connection, lose, regain } = lossy();
  const channel = connection.channel();
  const queue = durable('a', 'b');
  const [one, two] = [channel.basicGet(queue)!, channel.basicGet(queue)!];
  lose();
  expect([one.isSettled, two.isSettled]).toEqual([true, true]);
  one.ack();
  regain();
  const again = regained(channel, queue);
  expect(again.redelivered).toBe(true);
  expect(again.deliveryTag).toBeGreaterThan(two.deliveryTag);
  one.ack();
  two.nack();
  two.reject();
  channel.basicAck(two.deliveryTag, { multiple: true });
  two[Symbol.dispose]();
  expect(channel.isUnsettled(again.deliveryTag)).toBe(true);
  again.ack();
  expect(thrownBy(() => again.ack())).toBeInstanceOf(AlreadySettledError);
  expect(thrownBy(() => channel.basicAck(again.deliveryTag + 1))).toBeInstanceOf(RangeError);
  regained(channel, queue).ack();
  channel.close();
  const counter = open().channel();
  eventually(() => count(counter, queue) === 0);
  expect(channel.lastError).toBeUndefined();
});

test('with staleDeliveries: error it is an error, of that call alone', () => {
  const { connection, lose, regain } = lossy({ staleDeliveries: 'error' });
  const channel = connection.channel();
  const queue = durable('a');
  const message = channel.basicGet(queue)!;
  lose();
  regain();
  for (const settle of [
    () => message.ack(),
    () => message.nack(),
    () => channel.basicReject(message.deliveryTag),
  ])
    expect(thrownBy(settle)).toBeInstanceOf(StaleDeliveryError);
  expect(thrownBy(() => message.process(() => {}))).toBeInstanceOf(StaleDeliveryError);
  regained(channel, queue).ack();
  channel.close();
});

test('multiple: true of the new connection settles what is of the new connection', () => {
  const { connection, lose, regain } = lossy();
  const channel = connection.channel();
  const queue = durable('a', 'b', 'c');
  channel.basicGet(queue);
  lose();
  regain();
  regained(channel, queue);
  const [second, third] = [regained(channel, queue), regained(channel, queue)];
  second.ack({ multiple: true });
  expect(channel.isUnsettled(second.deliveryTag - 1)).toBe(false);
  expect(channel.isUnsettled(third.deliveryTag)).toBe(true);
  channel.basicNack(0, { multiple: true });
  channel.close();
  const counter = open().channel();
  eventually(() => count(counter, queue) === 1);
});

test('a consumer without acknowledgements keeps what it has, and gets what comes', () => {
  const { connection, lose, regain } = lossy();
  const queue = durable('a', 'b');
  const got: string[] = [];
  connection.channel().basicConsume(queue, (message) => void got.push(message.text), { noAck: true });
  const counter = open().channel();
  eventually(() => count(counter, queue) === 0);
  lose();
  regain();
  untilSucceeded(queue);
  counter.basicPublish('c', { routingKey: queue });
  drainUntil(connection, () => got.length === 3);
  expect(got).toEqual(['a', 'b', 'c']);
});

test('blocked and unblocked, timers and callbacks of the user go on; onOutage says what happened', () => {
  const { connection, lose, regain } = lossy();
  const told: string[] = [];
  connection.onOutage = (error) => told.push(error.code);
  connection.callLater(20, () => told.push('timer'));
  lose();
  drainUntil(connection, () => told.includes('timer'));
  regain();
  connection.loop({ timeout: 50 });
  expect(told.sort()).toEqual(['CONNECTION_LOST', 'timer']);
  expect(connection.stats()).toMatchObject({ state: 'open', epoch: 2, downtime: expect.any(Number) });
  expect(connection.stats().downtime).toBeGreaterThan(0);
  expect(connection.lastError).toBeUndefined();
});

test('drainEvents with a limit ends in time, though the connection is away', () => {
  const { connection, lose } = lossy();
  connection.channel();
  lose();
  connection.loop({ timeout: 0 });
  expectSilence(connection, 50);
  expect(connection.state).toBe('recovering');
  expect(CEILING).toBeGreaterThan(50);
});
