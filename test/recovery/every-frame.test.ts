/**
 * A whole session, cut between every two frames, and in the middle of some; then the same with the recovery itself.
 * It must not notice: its program is the same, and so is what comes of it.
 */
import { type Connection, NotFoundError } from '../../src';
import { FRAME_OVERHEAD } from '../../src/protocol/constants';
import { drainUntil, eventually, open, thrownBy, unique } from '../support/connect';
import { type Direction, startProxy, type TcpProxy } from '../support/peers/proxy';
import { SOON } from './lost';

const DIRECTIONS: Direction[] = ['client->broker', 'broker->client'];
const MESSAGES = ['one', 'two', 'three'];

/** A program of everything. @returns what came of it */
function program(connection: Connection, between = () => {}): unknown {
  const exchange = unique('every');
  const channel = connection.channel();
  channel.confirmSelect();
  channel.exchangeDeclare(exchange, 'topic', { autoDelete: true });
  const { queue } = channel.queueDeclare(unique('kept'), {
    durable: true,
    arguments: { 'x-expires': 60_000 },
  });
  const second = channel.queueDeclare('', { exclusive: true }).queue;
  channel.queueBind(queue, exchange, { routingKey: 'a.*' });
  channel.queueBind(second, exchange, { routingKey: 'b.*' });
  channel.basicQos({ prefetchCount: 2 });
  const got: string[] = [];
  channel.basicConsume(
    queue,
    (message) => {
      got.push(message.text);
      message.ack();
    },
    { consumerTag: 'c' },
  );
  for (const body of MESSAGES) channel.basicPublish(body, { exchange, routingKey: 'a.b', retry: true });
  between();
  drainUntil(connection, () => new Set(got).size === MESSAGES.length);
  // the broker may be slow to see that the connection before is gone, and its consumer with it
  eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 1);
  channel.basicPublish('for get', { exchange, routingKey: 'b.b', retry: true });
  // what is in an exclusive queue goes with a connection that is lost
  let message = channel.basicGet(second);
  while (message === null) {
    channel.basicPublish('for get', { exchange, routingKey: 'b.b', retry: true });
    message = channel.basicGet(second);
  }
  message.ack();
  channel.queuePurge(second);
  channel.queueUnbind(second, exchange, { routingKey: 'b.*' });
  channel.basicCancel('c');
  const tags = channel.consumerTags;
  channel.queueDelete(queue);
  channel.exchangeDelete(exchange);
  channel.close();
  const another = connection.channel();
  const error = thrownBy(() => another.exchangeDeclare(exchange, 'topic', { passive: true }));
  const isGone = error instanceof NotFoundError;
  return { got: [...new Set(got)].sort(), get: message.text, tags, isGone };
}

const EXPECTED = { got: [...MESSAGES].sort(), get: 'for get', tags: [], isGone: true };

/** Where the frames of a recorded stream end, and the middle of some. */
function cuts(stream: Buffer, direction: Direction): number[] {
  const places: number[] = [];
  for (let at = direction === 'client->broker' ? 8 : 0; at < stream.length; ) {
    const size = stream.readUInt32BE(at + 3) + FRAME_OVERHEAD;
    places.push(at);
    if (places.length % 4 === 0) places.push(at + Math.floor(size / 2));
    at += size;
  }
  return places;
}

/** A connection through a proxy, that is tried again from the very first attempt on. */
function opened(proxy: TcpProxy): Connection {
  return open({ url: proxy.url, recovery: { ...SOON, failFast: false } });
}

function recordOf(connection: number, run: (proxy: TcpProxy) => void): Record<Direction, Buffer> {
  using proxy = startProxy(process.env.AMQP_URL!, { record: true });
  run(proxy);
  const [out, back] = DIRECTIONS.map((direction) => proxy.recorded(direction, connection));
  return { 'client->broker': out as Buffer, 'broker->client': back as Buffer };
}

describe.each(DIRECTIONS)('%s', (direction) => {
  test('cut behind any frame of a session loses nothing', () => {
    const record = recordOf(1, (proxy) => expect(program(opened(proxy))).toEqual(EXPECTED));
    const places = cuts(record[direction], direction);
    expect(places.length).toBeGreaterThan(20);
    let recoveries = 0;
    for (const [index, after] of places.entries()) {
      using proxy = startProxy(process.env.AMQP_URL!);
      proxy.cut({ after, direction, connection: 1, reset: index % 4 === 3 });
      const connection = opened(proxy);
      expect([after, program(connection)]).toEqual([after, EXPECTED]);
      recoveries += connection.epoch - 1;
      connection.close();
    }
    expect(recoveries).toBeGreaterThan(places.length / 2);
  });

  test('cut behind any frame of a recovery loses nothing', () => {
    const cutOnce = (proxy: TcpProxy) => () => proxy.cut({ connection: 1 });
    const record = recordOf(2, (proxy) => {
      const connection = opened(proxy);
      expect(program(connection, cutOnce(proxy))).toEqual(EXPECTED);
    });
    const places = cuts(record[direction], direction);
    for (const after of places) {
      using proxy = startProxy(process.env.AMQP_URL!);
      proxy.cut({ after, direction, connection: 2 });
      const connection = opened(proxy);
      expect([after, program(connection, cutOnce(proxy))]).toEqual([after, EXPECTED]);
      expect(connection.epoch).toBeGreaterThan(1);
      connection.close();
    }
  });
});
