/** pika's facade against scripted brokers: what RabbitMQ seldom or never sends. */
import * as pika from '../../../src/compat/pika';
import { parametersFor, scene } from '../../support/facades/pika';
import { broker, duration, errorOf, moment, warm } from '../../support/peers/peer';
import {
  content,
  cut,
  delivery,
  expects,
  expectsEnd,
  frame,
  handshake,
  header,
  ready,
  send,
  sendBytes,
  serve,
  stall,
} from '../../support/peers/script';
import { run } from '../../support/programs/program';
import { within } from '../../support/within';

const { exceptions } = pika;

describe('opening', () => {
  const connect = (more = {}, ...scripts: Parameters<typeof broker>) =>
    new pika.BlockingConnection(parametersFor(broker(...scripts), more));

  test('asks for what pika asks for', () => {
    connect({ virtual_host: 'v' }, [
      header(),
      send('connection.start', {
        versionMajor: 0,
        versionMinor: 9,
        serverProperties: {},
        mechanisms: 'AMQPLAIN PLAIN',
        locales: 'en_US',
      }),
      expects('connection.start-ok', {
        mechanism: 'PLAIN',
        response: Buffer.from('\0guest\0guest'),
        locale: 'en_US',
      }),
      send('connection.tune', { channelMax: 0, frameMax: 0, heartbeat: 60 }),
      expects('connection.tune-ok', { channelMax: 65_535, frameMax: 131_072, heartbeat: 60 }),
      expects('connection.open', { virtualHost: 'v' }),
      send('connection.open-ok'),
    ]);
  });

  test.each([
    ['a number above it', 100, 100],
    ['a number below it', 7, 7],
    ['none', 0, 0],
    ['what the broker offers', null, 10],
    ['the offer, by a function', (_: unknown, offered: number) => offered, 10],
  ])('agrees on the heartbeat: %s', (_, heartbeat, agreed) => {
    const [first, start, startOk, tune, , ...rest] = handshake({ heartbeat: 10 });
    connect({ heartbeat }, [
      first!,
      start!,
      startOk!,
      tune!,
      expects('connection.tune-ok', { heartbeat: agreed }),
      ...rest,
    ]);
  });

  test('heartbeat: a function that wants another one gets another connection', () => {
    const tuned = (heartbeat: number) =>
      handshake({ heartbeat: 10 }).map((step) =>
        step.step === 'expects' && step.method === 'connection.tune-ok'
          ? expects('connection.tune-ok', { heartbeat })
          : step,
      );
    connect(
      { heartbeat: () => 30 },
      [...tuned(10), expects('connection.close'), send('connection.close-ok'), expectsEnd()],
      tuned(30),
    );
  });

  test.each([
    ['before connection.start', [header(), cut()], exceptions.IncompatibleProtocolError],
    [
      'with another protocol',
      [header(), sendBytes('414d515003010000'), cut()],
      exceptions.IncompatibleProtocolError,
    ],
    ['after the credentials', [...handshake().slice(0, 3), cut()], exceptions.ProbableAuthenticationError],
    ['after connection.open', [...handshake().slice(0, 6), cut()], exceptions.ProbableAccessDeniedError],
  ])('a socket that ends %s is guessed at as pika does', (_, script, exception) => {
    expect(errorOf(() => connect({}, script))).toBeInstanceOf(exception);
  });

  test('connection_attempts and retry_delay: the broker that answers the third time', () => {
    const refuses = [header(), cut()];
    const more = { connection_attempts: 5, retry_delay: 0.2 };
    const ms = duration(() => connect(more, refuses, refuses, handshake()));
    expect(ms).toBeGreaterThan(390);
  });

  test('one that is only slow is not guessed at', () => {
    warm();
    const error = errorOf<Error>(() => connect({ stack_timeout: 1.5 }, handshake().slice(0, 3)));
    expect(error.constructor).toBe(exceptions.AMQPConnectionError);
  });
});

describe('the broker blocks publishing', () => {
  const low = send('connection.blocked', { reason: 'low on memory' });

  test('the callbacks hear of it, from the pump', () => {
    const { connection } = scene([low, send('connection.unblocked')]);
    const seen: string[] = [];
    connection.add_on_connection_blocked_callback((given, { method }) => {
      expect(given).toBe(connection);
      seen.push(`${method.NAME} ${method.reason}`);
    });
    connection.add_on_connection_unblocked_callback({
      callback: (given, frame) => {
        expect(given).toBe(connection);
        seen.push(String(frame.method));
      },
    });
    moment();
    expect(seen).toEqual([]);
    while (seen.length < 2) connection.process_data_events(60);
    expect(seen).toEqual(['Connection.Blocked low on memory', '<Connection.Unblocked>']);
    expect(() => connection.add_on_connection_blocked_callback(1 as never)).toThrow(TypeError);
  });

  test('publishing goes on when it does', () => {
    const { peer, channel } = scene([
      low,
      stall(200),
      send('connection.unblocked'),
      expects('basic.publish'),
    ]);
    moment();
    channel.basic_publish('', 'q', 'x');
    peer.satisfied();
  });

  test.each([
    [
      'process_data_events',
      ({ connection }: ReturnType<typeof scene>) => connection.process_data_events(null),
    ],
    ['sleep', ({ connection }: ReturnType<typeof scene>) => connection.sleep(60)],
    ['basic_publish', ({ channel }: ReturnType<typeof scene>) => channel.basic_publish('', 'q', 'x')],
    ['queue_declare', ({ channel }: ReturnType<typeof scene>) => channel.queue_declare('q')],
  ])('%s: not for longer than blocked_connection_timeout, then the connection ends', (_, call) => {
    const made = scene([low], { blocked_connection_timeout: 1 });
    let error: Error | undefined;
    const ms = duration(() => {
      error = errorOf<Error>(() => {
        while (true) call(made);
      });
    });
    expect(error).toBeInstanceOf(exceptions.ConnectionBlockedTimeout);
    expect(error?.message).toContain('low on memory');
    expect(ms).toBeGreaterThan(150);
    expect(ms).toBeLessThan(within(3000));
    expect(made.connection.is_closed).toBe(true);
    expect(() => made.channel.queue_declare('q')).toThrow(exceptions.ChannelWrongStateError);
  });

  test('a publish that waits for its confirm when the broker blocks is not left waiting', () => {
    const { channel } = scene(
      [expects('confirm.select'), send('confirm.select-ok'), expects('basic.publish'), low],
      { blocked_connection_timeout: 0.3 },
    );
    channel.confirm_delivery();
    expect(() => channel.basic_publish('', 'q', 'x')).toThrow(exceptions.ConnectionBlockedTimeout);
  });

  test('what ended in time leaves the connection', () => {
    const { connection, channel } = scene([low, stall(50), send('connection.unblocked'), serve()], {
      blocked_connection_timeout: 1.5,
    });
    moment();
    connection.sleep(1.8);
    channel.queue_declare('q');
  });
});

describe('confirms', () => {
  const confirmed = [expects('confirm.select'), send('confirm.select-ok'), expects('basic.publish')];

  test('take basic.nack for a NackError', () => {
    const { channel } = scene([...confirmed, send('basic.nack', { deliveryTag: 1 })]);
    channel.confirm_delivery();
    const error = errorOf<Error>(() => channel.basic_publish('', 'q', 'x'));
    expect(error).toBeInstanceOf(exceptions.NackError);
    expect(error).toBeInstanceOf(exceptions.AMQPChannelError);
  });

  test('take basic.return and basic.ack for an UnroutableError', () => {
    const back = content(
      'basic.return',
      { replyCode: 312, replyText: 'NO_ROUTE', routingKey: 'q' },
      { body: 'x' },
    );
    const { channel } = scene([...confirmed, back, send('basic.ack', { deliveryTag: 1 })]);
    channel.confirm_delivery();
    expect(() => channel.basic_publish('', 'q', 'x', null, true)).toThrow(exceptions.UnroutableError);
  });
});

test('what is asked for is what pika asks for by default', () => {
  const { peer, channel } = scene([
    expects('queue.declare', {
      ...{ queue: 'q', passive: false, durable: false, exclusive: false, autoDelete: false },
      ...{ noWait: false, arguments: {} },
    }),
    send('queue.declare-ok', { queue: 'q' }),
    expects('exchange.declare', {
      ...{ exchange: 'e', type: 'direct', passive: false, durable: false, autoDelete: false },
      ...{ internal: false, noWait: false, arguments: {} },
    }),
    send('exchange.declare-ok'),
    expects('queue.bind', { queue: 'q', exchange: 'e', routingKey: 'q' }),
    send('queue.bind-ok'),
    expects('queue.delete', { queue: 'q', ifUnused: false, ifEmpty: false }),
    send('queue.delete-ok', { messageCount: 7 }),
    expects(
      'basic.publish',
      { exchange: '', routingKey: 'q', mandatory: false, immediate: false },
      { body: 'x' },
    ),
    expects('basic.qos', { prefetchSize: 0, prefetchCount: 0, global: false }),
    send('basic.qos-ok'),
    // no limit was asked for, so none is set
    expects('basic.consume', { queue: 'q', noAck: false, exclusive: false, noLocal: false }),
    send('basic.consume-ok', { consumerTag: 't' }),
    expects('basic.recover', { requeue: false }),
    send('basic.recover-ok'),
  ]);
  channel.queue_declare('q');
  channel.exchange_declare('e');
  channel.queue_bind('q', 'e');
  expect(channel.queue_delete('q').method.message_count).toBe(7);
  channel.basic_publish('', 'q', 'x');
  channel.basic_qos();
  channel.basic_consume('q', () => {}, { consumer_tag: 't' });
  channel.basic_recover();
  peer.satisfied();
});

describe('what RabbitMQ 4.3 refuses', () => {
  const refused = [
    expects('queue.declare'),
    send('connection.close', {
      replyCode: 541,
      replyText: 'INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated',
      classId: 50,
      methodId: 10,
    }),
    expects('connection.close-ok'),
  ];

  test('transient queues that are not exclusive: 541, with what to do', () => {
    const { channel } = scene(refused);
    const error = errorOf<Error>(() => channel.queue_declare('q'));
    expect(error).toBeInstanceOf(exceptions.ConnectionClosedByBroker);
    expect(error.message).toMatch(
      /^\(541\) INTERNAL_ERROR .*give durable=True or exclusive=True, or connect with/,
    );
  });

  test.each([
    ['durable', { durable: true, exclusive: false }],
    ['exclusive', { durable: false, exclusive: true }],
    ['as-is', { durable: false, exclusive: false }],
  ] as const)('the switch: %s; what was asked for is left alone', (transient_queues, sent) => {
    const declared = send('queue.declare-ok', { queue: 'q' });
    const { peer, channel } = scene(
      [
        ...[sent, { durable: true, exclusive: false }, { durable: false, exclusive: true }].flatMap(
          (bits) => [expects('queue.declare', bits), declared],
        ),
        expects('queue.declare', { passive: true, durable: false, exclusive: false }),
        declared,
      ],
      { compat: { transient_queues } },
    );
    channel.queue_declare('q');
    channel.queue_declare('q', { durable: true });
    channel.queue_declare('q', { exclusive: true });
    channel.queue_declare('q', { passive: true });
    peer.satisfied();
  });
});

describe('the connection ends', () => {
  const forced = send('connection.close', { replyCode: 320, replyText: 'CONNECTION_FORCED - shutdown' });

  test('closed by the broker: the call under way hears of it, later ones are in the wrong state', () => {
    const { connection, channel } = scene([expects('queue.purge'), forced, expects('connection.close-ok')]);
    const error = errorOf<Error>(() => channel.queue_purge('q'));
    expect(error).toBeInstanceOf(exceptions.ConnectionClosedByBroker);
    expect(error).toMatchObject({ reply_code: 320, reply_text: 'CONNECTION_FORCED - shutdown' });
    expect(() => channel.queue_purge('q')).toThrow(exceptions.ChannelWrongStateError);
    const later = errorOf<Error>(() => connection.channel());
    expect(later).toBeInstanceOf(exceptions.ConnectionWrongStateError);
    expect(later.cause).toBe(error.cause);
  });

  test.each<
    [call: string, act: (connection: pika.BlockingConnection, channel: pika.BlockingChannel) => unknown]
  >([
    ['channel', (connection) => connection.channel()],
    ['close', (connection) => connection.close()],
    ['update_secret', (connection) => connection.update_secret('new', 'why not')],
    ['process_data_events', (connection) => connection.process_data_events(0.1)],
    ['sleep', (connection) => connection.sleep(0.1)],
    ['add_callback_threadsafe', (connection) => connection.add_callback_threadsafe(() => {})],
    ['remote', (connection) => connection.remote(() => {})],
    ['basic_get', (_, channel) => channel.basic_get('q')],
    ['basic_publish', (_, channel) => channel.basic_publish('', 'q', 'x')],
    ['basic_ack', (_, channel) => channel.basic_ack(0, true)],
    ['basic_qos', (_, channel) => channel.basic_qos({ prefetch_count: 1 })],
    ['basic_consume', (_, channel) => channel.basic_consume('q', () => {})],
    ['consume', (_, channel) => channel.consume('q').next()],
    ['queue_declare', (_, channel) => channel.queue_declare('q')],
    ['tx_select', (_, channel) => channel.tx_select()],
    ['confirm_delivery', (_, channel) => channel.confirm_delivery()],
    ['flow', (_, channel) => channel.flow(true)],
    ['close of the channel', (_, channel) => channel.close()],
  ])('lost: the first call says so, be it %s; from then on they are in the wrong state', (_, act) => {
    const { connection, channel } = scene([cut()]);
    for (let times = 0; connection.is_open && times < 100; times++) moment();
    expect(() => act(connection, channel)).toThrow(exceptions.StreamLostError);
    expect(() => act(connection, channel)).toThrow(/WrongState|closed/);
    for (const again of [() => connection.channel(), () => connection.close()])
      expect(again).toThrow(exceptions.ConnectionWrongStateError);
    expect(() => channel.basic_get('q')).toThrow(exceptions.ChannelWrongStateError);
  });

  test('start_consuming and consume throw it', () => {
    const started = [expects('basic.consume'), send('basic.consume-ok', { consumerTag: 't' })];
    const end = [...started, forced, expects('connection.close-ok')];
    const { channel } = scene(end);
    channel.basic_consume('q', () => {}, { consumer_tag: 't' });
    expect(() => channel.start_consuming()).toThrow(exceptions.ConnectionClosedByBroker);
    const other = scene(end).channel;
    expect(() => other.consume('q', { consumer_tag: 't' }).next()).toThrow(
      exceptions.ConnectionClosedByBroker,
    );
    expect(other.consumer_tags).toEqual([]);
  });

  test('without a word in a call: StreamLostError', () => {
    const { channel } = scene([expects('queue.purge'), cut({ rst: true })]);
    expect(() => channel.queue_purge('q')).toThrow(exceptions.StreamLostError);
  });

  test('silent for two heartbeats: AMQPHeartbeatTimeout', () => {
    const { connection } = scene([], { heartbeat: 1 });
    expect(() => connection.process_data_events(20)).toThrow(exceptions.AMQPHeartbeatTimeout);
  });

  test.each([
    [
      'a body that belongs to nothing',
      frame({ type: 3, channel: 1, payload: '00' }),
      exceptions.UnexpectedFrameError,
    ],
    ['a frame of no known type', frame({ type: 99 }), exceptions.InvalidFrameError],
    [
      'a method cut short',
      frame({ type: 1, channel: 1, payload: '0032 001f 00' }),
      exceptions.ProtocolSyntaxError,
    ],
  ])('a broker that breaks the protocol by %s', (_, wrong, exception) => {
    const { channel } = scene([expects('queue.purge'), wrong, expects('connection.close')]);
    const error = errorOf(() => channel.queue_purge('q'));
    expect(error).toBeInstanceOf(exception);
    expect(error).toBeInstanceOf(exceptions.ProtocolSyntaxError);
  });
});

test('compat: call_timeout, for calls whose answer does not come; it is swallowed when it does', () => {
  const { channel } = scene(
    [
      ...[expects('queue.purge'), expects('queue.purge')],
      ...[send('queue.purge-ok', { messageCount: 1 }), send('queue.purge-ok', { messageCount: 2 })],
    ],
    { compat: { call_timeout: 1 } },
  );
  const error = errorOf<Error>(() => channel.queue_purge('one'));
  expect(error).toBeInstanceOf(exceptions.AMQPChannelError);
  expect(error.cause).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
  expect(channel.queue_purge('two').method.message_count).toBe(2);
});

describe('consumers', () => {
  const consuming = [
    expects('basic.consume', { consumerTag: 't' }),
    send('basic.consume-ok', { consumerTag: 't' }),
  ];

  test('ended by the broker, then cancelled before anybody heard: nothing is handed over', () => {
    const { connection, channel } = scene([
      ...consuming,
      delivery('t', 1, { body: 'one' }),
      send('basic.cancel', { consumerTag: 't', noWait: true }),
      expects('basic.cancel', { consumerTag: 't', noWait: true }),
      expects('basic.cancel', { consumerTag: 't', noWait: false }),
      send('basic.cancel-ok', { consumerTag: 't' }),
    ]);
    const seen: unknown[] = [];
    channel.add_on_cancel_callback(() => seen.push('cancel'));
    channel.basic_consume('q', () => seen.push('message'), { auto_ack: true, consumer_tag: 't' });
    moment();
    expect(channel.basic_cancel('t').map(([method]) => method.delivery_tag)).toEqual([1]);
    connection.process_data_events();
    expect(seen).toEqual([]);
  });

  test('what came while cancel-ok was on its way is returned, too', () => {
    const { channel } = scene([
      ...consuming,
      delivery('t', 1, { body: 'one' }),
      expects('basic.cancel'),
      delivery('t', 2, { body: 'two' }),
      send('basic.cancel-ok', { consumerTag: 't' }),
    ]);
    channel.basic_consume('q', () => {}, { auto_ack: true, consumer_tag: 't' });
    expect(channel.basic_cancel('t').map(([, , body]) => String(body))).toEqual(['one', 'two']);
  });

  test('what nobody has looked at when the channel is closed is dropped', () => {
    const sent = [
      delivery('t', 1, { body: 'one' }),
      content('basic.return', { replyCode: 312, replyText: 'NO_ROUTE' }, { body: 'back' }),
      send('basic.cancel', { consumerTag: 't', noWait: true }),
      send('channel.close', { replyCode: 404, replyText: 'NOT_FOUND', classId: 60, methodId: 40 }),
    ];
    // in one piece: when any of it has come, all has
    const together = sendBytes(Buffer.concat(sent.map((step) => (step as { bytes: Uint8Array }).bytes)));
    const answers = [expects('basic.cancel', { consumerTag: 't' }), expects('channel.close-ok')];
    const { connection, channel } = scene([...consuming, together, ...answers]);
    const seen: string[] = [];
    channel.add_on_cancel_callback(() => seen.push('cancel'));
    channel.add_on_return_callback(() => seen.push('return'));
    channel.basic_consume('q', () => seen.push('message'), { auto_ack: true, consumer_tag: 't' });
    expect(() => connection.process_data_events(60)).toThrow(exceptions.ChannelClosedByBroker);
    connection.process_data_events();
    expect(seen).toEqual([]);
  });

  test('update_secret waits for its answer', () => {
    const { peer, connection } = scene([
      expects('connection.update-secret', { newSecret: Buffer.from('new'), reason: 'old one expired' }),
      send('connection.update-secret-ok'),
    ]);
    connection.update_secret({ new_secret: 'new', reason: 'old one expired' });
    peer.satisfied();
  });

  test('a callback that works for many heartbeats does not lose the connection', () => {
    const beats = { step: 'beat', ms: 300 } as const;
    const { channel } = scene(
      [beats, ...consuming, delivery('t', 1), expects('basic.ack', { deliveryTag: 1 }), serve()],
      { heartbeat: 1 },
    );
    channel.basic_consume(
      'q',
      (ch, method) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3500);
        ch.basic_ack(method.delivery_tag);
        ch.stop_consuming();
      },
      { consumer_tag: 't' },
    );
    channel.start_consuming();
  });
});

describe('Ctrl-C', () => {
  const start = (source: string, url = broker([...ready(), serve()]).url) =>
    run(
      `const pika = require(library.replace('index.js', 'compat/pika.js'));
      const connection = new pika.BlockingConnection(new pika.URLParameters(url));
      const channel = connection.channel();
      ${source}`,
      { url },
    );
  const waits = `
    channel.basic_consume('q', () => {});
    for (const wait of [() => channel.start_consuming(), () => channel.consume('q').next()]) {
      say('waiting');
      try { wait(); } catch (error) { say(error instanceof pika.KeyboardInterrupt, error.name, connection.is_open); }
    }
    channel.stop_consuming();
    connection.close();`;
  const twice = ['true KeyboardInterrupt true', 'true KeyboardInterrupt true'];

  test('is KeyboardInterrupt, in start_consuming and in consume; the program goes on', async () => {
    const program = start(waits);
    await program.ctrlC();
    await program.ctrlC();
    const { lines, stderr, code } = await program.end;
    expect([lines, stderr, code]).toEqual([twice, '', 0]);
  });

  test('a listener of the program hears of it, when it is out of the call', async () => {
    const program = start(`process.on('SIGINT', () => say('heard')); ${waits}`);
    await program.ctrlC();
    await program.ctrlC();
    const { lines, stderr, code } = await program.end;
    expect([lines, stderr, code]).toEqual([[...twice, 'heard', 'heard'], '', 0]);
  });

  test('not caught, it ends the program; `finally` has run', async () => {
    const program = start(`
      say('waiting');
      try { channel.start_consuming(); connection.sleep(60); } finally { say('finally'); }`);
    await program.ctrlC();
    const { lines, stderr, code } = await program.end;
    expect([lines, code]).toEqual([['finally'], 130]);
    expect(stderr).toContain('KeyboardInterrupt: interrupted by Ctrl-C');
  });

  test('outside of a call it ends the program, as ever', async () => {
    const program = start(`setTimeout(() => {}, 60_000); say('waiting');`);
    await program.ctrlC();
    expect((await program.end).signal).toBe('SIGINT');
  });
});
