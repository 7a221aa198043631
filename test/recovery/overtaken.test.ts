/** What comes out of turn around the loss of a connection: everything is brought back as it was asked for, once. */
import { type IncomingMessage, TimeoutError } from '../../src';
import { broker, CEILING, connectTo, errorOf } from '../support/peers/peer';
import {
  cut,
  delivery,
  expects,
  handshake,
  opened,
  type Script,
  send,
  serve,
  stall,
} from '../support/peers/script';
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
  expect(errorOf(() => start('slow', 'A', 500))).toBeInstanceOf(TimeoutError);
  expect(start('fast', 'B')).toBe('B');
  connection.sleep(100);
  channel.queuePurge('q');
  expect([channel.consumerTags, connection.epoch]).toEqual([['B'], 2]);
});

test('consumers to whom the broker gave the tags are told apart, and one that was named is not taken for theirs', () => {
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
  errorOf(() => channel.basicConsume('slow', () => {}, { consumerTag: 'A', timeout: 500 }));
  expect(channel.basicConsume('fast', () => {})).toBe('amq.ctag-1');
  connection.sleep(100);
  channel.queuePurge('q');
  expect([channel.consumerTags, connection.epoch]).toEqual([['amq.ctag-1'], 2]);
});

test('what the broker sends behind the refusal of a channel that is brought back reaches nobody', () => {
  const refused = { replyCode: 404, replyText: "NOT_FOUND - no queue 'gone'", classId: 60, methodId: 20 };
  const peer = broker(
    [
      ...[...handshake(), ...opened(), ...limited, consumed('q', 'A'), answered('A')],
      ...[consumed('gone', 'B'), answered('B'), stall(50), cut()],
    ],
    [
      ...[...handshake(), ...opened(), ...limited, consumed('q', 'A'), consumed('gone', 'B'), answered('A')],
      ...[delivery('A', 1, { body: '1' }), send('channel.close', refused), delivery('A', 2, { body: '2' })],
      ...[expects('channel.close-ok'), expects('channel.open'), delivery('A', 3, { body: '3' })],
      ...[send('channel.open-ok'), ...limited, consumed('q', 'A'), answered('A')],
      ...[delivery('A', 1, { body: 'again' }), expects('basic.ack', { deliveryTag: 1 }), serve()],
    ],
  );
  const connection = connectTo(peer, { recovery: SOON });
  const channel = connection.channel();
  const got: string[] = [];
  const take = (message: IncomingMessage) => {
    got.push(message.text);
    message.ack();
  };
  channel.basicConsume('q', take, { consumerTag: 'A' });
  channel.basicConsume('gone', () => {}, { consumerTag: 'B', onCancel: () => {} });
  while (got.length === 0) connection.drainEvents({ timeout: CEILING });
  connection.sleep(100);
  expect(got).toEqual(['again']);
  expect([channel.consumerTags, connection.epoch]).toEqual([['A'], 2]);
});
