/** Consumers: callbacks, classes, and their ends, with the real broker. */
import {
  AbstractConsumer,
  AccessRefused,
  type Channel,
  ConsumerCancelled,
  Message,
  NotFound,
  PreconditionFailed,
  RecoverableConnectionError,
} from '../../../src/compat/amqpy';
import { eventually, thrownBy, unique } from '../../support/connect';
import { shared } from '../../support/facades/amqpy';

function filled(...bodies: string[]) {
  const conn = shared();
  const ch = conn.channel();
  const { queue } = ch.queue_declare(unique('queue'), { exclusive: true, auto_delete: false });
  publish(ch, queue, ...bodies);
  return { conn, ch, queue };
}

/** All are in the queue when it returns. */
function publish(ch: Channel, queue: string, ...bodies: string[]): void {
  const other = ch.connection.channel();
  for (const body of bodies) other.basic_publish_confirm(new Message(body), '', queue);
  other.close();
}

const ready = (ch: Channel, queue: string) => ch.queue_declare(queue, { passive: true }).message_count;

describe('basic_consume', () => {
  test('calls back with the message, its channel and where it came from', () => {
    const { conn, ch, queue } = filled('hello');
    const seen: Message[] = [];
    const tag = ch.basic_consume(queue, { callback: (msg) => seen.push(msg) });
    expect(tag).toMatch(/^amq\.ctag-/);
    expect(seen).toEqual([]);
    conn.drain_events(60);
    const [msg] = seen as [Message];
    expect(msg.body).toBe('hello');
    expect(msg.channel).toBe(ch);
    expect(msg.delivery_info).toEqual({
      consumer_tag: tag,
      delivery_tag: 1,
      redelivered: false,
      exchange: '',
      routing_key: queue,
    });
    expect(msg.delivery_tag).toBe(1);
    msg.ack();
    ch.basic_cancel(tag);
    expect(ready(ch, queue)).toBe(0);
  });

  test('two channels, each with consumers of its own', () => {
    const { conn, ch, queue } = filled();
    const other = conn.channel();
    const second = other.queue_declare('', { exclusive: true }).queue;
    const seen: string[] = [];
    ch.basic_consume(queue, 'one', {
      callback: (msg) => seen.push(`one ${msg.channel.channel_id} ${msg.body}`),
      no_ack: true,
    });
    other.basic_consume(second, 'one', {
      callback: (msg) => seen.push(`two ${msg.channel.channel_id} ${msg.body}`),
      no_ack: true,
    });
    publish(ch, queue, 'a');
    publish(ch, second, 'b');
    while (seen.length < 2) conn.drain_events(60);
    expect(seen.sort()).toEqual([`one ${ch.channel_id} a`, `two ${other.channel_id} b`]);
  });

  test('without a callback, or with another one later', () => {
    const { conn, ch, queue } = filled('a', 'b');
    const tag = ch.basic_consume(queue);
    expect(conn.drain_events(60)).toBeUndefined();
    ch.callbacks[tag] = (msg) => msg.body;
    expect(conn.drain_events(60)).toBe('b');
  });

  test('without waiting: the broker cannot have made up the name', () => {
    const { conn, ch, queue } = filled('a', 'b');
    const tag = ch.basic_consume(queue, { nowait: true, callback: (msg) => msg.body });
    const other = ch.basic_consume(queue, { nowait: true, callback: (msg) => msg.body });
    expect(tag).not.toBe(other);
    expect([conn.drain_events(60), conn.drain_events(60)].sort()).toEqual(['a', 'b']);
  });

  test('fails with NotFound, or with AccessRefused where another consumer is exclusive', () => {
    const { conn, ch, queue } = filled();
    expect(thrownBy(() => ch.basic_consume(unique('missing')))).toBeInstanceOf(NotFound);
    conn.channel().basic_consume(queue, { exclusive: true });
    expect(thrownBy(() => ch.basic_consume(queue))).toBeInstanceOf(AccessRefused);
  });

  test('a callback may make calls that block, but not wait for events', () => {
    const { conn, ch, queue } = filled('a');
    ch.basic_consume(queue, {
      callback: (msg) => {
        msg.ack();
        expect(() => conn.drain_events(1)).toThrow('callbacks do not nest');
        return ready(ch, queue);
      },
    });
    expect(conn.drain_events(60)).toBe(0);
  });

  test('an async callback is refused: nobody would wait for it', () => {
    const { conn, ch, queue } = filled('a');
    ch.basic_consume(queue, { callback: async () => {} });
    expect(() => conn.drain_events(60)).toThrow(TypeError);
    expect(conn.is_alive()).toBe(true);
  });

  test('as many as there are come ahead, unless basic_qos limits them', () => {
    const bodies = Array.from({ length: 150 }, (_, index) => `${index}`);
    const { conn, ch, queue } = filled(...bodies);
    const limited = conn.channel();
    limited.basic_qos({ prefetch_count: 7 });
    limited.basic_consume(queue);
    eventually(() => ready(ch, queue) === 143);
    limited.close();
    eventually(() => ready(ch, queue) === 150);
    ch.basic_consume(queue); // a hundred, it would be below
    eventually(() => ready(ch, queue) === 0);
  });
});

describe('basic_cancel', () => {
  test('what the callback has not had goes back', () => {
    const { conn, ch, queue } = filled('a', 'b', 'c');
    const tag = ch.basic_consume(queue, { callback: (msg) => msg.ack() });
    conn.drain_events(60);
    expect(ch.basic_cancel(tag)).toBeUndefined();
    eventually(() => ready(ch, queue) === 2);
    expect(ch.callbacks).toEqual({});
    conn.loop(0);
    expect(ready(ch, queue)).toBe(2);
  });

  test('without waiting it does not wait', () => {
    const { ch, queue } = filled('a');
    const tag = ch.basic_consume(queue);
    ch.basic_cancel(tag, { nowait: true });
    ch.basic_cancel('unknown', true);
    eventually(() => ready(ch, queue) === 1);
    expect(ch.queue_declare(queue, true).consumer_count).toBe(0);
  });
});

describe('the broker ends a consumer', () => {
  test('on_cancel is told, once, from drain_events', () => {
    const { conn, ch, queue } = filled();
    const told: string[] = [];
    const tag = ch.basic_consume(queue, { callback: () => {}, on_cancel: (given) => told.push(given) });
    conn.channel().queue_delete(queue);
    expect(told).toEqual([]);
    expect(conn.drain_events(60)).toBe(1); // what push returned
    expect(told).toEqual([tag]);
    expect([ch.callbacks, ch.cancel_callbacks]).toEqual([{}, {}]);
  });

  test('without on_cancel: ConsumerCancelled out of drain_events, and the channel goes on', () => {
    const { conn, ch, queue } = filled();
    const tag = ch.basic_consume(queue, { no_ack: true });
    conn.channel().queue_delete(queue);
    const error = thrownBy<ConsumerCancelled>(() => conn.loop(60));
    expect(error).toBeInstanceOf(ConsumerCancelled);
    expect(error).toBeInstanceOf(RecoverableConnectionError);
    expect(error).toMatchObject({
      channel_id: ch.channel_id,
      method_name: 'basic.cancel',
      message: `the broker ended consumer '${tag}'`,
      cause: { name: 'ConsumerCancelledError', message: expect.stringContaining('its queue was deleted') },
    });
    expect([ch.is_open, ch.no_ack_consumers.size, conn.is_alive()]).toEqual([true, 0, true]);
    ch.queue_declare('', { exclusive: true });
  });
});

describe('settling', () => {
  test('takes one message, or all up to it', () => {
    const { ch, queue } = filled('a', 'b', 'c', 'd');
    const tags = [1, 2, 3].map(() => ch.basic_get(queue)?.delivery_tag);
    expect(tags).toEqual([1, 2, 3]);
    ch.basic_ack(2, true);
    ch.basic_reject(3, true);
    eventually(() => ready(ch, queue) === 2);
    ch.basic_reject({ delivery_tag: ch.basic_get(queue)!.delivery_tag!, requeue: false });
    ch.basic_get(queue)!.reject(true);
    eventually(() => ch.basic_get(queue)?.delivery_info.redelivered === true);
  });

  test('twice, or of what never came, is PreconditionFailed, and the channel lives on with its consumers', () => {
    const { ch, queue } = filled('a');
    ch.basic_consume(queue, { callback: () => {} });
    const other = ch.connection.channel();
    const second = other.queue_declare('', { exclusive: true }).queue;
    publish(ch, second, 'a');
    const msg = other.basic_get(second)!;
    msg.ack();
    for (const again of [
      () => msg.ack(),
      () => msg.reject(true),
      () => other.basic_ack(1),
      () => other.basic_ack(99),
      () => other.basic_reject(99, false),
    ]) {
      const error = thrownBy<PreconditionFailed>(again);
      expect(error).toBeInstanceOf(PreconditionFailed);
      expect(error.channel_id).toBe(other.channel_id);
    }
    expect(ch.queue_declare(queue, true).consumer_count).toBe(1);
  });

  test('refuses a message of an earlier life of its channel', () => {
    const { ch, queue } = filled('a');
    const msg = ch.basic_get(queue)!;
    expect(thrownBy(() => ch.queue_purge(unique('missing')))).toBeInstanceOf(NotFound);
    const error = thrownBy<PreconditionFailed>(() => msg.ack());
    expect(error).toBeInstanceOf(PreconditionFailed);
    const again = ch.basic_get(queue)!;
    expect(again.delivery_info.redelivered).toBe(true);
    again.ack();
  });

  test("refuses a message of one's own, which has no tag", () => {
    expect(() => new Message('x').ack()).toThrow(
      new TypeError('a message that did not come has no delivery tag'),
    );
  });
});

describe('AbstractConsumer', () => {
  class Collector extends AbstractConsumer {
    readonly bodies: unknown[] = [];
    readonly cancelled: string[] = [];
    run(msg: Message) {
      this.bodies.push(msg.body);
      if (!this.no_ack) msg.ack();
    }
    override cancel_cb(consumer_tag: string) {
      this.cancelled.push(consumer_tag);
    }
  }

  test('declares its queue, runs, counts its messages, and cancels', () => {
    const { conn, ch, queue } = filled('a', 'b');
    const consumer = new Collector(ch, queue);
    expect(consumer.channel).toBe(ch);
    const { consumer_tag, no_local, no_ack, exclusive } = consumer;
    expect([consumer.queue, consumer_tag, no_local, no_ack, exclusive]).toEqual([
      queue,
      '',
      false,
      false,
      false,
    ]);
    conn.loop(0);
    expect(consumer.consume_count).toBe(0);
    consumer.declare();
    expect(consumer.consumer_tag).toMatch(/^amq\.ctag-/);
    conn.drain_events(60);
    conn.drain_events(60);
    expect([consumer.bodies, consumer.consume_count]).toEqual([['a', 'b'], 2]);
    consumer.cancel();
    publish(ch, queue, 'c');
    conn.loop(0.05);
    expect([consumer.consume_count, ready(ch, queue)]).toEqual([2, 1]);
    consumer.start(ch.basic_get(queue)!);
    expect([consumer.bodies, consumer.consume_count]).toEqual([['a', 'b', 'c'], 3]);
  });

  test('counts a message when `run` is done with it', () => {
    const { conn, ch, queue } = filled('a', 'b');
    const counts: number[] = [];
    class Counting extends AbstractConsumer {
      run() {
        counts.push(this.consume_count);
        if (counts.length === 2) throw new Error('the second');
      }
    }
    const consumer = new Counting({ channel: ch, queue, no_ack: true });
    consumer.declare();
    conn.drain_events(60);
    expect(() => conn.drain_events(60)).toThrow('the second');
    expect([counts, consumer.consume_count]).toEqual([[0, 1], 1]);
  });

  test('takes its arguments as amqpy does, and hears of its end by the broker', () => {
    const { conn, ch, queue } = filled('a');
    const consumer = new Collector({
      channel: ch,
      queue,
      consumer_tag: 'mine',
      no_ack: true,
      exclusive: true,
    });
    consumer.declare();
    expect(thrownBy(() => conn.channel().basic_consume(queue))).toBeInstanceOf(AccessRefused);
    conn.drain_events(60);
    expect([...ch.no_ack_consumers]).toEqual(['mine']);
    conn.channel().queue_delete(queue);
    conn.drain_events(60);
    expect([consumer.bodies, consumer.cancelled]).toEqual([['a'], ['mine']]);
  });

  test('one without cancel_cb does not mind', () => {
    const { conn, ch, queue } = filled();
    class Plain extends AbstractConsumer {
      run() {}
    }
    new Plain(ch, queue).declare();
    conn.channel().queue_delete(queue);
    expect(conn.drain_events(60)).toBeUndefined();
  });

  test('one without run cannot be made', () => {
    const { ch, queue } = filled();
    const Incomplete = class Incomplete extends (AbstractConsumer as never as new (
      ch: Channel,
      queue: string,
    ) => object) {};
    expect(() => new Incomplete(ch, queue)).toThrow(
      new TypeError(
        "Can't instantiate abstract class Incomplete without an implementation for abstract method 'run'",
      ),
    );
  });
});
