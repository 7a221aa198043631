import {
  AmqpError,
  type Channel,
  ConnectionLostError,
  connect,
  MessageTooLargeError,
  ProtocolError,
  WrongStateError,
} from '../../src';
import { FRAME } from '../../src/protocol/constants';
import {
  AT_ONCE,
  broker,
  CEILING,
  connectTo,
  errorOf,
  failureOf,
  growthDuring,
  talk,
} from '../support/peers/peer';
import {
  beat,
  type ContentOptions,
  closed,
  content,
  cut,
  delivery,
  expects,
  expectsEnd,
  frame,
  frameBytes,
  handshake,
  headerPayload,
  heartbeat,
  loop,
  methodPayload,
  opened,
  ready,
  repeat,
  type Script,
  type Step,
  send,
  sendBytes,
  serve,
  waitFor,
} from '../support/peers/script';
import { type ScriptedBroker, scriptedBroker } from '../support/peers/scripted-broker';
import {
  bodyFrame,
  CALL_TIMEOUT,
  channels,
  consuming,
  contents,
  FRAME_MAX,
  frames,
  getOk,
  getOkFrame,
  headerFrame,
  methods,
  rawHeader,
} from './attacks';

const { METHOD, HEADER, BODY } = FRAME;

/** A channel of another connection of this process. */
let bystander: Channel;
beforeAll(() => {
  bystander = connect(scriptedBroker([...ready(), serve()]).url).channel();
});
afterAll(() => bystander.connection.close());

// calls are written by this thread, and by the worker
describe.each([
  ['frames', frames, true],
  ['channels', channels, true],
  ['methods', methods, true],
  ['contents', contents, true],
  ['methods, as the worker writes the calls', methods, false],
  ['contents, as the worker writes the calls', contents, false],
] as const)('hostile %s', (_, attacks, directWrites) => {
  test.each(attacks)(
    'are refused, and end the connection with a code: %s',
    (_, { steps, act }, attack, replyCode) => {
      const peer = broker([
        ...handshake({ channelMax: 10, frameMax: FRAME_MAX }),
        ...opened(),
        ...steps,
        ...attack,
        ...closed({ replyCode }),
      ]);
      const connection = connectTo(peer, { callTimeout: CALL_TIMEOUT, directWrites });
      const channel = connection.channel();
      peer.signal('attack');
      const growth = growthDuring(() => {
        const { error, ms } = failureOf(() => act(channel, connection));
        expect(error).toBeInstanceOf(ProtocolError);
        expect(error).toMatchObject({ replyCode, origin: 'network' });
        expect(error.message).toMatch(/broke the protocol/);
        expect(ms).toBeLessThan(AT_ONCE);
        // everything else on the connection ends with it, and says why
        const after = errorOf(() => channel.queuePurge('q'));
        expect(after).toBeInstanceOf(WrongStateError);
        expect(after.cause).toBe(error);
        expect(connection.isOpen).toBe(false);
        expect(channel.isOpen).toBe(false);
      });
      expect(growth).toBeLessThan(64);
      expect(bystander.basicGet('q')).toBeNull(); // a second connection notices nothing
      peer.done(); // connection.close with the code was on the wire
    },
  );
});

test('hostile input comes in at least 38 kinds', () => {
  expect([...frames, ...channels, ...methods, ...contents].length).toBeGreaterThanOrEqual(38);
});

describe('what is sent along', () => {
  test('the error names the pending call, what it expected and what came', () => {
    const { connection } = talk([...ready(), expects('queue.declare'), send('queue.delete-ok'), ...closed()]);
    expect(errorOf(() => connection.channel().queueDeclare('q'))).toMatchObject({
      where: 'queue.declare',
      expected: 'queue.declare-ok',
      got: 'queue.delete-ok',
      message: expect.stringMatching(/queue\.declare.*queue\.declare-ok.*queue\.delete-ok/),
    });
  });

  test('a consumer tag of many bytes and few characters does not keep connection.close from being sent', () => {
    const consumerTag = '隊'.repeat(80);
    const { peer, connection } = talk([
      ...ready(),
      ...repeat(2, [expects('basic.consume'), send('basic.consume-ok', { consumerTag })]),
      ...closed({ replyCode: 503 }),
    ]);
    const channel = connection.channel();
    const consume = () => channel.basicConsume('q', () => {}, { noAck: true });
    consume();
    expect(errorOf(consume)).toBeInstanceOf(ProtocolError);
    peer.done();
  });

  test.each<[string, Script]>([
    ['frames', [frame({ type: 4 })]],
    ['methods', [send('queue.purge-ok')]],
  ])('hostile %s: a peer that does not answer connection.close is left within seconds', (_, attack) => {
    const { peer, connection } = talk([
      ...ready(),
      waitFor('attack'),
      ...attack,
      expects('connection.close'),
      beat(50), // it is alive, and will not go by itself
      expectsEnd(),
    ]);
    connection.channel();
    peer.signal('attack');
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(ProtocolError);
    peer.done(5000);
  });

  test('what came before it counts, even in the same packet', () => {
    const both = Buffer.concat([
      frameBytes({ type: METHOD, channel: 1, payload: methodPayload('basic.ack', { deliveryTag: 1 }) }),
      frameBytes({ type: 4 }),
    ]);
    const { connection } = talk([
      ...[...ready(), expects('confirm.select'), send('confirm.select-ok'), expects('basic.publish')],
      sendBytes(both),
    ]);
    const channel = connection.channel();
    channel.confirmSelect();
    channel.basicPublish('x', { routingKey: 'q' }); // it is confirmed
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(ProtocolError);
  });

  test('a flood of 10,000 unknown frames: closed at the first one', () => {
    const { peer, connection } = talk([
      ...ready(),
      waitFor('attack'),
      ...repeat(10_000, [frame({ type: 9, channel: 1, payload: 'ff'.repeat(100) })]),
    ]);
    connection.channel();
    peer.signal('attack');
    const growth = growthDuring(() => {
      const { error, ms } = failureOf(() => connection.drainEvents({ timeout: CEILING }));
      expect(error).toBeInstanceOf(ProtocolError);
      expect(ms).toBeLessThan(AT_ONCE);
    });
    expect(growth).toBeLessThan(32);
  });

  test('a connection cut in the middle of a frame is lost, not broken', () => {
    const { connection } = talk([
      ...ready(),
      expects('basic.get'),
      sendBytes('01 0001 00000004 003c'),
      cut(),
    ]);
    const { error, ms } = failureOf(() => connection.channel().basicGet('q'));
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(ms).toBeLessThan(AT_ONCE);
  });
});

describe('what looks odd and is allowed', () => {
  const script = (steps: Script): Step[] => [
    ...handshake({ frameMax: FRAME_MAX }),
    ...opened(),
    ...steps,
    serve(),
  ];

  test('a body frame of exactly frame_max', () => {
    const body = Buffer.alloc(FRAME_MAX - 8, 7);
    const { connection } = talk(
      script([expects('basic.get'), content('basic.get-ok', getOk, { body, pieces: FRAME_MAX - 8 })]),
    );
    expect(connection.channel().basicGet('q')?.body.equals(body)).toBe(true);
  });

  test('frames of 1 MiB', () => {
    const body = Buffer.alloc(3 * 2 ** 20, 7);
    const { connection } = talk(
      [
        ...handshake({ frameMax: 0 }),
        ...opened(),
        expects('basic.get'),
        content('basic.get-ok', getOk, { body, pieces: 2 ** 20 - 8 }),
        serve(),
      ],
      { frameMax: 0 },
    );
    expect(connection.channel().basicGet('q')?.body.equals(body)).toBe(true);
  });

  test('a content header of half the ring', () => {
    const big = 'b'.repeat(2 ** 20 - 8 - 27);
    const header = headerPayload(0, { headers: { big } });
    expect(header).toHaveLength(2 ** 20 - 8);
    const { connection } = talk(script([expects('basic.get'), getOkFrame, headerFrame(header)]));
    expect(connection.channel().basicGet('q')?.properties.headers?.big === big).toBe(true);
  });

  test('heartbeats and empty body frames in the middle of a content', () => {
    const { connection } = talk(
      script([
        expects('basic.get'),
        getOkFrame,
        heartbeat(),
        headerFrame(headerPayload(3)),
        bodyFrame(''),
        heartbeat(),
        bodyFrame('6162'),
        bodyFrame(''),
        bodyFrame('63'),
      ]),
    );
    expect(connection.channel().basicGet('q')?.text).toBe('abc');
  });

  test('contents of two channels that take turns', () => {
    const part = (channel: number, type: number, payload: Uint8Array | string) =>
      frame({ type, channel, payload });
    const deliver = (channel: number) =>
      part(
        channel,
        METHOD,
        methodPayload('basic.deliver', { consumerTag: 'ct', deliveryTag: 1, routingKey: String(channel) }),
      );
    const consumes = (channel: number) => [
      ...[expects('basic.qos'), send('basic.qos-ok', {}, { channel })],
      ...[
        expects('basic.consume', {}, { channel }),
        send('basic.consume-ok', { consumerTag: 'ct' }, { channel }),
      ],
    ];
    const { connection } = talk(
      script([
        ...opened(2),
        ...consumes(1),
        ...consumes(2),
        ...[deliver(1), deliver(2)],
        ...[part(2, HEADER, headerPayload(4)), part(1, HEADER, headerPayload(4))],
        ...[
          part(1, BODY, Buffer.from('on')),
          part(2, BODY, Buffer.from('tw')),
          part(2, BODY, Buffer.from('o!')),
          part(1, BODY, Buffer.from('e!')),
        ],
      ]),
    );
    const [one, two] = [connection.channel(), connection.channel()];
    const got: string[] = [];
    for (const channel of [one, two])
      channel.basicConsume(
        'q',
        (message) => got.push(`${message.channel.id} ${message.routingKey} ${message.text}`),
        { consumerTag: 'ct' },
      );
    while (got.length < 2) connection.drainEvents({ timeout: CEILING });
    expect(got).toEqual(['2 2 two!', '1 1 one!']);
  });

  test('a cancel for a consumer that there is not', () => {
    const { connection } = talk(script([send('basic.cancel', { consumerTag: 'nobody', noWait: true })]));
    expect(connection.channel().basicGet('q')).toBeNull();
  });

  test('reply codes that nobody knows', () => {
    const { connection } = talk([
      ...ready(),
      expects('queue.purge'),
      send('channel.close', { replyCode: 999, replyText: 'WHAT' }),
      expects('channel.close-ok'),
      send('connection.close', { replyCode: 12345, replyText: '' }),
      expects('connection.close-ok'),
    ]);
    const channel = connection.channel();
    expect(errorOf(() => channel.queuePurge('q'))).toMatchObject({ code: 'REPLY_999', replyCode: 999 });
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toMatchObject({
      code: 'REPLY_12345',
      replyCode: 12345,
    });
  });

  test('strings that are not UTF-8 can be read, acked, and sent again as they were', () => {
    const broken = Buffer.from('ff80fe41', 'hex');
    // content type, correlation id, both 4 bytes of rubbish
    const properties = `8400 04${broken.toString('hex')} 04${broken.toString('hex')}`;
    const method = `003c 003c 04${broken.toString('hex')} 0000000000000001 00 00 04${broken.toString('hex')}`;
    const { peer, connection } = talk(
      script([
        ...[expects('basic.qos'), send('basic.qos-ok')],
        ...[
          expects('basic.consume'),
          frame({ type: METHOD, channel: 1, payload: `003c 0015 04${broken.toString('hex')}` }),
        ],
        ...[frame({ type: METHOD, channel: 1, payload: method }), rawHeader(properties, 1), bodyFrame('78')],
        expects('basic.publish'),
        expects('basic.ack', { deliveryTag: 1 }),
      ]),
    );
    const channel = connection.channel();
    for (const message of channel.consume('q', { limit: 1 })) {
      expect(message.properties.contentType).toBe(message.routingKey);
      channel.basicPublish(message.body, { ...message.properties, routingKey: message.routingKey });
      message.ack();
    }
    connection.close();
    const publish = peer.transcript().find(({ method }) => method === 'basic.publish');
    expect(publish?.args.routingKey).toBe('\udcff\udc80\udcfeA');
  });
});

describe('maxMessageSize', () => {
  const LIMIT = 1000;
  const get = (options: ContentOptions): Step[] => [
    expects('basic.get'),
    content('basic.get-ok', getOk, options),
  ];
  const limited = (steps: Script) => talk([...ready(), ...steps], { maxMessageSize: LIMIT });

  test('basicGet: a body of the limit is delivered, one byte more is an error that names tag and size', () => {
    const { connection } = limited([
      ...get({ body: Buffer.alloc(LIMIT) }),
      ...get({ body: Buffer.alloc(LIMIT + 1), pieces: 100 }),
      ...[expects('basic.nack', { deliveryTag: 1, requeue: true }), serve()],
    ]);
    const channel = connection.channel();
    expect(channel.basicGet('q')?.body).toHaveLength(LIMIT);
    const error = errorOf<MessageTooLargeError>(() => channel.basicGet('q'));
    expect(error).toBeInstanceOf(MessageTooLargeError);
    expect(error).toMatchObject({ deliveryTag: 1, bodySize: LIMIT + 1 });
    expect(error.message).toContain(String(LIMIT));
    channel.basicNack(error.deliveryTag as number, { requeue: true }); // the way out
    expect(channel.basicGet('q')).toBeNull(); // and the channel lives
    connection.close();
  });

  const three = [
    delivery('ct', 1, { body: Buffer.alloc(LIMIT) }),
    delivery('ct', 2, { body: Buffer.alloc(LIMIT + 1) }),
    delivery('ct', 3, { body: 'small' }),
  ];

  test('a consumer: the large one is an error in its turn, the others are delivered', () => {
    const { peer, connection } = limited([...consuming.steps, ...three, serve()]);
    const channel = connection.channel();
    const got: number[] = [];
    channel.basicConsume('q', ({ body }) => got.push(body.length), { consumerTag: 'ct' });
    const next = () => connection.drainEvents({ timeout: CEILING });
    next();
    const error = errorOf<MessageTooLargeError>(next);
    expect(error).toBeInstanceOf(MessageTooLargeError);
    expect(error).toMatchObject({ deliveryTag: 2, bodySize: LIMIT + 1 });
    channel.basicReject(2);
    next();
    expect(got).toEqual([LIMIT, 5]);
    connection.close();
    expect(settled(peer)).toEqual(['reject 2']);
  });

  test('an iterator: the large one ends the loop, and nothing is lost', () => {
    const { peer, connection } = limited([...consuming.steps, ...three, serve()]);
    const channel = connection.channel();
    const got: number[] = [];
    const error = errorOf<MessageTooLargeError>(() => {
      for (const message of channel.consume('q', { consumerTag: 'ct' })) got.push(message.deliveryTag);
    });
    expect(error).toBeInstanceOf(MessageTooLargeError);
    expect(error).toMatchObject({ deliveryTag: 2, bodySize: LIMIT + 1 });
    channel.basicReject(2);
    connection.close();
    expect(peer.methods()).toContain('basic.cancel');
    const back = got.includes(3) ? [] : ['nack 3'];
    expect(got[0]).toBe(1);
    expect(settled(peer)).toEqual([...back, 'reject 2']);
  });

  /** Settlements of its deliveries that the broker was sent. */
  function settled(peer: ScriptedBroker): string[] {
    const entries = peer.transcript().filter(({ method }) => /^basic\.(ack|nack|reject)$/.test(method));
    return entries.map(({ method, args }) => `${method.slice(6)} ${args.deliveryTag}`);
  }

  test('with noAck it is lost, and the error says so', () => {
    const { connection } = limited([...get({ body: Buffer.alloc(LIMIT + 1) }), serve()]);
    const channel = connection.channel();
    const error = errorOf(() => channel.basicGet('q', { noAck: true }));
    expect(error).toBeInstanceOf(MessageTooLargeError);
    expect(error.message).toContain('lost');
    expect(channel.basicGet('q')).toBeNull();
  });

  test('0 allows empty bodies only', () => {
    const { connection } = talk([...ready(), ...get({}), ...get({ body: 'x' }), serve()], {
      maxMessageSize: 0,
    });
    const channel = connection.channel();
    expect(channel.basicGet('q')?.body).toHaveLength(0);
    expect(errorOf(() => channel.basicGet('q'))).toBeInstanceOf(MessageTooLargeError);
  });

  test('4 GB announced, and sent as fast as can be: the call ends in time, and memory stays flat', () => {
    const piece = bodyFrame(Buffer.alloc(131_064));
    const { connection } = talk([
      ...ready(),
      expects('basic.get'),
      getOkFrame,
      headerFrame(headerPayload(4e9)),
      loop([piece]),
    ]);
    const channel = connection.channel();
    const growth = growthDuring(() => {
      const { error, ms } = failureOf(() => channel.basicGet('q', { timeout: 1500 }));
      expect(error).toBeInstanceOf(AmqpError);
      expect(ms).toBeLessThan(1500 + AT_ONCE);
    });
    expect(growth).toBeLessThan(128); // of which the broker, in the same process, has its share
  });

  test('100 MB announced below the limit, and never sent: nothing is allocated for it', () => {
    const { connection } = talk([
      ...ready(),
      expects('basic.get'),
      getOkFrame,
      headerFrame(headerPayload(100e6)),
      bodyFrame('61'),
    ]);
    const channel = connection.channel();
    const growth = growthDuring(() => errorOf(() => channel.basicGet('q', { timeout: 300 })));
    expect(growth).toBeLessThan(32);
  });
});
