import {
  type Channel,
  ChannelClosedError,
  type Connection,
  NackError,
  TimeoutError,
  UnroutableError,
} from '../../src';
import { AT_ONCE, arrived, CEILING, duration, errorOf, failureOf, talk } from '../support/peers/peer';
import {
  content,
  delivery,
  expects,
  opened,
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

const key = { routingKey: 'q' };
const ack = (deliveryTag: number, multiple = false) => send('basic.ack', { deliveryTag, multiple });
const nack = (deliveryTag: number, multiple = false) => send('basic.nack', { deliveryTag, multiple });
const publishes = (count: number): Step[] => repeat(count, [expects('basic.publish')]);
const noRoute = { replyCode: 312, replyText: 'NO_ROUTE' };
const returned = (body: string, routingKey = 'q', exchange = '') =>
  content('basic.return', { ...noRoute, exchange, routingKey }, { body });

const select = [expects('confirm.select'), send('confirm.select-ok')];

/** A channel in confirm mode. */
function confirming(...steps: Script): { peer: ScriptedBroker; connection: Connection; channel: Channel } {
  const { peer, connection } = talk([...ready(), ...select, ...steps, serve()]);
  const channel = connection.channel();
  channel.confirmSelect();
  return { peer, connection, channel };
}

const statuses = (channel: Channel, bodies: string[], options: Parameters<Channel['publishBatch']>[1] = {}) =>
  channel.publishBatch(bodies, { ...key, ...options }).map(({ status }) => status);

describe('acks', () => {
  test('a publish returns when its ack has come, not before', () => {
    const { channel } = confirming(expects('basic.publish', {}, { body: 'x' }), stall(80), ack(1));
    const ms = duration(() => channel.basicPublish('x', key));
    expect(ms).toBeGreaterThan(60);
  });

  test.each<[string, Step[]]>([
    ['in order', [ack(1), ack(2), ack(3), ack(4), ack(5)]],
    ['in any order', [ack(3), ack(1), ack(5), ack(2), ack(4)]],
    ['backwards', [ack(5), ack(4), ack(3), ack(2), ack(1)]],
    ['all at once', [ack(5, true)]],
    ['all that are outstanding, as tag 0', [ack(0, true)]],
    ['some at once, over some that came before', [ack(2), ack(3, true), ack(5, true)]],
    ['twice each', [ack(1), ack(1), ack(3, true), ack(2), ack(3, true), ack(5, true), ack(4), ack(0, true)]],
    ['byte by byte', [split(1), ack(1), ack(3, true), ack(5), ack(4)]],
  ])('confirm all publishes when they come %s', (_, acks) => {
    const { channel, connection } = confirming(...publishes(5), ...acks);
    for (let i = 0; i < 5; i++) channel.basicPublish('x', { ...key, wait: false });
    expect(channel.waitForConfirms()).toBe(true);
    expect(channel.nextPublishSeqNo).toBe(6);
    connection.close();
  });

  test('a repeated ack confirms nothing new', () => {
    const { channel } = confirming(
      ...publishes(1),
      ack(1),
      ...publishes(1),
      ack(1),
      ack(1, true),
      stall(80),
      ack(2),
    );
    channel.basicPublish('one', key);
    expect(duration(() => channel.basicPublish('two', key))).toBeGreaterThan(60);
  });

  test('count when they come during another call', () => {
    const { channel } = confirming(...publishes(1), expects('queue.purge'), ack(1), send('queue.purge-ok'));
    channel.basicPublish('x', { ...key, wait: false });
    channel.queuePurge('q');
    expect(duration(() => channel.waitForConfirms())).toBeLessThan(AT_ONCE);
  });

  test('each channel has numbers of its own', () => {
    const select = (channel: number) => [
      expects('confirm.select', {}, { channel }),
      send('confirm.select-ok', {}, { channel }),
    ];
    const { peer, connection } = talk([
      ...[...ready(), ...opened(2), ...select(1), ...select(2)],
      ...[expects('basic.publish', {}, { channel: 2 }), expects('basic.publish', {}, { channel: 1 })],
      ...[
        send('basic.ack', { deliveryTag: 1 }, { channel: 1 }),
        waitFor('other'),
        send('basic.ack', { deliveryTag: 1 }, { channel: 2 }),
      ],
    ]);
    const [one, two] = [connection.channel(), connection.channel()];
    one.confirmSelect();
    two.confirmSelect();
    two.basicPublish('x', { ...key, wait: false });
    one.basicPublish('x', key);
    expect(errorOf(() => two.waitForConfirms({ timeout: 80 }))).toBeInstanceOf(TimeoutError);
    peer.signal('other');
    expect(two.waitForConfirms()).toBe(true);
  });

  test('are asked for once, though confirmSelect is called twice', () => {
    const { peer, channel, connection } = confirming();
    channel.confirmSelect();
    expect(channel.mode).toBe('confirm');
    connection.close();
    expect(peer.methods().filter((method) => method === 'confirm.select')).toHaveLength(1);
  });
});

describe('nacks', () => {
  test('are a NackError with the message; the channel lives', () => {
    const { channel } = confirming(...publishes(1), nack(1), ...publishes(1), ack(2));
    const { error } = failureOf<NackError<{ text: string }>>(() => channel.basicPublish('refused', key));
    expect(error).toBeInstanceOf(NackError);
    expect(error).toMatchObject({
      code: 'NACK',
      outcome: 'rejected',
      origin: 'broker',
      method: 'basic.publish',
    });
    expect(error.returnedMessage?.text).toBe('refused');
    channel.basicPublish('x', key);
  });

  test('of some publishes leave the others acked', () => {
    const { channel } = confirming(...publishes(5), nack(2), ack(4, true), nack(5));
    expect(statuses(channel, ['1', '2', '3', '4', '5'])).toEqual([
      'acked',
      'nacked',
      'acked',
      'acked',
      'nacked',
    ]);
  });

  test('of all publishes at once fail each', () => {
    const { channel } = confirming(...publishes(3), nack(3, true), ...publishes(1), ack(4));
    expect(statuses(channel, ['1', '2', '3'])).toEqual(['nacked', 'nacked', 'nacked']);
    channel.basicPublish('x', key);
  });

  test('make waitForConfirms return false, once', () => {
    const { channel } = confirming(...publishes(2), ack(1), nack(2));
    for (const body of ['1', '2']) channel.basicPublish(body, { ...key, wait: false });
    expect(channel.waitForConfirms()).toBe(false);
    expect(channel.waitForConfirms()).toBe(true);
  });

  test('an ack after a nack, and a nack after an ack, change nothing', () => {
    const { channel } = confirming(...publishes(2), nack(1), ack(1), ack(2), nack(2));
    expect(statuses(channel, ['1', '2'])).toEqual(['nacked', 'acked']);
  });
});

describe('returns', () => {
  const mandatory = { ...key, mandatory: true };

  test('come before the ack: UnroutableError with everything', () => {
    const { channel } = confirming(
      expects('basic.publish', { mandatory: true }),
      content(
        'basic.return',
        { ...noRoute, exchange: 'x', routingKey: 'q' },
        { body: 'lost', properties: { messageId: 'm', headers: { a: 1 } } },
      ),
      ack(1),
      ...[...publishes(1), ack(2)],
    );
    const error = errorOf<UnroutableError<Record<string, unknown>>>(() =>
      channel.basicPublish('lost', { ...mandatory, exchange: 'x' }),
    );
    expect(error).toBeInstanceOf(UnroutableError);
    expect(error).toMatchObject({
      code: 'NO_ROUTE',
      replyCode: 312,
      replyText: 'NO_ROUTE',
      outcome: 'rejected',
    });
    expect(error.returnedMessage).toMatchObject({
      exchange: 'x',
      routingKey: 'q',
      text: 'lost',
      properties: { messageId: 'm' },
    });
    channel.basicPublish('next', mandatory);
  });

  test('of a batch: each belongs to its message', () => {
    const { channel } = confirming(...publishes(4), returned('2'), returned('4'), ack(4, true));
    expect(statuses(channel, ['1', '2', '3', '4'], { mandatory: true })).toEqual([
      'acked',
      'returned',
      'acked',
      'returned',
    ]);
  });

  test('of a batch of equal messages: in order', () => {
    const { channel } = confirming(...publishes(3), returned('x'), ack(1), returned('x'), ack(2), ack(3));
    expect(statuses(channel, ['x', 'x', 'x'], { mandatory: true })).toEqual([
      'returned',
      'returned',
      'acked',
    ]);
  });

  test('of a batch to different keys', () => {
    const { channel } = confirming(...publishes(3), returned('x', 'b'), ack(3, true));
    const results = channel.publishBatch(
      ['a', 'b', 'c'].map((routingKey) => ({ body: 'x', routingKey })),
      { mandatory: true },
    );
    expect(results.map(({ status }) => status)).toEqual(['acked', 'returned', 'acked']);
    const error = results[1]?.error as UnroutableError<{ routingKey: string }>;
    expect(error.returnedMessage?.routingKey).toBe('b');
  });

  test('of a batch whose bodies were made in one buffer', () => {
    const { channel } = confirming(...publishes(3), returned('2'), ack(3, true));
    const buffer = Buffer.alloc(1);
    function* bodies() {
      for (const text of ['1', '2', '3']) {
        buffer.write(text); // it is free again: publishing has copied it
        yield buffer;
      }
    }
    const results = channel.publishBatch(bodies(), mandatory);
    expect(results.map(({ status }) => status)).toEqual(['acked', 'returned', 'acked']);
  });

  test('a NackError has the body that was sent, whatever has become of the buffer', () => {
    const { channel } = confirming(...publishes(2), nack(1), ack(2));
    const buffer = Buffer.from('one');
    function* bodies() {
      yield buffer;
      buffer.write('two');
      yield buffer;
    }
    const error = channel.publishBatch(bodies(), key)[0]?.error as NackError<{ text: string }>;
    expect(error.returnedMessage?.text).toBe('one');
  });

  test('one larger than maxMessageSize still has its body: it was ours', () => {
    const { connection } = talk(
      [...ready(), ...select, ...publishes(1), returned('x'.repeat(100)), ack(1), serve()],
      { maxMessageSize: 99 },
    );
    const channel = connection.channel();
    channel.confirmSelect();
    const error = errorOf<UnroutableError<{ text: string }>>(() =>
      channel.basicPublish('x'.repeat(100), mandatory),
    );
    expect(error.returnedMessage?.text).toBe('x'.repeat(100));
  });

  test('an empty message is returned like any other', () => {
    const { channel } = confirming(...publishes(1), returned(''), ack(1));
    expect(statuses(channel, [''], { mandatory: true })).toEqual(['returned']);
  });

  test('of something that no publish here waits for goes to onReturn', () => {
    const { connection, channel } = confirming(...publishes(1), returned('x', 'elsewhere'), ack(1));
    const got: string[] = [];
    channel.onReturn = ({ routingKey }) => got.push(routingKey);
    channel.basicPublish('x', mandatory); // not this one
    connection.loop({ timeout: 0 });
    expect(got).toEqual(['elsewhere']);
  });

  test('outside of confirm mode they are events, with onReturn or in returnedMessages', () => {
    const { connection } = talk([...ready(), ...publishes(2), returned('one'), returned('two'), serve()]);
    const channel = connection.channel();
    for (const body of ['one', 'two']) channel.basicPublish(body, mandatory);
    connection.drainEvents({ timeout: CEILING });
    expect(channel.returnedMessages.map(({ text, replyCode }) => [text, replyCode])).toEqual([['one', 312]]);
    const got: string[] = [];
    channel.onReturn = ({ text }) => got.push(text);
    connection.drainEvents({ timeout: CEILING });
    expect(got).toEqual(['two']);
  });
});

describe('confirms that come late', () => {
  test('a late ack does not confirm the next publish', () => {
    const { peer, connection, channel } = confirming(
      ...[expects('basic.publish', {}, { body: 'one' }), waitFor('late'), ack(1)],
      ...[expects('basic.publish', {}, { body: 'two' }), stall(80), ack(2)],
    );
    const error = errorOf(() => channel.basicPublish('one', { ...key, timeout: 50 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ outcome: 'unknown', method: 'basic.publish', recoverable: true });
    peer.signal('late');
    arrived(connection, ack(1));
    expect(duration(() => channel.basicPublish('two', key))).toBeGreaterThan(60);
  });

  test('a confirm that comes with the next one does not count for it', () => {
    const { channel } = confirming(...publishes(2), ack(1), stall(80), ack(2));
    errorOf(() => channel.basicPublish('one', { ...key, timeout: 30 }));
    expect(duration(() => channel.basicPublish('two', key))).toBeGreaterThan(60);
  });

  test('a late nack does not fail the next publish, but waitForConfirms knows of it', () => {
    const { channel } = confirming(...publishes(2), nack(1), ack(2));
    errorOf(() => channel.basicPublish('one', { ...key, timeout: 30 }));
    channel.basicPublish('two', key);
    expect(channel.waitForConfirms()).toBe(false);
  });

  test('a late return is not taken for the next publish of the same message', () => {
    const { channel } = confirming(...publishes(2), returned('x'), ack(1), ack(2));
    const options = { ...key, mandatory: true };
    errorOf(() => channel.basicPublish('x', { ...options, timeout: 30 }));
    channel.basicPublish('x', options);
  });

  test('waitForConfirms says how many are missing, and gets them the next time', () => {
    const { peer, channel } = confirming(...publishes(3), ack(2), waitFor('late'), ack(3, true));
    for (const body of ['1', '2', '3']) channel.basicPublish(body, { ...key, wait: false });
    const { error, ms } = failureOf(() => channel.waitForConfirms({ timeout: 800 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toContain('2 publishes');
    expect(error).toMatchObject({ outcome: 'unknown' });
    expect(ms).toBeLessThan(AT_ONCE);
    peer.signal('late');
    expect(channel.waitForConfirms()).toBe(true);
  });

  test('a batch whose time is up tells which are confirmed', () => {
    const { channel } = confirming(...publishes(3), ack(2), stall(CEILING));
    expect(statuses(channel, ['1', '2', '3'], { timeout: 2000 })).toEqual(['unknown', 'acked', 'unknown']);
  });

  test('a batch whose time is up in its window: the rest was not sent', () => {
    const { peer, channel, connection } = confirming(...publishes(2), ack(1), ...publishes(1));
    expect(statuses(channel, ['1', '2', '3', '4', '5'], { timeout: 2000, window: 2 })).toEqual([
      'acked',
      'unknown',
      'unknown',
      'not-sent',
      'not-sent',
    ]);
    connection.close();
    expect(peer.methods().filter((method) => method === 'basic.publish')).toHaveLength(3);
  });
});

describe('a batch', () => {
  test('has never more than its window unconfirmed', () => {
    const { peer, channel } = confirming(
      ...[...publishes(3), stall(100), ack(1)],
      ...[...publishes(1), stall(100), ack(4, true)],
      ...publishes(2),
      ack(6, true),
    );
    expect(statuses(channel, ['1', '2', '3', '4', '5', '6'], { window: 3 })).toEqual(Array(6).fill('acked'));
    const times = peer
      .transcript()
      .filter(({ method }) => method === 'basic.publish')
      .map(({ at }) => at);
    expect(times[3]! - times[2]!).toBeGreaterThanOrEqual(90);
    expect(times[4]! - times[3]!).toBeGreaterThanOrEqual(90);
  });

  test.each([0, 1, 5000])('of %d messages is confirmed', (count) => {
    const { peer, channel, connection } = confirming();
    const bodies = Array.from({ length: count }, (_, i) => String(i));
    const results = channel.publishBatch(bodies, key);
    expect(results).toHaveLength(count);
    expect(results.every(({ status }) => status === 'acked')).toBe(true);
    expect(results.map(({ seqNo }) => seqNo)).toEqual(bodies.map((_, i) => i + 1));
    connection.close();
    const got = peer
      .transcript()
      .filter(({ method }) => method === 'basic.publish')
      .map(({ body }) => String(Buffer.from(body ?? [])));
    expect(got).toEqual(bodies);
  });

  test('that throws in the middle (a generator) leaves the channel usable', () => {
    const { channel } = confirming();
    function* bodies() {
      yield 'one';
      throw new Error('no more');
    }
    expect(() => channel.publishBatch(bodies(), key)).toThrow('no more');
    expect(channel.waitForConfirms()).toBe(true);
    channel.basicPublish('two', key);
  });

  test('whose channel the broker closes for something else: unknown, with the cause', () => {
    const { channel } = confirming(
      ...publishes(2),
      send('channel.close', {
        replyCode: 406,
        replyText: 'PRECONDITION_FAILED - unknown delivery tag 9',
        classId: 60,
        methodId: 80,
      }),
    );
    const results = channel.publishBatch(['1', '2'], key);
    expect(results.map(({ status }) => status)).toEqual(['unknown', 'unknown']);
    expect(results[0]?.error).toBeInstanceOf(ChannelClosedError);
  });
});

describe('a stream cut anywhere', () => {
  const properties = {
    contentType: 'text/plain',
    headers: { list: [1, { deep: true }], text: 'ü' },
    timestamp: 1_700_000_000,
  };
  const message = delivery('ct', 1, { body: 'abcdefgh', properties, pieces: 5 });
  const size = (message as { bytes: Uint8Array }).bytes.length;
  const sizes = Array.from({ length: size }, (_, i) => i + 1);

  test(`deliveries in pieces of 1 to ${size} bytes`, () => {
    const { connection } = talk([
      ...[
        ...ready(),
        expects('basic.qos'),
        send('basic.qos-ok'),
        expects('basic.consume'),
        send('basic.consume-ok', { consumerTag: 'ct' }),
      ],
      ...sizes.flatMap((piece) => [
        split(piece, piece < 12 ? 0 : 1),
        delivery('ct', piece, { body: 'abcdefgh', properties, pieces: 5 }),
      ]),
      serve(),
    ]);
    const channel = connection.channel();
    const got: number[] = [];
    channel.basicConsume('q', ({ text, deliveryTag, properties: read }) => {
      expect(text).toBe('abcdefgh');
      expect(read).toMatchObject({ contentType: 'text/plain', timestamp: new Date(1_700_000_000_000) });
      expect(read.headers).toMatchObject({ list: [1, { deep: true }], text: 'ü' });
      got.push(deliveryTag);
    });
    while (got.length < size) connection.drainEvents({ timeout: CEILING });
    expect(got).toEqual(sizes);
  });

  test('returns and confirms byte by byte', () => {
    const { channel } = confirming(split(1), ...publishes(3), returned('2'), ack(2, true), nack(3));
    expect(statuses(channel, ['1', '2', '3'], { mandatory: true })).toEqual(['acked', 'returned', 'nacked']);
  });
});

describe('bodies on the wire', () => {
  const FRAME_MAX = 8192;
  const ROOM = FRAME_MAX - 8;
  const small = [0, 1, ROOM - 1, ROOM, ROOM + 1, 2 * ROOM - 1, 2 * ROOM, 2 * ROOM + 1, 50_000];
  // about the ring's size, where a body stops to fit as a whole
  const large = Array.from({ length: 12 }, (_, i) => 2 ** 20 - 2500 + i * 250);

  test('no frame is larger than agreed, and every byte arrives', () => {
    const { peer, connection } = talk([...ready({ frameMax: FRAME_MAX }), serve()]);
    const channel = connection.channel();
    const bodies = [...small, ...large].map((size) => Buffer.alloc(size, `body of ${size} bytes `));
    for (const body of bodies) channel.basicPublish(body, key);
    connection.close();
    const got = peer.transcript().filter(({ method }) => method === 'basic.publish');
    expect(got.map(({ bodySize }) => bodySize)).toEqual([...small, ...large]);
    got.forEach(({ body }, index) => {
      const wanted = bodies[index]!.subarray(0, 64 * 1024);
      expect(Buffer.from(body!).equals(wanted)).toBe(true);
    });
  });
});
