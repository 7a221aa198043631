import {
  BlockedTimeoutError,
  type Channel,
  type Connection,
  ConnectionClosedError,
  HeartbeatTimeoutError,
  NotFoundError,
  TimeoutError,
  WrongStateError,
  wasSent,
} from '../../src';
import {
  AT_ONCE,
  arrived,
  CEILING,
  duration,
  errorOf,
  failureOf,
  growthDuring,
  pause,
  talk,
  waitUntil,
} from '../support/peers/peer';
import {
  beat,
  content,
  cut,
  delivery,
  expects,
  expectsEnd,
  heartbeat,
  loop,
  opened,
  reading,
  ready,
  repeat,
  type Script,
  type Step,
  send,
  serve,
  split,
  stall,
  waitFor,
} from '../support/peers/script';
import type { ScriptedBroker } from '../support/peers/scripted-broker';
import { namesOf, toldDuring } from '../support/told';

const MIB = 2 ** 20;
const REASON = 'low on memory';

interface Scene {
  peer: ScriptedBroker;
  connection: Connection;
  channel: Channel;
}

function scene(steps: Script, options: Parameters<typeof talk>[1] = {}, heartbeatSeconds = 0): Scene {
  const { peer, connection } = talk([...ready({ heartbeat: heartbeatSeconds }), ...steps], options);
  return { peer, connection, channel: connection.channel() };
}

const key = { routingKey: 'q' };

/** Serve the connection, whether that brings events or not, until it holds. */
function serveUntil(connection: Connection, predicate: () => boolean): void {
  waitUntil(() => {
    connection.loop({ timeout: 20 });
    return predicate();
  });
}

describe('connection.blocked: the broker takes no publishes for now', () => {
  const blocked = send('connection.blocked', { reason: REASON });

  test('a confirmed publish has one timeout for waiting to be sent and for its confirm', () => {
    const { peer, connection, channel } = scene([
      ...[expects('confirm.select'), send('confirm.select-ok'), blocked, waitFor('go'), stall(500)],
      ...[send('connection.unblocked'), expects('basic.publish'), stall(CEILING)],
    ]);
    channel.confirmSelect();
    waitUntil(() => connection.isAlive && connection.isBlocked);
    peer.signal('go');
    const { error, ms } = failureOf(() => channel.basicPublish('x', { ...key, timeout: 2000 }));
    expect(error).toMatchObject({ name: 'TimeoutError', outcome: 'unknown' });
    expect(ms).toBeGreaterThanOrEqual(1995);
    expect(ms).toBeLessThan(AT_ONCE);
  });
  const unblocked = send('connection.unblocked');

  /** A connection that knows that it is blocked. */
  function blockedScene(steps: Script, options: Parameters<typeof talk>[1] = {}): Scene {
    const stage = scene([blocked, ...steps], { blockedTimeout: 200, ...options });
    stage.connection.drainEvents({ timeout: CEILING });
    expect(stage.connection.isBlocked).toBe(true);
    expect(stage.connection.blockedReason).toBe(REASON);
    return stage;
  }

  test('a publish waits blockedTimeout, then says why; it was not sent, and the connection lives', () => {
    const { peer, connection, channel } = blockedScene([serve()]);
    const { error, ms } = failureOf(() => channel.basicPublish('x', key));
    expect(error).toBeInstanceOf(BlockedTimeoutError);
    expect(error).toMatchObject({ outcome: 'not-sent', method: 'basic.publish', recoverable: true });
    expect(error.message).toContain(REASON);
    expect(wasSent(error)).toBe(false);
    expect(ms).toBeGreaterThanOrEqual(195);
    expect(ms).toBeLessThan(AT_ONCE);
    expect(connection.isOpen).toBe(true);
    connection.close();
    expect(peer.methods()).not.toContain('basic.publish');
  });

  test('everything else goes on', () => {
    const { connection, channel } = blockedScene([
      ...[
        expects('basic.get'),
        content('basic.get-ok', { deliveryTag: 1 }, { body: 'x' }),
        expects('basic.ack'),
      ],
      serve(),
    ]);
    channel.basicGet('q')?.ack();
    expect(channel.queueDeclare('q').queue).toBe('q');
    expect(connection.channel().id).toBe(2);
    expect(duration(() => connection.close())).toBeLessThan(AT_ONCE);
  });

  test('unblocked: the waiting publish goes out', () => {
    const { peer, connection, channel } = blockedScene(
      [waitFor('go'), stall(150), unblocked, expects('basic.publish'), serve()],
      { blockedTimeout: CEILING },
    );
    const began = Date.now();
    peer.signal('go');
    const asked: number[] = [];
    const expiration = new Date(began + 60_000);
    expiration.getTime = () => {
      asked.push(Date.now() - began);
      return expiration.valueOf();
    };
    channel.basicPublish('x', { ...key, expiration });
    peer.until((came) => came.some(({ method, at }) => method === 'basic.publish' && at - began >= 140));
    expect(asked.at(-1)).toBeGreaterThanOrEqual(140); // what it has left to live is counted when it is sent
    expect(connection.isBlocked).toBe(false);
    expect(connection.blockedReason).toBeUndefined();
    peer.satisfied();
    connection.close();
  });

  test('onBlocked and onUnblocked run in the pump', () => {
    const { connection } = scene([blocked, unblocked, serve()]);
    const told: string[] = [];
    connection.onBlocked = (reason) => told.push(reason);
    connection.onUnblocked = () => told.push('over');
    connection.drainEvents({ timeout: CEILING });
    connection.drainEvents({ timeout: CEILING });
    expect(told).toEqual([REASON, 'over']);
  });

  test('connection.unblocked without a block is told to nobody', () => {
    const { connection } = scene([unblocked, blocked, unblocked, serve()]);
    let unblockings = 0;
    connection.onUnblocked = () => unblockings++;
    const told = toldDuring(() => {
      for (let events = 0; events < 2; events++) connection.drainEvents({ timeout: CEILING });
    }, 'blocked');
    expect(unblockings).toBe(1);
    expect(told.map(({ facts }) => [facts.connection, facts.isBlocked, facts.reason])).toEqual([
      [connection, true, REASON],
      [connection, false, undefined],
    ]);
  });

  test('a block ends with the connection', () => {
    const { connection } = scene([blocked, cut()]);
    const told = toldDuring(() => {
      waitUntil(() => !connection.isAlive);
    });
    expect(namesOf(told)).toEqual(['blocked', 'blocked', 'close', 'close']);
    const { isBlocked, blockedTime } = connection.stats();
    expect(isBlocked).toBe(false);
    pause(20);
    expect(connection.stats().blockedTime).toBe(blockedTime);
  });

  test('the block counts from the moment it comes, even if nobody has looked', () => {
    const { connection, channel } = scene([blocked, serve()], { blockedTimeout: 100 });
    arrived(connection, blocked);
    expect(errorOf(() => channel.basicPublish('x', key))).toBeInstanceOf(BlockedTimeoutError);
  });

  test('in confirm mode no number is used up', () => {
    const { peer, channel } = blockedScene(
      [
        ...[expects('confirm.select'), send('confirm.select-ok'), waitFor('go'), unblocked],
        ...[expects('basic.publish'), send('basic.ack', { deliveryTag: 1 })],
      ],
      { blockedTimeout: 300 },
    );
    channel.confirmSelect();
    expect(errorOf(() => channel.basicPublish('x', key))).toBeInstanceOf(BlockedTimeoutError);
    expect(channel.nextPublishSeqNo).toBe(1);
    peer.signal('go');
    channel.basicPublish('x', { ...key, timeout: CEILING });
    expect(channel.nextPublishSeqNo).toBe(2);
  });

  test('a batch says of each message that it was not sent', () => {
    const { channel } = blockedScene([expects('confirm.select'), send('confirm.select-ok'), serve()]);
    channel.confirmSelect();
    const results = channel.publishBatch(['a', 'b'], key);
    expect(results.map(({ status }) => status)).toEqual(['not-sent', 'not-sent']);
    expect(results[0]?.error).toBeInstanceOf(BlockedTimeoutError);
  });

  test("the publish's own timeout may be shorter", () => {
    const { channel } = blockedScene([serve()], { blockedTimeout: CEILING });
    const { error, ms } = failureOf(() => channel.basicPublish('x', { ...key, timeout: 100 }));
    expect(error).toMatchObject({ outcome: 'not-sent' });
    expect(error.message).toContain(REASON);
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('blocked while a publish waits for room', () => {
    const { channel } = scene(
      [expects('basic.publish'), reading(false), stall(50), blocked, stall(CEILING)],
      { blockedTimeout: 200 },
    );
    const { error, ms } = failureOf(() => {
      for (;;) channel.basicPublish(Buffer.alloc(100_000), { ...key, timeout: 500 });
    });
    expect(error).toMatchObject({ outcome: 'not-sent' });
    expect(ms).toBeLessThan(AT_ONCE);
  });
});

describe('channel.flow: the broker takes no publishes on one channel', () => {
  const pauseChannel = [
    send('channel.flow', { active: false }),
    expects('channel.flow-ok', { active: false }, { channel: 1 }),
  ];
  const resumeChannel = [
    send('channel.flow', { active: true }),
    expects('channel.flow-ok', { active: true }, { channel: 1 }),
  ];

  test('publishes wait for it, in vain: not sent, and the error says what it was', () => {
    const { connection, channel } = scene([...pauseChannel, serve()]);
    arrived(connection, ...pauseChannel);
    const { error, ms } = failureOf(() => channel.basicPublish('x', { ...key, timeout: 150 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ outcome: 'not-sent', method: 'basic.publish' });
    expect(error.message).toMatch(/flow|paused/);
    expect(ms).toBeGreaterThanOrEqual(145);
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('or go out when it goes on; other channels never wait', () => {
    const { channel, connection } = scene([
      ...[...opened(2), ...pauseChannel, expects('basic.publish', {}, { channel: 2, body: 'other' })],
      ...[stall(100), ...resumeChannel, expects('basic.publish', {}, { channel: 1, body: 'waiting' })],
      serve(),
    ]);
    const other = connection.channel();
    arrived(connection, ...pauseChannel);
    other.basicPublish('other', key); // until it has come, the script does not go on
    channel.basicPublish('waiting', key); // nor does it take this before its flow-ok
    connection.close();
  });

  test('and though it is asked again and again, it is answered each time', () => {
    const { peer, channel, connection } = scene([
      ...repeat(20, [...pauseChannel, ...resumeChannel]),
      ...[expects('basic.publish'), serve()],
    ]);
    const answers = () => peer.transcript().filter(({ method }) => method === 'channel.flow-ok');
    serveUntil(connection, () => answers().length === 40); // no event, but an answer each
    channel.basicPublish('x', key);
    peer.satisfied();
  });
});

describe('a peer that does not read', () => {
  test('publishes fill the buffers, then wait, then time out unsent; memory stays flat, and nothing is lost', () => {
    const { peer, connection, channel } = scene([
      expects('basic.publish'),
      reading(false),
      waitFor('read'),
      reading(true),
      serve(),
    ]);
    const body = Buffer.alloc(50_000);
    let sent = 0;
    const growth = growthDuring(() => {
      const { error } = failureOf(() => {
        for (;;) {
          channel.basicPublish(body, { routingKey: String(sent), timeout: 1000 });
          sent++;
        }
      });
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ outcome: 'not-sent', method: 'basic.publish' });
    });
    expect(growth).toBeLessThan(64);
    expect(errorOf(() => connection.flush({ timeout: 50 }))).toBeInstanceOf(TimeoutError);
    expect(connection.stats().unsentBytes).toBeGreaterThan(0);
    peer.signal('read');
    connection.flush();
    expect(connection.stats().unsentBytes).toBe(0);
    expect(channel.queueDeclare('q').queue).toBe('q'); // what timed out left nothing behind
    connection.close();
    const keys = peer
      .transcript()
      .filter(({ method }) => method === 'basic.publish')
      .map(({ args }) => Number(args.routingKey));
    expect(keys).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  test('an answer that we owe it and cannot send does not hold up anybody', () => {
    const flow = send('channel.flow', { active: false });
    const { peer, connection, channel } = scene([
      ...[expects('basic.publish'), reading(false), waitFor('go'), flow],
      stall(CEILING),
    ]);
    errorOf(() => {
      for (;;) channel.basicPublish(Buffer.alloc(1000), { ...key, timeout: 100 });
    });
    peer.signal('go');
    arrived(connection, flow);
    expect(failureOf(() => connection.drainEvents({ timeout: 100 })).ms).toBeLessThan(AT_ONCE);
  });

  test('a call that cannot be sent says so', () => {
    const { channel } = scene([expects('basic.publish'), reading(false), stall(CEILING)]);
    errorOf(() => {
      for (;;) channel.basicPublish(Buffer.alloc(1000), { ...key, timeout: 100 });
    });
    const { error, ms } = failureOf(() => channel.queueDeclare('q', { timeout: 100 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({
      method: 'queue.declare',
      outcome: expect.stringMatching(/not-sent|unknown/),
    });
    expect(ms).toBeLessThan(AT_ONCE);
  });

  test('a large body given up half way ends the connection with it', () => {
    const { peer, connection, channel } = scene([
      reading(false),
      waitFor('read'),
      reading(true),
      expectsEnd(),
    ]);
    const { error, ms } = failureOf(() =>
      channel.basicPublish(Buffer.alloc(40 * MIB), { ...key, timeout: 300 }),
    );
    expect(error).toBeInstanceOf(ConnectionClosedError);
    expect(error).toMatchObject({ code: 'HALF_SENT', outcome: 'unknown', recoverable: true });
    expect(ms).toBeLessThan(AT_ONCE);
    expect(connection.isOpen).toBe(false);
    const later = errorOf(() => channel.basicPublish('x', key));
    expect(later).toBeInstanceOf(WrongStateError);
    expect(later.cause).toBe(error);
    peer.signal('read');
    peer.done();
    expect(peer.methods()).not.toContain('basic.publish'); // not as a whole message
  });

  test('a large body that the peer reads in its own time gets through', () => {
    const { peer, connection, channel } = scene([
      reading(false),
      stall(200),
      reading(true),
      expects('basic.publish'),
      serve(),
    ]);
    channel.basicPublish(Buffer.alloc(40 * MIB), key);
    connection.close();
    expect(peer.transcript().find(({ method }) => method === 'basic.publish')?.bodySize).toBe(40 * MIB);
  });
});

describe('what comes while a large body goes out', () => {
  /** The client is in the middle of a body while these steps run. */
  const during = (...steps: Script): Step[] => [
    reading(false),
    stall(150),
    ...steps,
    stall(100),
    reading(true),
  ];
  const large = Buffer.alloc(40 * MIB);
  const getOk = content('basic.get-ok', { deliveryTag: 1 }, { body: 'late' });

  test('a late get-ok is given back, but not inside the body', () => {
    const { peer, connection, channel } = scene([
      expects('basic.get'),
      waitFor('go'),
      ...during(getOk),
      serve(),
    ]);
    errorOf(() => channel.basicGet('q', { timeout: 20 }));
    peer.signal('go');
    channel.basicPublish(large, key);
    connection.close();
    expect(peer.methods()).toContain('basic.nack');
  });

  test('channel.flow is answered, but not inside the body', () => {
    const { peer, connection, channel } = scene([
      ...during(send('channel.flow', { active: false }), send('channel.flow', { active: true })),
      serve(),
    ]);
    channel.basicPublish(large, key);
    connection.close();
    expect(peer.methods()).toContain('channel.flow-ok');
  });

  test('deliveries wait for their turn', () => {
    const { connection, channel } = scene([
      ...[
        expects('basic.qos'),
        send('basic.qos-ok'),
        expects('basic.consume'),
        send('basic.consume-ok', { consumerTag: 'ct' }),
      ],
      ...during(...repeat(100, [delivery('ct', 1, { body: 'x'.repeat(1000) })])),
      serve(),
    ]);
    let got = 0;
    channel.basicConsume('q', () => got++);
    channel.basicPublish(large, key);
    expect(got).toBe(0); // no callback in the middle of a publish
    serveUntil(connection, () => got >= 100);
    expect(got).toBe(100);
    connection.close();
  });

  test('channel.close ends the publish with its reason, and the connection lives', () => {
    const notFound = {
      replyCode: 404,
      replyText: "NOT_FOUND - no exchange 'nowhere'",
      classId: 60,
      methodId: 40,
    };
    const { connection, channel } = scene([
      ...[expects('basic.publish'), ...during(send('channel.close', notFound))],
      ...[expects('channel.close-ok'), serve()],
    ]);
    channel.basicPublish('x', { exchange: 'nowhere' });
    const { error, ms } = failureOf(() => channel.basicPublish(large, key));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(ms).toBeLessThan(AT_ONCE);
    expect(connection.channel().queueDeclare('q').queue).toBe('q');
    connection.close();
  });

  test('connection.blocked does not stop it half way', () => {
    const { peer, connection, channel } = scene(
      [...during(send('connection.blocked', { reason: REASON })), serve()],
      { blockedTimeout: 50 },
    );
    channel.basicPublish(large, key);
    connection.close();
    expect(peer.methods()).toContain('basic.publish');
  });

  test('the other channels are none the worse for a body given up', () => {
    const { connection, channel } = scene([...opened(2), reading(false), stall(CEILING)]);
    const other = connection.channel();
    const error = errorOf(() => channel.basicPublish(large, { ...key, timeout: 200 }));
    expect(errorOf(() => other.queuePurge('q'))).toMatchObject({ cause: error, outcome: 'not-sent' });
  });
});

describe('a program that does not read', () => {
  const message = delivery('ct', 1, { body: 'x'.repeat(4000) });
  const consumes = [expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'ct' })];

  test('memory stays within maxBufferedBytes, and nothing is lost', () => {
    const count = 10_000; // 40 MB
    const { connection, channel } = scene([...consumes, ...repeat(count, [message]), serve()], {
      maxBufferedBytes: MIB,
    });
    let got = 0;
    channel.basicConsume('q', () => got++, { noAck: true });
    const growth = growthDuring(() => pause(500));
    expect(growth).toBeLessThan(64);
    serveUntil(connection, () => got >= count);
    expect(got).toBe(count);
    connection.close();
  });

  test.each([0, 1])('maxBufferedBytes of %d: no buffer beyond the ring, and it works', (maxBufferedBytes) => {
    const { connection, channel } = scene([...consumes, ...repeat(1000, [message]), serve()], {
      maxBufferedBytes,
    });
    let got = 0;
    channel.basicConsume('q', () => got++, { noAck: true });
    arrived(connection, message);
    serveUntil(connection, () => got >= 1000);
    expect(got).toBe(1000);
    connection.close();
  });

  test('its heartbeats go on, and it does not take its own deafness for a dead peer', () => {
    const qos = [expects('basic.qos'), send('basic.qos-ok')];
    const script = [...qos, ...consumes, loop([message])];
    const { peer, connection, channel } = scene(script, { maxBufferedBytes: MIB }, 1);
    channel.basicConsume('q', () => {});
    pause(3500);
    expect(connection.isAlive).toBe(true);
    peer.until((came) => came.filter(({ method }) => method === 'heartbeat').length >= 3);
  });
});

describe('heartbeats', () => {
  test('those of the broker are no events', () => {
    const { connection, channel } = scene([...repeat(20, [heartbeat(), stall(10)]), serve()]);
    const { error, ms } = failureOf(() => connection.drainEvents({ timeout: 250 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(ms).toBeGreaterThanOrEqual(245);
    expect(ms).toBeLessThan(AT_ONCE);
    expect(channel.queueDeclare('q').queue).toBe('q');
  });

  test.each<[string, Step[], (stage: Scene) => unknown]>([
    ['drainEvents', [], ({ connection }) => connection.drainEvents()],
    [
      'a confirm',
      [expects('confirm.select'), send('confirm.select-ok'), expects('basic.publish')],
      ({ channel }) => {
        channel.confirmSelect();
        channel.basicPublish('x', { ...key, timeout: Number.POSITIVE_INFINITY });
      },
    ],
  ])('a silent peer is noticed after two intervals, though %s waits for ever', (_, steps, wait) => {
    const stage = scene([...steps, expectsEnd()], { callTimeout: Number.POSITIVE_INFINITY }, 1);
    const { error, ms } = failureOf(() => wait(stage));
    expect(error).toBeInstanceOf(HeartbeatTimeoutError);
    expect(error).toMatchObject({
      code: 'HEARTBEAT_TIMEOUT',
      recoverable: true,
      outcome: 'unknown',
      origin: 'network',
    });
    expect(ms).toBeGreaterThan(1900);
    expect(ms).toBeLessThan(2000 + AT_ONCE);
    stage.peer.done();
    expect(stage.peer.methods()).not.toContain('connection.close'); // nobody would read it
  });

  test('any byte is a sign of life: a message that trickles in for long', () => {
    const { connection, channel } = scene(
      [
        expects('basic.get'),
        split(1, 60),
        content('basic.get-ok', { deliveryTag: 1 }, { body: 'slow' }),
        split(0),
        serve(),
      ],
      {},
      1,
    );
    const start = performance.now();
    expect(channel.basicGet('q')?.text).toBe('slow');
    expect(performance.now() - start).toBeGreaterThan(2500);
    connection.close();
  });

  test('are sent while the program computes', () => {
    const { peer, connection } = scene([beat(300), serve()], {}, 1);
    pause(2500); // to the connection the same as a computation, and nobody's processor is burnt
    expect(connection.isAlive).toBe(true);
    const times = peer
      .transcript()
      .filter(({ method }) => method === 'heartbeat')
      .map(({ at }) => at);
    expect(times.length).toBeGreaterThanOrEqual(2);
    const gaps = times.slice(1).map((at, index) => at - times[index]!);
    expect(Math.max(...gaps)).toBeLessThan(2000); // with which the broker would give up
    connection.close();
  });

  test('0 is none: neither sent nor missed', () => {
    const { peer, connection } = scene([serve()], { heartbeat: 0 }, 1);
    expect(connection.heartbeat).toBe(0);
    pause(2600);
    expect(connection.isAlive).toBe(true);
    expect(peer.methods()).not.toContain('heartbeat');
    connection.close();
  });
});
