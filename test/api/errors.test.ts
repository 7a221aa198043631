/** What the broker refuses: which error it is, who is to blame for it, and what survives. */
import {
  AccessRefusedError,
  AmqpError,
  type Channel,
  ChannelClosedError,
  NotFoundError,
  PreconditionFailedError,
  ResourceLockedError,
  WrongStateError,
  wasSent,
} from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import {
  CEILING,
  duration,
  eventually,
  expectSilence,
  open,
  privateQueue,
  thrownBy,
  unique,
} from '../support/connect';
import { within } from '../support/within';

let sibling: Channel;
useChannel({ heartbeat: 0 }); // nothing is sent but what the tests send
beforeEach(() => {
  sibling = connection.channel();
});

describe('a soft error closes the channel, and nothing else', () => {
  const missing = unique('missing');
  type Case = [what: string, act: () => void, errorClass: unknown, replyCode: number, method: string];
  it.each<Case>([
    [
      'passive declare of a missing queue',
      () => channel.queueDeclare(missing, { passive: true }),
      NotFoundError,
      404,
      'queue.declare',
    ],
    [
      'passive declare of a missing exchange',
      () => channel.exchangeDeclare(missing, 'direct', { passive: true }),
      NotFoundError,
      404,
      'exchange.declare',
    ],
    ['get from a missing queue', () => channel.basicGet(missing), NotFoundError, 404, 'basic.get'],
    [
      'consume from a missing queue',
      () => channel.basicConsume(missing, () => {}),
      NotFoundError,
      404,
      'basic.consume',
    ],
    ['iterate over a missing queue', () => channel.consume(missing), NotFoundError, 404, 'basic.consume'],
    ['purge of a missing queue', () => channel.queuePurge(missing), NotFoundError, 404, 'queue.purge'],
    [
      'bind of a missing queue',
      () => channel.queueBind(missing, 'amq.direct'),
      NotFoundError,
      404,
      'queue.bind',
    ],
    [
      'bind to a missing exchange',
      () => channel.queueBind(privateQueue(channel), missing),
      NotFoundError,
      404,
      'queue.bind',
    ],
    [
      'bind of a missing exchange',
      () => channel.exchangeBind(missing, 'amq.direct'),
      NotFoundError,
      404,
      'exchange.bind',
    ],
    [
      'redeclare of a queue with other properties',
      () => redeclare(),
      PreconditionFailedError,
      406,
      'queue.declare',
    ],
    [
      'redeclare of an exchange with other properties',
      () => channel.exchangeDeclare('amq.direct', 'fanout'),
      PreconditionFailedError,
      406,
      'exchange.declare',
    ],
    [
      'an x-argument of the wrong type',
      () => channel.queueDeclare(missing, { arguments: { 'x-message-ttl': 'long' } }),
      PreconditionFailedError,
      406,
      'queue.declare',
    ],
    [
      'a queue name that is reserved',
      () => channel.queueDeclare('amq.mine'),
      AccessRefusedError,
      403,
      'queue.declare',
    ],
    [
      'an exchange name that is reserved',
      () => channel.exchangeDeclare('amq.mine'),
      AccessRefusedError,
      403,
      'exchange.declare',
    ],
    [
      'delete of a built-in exchange',
      () => channel.exchangeDelete('amq.direct'),
      AccessRefusedError,
      403,
      'exchange.delete',
    ],
    [
      'bind to the default exchange',
      () => channel.queueBind(privateQueue(channel), ''),
      AccessRefusedError,
      403,
      'queue.bind',
    ],
    ['delete of a queue in use', () => deleteInUse(), PreconditionFailedError, 406, 'queue.delete'],
    [
      'delete of a queue that is not empty',
      () => channel.queueDelete(privateQueue(channel, 'x'), { ifEmpty: true }),
      PreconditionFailedError,
      406,
      'queue.delete',
    ],
    [
      'consume from a queue with an exclusive consumer',
      () => consumeBusy(),
      AccessRefusedError,
      403,
      'basic.consume',
    ],
  ])('%s', (_what, act, errorClass, replyCode, method) => {
    const error = thrownBy<AmqpError>(act);
    expect(error).toBeInstanceOf(errorClass);
    expect(error).toBeInstanceOf(ChannelClosedError);
    expect(error).toMatchObject({
      replyCode,
      method,
      name: (errorClass as { name: string }).name,
      code: { 403: 'ACCESS_REFUSED', 404: 'NOT_FOUND', 406: 'PRECONDITION_FAILED' }[replyCode],
      origin: 'broker',
      outcome: 'rejected',
      recoverable: false,
    });
    expect(error.replyText).toContain(error.code);
    // which argument differs, what was wanted and what there is: test/api
    expect(error.message.replace(/ \(wanted .*\)$/, '')).toBe(
      `${method} closed channel ${channel.id}: ${replyCode} ${error.replyText}`,
    );
    expect(error.stack).toContain('errors.test.ts');

    expect(channel.isOpen).toBe(false);
    expect(channel.lastError).toBe(error);
    expect(connection.isAlive).toBe(true);
    expect(privateQueue(sibling)).toMatch(/^amq\.gen/);
    expectSilence(connection, 0); // it has been thrown, and is not thrown again
  });

  const redeclare = () => {
    const { queue } = channel.queueDeclare(unique(), { exclusive: true });
    channel.queueDeclare(queue, { exclusive: true, autoDelete: true });
  };
  const deleteInUse = () => {
    const queue = privateQueue(sibling);
    sibling.basicConsume(queue, () => {});
    channel.queueDelete(queue, { ifUnused: true });
  };
  const consumeBusy = () => {
    const queue = privateQueue(sibling);
    sibling.basicConsume(queue, () => {}, { exclusive: true });
    channel.basicConsume(queue, () => {});
  };

  it('a queue that is exclusive to another connection: 405', () => {
    const other = open();
    const queue = privateQueue(other.channel());
    for (const act of [
      () => channel.queueDeclare(queue, { passive: true }),
      () => channel.basicGet(queue),
      () => channel.queueDelete(queue),
    ]) {
      const error = thrownBy(act);
      expect(error).toBeInstanceOf(ResourceLockedError);
      expect(error).toMatchObject({ code: 'RESOURCE_LOCKED', replyCode: 405 });
      channel.reopen();
    }
  });
});

describe('an error of a method that nobody waits for', () => {
  it('is thrown by the next call, as the error of the earlier method', () => {
    const exchange = unique('missing');
    channel.basicPublish('x', { exchange, routingKey: 'key' });
    const error = thrownBy(() => channel.queueDeclare('', { exclusive: true }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'basic.publish', replyCode: 404 });
    // the last words are missing if the broker was quick and the call had not begun
    expect(error.message.replace(/ \(noticed during queue\.declare\)$/, '')).toBe(
      `basic.publish ("${exchange}", routing key "key") closed channel ${channel.id}: ` +
        `404 NOT_FOUND - no exchange '${exchange}' in vhost '/'`,
    );
  });

  it('of several alike, the one that the broker means is named', () => {
    const [good, bad] = [privateQueue(sibling), unique('missing')];
    const error = thrownBy(() => {
      channel.basicPublish('x', { routingKey: good });
      channel.basicPublish('x', { exchange: bad, routingKey: 'guilty' });
      channel.basicPublish('x', { exchange: 'amq.direct', routingKey: 'innocent' });
      channel.basicGet(good);
    });
    expect(error.message).toContain(`basic.publish ("${bad}", routing key "guilty")`);
  });

  it.each<[string, string, () => void]>([
    ['queueBind', 'queue.bind', () => channel.queueBind(unique('missing'), 'amq.direct', { noWait: true })],
    ['queueDeclare', 'queue.declare', () => channel.queueDeclare('amq.mine', { noWait: true })],
    ['exchangeDelete', 'exchange.delete', () => channel.exchangeDelete('amq.direct', { noWait: true })],
    [
      'basicConsume',
      'basic.consume',
      () => channel.basicConsume(unique('missing'), () => {}, { noWait: true, consumerTag: 'x' }),
    ],
  ])('%s with noWait is blamed too', (_verb, method, act) => {
    const queue = privateQueue(sibling);
    act();
    const error = thrownBy<AmqpError>(() => channel.basicGet(queue));
    expect(error).toBeInstanceOf(ChannelClosedError);
    expect(error.method).toBe(method);
  });

  it('is thrown even by a publish, once it is known', () => {
    channel.basicPublish('x', { exchange: unique('missing') });
    const error = thrownBy(() =>
      eventually(() => {
        channel.basicPublish('y');
        return false;
      }),
    );
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'basic.publish' });
  });

  it('is thrown by drainEvents if no call was made', () => {
    channel.basicPublish('x', { exchange: unique('missing') });
    expect(() => connection.drainEvents({ timeout: CEILING })).toThrow(NotFoundError);
    expectSilence(connection, 20);
    expect(connection.isAlive).toBe(true);
  });

  it('does not disturb the calls of other channels', () => {
    channel.basicPublish('x', { exchange: unique('missing') });
    for (let i = 0; i < 3; i++) privateQueue(sibling, 'x');
    expect(() => channel.basicGet('')).toThrow(NotFoundError);
  });

  it('is not swallowed by close', () => {
    channel.basicPublish('lost', { exchange: unique('missing') });
    expect(() => channel.close()).toThrow(NotFoundError);
    expect(channel.isOpen).toBe(false);
  });
});

describe('a call on a closed channel', () => {
  it('throws at once, sends nothing, and says why in cause', () => {
    const reason = thrownBy(() => channel.basicGet(unique('missing')));
    connection.flush();
    const { bytesOut } = connection.stats();
    const calls: [string, () => void][] = [
      ['basic.get', () => channel.basicGet('x')],
      ['basic.publish', () => channel.basicPublish('x')],
      ['queue.declare', () => channel.queueDeclare('x')],
      ['queue.declare', () => channel.queueDeclare('x', { noWait: true })],
      ['basic.qos', () => channel.basicQos({ prefetchCount: 1 })],
      ['basic.consume', () => channel.basicConsume('x', () => {}, { noAck: true })],
      ['basic.cancel', () => channel.basicCancel('x')],
      ['basic.ack', () => channel.basicAck(1)],
      ['basic.recover', () => channel.basicRecover()],
      ['tx.select', () => channel.txSelect()],
      ['confirm.select', () => channel.confirmSelect()],
      ['channel.flow', () => channel.flow(true)],
    ];
    for (const [method, call] of calls) {
      let error!: WrongStateError;
      expect(
        duration(() => {
          error = thrownBy(call);
        }),
      ).toBeLessThan(within(100));
      expect(error).toBeInstanceOf(WrongStateError);
      expect(error).toMatchObject({ code: 'CHANNEL_CLOSED', method, outcome: 'not-sent', cause: reason });
      expect(error.message).toContain(`${method} was not sent, channel ${channel.id} is closed`);
      expect(wasSent(error)).toBe(false);
    }
    connection.flush();
    expect(connection.stats().bytesOut).toBe(bytesOut);
  });

  it('that the program closed itself says so', () => {
    channel.close();
    const error = thrownBy(() => channel.basicGet('x'));
    expect(error).toBeInstanceOf(WrongStateError);
    expect(error.cause).toMatchObject({
      code: 'CLOSED',
      message: expect.stringContaining('by this program'),
    });
  });

  it('reopened it is as new, under the same number', () => {
    expect(() => channel.basicGet(unique('missing'))).toThrow(NotFoundError);
    const { id } = channel;
    channel.reopen();
    expect([channel.isOpen, channel.id, channel.lastError]).toEqual([true, id, undefined]);
    expect(privateQueue(channel)).toMatch(/^amq\.gen/);
  });

  it('cannot be reopened when its number has gone to another', () => {
    channel.close();
    const heir = connection.channel(channel.id);
    expect(heir.id).toBe(channel.id);
    const error = thrownBy(() => channel.reopen());
    expect(error).toMatchObject({ name: 'WrongStateError', code: 'NUMBER_IN_USE' });
    expect(privateQueue(heir)).toMatch(/^amq\.gen/);
    heir.close();
  });
});

describe('errors', () => {
  it('are AmqpErrors with a stable code, and print without noise', () => {
    const error = thrownBy<AmqpError>(() => channel.basicGet(unique('missing')));
    expect(error).toBeInstanceOf(AmqpError);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toMatch(/^NotFoundError: basic\.get closed channel \d+: 404 NOT_FOUND - no queue/);
    expect(Object.keys(error)).not.toContain('name');
  });

  it('wasSent tells whether it is safe to repeat the call', () => {
    expect(wasSent(thrownBy(() => channel.basicPublish(42 as never)))).toBe(false);
    expect(wasSent(thrownBy(() => channel.basicGet(unique('missing'))))).toBe(true);
    expect(wasSent(thrownBy(() => channel.basicPublish('x')))).toBe(false);
  });
});
