/** Answers that overtake each other, and then the connection is lost: everything is brought back as it was asked for. */
import { TimeoutError } from '../../src';
import { broker, connectTo, errorOf } from '../support/peer';
import { cut, expects, handshake, opened, type Script, send, serve, stall } from '../support/script';
import { SOON } from './lost';

const consumed = (queue: string, consumerTag: string) => expects('basic.consume', { queue, consumerTag });
const answered = (consumerTag: string) => send('basic.consume-ok', { consumerTag });
const limited: Script = [expects('basic.qos'), send('basic.qos-ok')];

test('a consumer that was answered before an older one is started again on its own queue', () => {
  const peer = broker(
    [
      ...[...handshake(), ...opened(), ...limited, consumed('slow', 'A')],
      ...[consumed('fast', 'B'), answered('B'), answered('A')],
      ...[expects('basic.cancel', { consumerTag: 'A' }), stall(50), cut()],
    ],
    [
      ...[...handshake(), ...opened(), ...limited, consumed('fast', 'B'), answered('B')],
      ...[expects('basic.cancel', { consumerTag: 'A' }), send('basic.cancel-ok', { consumerTag: 'A' })],
      ...[expects('queue.purge'), send('queue.purge-ok'), serve()],
    ],
  );
  const connection = connectTo(peer, { recovery: SOON });
  const channel = connection.channel();
  const start = (queue: string, consumerTag: string, timeout?: number) =>
    channel.basicConsume(queue, () => {}, { consumerTag, timeout });
  expect(errorOf(() => start('slow', 'A', 30))).toBeInstanceOf(TimeoutError);
  expect(start('fast', 'B')).toBe('B');
  connection.sleep(100);
  channel.queuePurge('q');
  expect([channel.consumerTags, connection.epoch]).toEqual([['B'], 2]);
});

test('so are consumers to whom the broker gave the tags, and one that was named is not taken for theirs', () => {
  const peer = broker(
    [
      ...[...handshake(), ...opened(), ...limited, consumed('slow', 'A')],
      ...[consumed('fast', ''), answered('amq.ctag-1'), stall(50), cut()],
    ],
    [
      ...[...handshake(), ...opened(), ...limited, consumed('fast', 'amq.ctag-1'), answered('amq.ctag-1')],
      ...[expects('queue.purge'), send('queue.purge-ok'), serve()],
    ],
  );
  const connection = connectTo(peer, { recovery: SOON });
  const channel = connection.channel();
  errorOf(() => channel.basicConsume('slow', () => {}, { consumerTag: 'A', timeout: 30 }));
  expect(channel.basicConsume('fast', () => {})).toBe('amq.ctag-1');
  connection.sleep(100);
  channel.queuePurge('q');
  expect([channel.consumerTags, connection.epoch]).toEqual([['amq.ctag-1'], 2]);
});
