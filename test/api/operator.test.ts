/** What operators and accidents do to a broker: a private one, whose memory, limits and life are the test's. */
import { spawn } from 'node:child_process';
import {
  type AmqpError,
  BlockedTimeoutError,
  type Connection,
  ConnectionForcedError,
  ConnectionLostError,
  connect,
  PreconditionFailedError,
  WrongStateError,
} from '../../src';
import { describeNode } from '../support/brokers/on-rabbitmq';
import { type PrivateRabbitmq, startRabbitmq } from '../support/brokers/rabbitmq';
import { CEILING, count, duration, eventually, privateQueue, takeAll, thrownBy } from '../support/connect';
import { within } from '../support/within';

const MAX_MESSAGE_SIZE = 100_000;
let rabbitmq: PrivateRabbitmq;
let connections: Connection[] = [];

function open(options: Parameters<typeof connect>[1] = {}): Connection {
  const connection = connect(rabbitmq.url, { callTimeout: CEILING, connectTimeout: CEILING, ...options });
  connections.push(connection);
  return connection;
}

/** Do something to the broker while this thread is blocked. */
function meanwhile(command: string, ms = 300): void {
  spawn('sh', ['-c', `sleep ${ms / 1000}; ${command}`], { stdio: 'ignore', detached: true }).unref();
}

describeNode('with a broker of its own', () => {
  beforeAll(async () => {
    rabbitmq = await startRabbitmq({ settings: [`{max_message_size, ${MAX_MESSAGE_SIZE}}`] });
  }, 300_000);
  afterAll(() => rabbitmq?.stop());
  afterEach(() => {
    for (const connection of connections) connection.close({ timeout: 1000 });
    connections = [];
  });

  it('a message above its limit closes the channel (406), and a confirmed publish says so', () => {
    const channel = open().channel();
    const queue = privateQueue(channel);
    channel.confirmSelect();
    channel.basicPublish(Buffer.alloc(MAX_MESSAGE_SIZE), { routingKey: queue });
    const error = thrownBy<AmqpError>(() =>
      channel.basicPublish(Buffer.alloc(MAX_MESSAGE_SIZE + 1), { routingKey: queue }),
    );
    expect(error).toBeInstanceOf(PreconditionFailedError);
    expect(error).toMatchObject({ method: 'basic.publish', outcome: 'rejected' });
    expect(error.replyText).toContain(`message size ${MAX_MESSAGE_SIZE + 1} is larger than`);
    channel.reopen();
    expect(channel.basicGet(queue)?.body.length).toBe(MAX_MESSAGE_SIZE);
  });

  it('a vhost that the user may not enter is refused, and not taken for a wrong password', () => {
    rabbitmq.eval('rabbit_vhost:add(<<"closed">>, <<"test">>)');
    const error = thrownBy<AmqpError>(() => open({ vhost: 'closed' }));
    expect(error.name).not.toBe('AuthenticationError');
    expect(error.message).toContain('vhost "closed" was refused');
    expect(error.message).toContain('guest');
  });

  it('connections that an operator closes throw 320 from the next call, and may be opened again', () => {
    const connection = open();
    const channel = connection.channel();
    rabbitmq.closeConnections('maintenance');
    const error = thrownBy(() => channel.basicGet('x'));
    expect(error).toBeInstanceOf(ConnectionForcedError);
    expect(error).toMatchObject({ code: 'CONNECTION_FORCED', replyCode: 320, recoverable: true });
    expect(error.message).toContain('maintenance');
    expect(thrownBy(() => channel.basicGet('x'))).toBeInstanceOf(WrongStateError);
    expect(privateQueue(open().channel())).toMatch(/^amq\.gen/);
  });

  it('an alarm blocks publishing, and nothing else', () => {
    const [connection, witness] = [open({ blockedTimeout: 200 }), open()];
    const [channel, other] = [connection.channel(), witness.channel()];
    const { queue } = channel.queueDeclare('blocked', { durable: true });
    const told: string[] = [];
    connection.onBlocked = (reason) => told.push(`blocked: ${reason}`);
    connection.onUnblocked = () => told.push('unblocked');

    rabbitmq.limitMemory(0);
    channel.basicPublish('the one that notices', { routingKey: queue });
    eventually(() => connection.isAlive && connection.isBlocked);
    expect(connection.blockedReason).toBe('low on memory');
    expect(connection.stats().state).toBe('open');

    const took = duration(() => {
      const error = thrownBy(() => channel.basicPublish('refused', { routingKey: queue }));
      expect(error).toBeInstanceOf(BlockedTimeoutError);
      expect(error).toMatchObject({ outcome: 'not-sent', recoverable: true });
      expect(error.message).toContain('low on memory');
    });
    expect(took).toBeGreaterThanOrEqual(199);
    expect(took).toBeLessThan(within(500));
    expect(other.basicGet(queue)).toBeNull(); // who has not published is served

    // one that is blocked can be closed all the same
    const blocked = open();
    blocked.channel().basicPublish('x', { routingKey: queue });
    eventually(() => blocked.isAlive && blocked.isBlocked);
    expect(duration(() => blocked.close({ timeout: 1000 }))).toBeLessThan(within(1200));

    rabbitmq.limitMemory(0.4);
    eventually(() => connection.isAlive && !connection.isBlocked);
    channel.basicPublish('resumed', { routingKey: queue });
    eventually(() => count(channel, queue) >= 2);
    expect(takeAll(channel, queue)).toContain('resumed');
    connection.loop({ timeout: 0 });
    expect(told).toEqual(['blocked: low on memory', 'unblocked']);
  });

  it('a broker that is killed ends a blocked call at once; a new connection finds the next one', async () => {
    const connection = open();
    const channel = connection.channel();
    meanwhile(`kill -KILL ${rabbitmq.pid}`);
    const took = duration(() => {
      const error = thrownBy(() => {
        for (const _ of channel.consume(privateQueue(channel), { timeout: CEILING }));
      });
      expect(error).toBeInstanceOf(ConnectionLostError);
      expect(error).toMatchObject({ code: 'CONNECTION_LOST', origin: 'network', recoverable: true });
    });
    expect(took).toBeLessThan(within(1000));
    expect(channel.isOpen).toBe(false);

    await rabbitmq.kill();
    await rabbitmq.start();
    expect(privateQueue(open().channel())).toMatch(/^amq\.gen/);
  }, 300_000);

  it('a broker that shuts down ends a blocked call with 320', () => {
    const connection = open();
    meanwhile(`kill -TERM ${rabbitmq.pid}`);
    let error!: AmqpError;
    const took = duration(() => {
      error = thrownBy(() => connection.drainEvents({ timeout: CEILING }));
    });
    expect(error).toBeInstanceOf(ConnectionForcedError);
    expect(error).toMatchObject({ replyCode: 320, recoverable: true });
    expect(took).toBeLessThan(within(5000));
  });
});
