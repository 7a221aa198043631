/** Errors that close a channel while its consumer is fed: the program goes on with another, and gets every message. */
import { type Channel, NotFoundError } from '../../src';
import type { RecoveryOptions } from '../../src/client/options/recovery-options';
import { NotFound } from '../../src/compat/amqpy';
import { open, shared, unique } from '../support/connect';
import { open as openAmqpy } from '../support/facades/amqpy';

const MESSAGES = 2000;
/** Messages between two errors. */
const EVERY = 100;

let publisher: Channel;

function filled(): string {
  publisher = shared().channel();
  publisher.confirmSelect();
  const queue = unique('flow');
  publisher.queueDeclare(queue, { durable: true, arguments: { 'x-expires': 60_000 } });
  const bodies = Array.from({ length: MESSAGES }, (_, index) => `${index}`.padEnd(200));
  publisher.publishBatch(bodies, { routingKey: queue });
  return queue;
}
const all = Array.from({ length: MESSAGES }, (_, index) => index);

const reopened = (channel: Channel): Channel => {
  channel.reopen();
  return channel;
};

describe.each<[string, RecoveryOptions | undefined]>([
  ['without recovery', undefined],
  ['with recovery', {}],
])('%s', (_case, recovery) => {
  test.each<[string, number | undefined, string | undefined, (channel: Channel) => Channel]>([
    ['another channel', undefined, undefined, ({ connection }) => connection.channel()],
    ['another channel with the only number', 1, undefined, ({ connection }) => connection.channel()],
    ['the channel reopened', undefined, undefined, reopened],
    ['the channel reopened, with the same consumer tag', undefined, 'me', reopened],
  ])(
    'messages are all delivered though channel errors come often, by %s',
    (_how, channelMax, consumerTag, next) => {
      const queue = filled();
      const seen = new Set<number>();
      let channel = open({ recovery, channelMax }).channel();
      let acked = 0;
      const work = () => {
        for (const message of channel.consume(queue, { prefetch: 1000, consumerTag })) {
          seen.add(Number(message.text));
          message.ack();
          acked++;
          if (acked % EVERY === 0) channel.queueDeclare('nope', { passive: true });
        }
      };
      while (seen.size < MESSAGES) {
        expect(work).toThrow(NotFoundError);
        channel = next(channel);
      }
      expect([...seen].sort((one, other) => one - other)).toEqual(all);
      expect(publisher.queueDelete(queue)).toBe(0);
    },
  );
});

test('messages are all delivered by a channel of amqpy, which opens itself again', () => {
  const queue = filled();
  const conn = openAmqpy();
  const ch = conn.channel();
  ch.basic_qos(0, 1000);
  const seen = new Set<number>();
  let acked = 0;
  const consume = () =>
    ch.basic_consume({
      ...{ queue, consumer_tag: 'me' },
      callback: (msg) => {
        seen.add(Number(msg.body));
        msg.ack();
        acked++;
        if (acked % EVERY === 0) ch.queue_declare({ queue: 'nope', passive: true });
      },
    });
  while (seen.size < MESSAGES) {
    consume();
    expect(() => conn.loop()).toThrow(NotFound);
    expect(ch.is_open).toBe(true);
  }
  expect(publisher.queueDelete(queue)).toBe(0);
  expect(seen.size).toBe(MESSAGES);
});
