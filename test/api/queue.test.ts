/** `Queue`: declaring, reading, subscribing. */
import {
  ConsumerCancelledError,
  type IncomingMessage,
  NotFoundError,
  PreconditionFailedError,
  type Queue,
  ResourceLockedError,
  TimeoutError,
} from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import {
  CEILING,
  drainUntil,
  duration,
  eventually,
  expectSilence,
  open,
  sharedQueue,
  thrownBy,
  unique,
} from '../support/connect';

useChannel();

const filled = (...bodies: string[]): Queue => {
  const queue = channel.declareQueue('', { autoDelete: false });
  for (const body of bodies) queue.publish(body);
  return queue;
};
const temporary = { expires: { minutes: 1 } };

describe('declareQueue', () => {
  it('with a name: durable, shared, there to stay', () => {
    const name = unique('durable');
    const queue = channel.declareQueue(name);
    expect(queue).toMatchObject({ name, durable: true, exclusive: false, autoDelete: false });
    channel.queueDeclare(name, { durable: true });
    open().channel().getQueue(name).delete();
    expect(() => channel.getQueue(name)).toThrow(NotFoundError);
  });

  it('without one: exclusive and autoDelete, the broker names it', () => {
    const queue = channel.declareQueue();
    expect(queue).toMatchObject({ durable: false, exclusive: true, autoDelete: true });
    expect(queue.name).toMatch(/^amq\.gen/);
    expect(() => open().channel().getQueue(queue.name)).toThrow(ResourceLockedError);
    queue.cancel(queue.consume(() => {}));
    expect(() => queue.status()).toThrow(NotFoundError);
  });

  it('an unnamed queue that others may use is durable: the broker must accept it', () => {
    const queue = channel.declareQueue('', { exclusive: false });
    expect(queue).toMatchObject({ durable: true, exclusive: false, autoDelete: true });
    queue.delete();
  });

  it.each([
    ['durable', { durable: false }, { argument: 'durable', wanted: 'false', got: 'true' }],
    ['a value', { messageTtl: 2000 }, { argument: 'x-message-ttl', wanted: '2000', got: '1000' }],
    ['one that is missing', { messageTtl: undefined }, { argument: 'x-message-ttl', got: '1000' }],
    ['one that is new', { maxLength: 5 }, { argument: 'x-max-length', wanted: '5' }],
  ])('again with other arguments (%s): the error names argument, wanted and got', (_, change, difference) => {
    const name = unique('declared');
    const options = { ...temporary, messageTtl: 1000 };
    channel.declareQueue(name, options);
    channel.declareQueue(name, options);
    const error = thrownBy<PreconditionFailedError>(() =>
      channel.declareQueue(name, { ...options, ...change }),
    );
    expect(error).toBeInstanceOf(PreconditionFailedError);
    expect({ argument: error.argument, wanted: error.wanted, got: error.got }).toEqual({
      wanted: undefined,
      got: undefined,
      ...difference,
    });
    const { argument, wanted = 'none', got = 'none' } = error;
    expect(error.message).toContain(`(wanted ${argument}: ${wanted}, got ${argument}: ${got}`);
  });

  it('other 406 texts are left as they are', () => {
    const error = thrownBy<PreconditionFailedError>(() =>
      channel.declareQueue(unique(), { arguments: { 'x-message-ttl': -1 } }),
    );
    expect(error).toBeInstanceOf(PreconditionFailedError);
    expect(error.argument).toBeUndefined();
    expect(error.message).not.toContain('wanted');
  });

  it('passive and getQueue only look', () => {
    const name = sharedQueue(channel, 'one');
    expect(channel.declareQueue(name, { passive: true }).durable).toBeUndefined();
    expect(channel.getQueue(name).status()).toEqual({ queue: name, messageCount: 1, consumerCount: 0 });
    expect(() => channel.getQueue('')).toThrow('name must not be empty');
    expect(channel.getQueue(unique('missing'), { ensure: false }).name).toContain('missing');
  });

  it('refuses misspelt options', () => {
    expect(() => channel.declareQueue('x', { messageTTL: 5 } as never)).toThrow(
      'declareQueue: unknown option "messageTTL"; did you mean "messageTtl"?',
    );
    expect(() => channel.declareQueue(5 as never)).toThrow('name must be');
  });
});

describe('bind', () => {
  it('takes an exchange or a name; the routing key is the queue’s name', () => {
    const exchange = channel.declareExchange(unique('direct'), 'direct', { autoDelete: true });
    const queue = channel.declareQueue();
    expect(queue.bind(exchange)).toBe(queue);
    queue.bind(exchange.name, 'other');
    exchange.publish('1', queue.name);
    exchange.publish('2', 'other');
    expect(queue.purge()).toBe(2);
    queue.unbind(exchange, 'other').unbind(exchange);
    expect(() => channel.getExchange(exchange.name)).toThrow(NotFoundError);
    expect(() => queue.bind(undefined as never)).toThrow('exchange must be a string');
    expect(() => queue.bind('x', 'y', { argument: {} } as never)).toThrow('did you mean "arguments"?');
  });
});

describe('a loop over a queue', () => {
  it('gets its messages; break cancels and requeues the rest', () => {
    const queue = filled('one', 'two', 'three');
    for (const message of queue) {
      expect(message.text).toBe('one');
      message.ack();
      break;
    }
    expect(channel.consumerTags).toEqual([]);
    expect(queue.status().messageCount).toBe(2);
  });

  it.each(['throw', 'return'] as const)('left by %s cancels and requeues the rest, too', (way) => {
    const queue = filled('one', 'two');
    const leave = () => {
      for (const message of queue) {
        message.ack();
        if (way === 'return') return;
        throw new Error('left');
      }
    };
    if (way === 'throw') expect(leave).toThrow('left');
    else leave();
    expect(queue.status().messageCount).toBe(1);
    expect(queue.status().consumerCount).toBe(0);
  });

  it('keeps to prefetch, limit, timeout and noAck', () => {
    const queue = filled('1', '2', '3', '4');
    let seen = 0;
    for (const message of queue.iterator({ prefetch: 1, limit: 2, timeout: CEILING })) {
      if (seen++ === 0) expect(queue.status().messageCount).toBe(3);
      message.ack();
    }
    expect(seen).toBe(2);
    const rest = [...queue.iterator({ noAck: true, timeout: 1000 })];
    expect(rest.map((message) => [message.text, message.isSettled])).toEqual([
      ['3', true],
      ['4', true],
    ]);
    expect(() => queue.iterator({ timeuot: 1 } as never)).toThrow('did you mean "timeout"?');
  });

  it('ends with an error when the queue is deleted', () => {
    const queue = filled('one');
    const loop = () => {
      for (const message of queue.iterator({ timeout: CEILING })) {
        message.ack();
        queue.delete();
      }
    };
    expect(loop).toThrow(ConsumerCancelledError);
  });
});

describe('get', () => {
  it('takes one message, or null', () => {
    const queue = filled('one');
    expect(queue.get({ noAck: true })).toMatchObject({ text: 'one', isSettled: true });
    expect(queue.get()).toBeNull();
    expect(queue.get({ timeout: 0 })).toBeNull();
  });

  it('waits for timeout ms, also on an autoDelete queue, and callbacks do not run meanwhile', () => {
    const queue = channel.declareQueue();
    const callback = jest.fn();
    connection.callLater(0, callback);
    expect(duration(() => expect(queue.get({ timeout: 60 })).toBeNull())).toBeGreaterThanOrEqual(60);
    expect(callback).not.toHaveBeenCalled();
    expect(queue.status().messageCount).toBe(0);
  });

  it('returns as soon as there is one', () => {
    const queue = channel.declareQueue('', { deadLetterExchange: '', autoDelete: false });
    const waiting = channel.declareQueue('', {
      messageTtl: 100,
      deadLetterExchange: '',
      deadLetterRoutingKey: queue.name,
    });
    waiting.publish('late');
    expect(queue.get({ noAck: true, timeout: CEILING })?.text).toBe('late');
  });

  it('respects withDeadline, and refuses wrong options', () => {
    const queue = channel.declareQueue();
    expect(() => connection.withDeadline(50, () => queue.get({ timeout: CEILING }))).toThrow(TimeoutError);
    expect(() => queue.get({ timeout: -1 })).toThrow('timeout must be 0 or more');
    expect(() => queue.get({ noack: true } as never)).toThrow('did you mean "noAck"?');
  });
});

describe('consume', () => {
  it('refuses what is no function, and says how to loop', () => {
    const words = 'callback must be a function, got an object; iterator(options) is something to loop over';
    expect(() => channel.declareQueue().consume({ prefetch: 1 } as never)).toThrow(words);
  });

  it('calls back in drainEvents until it is cancelled', () => {
    const queue = filled('one', 'two');
    const texts: string[] = [];
    const tag = queue.consume((message) => {
      texts.push(message.text);
      message.ack();
    });
    drainUntil(connection, () => texts.length === 2);
    queue.cancel(tag);
    expect(texts).toEqual(['one', 'two']);
    expect(queue.status().consumerCount).toBe(0);
  });

  it('prefetch is for this consumer alone', () => {
    const [first, second] = [filled('1', '2', '3'), filled('1', '2', '3')];
    channel.setQos({ prefetchCount: 2 });
    const seen: IncomingMessage[] = [];
    first.consume((message) => seen.push(message), { prefetch: 1 });
    second.consume((message) => seen.push(message));
    eventually(() => first.status().messageCount === 2 && second.status().messageCount === 1);
    drainUntil(connection, () => seen.length === 3);
    expectSilence(connection, 0);
    expect(() => first.consume(() => {}, { prefetch: -1 })).toThrow('prefetch must be a whole number');
    expect(() => first.consume(() => {}, { prefetsch: 1 } as never)).toThrow('did you mean "prefetch"?');
    expect(() => channel.setQos({ prefetch: 1 } as never)).toThrow('setQos: unknown option "prefetch"');
  });

  it('prefetch without setQos leaves the default to the others', () => {
    const [first, second] = [filled('1', '2', '3'), filled('1', '2', '3')];
    first.consume(() => {}, { prefetch: 1 });
    second.consume(() => {});
    eventually(() => first.status().messageCount === 2 && second.status().messageCount === 0);
  });

  it('priority is a consumer argument', () => {
    const queue = filled();
    const calls: string[] = [];
    queue.consume((message) => [calls.push('low'), message.ack()], { priority: 0 });
    queue.consume((message) => [calls.push('high'), message.ack()], { priority: 10 });
    for (const body of ['1', '2', '3']) queue.publish(body);
    drainUntil(connection, () => calls.length === 3);
    expect(calls).toEqual(['high', 'high', 'high']);
  });
});

describe('the rest', () => {
  it('purge and delete count; ifEmpty and ifUnused protect the queue', () => {
    const queue = filled('1', '2');
    expect(() => filled('x').delete({ ifEmpty: true })).toThrow(PreconditionFailedError);
    channel.reopen();
    expect(queue.purge()).toBe(2);
    queue.publish('3');
    expect(queue.delete()).toBe(1);
    expect(queue.delete()).toBe(0);
  });

  it('console.log shows of a queue what matters', () => {
    const { inspect } = require('node:util') as typeof import('node:util');
    const queue = channel.declareQueue();
    expect(inspect(queue).replace(/\s+/g, ' ')).toContain(
      `queue: '${queue.name}', type: undefined, durable: false`,
    );
    expect(inspect(channel.defaultExchange)).toContain("exchange: ''");
    expect(inspect(queue)).not.toContain('SharedArrayBuffer');
  });
});
