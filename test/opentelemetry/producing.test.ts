/** Spans of what is sent. */
import { context, trace } from '@opentelemetry/api';
import { Message, NackError, UnroutableError } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { privateQueue, thrownBy, unique } from '../support/connect';
import { ended, instrumented, tracer, useTelemetry } from '../support/telemetry';

useChannel();
useTelemetry();

const server = () => {
  const [, address, port] = /^(.*):(\d+)$/.exec(connection.stats().host)!;
  return { 'server.address': address, 'server.port': Number(port) };
};

test('a publish is a send span by the conventions, whose context goes with the message', () => {
  const exchange = unique('x');
  channel.exchangeDeclare(exchange, 'topic', { autoDelete: true });
  const queue = privateQueue(channel);
  channel.queueBind(queue, exchange, { routingKey: '#' });
  ended();
  channel.basicPublish('hello', { exchange, routingKey: 'a.b', messageId: 'm1', correlationId: 'c1' });
  const [send, ...others] = ended();
  expect(others).toEqual([]);
  expect(send).toMatchObject({
    name: `send ${exchange}:a.b`,
    kind: 'PRODUCER',
    parent: undefined,
    links: [],
    isError: false,
  });
  const peer = expect.any(String);
  expect(send!.attributes).toEqual({
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': `${exchange}:a.b`,
    'messaging.rabbitmq.destination.routing_key': 'a.b',
    'messaging.message.id': 'm1',
    'messaging.message.conversation_id': 'c1',
    'network.peer.address': peer,
    'network.peer.port': expect.any(Number),
    ...server(),
  });
  const message = channel.basicGet(queue, { noAck: true })!;
  expect(message.properties.headers?.traceparent).toBe(`00-${send!.traceId}-${send!.spanId}-01`);
});

test('the default exchange has no name, and queues with made-up names are not in that of the span', () => {
  const name = unique('q');
  channel.queueDeclare(name, { exclusive: true });
  const { queue } = channel.queueDeclare('', { exclusive: true });
  ended();
  channel.basicPublish('hello', { routingKey: name });
  channel.basicPublish('hello', { routingKey: queue });
  const [named, madeUp] = ended();
  expect(named!.name).toBe(`send ${name}`);
  expect(madeUp!.name).toBe('send');
  expect(madeUp!.attributes).toMatchObject({
    'messaging.destination.name': queue,
    'messaging.destination.temporary': true,
    'messaging.destination.anonymous': true,
  });
});

test('it belongs to the span of the program, if there is one', () => {
  const queue = privateQueue(channel);
  ended();
  const own = tracer.startSpan('own');
  context.with(trace.setSpan(context.active(), own), () =>
    channel.basicPublish('hello', { routingKey: queue }),
  );
  expect(ended()[0]).toMatchObject({ parent: own.spanContext().spanId, traceId: own.spanContext().traceId });
});

test('the headers of the program stay, with their types; those of an earlier sender are replaced', () => {
  const queue = privateQueue(channel);
  const headers = { 'x-n': 1n, text: 'é', tracestate: 'old=1' };
  const earlier = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  channel.basicPublish('hello', { routingKey: queue, headers: { ...headers, traceparent: earlier } });
  const [send] = ended().filter(({ name }) => name.startsWith('send'));
  expect(send!.links).toEqual(['b7ad6b7169203331']);
  const first = channel.basicGet(queue, { noAck: true })!;
  expect(first.properties.headers).toMatchObject({ 'x-n': 1, text: 'é' });
  expect(first.properties.headers?.traceparent).toContain(send!.spanId);
  expect(first.properties.headers).not.toHaveProperty('tracestate');
  channel.basicPublish(new Message(first.body, first.properties), { routingKey: queue });
  const second = channel.basicGet(queue, { noAck: true })!;
  expect(second.typedHeaders?.get('x-n')).toEqual(first.typedHeaders?.get('x-n'));
  expect(second.properties.headers?.traceparent).not.toBe(first.properties.headers?.traceparent);
});

test('headers that fill a frame go without the context, once', () => {
  channel.confirmSelect();
  const queue = privateQueue(channel);
  const filling = { own: 'x'.repeat(131_000) };
  for (let rounds = 0; rounds < 2; rounds++)
    channel.basicPublish('hello', { routingKey: queue, headers: filling, mandatory: true });
  expect(channel.publishBatch(['hello'], { routingKey: queue, headers: filling })).toMatchObject([
    { status: 'acked', seqNo: 3 },
  ]);
  const messages = [1, 2, 3, 4].map(() => channel.basicGet(queue, { noAck: true }));
  expect(messages.map((message) => message?.properties.headers)).toEqual([
    ...Array(3).fill(filling),
    undefined,
  ]);
  expect(ended().filter(({ attributes }) => attributes['error.type'] !== undefined)).toEqual([]);
});

test('headers given as a Map stay, too', () => {
  const queue = privateQueue(channel);
  channel.basicPublish('hello', { routingKey: queue, headers: new Map([['a', 'b']]) });
  expect(channel.basicGet(queue, { noAck: true })!.properties.headers).toMatchObject({
    a: 'b',
    traceparent: expect.any(String),
  });
});

test('a publish that fails says why', () => {
  channel.confirmSelect();
  ended();
  const error = thrownBy(() => channel.basicPublish('hello', { routingKey: unique(), mandatory: true }));
  expect(error).toBeInstanceOf(UnroutableError);
  expect(thrownBy(() => channel.basicPublish('x', { routingKey: 'q', priority: 999 }))).toBeInstanceOf(
    RangeError,
  );
  expect(thrownBy(() => channel.basicPublish('x', { headers: 5 as never }))).toBeInstanceOf(TypeError);
  const [returned, wrong, headers] = ended();
  expect(returned).toMatchObject({
    isError: true,
    events: ['exception'],
    attributes: { 'error.type': 'NO_ROUTE' },
  });
  expect(wrong!.attributes['error.type']).toBe('RangeError');
  expect(headers!.attributes['error.type']).toBe('TypeError');
});

test('where nobody waits for the confirm, the span ends with it', () => {
  const queue = privateQueue(channel);
  channel.confirmSelect();
  ended();
  channel.basicPublish('hello', { routingKey: queue, wait: false });
  expect(ended()).toEqual([]);
  channel.basicPublish('hello', { routingKey: unique(), wait: false, mandatory: true });
  channel.waitForConfirms();
  // in the order of the confirms: what no queue takes is confirmed at once
  const errors = ended().map(({ attributes }) => attributes['error.type']);
  expect(errors.sort()).toEqual(['NO_ROUTE', undefined]);
  connection.loop({ timeout: 0 });
});

test('disable ends the spans whose confirm has not come', () => {
  const queue = privateQueue(channel);
  channel.confirmSelect();
  channel.basicPublish('hello', { routingKey: queue, wait: false });
  ended();
  instrumented({});
  expect(ended().map(({ isError }) => isError)).toEqual([false]);
});

test('a message that the broker refuses is an error of its span', () => {
  const { queue } = channel.queueDeclare('', {
    exclusive: true,
    arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' },
  });
  channel.confirmSelect();
  expect(thrownBy(() => channel.basicPublish('hello', { routingKey: queue }))).toBeInstanceOf(NackError);
  expect(ended().at(-1)!.attributes['error.type']).toBe('NACK');
});

test('each message of a batch has a create span, and the batch one that links to them', () => {
  const queue = privateQueue(channel);
  channel.confirmSelect();
  ended();
  channel.publishBatch(['one', { body: 'two', messageId: 'm2' }], { routingKey: queue });
  const spans = ended();
  const [one, two, batch] = spans;
  expect(spans.map(({ kind }) => kind)).toEqual(['PRODUCER', 'PRODUCER', 'CLIENT']);
  expect(one).toMatchObject({ name: 'create', parent: batch!.spanId });
  expect(one!.attributes['messaging.operation.type']).toBe('create');
  expect(batch!.name).toBe('send');
  expect(batch!.links).toEqual([one!.spanId, two!.spanId]);
  expect(batch!.linkAttributes[1]).toEqual({
    'messaging.destination.name': queue,
    'messaging.message.id': 'm2',
  });
  expect(batch!.attributes).toMatchObject({
    'messaging.operation.type': 'send',
    'messaging.batch.message_count': 2,
    'messaging.destination.name': queue,
  });
  const creators = [one, two].map(({ spanId } = {} as never) => spanId);
  for (const spanId of creators)
    expect(channel.basicGet(queue, { noAck: true })!.properties.headers?.traceparent).toContain(spanId);
});

test('a batch says whether all of it was confirmed, and names a destination that all have', () => {
  const name = unique('q');
  channel.queueDeclare(name, { exclusive: true });
  channel.confirmSelect();
  ended();
  channel.publishBatch(['a', 'b'], { routingKey: name });
  channel.publishBatch([{ body: 'a', routingKey: name }, 'b'], { routingKey: unique(), mandatory: true });
  const [whole, part] = ended().filter(({ kind }) => kind === 'CLIENT');
  expect(whole).toMatchObject({ name: `send ${name}`, isError: false });
  expect(part).toMatchObject({
    name: 'send',
    isError: true,
    events: ['message not confirmed'],
    attributes: { 'error.type': 'NO_ROUTE' },
  });
  expect(part!.attributes).not.toHaveProperty('messaging.destination.name');
});

test('a message of a batch that fits in no frame is a failure of the batch', () => {
  channel.confirmSelect();
  ended();
  const messages = ['a', { body: 'b', headers: { large: 'x'.repeat(200_000) } }, 'c'];
  const results = channel.publishBatch(messages, { exchange: 'amq.fanout' });
  expect(results.map(({ status }) => status)).toEqual(['acked', 'not-sent', 'acked']);
  const batch = ended().find(({ kind }) => kind === 'CLIENT')!;
  expect(batch).toMatchObject({ isError: true, events: ['message not confirmed'] });
  expect(batch.attributes['error.type']).toBe(results[1]!.error!.name);
});

test('without create spans, all messages of a batch have its context', () => {
  instrumented({ createSpans: false });
  const queue = privateQueue(channel);
  channel.confirmSelect();
  ended();
  channel.publishBatch(['one', 'two'], { routingKey: queue });
  const [batch, ...others] = ended();
  expect(others).toEqual([]);
  expect(batch).toMatchObject({ kind: 'PRODUCER', attributes: { 'messaging.batch.message_count': 2 } });
  for (let count = 0; count < 2; count++)
    expect(channel.basicGet(queue, { noAck: true })!.properties.headers?.traceparent).toContain(
      batch!.spanId,
    );
});

test('a transaction changes nothing: each publish is a span', () => {
  const queue = privateQueue(channel);
  channel.txSelect();
  ended();
  channel.basicPublish('a', { routingKey: queue });
  channel.txCommit();
  expect(ended().map(({ kind }) => kind)).toEqual(['PRODUCER']);
});
