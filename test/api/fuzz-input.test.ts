/** Whatever a program passes, where it does not belong: an error in its own words, and the channel lives. */
import fc from 'fast-check';
import { Message } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { privateQueue, takeAll } from '../support/connect';

let queue: string;
useChannel({ heartbeat: 0 });
beforeEach(() => {
  queue = privateQueue(channel);
});

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are the subject
type Anything = any;

class Surprise extends Error {}
const surprise = () => {
  throw new Surprise('thrown by what was passed');
};

/** Values that misbehave when they are looked at. */
const traps: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  { toString: surprise, valueOf: surprise, [Symbol.toPrimitive]: surprise },
  Object.defineProperty({}, 'timeout', { get: surprise, enumerable: true }),
  new Proxy({}, { get: surprise, ownKeys: surprise, getPrototypeOf: surprise }),
  new Proxy(() => {}, { get: surprise }),
  Object.create({ timeout: -1 }),
  Object.freeze([]),
  detached(),
  new SharedArrayBuffer(8),
  new WeakMap(),
  Promise.resolve('q'),
  Symbol('s'),
  2n ** 70n,
  -0,
  Number.MAX_VALUE,
  new Date(Number.NaN),
  /x/,
  function named() {},
  class Foreign {},
  new (class Queue {
    name = 'q';
  })(),
);

function detached(): Uint8Array {
  const bytes = new Uint8Array(4);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

const junk: fc.Arbitrary<unknown> = fc.oneof(
  traps,
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
);
/** `Array`, `Map`, … and `trap` for what cannot even be asked. */
function kind(value: unknown): string {
  try {
    return Object.prototype.toString.call(value).slice(8, -1);
  } catch {
    return 'trap';
  }
}

/** Junk that is no string: a random string is a fine name for a queue. */
const notText = junk.filter((value) => typeof value !== 'string' && value !== undefined);
const notTag = junk.filter((value) => !(Number.isInteger(value) && (value as number) >= 0));
const notFlag = junk.filter((value) => typeof value !== 'boolean' && value !== undefined);
const notTable = junk.filter((value) => value !== undefined && !['Object', 'Map'].includes(kind(value)));
const notOptions = fc.oneof(
  notText.filter((value) => typeof value !== 'object' || value === null || Array.isArray(value)),
  fc.dictionary(
    fc.string({ minLength: 1 }).map((name) => `?${name}`),
    junk,
    { minKeys: 1 },
  ),
);
const notBody = junk.filter((value) => !['String', 'Uint8Array'].includes(kind(value)));
const notTime = junk.filter((value) => value !== undefined && !(typeof value === 'number' && value >= 0));

const calls: Record<string, (c: Anything) => fc.Arbitrary<() => unknown>> = {
  exchangeDeclare: (c) => notText.map((wrong) => () => c.exchangeDeclare(wrong)),
  'exchangeDeclare type': (c) => notText.map((wrong) => () => c.exchangeDeclare('e', wrong)),
  'exchangeDeclare durable': (c) =>
    notFlag.map((durable) => () => c.exchangeDeclare('e', 'direct', { durable })),
  exchangeDelete: (c) => notText.map((wrong) => () => c.exchangeDelete(wrong)),
  exchangeBind: (c) => notText.map((wrong) => () => c.exchangeBind('e', wrong)),
  'queueDeclare options': (c) => notOptions.map((wrong) => () => c.queueDeclare('q', wrong)),
  queueDeclare: (c) => notText.map((wrong) => () => c.queueDeclare(wrong)),
  'queueDeclare arguments': (c) => notTable.map((wrong) => () => c.queueDeclare('q', { arguments: wrong })),
  queueBind: (c) => notText.map((wrong) => () => c.queueBind(queue, wrong)),
  'queueBind routingKey': (c) => notText.map((wrong) => () => c.queueBind(queue, 'e', { routingKey: wrong })),
  queuePurge: (c) => notText.map((wrong) => () => c.queuePurge(wrong)),
  'queueDelete ifEmpty': (c) => notFlag.map((ifEmpty) => () => c.queueDelete('q', { ifEmpty })),
  basicQos: (c) =>
    notTag.filter((value) => value !== undefined).map((prefetchCount) => () => c.basicQos({ prefetchCount })),
  basicGet: (c) => notText.map((wrong) => () => c.basicGet(wrong)),
  'basicConsume callback': (c) =>
    junk.filter((value) => typeof value !== 'function').map((wrong) => () => c.basicConsume(queue, wrong)),
  'consume options': (c) => notOptions.map((wrong) => () => c.consume(queue, wrong)),
  basicCancel: (c) => notText.map((wrong) => () => c.basicCancel(wrong)),
  basicAck: (c) => notTag.map((wrong) => () => c.basicAck(wrong)),
  basicNack: (c) => fc.nat().map((wrong) => () => c.basicNack(wrong)),
  'basicReject requeue': (c) => notFlag.map((requeue) => () => c.basicReject(1, { requeue })),
  basicPublish: (c) => notBody.map((wrong) => () => c.basicPublish(wrong)),
  'basicPublish options': (c) => notOptions.map((wrong) => () => c.basicPublish('x', wrong)),
  'basicPublish headers': (c) => notTable.map((headers) => () => c.basicPublish('x', { headers })),
  'basicPublish type': (c) => notText.map((type) => () => c.basicPublish('x', { type })),
  'basicPublish timeout': (c) => notTime.map((timeout) => () => c.basicPublish('x', { timeout })),
  Message: (_c) => notBody.map((wrong) => () => new Message(wrong as never)),
  'connection.channel': (c) =>
    notTag.filter((value) => value !== undefined).map((wrong) => () => c.connection.channel(wrong)),
  'connection.drainEvents': (c) => notOptions.map((wrong) => () => c.connection.drainEvents(wrong)),
  'connection.callLater': (c) =>
    notTag
      .filter((value) => typeof value !== 'number')
      .map((wrong) => () => c.connection.callLater(wrong, () => {})),
};

it.each(Object.entries(calls))(
  'any wrong argument of %s is refused here, and sends nothing',
  (_verb, arbitrary) => {
    connection.flush();
    const { bytesOut } = connection.stats();
    fc.assert(
      fc.property(arbitrary(channel), (call) => {
        let error: unknown;
        try {
          call();
        } catch (thrown) {
          error = thrown;
        }
        const name = (error as Error | undefined)?.name;
        if (!(error instanceof Surprise)) expect(['TypeError', 'RangeError']).toContain(name);
        expect(channel.isOpen).toBe(true);
      }),
      { numRuns: 150 },
    );
    connection.flush();
    expect(connection.stats().bytesOut).toBe(bytesOut);
    channel.basicPublish('works', { routingKey: queue });
    expect(takeAll(channel, queue)).toEqual(['works']);
  },
);

it('header tables of any shape are sent and come back, or are refused; they are never an error of the broker', () => {
  const scalar = fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constant(null),
    fc.date({ min: new Date(0), noInvalidDate: true }),
    fc.uint8Array({ maxLength: 20 }),
    fc.constant(undefined),
    traps,
  );
  const key = fc.string({ maxLength: 60 });
  const headers = fc.letrec<{ table: object; value: unknown }>((tie) => ({
    table: fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: false }),
    value: fc.oneof({ depthSize: 'small' }, scalar, fc.array(tie('value'), { maxLength: 3 }), tie('table')),
  })).table;
  fc.assert(
    fc.property(headers, (table) => {
      try {
        channel.basicPublish('x', { routingKey: queue, headers: table as never });
      } catch (error) {
        if (!(error instanceof Surprise))
          expect(['TypeError', 'RangeError']).toContain((error as Error).name);
        return;
      }
      expect(channel.basicGet(queue, { noAck: true })?.text).toBe('x');
    }),
    { numRuns: 300 },
  );
});
