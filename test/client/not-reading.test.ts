import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from '../support/built-worker';
import {
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
} from '../support/connect';

const MIB = 1024 * 1024;
/** The program computes for so long; RabbitMQ drops a connection that is not read for 30 s. */
const BUSY_SECONDS = 45;

jest.setTimeout(180_000);

interface Outcome {
  next: number;
  wrong: number;
  growth: number;
  tags: string[];
  error?: { name: string; code: string; message: string };
}

/** Let another program consume the queue without acknowledgements, and be busy first. */
function busy(queue: string, messages: number, seconds: number, options: object): Promise<Outcome> {
  const child = join(__dirname, '..', 'support', 'busy-child.cjs');
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
    timeout: 150_000,
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
    channel.basicPublish(body, { routingKey: queue, timeout: 30_000 });
  }
  eventually(() => count(channel, queue) >= messages, 20_000);
  channel.close();
}

describe('a program that computes for 45 s while a full queue flows in without acknowledgements', () => {
  const queue = () => sharedQueue(shared().channel());

  test('loses neither its connection nor a message, nor their order; its memory stays bounded', async () => {
    const [small, large] = [queue(), queue()];
    fillNumbered(small, 60_000, 1000); // more than may wait
    fillNumbered(large, 120, 1_000_000);
    const outcomes = await Promise.all([
      busy(small, 60_000, BUSY_SECONDS, { maxBufferedBytes: 8 * MIB }),
      // what RabbitMQ has sent already when the consumer is suspended is more than may wait
      busy(large, 120, BUSY_SECONDS, { maxBufferedBytes: 8 * MIB }),
    ]);
    for (const [index, messages] of [60_000, 120].entries()) {
      expect(outcomes[index]).toMatchObject({ next: messages, wrong: 0, tags: ['busy'] });
      expect(outcomes[index]!.error).toBeUndefined();
      expect(outcomes[index]!.growth).toBeLessThan(80 * MIB);
    }
    const channel = shared().channel();
    for (const each of [small, large]) channel.queueDelete(each);
  });
});

describe('consumers without acknowledgements are suspended', () => {
  const LIMIT = { maxBufferedBytes: MIB };
  const consumers = (queue: string) =>
    shared().channel().queueDeclare(queue, { passive: true }).consumerCount;

  test('while their messages wait for a callback, and go on afterwards', () => {
    const queue = sharedQueue(shared().channel());
    fillNumbered(queue, 20_000, 500);
    const connection = open(LIMIT);
    const channel = connection.channel();
    let next = 0;
    let wrong = 0;
    channel.basicConsume(queue, ({ body }) => void (body.readUInt32BE(0) !== next++ && wrong++), {
      noAck: true,
    });
    // calls take what comes off the wire, but run no callback
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
    const { queuedEvents } = connection.stats();
    expect(queuedEvents).toBeGreaterThan(50);
    pause(300);
    channel.queueDeclare(queue, { passive: true });
    const left = count(channel, queue);
    expect(left).toBeGreaterThan(10_000);
    drainUntil(connection, () => next === 20_000);
    expect(wrong).toBe(0);
    eventually(() => consumers(queue) === 1);
  });

  test('and one that was cancelled meanwhile stays so', () => {
    const queue = sharedQueue(shared().channel());
    fillNumbered(queue, 20_000, 500);
    const connection = open(LIMIT);
    const channel = connection.channel();
    const tag = channel.basicConsume(queue, () => {}, { noAck: true });
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
    channel.basicCancel(tag);
    connection.loop({ timeout: 200 });
    expect(consumers(queue)).toBe(0);
    expect(channel.isOpen).toBe(true);
    expect(count(channel, queue)).toBeGreaterThan(0);
  });

  test('their channel can be closed meanwhile, and another opened', () => {
    const queue = sharedQueue(shared().channel());
    fillNumbered(queue, 20_000, 500);
    const connection = open(LIMIT);
    for (let round = 0; round < 5; round++) {
      const channel = connection.channel();
      channel.basicConsume(queue, () => {}, { noAck: true });
      eventually(() => consumers(queue) === 0 || count(channel, queue) === 0);
      channel.close();
      connection.loop({ timeout: 0 });
    }
    expect(connection.channel().isOpen).toBe(true);
  });

  test('an iterator too', () => {
    const queue = sharedQueue(shared().channel());
    fillNumbered(queue, 20_000, 500);
    const channel = open(LIMIT).channel();
    const messages = channel.consume(queue, { noAck: true, timeout: 2000, limit: 20_000 });
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
    let next = 0;
    for (const { body } of messages) expect(body.readUInt32BE(0)).toBe(next++);
    expect(next).toBe(20_000);
  });

  test('but for exclusive ones, and those of queues that would go away', () => {
    const connection = open(LIMIT);
    const channel = connection.channel();
    const fleeting = channel.queueDeclare('', { exclusive: true, autoDelete: true }).queue;
    const exclusive = privateQueue(channel);
    let taken = 0;
    channel.basicConsume(fleeting, () => void taken++, { noAck: true });
    channel.basicConsume(exclusive, () => void taken++, { noAck: true, exclusive: true });
    const body = Buffer.alloc(1000);
    for (let number = 0; number < 5000; number++) {
      channel.basicPublish(body, { routingKey: number % 2 ? fleeting : exclusive });
    }
    for (let round = 0; round < 20; round++) {
      pause(10);
      expect(channel.queueDeclare(fleeting, { passive: true }).consumerCount).toBe(1);
      expect(channel.queueDeclare(exclusive, { passive: true }).consumerCount).toBe(1);
    }
    drainUntil(connection, () => taken === 5000);
  });

  test('large messages that are published meanwhile stay whole', () => {
    const [queue, target] = [sharedQueue(shared().channel()), sharedQueue(shared().channel())];
    fillNumbered(queue, 20_000, 500);
    const connection = open(LIMIT);
    const channel = connection.channel();
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
    const queue = sharedQueue(shared().channel());
    fillNumbered(queue, 20_000, 500);
    const connection = open(LIMIT);
    const channel = connection.channel();
    channel.basicConsume(queue, () => {}, { noAck: true });
    eventually(() => channel.queueDeclare(queue, { passive: true }).consumerCount === 0);
    shared().channel().queueDelete(queue);
    const error = thrownBy(() => {
      for (;;) connection.drainEvents({ timeout: 2000 });
    });
    expect(error.message).toMatch(/404 NOT_FOUND - no queue/);
    expect(connection.isOpen).toBe(true);
  });
});
