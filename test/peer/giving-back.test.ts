/** How messages go back: what somebody had by basic.reject, which RabbitMQ 4.3 counts, what nobody has seen by basic.nack. */
import type { Channel, Connection } from '../../src';
import { CEILING, errorOf, talk } from '../support/peers/peer';
import { delivery, expects, ready, type Script, send, serve } from '../support/peers/script';

const consumed: Script = [
  ...[expects('basic.qos'), send('basic.qos-ok')],
  ...[expects('basic.consume'), send('basic.consume-ok', { consumerTag: 'c' })],
];
const rejected = expects('basic.reject', { deliveryTag: 1, requeue: true });
const fail = () => {
  throw new Error('failed');
};

const FAILURES: [string, (channel: Channel) => void][] = [
  ['subscribe', (channel) => void channel.getQueue('q', { ensure: false }).subscribe(fail)],
  ['process', (channel) => void channel.basicConsume('q', (m) => m.process(fail, { requeue: true }))],
  [
    'dispose',
    (channel) =>
      void channel.basicConsume('q', (message) => {
        message[Symbol.dispose]();
        fail();
      }),
  ],
];

function serving(...script: Script): { channel: Channel; connection: Connection } {
  const { connection } = talk([...ready(), ...consumed, delivery('c', 1), ...script, serve()]);
  return { channel: connection.channel(), connection };
}

it.each(FAILURES)('%s rejects what has failed', (_, start) => {
  const { channel, connection } = serving(rejected);
  start(channel);
  expect(errorOf(() => connection.drainEvents({ timeout: CEILING })).message).toBe('failed');
});

it('a cancelled consumer nacks what it has brought and nobody has seen', () => {
  const { channel } = serving(
    ...[expects('queue.purge'), send('queue.purge-ok'), expects('basic.cancel')],
    expects('basic.nack', { deliveryTag: 1, requeue: true }),
  );
  channel.basicConsume('q', fail, { consumerTag: 'c' });
  channel.queuePurge('q'); // by then it is here
  channel.basicCancel('c', { noWait: true });
  channel.connection.flush();
});
