/** Calls whose broker, or server, does what RabbitMQ's tests cannot bring about; and Ctrl-C. */
import {
  ChannelClosedError,
  type Connection,
  ConnectionClosedError,
  ConsumerCancelledError,
  InterruptedError,
  NackError,
  type RpcError,
  TimeoutError,
} from '../../src';
import { arrived, CEILING, errorOf, talk, waitUntil } from '../support/peers/peer';
import {
  closed,
  content,
  expects,
  handshake,
  opened,
  type Script,
  send,
  serve,
  stall,
  waitFor,
} from '../support/peers/script';
import { run } from '../support/programs/program';

/** The first call opens a channel for replies. */
const repliesOn = (channel: number) => [
  ...opened(channel),
  expects('confirm.select'),
  send('confirm.select-ok', {}, { channel }),
  expects('basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true, exclusive: false }),
  send('basic.consume-ok', { consumerTag: 'replies' }, { channel }),
];
const replies = repliesOn(1);
const request = expects('basic.publish', { exchange: '', routingKey: 'sum', mandatory: true });
const acked = (deliveryTag = 1) => send('basic.ack', { deliveryTag });
const refused = (deliveryTag = 1) => send('basic.nack', { deliveryTag });

const on = (...script: Script): Connection => talk([...handshake(), ...replies, ...script]).connection;
const call = (connection: Connection, timeout = CEILING) => connection.rpc('sum').call('x', { timeout });

/** The script cannot know the number of a call: make it one that it knows. */
beforeEach(() => {
  let calls = 0;
  jest.spyOn(crypto, 'randomUUID').mockImplementation(() => `${++calls}-a-b-c-d`);
});
afterEach(() => jest.restoreAllMocks());

const reply = (nr: number, body: string, type?: string, channel = 1) =>
  content(
    'basic.deliver',
    { consumerTag: 'replies', deliveryTag: nr },
    { channel, body, properties: { correlationId: `${nr}-a-b-c-d`, ...(type && { type }) } },
  );

describe('a call', () => {
  it('does not wait for the confirm, which may come late, or never', () => {
    const connection = on(request, reply(1, 'one'), request, reply(2, 'two'), acked(1), ...closed());
    expect([1, 2].map(() => call(connection).text)).toEqual(['one', 'two']);
    connection.close();
  });

  it('is over when the broker refuses the request', () => {
    const connection = on(request, refused(), serve());
    const error = errorOf(() => call(connection));
    expect(error).toBeInstanceOf(NackError);
    expect(error.outcome).toBe('rejected');
  });

  it('is not over with the confirm', () => {
    const connection = on(request, acked(), stall(50), reply(1, 'one'), serve());
    expect(call(connection).text).toBe('one');
  });

  it('that was given up leaves nothing behind: its reply, its return and its refusal are dropped', () => {
    const returned = content(
      'basic.return',
      { replyCode: 312, replyText: 'NO_ROUTE', exchange: '', routingKey: 'sum' },
      { body: 'x' },
    );
    const late = [
      [reply(2, 'late'), refused(2)],
      [returned, acked(3)],
    ] as const;
    const { peer, connection } = talk([
      ...[...handshake(), ...replies, request, reply(1, 'one')],
      ...[request, waitFor('0'), ...late[0], request, waitFor('1'), ...late[1]],
      ...[request, reply(4, 'four'), serve()],
    ]);
    expect(call(connection).text).toBe('one'); // the way for replies is open: the time is the request's
    for (const [nr, steps] of late.entries()) {
      expect(errorOf(() => call(connection, 20))).toBeInstanceOf(TimeoutError);
      peer.signal(`${nr}`);
      arrived(connection, ...steps);
    }
    expect(call(connection).text).toBe('four');
    connection.loop({ timeout: 0 });
    expect(connection.channels.get(1)?.returnedMessages).toEqual([]);
  });

  it('without an error of the usual form shows what came', () => {
    const connection = on(request, reply(1, '[1, 2]', 'error'), serve());
    const error = errorOf<RpcError>(() => call(connection));
    expect(error.message).toBe('the server of "sum" threw Error: [1, 2]');
  });
});

describe('the end', () => {
  const close = send('channel.close', {
    replyCode: 541,
    replyText: 'INTERNAL_ERROR',
    classId: 0,
    methodId: 0,
  });

  it.each([
    ['before the confirm', []],
    ['behind the confirm', [acked()]],
  ])('of the channel, %s, ends the call; the next one opens another', (_, before) => {
    const connection = on(
      request,
      ...before,
      close,
      expects('channel.close-ok'),
      ...repliesOn(2),
      request,
      reply(2, 'two', undefined, 2),
      serve(),
    );
    expect(errorOf(() => call(connection))).toBeInstanceOf(ChannelClosedError);
    expect(call(connection).text).toBe('two');
    connection.loop({ timeout: 0 });
  });

  it('of the connection ends the call', () => {
    const reason = { replyCode: 320, replyText: 'CONNECTION_FORCED', classId: 0, methodId: 0 };
    const connection = on(request, acked(), send('connection.close', reason), expects('connection.close-ok'));
    expect(errorOf(() => call(connection))).toBeInstanceOf(ConnectionClosedError);
  });

  it('of the consumer ends the call', () => {
    const connection = on(request, send('basic.cancel', { consumerTag: 'replies', noWait: true }), serve());
    expect(errorOf(() => call(connection))).toBeInstanceOf(ConsumerCancelledError);
  });
});

it('a broker that does not open the way for replies in time is a TimeoutError; the channel is given up', () => {
  const { peer, connection } = talk([
    ...handshake(),
    ...opened(),
    expects('confirm.select'),
    waitFor('given up'),
    send('confirm.select-ok'),
    expects('channel.close'),
    send('channel.close-ok'),
    ...repliesOn(2),
    request,
    reply(1, 'one', undefined, 2),
    serve(),
  ]);
  expect(errorOf(() => call(connection, 1000))).toMatchObject({ code: 'TIMEOUT', method: 'confirm.select' });
  peer.signal('given up');
  waitUntil(() => connection.isAlive && connection.channels.size === 0);
  expect(call(connection).text).toBe('one');
});

it('Ctrl-C ends a call, and the next one works', async () => {
  const program = run(`
    process.on('SIGINT', () => {});
    const connection = connect(url);
    const idle = connection.channel().declareQueue();
    say('waiting');
    try { connection.rpc(idle.name).call('x', { timeout: 60_000 }); } catch (error) { say(error.name); }
    try { connection.rpc('amqp-sync.nobody').call('x'); } catch (error) { say(error.name); }
    connection.close();`);
  await program.ctrlC();
  expect((await program.end).lines).toEqual([InterruptedError.name, 'UnroutableError']);
});
