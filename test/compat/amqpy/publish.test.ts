/** Publishing: plain, confirmed, in transactions, returned, with the real broker. */
import { randomBytes } from 'node:crypto';
import { type Channel, Empty, FrameSyntaxError, Message, NotFound, spec } from '../../../src/compat/amqpy';
import { duration, eventually, thrownBy, unique } from '../../support/connect';
import { shared } from '../../support/facades/amqpy';

function withQueue() {
  const conn = shared();
  const ch = conn.channel();
  const { queue } = ch.queue_declare('', { exclusive: true, auto_delete: false });
  return { conn, ch, queue };
}

const ready = (ch: Channel, queue: string) => ch.queue_declare(queue, true).message_count;
const nowhere = () => ({ routing_key: unique('nowhere'), mandatory: true });

describe('basic_publish', () => {
  test('sends body and properties', () => {
    const { ch, queue } = withQueue();
    const sent = new Message('hello', {
      content_type: 'text/plain',
      application_headers: {
        foo: 7,
        bar: 'baz',
        big: 2 ** 40,
        bigger: 2n ** 62n,
        list: [1, 'two', null],
        deep: { x: true },
      },
      delivery_mode: 2,
      priority: 5,
      correlation_id: 'c',
      reply_to: 'r',
      expiration: '60000',
      message_id: 'm',
      timestamp: new Date(1_700_000_000_000),
      type: 't',
      user_id: 'guest',
      app_id: 'a',
    });
    expect(ch.basic_publish(sent, '', queue)).toBeUndefined();
    const got = ch.basic_get(queue)!;
    expect(got.equals(sent)).toBe(true);
    expect(got.properties).toEqual({ ...sent.properties, content_encoding: 'UTF-8' });
    expect(got.application_headers).toEqual(sent.application_headers);
    expect(got.delivery_info).toEqual({
      delivery_tag: 1,
      redelivered: false,
      exchange: '',
      routing_key: queue,
      message_count: 0,
    });
  });

  test('sends large bodies in pieces', () => {
    const { ch, queue } = withQueue();
    for (const size of [0, 1, 131_064, 131_065, 600_000, 5_000_000]) {
      const body = randomBytes(size);
      ch.basic_publish(new Message(body), '', queue);
      const got = ch.basic_get(queue, true)!;
      expect(Buffer.compare(got.body as Buffer, body)).toBe(0);
    }
  });

  test('what cannot be sent: FrameSyntaxError, nothing was sent, the channel is usable', () => {
    const { ch, queue } = withQueue();
    ch.confirm_select();
    const send = (msg: Message) => thrownBy<FrameSyntaxError>(() => ch.basic_publish(msg, '', queue));
    const wrong = [
      new Message('x', { application_headers: { key: Symbol('s') as never } }),
      new Message('x', { application_headers: { key: (() => {}) as never } }),
      new Message('x', { priority: 256 }),
      new Message('x', { correlation_id: 'x'.repeat(256) }),
      new Message('x', { expiration: 5 as never }),
      new Message('ü', { content_encoding: 'ascii' }),
      new Message('x', { content_encoding: 'no-such' }),
      new Message({ not: 'a body' } as never, null),
    ];
    for (const msg of wrong) {
      const error = send(msg);
      expect(error).toBeInstanceOf(FrameSyntaxError);
      expect(error.cause).toBeInstanceOf(Error);
    }
    const misspelt = new Message('x');
    Object.assign(misspelt.properties, { prioritty: 1 });
    expect(send(misspelt).message).toContain("unknown property 'prioritty'");
    expect(ch.mode).toBe(2);
    expect(ready(ch, queue)).toBe(0);
    expect(() => ch.basic_publish('text' as never)).toThrow(
      new TypeError('basic_publish: msg must be a Message'),
    );
  });
});

describe('confirms', () => {
  test('the message is in the queue when the publish returns', () => {
    const { ch, queue } = withQueue();
    ch.confirm_select();
    expect(ch.mode).toBe(2);
    for (let i = 1; i <= 5; i++) {
      ch.basic_publish(new Message(`${i}`), '', queue);
      expect(ready(ch, queue)).toBe(i);
    }
  });

  test('are selected by basic_publish_confirm itself, once', () => {
    const { ch, queue } = withQueue();
    const msg = new Message('x');
    ch.basic_publish_confirm(msg, '', queue);
    ch.basic_publish_confirm({ msg, routing_key: queue });
    expect([ch.mode, ready(ch, queue)]).toEqual([2, 2]);
    expect(thrownBy(() => ch.basic_publish_confirm(msg, unique('nowhere')))).toBeInstanceOf(NotFound);
    expect(ch.mode).toBe(0);
    ch.basic_publish_confirm(msg, '', queue);
    expect(ready(ch, queue)).toBe(3);
  });
});

describe('returned_messages', () => {
  test('in confirm mode it is exact when the publish returns, and only mandatory ones count', () => {
    const { ch, queue } = withQueue();
    ch.confirm_select();
    const { returned_messages } = ch;
    expect([returned_messages.qsize(), returned_messages.empty()]).toEqual([0, true]);
    ch.basic_publish(new Message('one'), { ...nowhere(), mandatory: false });
    expect(returned_messages.qsize()).toBe(0);
    const { routing_key } = nowhere();
    ch.basic_publish(new Message('two', { message_id: 'm' }), { routing_key, mandatory: true });
    expect(returned_messages.qsize()).toBe(1);
    ch.basic_publish(new Message('three'), nowhere());
    ch.basic_publish(new Message('four'), '', queue, true);
    expect([returned_messages.qsize(), returned_messages.empty()]).toEqual([2, false]);
    const came = returned_messages.get();
    expect(came).toBeInstanceOf(spec.basic_return_t);
    const [reply_code, reply_text, exchange, key, message] = came;
    expect([reply_code, reply_text, exchange, key]).toEqual([312, 'NO_ROUTE', '', routing_key]);
    expect(message).toBe(came.message);
    expect([message.body, message.properties.message_id]).toEqual(['two', 'm']);
    expect(returned_messages.get_nowait().message.body).toBe('three');
    expect(thrownBy(() => returned_messages.get_nowait())).toBeInstanceOf(Empty);
    expect(thrownBy(() => returned_messages.get({ block: false }))).toBeInstanceOf(Empty);
  });

  test('without confirms loop(0) fetches what has come, and get waits for it', () => {
    const { conn, ch } = withQueue();
    ch.basic_publish(new Message('one'), nowhere());
    ch.queue_declare('', { exclusive: true }); // the broker is done with it
    conn.loop(0);
    expect(ch.returned_messages.qsize()).toBe(1);
    ch.basic_publish(new Message('two'), nowhere());
    expect(ch.returned_messages.get().message.body).toBe('one');
    expect(ch.returned_messages.get(true, 60).message.body).toBe('two');
    const ms = duration(() =>
      expect(thrownBy(() => ch.returned_messages.get(true, 0.1))).toBeInstanceOf(Empty),
    );
    expect(ms).toBeGreaterThan(95);
  });

  test('each channel has its own, in order', () => {
    const { conn, ch } = withQueue();
    const other = conn.channel();
    for (let i = 0; i < 3; i++) {
      ch.basic_publish(new Message(`a${i}`), nowhere());
      other.basic_publish(new Message(`b${i}`), nowhere());
    }
    const take = (from: Channel) =>
      Array.from({ length: 3 }, () => from.returned_messages.get(true, 60).message.body);
    expect([take(other), take(ch)]).toEqual([
      ['b0', 'b1', 'b2'],
      ['a0', 'a1', 'a2'],
    ]);
  });

  test('get does not run callbacks', () => {
    const { conn, ch, queue } = withQueue();
    const seen: unknown[] = [];
    ch.basic_consume(queue, { callback: (msg) => seen.push(msg.body), no_ack: true });
    ch.basic_publish(new Message('delivered'), '', queue);
    ch.basic_publish(new Message('returned'), nowhere());
    expect(ch.returned_messages.get(true, 60).message.body).toBe('returned');
    expect(seen).toEqual([]);
    conn.drain_events(60);
    expect(seen).toEqual(['delivered']);
  });
});

describe('transactions', () => {
  test('what is published is there after tx_commit, or gone after tx_rollback', () => {
    const { conn, ch, queue } = withQueue();
    const watch = conn.channel();
    expect(ch.tx_select()).toBeUndefined();
    expect(ch.mode).toBe(1);
    const publish = (...bodies: string[]) => {
      for (const body of bodies) ch.basic_publish(new Message(body), '', queue);
    };
    publish('1', '2');
    expect(ready(watch, queue)).toBe(0);
    expect(ch.tx_commit()).toBeUndefined();
    expect(ready(watch, queue)).toBe(2);
    publish('3', '4', '5');
    expect(ch.tx_rollback()).toBeUndefined();
    expect(ready(watch, queue)).toBe(2);
    publish('6');
    ch.tx_commit();
    expect(ready(watch, queue)).toBe(3);
  });

  test('acknowledgements are part of a transaction', () => {
    const { conn, ch, queue } = withQueue();
    const watch = conn.channel();
    watch.basic_publish_confirm(new Message('x'), '', queue);
    ch.tx_select();
    const msg = ch.basic_get(queue)!;
    msg.ack();
    ch.tx_rollback();
    msg.ack();
    ch.tx_commit();
    ch.close();
    expect(ready(watch, queue)).toBe(0);
    eventually(() => watch.basic_get(queue) === null);
  });
});
