/** `using`: connection, channel, message and iterator end with their block, however it is left. */
import { type Channel, type Connection, NotFoundError } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, count, eventually, open, privateQueue, thrownBy, unique } from '../support/connect';

useChannel();

describe('using connection', () => {
  it('closes it at the end of the block: its exclusive queues are gone', () => {
    let queue: string;
    let inner: Connection;
    {
      using own = open();
      inner = own;
      queue = privateQueue(own.channel());
      expect(own.isOpen).toBe(true);
    }
    expect(inner.isOpen).toBe(false);
    expect(() => channel.queueDeclare(queue, { passive: true })).toThrow(NotFoundError);
  });
});

describe('using channel', () => {
  it('closes it at the end of the block; the number is free again', () => {
    let inner: Channel;
    {
      using own = connection.channel();
      inner = own;
      expect(connection.channels.get(own.id)).toBe(own);
    }
    expect(inner.isOpen).toBe(false);
    expect(connection.channels.has(inner.id)).toBe(false);
  });

  it('closes it behind a throw too, and the throw arrives as it was', () => {
    const failure = new Error('mine');
    let inner!: Channel;
    const work = () => {
      using own = connection.channel();
      inner = own;
      throw failure;
    };
    expect(thrownBy(work)).toBe(failure);
    expect(inner.isOpen).toBe(false);
  });

  it('hides no error of the broker: what closed the channel is what arrives', () => {
    const work = () => {
      using own = connection.channel();
      own.basicGet(unique('missing'));
    };
    expect(thrownBy(work)).toBeInstanceOf(NotFoundError);
  });

  it('does not mind a channel that was closed before', () => {
    using own = connection.channel();
    own.close();
  });
});

describe('using message', () => {
  it('gives it back to the queue if nothing was decided about it', () => {
    const queue = privateQueue(channel, 'one');
    {
      using message = channel.basicGet(queue);
      expect(message?.redelivered).toBe(false);
    }
    eventually(() => count(channel, queue) === 1);
    expect(channel.basicGet(queue)?.redelivered).toBe(true);
  });

  it('leaves a message alone that was settled', () => {
    const queue = privateQueue(channel, 'one', 'two');
    {
      using message = channel.basicGet(queue);
      message?.ack();
    }
    {
      using message = channel.basicGet(queue, { noAck: true });
      expect(message?.text).toBe('two');
    }
    channel.close();
    channel.reopen();
    expect(count(channel, queue)).toBe(0);
  });

  it('gives it back behind a throw too: nothing is lost', () => {
    const queue = privateQueue(channel, 'one');
    const work = () => {
      using _message = channel.basicGet(queue);
      throw new Error('half way');
    };
    expect(work).toThrow('half way');
    eventually(() => count(channel, queue) === 1);
  });

  it('does nothing once its channel has closed', () => {
    const queue = privateQueue(channel, 'one');
    {
      using _message = channel.basicGet(queue);
      channel.close();
    }
    channel.reopen();
    eventually(() => count(channel, queue) === 1);
  });

  it('takes the null of an empty queue', () => {
    using message = channel.basicGet(privateQueue(channel));
    expect(message).toBeNull();
  });
});

describe('using iterator', () => {
  it('cancels it, with what it had been sent', () => {
    const queue = privateQueue(channel, 'one', 'two');
    {
      using messages = channel.consume(queue, { timeout: CEILING });
      expect(messages.next().done).toBe(false);
    }
    expect(channel.consumerTags).toEqual([]);
    eventually(() => count(channel, queue) === 1);
  });
});

it('using all of them at once ends the innermost first', () => {
  const queue = channel.queueDeclare(unique(), { durable: true, arguments: { 'x-expires': 60_000 } }).queue;
  channel.basicPublish('kept', { routingKey: queue });
  eventually(() => count(channel, queue) === 1);
  {
    using own = open();
    using inner = own.channel();
    using message = inner.basicGet(queue);
    expect(message?.text).toBe('kept');
  }
  eventually(() => count(channel, queue) === 1);
  channel.queueDelete(queue);
});
