/** Several brokers, several addresses, several rounds: which is tried when, and what is told in the end. */
import { lookup } from 'node:dns/promises';
import {
  AuthenticationError,
  ConnectError,
  ConnectionForcedError,
  InternalError,
  NotAllowedError,
} from '../../src';
import { interleaved } from '../../worker/connection/dial';
import { AT_ONCE, broker, connectTo, errorOf, failureOf, pause, warm } from '../support/peers/peer';
import {
  cut,
  expects,
  expectsEnd,
  handshake,
  header,
  type Script,
  START,
  send,
  sendBytes,
  serve,
  stall,
} from '../support/peers/script';
import type { ScriptedBroker } from '../support/peers/scripted-broker';

const GOOD: Script = [...handshake(), serve()];
const SILENT: Script = [header(), expectsEnd()];
const STRANGER: Script = [header(), sendBytes(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), expectsEnd()];

/** The broker says no before open-ok: to the user, or (`opening`) to the vhost. */
function refusing(replyCode: number, replyText: string, { opening = false } = {}): Script {
  return [
    ...handshake().slice(0, opening ? 6 : 3),
    send('connection.close', { replyCode, replyText }),
    expects('connection.close-ok'),
    expectsEnd(),
  ];
}
const NO_LOGIN = refusing(403, 'ACCESS_REFUSED - Login was refused');

/** A port where nobody listens. */
function closed(): ScriptedBroker {
  const gone = broker([]);
  gone.close();
  return gone;
}

/** For `connectTo`: hosts say the rest, or URLs say it all. */
const LOCAL = { url: 'amqp://' } as ScriptedBroker;
const NOWHERE = {} as ScriptedBroker;

const host = (to: ScriptedBroker) => `127.0.0.1:${to.port}`;
const url = (to: ScriptedBroker, user: string) => `amqp://${user}:x@${host(to)}`;
/** How often somebody has connected. */
const visits = (to: ScriptedBroker) => to.transcript().filter(({ method }) => method === 'header').length;

/** Connect to the hosts of these brokers, in order. */
function connectToAll(brokers: readonly ScriptedBroker[], options = {}) {
  return connectTo(LOCAL, { hosts: brokers.map(host), ...options });
}

describe('several hosts', () => {
  test('are tried in order: the first that takes the connection has it, the others hear nothing', () => {
    const [first, second] = [broker(GOOD), broker(GOOD)];
    const connection = connectToAll([first, second]);
    expect(connection.stats().host).toBe(host(first));
    connection.close();
    expect([visits(first), visits(second)]).toEqual([1, 0]);
    second.close();
  });

  test.each<[string, () => ScriptedBroker]>([
    ['nobody listens', closed],
    ['it hangs up', () => broker([header(), cut()])],
    [
      'it is reset in the middle of the handshake',
      () => broker([...handshake().slice(0, 5), stall(20), cut({ rst: true })]),
    ],
    ['it speaks HTTP', () => broker(STRANGER)],
    ['it wants AMQP 1.0', () => broker([header(), sendBytes('414d5150 00010000'), cut()])],
    ['it is shutting down', () => broker(refusing(320, 'CONNECTION_FORCED - shutdown'))],
    [
      'it shuts down while the vhost is opened',
      () => broker(refusing(320, 'CONNECTION_FORCED - x', { opening: true })),
    ],
    [
      'the vhost is down there',
      () => broker(refusing(541, "INTERNAL_ERROR - vhost '/' is down", { opening: true })),
    ],
  ])('%s: the next one is tried, at once', (_what, first) => {
    const second = broker(GOOD);
    const start = performance.now();
    const connection = connectToAll([first(), second]);
    expect(performance.now() - start).toBeLessThan(AT_ONCE);
    expect(connection.stats().host).toBe(host(second));
    expect(connection.serverProperties.product).toBe('scripted');
    connection.channel().queuePurge('works');
    connection.close();
  });

  test('a name that cannot be resolved is one of several attempts', () => {
    const second = broker(GOOD);
    const hosts = ['no-such-host.invalid', host(second)];
    const connection = connectTo(LOCAL, { hosts });
    expect(connection.stats().host).toBe(host(second));
    connection.close();
    const error = errorOf<ConnectError>(() =>
      connectTo(LOCAL, { hosts: ['no-such-host.invalid', host(closed())] }),
    );
    expect(error.attempts.map(({ stage }) => stage)).toEqual(['resolve', 'tcp']);
  });

  test('none takes it: the error lists every one with how far it got, and why', () => {
    const brokers = [closed(), broker([header(), cut()]), broker(STRANGER)] as const;
    const error = errorOf<ConnectError>(() => connectToAll(brokers));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({
      code: 'CONNECT',
      origin: 'network',
      recoverable: true,
      outcome: 'not-sent',
    });
    const [first, second, third] = brokers.map(({ port }) => port);
    expect(error.attempts).toEqual([
      { host: '127.0.0.1', port: first, stage: 'tcp', reason: expect.stringContaining('ECONNREFUSED') },
      {
        host: '127.0.0.1',
        port: second,
        stage: 'connection.start',
        reason: 'the other end closed the socket',
      },
      {
        host: '127.0.0.1',
        port: third,
        stage: 'connection.start',
        reason: expect.stringContaining('HTTP server'),
      },
    ]);
    const [head, ...lines] = error.message.split('\n');
    expect(head).toBe('cannot connect, 3 attempts failed:');
    expect(lines).toEqual([
      expect.stringMatching(`^  127.0.0.1:${first} at tcp: .*ECONNREFUSED`),
      `  127.0.0.1:${second} at connection.start: the other end closed the socket`,
      expect.stringMatching(
        `^  127.0.0.1:${third} at connection.start: does not speak AMQP 0-9-1: it is an HTTP`,
      ),
    ]);
  });

  test('shuffled: each of three is the first one now and then', () => {
    const brokers = [broker(GOOD), broker(GOOD), broker(GOOD)];
    for (let i = 0; i < 60 && brokers.some((each) => visits(each) === 0); i++)
      connectToAll(brokers, { shuffle: true }).close();
    expect(brokers.map(visits)).not.toContain(0);
  });
});

describe('every address of a host', () => {
  test('is tried, in the order of RFC 8305, and is named in the error', async () => {
    const addresses = interleaved(await lookup('localhost', { all: true, verbatim: true }), 1);
    const { port } = closed();
    const error = errorOf<ConnectError>(() =>
      connectTo({ url: `amqp://localhost:${port}` } as ScriptedBroker),
    );
    expect(error).toMatchObject({ name: 'ConnectError', code: 'ECONNREFUSED' });
    expect(error.attempts.map(({ host, address, stage }) => [host, address, stage])).toEqual(
      addresses.map((address) => ['localhost', address, 'tcp']),
    );
  });

  test('an address is its own, IPv6 without its brackets', () => {
    const { port } = closed();
    for (const hosts of [[`[::1]:${port}`], [{ hostname: '::1', port }]]) {
      const error = errorOf<ConnectError>(() => connectTo(LOCAL, { hosts }));
      expect(error.attempts).toEqual([{ host: '::1', port, stage: 'tcp', reason: expect.any(String) }]);
    }
  });

  test('a broker that listens on one of them is found', () => {
    const peer = broker(GOOD);
    const connection = connectTo({ url: `amqp://localhost:${peer.port}` } as ScriptedBroker);
    expect(connection.stats().host).toBe(`localhost:${peer.port}`);
    expect(connection.stats().address).toMatch(`-> 127.0.0.1:${peer.port}`);
    connection.close();
  });
});

describe('rounds', () => {
  test('the list is gone through again after retryDelay, as often as connectionAttempts says', () => {
    const peer = closed();
    const options = { connectionAttempts: 3, retryDelay: 150 };
    const { error, ms } = failureOf<ConnectError>(() => connectTo(peer, options));
    expect(error.attempts).toHaveLength(3);
    expect(error.message).toMatch(/^cannot connect, 3 attempts failed:/);
    expect(ms).toBeGreaterThanOrEqual(295);
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('a broker that comes up in the meantime is found', () => {
    const peer = broker([header(), cut()], [header(), cut()], GOOD);
    const connection = connectTo(peer, { connectionAttempts: 5, retryDelay: 20 });
    connection.close();
    expect(visits(peer)).toBe(3);
  });

  test('all hosts belong to a round', () => {
    const [first, second] = [broker([header(), cut()]), broker([header(), cut()], GOOD)];
    const connection = connectToAll([first, second], { connectionAttempts: 2, retryDelay: 0 });
    expect(connection.stats().host).toBe(host(second));
    connection.close();
    expect([visits(first), visits(second)]).toEqual([2, 2]);
  });

  test('there is no waiting for a round that connectTimeout leaves no time for', () => {
    const options = { connectionAttempts: 5, retryDelay: 60_000, connectTimeout: 10_000 };
    const { error, ms } = failureOf<ConnectError>(() => connectTo(closed(), options));
    expect(error.message).toContain('connectTimeout (10000 ms) leaves no time for 4 more rounds');
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('of very many attempts the last ones are told', () => {
    const error = errorOf<ConnectError>(() => connectTo(closed(), { connectionAttempts: 20, retryDelay: 0 }));
    expect(error.message).toMatch(/^cannot connect, 20 attempts failed:/);
    expect(error.message).toMatch(/\n {2}\(and 4 before these\)$/);
    expect(error.attempts).toHaveLength(16);
  });
});

describe('connectTimeout is for all of it together', () => {
  test('a host that is silent leaves time for the rounds that were asked for', () => {
    const one = broker(SILENT, GOOD);
    expect(connectToAll([one], { connectionAttempts: 2, retryDelay: 10, connectTimeout: 4500 }).isOpen).toBe(
      true,
    );
  });

  test('a host that is silent has its share, and leaves the rest to the others', () => {
    const [silent, good] = [broker(SILENT), broker(GOOD)];
    warm();
    const start = performance.now();
    const connection = connectToAll([silent, good], { connectTimeout: 2400 });
    const took = performance.now() - start;
    expect(connection.stats().host).toBe(host(good)); // so that it was in time
    expect(took).toBeGreaterThanOrEqual(1000);
    expect(took).toBeLessThan(AT_ONCE);
    connection.close();
  });

  test('what one host does not use is for those behind it', () => {
    const brokers = [closed(), closed(), broker(SILENT)];
    warm();
    const { error, ms } = failureOf<ConnectError>(() => connectToAll(brokers, { connectTimeout: 1500 }));
    expect(error.attempts.map(({ stage }) => stage)).toEqual(['tcp', 'tcp', 'connection.start']);
    expect(ms).toBeGreaterThanOrEqual(1450);
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('three silent ones: the sum is kept to, and the error says what a share was', () => {
    const brokers = [broker(SILENT), broker(SILENT), broker(SILENT)];
    warm();
    const { error, ms } = failureOf<ConnectError>(() =>
      connectToAll(brokers, { connectTimeout: 2400, connectionAttempts: 9, retryDelay: 10 }),
    );
    expect(error.attempts).toHaveLength(3);
    expect(error.attempts[0]?.reason).toMatch(
      /^no answer within \d+ ms, its share of connectTimeout \(2400 ms\)$/,
    );
    expect(ms).toBeGreaterThanOrEqual(2390);
    expect(ms).toBeLessThan(2400 + AT_ONCE);
  });

  test('and Infinity is no limit', () => {
    const connection = connectTo(broker(GOOD), { connectTimeout: Number.POSITIVE_INFINITY });
    expect(connection.isOpen).toBe(true);
    connection.close();
  });
});

describe('a refusal', () => {
  test('is not repeated with the same credentials, on whatever host', () => {
    const [first, second] = [broker(NO_LOGIN), broker(GOOD)];
    const { error, ms } = failureOf(() =>
      connectToAll([first, second], { connectionAttempts: 3, retryDelay: 2 * AT_ONCE }),
    );
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ replyCode: 403, recoverable: false });
    expect(ms).toBeLessThan(AT_ONCE); // no round follows
    expect([visits(first), visits(second)]).toEqual([1, 0]);
    second.close();
  });

  test('leaves a URL with other credentials its try', () => {
    const [first, second, third] = [broker(NO_LOGIN), broker(GOOD), broker(GOOD)];
    const urls = [url(first, 'jim'), url(second, 'jim'), url(third, 'joe')];
    const connection = connectTo(NOWHERE, { urls });
    expect(connection.stats().host).toBe(host(third));
    connection.close();
    expect(visits(second)).toBe(0);
    second.close();
  });

  test('is what is thrown, though others were not reached at all', () => {
    const urls = [url(closed(), 'jim'), url(broker(NO_LOGIN), 'joe'), url(closed(), 'jane')];
    const error = errorOf(() => connectTo(NOWHERE, { urls }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.message).toContain('user "joe" was refused: 403');
  });

  test('of the vhost is one too, and another URL may name another', () => {
    const none = refusing(530, 'NOT_ALLOWED - vhost a not found', { opening: true });
    const [first, second] = [broker(none), broker(GOOD)];
    const urls = [`${url(first, 'jim')}/a`, `${url(second, 'jim')}/b`];
    connectTo(NOWHERE, { urls }).close();
    const error = errorOf(() => connectToAll([broker(none), second], { connectionAttempts: 2 }));
    expect(error).toBeInstanceOf(NotAllowedError);
    expect(visits(second)).toBe(1);
  });

  test.each([
    [320, 'CONNECTION_FORCED - shutdown', ConnectionForcedError],
    [541, 'INTERNAL_ERROR', InternalError],
  ])('%d is none: the broker has troubles of its own, and may be better soon', (code, text, errorClass) => {
    const peer = broker(refusing(code, text));
    const error = errorOf(() => connectTo(peer));
    expect(error).toBeInstanceOf(errorClass);
    expect(error).toMatchObject({ replyCode: code, replyText: text, recoverable: true, outcome: 'not-sent' });
    expect(error.message).not.toMatch(/user|vhost/);
    const later = broker(refusing(code, text), GOOD);
    connectTo(later, { connectionAttempts: 2, retryDelay: 0 }).close();
  });
});

describe('a mechanism of the user’s own, over several brokers', () => {
  const start = send('connection.start', { ...START, mechanisms: 'PLAIN DEMO' });
  const bytes = (text: string) => new Uint8Array(Buffer.from(text));

  test('an answer that comes too late for the first never reaches the second', () => {
    const [, , , ...rest] = handshake();
    const [first, second] = [
      broker([header(), start, cut()]),
      broker([
        header(),
        start,
        expects('connection.start-ok', { mechanism: 'DEMO', response: bytes('answer 2') }),
        ...rest,
        serve(),
      ]),
    ];
    let answers = 0;
    const connection = connectToAll([first, second], {
      authMechanism: {
        name: 'DEMO',
        initialResponse: () => {
          pause(300); // meanwhile the first hangs up, and the second has asked
          return `answer ${++answers}`;
        },
      },
    });
    expect(connection.stats().host).toBe(host(second));
    expect(answers).toBe(2);
    connection.close();
    expect(first.methods()).toEqual(['end']);
  });

  test('an answer to a challenge does not go to another broker', () => {
    const [, , , ...rest] = handshake();
    const ask = (challenge: string) => send('connection.secure', { challenge: bytes(challenge) });
    const greeting = [header(), start, expects('connection.start-ok', { response: bytes('hello') })];
    const [first, second] = [
      broker([...greeting, ask('one'), cut()]),
      broker([
        ...greeting,
        ask('two'),
        expects('connection.secure-ok', { response: bytes('re: two') }),
        ask('three'),
        expects('connection.secure-ok', { response: bytes('re: three') }),
        ...rest,
        serve(),
      ]),
    ];
    const asked: string[] = [];
    connectToAll([first, second], {
      authMechanism: {
        name: 'DEMO',
        initialResponse: () => Buffer.from('hello'),
        challenge: (question: Buffer) => {
          asked.push(String(question));
          pause(200);
          return `re: ${question}`;
        },
      },
    }).close();
    expect(asked).toEqual(['one', 'two', 'three']);
  });

  test('an answer that takes longer than connectTimeout: the time is kept to as soon as it is there', () => {
    const initialResponse = () => {
      pause(2000);
      return 'too late';
    };
    const authMechanism = { name: 'DEMO', initialResponse };
    const peer = broker([header(), start, expectsEnd()]);
    warm();
    const { error, ms } = failureOf(() => connectTo(peer, { authMechanism, connectTimeout: 1500 }));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toContain('at sasl response');
    expect(ms).toBeLessThan(2000 + AT_ONCE);
  });
});
