/** What OpenTelemetry is told of a connection that is lost and comes back. */
import { context, trace } from '@opentelemetry/api';
import { open, privateQueue, unique } from '../support/connect';
import { ended, instrumented, measuring, tracer, useTelemetry } from '../support/telemetry';
import { loseAnswers, lossy } from './lost';

useTelemetry();

test('an outage is an event of the span that is current, and a recovery is counted', async () => {
  const figures = measuring();
  instrumented({ meter: figures.meter });
  const { connection, lose, regain } = lossy();
  const queue = privateQueue(connection.channel());
  const own = tracer.startSpan('own');
  context.with(trace.setSpan(context.active(), own), () => {
    lose();
    regain();
  });
  own.end();
  const { events } = ended().find(({ name }) => name === 'own')!;
  expect(events).toEqual(['connection lost', 'connection recovered']);
  connection.queue(queue).publish('again');
  const point = (await figures.measured()).get('amqp_sync.client.reconnects')!.dataPoints[0]!;
  expect(point).toMatchObject({ value: 1, attributes: { 'server.port': expect.any(Number) } });
  await figures.end();
});

test('a batch whose confirms do not come has failed', () => {
  const { connection, proxy } = lossy();
  const channel = connection.channel();
  channel.confirmSelect();
  ended();
  proxy.stall({ mode: 'drop', direction: 'broker->client', connection: proxy.seen().connections });
  const results = channel.publishBatch(['a', 'b'], { exchange: 'amq.fanout', timeout: 100 });
  expect(results.map(({ status }) => status)).toEqual(['unknown', 'unknown']);
  expect(ended().find(({ kind }) => kind === 'CLIENT')).toMatchObject({
    isError: true,
    events: ['message not confirmed', 'message not confirmed'],
    attributes: { 'error.type': 'TIMEOUT', 'messaging.destination.name': 'amq.fanout' },
  });
});

test.each(['waited for', 'not waited for', 'in a batch'])(
  'what is repeated after an outage and confirmed then is no failure: %s',
  (how) => {
    const { connection, proxy } = lossy({ republish: true });
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = unique('repeated');
    const keeper = open().channel();
    keeper.queueDeclare(queue, { durable: true, arguments: { 'x-expires': 60_000 } });
    ended();
    loseAnswers(proxy);
    if (how === 'in a batch') channel.publishBatch(['surely'], { routingKey: queue });
    else channel.basicPublish('surely', { routingKey: queue, wait: how === 'waited for' });
    channel.waitForConfirms();
    const send = ended().find(({ name }) => name === `send ${queue}`)!;
    expect(send.isError).toBe(false);
    // it is current only as long as the call
    expect(send.events).toEqual(how === 'not waited for' ? [] : ['connection lost', 'connection recovered']);
    keeper.queueDelete(queue);
  },
);
