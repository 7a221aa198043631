import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { AmqpError, Channel } from '../../src';
import { build } from '../support/built';
import {
  CEILING,
  count,
  drainUntil,
  eventually,
  open,
  pause,
  privateQueue,
  shared,
  sharedQueue,
  takeAll,
  thrownBy,
  unique,
} from '../support/connect';

const MIB = 1024 * 1024;
/** The program computes for so long; RabbitMQ drops a connection that is not read for 30 s. */
const BUSY_SECONDS = 45;

jest.setTimeout(400_000);

interface Outcome {
  next: number;
  wrong: number;
  growth: number;
  tags: string[];
  error?: { name: string; code: string; message: string };
}

/** Let another program consume the queue without acknowledgements, and be busy first. */
function busy(queue: string, messages: number, seconds: number, options: object): Promise<Outcome> {
  const child = join(__dirname, '..', 'support', 'programs', 'busy-child.cjs');
  const args = [
    join(build(), 'src'),
    process.env.AMQP_URL!,
    queue,
    messages,
    seconds,
    JSON.stringify(options),
  ];
  const running = spawn(process.execPath, [child, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 300_000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  running.stdout.on('data', (text) => {
    output += text;
  });
  return new Promise((resolve) =>
    running.on('close', () => resolve(JSON.parse(output.split('\n')[1] ?? '{}') as Outcome)),
  );
}

/** Bodies that begin with their number. */
function fillNumbered(queue: string, messages: number, size: number): void {
  const channel = shared().channel();
  const body = Buffer.alloc(size);
  for (let number = 0; number < messages; number++) {
    body.writeUInt32BE(number, 0);
    channel.basicPublish(body, { routingKey: queue, timeout: CEILING });
  }
  eventually(() => count(channel, queue) >= messages);
  channel.close();
}

/** A queue that this channel's connection has declared, full; gone after the test. */
function fullQueue(channel: Channel, messages = 20_000, size = 500): string {
  const { queue } = channel.queueDeclare(unique('full'), { durable: true });
  made.push(queue);
  fillNumbered(queue, messages, size);
  return queue;
}
const made: string[] = [];
afterEach(() => {
  for (const queue of made.splice(0)) shared().channel().queueDelete(queue);
});

describe('a program that computes for 45 s while a full queue flows in without acknowledgements', () => {
  test('loses neither its connection nor a message, nor their order; its memory stays bounded', async () => {
    const channel = shared().channel();
    const outcomes = await Promise.all([
      busy(fullQueue(channel, 60_000, 1000), 60_000, BUSY_SECONDS, { maxBufferedBytes: 8 * MIB }),
      // what RabbitMQ has sent already when the consumer is suspended is more than may wait
      busy(fullQueue(channel, 120, 1_000_000), 120, BUSY_SECONDS, { maxBufferedBytes: 8 * MIB }),
    ]);
    for (const [index, messages] of [60_000, 120].entries()) {
      expect(outcomes[index]).toMatchObject({ next: messages, wrong: 0, tags: ['busy'] });
      expect(outcomes[index]!.error).toBeUndefined();
      expect(outcomes[index]!.growth).toBeLessThan(80 * MIB);
    }
  });
});

describe('consumers without acknowledgements are suspended', () => {
  const LIMIT = { maxBufferedBytes: MIB };
  const consumers = (queue: string) =>
    shared().channel().queueDeclare(queue, { passive: true }).consumerCount;

  /** Calls take what comes off the wire, but run no callback: go on until the consumer is suspended. */
  function flood(channel: Channel, queue: string): void {
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
  }

  test('while their messages wait for a callback, and go on afterwards', () => {
    const connection = open(LIMIT);
    const channel = connection.channel();
    const queue = fullQueue(channel, 40_000);
    let next = 0;
    let wrong = 0;
    channel.basicConsume(queue, ({ body }) => void (body.readUInt32BE(0) !== next++ && wrong++), {
      noAck: true,
    });
    flood(channel, queue);
    expect(connection.stats().queuedEvents).toBeGreaterThan(50);
    pause(300);
    expect(count(channel, queue)).toBeGreaterThan(10_000);
    drainUntil(connection, () => next === 40_000);
    expect(wrong).toBe(0);
    eventually(() => consumers(queue) === 1);
  });

  test('a consumer that was cancelled meanwhile stays so', () => {
    const connection = open(LIMIT);
    const channel = connection.channel();
    const queue = fullQueue(channel, 40_000);
    const tag = channel.basicConsume(queue, () => {}, { noAck: true });
    flood(channel, queue);
    channel.basicCancel(tag);
    connection.loop({ timeout: 200 });
    expect(consumers(queue)).toBe(0);
    expect(channel.isOpen).toBe(true);
    expect(count(channel, queue)).toBeGreaterThan(0);
  });

  test('their channel can be closed meanwhile, and another opened', () => {
    const connection = open(LIMIT);
    const queue = fullQueue(connection.channel());
    for (let round = 0; round < 5; round++) {
      const channel = connection.channel();
      channel.basicConsume(queue, () => {}, { noAck: true });
      eventually(() => consumers(queue) === 0 || count(channel, queue) === 0);
      channel.close();
      connection.loop({ timeout: 0 });
    }
    expect(connection.channel().isOpen).toBe(true);
  });

  test('while their messages wait for an iterator, too', () => {
    const channel = open(LIMIT).channel();
    const queue = fullQueue(channel);
    const messages = channel.consume(queue, { noAck: true, timeout: CEILING, limit: 20_000 });
    flood(channel, queue);
    let next = 0;
    for (const { body } of messages) expect(body.readUInt32BE(0)).toBe(next++);
    expect(next).toBe(20_000);
  });

  test('an iterator that ends with its channel leaves nothing behind that suspends others', () => {
    const connection = open(LIMIT);
    const lost = connection.channel();
    const queue = fullQueue(lost);
    const messages = lost.consume(queue, { noAck: true });
    flood(lost, queue);
    lost.close();
    expect(() => [...messages]).toThrow();
    const channel = connection.channel();
    const { queue: other } = channel.queueDeclare('', { exclusive: true });
    let got = 0;
    channel.basicConsume(other, () => void got++, { noAck: true });
    for (let round = 0; round < 3; round++) {
      channel.basicPublish('x', { routingKey: other });
      drainUntil(connection, () => got > round);
    }
  });

  test('each for what waits of its own: a callback may read another queue meanwhile', () => {
    const connection = open(LIMIT);
    const channel = connection.channel();
    const queue = fullQueue(channel);
    const { queue: replies } = channel.queueDeclare('', { exclusive: true });
    let heard: string | undefined;
    const answer = () => {
      channel.basicPublish('answer', { routingKey: replies });
      for (const { text } of channel.consume(replies, { noAck: true, timeout: CEILING, limit: 1 }))
        heard = text;
    };
    channel.basicConsume(queue, () => void (heard ?? answer()), { noAck: true });
    flood(channel, queue);
    connection.drainEvents();
    expect(heard).toBe('answer');
  });

  test.each<[string, object, object]>([
    ['exclusive ones', {}, { exclusive: true }],
    ['those of a queue that goes with its last consumer', { autoDelete: true }, {}],
    ['those of one that expires', { arguments: { 'x-expires': 60_000 } }, {}],
    ['those of one with a single active consumer', { arguments: { 'x-single-active-consumer': true } }, {}],
  ])('but not %s', (_, declare, consume) => {
    const connection = open({ maxBufferedBytes: 8 * MIB });
    const channel = connection.channel();
    const { queue } = channel.queueDeclare('', { exclusive: true, ...declare });
    let taken = 0;
    channel.basicConsume(queue, () => void taken++, { noAck: true, ...consume });
    for (let number = 0; number < 3000; number++)
      channel.basicPublish(Buffer.alloc(1000), { routingKey: queue });
    for (let round = 0; round < 20; round++) {
      pause(10);
      expect(channel.queueDeclare(queue, { passive: true }).consumerCount).toBe(1);
    }
    drainUntil(connection, () => taken === 3000);
  });

  test('a queue that somebody else declared may go with its last consumer: its consumers are not suspended', () => {
    const owner = open().channel();
    const { queue } = owner.queueDeclare(unique('others'), { autoDelete: true, durable: true });
    const connection = open({ maxBufferedBytes: 8 * MIB });
    const channel = connection.channel();
    let taken = 0;
    channel.basicConsume(queue, () => void taken++, { noAck: true });
    for (let number = 0; number < 3000; number++)
      owner.basicPublish(Buffer.alloc(1000), { routingKey: queue });
    for (let round = 0; round < 20; round++) {
      pause(10);
      expect(channel.queueDeclare(queue, { passive: true }).consumerCount).toBe(1);
    }
    drainUntil(connection, () => taken === 3000);
  });

  test('those that cannot be: more than maxBufferedBytes for their callbacks ends the connection, and says why', () => {
    const connection = open(LIMIT);
    const channel = connection.channel();
    const queue = privateQueue(channel);
    channel.basicConsume(queue, () => {}, { noAck: true, exclusive: true });
    const error = thrownBy<AmqpError>(() => {
      for (;;) {
        for (let number = 0; number < 100; number++)
          channel.basicPublish(Buffer.alloc(1000), { routingKey: queue });
        channel.queueDeclare(queue, { passive: true });
      }
    });
    expect(error).toMatchObject({ code: 'OVERRUN', origin: 'client' });
    expect(error.message).toContain('acknowledgements');
  });

  test('large messages that are published meanwhile stay whole', () => {
    const connection = open(LIMIT);
    const channel = connection.channel();
    const queue = fullQueue(channel);
    const target = sharedQueue(shared().channel());
    let taken = 0;
    // the same channel: a frame between the frames of a body would end the connection
    channel.basicConsume(queue, () => void taken++, { noAck: true });
    const large = Buffer.alloc(5 * MIB, 'x');
    for (let round = 0; round < 10; round++) {
      channel.basicPublish(large, { routingKey: target });
      for (let event = 0; event < 2000; event++) connection.drainEvents();
    }
    drainUntil(connection, () => taken === 20_000);
    expect(takeAll(channel, target)).toHaveLength(10);
  });

  test('the error of a queue that was deleted meanwhile says so', () => {
    const connection = open(LIMIT);
    const channel = connection.channel();
    const queue = fullQueue(channel);
    channel.basicConsume(queue, () => {}, { noAck: true });
    flood(channel, queue);
    shared().channel().queueDelete(queue);
    const error = thrownBy(() => {
      for (;;) connection.drainEvents({ timeout: CEILING });
    });
    expect(error.message).toMatch(/404 NOT_FOUND - no queue/);
    expect(error.message).toContain('had been suspended because this program did not read');
    expect(connection.isOpen).toBe(true);
  });
});
