/** A consumer that the broker cancels: RabbitMQ 4.3 keeps it registered until the client cancels it, too. */
import { type Channel, ConsumerCancelledError } from '../../src';
import { CEILING, errorOf, moment, talk } from '../support/peers/peer';
import { delivery, expects, ready, type Script, send, serve } from '../support/peers/script';

const consumed: Script = [expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'c' })];
const limited: Script = [expects('basic.qos'), send('basic.qos-ok')];
const cancel = send('basic.cancel', { consumerTag: 'c', noWait: true });
const cancelled = expects('basic.cancel', { consumerTag: 'c', noWait: true });
const purged: Script = [expects('queue.purge'), send('queue.purge-ok')];

/** A channel that holds a message of its consumer, and has met what the script says next. */
function holding(script: Script, noAck = false) {
  const limits = noAck ? [] : limited;
  const { peer, connection } = talk([
    ...ready(),
    ...limits,
    ...consumed,
    delivery('c', 1, { body: 'one' }),
    ...script,
  ]);
  const channel = connection.channel();
  const seen: string[] = [];
  const consume = () =>
    channel.basicConsume('q', ({ text }) => void seen.push(text), { consumerTag: 'c', noAck });
  consume();
  connection.drainEvents({ timeout: CEILING });
  return { peer, connection, channel, seen, consume };
}

const purge = (channel: Channel) => channel.queuePurge('q');

it('gets its cancel back at once if nothing is held, and only once; the tag can be used again', () => {
  const { peer, connection, channel, seen, consume } = holding([
    ...[expects('basic.ack'), ...purged, cancel, cancelled, ...purged],
    ...[...consumed, delivery('c', 2, { body: 'two' }), serve()],
  ]);
  channel.basicAck(1);
  purge(channel);
  moment();
  purge(channel);
  expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(ConsumerCancelledError);
  consume();
  connection.drainEvents({ timeout: CEILING });
  expect(seen).toEqual(['one', 'two']);
  expect(peer.methods().filter((method) => method === 'basic.cancel')).toHaveLength(1);
});

describe('while it holds a message gets its cancel back', () => {
  it.each<[string, Script, (channel: Channel) => void]>([
    ['ahead of an ack', [expects('basic.ack', { deliveryTag: 1 })], (channel) => channel.basicAck(1)],
    [
      'ahead of an ack of all',
      [expects('basic.ack', { deliveryTag: 0, multiple: true })],
      (channel) => channel.basicAck(0, { multiple: true }),
    ],
    ['ahead of a nack', [expects('basic.nack', { deliveryTag: 1 })], (channel) => channel.basicNack(1)],
    [
      'ahead of basic.recover',
      [expects('basic.recover'), send('basic.recover-ok')],
      (channel) => channel.basicRecover(),
    ],
    [
      'ahead of a consumer of its tag',
      consumed,
      (channel) => void channel.basicConsume('q', () => {}, { consumerTag: 'c' }),
    ],
    [
      'ahead of an exclusive consumer',
      [expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'd' })],
      (channel) => void channel.basicConsume('q', () => {}, { exclusive: true }),
    ],
  ])('%s', (_, script, act) => {
    const { peer, connection, channel } = holding([
      ...[...purged, cancel, ...purged, cancelled, ...script, ...purged],
    ]);
    purge(channel);
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(
      ConsumerCancelledError,
    );
    purge(channel);
    act(channel);
    purge(channel);
    peer.satisfied();
    expect(peer.methods().filter((method) => method === 'basic.cancel')).toHaveLength(1);
  });

  it('not yet for what another consumer has brought', () => {
    const { peer, connection, channel } = holding([
      ...[...purged, cancel, expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'd' })],
      ...[delivery('d', 2, { body: 'two' }), expects('basic.ack', { deliveryTag: 2 }), ...purged],
      ...[cancelled, expects('basic.ack', { deliveryTag: 1 }), ...purged],
    ]);
    purge(channel);
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(
      ConsumerCancelledError,
    );
    channel.basicConsume('q', (message) => message.ack());
    connection.drainEvents({ timeout: CEILING });
    purge(channel);
    channel.basicAck(1);
    purge(channel);
    peer.satisfied();
  });

  it('once, however often it is cancelled', () => {
    const { peer, connection, channel } = holding([
      ...[
        ...purged,
        cancel,
        cancel,
        ...purged,
        cancelled,
        expects('basic.ack', { deliveryTag: 1 }),
        ...purged,
      ],
    ]);
    purge(channel);
    expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(
      ConsumerCancelledError,
    );
    purge(channel);
    channel.basicAck(1);
    purge(channel);
    peer.satisfied();
  });
});

it("what still comes for it goes back behind its cancel, until the tag is somebody else's", () => {
  const { peer, connection, channel, seen, consume } = holding([
    ...[...purged, cancel, expects('queue.purge'), delivery('c', 2, { body: 'for nobody' })],
    ...[send('queue.purge-ok'), cancelled, expects('basic.nack', { deliveryTag: 2, requeue: true })],
    expects('basic.consume'),
    ...[delivery('c', 3, { body: 'too' }), send('basic.consume-ok', { consumerTag: 'c' })],
    ...[
      expects('basic.nack', { deliveryTag: 3, requeue: true }),
      delivery('c', 4, { body: 'four' }),
      serve(),
    ],
  ]);
  purge(channel);
  expect(errorOf(() => connection.drainEvents({ timeout: CEILING }))).toBeInstanceOf(ConsumerCancelledError);
  purge(channel);
  consume();
  connection.drainEvents({ timeout: CEILING });
  expect(seen).toEqual(['one', 'four']);
  peer.satisfied();
});

it('is told of the consumer timeout if it holds messages only', () => {
  const text = (noAck: boolean) => {
    const { connection } = holding([cancel, ...(noAck ? [cancelled] : []), serve()], noAck);
    return errorOf(() => connection.drainEvents({ timeout: CEILING })).message;
  };
  expect(text(true)).toBe('the broker cancelled consumer "c": its queue was deleted or has moved');
  expect(text(false)).toMatch(
    /deleted or has moved, or a message was not settled before the consumer timeout \(the oldest that the channel holds came \d+\.\d s ago\)$/,
  );
});

it("that was cancelled from here gets no second cancel: its tag may be another one's already", () => {
  const { peer, connection, channel, seen, consume } = holding([
    ...[expects('basic.cancel', { consumerTag: 'c', noWait: false }), expects('basic.consume'), cancel],
    ...[send('basic.cancel-ok', { consumerTag: 'c' }), send('basic.consume-ok', { consumerTag: 'c' })],
    ...[delivery('c', 2, { body: 'two' }), serve()],
  ]);
  channel.basicCancel('c', { noWait: true });
  consume();
  connection.drainEvents({ timeout: CEILING });
  expect(seen).toEqual(['one', 'two']);
  expect(peer.methods().filter((method) => method === 'basic.cancel')).toHaveLength(1);
});
