/** A constant that is spelt as in Python works; one that does not exist is not taken for "left out". */
import { DeliveryMode, ExchangeType, Message, typed } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { privateQueue, thrownBy, unique } from '../support/connect';

useChannel();

// biome-ignore lint/suspicious/noExplicitAny: what plain JavaScript gives
const nothing = undefined as any;

test('the constants have the spellings of aio-pika and pika', () => {
  expect(DeliveryMode).toMatchObject({ Transient: 1, Persistent: 2, NOT_PERSISTENT: 1, PERSISTENT: 2 });
  const { FANOUT, DIRECT, TOPIC, HEADERS, X_DELAYED_MESSAGE, X_CONSISTENT_HASH, X_MODULUS_HASH } =
    ExchangeType;
  expect([FANOUT, DIRECT, TOPIC, HEADERS]).toEqual(['fanout', 'direct', 'topic', 'headers']);
  expect([X_DELAYED_MESSAGE, X_CONSISTENT_HASH, X_MODULUS_HASH]).toEqual([
    'x-delayed-message',
    'x-consistent-hash',
    'x-modulus-hash',
  ]);
  const exchange = channel.declareExchange(unique(), ExchangeType.FANOUT, { autoDelete: true });
  const queue = channel.declareQueue().bind(exchange);
  exchange.publish('to all', 'any key', { deliveryMode: DeliveryMode.NOT_PERSISTENT });
  expect(queue.get()?.properties.deliveryMode).toBe(1);
});

describe('a kind or a mode that is undefined is refused', () => {
  test.each<[what: string, call: () => unknown, message: RegExp]>([
    ['declareExchange', () => channel.declareExchange('e', nothing), /^type must be a string, got undefined/],
    ['exchangeDeclare', () => channel.exchangeDeclare('e', nothing), /^type must be a string, got undefined/],
    ['declareQueue', () => channel.declareQueue('q', { type: nothing }), /^type is undefined; leave it out/],
    [
      'basicPublish',
      () => channel.basicPublish('x', { deliveryMode: nothing }),
      /^deliveryMode is undefined/,
    ],
    [
      'basicPublish, in a message',
      () => channel.basicPublish(new Message('x', { deliveryMode: nothing })),
      /^deliveryMode is undefined/,
    ],
    [
      'publishBatch',
      () => channel.publishBatch(['x'], { deliveryMode: nothing }),
      /^deliveryMode is undefined/,
    ],
    [
      'exchange.publish',
      () => channel.defaultExchange.publish('x', 'q', { deliveryMode: nothing }),
      /^deliveryMode is undefined/,
    ],
    [
      'exchange.publish, in a message',
      () => channel.defaultExchange.publish(new Message('x', { deliveryMode: nothing }), 'q'),
      /^deliveryMode is undefined/,
    ],
    [
      'exchange.publishBatch, in a message',
      () => channel.defaultExchange.publishBatch([new Message('x', { deliveryMode: nothing })], 'q'),
      /^deliveryMode is undefined/,
    ],
    [
      'rpc',
      () => connection.rpc('nobody').call('x', { deliveryMode: nothing }),
      /^deliveryMode is undefined/,
    ],
  ])('in %s', (what, call, message) => {
    if (what === 'publishBatch') channel.confirmSelect();
    expect(thrownBy(call)).toBeInstanceOf(TypeError);
    expect(call).toThrow(message);
    expect(channel.isOpen).toBe(true);
  });

  test('but left out they are what they were', () => {
    const name = unique();
    channel.exchangeDeclare(name);
    channel.exchangeDeclare(name, 'direct', { passive: true });
    channel.exchangeDelete(name);
    expect(new Message('x', { deliveryMode: 2 }).copy({ deliveryMode: nothing }).properties).toEqual({
      contentEncoding: expect.anything(),
    });
  });
});

describe('a timestamp with a part of a second', () => {
  const SECONDS = 1_700_000_000;
  test('is rounded down, as a property and in a table', () => {
    const queue = privateQueue(channel);
    const headers = { at: typed.timestamp(SECONDS + 0.999) };
    channel.basicPublish('x', { routingKey: queue, timestamp: SECONDS + 0.999, headers });
    channel.basicPublish(new Message('x', { timestamp: SECONDS + 0.001 }), { routingKey: queue });
    channel.defaultExchange.publish('x', queue, { timestamp: SECONDS + 0.5 });
    const moments = [1, 2, 3].map(() => channel.basicGet(queue)?.properties);
    expect(moments.map((each) => each?.timestamp)).toEqual(new Array(3).fill(new Date(SECONDS * 1000)));
    expect(moments[0]?.headers?.at).toEqual(new Date(SECONDS * 1000));
  });

  test.each([-1, -0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 70])(
    'is refused if it is %d, which is no time',
    (timestamp) => {
      expect(() => channel.basicPublish('x', { routingKey: 'q', timestamp })).toThrow(/^timestamp must be /);
      expect(channel.isOpen).toBe(true);
    },
  );
});
