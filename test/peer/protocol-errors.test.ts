import {
  AmqpError,
  type Channel,
  type Connection,
  ConnectionLostError,
  MessageTooLargeError,
  ProtocolError,
  WrongStateError,
} from '../../src';
import { FRAME } from '../../src/protocol/constants';
import { broker, CEILING, connectTo, errorOf, failureOf, growthDuring, talk } from '../support/peer';
import {
  type ContentOptions,
  closed,
  content,
  cut,
  delivery,
  expects,
  expectsEnd,
  frame,
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
  stall,
  waitFor,
} from '../support/script';

const FRAME_MAX = 8192;
/** Milliseconds within which any attack has to be noticed. */
const PATIENCE = 1000;
const { METHOD, HEADER, BODY, HEARTBEAT } = FRAME;

/** What the client is doing when the attack comes, and what the broker expects of it by then. */
interface Scene {
  steps: Step[];
  act(channel: Channel, connection: Connection): unknown;
}

const getting: Scene = {
  steps: [expects('basic.get')],
  act: (channel) => channel.basicGet('q'),
};
const declaring: Scene = {
  steps: [expects('queue.declare')],
  act: (channel) => channel.queueDeclare('q'),
};
const waiting: Scene = {
  steps: [waitFor('attack')],
  act: (_, connection) => connection.drainEvents({ timeout: PATIENCE }),
};
const consuming: Scene = {
  steps: [
    ...[expects('basic.qos'), send('basic.qos-ok')],
    ...[expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'ct' })],
  ],
  act(channel, connection) {
    channel.basicConsume('q', () => {}, { consumerTag: 'ct' });
    connection.loop({ timeout: PATIENCE });
  },
};
const confirming: Scene = {
  steps: [expects('confirm.select'), send('confirm.select-ok'), expects('basic.publish')],
  act(channel) {
    channel.confirmSelect();
    channel.basicPublish('body', { routingKey: 'q' });
  },
};

const getOk = { deliveryTag: 1, routingKey: 'q' };
const getOkFrame = frame({ type: METHOD, channel: 1, payload: methodPayload('basic.get-ok', getOk) });
const headerFrame = (payload: Uint8Array | string) => frame({ type: HEADER, channel: 1, payload });
const bodyFrame = (payload: Uint8Array | string) => frame({ type: BODY, channel: 1, payload });
/** class 60, weight 0, a body of `size`; then what is given. */
const rawHeader = (rest: string, size = 0) =>
  headerFrame(`003c 0000 ${size.toString(16).padStart(16, '0')} ${rest}`);
/** A header whose `headers` property is this table. */
const withTable = (table: string) => rawHeader(`2000 ${table}`);

function nestedTable(levels: number): string {
  let bytes = '00000000';
  for (let level = 1; level < levels; level++) {
    bytes = `0161 46 ${bytes}`.replaceAll(' ', '');
    bytes = (bytes.length / 2).toString(16).padStart(8, '0') + bytes;
  }
  return bytes;
}

/** name, what the client does, what the broker sends, the reply code on the wire */
type Attack = [string, Scene, Script, number];

const frames: Attack[] = [
  [
    'a bad frame end',
    getting,
    [frame({ type: METHOD, channel: 1, payload: methodPayload('basic.get-empty'), end: 0xcf })],
    501,
  ],
  ['an unknown frame type', waiting, [frame({ type: 4, channel: 1 })], 501],
  ['frame type 0', waiting, [frame({ type: 0 })], 501],
  ['a protocol header in mid-stream', waiting, [sendBytes(Buffer.from('AMQP\0\0\x09\x01'))], 501],
  ['text in mid-stream', getting, [sendBytes(Buffer.from('HTTP/1.1 502 Bad Gateway\r\n'))], 501],
  ['a header that claims 4 GiB', waiting, [sendBytes('03 0001 ffffffff')], 501],
  ['a header that claims 2 GiB', waiting, [sendBytes('03 0001 7fffffff')], 501],
  [
    'a header that claims one byte too many',
    waiting,
    [sendBytes(`03 0001 ${(FRAME_MAX - 7).toString(16).padStart(8, '0')}`)],
    501,
  ],
  [
    'a control frame that claims one byte too many',
    waiting,
    [sendBytes(`01 0000 ${(FRAME_MAX - 7).toString(16).padStart(8, '0')}`)],
    501,
  ],
  [
    'a body frame of 64 MiB',
    getting,
    [
      getOkFrame,
      rawHeader('0000', 64 << 20),
      sendBytes('03 0001 04000000'),
      ...repeat(64, [sendBytes(Buffer.alloc(65536))]),
    ],
    501,
  ],
  ['an empty method frame', waiting, [frame({ type: METHOD, channel: 1 })], 501],
  ['a method frame of 1 byte', waiting, [frame({ type: METHOD, channel: 1, payload: '00' })], 501],
  ['a method frame of 3 bytes', waiting, [frame({ type: METHOD, channel: 1, payload: '003c00' })], 501],
  [
    'a method frame of 3 bytes on channel 0',
    waiting,
    [frame({ type: METHOD, channel: 0, payload: '000a00' })],
    501,
  ],
  ['an empty header frame', getting, [getOkFrame, headerFrame('')], 501],
  ['a header frame of 13 bytes', getting, [getOkFrame, headerFrame('003c0000000000000000000000')], 501],
  ['a heartbeat with a payload', waiting, [frame({ type: HEARTBEAT, payload: '00' })], 501],
  ['a heartbeat on channel 1', waiting, [frame({ type: HEARTBEAT, channel: 1 })], 501],
];

const channels: Attack[] = [
  ['a content header on channel 0', waiting, [frame({ type: HEADER, payload: headerPayload(0) })], 505],
  ['a body on channel 0', waiting, [frame({ type: BODY, payload: '00' })], 505],
  [
    'a method of the connection on channel 1',
    waiting,
    [send('connection.blocked', { reason: 'x' }, { channel: 1 })],
    503,
  ],
  ['connection.close on channel 1', waiting, [send('connection.close', {}, { channel: 1 })], 503],
  ['a reply on channel 0', declaring, [send('queue.declare-ok', { queue: 'q' }, { channel: 0 })], 503],
  [
    'a delivery on channel 0',
    consuming,
    [frame({ type: METHOD, payload: methodPayload('basic.deliver', { consumerTag: 'ct', deliveryTag: 1 }) })],
    503,
  ],
  ['channel.close on channel 0', waiting, [send('channel.close', { replyCode: 404 }, { channel: 0 })], 503],
  [
    'a second connection.start',
    waiting,
    [send('connection.start', { versionMinor: 9, mechanisms: 'PLAIN' })],
    503,
  ],
  ['a second connection.tune', waiting, [send('connection.tune', { frameMax: 4096 })], 503],
  ['a second connection.open-ok', waiting, [send('connection.open-ok')], 503],
  ['a connection.close-ok that nobody waits for', waiting, [send('connection.close-ok')], 503],
  ['an update-secret-ok that nobody waits for', waiting, [send('connection.update-secret-ok')], 503],
  ['a method of the client on channel 0', waiting, [send('connection.open', { virtualHost: '/' })], 503],
  ['a method for a channel that was never opened', waiting, [send('basic.qos-ok', {}, { channel: 5 })], 504],
  [
    'a body for a channel that was never opened',
    waiting,
    [frame({ type: BODY, channel: 5, payload: '00' })],
    504,
  ],
  [
    'channel.close for a channel that was never opened',
    waiting,
    [send('channel.close', { replyCode: 404 }, { channel: 5 })],
    504,
  ],
  ['a channel above channel_max', waiting, [send('basic.qos-ok', {}, { channel: 11 })], 504],
  ['channel 65535', waiting, [frame({ type: BODY, channel: 0xffff, payload: '00' })], 504],
];

const methods: Attack[] = [
  ['an unknown class', waiting, [frame({ type: METHOD, channel: 1, payload: '0063 0001' })], 503],
  ['an unknown method', waiting, [frame({ type: METHOD, channel: 1, payload: '003c 03e7' })], 503],
  ['an unknown method on channel 0', waiting, [frame({ type: METHOD, payload: '000a 03e7' })], 503],
  ['a method that is for clients', waiting, [send('queue.declare', { queue: 'q' })], 503],
  ['a publish', waiting, [content('basic.publish', { routingKey: 'q' }, { body: 'x' })], 503],
  ['delete-ok for a declare', declaring, [send('queue.delete-ok', { messageCount: 1 })], 503],
  ['get-empty for a declare', declaring, [send('basic.get-empty')], 503],
  ['declare-ok for a get', getting, [send('queue.declare-ok', { queue: 'q' })], 503],
  ['a reply when nothing is pending', waiting, [send('queue.purge-ok', { messageCount: 1 })], 503],
  [
    'two replies to one request',
    {
      steps: [...declaring.steps],
      act: (channel, connection) => {
        channel.queueDeclare('q');
        connection.drainEvents({ timeout: PATIENCE });
      },
    },
    [send('queue.declare-ok', { queue: 'q' }), send('queue.declare-ok', { queue: 'q' })],
    503,
  ],
  ['a second channel.open-ok', waiting, [send('channel.open-ok')], 503],
  ['a channel.close-ok that nobody waits for', waiting, [send('channel.close-ok')], 503],
  ['a get-ok that nobody waits for', waiting, [content('basic.get-ok', getOk, { body: 'x' })], 503],
  ['get-ok for a declare', declaring, [content('basic.get-ok', getOk, { body: 'x' })], 503],
  ['a delivery for an unknown consumer', consuming, [delivery('nobody', 1, { body: 'x' })], 503],
  ['a delivery without any consumer', waiting, [delivery('ct', 1, { body: 'x' })], 503],
  ['a confirm of a publish that was never sent', confirming, [send('basic.ack', { deliveryTag: 2 })], 503],
  [
    'a nack of a publish that was never sent',
    confirming,
    [send('basic.nack', { deliveryTag: 99, multiple: true })],
    503,
  ],
  ['a confirm with tag 0', confirming, [send('basic.ack', { deliveryTag: 0 })], 503],
  ['a confirm outside of confirm mode', waiting, [send('basic.ack', { deliveryTag: 1 })], 503],
  [
    'arguments that end too early',
    declaring,
    [frame({ type: METHOD, channel: 1, payload: '0032 000b 01' })],
    502,
  ],
  [
    'a short string longer than the frame',
    declaring,
    [frame({ type: METHOD, channel: 1, payload: '0032 000b ff 61' })],
    502,
  ],
  [
    'arguments that go on',
    declaring,
    [
      frame({
        type: METHOD,
        channel: 1,
        payload: `${methodPayload('queue.declare-ok', { queue: 'q' }).toString('hex')} 00`,
      }),
    ],
    502,
  ],
  ['a broken connection.close', waiting, [frame({ type: METHOD, payload: '000a 0032 01' })], 502],
  ['a broken connection.blocked', waiting, [frame({ type: METHOD, payload: '000a 003c 09 61' })], 502],
  ['a broken channel.close', waiting, [frame({ type: METHOD, channel: 1, payload: '0014 0028 01' })], 502],
  [
    'a delivery tag of 2^63',
    getting,
    [frame({ type: METHOD, channel: 1, payload: '003c 0047 8000000000000000 00 00 00 00000000' })],
    502,
  ],
];

const contents: Attack[] = [
  ['a header without a method', getting, [headerFrame(headerPayload(0))], 505],
  ['a body without a method', getting, [bodyFrame('61')], 505],
  ['a body without a header', getting, [getOkFrame, bodyFrame('61')], 505],
  ['two headers', getting, [getOkFrame, headerFrame(headerPayload(3)), headerFrame(headerPayload(3))], 505],
  ['a method in the place of the header', getting, [getOkFrame, send('basic.get-empty')], 505],
  [
    'a method in the middle of a body',
    getting,
    [getOkFrame, headerFrame(headerPayload(3)), bodyFrame('61'), send('basic.get-empty')],
    505,
  ],
  [
    'a second delivery in the middle of a body',
    consuming,
    [delivery('ct', 1, { body: 'a', bodySize: 2 }), delivery('ct', 2, { body: 'b' })],
    505,
  ],
  [
    'a body longer than announced',
    getting,
    [content('basic.get-ok', getOk, { body: 'x'.repeat(10), bodySize: 3 })],
    505,
  ],
  [
    'a body longer than announced in its second frame',
    getting,
    [content('basic.get-ok', getOk, { body: 'abcd', bodySize: 3, pieces: 2 })],
    505,
  ],
  [
    'a body where none is announced',
    getting,
    [content('basic.get-ok', getOk, { body: 'abcd', bodySize: 0 }), stall(5)],
    505,
  ],
  ['a body of 2^63 bytes', getting, [getOkFrame, headerFrame('003c 0000 8000000000000000 0000')], 502],
  ['a header of another class', getting, [getOkFrame, headerFrame('0032 0000 0000000000000000 0000')], 501],
  ['a property flag that there is not', getting, [getOkFrame, rawHeader('0002')], 502],
  ['more property flags to follow', getting, [getOkFrame, rawHeader('0001 0000')], 502],
  ['properties that end too early', getting, [getOkFrame, rawHeader('8000 05 61')], 502],
  ['properties that go on', getting, [getOkFrame, rawHeader('0000 00')], 502],
  ['headers with an unknown type', getting, [getOkFrame, withTable('00000004 0161 5a 00')], 502],
  ['headers longer than the frame', getting, [getOkFrame, withTable('7fffffff')], 502],
  ['a header string of 2 GiB', getting, [getOkFrame, withTable('00000008 0161 53 7fffffff 61')], 502],
  ['headers nested 65 deep', getting, [getOkFrame, withTable(nestedTable(65))], 502],
  ['headers nested 1000 deep', getting, [getOkFrame, withTable(nestedTable(1000))], 502],
];

describe.each([
  ['frames', frames],
  ['channels', channels],
  ['methods', methods],
  ['contents', contents],
])('hostile %s', (_, attacks) => {
  let other: Connection;
  beforeEach(() => {
    other = connectTo(broker([...ready(), serve()]));
  });

  test.each(attacks)('%s', (_, { steps, act }, attack, replyCode) => {
    const peer = broker([
      ...handshake({ channelMax: 10, frameMax: FRAME_MAX }),
      ...opened(),
      ...steps,
      ...attack,
      ...closed({ replyCode }),
    ]);
    const connection = connectTo(peer);
    const channel = connection.channel();
    const growth = growthDuring(() => {
      const { error, ms } = failureOf(() => act(channel, connection));
      expect(error).toBeInstanceOf(ProtocolError);
      expect(error).toMatchObject({ replyCode, origin: 'network' });
      expect(error.message).toMatch(/broke the protocol/);
      expect(ms).toBeLessThan(1000);
      // everything else on the connection ends with it, and says why
      const after = errorOf(() => channel.queuePurge('q'));
      expect(after).toBeInstanceOf(WrongStateError);
      expect(after.cause).toBe(error);
      expect(connection.isOpen).toBe(false);
      expect(channel.isOpen).toBe(false);
    });
    expect(growth).toBeLessThan(64);
    expect(other.channel().basicGet('q')).toBeNull(); // a second connection notices nothing
    peer.done(); // connection.close with the code was on the wire
  });
});

test('that was enough of them', () => {
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

  test('a consumer tag of many bytes and few characters does not stop the farewell', () => {
    const consumerTag = '隊'.repeat(80);
    const { peer, connection } = talk([
      ...ready(),
      delivery(consumerTag, 1, { body: 'x' }),
      ...closed({ replyCode: 503 }),
    ]);
    connection.channel();
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(ProtocolError);
    peer.done();
  });

  test.each<[string, Script]>([
    ['frames', [frame({ type: 4 })]],
    ['methods', [send('queue.purge-ok')]],
  ])('hostile %s: a peer that does not answer connection.close is left within seconds', (_, attack) => {
    const { peer, connection } = talk([
      ...ready(),
      ...attack,
      expects('connection.close'),
      ...beats(120),
      expectsEnd(),
    ]);
    connection.channel();
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(ProtocolError);
    peer.done(7000);
  });

  function beats(count: number): Step[] {
    return repeat(count, [heartbeat(), stall(50)]);
  }

  test('a flood of 10,000 unknown frames: closed at the first one', () => {
    const { connection } = talk([
      ...ready(),
      ...repeat(10_000, [frame({ type: 9, channel: 1, payload: 'ff'.repeat(100) })]),
    ]);
    connection.channel();
    const growth = growthDuring(() => {
      const { error, ms } = failureOf(() => connection.drainEvents({ timeout: CEILING }));
      expect(error).toBeInstanceOf(ProtocolError);
      expect(ms).toBeLessThan(1000);
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
    expect(ms).toBeLessThan(500);
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

  test.each(['callback', 'iterator'])('%s: the large one is an error, the others arrive', (how) => {
    const { connection } = limited([
      ...consuming.steps,
      delivery('ct', 1, { body: Buffer.alloc(LIMIT) }),
      delivery('ct', 2, { body: Buffer.alloc(LIMIT + 1) }),
      delivery('ct', 3, { body: 'small' }),
      expects('basic.reject', { deliveryTag: 2, requeue: false }),
      serve(),
    ]);
    const channel = connection.channel();
    const got: number[] = [];
    const iterator = how === 'iterator' ? channel.consume('q', { consumerTag: 'ct' }) : undefined;
    if (how === 'callback')
      channel.basicConsume('q', ({ body }) => got.push(body.length), { consumerTag: 'ct' });
    const next = () => {
      if (iterator === undefined) return connection.drainEvents({ timeout: CEILING });
      got.push(iterator.next().value!.body.length);
    };
    next();
    const error = errorOf<MessageTooLargeError>(next);
    expect(error).toBeInstanceOf(MessageTooLargeError);
    expect(error).toMatchObject({ deliveryTag: 2, bodySize: LIMIT + 1 });
    channel.basicReject(2);
    next();
    expect(got).toEqual([LIMIT, 5]);
    connection.close();
  });

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
      expect(ms).toBeLessThan(2000);
    });
    expect(growth).toBeLessThan(64);
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
