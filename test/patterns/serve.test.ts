/** `connection.rpc(name).serve`: requests as they come over the wire, and what goes back. */
import {
  type Channel,
  type Connection,
  type IncomingMessage,
  Message,
  PreconditionFailedError,
  type Queue,
  type ServeOptions,
} from '../../src';
import {
  CEILING,
  drainUntil,
  eventually,
  expectSilence,
  open,
  shared,
  thrownBy,
  unique,
} from '../support/connect';

/** The caller: raw messages only. */
let caller: Channel;
let replies: Queue;
/** The server. */
let connection: Connection;
let name: string;
beforeEach(() => {
  const outside = shared();
  caller = outside.channel();
  replies = caller.declareQueue('', { autoDelete: false });
  connection = open();
  name = unique('procedure');
});
afterEach(() => caller.close());

const drain = () => connection.drainEvents({ timeout: CEILING });
const serve = (fn: (request: IncomingMessage) => unknown, options?: ServeOptions) =>
  connection.rpc(name).serve(fn, options);

function request(body: string, properties: object = { replyTo: replies.name, correlationId: '1' }): void {
  caller.basicPublish(body, { routingKey: name, ...properties });
}

function reply(): IncomingMessage {
  return replies.get({ noAck: true, timeout: CEILING }) as IncomingMessage;
}

/** The messages that are left over, of which there should be few. */
const left = () => caller.queueDeclare(name, { passive: true }).messageCount;

describe('answers', () => {
  it('with the number of the request, and its type', () => {
    serve(({ text }) => text.toUpperCase());
    request('hello', { replyTo: replies.name, correlationId: 'nr. 7', deliveryMode: 2 });
    drain();
    const { text, properties } = reply();
    expect(text).toBe('HELLO');
    expect(properties).toMatchObject({ correlationId: 'nr. 7', type: 'result', deliveryMode: 2 });
  });

  it.each<[string, unknown, string, string | undefined]>([
    ['text', 'text', 'text', undefined],
    ['bytes', Buffer.from('bytes'), 'bytes', undefined],
    ['a message', new Message('m', { contentType: 'text/x' }), 'm', 'text/x'],
    ['an object', { a: 1 }, '{"a":1}', 'application/json'],
    ['nothing, as null', undefined, 'null', 'application/json'],
    ['false', false, 'false', 'application/json'],
  ])('are what the function returns: %s', (_, result, text, contentType) => {
    serve(() => result);
    request('');
    drain();
    const answer = reply();
    expect(answer.text).toBe(text);
    expect(answer.properties.contentType).toBe(contentType);
  });

  it('a request without a number, like those of simple clients', () => {
    serve(({ text }) => Number(text) + 1);
    request('30', { replyTo: replies.name });
    drain();
    expect(reply().text).toBe('31');
  });

  it('a request without replyTo is done and acked, whatever becomes of it', () => {
    const onError = jest.fn();
    const seen: string[] = [];
    const fn = ({ text }: IncomingMessage) => {
      seen.push(text);
      if (text === 'two') throw new Error('no');
    };
    const service = serve(fn, { onError, autoDelete: false });
    for (const body of ['one', 'two']) request(body, {});
    drainUntil(connection, () => seen.length === 2);
    expect(onError).toHaveBeenCalledTimes(1);
    service.cancel();
    expect(left()).toBe(0);
    caller.queueDelete(name);
  });

  it('a caller that has gone is no error', () => {
    serve(() => 'too late');
    request('', { replyTo: unique('gone'), correlationId: '1' });
    drain();
    request('', { replyTo: 'amq.rabbitmq.reply-to.nonsense', correlationId: '1' });
    drain();
    const vanished = open();
    const requester = vanished.channel();
    requester.basicConsume('amq.rabbitmq.reply-to', () => {}, { noAck: true });
    requester.basicPublish('', { routingKey: name, replyTo: 'amq.rabbitmq.reply-to', correlationId: '1' });
    vanished.close();
    drain();
    request('');
    drain();
    expect(reply().text).toBe('too late');
  });

  it('what fn settles itself is left alone', () => {
    const service = serve((message) => message.ack(), { autoDelete: false });
    request('');
    drain();
    expect(reply().text).toBe('null');
    service.cancel();
    expect(left()).toBe(0);
    caller.queueDelete(name);
  });
});

describe('errors', () => {
  const failures = (answer: IncomingMessage) => (answer.json as { error: object }).error;

  it('of fn go to the caller, not to drainEvents; onError is told', () => {
    const onError = jest.fn();
    serve(({ json }) => json, { onError });
    request('no json');
    drain();
    const answer = reply();
    expect(answer.properties).toMatchObject({
      type: 'error',
      contentType: 'application/json',
      correlationId: '1',
    });
    expect(failures(answer)).toMatchObject({ type: 'SyntaxError', message: expect.stringContaining('JSON') });
    expect(onError.mock.calls).toEqual([
      [expect.any(SyntaxError), expect.objectContaining({ deliveryTag: 1 })],
    ]);
  });

  it('a result that cannot be sent is one, too', () => {
    serve(({ text }) => (text === 'big' ? { n: 1n } : new Message('x', { priority: 1000 })));
    request('big');
    drain();
    expect(failures(reply())).toMatchObject({
      type: 'TypeError',
      message: expect.stringContaining('BigInt'),
    });
    request('message');
    drain();
    expect(failures(reply())).toMatchObject({
      type: 'RangeError',
      message: expect.stringContaining('priority'),
    });
  });

  it('a promise is refused, here and there', () => {
    serve(async () => 'later');
    request('');
    expect(drain).toThrow('serve: the function returned a promise');
    expect(failures(reply())).toMatchObject({ type: 'TypeError' });
    connection.close();
    expect(thrownBy(left).message).toContain('404');
    caller = shared().channel();
  });

  it('what onError throws is thrown by drainEvents, behind the answer', () => {
    const fail = () => {
      throw new Error('first');
    };
    const onError = () => {
      throw new Error('second');
    };
    const service = serve(fail, { onError, autoDelete: false });
    request('');
    expect(drain).toThrow('second');
    expect(failures(reply())).toMatchObject({ message: 'first' });
    service.cancel();
    expect(left()).toBe(0);
    caller.queueDelete(name);
  });

  it.each([
    [false, 'result'],
    [true, 'error'],
  ])('a request that has been tried before: rejectOnRedelivered %s', (rejectOnRedelivered, type) => {
    caller.queueDeclare(name, { durable: true });
    request('poison');
    const taker = shared().channel();
    expect(taker.getQueue(name).get({ timeout: CEILING })?.redelivered).toBe(false);
    taker.close();
    serve(() => 'tried', { rejectOnRedelivered, autoDelete: false });
    drain();
    expect(reply().properties.type).toBe(type);
    expectSilence(connection, 50);
    caller.queueDelete(name);
  });

  it('a channel that fn has closed leaves the request to others, and is heard', () => {
    const service = serve(() => service.queue.channel.close(), { autoDelete: false });
    request('x');
    expect(drain).toThrow('closed');
    expect(caller.getQueue(name).get({ timeout: CEILING, noAck: true })?.text).toBe('x');
    caller.queueDelete(name);
  });
});

describe('the queue', () => {
  it('is durable and goes with its last server', () => {
    const first = serve(() => 1);
    const second = serve(() => 2);
    expect(first.queue).toMatchObject({ name, durable: true, autoDelete: true, exclusive: false });
    first.cancel();
    expect(left()).toBe(0);
    second.cancel();
    eventually(() => {
      const gone = shared().channel();
      try {
        gone.getQueue(name);
        gone.close();
        return false;
      } catch {
        return true;
      }
    });
  });

  it('options are for the queue and for the consumer', () => {
    const service = serve(() => 1, {
      messageTtl: 1000,
      exclusive: true,
      durable: false,
      prefetch: 1,
      priority: 2,
    });
    expect(service.queue).toMatchObject({ exclusive: true, arguments: { 'x-message-ttl': 1000 } });
  });

  it('requests that wait are requeued by cancel, and the channel is closed', () => {
    const service = serve(() => 1, { autoDelete: false });
    for (const body of ['one', 'two']) request(body);
    eventually(() => left() === 0);
    expect(connection.channels.size).toBe(1);
    service.cancel();
    service.cancel();
    expect(connection.channels.size).toBe(0);
    eventually(() => left() === 2);
    caller.queueDelete(name);
  });

  it('fn may end it, and is the last that is answered', () => {
    using service = serve(
      ({ text }) => {
        if (text === 'one') service.cancel();
        return text;
      },
      { autoDelete: false },
    );
    for (const body of ['one', 'two']) request(body);
    eventually(() => left() === 0);
    drain();
    expect(reply().text).toBe('one');
    expect(connection.channels.size).toBe(0);
    expectSilence(connection, 50);
    expect(left()).toBe(1);
    caller.queueDelete(name);
  });

  it('one that exists otherwise is refused, and costs only the channel', () => {
    caller.queueDeclare(name, { durable: true });
    const error = thrownBy<PreconditionFailedError>(() => serve(() => 1));
    expect(error).toBeInstanceOf(PreconditionFailedError);
    expect(error).toMatchObject({ argument: 'auto_delete', wanted: 'true', got: 'false' });
    expect(connection.channels.size).toBe(0);
    serve(() => 1, { passive: true });
    caller.queueDelete(name);
  });
});

it.each<[string, () => unknown]>([
  ['fn must be a function, got undefined', () => serve(undefined as never)],
  [
    'serve: unknown option "prefetsch"; did you mean "prefetch"?',
    () => serve(() => 1, { prefetsch: 1 } as never),
  ],
  ['serve: unknown option "noAck"', () => serve(() => 1, { noAck: true } as never)],
  ['rejectOnRedelivered must be true or false', () => serve(() => 1, { rejectOnRedelivered: 1 as never })],
  ['onError must be a function', () => serve(() => 1, { onError: true as never })],
  ['messageTtl must be', () => serve(() => 1, { messageTtl: 'x' as never })],
  ['prefetch must be', () => serve(() => 1, { prefetch: -1, exclusive: true })],
])('wrong arguments of serve are refused in words: %s', (text, wrong) => {
  const error = thrownBy(wrong);
  expect(error.message).toContain(text);
  expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
  eventually(() => {
    connection.isAlive;
    return connection.channels.size === 0;
  });
});
