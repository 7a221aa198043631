import { inspect } from 'node:util';
import {
  AmqpError,
  AuthenticationError,
  ConnectError,
  InvalidPathError,
  NotAllowedError,
  ProtocolError,
} from '../../src';
import {
  AT_ONCE,
  broker,
  connectTo,
  errorOf,
  failureOf,
  growthDuring,
  talk,
  warm,
} from '../support/peers/peer';
import {
  beat,
  cut,
  expects,
  expectsEnd,
  frame,
  handshake,
  header,
  methodPayload,
  opened,
  type Script,
  START,
  type Step,
  send,
  sendBytes,
  serve,
  split,
  stall,
} from '../support/peers/script';

/** Milliseconds: enough for a thread that is there to come as far as the peer lets it, on a busy machine too. */
const LIMIT = 800;

describe('a peer that does not finish', () => {
  const [, start, startOk, tune, tuneOk, open] = handshake() as [Step, Step, Step, Step, Step, Step];

  test.each<[string, string, Script]>([
    ['says nothing', 'connection.start', [header()]],
    ['stops after connection.start', 'connection.tune', [header(), start, startOk]],
    ['stops after connection.tune', 'connection.open-ok', [header(), start, startOk, tune, tuneOk, open]],
    ['sends heartbeats only', 'connection.start', [header(), beat(50)]],
    ['sends half a frame', 'connection.start', [header(), sendBytes('01 0000 000000')]],
  ])('which %s: the connect timeout names the stage', (_, stage, script) => {
    const peer = broker([...script, expectsEnd()]);
    warm();
    const { error, ms } = failureOf<ConnectError>(() => connectTo(peer, { connectTimeout: LIMIT }));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ origin: 'network', recoverable: true, outcome: 'not-sent' });
    expect(error.message).toContain(`waiting for ${stage}`);
    expect(error.message).toContain(`${LIMIT} ms`);
    expect(error.attempts).toEqual([
      { host: '127.0.0.1', port: peer.port, stage, reason: expect.stringContaining(`${LIMIT} ms`) },
    ]);
    expect(ms).toBeGreaterThanOrEqual(LIMIT - 5);
    expect(ms).toBeLessThan(LIMIT + AT_ONCE);
    peer.done(); // the socket has been put down
  });

  test('the limit is for all stages together: a trickle of good bytes does not renew it', () => {
    // a byte comes every 100 ms: all of them would take far longer than the bound
    const peer = broker([header(), split(1, 100), send('connection.start', START), expectsEnd()]);
    warm();
    const { error, ms } = failureOf<ConnectError>(() => connectTo(peer, { connectTimeout: LIMIT }));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.attempts[0]?.stage).toBe('connection.start');
    expect(ms).toBeLessThan(LIMIT + AT_ONCE);
  });

  test('slow but in time is good enough', () => {
    const { connection } = talk([header(), split(16), ...handshake().slice(1), split(0), serve()]);
    expect(connection.isOpen).toBe(true);
    connection.close();
  });
});

describe('a peer that hangs up', () => {
  // handshake() up to and with the step after which it is cut
  const stages: [string, number, string][] = [
    ['the protocol header', 1, 'connection.start'],
    ['connection.start', 2, 'connection.tune'],
    ['start-ok', 3, 'connection.tune'],
    ['connection.tune', 4, 'connection.open-ok'],
    ['tune-ok', 5, 'connection.open-ok'],
    ['connection.open', 6, 'connection.open-ok'],
  ];

  describe.each([
    ['FIN', false],
    ['RST', true],
  ])('with %s', (_, rst) => {
    test.each(stages)('after %s: an error at once that names the stage', (_, steps, stage) => {
      // a moment, lest the reset overtakes what was sent before it
      const peer = broker([...handshake().slice(0, steps), stall(30), cut({ rst })]);
      const { error, ms } = failureOf<ConnectError | AuthenticationError>(() => connectTo(peer));
      expect(error).toBeInstanceOf(stage === 'connection.tune' ? AuthenticationError : ConnectError);
      expect(error.message).toContain(`cannot connect to 127.0.0.1:${peer.port} (waiting for ${stage})`);
      expect(error.message).toMatch(rst ? /ECONNRESET/ : /closed the socket/);
      expect(error).toMatchObject({ outcome: 'not-sent' });
      expect(ms).toBeLessThan(AT_ONCE);
      expect(peer.transcript().filter(({ method }) => method === 'header')).toHaveLength(1); // no second try
    });
  });

  test('right after open-ok: the connection was there, and is lost', () => {
    const peer = broker([...handshake(), cut()]);
    expect(errorOf(() => connectTo(peer).channel())).toMatchObject({ code: 'CONNECTION_LOST' });
  });

  test('or does not listen at all is ECONNREFUSED, at once', () => {
    const peer = broker([]);
    peer.close();
    const { error, ms } = failureOf<ConnectError>(() => connectTo(peer));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.code).toBe('ECONNREFUSED');
    expect(error.attempts[0]).toMatchObject({ stage: 'tcp', port: peer.port });
    expect(ms).toBeLessThan(AT_ONCE);
  });
});

describe('a peer that speaks something else', () => {
  test.each<[string, Uint8Array]>([
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n')],
    ['SMTP', Buffer.from('220 mail.example.org ESMTP Postfix\r\n')],
    ['a TLS alert', Buffer.from('15030100020246', 'hex')],
    ['zeros', Buffer.alloc(64)],
  ])('%s: not an AMQP 0-9-1 broker', (_, greeting) => {
    const peer = broker([header(), sendBytes(greeting), expectsEnd()]);
    const growth = growthDuring(() => {
      const { error, ms } = failureOf(() => connectTo(peer));
      expect(error).toBeInstanceOf(ProtocolError);
      expect(error.message).toContain(`127.0.0.1:${peer.port} does not speak AMQP 0-9-1`);
      expect(ms).toBeLessThan(AT_ONCE);
    });
    expect(growth).toBeLessThan(64);
  });

  test('the header of AMQP 0-9-1 itself: something in between has changed ours', () => {
    const peer = broker([header(), sendBytes('414d5150 00000901'), cut()]);
    const { error } = failureOf(() => connectTo(peer));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error.message).toContain(`127.0.0.1:${peer.port} speaks AMQP 0-9-1, but something in between has`);
    expect(error.message).toContain('PROXY protocol');
    expect(error.message).not.toMatch(/does not speak|it wants/);
  });

  test.each([
    ['AMQP 1.0', '414d5150 00010000', /1[.-]0/],
    ['AMQP 1.0 with SASL', '414d5150 03010000', /1[.-]0/],
    ['AMQP 0-9', '414d5150 01010009', /0[.-]9/],
    ['AMQP 0-10', '414d5150 0101000a', /0[.-]10/],
  ])('the header of %s: the error says which version the broker wants', (_, bytes, version) => {
    const peer = broker([header(), sendBytes(bytes), cut()]);
    const { error, ms } = failureOf(() => connectTo(peer));
    expect(error).toBeInstanceOf(AmqpError);
    expect(error.message).toContain('0-9-1');
    expect(error.message).toContain(`127.0.0.1:${peer.port}`);
    // not what is said of our own version
    expect(error.message.replaceAll('AMQP 0-9-1', '').replace(`127.0.0.1:${peer.port}`, '')).toMatch(version);
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('starts with another version, which the error names', () => {
    const peer = broker([header(), send('connection.start', { ...START, versionMajor: 8, versionMinor: 0 })]);
    const error = errorOf(() => connectTo(peer));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error.message).toContain('8-0');
  });
});

describe('methods out of turn', () => {
  const start = send('connection.start', START);
  const tune = send('connection.tune', { channelMax: 10, frameMax: 4096, heartbeat: 0 });

  test.each<[string, Script]>([
    ['tune first', [tune]],
    ['open-ok first', [send('connection.open-ok')]],
    ['start twice', [start, expects('connection.start-ok'), start]],
    ['open-ok in the place of tune', [start, expects('connection.start-ok'), send('connection.open-ok')]],
    [
      'tune twice',
      [
        start,
        expects('connection.start-ok'),
        tune,
        expects('connection.tune-ok'),
        expects('connection.open'),
        tune,
      ],
    ],
    ['a method of a channel', [frame({ type: 1, payload: methodPayload('queue.purge-ok') })]],
    ['a method that there is not', [frame({ type: 1, payload: '000affff' })]],
    ['a method without a whole id', [frame({ type: 1, payload: '000a' })]],
    ['half a method', [frame({ type: 1, payload: '000a000a 00' })]],
    ['a frame on channel 1', [frame({ type: 1, channel: 1, payload: methodPayload('channel.open-ok') })]],
    ['content', [frame({ type: 3, channel: 0, payload: '00' })]],
    ['a broken frame', [frame({ type: 1, payload: methodPayload('connection.start', START), end: 0 })]],
  ])('%s: refused at once', (_, steps) => {
    const peer = broker([header(), ...steps, expectsEnd()]);
    const { error, ms } = failureOf(() => connectTo(peer));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(ms).toBeLessThan(AT_ONCE);
    peer.done();
  });

  test('a question that PLAIN has no answer to: the mechanism is at fault, not the peer', () => {
    const peer = broker([
      header(),
      start,
      expects('connection.start-ok'),
      send('connection.secure'),
      expectsEnd(),
    ]);
    const { error } = failureOf(() => connectTo(peer));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toContain(
      'the server asks a question (connection.secure) that PLAIN has no answer to',
    );
    expect(error).toMatchObject({ recoverable: false, outcome: 'not-sent' });
    peer.done();
  });
});

test('a connection that was never open has carried out nothing, whatever the peer did', () => {
  const error = errorOf(() => connectTo(broker([header(), send('connection.open-ok')])));
  expect(error).toMatchObject({ outcome: 'not-sent' });
});

describe('tuning on the wire: the smaller of what both sides want, where 0 is no limit', () => {
  const ours = { channelMax: 2047, frameMax: 131_072 };

  test.each([
    [
      'the client wants less',
      { channelMax: 2047, frameMax: 131_072, heartbeat: 60 },
      { channelMax: 10, frameMax: 8192, heartbeat: 5 },
      { channelMax: 10, frameMax: 8192, heartbeat: 5 },
    ],
    [
      'the server wants less',
      { channelMax: 10, frameMax: 4096, heartbeat: 5 },
      { channelMax: 2047, frameMax: 131_072, heartbeat: 60 },
      { channelMax: 10, frameMax: 4096, heartbeat: 5 },
    ],
    [
      'the server has no limits',
      { channelMax: 0, frameMax: 0, heartbeat: 0 },
      { channelMax: 7, frameMax: 8192, heartbeat: 9 },
      { channelMax: 7, frameMax: 8192, heartbeat: 9 },
    ],
    [
      'the client has no limits',
      { channelMax: 7, frameMax: 65_536, heartbeat: 9 },
      { channelMax: 0, frameMax: 0 },
      { channelMax: 7, frameMax: 65_536, heartbeat: 9 },
    ],
    [
      'the client says nothing',
      { channelMax: 100, frameMax: 65_536, heartbeat: 60 },
      {},
      { channelMax: 100, frameMax: 65_536, heartbeat: 60 },
    ],
    [
      'nobody has a limit for channels',
      { channelMax: 0, frameMax: 131_072, heartbeat: 0 },
      { channelMax: 0 },
      { channelMax: 65_535, frameMax: 131_072, heartbeat: 0 },
    ],
    [
      'only one channel',
      { channelMax: 1, frameMax: 131_072, heartbeat: 0 },
      {},
      { channelMax: 1, frameMax: 131_072, heartbeat: 0 },
    ],
    [
      'the client turns heartbeats off',
      { ...ours, heartbeat: 60 },
      { heartbeat: 0 },
      { ...ours, heartbeat: 0 },
    ],
    [
      'the server offers no heartbeats',
      { ...ours, heartbeat: 0 },
      { heartbeat: 20 },
      { ...ours, heartbeat: 20 },
    ],
  ])('where %s', (_, offer, options, agreed) => {
    const script = handshake(offer);
    script[4] = expects('connection.tune-ok', agreed);
    const { connection } = talk([...script, serve()], options);
    const { channelMax, frameMax, heartbeat } = connection;
    expect({ channelMax, frameMax, heartbeat }).toEqual(agreed);
    connection.close();
  });

  test.each([1, 8, 4095])('a frame_max of %d is below what the specification allows', (frameMax) => {
    const error = errorOf(() => connectTo(broker(handshake({ frameMax }).slice(0, 4))));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ got: frameMax, expected: 4096 });
  });

  test('the channels of the agreed maximum can be opened, and no more', () => {
    const { peer, connection } = talk([...handshake({ channelMax: 2 }), ...opened(1), ...opened(2), serve()]);
    connection.channel();
    connection.channel();
    expect(errorOf(() => connection.channel())).toMatchObject({
      code: 'NO_FREE_CHANNEL',
      outcome: 'not-sent',
    });
    connection.close();
    peer.done();
    expect(peer.methods()).toEqual(['channel.open', 'channel.open', 'connection.close', 'end']);
  });
});

describe('hostile server properties', () => {
  const string = (text: string) =>
    `${Buffer.from([text.length]).toString('hex')}${Buffer.from(text).toString('hex')}`;
  const long = (size: number) => size.toString(16).padStart(8, '0');
  const table = (entries: string) => long(entries.length / 2) + entries;

  /** connection.start whose table is these bytes. */
  function startWith(tableBytes: string): Step {
    const rest = '00000005504c41494e 00000005656e5f5553'; // PLAIN, en_US
    return frame({ type: 1, payload: `000a000a 0009 ${tableBytes} ${rest}` });
  }

  function nested(levels: number): string {
    let bytes = table('');
    for (let level = 1; level < levels; level++) bytes = table(`${string('a')}46${bytes}`); // F
    return bytes;
  }

  test.each<[string, string]>([
    ['580 tables inside each other', nested(580)],
    ['18,000 tables inside each other', nested(18_000)],
    ['65 tables inside each other', nested(65)],
    ['a string that claims 2 GiB', table(`${string('a')}53 7fffffff 61`.replaceAll(' ', ''))],
    ['a byte array that claims 4 GiB', table(`${string('a')}78 ffffffff 61`.replaceAll(' ', ''))],
    ['an inner table larger than the outer', table(`${string('a')}46 00000100`.replaceAll(' ', ''))],
    ['an array larger than the table', table(`${string('a')}41 00000100`.replaceAll(' ', ''))],
    ['a table larger than the frame', '7fffffff'],
    ['an unknown type letter', table(`${string('a')}5a00`)],
    ['a key without a value', table(string('a'))],
    ['a key longer than the table', table('ff61')],
    ['half an integer', table(`${string('a')}490000`)],
  ])('%s: a protocol error, quickly and in little memory', (_, bytes) => {
    const peer = broker([header(), startWith(bytes), expectsEnd()]);
    const growth = growthDuring(() => {
      const { error, ms } = failureOf(() => connectTo(peer));
      expect(error).toBeInstanceOf(ProtocolError);
      expect([501, 502]).toContain(error.replyCode);
      expect(ms).toBeLessThan(AT_ONCE);
    });
    expect(growth).toBeLessThan(64);
  });

  test('64 tables inside each other are still read', () => {
    const [first, , ...rest] = handshake() as [Step, Step, ...Step[]];
    const { connection } = talk([first, startWith(nested(64)), ...rest, serve()]);
    let depth = 1;
    for (let inner = connection.serverProperties; inner.a !== undefined; inner = inner.a as typeof inner)
      depth++;
    expect(depth).toBe(64);
    connection.close();
  });

  test('keys such as __proto__ and constructor are only keys', () => {
    const evil = `${string('polluted')}74 01`.replaceAll(' ', '');
    const bytes = table(
      `${string('__proto__')}46${table(evil)}${string('constructor')}46${table(evil)}${string('toString')}7401`,
    );
    const [first, , ...rest] = handshake() as [Step, Step, ...Step[]];
    const { connection } = talk([first, startWith(bytes), ...rest, serve()]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.keys(connection.serverProperties).sort()).toEqual(['__proto__', 'constructor', 'toString']);
    expect(connection.serverProperties.toString).toBe(true);
    connection.close();
  });

  test('a table has nothing that the broker did not send', () => {
    const { connection } = talk([...handshake(), serve()]);
    expect(connection.serverProperties.product).toBe('scripted');
    expect(connection.serverProperties.constructor).toBeUndefined();
    expect(connection.serverCapabilities['basic.nack']).toBe(true);
    expect(connection.serverCapabilities.toString).toBeUndefined();
    connection.close();
  });

  test('values keep their types: bytes are a Buffer, what JavaScript has no value for stays a TypedValue', () => {
    const properties = {
      bytes: Buffer.from('abc'),
      at: new Date(5000),
      large: 2n ** 60n,
      list: [1, 'two', null],
    };
    const { connection } = talk([...handshake({}, { serverProperties: properties }), serve()]);
    const { bytes, at, large, list } = connection.serverProperties;
    expect(Buffer.isBuffer(bytes)).toBe(true);
    expect(String(bytes)).toBe('abc');
    expect(at).toEqual(new Date(5000));
    expect(large).toBe(2n ** 60n);
    expect(list).toEqual([1, 'two', null]);
    connection.close();
  });

  test('may be none at all', () => {
    const { connection } = talk([...handshake({}, { serverProperties: {} }), serve()]);
    expect(Object.keys(connection.serverProperties)).toEqual([]);
    expect(Object.keys(connection.serverCapabilities)).toEqual([]);
    connection.close();
  });

  test('may have capabilities that are not a table', () => {
    const { connection } = talk([...handshake({}, { serverProperties: { capabilities: 'all' } }), serve()]);
    expect(connection.serverCapabilities['basic.nack']).toBeUndefined();
    connection.close();
  });
});

describe('authentication', () => {
  const SECRET = 'pa55/wörd-%&"';

  /** The secret in no form that a person or a log could meet. */
  function expectNoSecret(error: AmqpError): void {
    const forms = [
      SECRET,
      encodeURIComponent(SECRET),
      JSON.stringify(SECRET).slice(1, -1),
      Buffer.from(SECRET).toString('base64'),
    ];
    const shown = [error.message, error.stack, String(error), JSON.stringify(error), String(error.cause)];
    shown.push(inspect(error, { depth: 20, showHidden: true }), JSON.stringify(Object.entries(error)));
    for (const text of shown) for (const form of forms) expect(text ?? '').not.toContain(form);
  }

  test.each([
    ['no mechanism', ''],
    ['others only', 'EXTERNAL GSSAPI'],
    ['one that only begins like it', 'PLAINER'],
  ])('the server offers %s: no common mechanism', (_, mechanisms) => {
    const peer = broker([header(), send('connection.start', { ...START, mechanisms }), expectsEnd()]);
    const { error, ms } = failureOf(() => connectTo(peer, { password: SECRET }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toContain('PLAIN');
    expect(error.message).toContain(mechanisms || 'none');
    expect(error).toMatchObject({ outcome: 'not-sent' });
    expect(ms).toBeLessThan(AT_ONCE);
    expectNoSecret(error);
  });

  test.each(['PLAIN', 'AMQPLAIN', 'EXTERNAL', 'ANONYMOUS'] as const)(
    '%s is what start-ok says',
    (mechanism) => {
      const script = handshake({}, { mechanisms: 'PLAIN AMQPLAIN EXTERNAL ANONYMOUS' });
      script[2] = expects('connection.start-ok', { mechanism, locale: 'en_US' });
      const { connection } = talk([...script, serve()], { authMechanism: mechanism });
      connection.close();
    },
  );

  test('a 403 after start-ok: AuthenticationError with the text of the broker', () => {
    const text = 'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN';
    const peer = broker([
      ...handshake().slice(0, 3),
      send('connection.close', { replyCode: 403, replyText: text }),
      expects('connection.close-ok'),
      expectsEnd(),
    ]);
    const { error, ms } = failureOf(() => connectTo(peer, { username: 'jim', password: SECRET }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({
      code: 'ACCESS_REFUSED',
      replyCode: 403,
      replyText: text,
      outcome: 'not-sent',
    });
    expect(error.recoverable).toBe(false); // it will be wrong the next time too
    expect(error.message).toContain('jim');
    expect(error.message).toContain(text);
    expect(ms).toBeLessThan(AT_ONCE);
    expectNoSecret(error);
  });

  test.each([false, true])(
    'the socket is cut after start-ok (reset: %s): probably the credentials',
    (rst) => {
      const peer = broker([...handshake().slice(0, 3), stall(20), cut({ rst })]);
      const { error, ms } = failureOf(() => connectTo(peer, { username: 'jim', password: SECRET }));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.message).toContain('probably');
      expect(ms).toBeLessThan(AT_ONCE);
      expectNoSecret(error);
    },
  );

  test.each([
    ['there is no such vhost', 530, 'NOT_ALLOWED - vhost nowhere not found', NotAllowedError, 'NOT_FOUND'],
    ['it is another’s', 530, 'NOT_ALLOWED - access to vhost refused', NotAllowedError, 'REFUSED'],
    ['the user may not use it', 403, 'ACCESS_REFUSED - access to vhost refused', AmqpError, 'REFUSED'],
    ['its path is wrong', 402, 'INVALID_PATH', InvalidPathError, 'NOT_FOUND'],
  ])(
    'after connection.open: %s, which is not a matter of passwords',
    (_, replyCode, replyText, errorClass, code) => {
      const peer = broker([
        ...handshake().slice(0, 6),
        send('connection.close', { replyCode, replyText, classId: 10, methodId: 40 }),
        expects('connection.close-ok'),
        expectsEnd(),
      ]);
      const { error } = failureOf(() => connectTo(peer, { vhost: 'nowhere', password: SECRET }));
      expect(error).toBeInstanceOf(errorClass);
      expect(error).not.toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ code: `VHOST_${code}`, replyCode, replyText, outcome: 'not-sent' });
      expect(error.message).toContain('nowhere');
      expectNoSecret(error);
    },
  );

  test('a connection shows its password nowhere', () => {
    const { connection } = talk([...handshake(), ...opened(1), serve()], {
      username: 'jim',
      password: SECRET,
    });
    connection.channel();
    const shown = inspect(connection, { depth: 20, showHidden: true, getters: true });
    expect(shown).not.toContain(SECRET);
    expect(JSON.stringify(connection.stats())).not.toContain(SECRET);
    connection.close();
  });

  test('a secret of 3 KiB (a token) is sent', () => {
    const { connection } = talk([...handshake(), serve()], { password: 'x'.repeat(3072) });
    connection.close();
  });

  test('a secret that no frame takes is refused, in words and without being shown', () => {
    const password = `${SECRET}${'x'.repeat(200_000)}`;
    const peer = broker([header(), send('connection.start', START)]);
    const { error, ms } = failureOf<Error>(() => connectTo(peer, { password }));
    expect(error.name).toMatch(/RangeError|ConnectError|AuthenticationError/);
    expect(ms).toBeLessThan(AT_ONCE);
    expectNoSecret(error as AmqpError);
  });
});

test('what comes right behind open-ok is not lost, however slowly this thread wakes up', () => {
  const script = handshake();
  script[6] = sendBytes(
    Buffer.concat([
      bytesOf(send('connection.open-ok')),
      bytesOf(send('connection.blocked', { reason: 'low on memory' })),
    ]),
  );
  // it sleeps when connection.start comes, and what is behind open-ok has come before it looks
  const peer = broker([header(), stall(100), ...script.slice(1), serve()]);
  const slow = jest.spyOn(Atomics, 'wait').mockImplementation((...args) => {
    const result = Reflect.apply(wait, Atomics, args);
    Reflect.apply(wait, Atomics, [new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30]);
    return result;
  });
  try {
    const connection = connectTo(peer);
    expect(connection.isAlive).toBe(true);
    expect(connection.isBlocked).toBe(true);
  } finally {
    slow.mockRestore();
  }
});

const wait = Atomics.wait;
const bytesOf = (step: Step) => (step as { bytes: Uint8Array }).bytes;
