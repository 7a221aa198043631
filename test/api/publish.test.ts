/** Publishing: bodies of every size, properties of every kind, and what comes back. */
import { Message, NotFoundError, type PropertiesInput, type ReturnedMessage, TimeoutError } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import {
  CEILING,
  count,
  drainUntil,
  eventually,
  fill,
  privateQueue,
  thrownBy,
  unique,
  untilTooLate,
} from '../support/connect';

useChannel({ frameMax: 8192 });

/** Bytes that are the same at no two places of a frame. */
function pattern(size: number, seed = 0): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed) & 0xff;
  return bytes;
}

/** Compared as a whole: expect() takes seconds for megabytes. */
function expectSame(actual: Buffer | undefined, expected: Buffer): void {
  expect(actual?.length).toBe(expected.length);
  expect(actual?.equals(expected)).toBe(true);
}

/** Publish and take it back. */
function roundTrip(body: string | Uint8Array | Message, properties: PropertiesInput = {}) {
  const queue = privateQueue(channel);
  channel.basicPublish(body, { routingKey: queue, ...properties });
  return channel.basicGet(queue, { noAck: true })!;
}

describe('a body', () => {
  const capacity = 8192 - 8;
  it.each([0, 1, capacity - 1, capacity, capacity + 1, 2 * capacity, 2 * capacity + 1, 1 << 20])(
    'of %d bytes arrives as it was (frames of 8192 bytes hold 8184)',
    (size) => expectSame(roundTrip(pattern(size)).body, pattern(size)),
  );

  it('larger than all memory between the threads streams through', () => {
    const body = pattern(5_000_000);
    expectSame(roundTrip(body).body, body);
  });

  it('is whole even if the channel has something else to send meanwhile', () => {
    // messages that come too late are given back at once, but not in the middle of another
    const late = privateQueue(channel);
    const queue = privateQueue(channel);
    const body = pattern(3_000_000);
    fill(channel, late, ...Array.from({ length: 20 }, String));
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 20; i++) untilTooLate(() => channel.basicGet(late, { timeout: 0 })?.nack());
      channel.basicPublish(body, { routingKey: queue });
      expectSame(channel.basicGet(queue, { noAck: true })?.body, body);
      eventually(() => count(channel, late) === 20);
    }
  });

  it('may be a string, sent as UTF-8 and marked so, or any Uint8Array', () => {
    const text = roundTrip('grün 🐇');
    expect(text.body).toEqual(Buffer.from('grün 🐇'));
    expect(text.properties).toEqual({ contentEncoding: 'utf-8' });
    expect(roundTrip('latin', { contentEncoding: 'iso-8859-1' }).properties.contentEncoding).toBe(
      'iso-8859-1',
    );
    const bytes = roundTrip(new Uint8Array(pattern(20).buffer, 5, 10));
    expect(bytes.body).toEqual(pattern(20).subarray(5, 15));
    expect(bytes.properties).toEqual({});
    const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(7);
    expect(roundTrip(shared).body).toEqual(Buffer.of(7, 7, 7));
  });

  it('is taken when the call returns: the caller may use the bytes again', () => {
    const queue = privateQueue(channel);
    const body = pattern(100_000, 1);
    channel.basicPublish(body, { routingKey: queue });
    body.fill(0);
    channel.basicPublish(body.subarray(0, 10), { routingKey: queue });
    expectSame(channel.basicGet(queue, { noAck: true })?.body, pattern(100_000, 1));
    expectSame(channel.basicGet(queue, { noAck: true })?.body, Buffer.alloc(10));
  });

  it('of a message taken from a queue is the program’s own: nothing writes into it later', () => {
    const queue = privateQueue(channel);
    const bodies = Array.from({ length: 40 }, (_, seed) => pattern(60_000, seed));
    for (const body of bodies) channel.basicPublish(body, { routingKey: queue });
    const taken = bodies.map(() => channel.basicGet(queue, { noAck: true })?.body);
    for (const [index, body] of bodies.entries()) expectSame(taken[index], body);
  });

  it('many small ones keep their order', () => {
    const queue = privateQueue(channel);
    for (let i = 0; i < 5000; i++) channel.basicPublish(String(i), { routingKey: queue });
    let expected = 0;
    for (const message of channel.consume(queue, { noAck: true, limit: 5000, timeout: CEILING }))
      expect(message.text).toBe(String(expected++));
    expect(expected).toBe(5000);
  });
});

describe('properties', () => {
  const all = {
    contentType: 'application/json',
    contentEncoding: 'gzip',
    headers: { 'x-trace': 'abc' },
    deliveryMode: 2,
    priority: 9,
    correlationId: 'correlation',
    replyTo: 'somewhere',
    expiration: '60000',
    messageId: 'message',
    timestamp: new Date('2026-11-21T12:34:56Z'),
    type: 'order.created',
    userId: 'guest',
    appId: 'shop',
    clusterId: 'old',
  };

  it('all fourteen arrive as they were', () => {
    const { properties } = roundTrip('x', all);
    expect(properties).toEqual(all);
    expect(Object.keys(properties)).toEqual(Object.keys(all));
  });

  it.each(Object.entries(all))('%s alone, and nothing else', (name, value) => {
    expect(roundTrip(Buffer.of(1), { [name]: value }).properties).toEqual({ [name]: value });
  });

  it('undefined is none; empty and zero are values', () => {
    expect(roundTrip(Buffer.of(1), { contentType: undefined, headers: undefined }).properties).toEqual({});
    const least = { contentType: '', headers: {}, priority: 0, timestamp: new Date(0) };
    expect(roundTrip(Buffer.of(1), least).properties).toEqual(least);
  });

  it('timestamps are whole seconds: a Date, a number of seconds, or a bigint beyond the range of Date', () => {
    const at = (timestamp: Date | number | bigint) => roundTrip('x', { timestamp }).properties.timestamp;
    expect(at(new Date(1_700_000_000_999))).toEqual(new Date(1_700_000_000_000));
    expect(at(1_700_000_000)).toEqual(new Date(1_700_000_000_000));
    expect(at(2n ** 63n)).toBe(2n ** 63n);
  });

  it('255 bytes are the limit of a short string, in UTF-8', () => {
    const correlationId = `${'ü'.repeat(127)}x`;
    expect(roundTrip('x', { correlationId }).properties.correlationId).toBe(correlationId);
    expect(() => roundTrip('x', { correlationId: `${correlationId}x` })).toThrow(
      new RangeError('correlationId is 256 bytes long in UTF-8; AMQP allows at most 255'),
    );
  });

  it('have to fit in one frame together', () => {
    const blob = (size: number) => ({ headers: { blob: Buffer.alloc(size) } });
    // 8 around the frame, 14 of the header, 4 of the table, 5 of the key, 1 + 4 of the value
    const most = 8192 - 8 - 14 - 4 - 5 - 5;
    expect(roundTrip(Buffer.of(1), blob(most)).properties.headers?.blob).toEqual(Buffer.alloc(most));
    expect(() => roundTrip(Buffer.of(1), blob(most + 1))).toThrow(RangeError);
    expect(() => roundTrip(Buffer.of(1), blob(1_000_000))).toThrow(RangeError);
    expect(roundTrip('still here').text).toBe('still here');
  });

  it('what somebody put on Object.prototype is not among them', () => {
    const polluted = Object.prototype as Record<string, unknown>;
    Object.assign(polluted, { appId: 'intruder', foreign: 1 });
    try {
      const { properties } = roundTrip(Buffer.of(1), { headers: { own: 2 } });
      expect(JSON.stringify(properties)).toBe('{"headers":{"own":2}}');
    } finally {
      delete polluted.appId;
      delete polluted.foreign;
    }
  });
});

describe('a Message', () => {
  it('has its body and properties together; options of the call win', () => {
    const message = new Message('text', { type: 'note', appId: 'one' });
    expect(message.text).toBe('text');
    const { body, properties } = roundTrip(message, { appId: 'two' });
    expect(body.toString()).toBe('text');
    expect(properties).toEqual({ type: 'note', appId: 'two', contentEncoding: 'utf-8' });
  });

  it('taken from a queue can be published again as it is', () => {
    const first = roundTrip(Buffer.from('{}'), { headers: { tries: 1 }, messageId: 'm1' });
    const { properties, body } = roundTrip(first);
    expect(properties).toEqual({ headers: { tries: 1 }, messageId: 'm1' });
    expect(body.toString()).toBe('{}');
  });

  it('with a property that does not exist is refused, as the same option of basicPublish is', () => {
    const wrong = { contentTyp: 'text/plain' } as PropertiesInput;
    expect(() => roundTrip('x', wrong)).toThrow('did you mean "contentType"?');
    expect(() => roundTrip(new Message('x', wrong))).toThrow('did you mean "contentType"?');
  });
});

describe('without confirm mode', () => {
  it('a publish does not wait for the broker, but is in order with what follows', () => {
    const queue = privateQueue(channel);
    channel.basicPublish('one', { routingKey: queue });
    expect(channel.basicGet(queue, { noAck: true })?.text).toBe('one');
    expect([channel.mode, channel.nextPublishSeqNo]).toEqual(['none', 0]);
  });

  it('one that no queue takes is dropped silently', () => {
    channel.basicPublish('x', { routingKey: unique('nowhere') });
    channel.queueDeclare('', { exclusive: true });
    expect(channel.returnedMessages).toEqual([]);
  });

  it('one to a missing exchange is an error of the next call', () => {
    channel.basicPublish('x', { exchange: unique('missing') });
    const error = thrownBy(() => channel.queueDeclare('', { exclusive: true }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'basic.publish' });
  });

  it('timeout 0 does not wait for room, and refuses what never would have any', () => {
    channel.basicPublish('fits', { routingKey: unique('nowhere'), timeout: 0 });
    expect(channel.isOpen).toBe(true);
  });

  it('mandatory: what no queue takes comes back, with the reason', () => {
    const routingKey = unique('nowhere');
    channel.basicPublish('come back', { routingKey, mandatory: true, messageId: 'm1' });
    connection.drainEvents({ timeout: CEILING });
    const [returned, ...others] = channel.returnedMessages as [ReturnedMessage];
    expect(others).toEqual([]);
    expect(returned.channel).toBe(channel);
    expect(returned).toMatchObject({ replyCode: 312, replyText: 'NO_ROUTE', exchange: '', routingKey });
    expect(returned).toMatchObject({ text: 'come back', properties: { messageId: 'm1' } });
    expect(channel.returnedMessages.splice(0)).toEqual([returned]); // taken out
    expect(channel.returnedMessages).toEqual([]);
  });

  it('onReturn gets it instead, from the pump', () => {
    const returned: string[] = [];
    channel.onReturn = (message) => returned.push(message.text);
    for (const body of ['one', 'two']) channel.basicPublish(body, { routingKey: unique(), mandatory: true });
    channel.queueDeclare('', { exclusive: true });
    expect(returned).toEqual([]);
    drainUntil(connection, () => returned.length === 2);
    expect(returned).toEqual(['one', 'two']);
    expect(channel.returnedMessages).toEqual([]);
  });

  it('mandatory and routable: nothing comes back', () => {
    const queue = privateQueue(channel);
    channel.basicPublish('x', { routingKey: queue, mandatory: true });
    expect(channel.basicGet(queue)?.text).toBe('x');
    expect(() => connection.drainEvents({ timeout: 50 })).toThrow(TimeoutError);
  });
});

describe('deliveryMode', () => {
  it('2 is persistent: it survives in a durable queue', () => {
    const queue = unique('durable');
    channel.queueDeclare(queue, { durable: true, arguments: { 'x-expires': 60_000 } });
    channel.basicPublish('kept', { routingKey: queue, deliveryMode: 2 });
    expect(channel.basicGet(queue, { noAck: true })?.properties.deliveryMode).toBe(2);
    channel.queueDelete(queue);
  });
});
