/** Channels: numbers, death and rebirth, modes, topology, with the real broker. */

import { NotFoundError, Remote } from '../../../src';
import {
  AccessRefused,
  AMQPConnectionError,
  AMQPNotImplementedError,
  Channel,
  ChannelError,
  FrameSyntaxError,
  InternalError,
  Message,
  NotFound,
  PreconditionFailed,
  RecoverableConnectionError,
  ResourceLocked,
  spec,
} from '../../../src/compat/amqpy';
import { eventually, thrownBy, unique } from '../../support/connect';
import { open, shared } from '../../support/facades/amqpy';

const connected = (conn = shared()) => ({ conn, ch: conn.channel() });

describe('numbers', () => {
  test('are the free one, the one asked for, or that of the channel which has it', () => {
    const { conn, ch } = connected(open());
    const tenth = new Channel(conn, 10);
    expect([ch.channel_id, conn.channel().channel_id, tenth.channel_id]).toEqual([1, 2, 10]);
    expect([conn.channel(1), conn.channel(10), conn.channel({ channel_id: 10 })]).toEqual([ch, tenth, tenth]);
    expect(thrownBy(() => new Channel(conn, 10))).toBeInstanceOf(AMQPConnectionError);
    ch.close();
    expect(conn.channel().channel_id).toBe(3);
    expect(conn.channels[10]).toBe(tenth);
    expect(Object.keys(conn.channels)).toEqual(['0', '2', '3', '10']);
    expect(conn.channels[0]).toBe(conn);
  });

  test('a channel made by itself works as any other', () => {
    const { conn } = connected();
    const ch = new Channel(conn, { auto_decode: false });
    const { queue } = ch.queue_declare('', { exclusive: true });
    ch.basic_publish(new Message('text'), { routing_key: queue });
    expect(ch.basic_get(queue)?.body).toEqual(Buffer.from('text'));
    expect(ch.connection).toBe(conn);
  });
});

describe('closing', () => {
  test('twice is silent; afterwards every method says so', () => {
    const { conn, ch } = connected(open());
    const { queue } = ch.queue_declare('', { exclusive: true });
    ch.close();
    ch.close();
    expect([ch.is_open, ch.connection, conn.channels[1]]).toEqual([false, null, undefined]);
    for (const call of [
      () => ch.queue_purge(queue),
      () => ch.basic_publish(new Message('x')),
      () => ch.flow(true),
    ]) {
      const error = thrownBy<RecoverableConnectionError>(call);
      expect(error).toBeInstanceOf(RecoverableConnectionError);
      expect(error.message).toBe('channel already closed');
    }
  });

  test('at the end of a block that uses it', () => {
    const { conn } = connected();
    let used: Channel;
    {
      using ch = conn.channel();
      used = ch;
      expect(ch.is_open).toBe(true);
    }
    expect(used.is_open).toBe(false);
  });

  test('with its connection; then every method says that the connection is closed', () => {
    const { conn, ch } = connected(open());
    conn.close();
    expect([ch.is_open, ch.connection]).toEqual([false, null]);
    for (const call of [
      () => ch.queue_declare(),
      () => ch.basic_ack(1),
      () => ch.basic_publish(new Message('x')),
    ]) {
      const error = thrownBy<RecoverableConnectionError>(call);
      expect(error).toBeInstanceOf(RecoverableConnectionError);
      expect(error.message).toBe('connection already closed');
    }
    ch.close();
  });
});

describe('a channel error', () => {
  test('comes out of the call in progress, and the next call on the same channel works', () => {
    const { conn, ch } = connected(open());
    const error = thrownBy<NotFound>(() => ch.queue_declare(unique('missing'), { passive: true }));
    expect(error).toBeInstanceOf(NotFound);
    expect(error).toBeInstanceOf(ChannelError);
    expect(error).toMatchObject({ code: 404, reply_code: 404, channel_id: 1, method_name: 'queue.declare' });
    expect(String(error)).toMatch(/^queue\.declare \[ch: 1\]: \(404\) NOT_FOUND - no queue/);
    // the stack begins with the line above; what is below has its own, in the cause
    expect(error.stack).toMatch(/^NotFound: queue\.declare \[ch: 1\]: .*\n {4}at .*channel\.test/);
    expect(error.cause).toBeInstanceOf(NotFoundError);
    expect(ch.is_open).toBe(true);
    expect(ch.queue_declare('', { exclusive: true }).message_count).toBe(0);
    expect(conn.channel(1)).toBe(ch);
    expect(conn.is_alive()).toBe(true);
  });

  test('of a publish comes out of the next call, or of drain_events; other channels go on', () => {
    const { conn, ch } = connected(open());
    const other = conn.channel();
    const lost = () => ch.basic_publish(new Message('x'), unique('nowhere'));
    lost();
    expect(
      thrownBy(() => {
        for (;;) ch.queue_declare('', { exclusive: true });
      }),
    ).toBeInstanceOf(NotFound);
    lost();
    const error = thrownBy<NotFound>(() => conn.drain_events(60));
    expect(error).toBeInstanceOf(NotFound);
    expect(error.channel_id).toBe(1);
    lost();
    // by the time that this is answered, the other channel is closed, and nobody has said so
    other.queue_declare('', { exclusive: true });
    expect(
      thrownBy(() => {
        for (;;) ch.queue_declare('', { exclusive: true });
      }),
    ).toBeInstanceOf(NotFound);
    expect(ch.queue_declare('', { exclusive: true }).consumer_count).toBe(0);
  });

  test('takes consumers, prefetch and mode with it: the channel is as new', () => {
    const { conn, ch } = connected(open());
    const { queue } = ch.queue_declare('', { exclusive: true, auto_delete: false });
    const seen: unknown[] = [];
    ch.confirm_select();
    const tag = ch.basic_consume(queue, {
      callback: (msg) => seen.push(msg.body),
      no_ack: true,
      on_cancel: () => {},
    });
    expect([ch.callbacks[tag], ch.cancel_callbacks[tag]]).toEqual([
      expect.any(Function),
      expect.any(Function),
    ]);
    expect([...ch.no_ack_consumers]).toEqual([tag]);
    expect(thrownBy(() => ch.queue_purge(unique('missing')))).toBeInstanceOf(NotFound);
    expect([ch.mode, ch.callbacks, ch.cancel_callbacks, ch.no_ack_consumers.size]).toEqual([0, {}, {}, 0]);
    expect(ch.queue_declare(queue, true).consumer_count).toBe(0);
    ch.basic_publish(new Message('later'), { routing_key: queue });
    conn.loop(0.05);
    expect(seen).toEqual([]);
  });

  test("inside a callback is the callback's, and drain_events lets it through", () => {
    const { conn, ch } = connected(open());
    const { queue } = ch.queue_declare('', { exclusive: true });
    const other = conn.channel();
    ch.basic_consume(queue, { callback: () => other.queue_purge(unique('missing')) });
    ch.basic_publish(new Message('go'), { routing_key: queue });
    const error = thrownBy<NotFound>(() => conn.drain_events(60));
    expect(error).toBeInstanceOf(NotFound);
    expect([error.channel_id, ch.is_open, other.is_open]).toEqual([2, true, true]);
    other.queue_declare(queue, { passive: true });
  });
});

describe('modes', () => {
  test.each([
    ['confirm', 'tx', (ch: Channel) => ch.confirm_select(), (ch: Channel) => ch.tx_select(), 2, 1],
    ['tx', 'confirm', (ch: Channel) => ch.tx_select(), (ch: Channel) => ch.confirm_select(), 1, 2],
  ] as const)(
    'from %s to %s: PreconditionFailed, and none; the second try succeeds',
    (_, __, first, second, one, two) => {
      const { ch } = connected();
      expect(ch.mode).toBe(Channel.CH_MODE_NONE);
      first(ch);
      expect(ch.mode).toBe(one);
      first(ch);
      expect(thrownBy(() => second(ch))).toBeInstanceOf(PreconditionFailed);
      expect(ch.mode).toBe(ch.CH_MODE_NONE);
      second(ch);
      expect(ch.mode).toBe(two);
    },
  );

  test('have the numbers of amqpy', () => {
    const { CH_MODE_NONE, CH_MODE_TX, CH_MODE_CONFIRM } = Channel;
    expect([CH_MODE_NONE, CH_MODE_TX, CH_MODE_CONFIRM]).toEqual([0, 1, 2]);
    const { ch } = connected();
    expect([ch.CH_MODE_NONE, ch.CH_MODE_TX, ch.CH_MODE_CONFIRM]).toEqual([0, 1, 2]);
  });

  test.each(['tx_commit', 'tx_rollback'] as const)(
    '%s without a transaction: PreconditionFailed',
    (method) => {
      const { ch } = connected();
      expect(thrownBy(() => ch[method]())).toBeInstanceOf(PreconditionFailed);
      ch.tx_select();
      ch[method]();
    },
  );

  test('are selected without waiting by confirm_select with nowait', () => {
    const { ch } = connected();
    ch.confirm_select({ nowait: true });
    expect(ch.mode).toBe(2);
    const { queue } = ch.queue_declare('', { exclusive: true });
    ch.basic_publish(new Message('x'), { routing_key: queue });
    expect(ch.queue_purge()).toBe(1);
  });
});

describe('exchanges', () => {
  test('are declared, checked, bound to one another, unbound, deleted', () => {
    const { ch } = connected();
    const [source, dest] = [unique('source'), unique('dest')];
    expect(ch.exchange_declare(source, 'topic', { auto_delete: false })).toBeUndefined();
    ch.exchange_declare(dest, 'fanout', { auto_delete: false });
    ch.exchange_declare(source, 'topic', { passive: true });
    const { queue } = ch.queue_declare('', { exclusive: true });
    ch.queue_bind(queue, dest);
    ch.exchange_bind(dest, source, 'a.*');
    const sent = (key: string) => {
      ch.basic_publish_confirm(new Message(key), source, key);
      return ch.queue_purge(queue);
    };
    expect([sent('a.b'), sent('b.b')]).toEqual([1, 0]);
    ch.exchange_unbind(dest, source, 'a.*');
    expect(sent('a.b')).toBe(0);
    ch.exchange_unbind(dest, source, 'a.*'); // RabbitMQ does not mind
    ch.exchange_delete(source);
    ch.exchange_delete(dest, false, true);
    ch.exchange_delete(source);
    eventually(() => {
      try {
        ch.exchange_declare(dest, 'fanout', true);
        return false;
      } catch (error) {
        return error instanceof NotFound;
      }
    });
  });

  test("that cannot be declared or deleted are refused with amqpy's exceptions", () => {
    const { ch } = connected();
    const exchange = unique('exchange');
    ch.exchange_declare(exchange, 'direct');
    expect(thrownBy(() => ch.exchange_declare(exchange, 'topic'))).toBeInstanceOf(PreconditionFailed);
    expect(thrownBy(() => ch.exchange_declare(exchange, 'direct', { auto_delete: false }))).toBeInstanceOf(
      PreconditionFailed,
    );
    expect(
      thrownBy(() => ch.exchange_declare(unique('missing'), 'direct', { passive: true })),
    ).toBeInstanceOf(NotFound);
    expect(thrownBy(() => ch.exchange_delete(''))).toBeInstanceOf(AccessRefused);
    expect(thrownBy(() => ch.exchange_declare('amq.mine', 'direct'))).toBeInstanceOf(AccessRefused);
    const { queue } = ch.queue_declare('', { exclusive: true });
    ch.queue_bind(queue, exchange);
    expect(thrownBy(() => ch.exchange_delete(exchange, { if_unused: true }))).toBeInstanceOf(
      PreconditionFailed,
    );
    ch.exchange_delete(exchange);
  });
});

describe('queues', () => {
  test('what is declared is a tuple with names', () => {
    const { ch } = connected();
    const ok = ch.queue_declare('', { exclusive: true });
    expect(ok).toBeInstanceOf(spec.queue_declare_ok_t);
    expect(ok).toEqual([expect.stringMatching(/^amq\.gen-/), 0, 0]);
    const [queue, messages, consumers] = ok;
    expect([queue, messages, consumers]).toEqual([ok.queue, ok.message_count, ok.consumer_count]);
  });

  test('no name is the queue declared last on the channel', () => {
    const { conn, ch } = connected();
    const exchange = unique('exchange');
    ch.exchange_declare(exchange, 'fanout');
    const { queue } = ch.queue_declare('', { exclusive: true, auto_delete: false });
    ch.queue_bind('', exchange);
    for (let i = 0; i < 3; i++) ch.basic_publish_confirm(new Message(`${i}`), exchange);
    const msg = ch.basic_get();
    expect(msg?.body).toBe('0');
    msg?.ack();
    expect(ch.queue_purge()).toBe(2);
    const seen: unknown[] = [];
    const tag = ch.basic_consume({ callback: (message) => seen.push(message.body), no_ack: true });
    ch.basic_publish(new Message('more'), '', queue);
    conn.drain_events(60);
    expect(seen).toEqual(['more']);
    ch.basic_cancel(tag);
    ch.basic_publish_confirm(new Message('one'), '', queue);
    expect(ch.queue_delete()).toBe(1);
  });

  test('are bound, unbound, purged, deleted, also without waiting', () => {
    const { ch } = connected();
    const exchange = unique('exchange');
    ch.exchange_declare(exchange, 'topic', { auto_delete: false });
    const name = unique('queue');
    expect(ch.queue_declare(name, { exclusive: true, nowait: true })).toBeNull();
    const { queue } = ch.queue_declare(name, { passive: true });
    expect(queue).toBe(name);
    const arrives = (key: string) => {
      ch.basic_publish_confirm(new Message('x'), exchange, key);
      return ch.queue_purge(queue);
    };
    expect(ch.queue_bind(queue, exchange, 'a.#', true)).toBeUndefined();
    expect(arrives('a.b')).toBe(1);
    expect(ch.queue_unbind(queue, exchange, 'a.#', true)).toBeUndefined();
    // its answer is swallowed: this call gets its own
    expect(arrives('a.b')).toBe(0);
    ch.queue_bind(queue, exchange, 'b');
    ch.queue_unbind(queue, exchange, 'b');
    expect(arrives('b')).toBe(0);
    expect(ch.queue_purge(queue, true)).toBeNull();
    expect(ch.queue_delete(queue, { nowait: true })).toBeNull();
    eventually(() => {
      try {
        ch.queue_declare(name, true);
        return false;
      } catch (error) {
        return error instanceof NotFound;
      }
    });
    expect(ch.queue_delete(unique('missing'))).toBe(0);
    ch.exchange_delete(exchange);
  });

  test("that cannot be declared, deleted or bound are refused with amqpy's exceptions", () => {
    const { conn, ch } = connected();
    const { queue } = ch.queue_declare(unique('queue'), { exclusive: true, auto_delete: false });
    expect(thrownBy(() => ch.queue_declare(queue, { exclusive: true }))).toBeInstanceOf(PreconditionFailed);
    expect(thrownBy(() => open().channel().queue_declare(queue, { passive: true }))).toBeInstanceOf(
      ResourceLocked,
    );
    ch.basic_publish_confirm(new Message('x'), '', queue);
    expect(thrownBy(() => ch.queue_delete(queue, { if_empty: true }))).toBeInstanceOf(PreconditionFailed);
    conn.channel().basic_consume(queue);
    expect(thrownBy(() => ch.queue_delete(queue, { if_unused: true }))).toBeInstanceOf(PreconditionFailed);
    expect(thrownBy(() => ch.basic_get(unique('missing')))).toBeInstanceOf(NotFound);
    expect(thrownBy(() => ch.queue_bind(queue, unique('missing')))).toBeInstanceOf(NotFound);
  });

  test('arguments that no table can hold: FrameSyntaxError, and nothing was sent', () => {
    const { ch } = connected();
    for (const wrong of [{ key: () => {} }, { key: Symbol('s') }, { ['k'.repeat(300)]: 1 }]) {
      const error = thrownBy(() => ch.queue_declare('', { exclusive: true, arguments: wrong as never }));
      expect(error).toBeInstanceOf(FrameSyntaxError);
    }
    ch.queue_declare('', { exclusive: true, arguments: { 'x-expires': 60_000 } });
  });

  test.each<[(ch: Channel) => unknown, string]>([
    [(ch) => ch.queue_bind('q', 'e', 5 as never), 'routing_key must be a string, got a number'],
    [(ch) => ch.queue_delete('q', 'x' as never), 'if_unused must be true or false, got a string'],
    [(ch) => ch.basic_qos(0, 70_000), 'prefetch_count must be a whole number from 0 to 65535, got 70000'],
    [(ch) => ch.basic_qos({ a_global: 1 as never }), 'a_global must be true or false, got a number'],
    [(ch) => ch.basic_get('q', 'yes' as never), 'no_ack must be true or false, got a string'],
    [(ch) => ch.basic_cancel(5 as never), 'consumer_tag must be a string, got a number'],
    [(ch) => ch.basic_consume({ callback: 5 as never }), 'callback must be a function, got a number'],
    [(ch) => ch.basic_consume({ on_cancel: 'x' as never }), 'on_cancel must be a function, got a string'],
    [(ch) => ch.close('x' as never), 'reply_code must be a whole number from 0 to 65535, got a string'],
    [
      (ch) => ch.close(0, '', new spec.method_t(70_000, 1)),
      'class_id must be a whole number from 0 to 65535',
    ],
    [(ch) => ch.connection.close('x' as never), 'reply_code must be a whole number'],
    [(ch) => ch.connection.channel(0), 'channel_id must be a whole number from 1 to'],
    [() => new Channel(5 as never), 'connection must be a Connection'],
  ])('a wrong argument is named as in Python, and nothing is sent: %s', (call, message) => {
    const { conn, ch } = connected(open());
    const error = thrownBy(() => call(ch));
    expect(error.message).toContain(message);
    expect([TypeError, RangeError]).toContain(error.constructor);
    expect([ch.is_open, conn.channel(1) === ch]).toEqual([true, true]);
    ch.queue_declare('', { exclusive: true });
  });

  test('wrong arguments are worded as Python words them', () => {
    const { ch } = connected();
    expect(() => ch.queue_declare('q', { durabel: true } as never)).toThrow(
      new TypeError("Channel.queue_declare() got an unexpected keyword argument 'durabel'"),
    );
    expect(() => ch.basic_reject(...([1] as never))).toThrow(
      "missing 1 required positional argument: 'requeue'",
    );
    expect(() => ch.exchange_declare(...(['e'] as never))).toThrow(
      "missing 1 required positional argument: 'exch_type'",
    );
  });
});

describe('where a default of amqpy is what RabbitMQ refuses', () => {
  test('basic_recover(): 540, which says what to do; the switch does it everywhere', () => {
    const { conn, ch } = connected(open());
    const error = thrownBy<AMQPNotImplementedError>(() => ch.basic_recover());
    expect(error).toBeInstanceOf(AMQPNotImplementedError);
    expect(error.reply_code).toBe(540);
    expect(error.message.split(error.hint!)).toHaveLength(2);
    expect(error.stack!.split(error.hint!)).toHaveLength(2);
    expect(error.hint).toContain('requeue=true');
    expect(conn.is_alive()).toBe(false);

    const other = open({ compat: { recover: 'requeue' } }).channel();
    const { queue } = other.queue_declare('', { exclusive: true });
    other.basic_publish(new Message('again'), '', queue);
    const first = other.basic_get(queue)!;
    other.basic_recover();
    const again = other.basic_get(queue)!;
    expect([first.delivery_info.redelivered, again.delivery_info.redelivered]).toEqual([false, true]);
    expect(thrownBy(() => first.ack())).toBeInstanceOf(PreconditionFailed);
    again.reject(false);
  });

  test('basic_recover(true) is what it knows', () => {
    const { ch } = connected();
    const { queue } = ch.queue_declare('', { exclusive: true });
    ch.basic_publish(new Message('again'), '', queue);
    ch.basic_get(queue);
    ch.basic_recover_async(true);
    eventually(() => ch.basic_get(queue)?.delivery_info.redelivered === true);
  });

  test.each([
    ['immediate', (ch: Channel) => ch.basic_publish(new Message('x'), { immediate: true }), /immediate/],
    ['prefetch_size', (ch: Channel) => ch.basic_qos(1), /prefetch_size/],
    ['flow(false)', (ch: Channel) => ch.flow(false), /basic_qos/],
  ] as const)('%s fails with 540, and the hint says what to use instead', (_, call, hint) => {
    const { conn, ch } = connected();
    const error = thrownBy<AMQPNotImplementedError>(() => {
      call(ch);
      conn.drain_events(60);
    });
    expect(error).toBeInstanceOf(AMQPNotImplementedError);
    expect(error.hint).toMatch(hint);
  });

  test('immediate: the switch leaves it out', () => {
    const ch = open({ compat: { immediate: 'ignore' } }).channel();
    const { queue } = ch.queue_declare('', { exclusive: true });
    ch.basic_publish_confirm(new Message('x'), { routing_key: queue, immediate: true });
    expect(ch.queue_purge(queue)).toBe(1);
  });

  test('a switch or a value that is none is refused', () => {
    expect(() => open({ compat: { recover: 'yes' as never } })).toThrow(
      'compat: recover must be one of as-is, requeue, got yes',
    );
    expect(() => open({ compat: { recovery: 'requeue' } as never })).toThrow(
      "compat: unknown option 'recovery'",
    );
  });

  test('of something else it says nothing', () => {
    const { ch } = connected();
    const error = thrownBy<NotFound>(() => ch.queue_purge(unique('missing')));
    expect(error.hint).toBeUndefined();
    expect(error).not.toBeInstanceOf(InternalError);
  });
});

describe('a name of more than 255 bytes', () => {
  const long = 'x'.repeat(256);
  test.each<[method: string, act: (ch: Channel) => unknown]>([
    ['queue_declare', (ch) => ch.queue_declare(long)],
    ['queue_declare, in UTF-8', (ch) => ch.queue_declare('ü'.repeat(128))],
    ['queue_bind', (ch) => ch.queue_bind('q', 'amq.direct', long)],
    ['exchange_declare', (ch) => ch.exchange_declare(long, 'direct')],
    ['exchange_bind', (ch) => ch.exchange_bind('amq.direct', long)],
    ['queue_delete', (ch) => ch.queue_delete(long)],
    ['basic_get', (ch) => ch.basic_get(long)],
    ['basic_consume', (ch) => ch.basic_consume({ queue: 'q', consumer_tag: long, callback: () => {} })],
    ['basic_publish', (ch) => ch.basic_publish(new Message('x'), '', long)],
  ])('%s: FrameSyntaxError, and the channel is usable', (_, act) => {
    const { ch } = connected();
    const error = thrownBy<FrameSyntaxError>(() => act(ch));
    expect(error).toBeInstanceOf(FrameSyntaxError);
    expect(error.message).toMatch(/ 256 bytes /);
    expect(ch.queue_declare({ exclusive: true }).queue).not.toBe('');
  });
});

test('remote: another thread has something done here', () => {
  const { conn } = connected(open());
  const seen: unknown[] = [];
  const remote = new Remote(conn.remote((value) => seen.push(value)));
  remote.call('done here');
  conn.drain_events(60);
  expect(seen).toEqual(['done here']);
  conn.close();
  expect(() => conn.remote(() => {})).toThrow(RecoverableConnectionError);
});
