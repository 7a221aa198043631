/** Consumers of pika.BlockingChannel, with callbacks and as a generator, against the broker of this run. */
import * as pika from '../../../src/compat/pika';
import {
  channel,
  connection,
  count,
  expectCount,
  fill,
  privateQueue,
  untilSentAhead,
  useChannel,
} from '../../support/facades/pika';
import { duration, errorOf } from '../../support/peers/peer';

const { ChannelClosedByBroker, DuplicateConsumerTag, ReentrancyError } = pika.exceptions;

useChannel();

const bodies = (messages: Iterable<readonly unknown[]>) => [...messages].map((each) => String(each.at(-1)));

describe('basic_consume', () => {
  test('the callback gets channel, method, properties and body', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const seen: Parameters<pika.OnMessage>[] = [];
    const tag = channel.basic_consume({
      queue,
      on_message_callback: (...given) => {
        seen.push(given);
        if (seen.length === 2) channel.stop_consuming();
      },
    });
    expect(tag).toMatch(new RegExp(`^ctag${channel.channel_number}\\.[0-9a-f]{32}$`));
    expect(channel.consumer_tags).toEqual([tag]);
    expect(seen).toEqual([]);
    channel.start_consuming();
    expect(seen.map(([on, method]) => [on, method.delivery_tag])).toEqual([
      [channel, 1],
      [channel, 2],
    ]);
    const [, method, properties, body] = seen[0]!;
    expect(method).toMatchObject({ consumer_tag: tag, redelivered: false, exchange: '', routing_key: queue });
    expect(method).toBeInstanceOf(pika.spec.Basic.Deliver);
    expect(properties).toBeInstanceOf(pika.BasicProperties);
    expect(body).toEqual(Buffer.from('one'));
    expect(channel.consumer_tags).toEqual([]);
  });

  test('the broker sends everything ahead, as no limit was asked for', () => {
    const queue = privateQueue(channel, ...Array.from({ length: 150 }, (_, index) => String(index)));
    channel.basic_consume(queue, () => {});
    expect(count(connection.channel(), queue)).toBe(0);
  });

  test('calls in a callback are allowed, and callbacks do not nest', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const seen: string[] = [];
    channel.basic_consume(queue, (ch, method, _properties, body) => {
      seen.push(`begin ${body}`);
      connection.process_data_events(0.05);
      ch.queue_declare({ queue, passive: true });
      expect(() => ch.start_consuming()).toThrow(ReentrancyError);
      ch.basic_ack(method.delivery_tag);
      seen.push(`end ${body}`);
      if (seen.length === 4) ch.stop_consuming(method.consumer_tag);
    });
    channel.start_consuming();
    expect(seen).toEqual(['begin one', 'end one', 'begin two', 'end two']);
    expect(count(channel, queue)).toBe(0);
  });

  test('a tag of ones own; a second time: DuplicateConsumerTag; no callback: TypeError', () => {
    const queue = privateQueue(channel);
    expect(channel.basic_consume(queue, () => {}, false, false, 'mine')).toBe('mine');
    const error = errorOf(() => channel.basic_consume(queue, () => {}, { consumer_tag: 'mine' }));
    expect(error).toBeInstanceOf(DuplicateConsumerTag);
    expect(() => channel.basic_consume(queue, 'callback' as never)).toThrow(TypeError);
    expect(channel.is_open).toBe(true);
  });

  test('exclusive, and a queue that is not there', () => {
    const queue = privateQueue(channel);
    channel.basic_consume(queue, () => {}, { exclusive: true });
    const other = connection.channel();
    expect(errorOf(() => other.basic_consume(queue, () => {}))).toMatchObject({ reply_code: 403 });
    expect(other.consumer_tags).toEqual([]);
    expect(errorOf(() => connection.channel().basic_consume('nowhere', () => {}))).toMatchObject({
      reply_code: 404,
    });
  });

  test('arguments: a consumer of higher priority comes first', () => {
    const queue = privateQueue(channel);
    const seen: string[] = [];
    channel.basic_consume(queue, () => seen.push('low'), { auto_ack: true });
    channel.basic_consume(queue, () => seen.push('high'), { auto_ack: true, arguments: { 'x-priority': 5 } });
    channel.basic_publish('', queue, 'x');
    connection.process_data_events(60);
    expect(seen).toEqual(['high']);
  });
});

describe('basic_cancel', () => {
  test('with auto_ack it returns what nobody has any more', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const tag = channel.basic_consume(queue, () => {}, { auto_ack: true });
    untilSentAhead(channel, queue);
    const left = channel.basic_cancel(tag);
    expect(bodies(left)).toEqual(['one', 'two']);
    expect(left[0]?.[0]).toBeInstanceOf(pika.spec.Basic.Deliver);
    expect(left[0]?.[1]).toBeInstanceOf(pika.BasicProperties);
    expect(count(channel, queue)).toBe(0);
    connection.process_data_events();
  });

  test('without, they go back, and nothing is returned', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const tag = channel.basic_consume(queue, () => {
      throw new Error('never called');
    });
    untilSentAhead(channel, queue);
    expect(channel.basic_cancel({ consumer_tag: tag })).toEqual([]);
    connection.process_data_events();
    expectCount(channel, queue, 2);
    expect(channel.basic_cancel(tag)).toEqual([]);
    expect(channel.basic_cancel('never was')).toEqual([]);
  });

  test('of a channel that is closed is no error', () => {
    const tag = channel.basic_consume(privateQueue(channel), () => {});
    expect(() => channel.queue_declare('not there', true)).toThrow(ChannelClosedByBroker);
    expect(channel.basic_cancel(tag)).toEqual([]);
    channel.stop_consuming();
    expect(channel.cancel()).toBe(0);
  });

  test('close cancels, too: unacked messages are back', () => {
    const queue = privateQueue(channel, 'one');
    channel.basic_consume(queue, () => {});
    channel.close();
    expectCount(connection.channel(), queue, 1);
  });
});

describe('start_consuming', () => {
  test('returns when there is no consumer', () => {
    channel.start_consuming();
    const queue = privateQueue(channel);
    channel.basic_consume(queue, () => {});
    channel.stop_consuming();
    channel.start_consuming();
  });

  test('returns when the broker has ended the last one; who is told of it: the cancel callbacks', () => {
    const queue = privateQueue(channel);
    const seen: string[] = [];
    channel.add_on_cancel_callback(({ method }) => seen.push(method.consumer_tag));
    const tag = channel.basic_consume(queue, () => {});
    connection.call_later(0.1, () => connection.channel().queue_delete(queue));
    channel.start_consuming();
    expect(seen).toEqual([tag]);
    expect(channel.is_open).toBe(true);
  });

  test('throws when the channel is closed, also when a callback has had the error', () => {
    for (const caught of [false, true]) {
      const own = connection.channel();
      const queue = privateQueue(own, 'x');
      own.basic_consume(queue, () => {
        own.basic_publish('not there', 'key', 'x');
        if (caught) expect(() => own.queue_declare('not there', { passive: true })).toThrow('(404)');
      });
      const error = errorOf(() => own.start_consuming());
      expect(error).toBeInstanceOf(ChannelClosedByBroker);
      expect(own.consumer_tags).toEqual([]);
    }
  });

  test('other channels are served, too', () => {
    const other = connection.channel();
    const seen: string[] = [];
    other.basic_consume(privateQueue(other, 'theirs'), (_ch, _method, _properties, body) => {
      seen.push(String(body));
      channel.stop_consuming();
    });
    channel.basic_consume(privateQueue(channel), () => {});
    channel.start_consuming();
    expect(seen).toEqual(['theirs']);
  });
});

describe('consume', () => {
  test('is lazy: the consumer is started at the first step', () => {
    const queue = privateQueue(channel, 'one');
    const messages = channel.consume(queue);
    expect(channel.consumer_tags).toEqual([]);
    const { value } = messages.next();
    expect(bodies([value as never])).toEqual(['one']);
    expect(channel.consumer_tags).toHaveLength(1);
    expect(() => channel.consume('nowhere', { nonsense: 1 } as never)).toThrow(TypeError);
    expect(errorOf(() => connection.channel().consume('nowhere').next())).toMatchObject({ reply_code: 404 });
  });

  test('a loop that is left goes on with the same call; cancel gives back what was not yielded', () => {
    const queue = privateQueue(channel, '1', '2', '3', '4');
    const seen: string[] = [];
    for (const wanted of [1, 3]) {
      for (const [method, , body] of channel.consume(queue)) {
        seen.push(String(body));
        channel.basic_ack(method.delivery_tag);
        if (seen.length === wanted) break;
      }
    }
    expect(seen).toEqual(['1', '2', '3']);
    expect(channel.get_waiting_message_count()).toBe(1);
    expect(channel.consumer_tags).toHaveLength(1);
    expect(channel.cancel()).toBe(0);
    expect(channel.consumer_tags).toEqual([]);
    expectCount(channel, queue, 1);
    expect([channel.cancel(), channel.get_waiting_message_count()]).toEqual([0, 0]);
    for (const [method] of channel.consume(queue)) {
      expect(method.redelivered).toBe(true);
      break;
    }
  });

  test('another queue, auto_ack or exclusive is a ValueError until cancel', () => {
    const queue = privateQueue(channel, '1', '2');
    channel.consume(queue).next();
    for (const other of [['other'], [queue, true], [queue, false, true]] as [string, boolean?, boolean?][]) {
      expect(() => channel.consume(...other).next()).toThrow(RangeError);
    }
    channel.cancel();
    channel.consume(queue, true).next();
  });

  test('inactivity_timeout: three times null, again and again', () => {
    const queue = privateQueue(channel, 'one');
    const seen: (string | null)[] = [];
    const ms = duration(() => {
      for (const [method, properties, body] of channel.consume(queue, { inactivity_timeout: 1 })) {
        seen.push(method && `${body} ${properties.constructor.name}`);
        if (seen.length === 3) break;
      }
    });
    expect(seen).toEqual(['one BasicProperties', null, null]);
    expect(ms).toBeGreaterThan(1990);
    expect(channel.consumer_tags).toHaveLength(1);
  });

  test('ends when it is cancelled, in the loop or by a callback', () => {
    const queue = privateQueue(channel, 'one', 'two');
    const seen: string[] = [];
    for (const [, , body] of channel.consume(queue)) {
      seen.push(String(body));
      channel.cancel();
    }
    expect(seen).toEqual(['one']);
    const empty = privateQueue(channel);
    connection.call_later(0.1, () => channel.cancel());
    expect([...channel.consume(empty)]).toEqual([]);
    connection.call_later(0.1, () => channel.stop_consuming());
    expect([...channel.consume(empty)]).toEqual([]);
  });

  test('ends when the broker ends it, after what had come', () => {
    const queue = privateQueue(channel, 'one', 'two');
    connection.call_later(0.1, () => connection.channel().queue_delete(queue));
    expect(bodies(channel.consume(queue, true))).toEqual(['one', 'two']);
    expect(channel.consumer_tags).toEqual([]);
    channel.consume(privateQueue(channel, 'three')).next();
  });

  test('throws when the channel is closed; another channel can go on', () => {
    const queue = privateQueue(channel);
    connection.call_later(0.1, () => channel.basic_publish('not there', 'key', 'x'));
    expect(() => channel.consume(queue).next()).toThrow(ChannelClosedByBroker);
    const next = connection.channel();
    fill(next, queue, 'one');
    expect(next.consume(queue).next().done).toBe(false);
  });

  test('the tag may be given, and basic_cancel with it is cancel', () => {
    const queue = privateQueue(channel, 'one', 'two');
    channel.consume(queue, { consumer_tag: 'mine', arguments: { 'x-priority': 1 } }).next();
    expect(channel.consumer_tags).toEqual(['mine']);
    expect(channel.basic_cancel('mine')).toEqual([]);
    expect(channel.get_waiting_message_count()).toBe(0);
  });

  test('callbacks of other consumers run meanwhile', () => {
    const other = connection.channel();
    const queue = privateQueue(channel);
    other.basic_consume(privateQueue(other, 'theirs'), (_ch, _method, _properties, body) => {
      channel.basic_publish('', queue, `after ${body}`);
    });
    const { value } = channel.consume(queue).next();
    expect(bodies([value as never])).toEqual(['after theirs']);
  });
});
