/** `Rpc`: methods with arguments by name. The other end is raw messages, or another `Rpc`. */

import {
  type Channel,
  compressedJsonSerializer,
  type IncomingMessage,
  JsonRpc,
  type Queue,
  Rpc,
  RpcError,
  type RpcOptions,
  TimeoutError,
  UnroutableError,
  WrongStateError,
} from '../../src';
import { PARTS } from '../../src/api/internals';
import { channel, useChannel } from '../support/channel';
import { CEILING, drainUntil, open, thrownBy, unique } from '../support/connect';
import { otherEnd } from '../support/peers/other-end';

const names = Object.fromEntries(
  ['sum', 'fail', 'gibberish', 'exchange', 'dotted', 'packed'].map((name) => [name, unique(name)]),
) as Record<string, string>;
const name = (which: string) => names[which] as string;

beforeAll(() =>
  otherEnd(
    `
    const rpc = new amqp.Rpc(channel);
    rpc.register(names.sum, ({ a, b }) => a + b);
    rpc.register(names.fail, ({ text }) => { throw new RangeError(text); });
    rpc.register(names.dotted + '.sum', ({ a, b }) => a + b);
    const besides = new amqp.Rpc(channel, { exchange: names.exchange });
    besides.register(names.sum, ({ a, b }) => 'by exchange: ' + (a + b));
    const packed = new amqp.Rpc(channel, { serializer: amqp.compressedJsonSerializer });
    packed.register(names.packed, ({ text }) => text.length);
    connection.rpc(names.gibberish).serve(() => '{');
    ready();
    connection.loop();`,
    names,
  ),
);

useChannel();

describe('call', () => {
  it('a method with arguments by name', () => {
    const rpc = new Rpc(channel);
    expect(rpc.call(name('sum'), { a: 1, b: 2 })).toBe(3);
    expect(rpc.call<number>(name('sum'), { a: 2, b: 2 }, { timeout: CEILING }).toFixed(1)).toBe('4.0');
  });

  it('by proxy, dotted names too', () => {
    type Sum = (kwargs: { a: number; b: number }, options?: { timeout: number }) => number;
    const rpc = new Rpc<Record<string, Sum & Record<'sum', Sum>>>(channel);
    expect(rpc.proxy[name('sum')]?.({ a: 1, b: 2 })).toBe(3);
    const untyped = new Rpc(channel);
    const found = name('dotted')
      .split('.')
      .reduce((proxy, part) => proxy[part] as typeof proxy, untyped.proxy);
    expect(found.sum?.({ a: 1, b: 2 }, { timeout: CEILING })).toBe(3);
    expect(untyped.proxy.then).toBeUndefined(); // or an await would call it
  });

  it('goes through an exchange, if there is one', () => {
    const rpc = new Rpc(channel, { exchange: name('exchange') });
    expect(rpc.call(name('sum'), { a: 1, b: 2 })).toBe('by exchange: 3');
  });

  it('takes another serializer', () => {
    const rpc = new Rpc(channel, { serializer: compressedJsonSerializer });
    expect(rpc.call(name('packed'), { text: 'x'.repeat(1000) })).toBe(1000);
  });

  it('fails with UnroutableError if nobody has registered the method', () => {
    const rpc = new Rpc(channel);
    expect(thrownBy(() => rpc.call(unique('missing')))).toBeInstanceOf(UnroutableError);
    expect(rpc.call(name('sum'), { a: 1, b: 2 })).toBe(3);
  });

  it('fails with class and text of what the method throws', () => {
    const error = thrownBy<RpcError>(() => new Rpc(channel).call(name('fail'), { text: 'too much' }));
    expect(error).toBeInstanceOf(RpcError);
    expect(error.message).toBe(`the server of "${name('fail')}" threw RangeError: too much`);
  });

  it('fails if the result is gibberish', () => {
    const error = thrownBy<RpcError>(() => new Rpc(channel).call(name('gibberish')));
    expect(error).toMatchObject({ code: 'BAD_REPLY', cause: expect.any(SyntaxError) });
  });

  it('ends when it expires before anybody takes it, for it comes back', () => {
    const method = unique('idle');
    channel.declareQueue(method, { exclusive: true, deadLetterExchange: 'rpc.dlx' });
    const error = thrownBy<TimeoutError>(() => new Rpc(channel).call(method, {}, { expiration: 20 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'EXPIRED', outcome: 'rejected' });
  });

  it('fails with TimeoutError if nobody answers in time', () => {
    const method = unique('idle');
    channel.declareQueue(method, { exclusive: true });
    const rpc = new Rpc(channel);
    expect(rpc.call(name('sum'), { a: 1, b: 2 })).toBe(3); // the way for replies is open: the time is the request's
    const error = thrownBy<TimeoutError>(() => rpc.call(method, {}, { timeout: 20 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
  });

  it('goes on after its channel was closed and reopened', () => {
    const rpc = new Rpc(channel);
    expect(rpc.call(name('sum'), { a: 1, b: 2 })).toBe(3);
    channel.close();
    expect(thrownBy(() => rpc.call(name('sum'), { a: 1, b: 2 }))).toBeInstanceOf(WrongStateError);
    channel.reopen();
    expect(rpc.call(name('sum'), { a: 1, b: 2 })).toBe(3);
  });

  it('close gives up the queue; the next call makes another', () => {
    using rpc = new Rpc(channel);
    rpc.call(name('sum'), { a: 1, b: 2 });
    expect(channel.consumerTags).toHaveLength(1);
    rpc.close();
    expect(channel.consumerTags).toEqual([]);
    rpc.close();
    expect(channel.consumerTags).toEqual([]);
    expect(rpc.call(name('sum'), { a: 1, b: 2 })).toBe(3);
  });
});

describe('on the wire, as aio-pika has it', () => {
  /** Take the request that `call` sends, with a reply that is there before. */
  function requestOf(rpcOptions: RpcOptions, call: (rpc: Rpc) => void, method: string): IncomingMessage {
    const own = open();
    const rpc = new Rpc(own.channel(), rpcOptions);
    // the way for replies is opened before, so that the time is the request's
    expect(thrownBy(() => rpc.call(unique('nowhere')))).toBeInstanceOf(UnroutableError);
    expect(thrownBy(() => call(rpc))).toBeInstanceOf(TimeoutError);
    return channel.getQueue(method).get({ noAck: true, timeout: CEILING }) as IncomingMessage;
  }

  it('a call has the properties of aio-pika', () => {
    const method = unique('method');
    channel.queueDeclare(method, { exclusive: false, durable: true, autoDelete: false });
    const expiration = { minutes: 1 };
    const request = requestOf({}, (rpc) => rpc.call(method, { a: 1 }, { timeout: 20, expiration }), method);
    channel.queueDelete(method);
    expect(request.text).toBe('{"a":1}');
    const { properties } = request;
    expect(properties).toMatchObject({
      type: 'call',
      contentType: 'application/json',
      priority: 5,
      deliveryMode: 1,
      expiration: '60000',
      headers: { From: properties.replyTo },
    });
    expect(properties.replyTo).toMatch(/^amq\.gen/);
    expect(properties.timestamp).toBeInstanceOf(Date);
    expect(properties.correlationId).toHaveLength(36);
  });

  it('a call through an exchange has the exchange in its routing key', () => {
    const exchange = unique('exchange');
    const own = open();
    const rpc = new Rpc(own.channel(), { exchange });
    const error = thrownBy<UnroutableError<{ exchange: string; routingKey: string }>>(() => rpc.call('m'));
    expect(error.returnedMessage).toMatchObject({ exchange, routingKey: `${exchange}::m` });
  });

  describe('a method', () => {
    let replies: Queue;
    let method: string;
    let rpc: Rpc;
    beforeEach(() => {
      replies = channel.declareQueue();
      method = unique('method');
      rpc = new Rpc(open().channel());
    });

    const served = (body: string, properties: object = {}): IncomingMessage => {
      const given = { replyTo: replies.name, correlationId: 'c', type: 'call', ...properties };
      channel.basicPublish(body, { routingKey: method, ...given });
      rpc.channel.connection.drainEvents({ timeout: CEILING });
      return replies.get({ noAck: true, timeout: CEILING }) as IncomingMessage;
    };

    it('answers with a result', () => {
      rpc.register(method, (kwargs) => ({ got: kwargs }));
      const { text, properties } = served('{"a": 1}', { deliveryMode: 1 });
      expect(text).toBe('{"got":{"a":1}}');
      expect(properties).toMatchObject({
        type: 'result',
        correlationId: 'c',
        contentType: 'application/json',
        deliveryMode: 1,
      });
      expect(properties.timestamp).toBeInstanceOf(Date);
    });

    it('answers with an error', () => {
      const onError = jest.fn();
      const fail = () => {
        throw new RangeError('out of bounds');
      };
      rpc.register(method, fail, { onError });
      const { json, properties } = served('{}');
      expect(properties).toMatchObject({
        type: 'error',
        correlationId: 'c',
        contentType: 'application/json',
      });
      expect(json).toEqual({
        error: { type: 'RangeError', message: 'out of bounds', args: ['out of bounds'] },
      });
      expect(onError).toHaveBeenCalledTimes(1);
    });

    it('answers poison with an error', () => {
      rpc.register(method, () => 1);
      expect(served('{').json).toMatchObject({ error: { type: 'SyntaxError' } });
    });

    it('sends what expires to rpc.dlx', () => {
      const { queue } = rpc.register(method, () => 1);
      expect(queue).toMatchObject({
        name: method,
        durable: true,
        autoDelete: true,
        arguments: { 'x-dead-letter-exchange': 'rpc.dlx' },
      });
    });

    it('is served once, until it is unregistered', () => {
      const subscription = rpc.register(method, () => 1, { autoDelete: false });
      const again = () => rpc.register(method, () => 2, { autoDelete: false });
      expect(thrownBy(again)).toMatchObject({ code: 'DUPLICATE_METHOD' });
      rpc.unregister(method);
      rpc.unregister(method);
      again();
      expect(served('{}').json).toBe(2);
      rpc.close();
      again().cancel();
      subscription.cancel();
      subscription.queue.delete();
    });
  });

  it.each([
    [
      'aio-pika’s error',
      '{"error": {"type": "ValueError", "message": "ValueError(\'bad\')", "args": ["bad"]}}',
      {
        message: 'the server of "$" threw ValueError: bad',
        remoteArgs: ['bad'],
      },
    ],
    [
      'one without a text',
      '{"error": {"type": "KeyError", "message": "KeyError(1, 2)", "args": [1, 2]}}',
      {
        message: 'the server of "$" threw KeyError: KeyError(1, 2)',
        remoteArgs: [1, 2],
      },
    ],
    [
      'what nobody knows',
      '{"what": 1}',
      { message: 'the server of "$" threw Error: {"what": 1}', remoteArgs: [] },
    ],
    ['null', 'null', { message: 'the server of "$" threw Error: null' }],
    ['no JSON', 'a plain text', { message: 'the server of "$" threw Error: a plain text' }],
  ])('an error is told with its class and words: %s', (_, body, wanted) => {
    const rpc = new Rpc(channel);
    const { name: method } = channel.declareQueue();
    // a server that is quick: the reply is there before the call waits for it
    const { publisher } = channel[PARTS];
    const publish = publisher.send.bind(publisher);
    jest.spyOn(publisher, 'send').mockImplementationOnce((request, options, deadline) => {
      const { replyTo, correlationId } = options as { replyTo: string; correlationId: string };
      const sent = publish(request, options, deadline);
      publish(body, { routingKey: replyTo, correlationId, type: 'error' });
      return sent;
    });
    const error = thrownBy<RpcError>(() => rpc.call(method));
    expect(error).toMatchObject({ ...wanted, message: wanted.message.replace('$', method) });
  });
});

it('JsonRpc is another name of Rpc', () => {
  expect(JsonRpc).toBe(Rpc);
});

it('a transactional channel is refused: nobody would be answered before a commit', () => {
  channel.txSelect();
  expect(thrownBy(() => new Rpc(channel))).toMatchObject({ code: 'WRONG_MODE' });
});

it.each<[string, (rpc: Rpc, channel: Channel) => unknown]>([
  [
    'Rpc: unknown option "exchnge"; did you mean "exchange"?',
    (_, own) => new Rpc(own, { exchnge: '' } as never),
  ],
  [
    'Rpc: channel must be a Channel, as connection.channel() gives, got a Connection',
    (_, own) => new Rpc(own.connection as never),
  ],
  [
    'serializer.serialize must be a function',
    (_, own) => new Rpc(own, { serializer: { contentType: '' } as never }),
  ],
  ['call: unknown option "mandatory"', (rpc) => rpc.call('m', {}, { mandatory: true } as never)],
  ['method must not be empty', (rpc) => rpc.call('')],
  ['kwargs must be an object, got an array', (rpc) => rpc.call('m', [1])],
  ['kwargs must be an object, got a number', (rpc) => rpc.call('m', 1 as never)],
  ['cannot be written as JSON', (rpc) => rpc.call('m', { toJSON: () => Symbol('x') })],
  ['timeout must be', (rpc) => rpc.call('m', {}, { timeout: 'x' as never })],
  ['fn must be a function', (rpc) => rpc.register('m', 1 as never)],
  ['register: unknown option "prefetsch"', (rpc) => rpc.register('m', () => 1, { prefetsch: 1 } as never)],
])('wrong arguments of an Rpc are refused in words: %s', (text, wrong) => {
  const error = thrownBy(() => wrong(new Rpc(channel), channel));
  expect(error.message).toContain(text);
  expect(error).toBeInstanceOf(TypeError);
  expect(channel.mode).toBe('none');
});

it('a method may call another server', () => {
  const own = open();
  const server = new Rpc(own.channel());
  const method = unique('relay');
  let calls = 0;
  server.register<{ a: number }>(method, ({ a }) => {
    calls++;
    return server.call(name('sum'), { a, b: 1 });
  });
  const replies = channel.declareQueue();
  for (const a of [1, 2]) {
    channel.basicPublish(JSON.stringify({ a }), { routingKey: method, replyTo: replies.name });
  }
  drainUntil(own, () => calls === 2);
  expect([1, 2].map(() => replies.get({ noAck: true, timeout: CEILING })?.json)).toEqual([2, 3]);
});
