/** `onClose` of a connection and of a channel: once, by whoever notices the end, before the error is thrown. */
import {
  type Channel,
  type Connection,
  ConnectionForcedError,
  connect,
  type EmbeddedBroker,
  NotFoundError,
  startBroker,
  WrongStateError,
  waitAny,
} from '../../src';
import { CEILING, eventually, thrownBy } from '../support/connect';
import { run } from '../support/programs/program';

let broker: EmbeddedBroker;
let connection: Connection;
let channel: Channel;
/** What was told, and by which `onClose`. */
let told: [who: string, code: string][];

beforeAll(() => {
  broker = startBroker();
});
afterAll(() => broker.close());

beforeEach(() => {
  told = [];
  connection = open();
  channel = connection.channel();
  channel.queueDeclare('q', { durable: true });
  listen(connection, channel);
});
afterEach(() => connection.close());

function open(recovery = false): Connection {
  return connect(broker.url, { callTimeout: CEILING, connectTimeout: CEILING, recovery });
}

function listen(connection: Connection, channel: Channel): void {
  connection.onClose = ({ code }) => told.push(['connection', code]);
  channel.onClose = ({ code }) => told.push(['channel', code]);
}

const BOTH = [
  ['channel', 'CONNECTION_FORCED'],
  ['connection', 'CONNECTION_FORCED'],
];

type Verb = (connection: Connection, channel: Channel) => unknown;
const VERBS: [string, Verb][] = [
  ['a for loop', (_, channel) => [...channel.consume('q', { timeout: CEILING })]],
  ['basicGet', (_, channel) => channel.basicGet('q')],
  ['queue.get', (connection) => connection.queue('q').get({ timeout: CEILING })],
  ['queueDeclare', (_, channel) => channel.queueDeclare('q', { durable: true })],
  ['basicPublish', (_, channel) => channel.basicPublish('x', { routingKey: 'q' })],
  ['exchange.publish', (_, channel) => channel.defaultExchange.publish('x', 'q')],
  ['a remote call', (connection) => connection.rpc('q').call('x', { timeout: CEILING })],
  ['channel()', (connection) => connection.channel()],
  ['flush', (connection) => connection.flush()],
  ['updateSecret', (connection) => connection.updateSecret('x')],
  ['drainEvents', (connection) => connection.drainEvents({ timeout: CEILING })],
  ['loop', (connection) => connection.loop({ timeout: CEILING })],
  ['sleep', (connection) => connection.sleep(CEILING)],
];

describe('the connection is closed by the broker', () => {
  it.each(VERBS)('%s tells it before it throws', (_what, verb) => {
    broker.closeConnections();
    waitAny([connection], { timeout: CEILING }); // it has come, and is not looked at
    const error = thrownBy(() => verb(connection, channel));
    expect(told).toEqual(BOTH);
    expect(error).toBeInstanceOf(ConnectionForcedError);
  });

  it('noticed by a getter, it is told by the next call, close() for one', () => {
    broker.closeConnections();
    eventually(() => !connection.isAlive);
    expect(told).toEqual([]);
    connection.close();
    expect(told).toEqual(BOTH);
  });

  it('waitAny only says that there is something: drainEvents tells it', () => {
    broker.closeConnections();
    expect(waitAny([connection], { timeout: CEILING })).toEqual([connection]);
    expect(told).toEqual([]);
    expect(() => connection.drainEvents()).toThrow(ConnectionForcedError);
    expect(told).toEqual(BOTH);
  });

  it('the end is told once: not by later calls, nor by close', () => {
    broker.closeConnections();
    for (let i = 0; i < 3; i++) expect(() => channel.queueDeclare('q', { durable: true })).toThrow();
    connection.close();
    connection.abort();
    expect(told).toEqual(BOTH);
  });

  it('the end is told from inside a callback whose call notices, which cannot pump there', () => {
    let nested: unknown;
    connection.onClose = ({ code }) => {
      nested = thrownBy(() => connection.drainEvents());
      told.push(['connection', code]);
    };
    connection.callLater(0, () => {
      broker.closeConnections();
      channel.basicGet('q');
    });
    expect(() => connection.loop({ timeout: CEILING })).toThrow(ConnectionForcedError);
    expect(told).toEqual(BOTH);
    expect(nested).toMatchObject({ code: 'NESTED_PUMP' });
  });

  it('onClose may close what is closed, connect anew, and use that', () => {
    let second: Connection | undefined;
    connection.onClose = () => {
      connection.close();
      second = open();
      second.channel().queueDeclare('q', { durable: true });
    };
    broker.closeConnections();
    expect(() => channel.basicGet('q')).toThrow(ConnectionForcedError);
    expect(second?.isOpen).toBe(true);
    second?.close();
  });

  it('what it throws is thrown instead, and the end by the next call', () => {
    connection.onClose = () => {
      throw new Error('mine');
    };
    broker.closeConnections();
    expect(() => channel.basicGet('q')).toThrow('mine');
    expect(() => channel.basicGet('q')).toThrow(ConnectionForcedError);
    expect(() => channel.basicGet('q')).toThrow(WrongStateError);
  });

  it('what the one of a channel throws keeps the others for the next call', () => {
    const other = connection.channel();
    other.onClose = ({ code }) => told.push(['other', code]);
    channel.onClose = () => {
      throw new Error('mine');
    };
    broker.closeConnections();
    expect(() => channel.basicGet('q')).toThrow('mine');
    expect(() => channel.basicGet('q')).toThrow(ConnectionForcedError);
    expect(told.map(([who]) => who)).toEqual(['other', 'connection']);
  });
});

describe('this program ends the connection', () => {
  it.each([
    ['close()', () => connection.close(), 'CLOSED'],
    ['using', () => connection[Symbol.dispose](), 'CLOSED'],
    ['abort()', () => connection.abort(), 'ABORTED'],
  ])('by %s, and onClose is told', (_how, end, code) => {
    end();
    end();
    expect(told).toEqual([
      ['channel', code],
      ['connection', code],
    ]);
  });

  it('what it throws is thrown by close, which has closed', () => {
    connection.onClose = () => {
      throw new Error('mine');
    };
    expect(() => connection.close()).toThrow('mine');
    expect(connection.isOpen).toBe(false);
    connection.close();
  });

  it('by its own end: told behind the exit listeners; what it throws stops no other connection from being closed', async () => {
    const { code, lines, stderr } = await run(
      `const [first, second] = [connect(url), connect(url)];
      for (const connection of [first, second]) connection.onClose = (error) => { say(error.code); throw new Error('mine'); };
      process.on('exit', () => say('exit'));`,
      { url: broker.url },
    ).end;
    expect([code, lines]).toEqual([0, ['exit', 'CLOSED', 'CLOSED']]);
    expect(stderr).toContain('Error: mine');
  });
});

describe('a channel', () => {
  const refused = () => channel.queueDeclare('missing', { passive: true });

  it('closed by the broker under a call: told before it throws, and the connection lives', () => {
    expect(refused).toThrow(NotFoundError);
    expect(told).toEqual([['channel', 'NOT_FOUND']]);
    expect(() => channel.basicGet('q')).toThrow(WrongStateError);
    connection.close();
    expect(told.slice(1)).toEqual([['connection', 'CLOSED']]);
  });

  it.each<[string, () => unknown]>([
    ['its next call', () => channel.basicGet('q')],
    ['drainEvents', () => connection.drainEvents({ timeout: CEILING })],
    ['its close()', () => channel.close()],
  ])('closed by the broker between calls: told by %s, and by no call of another channel', (_what, call) => {
    const other = connection.channel();
    channel.basicPublish('x', { exchange: 'missing' });
    eventually(() => other.queueDeclare('q', { durable: true }) && !channel.isOpen);
    expect(told).toEqual([]);
    expect(call).toThrow(NotFoundError);
    expect(told).toEqual([['channel', 'NOT_FOUND']]);
  });

  it('closed by the broker, and opened again before any call: told by reopen', () => {
    channel.basicPublish('x', { exchange: 'missing' });
    eventually(() => connection.channel().queueDeclare('q', { durable: true }) && !channel.isOpen);
    channel.reopen();
    expect(told).toEqual([['channel', 'NOT_FOUND']]);
  });

  it('closed by this program, once for each life', () => {
    channel.close();
    channel.close();
    channel.reopen();
    channel.close();
    expect(told).toEqual([
      ['channel', 'CLOSED'],
      ['channel', 'CLOSED'],
    ]);
  });

  it('closed by close, and gone with the connection: each is told of its own end', () => {
    channel.close();
    connection.close();
    expect(told).toEqual([
      ['channel', 'CLOSED'],
      ['connection', 'CLOSED'],
    ]);
  });
});

describe('with recovery', () => {
  it('a loss that is recovered is no end; close() is', () => {
    const robust = open(true);
    const its = robust.channel();
    listen(robust, its);
    broker.closeConnections();
    its.queueDeclare('q', { durable: true });
    expect(robust.epoch).toBe(2);
    expect(told).toEqual([]);
    robust.close();
    expect(told).toEqual([
      ['channel', 'CLOSED'],
      ['connection', 'CLOSED'],
    ]);
  });
});
