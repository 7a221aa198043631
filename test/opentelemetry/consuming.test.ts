/** Spans of what comes, and the context in which the program works on it. */
import { context, trace } from '@opentelemetry/api';
import { contextOf } from '../../src/opentelemetry';
import { channel, connection, queue, useQueue } from '../support/channel';
import { CEILING, drainUntil, thrownBy } from '../support/connect';
import { disable, ended, instrumented, type Shown, tracer, useTelemetry } from '../support/telemetry';

useQueue();
useTelemetry();

/** Publish; the span of that. */
function published(...bodies: string[]): Shown[] {
  ended();
  for (const body of bodies) channel.basicPublish(body, { routingKey: queue, correlationId: body });
  return ended();
}

const activeSpan = () => trace.getActiveSpan()?.spanContext().spanId;
const only = (spans: readonly Shown[], name: string) => {
  const found = spans.filter((span) => span.name === `${name} ${queue}`);
  expect(found).toHaveLength(1);
  return found[0]!;
};

test('a callback runs in a process span, in the trace of the message', () => {
  const [send] = published('one');
  let within: string | undefined;
  channel.basicConsume(queue, (message) => {
    within = activeSpan();
    message.ack();
  });
  drainUntil(connection, () => within !== undefined);
  const [ack, process] = ended();
  expect(process).toMatchObject({
    name: `process ${queue}`,
    kind: 'CONSUMER',
    traceId: send!.traceId,
    parent: send!.spanId,
    links: [send!.spanId],
    spanId: within,
    isError: false,
  });
  expect(process!.attributes).toMatchObject({
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': queue,
    'messaging.rabbitmq.destination.routing_key': queue,
    'messaging.rabbitmq.message.delivery_tag': 1,
    'messaging.message.conversation_id': 'one',
    'server.address': expect.any(String),
    'server.port': expect.any(Number),
  });
  expect(ack).toMatchObject({
    name: `ack ${queue}`,
    kind: 'CLIENT',
    parent: process!.spanId,
    links: [send!.spanId],
    attributes: {
      'messaging.operation.name': 'ack',
      'messaging.operation.type': 'settle',
      'messaging.destination.name': queue,
      'messaging.rabbitmq.message.delivery_tag': 1,
    },
  });
});

test('in a span of the program, the process span belongs to that, and links to the message', () => {
  const [send] = published('one');
  let done = false;
  channel.basicConsume(queue, () => (done = true), { noAck: true });
  const own = tracer.startSpan('own');
  context.with(trace.setSpan(context.active(), own), () => drainUntil(connection, () => done));
  expect(only(ended(), 'process')).toMatchObject({ parent: own.spanContext().spanId, links: [send!.spanId] });
});

test('what a callback publishes goes on with the trace', () => {
  const [send] = published('one');
  let done = false;
  channel.basicConsume(queue, () => {
    channel.basicPublish('two', { routingKey: 'nowhere' });
    done = true;
  });
  drainUntil(connection, () => done);
  const spans = ended();
  const next = spans.find(({ name }) => name === 'send nowhere')!;
  expect(next).toMatchObject({ traceId: send!.traceId, parent: only(spans, 'process').spanId });
});

test('what a callback throws is an error of its span', () => {
  published('one');
  channel.basicConsume(queue, () => {
    throw new RangeError('mine');
  });
  expect(thrownBy(() => drainUntil(connection, () => false)).message).toBe('mine');
  expect(only(ended(), 'process')).toMatchObject({
    isError: true,
    events: ['exception'],
    attributes: { 'error.type': 'RangeError' },
  });
});

test('basicGet is a receive span, as long as it takes; process works on the message in its trace', () => {
  const [send] = published('one');
  const message = channel.basicGet(queue)!;
  let within: string | undefined;
  message.process(() => {
    within = activeSpan();
  });
  const [receive, ack, process] = ended();
  expect(receive).toMatchObject({
    name: `receive ${queue}`,
    kind: 'CLIENT',
    traceId: send!.traceId,
    parent: send!.spanId,
    links: [send!.spanId],
    attributes: { 'messaging.operation.type': 'receive', 'messaging.rabbitmq.message.delivery_tag': 1 },
  });
  expect(receive!.milliseconds).toBeGreaterThan(0);
  expect(process).toMatchObject({ name: `process ${queue}`, parent: send!.spanId, spanId: within });
  expect(ack).toMatchObject({ name: `ack ${queue}`, parent: process!.spanId });
});

test('a queue that is empty gives no span', () => {
  ended();
  expect(channel.basicGet(queue)).toBeNull();
  expect(ended()).toEqual([]);
});

test('process within a callback is part of the same work', () => {
  published('one');
  const within: unknown[] = [];
  channel.basicConsume(queue, (message) => {
    within.push(activeSpan());
    message.process(() => within.push(activeSpan()));
    within.push(activeSpan());
  });
  drainUntil(connection, () => within.length > 0);
  const { spanId } = only(ended(), 'process');
  expect(within).toEqual([spanId, spanId, spanId]);
});

test('a message that fails again is worked on again', () => {
  published('one');
  const message = channel.basicGet(queue)!;
  const fail = () => {
    throw Object.assign(new Error('mine'), { code: 'EMINE' });
  };
  thrownBy(() => message.process(fail, { requeue: true }));
  channel.basicGet(queue, { timeout: CEILING })!.process(() => {});
  const works = ended().filter(({ name }) => name === `process ${queue}`);
  expect(works.map(({ attributes }) => attributes['error.type'])).toEqual(['EMINE', undefined]);
});

describe('a loop', () => {
  test('its messages are received, each at a moment, in their traces; its body has no context', () => {
    const sent = published('one', 'two');
    const active: unknown[] = [];
    for (const message of channel.consume(queue, { limit: 2, timeout: CEILING })) {
      active.push(activeSpan());
      message.ack();
    }
    const spans = ended();
    expect(active).toEqual([undefined, undefined]);
    const receives = spans.filter(({ name }) => name.startsWith('receive'));
    expect(receives.map(({ parent }) => parent)).toEqual(sent.map(({ spanId }) => spanId));
    const acks = spans.filter(({ name }) => name.startsWith('ack'));
    expect(acks.map(({ parent }) => parent)).toEqual(receives.map(({ spanId }) => spanId));
  });

  test('contextOf gives that of a message, and process works in it', () => {
    const [one, two] = published('one', 'two');
    const traces: unknown[] = [];
    for (const message of channel.consume(queue, { limit: 2, timeout: CEILING })) {
      const traceId = () => trace.getActiveSpan()?.spanContext().traceId;
      context.with(contextOf(message), () => traces.push(traceId()));
      message.process(() => traces.push(traceId()));
    }
    expect(traces).toEqual([one!.traceId, one!.traceId, two!.traceId, two!.traceId]);
  });
});

test('subscribe runs in the context, and so does what deals with its errors', () => {
  const [send] = published('one');
  const within: unknown[] = [];
  const traceId = () => trace.getActiveSpan()?.spanContext().traceId;
  connection.queue(queue).subscribe(
    () => {
      within.push(traceId());
      throw new Error('mine');
    },
    {
      onError: (_, message) => {
        within.push(traceId());
        message.ack();
      },
    },
  );
  drainUntil(connection, () => within.length === 2);
  expect(within).toEqual([send!.traceId, send!.traceId]);
  expect(only(ended(), 'process')).toMatchObject({
    attributes: { 'error.type': 'Error' },
    isError: true,
    events: ['exception'],
  });
});

test('a message without a context, or with a wrong one, begins a trace', () => {
  const sent = { routingKey: queue };
  disable(); // so that the headers stay as they are
  channel.basicPublish('none', sent);
  channel.basicPublish('wrong', { ...sent, headers: { traceparent: 'x', tracestate: 1 } });
  channel.basicPublish('bytes', { ...sent, headers: { traceparent: Buffer.from([0xff, 0xfe]) } });
  instrumented({});
  ended();
  for (let count = 0; count < 3; count++) channel.basicGet(queue, { noAck: true });
  const spans = ended();
  expect(spans).toHaveLength(3);
  expect(spans.filter(({ parent, links }) => parent !== undefined || links.length > 0)).toEqual([]);
});

test('work on a message without a context belongs to its receipt', () => {
  disable();
  channel.basicPublish('none', { routingKey: queue });
  instrumented({});
  ended();
  const message = channel.basicGet(queue)!;
  message.process(() => {});
  const [receive, ack, process] = ended();
  expect([process!.traceId, process!.parent]).toEqual([receive!.traceId, receive!.spanId]);
  expect(ack!.traceId).toBe(receive!.traceId);
});

test('what a loop gives back as it is left has no span', () => {
  published('one', 'two', 'three');
  ended();
  for (const message of channel.consume(queue, { prefetch: 3 })) {
    message.ack();
    break;
  }
  expect(ended().map(({ name }) => name)).toEqual([`receive ${queue}`, `ack ${queue}`]);
});

test('one settlement of many links to all of them', () => {
  const sent = published('one', 'two', 'three');
  const messages = sent.map(() => channel.basicGet(queue)!);
  ended();
  channel.basicNack(messages[1]!.deliveryTag, { multiple: true, requeue: false });
  messages[2]!.reject();
  const [nack, reject] = ended();
  expect(nack).toMatchObject({
    name: `nack ${queue}`,
    links: sent.slice(0, 2).map(({ spanId }) => spanId),
    attributes: { 'messaging.batch.message_count': 2 },
  });
  expect(reject).toMatchObject({ name: `reject ${queue}`, links: [sent[2]!.spanId] });
});

test('what the broker has back is forgotten', () => {
  const sent = published('one', 'two');
  for (const _ of sent) channel.basicGet(queue);
  channel.basicRecover({ requeue: true });
  for (const _ of sent) expect(channel.basicGet(queue)?.redelivered).toBe(true);
  ended();
  channel.basicAck(0, { multiple: true });
  const [ack] = ended();
  expect(ack!.links).toHaveLength(2);
  expect(ack!.attributes).toMatchObject({ 'messaging.batch.message_count': 2 });
});

test('contextOf takes messages alone', () => {
  expect(() => contextOf({} as never)).toThrow(TypeError);
});
