/** Who knows amqplib is told what to write here. */
import { Message } from '../../src';
import { AMQPLIB_CHANNEL, AMQPLIB_CONNECTION } from '../../src/api/amqplib-names';
import { channel, connection, useChannel } from '../support/channel';
import { privateQueue, takeAll, thrownBy } from '../support/connect';

useChannel({ heartbeat: 0 }); // nothing is sent but what the tests send

// biome-ignore lint/suspicious/noExplicitAny: TypeScript knows none of these names
const untyped = (value: object) => value as any;

describe('a name of amqplib', () => {
  test.each([
    [
      'publish',
      "channel.publish is amqplib's; here it is channel.basicPublish(body, { exchange, routingKey })",
    ],
    [
      'sendToQueue',
      "channel.sendToQueue is amqplib's; here it is channel.basicPublish(body, { routingKey: queue })",
    ],
    ['prefetch', "channel.prefetch is amqplib's; here it is channel.basicQos({ prefetchCount })"],
  ])('%s says what to write, and does nothing', (name, message) => {
    const { bytesOut } = connection.stats();
    const error = thrownBy(() => untyped(channel)[name]('amq.direct', 'key', Buffer.from('x')));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(message);
    expect(connection.stats().bytesOut).toBe(bytesOut);
  });

  test.each(Object.entries(AMQPLIB_CHANNEL))('%s leads to verbs that are there', (name, here) => {
    expect(() => untyped(channel)[name]()).toThrow(here);
    for (const [, verb] of here.matchAll(/channel\.(\w+)/g))
      expect(untyped(channel)[verb!]).toBeInstanceOf(Function);
  });

  test.each(Object.entries(AMQPLIB_CONNECTION))(
    '%s of a connection leads to verbs that are there',
    (name, here) => {
      expect(() => untyped(connection)[name]()).toThrow(here);
    },
  );

  test('is harmless as long as nobody calls it', () => {
    expect(typeof untyped(channel).sendToQueue).toBe('function');
    expect(Object.keys(channel)).not.toContain('sendToQueue');
    const names: string[] = [];
    for (const name in channel) names.push(name);
    expect(names).not.toContain('sendToQueue');
    expect(channel).toEqual(channel);
    jest.spyOn(untyped(channel), 'sendToQueue').mockReturnValue('mine');
    expect(untyped(channel).sendToQueue()).toBe('mine');
  });
});

describe('an argument where options are expected', () => {
  test.each<[what: string, call: () => unknown, message: string]>([
    [
      'the key of a binding',
      () => untyped(channel).queueBind('q', 'x', 'key'),
      'did you mean { routingKey: "key" }?',
    ],
    [
      'the key of an unbinding',
      () => untyped(channel).exchangeUnbind('q', 'x', 'k'),
      'did you mean { routingKey: "k" }?',
    ],
    [
      'the queue of a publish',
      () => untyped(channel).basicPublish('x', 'q'),
      'did you mean { routingKey: "q" }?',
    ],
    ['how many to send ahead', () => untyped(channel).basicQos(10), 'did you mean { prefetchCount: 10 }?'],
    ['"all up to this one"', () => untyped(channel).basicAck(1, true), 'did you mean { multiple: true }?'],
    ['where to reject to', () => untyped(channel).basicReject(1, false), 'did you mean { requeue: false }?'],
    ['a time', () => untyped(connection).drainEvents(500), 'did you mean { timeout: 500 }?'],
    ['a callback', () => untyped(channel).consume('q', () => {}), 'basicConsume(queue, callback)'],
  ])('%s, given where options belong, is answered with the option', (_, call, message) => {
    expect(thrownBy(call)).toBeInstanceOf(TypeError);
    expect(call).toThrow(message);
  });
});

test.each<[name: string, here: string, call: (options: never) => unknown]>([
  ['persistent', 'deliveryMode', (options) => channel.basicPublish('x', options)],
  ['persistent', 'deliveryMode', (options) => channel.defaultExchange.publish('x', 'q', options)],
  ['persistent', 'deliveryMode', (options) => channel.publishBatch(['x'], options)],
  ['CC', 'headers', (options) => channel.defaultExchange.publish('x', 'q', options)],
  ['auto_ack', 'noAck', (options) => channel.basicConsume('q', () => {}, options)],
  ['prefetch_count', 'prefetch', (options) => channel.consume('q', options)],
  ['prefetch_count', 'prefetchCount', (options) => channel.basicQos(options)],
])('the option %s of other clients is answered with %s', (name, here, call) => {
  expect(() => call({ [name]: 1 } as never)).toThrow(`unknown option "${name}"; did you mean "${here}"?`);
});

test.each<[what: string, publish: (queue: string, body: never) => unknown]>([
  ['basicPublish', (queue, body) => channel.basicPublish(body, { routingKey: queue })],
  ['an exchange', (queue, body) => channel.defaultExchange.publish(body, queue)],
  ['a queue', (queue, body) => channel.getQueue(queue).publish(body)],
  ['a message', (_, body) => new Message(body)],
])('an object as a body: %s says that Message.json makes one of it', (_, publish) => {
  const queue = privateQueue(channel);
  for (const body of [{ a: 1 }, [1, 2]])
    expect(() => publish(queue, body as never)).toThrow(
      /^body must be a string or a Uint8Array, got an .*; Message\.json\(value\) makes a message of anything else$/,
    );
  expect(takeAll(channel, queue)).toEqual([]);
});
