/** What went wrong first is what is heard: not what fails behind it, on a channel that ended meanwhile. */
import { type IncomingMessage, InterruptedError, Message, type Queue, retry, TimeoutError } from '../../src';
import { SESSION } from '../../src/api/internals';
import { inVain } from '../../src/client/callbacks';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, eventually, thrownBy, unique } from '../support/connect';

let queue: Queue;
useChannel();
beforeEach(() => {
  queue = channel.declareQueue('', { autoDelete: false });
});

const drain = () => connection.drainEvents({ timeout: CEILING });

/** Have the broker close the channel, without anybody here having noticed. */
function doom(doomed = channel): void {
  doomed.basicPublish('x', { exchange: unique('missing'), wait: false });
  eventually(() => connection[SESSION].pump.hasNews);
}

const mine = () => {
  doom();
  throw new Error('mine');
};

describe('the error of `fn` on a doomed channel', () => {
  it('is thrown by process', () => {
    queue.publish('one');
    const message = queue.get({ timeout: CEILING })!;
    expect(() => message.process(mine)).toThrow('mine');
  });

  it('is thrown by subscribe', () => {
    queue.publish('one');
    queue.subscribe(mine);
    expect(drain).toThrow('mine');
  });

  it('is thrown by transaction', () => {
    const bank = connection.channel();
    expect(() =>
      bank.transaction(() => {
        doom(bank);
        throw new Error('mine');
      }),
    ).toThrow('mine');
    bank.close();
  });
});

it('an interrupt is heard whatever failed before', () => {
  const stop = new InterruptedError('stopped');
  const tidyUp = (error: Error) => () => {
    throw error;
  };
  expect(thrownBy(() => inVain(tidyUp(stop)))).toBe(stop);
  expect(() => inVain(tidyUp(new Error('the channel has ended')))).not.toThrow();
});

it('retry leaves alone what was settled, and throws on', () => {
  const failing = (settle: (message: IncomingMessage) => void) => (message: IncomingMessage) => {
    settle(message);
    throw new Error('mine');
  };
  for (const settle of [(it: IncomingMessage) => it.ack(), (it: IncomingMessage) => it.reject()]) {
    queue.publish('one');
    using _ = queue.subscribe(failing(settle), { onError: retry({ max: 2 }) });
    expect(drain).toThrow('mine');
    expect(queue.status().messageCount).toBe(0);
  }
});

it('a rollback whose answer was not waited for is a rollback', () => {
  const bank = connection.channel();
  const transaction = bank.transaction();
  bank.basicPublish('x', { routingKey: queue.name });
  let error: unknown;
  // on a busy machine the answer may be there at once
  try {
    transaction.rollback({ timeout: 0 });
  } catch (thrown) {
    error = thrown;
  }
  if (error !== undefined) expect(error).toBeInstanceOf(TimeoutError);
  expect(transaction.state).toBe('rolled-back');
  expect(thrownBy(() => transaction.commit())).toMatchObject({ code: 'NO_TRANSACTION' });
  bank.transaction(() => bank.basicPublish('y', { routingKey: queue.name }));
  eventually(() => queue.status().messageCount === 1);
  bank.close();
});

describe('a returned message', () => {
  it('is found at once behind waitForConfirms', () => {
    const nowhere = unique('nowhere');
    channel.defaultExchange.publish('one', nowhere, { wait: false });
    expect(channel.waitForConfirms({ timeout: CEILING })).toBe(true);
    expect(channel.returnedMessages.map(({ text }) => text)).toEqual(['one']);
    drain(); // and it is an event, for whoever waits for one
    expect(channel.returnedMessages).toHaveLength(1);
  });

  it('is one event with all others, until somebody has looked', () => {
    for (const round of [1, 2]) {
      for (const body of ['one', 'two', 'three'])
        channel.defaultExchange.publish(body, unique('nowhere'), { wait: false });
      channel.waitForConfirms({ timeout: CEILING });
      expect(channel.returnedMessages).toHaveLength(3 * round);
      drain();
      expect(() => connection.drainEvents({ timeout: 0 })).toThrow(TimeoutError);
    }
  });

  it('is found at once behind a commit', () => {
    const bank = connection.channel();
    bank.transaction(() => bank.defaultExchange.publish('one', unique('nowhere')));
    expect(bank.returnedMessages.map(({ text }) => text)).toEqual(['one']);
    bank.close();
  });
});

it('a batch locks its messages, as a single publish does', () => {
  const messages = [new Message('one'), new Message('two')];
  queue.publishBatch(messages);
  queue.publishBatch(messages.values());
  expect(messages.every(({ isLocked }) => isLocked)).toBe(true);
});

it.each<[string, () => unknown]>([
  ['exchange must be a name, or an object with one, got an object', () => queue.bind({} as never)],
  ['declareQueue: passive needs a name', () => channel.declareQueue('', { passive: true })],
  ['Message.json: properties must be an object, got a number', () => Message.json(1, 5 as never)],
  [
    'Message.json: it cannot be written as JSON: Do not know how to serialize a BigInt',
    () => Message.json(1n),
  ],
])('a wrong argument is told in words: %s', (text, act) => {
  expect(thrownBy(act)).toMatchObject({ message: text });
  expect(thrownBy(act)).toBeInstanceOf(TypeError);
});
