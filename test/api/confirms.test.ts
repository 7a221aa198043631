/** Confirm mode: a publish returns once the broker has taken responsibility, or says what became of it. */
import {
  AccessRefusedError,
  ChannelClosedError,
  type Message,
  NackError,
  NotFoundError,
  PreconditionFailedError,
  type PublishOptions,
  type PublishResult,
  type ReturnedMessage,
  TimeoutError,
  UnroutableError,
  WrongStateError,
  wasSent,
} from '../../src';
import { versionOf } from '../support/brokers/version';
import { channel, connection, useChannel } from '../support/channel';
import {
  count,
  eventually,
  expectSilence,
  privateQueue,
  takeAll,
  thrownBy,
  unique,
  untilTooLate,
} from '../support/connect';

useChannel();
beforeEach(() => {
  channel.confirmSelect();
});

/** A queue that holds one message, and refuses the next. */
function queueOfOne(): string {
  const args = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
  return channel.queueDeclare('', { exclusive: true, arguments: args }).queue;
}

/** Publishes that the broker has not confirmed yet, as the channel counts them. */
function outstanding(): number {
  return connection.withDeadline(0, () => {
    try {
      channel.waitForConfirms();
      return 0;
    } catch (error) {
      return Number(/^\d+/.exec((error as Error).message)?.[0]);
    }
  });
}

describe('confirmSelect', () => {
  it('turns the mode on for good; again is nothing', () => {
    expect(channel.mode).toBe('confirm');
    channel.confirmSelect();
    expect(channel.mode).toBe('confirm');
  });

  it('with noWait does not wait for the broker', () => {
    const quick = connection.channel();
    quick.confirmSelect({ noWait: true });
    quick.basicPublish('x', { routingKey: privateQueue(quick) });
    expect(quick.nextPublishSeqNo).toBe(2);
    quick.close();
  });

  it('confirm mode and transactions exclude each other: WrongStateError before anything is sent', () => {
    const error = thrownBy(() => channel.txSelect());
    expect(error).toBeInstanceOf(WrongStateError);
    expect(error).toMatchObject({ code: 'WRONG_MODE', outcome: 'not-sent' });
    expect(channel.mode).toBe('confirm');
    channel.basicPublish('still works', { routingKey: privateQueue(channel) });
  });

  it('does not outlive a reopen of the channel', () => {
    channel.close();
    channel.reopen();
    expect([channel.mode, channel.nextPublishSeqNo]).toEqual(['none', 0]);
  });
});

describe('a confirmed publish', () => {
  it('is in the queue when it returns', () => {
    const queue = privateQueue(channel);
    const other = connection.channel();
    for (let n = 1; n <= 20; n++) {
      channel.basicPublish(String(n), { routingKey: queue });
      expect(count(other, queue)).toBe(n);
    }
    expect(channel.nextPublishSeqNo).toBe(21);
    other.close();
  });

  it('that no queue takes is confirmed as well, unless it is mandatory', () => {
    channel.basicPublish('x', { routingKey: unique('nowhere') });
    expect(channel.nextPublishSeqNo).toBe(2);
  });

  it('mandatory and unroutable: UnroutableError with the reason and the message; the next is unaffected', () => {
    const routingKey = unique('nowhere');
    const options = { exchange: 'amq.direct', routingKey, mandatory: true, messageId: 'm1' };
    const error = thrownBy<UnroutableError<ReturnedMessage>>(() => channel.basicPublish('lost', options));
    expect(error).toBeInstanceOf(UnroutableError);
    expect(error).toMatchObject({
      code: 'NO_ROUTE',
      replyCode: 312,
      replyText: 'NO_ROUTE',
      method: 'basic.publish',
      origin: 'broker',
      outcome: 'rejected',
    });
    expect(error.message).toBe(
      `publish 1 to exchange "amq.direct" with routing key "${routingKey}" was returned: 312 NO_ROUTE`,
    );
    const { returnedMessage } = error;
    expect(returnedMessage).toMatchObject({ exchange: 'amq.direct', routingKey, text: 'lost' });
    expect(returnedMessage?.properties).toEqual({ messageId: 'm1', contentEncoding: 'utf-8' });
    channel.basicPublish('x', { routingKey: privateQueue(channel), mandatory: true });
    expect(channel.returnedMessages).toEqual([]);
    expectSilence(connection, 20);
  });

  it('refused by the queue: NackError with the message; the next is unaffected', () => {
    const queue = queueOfOne();
    channel.basicPublish('first', { routingKey: queue });
    const error = thrownBy<NackError<Message>>(() =>
      channel.basicPublish('second', { routingKey: queue, messageId: 'm2' }),
    );
    expect(error).toBeInstanceOf(NackError);
    expect(error).toMatchObject({ code: 'NACK', method: 'basic.publish', outcome: 'rejected' });
    expect(error.message).toBe(
      `publish 2 to exchange "" with routing key "${queue}" was refused by the broker (basic.nack)`,
    );
    expect(error.returnedMessage?.text).toBe('second');
    expect(error.returnedMessage?.properties).toMatchObject({ messageId: 'm2' });
    expect(takeAll(channel, queue)).toEqual(['first']);
    channel.basicPublish('third', { routingKey: queue });
  });

  it.each<[string, object, unknown, number]>([
    ['a missing exchange', { exchange: 'no-such-exchange' }, NotFoundError, 404],
    ['an exchange that is internal', { exchange: 'amq.rabbitmq.trace' }, AccessRefusedError, 403],
    ['the name of another user', { userId: 'mallory' }, PreconditionFailedError, 406],
  ])('to %s throws what the broker says, and closes the channel', (_what, ...how) => isRefused(...how));

  it('in an unknown delivery mode is refused by 3.10; 4.3 takes it, and keeps the number', () => {
    if (versionOf(connection) === '3.10') return isRefused({ deliveryMode: 7 }, PreconditionFailedError, 406);
    const queue = privateQueue(channel);
    channel.basicPublish('x', { routingKey: queue, deliveryMode: 7 });
    expect(channel.basicGet(queue)?.properties.deliveryMode).toBe(7);
  });

  function isRefused(options: PublishOptions, errorClass: unknown, replyCode: number): void {
    const error = thrownBy(() => channel.basicPublish('x', options));
    expect(error).toBeInstanceOf(errorClass);
    expect(error).toMatchObject({ replyCode, method: 'basic.publish', outcome: 'rejected' });
    expect(channel.isOpen).toBe(false);
  }

  it('timeout: TimeoutError, outcome unknown; the late confirm is not taken for the next publish', () => {
    const queue = privateQueue(channel);
    const error = untilTooLate(() => channel.basicPublish('late', { routingKey: queue, timeout: 0 }));
    expect(error).toMatchObject({ method: 'basic.publish', outcome: 'unknown', recoverable: true });
    const published = channel.nextPublishSeqNo;
    const nowhere = { routingKey: unique('nowhere'), mandatory: true };
    expect(() => channel.basicPublish('unroutable', nowhere)).toThrow(UnroutableError);
    expect(channel.nextPublishSeqNo).toBe(published + 1);
    expect(channel.waitForConfirms()).toBe(true);
    expect(count(channel, queue)).toBe(published - 1);
  });
});

describe('wait: false and waitForConfirms', () => {
  it('publish without waiting, and wait for all of them together', () => {
    const queue = privateQueue(channel);
    for (let i = 0; i < 500; i++) channel.basicPublish('x', { routingKey: queue, wait: false });
    expect(channel.nextPublishSeqNo).toBe(501);
    expect(channel.waitForConfirms()).toBe(true);
    expect(count(channel, queue)).toBe(500);
    expect(outstanding()).toBe(0);
  });

  it('give false if a message was nacked since the last time', () => {
    const queue = queueOfOne();
    for (let i = 0; i < 3; i++) channel.basicPublish('x', { routingKey: queue, wait: false });
    expect(channel.waitForConfirms()).toBe(false);
    expect(channel.waitForConfirms()).toBe(true);
  });

  it('count a nack that was thrown already no second time', () => {
    const queue = queueOfOne();
    channel.basicPublish('first', { routingKey: queue });
    expect(() => channel.basicPublish('second', { routingKey: queue })).toThrow(NackError);
    channel.basicPublish('elsewhere', { routingKey: privateQueue(channel), wait: false });
    expect(channel.waitForConfirms()).toBe(true);
  });

  it('keep a mandatory message that came back among returnedMessages', () => {
    channel.basicPublish('lost', { routingKey: unique('nowhere'), mandatory: true, wait: false });
    channel.waitForConfirms();
    connection.loop({ timeout: 0 });
    expect(channel.returnedMessages.map((message) => message.text)).toEqual(['lost']);
  });

  it('hand a mandatory message that came back to onReturn, if there is one', () => {
    const texts: string[] = [];
    channel.onReturn = (message) => texts.push(message.text);
    channel.basicPublish('lost', { routingKey: unique('nowhere'), mandatory: true, wait: false });
    channel.waitForConfirms();
    connection.loop({ timeout: 0 });
    expect(texts).toEqual(['lost']);
  });

  it('throw what closed the channel meanwhile', () => {
    const exchange = unique('missing');
    channel.basicPublish('x', { exchange, wait: false });
    const error = thrownBy(() => channel.waitForConfirms());
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'basic.publish' });
    expect(error.message).toContain(exchange);
  });

  it('throw a TimeoutError that says how many confirms are missing', () => {
    const queue = privateQueue(channel);
    for (let i = 0; i < 100; i++) channel.basicPublish('x', { routingKey: queue, wait: false });
    const error = untilTooLate(() => {
      channel.basicPublish('x', { routingKey: queue, wait: false });
      channel.waitForConfirms({ timeout: 0 });
    });
    expect(error.message).toMatch(/^[1-9]\d* publishes on channel \d+ were not confirmed in time$/);
    expect(channel.waitForConfirms()).toBe(true);
  });

  it('need confirm mode', () => {
    const plain = connection.channel();
    expect(() => plain.waitForConfirms()).toThrow(WrongStateError);
    expect(() => plain.waitForConfirms()).toThrow('call confirmSelect on channel');
    plain.close();
  });
});

describe('publishBatch', () => {
  it.each([0, 1, 1000, 20_000])('publishes %d messages and says what became of each', (size) => {
    const queue = privateQueue(channel);
    const bodies = Array.from({ length: size }, (_, index) => `message ${index}`);
    const results = channel.publishBatch(bodies, { routingKey: queue });
    expect(results.length).toBe(size);
    expect(results.every(({ status, seqNo }, index) => status === 'acked' && seqNo === index + 1)).toBe(true);
    expect(count(channel, queue)).toBe(size);
    expect(channel.nextPublishSeqNo).toBe(size + 1);
  });

  it('takes bodies, Messages, and bodies with options of their own', () => {
    const queue = privateQueue(channel);
    const results = channel.publishBatch(
      [
        'text',
        Buffer.from('bytes'),
        { body: 'urgent', priority: 9 },
        { body: 'astray', routingKey: unique('nowhere') },
        { body: Buffer.from('typed'), type: 'special', contentType: undefined },
      ],
      { routingKey: queue, mandatory: true, contentType: 'text/plain' },
    );
    expect(results.map(({ status }) => status)).toEqual(['acked', 'acked', 'acked', 'returned', 'acked']);
    const taken = Array.from({ length: 4 }, () => channel.basicGet(queue, { noAck: true })!);
    expect(taken.map((message) => [message.text, message.properties])).toEqual([
      ['text', { contentType: 'text/plain', contentEncoding: 'utf-8' }],
      ['bytes', { contentType: 'text/plain' }],
      ['urgent', { contentType: 'text/plain', contentEncoding: 'utf-8', priority: 9 }],
      ['typed', { type: 'special' }],
    ]);
  });

  it('takes any iterable, and no more of it than the window lets out', () => {
    const queue = privateQueue(channel);
    let most = 0;
    function* numbers() {
      for (let n = 1; n <= 500; n++) {
        most = Math.max(most, outstanding());
        yield String(n);
      }
    }
    const results = channel.publishBatch(numbers(), { routingKey: queue, window: 7 });
    expect(results.every(({ status }) => status === 'acked')).toBe(true);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(7);
  });

  describe('with onResult', () => {
    it('hands on each result in order, no later than the window is full, and returns their number', () => {
      const queue = privateQueue(channel);
      const told: unknown[] = [];
      let ahead = 0;
      function* numbers() {
        for (let n = 0; n < 2000; n++) {
          ahead = Math.max(ahead, n - told.length);
          yield n === 1234 ? { body: 'astray', routingKey: unique('nowhere'), mandatory: true } : String(n);
        }
      }
      const onResult = (result: PublishResult, index: number) =>
        told.push([index, result.seqNo, result.status]);
      const counts = channel.publishBatch(numbers(), { routingKey: queue, window: 50, onResult });
      const expected = Array.from({ length: 2000 }, (_, n) => [n, n + 1, n === 1234 ? 'returned' : 'acked']);
      expect(told).toEqual(expected);
      expect(ahead).toBe(50);
      expect(counts).toEqual({ acked: 1999, returned: 1, nacked: 0, failed: 0, unknown: 0, 'not-sent': 0 });
    });

    it('may make calls of its own, on the same channel, too', () => {
      const [queue, log] = [privateQueue(channel), privateQueue(channel)];
      const onResult = (_: PublishResult, index: number) => {
        channel.basicPublish(`done ${index}`, { routingKey: log });
        channel.publishBatch(['and', 'more'], { routingKey: log });
      };
      expect(
        channel.publishBatch(Array(20).fill('x'), { routingKey: queue, window: 3, onResult }).acked,
      ).toBe(20);
      expect([count(channel, queue), count(channel, log)]).toEqual([20, 60]);
    });

    it.each(['an error', 'a promise'])(
      'ends with %s of it; waitForConfirms tells of what was sent',
      (what) => {
        const queue = privateQueue(channel);
        const onResult = (_: PublishResult, index: number) => {
          if (index < 5) return;
          if (what === 'an error') throw new Error('enough');
          return Promise.reject(new Error('nobody hears this')) as never;
        };
        const publish = () =>
          channel.publishBatch(Array(100).fill('x'), { routingKey: queue, window: 10, onResult });
        expect(publish).toThrow(
          what === 'an error' ? /^enough$/ : /^onResult: the function returned a promise;/,
        );
        expect(channel.waitForConfirms()).toBe(true);
        expect(channel.nextPublishSeqNo).toBeLessThanOrEqual(17);
        expect(count(channel, queue)).toBe(channel.nextPublishSeqNo - 1);
      },
    );

    it('left early, what nobody was told of is for waitForConfirms and returnedMessages', () => {
      const full = queueOfOne();
      function* astray() {
        yield* [1, 2, 3].map(() => ({ body: 'too much', routingKey: full }));
        yield { body: 'astray', routingKey: unique('nowhere'), mandatory: true };
        eventually(() => outstanding() === 0);
        throw new Error('no more');
      }
      expect(() => channel.publishBatch(astray())).toThrow('no more');
      expect(channel.returnedMessages.map(({ text }) => text)).toEqual(['astray']);
      expect(channel.waitForConfirms()).toBe(false);
      expect(channel.waitForConfirms()).toBe(true);
    });

    it('says of each message of an array that it was not sent, once the channel is gone', () => {
      const bodies = [{ body: 'doomed', exchange: unique('no-exchange') }, ...Array(3000).fill('x')];
      const told: string[] = [];
      const onResult = ({ status }: PublishResult) => void told.push(status);
      const counts = channel.publishBatch(bodies, { window: 100, onResult });
      expect(told[0]).toBe('failed');
      expect(told.length).toBe(3001);
      expect(counts.failed + counts.unknown + counts['not-sent']).toBe(3001);
      expect(counts['not-sent']).toBeGreaterThan(2000);
    });
  });

  it('one nacked, one returned: their results carry error and message, the others are acked', () => {
    const [full, wide] = [queueOfOne(), privateQueue(channel)];
    const results = channel.publishBatch([
      { body: 'fits', routingKey: full },
      { body: 'too much', routingKey: full },
      { body: 'astray', routingKey: unique('nowhere'), mandatory: true },
      { body: 'last', routingKey: wide },
    ]);
    expect(results.map(({ status }) => status)).toEqual(['acked', 'nacked', 'returned', 'acked']);
    expect(results[0]).toEqual({ seqNo: 1, status: 'acked', error: undefined });
    const [, nacked, returned] = results.map(({ error }) => error as NackError<Message>);
    expect(nacked).toBeInstanceOf(NackError);
    expect(nacked?.returnedMessage?.text).toBe('too much');
    expect(returned).toBeInstanceOf(UnroutableError);
    expect(returned?.returnedMessage?.text).toBe('astray');
  });

  it('of messages alike, the one that came back is found by its address', () => {
    const [here, nowhere] = [privateQueue(channel), unique('nowhere')];
    const keys = [here, nowhere, here, nowhere];
    const results = channel.publishBatch(
      keys.map((routingKey) => ({ body: 'same', routingKey })),
      { mandatory: true },
    );
    expect(results.map(({ status }) => status)).toEqual(['acked', 'returned', 'acked', 'returned']);
    expect(count(channel, here)).toBe(2);
  });

  it('a body reused by the iterable is reported as it was published', () => {
    const full = queueOfOne();
    const body = Buffer.alloc(1);
    function* reusing() {
      for (const letter of 'abc') {
        body.write(letter);
        yield body;
      }
    }
    const results = channel.publishBatch(reusing(), { routingKey: full });
    const nacked = results.slice(1).map(({ error }) => (error as NackError<Message>).returnedMessage?.text);
    expect(nacked).toEqual(['b', 'c']);
  });

  it('the channel dies in the middle: acked, acked, failed, unknown; and what never left: not-sent', () => {
    const queue = privateQueue(connection.channel());
    const exchange = unique('missing');
    function* items() {
      yield 'one';
      yield 'two';
      channel.waitForConfirms();
      yield { body: 'guilty', exchange };
      yield 'innocent';
      eventually(() => !connection.isAlive || !channel.isOpen);
      yield 'too late';
    }
    let results = channel.publishBatch(items(), { routingKey: queue });
    for (let attempt = 0; attempt < 20 && results[3]?.status === 'not-sent'; attempt++) {
      channel.reopen(); // the broker was quicker than the next message: once more
      channel.confirmSelect();
      results = channel.publishBatch(items(), { routingKey: queue });
    }
    expect(results.map(({ status }) => status)).toEqual(['acked', 'acked', 'failed', 'unknown', 'not-sent']);
    const [, , guilty, innocent, late] = results.map(({ error }) => error);
    expect(guilty).toBeInstanceOf(NotFoundError);
    expect(guilty).toMatchObject({ replyCode: 404, method: 'basic.publish', outcome: 'rejected' });
    expect(innocent).toBeInstanceOf(ChannelClosedError);
    expect(innocent).toMatchObject({ outcome: 'unknown', cause: guilty });
    expect(late).toMatchObject({ outcome: 'not-sent' });
    expect(results[4]?.seqNo).toBeUndefined();
    expect(takeAll(connection.channel(), queue).slice(-2)).toEqual(['one', 'two']);
  });

  it('on a closed channel: nothing is sent, every result says so', () => {
    channel.close();
    const results = channel.publishBatch(['one', 'two']);
    expect(results.map(({ status }) => status)).toEqual(['not-sent', 'not-sent']);
    expect(results[0]?.error).toBeInstanceOf(WrongStateError);
  });

  it('timeout: for the whole batch; a generator is not asked for more, though it never ends', () => {
    const queue = privateQueue(channel);
    let isOver = false;
    function* slowly() {
      yield 'in time';
      channel.waitForConfirms();
      connection.sleep(620);
      try {
        for (let n = 0; ; n++) yield `late ${n}`;
      } finally {
        isOver = true;
      }
    }
    const results = channel.publishBatch(slowly(), { routingKey: queue, timeout: 600, window: 1 });
    expect(isOver).toBe(true);
    expect(results[0]?.status).toBe('acked');
    expect(results.at(-1)).toMatchObject({ status: 'not-sent', seqNo: undefined });
    expect(results.at(-1)?.error?.cause).toBeInstanceOf(TimeoutError);
    expect(wasSent(results.at(-1)?.error)).toBe(false);
    const acked = results.filter(({ status }) => status === 'acked').length;
    channel.waitForConfirms();
    expect(count(channel, queue)).toBeLessThanOrEqual(acked + 1); // and one whose confirm was not waited for
    const array = Array.from({ length: 1000 }, (_, n) => `late ${n}`);
    const each = channel.publishBatch(array, { routingKey: queue, timeout: 0, window: 1 });
    expect(each).toHaveLength(1000);
    expect(each.at(-1)?.status).toBe('not-sent');
  });

  it('needs confirm mode, a window of at least 1, and an iterable of messages', () => {
    const plain = connection.channel();
    expect(() => plain.publishBatch(['x'])).toThrow(WrongStateError);
    plain.close();
    expect(() => channel.publishBatch(['x'], { window: 0 })).toThrow(RangeError);
    expect(() => channel.publishBatch(42 as never)).toThrow(TypeError);
    expect(() => channel.publishBatch([42] as never)).toThrow(TypeError);
    expect(() => channel.publishBatch([{ boddy: 'x' }] as never)).toThrow('got an object without body');
    expect(channel.nextPublishSeqNo).toBe(1);
  });

  it('a string is one message, not an iterable of letters: refused', () => {
    expect(() => channel.publishBatch('hello')).toThrow(TypeError);
    expect(channel.nextPublishSeqNo).toBe(1);
  });
});
