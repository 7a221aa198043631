/** Figures, as the SDK exports them. */
import type { Histogram } from '@opentelemetry/sdk-metrics';
import { connect, startBroker } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { drainUntil, open, privateQueue, thrownBy, unique } from '../support/connect';
import { instrumented, measuring, useTelemetry } from '../support/telemetry';

useChannel();
useTelemetry();

let figures: ReturnType<typeof measuring>;
beforeEach(() => {
  figures = measuring();
  instrumented({ meter: figures.meter });
});
afterEach(() => figures.end());

/** What is told of one figure, by the attributes that tell points apart. */
async function points(name: string) {
  const { dataPoints } = (await figures.measured()).get(name) ?? { dataPoints: [] };
  return dataPoints.map(({ attributes, value }) => ({
    operation: attributes['messaging.operation.name'],
    destination: attributes['messaging.destination.name'],
    error: attributes['error.type'],
    count: typeof value === 'number' ? value : (value as Histogram).count,
  }));
}

test('messages sent, by exchange or queue, and by what went wrong', async () => {
  const [name, exchange] = [unique('q'), unique('x')];
  channel.queueDeclare(name, { exclusive: true });
  channel.exchangeDeclare(exchange, 'fanout', { autoDelete: true });
  channel.queueBind(name, exchange);
  channel.confirmSelect();
  channel.basicPublish('one', { routingKey: name });
  channel.basicPublish('two', { exchange, routingKey: '4711' });
  channel.publishBatch(['three', 'four'], { exchange, routingKey: '4712' });
  thrownBy(() => channel.basicPublish('five', { exchange: 'amq.direct', routingKey: 'no', mandatory: true }));
  const send = { operation: 'send', error: undefined };
  expect(await points('messaging.client.sent.messages')).toEqual([
    { ...send, destination: name, count: 1 },
    { ...send, destination: exchange, count: 3 },
    { operation: 'send', destination: 'amq.direct', error: 'NO_ROUTE', count: 1 },
  ]);
  const durations = await points('messaging.client.operation.duration');
  expect(durations.map(({ count }) => count)).toEqual([1, 2, 1]);
});

test('messages consumed, and for how long they are worked on', async () => {
  const name = unique('q');
  channel.queueDeclare(name, { exclusive: true });
  for (const body of ['one', 'two', 'three']) channel.basicPublish(body, { routingKey: name });
  channel.basicGet(name)!.process(() => {});
  let isThere = false;
  const callback = () => {
    isThere = true;
    throw new Error('mine');
  };
  channel.basicQos({ prefetchCount: 1 });
  const tag = channel.basicConsume(name, callback, { noAck: false });
  thrownBy(() => drainUntil(connection, () => isThere));
  channel.basicCancel(tag);
  expect(await points('messaging.client.consumed.messages')).toEqual([
    { operation: 'receive', destination: name, error: undefined, count: 1 },
    { operation: 'process', destination: name, error: undefined, count: 1 },
  ]);
  expect(await points('messaging.process.duration')).toEqual([
    { operation: 'process', destination: name, error: undefined, count: 1 },
    { operation: 'process', destination: name, error: 'Error', count: 1 },
  ]);
  const durations = await points('messaging.client.operation.duration');
  expect(durations).toContainEqual({ operation: 'receive', destination: name, error: undefined, count: 1 });
});

test('what is unconfirmed and unsettled, of the connections to a broker together', async () => {
  const queue = privateQueue(channel, 'one', 'two');
  channel.basicGet(queue);
  channel.basicGet(queue)?.ack();
  channel.confirmSelect();
  channel.basicPublish('three', { routingKey: queue, wait: false });
  const another = open().channel();
  another.basicGet(privateQueue(another, 'four'));
  const measured = await figures.measured();
  const [point, ...others] = measured.get('amqp_sync.client.unsettled')!.dataPoints;
  expect(others).toEqual([]);
  expect(point).toMatchObject({
    value: 2,
    attributes: { 'messaging.system': 'rabbitmq', 'server.port': expect.any(Number) },
  });
  expect(measured.get('amqp_sync.client.unconfirmed')!.dataPoints[0]!.value).toBeLessThanOrEqual(1);
  channel.waitForConfirms();
  const later = await figures.measured();
  expect(later.get('amqp_sync.client.unconfirmed')!.dataPoints[0]!.value).toBe(0);
});

test('where the last connection to a broker has ended, nothing waits', async () => {
  const broker = startBroker();
  const other = connect(broker.url);
  const own = other.channel();
  own.basicGet(privateQueue(own, 'one'));
  const at = async () => {
    const { dataPoints } = (await figures.measured()).get('amqp_sync.client.unsettled')!;
    const port = Number(new URL(broker.url).port);
    return dataPoints
      .filter(({ attributes }) => attributes['server.port'] === port)
      .map(({ value }) => value);
  };
  expect(await at()).toEqual([1]);
  other.close();
  expect(await at()).toEqual([0]);
  broker.close();
});

test('messages of a batch, with what became of each', async () => {
  const name = unique('q');
  channel.queueDeclare(name, { exclusive: true });
  channel.confirmSelect();
  const messages = [
    'one',
    { body: 'two', routingKey: unique() },
    { body: 'three', headers: { large: 'x'.repeat(200_000) } },
  ];
  channel.publishBatch(messages, { routingKey: name, mandatory: true });
  const sent = await points('messaging.client.sent.messages');
  expect(sent.map(({ count, error }) => [count, error])).toEqual(
    expect.arrayContaining([
      [1, undefined],
      [1, 'NO_ROUTE'],
      [1, 'RangeError'],
    ]),
  );
  expect(sent).toHaveLength(3);
  const durations = await points('messaging.client.operation.duration');
  expect(durations.map(({ error }) => error)).toEqual(['NO_ROUTE']);
});

test('units and buckets are those of the conventions', async () => {
  const queue = privateQueue(channel);
  channel.basicPublish('one', { routingKey: queue });
  channel.basicGet(queue)!.process(() => {});
  const measured = await figures.measured();
  const units = Object.fromEntries([...measured].map(([name, { descriptor }]) => [name, descriptor.unit]));
  expect(units).toEqual({
    'messaging.client.sent.messages': '{message}',
    'messaging.client.consumed.messages': '{message}',
    'messaging.client.operation.duration': 's',
    'messaging.process.duration': 's',
    'amqp_sync.client.unconfirmed': '{message}',
    'amqp_sync.client.unsettled': '{message}',
  });
  const { value } = measured.get('messaging.process.duration')!.dataPoints[0]!;
  expect((value as Histogram).buckets.boundaries).toEqual([
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ]);
});

test('disable ends the figures that are observed', async () => {
  const queue = privateQueue(channel, 'one', 'two');
  channel.basicGet(queue);
  const unsettled = async () =>
    (await figures.measured()).get('amqp_sync.client.unsettled')!.dataPoints.map(({ value }) => value);
  expect(await unsettled()).toEqual([1]);
  instrumented({});
  channel.basicGet(queue);
  expect(await unsettled()).not.toContain(2);
});
