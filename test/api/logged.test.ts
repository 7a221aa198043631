/** What the objects and errors of this library are in a log: little, none of what is beneath, and no secrets. */
import { inspect } from 'node:util';
import { Master, Message, PreconditionFailedError, Rpc, startBroker, type UnroutableError } from '../../src';
import * as amqpy from '../../src/compat/amqpy';
import * as pika from '../../src/compat/pika';
import { channel, connection, useChannel } from '../support/channel';
import { open, privateQueue, thrownBy, unique } from '../support/connect';
import { parameters } from '../support/facades/amqpy';
import { local } from '../support/facades/pika';

useChannel();

/** Lines that a log would not want. */
const MOST = 60;

function expectShort(value: unknown): void {
  const texts = [
    JSON.stringify(value),
    inspect(value),
    inspect([{ value }]),
    `${inspect({ a: { b: { value } } })}`,
  ];
  for (const text of texts) {
    expect(text.split('\n').length).toBeLessThan(MOST);
    expect(text).not.toMatch(/SharedArrayBuffer|dispatcher|doorbell|Int32Array|#|guest:guest|secret/);
  }
}

test('an error that carries a message says which, and where it was to go', () => {
  const error = thrownBy<UnroutableError>(() =>
    channel.declareExchange(unique(), 'fanout', { autoDelete: true }).publish('a body', 'nowhere'),
  );
  expectShort(error);
  // as Node prints what nobody catches
  expect(inspect(error, { customInspect: false }).split('\n').length).toBeLessThan(MOST);
  expect(inspect(error.returnedMessage)).toContain("ReturnedMessage {\n  body: 'a body',");
  expect(JSON.parse(JSON.stringify({ error })).error).toMatchObject({
    name: 'UnroutableError',
    code: 'NO_ROUTE',
    message: error.message,
    replyCode: 312,
    outcome: 'rejected',
    returnedMessage: { body: 'a body', bodySize: 6, routingKey: 'nowhere' },
  });
});

test('an error says what is to be said of its cause', () => {
  const name = unique();
  channel.queueDeclare(name, { exclusive: true });
  const reason = thrownBy(() => channel.queueDeclare(name, { exclusive: true, autoDelete: true }));
  const error = thrownBy(() => channel.queueDeclare(name));
  expect(JSON.parse(JSON.stringify(reason))).toMatchObject({
    code: 'PRECONDITION_FAILED',
    argument: 'auto_delete',
  });
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    ...{ name: 'WrongStateError', message: error.message, code: 'CHANNEL_CLOSED', origin: 'client' },
    ...{ recoverable: false, method: 'queue.declare', outcome: 'not-sent' },
    cause: `${PreconditionFailedError.name}: ${reason.message}`,
  });
  expectShort(error);
});

test('a message is what info() says of it, with the beginning of its body', () => {
  const queue = privateQueue(channel);
  const headers = { big: 2n ** 60n, bytes: Buffer.from('x'), list: [1n], map: { a: 1n } };
  channel.basicPublish('x'.repeat(1000), { routingKey: queue, headers, type: 'long' });
  const message = channel.basicGet(queue, { noAck: true })!;
  expectShort(message);
  expect(JSON.parse(JSON.stringify(message))).toEqual({
    ...JSON.parse(JSON.stringify({ ...message.info(), headers: undefined })),
    body: `${'x'.repeat(60)}…`,
    bodySize: 1000,
    headers: { big: String(2n ** 60n), bytes: 'x', list: [1], map: { a: 1 } },
  });
  expect(inspect(message)).toMatch(/^IncomingMessage \{/);
});

test.each<[body: string | Uint8Array, shown: string]>([
  ['', ''],
  ['Grüße\n', 'Grüße\n'],
  ['ü'.repeat(61), `${'ü'.repeat(60)}…`],
  ['€'.repeat(100), `${'€'.repeat(60)}…`],
  [Uint8Array.of(0, 1, 2), '3 bytes'],
  [Uint8Array.of(0xff, 0xfe), '2 bytes'],
])('the body %j is shown as %j', (body, shown) => {
  expect(JSON.parse(JSON.stringify(new Message(body))).body).toBe(shown);
});

test('the objects are short, each under its name', () => {
  const queue = channel.declareQueue();
  const objects = {
    Connection: connection,
    Channel: channel,
    Queue: queue,
    Exchange: channel.defaultExchange,
    Subscription: queue.subscribe(() => {}),
    LoopedConsumer: channel.consume(queue.name),
    Procedure: connection.rpc('sum'),
    Rpc: new Rpc(channel),
    Master: new Master(channel),
    Message: new Message('x'),
  };
  for (const [name, object] of Object.entries(objects)) {
    expectShort(object);
    expect(inspect(object)).toMatch(new RegExp(`^${name} \\{`));
    expect(Object.keys(object)).not.toContain('toJSON');
  }
  expect(JSON.parse(JSON.stringify(channel))).toEqual({
    ...{ channel: channel.id, isOpen: true, mode: 'none', consumerTags: channel.consumerTags },
  });
});

test('passwords and tokens are nowhere', () => {
  using broker = startBroker({ users: { me: 'secret' } } as never);
  const own = open();
  for (const object of [broker, own, own.lastError, new pika.PlainCredentials('me', 'secret')]) {
    expect(inspect(object)).not.toContain('secret');
    expect(JSON.stringify({ object })).not.toContain('secret');
  }
  const refused = thrownBy(() => open({ password: 'secret' }));
  expect(JSON.stringify(refused) + inspect(refused)).not.toContain('secret');
  const ssl = new pika.SSLOptions({ passphrase: 'secret' } as never, 'host');
  expect(JSON.stringify(ssl) + inspect(ssl)).not.toContain('secret');
});

test("the objects and exceptions of pika's facade", () => {
  using own = new pika.BlockingConnection(local());
  const ch = own.channel();
  ch.confirm_delivery();
  const error = thrownBy(() =>
    ch.basic_publish({ exchange: '', routing_key: unique(), body: 'a body', mandatory: true }),
  );
  for (const object of [own, ch, error, local(), new pika.BasicProperties({ headers: { a: 2n ** 60n } })])
    expectShort(object);
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({
    name: 'UnroutableError',
    messages: [{ body: 'a body' }],
  });
});

test("the objects and exceptions of amqpy's facade", () => {
  const conn = new amqpy.Connection(parameters());
  try {
    const ch = conn.channel();
    class Quiet extends amqpy.AbstractConsumer {
      run() {}
    }
    const error = thrownBy(() => ch.queue_declare({ queue: unique(), passive: true }));
    const objects = [conn, ch, error, new amqpy.Message('x'), new Quiet(ch, 'q'), ch.returned_messages];
    for (const object of objects) expectShort(object);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      name: 'NotFound',
      reply_code: 404,
      channel_id: 1,
    });
  } finally {
    conn.close();
  }
});
