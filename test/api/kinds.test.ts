/** Kinds of queues: the arguments by name, and what the broker makes of them. */
import { deaths, type IncomingMessage, Message, type Queue, retry } from '../../src';
import { type KnownVersion, versionOf } from '../support/brokers/version';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, drainUntil, duration, open, unique } from '../support/connect';
import { throwaway } from '../support/throwaway';

useChannel();

const declare = throwaway();
const take = (queue: Queue) => queue.get({ noAck: true, timeout: CEILING })?.text;

describe('arguments', () => {
  it('are those of RabbitMQ, with durations in milliseconds', () => {
    const exchange = channel.declareExchange(unique('dead'), 'fanout', { autoDelete: true });
    const queue = declare('', {
      arguments: { 'x-custom': 'kept' },
      singleActiveConsumer: true,
      maxPriority: 4,
      messageTtl: { minutes: 1 },
      expires: { hours: 1 },
      maxLength: 10,
      maxLengthBytes: 1000,
      overflow: 'reject-publish-dlx',
      deadLetterExchange: exchange,
      deadLetterRoutingKey: 'dead',
    });
    expect(queue.arguments).toEqual({
      'x-custom': 'kept',
      'x-single-active-consumer': true,
      'x-max-priority': 4,
      'x-message-ttl': 60_000,
      'x-expires': 3_600_000,
      'x-max-length': 10,
      'x-max-length-bytes': 1000,
      'x-overflow': 'reject-publish-dlx',
      'x-dead-letter-exchange': exchange.name,
      'x-dead-letter-routing-key': 'dead',
    });
  });

  it.each([
    [{ type: 'stack' }, 'type must be classic or quorum or stream, got "stack"'],
    [{ overflow: 'drop-tail' }, 'overflow must be drop-head or reject-publish'],
    [{ maxPriority: 0 }, 'maxPriority must be a whole number from 1 to 255'],
    [{ messageTtl: -1 }, 'messageTtl must be 0 or more milliseconds'],
    [{ messageTtl: '5s' }, 'messageTtl must be milliseconds or a duration'],
    [{ expires: 0 }, 'expires must be a whole number from 1'],
    [{ maxLength: 1.5 }, 'maxLength must be a whole number'],
    [{ singleActiveConsumer: 'yes' }, 'singleActiveConsumer must be true or false'],
    [{ deadLetterExchange: 5 }, 'deadLetterExchange must be'],
    [
      { type: 'classic', deliveryLimit: 5 },
      'deliveryLimit is for quorum queues, and this is a classic queue',
    ],
    [
      { type: 'stream', messageTtl: 5 },
      'messageTtl is for classic and quorum queues, and this is a stream queue',
    ],
    [{ type: 'quorum', deliveryLimit: -2 }, 'deliveryLimit must be a whole number from -1'],
    [
      { type: 'quorum', delayedRetryType: 'some', delayedRetryMin: 1 },
      'delayedRetryType must be all or failed or returned, got "some"',
    ],
    [{ type: 'quorum', delayedRetryType: 'all' }, 'delayedRetryType needs delayedRetryMin, or the broker'],
    [{ type: 'quorum', delayedRetryMin: 5 }, 'delayedRetryMin needs delayedRetryType'],
    [{ type: 'quorum', delayedRetryMax: 5 }, 'delayedRetryMax needs delayedRetryMin'],
    [
      { type: 'quorum', delayedRetryType: 'all', delayedRetryMin: '5' },
      'delayedRetryMin must be milliseconds',
    ],
    [{ type: 'classic', consumerTimeout: 5 }, 'consumerTimeout is for quorum queues'],
    [{ type: 'quorum', consumerTimeout: 0 }, 'consumerTimeout must be a whole number from 1'],
    [
      { type: 'quorum', consumerDisconnectedTimeout: 'x' },
      'consumerDisconnectedTimeout must be milliseconds',
    ],
    [{ type: 'quorum', maxAge: '1D' }, 'maxAge is for stream queues'],
    [{ arguments: { 'x-queue-type': 'quorum' }, maxPriority: 5 }, 'maxPriority is for classic queues'],
    [{ type: 'stream', maxAge: '1 day' }, 'maxAge must be a duration, or a number with one of Y M D h m s'],
    [{ type: 'quorum', durable: false }, 'a quorum queue is durable and shared, it cannot be transient'],
    [{ type: 'quorum', exclusive: true }, 'it cannot be exclusive'],
    [{ type: 'stream', autoDelete: true }, 'it cannot be autoDelete'],
    [
      { messageTtl: 5, arguments: { 'x-message-ttl': 5 } },
      "messageTtl and arguments['x-message-ttl'] are the same",
    ],
    [{ messageTtl: 5, arguments: new Map([['x-message-ttl', 5]]) }, 'are the same; give one of them'],
  ])('refuse %p before anything is sent', (options, complaint) => {
    expect(() => channel.declareQueue('amqp-sync.refused', options as never)).toThrow(complaint);
    expect(channel.isOpen).toBe(true);
  });
});

describe('classic queues', () => {
  it('with priorities give the higher first', () => {
    const queue = declare('', { maxPriority: 2 });
    for (const priority of [0, 2, 1]) queue.publish(`${priority}`, { priority });
    expect([take(queue), take(queue), take(queue)]).toEqual(['2', '1', '0']);
  });

  it('dead-letter after their TTL: deaths tells the story, the latest first', () => {
    const grave = declare('', { autoDelete: false });
    const second = declare('', {
      deadLetterExchange: '',
      deadLetterRoutingKey: grave.name,
      autoDelete: false,
    });
    const first = declare('', {
      messageTtl: 0,
      deadLetterExchange: '',
      deadLetterRoutingKey: second.name,
      autoDelete: false,
    });
    first.publish(new Message('x', { expiration: { hours: 1 } }));
    second.get({ timeout: CEILING })!.reject();
    const story = deaths(grave.get({ noAck: true, timeout: CEILING })!);
    expect(story).toEqual([
      {
        queue: second.name,
        reason: 'rejected',
        count: 1,
        exchange: '',
        routingKeys: [second.name],
        time: expect.any(Date),
        originalExpiration: undefined,
      },
      {
        queue: first.name,
        reason: 'expired',
        count: 1,
        exchange: '',
        routingKeys: [first.name],
        time: expect.any(Date),
        originalExpiration: '3600000',
      },
    ]);
  });

  it('give no deaths to a message that never died, whatever its headers say', () => {
    expect(deaths(new Message('x'))).toEqual([]);
    expect(deaths(new Message('x', { headers: { 'x-death': 'often' } }))).toEqual([]);
    expect(deaths(new Message('x', { headers: { 'x-death': [5, { queue: 'q' }] } }))).toMatchObject([
      { queue: 'q', count: 1, routingKeys: [], time: undefined },
    ]);
  });

  it('with the overflow drop-head lose the oldest message', () => {
    const queue = declare('', { maxLength: 1, overflow: 'drop-head' });
    for (const body of ['old', 'new']) queue.publish(body);
    expect([take(queue), queue.get()]).toEqual(['new', null]);
  });

  it('with a single active consumer give all to one, then to the next', () => {
    const queue = declare('', { singleActiveConsumer: true, autoDelete: false });
    const calls: string[] = [];
    const first = queue.subscribe(() => calls.push('first'));
    queue.subscribe(() => calls.push('second'));
    for (const body of ['1', '2']) queue.publish(body);
    drainUntil(connection, () => calls.length === 2);
    first.cancel();
    queue.publish('3');
    drainUntil(connection, () => calls.length === 3);
    expect(calls).toEqual(['first', 'first', 'second']);
  });
});

describe('quorum queues', () => {
  it('have arguments of their own, which brokers before 4.3 ignore', () => {
    const queue = declare(unique('quorum'), {
      type: 'quorum',
      deliveryLimit: -1,
      delayedRetryType: 'failed',
      delayedRetryMin: { seconds: 1 },
      delayedRetryMax: { minutes: 1 },
      consumerTimeout: { hours: 1 },
      consumerDisconnectedTimeout: 5000,
    });
    expect(queue.arguments).toEqual({
      'x-queue-type': 'quorum',
      'x-delivery-limit': -1,
      'x-delayed-retry-type': 'failed',
      'x-delayed-retry-min': 1000,
      'x-delayed-retry-max': 60_000,
      'x-consumer-timeout': 3_600_000,
      'x-consumer-disconnected-timeout': 5000,
    });
  });

  it('keep what has failed for a while, if they are told to', () => {
    if (versionOf(connection) !== '4.3') return;
    const queue = declare(unique('quorum'), {
      type: 'quorum',
      delayedRetryType: 'failed',
      delayedRetryMin: 300,
    });
    queue.publish('x');
    queue.get({ timeout: CEILING })!.reject({ requeue: true });
    const waited = duration(() => queue.get({ timeout: CEILING })!.ack());
    expect(waited).toBeGreaterThanOrEqual(250); // by the broker's clock
  });

  /** Each of the first two deliveries goes back; what their headers count, and what has become of the message. */
  const goBackTwice = (giveBack: (message: IncomingMessage) => void) => {
    const grave = declare('', { autoDelete: false });
    const queue = declare(unique('quorum'), {
      type: 'quorum',
      deliveryLimit: 1,
      initialGroupSize: 1,
      deadLetterExchange: '',
      deadLetterRoutingKey: grave.name,
    });
    expect(queue).toMatchObject({ type: 'quorum', durable: true, exclusive: false, autoDelete: false });
    queue.publish('poison');
    const [deliveries, acquired]: unknown[][] = [[], []];
    for (const message of queue.iterator({ limit: 2, timeout: CEILING })) {
      deliveries!.push(message.properties.headers?.['x-delivery-count']);
      acquired!.push(message.properties.headers?.['x-acquired-count']);
      giveBack(message);
    }
    return { queue, grave, deliveries, acquired };
  };
  const none = [undefined, undefined];

  it.each<[string, (message: IncomingMessage) => void, readonly KnownVersion[]]>([
    ['reject', (message) => message.reject({ requeue: true }), ['3.10', '4.3']],
    ['nack', (message) => message.nack(), ['3.10']],
  ])('count deliveries that %s gives back, and give up after deliveryLimit', (_how, giveBack, counting) => {
    const { queue, grave, deliveries, acquired } = goBackTwice(giveBack);
    const version = versionOf(connection);
    expect(acquired).toEqual({ '3.10': none, '4.3': [undefined, 1] }[version]);
    expect(deliveries).toEqual(counting.includes(version) ? [undefined, 1] : none);
    if (counting.includes(version)) {
      const [death] = deaths(grave.get({ noAck: true, timeout: CEILING })!);
      expect(death).toMatchObject({ queue: queue.name, reason: 'delivery_limit' });
    } else {
      expect(take(queue)).toBe('poison');
      expect(grave.get()).toBeNull();
    }
  });

  it('retry keeps messages in quorum queues', () => {
    const queue = declare(unique('quorum'), { type: 'quorum' });
    const [waiting, parked] = [`${queue.name}.retry.20`, `${queue.name}.parked`];
    queue.publish('poison');
    let calls = 0;
    queue.subscribe(
      () => {
        calls++;
        throw new Error('failed');
      },
      { onError: retry({ max: 1, delay: 20 }) },
    );
    drainUntil(connection, () => calls === 2);
    expect(take(channel.getQueue(parked))).toBe('poison');
    declare(parked, { type: 'quorum', ...unlimited() });
    declare(waiting, {
      type: 'quorum',
      messageTtl: 20,
      deadLetterExchange: '',
      deadLetterRoutingKey: queue.name,
    });
  });

  /** What a quorum queue needs to lose nothing that is given back often. */
  const unlimited = () => (versionOf(connection) === '4.3' ? { deliveryLimit: -1 } : {});

  const MORE_THAN_THE_DEFAULT_LIMIT = 25;

  it.each([
    ['that it declares', false],
    ['that was declared before without such an argument', true],
  ])('retry parks in a queue %s', (_which, isThere) => {
    const queue = declare(unique('quorum'), { type: 'quorum', deliveryLimit: 1 });
    const name = `${queue.name}.parked`;
    if (isThere) declare(name, { type: 'quorum' });
    queue.publish('poison');
    let isParked = false;
    const onError = retry({ max: 0, onError: () => (isParked = true) });
    const fail = () => {
      throw new Error('failed');
    };
    queue.subscribe(fail, { onError });
    drainUntil(connection, () => isParked);
    const parked = channel.getQueue(name);
    const givenBack = isThere ? 2 : MORE_THAN_THE_DEFAULT_LIMIT;
    for (let time = 0; time < givenBack; time++) {
      const message = parked.get({ timeout: CEILING });
      expect(message?.text).toBe('poison');
      message!.reject({ requeue: true });
    }
    expect(take(parked)).toBe('poison');
  });

  it('retry parks many, also on a connection that has no channel to spare', () => {
    const queue = declare(unique('quorum'), { type: 'quorum' });
    using narrow = open({ channelMax: 1 });
    const isParked: string[] = [];
    const onError = retry({ max: 0, onError: (_error, { text }) => isParked.push(text) });
    const fail = () => {
      throw new Error('failed');
    };
    for (const body of ['one', 'two', 'three']) queue.publish(body);
    narrow.channel().declareQueue(queue.name, { type: 'quorum' }).subscribe(fail, { onError });
    drainUntil(narrow, () => isParked.length === 3);
    expect(isParked).toEqual(['one', 'two', 'three']);
    channel.queueDelete(`${queue.name}.parked`);
  });

  it('a dead letter that died of its limit can fail again in a queue without one', () => {
    const grave = declare(unique('grave'), { type: 'quorum', ...unlimited() });
    const queue = declare(unique('quorum'), {
      type: 'quorum',
      deliveryLimit: 0,
      deadLetterExchange: '',
      deadLetterRoutingKey: grave.name,
    });
    queue.publish('poison');
    queue.get({ timeout: CEILING })!.reject({ requeue: true });
    for (let time = 0; time < 3; time++) grave.get({ timeout: CEILING })!.reject({ requeue: true });
    expect(take(grave)).toBe('poison');
  });

  it('cannot be declared without a name', () => {
    expect(() => channel.declareQueue('', { type: 'quorum' })).toThrow('a quorum queue needs a name');
  });
});
