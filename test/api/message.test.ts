/** Messages: what they are made of, and how they are settled. */
import { runInNewContext } from 'node:vm';
import {
  AlreadySettledError,
  IncomingMessage,
  Message,
  type MessageProperties,
  type Queue,
  ReturnedMessage,
  typed,
  UnroutableError,
} from '../../src';
import { durationMs, wireProperties } from '../../src/client/options/conversions';
import { channel, useChannel } from '../support/channel';
import { CEILING, eventually, thrownBy } from '../support/connect';

let queue: Queue;
useChannel();
beforeEach(() => {
  queue = channel.declareQueue();
});

const sent = (properties: MessageProperties) => {
  queue.publish(new Message('x', properties));
  return queue.get({ noAck: true })!.properties;
};
const NOON = Date.UTC(2030, 0, 1, 12);
const atNoon = (properties: MessageProperties) => wireProperties(properties, () => NOON);

describe('durations', () => {
  it('are milliseconds, or parts that are added up', () => {
    expect(durationMs(1500, 'delay')).toBe(1500);
    expect(durationMs({ days: 1, hours: 1, minutes: 1, seconds: 1, milliseconds: 1 }, 'delay')).toBe(
      90_061_001,
    );
    expect(durationMs({ seconds: 0.5, minutes: undefined }, 'delay')).toBe(500);
    expect(durationMs({}, 'delay')).toBe(0);
  });

  it.each([
    ['5', 'delay must be milliseconds or a duration such as { seconds: 5 }, got a string'],
    [null, 'delay must be milliseconds or a duration'],
    [new Date(), 'delay must be milliseconds or a duration'],
    [-1, 'delay must be 0 or more milliseconds, got -1'],
    [{ second: 5 }, 'delay: unknown option "second"; did you mean "seconds"?'],
    [{ seconds: '5' }, 'delay.seconds must be a number, got a string'],
    [{ seconds: -5 }, 'delay must be 0 or more milliseconds, got -5000'],
  ])('refuse %p', (value, complaint) => {
    expect(() => durationMs(value, 'delay')).toThrow(complaint);
  });
});

describe('expiration', () => {
  it.each<[MessageProperties['expiration'], string]>([
    ['2500', '2500'],
    [2500, '2500'],
    [0, '0'],
    [1.4, '1'],
    [{ minutes: 1, seconds: 30 }, '90000'],
    [new Date(NOON + 5000), '5000'],
    [new Date(NOON - 5000), '0'],
    [runInNewContext(`new Date(${NOON + 5000})`), '5000'],
    [runInNewContext('({ seconds: 5 })'), '5000'],
  ])('of %p is %s ms on the wire', (expiration, wanted) => {
    expect(atNoon({ expiration, type: 't' })).toEqual({ expiration: wanted, type: 't' });
  });

  it.each([
    ['5s', 'expiration must be milliseconds, got the string "5s"'],
    [-1, 'expiration must be 0 or more milliseconds, got -1'],
    [2 ** 32, 'expiration must be a whole number from 0 to 4294967295, got 4294967296'],
    [{ second: 1 }, 'expiration: unknown option "second"'],
    [new Date(Number.NaN), 'expiration must be'],
    [true, 'expiration must be milliseconds or a duration'],
    [
      new Map([['seconds', 5]]),
      'expiration must be milliseconds or a duration such as { seconds: 5 }, got a Map',
    ],
  ])('refuses %p, before anything is sent', (expiration, complaint) => {
    expect(() => queue.publish(new Message('x', { expiration } as never))).toThrow(complaint);
    expect(() => channel.basicPublish(new Message('x', { expiration } as never))).toThrow(complaint);
    expect(() => channel.basicPublish('x', { expiration } as never)).toThrow(complaint);
  });

  it.each<[MessageProperties['expiration'], RegExp]>([
    [90_000, /^90000$/],
    [{ minutes: 1 }, /^60000$/],
    ['2500', /^2500$/],
    [new Date(Date.now() + 600_000), /^[45]\d{5}$/],
  ])('%p beside a verb is milliseconds on the wire, each time it is published', (expiration, wanted) => {
    const options = { routingKey: queue.name, expiration, timestamp: { hours: 1 } };
    channel.basicPublish('x', options);
    channel.basicPublish('x', options);
    for (const message of [channel.basicGet(queue.name)!, channel.basicGet(queue.name)!]) {
      expect(message.properties.expiration).toMatch(wanted);
      expect(Number(message.properties.timestamp)).toBeGreaterThan(Date.now() + 3_000_000);
      message.ack();
    }
  });

  it('the broker gets milliseconds, however it is published, and the message keeps what it was given', () => {
    const message = new Message('x', { expiration: { hours: 1 } });
    channel.basicPublish(message, { routingKey: queue.name });
    expect(queue.get({ noAck: true, timeout: CEILING })!.properties.expiration).toBe('3600000');
    expect(message.properties.expiration).toEqual({ hours: 1 });
    expect(sent({ expiration: 60_000 }).expiration).toBe('60000');
  });
});

describe('timestamp', () => {
  it.each<[MessageProperties['timestamp'], Date]>([
    [{ minutes: 1 }, new Date(NOON + 60_000)],
    [{}, new Date(NOON)],
    [runInNewContext(`new Date(${NOON})`), new Date(NOON)],
  ])('a duration %p is that long after the message is published', (timestamp, wanted) => {
    expect(atNoon({ timestamp })).toEqual({ timestamp: wanted });
  });

  it('a Date is a moment, a number seconds since 1970', () => {
    const moment = new Date(NOON);
    expect(sent({ timestamp: moment }).timestamp).toEqual(moment);
    expect(sent({ timestamp: NOON / 1000 }).timestamp).toEqual(moment);
    expect(() => sent({ timestamp: { hour: 1 } as never })).toThrow('timestamp: unknown option "hour"');
  });

  it('what is plain already is not touched', () => {
    const properties = { expiration: '5', timestamp: new Date(NOON), headers: {} };
    expect(wireProperties(properties)).toBe(properties);
  });
});

describe('a message', () => {
  it('json writes JSON and says so', () => {
    const message = Message.json({ id: 1, tags: ['a'] }, { type: 'order' });
    expect(message.text).toBe('{"id":1,"tags":["a"]}');
    expect(message.properties).toEqual({
      type: 'order',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
    });
    expect(Message.json(null).json).toBeNull();
    expect(Message.json('x', { contentType: 'text/json' }).properties.contentType).toBe('text/json');
    expect(() => Message.json(undefined)).toThrow('Message.json: undefined cannot be written as JSON');
    expect(() => Message.json(() => {})).toThrow('cannot be written as JSON');
  });

  it('parse is json with a type, of messages of all kinds', () => {
    const order = { id: 1, tags: ['a'] };
    interface Order {
      id: number;
      tags: string[];
    }
    const id: number = Message.json(order).parse<Order>().id;
    expect(id).toBe(1);
    queue.publish(Message.json(order));
    expect(queue.get({ noAck: true })?.parse<Order>()).toEqual(order);
    const { returnedMessage } = thrownBy<UnroutableError<ReturnedMessage>>(() =>
      channel.defaultExchange.publish(Message.json(order), 'nobody'),
    );
    expect(returnedMessage?.parse<Order>().tags).toEqual(['a']);
    const message = new Message('no JSON');
    expect(() => message.parse()).toThrow(SyntaxError);
    const list = Message.json([]);
    list.parse<number[]>().push(1);
    expect(list.parse()).toEqual([]);
  });

  it('text and json are read when they are asked for', () => {
    const message = new Message('not JSON');
    expect(() => message.json).toThrow(SyntaxError);
    const bytes = Buffer.from('abc');
    const view = new Message(bytes);
    bytes.write('xyz');
    expect(view.text).toBe('xyz');
  });

  it('info is for a log: what is set, and the size', () => {
    expect(new Message('four', { type: 't' }).info()).toEqual({
      bodySize: 4,
      type: 't',
      contentEncoding: 'utf-8',
    });
    queue.publish(new Message(Buffer.from('four'), { messageId: 'm' }));
    const message = queue.get({ noAck: true })!;
    expect(message.info()).toMatchObject({
      bodySize: 4,
      messageId: 'm',
      deliveryMode: 2,
      exchange: '',
      routingKey: queue.name,
      deliveryTag: message.deliveryTag,
      redelivered: false,
    });
    const error = thrownBy<UnroutableError<ReturnedMessage>>(() =>
      channel.defaultExchange.publish('x', 'no such'),
    );
    expect(error).toBeInstanceOf(UnroutableError);
    expect(error.returnedMessage).toBeInstanceOf(ReturnedMessage);
    expect(error.returnedMessage!.info()).toMatchObject({
      replyCode: 312,
      replyText: 'NO_ROUTE',
      bodySize: 1,
    });
  });

  it('copy shares the body and changes properties, also of a message that came', () => {
    queue.publish(new Message('body', { type: 't', headers: { small: typed.int16(1) } }));
    const message = queue.get({ noAck: true })!;
    const copy = message.copy({ priority: 3, type: undefined });
    expect(copy).not.toBeInstanceOf(IncomingMessage);
    expect(copy.body).toBe(message.body);
    expect(copy.properties).toMatchObject({ priority: 3, headers: { small: 1 } });
    queue.publish(copy);
    const again = queue.get({ noAck: true })!;
    expect(again.properties.type).toBeUndefined();
    expect(again.typedHeaders!.get('small')).toMatchObject({ type: 's', value: 1 });
  });

  it('is locked once it was published; copy is the way on, and the given object is left alone', () => {
    const given: MessageProperties = { type: 'a' };
    const message = new Message(Buffer.from('x'), given);
    expect(message.isLocked).toBe(false);
    message.properties.priority = 1;
    queue.publish(message);
    expect(message.isLocked).toBe(true);
    expect(() => {
      message.properties.priority = 2;
    }).toThrow(TypeError);
    given.type = 'b';
    expect(message.properties).toEqual({ type: 'a', priority: 1 });
    const copy = message.copy();
    copy.properties.priority = 2;
    queue.publish(copy);
    queue.publish(message);
    message.lock();
    expect([1, 2, 3].map(() => queue.get({ noAck: true })!.properties.priority)).toEqual([1, 2, 1]);
  });

  it('what did not arrive stays unlocked, to be corrected', () => {
    const message = new Message('x');
    expect(() => channel.defaultExchange.publish(message, 'no such')).toThrow(UnroutableError);
    message.properties.type = 'second try';
    channel.defaultExchange.publish(message, queue.name);
    expect(queue.get({ noAck: true })!.properties.type).toBe('second try');
  });
});

describe('process', () => {
  const next = () => {
    const message = queue.get({ timeout: CEILING });
    if (message === null) throw new Error('no message');
    return message;
  };
  const fail = () => {
    throw new Error('failed');
  };
  beforeEach(() => queue.publish('x'));

  it('acks when the function returns, and gives what it returns', () => {
    expect(next().process((message) => `${message.text}!`)).toBe('x!');
    channel.basicRecover();
    expect(queue.get()).toBeNull();
  });

  it('rejects when it throws, and throws on', () => {
    const message = next();
    expect(() => message.process(fail)).toThrow('failed');
    expect(message.isSettled).toBe(true);
    expect(queue.status().messageCount).toBe(0);
  });

  it('requeue gives it back; with rejectOnRedelivered once', () => {
    const options = { requeue: true, rejectOnRedelivered: true };
    expect(() => next().process(fail, options)).toThrow('failed');
    const again = next();
    expect(again.redelivered).toBe(true);
    expect(() => again.process(fail, options)).toThrow('failed');
    expect(queue.get({ timeout: 20 })).toBeNull();
  });

  it('settled by the function: AlreadySettledError, but with ignoreProcessed', () => {
    expect(() => next().process((message) => message.ack())).toThrow(AlreadySettledError);
    queue.publish('y');
    next().process((message) => message.reject(), { ignoreProcessed: true });
    expect(channel.isOpen).toBe(true);
  });

  it.each(['requeue', 'rejectOnRedelivered', 'ignoreProcessed'])(
    '%s that is neither true nor false is refused before the function runs',
    (name) => {
      const message = next();
      expect(() => message.process(fail, { [name]: 'no' })).toThrow(
        `${name} must be true or false, got a string`,
      );
      expect(message.isSettled).toBe(false);
      message.ack();
    },
  );

  it('a requeue of null is refused: it is not left out', () => {
    const message = next();
    expect(() => message.nack({ requeue: null as never })).toThrow('requeue must be true or false, got null');
    message.ack();
  });

  it('the error of a function that has settled the message is not hidden', () => {
    const message = next();
    const settleAndFail = () => {
      message.ack();
      fail();
    };
    expect(() => message.process(settleAndFail)).toThrow('failed');
  });

  it('refuses a promise, and misspelt options before it runs the function', () => {
    const message = next();
    const fn = jest.fn();
    expect(() => message.process(fn, { requeu: true } as never)).toThrow(
      'process: unknown option "requeu"; did you mean "requeue"?',
    );
    expect(fn).not.toHaveBeenCalled();
    expect(() => message.process(async () => {}, { requeue: true })).toThrow('returned a promise');
    expect(next().redelivered).toBe(true);
  });

  it.each([{}, { requeue: false }, { requeue: true, rejectOnRedelivered: true }])(
    'a promise is a mistake of the program, so the message goes back, with %o',
    (options) => {
      next().nack(); // so that it is redelivered
      const work = async () => {
        throw new Error('nobody hears it');
      };
      expect(() => next().process(work, options)).toThrow(
        'process: the function returned a promise, and its message was requeued; it must do its work',
      );
      expect(next().redelivered).toBe(true);
    },
  );

  it('a promise of a function that has settled the message leaves it so', () => {
    const message = next();
    const settle = async () => message.ack();
    expect(() => message.process(settle)).toThrow('process: the function returned a promise; it must');
  });

  it('using requeues what was not settled', () => {
    {
      using message = queue.get({ timeout: CEILING });
      expect(message!.text).toBe('x');
    }
    eventually(() => queue.status().messageCount === 1);
    {
      using message = queue.get();
      message!.ack();
    }
    expect(queue.get({ timeout: 20 })).toBeNull();
  });
});
