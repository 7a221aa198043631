/** Calls that the calling thread writes to the socket itself, and a socket that is lost under them. */
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AmqpError, TimeoutError } from '../../src';
import { open, pause, takeAll, thrownBy, unique } from '../support/connect';
import { startProxy } from '../support/peers/proxy';
import { lossy } from './lost';

const SIZE = 100_000;

describe.each([true, false])('directWrites: %s', (directWrites) => {
  test('publishes that are cut in the middle arrive whole, and no byte comes twice', () => {
    const { connection, proxy } = lossy({}, { directWrites });
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = unique('cut');
    open()
      .channel()
      .queueDeclare(queue, { durable: true, arguments: { 'x-expires': 60_000 } });
    const cuts = [1, 20, 60, 200, 9_000, SIZE - 1, SIZE + 30];
    const bodies = cuts.map((_, index) => Buffer.alloc(SIZE, index));
    cuts.forEach((after, index) => {
      proxy.cut({ after, direction: 'client->broker', connection: proxy.seen().connections });
      channel.basicPublish(bodies[index]!, { routingKey: queue, retry: true });
      channel.queueDeclare(queue, { passive: true });
    });
    expect(connection.stats().epoch).toBe(1 + cuts.length);
    const found = new Set(takeAll(open().channel(), queue));
    expect(found).toEqual(new Set(bodies.map(String)));
    const { directWrites: writes } = connection.stats();
    if (directWrites) expect(writes).toBeGreaterThan(cuts.length);
    else expect(writes).toBeUndefined();
  });
});

test('a write that the socket has taken a part of is cut; what was declared behind it is declared again', () => {
  const { connection, proxy } = lossy();
  const channel = connection.channel();
  channel.confirmSelect();
  const { queue } = channel.queueDeclare('', { exclusive: true });
  const body = Buffer.alloc(SIZE, 1);
  for (let round = 0; round < 3; round++) {
    const declared = unique('behind');
    proxy.stall({ direction: 'client->broker', connection: proxy.seen().connections });
    const late = { routingKey: queue, timeout: 1 };
    for (let count = 0; count < 200 && connection.stats().unsentBytes === 0; count++)
      expect(thrownBy(() => channel.basicPublish(body, late))).toBeInstanceOf(TimeoutError);
    expect(connection.stats().unsentBytes).toBeGreaterThan(0);
    channel.queueDeclare(declared, {
      noWait: true,
      durable: true,
      autoDelete: true,
      arguments: { 'x-expires': 60_000 },
    });
    proxy.cut();
    channel.basicGet(queue, { noAck: true });
    expect(connection.epoch).toBe(2 + round);
    expect(open().channel().queueDeclare(declared, { passive: true }).queue).toBe(declared);
  }
});

test('bodies larger than the socket takes at once are finished by the worker', () => {
  const channel = open().channel();
  channel.confirmSelect();
  const { queue } = channel.queueDeclare('', { exclusive: true });
  const body = Buffer.from(Uint8Array.from({ length: 12_000_000 }, (_, index) => (index * 31) >>> 5));
  for (let round = 0; round < 3; round++) {
    channel.basicPublish(body, { routingKey: queue });
    expect(channel.basicGet(queue, { noAck: true })!.body.equals(body)).toBe(true);
  }
});

test('a batch is sent by the worker, many messages at a time; a publish that waits for its confirm is not', () => {
  const connection = open();
  const channel = connection.channel();
  channel.confirmSelect();
  const { queue: routingKey } = channel.queueDeclare('', { exclusive: true });
  const writes = () => connection.stats().directWrites!;
  let before = writes();
  channel.publishBatch(Array(1000).fill('message'), { routingKey });
  expect(writes() - before).toBeLessThan(100);
  before = writes();
  for (let count = 0; count < 50; count++) channel.basicPublish('message', { routingKey });
  expect(writes() - before).toBeGreaterThan(40);
});

test('a call on a lost connection writes to no file that has got the number of its descriptor', () => {
  using proxy = startProxy(process.env.AMQP_URL!);
  const connection = open({ url: proxy.url });
  const channel = connection.channel();
  channel.queueDeclare('', { exclusive: true });
  expect(connection.stats().directWrites).toBeGreaterThan(0);
  proxy.cut({ reset: true });
  pause(200); // the worker has closed it; this thread has not looked
  const folder = mkdtempSync(join(tmpdir(), 'amqp-sync-'));
  const files = Array.from({ length: 64 }, (_, index) => openSync(join(folder, `${index}`), 'w'));
  try {
    const error = thrownBy(() => channel.queueDeclare('', { exclusive: true }));
    expect(error).toBeInstanceOf(AmqpError);
    expect(files.map((file) => fstatSync(file).size)).toEqual(files.map(() => 0));
  } finally {
    files.map(closeSync);
    rmSync(folder, { recursive: true });
  }
});
