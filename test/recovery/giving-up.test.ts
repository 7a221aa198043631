/** How recovery ends: with the connection, with the last attempt, with a refusal, with close(). And how it is asked for. */
import {
  AuthenticationError,
  ConnectError,
  ConnectionClosedError,
  type ConnectOptions,
  connect,
  connectRobust,
  type RecoveryOptions,
  WrongStateError,
} from '../../src';
import { resolveOptions } from '../../src/client/options/settings';
import { limitOf, pauseBefore } from '../../worker/connection/connector';
import { AT_ONCE, broker, CEILING, connectTo, duration, errorOf, pause } from '../support/peers/peer';
import {
  closed,
  cut,
  expects,
  expectsEnd,
  handshake,
  header,
  opened,
  type Script,
  START,
  send,
  serve,
  stall,
  waitFor,
} from '../support/peers/script';
import { scriptedBroker } from '../support/peers/scripted-broker';

const SOON: RecoveryOptions = { interval: 10, maxInterval: 40 };
const LOST: Script = [...handshake(), ...opened(), stall(20), cut()];
const GOOD: Script = [...handshake(), serve()];
/** The broker says no to the credentials. */
const NO_LOGIN: Script = [
  header(),
  send('connection.start', START),
  expects('connection.start-ok'),
  send('connection.close', { replyCode: 403, replyText: 'ACCESS_REFUSED - Login was refused' }),
  expects('connection.close-ok'),
  expectsEnd(),
];

function recovering(scripts: Script[], recovery: RecoveryOptions = {}, options: ConnectOptions = {}) {
  const peer = broker(...scripts);
  return { peer, connection: connectTo(peer, { recovery: { ...SOON, ...recovery }, ...options }) };
}

function untilLost(connection: ReturnType<typeof connect>): void {
  while (connection.isAlive && connection.state === 'open') pause(1);
}

describe('recovery', () => {
  test('ends with wrong credentials: one final error, for every call', () => {
    const { connection } = recovering([LOST, NO_LOGIN]);
    const channel = connection.channel();
    const error = errorOf(() => channel.queuePurge('q'));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ code: 'ACCESS_REFUSED', recoverable: false });
    expect(error.message).toMatch(
      /was lost: .*; the attempt to recover it failed, and it was given up: .*Login was refused/,
    );
    expect([connection.state, connection.isOpen, channel.isOpen]).toEqual(['closed', false, false]);
    const next = errorOf(() => channel.queuePurge('q'));
    expect(next).toBeInstanceOf(WrongStateError);
    expect(next.cause).toBe(error);
    expect(connection.lastError).toBe(error);
  });

  test('ends with the last of its attempts', () => {
    const { connection, peer } = recovering([LOST, [header(), cut()]], { attempts: 3 });
    connection.channel();
    const error = errorOf(() => connection.drainEvents({ timeout: CEILING }));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toMatch(/3 attempts to recover it failed/);
    expect(peer.transcript().filter(({ method }) => method === 'header')).toHaveLength(4);
  });

  test('ends at once with close(), wherever it is: waiting, dialing or restoring', () => {
    const silent: Script = [header(), expectsEnd()];
    const half: Script = [...handshake(), expects('channel.open'), waitFor('never')];
    for (const [second, interval, method] of [
      [[header(), cut()] as Script, 60_000, 'end'],
      [silent, 0, 'header'],
      [half, 0, 'channel.open'],
    ] as const) {
      const peer = scriptedBroker(LOST, second);
      const connection = connectTo(peer, { recovery: { interval, maxInterval: interval, jitter: 0 } });
      connection.channel();
      untilLost(connection);
      expect(connection.state).toBe('recovering');
      peer.until((came) =>
        came.some((each) => each.connection === (interval > 0 ? 1 : 2) && each.method === method),
      );
      expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
      expect(connection.state).toBe('closed');
      expect(connection.lastError).toMatchObject({ code: 'CLOSED' });
      peer.close();
    }
  });

  test('ends with close(), though the broker closes for a while at the same time', () => {
    const forced = send('connection.close', { replyCode: 320, replyText: 'CONNECTION_FORCED - bye' });
    const { connection, peer } = recovering([
      [
        ...handshake(),
        ...opened(),
        expects('connection.close'),
        forced,
        expects('connection.close-ok'),
        expectsEnd(),
      ],
      GOOD,
    ]);
    connection.channel();
    expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
    expect(connection.state).toBe('closed');
    pause(100);
    expect(peer.transcript().filter(({ method }) => method === 'header')).toHaveLength(1);
  });

  test('ends at once with abort()', () => {
    const { connection, peer } = recovering([LOST, [header(), expectsEnd()]]);
    connection.channel();
    untilLost(connection);
    peer.until((transcript) => transcript.filter(({ method }) => method === 'header').length === 2);
    expect(duration(() => connection.abort())).toBeLessThan(AT_ONCE);
    expect(connection.lastError).toMatchObject({ code: 'ABORTED' });
  });

  test('never begins when the broker closes the connection for good, or breaks the protocol', () => {
    const bad = send('connection.close', {
      replyCode: 530,
      replyText: 'NOT_ALLOWED - no',
      classId: 0,
      methodId: 0,
    });
    const { connection } = recovering([
      [
        ...handshake(),
        ...opened(),
        expects('queue.purge'),
        bad,
        expects('connection.close-ok'),
        expectsEnd(),
      ],
    ]);
    const channel = connection.channel();
    expect(errorOf(() => channel.queuePurge('q'))).toMatchObject({ code: 'NOT_ALLOWED', replyCode: 530 });
    expect(connection.state).toBe('closed');
  });

  test('begins when an operator closes it', () => {
    const forced = send('connection.close', { replyCode: 320, replyText: 'CONNECTION_FORCED - bye' });
    const { connection } = recovering([
      [
        ...handshake(),
        ...opened(),
        expects('queue.purge'),
        forced,
        expects('connection.close-ok'),
        expectsEnd(),
      ],
      GOOD,
    ]);
    const told: string[] = [];
    connection.onOutage = ({ code }) => told.push(code);
    const channel = connection.channel();
    channel.queuePurge('q');
    connection.loop({ timeout: 0 });
    expect([told, connection.epoch, channel.isOpen]).toEqual([['CONNECTION_FORCED'], 2, true]);
  });

  test('is off by default', () => {
    const peer = broker(LOST, GOOD);
    const connection = connectTo(peer);
    connection.channel();
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toMatchObject({
      code: 'CONNECTION_LOST',
    });
    expect(connection.state).toBe('closed');
  });
});

describe('which host', () => {
  test('the next one first, and after the last the first', () => {
    const [one, two] = [broker(LOST, GOOD), broker(LOST)];
    const hosts = [one, two].map(({ port }) => `127.0.0.1:${port}`);
    const connection = connectTo({ url: 'amqp://' } as typeof one, { hosts, recovery: SOON });
    const visited: string[] = [connection.stats().host];
    connection.onRecovery = ({ host }) => visited.push(host);
    const channel = connection.channel();
    while (visited.length < 3) connection.drainEvents({ timeout: CEILING });
    expect(visited).toEqual([hosts[0], hosts[1], hosts[0]]);
    channel.queuePurge('q');
  });
});

describe('a wait', () => {
  test('with a limit ends in time, and the late reply of the new connection is swallowed', () => {
    const late: Script = [
      ...[...handshake(), ...opened(), expects('queue.declare'), waitFor('go')],
      ...[send('queue.declare-ok', { queue: 'late' }), serve()],
    ];
    const { connection, peer } = recovering([LOST, late]);
    const channel = connection.channel();
    const error = errorOf(() => channel.queueDeclare('late', { timeout: 2000 }));
    expect(error).toMatchObject({ name: 'TimeoutError', outcome: 'unknown' });
    peer.signal('go');
    expect(channel.queuePurge('q')).toBe(0);
  });

  test('for a call that began during the outage names the outage', () => {
    const { connection } = recovering([LOST, [header(), stall(200), cut()]]);
    const channel = connection.channel();
    untilLost(connection);
    const error = errorOf(() => channel.queuePurge('q', { timeout: 20 }));
    expect(error).toMatchObject({ name: 'TimeoutError', outcome: 'not-sent' });
    expect(error.message).toMatch(
      /queue\.purge .* could not be sent in time: the connection is being recovered: .* was lost/,
    );
  });
});

describe('an attempt', () => {
  /** A balancer that takes the connection, and then nothing happens until the client hangs up. */
  const HANGS: Script = [header(), expectsEnd()];

  test('that hangs costs its own limit, and not connectTimeout', () => {
    const recovery = { attemptTimeout: 500 }; // and twice as much for each further one, which the last needs
    const { connection } = recovering([LOST, HANGS, HANGS, GOOD], recovery, { connectTimeout: 120_000 });
    const attempts: number[] = [];
    connection.onRecovery = (info) => attempts.push(info.attempts);
    connection.channel().queuePurge('q', { timeout: CEILING });
    connection.loop({ timeout: 0 });
    expect([connection.epoch, attempts]).toEqual([2, [3]]);
  });

  test('is told with the option that ended it', () => {
    const { connection } = recovering([LOST, HANGS], { attemptTimeout: 250, attempts: 2 });
    connection.channel();
    const error = errorOf(() => connection.drainEvents({ timeout: CEILING }));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toContain('no answer within recovery.attemptTimeout (500 ms)');
  });
});

describe('connect', () => {
  test('with failFast: false tries again, too', () => {
    const peer = broker([header(), cut()], [header(), cut()], GOOD);
    const connection = connectTo(peer, { recovery: { ...SOON, failFast: false } });
    expect([connection.state, connection.epoch]).toEqual(['open', 1]);
    connection.channel().queuePurge('q');
  });

  test('wrong credentials end it, and attempts if it says so', () => {
    const refusing = broker(NO_LOGIN);
    expect(errorOf(() => connectTo(refusing, { recovery: { failFast: false } }))).toBeInstanceOf(
      AuthenticationError,
    );
    const rude = broker([header(), cut()]);
    const recovery = { ...SOON, failFast: false, attempts: 3 };
    expect(errorOf(() => connectTo(rude, { recovery }))).toBeInstanceOf(ConnectError);
    expect(rude.transcript().filter(({ method }) => method === 'header')).toHaveLength(3);
  });

  test('fails at once with failFast, the default', () => {
    const rude = broker([header(), cut()], GOOD);
    expect(errorOf(() => connectTo(rude, { recovery: true }))).toBeInstanceOf(ConnectError);
  });

  test('connectRobust is connect with recovery', () => {
    const peer = broker(LOST, [
      ...handshake(),
      ...opened(),
      expects('queue.purge'),
      send('queue.purge-ok'),
      ...closed(),
    ]);
    const connection = connectRobust(peer.url, { callTimeout: CEILING, recovery: SOON });
    connection.channel().queuePurge('q');
    connection.close();
    expect(connection.lastError).toBeInstanceOf(ConnectionClosedError);
    expect(connection.epoch).toBe(2);
  });
});

describe('the options', () => {
  const settings = (url: string, recovery: boolean | RecoveryOptions) =>
    resolveOptions(url, { recovery }).session.recovery;

  test('have defaults', () => {
    expect(resolveOptions('amqp://h').session.recovery).toBeUndefined();
    expect(resolveOptions('amqp://h', { recovery: false }).recovery).toBeUndefined();
    expect(settings('amqp://h', true)).toEqual({
      ...{ interval: 1000, maxInterval: 30_000, jitter: 0.2, attempts: Number.POSITIVE_INFINITY },
      ...{ attemptTimeout: 5000, failFast: true, topology: true },
    });
    const three = resolveOptions({ hosts: ['a', 'b', 'c'], recovery: true }).session.recovery;
    expect(three).toMatchObject({ attemptTimeout: 15_000 });
    expect(resolveOptions('amqp://h', { recovery: true }).recovery).toEqual({
      republish: false,
      staleDeliveries: 'ignore',
    });
    expect(settings('amqp://h', { interval: 60_000 })).toMatchObject({ maxInterval: 60_000 });
  });

  test("the URL's reconnect_interval is aio-pika's: always the same; what stands beside it wins", () => {
    const url = 'amqp://h?reconnect_interval=1.5&fail_fast=0';
    expect(settings(url, true)).toMatchObject({
      interval: 1500,
      maxInterval: 1500,
      jitter: 0,
      failFast: false,
    });
    expect(settings(url, { interval: 10, failFast: true })).toMatchObject({
      interval: 10,
      maxInterval: 30_000,
      failFast: true,
    });
    expect(resolveOptions(url).session.recovery).toBeUndefined();
  });

  test.each<[unknown, string]>([
    ['yes', 'recovery must be true, false or an options object, got a string'],
    [{ intervall: 1 }, 'recovery: unknown option "intervall"; did you mean "interval"?'],
    [{ interval: -1 }, 'recovery.interval must be 0 or more milliseconds, got -1'],
    [{ attempts: 0 }, 'recovery.attempts must be a whole number from 1 to 9007199254740991, got 0'],
    [{ attemptTimeout: -1 }, 'recovery.attemptTimeout must be 0 or more milliseconds, got -1'],
    [{ jitter: 2 }, 'recovery.jitter must be a number from 0 to 1, got 2'],
    [{ failFast: 1 }, 'recovery.failFast must be true or false, got a number'],
    [{ staleDeliveries: 'throw' }, "recovery.staleDeliveries must be 'ignore' or 'error', got throw"],
  ])('%p is refused', (recovery, message) => {
    expect(errorOf<Error>(() => connect('amqp://h', { recovery } as ConnectOptions)).message).toBe(message);
  });

  test('pauses grow, with some chance in them, up to the longest', () => {
    const pauses = (random: number) => {
      const how = {
        interval: 100,
        maxInterval: 1000,
        jitter: 0.2,
        attempts: 9,
        attemptTimeout: 5000,
        failFast: true,
        topology: true,
      };
      return [0, 1, 2, 3, 4, 5, 60].map((failed) => Math.round(pauseBefore(failed, how, () => random)));
    };
    expect(pauses(0.5)).toEqual([10, 100, 200, 400, 800, 1000, 1000]);
    expect(pauses(0)).toEqual([0, 80, 160, 320, 640, 800, 800]);
    expect(pauses(1)).toEqual([20, 120, 240, 480, 960, 1000, 1000]);
  });

  test('the time that an attempt may take grows, too, up to connectTimeout', () => {
    const { attemptTimeout } = settings('amqp://h', true)!;
    const limits = (connectTimeout: number) =>
      [0, 1, 2, 3, 2000].map((failed) => limitOf(failed, { attemptTimeout }, connectTimeout));
    expect(limits(30_000)).toEqual([5000, 10_000, 20_000, 30_000, 30_000]);
    expect(limits(1000)).toEqual([1000, 1000, 1000, 1000, 1000]);
  });
});
