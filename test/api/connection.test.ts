/** Opening a connection, what it knows about itself, and what is not on any channel. */
import { inspect } from 'node:util';
import {
  AuthenticationError,
  type ConnectError,
  type Connection,
  connect,
  NotAllowedError,
  TimeoutError,
} from '../../src';
import { Link } from '../../src/bridge/link';
import {
  CEILING,
  duration,
  eventually,
  open,
  privateQueue,
  thrownBy,
  unique,
  untilTooLate,
  warmUp,
} from '../support/connect';
import { within } from '../support/within';

const connection = open({ name: 'connection.test' });

/** The parts of AMQP_URL, to be put together again in other ways. */
const broker = new URL(process.env.AMQP_URL!);
const hostname = broker.hostname;
const port = Number(broker.port || 5672);
const works = (candidate: Connection) => candidate.channel().queueDeclare('', { exclusive: true }).queue;

describe('connect', () => {
  it('opens what AMQP_URL names, and returns when the connection is open', () => {
    expect(connection.isOpen).toBe(true);
    expect(connection.isAlive).toBe(true);
    expect(connection.lastError).toBeUndefined();
    expect(connection.epoch).toBe(1);
  });

  it('takes options, or a URL with options that win over it', () => {
    const fromOptions = connect({ hostname, port, username: 'guest', password: 'guest', vhost: '/' });
    const fromUrl = connect(`amqp://nobody:guest@${broker.host}/%2f?heartbeat=7`, { username: 'guest' });
    for (const each of [fromOptions, fromUrl]) {
      expect(works(each)).toMatch(/^amq\.gen/);
      each.close();
    }
    expect(fromUrl.heartbeat).toBe(7);
  });

  it('agrees with the broker on the smaller of both wishes, and on the broker’s when there is no other', () => {
    expect(connection).toMatchObject({ channelMax: 2047, frameMax: 131_072, heartbeat: 60 });
    const modest = open({ channelMax: 10, frameMax: 8192, heartbeat: 5, authMechanism: 'AMQPLAIN' });
    expect(modest).toMatchObject({ channelMax: 10, frameMax: 8192, heartbeat: 5 });
    const greedy = open({ channelMax: 65_535, frameMax: 0, heartbeat: 0 });
    expect(greedy).toMatchObject({ channelMax: 2047, frameMax: 131_072, heartbeat: 0 });
  });

  it('has several connections at once, each with its own channels', () => {
    const other = open();
    const [here, there] = [connection.channel(), other.channel()];
    expect(there.id).toBe(1);
    const queue = privateQueue(here, 'mine');
    other.close();
    expect(here.basicGet(queue)?.text).toBe('mine');
    here.close();
  });
});

describe('connect, when it fails', () => {
  it('refuses a wrong password at once, with the broker’s words and without the password', () => {
    let error!: AuthenticationError;
    const took = duration(() => {
      error = thrownBy(() => open({ username: 'guest', password: 'hunter2-secret' }));
    });
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ code: 'ACCESS_REFUSED', replyCode: 403, outcome: 'not-sent' });
    expect(error.message).toMatch(/user "guest" was refused: 403 ACCESS_REFUSED/);
    expect(inspect(error, { depth: 9, showHidden: true }) + error.stack).not.toContain('hunter2');
    expect(took).toBeLessThan(within(1000));
    expect(works(open())).toMatch(/^amq\.gen/); // and the next one can be opened
  });

  it('tells a missing vhost from wrong credentials', () => {
    const error = thrownBy<NotAllowedError>(() => open({ vhost: 'no-such-vhost' }));
    expect(error).toBeInstanceOf(NotAllowedError);
    expect(error).toMatchObject({ code: 'VHOST_NOT_FOUND', replyCode: 530 });
    expect(error.message).toContain('vhost "no-such-vhost" was refused: 530');
  });

  it('says host, port and stage when nobody listens', () => {
    const error = thrownBy<ConnectError>(() => connect({ hostname: '127.0.0.1', port: 1 }));
    expect(error).toMatchObject({ name: 'ConnectError', code: 'ECONNREFUSED', recoverable: true });
    expect(error.attempts).toEqual([
      { host: '127.0.0.1', port: 1, stage: 'tcp', reason: expect.stringContaining('ECONNREFUSED') },
    ]);
  });

  it('keeps to connectTimeout if nobody answers', () => {
    // TEST-NET-1 answers nobody, or the network says at once that it cannot be reached
    warmUp();
    const took = duration(() => {
      const error = thrownBy(() => connect({ hostname: '192.0.2.1', connectTimeout: 500 }));
      expect(error).toMatchObject({ name: 'ConnectError', attempts: [{ host: '192.0.2.1', stage: 'tcp' }] });
    });
    expect(took).toBeLessThan(within(600));
  });

  it.each([
    [{ hartbeat: 5 }, 'connect: unknown option "hartbeat"; did you mean "heartbeat"?'],
    [{ port: 0 }, 'port must be a whole number from 1 to 65535, got 0'],
    [{ port: '5672' }, 'port must be a whole number from 1 to 65535, got a string'],
    [{ frameMax: 4096 }, 'frameMax must be at least 8192, got 4096'],
    [{ channelMax: 65_536 }, 'channelMax must be'],
    [{ heartbeat: -1 }, 'heartbeat must be'],
    [{ connectTimeout: Number.NaN }, 'connectTimeout must be'],
    [{ callTimeout: '1s' }, 'callTimeout must be'],
    [{ authMechanism: 'PLAN' }, 'authMechanism must be one of'],
    [{ authMechanism: 'PLAN' }, 'did you mean "PLAIN"?'],
    [{ username: 42 }, 'username must be a string'],
    [{ vhost: 'v'.repeat(256) }, 'vhost is 256 bytes long'],
    [{ tls: 'yes' }, 'tls must be true, false or an options object'],
    [{ interruptible: 1 }, 'interruptible must be true or false'],
    [{ clientProperties: { f: () => {} } }, 'clientProperties.f cannot be sent in a table'],
  ])('refuses %p before it opens a socket', (options, text) => {
    expect(() => connect(options as never)).toThrow(text);
  });
});

describe('an open connection', () => {
  it('knows the broker and its capabilities', () => {
    expect(connection.serverProperties).toMatchObject({
      product: 'RabbitMQ',
      version: expect.any(String),
    });
    expect(connection.serverCapabilities).toMatchObject({
      publisher_confirms: true,
      'basic.nack': true,
      consumer_cancel_notify: true,
    });
    expect(Object.getPrototypeOf(connection.serverProperties)).toBeNull();
  });

  it('has its open channels by number', () => {
    const channel = connection.channel();
    expect(connection.channels.get(channel.id)).toBe(channel);
    channel.close();
    expect(connection.channels.has(channel.id)).toBe(false);
  });

  it('counts bytes, and what waits in either direction', () => {
    const channel = connection.channel();
    const queue = privateQueue(channel);
    connection.flush();
    const before = connection.stats();
    expect(before).toMatchObject({ state: 'open', unsentBytes: 0, queuedEvents: 0 });
    expect(before.address).toMatch(/:\d+ -> .*:\d+$/);
    channel.basicPublish(Buffer.alloc(10_000), { routingKey: queue });
    expect(channel.basicGet(queue, { noAck: true })?.body.length).toBe(10_000);
    const after = connection.stats();
    expect(after.bytesOut - before.bytesOut).toBeGreaterThan(10_000);
    expect(after.bytesIn - before.bytesIn).toBeGreaterThan(10_000);
    channel.close();
  });

  it('flushes: afterwards the socket has taken everything', () => {
    const channel = connection.channel();
    for (let i = 0; i < 20; i++) channel.basicPublish(Buffer.alloc(20_000), { routingKey: 'nowhere' });
    connection.flush();
    expect(connection.stats().unsentBytes).toBe(0);
    channel.close();
  });

  test('stats of a worker thread that does not answer are those that it had last', () => {
    const channel = connection.channel();
    channel.queueDeclare('', { exclusive: true });
    const { bytesIn, bytesOut } = connection.stats();
    const silent = jest.spyOn(Link.prototype, 'answers').mockReturnValue(false);
    try {
      expect(connection.stats()).toMatchObject({ bytesIn, bytesOut });
    } finally {
      silent.mockRestore();
    }
    channel.close();
  });

  it('is not blocked as long as the broker has memory and disk', () => {
    expect(connection.isBlocked).toBe(false);
    expect(connection.blockedReason).toBeUndefined();
  });

  it('replaces its password while it runs', () => {
    connection.updateSecret('a-new-token', 'the old one expires');
    connection.updateSecret('another-one');
    // the rings hold it, as bytes: what is printed must not
    const channel = connection.channel();
    const shown = inspect({ connection, channel }, { depth: Number.POSITIVE_INFINITY });
    channel.close();
    expect(shown).not.toMatch(/a-new-token|61 2d 6e 65 77/);
    expect(shown).toContain('isOpen: true');
    expect(connection.isAlive).toBe(true);
  });
});

describe('deadlines', () => {
  it('a call that takes longer than its timeout throws TimeoutError; its late reply is nobody’s', () => {
    const channel = connection.channel();
    const error = untilTooLate(() => channel.queueDeclare('', { exclusive: true, timeout: 0 }));
    expect(error).toMatchObject({ method: 'queue.declare', outcome: 'unknown', recoverable: true });
    // the reply to the first declare arrives before the reply to this one, and is not taken for it
    const name = unique('timeouts');
    expect(channel.queueDeclare(name, { exclusive: true }).queue).toBe(name);
    channel.close();
  });

  it('callTimeout is the default of every call', () => {
    const impatient = open({ callTimeout: 0 });
    expect(untilTooLate(() => impatient.channel())).toMatchObject({ method: 'channel.open' });
  });

  it('a channel whose opening timed out is given back, and its number serves again', () => {
    untilTooLate(() => connection.withDeadline(0, () => connection.channel()).close());
    const channels = [connection.channel(), connection.channel()];
    for (const channel of channels) {
      expect(channel.queueDeclare('', { exclusive: true }).queue).toMatch(/^amq\.gen/);
      channel.close();
    }
    eventually(() => {
      connection.flush(); // what has come is looked at
      return connection.channels.size === 0;
    });
  });

  it('withDeadline refuses a promise: what comes behind an await would have no limit', () => {
    expect(() => connection.withDeadline(CEILING, async () => 1)).toThrow(
      'withDeadline: the function returned a promise; it must do its work before it returns',
    );
  });

  it('withDeadline limits everything inside it together, and gives back the result', () => {
    const channel = connection.channel();
    const queue = connection.withDeadline(CEILING, () => privateQueue(channel));
    expect(queue).toMatch(/^amq\.gen/);
    const took = duration(() =>
      expect(() =>
        connection.withDeadline(50, () => {
          for (;;) channel.basicGet(queue);
        }),
      ).toThrow(TimeoutError),
    );
    expect(took).toBeGreaterThan(45);
    expect(took).toBeLessThan(within(300));
    channel.close();
  });

  it.each<[string, (timeout: number) => void]>([
    ['drainEvents', (timeout) => connection.drainEvents({ timeout })],
    ['loop', (timeout) => connection.loop({ timeout })],
    ['sleep', (timeout) => connection.sleep(timeout)],
    [
      'consume',
      (timeout) => {
        const channel = connection.channel();
        for (const _ of channel.consume(privateQueue(channel), { timeout }));
      },
    ],
  ])('withDeadline limits %s too, inside of whatever timeout it has', (_verb, wait) => {
    const took = duration(() => {
      try {
        connection.withDeadline(100, () => wait(1500));
      } catch (error) {
        expect(error).toBeInstanceOf(TimeoutError);
        expect((error as Error).message).not.toContain('undefined');
      }
    });
    expect(took).toBeLessThan(within(500));
  });

  it('a drainEvents ended by withDeadline says so in words', () => {
    const error = thrownBy(() => connection.withDeadline(30, () => connection.drainEvents()));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).not.toContain('undefined');
  });
});
