/** What is there again after a connection was lost, and what is not: asked by somebody else. */
import { NotFoundError, ResourceLockedError } from '../../src';
import { CEILING, count, drainUntil, eventually, open, takeAll, thrownBy, unique } from '../support/connect';
import { lossy, untilSucceeded } from './lost';

test('exclusive queues, exchanges, bindings of both kinds, and consumers with their tags', () => {
  const { connection, recoveries, lose, regain } = lossy();
  const channel = connection.channel(7);
  const [front, back, queue] = [unique('front'), unique('back'), unique('queue')];
  channel.exchangeDeclare(front, 'topic', { autoDelete: true, durable: true });
  channel.exchangeDeclare(back, 'headers', { autoDelete: true, durable: true });
  channel.exchangeBind(back, front, { routingKey: 'a.*' });
  channel.queueDeclare(queue, { exclusive: true, arguments: { 'x-message-ttl': 60_000 } });
  channel.queueBind(queue, back, { arguments: { 'x-match': 'any', kind: 'b' } });
  const got: string[] = [];
  channel.basicConsume(queue, (message) => got.push(`${message.consumerTag}: ${message.text}`), {
    consumerTag: 'tag',
    noAck: true,
  });
  lose();
  regain();
  const visitor = open().channel();
  visitor.basicPublish('found', { exchange: front, routingKey: 'a.x', headers: { kind: 'b' } });
  visitor.basicPublish('lost', { exchange: front, routingKey: 'a.x', headers: { kind: 'c' } });
  drainUntil(connection, () => got.length > 0);
  expect(got).toEqual(['tag: found']);
  expect(channel.consumerTags).toEqual(['tag']);
  expect(channel.queueDeclare(queue, { passive: true }).consumerCount).toBe(1);
  expect(thrownBy(() => visitor.queueDeclare(queue, { passive: true }))).toBeInstanceOf(ResourceLockedError);
  expect(recoveries).toMatchObject([{ epoch: 2, failures: [], attempts: expect.any(Number) }]);
});

test("what was deleted, unbound and cancelled stays gone; what was looked at only is nobody's to declare", () => {
  const { connection, lose, regain } = lossy();
  const channel = connection.channel();
  const visitor = open().channel();
  const [gone, looked, kept, exchange] = [
    unique('gone'),
    unique('looked'),
    unique('kept'),
    unique('exchange'),
  ];
  visitor.queueDeclare(looked, { autoDelete: true, durable: true });
  channel.queueDeclare(looked, { passive: true });
  channel.queueDeclare(gone, { exclusive: true });
  channel.queueDelete(gone);
  channel.exchangeDeclare(exchange, 'fanout');
  channel.queueDeclare(kept, { exclusive: true });
  channel.queueBind(kept, exchange);
  channel.queueUnbind(kept, exchange);
  channel.basicCancel(channel.basicConsume(kept, () => {}, { consumerTag: 'gone' }));
  channel.exchangeDelete(exchange);
  visitor.queueDelete(looked);
  lose();
  regain();
  expect(channel.queueDeclare(kept, { passive: true }).consumerCount).toBe(0);
  for (const queue of [gone, looked])
    expect(thrownBy(() => connection.channel().queueDeclare(queue, { passive: true }))).toBeInstanceOf(
      NotFoundError,
    );
  expect(
    thrownBy(() => connection.channel().exchangeDeclare(exchange, 'fanout', { passive: true })),
  ).toBeInstanceOf(NotFoundError);
  expect(channel.isOpen).toBe(true);
});

test('a queue that the broker named has a new name, and the old one leads to it, in every kind of call', () => {
  const { connection, recoveries, lose, regain } = lossy();
  const channel = connection.channel();
  const queue = channel.declareQueue();
  const { name } = queue;
  queue.bind('amq.direct');
  const got: string[] = [];
  queue.subscribe((message) => got.push(message.text));
  for (let round = 1; round <= 2; round++) {
    lose();
    regain();
  }
  expect(queue.name).not.toBe(name);
  expect(channel.queueDeclare(name, { passive: true })).toEqual({
    queue: queue.name,
    messageCount: 0,
    consumerCount: 1,
  });
  channel.basicPublish('by its old name', { routingKey: name });
  channel.basicPublish('by its new name', { exchange: 'amq.direct', routingKey: queue.name });
  queue.publish('by the object');
  drainUntil(connection, () => got.length === 3);
  expect(got.sort()).toEqual(['by its new name', 'by its old name', 'by the object']);
  channel.queueUnbind(name, 'amq.direct', { routingKey: name });
  expect(channel.queuePurge(name)).toBe(0);
  expect(channel.basicGet(name)).toBeNull();
  expect(channel.queueDelete(name)).toBe(0);
  expect(recoveries.flatMap(({ renamed }) => [...renamed.keys()])[0]).toBe(name);
});

test('channels with their numbers, limits and modes', () => {
  const { connection, lose, regain } = lossy();
  const limited = connection.channel(3);
  const confirmed = connection.channel(5);
  const transactional = connection.channel(9);
  const closed = connection.channel(4);
  confirmed.confirmSelect();
  transactional.txSelect();
  closed.close();
  const queue = limited.declareQueue(unique('limits'), { exclusive: true, durable: false }).name;
  for (let index = 0; index < 10; index++) confirmed.basicPublish(`${index}`, { routingKey: queue });
  limited.basicQos({ prefetchCount: 2 });
  const tags: number[] = [];
  limited.basicConsume(queue, (message) => tags.push(message.deliveryTag));
  drainUntil(connection, () => tags.length === 2);
  lose();
  regain();
  expect([...connection.channels.keys()].sort()).toEqual([3, 5, 9]);
  for (let index = 0; index < 10; index++) confirmed.basicPublish(`${index}`, { routingKey: queue });
  drainUntil(connection, () => tags.length === 4);
  connection.loop({ timeout: 100 });
  expect(tags).toHaveLength(4);
  transactional.basicPublish('rolled back', { routingKey: queue });
  transactional.txRollback();
  transactional.basicPublish('committed', { routingKey: queue });
  transactional.txCommit();
  expect(confirmed.nextPublishSeqNo).toBe(21);
  expect(count(limited, queue)).toBe(10 + 1 - 2);
});

test('one that fails is reported, and the rest is there', () => {
  const { connection, recoveries, lose, regain } = lossy();
  const channel = connection.channel();
  const [changed, fine] = [unique('changed'), unique('fine')];
  channel.queueDeclare(changed, { durable: true });
  channel.queueDeclare(fine, { exclusive: true });
  const got: string[] = [];
  channel.basicConsume(fine, (message) => got.push(message.text), { noAck: true });
  lose();
  const visitor = open().channel();
  visitor.queueDelete(changed);
  visitor.queueDeclare(changed, { autoDelete: true, durable: true });
  regain();
  visitor.basicPublish('still there', { routingKey: fine });
  drainUntil(connection, () => got.length > 0);
  expect(recoveries[0]?.failures).toMatchObject([
    { entity: 'queue', name: changed, error: { code: 'PRECONDITION_FAILED', replyCode: 406 } },
  ]);
  visitor.queueDelete(changed);
});

test('nobody listens to onRecovery: drainEvents throws what has failed', () => {
  const { connection, lose, regain } = lossy();
  connection.onRecovery = undefined;
  const channel = connection.channel();
  const changed = unique('changed');
  channel.queueDeclare(changed, { durable: true });
  lose();
  const visitor = open().channel();
  visitor.queueDelete(changed);
  visitor.queueDeclare(changed, { autoDelete: true, durable: true });
  regain();
  expect(thrownBy(() => connection.drainEvents({ timeout: CEILING }))).toMatchObject({
    code: 'RECOVERY_INCOMPLETE',
  });
  visitor.queueDelete(changed);
});

test('a consumer whose queue is gone hears of it; the others of its channel do not', () => {
  const { connection, recoveries, lose, regain } = lossy();
  const channel = connection.channel();
  const visitor = open().channel();
  const [gone, fine] = [unique('gone'), unique('fine')];
  visitor.queueDeclare(gone, { autoDelete: true, durable: true });
  channel.queueDeclare(fine, { exclusive: true });
  const got: string[] = [];
  const cancelled: string[] = [];
  channel.basicConsume(fine, (message) => got.push(message.text), { noAck: true, consumerTag: 'fine' });
  const onCancel = (tag: string) => cancelled.push(tag);
  channel.basicConsume(gone, () => {}, { consumerTag: 'gone', onCancel });
  lose();
  eventually(() => connection.isAlive && hasVanished(gone));
  regain();
  visitor.basicPublish('still there', { routingKey: fine });
  drainUntil(connection, () => got.length > 0 && cancelled.length > 0);
  expect(cancelled).toEqual(['gone']);
  expect(channel.consumerTags).toEqual(['fine']);
  expect(recoveries[0]?.failures).toMatchObject([{ entity: 'consumer', name: 'gone', channel: channel.id }]);
});

function hasVanished(queue: string): boolean {
  const channel = open().channel();
  try {
    channel.queueDeclare(queue, { passive: true });
    return false;
  } catch {
    return true;
  } finally {
    channel.connection.close();
  }
}

test('topology: false brings back channels and consumers, and declares nothing', () => {
  const { connection, recoveries, lose, regain } = lossy({ topology: false });
  const channel = connection.channel();
  const visitor = open().channel();
  const [mine, theirs] = [unique('mine'), unique('theirs')];
  visitor.queueDeclare(theirs, { durable: true });
  channel.queueDeclare(mine, { exclusive: true });
  const got: string[] = [];
  channel.basicConsume(theirs, (message) => got.push(message.text), { noAck: true });
  lose();
  regain();
  untilSucceeded(theirs);
  visitor.basicPublish('x', { routingKey: theirs });
  drainUntil(connection, () => got.length > 0);
  expect(recoveries[0]?.failures).toEqual([]);
  expect(thrownBy(() => connection.channel().queueDeclare(mine, { passive: true }))).toBeInstanceOf(
    NotFoundError,
  );
  expect(takeAll(visitor, theirs)).toEqual([]);
  visitor.queueDelete(theirs);
});
