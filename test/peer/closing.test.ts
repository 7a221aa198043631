import {
  type AmqpError,
  type Channel,
  ChannelClosedError,
  type Connection,
  type ConnectionClosedError,
  ConnectionForcedError,
  ConnectionLostError,
  type MessageIterator,
  NotFoundError,
  PreconditionFailedError,
  WrongStateError,
} from '../../src';
import {
  AT_ONCE,
  arrived,
  broker,
  CEILING,
  connectTo,
  duration,
  ended,
  errorOf,
  failureOf,
  talk,
} from '../support/peers/peer';
import {
  beat,
  closed,
  content,
  cut,
  delivery,
  expects,
  expectsEnd,
  handshake,
  opened,
  reading,
  ready,
  type Script,
  type Step,
  send,
  serve,
  stall,
  waitFor,
} from '../support/peers/script';
import type { ScriptedBroker } from '../support/peers/scripted-broker';

const notFound = { replyCode: 404, replyText: "NOT_FOUND - no queue 'q'", classId: 50, methodId: 10 };
const forced = {
  replyCode: 320,
  replyText: "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
};

interface Scene {
  peer: ScriptedBroker;
  connection: Connection;
  channel: Channel;
}

function scene(...steps: Script): Scene {
  const { peer, connection } = talk([...ready(), ...steps]);
  return { peer, connection, channel: connection.channel() };
}

// ── every blocking call ───────────────────────────────────────────────────────────────────────────────

const consumes = [
  ...[expects('basic.qos'), send('basic.qos-ok')],
  ...[expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'ct' })],
];
/** With noAck there is no prefetch. */
const consumesNoAck = consumes.slice(2);
const confirms = [expects('confirm.select'), send('confirm.select-ok')];
const transacts = [expects('tx.select'), send('tx.select-ok')];

/** name, what leads to it, the method that the broker sees of it, what is made ready, the call itself */
type Call = [
  string,
  Step[],
  Step | undefined,
  (scene: Scene) => unknown,
  (scene: Scene, ready: unknown) => unknown,
];
const nothing = () => undefined;

const calls: Call[] = [
  ['connection.channel', [], expects('channel.open'), nothing, ({ connection }) => connection.channel()],
  [
    'exchangeDeclare',
    [],
    expects('exchange.declare'),
    nothing,
    ({ channel }) => channel.exchangeDeclare('x'),
  ],
  ['exchangeDelete', [], expects('exchange.delete'), nothing, ({ channel }) => channel.exchangeDelete('x')],
  ['exchangeBind', [], expects('exchange.bind'), nothing, ({ channel }) => channel.exchangeBind('x', 'y')],
  [
    'exchangeUnbind',
    [],
    expects('exchange.unbind'),
    nothing,
    ({ channel }) => channel.exchangeUnbind('x', 'y'),
  ],
  ['queueDeclare', [], expects('queue.declare'), nothing, ({ channel }) => channel.queueDeclare('q')],
  ['queueBind', [], expects('queue.bind'), nothing, ({ channel }) => channel.queueBind('q', 'x')],
  ['queueUnbind', [], expects('queue.unbind'), nothing, ({ channel }) => channel.queueUnbind('q', 'x')],
  ['queuePurge', [], expects('queue.purge'), nothing, ({ channel }) => channel.queuePurge('q')],
  ['queueDelete', [], expects('queue.delete'), nothing, ({ channel }) => channel.queueDelete('q')],
  ['basicQos', [], expects('basic.qos'), nothing, ({ channel }) => channel.basicQos({ prefetchCount: 1 })],
  [
    'basicConsume',
    consumes.slice(0, 2),
    expects('basic.consume'),
    nothing,
    ({ channel }) => channel.basicConsume('q', nothing),
  ],
  [
    'basicCancel',
    consumes,
    expects('basic.cancel'),
    ({ channel }) => channel.basicConsume('q', nothing),
    ({ channel }) => channel.basicCancel('ct'),
  ],
  ['basicGet', [], expects('basic.get'), nothing, ({ channel }) => channel.basicGet('q')],
  ['basicRecover', [], expects('basic.recover'), nothing, ({ channel }) => channel.basicRecover()],
  ['flow', [], expects('channel.flow'), nothing, ({ channel }) => channel.flow(true)],
  ['confirmSelect', [], expects('confirm.select'), nothing, ({ channel }) => channel.confirmSelect()],
  [
    'basicPublish, confirmed',
    confirms,
    expects('basic.publish'),
    ({ channel }) => channel.confirmSelect(),
    ({ channel }) => channel.basicPublish('x', { routingKey: 'q' }),
  ],
  [
    'waitForConfirms',
    confirms,
    expects('basic.publish'),
    publishUnwatched,
    ({ channel }) => channel.waitForConfirms(),
  ],
  ['txSelect', [], expects('tx.select'), nothing, ({ channel }) => channel.txSelect()],
  [
    'txCommit',
    transacts,
    expects('tx.commit'),
    ({ channel }) => channel.txSelect(),
    ({ channel }) => channel.txCommit(),
  ],
  [
    'txRollback',
    transacts,
    expects('tx.rollback'),
    ({ channel }) => channel.txSelect(),
    ({ channel }) => channel.txRollback(),
  ],
  ['transaction', transacts, expects('tx.commit'), nothing, ({ channel }) => channel.transaction(nothing)],
  [
    'updateSecret',
    [],
    expects('connection.update-secret'),
    nothing,
    ({ connection }) => connection.updateSecret('new'),
  ],
  ['drainEvents', [], undefined, nothing, ({ connection }) => connection.drainEvents()],
  ['loop', [], undefined, nothing, ({ connection }) => connection.loop()],
  ['sleep', [], undefined, nothing, ({ connection }) => connection.sleep(CEILING)],
  [
    'an iterator',
    consumes,
    undefined,
    ({ channel }) => channel.consume('q'),
    (_, iterator) => (iterator as MessageIterator).next(),
  ],
];

function publishUnwatched({ channel }: Scene): void {
  channel.confirmSelect();
  channel.basicPublish('x', { routingKey: 'q', wait: false });
}

describe.each<[string, Step, typeof ConnectionClosedError]>([
  ['the connection is cut', cut(), ConnectionLostError],
  ['the connection is reset', cut({ rst: true }), ConnectionLostError],
  ['the broker closes the connection', send('connection.close', forced), ConnectionForcedError],
])('%s during', (_, end, errorClass) => {
  test.each(calls)(
    '%s: it throws at once, and says that the outcome is unknown',
    (_, before, seen, prepare, call) => {
      const start = seen === undefined ? waitFor('go') : seen;
      const stage = scene(...before, start, stall(50), end);
      const prepared = prepare(stage);
      stage.peer.signal('go');
      const { error, ms } = failureOf(() => call(stage, prepared));
      expect(error).toBeInstanceOf(errorClass);
      expect(error).toMatchObject({ outcome: 'unknown', recoverable: true });
      expect(ms).toBeLessThan(AT_ONCE);
      // it has been told once; from now on nothing is sent, and the cause is known
      for (const after of [
        () => stage.channel.queuePurge('q'),
        () => stage.connection.drainEvents({ timeout: 0 }),
      ]) {
        const { error: later, ms: atOnce } = failureOf(after);
        expect(later).toBeInstanceOf(WrongStateError);
        expect(later).toMatchObject({ outcome: 'not-sent', cause: error });
        expect(atOnce).toBeLessThan(AT_ONCE);
      }
    },
  );

  test('publishBatch: no error, but a result for each message', () => {
    const { channel } = scene(
      ...confirms,
      ...[expects('basic.publish'), expects('basic.publish'), expects('basic.publish')],
      ...[send('basic.ack', { deliveryTag: 1 }), stall(50), end],
    );
    channel.confirmSelect();
    const start = performance.now();
    const results = channel.publishBatch(['one', 'two', 'three', 'four'], { routingKey: 'q', window: 3 });
    expect(performance.now() - start).toBeLessThan(AT_ONCE);
    expect(results.map(({ status }) => status)).toEqual([
      'acked',
      'unknown',
      'unknown',
      expect.stringMatching(/unknown|not-sent/),
    ]);
    expect(results[1]?.error).toBeInstanceOf(errorClass);
  });

  test('channel.close: it is closed', () => {
    const { channel, connection } = scene(expects('channel.close'), stall(50), end);
    expect(duration(() => channel.close())).toBeLessThan(AT_ONCE);
    expect(channel.isOpen).toBe(false);
    expect(connection.isAlive).toBe(false);
  });

  test('connection.close: it is closed', () => {
    const { connection } = scene(expects('connection.close'), stall(50), end);
    expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
    expect(connection.isOpen).toBe(false);
  });

  test('a publish that waits for room', () => {
    const { channel } = scene(expects('basic.publish'), reading(false), stall(100), end);
    const { error, ms } = failureOf(() => {
      for (;;) channel.basicPublish(Buffer.alloc(100_000), { routingKey: 'q' });
    });
    expect(error).toBeInstanceOf(errorClass);
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('nothing in particular: the next call says so', () => {
    const { peer, channel, connection } = scene(waitFor('go'), end);
    peer.signal('go');
    ended(connection);
    expect(errorOf(() => channel.basicPublish('x', { routingKey: 'q' }))).toBeInstanceOf(errorClass);
    expect(errorOf(() => channel.basicPublish('x', { routingKey: 'q' }))).toBeInstanceOf(WrongStateError);
    expect(connection.isOpen).toBe(false);
  });

  test('all channels learn of it', () => {
    const { connection, channel } = scene(...opened(2), expects('queue.purge', {}, { channel: 1 }), end);
    const other = connection.channel();
    const error = errorOf(() => channel.queuePurge('q'));
    expect(other.isOpen).toBe(false);
    expect(errorOf(() => other.queuePurge('q'))).toMatchObject({ cause: error });
    expect(connection.channels.size).toBe(0);
  });

  test('onClose tells it before the error is thrown', () => {
    const { connection, channel } = scene(expects('queue.purge'), end);
    const told: AmqpError[] = [];
    connection.onClose = (error) => told.push(error);
    const error = errorOf(() => {
      try {
        channel.queuePurge('q');
      } finally {
        expect(told).toHaveLength(1);
      }
    });
    expect(told).toEqual([error]);
    expect(errorOf(() => connection.drainEvents({ timeout: 100 }))).toBeInstanceOf(WrongStateError);
  });

  test('an error that was not sent says so: the connection had ended before', () => {
    const { peer, channel, connection } = scene(waitFor('go'), end);
    peer.signal('go');
    ended(connection);
    expect(errorOf(() => channel.queuePurge('q'))).toMatchObject({ outcome: 'not-sent' });
  });
});

// ── the broker closes ─────────────────────────────────────────────────────────────────────────────────

describe('connection.close from the broker', () => {
  test('320 is recoverable and keeps the text; close-ok is sent', () => {
    const { peer, channel } = scene(
      expects('queue.purge'),
      send('connection.close', forced),
      expects('connection.close-ok'),
      expectsEnd(),
    );
    const error = errorOf(() => channel.queuePurge('q'));
    expect(error).toMatchObject({
      code: 'CONNECTION_FORCED',
      replyCode: 320,
      replyText: forced.replyText,
      origin: 'broker',
      recoverable: true,
    });
    peer.done();
  });

  test.each([501, 503, 504, 530, 540, 541])('%d is not recoverable, and names the method', (replyCode) => {
    const { channel } = scene(
      expects('queue.declare'),
      send('connection.close', { replyCode, replyText: 'NO', classId: 50, methodId: 10 }),
    );
    expect(errorOf(() => channel.queueDeclare('q'))).toMatchObject({
      replyCode,
      method: 'queue.declare',
      recoverable: false,
    });
  });

  test('while the broker reads nothing: it is told at once, not when the socket is empty', () => {
    const { channel } = scene(
      expects('basic.publish'),
      reading(false),
      stall(100),
      beat(100),
      send('connection.close', forced),
    );
    const { error, ms } = failureOf(() => {
      for (;;) channel.basicPublish(Buffer.alloc(1_000_000), { routingKey: 'q', timeout: CEILING });
    });
    expect(error).toBeInstanceOf(ConnectionForcedError);
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('whatever came before it is still delivered', () => {
    const last = [delivery('ct', 1, { body: 'last' }), send('connection.close', forced)];
    const { peer, connection, channel } = scene(...consumesNoAck, waitFor('go'), ...last);
    const got: string[] = [];
    channel.basicConsume('q', ({ text }) => got.push(text), { noAck: true });
    peer.signal('go');
    arrived(connection, ...last);
    expect(errorOf(() => connection.loop({ timeout: CEILING }))).toBeInstanceOf(ConnectionForcedError);
    expect(got).toEqual(['last']);
  });

  test('a confirm that came before it counts', () => {
    const { channel } = scene(
      ...confirms,
      expects('basic.publish'),
      send('basic.ack', { deliveryTag: 1 }),
      send('connection.close', forced),
    );
    channel.confirmSelect();
    channel.basicPublish('x', { routingKey: 'q' });
  });
});

describe('channel.close from the broker', () => {
  test('ends this channel only', () => {
    const { peer, connection, channel } = scene(
      ...[
        ...opened(2),
        expects('queue.declare'),
        send('channel.close', notFound),
        expects('channel.close-ok', {}, { channel: 1 }),
      ],
      serve(),
    );
    const other = connection.channel();
    const error = errorOf(() => channel.queueDeclare('q', { passive: true }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      replyCode: 404,
      replyText: notFound.replyText,
      method: 'queue.declare',
      origin: 'broker',
      outcome: 'rejected',
    });
    expect(channel.isOpen).toBe(false);
    expect(channel.lastError).toBe(error);
    const later = errorOf(() => channel.queuePurge('q'));
    expect(later).toBeInstanceOf(WrongStateError);
    expect(later).toMatchObject({ cause: error, outcome: 'not-sent' });
    expect(other.queueDeclare('x').queue).toBe('x');
    connection.close();
    peer.done();
  });

  test('its number can be used again', () => {
    const { connection, channel } = scene(
      expects('queue.declare'),
      send('channel.close', notFound),
      expects('channel.close-ok'),
      ...opened(1),
      serve(),
    );
    errorOf(() => channel.queueDeclare('q'));
    const again = connection.channel(1);
    expect(again.queueDeclare('x').queue).toBe('x');
    expect(channel.isOpen).toBe(false); // the old object is not revived by it
    expect(errorOf(() => channel.reopen())).toBeInstanceOf(WrongStateError);
    connection.close();
  });

  test('frames for it that were on their way do no harm', () => {
    const { peer, connection, channel } = scene(
      ...consumes,
      ...[
        expects('queue.declare'),
        send('channel.close', notFound),
        delivery('ct', 1, { body: 'late' }),
        send('queue.declare-ok', { queue: 'q' }),
      ],
      ...[expects('channel.close-ok'), ...opened(1), serve()],
    );
    channel.basicConsume('q', nothing);
    expect(errorOf(() => channel.queueDeclare('q'))).toBeInstanceOf(NotFoundError);
    peer.until((came) => came.some(({ method }) => method === 'channel.close-ok')); // by then all of them are on their way
    expect(connection.channel(1).queueDeclare('x').queue).toBe('x');
    connection.close();
  });

  test('in the middle of a content', () => {
    const { connection, channel } = scene(
      ...[
        expects('basic.get'),
        content('basic.get-ok', { deliveryTag: 1 }, { body: 'abc', bodySize: 10 }),
        send('channel.close', notFound),
      ],
      ...[expects('channel.close-ok'), ...opened(1), serve()],
    );
    expect(errorOf(() => channel.basicGet('q'))).toBeInstanceOf(NotFoundError);
    expect(connection.channel(1).basicGet('q')).toBeNull();
  });

  test('while nobody waits on it: drainEvents says so, once', () => {
    const { peer, connection, channel } = scene(
      ...opened(2),
      waitFor('go'),
      send('channel.close', notFound),
      serve(),
    );
    connection.channel();
    peer.signal('go');
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(NotFoundError);
    expect(errorOf(() => connection.drainEvents({ timeout: 50 }))).toMatchObject({ code: 'TIMEOUT' });
    expect(errorOf(() => channel.queuePurge('q'))).toBeInstanceOf(WrongStateError);
  });

  test('an error of an earlier publish is thrown as such by the next call', () => {
    const { connection, channel } = scene(
      ...[expects('basic.publish'), expects('queue.declare')],
      send('channel.close', {
        replyCode: 404,
        replyText: "NOT_FOUND - no exchange 'nowhere' in vhost '/'",
        classId: 60,
        methodId: 40,
      }),
      ...[expects('channel.close-ok'), serve()],
    );
    channel.basicPublish('x', { exchange: 'nowhere', routingKey: 'key' });
    const error = errorOf(() => channel.queueDeclare('q'));
    expect(error).toMatchObject({ code: 'NOT_FOUND', method: 'basic.publish' });
    expect(error.message).toMatch(/nowhere.*key/);
    connection.close();
  });

  test.each([
    ['taken with noAck: it hands out what had come, then throws', true, ['one', 'two', 'three']],
    ['to be acked: what had come is in the queue again, so it throws at once', false, ['one']],
  ])('an iterator %s', (_, noAck, expected) => {
    const sent = [
      ...['one', 'two', 'three'].map((body, index) => delivery('ct', index + 1, { body })),
      send('channel.close', notFound),
    ];
    const { peer, connection, channel } = scene(
      ...consumes,
      waitFor('go'),
      ...sent,
      expects('channel.close-ok'),
    );
    const got: string[] = [];
    const iterator = channel.consume('q', { noAck });
    peer.signal('go');
    arrived(connection, ...sent);
    const error = errorOf(() => {
      for (const { text } of iterator) {
        got.push(text);
        if (got.length === 1) errorOf(() => channel.queuePurge('q')); // notices that the channel is closed
      }
    });
    expect(error).toBeInstanceOf(NotFoundError);
    expect(got).toEqual(expected);
  });

  test('several unconfirmed publishes: the guilty one was rejected, the others are unknown', () => {
    const { channel } = scene(
      ...confirms,
      ...[
        expects('basic.publish'),
        expects('basic.publish'),
        expects('basic.publish'),
        send('basic.ack', { deliveryTag: 1 }),
      ],
      send('channel.close', {
        replyCode: 404,
        replyText: "NOT_FOUND - no exchange 'nowhere' in vhost '/'",
        classId: 60,
        methodId: 40,
      }),
      expects('channel.close-ok'),
    );
    channel.confirmSelect();
    const results = channel.publishBatch([{ body: 'a' }, { body: 'b', exchange: 'nowhere' }, { body: 'c' }], {
      routingKey: 'q',
    });
    expect(results.map(({ status }) => status)).toEqual(['acked', 'failed', 'unknown']);
    expect(results[1]?.error).toBeInstanceOf(NotFoundError);
    expect(results[2]?.error).toBeInstanceOf(ChannelClosedError);
  });
});

// ── both close ────────────────────────────────────────────────────────────────────────────────────────

describe('closes that cross', () => {
  test("channel.close and the broker's channel.close", () => {
    const { peer, connection, channel } = scene(
      ...[
        expects('channel.close'),
        send('channel.close', notFound),
        expects('channel.close-ok'),
        send('channel.close-ok'),
      ],
      ...[...opened(1), serve()],
    );
    expect(duration(() => channel.close())).toBeLessThan(AT_ONCE);
    expect(channel.isOpen).toBe(false);
    expect(connection.channel(1).isOpen).toBe(true);
    connection.close();
    peer.done();
  });

  test("channel.close and the broker's connection.close", () => {
    const { peer, connection, channel } = scene(
      expects('channel.close'),
      send('connection.close', forced),
      expects('connection.close-ok'),
      expectsEnd(),
    );
    expect(duration(() => channel.close())).toBeLessThan(AT_ONCE);
    expect(connection.isAlive).toBe(false);
    expect(connection.lastError).toBeInstanceOf(ConnectionForcedError);
    peer.done();
  });

  test("connection.close and the broker's connection.close", () => {
    const { peer, connection } = scene(
      expects('connection.close'),
      send('connection.close', forced),
      expects('connection.close-ok'),
      send('connection.close-ok'),
      cut(),
    );
    expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
    expect(connection.isOpen).toBe(false);
    peer.done();
  });

  test("connection.close and the broker's, which then waits for the end", () => {
    const { peer, connection } = scene(
      expects('connection.close'),
      send('connection.close', forced),
      expects('connection.close-ok'),
      expectsEnd(),
    );
    expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
    peer.done();
  });

  test("connection.close and the broker's channel.close", () => {
    const { peer, connection } = scene(
      expects('connection.close'),
      send('channel.close', notFound),
      send('connection.close-ok'),
      expectsEnd(),
    );
    expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
    peer.done();
  });

  test('the broker sent its connection.close first, unnoticed', () => {
    const { peer, connection } = scene(
      waitFor('go'),
      send('connection.close', forced),
      expects('connection.close-ok'),
      expectsEnd(),
    );
    peer.signal('go');
    arrived(connection, send('connection.close', forced));
    expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
    connection.close();
    peer.done();
  });

  test('a close-ok without an end of the socket: we end it', () => {
    const { peer, connection } = scene(
      expects('connection.close', { replyCode: 200 }),
      send('connection.close-ok'),
      expectsEnd(),
    );
    expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
    peer.done();
  });
});

describe('a broker that does not answer', () => {
  const LIMIT = 200;

  test('channel.close returns in its time, and the channel is closed', () => {
    const { connection, channel } = scene(expects('channel.close'), serve());
    const ms = duration(() => channel.close({ timeout: LIMIT }));
    expect(ms).toBeGreaterThanOrEqual(LIMIT - 5);
    expect(ms).toBeLessThan(LIMIT + AT_ONCE);
    expect(channel.isOpen).toBe(false);
    expect(errorOf(() => channel.queuePurge('q'))).toBeInstanceOf(WrongStateError);
    expect(connection.channel().id).toBe(2); // the number may still be in use there
    expect(errorOf(() => connection.channel(1))).toBeInstanceOf(WrongStateError); // so nobody gets it
    connection.close();
  });

  test('connection.close returns in its time, and the socket is put down', () => {
    const { peer, connection } = scene(expects('connection.close'), beat(20), expectsEnd());
    const ms = duration(() => connection.close({ timeout: LIMIT }));
    expect(ms).toBeGreaterThanOrEqual(LIMIT - 5);
    expect(ms).toBeLessThan(LIMIT + AT_ONCE);
    peer.done();
  });

  test('a broker that does not read either: close still ends in its time', () => {
    const { connection, channel } = scene(expects('basic.publish'), reading(false), stall(CEILING));
    errorOf(() => {
      for (;;) channel.basicPublish(Buffer.alloc(100_000), { routingKey: 'q', timeout: 100 });
    });
    expect(duration(() => channel.close({ timeout: LIMIT }))).toBeLessThan(LIMIT + AT_ONCE);
    expect(channel.isOpen).toBe(false);
    expect(duration(() => connection.close({ timeout: LIMIT }))).toBeLessThan(LIMIT + AT_ONCE);
    expect(connection.isOpen).toBe(false);
  });

  test('has blocked the connection as well: close still ends in its time', () => {
    const { connection } = scene(send('connection.blocked', { reason: 'low on memory' }), stall(CEILING));
    expect(duration(() => connection.close({ timeout: LIMIT }))).toBeLessThan(LIMIT + AT_ONCE);
  });

  test('floods us meanwhile: close still ends in its time', () => {
    const { connection, channel } = scene(...consumesNoAck, {
      step: 'loop',
      steps: [delivery('ct', 1, { body: 'x'.repeat(4000) })],
    });
    channel.basicConsume('q', nothing, { noAck: true });
    arrived(connection, delivery('ct', 1, { body: 'x'.repeat(4000) }));
    expect(duration(() => channel.close({ timeout: LIMIT }))).toBeLessThan(LIMIT + AT_ONCE);
    expect(duration(() => connection.close({ timeout: LIMIT }))).toBeLessThan(LIMIT + AT_ONCE);
  });

  test('abort does not ask it', () => {
    const { peer, connection } = scene(expectsEnd());
    expect(duration(() => connection.abort())).toBeLessThan(AT_ONCE);
    peer.done();
    expect(peer.methods()).toEqual(['channel.open', 'end']);
  });
});

describe('while a channel is closing', () => {
  test('what is still on its way is nobody’s any more', () => {
    const { connection, channel } = scene(
      ...consumes,
      expects('channel.close'),
      ...[
        delivery('ct', 1, { body: 'late' }),
        send('basic.cancel', { consumerTag: 'ct', noWait: true }),
        send('basic.ack', { deliveryTag: 7 }),
      ],
      ...[content('basic.return', { replyCode: 312 }, { body: 'x' }), send('channel.close-ok')],
      ...[...opened(1), serve()],
    );
    const got: string[] = [];
    channel.basicConsume('q', ({ text }) => got.push(text));
    channel.close();
    connection.loop({ timeout: 50 });
    expect(got).toEqual([]);
    expect(connection.channel(1).basicGet('q')).toBeNull();
  });
});

describe('closing again, and closing what is closed', () => {
  test('close may be called again', () => {
    const { peer, connection, channel } = scene(
      expects('channel.close'),
      send('channel.close-ok'),
      ...closed({ replyCode: 200 }),
    );
    channel.close();
    channel.close();
    connection.close();
    connection.close();
    connection.abort();
    channel.close();
    peer.done();
    expect(errorOf(() => channel.queuePurge('q'))).toBeInstanceOf(WrongStateError);
    const later = errorOf(() => connection.channel());
    expect(later).toBeInstanceOf(WrongStateError);
    expect(later.cause).toMatchObject({ code: 'CLOSED' });
  });

  test('after the broker’s close it hides no error', () => {
    const { channel, connection } = scene(
      expects('queue.purge'),
      send('channel.close', { ...notFound, replyCode: 406 }),
      expects('channel.close-ok'),
      serve(),
    );
    expect(() => {
      try {
        channel.queuePurge('q');
      } finally {
        channel.close();
        connection.close();
      }
    }).toThrow(PreconditionFailedError);
  });

  test('reply code and text are sent', () => {
    const { peer, connection, channel } = scene(
      expects('channel.close', { replyCode: 406, replyText: 'enough' }),
      send('channel.close-ok'),
      ...closed({ replyCode: 320, replyText: 'going home' }),
    );
    channel.close({ replyCode: 406, replyText: 'enough' });
    connection.close({ replyCode: 320, replyText: 'going home' });
    peer.done();
  });

  test('a reply text that does not fit is refused by name, and nothing is closed', () => {
    const { connection, channel } = scene(serve());
    const replyText = 'x'.repeat(256);
    for (const closable of [channel, connection]) {
      const error = errorOf<Error>(() => closable.close({ replyText }));
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toContain('replyText');
    }
    expect(channel.queueDeclare('q').queue).toBe('q');
    connection.close();
  });

  test('a reply text is never cut silently', () => {
    const replyText = 'x'.repeat(200);
    const { peer, connection } = scene(...closed({ replyText }));
    connection.close({ replyText });
    peer.done();
  });

  test('what was published before close is sent before it', () => {
    const bodies = Array.from({ length: 50 }, (_, i) => `${i}`);
    const { peer, connection, channel } = scene(
      ...bodies.map((body) => expects('basic.publish', {}, { body })),
      ...closed(),
    );
    for (const body of bodies) channel.basicPublish(body, { routingKey: 'q' });
    connection.close();
    peer.done();
  });
});

test('another connection of this process is none the worse', () => {
  const { channel } = scene(expects('queue.purge'), cut({ rst: true }));
  const other = connectTo(broker([...handshake(), serve()]));
  errorOf(() => channel.queuePurge('q'));
  expect(other.channel().queueDeclare('q').queue).toBe('q');
  other.close();
});
