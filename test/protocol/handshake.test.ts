import { PLANS } from '../../src/protocol/codec';
import { FrameScanner } from '../../src/protocol/frame';
import {
  CannotAuthenticate,
  describeStranger,
  Handshake,
  type HandshakeParams,
  type HandshakeStage,
} from '../../src/protocol/handshake';
import type { Args, Method, MethodName } from '../../src/protocol/method-types';
import { frame, hex, table, thrown, violation } from './bytes';

const PARAMS: HandshakeParams = {
  mechanisms: ['PLAIN'],
  username: 'guest',
  password: 'secret',
  vhost: '/',
  locale: 'en_US',
  clientProperties: { product: 'amqp-sync' },
  channelMax: 0,
  frameMax: 131_072,
  heartbeat: undefined,
};

const START: Args<'connection.start'> = {
  versionMajor: 0,
  versionMinor: 9,
  serverProperties: table({ product: 'RabbitMQ' }),
  mechanisms: 'AMQPLAIN PLAIN',
  locales: 'en_US fr_FR',
};
const TUNE: Args<'connection.tune'> = { channelMax: 2047, frameMax: 131_072, heartbeat: 60 };

const start = (args: Partial<typeof START> = {}): Method => ({
  name: 'connection.start',
  args: { ...START, ...args },
});
const tune = (args: Partial<typeof TUNE> = {}): Method => ({
  name: 'connection.tune',
  args: { ...TUNE, ...args },
});
const openOk = (): Method => ({ name: 'connection.open-ok', args: {} });

/** A handshake that waits at `stage`. */
function handshakeAt(stage: HandshakeStage, params: Partial<HandshakeParams> = {}): Handshake {
  const handshake = new Handshake({ ...PARAMS, ...params });
  for (const method of [start(), tune(), openOk()]) {
    if (handshake.stage === stage) break;
    handshake.receive(method);
  }
  expect(handshake.stage).toBe(stage);
  return handshake;
}

describe('the conversation', () => {
  test('start is answered by start-ok, with what the client is and how it proves it', () => {
    const handshake = new Handshake(PARAMS);
    expect(handshake.stage).toBe('connection.start');
    expect(handshake.receive(start())).toEqual([
      {
        name: 'connection.start-ok',
        args: {
          clientProperties: { product: 'amqp-sync' },
          mechanism: 'PLAIN',
          response: Buffer.from('\0guest\0secret'),
          locale: 'en_US',
        },
      },
    ]);
    expect(handshake.stage).toBe('connection.tune');
  });

  test('tune is answered by tune-ok and open at once', () => {
    const handshake = handshakeAt('connection.tune', { vhost: 'größe' });
    expect(handshake.receive(tune())).toEqual([
      { name: 'connection.tune-ok', args: { channelMax: 2047, frameMax: 131_072, heartbeat: 60 } },
      { name: 'connection.open', args: { virtualHost: 'größe' } },
    ]);
    expect(handshake.stage).toBe('connection.open-ok');
  });

  test('open-ok ends the conversation', () => {
    const handshake = handshakeAt('connection.open-ok');
    expect(handshake.receive(openOk())).toEqual([]);
    expect(handshake.stage).toBe('open');
  });
});

describe('any other method at any stage is unexpected', () => {
  const stages: HandshakeStage[] = ['connection.start', 'connection.tune', 'connection.open-ok', 'open'];
  const methods: Method[] = [
    start(),
    tune(),
    openOk(),
    ...(Object.keys(PLANS) as MethodName[])
      .filter((name) => !['connection.start', 'connection.tune', 'connection.open-ok'].includes(name))
      .map((name) => ({ name, args: {} }) as Method),
  ];

  test.each(stages)('where %s is expected', (stage) => {
    const questions = stage === 'connection.tune' ? ['connection.secure'] : [];
    for (const method of methods.filter(({ name }) => ![stage, ...questions].includes(name))) {
      const handshake = handshakeAt(stage);
      const error = violation(() => handshake.receive(method));
      expect(error).toMatchObject({ replyCode: 503, where: 'handshake', expected: stage, got: method.name });
      expect(handshake.stage).toBe(stage);
    }
  });
});

describe('a mechanism that is not built in', () => {
  const params = { mechanisms: ['X-OWN', 'PLAIN'] };
  const response = (text: string) => Buffer.from(text);

  test('waits for its response, and for the answer to each question', () => {
    const handshake = new Handshake({ ...PARAMS, ...params });
    expect(handshake.receive(start({ mechanisms: 'PLAIN X-OWN' }))).toEqual([]);
    expect(handshake.stage).toBe('sasl response');
    expect(handshake.respond(response('me'))).toMatchObject([
      { name: 'connection.start-ok', args: { mechanism: 'X-OWN', response: response('me') } },
    ]);
    for (const answer of ['one', 'two']) {
      expect(handshake.receive({ name: 'connection.secure', args: { challenge: response('?') } })).toEqual(
        [],
      );
      expect(handshake.stage).toBe('sasl response');
      expect(handshake.respond(response(answer))).toEqual([
        { name: 'connection.secure-ok', args: { response: response(answer) } },
      ]);
    }
    expect(handshake.receive(tune())).toHaveLength(2);
  });

  test('that the server does not offer gives way to the next', () => {
    const handshake = new Handshake({ ...PARAMS, ...params });
    expect(handshake.receive(start())).toMatchObject([{ args: { mechanism: 'PLAIN' } }]);
  });

  test('a response that nobody waits for is dropped', () => {
    const handshake = handshakeAt('connection.tune');
    expect(handshake.respond(response('late'))).toEqual([]);
    expect(handshake.stage).toBe('connection.tune');
  });
});

describe('what a server usually takes before login', () => {
  test.each([
    ['RabbitMQ', '3.10.8', 4096],
    ['RabbitMQ', '4.0.5', 4096],
    ['RabbitMQ', '4.1.0', 8192],
    ['RabbitMQ', '10.0.0', 8192],
    ['RabbitMQ', 'unknown', Number.POSITIVE_INFINITY],
    ['LavinMQ', '2.0.0', Number.POSITIVE_INFINITY],
  ])('%s %s: %d bytes', (product, version, limit) => {
    const handshake = new Handshake(PARAMS);
    handshake.receive(start({ serverProperties: table({ product, version }) }));
    expect(handshake.loginLimit).toBe(limit);
  });
});

describe('tuning takes the smaller limit of both; 0 is no limit', () => {
  test.each`
    what                         | ours      | theirs    | agreed
    ${'ours is smaller'}         | ${10}     | ${2047}   | ${10}
    ${'theirs is smaller'}       | ${2047}   | ${10}     | ${10}
    ${'ours is none'}            | ${0}      | ${2047}   | ${2047}
    ${'theirs is none'}          | ${2047}   | ${0}      | ${2047}
    ${'both are the same'}       | ${5}      | ${5}      | ${5}
    ${'neither: all that exist'} | ${0}      | ${0}      | ${65535}
    ${'the highest of all'}      | ${65_535} | ${65_535} | ${65535}
  `('channelMax, $what: $ours and $theirs give $agreed', ({ ours, theirs, agreed }) => {
    const handshake = handshakeAt('connection.tune', { channelMax: ours });
    const [tuneOk] = handshake.receive(tune({ channelMax: theirs }));
    expect(tuneOk?.args).toMatchObject({ channelMax: agreed });
    expect(handshake.tuning.channelMax).toBe(agreed);
  });

  test.each`
    what                   | ours       | theirs     | agreed
    ${'ours is smaller'}   | ${8192}    | ${131_072} | ${8192}
    ${'theirs is smaller'} | ${131_072} | ${4096}    | ${4096}
    ${'ours is none'}      | ${0}       | ${65_536}  | ${65_536}
    ${'theirs is none'}    | ${131_072} | ${0}       | ${131_072}
  `('frameMax, $what: $ours and $theirs give $agreed', ({ ours, theirs, agreed }) => {
    const handshake = handshakeAt('connection.tune', { frameMax: ours });
    const [tuneOk] = handshake.receive(tune({ frameMax: theirs }));
    expect(tuneOk?.args).toMatchObject({ frameMax: agreed });
    expect(handshake.tuning.frameMax).toBe(agreed);
  });

  test.each`
    what                            | ours         | theirs | agreed
    ${'nothing wished: theirs'}     | ${undefined} | ${60}  | ${60}
    ${'nothing wished, none there'} | ${undefined} | ${0}   | ${0}
    ${'none wished: none'}          | ${0}         | ${60}  | ${0}
    ${'ours is smaller'}            | ${5}         | ${60}  | ${5}
    ${'theirs is smaller'}          | ${600}       | ${60}  | ${60}
    ${'theirs is none'}             | ${30}        | ${0}   | ${30}
  `('heartbeat, $what: $ours and $theirs give $agreed', ({ ours, theirs, agreed }) => {
    const handshake = handshakeAt('connection.tune', { heartbeat: ours });
    const [tuneOk] = handshake.receive(tune({ heartbeat: theirs }));
    expect(tuneOk?.args).toMatchObject({ heartbeat: agreed });
    expect(handshake.tuning.heartbeat).toBe(agreed);
  });

  test('a heartbeat that wins is the one, whatever the server offers', () => {
    for (const theirs of [0, 10, 600]) {
      const handshake = handshakeAt('connection.tune', { heartbeat: 60, heartbeatWins: true });
      handshake.receive(tune({ heartbeat: theirs }));
      expect(handshake.tuning.heartbeat).toBe(60);
    }
  });

  test('a frame_max below the 4096 that every peer must take is refused, 4096 is not', () => {
    const error = violation(() => handshakeAt('connection.tune').receive(tune({ frameMax: 4095 })));
    expect(error).toMatchObject({
      replyCode: 501,
      problem: 'frame_max too small',
      expected: 4096,
      got: 4095,
    });
    const handshake = handshakeAt('connection.tune');
    handshake.receive(tune({ frameMax: 4096 }));
    expect(handshake.tuning.frameMax).toBe(4096);
  });

  test('what was agreed is a limit a FrameScanner can work with, also when the server has none', () => {
    const handshake = handshakeAt('connection.tune');
    handshake.receive(tune({ frameMax: 0, channelMax: 0 }));
    const scanner = new FrameScanner(() => {});
    scanner.frameMax = handshake.tuning.frameMax;
    scanner.channelMax = handshake.tuning.channelMax;
    scanner.push(frame(1, 1, hex('0014000b 00000000')));
    expect(scanner.atBoundary).toBe(true);
  });
});

describe('a server that cannot be talked to', () => {
  test.each([
    [0, 8],
    [1, 0],
    [0, 10],
    [9, 0],
  ])('is one of version %i-%i', (versionMajor, versionMinor) => {
    const error = violation(() => new Handshake(PARAMS).receive(start({ versionMajor, versionMinor })));
    expect(error.message).toBe(
      `unsupported protocol version in connection.start: expected 0-9, got ${versionMajor}-${versionMinor}`,
    );
    expect(error.replyCode).toBe(503);
  });

  test.each(['', 'EXTERNAL', 'AMQPLAIN XPLAIN PLAINTEXT', 'plain'])(
    'offering "%s" instead of PLAIN',
    (mechanisms) => {
      const handshake = new Handshake(PARAMS);
      const error = thrown(() => handshake.receive(start({ mechanisms }))) as Error;
      expect(error).toBeInstanceOf(CannotAuthenticate);
      expect(error.message).toBe(`the server does not offer PLAIN; it offers: ${mechanisms || 'none'}`);
    },
  );

  test('is refused without the password in the message', () => {
    const messages = [start({ mechanisms: '' }), start({ versionMinor: 8 }), tune()].map(
      (method) => (thrown(() => new Handshake(PARAMS).receive(method)) as Error).message,
    );
    expect(messages.join()).not.toContain('secret');
  });
});

describe('what answered instead of a broker is named by its first bytes', () => {
  test.each([
    ['AMQP\0\0\x09\x02', 'it wants AMQP 0-9-2'],
    ['AMQP\0\0\x08\0', 'it wants AMQP 0-8-0'],
    ['AMQP\x01\x01\0\x09', 'it wants AMQP 0-9'],
    ['AMQP\x01\x01\0\x0a', 'it wants AMQP 0-10'],
    ['AMQP\x03\x01\0\0', 'it wants AMQP 1.0'], // with SASL
    ['AMQP\0\x01\0\0', 'it wants AMQP 1.0'],
    ['HTTP/1.1 400 Bad Request', 'it is an HTTP server'],
    ['SSH-2.0-OpenSSH_9.6', 'it is an SSH server'],
    ['\x15\x03\x01\0\x02\x02\x46', 'it speaks TLS; use amqps:// or the option tls'],
    ['\x16\x03\x01', 'it speaks TLS; use amqps:// or the option tls'],
    ['220 mail\r\n\xff', 'it begins with "220 mail???"'],
    ['"\\', 'it begins with "\\"\\\\"'],
    ['', 'it begins with ""'],
  ])('%j: %s', (first, description) => {
    expect(describeStranger(Buffer.from(first, 'latin1'))).toBe(description);
  });

  test.each(['AMQP', 'AMQP\0', 'AMQP\0\0\x09'])(
    'a protocol header that is not all there yet: %j',
    (first) => {
      expect(describeStranger(Buffer.from(first, 'latin1'))).not.toContain('undefined');
    },
  );
});
