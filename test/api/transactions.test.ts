/** Transactions: what is published and settled in one happens at the commit, or not at all. */
import { AlreadySettledError, type Channel, NotFoundError, WrongStateError } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { count, eventually, privateQueue, takeAll, thrownBy, unique } from '../support/connect';

/** Looks on from outside. */
let outside: Channel;
useChannel();
beforeEach(() => {
  outside = connection.channel();
  channel.txSelect();
});

describe('txSelect', () => {
  it('turns the mode on for good', () => {
    expect(channel.mode).toBe('tx');
    channel.txSelect();
    expect(channel.mode).toBe('tx');
    channel.close();
    channel.reopen();
    expect(channel.mode).toBe('none');
  });

  it('transactions and confirm mode exclude each other: WrongStateError before anything is sent', () => {
    const error = thrownBy(() => channel.confirmSelect());
    expect(error).toBeInstanceOf(WrongStateError);
    expect(error).toMatchObject({ code: 'WRONG_MODE', outcome: 'not-sent' });
    expect(error.message).toContain('open another channel');
    channel.txCommit();
  });

  it.each(['txCommit', 'txRollback'] as const)('comes before %s: WrongStateError without it', (verb) => {
    const error = thrownBy(() => outside[verb]());
    expect(error).toBeInstanceOf(WrongStateError);
    expect(error.message).toBe(`${verb}: call txSelect on channel ${outside.id} first`);
    expect(outside.isOpen).toBe(true);
  });
});

describe('publishes', () => {
  it('are in no queue before the commit, and in it when txCommit returns', () => {
    const queue = privateQueue(outside);
    for (const body of ['debit', 'credit']) channel.basicPublish(body, { routingKey: queue });
    expect(count(channel, queue)).toBe(0);
    channel.txCommit();
    expect(count(outside, queue)).toBe(2);
    expect(takeAll(outside, queue)).toEqual(['debit', 'credit']);
  });

  it('are gone after txRollback; the next transaction begins at once', () => {
    const queue = privateQueue(outside);
    channel.basicPublish('never', { routingKey: queue });
    channel.txRollback();
    channel.basicPublish('but this', { routingKey: queue });
    channel.txCommit();
    expect(takeAll(outside, queue)).toEqual(['but this']);
  });

  it('are gone when the channel closes before the commit', () => {
    const queue = privateQueue(outside);
    channel.basicPublish('never', { routingKey: queue });
    channel.close();
    expect(takeAll(outside, queue)).toEqual([]);
  });

  it('mandatory ones come back with the commit', () => {
    channel.basicPublish('astray', { routingKey: unique('nowhere'), mandatory: true });
    channel.txCommit();
    connection.loop({ timeout: 100 });
    expect(channel.returnedMessages.map((message) => message.text)).toEqual(['astray']);
  });
});

describe('acks', () => {
  it('take effect at the commit', () => {
    const queue = privateQueue(outside, 'one');
    channel.basicGet(queue)?.ack();
    channel.txCommit();
    channel.close();
    expect(count(outside, queue)).toBe(0);
  });

  it('without the commit the message goes back to the queue when the channel closes', () => {
    const queue = privateQueue(outside, 'one');
    channel.basicGet(queue)?.ack();
    channel.close();
    eventually(() => count(outside, queue) === 1);
  });

  it('after txRollback the message is unsettled again, and can be settled otherwise', () => {
    const queue = privateQueue(outside, 'one');
    const message = channel.basicGet(queue)!;
    message.ack();
    expect(() => message.nack()).toThrow(AlreadySettledError);
    channel.txRollback();
    expect(message.isSettled).toBe(false);
    message.nack();
    channel.txCommit();
    expect(message.isSettled).toBe(true);
    eventually(() => count(outside, queue) === 1);
  });

  it('what was settled before the last commit stays settled in a rollback', () => {
    const queue = privateQueue(outside, 'one', 'two');
    const [one, two] = [channel.basicGet(queue)!, channel.basicGet(queue)!];
    one.ack();
    channel.txCommit();
    two.ack({ multiple: true });
    channel.txRollback();
    expect([one.isSettled, two.isSettled]).toEqual([true, false]);
  });

  it('a second txSelect does not begin anew: a rollback still takes back what came before it', () => {
    const queue = privateQueue(outside, 'one');
    const message = channel.basicGet(queue)!;
    message.ack();
    channel.txSelect();
    channel.txRollback();
    expect(message.isSettled).toBe(false);
    message.ack();
    channel.txCommit();
  });
});

describe('transaction(fn)', () => {
  it('commits when the function returns, and returns its result', () => {
    const [from, to] = [privateQueue(outside, '21'), privateQueue(outside)];
    const result = outside.transaction(() => {
      const message = outside.basicGet(from)!;
      outside.basicPublish(String(Number(message.text) * 2), { routingKey: to });
      expect(count(channel, to)).toBe(0);
      message.ack();
      return 'done';
    });
    expect(result).toBe('done');
    expect(outside.mode).toBe('tx');
    expect(takeAll(channel, to)).toEqual(['42']);
  });

  it('rolls back when it throws, and throws on', () => {
    const queue = privateQueue(outside);
    const failure = new Error('no cover');
    const fail = () => {
      channel.basicPublish('never', { routingKey: queue });
      throw failure;
    };
    expect(thrownBy(() => channel.transaction(fail))).toBe(failure);
    channel.transaction(() => channel.basicPublish('next', { routingKey: queue }));
    expect(takeAll(outside, queue)).toEqual(['next']);
  });

  it('refuses a function that returns a promise, and rolls back', () => {
    const queue = privateQueue(outside);
    const error = thrownBy(() =>
      channel.transaction(async () => channel.basicPublish('never', { routingKey: queue })),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('transaction: the function returned a promise');
    channel.txCommit();
    expect(takeAll(outside, queue)).toEqual([]);
  });

  it('throws what closed the channel in the middle, not that a rollback is impossible', () => {
    const error = thrownBy(() => channel.transaction(() => channel.basicGet(unique('missing'))));
    expect(error).toBeInstanceOf(NotFoundError);
  });

  it('throws what the commit fails with', () => {
    const queue = privateQueue(outside);
    const error = thrownBy(() =>
      channel.transaction(() => {
        channel.basicPublish('never', { routingKey: queue });
        channel.basicPublish('guilty', { exchange: unique('missing') });
      }),
    );
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'basic.publish' });
    expect(takeAll(outside, queue)).toEqual([]);
  });
});
