/** What an editor shows to somebody who types Python's names: completions, labels, documentation, and what is wrong. */
import { type } from '../support/facades/editor';

const some = (...names: string[]) => expect.arrayContaining(names);

describe('pika', () => {
  const typed = (program: string) =>
    type(
      `import * as pika from '../../src/compat/pika';
  const connection = new pika.BlockingConnection();
  const channel = connection.channel();`,
      program,
    );

  const inPackage = typed('pika.|');
  const exceptions = typed('pika.exceptions.|');
  const exchangeTypes = typed('pika.exchange_type.ExchangeType.|');
  test('the package, and what is in it', () => {
    expect(inPackage.offers).toEqual(
      some(
        'BlockingConnection',
        'ConnectionParameters',
        'exceptions',
        'spec',
        'exchange_type',
        'DeliveryMode',
      ),
    );
    expect(exceptions.offers).toEqual(some('AMQPConnectionError', 'UnroutableError'));
    expect(exceptions.explains('StreamLostError')).toContain('without a word');
    expect(exchangeTypes.offers).toEqual(some('direct', 'topic'));
  });

  const channel = typed('channel.|');
  const connection = typed('connection.|');
  test('the methods of a channel, with their documentation', () => {
    const { offers } = channel;
    expect(offers).toEqual(some('queue_declare', 'basic_publish', 'start_consuming', 'consume', 'tx_commit'));
    for (const inner of ['core', 'call', 'frame', 'queueDeclare']) expect(offers).not.toContain(inner);
    expect(channel.explains('basic_cancel')).toContain('goes back to the queue');
    expect(connection.explains('process_data_events')).toContain('Run the callbacks');
  });

  const declare = typed('channel.queue_declare({ | });');
  const declareNamed = typed(`channel.queue_declare('q', { | });`);
  const parameters = typed('new pika.ConnectionParameters({ | });');
  const properties = typed('new pika.BasicProperties({ | });');
  const consume = typed(`channel.consume('q', { | });`);
  test('keyword arguments, alone and behind others, with their documentation', () => {
    const names = ['passive', 'durable', 'exclusive', 'auto_delete', 'arguments'];
    expect(declare.offers).toEqual(some('queue', ...names));
    expect(declareNamed.offers).toEqual(some(...names));
    expect(declareNamed.explains('durable')).toContain('survives a restart');
    expect(parameters.offers).toEqual(some('host', 'virtual_host', 'blocked_connection_timeout', 'compat'));
    expect(parameters.explains('retry_delay')).toContain('Seconds');
    expect(properties.offers).toEqual(some('content_type', 'delivery_mode'));
    expect(consume.offers).toEqual(some('inactivity_timeout', 'auto_ack'));
  });

  const declaring = typed('channel.queue_declare(|)');
  const acking = typed('channel.basic_ack(|)');
  test('positional arguments have their names', () => {
    expect(declaring.labels[0]).toMatch(/^queue: string, passive\?: boolean.*, durable\?: boolean/);
    expect(acking.labels[0]).toMatch(/^delivery_tag\?: number.*, multiple\?: boolean/);
  });

  const declareOk = typed(`channel.queue_declare('q').method.|`);
  const delivered = typed(`channel.basic_consume('q', (ch, method) => method.|);`);
  const deliveredWith = typed(`channel.basic_consume('q', (ch, method, properties) => properties.|);`);
  test('what comes back, and what callbacks are given', () => {
    expect(declareOk.offers).toEqual(some('queue', 'message_count', 'consumer_count'));
    expect(delivered.offers).toEqual(some('delivery_tag', 'redelivered', 'routing_key'));
    expect(delivered.explains('delivery_tag')).toContain('Settles the message');
    expect(deliveredWith.offers).toEqual(some('correlation_id', 'headers'));
  });

  const WRONG: [program: string, complaint: RegExp][] = [
    [`channel.queue_declare('q', { durabel: true });`, /durabel/],
    ['channel.queue_declare();', /./],
    [`channel.basic_publish('', 'q', 5);`, /number/],
    [`channel.basic_get('q')[0].delivery_tag;`, /null/],
    [`channel.basic_consume('q', (body: string) => body);`, /./],
    [`new pika.ConnectionParameters({ hostname: 'h' });`, /hostname/],
    [`new pika.BasicProperties({ prioritty: 5 });`, /prioritty/],
    [`for (const [method] of channel.consume('q', { inactivity_timeout: 1 })) method.delivery_tag;`, /null/],
  ];
  test.each(WRONG.map(([program, complaint]) => [program, complaint, typed(program)] as const))(
    'what is wrong is underlined: %s',
    (_program, complaint, { complains }) => {
      expect(complains).toEqual([expect.stringMatching(complaint)]);
    },
  );

  const right = typed(`
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
    new pika.BlockingConnection([new pika.URLParameters('amqp://h'), new pika.ConnectionParameters()]);`);
  test('what is right is not underlined', () => {
    expect(right.complains).toEqual([]);
  });
});

describe('amqpy', () => {
  const typed = (program: string) =>
    type(
      `import { AbstractConsumer, Connection, Message } from '../../src/compat/amqpy';
  const conn = new Connection();
  const ch = conn.channel();`,
      program,
    );

  const channel = typed('ch.|');
  test('the methods of a channel', () => {
    const methods = [
      'queue_declare',
      'basic_publish_confirm',
      'tx_commit',
      'returned_messages',
      'CH_MODE_TX',
    ];
    expect(channel.offers).toEqual(some(...methods));
    expect(channel.offers).not.toEqual(some('queueDeclare'));
    expect(channel.explains('queue_declare')).toContain('without a name the broker makes one up');
  });

  const declare = typed('ch.queue_declare({ | });');
  const declareNamed = typed(`ch.queue_declare('q', { | });`);
  const connecting = typed('new Connection({ | });');
  const message = typed(`new Message('x', { | });`);
  const compat = typed('new Connection({ compat: { | } });');
  test('keyword arguments, alone and behind others, with their documentation', () => {
    const keywords = ['passive', 'durable', 'exclusive', 'auto_delete', 'nowait', 'arguments'];
    expect(declare.offers).toEqual(some('queue', ...keywords));
    expect(declareNamed.offers).toEqual(some(...keywords));
    expect(declare.explains('auto_delete')).toContain('default true');
    expect(declareNamed.explains('durable')).toContain('survives a restart');
    expect(connecting.offers).toEqual(some('host', 'virtual_host', 'login_method', 'on_blocked', 'compat'));
    expect(connecting.explains('heartbeat')).toContain('Seconds');
    expect(message.offers).toEqual(some('content_type', 'application_headers', 'delivery_mode'));
    expect(compat.offers).toEqual(some('transient_queues', 'recover', 'immediate', 'call_timeout'));
  });

  const rejecting = typed('ch.basic_reject(|)');
  const declaring = typed('ch.queue_declare(|)');
  test('positional arguments have their names', () => {
    expect(rejecting.labels).toContain('delivery_tag: number, requeue: boolean');
    expect(declaring.labels[0]).toMatch(/^queue\?: string.*, passive\?: boolean.*, durable\?/);
  });

  const declareOk = typed('ch.queue_declare().|');
  const got = typed('ch.basic_get()!.|');
  const deliveryInfo = typed('ch.basic_get()!.delivery_info.|');
  test('what comes back has names, too', () => {
    expect(declareOk.offers).toEqual(some('queue', 'message_count', 'consumer_count'));
    expect(got.offers).toEqual(some('body', 'ack', 'reject', 'delivery_info'));
    expect(deliveryInfo.offers).toEqual(some('delivery_tag', 'redelivered', 'message_count'));
  });

  const WRONG: [program: string, complaint: RegExp][] = [
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
  ];
  const wrong = WRONG.map(([program, complaint]) => [program, complaint, typed(program)] as const);
  const right = typed(`ch.queue_declare('q', { durable: true });
    class Printer extends AbstractConsumer { run(msg: Message) { msg.ack(); } }
    new Printer(ch, 'q', { no_ack: true }).declare(); const [queue, count] = ch.queue_declare('q', true);
    ch.basic_publish(new Message(queue, { priority: count }), { routing_key: 'q' }); conn.drain_events(1.5);`);
  test('what is wrong is underlined', () => {
    for (const [program, message, { complains }] of wrong)
      expect([program, complains]).toEqual([program, [expect.stringMatching(message)]]);
    expect(right.complains).toEqual([]);
  });
});
