/** Mistakes that were taken in silence, or cost a message: each is refused in one sentence, and nothing has happened. */
import { connect, type PublishOptions } from '../../src';
import { CEILING, drainUntil, open, privateQueue, shared, thrownBy } from '../support/connect';

test.each([undefined, null, 5, 'x', {}])('process(%p) leaves the message alone', (fn) => {
  const channel = shared().channel();
  const queue = privateQueue(channel, 'precious');
  const message = channel.basicGet(queue)!;
  expect(() => message.process(fn as never)).toThrow(/^process: fn must be a function, got /);
  expect(message.isSettled).toBe(false);
  message.nack();
});

test.each([null, 0, true, Number.NaN, () => 1])(
  'basicPublish(body, %p) is refused behind one without options, too',
  (options) => {
    const channel = shared().channel();
    channel.basicPublish('x');
    const error = thrownBy(() => channel.basicPublish('x', options as unknown as PublishOptions));
    expect(error.message).toMatch(/^basicPublish: options must be an object, got /);
  },
);

test.each(['amqp://joe:secret@h', 'joe:secret@h', 'h/vhost'])(
  'a URL as hostname is refused: %s',
  (hostname) => {
    const { message } = thrownBy(() => connect({ hostname }));
    expect(message).toBe('hostname must be the name of a host; a URL belongs in url');
  },
);

test('no time at all for an attempt of recovery is refused', () => {
  expect(() => connect({ recovery: { attemptTimeout: 0 } })).toThrow(RangeError);
});

test('an exchange of no type is refused', () => {
  const channel = shared().channel();
  expect(() => channel.exchangeDeclare('x', '')).toThrow(/^type must be a string and not empty/);
});

describe('a callback that returns a promise is refused', () => {
  test.each<[string, (connection: ReturnType<typeof open>) => void]>([
    ['callLater', (connection) => void connection.callLater(0, async () => {})],
    ['addCallbackThreadsafe', (connection) => connection.addCallbackThreadsafe(async () => {})],
  ])('by %s', (_verb, ask) => {
    const connection = open();
    ask(connection);
    expect(() => connection.loop({ timeout: CEILING })).toThrow(/the function returned a promise/);
  });

  test('by onClose', () => {
    const connection = open();
    connection.onClose = async () => {};
    expect(() => connection.close()).toThrow(/^onClose: the function returned a promise/);
    expect(connection.isOpen).toBe(false);
  });

  test('by onReturn', () => {
    const channel = open().channel();
    channel.onReturn = async () => {};
    channel.basicPublish('x', { routingKey: 'amqp-sync.nobody', mandatory: true });
    expect(() => drainUntil(channel.connection, () => false)).toThrow(
      /^onReturn: the function returned a promise/,
    );
  });
});
