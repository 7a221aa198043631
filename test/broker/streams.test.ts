/** Streams of the embedded broker: what they keep, for how long, and what of it their readers get. */
import { connect, type EmbeddedBroker, type QueueIteratorOptions, startBroker } from '../../src';
import { CEILING } from '../support/connect';

const HOUR = 3_600_000;
const KIB = 1024;

describe.each(['3.10', '4.3'] as const)('with the rules of %s', (version) => {
  let broker: EmbeddedBroker;
  beforeEach(() => {
    broker = startBroker({ version, clock: 'virtual', memoryLimit: 64 * KIB });
  });
  afterEach(() => broker.close());

  const opened = () => connect(broker.url, { callTimeout: CEILING });
  const isBlocked = () => broker.connections().some(({ blocked }) => blocked);
  const offsets = () => broker.messages('s').map(({ properties }) => properties.headers!['x-stream-offset']);

  test('the newest segment stays whatever its age, older ones go when the next one begins', () => {
    using connection = opened();
    const channel = connection.channel();
    const stream = channel.declareQueue('s', {
      type: 'stream',
      maxAge: { hours: 1 },
      maxSegmentSize: 2 * KIB,
    });
    for (let count = 0; count < 4; count++) stream.publish(Buffer.alloc(KIB));
    expect(offsets()).toEqual([0, 1, 3, 4]);
    broker.advance(2 * HOUR);
    expect(offsets()).toHaveLength(4);
    stream.publish('young');
    expect(offsets()).toEqual([6]);
  });

  test('what went makes room in memory, and a stream that is deleted gives back all', () => {
    using connection = opened();
    using other = opened(); // which publishes nothing, and so is never blocked
    const channel = connection.channel();
    const stream = channel.declareQueue('s', {
      type: 'stream',
      maxLengthBytes: 16 * KIB,
      maxSegmentSize: 4 * KIB,
    });
    for (let count = 0; count < 200; count++) stream.publish(Buffer.alloc(KIB));
    expect(isBlocked()).toBe(false);
    expect(offsets().length).toBeLessThan(20);
    stream.delete();
    const all = channel.declareQueue('s', { type: 'stream' });
    for (let count = 0; count < 40; count++) all.publish(Buffer.alloc(KIB));
    expect(isBlocked()).toBe(false);
    channel.declareQueue('other').publish(Buffer.alloc(20 * KIB));
    expect(isBlocked()).toBe(true);
    other.queue('s').delete();
    expect(isBlocked()).toBe(false);
  });

  test.each<[QueueIteratorOptions['offset'], string]>([
    ['first', '0'],
    [{ hours: 3 }, '0'],
    [{ minutes: 150 }, '1'],
    ['last', '2'],
    [1, '1'],
  ])('a reader that begins at %j', (offset, expected) => {
    using connection = opened();
    const stream = connection.channel().declareQueue('s', { type: 'stream' });
    for (const text of ['0', '1', '2']) {
      stream.publish(text);
      broker.advance(HOUR);
    }
    const [message] = stream.iterator({ offset, limit: 1, timeout: CEILING });
    expect(message!.text).toBe(expected);
  });

  test('two readers go on at their own pace, and nothing is taken from either', () => {
    using connection = opened();
    const channel = connection.channel();
    const stream = channel.declareQueue('s', { type: 'stream' });
    const seen: Record<string, string[]> = { slow: [], fast: [] };
    stream.consume(({ text }) => void seen.slow!.push(text), { offset: 'first', prefetch: 2 });
    const fast = connection.channel().declareQueue('s', { type: 'stream' });
    fast.consume(
      (message) => {
        seen.fast!.push(message.text);
        message.ack();
      },
      { offset: 'first', prefetch: 1 },
    );
    for (const text of ['0', '1', '2', '3']) stream.publish(text);
    while (seen.fast!.length < 4) connection.drainEvents({ timeout: CEILING });
    stream.status();
    expect(seen).toEqual({ slow: ['0', '1'], fast: ['0', '1', '2', '3'] });
    expect(broker.queues()).toMatchObject([{ type: 'stream', messageCount: 4, unacknowledged: 2 }]);
    expect(broker.consumers().map(({ unacknowledged }) => unacknowledged)).toEqual([2, 0]);
  });

  test('a dead letter that a stream cannot keep is lost, and the broker goes on', () => {
    using connection = opened();
    const channel = connection.channel();
    channel.declareQueue('s', { type: 'stream' });
    const queue = channel.declareQueue('q', { deadLetterExchange: '', deadLetterRoutingKey: 's' });
    queue.publish('bad', { headers: { 'x-stream-filter-value': 5, at: { digits: 1 } } });
    queue.publish('good');
    queue.get()!.reject();
    queue.get()!.reject();
    expect(queue.status().messageCount).toBe(0);
    expect(broker.messages('s').map(({ text }) => text)).toEqual(version === '4.3' ? ['good'] : []);
  });
});

test('a reader that is slow gets everything, and so do those beside it', () => {
  using broker = startBroker({ memoryLimit: 1024 * KIB * KIB });
  using connection = connect(broker.url, { callTimeout: CEILING });
  const channel = connection.channel();
  channel.confirmSelect();
  const stream = channel.declareQueue('s', { type: 'stream' });
  const body = Buffer.alloc(16 * KIB);
  const COUNT = 500;
  const publishes = Array.from({ length: COUNT }, () => stream.publish(body));
  expect(publishes).toHaveLength(COUNT);
  const readers = [1, 2].map(() => connection.channel().declareQueue('s', { type: 'stream' }));
  const loops = readers.map((reader) =>
    reader.iterator({ offset: 'first', limit: COUNT, prefetch: COUNT, timeout: CEILING }),
  );
  for (const loop of loops) {
    const offsets = [...loop].map((message) => {
      message.ack();
      return message.properties.headers!['x-stream-offset'];
    });
    expect(offsets).toEqual(Array.from({ length: COUNT }, (_, offset) => offset));
  }
});

test('a filter lets through what has one of its values', () => {
  using broker = startBroker({ version: '4.3' });
  using connection = connect(broker.url, { callTimeout: CEILING });
  const stream = connection.channel().declareQueue('s', { type: 'stream' });
  for (const value of ['a', 'b', undefined, 'c'])
    stream.publish(`${value}`, value === undefined ? {} : { headers: { 'x-stream-filter-value': value } });
  const read = (filter: string | string[], matchUnfiltered = false) =>
    [...stream.iterator({ offset: 'first', filter, matchUnfiltered, timeout: 100 })].map(({ text }) => text);
  expect(read('a')).toEqual(['a']);
  expect(read(['a', 'c'])).toEqual(['a', 'c']);
  expect(read('b', true)).toEqual(['b', 'undefined']);
  expect(read('none')).toEqual([]);
});
