import { spawn } from 'node:child_process';
import { join } from 'node:path';
import {
  AmqpError,
  ConnectionClosedError,
  HeartbeatTimeoutError,
  ProtocolError,
  TimeoutError,
} from '../../src';
import { build } from '../support/built';
import {
  CEILING,
  duration,
  eventually,
  open,
  privateQueue,
  takeAll,
  thrownBy,
  warmUp,
} from '../support/connect';
import { startProxy } from '../support/peers/proxy';
import { within } from '../support/within';

const MIB = 1024 * 1024;
/** Seconds; RabbitMQ drops a client that is silent for two of them, too. */
const HEARTBEAT = 1;

let proxy: ReturnType<typeof startProxy>;
beforeEach(() => {
  proxy = startProxy(process.env.AMQP_URL!);
});
afterEach(() => proxy.close());

/** A connection through the proxy. */
const through = (options: object = {}) => open({ url: proxy.url, ...options });

describe('heartbeats', () => {
  test('go on while the program computes for many intervals', () => {
    const connection = through({ heartbeat: HEARTBEAT });
    const channel = connection.channel();
    const until = performance.now() + 5500;
    while (performance.now() < until) Math.sqrt(until); // a thread that really is busy
    expect(channel.queueDeclare('', { exclusive: true }).messageCount).toBe(0);
    expect(connection.heartbeat).toBe(HEARTBEAT);
  });

  test('notice a dead peer within two intervals and a second, even in a wait without end', () => {
    const connection = through({ heartbeat: HEARTBEAT });
    const channel = connection.channel();
    channel.basicConsume(privateQueue(channel), () => {});
    proxy.stall({ mode: 'drop' });
    const waited = duration(() => {
      const error = thrownBy<AmqpError>(() => connection.drainEvents());
      expect(error).toBeInstanceOf(HeartbeatTimeoutError);
      expect(error).toMatchObject({ recoverable: true, origin: 'network' });
    });
    expect(waited).toBeGreaterThan(2 * HEARTBEAT * 1000 - 600);
    expect(waited).toBeLessThan(within(3 * HEARTBEAT * 1000 + 300));
  });

  test('a link that dies under a confirmed publish: nobody knows what became of it', () => {
    const channel = through({ heartbeat: HEARTBEAT }).channel();
    channel.confirmSelect();
    const queue = privateQueue(channel);
    channel.basicPublish('arrives', { routingKey: queue });
    proxy.stall({ mode: 'drop' });
    const error = thrownBy<AmqpError>(() => channel.basicPublish('?', { routingKey: queue }));
    expect(error).toBeInstanceOf(HeartbeatTimeoutError);
    expect(error.outcome).toBe('unknown');
  });

  test('a large message that trickles in is a sign of life', () => {
    const connection = through({ heartbeat: HEARTBEAT });
    const channel = connection.channel();
    const queue = privateQueue(channel);
    channel.basicPublish(Buffer.alloc(MIB, 'x'), { routingKey: queue });
    connection.flush();
    proxy.throttle({ bytesPerSecond: 250_000, direction: 'broker->client' });
    const took = duration(() => expect(channel.basicGet(queue)?.body.length).toBe(MIB));
    expect(took).toBeGreaterThan(3000);
  });

  test('that are off notice nothing, and calls keep their own time', () => {
    const connection = through({ heartbeat: 0 });
    const channel = connection.channel();
    const queue = privateQueue(channel);
    proxy.stall({ mode: 'drop' });
    expect(thrownBy(() => channel.queuePurge(queue, { timeout: 2500 }))).toBeInstanceOf(TimeoutError);
    expect(connection.isAlive).toBe(true);
  });

  test('a process that is suspended for longer than two intervals allow finds no false alarm', async () => {
    const child = join(__dirname, '..', 'support', 'programs', 'suspended-child.cjs');
    const running = spawn(process.execPath, [child, join(build(), 'src'), proxy.url, '4'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 120_000,
      killSignal: 'SIGKILL',
    });
    let output = '';
    running.stdout.on('data', (text) => {
      output += text;
      if (String(text).includes('waiting')) {
        setTimeout(() => running.kill('SIGSTOP'), 300);
        setTimeout(() => running.kill('SIGCONT'), 6300); // the broker's patience is 8 s
      }
    });
    await new Promise((resolve) => running.on('close', resolve));
    expect(output).toContain('{"outcome":"it works"}');
  });
});

describe('a connection that is cut', () => {
  test.each(['client->broker', 'broker->client'] as const)(
    'anywhere in the handshake, %s: a typed error, at once',
    (direction) => {
      through().channel();
      const bytes = proxy.seen().forwarded[direction];
      expect(bytes).toBeGreaterThan(300);
      for (let after = 0; after < bytes; after += 37) {
        proxy.cut({ after, reset: after % 2 === 0, direction });
        const took = duration(() => {
          const error = thrownBy<AmqpError>(() => through().channel().close());
          expect(error).toBeInstanceOf(AmqpError);
          expect(error.recoverable).toBe(true);
        });
        expect(took).toBeLessThan(within(2000));
        proxy.heal();
      }
      through().channel();
    },
  );

  test('while a call waits, and while none does', () => {
    const waiting = through();
    const channel = waiting.channel();
    const queue = privateQueue(channel);
    proxy.cut({ after: 20, direction: 'broker->client', reset: true });
    const error = thrownBy<AmqpError>(() => {
      for (;;) channel.queuePurge(queue);
    });
    expect(error).toBeInstanceOf(ConnectionClosedError);
    expect(error).toMatchObject({ outcome: 'unknown', recoverable: true, origin: 'network' });
    proxy.heal();
    const idle = through();
    proxy.cut();
    eventually(() => !idle.isAlive);
    expect(thrownBy<AmqpError>(() => idle.channel()).outcome).toBe('not-sent');
  });

  test('in the middle of a body', () => {
    const channel = through().channel();
    const queue = privateQueue(channel);
    proxy.cut({ after: 3 * MIB, direction: 'client->broker' });
    const error = thrownBy<AmqpError>(() => {
      for (;;) channel.basicPublish(Buffer.alloc(20 * MIB), { routingKey: queue });
    });
    expect(error).toBeInstanceOf(ConnectionClosedError);
    expect(error.outcome).toBe('unknown');
  });
});

describe('a bad line', () => {
  test('one byte at a time is slow, and nothing else', () => {
    proxy.throttle({ piece: 1 });
    const channel = through().channel();
    const queue = privateQueue(channel);
    channel.basicPublish('one by one', { routingKey: queue, headers: { a: [1, 'b'] } });
    expect(takeAll(channel, queue)).toEqual(['one by one']);
  });

  test('a trickle does not stretch connectTimeout', () => {
    proxy.throttle({ bytesPerSecond: 60 });
    warmUp();
    const took = duration(() =>
      expect(() => through({ connectTimeout: 800 })).toThrow(/connectTimeout \(800 ms\)/),
    );
    expect(took).toBeLessThan(within(1200));
  });

  test('a byte that was changed on its way is the end of the connection, and is named', () => {
    const connection = through();
    const channel = connection.channel();
    const queue = privateQueue(channel);
    proxy.corrupt({ direction: 'broker->client', to: 0x7f }); // the type of the next frame
    const error = thrownBy<AmqpError>(() => channel.queuePurge(queue));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error.message).toContain('frame');
  });

  test('a broker that does not read: a publish is bounded by its timeout, and so is close', () => {
    const connection = through({ heartbeat: 0 });
    const channel = connection.channel();
    const queue = privateQueue(channel);
    proxy.stall({ mode: 'hold', direction: 'client->broker' });
    const before = process.memoryUsage.rss();
    const error = thrownBy<AmqpError>(() => {
      for (;;) channel.basicPublish(Buffer.alloc(100_000), { routingKey: queue, timeout: 300 });
    });
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.outcome).toBe('not-sent');
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MIB);
    expect(duration(() => connection.close({ timeout: 500 }))).toBeLessThan(within(900));
  });

  test.each(['hold', 'drop'] as const)('close ends in its time when nothing comes back (%s)', (mode) => {
    const connection = through();
    connection.channel();
    proxy.stall({ mode });
    expect(duration(() => connection.close({ timeout: 400 }))).toBeLessThan(within(700));
    expect(connection.isOpen).toBe(false);
  });

  test('a broker that comes up later is found by another round', () => {
    proxy.down();
    expect(() => through({ connectionAttempts: 2, retryDelay: 50 })).toThrow(/2 attempts failed/);
    proxy.up();
    expect(through({ connectionAttempts: 2, retryDelay: 50, connectTimeout: CEILING }).isOpen).toBe(true);
  });
});
