/** Queues: declaring, binding, purging, deleting, and what '' means as a name. */
import { NotFoundError, PreconditionFailedError, ResourceLockedError, typed } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { count, eventually, fill, open, privateQueue, takeAll, thrownBy, unique } from '../support/connect';

useChannel();

function exists(queue: string): boolean {
  using inquirer = connection.channel();
  try {
    inquirer.queueDeclare(queue, { passive: true });
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(NotFoundError);
    return false;
  }
}

describe('queueDeclare', () => {
  it('returns the name and how many messages and consumers there are', () => {
    const queue = unique();
    expect(channel.queueDeclare(queue, { exclusive: true })).toEqual({
      queue,
      messageCount: 0,
      consumerCount: 0,
    });
    fill(channel, queue, 'one', 'two', 'three');
    const other = connection.channel();
    other.basicQos({ prefetchCount: 1 });
    other.basicConsume(queue, () => {});
    eventually(() => count(channel, queue) === 2);
    expect(channel.queueDeclare(queue, { exclusive: true })).toEqual({
      queue,
      messageCount: 2,
      consumerCount: 1,
    });
    other.close();
  });

  it('the broker makes a name when none is given', () => {
    const first = channel.queueDeclare('', { exclusive: true }).queue;
    const second = channel.queueDeclare(undefined, { exclusive: true }).queue;
    expect(first).toMatch(/^amq\.gen-/);
    expect(second).toMatch(/^amq\.gen-/);
    expect(second).not.toBe(first);
  });

  it('passive only looks: 404 when it is missing', () => {
    const queue = unique();
    const error = thrownBy(() => channel.queueDeclare(queue, { passive: true }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'queue.declare', code: 'NOT_FOUND' });
    expect(exists(queue)).toBe(false);
  });

  it('is idempotent, but not for other properties: 406', () => {
    const queue = unique();
    channel.queueDeclare(queue, { exclusive: true, arguments: { 'x-max-length': 5 } });
    channel.queueDeclare(queue, { exclusive: true, arguments: { 'x-max-length': 5 } });
    expect(() => channel.queueDeclare(queue, { exclusive: true, arguments: { 'x-max-length': 6 } })).toThrow(
      PreconditionFailedError,
    );
  });

  it('durable and autoDelete reach the broker: it knows them when they are declared otherwise', () => {
    const queue = unique();
    channel.queueDeclare(queue, { durable: true, autoDelete: true });
    const durable = thrownBy(() => channel.queueDeclare(queue, { autoDelete: true }));
    expect(durable.message).toContain("inequivalent arg 'durable'");
    expect(durable.message).toContain(
      'declareQueue and declareExchange make it durable unless told otherwise, queueDeclare and exchangeDeclare only when told to',
    );
    channel.reopen();
    const autoDelete = thrownBy(() => channel.queueDeclare(queue, { durable: true }));
    expect(autoDelete.message).toContain("inequivalent arg 'auto_delete'");
    expect(autoDelete.message).not.toContain('declareQueue');
    channel.reopen();
    channel.queueDelete(queue);
  });

  it('autoDelete: gone with its last consumer', () => {
    const { queue } = channel.queueDeclare(unique(), { autoDelete: true, durable: true });
    const tag = channel.basicConsume(queue, () => {});
    channel.basicCancel(tag);
    eventually(() => !exists(queue));
  });

  it('exclusive: for this connection only (405), and gone with it', () => {
    const other = open();
    const queue = privateQueue(other.channel());
    expect(() => channel.queueDeclare(queue, { passive: true })).toThrow(ResourceLockedError);
    other.close();
    expect(exists(queue)).toBe(false);
  });

  it('arguments: a message lives as long as x-message-ttl says', () => {
    const dead = privateQueue(channel);
    const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
    const args = { 'x-message-ttl': 50, ...letters };
    const { queue } = channel.queueDeclare('', { exclusive: true, arguments: args });
    channel.basicPublish('short-lived', { routingKey: queue });
    eventually(() => count(channel, dead) === 1);
    expect(count(channel, queue)).toBe(0);
  });

  it('arguments: explicit wire types are as good as plain numbers', () => {
    const args = { 'x-max-length': typed.int64(2), 'x-expires': typed.int32(60_000) };
    const { queue } = channel.queueDeclare('', { exclusive: true, arguments: args });
    fill(channel, queue, 'one', 'two');
    channel.basicPublish('three', { routingKey: queue });
    expect(takeAll(channel, queue)).toEqual(['two', 'three']);
  });

  it('noWait: declared without waiting, in order with what follows', () => {
    const queue = unique();
    const declared = channel.queueDeclare(queue, { exclusive: true, noWait: true });
    expect(declared).toEqual({ queue, messageCount: 0, consumerCount: 0 });
    expect(channel.queueDeclare(queue, { passive: true }).queue).toBe(queue);
  });

  it('noWait needs a name, or nobody would know it', () => {
    expect(() => channel.queueDeclare('', { noWait: true })).toThrow(TypeError);
    expect(channel.isOpen).toBe(true);
  });
});

describe("'' as a queue name is the one declared last on the channel", () => {
  it('in every verb that takes a queue', () => {
    const { queue } = channel.queueDeclare('', { exclusive: true });
    channel.queueBind('', 'amq.direct', { routingKey: queue });
    channel.basicPublish('one', { exchange: 'amq.direct', routingKey: queue });
    expect(channel.basicGet('')?.text).toBe('one');
    channel.queueUnbind('', 'amq.direct', { routingKey: queue });
    channel.basicPublish('two', { exchange: 'amq.direct', routingKey: queue });
    expect(channel.basicGet()).toBeNull();

    channel.basicPublish('three', { routingKey: queue });
    eventually(() => count(channel, queue) === 1);
    expect(channel.queuePurge('')).toBe(1);
    const tag = channel.basicConsume('', () => {});
    expect(channel.queueDeclare(queue, { passive: true }).consumerCount).toBe(1);
    channel.basicCancel(tag);
    for (const _ of channel.consume('', { timeout: 0 }));
    expect(channel.queueDelete()).toBe(0);
    expect(exists(queue)).toBe(false);
  });

  it('after a declaration with noWait too', () => {
    channel.queueDeclare('', { exclusive: true });
    const queue = unique();
    channel.queueDeclare(queue, { exclusive: true, noWait: true });
    fill(channel, queue, 'here');
    expect(channel.basicGet('')?.text).toBe('here');
  });

  it('queueBind with neither queue nor routing key: the key is the name of the queue, as in the specification', () => {
    const { queue } = channel.queueDeclare('', { exclusive: true });
    channel.queueBind('', 'amq.direct');
    channel.basicPublish('by name', { exchange: 'amq.direct', routingKey: queue });
    expect(takeAll(channel, queue)).toEqual(['by name']);
  });

  it('on each channel for itself', () => {
    const other = connection.channel();
    const there = privateQueue(other, 'there');
    const here = privateQueue(channel, 'here');
    expect(channel.basicGet()?.text).toBe('here');
    expect(other.basicGet()?.text).toBe('there');
    expect(here).not.toBe(there);
    other.close();
  });

  it('and is 404 when there was none', () => {
    expect(() => channel.basicGet()).toThrow(NotFoundError);
  });
});

describe('queueBind and queueUnbind', () => {
  it('route by key, once per binding, until unbound', () => {
    const queue = privateQueue(channel);
    const [red, blue] = [unique('red'), unique('blue')];
    channel.queueBind(queue, 'amq.direct', { routingKey: red });
    channel.queueBind(queue, 'amq.direct', { routingKey: blue });
    for (const routingKey of [red, blue, unique('green')])
      channel.basicPublish(routingKey, { exchange: 'amq.direct', routingKey });
    expect(takeAll(channel, queue)).toEqual([red, blue]);
    channel.queueUnbind(queue, 'amq.direct', { routingKey: red });
    for (const routingKey of [red, blue])
      channel.basicPublish(routingKey, { exchange: 'amq.direct', routingKey });
    expect(takeAll(channel, queue)).toEqual([blue]);
  });

  it('with noWait are done without waiting', () => {
    const queue = privateQueue(channel);
    const exchange = unique('fanout');
    channel.exchangeDeclare(exchange, 'fanout', { autoDelete: true, durable: true });
    channel.queueBind(queue, exchange, { noWait: true });
    channel.basicPublish('to all', { exchange });
    expect(takeAll(channel, queue)).toEqual(['to all']);
  });

  it.each<[string, () => void]>([
    ['queue', () => channel.queueBind(unique('missing'), 'amq.direct')],
    ['exchange', () => channel.queueBind(privateQueue(channel), unique('missing'))],
  ])('404 when the %s is missing', (_what, bind) => {
    const error = thrownBy(bind);
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'queue.bind' });
  });

  it('unbinding what was not bound is no error', () => {
    channel.queueUnbind(privateQueue(channel), 'amq.direct', { routingKey: 'never' });
    expect(channel.isOpen).toBe(true);
  });
});

describe('queuePurge', () => {
  it('removes what is ready, not what waits for an ack, and says how many', () => {
    const queue = privateQueue(channel, 'one', 'two', 'three');
    const message = channel.basicGet(queue);
    expect(channel.queuePurge(queue)).toBe(2);
    expect(channel.queuePurge(queue)).toBe(0);
    message?.nack();
    eventually(() => count(channel, queue) === 1);
  });

  it('noWait: purged without waiting; nobody says how many', () => {
    const queue = privateQueue(channel, 'one');
    expect(channel.queuePurge(queue, { noWait: true })).toBe(0);
    expect(count(channel, queue)).toBe(0);
  });
});

describe('queueDelete', () => {
  it('deletes the queue with its messages, and says how many', () => {
    const queue = privateQueue(channel, 'one', 'two');
    expect(channel.queueDelete(queue)).toBe(2);
    expect(exists(queue)).toBe(false);
  });

  it('succeeds for a queue that is not there', () => {
    expect(channel.queueDelete(unique('missing'))).toBe(0);
  });

  it('ifEmpty: 406 while there are messages', () => {
    const queue = privateQueue(channel, 'one');
    expect(() => channel.queueDelete(queue, { ifEmpty: true })).toThrow(PreconditionFailedError);
    channel.reopen();
    expect(channel.queuePurge(queue)).toBe(1);
    expect(channel.queueDelete(queue, { ifEmpty: true })).toBe(0);
  });

  it('ifUnused: 406 while there are consumers', () => {
    const queue = privateQueue(channel);
    const consuming = connection.channel();
    const tag = consuming.basicConsume(queue, () => {});
    expect(() => channel.queueDelete(queue, { ifUnused: true })).toThrow(PreconditionFailedError);
    consuming.basicCancel(tag);
    channel.reopen();
    expect(channel.queueDelete(queue, { ifUnused: true })).toBe(0);
    consuming.close();
  });

  it('with noWait deletes without waiting', () => {
    const queue = privateQueue(channel, 'one');
    expect(channel.queueDelete(queue, { noWait: true })).toBe(0);
    expect(() => channel.queueDeclare(queue, { passive: true })).toThrow(NotFoundError);
  });
});
