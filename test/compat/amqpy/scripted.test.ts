/** What RabbitMQ does not say, or not when it is asked to: scripted brokers. */
import {
  AccessRefused,
  AMQPConnectionError,
  type AMQPError,
  AMQPNotImplementedError,
  Blocked,
  ChannelError,
  ChannelNotOpen,
  Connection,
  ConnectionForced,
  ContentTooLarge,
  FrameError,
  FrameSyntaxError,
  InternalError,
  InvalidCommand,
  InvalidPath,
  IrrecoverableChannelError,
  Message,
  MessageNacked,
  NoConsumers,
  NotAllowed,
  NotFound,
  PreconditionFailed,
  RecoverableConnectionError,
  ResourceError,
  ResourceLocked,
  spec,
  Timeout,
  UnexpectedFrame,
} from '../../../src/compat/amqpy';
import { eventually } from '../../support/connect';
import { open, talk } from '../../support/facades/amqpy';
import { broker, errorOf, failureOf, warm } from '../../support/peers/peer';
import {
  beat,
  closed,
  content,
  cut,
  expects,
  handshake,
  header,
  opened,
  ready,
  type Script,
  START,
  send,
  serve,
  stall,
  waitFor,
} from '../../support/peers/script';
import { within } from '../../support/within';

/** A connection with a channel, to a broker that goes on with these steps. */
const on = (...script: Script) => talk([...ready(), ...script]);
/** Seconds for what does not come; for what comes they are enough on a busy machine, too. */
const SHORT = 0.7;

describe('the handshake', () => {
  /** One in which the client has to say this. */
  const saying = (startOk: object, tuneOk: object, open: object, tune: object): Script => [
    ...[header(), send('connection.start', START), expects('connection.start-ok', startOk)],
    ...[send('connection.tune', tune), expects('connection.tune-ok', tuneOk)],
    ...[expects('connection.open', open), send('connection.open-ok'), serve()],
  ];

  test('by default asks for AMQPLAIN, en_US, 65535 channels, 131072 bytes, no heartbeats, whatever the server wants', () => {
    const peer = broker(
      saying(
        { mechanism: 'AMQPLAIN', locale: 'en_US' },
        { channelMax: 65_535, frameMax: 131_072, heartbeat: 0 },
        { virtualHost: '/' },
        { channelMax: 0, frameMax: 0, heartbeat: 60 },
      ),
    );
    const conn = new Connection('127.0.0.1', peer.port);
    expect([conn.channel_max, conn.frame_max, conn.heartbeat]).toEqual([65_535, 131_072, 0]);
    const login = peer.transcript().find(({ method }) => method === 'connection.start-ok')?.args.response;
    expect(Buffer.from(login as Uint8Array).toString('latin1')).toBe(
      '\x05LOGINS\0\0\0\x05guest\x08PASSWORDS\0\0\0\x05guest',
    );
    conn.close();
    peer.satisfied();
  });

  test('asks for everything that the arguments say', () => {
    const peer = broker(
      saying(
        { mechanism: 'PLAIN', locale: 'de_DE', response: Buffer.from('\0me\0secret') },
        { channelMax: 7, frameMax: 8192, heartbeat: 5 },
        { virtualHost: 'mine' },
        { channelMax: 2047, frameMax: 131_072, heartbeat: 60 },
      ),
    );
    const conn = open(
      {
        userid: 'me',
        password: 'secret',
        login_method: 'PLAIN',
        virtual_host: 'mine',
        locale: 'de_DE',
        channel_max: 7,
        frame_max: 8192,
        heartbeat: 5,
        client_properties: { product: 'mine', job: 'nightly' },
      },
      peer.url,
    );
    expect(conn.heartbeat).toBe(5);
    const { clientProperties } = peer.transcript()[1]!.args;
    expect(clientProperties).toMatchObject({
      product: 'mine',
      job: 'nightly',
      capabilities: expect.anything(),
    });
    expect(conn.server_properties).toMatchObject({ product: 'scripted' });
    expect(conn.server_capabilities).toEqual({ publisher_confirms: true, 'basic.nack': true });
  });

  test('takes all fifteen arguments by position', () => {
    const peer = broker([...handshake(), serve()]);
    const conn = new Connection(
      ...(['127.0.0.1', peer.port, null, 5, 'me', 'secret', 'PLAIN', '/', 'en_US', 10, 8192, 0] as const),
      ...([{ job: 'nightly' }, () => {}, () => {}] as const),
    );
    expect([conn.channel_max, conn.frame_max]).toEqual([10, 8192]);
    expect([typeof conn.on_blocked, typeof conn.on_unblocked]).toEqual(['function', 'function']);
    conn.close();
  });

  test.each([
    ['a broker that says nothing', [header(), stall(60_000)]],
    ['one that stops half way', [header(), send('connection.start', START), stall(60_000)]],
  ])('with %s is a Timeout after connect_timeout', (_, script) => {
    const peer = broker(script as Script);
    warm();
    const { error, ms } = failureOf(() => open({ connect_timeout: 1 }, peer.url));
    expect(error).toBeInstanceOf(Timeout);
    expect(ms).toBeGreaterThan(990);
    expect(ms).toBeLessThan(within(2000));
  });

  test('with a broker that hangs up on a wrong password, without a word, is AccessRefused', () => {
    const peer = broker([header(), send('connection.start', START), expects('connection.start-ok'), cut()]);
    expect(errorOf(() => open({}, peer.url))).toBeInstanceOf(AccessRefused);
  });

  test('with a broker that hangs up is a RecoverableConnectionError', () => {
    const peer = broker([header(), cut()]);
    expect(errorOf(() => open({}, peer.url))).toBeInstanceOf(RecoverableConnectionError);
  });
});

describe('errors by their number', () => {
  test.each([
    [311, ContentTooLarge],
    [313, NoConsumers],
    [403, AccessRefused],
    [404, NotFound],
    [405, ResourceLocked],
    [406, PreconditionFailed],
    [499, ChannelError],
  ] as const)(
    'are those of channel.close %i; the channel is opened again before they are thrown',
    (code, errorClass) => {
      const close = { replyCode: code, replyText: 'so it is', classId: 50, methodId: 30 };
      const { peer, ch } = on(
        ...[expects('queue.purge'), send('channel.close', close), expects('channel.close-ok'), ...opened(1)],
        serve(),
      );
      const error = errorOf<AMQPError>(() => ch.queue_purge('q'));
      expect(error.constructor).toBe(errorClass);
      expect(error).toMatchObject({
        reply_code: code,
        channel_id: 1,
        method_name: 'queue.purge',
        message: 'so it is',
      });
      expect(error.method_type).toEqual(spec.Queue.Purge);
      expect(error.hint).toBeUndefined();
      peer.satisfied();
      expect(ch.queue_purge('q')).toBe(0);
    },
  );

  test.each([
    [320, ConnectionForced],
    [402, InvalidPath],
    [501, FrameError],
    [502, FrameSyntaxError],
    [503, InvalidCommand],
    [504, ChannelNotOpen],
    [505, UnexpectedFrame],
    [506, ResourceError],
    [530, NotAllowed],
    [540, AMQPNotImplementedError],
    [541, InternalError],
    [599, AMQPConnectionError],
  ] as const)('are those of connection.close %i', (code, errorClass) => {
    const close = { replyCode: code, replyText: 'so it is', classId: 50, methodId: 30 };
    const { conn, ch } = on(
      expects('queue.purge'),
      send('connection.close', close),
      expects('connection.close-ok'),
    );
    const error = errorOf<AMQPError>(() => ch.queue_purge('q'));
    expect(error.constructor).toBe(errorClass);
    expect(error).toMatchObject({
      reply_code: code,
      channel_id: 0,
      method_name: 'queue.purge',
      message: 'so it is',
    });
    expect([conn.is_alive(), ch.is_open, Object.keys(conn.channels)]).toEqual([false, false, ['0']]);
    const later = errorOf(() => ch.queue_purge('q'));
    expect(later).toBeInstanceOf(RecoverableConnectionError);
    expect(later.message).toBe('connection already closed');
    expect(errorOf(() => conn.drain_events(0)).message).toBe('connection already closed');
    conn.close();
  });

  test('have none for a socket that closes in the middle of a call: RecoverableConnectionError', () => {
    const { conn, ch } = on(expects('queue.purge'), cut());
    expect(errorOf(() => ch.queue_purge('q'))).toBeInstanceOf(RecoverableConnectionError);
    expect(conn.is_alive()).toBe(false);
  });

  test('have none for a dead peer, found by its heartbeats: RecoverableConnectionError', () => {
    const { conn } = talk([...ready({ heartbeat: 1 }), stall(60_000)], { heartbeat: 1 });
    const { error, ms } = failureOf(() => conn.loop(20));
    expect(error).toBeInstanceOf(RecoverableConnectionError);
    expect(error.message).toContain('heartbeat');
    expect(ms).toBeLessThan(within(4000));
  });

  test('do not come as long as the peer beats', () => {
    const { conn } = talk([...ready({ heartbeat: 1 }), beat(200), serve()], { heartbeat: 1 });
    expect(errorOf(() => conn.drain_events(2.5))).toBeInstanceOf(Timeout);
    expect(conn.is_alive()).toBe(true);
  });
});

describe('a channel that is opened again', () => {
  const death = [
    ...[expects('queue.purge'), send('channel.close', { replyCode: 404, replyText: 'NOT_FOUND' })],
    expects('channel.close-ok'),
  ];

  test('stays closed if the connection ends over it; the call throws what it had to', () => {
    const { conn, ch } = on(...death, expects('channel.open'), cut());
    expect(errorOf(() => ch.queue_purge('q'))).toBeInstanceOf(NotFound);
    expect(conn.is_alive()).toBe(false);
    expect(errorOf(() => ch.queue_purge('q')).message).toBe('connection already closed');
  });

  test('is opened as often as need be', () => {
    const { peer, ch } = on(...death, ...opened(1), ...death, ...opened(1), ...death, ...opened(1), serve());
    for (let time = 0; time < 3; time++)
      expect(errorOf(() => ch.queue_purge('q'))).toBeInstanceOf(IrrecoverableChannelError);
    peer.satisfied();
    expect(ch.queue_purge('q')).toBe(0);
  });

  test('is not one that is being closed', () => {
    const { peer, conn, ch } = on(
      ...[expects('basic.publish'), send('channel.close', { replyCode: 404, classId: 60, methodId: 40 })],
      ...[
        expects('channel.close'),
        send('channel.close-ok'),
        expects('channel.close-ok'),
        ...opened(1),
        serve(),
      ],
    );
    ch.basic_publish(new Message('x'), 'nowhere');
    expect(errorOf(() => ch.close())).toBeInstanceOf(NotFound);
    expect(ch.is_open).toBe(false);
    expect(conn.channel(1).channel_id).toBe(1);
    peer.satisfied();
  });
});

describe('publishing', () => {
  const confirms = [expects('confirm.select'), send('confirm.select-ok'), expects('basic.publish')];

  test('a message that the broker refuses: MessageNacked, not a wait for ever', () => {
    const { ch } = on(...confirms, send('basic.nack', { deliveryTag: 1 }), serve());
    const error = errorOf<MessageNacked>(() => ch.basic_publish_confirm(new Message('x'), '', 'q'));
    expect(error).toBeInstanceOf(MessageNacked);
    expect(error).toMatchObject({ channel_id: 1, method_name: 'basic.publish' });
    ch.basic_publish(new Message('y'), '', 'q');
    expect(ch.mode).toBe(2);
  });

  test('a confirm that does not come: Timeout after call_timeout', () => {
    const { ch } = talk([...ready(), ...confirms, waitFor('never')], { compat: { call_timeout: SHORT } });
    expect(errorOf(() => ch.basic_publish_confirm(new Message('x'), '', 'q'))).toBeInstanceOf(Timeout);
  });

  test('a message that comes back is there when its publish returns', () => {
    const came = content(
      'basic.return',
      { replyCode: 312, replyText: 'NO_ROUTE', routingKey: 'q' },
      { body: 'x' },
    );
    const { ch } = on(...confirms, came, send('basic.ack', { deliveryTag: 1 }), serve());
    ch.basic_publish_confirm(new Message('x'), '', 'q', true);
    expect(ch.returned_messages.get_nowait()).toMatchObject({ reply_code: 312, routing_key: 'q' });
  });

  test('the broker asks for a pause (channel.flow)', () => {
    const { peer, conn, ch } = talk(
      [
        ...[
          ...ready(),
          send('channel.flow', { active: false }),
          expects('channel.flow-ok', { active: false }),
        ],
        ...[
          waitFor('go'),
          send('channel.flow', { active: true }),
          expects('channel.flow-ok', { active: true }),
        ],
        ...[expects('basic.publish'), serve()],
      ],
      { compat: { call_timeout: SHORT } },
    );
    const untilActive = (active: boolean) => eventually(() => conn.is_alive() && ch.active === active);
    untilActive(false);
    expect(errorOf(() => ch.basic_publish(new Message('x')))).toBeInstanceOf(Timeout);
    peer.signal('go');
    untilActive(true);
    ch.basic_publish(new Message('x'));
    peer.satisfied();
  });

  test('a broker that has blocked publishing: told once each, and Blocked after call_timeout', () => {
    const told: string[] = [];
    const { peer, conn, ch } = talk(
      [
        ...[...ready(), send('connection.blocked', { reason: 'low on memory' }), waitFor('go')],
        ...[send('connection.unblocked'), expects('basic.publish'), serve()],
      ],
      {
        compat: { call_timeout: SHORT },
        on_blocked: (reason) => told.push(reason),
        on_unblocked: () => told.push('unblocked'),
      },
    );
    conn.drain_events(60);
    expect(told).toEqual(['low on memory']);
    const error = errorOf<Blocked>(() => ch.basic_publish(new Message('x')));
    expect(error).toBeInstanceOf(Blocked);
    expect(error.message).toContain('low on memory');
    peer.signal('go');
    ch.basic_publish(new Message('x')); // waits for it
    expect(told).toEqual(['low on memory']); // no callback inside a call
    conn.on_unblocked = () => told.push('unblocked, later');
    conn.loop(0);
    expect(told).toEqual(['low on memory', 'unblocked, later']);
    peer.satisfied();
  });
});

describe('RabbitMQ 4.3', () => {
  const refused = (replyText: string, [classId, methodId]: spec.method_t) => [
    ...[
      send('connection.close', { replyCode: 541, replyText, classId, methodId }),
      expects('connection.close-ok'),
    ],
  ];
  const TEXT = 'INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated';

  test('refuses a queue that is neither durable nor exclusive: InternalError says what to change', () => {
    const { ch } = on(expects('queue.declare'), ...refused(TEXT, spec.Queue.Declare));
    const error = errorOf<InternalError>(() => ch.queue_declare('q'));
    expect(error).toBeInstanceOf(InternalError);
    expect(error.reply_text).toBe(TEXT);
    expect(error.hint).toMatch(/durable=true or exclusive=true .* compat: \{ transient_queues: 'durable' \}/);
    expect(error.message).toBe(`${TEXT} (${error.hint})`);
  });

  test.each([
    ['durable', { durable: true, exclusive: false }],
    ['exclusive', { durable: false, exclusive: true }],
    ['as-is', { durable: false, exclusive: false }],
  ] as const)('hears from the switch what becomes of such a queue: %s', (transient_queues, args) => {
    const { peer, ch } = talk(
      [
        ...[
          ...ready(),
          expects('queue.declare', { queue: 'q', autoDelete: true, ...args }),
          send('queue.declare-ok'),
        ],
        ...[expects('queue.declare', { durable: false, exclusive: true }), send('queue.declare-ok')],
        ...[expects('queue.declare', { durable: true, exclusive: false }), send('queue.declare-ok')],
        ...[
          expects('queue.declare', { passive: true, durable: false, exclusive: false }),
          send('queue.declare-ok'),
        ],
        serve(),
      ],
      { compat: { transient_queues } },
    );
    ch.queue_declare('q');
    ch.queue_declare('q', { exclusive: true });
    ch.queue_declare('q', { durable: true });
    ch.queue_declare('q', { passive: true });
    peer.satisfied();
  });

  test('may say 541 for something else, and that is only what it says', () => {
    const { ch } = on(expects('queue.declare'), ...refused('INTERNAL_ERROR', spec.Queue.Declare));
    expect(errorOf<InternalError>(() => ch.queue_declare('q')).hint).toBeUndefined();
  });
});

describe('time', () => {
  test("a call without an answer: Timeout after call_timeout, and its answer is nobody else's", () => {
    const { peer, ch } = talk(
      [
        ...[...ready(), expects('queue.purge'), waitFor('late'), send('queue.purge-ok', { messageCount: 1 })],
        ...[expects('queue.purge'), send('queue.purge-ok', { messageCount: 2 }), serve()],
      ],
      { compat: { call_timeout: SHORT } },
    );
    const error = errorOf(() => ch.queue_purge('one'));
    expect(error).toBeInstanceOf(Timeout);
    expect(error.cause).toMatchObject({ code: 'TIMEOUT' });
    peer.signal('late');
    expect(ch.queue_purge('two')).toBe(2);
  });

  test('without it a call waits as long as it takes', () => {
    const { ch } = talk(
      [...ready(), expects('queue.purge'), stall(700), send('queue.purge-ok', { messageCount: 1 }), serve()],
      { compat: { call_timeout: null } },
    );
    expect(ch.queue_purge('q')).toBe(1);
  });

  test('close ends, whether the broker answers or not', () => {
    const { conn, ch } = on(
      expects('channel.close'),
      send('channel.close-ok'),
      expects('connection.close'),
      stall(60_000),
    );
    ch.close();
    const began = performance.now();
    conn.close();
    expect(performance.now() - began).toBeLessThan(within(6500));
    expect(conn.connected).toBe(false);
  });
});

describe('what close says', () => {
  test('is nothing by default', () => {
    const peer = broker([
      ...handshake(),
      ...closed({ replyCode: 0, replyText: '', classId: 0, methodId: 0 }),
    ]);
    open({}, peer.url).close();
    peer.done();
  });

  test('is the reason, and the method that is to blame', () => {
    const peer = broker([
      ...handshake(),
      ...closed({ replyCode: 541, replyText: 'my fault', classId: 60, methodId: 40 }),
    ]);
    open({}, peer.url).close({ reply_code: 541, reply_text: 'my fault', method_type: spec.Basic.Publish });
    peer.done();
  });
});

describe('consumers', () => {
  test('the prefetch of amqpy, which is none, is said once where the client beneath has one', () => {
    const consumed = (consumerTag: string) => [
      expects('basic.consume'),
      send('basic.consume-ok', { consumerTag }),
    ];
    const { peer, ch } = on(
      ...[expects('basic.qos', { prefetchCount: 0, global: false }), send('basic.qos-ok')],
      ...[...consumed('a'), ...consumed('b'), serve()],
    );
    expect([ch.basic_consume('q'), ch.basic_consume('q')]).toEqual(['a', 'b']);
    peer.satisfied();
  });

  test("a basic_qos of one's own is left alone, and without acknowledgements none is needed", () => {
    const { peer, ch } = on(
      ...[expects('basic.consume', { noAck: true }), send('basic.consume-ok', { consumerTag: 'a' })],
      ...[expects('basic.qos', { prefetchCount: 3 }), send('basic.qos-ok')],
      ...[
        expects('basic.consume', { noAck: false }),
        send('basic.consume-ok', { consumerTag: 'b' }),
        serve(),
      ],
    );
    ch.basic_consume('q', { no_ack: true });
    ch.basic_qos(0, 3);
    ch.basic_consume('q');
    peer.satisfied();
  });
});

test('flow(false), which RabbitMQ does not know, is for brokers that do', () => {
  const { ch } = on(
    expects('channel.flow', { active: false }),
    send('channel.flow-ok', { active: false }),
    serve(),
  );
  expect(ch.flow(false)).toBe(false);
});
