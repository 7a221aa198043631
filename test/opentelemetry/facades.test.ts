/** The facades stand on the same client, so their programs are traced, too. */
import { trace } from '@opentelemetry/api';
import { Message } from '../../src/compat/amqpy';
import { unique } from '../support/connect';
import { open as openAmqpy } from '../support/facades/amqpy';
import { open as openPika } from '../support/facades/pika';
import { ended, useTelemetry } from '../support/telemetry';

useTelemetry();

const activeSpan = () => trace.getActiveSpan()?.spanContext().spanId;

test('pika: a publish, a callback in its context, an ack', () => {
  const connection = openPika();
  const channel = connection.channel();
  const queue = unique('pika');
  channel.queue_declare({ queue, exclusive: true });
  let within: string | undefined;
  channel.basic_consume({
    queue,
    on_message_callback: (ch, method) => {
      within = activeSpan();
      ch.basic_ack(method.delivery_tag);
      ch.stop_consuming();
    },
  });
  ended();
  channel.basic_publish({ exchange: '', routing_key: queue, body: 'hello' });
  channel.start_consuming();
  const [send, ack, process] = ended();
  expect(send!.name).toBe(`send ${queue}`);
  expect(process).toMatchObject({ name: `process ${queue}`, parent: send!.spanId, spanId: within });
  expect(ack).toMatchObject({ name: `ack ${queue}`, parent: process!.spanId });
});

test('amqpy: a publish, a get, an ack', () => {
  const connection = openAmqpy();
  const channel = connection.channel();
  const queue = unique('amqpy');
  channel.queue_declare(queue, { exclusive: true });
  ended();
  channel.basic_publish(new Message('hello'), { routing_key: queue });
  channel.basic_get(queue)!.ack();
  const [send, receive, ack] = ended();
  expect([send, receive, ack].map((span) => span?.name)).toEqual([
    `send ${queue}`,
    `receive ${queue}`,
    `ack ${queue}`,
  ]);
  expect(receive!.parent).toBe(send!.spanId);
  expect(new Set([send, receive, ack].map((span) => span?.traceId)).size).toBe(1);
});
