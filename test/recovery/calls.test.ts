/** Calls under which the connection is lost, each in its way; and what else lives on a connection. */

import { ConnectionLostError, InterruptedError, WrongStateError } from '../../src';
import { SESSION } from '../../src/api/internals';
import { CEILING, count, drainUntil, eventually, pause, thrownBy, unique } from '../support/connect';
import { otherEnd } from '../support/peers/other-end';
import { broker, connectTo, waitUntil } from '../support/peers/peer';
import {
  cut,
  expects,
  handshake,
  opened,
  type Script,
  send,
  serve,
  stall,
  waitFor,
} from '../support/peers/script';
import { lossy, SOON } from './lost';

const LOST = { recovery: SOON };

describe('a call whose reply is lost is repeated', () => {
  const once = (...steps: Script): Script => [...handshake(), ...opened(), ...steps, cut()];
  const again = (...steps: Script): Script => [...handshake(), ...opened(), ...steps, serve()];

  test('basicGet, as nobody has seen the message', () => {
    const peer = broker(once(expects('basic.get')), again(expects('basic.get'), send('basic.get-empty')));
    expect(connectTo(peer, LOST).channel().basicGet('q')).toBeNull();
  });

  test('a declaration, a binding, a deletion, a limit', () => {
    const calls = ['queue.declare', 'exchange.declare', 'queue.bind', 'queue.delete', 'basic.qos'] as const;
    const scripts = calls.map((method, index) => [
      ...handshake(),
      ...(index === 0 ? opened() : [expects('channel.open'), send('channel.open-ok')]),
      ...[expects(method), cut()],
    ]);
    for (const [index, method] of calls.entries()) {
      const peer = broker(scripts[index]!, [
        ...handshake(),
        ...opened(),
        expects(method),
        serveFirst(method),
        serve(),
      ]);
      const channel = connectTo(peer, LOST).channel();
      if (method === 'queue.declare') expect(channel.queueDeclare('q').queue).toBe('q');
      if (method === 'exchange.declare') channel.exchangeDeclare('e', 'fanout');
      if (method === 'queue.bind') channel.queueBind('q', 'e');
      if (method === 'queue.delete') expect(channel.queueDelete('q')).toBe(0);
      if (method === 'basic.qos') channel.basicQos({ prefetchCount: 1 });
      expect(channel.isOpen).toBe(true);
    }
  });

  test('a publish, but not to a broker whose frames are too small for it', () => {
    const confirms = [expects('confirm.select'), send('confirm.select-ok')];
    const peer = broker(
      [...handshake({ frameMax: 131_072 }), ...opened(), ...confirms, expects('basic.publish'), cut()],
      [
        ...handshake({ frameMax: 8192 }),
        ...opened(),
        ...confirms,
        expects('basic.publish', { routingKey: 'other' }),
        serve(),
      ],
    );
    const channel = connectTo(peer, { recovery: { ...SOON, republish: true } }).channel();
    channel.confirmSelect();
    channel.basicPublish('', { headers: { big: 'b'.repeat(20_000) }, wait: false });
    expect(() => channel.waitForConfirms()).toThrow(/^the message properties take .* a frame holds 8192/);
    channel.basicPublish('', { routingKey: 'other', wait: false }); // it stands in nobody's way
  });

  function serveFirst(
    method: 'queue.declare' | 'exchange.declare' | 'queue.bind' | 'queue.delete' | 'basic.qos',
  ) {
    return method === 'queue.declare' ? send('queue.declare-ok', { queue: 'q' }) : send(`${method}-ok`);
  }

  test('opening and closing a channel', () => {
    const peer = broker(
      [...handshake(), expects('channel.open'), cut()],
      [...handshake(), ...opened(), expects('channel.close'), cut()],
      [...handshake(), serve()],
    );
    const connection = connectTo(peer, LOST);
    const channel = connection.channel();
    channel.close();
    expect([channel.isOpen, connection.channels.size, connection.state]).toEqual([false, 0, 'open']);
    connection.channel().queuePurge('q');
    expect(connection.epoch).toBe(3);
  });

  test('starting a consumer, and ending one', () => {
    const started = [expects('basic.qos'), send('basic.qos-ok'), expects('basic.consume')];
    const peer = broker(
      [...handshake(), ...opened(), ...started, cut()],
      [
        ...[...handshake(), ...opened(), expects('basic.qos'), send('basic.qos-ok')],
        ...[expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'c' })],
        ...[expects('basic.cancel', { consumerTag: 'c' }), cut()],
      ],
      // the consumer is not started again: it was on its way out
      [
        ...[...handshake(), ...opened(), expects('basic.qos'), send('basic.qos-ok')],
        ...[
          expects('basic.cancel', { consumerTag: 'c' }),
          send('basic.cancel-ok', { consumerTag: 'c' }),
          serve(),
        ],
      ],
    );
    const channel = connectTo(peer, LOST).channel();
    expect(channel.basicConsume('q', () => {}, { consumerTag: 'c' })).toBe('c');
    channel.basicCancel('c');
    expect(channel.consumerTags).toEqual([]);
  });
});

describe('a channel whose opening was not sent', () => {
  test('is opened on the next connection', () => {
    const { connection, proxy } = lossy();
    const session = connection[SESSION];
    const pollIfNews = session.pollIfNews.bind(session);
    let isCut = false;
    session.pollIfNews = () => {
      if (!isCut && session.channels.has(1)) {
        isCut = true;
        proxy.cut();
        waitUntil(() => session.pump.hasNews); // the look that follows is the first to see it
      }
      pollIfNews();
    };
    const channel = connection.channel();
    expect([isCut, channel.isOpen]).toEqual([true, true]);
    expect(channel.queueDeclare('', { exclusive: true }).messageCount).toBe(0);
    expect(connection.epoch).toBe(2);
  });

  test('before an interruption leaves its number free', () => {
    const { connection, lose, regain } = lossy();
    lose();
    connection[SESSION].link.wakeSignal.interrupt();
    expect(thrownBy(() => connection.channel())).toBeInstanceOf(InterruptedError);
    regain();
    expect(connection.channel(1).isOpen).toBe(true);
  });

  test('in time leaves its number free', () => {
    const { connection, lose, regain } = lossy();
    lose();
    const late = thrownBy(() => connection.withDeadline(100, () => connection.channel()));
    expect(late).toMatchObject({
      name: 'TimeoutError',
      method: 'channel.open',
      outcome: 'not-sent',
    });
    regain();
    expect(connection.channel(1).isOpen).toBe(true);
    expect(connection.channels.size).toBe(1);
  });
});

test('a broker that had blocked publishing is gone, and so is its reason', () => {
  const blocked: Script = [
    ...[...handshake(), ...opened(), send('connection.blocked', { reason: 'low on memory' })],
    ...[waitFor('go'), stall(200), cut()],
  ];
  const peer = broker(blocked, [...handshake(), ...opened(), expects('basic.publish'), serve()]);
  const connection = connectTo(peer, LOST);
  const channel = connection.channel();
  const told: string[] = [];
  connection.onUnblocked = () => told.push('unblocked');
  connection.onOutage = () => told.push('outage');
  drainUntil(connection, () => connection.isBlocked);
  peer.signal('go');
  channel.basicPublish('waits for the next broker', { routingKey: 'q' });
  expect([connection.isBlocked, connection.blockedReason, connection.epoch]).toEqual([false, undefined, 2]);
  connection.loop({ timeout: 0 });
  expect(told).toEqual(['unblocked', 'outage']);
});

test('what wanted no answer is said to the next broker, though it was written for the last', () => {
  const { connection, proxy } = lossy();
  const channel = connection.channel();
  const [queue, exchange] = [unique('told'), unique('told')];
  proxy.cut();
  proxy.until(({ connections }) => connections === 2);
  proxy.until(({ forwarded }) => forwarded['client->broker'] > 0, CEILING, 2);
  pause(150); // it is there again, or soon, but nobody has looked
  channel.queueDeclare(queue, { exclusive: true, noWait: true });
  channel.exchangeDeclare(exchange, 'fanout', { autoDelete: true, noWait: true });
  channel.queueBind(queue, exchange, { noWait: true });
  channel.basicPublish('x', { exchange });
  eventually(() => count(channel, queue) === 1);
});

test('a remote call whose reply is lost is unknown; the next one goes through', async () => {
  const name = unique('procedure');
  const { connection, lose, regain, proxy } = lossy();
  const procedure = connection.rpc(name);
  await otherEnd(
    `connection.rpc(names.name).serve((request) => {
       if (request.text === 'slow') pause(600);
       return request.text.toUpperCase();
     });
     ready();
     connection.loop();`,
    { name },
  );
  expect(procedure.call('first').text).toBe('FIRST');
  setCut();
  const error = thrownBy(() => procedure.call('slow', { timeout: CEILING }));
  expect(error).toBeInstanceOf(ConnectionLostError);
  expect(error).toMatchObject({ outcome: 'unknown', recoverable: true });
  expect(procedure.call('next').text).toBe('NEXT');
  lose();
  regain();
  expect(procedure.call('last').text).toBe('LAST');

  /** Once the request is confirmed and its reply is not there. */
  function setCut(): void {
    const { connections } = proxy.seen();
    proxy.cut({ after: 20, direction: 'broker->client', connection: connections });
  }
});

test('a transaction as an object knows that it is lost', () => {
  const { connection, lose, regain } = lossy();
  const channel = connection.channel();
  const queue = channel.declareQueue();
  const transaction = channel.transaction();
  queue.publish('lost');
  lose();
  regain();
  expect(thrownBy(() => transaction.commit())).toMatchObject({ code: 'TRANSACTION_LOST' });
  expect(transaction.state).toBe('rolled-back');
  expect(thrownBy(() => transaction.commit())).toBeInstanceOf(WrongStateError);
  expect(queue.get()).toBeNull();
});

test('a password that was replaced is the one of the next connection', () => {
  const peer = broker(
    [
      ...[...handshake(), expects('connection.update-secret', { reason: 'renewed' })],
      ...[send('connection.update-secret-ok'), stall(100), cut()],
    ],
    [...handshake(), serve()],
  );
  const connection = connectTo(peer, LOST);
  connection.updateSecret('new one', 'renewed');
  eventually(() => connection.isAlive && connection.epoch === 2);
  const responses = peer.transcript().filter(({ method }) => method === 'connection.start-ok');
  expect(responses.map(({ args }) => Buffer.from(args.response as Uint8Array).toString())).toEqual([
    '\u0000guest\u0000guest',
    '\u0000guest\u0000new one',
  ]);
});

describe('a channel that is closed while nobody has noticed yet that the connection is there again', () => {
  /** The worker has recovered the connection, and this thread knows of the loss only. */
  function unnoticed() {
    const { connection, lose, proxy } = lossy();
    const channel = connection.channel();
    channel.queueDeclare('', { exclusive: true });
    const keeper = connection.channel();
    lose();
    proxy.up();
    eventually(() => proxy.seen().connections > 1);
    pause(200);
    return { connection, channel, keeper };
  }

  test('says so once', () => {
    const { connection, channel, keeper } = unnoticed();
    channel.close();
    expect([channel.isOpen, connection.state]).toEqual([false, 'open']);
    keeper.queueDeclare('', { exclusive: true });
    expect([...connection.channels.keys()]).toEqual([keeper.id]);
  });
});

test('a channel whose close could not be said in time is closed by the next broker', () => {
  const { connection, lose, regain } = lossy({}, { callTimeout: 100 });
  const channel = connection.channel();
  const keeper = connection.channel();
  lose();
  channel.close();
  expect(channel.isOpen).toBe(false);
  regain();
  keeper.queueDeclare('', { exclusive: true, timeout: CEILING });
  expect([...connection.channels.keys()]).toEqual([keeper.id]);
});
