/** A message that nobody can deal with: its failures count against the delivery limit, and it comes back more and more slowly. */
import { type Channel, deaths, type IncomingMessage, Master, type Queue } from '../../src';
import { versionOf } from '../support/brokers/version';
import { channel, connection, useChannel } from '../support/channel';
import {
  CEILING,
  drainUntil,
  duration,
  eventually,
  expectSilence,
  open,
  thrownBy,
  unique,
  untilSentAhead,
} from '../support/connect';
import { throwaway } from '../support/throwaway';

useChannel();

const declare = throwaway();
const fail = () => {
  throw new Error('failed');
};

/** Serve until `done`, whatever is thrown: of failures this is the news. */
function serveUntil(done: () => boolean): void {
  while (!done()) {
    try {
      connection.drainEvents({ timeout: CEILING });
    } catch (error) {
      if (!/failed|a promise/.test((error as Error).message)) throw error;
    }
  }
}

describe('the delivery limit of a quorum queue', () => {
  const LIMIT = 3;

  /** A queue with a limit, and the one where its dead come to. */
  const limited = () => {
    const grave = declare('', { autoDelete: false });
    const queue = declare(unique('limited'), {
      type: 'quorum',
      deliveryLimit: LIMIT,
      deadLetterExchange: '',
      deadLetterRoutingKey: grave.name,
    });
    return { queue, grave };
  };

  const WAYS: [string, (queue: Queue, work: (message?: IncomingMessage) => void) => void][] = [
    ['a subscriber that throws', (queue, work) => void queue.subscribe(work)],
    ['an asynchronous subscriber', (queue, work) => void queue.subscribe(async () => work())],
    [
      'onError that leaves it to the subscription',
      (queue, work) => void queue.subscribe(work, { onError: () => {} }),
    ],
    [
      'process in a callback',
      (queue, work) => void queue.consume((message) => message.process(work, { requeue: true })),
    ],
    [
      'dispose in a callback',
      (queue, work) =>
        void queue.consume((message) => {
          try {
            work();
          } finally {
            message[Symbol.dispose]();
          }
        }),
    ],
    [
      'a worker of a Master',
      (queue, work) => void new Master(channel).createWorker(queue.name, work, { passive: true }),
    ],
  ];

  it.each(WAYS)('ends what %s would do for ever', (_, start) => {
    const { queue, grave } = limited();
    queue.publish('{}');
    let calls = 0;
    start(queue, () => {
      calls++;
      fail();
    });
    serveUntil(() => calls > LIMIT);
    expect(deaths(grave.get({ noAck: true, timeout: CEILING })!)[0]).toMatchObject({
      reason: 'delivery_limit',
    });
    expectSilence(connection, 50);
    expect(calls).toBe(LIMIT + 1);
  });

  it('ends a loop that gives its message back', () => {
    const { queue, grave } = limited();
    queue.publish('poison');
    let calls = 0;
    for (const message of queue.iterator({ limit: LIMIT + 1, timeout: CEILING })) {
      calls++;
      expect(() => message.process(fail, { requeue: true })).toThrow('failed');
    }
    expect(deaths(grave.get({ noAck: true, timeout: CEILING })!)[0]).toMatchObject({
      reason: 'delivery_limit',
    });
    expect(calls).toBe(LIMIT + 1);
  });

  const UNSEEN: [string, (queue: Queue, from: Channel) => void][] = [
    [
      'a loop that is left',
      (queue, from) => {
        for (const message of from.consume(queue.name, { prefetch: 10, timeout: CEILING })) {
          message.ack();
          untilSentAhead(from, queue.name);
          break;
        }
      },
    ],
    [
      'a consumer that is cancelled',
      (queue, from) => {
        const tag = from.basicConsume(queue.name, () => {}, { prefetch: 10 });
        untilSentAhead(from, queue.name);
        from.basicCancel(tag);
      },
    ],
    [
      'a consumer that is cancelled without waiting',
      (queue, from) => {
        const tag = from.basicConsume(queue.name, () => {}, { prefetch: 10 });
        untilSentAhead(from, queue.name);
        from.basicCancel(tag, { noWait: true });
      },
    ],
  ];

  it.each(UNSEEN)('does not count what %s has not looked at', (_, look) => {
    if (versionOf(connection) !== '4.3') return; // 3.10 counts everything
    const { queue } = limited();
    queue.publish('seen');
    queue.publish('unseen');
    look(queue, open().channel());
    eventually(() => queue.status().messageCount > 0);
    let message = queue.get({ timeout: CEILING })!;
    if (message.text === 'seen') message = queue.get({ timeout: CEILING })!;
    expect(message.properties.headers).toMatchObject({ 'x-acquired-count': 1 });
    expect(message.properties.headers).not.toHaveProperty('x-delivery-count');
  });
});

describe('the pause before a message goes back again', () => {
  const poisoned = (onFailure: () => void = () => {}) => {
    const queue = declare('', { autoDelete: false });
    queue.publish('poison');
    const work = () => {
      onFailure();
      fail();
    };
    return { queue, work };
  };

  it('is none the first time, then 50 ms, and doubles', () => {
    let calls = 0;
    const { queue, work } = poisoned(() => calls++);
    queue.subscribe(work);
    const ms = duration(() => serveUntil(() => calls === 6));
    expect(ms).toBeGreaterThanOrEqual(50 + 100 + 200 + 400);
  });

  it('holds up no other message, and is no event', () => {
    const { queue, work } = poisoned();
    queue.subscribe(work, { prefetch: 1 });
    for (let call = 0; call < 5; call++)
      expect(() => connection.drainEvents({ timeout: CEILING })).toThrow('failed');
    const healthy = declare('', { autoDelete: false });
    const seen: string[] = [];
    healthy.subscribe(({ text }) => void seen.push(text));
    healthy.publish('other');
    connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual(['other']);
  });

  it('in a loop is spent in its wait for the next message', () => {
    const { queue } = poisoned();
    queue.publish('healthy');
    const seen: string[] = [];
    for (const message of queue.iterator({ prefetch: 2, limit: 7, timeout: CEILING })) {
      seen.push(message.text);
      if (message.text === 'healthy') message.ack();
      else expect(() => message.process(fail, { requeue: true })).toThrow('failed');
    }
    expect(seen.filter((text) => text === 'poison')).toHaveLength(6);
    expect(queue.get({ noAck: true, timeout: CEILING })?.text).toBe('poison');
  });

  it('ends with its consumer: the message goes back at once', () => {
    let calls = 0;
    const { queue, work } = poisoned(() => calls++);
    const subscription = queue.subscribe(work);
    serveUntil(() => calls === 3);
    subscription.cancel();
    eventually(() => queue.status().messageCount === 1);
  });

  it('ends nothing when the program has settled the message meanwhile, or the channel is gone', () => {
    const messages: IncomingMessage[] = [];
    const { queue, work } = poisoned();
    const other = connection.channel();
    const start = (from: Channel) =>
      from.getQueue(queue.name).subscribe((message) => {
        messages.push(message);
        work();
      });
    const subscription = start(channel);
    serveUntil(() => messages.length === 3);
    messages.at(-1)!.ack();
    expectSilence(connection, 150);
    subscription.cancel();
    queue.publish('another');
    start(other);
    serveUntil(() => messages.length === 6);
    other.close();
    expectSilence(connection, 150);
    expect(queue.get({ noAck: true, timeout: CEILING })?.text).toBe('another');
  });

  it('is none with requeuePause: 0', () => {
    let calls = 0;
    const hasty = open({ requeuePause: 0 });
    const queue = hasty.channel().declareQueue();
    queue.publish('poison');
    queue.subscribe(() => {
      if (++calls < 20) fail();
    });
    for (let call = 1; call < 20; call++)
      expect(thrownBy(() => hasty.drainEvents({ timeout: CEILING })).message).toBe('failed');
    drainUntil(hasty, () => calls === 20);
  });
});
