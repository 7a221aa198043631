import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AmqpError,
  ConnectError,
  type Connection,
  ConnectionForcedError,
  ConnectionLostError,
  connect,
  startBroker,
  TimeoutError,
} from '../../src';
import { makeCertificates } from '../support/brokers/rabbitmq';
import { CEILING, eventually, thrownBy } from '../support/connect';
import { embedded } from './support/pair';
import { RawClient } from './support/raw-client';

const open = new Set<Connection>();
function client(url: string, options: object = {}): Connection {
  const connection = connect(url, { callTimeout: CEILING, connectTimeout: CEILING, ...options });
  open.add(connection);
  return connection;
}
afterEach(() => {
  for (const connection of open) connection.abort();
  open.clear();
});

describe('startBroker', () => {
  it('returns when it listens, and serves while this thread blocks', () => {
    const broker = embedded();
    const channel = client(broker.url).channel();
    const { queue } = channel.queueDeclare('', { exclusive: true });
    channel.confirmSelect();
    channel.basicPublish('hello', { routingKey: queue });
    expect(channel.basicGet(queue)!.text).toBe('hello');
  });

  it('close hangs up, ends, and may be called again; then nobody listens', () => {
    const broker = embedded();
    const connection = client(broker.url);
    broker.close();
    broker.close();
    expect(() => connection.channel().queueDeclare('', { exclusive: true })).toThrow(ConnectionLostError);
    expect(() => client(broker.url, { connectTimeout: 500 })).toThrow();
    expect(() => broker.queues()).toThrow('the broker is closed');
  });

  it('a port in use is an error with its code', () => {
    const { port } = embedded();
    const error = thrownBy(() => embedded({ port }));
    expect(error).toMatchObject({ code: 'EADDRINUSE' });
    expect(error.message).toMatch(`the embedded broker cannot listen on 127.0.0.1:${port}: `);
  });

  it('a certificate that is none is an error that says so', () => {
    expect(() => embedded({ tls: { cert: 'none', key: 'none' } })).toThrow(
      /^the embedded broker cannot use the certificate and the key of tls: /,
    );
  });

  it('time that passes by itself is not advanced', () => {
    expect(() => embedded().advance(1)).toThrow(
      "advance needs a clock that stands still: start the broker with startBroker({ clock: 'virtual' })",
    );
  });

  it.each([
    [{ prot: 1 }, 'startBroker has no option "prot"'],
    [{ port: 70_000 }, 'port must be from 0 to 65535, got 70000'],
    [{ version: '9' }, 'version must be 3.10 or 4.3, got "9"'],
    [
      { permit: ['everything'] },
      'permit must be global_qos or queue_master_locator or transient_nonexcl_queues, got "everything"',
    ],
    [{ mechanisms: ['CRAM-MD5'] }, 'mechanisms must be PLAIN or AMQPLAIN or ANONYMOUS, got "CRAM-MD5"'],
    [{ users: {} }, 'users must name at least one user'],
    [null, 'the argument of startBroker must be an object, got null'],
    ['amqp://localhost', 'the argument of startBroker must be an object, got a string'],
    [{ port: '5672' }, 'port must be a whole number, got a string'],
    [{ port: null }, 'port must be a whole number, got null'],
    [{ heartbeat: 0.5 }, 'heartbeat must be a whole number, got 0.5'],
    [{ frameMax: 100 }, 'frameMax must be from 8192 to 2147483647, got 100'],
    [{ host: 5 }, 'host must be a string, got a number'],
    [{ host: '' }, 'host must not be empty'],
    [{ version: 4.3 }, 'version must be 3.10 or 4.3, got a number'],
    [{ clock: 'fake' }, 'clock must be real or virtual, got "fake"'],
    [{ permit: 'global_qos' }, 'permit must be an array of strings, got a string'],
    [{ mechanisms: 'PLAIN' }, 'mechanisms must be an array of strings, got a string'],
    [{ mechanisms: [] }, 'mechanisms must not be empty'],
    [{ vhosts: '/' }, 'vhosts must be an array of strings, got a string'],
    [{ vhosts: [] }, 'vhosts must not be empty'],
    [{ vhosts: ['/', 5] }, 'vhosts[1] must be a string, got a number'],
    [{ users: 'x' }, 'users must be an object, got a string'],
    [{ users: ['guest'] }, 'users must be an object, got an array'],
    [{ users: null }, 'users must be an object, got null'],
    [{ users: { a: 5 } }, 'users["a"] must be a password, or { password, vhosts }, got a number'],
    [{ users: { a: {} } }, 'users["a"].password must be a string, got undefined'],
    [{ users: { a: { pass: 'p' } } }, 'users["a"] has no option "pass"'],
    [
      { users: { a: { password: 'p', vhosts: '/' } } },
      'users["a"].vhosts must be an array of strings, got a string',
    ],
    [{ tls: true }, 'tls must be an object, got a boolean'],
    [{ tls: {} }, 'tls must have cert and key, or pfx'],
    [{ tls: { cert: 5, key: 'k' } }, 'tls.cert must be a string or a Buffer, got a number'],
    [{ tls: { crt: 'c', key: 'k' } }, 'tls has no option "crt"'],
    [{ tls: { cert: 'c', key: 'k', requestCert: 1 } }, 'tls.requestCert must be true or false, got a number'],
  ])('refuses the options %j', (options, complaint) => {
    expect(() => startBroker(options as never)).toThrow(complaint);
  });
});

describe('TLS', () => {
  it('with a certificate, for clients that trust it; others are not let in', () => {
    const folder = mkdtempSync(join(tmpdir(), 'amqp-sync-broker-'));
    try {
      makeCertificates(folder);
      const read = (name: string): Buffer => readFileSync(join(folder, name));
      const broker = embedded({
        host: 'localhost',
        tls: { cert: read('server.pem'), key: read('server.key') },
      });
      expect(broker.url).toMatch(/^amqps:\/\/guest:guest@localhost:\d+\//);
      const channel = client(broker.url, { tls: { ca: read('ca.pem') } }).channel();
      expect(channel.queueDeclare('q', { durable: true }).queue).toBe('q');
      expect(() => client(broker.url)).toThrow(ConnectError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('users and virtual hosts', () => {
  const options = {
    users: { admin: 'top', 'a b': { password: 'p/w', vhosts: ['two'] } },
    vhosts: ['/', 'two'],
    mechanisms: ['PLAIN', 'AMQPLAIN', 'ANONYMOUS'],
  };

  it('have a password each, and enter where they may', async () => {
    const broker = embedded(options);
    const at = `127.0.0.1:${broker.port}`;
    expect(client(`amqp://admin:top@${at}/two`).isOpen).toBe(true);
    expect(client(`amqp://a%20b:p%2Fw@${at}/two`, { authMechanism: 'AMQPLAIN' }).isOpen).toBe(true);
    expect(client(`amqp://${at}/`, { authMechanism: 'ANONYMOUS' }).isOpen).toBe(true);
    expect(() => client(`amqp://a%20b:p%2Fw@${at}/%2f`)).toThrow(
      "access to vhost '/' refused for user 'a b'",
    );
    expect(() => client(`amqp://admin:top@${at}/three`)).toThrow('vhost three not found');
    expect(() => client(`amqp://admin:wrong@${at}/`)).toThrow('ACCESS_REFUSED');
  });

  it('queues of one are not in another', () => {
    const broker = embedded(options);
    client(broker.url).channel().queueDeclare('mine', { durable: true });
    const other = client(broker.url.replace(/\/[^/]*$/, '/two')).channel();
    expect(() => other.queueDeclare('mine', { passive: true })).toThrow("no queue 'mine' in vhost 'two'");
  });
});

describe('what a test can do to it', () => {
  it('look at queues, exchanges, bindings, consumers, messages and connections', () => {
    const broker = embedded();
    const connection = client(broker.url, { name: 'looked at' });
    const channel = connection.channel();
    channel.exchangeDeclare('e', 'topic', { durable: true });
    channel.queueDeclare('q', { durable: true, autoDelete: true });
    channel.queueBind('q', 'e', { routingKey: 'a.*' });
    channel.confirmSelect();
    channel.basicPublish('one', { exchange: 'e', routingKey: 'a.b', headers: { h: 1 } });
    expect(broker.messages('q')).toMatchObject([
      {
        text: 'one',
        exchange: 'e',
        routingKey: 'a.b',
        redelivered: false,
        properties: { headers: { h: 1 } },
      },
    ]);
    expect(() => broker.messages('none')).toThrow(RangeError);
    channel.basicQos({ prefetchCount: 3 });
    channel.basicConsume('q', () => {}, { consumerTag: 'c' });
    expect(broker.queues()).toMatchObject([
      { name: 'q', autoDelete: true, messageCount: 0, unacknowledged: 1, consumerCount: 1 },
    ]);
    expect(broker.consumers()).toMatchObject([
      { queue: 'q', consumerTag: 'c', prefetchCount: 3, active: true },
    ]);
    expect(broker.bindings()).toMatchObject([{ source: 'e', destination: 'q', routingKey: 'a.*' }]);
    expect(broker.exchanges()).toContainEqual(
      expect.objectContaining({ name: 'e', type: 'topic', durable: true }),
    );
    expect(broker.connections()).toMatchObject([
      { name: 'looked at', username: 'guest', vhost: '/', channels: 1 },
    ]);
  });

  it('kill one connection: the messages it had come back, another goes on', () => {
    const broker = embedded();
    const doomed = client(broker.url, { name: 'doomed' });
    const other = client(broker.url, { name: 'other' });
    const channel = other.channel();
    channel.queueDeclare('q', { durable: true });
    channel.confirmSelect();
    channel.basicPublish('x', { routingKey: 'q' });
    expect(doomed.channel().basicGet('q')!.redelivered).toBe(false);
    expect(broker.kill('doomed')).toBe(1);
    expect(() => doomed.loop({ timeout: CEILING })).toThrow(ConnectionLostError);
    eventually(() => broker.messages('q').length === 1);
    expect(channel.basicGet('q')!.redelivered).toBe(true);
    expect(broker.kill('nobody')).toBe(0);
  });

  it('what is no connection, reason or time is refused, and nothing is done', () => {
    using broker = embedded();
    const connection = client(broker.url);
    const choices = 'a connection is given by its number, by the name that its client has given it, or as';
    for (const wrong of [null, {}, connection, true] as never[])
      for (const verb of ['kill', 'stall', 'resume', 'closeConnections'] as const)
        expect(() => broker[verb](wrong)).toThrow(choices);
    const reason = 'reason must be a string, got a number';
    expect(() => broker.block(5 as never)).toThrow(reason);
    expect(() => broker.closeConnections(undefined, 5 as never)).toThrow(reason);
    const time = 'advance takes a number of milliseconds, got a string';
    expect(() => broker.advance('5' as never)).toThrow(time);
    expect(broker.connections()).toHaveLength(1);
    connection.channel().queueDeclare('', { exclusive: true });
  });

  it('close connections as an operator does', () => {
    const broker = embedded();
    const connection = client(broker.url);
    expect(broker.closeConnections(broker.connections()[0]!, 'maintenance')).toBe(1);
    const error = thrownBy(() => connection.loop({ timeout: CEILING }));
    expect(error).toBeInstanceOf(ConnectionForcedError);
    expect(error).toMatchObject({ replyCode: 320, replyText: expect.stringContaining('maintenance') });
  });

  it('block publishers, with a reason', () => {
    const broker = embedded();
    const connection = client(broker.url);
    const channel = connection.channel();
    channel.queueDeclare('q', { durable: true });
    channel.basicPublish('one', { routingKey: 'q' });
    eventually(() => broker.messages('q').length === 1);
    broker.block('the disk is full');
    eventually(() => {
      connection.loop({ timeout: 0 });
      return connection.isBlocked;
    });
    expect(connection.blockedReason).toBe('the disk is full');
    expect(broker.connections()).toMatchObject([{ blocked: true }]);
    broker.unblock();
    eventually(() => {
      connection.loop({ timeout: 0 });
      return !connection.isBlocked;
    });
    channel.queueDeclare('q', { passive: true });
  });

  it('stall: nothing is answered until it resumes', () => {
    const broker = embedded();
    const channel = client(broker.url).channel();
    broker.stall();
    expect(() => channel.queueDeclare('q', { durable: true, timeout: 100 } as never)).toThrow(TimeoutError);
    broker.resume();
    eventually(() => broker.queues().length === 1);
    expect(channel.queueDeclare('q', { durable: true }).queue).toBe('q');
  });
});

describe('limits', () => {
  it('memory: publishers are blocked above it, and go on below', () => {
    const broker = embedded({ memoryLimit: 100_000 });
    const connection = client(broker.url);
    const reader = client(broker.url).channel();
    const channel = connection.channel();
    channel.queueDeclare('q', { durable: true });
    for (let n = 0; n < 12; n++) channel.basicPublish(Buffer.alloc(10_000), { routingKey: 'q' });
    eventually(() => broker.connections().some(({ blocked }) => blocked));
    reader.queuePurge('q');
    eventually(() => broker.connections().every(({ blocked }) => !blocked));
  });

  it('a message larger than maxMessageSize: 406, and only the channel is closed', () => {
    const broker = embedded({ maxMessageSize: 1000 });
    const connection = client(broker.url);
    const channel = connection.channel();
    channel.confirmSelect();
    expect(() => channel.basicPublish(Buffer.alloc(1001))).toThrow(
      'message size 1001 is larger than configured max size 1000',
    );
    expect(connection.isOpen).toBe(true);
  });

  it('frame_max, channel_max and heartbeat are offered and kept to', async () => {
    const broker = embedded({ frameMax: 8192, channelMax: 2, heartbeat: 1 });
    const raw = await RawClient.open(broker.url, { heartbeat: undefined });
    expect(raw.tuning).toEqual({ frameMax: 8192, channelMax: 2, heartbeat: 1 });
    for (const id of [1, 2]) await raw.call(id, 'channel.open');
    await raw.call(1, 'queue.declare', { queue: 'q', durable: true });
    raw.publish(1, { routingKey: 'q' }, 'x'.repeat(20_000));
    raw.send(1, 'basic.get', { queue: 'q' });
    expect((await raw.next((got) => got.name === 'basic.get-ok')).body).toHaveLength(20_000);
    expect(await raw.call(3, 'channel.open')).toMatchObject({
      name: 'connection.close',
      args: { replyCode: 530, replyText: expect.stringContaining('channel_max (2)') },
    });
  });

  it('a client that is silent for too long is cut off; one that is not gets heartbeats', async () => {
    const broker = embedded({ heartbeat: 1 });
    const raw = await RawClient.open(broker.url, { heartbeat: 1 });
    const begin = Date.now();
    await raw.until(() => raw.closed);
    expect(Date.now() - begin).toBeGreaterThan(1900);
    expect(raw.heartbeats).toBeGreaterThan(1);
  });

  it('the rules of 4.3: a prefetch for the whole channel is one for each consumer, unless permitted', () => {
    const delivered = (options: object) => {
      const connection = client(embedded({ version: '4.3', ...options }).url);
      const channel = connection.channel();
      const queues = ['a', 'b'].map((name) => channel.queueDeclare(name, { exclusive: true }).queue);
      channel.confirmSelect();
      for (const routingKey of queues) channel.basicPublish('x', { routingKey });
      channel.basicQos({ prefetchCount: 1, global: true });
      for (const queue of queues) channel.basicConsume(queue, () => {});
      const ready = queues.map((queue) => channel.queueDeclare(queue, { passive: true }).messageCount);
      return ready.filter((count) => count === 0).length;
    };
    expect(delivered({})).toBe(2);
    expect(delivered({ permit: ['global_qos'] })).toBe(1);
  });

  it('the rules of 4.3: a transaction has 10,000 publishes, and a message 16 MiB', () => {
    const connection = client(embedded({ version: '4.3' }).url);
    const channel = connection.channel();
    channel.txSelect();
    for (let n = 0; n <= 10_000; n++) channel.basicPublish('x', { routingKey: 'none' });
    expect(thrownBy(() => channel.txCommit()).message).toContain(
      'the maximum of 10000 uncommitted publishes',
    );
    const other = connection.channel();
    other.confirmSelect();
    const large = Buffer.alloc(2 ** 24 + 1);
    expect(thrownBy(() => other.basicPublish(large, { routingKey: 'none' })).message).toContain(
      'message size 16777217 is larger than configured max size 16777216',
    );
  });

  it('the rules of 4.3: a queue that is gone at the commit is named as Erlang breaks its lines', () => {
    const { url } = embedded({ version: '4.3' });
    const lines = [8, 9, 15, 16].map((length) => {
      const queue = 'q'.repeat(length);
      const channel = client(url).channel();
      channel.queueDeclare(queue, { exclusive: true });
      channel.txSelect();
      channel.basicPublish('x', { routingKey: queue });
      channel.queueDelete(queue);
      return (thrownBy(() => channel.txCommit()) as AmqpError).replyText!.split('\n').length;
    });
    expect(lines).toEqual([1, 2, 2, 3]); // as RabbitMQ 4.3.6
  });

  it('the rules of 4.3: what is deprecated is refused by name', async () => {
    const lasting = (args: Record<string, string | number>) => ({ durable: true, arguments: args });
    const broker = embedded({ version: '4.3', permit: [] });
    for (const attempt of [
      ['queue.declare', { queue: 'transient' }, 'transient_nonexcl_queues'],
      [
        'queue.declare',
        { queue: 'q', ...lasting({ 'x-queue-master-locator': 'a' }) },
        'queue_master_locator',
      ],
    ] as const) {
      const raw = await RawClient.open(broker.url);
      await raw.call(1, 'channel.open');
      const answer = await raw.call(1, attempt[0], attempt[1]);
      expect(answer).toMatchObject({ name: 'connection.close', args: { replyCode: 541 } });
      expect(answer.args.replyText).toContain(
        `INTERNAL_ERROR - Feature \`${attempt[2]}\` is deprecated.\nBy default, this feature is not permitted anymore.`,
      );
    }
    const raw = await RawClient.open(broker.url);
    for (const argument of [{ 'x-queue-version': 1 }, { 'x-consumer-timeout': 1000 }]) {
      await raw.call(1, 'channel.open');
      const answer = await raw.call(1, 'queue.declare', { queue: 'q', ...lasting(argument) });
      expect(answer).toMatchObject({ name: 'channel.close', args: { replyCode: 406 } });
    }
    raw.end();
    const permitting = embedded({
      version: '4.3',
      permit: ['transient_nonexcl_queues', 'queue_master_locator'],
    });
    const channel = client(permitting.url).channel();
    expect(channel.queueDeclare('q', { arguments: { 'x-queue-master-locator': 'a' } }).queue).toBe('q');
    expect(client(broker.url).channel().queueDeclare('durable', { durable: true }).queue).toBe('durable');
  });
});

describe('a thread that does not answer', () => {
  const started = (fault: string, failing: string) => {
    const call = ({ call }: { call: string }) => {
      if (call === failing) throw new Error(fault);
      return { ok: 5672 };
    };
    let start!: typeof startBroker;
    jest.isolateModules(() => {
      jest.doMock('../../src/bridge/spawn', () => ({ spawnWorker: () => ({ call, terminate: () => {} }) }));
      ({ startBroker: start } = require('../../src/embedded/start-broker'));
    });
    return start;
  };
  const TIMED_OUT = 'Internal error: Atomics.wait() failed: timed-out';

  test('in time is an error in words', () => {
    expect(() => started(TIMED_OUT, 'start')()).toThrow(
      'the embedded broker did not start within 10 s: this machine is very busy, or the process was suspended',
    );
    const broker = started(TIMED_OUT, 'queues')();
    expect(() => broker.queues()).toThrow(/^the embedded broker did not answer "queues" within 10 s/);
  });

  test('for another reason says that', () => {
    expect(() => started('out of memory', 'start')()).toThrow(
      'the thread of the embedded broker failed: out of memory',
    );
  });
});
