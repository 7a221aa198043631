/** What the RabbitMQ of the tests never does: the delayed message plugin, and confirms that fail or never come. */
import {
  type Channel,
  Message,
  NackError,
  retry,
  TimeoutError,
  typed,
  UnroutableError,
  WrongStateError,
} from '../../src';
import { CEILING, errorOf, talk } from '../support/peers/peer';
import {
  closed,
  delivery,
  expects,
  handshake,
  opened,
  ready,
  type Script,
  send,
  serve,
  waitFor,
} from '../support/peers/script';

const on = (...script: Script): Channel => talk([...ready(), ...script]).connection.channel();
const confirms = [expects('confirm.select'), send('confirm.select-ok')];
const acked = (deliveryTag = 1) => send('basic.ack', { deliveryTag });

describe('delayed exchanges', () => {
  const declared = [
    expects('exchange.declare', {
      exchange: 'later',
      type: 'x-delayed-message',
      durable: true,
      arguments: { 'x-delayed-type': 'topic' },
    }),
    send('exchange.declare-ok'),
  ];

  it('are declared with the type they route by, and a message says how long it waits', () => {
    const channel = on(
      ...declared,
      ...confirms,
      // the plugin would have every mandatory message returned
      expects('basic.publish', { exchange: 'later', routingKey: 'a.b', mandatory: false }, { body: 'job' }),
      acked(),
      serve(),
    );
    const later = channel.declareExchange('later', 'topic', { delayed: true });
    expect(later).toMatchObject({ type: 'topic', delayed: true });
    const message = new Message('job', { headers: { kind: 'x' } });
    later.publish(message, 'a.b', { delay: { seconds: 5 } });
    expect(message.properties.headers).toEqual({ kind: 'x' });
  });

  it('a message without a delay is mandatory as everywhere', () => {
    const channel = on(
      ...declared,
      ...confirms,
      expects('basic.publish', { mandatory: true }),
      acked(),
      serve(),
    );
    channel.declareExchange('later', 'topic', { delayed: true }).publish('job', 'a.b');
  });

  it('the plain way is the same', () => {
    const channel = on(...declared, serve());
    const later = channel.declareExchange('later', 'x-delayed-message', {
      arguments: { 'x-delayed-type': 'topic' },
    });
    expect(later.delayed).toBe(true);
  });

  it('retry via delayed: an exchange beside the queue, bound to it', () => {
    const channel = on(
      expects('basic.qos'),
      send('basic.qos-ok'),
      expects('basic.consume', { queue: 'jobs' }),
      send('basic.consume-ok', { consumerTag: 'c' }),
      delivery('c', 1, { body: 'job', properties: { headers: { small: typed.int8(1) } } }),
      expects('exchange.declare', {
        exchange: 'jobs.retry',
        type: 'x-delayed-message',
        arguments: { 'x-delayed-type': 'direct' },
      }),
      send('exchange.declare-ok'),
      expects('queue.bind', { queue: 'jobs', exchange: 'jobs.retry', routingKey: 'jobs' }),
      send('queue.bind-ok'),
      ...confirms,
      expects(
        'basic.publish',
        { exchange: 'jobs.retry', routingKey: 'jobs', mandatory: false },
        { body: 'job' },
      ),
      acked(),
      expects('basic.ack', { deliveryTag: 1 }),
      serve(),
    );
    const jobs = channel.getQueue('jobs', { ensure: false });
    const fail = () => {
      throw new Error('failed');
    };
    jobs.subscribe(fail, { onError: retry({ max: 1, delay: 5000, via: 'delayed' }) });
    channel.connection.drainEvents({ timeout: CEILING });
    channel.connection.close();
  });
});

describe('confirms', () => {
  it('a confirm that never comes is a TimeoutError; the message stays unlocked, its outcome unknown', () => {
    const { peer, connection } = talk([
      ...[...ready(), ...confirms, expects('basic.publish')],
      ...[waitFor('given up'), acked(), serve()],
    ]);
    const channel = connection.channel();
    channel.confirmSelect(); // or the time for that would count
    const message = new Message('x');
    const error = errorOf(() => channel.defaultExchange.publish(message, 'q', { timeout: 50 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.outcome).toBe('unknown');
    expect(message.isLocked).toBe(false);
    peer.signal('given up');
  });

  it('the time for going into confirm mode counts', () => {
    const script = [expects('confirm.select'), waitFor('given up'), send('confirm.select-ok'), serve()];
    const { peer, connection } = talk([...ready(), ...script]);
    const channel = connection.channel();
    const error = errorOf(() => channel.defaultExchange.publish('x', 'q', { timeout: 50 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', method: 'confirm.select' });
    peer.signal('given up');
  });

  it('nack and return are errors of this very publish', () => {
    const channel = on(
      ...confirms,
      expects('basic.publish'),
      send('basic.nack', { deliveryTag: 1 }),
      expects('basic.publish'),
      acked(2),
      serve(),
    );
    expect(errorOf(() => channel.defaultExchange.publish('x', 'q'))).toBeInstanceOf(NackError);
    expect(() => channel.defaultExchange.publish('y', 'q')).not.toThrow(UnroutableError);
  });
});

it('a commit whose answer never comes leaves the transaction unknown, and is not rolled back', () => {
  const { peer, connection } = talk([
    ...[...ready(), expects('tx.select'), send('tx.select-ok'), expects('tx.commit')],
    ...[waitFor('given up'), send('tx.commit-ok'), ...closed()],
  ]);
  const channel = connection.channel();
  const transaction = channel.transaction();
  expect(errorOf(() => transaction.commit({ timeout: 50 }))).toBeInstanceOf(TimeoutError);
  expect(transaction.state).toBe('unknown');
  peer.signal('given up');
  transaction[Symbol.dispose]();
  expect(errorOf(() => transaction.commit())).toBeInstanceOf(WrongStateError);
  channel.connection.close();
});

it('stream filters are consumer arguments', () => {
  const channel = on(
    expects('basic.qos', { prefetchCount: 5 }),
    send('basic.qos-ok'),
    expects('basic.consume', {
      queue: 's',
      arguments: {
        'x-consumer-timeout': 5000,
        'x-priority': 3,
        'x-stream-offset': '90s',
        'x-stream-filter': ['a', 'b'],
        'x-stream-match-unfiltered': true,
      },
    }),
    send('basic.consume-ok', { consumerTag: 'c' }),
    serve(),
  );
  channel.getQueue('s', { ensure: false }).consume(() => {}, {
    prefetch: 5,
    priority: 3,
    consumerTimeout: { seconds: 5 },
    offset: { minutes: 1, seconds: 30 },
    filter: ['a', 'b'],
    matchUnfiltered: true,
  });
});

it('the default channel is opened once, and only when it is needed', () => {
  const { connection } = talk([...handshake(), ...opened(1), ...closed()]);
  expect(connection.channels.size).toBe(0);
  expect(connection.queue('a').channel).toBe(connection.exchange('b').channel);
  expect(connection.channels.size).toBe(1);
  connection.close();
});
