/** `channel.transaction`: with a function, and by hand. */
import { ChannelClosedError, type Queue, WrongStateError } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { eventually, thrownBy, unique } from '../support/connect';

let queue: Queue;
useChannel();
beforeEach(() => {
  queue = channel.declareQueue('', { autoDelete: false });
});

const ready = () => queue.status().messageCount;
const holds = (count: number) => eventually(() => ready() === count);

describe('transaction(fn)', () => {
  it('commits when the function returns', () => {
    const result = channel.transaction((transaction) => {
      queue.publish('one');
      queue.publish('two');
      expect(ready()).toBe(0);
      expect(transaction.state).toBe('started');
      return 'done';
    });
    expect(result).toBe('done');
    expect(ready()).toBe(2);
  });

  it('rolls back when it throws: nothing published, nothing settled', () => {
    channel.transaction(() => queue.publish('one'));
    const message = queue.get()!;
    expect(() =>
      channel.transaction(() => {
        queue.publish('two');
        message.ack();
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(message.isSettled).toBe(false);
    channel.transaction(() => message.ack());
    holds(0);
  });

  it('refuses a promise, and rolls back', () => {
    expect(() => channel.transaction(async () => queue.publish('one'))).toThrow('returned a promise');
    channel.transaction(() => {});
    holds(0);
  });

  it('the function may end it by itself', () => {
    channel.transaction((transaction) => {
      queue.publish('one');
      transaction.commit();
    });
    channel.transaction((transaction) => {
      queue.publish('two');
      transaction.rollback();
    });
    holds(1);
  });

  it('one at a time, and not in confirm mode; a missing function opens none', () => {
    channel.transaction(() => {
      const error = thrownBy(() => channel.transaction(() => {}));
      expect(error).toBeInstanceOf(WrongStateError);
      expect(error.message).toContain('is in one already; open another channel');
    });
    expect(() => channel.transaction(undefined as never)).toThrow('fn must be a function');
    channel.transaction(() => {});
    const other = connection.channel();
    other.confirmSelect();
    expect(() => other.transaction()).toThrow('is in confirm mode, and the two exclude each other');
    other.close();
  });
});

describe('using a transaction', () => {
  it('is rolled back if the block is left without a commit', () => {
    {
      using transaction = channel.transaction();
      queue.publish('one');
      expect(transaction.state).toBe('started');
    }
    channel.transaction(() => {});
    holds(0);
  });

  it('commit makes it happen, once', () => {
    {
      using transaction = channel.transaction();
      queue.publish('one');
      transaction.commit();
      expect(transaction.state).toBe('committed');
      expect(() => transaction.commit()).toThrow('commit: the transaction is over (committed)');
      expect(() => transaction.rollback()).toThrow(WrongStateError);
    }
    expect(ready()).toBe(1);
  });

  it('a throw rolls back and is thrown', () => {
    const block = () => {
      using _ = channel.transaction();
      queue.publish('one');
      throw new Error('no');
    };
    expect(block).toThrow('no');
    channel.transaction(() => {});
    holds(0);
  });

  it('on a channel that has died the broker has rolled back; the reason is heard', () => {
    const transaction = channel.transaction();
    queue.publish('one');
    expect(() => channel.getQueue(unique('missing'))).toThrow(ChannelClosedError);
    expect(transaction.state).toBe('rolled-back');
    expect(() => transaction.commit()).toThrow('rolled-back');
    transaction[Symbol.dispose]();
    channel.reopen();
    expect(channel.mode).toBe('none');
    queue.publish('confirmed again');
    expect(ready()).toBe(1);
  });

  it('one of an earlier life of the channel is over', () => {
    const transaction = channel.transaction();
    channel.close();
    channel.reopen();
    channel.transaction(() => {});
    expect(() => transaction.commit()).toThrow('reopened');
    transaction[Symbol.dispose]();
  });

  it('a commit that the broker refuses leaves the outcome unknown', () => {
    const transaction = channel.transaction();
    channel.basicPublish('x', { exchange: unique('missing'), routingKey: 'x' });
    expect(() => transaction.commit()).toThrow(ChannelClosedError);
    expect(['unknown', 'rolled-back']).toContain(transaction.state);
  });
});
