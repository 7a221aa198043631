/** What an editor shows to somebody who types pika's names. */
import { Editor } from '../../support/facades/editor';

const editor = new Editor(
  'test/compat/pika',
  `import * as pika from '../../../src/compat/pika';
  const connection = new pika.BlockingConnection();
  const channel = connection.channel();`,
);
const some = (...names: string[]) => expect.arrayContaining(names);

test('the package, and what is in it', () => {
  expect(editor.offers('pika.|')).toEqual(
    some('BlockingConnection', 'ConnectionParameters', 'exceptions', 'spec', 'exchange_type', 'DeliveryMode'),
  );
  expect(editor.offers('pika.exceptions.|')).toEqual(some('AMQPConnectionError', 'UnroutableError'));
  expect(editor.explains('pika.exceptions.|', 'StreamLostError')).toContain('without a word');
  expect(editor.offers('pika.exchange_type.ExchangeType.|')).toEqual(some('direct', 'topic'));
});

test('the methods of a channel, with their documentation', () => {
  const offered = editor.offers('channel.|');
  expect(offered).toEqual(some('queue_declare', 'basic_publish', 'start_consuming', 'consume', 'tx_commit'));
  for (const inner of ['core', 'call', 'frame', 'queueDeclare']) expect(offered).not.toContain(inner);
  expect(editor.explains('channel.|', 'basic_cancel')).toContain('goes back to the queue');
  expect(editor.explains('connection.|', 'process_data_events')).toContain('Run the callbacks');
});

test('keyword arguments, alone and behind others, with their documentation', () => {
  const names = ['passive', 'durable', 'exclusive', 'auto_delete', 'arguments'];
  expect(editor.offers('channel.queue_declare({ | });')).toEqual(some('queue', ...names));
  expect(editor.offers(`channel.queue_declare('q', { | });`)).toEqual(some(...names));
  expect(editor.explains(`channel.queue_declare('q', { | });`, 'durable')).toContain('survives a restart');
  expect(editor.offers('new pika.ConnectionParameters({ | });')).toEqual(
    some('host', 'virtual_host', 'blocked_connection_timeout', 'compat'),
  );
  expect(editor.explains('new pika.ConnectionParameters({ | });', 'retry_delay')).toContain('Seconds');
  expect(editor.offers('new pika.BasicProperties({ | });')).toEqual(some('content_type', 'delivery_mode'));
  expect(editor.offers(`channel.consume('q', { | });`)).toEqual(some('inactivity_timeout', 'auto_ack'));
});

test('positional arguments have their names', () => {
  expect(editor.labels('channel.queue_declare(|)')[0]).toMatch(
    /^queue: string, passive\?: boolean.*, durable\?: boolean/,
  );
  expect(editor.labels('channel.basic_ack(|)')[0]).toMatch(/^delivery_tag\?: number.*, multiple\?: boolean/);
});

test('what comes back, and what callbacks are given', () => {
  expect(editor.offers(`channel.queue_declare('q').method.|`)).toEqual(
    some('queue', 'message_count', 'consumer_count'),
  );
  expect(editor.offers(`channel.basic_consume('q', (ch, method) => method.|);`)).toEqual(
    some('delivery_tag', 'redelivered', 'routing_key'),
  );
  expect(editor.explains(`channel.basic_consume('q', (ch, method) => method.|);`, 'delivery_tag')).toContain(
    'Settles the message',
  );
  expect(editor.offers(`channel.basic_consume('q', (ch, method, properties) => properties.|);`)).toEqual(
    some('correlation_id', 'headers'),
  );
});

test.each([
  [`channel.queue_declare('q', { durabel: true });`, /durabel/],
  ['channel.queue_declare();', /./],
  [`channel.basic_publish('', 'q', 5);`, /number/],
  [`channel.basic_get('q')[0].delivery_tag;`, /null/],
  [`channel.basic_consume('q', (body: string) => body);`, /./],
  [`new pika.ConnectionParameters({ hostname: 'h' });`, /hostname/],
  [`new pika.BasicProperties({ prioritty: 5 });`, /prioritty/],
  [`for (const [method] of channel.consume('q', { inactivity_timeout: 1 })) method.delivery_tag;`, /null/],
])('what is wrong is underlined: %s', (program, complaint) => {
  expect(editor.complains(program)).toEqual([expect.stringMatching(complaint)]);
});

test('and what is right is not', () => {
  const program = `
    for (const [method, , body] of channel.consume('q')) channel.basic_ack(method.delivery_tag + body.length);
    for (const [method, , body] of channel.consume('q', { inactivity_timeout: 1 })) {
      if (method) channel.basic_ack(method.delivery_tag + body.length);
    }
    const [method, properties, body] = channel.basic_get('q', true);
    if (method) console.log(method.message_count, properties.headers, body.length);
    channel.basic_publish('', 'q', 'text', new pika.BasicProperties({ delivery_mode: 2 }), true);
    channel.basic_publish({ exchange: '', routing_key: 'q', body: Buffer.of(1), mandatory: true });
    const on_message: pika.OnMessage = (ch, { delivery_tag }) => ch.basic_ack({ delivery_tag });
    channel.basic_consume('q', on_message, { auto_ack: true, arguments: { 'x-priority': 1 } });
    connection.process_data_events({ time_limit: null });
    new pika.BlockingConnection([new pika.URLParameters('amqp://h'), new pika.ConnectionParameters()]);`;
  expect(editor.complains(program)).toEqual([]);
});
