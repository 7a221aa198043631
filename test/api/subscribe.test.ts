/** `queue.subscribe`: a consumer that settles by itself, and what it does with failures. */
import {
  deaths,
  type IncomingMessage,
  InterruptedError,
  Message,
  NotFoundError,
  type Queue,
  retries,
  retry,
  typed,
} from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, drainUntil, eventually, expectSilence, thrownBy, unique } from '../support/connect';

let queue: Queue;
useChannel();
beforeEach(() => {
  queue = channel.declareQueue('', { autoDelete: false });
});

const drain = () => connection.drainEvents({ timeout: CEILING });
const fail = () => {
  throw new Error('failed');
};

describe('subscribe', () => {
  it('acks when the function returns', () => {
    const texts: string[] = [];
    const subscription = queue.subscribe((message) => texts.push(message.text));
    expect(channel.consumerTags).toEqual([subscription.tag]);
    for (const body of ['one', 'two']) queue.publish(body);
    drainUntil(connection, () => texts.length === 2);
    subscription.cancel();
    channel.basicRecover();
    expect(queue.get({ timeout: 20 })).toBeNull();
  });

  it('requeues what it throws for, and drainEvents throws it', () => {
    queue.publish('one');
    let calls = 0;
    const subscription = queue.subscribe((message) => {
      if (calls++ === 0) fail();
      expect(message.redelivered).toBe(true);
    });
    expect(drain).toThrow('failed');
    drain();
    expect(calls).toBe(2);
    subscription.cancel();
    expect(queue.get({ timeout: 20 })).toBeNull();
  });

  it.each([
    ['requeue: false', { requeue: false }, 1],
    ['rejectOnRedelivered, the second time', { rejectOnRedelivered: true }, 2],
  ])('with %s sends a message away for which the function throws', (_, options, wanted) => {
    queue.publish('one');
    queue.subscribe(fail, options);
    for (let call = 0; call < wanted; call++) expect(drain).toThrow('failed');
    expectSilence(connection, 50);
  });

  it('leaves alone what the function has settled', () => {
    for (const body of ['one', 'two']) queue.publish(body);
    const seen: string[] = [];
    queue.subscribe((message) => {
      seen.push(message.text);
      message.reject();
      if (seen.length === 2) fail();
    });
    drain();
    expect(drain).toThrow('failed');
    expect(channel.isOpen).toBe(true);
  });

  it('refuses a promise, whoever handles failures: the message goes back', () => {
    queue.publish('one');
    const onError = jest.fn();
    const subscription = queue.subscribe(async () => {}, { onError, requeue: false });
    const error = thrownBy(drain);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(
      'subscribe: the function returned a promise, and its message was requeued',
    );
    expect(onError).not.toHaveBeenCalled();
    subscription.cancel();
    expect(queue.get({ noAck: true, timeout: CEILING })?.redelivered).toBe(true);
  });

  it('using cancels it; what was sent ahead goes back', () => {
    {
      using subscription = queue.subscribe(fail);
      expect(channel.consumerTags).toEqual([subscription.tag]);
      for (const body of ['one', 'two']) queue.publish(body);
      eventually(() => queue.status().messageCount === 0);
    }
    expect(channel.consumerTags).toEqual([]);
    expect(queue.status().messageCount).toBe(2);
  });

  it('cancel does nothing a second time, or on a closed channel', () => {
    const subscription = queue.subscribe(() => {});
    subscription.cancel();
    subscription.cancel();
    const other = queue.subscribe(() => {});
    channel.close();
    other.cancel();
  });

  it('a function that loses its channel is heard', () => {
    queue.publish('one');
    queue.subscribe(() => channel.getQueue(unique('missing')), { onError: () => {} });
    expect(drain).toThrow(NotFoundError);
  });

  it('refuses wrong arguments', () => {
    expect(() => queue.subscribe(5 as never)).toThrow('fn must be a function');
    expect(() => queue.subscribe(fail, { noAck: true } as never)).toThrow(
      'subscribe: unknown option "noAck"',
    );
    expect(() => queue.subscribe(fail, { requeue: 1 as never })).toThrow('requeue must be true or false');
    expect(() => queue.subscribe(fail, { onError: {} as never })).toThrow('onError must be a function');
    expect(channel.consumerTags).toEqual([]);
  });
});

describe('onError', () => {
  it('takes the failure: error, message and queue', () => {
    queue.publish('one');
    const failures: unknown[] = [];
    queue.subscribe(fail, {
      onError: (error, message, from) => {
        failures.push([(error as Error).message, message.text, from === queue]);
        message.ack();
      },
    });
    drain();
    expect(failures).toEqual([['failed', 'one', true]]);
    expectSilence(connection, 50);
  });

  it('what it leaves unsettled is nacked', () => {
    queue.publish('one');
    const onError = jest.fn();
    queue.subscribe(fail, { onError, requeue: false });
    drain();
    expect(onError).toHaveBeenCalledTimes(1);
    expectSilence(connection, 50);
  });

  it('what it throws is thrown, and the message goes back; an interrupt is not its business', () => {
    queue.publish('one');
    let error: Error = new Error('first');
    const subscription = queue.subscribe(
      () => {
        throw error;
      },
      {
        onError: (thrown) => {
          throw new Error(`onError got ${(thrown as Error).message}`);
        },
      },
    );
    expect(drain).toThrow('onError got first');
    error = new InterruptedError('Ctrl-C');
    expect(drain).toThrow(InterruptedError);
    subscription.cancel();
    expect(queue.get({ noAck: true, timeout: CEILING })?.text).toBe('one');
  });
});

describe('retry', () => {
  /** What the function saw, in order, and a queue for what it never managed. */
  function run(
    options: Parameters<typeof retry>[0],
    until: (seen: readonly IncomingMessage[]) => boolean,
    message = new Message('job'),
  ) {
    const seen: IncomingMessage[] = [];
    queue.publish(message);
    using _ = queue.subscribe(
      (each) => {
        seen.push(each);
        fail();
      },
      { onError: retry(options) },
    );
    drainUntil(connection, () => until(seen));
    return seen;
  }

  const parked = () => channel.getQueue(`${queue.name.replace('amq.', '')}.parked`, { ensure: false });
  const isParked = () => {
    const name = parked().name;
    const other = connection.defaultChannel;
    try {
      return other.getQueue(name).status().messageCount === 1;
    } catch {
      return false;
    }
  };

  it('tries again, then parks the message with what happened to it', () => {
    const headers = { small: typed.int16(7), CC: ['elsewhere'] };
    const seen = run(
      { max: 2 },
      isParked,
      new Message('job', { type: 't', headers: { small: headers.small } }),
    );
    expect(seen.map(retries)).toEqual([0, 1, 2]);
    const poison = parked().get({ noAck: true })!;
    expect(poison.text).toBe('job');
    expect(poison.properties).toMatchObject({
      type: 't',
      headers: {
        'x-retry-count': 2,
        'x-retry-error': 'Error: failed',
        'x-retry-exchange': '',
        'x-retry-routing-key': queue.name,
      },
    });
    expect(poison.typedHeaders!.get('small')).toMatchObject({ type: 's', value: 7 });
    expect(queue.status().messageCount).toBe(0);
  });

  it('with a delay it waits in a queue of its own, longer each time', () => {
    const seen = run({ max: 3, delay: [20, { milliseconds: 40 }] }, isParked);
    expect(seen.map(retries)).toEqual([0, 1, 2, 3]);
    const waits = seen.map((message) =>
      deaths(message).map(({ queue: name, reason, count }) => [name, reason, count]),
    );
    const base = queue.name.replace('amq.', '');
    expect(waits[0]).toEqual([]);
    expect(waits[1]).toEqual([[`${base}.retry.20`, 'expired', 1]]);
    expect(waits[3]!.map(([name]) => name)).toContain(`${base}.retry.40`);
    expect(parked().get({ noAck: true })?.text).toBe('job');
  });

  it('max: 0 parks at once; park may be another queue', () => {
    const graveyard = channel.declareQueue('', { autoDelete: false });
    const seen = run({ max: 0, park: graveyard }, () => graveyard.status().messageCount === 1);
    expect(seen).toHaveLength(1);
    expect(graveyard.get({ noAck: true })!.properties.headers).toMatchObject({ 'x-retry-count': 0 });
  });

  it('park: false leaves it to the dead letters of the queue', () => {
    const dead = channel.declareQueue('', { autoDelete: false });
    queue = channel.declareQueue('', {
      deadLetterExchange: '',
      deadLetterRoutingKey: dead.name,
      autoDelete: false,
    });
    run({ max: 1, park: false }, (seen) => seen.length === 2);
    const message = dead.get({ noAck: true, timeout: CEILING })!;
    expect(deaths(message)).toMatchObject([{ queue: queue.name, reason: 'rejected', count: 1 }]);
  });

  it('what would lead the copy astray is taken off: CC, expiration, userId', () => {
    const cc = channel.declareQueue('', { autoDelete: false });
    const message = new Message('job', {
      expiration: { minutes: 1 },
      userId: 'guest',
      headers: { CC: [cc.name] },
    });
    run({ max: 1 }, isParked, message);
    expect(cc.status().messageCount).toBe(1);
    const { properties } = parked().get({ noAck: true })!;
    expect(properties).not.toHaveProperty('expiration');
    expect(properties).not.toHaveProperty('userId');
  });

  it('a parking queue that is missing loses nothing', () => {
    queue.publish('job');
    const subscription = queue.subscribe(fail, { onError: retry({ max: 0, park: unique('missing') }) });
    expect(drain).toThrow('NO_ROUTE');
    subscription.cancel();
    expect(queue.get({ noAck: true, timeout: CEILING })?.text).toBe('job');
  });

  it.each([
    [{}, 'max must be a whole number'],
    [{ max: -1 }, 'max must be a whole number from 0'],
    [{ max: 1, delay: [] }, 'delay must not be an empty list'],
    [{ max: 1, delay: 'soon' }, 'delay must be milliseconds or a duration'],
    [{ max: 1, via: 'dxl' }, 'via must be dlx or delayed, got dxl'],
    [{ max: 1, park: 5 }, 'park must be'],
    [{ max: 1, dealy: 5 }, 'did you mean "delay"?'],
  ])('refuses %p', (options, complaint) => {
    expect(() => retry(options as never)).toThrow(complaint);
  });
});
