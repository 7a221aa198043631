/** pika.BlockingChannel against the broker of this run: everything but consuming. */
import * as pika from '../../../src/compat/pika';
import {
  channel,
  connection,
  count,
  expectCount,
  fill,
  local,
  localWith,
  open,
  privateQueue,
  unique,
  useChannel,
} from '../../support/facades/pika';
import { errorOf } from '../../support/peers/peer';

const { ChannelClosedByBroker, ChannelWrongStateError, ShortStringTooLong } = pika.exceptions;
type ClosedByBroker = InstanceType<typeof ChannelClosedByBroker>;

useChannel();

describe('the channel itself', () => {
  test('has a number, a connection and a state', () => {
    expect(channel.connection).toBe(connection);
    expect(Number(channel)).toBe(channel.channel_number);
    expect([channel.is_open, channel.is_closed, channel.consumer_tags]).toEqual([true, false, []]);
    expect(`${channel}`).toBe(`<BlockingChannel ${channel.channel_number}>`);
    channel.close({ reply_code: 200, reply_text: 'enough' });
    expect([channel.is_open, channel.is_closed]).toEqual([false, true]);
    expect(() => channel.close()).toThrow(ChannelWrongStateError);
    expect(() => channel.queue_declare('q')).toThrow(ChannelWrongStateError);
    expect(() => channel.start_consuming()).toThrow(ChannelWrongStateError);
    expect(() => channel.consume('q').next()).toThrow(ChannelWrongStateError);
  });

  test('is closed by `using` at the end of its block', () => {
    let kept: pika.BlockingChannel;
    {
      using short = connection.channel();
      kept = short;
    }
    expect(kept.is_closed).toBe(true);
  });

  test('lets the broker go on by flow(True)', () => {
    expect(channel.flow(true)).toBe(true);
  });
});

describe('exchanges', () => {
  test('are declared, bound to one another, and deleted: method frames come back', () => {
    const [source, destination] = [unique(), unique()];
    const declared = channel.exchange_declare(source, 'topic', { auto_delete: true });
    expect(String(declared.method)).toBe('<Exchange.DeclareOk>');
    expect(declared).toMatchObject({ channel_number: channel.channel_number, frame_type: 1 });
    expect(declared.method).toBeInstanceOf(pika.spec.Exchange.DeclareOk);
    channel.exchange_declare({
      exchange: destination,
      exchange_type: pika.exchange_type.ExchangeType.fanout,
    });
    channel.exchange_declare({ exchange: destination, exchange_type: 'fanout', passive: true });
    const queue = privateQueue(channel);
    channel.queue_bind(queue, destination);
    const bound = channel.exchange_bind(destination, source, 'a.*');
    expect(bound.method).toBeInstanceOf(pika.spec.Exchange.BindOk);
    channel.basic_publish(source, 'a.b', 'through both');
    channel.basic_publish(source, 'c', 'nowhere');
    expect(String(channel.basic_get(queue, true)[2])).toBe('through both');
    expect(channel.basic_get(queue)[0]).toBeNull();
    const unbound = channel.exchange_unbind({ destination, source, routing_key: 'a.*' });
    expect(unbound.method).toBeInstanceOf(pika.spec.Exchange.UnbindOk);
    expect(channel.exchange_delete(destination, { if_unused: false }).method).toBeInstanceOf(
      pika.spec.Exchange.DeleteOk,
    );
    channel.exchange_delete(source);
  });

  test('the default type is direct', () => {
    const exchange = unique();
    channel.exchange_declare(exchange);
    channel.exchange_declare(exchange, 'direct');
    const error = errorOf<ClosedByBroker>(() => channel.exchange_declare(exchange, 'fanout'));
    expect(error).toBeInstanceOf(ChannelClosedByBroker);
    expect(error.reply_code).toBe(406);
    connection.channel().exchange_delete(exchange);
  });
});

describe('queues', () => {
  test('are declared: name and counts are in .method', () => {
    const queue = unique();
    const { method } = channel.queue_declare({ queue, exclusive: true });
    expect(method).toMatchObject({ queue, message_count: 0, consumer_count: 0 });
    expect(method).toBeInstanceOf(pika.spec.Queue.DeclareOk);
    expect(method.NAME).toBe('Queue.DeclareOk');
    fill(channel, queue, 'one', 'two', 'three');
    expect(channel.queue_purge(queue).method.message_count).toBe(3);
    fill(channel, queue, 'four');
    expect(channel.queue_delete(queue).method.message_count).toBe(1);
    expect(channel.queue_delete({ queue, if_unused: true, if_empty: true }).method.message_count).toBe(0);
  });

  test('bind and unbind: without a routing key it is the name of the queue', () => {
    const exchange = unique();
    channel.exchange_declare(exchange);
    const queue = privateQueue(channel);
    expect(channel.queue_bind(queue, exchange).method).toBeInstanceOf(pika.spec.Queue.BindOk);
    channel.basic_publish(exchange, queue, 'by name');
    channel.basic_publish(exchange, '', 'by nothing');
    expect(String(channel.basic_get(queue, true)[2])).toBe('by name');
    expect(channel.basic_get(queue)).toEqual([null, null, null]);
    expect(channel.queue_unbind(queue, exchange).method).toBeInstanceOf(pika.spec.Queue.UnbindOk);
    channel.exchange_delete(exchange, { if_unused: true });
  });

  test('that are missing are ChannelClosedByBroker, with what the broker said', () => {
    const error = errorOf<ClosedByBroker>(() => channel.queue_declare('no such queue', { passive: true }));
    expect(error).toBeInstanceOf(ChannelClosedByBroker);
    expect(error).toBeInstanceOf(pika.exceptions.AMQPChannelError);
    expect(error.reply_code).toBe(404);
    expect(error.reply_text).toMatch("NOT_FOUND - no queue 'no such queue'");
    expect(error.args).toEqual([404, error.reply_text]);
    expect(error.message).toBe(`(404) ${error.reply_text}`);
    expect(channel.is_closed).toBe(true);
    expect(connection.is_open).toBe(true);
  });

  test('compat: transient queues become durable, or exclusive', () => {
    const queue = unique();
    open(localWith({ compat: { transient_queues: 'durable' } }))
      .channel()
      .queue_declare(queue);
    channel.queue_declare(queue, { durable: true });
    channel.queue_delete(queue);
    const first = open(localWith({ compat: { transient_queues: 'exclusive' } }));
    first.channel().queue_declare(queue);
    expect(() => channel.queue_declare(queue, { passive: true })).toThrow('(405)');
    first.close();
  });
});

describe('messages', () => {
  test('basic_get gives method, properties and body', () => {
    const queue = privateQueue(channel);
    const sent = new pika.BasicProperties({
      content_type: 'text/plain',
      content_encoding: 'utf-8',
      headers: { text: 'one', number: 1, nested: { list: [true, null, 2n ** 60n] } },
      delivery_mode: pika.DeliveryMode.Transient,
      priority: 3,
      correlation_id: 'c',
      reply_to: 'r',
      expiration: '60000',
      message_id: 'm',
      timestamp: 1_700_000_000,
      type: 't',
      user_id: (local().credentials as pika.PlainCredentials).username,
      app_id: 'a',
      cluster_id: 'k',
    });
    channel.basic_publish('', queue, 'body', sent);
    expectCount(channel, queue, 1);
    fill(channel, queue, 'second');
    const [method, properties, body] = channel.basic_get({ queue });
    expect(method).toMatchObject({
      delivery_tag: 1,
      redelivered: false,
      exchange: '',
      routing_key: queue,
      message_count: 1,
    });
    expect(method).toBeInstanceOf(pika.spec.Basic.GetOk);
    expect(properties).toEqual(sent);
    expect(body).toEqual(Buffer.from('body'));
    const [next, none] = channel.basic_get(queue, { auto_ack: true });
    expect(next!.delivery_tag).toBe(2);
    expect(none).toEqual(new pika.BasicProperties());
    expect(channel.basic_get(queue)).toEqual([null, null, null]);
  });

  test('an expiration is a string, as in pika: a number is refused before anything is sent', () => {
    const queue = privateQueue(channel);
    const properties = new pika.BasicProperties({ expiration: 60000 as never });
    expect(() => channel.basic_publish('', queue, 'x', properties)).toThrow(
      'expiration must be a string, got a number',
    );
    expectCount(channel, queue, 0);
  });

  test('bodies: bytes as they are, text as UTF-8, and no property says so', () => {
    const queue = privateQueue(channel, 'grüße', '');
    channel.basic_publish('', queue, Uint8Array.of(0, 255));
    const [, properties, text] = channel.basic_get(queue, true);
    expect([text?.toString('utf8'), properties?.content_encoding]).toEqual(['grüße', null]);
    expect(channel.basic_get(queue, true)[2]).toHaveLength(0);
    expect(channel.basic_get(queue, true)[2]).toEqual(Buffer.of(0, 255));
    expect(() => channel.basic_publish('', queue, 5 as never)).toThrow(TypeError);
    expect(() => channel.basic_publish('', queue, 'x', { priority: 1 } as never, true)).toThrow(TypeError);
    expect(channel.is_open).toBe(true);
  });

  test('ack, nack and reject, one or several', () => {
    const queue = privateQueue(channel, '1', '2', '3', '4', '5', '6');
    const tags = Array.from({ length: 6 }, () => channel.basic_get(queue)[0]!.delivery_tag);
    channel.basic_ack(tags[1], true);
    channel.basic_nack(tags[2]);
    channel.basic_reject(tags[3], false);
    channel.basic_nack({ delivery_tag: tags[5], multiple: true, requeue: false });
    const [method, , body] = channel.basic_get(queue);
    expect([String(body), method?.redelivered]).toEqual(['3', true]);
    channel.basic_reject({ delivery_tag: method!.delivery_tag });
    const again = channel.basic_get(queue)[0]!;
    channel.basic_ack({ multiple: true });
    expect(count(channel, queue)).toBe(0);
    // pika lets the broker close the channel (406) for these
    expect(() => channel.basic_ack(again.delivery_tag)).toThrow(pika.exceptions.AMQPChannelError);
    expect(() => channel.basic_ack(999)).toThrow(RangeError);
    expect(channel.is_open).toBe(true);
  });

  test('names that are too long, before anything is sent', () => {
    const long = 'ü'.repeat(128);
    expect(() => channel.queue_declare(long)).toThrow(ShortStringTooLong);
    expect(() => channel.basic_publish('', long, 'x')).toThrow('routing_key has 256 bytes');
    expect(channel.is_open).toBe(true);
  });

  test('properties that cannot be sent, before anything is', () => {
    for (const [wrong, error] of [
      [{ correlation_id: 'x'.repeat(256) }, RangeError],
      [{ priority: 256 }, RangeError],
      [{ headers: { f: () => {} } }, TypeError],
    ] as const) {
      const properties = new pika.BasicProperties(wrong as never);
      expect(() => channel.basic_publish('', 'q', 'x', properties)).toThrow(error);
    }
    expect(channel.is_open).toBe(true);
  });

  test('basic_qos limits what is sent ahead', () => {
    const queue = privateQueue(channel, '1', '2', '3');
    channel.basic_qos({ prefetch_count: 2 });
    channel.basic_consume(queue, () => {});
    connection.sleep(0.2);
    expectCount(channel, queue, 1);
  });

  test('basic_recover: everything that is unsettled comes again', () => {
    const queue = privateQueue(channel, 'again');
    channel.basic_get(queue);
    channel.basic_recover(true);
    const [method] = channel.basic_get(queue);
    expect(method).toMatchObject({ redelivered: true, delivery_tag: 2 });
  });
});

describe('what RabbitMQ refuses of what pika does by default', () => {
  const refused = (call: (channel: pika.BlockingChannel) => void) => {
    const other = open();
    const error = errorOf<Error & { reply_code: number }>(() => call(other.channel()));
    expect(error).toBeInstanceOf(pika.exceptions.ConnectionClosedByBroker);
    expect(error.reply_code).toBe(540);
    expect(other.is_closed).toBe(true);
    return error.message;
  };

  test('recover without requeue: 540, with what to do; a switch does it', () => {
    expect(refused((other) => other.basic_recover())).toMatch('give requeue=True, or connect with');
    const other = open(localWith({ compat: { recover: 'requeue' } })).channel();
    const queue = privateQueue(other, 'again');
    other.basic_get(queue);
    other.basic_recover();
    expect(other.basic_get(queue)[0]?.redelivered).toBe(true);
  });

  test('flow(False) and prefetch_size: 540, with what to do', () => {
    expect(refused((other) => other.flow(false))).toMatch('basic_qos limits');
    expect(refused((other) => other.basic_qos({ prefetch_size: 1 }))).toMatch('give prefetch_count alone');
  });
});

describe('returns and confirms', () => {
  test('without confirms a return goes to the callbacks, from the pump', () => {
    const seen: unknown[][] = [];
    channel.add_on_return_callback((...given) => seen.push(given));
    channel.add_on_return_callback({ callback: () => seen.push(['second']) });
    channel.basic_publish('', 'no such queue', 'back', new pika.BasicProperties({ message_id: 'm' }), true);
    channel.basic_publish('', 'no such queue', 'lost');
    expect(seen).toEqual([]);
    connection.process_data_events(60);
    expect(seen).toHaveLength(2);
    const [on, method, properties, body] = seen[0] as Parameters<pika.OnReturn>;
    expect(on).toBe(channel);
    expect(method).toMatchObject({
      reply_code: 312,
      reply_text: 'NO_ROUTE',
      exchange: '',
      routing_key: 'no such queue',
    });
    expect(method).toBeInstanceOf(pika.spec.Basic.Return);
    expect([properties.message_id, String(body)]).toEqual(['m', 'back']);
    expect(() => channel.add_on_return_callback(null as never)).toThrow(TypeError);
  });

  test('with confirms it returns when the broker has the message', () => {
    const queue = privateQueue(channel);
    channel.confirm_delivery();
    channel.confirm_delivery(); // pika logs that it is not the first
    channel.basic_publish('', queue, 'safe');
    expectCount(channel, queue, 1);
  });

  test('with confirms and mandatory: UnroutableError, which has the message', () => {
    channel.confirm_delivery();
    const seen: string[] = [];
    channel.add_on_return_callback(() => seen.push('called'));
    const publish = (mandatory: boolean) =>
      channel.basic_publish({ exchange: '', routing_key: 'no such queue', body: 'back', mandatory });
    publish(false);
    const error = errorOf<InstanceType<typeof pika.exceptions.UnroutableError>>(() => publish(true));
    expect(error).toBeInstanceOf(pika.exceptions.UnroutableError);
    expect(error.message).toBe('1 unroutable message(s) returned');
    const [returned] = error.messages;
    expect(returned).toBeInstanceOf(pika.ReturnedMessage);
    expect(returned?.method.reply_code).toBe(312);
    expect(returned?.properties).toBeInstanceOf(pika.BasicProperties);
    expect(String(returned?.body)).toBe('back');
    expect(seen).toEqual([]);
    connection.process_data_events();
    expect(seen).toEqual(['called']); // as in pika: from the pump, as well
  });

  test('with confirms: NackError when a queue is full', () => {
    const arguments_ = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    const queue = channel.queue_declare({ queue: '', exclusive: true, arguments: arguments_ }).method.queue;
    channel.confirm_delivery();
    channel.basic_publish('', queue, 'fits');
    const error = errorOf<InstanceType<typeof pika.exceptions.NackError>>(() =>
      channel.basic_publish('', queue, 'does not'),
    );
    expect(error).toBeInstanceOf(pika.exceptions.NackError);
    expect(error.messages).toEqual([]);
    expect(error.message).toBe('0 message(s) NACKed');
  });

  test('publishing to an exchange that is not there closes the channel', () => {
    channel.confirm_delivery();
    const error = errorOf<ClosedByBroker>(() => channel.basic_publish('not there', 'key', 'x'));
    expect(error).toBeInstanceOf(ChannelClosedByBroker);
    expect(error.reply_code).toBe(404);
  });
});

describe('transactions', () => {
  test('are committed and rolled back', () => {
    const queue = privateQueue(channel);
    expect(channel.tx_select().method).toBeInstanceOf(pika.spec.Tx.SelectOk);
    channel.basic_publish('', queue, 'forgotten');
    expect(channel.tx_rollback().method).toBeInstanceOf(pika.spec.Tx.RollbackOk);
    channel.basic_publish('', queue, 'kept');
    expect(count(channel, queue)).toBe(0);
    expect(channel.tx_commit().method).toBeInstanceOf(pika.spec.Tx.CommitOk);
    expect(String(channel.basic_get(queue, true)[2])).toBe('kept');
    expect(() => channel.confirm_delivery()).toThrow(ChannelWrongStateError);
  });

  test('need tx_select before a commit or a rollback', () => {
    expect(() => channel.tx_commit()).toThrow(ChannelWrongStateError);
  });
});
