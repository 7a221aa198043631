/** `Exchange`: publishing that is safe when it returns, and bindings by object or by name. */
import {
  DeliveryMode,
  Message,
  NackError,
  NotFoundError,
  PreconditionFailedError,
  type PublishResult,
  UnroutableError,
  WrongStateError,
} from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, count, eventually, privateQueue, takeAll, thrownBy, unique } from '../support/connect';

useChannel();

/** Gone with its last binding. */
const exchange = (type = 'topic', options = {}) =>
  channel.declareExchange(unique('exchange'), type, { autoDelete: true, ...options });

describe('publish', () => {
  it('is confirmed when it returns: the message is in the queue', () => {
    const queue = channel.declareQueue();
    queue.bind(exchange(), 'order.*');
    channel.getExchange('').publish('hello', queue.name);
    expect(queue.status().messageCount).toBe(1);
    expect(channel.mode).toBe('confirm');
    expect(channel.nextPublishSeqNo).toBe(2);
  });

  it('goes where exchange and routing key lead', () => {
    const shop = exchange();
    const queue = channel.declareQueue().bind(shop, 'order.*');
    shop.publish(Message.json({ id: 1 }), 'order.created');
    const message = queue.get({ noAck: true })!;
    expect(message).toMatchObject({ exchange: shop.name, routingKey: 'order.created', json: { id: 1 } });
    expect(message.properties.contentType).toBe('application/json');
  });

  it('is mandatory: UnroutableError carries the message, and nothing is left waiting', () => {
    const error = thrownBy<UnroutableError<Message>>(() => exchange().publish('lost', 'nowhere'));
    expect(error).toBeInstanceOf(UnroutableError);
    expect(error).toMatchObject({ code: 'NO_ROUTE', returnedMessage: { text: 'lost' } });
    expect(channel.returnedMessages).toEqual([]);
    expect(channel.isOpen).toBe(true);
  });

  it('mandatory: false accepts that nobody wants it', () => {
    exchange().publish('lost', 'nowhere', { mandatory: false });
    expect(channel.nextPublishSeqNo).toBe(2);
  });

  it('NackError when a full queue refuses it', () => {
    const queue = channel.declareQueue('', { maxLength: 1, overflow: 'reject-publish' });
    queue.publish('one');
    const error = thrownBy<NackError<Message>>(() => queue.publish('two'));
    expect(error).toBeInstanceOf(NackError);
    expect(error.returnedMessage?.text).toBe('two');
  });

  it('404 when the exchange is missing', () => {
    const missing = channel.getExchange(unique('missing'), { ensure: false });
    expect(() => missing.publish('x', 'key')).toThrow(NotFoundError);
  });

  it('messages are persistent unless they say otherwise', () => {
    const queue = channel.declareQueue();
    queue.publish('a');
    queue.publish(new Message('b', { deliveryMode: DeliveryMode.Transient }));
    queue.publish(new Message('c'), { deliveryMode: 1 });
    const modes = [1, 2, 3].map(() => queue.get({ noAck: true })!.properties.deliveryMode);
    expect(modes).toEqual([2, 1, 1]);
  });

  it('properties beside the message go before its own', () => {
    const queue = channel.declareQueue();
    queue.publish(new Message('a', { type: 'own', appId: 'app' }), {
      type: 'given',
      expiration: { minutes: 1 },
    });
    expect(queue.get({ noAck: true })!.properties).toMatchObject({
      type: 'given',
      appId: 'app',
      expiration: '60000',
    });
  });

  it('wait: false leaves waiting to waitForConfirms', () => {
    const queue = channel.declareQueue();
    for (const body of ['a', 'b', 'c']) queue.publish(body, { wait: false });
    expect(channel.waitForConfirms()).toBe(true);
    expect(queue.status().messageCount).toBe(3);
  });

  it('after a reopen the channel confirms again', () => {
    const queue = channel.declareQueue();
    queue.publish('a');
    channel.close();
    channel.reopen();
    expect(channel.mode).toBe('none');
    queue.publish('b');
    expect(channel.mode).toBe('confirm');
    expect(takeAll(channel, queue.name)).toEqual(['a', 'b']);
  });

  it('in tx mode it is part of the transaction, and does not wait', () => {
    const queue = channel.declareQueue();
    channel.txSelect();
    queue.publish('a');
    expect(queue.status().messageCount).toBe(0);
    channel.txCommit();
    expect(queue.status().messageCount).toBe(1);
  });

  it('refuses an internal exchange, and wrong arguments, before anything is sent', () => {
    const inner = exchange('fanout', { internal: true });
    expect(() => inner.publish('x')).toThrow(`exchange "${inner.name}" is internal`);
    const { defaultExchange } = channel;
    expect(() => defaultExchange.publish(5 as never, 'q')).toThrow('body must be a string or a Uint8Array');
    expect(() => defaultExchange.publish('x', 5 as never)).toThrow(
      'routingKey, the second argument, must be a string, got a number',
    );
    expect(() => defaultExchange.publish('x', 'q', { mandatry: true } as never)).toThrow(
      'publish: unknown option "mandatry"; did you mean "mandatory"?',
    );
    expect(() => defaultExchange.publish('x', 'q', { exchange: 'y' } as never)).toThrow('unknown option');
    expect(() => defaultExchange.publish('x', 'q', { timeout: -1 })).toThrow('timeout must be 0 or more');
    expect(() => defaultExchange.publish('x', 'q', { expiration: 'soon' })).toThrow('expiration must be');
    expect(() => defaultExchange.publish('x', 'q', { delay: 5 })).toThrow('declared without delayed: true');
    expect(channel.mode).toBe('none');
  });
});

describe('publishBatch', () => {
  const modes = (queue: string) => {
    const found: unknown[] = [];
    for (let message = channel.basicGet(queue, { noAck: true }); message; ) {
      found.push([message.text, message.properties.deliveryMode]);
      message = channel.basicGet(queue, { noAck: true });
    }
    return found;
  };

  it('is confirmed, mandatory and persistent, each message unless it says otherwise', () => {
    const shop = exchange();
    const queue = channel.declareQueue().bind(shop, 'order.*');
    const { Transient, Persistent } = DeliveryMode;
    const own = new Message('own', { deliveryMode: Transient });
    const messages = ['plain', own, { body: 'astray', routingKey: 'nowhere' }];
    const results = shop.publishBatch(messages, 'order.created', { window: 2 });
    expect(results.map(({ status }) => status)).toEqual(['acked', 'acked', 'returned']);
    expect(results[2]!.error).toBeInstanceOf(UnroutableError);
    expect(channel.mode).toBe('confirm');
    expect(modes(queue.name)).toEqual([
      ['plain', Persistent],
      ['own', Transient],
    ]);
  });

  it('takes whatever can be looped over, and properties for all of them', () => {
    const queue = channel.declareQueue();
    function* lines() {
      yield 'one';
      yield Message.json(2);
    }
    const results = queue.publishBatch(lines(), {
      deliveryMode: DeliveryMode.Transient,
      expiration: { minutes: 1 },
    });
    expect(results.map(({ status }) => status)).toEqual(['acked', 'acked']);
    expect(queue.get({ noAck: true })!.properties).toMatchObject({ expiration: '60000' });
    expect(modes(queue.name)).toEqual([['2', DeliveryMode.Transient]]);
  });

  it('counts times from when each message is sent', () => {
    const queue = channel.declareQueue();
    function* slowly() {
      yield 'one';
      connection.sleep(100);
      yield 'two';
    }
    queue.publishBatch(slowly(), { expiration: new Date(Date.now() + 60_000) });
    const [one, two] = [queue.get({ noAck: true })!, queue.get({ noAck: true })!];
    expect(Number(one.properties.expiration)).toBeLessThanOrEqual(60_000);
    expect(Number(two.properties.expiration)).toBeLessThan(Number(one.properties.expiration) - 90);
  });

  it('with onResult hands each result on, and returns their number', () => {
    const told: unknown[] = [];
    const onResult = ({ status }: PublishResult, index: number) => void told.push([index, status]);
    const queue = channel.declareQueue();
    expect(queue.publishBatch(['1', '2'], { onResult }).acked).toBe(2);
    const counts = channel.defaultExchange.publishBatch(['1', '2'], unique('nowhere'), { onResult });
    expect(counts).toMatchObject({ acked: 0, returned: 2 });
    expect(told).toEqual([
      [0, 'acked'],
      [1, 'acked'],
      [0, 'returned'],
      [1, 'returned'],
    ]);
  });

  it.each<[string, unknown, object, RegExp]>([
    ['text', 'one', {}, /messages must be an array or another iterable, got a string/],
    ['nothing', undefined, {}, /messages must be an array/],
    ['what is for one message only', ['one'], { delay: 1 }, /unknown option "delay"/i],
    ['a misspelt option', ['one'], { windows: 1 }, /window/],
    ['a window of none', ['one'], { window: 0 }, /window must be a whole number from 1/],
    ['a late word to nobody', ['one'], { onResult: 'later' }, /onResult must be a function, got a string/],
  ])('refuses %s', (_what, messages, options, words) => {
    expect(() => exchange().publishBatch(messages as string[], 'x', options)).toThrow(words);
    expect(channel.mode).toBe('none');
  });

  it('waits for no transaction: in one it is refused', () => {
    channel.txSelect();
    expect(() => exchange().publishBatch(['one'])).toThrow(WrongStateError);
  });
});

describe('declareExchange', () => {
  it('makes a durable exchange by default', () => {
    const name = unique('durable');
    const declared = channel.declareExchange(name, 'fanout');
    expect(declared).toMatchObject({
      name,
      type: 'fanout',
      durable: true,
      autoDelete: false,
      internal: false,
    });
    channel.exchangeDeclare(name, 'fanout', { durable: true });
    declared.delete();
    expect(() => channel.getExchange(name)).toThrow(NotFoundError);
  });

  it('with other arguments: the error names argument, wanted and got', () => {
    const { name } = exchange('fanout');
    const error = thrownBy<PreconditionFailedError>(() => channel.declareExchange(name, 'direct'));
    expect(error).toBeInstanceOf(PreconditionFailedError);
    expect(error).toMatchObject({ argument: 'type', wanted: 'direct', got: 'fanout' });
    expect(error.message).toContain('(wanted type: direct, got type: fanout)');
  });

  it('alternateExchange takes what no queue takes', () => {
    const rest = exchange('fanout');
    const queue = channel.declareQueue().bind(rest);
    exchange('direct', { alternateExchange: rest, autoDelete: false }).delete();
    const main = exchange('direct', { alternateExchange: rest });
    main.publish('stray', 'unknown');
    expect(takeAll(channel, queue.name)).toEqual(['stray']);
  });

  it('passive and getExchange only look; the default exchange is always there', () => {
    const { name } = exchange('fanout');
    expect(channel.declareExchange(name, 'fanout', { passive: true }).durable).toBeUndefined();
    expect(channel.getExchange('')).toBe(channel.defaultExchange);
    expect(() => channel.getExchange(unique('missing'))).toThrow(NotFoundError);
  });

  it('refuses misspelt options', () => {
    expect(() => channel.declareExchange('x', 'fanout', { durabel: true } as never)).toThrow(
      'declareExchange: unknown option "durabel"; did you mean "durable"?',
    );
    expect(() => channel.getExchange('x', { ensured: false } as never)).toThrow('did you mean "ensure"?');
  });
});

describe('bind and unbind', () => {
  it('take exchanges or names, and return the exchange', () => {
    const [source, middle] = [exchange('topic'), exchange('fanout')];
    const queue = channel.declareQueue().bind(middle.name);
    expect(middle.bind(source, 'a.#').bind(source.name, 'b.#')).toBe(middle);
    source.publish('1', 'a.x');
    source.publish('2', 'b.x');
    expect(takeAll(channel, queue.name)).toEqual(['1', '2']);
    middle.unbind(source, 'a.#');
    expect(() => source.publish('3', 'a.x')).toThrow(UnroutableError);
    expect(() => middle.bind(5 as never)).toThrow('source must be a string');
  });

  it('arguments are what a headers exchange compares', () => {
    const headers = exchange('headers');
    const queue = channel.declareQueue().bind(headers, '', { arguments: { 'x-match': 'all', kind: 'a' } });
    headers.publish(new Message('yes', { headers: { kind: 'a' } }));
    expect(() => headers.publish(new Message('no', { headers: { kind: 'b' } }))).toThrow(UnroutableError);
    expect(takeAll(channel, queue.name)).toEqual(['yes']);
  });

  it('ifUnused keeps an exchange that has bindings', () => {
    const used = exchange('fanout');
    channel.declareQueue().bind(used);
    expect(() => used.delete({ ifUnused: true })).toThrow(PreconditionFailedError);
  });
});

describe('the connection', () => {
  it('has shortcuts on a default channel, which is replaced once it is closed', () => {
    const queue = privateQueue(channel);
    connection.queue(queue).publish('a');
    connection.exchange('').publish('b', queue);
    const first = connection.defaultChannel;
    expect([...connection.channels.values()]).toContain(first);
    expect(connection.queue(queue).channel).toBe(first);
    expect(() => connection.queue(unique('missing')).status()).toThrow(NotFoundError);
    expect(connection.defaultChannel).not.toBe(first);
    const texts: string[] = [];
    for (const message of connection.queue(queue).iterator({ limit: 2, timeout: CEILING })) {
      texts.push(message.text);
      message.ack();
    }
    expect(texts).toEqual(['a', 'b']);
    connection.defaultChannel.close();
  });

  it('opens channels that have objects, too', () => {
    const { id } = channel;
    expect(connection.channel(id)).toBe(channel);
    expect(channel.connection).toBe(connection);
    expect(() => connection.queue('')).toThrow('name must not be empty');
  });
});

it('after a transaction, publishing outside of one is refused: nobody would commit it', () => {
  const queue = channel.declareQueue();
  channel.transaction(() => queue.publish('in'));
  const error = thrownBy(() => queue.publish('out'));
  expect(error).toBeInstanceOf(WrongStateError);
  expect(error.message).toContain('publish inside transaction()');
  eventually(() => count(channel, queue.name) === 1);
});
