import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { describeRabbitmq, rabbitmqUrl } from '../support/brokers/on-rabbitmq';
import { comparable, embedded, sameRules, version } from './support/pair';
import { RawClient } from './support/raw-client';

/** Bytes that no client should send; RabbitMQ's answer is the right one, with the same words, about the same method. */
function frame(type: number, channel: number, payload: readonly number[], end = 0xce): number[] {
  const size = payload.length;
  return [type, channel >> 8, channel & 255, size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255]
    .concat(payload)
    .concat(end);
}
const PUBLISH = frame(1, 1, [0, 60, 0, 40, 0, 0, 0, 2, 112, 113, 0]);
const header = (size: number, classId = 60, flags = [0, 0], rest: number[] = []): number[] =>
  frame(2, 1, [0, classId, 0, 0, 0, 0, 0, 0, 0, 0, 0, size, ...flags, ...rest]);

const BYTES: Readonly<Record<string, number[]>> = {
  'a bad frame end': frame(1, 1, [0, 20, 0, 20, 1], 0),
  'an unknown frame type': frame(7, 1, [0, 20, 0, 20, 1]),
  'a frame that is too large': [1, 0, 1, 0, 4, 0, 0, ...new Array<number>(100).fill(0)],
  'a heartbeat on a channel': frame(8, 1, []),
  'a heartbeat with a payload': frame(8, 0, [1]),
  'a method without ids': frame(1, 1, [0, 20]),
  'an unknown method': frame(1, 1, [0, 20, 0, 99]),
  'an unknown class': frame(1, 1, [0, 99, 0, 99]),
  'arguments that end early': frame(1, 1, [0, 50, 0, 10, 0, 0, 5]),
  'arguments that do not end': frame(1, 1, [0, 60, 0, 110, 1, 1, 1, 1]),
  'a header without a method': header(1),
  'a body without a method': frame(3, 1, [1, 2]),
  'a body on channel 0': frame(3, 0, [1, 2]),
  'a channel method on channel 0': frame(1, 0, [0, 60, 0, 110, 1]),
  'a connection method on a channel': frame(1, 1, [0, 10, 0, 51]),
  'connection.open once more': frame(1, 0, [0, 10, 0, 40, 1, 47, 0, 0]),
  'close-ok that nobody asked for': frame(1, 1, [0, 20, 0, 41]),
  'a method inside a message': [...PUBLISH, ...frame(1, 1, [0, 60, 0, 110, 1])],
  'a body where the header is due': [...PUBLISH, ...frame(3, 1, [1])],
  'a header of another class': [...PUBLISH, ...header(1, 50)],
  'a method where the body is due': [...PUBLISH, ...header(5), ...frame(1, 1, [0, 60, 0, 110, 1])],
  'a second header': [...PUBLISH, ...header(5), ...header(5)],
  'properties that end early': [...PUBLISH, ...header(1, 60, [0x80, 0], [9, 65]), ...frame(3, 1, [1])],
  'properties that do not end': [...PUBLISH, ...header(1, 60, [0x80, 0], [1, 65, 65]), ...frame(3, 1, [1])],
  'a channel that is not open': frame(1, 5, [0, 60, 0, 110, 1]),
  'a table of an unknown type': frame(1, 1, [0, 50, 0, 10, 0, 0, 1, 65, 0, 0, 0, 0, 5, 1, 66, 90, 0, 0]),
};

const { url } = embedded(sameRules);

/** Milliseconds for what comes behind the first answer. If the answers differ, the machine may just be busy. */
const PAUSES = [50, 500, 3000];

async function answer(broker: string, bytes: number[], pause = PAUSES[0]!): Promise<unknown> {
  const client = await RawClient.open(broker);
  await client.call(1, 'channel.open');
  client.write(Buffer.from(bytes));
  await client.until(() => client.closed || client.received.length > 0);
  await sleep(pause);
  const told = comparable(client.take());
  client.end();
  return told;
}

describeRabbitmq('what is wrong is answered as RabbitMQ answers it', () => {
  test.each(Object.entries(BYTES))('%s', async (_what, bytes) => {
    let answers: unknown[] = [];
    for (const pause of PAUSES) {
      answers = await Promise.all([url, rabbitmqUrl].map((broker) => answer(broker, bytes, pause)));
      if (isDeepStrictEqual(answers[0], answers[1])) break;
    }
    expect(answers[0]).toEqual(answers[1]);
  });
});

/** RabbitMQ waits for ever for the end of such a message; the embedded broker says what is wrong. */
test('a body longer than announced is refused', async () => {
  const bytes = [...PUBLISH, ...header(1), ...frame(3, 1, [1, 2, 3])];
  expect(await answer(url, bytes)).toMatchObject([{ name: 'connection.close', args: { replyCode: 501 } }]);
});

describeRabbitmq('before a connection is open', () => {
  async function greet(broker: string, bytes: string): Promise<unknown> {
    const client = await RawClient.dial(broker);
    client.write(Buffer.from(bytes, 'latin1'));
    await client.until(() => client.closed || client.received.length > 0);
    const first = client.take()[0];
    client.end();
    return first?.args.header ?? first?.name;
  }

  /** RabbitMQ 4.3 offers AMQP 1.0 to whom it does not know. */
  const UNKNOWN = { '3.10': [0, 0, 9, 1], '4.3': [3, 1, 0, 0] }[version];

  test.each([
    ['GET / HTTP', UNKNOWN],
    ['AMQP\x00\x01\x00\x00', UNKNOWN],
    ['AMQP\x00\x00\x09\x01', 'connection.start'],
    ['AMQP\x01\x01\x00\x09', 'connection.start'],
  ])('to %j it answers as RabbitMQ', async (bytes, expected) => {
    expect([await greet(url, bytes), await greet(rabbitmqUrl, bytes)]).toEqual([expected, expected]);
  });

  test.each([
    { password: 'wrong' },
    { vhost: 'none' },
    { mechanisms: ['AMQPLAIN'] },
    { mechanisms: ['AMQPLAIN'], password: 'wrong' },
  ])('both brokers answer alike with %j, too', async (wishes) => {
    const outcomes = [url, rabbitmqUrl].map(async (broker) => {
      const client = await RawClient.open(broker, wishes);
      const told = client.take();
      client.end();
      return told;
    });
    expect(await outcomes[0]).toEqual(await outcomes[1]);
  });
});

test('a client that may not be told why it is refused hears nothing for a while', async () => {
  const begin = Date.now();
  const client = await RawClient.open(url, { password: 'wrong', clientProperties: {} });
  expect(client.closed).toBe(true);
  expect(client.take()).toEqual([]);
  expect(Date.now() - begin).toBeGreaterThan(2500);
});
