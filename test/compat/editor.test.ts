/** What an editor shows to somebody who types Python's names: completions, labels, documentation, and what is wrong. */
import { Editor } from '../support/facades/editor';

const some = (...names: string[]) => expect.arrayContaining(names);

describe('pika', () => {
  const editor = new Editor(
    `import * as pika from '../../src/compat/pika';
  const connection = new pika.BlockingConnection();
  const channel = connection.channel();`,
  );

  test('the package, and what is in it', () => {
    expect(editor.offers('pika.|')).toEqual(
      some(
        'BlockingConnection',
        'ConnectionParameters',
        'exceptions',
        'spec',
        'exchange_type',
        'DeliveryMode',
      ),
    );
    expect(editor.offers('pika.exceptions.|')).toEqual(some('AMQPConnectionError', 'UnroutableError'));
    expect(editor.explains('pika.exceptions.|', 'StreamLostError')).toContain('without a word');
    expect(editor.offers('pika.exchange_type.ExchangeType.|')).toEqual(some('direct', 'topic'));
  });

  test('the methods of a channel, with their documentation', () => {
    const offered = editor.offers('channel.|');
    expect(offered).toEqual(
      some('queue_declare', 'basic_publish', 'start_consuming', 'consume', 'tx_commit'),
    );
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
    expect(editor.labels('channel.basic_ack(|)')[0]).toMatch(
      /^delivery_tag\?: number.*, multiple\?: boolean/,
    );
  });

  test('what comes back, and what callbacks are given', () => {
    expect(editor.offers(`channel.queue_declare('q').method.|`)).toEqual(
      some('queue', 'message_count', 'consumer_count'),
    );
    expect(editor.offers(`channel.basic_consume('q', (ch, method) => method.|);`)).toEqual(
      some('delivery_tag', 'redelivered', 'routing_key'),
    );
    expect(
      editor.explains(`channel.basic_consume('q', (ch, method) => method.|);`, 'delivery_tag'),
    ).toContain('Settles the message');
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
});

describe('amqpy', () => {
  const editor = new Editor(
    `import { AbstractConsumer, Connection, Message } from '../../src/compat/amqpy';
  const conn = new Connection();
  const ch = conn.channel();`,
  );

  test('the methods of a channel', () => {
    const methods = [
      'queue_declare',
      'basic_publish_confirm',
      'tx_commit',
      'returned_messages',
      'CH_MODE_TX',
    ];
    expect(editor.offers('ch.|')).toEqual(some(...methods));
    expect(editor.offers('ch.|')).not.toEqual(some('queueDeclare'));
    expect(editor.explains('ch.|', 'queue_declare')).toContain('without a name the broker makes one up');
  });

  test('keyword arguments, alone and behind others, with their documentation', () => {
    const keywords = ['passive', 'durable', 'exclusive', 'auto_delete', 'nowait', 'arguments'];
    expect(editor.offers('ch.queue_declare({ | });')).toEqual(some('queue', ...keywords));
    expect(editor.offers(`ch.queue_declare('q', { | });`)).toEqual(some(...keywords));
    expect(editor.explains('ch.queue_declare({ | });', 'auto_delete')).toContain('default true');
    expect(editor.explains(`ch.queue_declare('q', { | });`, 'durable')).toContain('survives a restart');
    expect(editor.offers('new Connection({ | });')).toEqual(
      some('host', 'virtual_host', 'login_method', 'on_blocked', 'compat'),
    );
    expect(editor.explains('new Connection({ | });', 'heartbeat')).toContain('Seconds');
    expect(editor.offers(`new Message('x', { | });`)).toEqual(
      some('content_type', 'application_headers', 'delivery_mode'),
    );
    expect(editor.offers('new Connection({ compat: { | } });')).toEqual(
      some('transient_queues', 'recover', 'immediate', 'call_timeout'),
    );
  });

  test('positional arguments have their names', () => {
    const labels = editor.labels('ch.basic_reject(|)');
    expect(labels).toContain('delivery_tag: number, requeue: boolean');
    expect(editor.labels('ch.queue_declare(|)')[0]).toMatch(
      /^queue\?: string.*, passive\?: boolean.*, durable\?/,
    );
  });

  test('what comes back has names, too', () => {
    expect(editor.offers('ch.queue_declare().|')).toEqual(some('queue', 'message_count', 'consumer_count'));
    expect(editor.offers('ch.basic_get()!.|')).toEqual(some('body', 'ack', 'reject', 'delivery_info'));
    expect(editor.offers('ch.basic_get()!.delivery_info.|')).toEqual(
      some('delivery_tag', 'redelivered', 'message_count'),
    );
  });

  test('what is wrong is underlined', () => {
    const wrong = [
      ["ch.queue_declare('q', { durabel: true });", /durabel/],
      ["ch.exchange_declare('e');", /.*/],
      ["ch.basic_publish('text');", /.*/],
      ['ch.basic_reject(1);', /.*/],
      ['ch.queue_declare(5);', /.*/],
      ['ch.basic_get().ack();', /null/],
      ["new Connection({ hostname: 'x' });", /hostname/],
      ["new Message('x', { prioritty: 5 });", /prioritty/],
      ['class C extends AbstractConsumer {}', /run/],
      ['ch.openUp();', /openUp/],
    ] as const;
    for (const [program, message] of wrong) {
      expect([program, editor.complains(program)]).toEqual([program, [expect.stringMatching(message)]]);
    }
    const right = `ch.queue_declare('q', { durable: true });
    class Printer extends AbstractConsumer { run(msg: Message) { msg.ack(); } }
    new Printer(ch, 'q', { no_ack: true }).declare(); const [queue, count] = ch.queue_declare('q', true);
    ch.basic_publish(new Message(queue, { priority: count }), { routing_key: 'q' }); conn.drain_events(1.5);`;
    expect(editor.complains(right)).toEqual([]);
  });
});
