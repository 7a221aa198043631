/** RabbitMQ 4.3 takes a quorum queue's messages from a consumer that does not settle them in time. It is told, and ended. */
import { type Channel, ConsumerCancelledError, type IncomingMessage, startBroker } from '../../src';
import * as amqpy from '../../src/compat/amqpy';
import { URLParameters } from '../../src/compat/pika';
import { versionAt } from '../support/brokers/version';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, count, drainUntil, eventually, fill, pause, thrownBy, unique } from '../support/connect';
import { open as openAmqpy } from '../support/facades/amqpy';
import { open as openPika } from '../support/facades/pika';

/** The embedded broker, whose time passes when it is told to, unless the broker of this run is a RabbitMQ that has consumer timeouts. */
const embedded =
  versionAt(process.env.AMQP_URL!) === '4.3'
    ? undefined
    : startBroker({ version: '4.3', clock: 'virtual', users: { guest: 'guest' } });
afterAll(() => embedded?.close());
const url = embedded?.url ?? process.env.AMQP_URL!;
useChannel({}, url);

/** Milliseconds of the broker's patience, and of a handler's that takes longer: the embedded broker's are hours. */
const PATIENCE = embedded === undefined ? 300 : 10 * 3_600_000;

/** Milliseconds that a handler sleeps: longer than RabbitMQ's patience. */
const LONG = 1200;

/** A queue with two messages; it is deleted by the broker once nobody uses it. */
function impatientQueue(): string {
  const { name: queue } = channel.declareQueue(unique('impatient'), {
    type: 'quorum',
    consumerTimeout: PATIENCE,
    expires: 10 * PATIENCE,
  });
  fill(channel, queue, 'one', 'two');
  channel.basicQos({ prefetchCount: 1 });
  return queue;
}

/** Hold a message until the broker has it back. */
function holdTooLong(queue: string): void {
  embedded?.advance(PATIENCE);
  using other = connection.channel();
  eventually(() => count(other, queue) === 2);
}

const consumersOf = (queue: string) => channel.queueDeclare(queue, { passive: true }).consumerCount;

/** All that is in the queue, through a consumer with this tag. */
function takeUnder(consumerTag: string, from: Channel, queue: string): string[] {
  const seen: string[] = [];
  from.basicConsume(
    queue,
    (message) => {
      seen.push(message.text);
      message.ack();
    },
    { consumerTag },
  );
  drainUntil(from.connection, () => seen.length === 2);
  return seen.sort();
}

const WAYS: [string, (message: IncomingMessage) => void][] = [
  ['ack', (message) => message.ack()],
  ['nack', (message) => message.nack()],
  ['reject', (message) => message.reject({ requeue: true })],
  ['nack without requeue', (message) => message.nack({ requeue: false })],
];

describe('a consumer that held its message for too long', () => {
  it.each(WAYS)('ends, whatever it says of the message then: %s', (_, settle) => {
    const queue = impatientQueue();
    const seen: string[] = [];
    const handle = (message: IncomingMessage) => {
      seen.push(message.text);
      holdTooLong(queue);
      settle(message);
    };
    channel.basicConsume(queue, handle, { consumerTag: 'slow' });
    const error = thrownBy<ConsumerCancelledError>(() => drainUntil(connection, () => false));
    expect(error).toBeInstanceOf(ConsumerCancelledError);
    expect(error.message).toMatch(
      /^the broker cancelled consumer "slow": its queue was deleted or has moved, or a message was not settled before the consumer timeout/,
    );
    expect([seen, channel.consumerTags, consumersOf(queue)]).toEqual([['one'], [], 0]);
    expect(takeUnder('slow', channel, queue)).toEqual(['one', 'two']);
  });

  it('of its own limit ends by that', () => {
    const queue = channel.declareQueue(unique('patient'), { type: 'quorum', expires: 10 * PATIENCE });
    queue.publish('one');
    queue.consume(() => void embedded?.advance(PATIENCE), { consumerTimeout: PATIENCE });
    expect(thrownBy(() => drainUntil(connection, () => false))).toBeInstanceOf(ConsumerCancelledError);
  });

  it('hears how long the oldest was held', () => {
    const queue = impatientQueue();
    const hold = () => {
      pause(LONG);
      embedded?.advance(PATIENCE);
    };
    channel.basicConsume(queue, hold, { consumerTag: 'slow' });
    const { message } = thrownBy(() => drainUntil(connection, () => false));
    const [, seconds] = /the oldest that the channel holds came (\d+\.\d) s ago/.exec(message) ?? [];
    expect(Number(seconds) * 1000).toBeGreaterThanOrEqual(0.9 * LONG); // it is rounded
  });

  it('as a loop ends with the error, and the next loop goes on', () => {
    const queue = impatientQueue();
    const seen: string[] = [];
    const loop = () => {
      for (const message of channel.consume(queue, { consumerTag: 'slow', timeout: CEILING })) {
        seen.push(message.text);
        holdTooLong(queue);
        message.ack();
      }
    };
    expect(thrownBy(loop)).toBeInstanceOf(ConsumerCancelledError);
    expect([seen, consumersOf(queue)]).toEqual([['one'], 0]);
    expect(takeUnder('slow', channel, queue)).toEqual(['one', 'two']);
  });

  it('leaves the channel to the other messages that it holds, and to the next consumer', () => {
    const patience = embedded === undefined ? 2000 : PATIENCE;
    const queue = channel.declareQueue(unique('impatient'), {
      type: 'quorum',
      consumerTimeout: patience,
      expires: 10 * patience,
    });
    const pass = (ms: number) => (embedded === undefined ? pause(ms) : embedded.advance(ms));
    const held: IncomingMessage[] = [];
    queue.consume((message) => void held.push(message), { prefetch: 2 });
    queue.publish('one');
    drainUntil(connection, () => held.length === 1);
    pass(patience / 2);
    queue.publish('two');
    drainUntil(connection, () => held.length === 2);
    pass(patience * 0.75); // the first is late
    expect(thrownBy(() => drainUntil(connection, () => false))).toBeInstanceOf(ConsumerCancelledError);
    pass(patience / 2); // and the second
    expect(takeUnder('next', channel, queue.name)).toEqual(['one', 'two']);
    for (const message of held) message.ack();
    expect([channel.isOpen, channel.consumerTags]).toEqual([true, ['next']]);
    eventually(() => consumersOf(queue.name) === 1);
  });

  it('as a subscription tells onCancel', () => {
    const queue = impatientQueue();
    const cancelled: unknown[] = [];
    channel.getQueue(queue).subscribe(() => holdTooLong(queue), {
      consumerTag: 'slow',
      onCancel: (...given) => void cancelled.push(...given),
    });
    drainUntil(connection, () => cancelled.length > 0);
    expect(cancelled).toEqual(['slow', expect.any(ConsumerCancelledError)]);
    expect(consumersOf(queue)).toBe(0);
    expect(takeUnder('slow', channel, queue)).toEqual(['one', 'two']);
  });
});

describe('the same through a facade', () => {
  it('amqpy', () => {
    const queue = impatientQueue();
    const conn = openAmqpy({}, url);
    const ch = conn.channel();
    ch.basic_qos({ prefetch_count: 1 });
    const slow = {
      consumer_tag: 'slow',
      callback: (msg: amqpy.Message) => {
        holdTooLong(queue);
        ch.queue_declare(queue, { passive: true }); // behind the cancel: this is another connection
        msg.ack();
      },
    };
    ch.basic_consume(queue, slow);
    const error = thrownBy(() => conn.loop(CEILING / 1000));
    expect(error).toBeInstanceOf(amqpy.ConsumerCancelled);
    eventually(() => consumersOf(queue) === 0);
    const seen: unknown[] = [];
    ch.basic_consume(queue, { ...slow, callback: (msg) => void seen.push(msg.body, msg.ack()) });
    for (let events = 0; events < 2; events++) conn.drain_events(CEILING / 1000);
    expect(seen).toEqual(['one', undefined, 'two', undefined]);
  });

  it('pika', () => {
    const queue = impatientQueue();
    const pika = openPika(new URLParameters(url)).channel();
    const seen: string[] = [];
    pika.basic_qos({ prefetch_count: 1 });
    pika.add_on_cancel_callback(({ method }) => seen.push(`${method.consumer_tag} was cancelled`));
    pika.basic_consume(
      queue,
      (_channel, { delivery_tag }) => {
        holdTooLong(queue);
        pika.queue_declare(queue, { passive: true }); // behind the cancel: this is another connection
        pika.basic_ack(delivery_tag);
      },
      { consumer_tag: 'slow' },
    );
    pika.start_consuming(); // returns: no consumer is left
    eventually(() => consumersOf(queue) === 0);
    pika.basic_consume(
      queue,
      (_channel, { delivery_tag }, _properties, body) => {
        seen.push(`${body}`);
        pika.basic_ack(delivery_tag);
        if (seen.length === 3) pika.stop_consuming();
      },
      { consumer_tag: 'slow' },
    );
    pika.start_consuming();
    expect(seen).toEqual(['slow was cancelled', 'one', 'two']);
  });
});
