import {
  type Channel,
  ConsumerCancelledError,
  connect,
  type EmbeddedBroker,
  type IncomingMessage,
  PreconditionFailedError,
} from '../../src';
import { CEILING, drainUntil, eventually, thrownBy } from '../support/connect';
import { embedded } from './support/pair';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const open: Disposable[] = [];
function start(version: '3.10' | '4.3' = '4.3'): { broker: EmbeddedBroker; channel: Channel } {
  const broker = embedded({ version, clock: 'virtual' });
  const connection = connect(broker.url, { callTimeout: CEILING, connectTimeout: CEILING });
  open.push(connection);
  return { broker, channel: connection.channel() };
}
afterEach(() => {
  for (const connection of open.splice(0)) connection[Symbol.dispose]();
});

const texts = (broker: EmbeddedBroker, queue: string) => broker.messages(queue).map(({ text }) => text);

it('message TTL and queue expiry without waiting', () => {
  const { broker, channel } = start('3.10');
  channel.queueDeclare('dead');
  channel.queueDeclare('q', {
    arguments: { 'x-message-ttl': MINUTE, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' },
  });
  channel.queueDeclare('brief', { arguments: { 'x-expires': HOUR } });
  channel.confirmSelect();
  channel.basicPublish('slow', { routingKey: 'q' });
  channel.basicPublish('quick', { routingKey: 'q', expiration: '1000' });
  broker.advance(MINUTE - 1);
  expect(texts(broker, 'q')).toEqual(['slow', 'quick']);
  broker.advance(1);
  expect(texts(broker, 'q')).toEqual([]);
  expect(texts(broker, 'dead')).toEqual(['slow', 'quick']);
  expect(broker.queues().map(({ name }) => name)).toContain('brief');
  broker.advance(HOUR);
  expect(broker.queues().map(({ name }) => name)).not.toContain('brief');
});

it('the consumer timeout of 4.3: half an hour in a quorum queue, or what its argument says', () => {
  const { broker, channel } = start();
  for (const [name, consumerTimeout] of [['usual'], ['patient', 10 * HOUR]] as const) {
    const queue = channel.declareQueue(name, { type: 'quorum', consumerTimeout });
    channel.confirmSelect();
    queue.publish(name);
    channel.basicConsume(name, () => {}, { consumerTag: name });
    eventually(() => broker.consumers().some((one) => one.queue === name && one.unacknowledged === 1));
  }
  broker.advance(30 * MINUTE - 1);
  expect(texts(broker, 'usual')).toEqual([]);
  broker.advance(1);
  expect([texts(broker, 'usual'), texts(broker, 'patient')]).toEqual([['usual'], []]);
  const told = () => thrownBy(() => drainUntil(channel.connection, () => false)).message;
  expect(told()).toMatch(/cancelled consumer "usual"/);
  broker.advance(10 * HOUR);
  expect(texts(broker, 'patient')).toEqual(['patient']);
  expect(told()).toMatch(/cancelled consumer "patient"/);
  expect(channel.isOpen).toBe(true);
});

it('a classic queue of 4.3 waits for ever', () => {
  const { broker, channel } = start();
  channel.queueDeclare('q', { durable: true });
  channel.confirmSelect();
  channel.basicPublish('m', { routingKey: 'q' });
  const message = channel.basicGet('q')!;
  broker.advance(10_000 * HOUR);
  message.ack();
  expect(channel.queueDeclare('q', { passive: true }).messageCount).toBe(0);
});

it('get from a quorum queue of 4.3: the channel is closed', () => {
  const { broker, channel } = start();
  channel.declareQueue('q', { type: 'quorum', consumerTimeout: HOUR }).publish('m');
  eventually(() => texts(broker, 'q').length === 1);
  channel.basicGet('q');
  broker.advance(HOUR);
  const error = thrownBy(() => channel.basicQos({ prefetchCount: 1 }));
  expect(error).toBeInstanceOf(PreconditionFailedError);
  expect(error.message).toMatch('timed out. Timeout value used: -1 ms');
  expect(texts(broker, 'q')).toEqual(['m']);
});

it.each([
  ['consumer', (channel: Channel) => void channel.basicConsume('q', () => {})],
  ['get', (channel: Channel) => void channel.basicGet('q')],
])('the timeout of 3.10 is the channel’s, whatever the queue is: %s', (_, take) => {
  const { broker, channel } = start('3.10');
  channel.queueDeclare('q');
  channel.confirmSelect();
  channel.basicPublish('m', { routingKey: 'q' });
  take(channel);
  eventually(() => broker.queues()[0]!.unacknowledged === 1);
  broker.advance(30 * MINUTE - 1);
  expect(texts(broker, 'q')).toEqual([]);
  broker.advance(1);
  const error = thrownBy(() => channel.basicQos({ prefetchCount: 1 }));
  expect(error).toBeInstanceOf(PreconditionFailedError);
  expect(error.message).toMatch('timed out. Timeout value used: 1800000 ms');
  expect(texts(broker, 'q')).toEqual(['m']);
});

it('the timeout of 3.10 is that of the oldest message that the channel holds', () => {
  const { broker, channel } = start('3.10');
  channel.queueDeclare('q');
  channel.confirmSelect();
  const held: IncomingMessage[] = [];
  for (const body of ['a', 'b', 'c']) {
    channel.basicPublish(body, { routingKey: 'q' });
    held.push(channel.basicGet('q')!);
    broker.advance(20 * MINUTE); // 'b' is as old as that when 'a' has been acknowledged
    held.shift()!.ack();
    channel.basicQos({ prefetchCount: 1 });
  }
  broker.advance(HOUR);
  channel.basicQos({ prefetchCount: 1 });
  expect(channel.isOpen).toBe(true);
});

it('delayed retry of 4.3: a rejected message comes again later each time', () => {
  const { broker, channel } = start();
  const queue = channel.declareQueue('q', {
    type: 'quorum',
    delayedRetryType: 'failed',
    delayedRetryMin: HOUR,
    delayedRetryMax: 3 * HOUR,
  });
  channel.confirmSelect();
  queue.publish('m');
  for (const hours of [1, 2, 3, 3]) {
    channel.basicGet('q')!.reject({ requeue: true });
    eventually(() => broker.queues()[0]!.unacknowledged === 0);
    broker.advance(hours * HOUR - 1);
    expect(channel.basicGet('q')).toBeNull();
    broker.advance(1);
    expect(texts(broker, 'q')).toEqual(['m']);
  }
});

it('a cancelled consumer can go on under its tag', () => {
  const { broker, channel } = start();
  channel.declareQueue('q', { type: 'quorum', consumerTimeout: HOUR }).publish('m');
  const seen: string[] = [];
  const hold = ({ text }: IncomingMessage) => {
    seen.push(text);
    broker.advance(HOUR);
  };
  const settle = (message: IncomingMessage) => {
    seen.push(message.text);
    message.ack();
  };
  channel.basicConsume('q', hold, { consumerTag: 't' });
  expect(thrownBy(() => drainUntil(channel.connection, () => false))).toBeInstanceOf(ConsumerCancelledError);
  channel.basicConsume('q', settle, { consumerTag: 't' });
  drainUntil(channel.connection, () => seen.length === 2);
  expect(seen).toEqual(['m', 'm']);
});
