/** Connections: parameters, life, events and heartbeats, with the real broker. */
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  AccessRefused,
  AMQPConnectionError,
  Connection,
  ConnectionForced,
  Message,
  NotAllowed,
  NotFound,
  RecoverableConnectionError,
  ResourceError,
  ssl,
  Timeout,
} from '../../../src/compat/amqpy';
import { describeNode } from '../../support/brokers/on-rabbitmq';
import { startRabbitmq } from '../../support/brokers/rabbitmq';
import { duration, eventually, pause, thrownBy, unique } from '../../support/connect';
import { type Keywords, open, parameters } from '../../support/facades/amqpy';
import { within } from '../../support/within';

describe('what was agreed', () => {
  test('is there once it is connected', () => {
    const conn = open();
    expect(conn).toMatchObject({
      connected: true,
      channel_id: 0,
      version_major: 0,
      version_minor: 9,
      heartbeat: 0,
    });
    expect(conn.server_properties).toMatchObject({
      product: 'RabbitMQ',
    });
    expect(conn.server_capabilities).toMatchObject({
      publisher_confirms: true,
      consumer_cancel_notify: true,
    });
    expect(conn.mechanisms).toEqual(expect.arrayContaining(['PLAIN', 'AMQPLAIN']));
    expect(conn.locales).toEqual(['en_US']);
    expect(conn.frame_max).toBe(131072);
    expect(conn.channel_max).toBeGreaterThan(100);
    expect(conn.connection).toBe(conn);
  });

  test('the ends of the socket', () => {
    const conn = open();
    const [host, port] = conn.sock!.getpeername();
    expect([host, port]).toEqual([conn.transport!.sock.getpeername().host, parameters().port]);
    expect(conn.sock!.getsockname().port).toBeGreaterThan(0);
    expect(conn.transport!.connected).toBe(true);
    conn.transport!.close();
    expect([conn.sock, conn.transport, conn.connected]).toEqual([null, null, false]);
  });

  test('frames and methods are counted', () => {
    const conn = open();
    const ch = conn.channel();
    const before = [conn.method_reader.frames_recv, conn.method_writer.methods_sent] as const;
    const { queue } = ch.queue_declare('', { exclusive: true });
    ch.queue_purge(queue);
    expect(conn.method_reader.frames_recv).toBe(before[0] + 2);
    expect(conn.method_writer.methods_sent).toBe(before[1] + 2);
  });
});

describe('channels', () => {
  test('more than channel_max: ResourceError; the connection goes on', () => {
    const conn = open({ channel_max: 2 });
    const [one, two] = [conn.channel(), conn.channel()];
    const error = thrownBy<ResourceError>(() => conn.channel());
    expect(error).toBeInstanceOf(ResourceError);
    expect(error.code).toBe(506);
    two.close();
    expect([one.channel_id, conn.channel().channel_id]).toEqual([1, 2]);
  });
});

describe('is_alive', () => {
  test('after opening, after a channel error, after closing, after a connection error', () => {
    const conn = open();
    expect(conn.is_alive()).toBe(true);
    expect(thrownBy(() => conn.channel().queue_purge(unique('missing')))).toBeInstanceOf(NotFound);
    expect(conn.is_alive()).toBe(true);
    conn.close();
    expect(conn.is_alive()).toBe(false);
    const other = open();
    expect(thrownBy(() => other.channel().flow(false))).toBeInstanceOf(AMQPConnectionError);
    expect([other.is_alive(), other.connected]).toEqual([false, false]);
  });
});

describe('close', () => {
  test('twice is silent; afterwards everything says so, and connect() begins anew', () => {
    const conn = open();
    const old = conn.channel();
    const { queue } = old.queue_declare('', { exclusive: true });
    conn.close();
    conn.close();
    expect([conn.connected, conn.connection, Object.keys(conn.channels)]).toEqual([false, null, ['0']]);
    for (const call of [
      () => conn.channel(),
      () => conn.drain_events(0),
      () => conn.loop(0),
      () => conn.send_heartbeat(),
    ]) {
      const error = thrownBy<RecoverableConnectionError>(call);
      expect(error).toBeInstanceOf(RecoverableConnectionError);
      expect(error.message).toBe('connection already closed');
    }
    expect(conn.connect()).toBeUndefined();
    expect([conn.is_alive(), old.is_open]).toEqual([true, false]);
    const ch = conn.channel();
    expect(ch.channel_id).toBe(1);
    expect(thrownBy(() => ch.queue_declare(queue, { passive: true }))).toBeInstanceOf(NotFound);
    expect(thrownBy(() => old.queue_declare())).toBeInstanceOf(RecoverableConnectionError);
    old.close();
    expect(ch.queue_declare('', { exclusive: true }).message_count).toBe(0);
  });

  test('connect() closes what is open', () => {
    const conn = open();
    const { queue } = conn.channel().queue_declare('', { exclusive: true });
    conn.connect();
    expect(thrownBy(() => conn.channel().queue_declare(queue, true))).toBeInstanceOf(NotFound);
  });

  test('at the end of a block that uses it, and what it published has arrived', () => {
    const queue = unique('queue');
    let used: Connection;
    {
      using conn = open();
      used = conn;
      conn.channel().queue_declare(queue, { durable: true, auto_delete: false });
      conn.channel().basic_publish(new Message('x'), '', queue);
    }
    expect(used.is_alive()).toBe(false);
    const ch = open().channel();
    eventually(() => ch.queue_declare(queue, true).message_count === 1);
    ch.queue_delete(queue);
  });

  test('with a reason of its own', () => {
    const conn = open();
    conn.close(320, 'enough');
    expect(conn.is_alive()).toBe(false);
  });
});

describe('drain_events and loop', () => {
  function delivering(callback: (body: unknown) => unknown) {
    const conn = open();
    const ch = conn.channel();
    const { queue } = ch.queue_declare('', { exclusive: true });
    ch.basic_consume(queue, { callback: (msg) => callback(msg.body), no_ack: true });
    const publish = (...bodies: string[]) => {
      for (const body of bodies) ch.basic_publish(new Message(body), '', queue);
    };
    /** What was published has come: it does so before the second answer about its queue. */
    const settled = () => {
      for (let answers = 0; answers < 2; answers++) ch.queue_declare(queue, { passive: true });
    };
    return { conn, ch, publish, settled };
  }

  test('one event of any channel for each call, in order; it returns what the callback returned', () => {
    const { conn, publish, settled } = delivering((body) => `got ${body}`);
    publish('one', 'two');
    settled(); // what comes during a call waits
    expect([conn.drain_events(), conn.drain_events({ timeout: 60 })]).toEqual(['got one', 'got two']);
    expect(thrownBy(() => conn.drain_events(0))).toBeInstanceOf(Timeout);
  });

  test('Timeout after the time, which is seconds', () => {
    const { conn } = delivering(() => {});
    let error: unknown;
    const ms = duration(() => {
      error = thrownBy(() => conn.drain_events(0.2));
    });
    expect(error).toBeInstanceOf(Timeout);
    expect(ms).toBeGreaterThan(195);
    expect(() => conn.drain_events(-1)).toThrow(new RangeError('timeout must be 0 or more seconds, got -1'));
  });

  test('loop goes on until nothing comes, and swallows the Timeout', () => {
    const bodies: unknown[] = [];
    const { conn, publish } = delivering((body) => {
      bodies.push(body);
      if (bodies.length < 3) publish(`${bodies.length + 1}`);
    });
    publish('1');
    expect(conn.loop(2)).toBeUndefined();
    expect(bodies).toEqual(['1', '2', '3']);
  });

  test('loop(0) takes what is there', () => {
    const bodies: unknown[] = [];
    const { conn, publish, settled } = delivering((body) => bodies.push(body));
    publish('1', '2');
    settled();
    expect(duration(() => conn.loop(0))).toBeLessThan(within(1000));
    expect(bodies).toEqual(['1', '2']);
  });

  test('no callback runs inside of another call; what it throws is thrown by drain_events', () => {
    const bodies: unknown[] = [];
    const { conn, ch, publish } = delivering((body) => {
      bodies.push(body);
      throw new RangeError(`not ${body}`);
    });
    publish('1');
    ch.queue_declare('', { exclusive: true });
    pause(50);
    ch.queue_declare('', { exclusive: true });
    expect(bodies).toEqual([]);
    expect(() => conn.drain_events(60)).toThrow(new RangeError('not 1'));
    publish('2');
    expect(() => conn.loop(60)).toThrow(new RangeError('not 2'));
  });
});

describe('heartbeats', () => {
  test('go both ways by themselves while this thread is busy, and another can be sent', () => {
    const conn = open({ heartbeat: 1 });
    const ch = conn.channel();
    expect(conn.heartbeat).toBe(1);
    expect(conn.last_heartbeat_sent).toBe(0);
    const heard = conn.last_heartbeat_recv;
    pause(3500); // RabbitMQ would have ended a connection that is silent for so long
    expect(conn.is_alive()).toBe(true);
    expect(conn.last_heartbeat_recv).toBeGreaterThan(heard);
    conn.send_heartbeat();
    expect(conn.last_heartbeat_sent).toBeGreaterThan(0);
    ch.queue_declare('', { exclusive: true });
  });

  test('0 means none, whatever the server wants', () => {
    expect(open({ heartbeat: 0 }).heartbeat).toBe(0);
  });
});

describe('connecting in vain', () => {
  const failing = (more: Keywords) => thrownBy<RecoverableConnectionError>(() => open(more));

  test('a wrong password is AccessRefused, not a socket that closes', () => {
    const error = failing({ password: 'wrong' });
    expect(error).toBeInstanceOf(AccessRefused);
    expect(error.message).toContain('ACCESS_REFUSED');
    expect(error.channel_id).toBe(0);
  });

  test('a virtual host that is not there: NotAllowed', () => {
    expect(failing({ virtual_host: unique('vhost') })).toBeInstanceOf(NotAllowed);
  });

  test('nobody there: RecoverableConnectionError, with the attempts as its cause', () => {
    const error = failing({ host: '127.0.0.1', port: 1 });
    expect(error).toBeInstanceOf(RecoverableConnectionError);
    expect(error.cause).toMatchObject({
      attempts: [expect.objectContaining({ reason: expect.stringMatching(/refused/i) })],
    });
  });

  test.each([
    [{ frame_max: 4096 }, RangeError, 'frame_max must be at least 8192, got 4096'],
    [{ ssl: true as never }, TypeError, 'ssl must be a dict of options or null, got boolean'],
    [
      { ssl: { keyfil: 'x' } as never },
      TypeError,
      "wrap_socket() got an unexpected keyword argument 'keyfil'",
    ],
    [
      { hostname: 'x' } as never,
      TypeError,
      "Connection.__init__() got an unexpected keyword argument 'hostname'",
    ],
    [{ userid: 5 as never }, TypeError, 'userid must be a string, got a number'],
    [{ virtual_host: 5 as never }, TypeError, 'virtual_host must be a string, got a number'],
    [{ channel_max: -5 }, RangeError, 'channel_max must be a whole number from 0 to 65535, got -5'],
    [
      { heartbeat: 'x' as never },
      TypeError,
      'heartbeat must be a whole number from 0 to 65535, got a string',
    ],
    [{ login_method: 'CRAM' as never }, TypeError, 'login_method must be one of PLAIN, AMQPLAIN'],
    [{ ssl: { ca_certs: '/no/such' } }, TypeError, 'ca_certs "/no/such" cannot be read'],
    [{ on_blocked: 5 as never }, TypeError, 'on_blocked must be a function, got a number'],
    [{ connect_timeout: -1 }, RangeError, 'connect_timeout must be 0 or more seconds, got -1'],
  ])('%p is refused before a byte is sent', (more, errorClass, message) => {
    const error = failing(more);
    expect(error).toBeInstanceOf(errorClass);
    expect(error.message).toContain(message);
  });
});

describeNode('with a broker of its own', () => {
  test('TLS with certificates; blocked and unblocked; the broker shuts down', async () => {
    const rabbitmq = await startRabbitmq({ tls: true, tlsOptions: ['{fail_if_no_peer_cert, true}'] });
    try {
      const { port } = new URL(rabbitmq.amqpsUrl!);
      const where = { host: 'localhost', port: Number(port), virtual_host: '/' };
      const own = { certfile: `${rabbitmq.certs}/client.pem`, keyfile: `${rabbitmq.certs}/client.key` };
      const heard: unknown[] = [];
      const conn = open({
        ...where,
        ssl: { ca_certs: rabbitmq.ca!, cert_reqs: ssl.CERT_REQUIRED, ...own },
        on_blocked: (reason) => heard.push(reason),
        on_unblocked: () => heard.push('unblocked'),
      });
      const refused = [{ cert_reqs: ssl.CERT_REQUIRED, ...own }, { ca_certs: rabbitmq.ca! }];
      for (const options of refused)
        expect(thrownBy(() => open({ ...where, ssl: options }))).toBeInstanceOf(RecoverableConnectionError);
      expect(open({ ...where, ssl: own }).connected).toBe(true);
      const ch = conn.channel();
      const { queue } = ch.queue_declare('', { exclusive: true });
      rabbitmq.limitMemory(0);
      ch.basic_publish(new Message('x'), '', queue); // the broker blocks whoever publishes
      conn.drain_events(60);
      expect(heard).toEqual([expect.stringContaining('memory')]);
      rabbitmq.limitMemory(0.9);
      conn.drain_events(60);
      expect(heard).toHaveLength(2);
      expect(heard[1]).toBe('unblocked');
      await rabbitmq.kill('SIGTERM');
      const error = thrownBy(() => conn.loop(60));
      expect(error).toBeInstanceOf(ConnectionForced);
      expect(conn.is_alive()).toBe(false);
    } finally {
      await rabbitmq.stop();
    }
  });
});

test('a closed connection is garbage', async () => {
  const made = () => {
    const conn = new Connection(parameters());
    conn.channel().queue_declare('', { exclusive: true });
    conn.close();
    return new WeakRef(conn);
  };
  const ref = made();
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  for (let i = 0; i < 40 && ref.deref() !== undefined; i++) {
    await delay(50);
    gc();
  }
  expect(ref.deref()).toBeUndefined();
});

test('console.log shows where it goes, and no secrets', () => {
  const conn = open({ client_properties: { job: 'nightly' } });
  conn.channel();
  const { host, port } = parameters();
  const shown = inspect(conn);
  expect(shown).toContain(`${host}:${port}`);
  expect(shown).toContain('channels: [ 1 ]');
  expect(shown).not.toMatch(/password|guest/);
});
