/** A stream is read on where its reader has come to: nothing that was published meanwhile is missing, nothing comes twice. */
import type { Channel, Connection, IncomingMessage, Queue, QueueIteratorOptions } from '../../src';
import { CEILING, drainUntil, eventually, pause, unique } from '../support/connect';
import { type Lossy, lossy, other } from './lost';

type Offset = QueueIteratorOptions['offset'];

describe('streams', () => {
  let connection: Connection;
  let channel: Channel;
  let stream: Queue;
  let lost: Lossy;
  beforeAll(() => {
    connection = other();
    channel = connection.channel();
  });
  afterAll(() => connection.close());
  beforeEach(() => {
    stream = channel.declareQueue(unique('stream'), { type: 'stream' });
    lost = lossy();
  });
  afterEach(() => {
    lost.connection.close();
    channel.queueDelete(stream.name);
  });

  const publish = (from: number, to: number) => {
    for (let body = from; body <= to; body++) stream.publish(`${body}`);
  };
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);
  /** The stream, as the connection that is lost sees it. */
  const reader = () => lost.connection.channel().declareQueue(stream.name, { type: 'stream' });
  const loseAnd = (meanwhile: () => void) => {
    lost.lose();
    meanwhile();
    lost.regain();
  };

  test.each<[string, Offset, string]>([
    ['first', 'first', '0'],
    ['last', 'last', '9'],
    ['an offset', 4, '4'],
    ['a large offset', 4n, '4'],
    ['a moment', new Date(0), '0'],
    ['a duration', { hours: 1 }, '0'],
  ])('a loop that began at %s', (_what, offset, first) => {
    publish(0, 9);
    const seen: string[] = [];
    for (const message of reader().iterator({ offset, timeout: CEILING, prefetch: 3 })) {
      seen.push(message.text);
      if (seen.length === 1) loseAnd(() => publish(10, 14));
      message.ack();
      if (message.text === '14') break;
    }
    expect(seen).toEqual(numbers(Number(first), 14));
  });

  test.each<[string, Offset]>([
    ['none', undefined],
    ['next', 'next'],
  ])('a loop that began at %s, and a second loss', (_what, offset) => {
    publish(0, 4);
    const loop = reader().iterator({ offset, timeout: CEILING });
    publish(5, 9);
    const seen: string[] = [];
    for (const message of loop) {
      seen.push(message.text);
      message.ack();
      if (message.text === '6') loseAnd(() => publish(10, 11));
      if (message.text === '11') loseAnd(() => publish(12, 14));
      if (message.text === '14') break;
    }
    expect(seen).toEqual(numbers(5, 14));
  });

  test.each<[string, Offset]>([
    ['none', undefined],
    ['next', 'next'],
    ['last', 'last'],
  ])('a consumer that began at %s, and had got nothing', (_what, offset) => {
    const seen: string[] = [];
    reader().consume((message) => void seen.push(message.text), { offset });
    loseAnd(() => publish(0, 4));
    drainUntil(lost.connection, () => seen.at(-1) === '4');
    expect(seen).toEqual(numbers(0, 4));
  });

  test('what has come and was not handed out comes again', () => {
    publish(0, 9);
    const seen: string[] = [];
    const subscription = reader().subscribe((message) => void seen.push(message.text), { offset: 'first' });
    drainUntil(lost.connection, () => seen.length === 2);
    loseAnd(() => publish(10, 12));
    drainUntil(lost.connection, () => seen.at(-1) === '12');
    expect(seen).toEqual(numbers(0, 12));
    subscription.cancel();
  });

  test('what is handed out while the connection is away, and nobody has noticed', () => {
    publish(0, 9);
    const seen: string[] = [];
    for (const message of reader().iterator({ offset: 'first', timeout: CEILING, prefetch: 6 })) {
      seen.push(message.text);
      if (message.text === '2') {
        lost.proxy.cut();
        lost.proxy.until(({ connections }) => connections === 2);
        pause(1000); // it has been recovered, or is soon, and what has come before that is still handed out
      }
      if (message.text === '9') break;
      if (!lost.connection.channels.get(1)!.isUnsettled(message.deliveryTag)) continue;
      message.ack();
    }
    expect(seen).toEqual(numbers(0, 9));
    expect(lost.connection.epoch).toBe(2);
  });

  test('a stream that somebody else has declared', () => {
    publish(0, 2);
    const seen: string[] = [];
    const reading = lost.connection.channel();
    reading.basicConsume(stream.name, (message) => {
      seen.push(message.text);
      message.ack();
    });
    publish(3, 4);
    drainUntil(lost.connection, () => seen.length === 2);
    loseAnd(() => publish(5, 7));
    drainUntil(lost.connection, () => seen.at(-1) === '7');
    expect(seen).toEqual(numbers(3, 7));
  });

  test('copies of its messages in another queue are no stream', () => {
    publish(0, 2);
    const originals = [...stream.iterator({ offset: 'first', limit: 3, timeout: CEILING })];
    const queue = channel.declareQueue(unique('copies'), { arguments: { 'x-expires': 60_000 } });
    for (const original of originals.reverse()) queue.publish(original.copy());
    const got: IncomingMessage[] = [];
    lost.connection.channel().basicConsume(queue.name, (message) => {
      got.push(message);
      if (lost.connection.epoch > 1) message.ack();
    });
    drainUntil(lost.connection, () => got.length === 1);
    eventually(() => queue.status().messageCount === 0); // the broker has sent them all
    loseAnd(() => {});
    drainUntil(lost.connection, () => got.length === 4);
    expect(got.map(({ redelivered }) => redelivered)).toEqual([false, true, true, true]);
    expect(got.map(({ text }) => text)).toEqual(['2', '2', '1', '0']);
    expect(got[0]!.properties.headers).toHaveProperty(['x-stream-offset'], 2);
  });
});
