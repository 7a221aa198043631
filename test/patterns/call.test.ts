/** `connection.rpc(name).call`: a call that blocks, over direct reply-to. */
import {
  type Channel,
  ChannelClosedError,
  type Connection,
  deaths,
  Message,
  NackError,
  RpcError,
  TimeoutError,
  UnroutableError,
} from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, drainUntil, open, privateQueue, thrownBy, unique } from '../support/connect';
import { otherEnd } from '../support/peers/other-end';

const names = Object.fromEntries(
  ['sum', 'echo', 'fail', 'strange', 'slow', 'twice', 'properties', 'relay'].map((name) => [
    name,
    unique(name),
  ]),
) as Record<string, string>;
const name = (which: string) => names[which] as string;

beforeAll(async () => {
  await otherEnd(
    `
    const serve = (name, fn) => connection.rpc(names[name]).serve(fn);
    serve('sum', ({ json: { a, b } }) => a + b);
    serve('echo', (request) => new amqp.Message(request.body, { ...request.properties, headers: { seen: true } }));
    serve('fail', ({ text }) => { throw text === '' ? 'plainly' : new RangeError(text); });
    serve('strange', () => { throw Object.assign(new TypeError('odd'), { name: undefined, message: 7 }); });
    serve('slow', ({ text }) => { pause(Number(text)); return 'late'; });
    serve('properties', ({ properties }) => ({ ...properties, headers: properties.headers }));
    // two replies, one of them for nobody
    channel.queueDeclare(names.twice, { exclusive: true });
    channel.basicConsume(names.twice, ({ properties: { replyTo, correlationId } }) => {
      channel.basicPublish('not yours', { routingKey: replyTo, correlationId: 'x' });
      channel.basicPublish('without any', { routingKey: replyTo });
      for (const body of ['first', 'second']) channel.basicPublish(body, { routingKey: replyTo, correlationId });
    }, { noAck: true });
    ready();
    connection.loop();`,
    names,
  );
  await otherEnd(
    `connection.rpc(names.relay).serve(({ json }) => connection.rpc(names.sum).call(json).text);
    ready();
    connection.loop();`,
    names,
  );
});

useChannel();

const call = (which: string, body?: unknown, options = {}) => connection.rpc(name(which)).call(body, options);

describe('call', () => {
  it('takes one line, and returns the result', () => {
    expect(connection.rpc(name('sum')).call({ a: 1, b: 2 }, { timeout: CEILING }).json).toBe(3);
  });

  it.each([
    ['text', 'grüße', { contentEncoding: 'utf-8' }],
    ['bytes', Buffer.from('grüße'), {}],
    ['a message', new Message('grüße', { contentType: 'text/x' }), { contentType: 'text/x' }],
    ['a message that was published before', lockedMessage(), {}],
  ])('sends %s as it is', (_, body, properties) => {
    const reply = call('echo', body);
    expect(reply.text).toBe('grüße');
    expect(reply.properties).toMatchObject({ ...properties, headers: { seen: true }, type: 'result' });
  });

  it.each([
    ['an object', { a: [1] }],
    ['a number', 7],
    ['null', null],
  ])('sends %s as JSON', (_, value) => {
    const reply = call('echo', value);
    expect(reply.json).toEqual(value);
    expect(reply.properties.contentType).toBe('application/json');
  });

  it('sends nothing as an empty body', () => {
    expect(call('echo').text).toBe('');
  });

  it('refuses what cannot be JSON', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(() => call('echo', circle)).toThrow(TypeError);
    expect(() => call('echo', () => {})).toThrow('cannot be written as JSON');
  });

  it('properties go along; the request is transient, and expires with the call', () => {
    const given = { headers: { tenant: 'x' }, priority: 3, messageId: 'm', timeout: 5000 };
    const seen = call('properties', '', given).json as Record<string, unknown>;
    expect(seen).toMatchObject({ headers: { tenant: 'x' }, priority: 3, messageId: 'm', type: 'call' });
    expect(seen.deliveryMode).toBe(1);
    expect(Number(seen.expiration)).toBeGreaterThan(0);
    expect(Number(seen.expiration)).toBeLessThanOrEqual(5000);
    expect(seen.replyTo).toMatch(/^amq\.rabbitmq\.reply-to\./);
    expect(seen.correlationId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('an expiration of its own, and one that no broker could count', () => {
    const expiration = (options: object) =>
      (call('properties', '', options).json as { expiration?: string }).expiration;
    expect(expiration({ expiration: { minutes: 1 } })).toBe('60000');
    expect(expiration({ timeout: Number.POSITIVE_INFINITY })).toBeUndefined();
  });

  it('the channel is opened by the first call, and shared', () => {
    const own = open();
    expect(own.channels.size).toBe(0);
    const calls = [own.rpc(name('sum')), own.rpc(name('sum'))];
    expect(own.channels.size).toBe(0);
    for (const procedure of calls) expect(procedure.call({ a: 2, b: 3 }).json).toBe(5);
    expect(own.channels.size).toBe(1);
  });

  it('replies that are nobody’s are dropped: unknown, without a number, or the second of two', () => {
    expect(call('twice').text).toBe('first');
    expect(call('twice').text).toBe('first');
    expect(call('sum', { a: 1, b: 1 }).json).toBe(2);
  });

  it('a server may call, too', () => {
    expect(call('relay', { a: 20, b: 22 }).text).toBe('42');
  });
});

function lockedMessage(): Message {
  const message = new Message('grüße');
  message.lock();
  return message;
}

describe('failures', () => {
  it('nobody serves it: UnroutableError, at once', () => {
    const error = thrownBy<UnroutableError<Message>>(() =>
      connection.rpc(unique('nobody')).call('hello', { timeout: Number.POSITIVE_INFINITY }),
    );
    expect(error).toBeInstanceOf(UnroutableError);
    expect(error.returnedMessage?.text).toBe('hello');
    expect(error.outcome).toBe('rejected');
    expect(call('sum', { a: 1, b: 1 }).json).toBe(2);
    connection.loop({ timeout: 0 });
  });

  it('its queue is full: NackError, at once', () => {
    const channel = connection.channel();
    const queue = channel.declareQueue('', { maxLength: 0, overflow: 'reject-publish' });
    const error = thrownBy(() => connection.rpc(queue.name).call('', { timeout: Number.POSITIVE_INFINITY }));
    expect(error).toBeInstanceOf(NackError);
    channel.close();
  });

  it('the server throws: its class and text, with the stack of this call', () => {
    const error = thrownBy<RpcError>(() => call('fail', 'out of bounds'));
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({
      code: 'RPC',
      origin: 'remote',
      outcome: 'unknown',
      remoteName: 'RangeError',
      remoteMessage: 'out of bounds',
      remoteArgs: ['out of bounds'],
    });
    expect(error.message).toBe(`the server of "${name('fail')}" threw RangeError: out of bounds`);
    expect(error.stack).toContain('call.test.ts');
  });

  it('the server throws what is no error, or a strange one', () => {
    expect(thrownBy<RpcError>(() => call('fail', ''))).toMatchObject({
      remoteName: 'Error',
      remoteMessage: 'plainly',
    });
    expect(thrownBy<RpcError>(() => call('strange'))).toMatchObject({
      remoteName: 'Error',
      remoteMessage: '7',
    });
  });

  it('no reply in time: TimeoutError, and the late reply is dropped', () => {
    expect(call('slow', '0').text).toBe('late'); // the way for replies is open: the time is the request's
    const error = thrownBy<TimeoutError>(() => call('slow', '600', { timeout: 20 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ outcome: 'unknown', recoverable: true });
    expect(error.message).toContain('within 20 ms');
    expect(call('slow', '0').text).toBe('late');
    expect(call('sum', { a: 1, b: 1 }).json).toBe(2);
  });

  it('what nobody took before its caller gave up, nobody ever gets', () => {
    const channel = connection.channel();
    const dead = channel.declareQueue('', { autoDelete: false });
    const queue = channel.declareQueue('', { deadLetterExchange: '', deadLetterRoutingKey: dead.name });
    expect(call('sum', { a: 1, b: 1 }).json).toBe(2); // the way for replies is open: the time is the request's
    expect(() => connection.rpc(queue.name).call('x', { timeout: 20 })).toThrow(TimeoutError);
    expect(deaths(dead.get({ timeout: CEILING })!)).toMatchObject([{ queue: queue.name, reason: 'expired' }]);
    expect(queue.get({ timeout: 50 })).toBeNull();
    channel.close();
  });

  it('withDeadline and callTimeout limit it', () => {
    const channel = connection.channel();
    const queue = privateQueue(channel);
    expect(() => connection.withDeadline(20, () => connection.rpc(queue).call())).toThrow(TimeoutError);
    const hasty = open({ callTimeout: 2000 });
    expect(hasty.rpc(name('sum')).call({ a: 1, b: 1 }).json).toBe(2);
    expect(() => hasty.rpc(queue).call()).toThrow('got no reply in time');
    channel.close();
  });

  it('a channel that was closed is replaced', () => {
    const own = open();
    const channelOf = (): Channel => [...own.channels.values()][0] as Channel;
    expect(own.rpc(name('sum')).call({ a: 1, b: 1 }).json).toBe(2);
    channelOf().close();
    expect(own.rpc(name('sum')).call({ a: 1, b: 1 }).json).toBe(2);
    // the broker closes it while the call waits
    channelOf().basicPublish('', { exchange: unique('missing'), wait: false });
    expect(thrownBy(() => own.rpc(name('slow')).call('500'))).toBeInstanceOf(ChannelClosedError);
    expect(own.rpc(name('sum')).call({ a: 1, b: 1 }).json).toBe(2);
  });
});

describe('callbacks', () => {
  it('may call procedures themselves', () => {
    const queue = privateQueue(channel, '1', '2');
    const sums: unknown[] = [];
    channel.basicConsume(queue, (message) => {
      sums.push(call('sum', { a: Number(message.text), b: 10 }).json);
      message.ack();
    });
    drainUntil(connection, () => sums.length === 2);
    expect(sums).toEqual([11, 12]);
  });

  it('never run while a call waits', () => {
    const queue = privateQueue(channel);
    const seen: string[] = [];
    channel.basicConsume(queue, (message) => seen.push(message.text), { noAck: true });
    for (const body of ['one', 'two']) channel.basicPublish(body, { routingKey: queue });
    connection.callLater(0, () => seen.push('timer'));
    call('slow', '100');
    expect(seen).toEqual([]);
    drainUntil(connection, () => seen.length === 3);
    expect(seen.sort()).toEqual(['one', 'timer', 'two']);
  });
});

describe('wrong arguments', () => {
  it.each<[string, (connection: Connection) => unknown]>([
    ['name must be a string, got a number', (own) => own.rpc(1 as never)],
    ['name must not be empty', (own) => own.rpc('')],
    [
      'unknown option "timout"; did you mean "timeout"?',
      (own) => own.rpc('x').call('', { timout: 1 } as never),
    ],
    ['unknown option "correlationId"', (own) => own.rpc('x').call('', { correlationId: 'x' } as never)],
    ['timeout must be 0 or more milliseconds, got -1', (own) => own.rpc('x').call('', { timeout: -1 })],
    ['expiration must be', (own) => own.rpc('x').call('', { expiration: 'soon' })],
    ['options must be an object, got null', (own) => own.rpc('x').call('', null as never)],
  ])('are refused: %s', (text, wrong) => {
    const own = open();
    const error = thrownBy(() => wrong(own));
    expect(error.message).toContain(text);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
    expect(own.channels.size).toBe(0);
  });
});
