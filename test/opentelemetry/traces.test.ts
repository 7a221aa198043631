/** Traces that go through other programs and back: amqplib, instrumented by OpenTelemetry's own package, and remote calls. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { context, propagation, trace } from '@opentelemetry/api';
import { build } from '../support/built';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, privateQueue, unique } from '../support/connect';
import { ended, type Shown, tracer, useTelemetry } from '../support/telemetry';

useChannel();
useTelemetry();

const PROGRAM = join(__dirname, '..', 'support', 'programs', 'traced.cjs');
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

type Elsewhere = Pick<Shown, 'name' | 'traceId' | 'spanId' | 'parent' | 'links'>;

/** Another program, once it is ready; the spans that it has made at its end. */
async function another(
  role: string,
  queue: string,
  isReady = true,
): Promise<{ spans: Promise<Elsewhere[]> }> {
  const args = [PROGRAM, role, process.env.AMQP_URL!, queue, join(build(), 'src')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: CEILING });
  children.add(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  if (isReady) expect((await lines.next()).value).toBe('ready');
  const spans = async () => JSON.parse((await lines.next()).value ?? '[]') as Elsewhere[];
  return { spans: spans() };
}

test('a trace goes through an amqplib consumer, and comes back', async () => {
  const name = unique('amqplib');
  const replies = channel.declareQueue(privateQueue(channel), { passive: true });
  const consumer = await another('consumer', name);
  ended();
  const own = tracer.startSpan('own');
  context.with(trace.setSpan(context.active(), own), () =>
    channel.basicPublish('hello', { routingKey: name, replyTo: replies.name }),
  );
  const answer = replies.get({ timeout: CEILING })!;
  answer.process(() => {});
  const here = ended();
  const there = await consumer.spans;
  const [send] = here;
  const process = there.find((span) => span.name === `${name} process`)!;
  const publish = there.find((span) => span.name.startsWith('publish'))!;
  expect(process.parent).toBe(send!.spanId);
  expect(publish.parent).toBe(process.spanId);
  const back = here.filter(({ links }) => links.includes(publish.spanId));
  expect(back.map((span) => span.name)).toEqual(['receive', 'ack', 'process']);
  expect(back.find((span) => span.name === 'process')!.parent).toBe(publish.spanId);
  const traceIds = new Set([...here, process, publish].map(({ traceId }) => traceId));
  expect(traceIds).toEqual(new Set([own.spanContext().traceId]));
});

test('a trace begins at an amqplib producer, and goes on in a callback', async () => {
  const queue = channel.declareQueue(privateQueue(channel), { passive: true });
  const producer = await another('producer', queue.name, false);
  let traceId: string | undefined;
  channel.basicConsume(queue.name, (message) => {
    traceId = trace.getActiveSpan()?.spanContext().traceId;
    message.ack();
  });
  while (traceId === undefined) connection.drainEvents({ timeout: CEILING });
  const [publish] = await producer.spans;
  expect(traceId).toBe(publish!.traceId);
  expect(ended().find((span) => span.name === 'process')).toMatchObject({
    parent: publish!.spanId,
    links: [publish!.spanId],
  });
});

test('a remote call and what serves it are one trace, with its baggage', async () => {
  const name = unique('procedure');
  const server = await another('server', name);
  const remote = connection.rpc(name);
  ended();
  const baggage = propagation.createBaggage({ user: { value: 'ann' } });
  const served = context.with(
    propagation.setBaggage(context.active(), baggage),
    () => remote.call({ a: 1 }).json,
  );
  const spans = ended().filter(({ kind }) => kind !== 'INTERNAL');
  const call = spans.find((span) => span.name === `call ${name}`)!;
  const send = spans.find((span) => span.name === `send ${name}`)!;
  expect(call).toMatchObject({
    kind: 'CLIENT',
    isError: false,
    attributes: {
      'messaging.operation.name': 'call',
      'messaging.destination.name': name,
      'messaging.message.conversation_id': expect.any(String),
    },
  });
  expect(send).toMatchObject({ parent: call.spanId, isError: false });
  const there = await server.spans;
  const process = there.find((span) => span.name === `process ${name}`)!;
  expect(served).toMatchObject({ traceId: call.traceId, spanId: process.spanId, baggage: 'ann' });
  expect(process.parent).toBe(send.spanId);
  const answer = there.find((span) => span.name === 'send')!;
  expect(answer.parent).toBe(process.spanId);
  expect(call.links).toEqual([answer.spanId]);
});

test('a remote call that nobody serves is an error of its span', () => {
  const name = unique('procedure');
  ended();
  expect(() => connection.rpc(name).call('x')).toThrow(/nobody serves/);
  const call = ended().find((span) => span.name === `call ${name}`)!;
  expect(call).toMatchObject({ isError: true, attributes: { 'error.type': 'NO_ROUTE' } });
});

test('a remote call whose server throws is an error of its span, with a link to the answer', async () => {
  const name = unique('procedure');
  const server = await another('server', name);
  ended();
  expect(() => connection.rpc(name).call('fail')).toThrow(/threw RangeError: mine/);
  const call = ended().find((span) => span.name === `call ${name}`)!;
  const answer = (await server.spans).find((span) => span.name === 'send')!;
  expect(call).toMatchObject({
    isError: true,
    attributes: { 'error.type': 'RPC' },
    links: [answer.spanId],
  });
});
