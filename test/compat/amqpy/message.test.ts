/** Messages: bodies and their encodings, properties, equality; over the wire by the real broker. */
import { Channel, Message } from '../../../src/compat/amqpy';
import { thrownBy } from '../../support/connect';
import { shared } from '../../support/facades/amqpy';

let ch: Channel;
let queue: string;
beforeEach(() => {
  ch = shared().channel();
  ({ queue } = ch.queue_declare('', { exclusive: true }));
});

/** The same message, as it comes back. */
function roundTrip(msg: Message): Message {
  ch.basic_publish(msg, '', queue);
  const got = ch.basic_get(queue)!;
  got.ack();
  return got;
}

describe('a body', () => {
  test.each([
    ['text is UTF-8, and says so', new Message('Grüße €'), 'Grüße €', 'UTF-8'],
    [
      'text in an encoding of its own',
      new Message('Grüße', { content_encoding: 'latin_1' }),
      'Grüße',
      'latin_1',
    ],
    ['text as UTF-8, by another name', new Message('Grüße', { content_encoding: 'utf8' }), 'Grüße', 'utf8'],
    ['no text at all', new Message(), '', 'UTF-8'],
    ['bytes say nothing', new Message(Buffer.of(0, 255)), Buffer.of(0, 255), undefined],
    [
      'bytes that are text',
      new Message(Buffer.from('c3bc', 'hex'), { content_encoding: 'UTF-8' }),
      'ü',
      'UTF-8',
    ],
    [
      'bytes that are no text: bytes',
      new Message(Buffer.of(255), { content_encoding: 'UTF-8' }),
      Buffer.of(255),
      'UTF-8',
    ],
    [
      'an encoding that nobody knows: bytes',
      new Message(Buffer.from('x'), { content_encoding: 'gzip' }),
      Buffer.from('x'),
      'gzip',
    ],
    ['any bytes', new Message(new Uint8Array([1, 2])), Buffer.of(1, 2), undefined],
  ])('goes out and comes back: %s', (_, msg, body, encoding) => {
    const got = roundTrip(msg);
    expect(got.body).toEqual(body);
    expect(got.properties.content_encoding).toBe(encoding);
  });

  test('has the bytes of its encoding', () => {
    ch.auto_decode = false;
    expect(roundTrip(new Message('ü', { content_encoding: 'latin_1' })).body).toEqual(Buffer.of(0xfc));
    expect(roundTrip(new Message('ü')).body).toEqual(Buffer.of(0xc3, 0xbc));
  });

  test('is bytes while auto_decode is off', () => {
    ch.auto_decode = false;
    expect(roundTrip(new Message('text')).body).toEqual(Buffer.from('text'));
    ch.auto_decode = true;
    expect(roundTrip(new Message('text')).body).toBe('text');
    const other = new Channel({ connection: ch.connection, auto_decode: false });
    other.basic_publish(new Message('text'), '', queue);
    expect(other.basic_get(queue, true)!.body).toEqual(Buffer.from('text'));
  });

  test('may be replaced before it is sent', () => {
    const msg = new Message(Buffer.of(1));
    msg.body = 'text';
    const got = roundTrip(msg);
    expect([got.body, got.properties.content_encoding]).toEqual(['text', 'UTF-8']);
  });
});

describe('properties', () => {
  test("by keyword, and none but AMQP's", () => {
    const msg = new Message('x', { type: 't', priority: 0, app_id: undefined });
    expect(msg.properties).toEqual({ type: 't', priority: 0, content_encoding: 'UTF-8' });
    expect(() => new Message('x', { prioritty: 1 } as never)).toThrow(
      new TypeError("Message.__init__() got an unexpected keyword argument 'prioritty'"),
    );
  });

  test('headers, with numbers of all sizes', () => {
    const headers = {
      small: -1,
      word: 2 ** 31,
      long: 2 ** 40,
      longest: 9_223_372_036_854_775_807n,
      float: 1.5,
      text: 'ü',
      yes: true,
      none: null,
      list: [1, ['deep']],
      table: { a: { b: 1 } },
      at: new Date(86_400_000),
      bytes: Buffer.of(1, 2),
    };
    const got = roundTrip(new Message('x', { application_headers: headers }));
    expect(got.application_headers).toEqual(headers);
    expect(new Message('x').application_headers).toBeNull();
  });

  test('a timestamp is a moment, to the second', () => {
    const at = new Date('2020-02-29T23:59:59Z');
    expect(roundTrip(new Message('x', { timestamp: at })).properties.timestamp).toEqual(at);
    expect(roundTrip(new Message('x', { timestamp: at.getTime() / 1000 })).properties.timestamp).toEqual(at);
  });
});

describe('equality', () => {
  test('is that of properties and body', () => {
    const make = (body: string | Uint8Array = 'x', more = {}) =>
      new Message(body, {
        application_headers: { a: [1, { b: Buffer.of(1) }] },
        timestamp: new Date(5000),
        ...more,
      });
    expect(make().equals(make())).toBe(true);
    expect(make().equals(make('y'))).toBe(false);
    expect(make().equals(make('x', { priority: 1 }))).toBe(false);
    expect(make().equals(make('x', { application_headers: { a: [1, { b: Buffer.of(2) }] } }))).toBe(false);
    expect(make().equals(make('x', { timestamp: new Date(6000) }))).toBe(false);
    expect(make(Buffer.of(1)).equals(make(new Uint8Array([1])))).toBe(true);
    expect(make().equals('x')).toBe(false);
  });

  test('what comes equals what was sent', () => {
    const msg = new Message('hello', {
      content_type: 'text/plain',
      application_headers: { foo: 7, bar: 'baz' },
    });
    const got = roundTrip(msg);
    expect(got.equals(msg)).toBe(true);
    expect(got).not.toBe(msg);
  });
});

test("a message of one's own has no channel, no delivery and no tag", () => {
  const msg = new Message('x');
  expect([msg.channel, msg.delivery_info, msg.delivery_tag]).toEqual([null, {}, null]);
  expect(thrownBy(() => msg.reject(true))).toBeInstanceOf(TypeError);
});

test("a message of one's own may settle what another way told it", () => {
  ch.basic_publish(new Message('x'), '', queue);
  const got = ch.basic_get(queue)!;
  const msg = new Message(got.body, ch);
  msg.delivery_info = got.delivery_info;
  msg.ack();
  expect(() => got.ack()).toThrow('settled');
});
