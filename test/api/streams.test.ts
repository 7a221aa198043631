/** Streams: read again and again, from any offset. */
import { type IncomingMessage, type Queue, retries, retry } from '../../src';
import { versionOf } from '../support/brokers/version';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, drainUntil, eventually, unique } from '../support/connect';
import { throwaway } from '../support/throwaway';

useChannel();

const declare = throwaway();
const take = (queue: Queue) => queue.get({ noAck: true, timeout: CEILING })?.text;

describe('streams', () => {
  let stream: Queue;
  beforeEach(() => {
    stream = declare(unique('stream'), { type: 'stream', maxAge: { days: 1 }, maxSegmentSize: 1_000_000 });
    for (const body of ['0', '1', '2', '3']) stream.publish(body);
  });

  const read = (options: Parameters<Queue['iterator']>[0], limit: number) => {
    const texts: string[] = [];
    for (const message of stream.iterator({ limit, timeout: CEILING, ...options })) {
      texts.push(message.text);
      message.ack();
    }
    return texts;
  };

  it('retry with a delay brings a copy; of 3.10, where it would be lost, it is parked at once', () => {
    const isParking = versionOf(connection) === '3.10';
    const seen: number[] = [];
    const fail = (message: IncomingMessage) => {
      if (message.text === '3') seen.push(retries(message));
      if (message.text === '3') throw new Error('failed');
    };
    const told: string[] = [];
    const onError = retry({ max: 1, delay: 20, onError: (_, { text }) => told.push(text) });
    stream.subscribe(fail, { onError, offset: 'first', prefetch: 10 });
    drainUntil(connection, () => told.length === (isParking ? 1 : 2));
    expect(seen).toEqual(isParking ? [0] : [0, 1]);
    const parked = channel.getQueue(`${stream.name}.parked`);
    const message = parked.get({ noAck: true, timeout: CEILING })!;
    const why = isParking
      ? /^not tried again: RabbitMQ 3 .* it had failed: Error: failed$/
      : /^Error: failed$/;
    expect(message.properties.headers!['x-retry-error']).toMatch(why);
    parked.delete();
    if (!isParking) channel.queueDelete(`${stream.name}.retry.20`);
  });

  it('are read from any offset, again and again', () => {
    expect(stream.arguments).toMatchObject({ 'x-max-age': '86400s' });
    eventually(() => stream.status().messageCount === 4);
    expect(read({ offset: 'first' }, 4)).toEqual(['0', '1', '2', '3']);
    expect(read({ offset: 2 }, 2)).toEqual(['2', '3']);
    expect(read({ offset: 2n }, 1)).toEqual(['2']);
    expect(read({ offset: new Date(0) }, 1)).toEqual(['0']);
    expect(read({ offset: { hours: 1 } }, 1)).toEqual(['0']);
    expect(read({ offset: 'next', timeout: 50 }, 1)).toEqual([]);
  });

  it('the offset of a message is in its headers', () => {
    let message: IncomingMessage | undefined;
    stream.consume(
      (each) => {
        message = each;
      },
      { offset: 3, prefetch: 1 },
    );
    drainUntil(connection, () => message !== undefined);
    expect(message!.properties.headers).toMatchObject({ 'x-stream-offset': 3 });
  });

  it('take nothing back: leaving a loop, a failure and a cancel do not cost the connection', () => {
    for (const message of stream.iterator({ offset: 'first', timeout: CEILING })) {
      expect(() => message.nack()).toThrow('it is of a stream, which keeps its messages; ack it');
      expect(() => message.reject()).toThrow('cannot reject message 1');
      break;
    }
    const [message] = stream.iterator({ offset: 'first', limit: 1, timeout: CEILING });
    const fail = () => {
      throw new Error('failed');
    };
    expect(() => message!.process(fail, { requeue: true })).toThrow('failed');
    const subscription = stream.subscribe(fail, { offset: 'first' });
    for (let call = 0; call < 4; call++)
      expect(() => connection.drainEvents({ timeout: CEILING })).toThrow('failed');
    subscription.cancel();
    const tag = stream.consume(() => {}, { offset: 'first' });
    channel.basicCancel(tag, { noWait: true });
    stream.status();
    expect(channel.isOpen).toBe(true);
  });

  it('a copy that went to another queue is an ordinary message there', () => {
    const queue = declare('', { autoDelete: false });
    for (const message of stream.iterator({ offset: 'first', limit: 1, timeout: CEILING })) {
      queue.publish(message.copy());
      message.ack();
    }
    queue.get({ timeout: CEILING })!.nack();
    expect(take(queue)).toBe('0');
  });

  it('refuse what would cost the channel or the connection', () => {
    expect(() => stream.get()).toThrow('is a stream: get is not possible');
    expect(() => stream.consume(() => {}, { noAck: true })).toThrow('is a stream: noAck is not possible');
    expect(() => stream.iterator({ noAck: true })).toThrow('is a stream');
    for (const offset of ['frist', -1, -1n, 1.5, {}.constructor, null, true])
      expect(() => stream.iterator({ offset: offset as never })).toThrow(
        /^offset must be (first, last|a whole number)/,
      );
    expect(() => stream.iterator({ filter: 5 as never })).toThrow('filter must be a string');
    expect(() => stream.iterator({ filter: [] })).toThrow('filter must not be an empty list');
    expect(() => declare('', { type: 'classic' }).iterator({ offset: 'first' })).toThrow(
      'iterator: offset is for stream queues, and this is a classic queue',
    );
    expect(channel.isOpen).toBe(true);
  });

  it('get refuses a stream that was declared here, by whatever handle', () => {
    const name = unique('stream');
    channel.declareQueue(name, { type: 'stream' });
    expect(() => connection.queue(name).get()).toThrow(`queue "${name}" is a stream`);
    channel.queueDelete(name);
    expect(connection.isOpen).toBe(true);
  });
});
