import { type Channel, connect } from '../../src';
import { CEILING } from '../support/connect';
import { embedded } from './support/pair';

/** A broker with a virtual clock, and a channel in confirm mode. */
function start(): {
  broker: ReturnType<typeof embedded>;
  channel: Channel;
  of: (queue: string) => object | undefined;
} {
  const broker = embedded({ clock: 'virtual' });
  const channel = connect(broker.url, { callTimeout: CEILING }).channel();
  channel.confirmSelect();
  return { broker, channel, of: (queue) => broker.metrics().queues[queue] };
}

const NOTHING = {
  ...{ published: 0, refused: 0, delivered: 0, redelivered: 0, acknowledged: 0, requeued: 0, rejected: 0 },
  ...{ expired: 0, overflowed: 0, exhausted: 0, deadLettered: 0, purged: 0 },
};

test('what clients publish is routed, or unroutable, and returned if it is mandatory', () => {
  const { broker, channel } = start();
  channel.declareQueue('one');
  channel.basicPublish('x', { routingKey: 'one' });
  channel.basicPublish('x', { routingKey: 'nowhere' });
  expect(() => channel.basicPublish('x', { routingKey: 'nowhere', mandatory: true })).toThrow('NO_ROUTE');
  const { queues, ...all } = broker.metrics();
  expect(all).toEqual({ published: 3, routed: 1, unroutable: 2, returned: 1 });
  expect(queues).toEqual({ one: { ...NOTHING, published: 1 } });
  expect(() => broker.metrics({ vhost: 'none' })).toThrow('no virtual host none');
  expect(() => broker.metrics({ vhos: '/' } as never)).toThrow('metrics has no option "vhos"');
  expect(() => broker.metrics({ vhost: 5 as never })).toThrow('vhost must be a string, got a number');
  expect(() => broker.messages('q', 'other' as never)).toThrow(
    'the options of messages must be an object, got a string',
  );
});

test('a transaction counts when it is committed', () => {
  const { broker } = start();
  const channel = connect(broker.url).channel();
  channel.txSelect();
  channel.basicPublish('x', { routingKey: 'nowhere' });
  channel.txRollback();
  channel.basicPublish('x', { routingKey: 'nowhere' });
  expect(broker.metrics().published).toBe(0);
  channel.txCommit();
  expect(broker.metrics().published).toBe(1);
});

test('a queue counts what is delivered, acked, given back and rejected', () => {
  const { channel, of } = start();
  const dead = channel.declareQueue('dead');
  const queue = channel.declareQueue('q', { deadLetterExchange: '', deadLetterRoutingKey: dead.name });
  queue.publishBatch(['1', '2', '3', '4']);
  queue.get()!.ack();
  queue.get()!.nack();
  queue.get()!.reject();
  queue.get({ noAck: true });
  queue.purge();
  queue.status();
  expect(of('q')).toEqual({
    ...NOTHING,
    ...{ published: 4, delivered: 4, redelivered: 1, acknowledged: 1, requeued: 1, rejected: 1 },
    ...{ deadLettered: 1, purged: 1 },
  });
  expect(of('dead')).toEqual({ ...NOTHING, published: 1 });
});

test('what leaves a queue on its own has a reason', () => {
  const { broker, channel, of } = start();
  const old = channel.declareQueue('old', { messageTtl: 1000 });
  const short = channel.declareQueue('short', { maxLength: 1 });
  const full = channel.declareQueue('full', { maxLength: 1, overflow: 'reject-publish' });
  const tired = channel.declareQueue('tired', { type: 'quorum', deliveryLimit: 1 });
  for (const queue of [old, short, full, tired]) queue.publishBatch(['1', '2']);
  broker.advance(1000);
  for (let times = 0; times < 4; times++) tired.get()?.reject({ requeue: true });
  tired.status();
  expect(of('old')).toEqual({ ...NOTHING, published: 2, expired: 2 });
  expect(of('short')).toEqual({ ...NOTHING, published: 2, overflowed: 1 });
  expect(of('full')).toEqual({ ...NOTHING, published: 1, refused: 1 });
  expect(of('tired')).toEqual({
    ...NOTHING,
    published: 2,
    delivered: 4,
    redelivered: 2,
    requeued: 4,
    exhausted: 2,
  });
});

test('a stream counts what it keeps and what is read; a reply by direct reply-to is routed', () => {
  const { broker, channel, of } = start();
  const stream = channel.declareQueue('s', { type: 'stream' });
  stream.publishBatch(['1', '2']);
  for (const message of stream.iterator({ offset: 'first', limit: 2, timeout: CEILING })) message.ack();
  channel.queueDeclare('s', { passive: true, durable: true, arguments: { 'x-queue-type': 'stream' } });
  expect(of('s')).toMatchObject({ published: 2, delivered: 2, acknowledged: 2 });
  const { connection } = channel;
  connection.rpc('echo').serve((request) => request.text);
  const client = connect(broker.url);
  const before = broker.metrics();
  const reply = client.channel();
  reply.basicConsume('amq.rabbitmq.reply-to', () => {}, { noAck: true });
  reply.basicPublish('x', { routingKey: 'echo', replyTo: 'amq.rabbitmq.reply-to' });
  connection.loop({ timeout: 200 });
  expect(broker.metrics()).toMatchObject({
    published: before.published + 2,
    routed: before.routed + 2,
    unroutable: 0,
  });
  client.close();
});

test('dead letters are those that an exchange got, of what was refused, too', () => {
  const { channel, of } = start();
  const dead = channel.declareQueue('dead');
  const full = { maxLength: 1, overflow: 'reject-publish-dlx' } as const;
  const some = channel.declareQueue('some', {
    ...full,
    deadLetterExchange: '',
    deadLetterRoutingKey: dead.name,
  });
  const lost = channel.declareQueue('lost', { ...full, deadLetterExchange: 'no such exchange' });
  for (const queue of [some, lost]) queue.publishBatch(['1', '2']);
  expect(of('some')).toEqual({ ...NOTHING, published: 1, refused: 1, deadLettered: 1 });
  expect(of('lost')).toEqual({ ...NOTHING, published: 1, refused: 1 });
  expect(of('dead')).toEqual({ ...NOTHING, published: 1 });
});

test('what comes back to a stream with its channel is counted as of any queue', () => {
  const { broker, channel, of } = start();
  channel.declareQueue('s', { type: 'stream' }).publishBatch(['1', '2', '3']);
  const { connection } = channel;
  const reader = connection.channel();
  const seen = reader.getQueue('s').iterator({ offset: 'first', prefetch: 3, timeout: CEILING });
  seen.next().value!.ack();
  seen.next();
  reader.close();
  expect(broker.queues().find(({ name }) => name === 's')?.unacknowledged).toBe(0);
  expect(of('s')).toEqual({ ...NOTHING, published: 3, delivered: 3, acknowledged: 1, requeued: 2 });
});
