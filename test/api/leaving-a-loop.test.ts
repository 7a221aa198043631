/** When a loop has been left, what was sent ahead is in the queue again: whoever asks, asks once. */
import {
  type Channel,
  type Connection,
  ConnectionLostError,
  NotFoundError,
  type QueueDeclareOptions,
} from '../../src';
import { CEILING, count, open, shared, thrownBy, unique } from '../support/connect';
import { talk } from '../support/peers/peer';
import {
  cut,
  delivery,
  expects,
  opened,
  ready,
  type Script,
  send,
  serve,
  stall,
} from '../support/peers/script';

const ROUNDS = 10;
const MESSAGES = 200;

describe.each<[string, QueueDeclareOptions]>([
  ['a classic queue', { durable: true }],
  ['a quorum queue', { durable: true, arguments: { 'x-queue-type': 'quorum' } }],
])('%s', (_kind, options) => {
  let connection: Connection;
  let channel: Channel;
  let queue: string;
  beforeAll(() => {
    connection = shared();
    channel = connection.channel();
    queue = unique('left');
    channel.queueDeclare(queue, options);
    channel.confirmSelect();
    channel.publishBatch(
      Array.from({ length: MESSAGES }, (_, index) => `${index}`),
      { routingKey: queue },
    );
  });
  afterAll(() => connection.channel().queueDelete(queue));

  const wanted = { prefetch: 50, timeout: CEILING };
  const ways: Record<string, () => void> = {
    break: () => {
      for (const message of channel.consume(queue, wanted)) {
        message.nack();
        break;
      }
    },
    throw: () => {
      const leave = () => {
        for (const message of channel.consume(queue, wanted)) {
          message.nack();
          throw new Error('left');
        }
      };
      expect(leave).toThrow('left');
    },
    return: () => channel.consume(queue, wanted).return?.(),
    limit: () => {
      for (const message of channel.consume(queue, { ...wanted, limit: 3 })) message.nack();
    },
  };

  test.each(['break', 'throw', 'return', 'limit'])(
    'has all its messages again once a loop left by %s returns',
    (way) => {
      for (let round = 0; round < ROUNDS; round++) {
        ways[way]!();
        expect(count(channel, queue)).toBe(MESSAGES);
      }
    },
  );
});

test('the next basicGet has the next message', () => {
  const channel = shared().channel();
  const { queue } = channel.queueDeclare('', { exclusive: true });
  for (let index = 0; index < 20; index++) channel.basicPublish(`${index}`, { routingKey: queue });
  for (let index = 0; index < 10; index++) {
    for (const message of channel.consume(queue, { prefetch: 10, timeout: CEILING })) {
      expect(message.text).toBe(`${2 * index}`);
      message.ack();
      break;
    }
    const next = channel.basicGet(queue);
    expect(next?.text).toBe(`${2 * index + 1}`);
    next?.ack();
  }
  channel.close();
});

test('a queue that goes with its last consumer takes the channel of nobody along', () => {
  const channel = shared().channel();
  const { queue } = channel.queueDeclare(unique('auto'), { durable: true, autoDelete: true });
  for (const body of ['a', 'b', 'c']) channel.basicPublish(body, { routingKey: queue });
  for (const message of channel.consume(queue, { timeout: CEILING })) {
    message.ack();
    break;
  }
  expect(channel.queueDeclare('', { exclusive: true }).messageCount).toBe(0);
  channel.close();
});

test('when all numbers are in use, nothing is waited for', () => {
  const channel = open({ channelMax: 1 }).channel();
  const { queue } = channel.queueDeclare('', { exclusive: true });
  for (const body of ['a', 'b', 'c']) channel.basicPublish(body, { routingKey: queue });
  for (const message of channel.consume(queue, { timeout: CEILING })) {
    message.ack();
    break;
  }
  expect(channel.basicGet(queue)?.text).toBe('b');
});

test('in a transaction it comes back with the commit', () => {
  const channel = shared().channel();
  const { queue } = channel.queueDeclare('', { exclusive: true });
  for (const body of ['a', 'b', 'c']) channel.basicPublish(body, { routingKey: queue });
  channel.txSelect();
  for (const message of channel.consume(queue, { timeout: CEILING })) {
    message.ack();
    break;
  }
  channel.txCommit();
  expect(channel.basicGet(queue)?.text).toBe('b');
  channel.close();
});

describe('an end meanwhile is no error of the loop: the next call tells', () => {
  const started: Script = [
    ...[...ready(), expects('basic.qos'), send('basic.qos-ok')],
    ...[expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'c' })],
    ...[delivery('c', 1), delivery('c', 2), expects('basic.cancel')],
  ];
  const leave = (channel: Channel) => {
    for (const _ of channel.consume('q')) break;
  };
  const cancelled = send('basic.cancel-ok', { consumerTag: 'c' });

  test.each<[string, Script]>([
    ['under the cancel', [cut()]],
    ['under what follows', [cancelled, expects('channel.open', {}, { channel: 2 }), cut()]],
  ])('of the connection, %s', (_when, steps) => {
    const { connection } = talk([...started, ...steps]);
    const channel = connection.channel();
    leave(channel);
    expect(thrownBy(() => channel.basicGet('q'))).toBeInstanceOf(ConnectionLostError);
  });

  const refusal = { replyCode: 404, replyText: "NOT_FOUND - no exchange 'x'", classId: 60, methodId: 40 };
  test('of the channel', () => {
    const { connection } = talk([
      ...started,
      send('channel.close', refusal),
      expects('channel.close-ok'),
      serve(),
    ]);
    const channel = connection.channel();
    leave(channel);
    expect(thrownBy(() => channel.basicGet('q'))).toBeInstanceOf(NotFoundError);
    expect(connection.isAlive).toBe(true);
  });
});

describe('a queue that nobody else consumes from may be slow to take back what was sent ahead', () => {
  const on2 = { channel: 2 };
  const counted = (messageCount: number, consumerCount: number, ...before: Script): Script => [
    expects('queue.declare', { queue: 'q', passive: true }, on2),
    ...[...before, send('queue.declare-ok', { queue: 'q', messageCount, consumerCount }, on2)],
  ];

  test.each([
    ['classic', 0],
    ['quorum: it counts a cancelled consumer until all that it had is settled', 1],
  ])('%s', (kind, cancelled) => {
    const type = kind.split(':')[0];
    const { peer, connection } = talk([
      ...[...ready(), expects('queue.declare'), send('queue.declare-ok', { queue: 'q' })],
      ...[expects('basic.qos'), send('basic.qos-ok')],
      ...[expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'c' })],
      ...[delivery('c', 1), delivery('c', 2), expects('basic.cancel')],
      ...[send('basic.cancel-ok', { consumerTag: 'c' }), ...opened(2), ...counted(0, cancelled)],
      ...[expects('basic.nack'), ...counted(0, cancelled), ...counted(0, cancelled, stall(300))],
      ...[...counted(1, 0), ...counted(1, 0)],
      ...[expects('channel.close', {}, on2), send('channel.close-ok', {}, on2), serve()],
    ]);
    const channel = connection.channel();
    channel.queueDeclare('q', { durable: true, arguments: { 'x-queue-type': type as string } });
    for (const _ of channel.consume('q')) break;
    peer.satisfied();
  });
});
