import { setTimeout as sleep } from 'node:timers/promises';
import { describeRabbitmq, rabbitmqUrl } from '../support/brokers/on-rabbitmq';
import { CEILING } from '../support/connect';
import { embedded, sameRules } from './support/pair';
import { RawClient } from './support/raw-client';

let ours = '';
beforeAll(() => {
  ours = embedded(sameRules).url;
});

/** A value of a table, without the name in front of it. */
function value(type: string, content: string | number): Buffer {
  const bytes = Buffer.from(typeof content === 'string' ? content : []);
  const size = Buffer.alloc(4);
  size.writeInt32BE(typeof content === 'string' ? bytes.length : content);
  return Buffer.concat([Buffer.from(type), size, bytes]);
}

const table = (fields: Record<string, Buffer>) =>
  Buffer.concat(
    Object.entries(fields).flatMap(([name, bytes]) => [Buffer.of(name.length), Buffer.from(name), bytes]),
  );
const guest = value('S', 'guest');
const one = value('I', 1);

/** Responses of start-ok, right, wrong and malformed. */
const RESPONSES: [mechanism: string, response: string | Buffer][] = [
  ...[
    '\0guest\0guest',
    '\0guest\0wrong',
    '\0nobody\0guest',
    '\0guest\0',
    '\0\0guest',
    '\0\0',
    '',
    '\0',
    '\0guest',
    'guest\0guest',
    'guest\0guest\0guest',
    '\0guest\0guest\0',
    'A'.repeat(1000),
  ].map((response): [string, string] => ['PLAIN', response]),
  ...[
    table({ LOGIN: guest, PASSWORD: guest }),
    table({ LOGIN: guest, PASSWORD: guest, MORE: one }),
    table({ LOGIN: guest, PASSWORD: value('x', 'guest') }),
    table({ LOGIN: value('x', 'guest'), PASSWORD: guest }),
    table({ LOGIN: guest, PASSWORD: value('S', 'wrong') }),
    table({ LOGIN: guest, PASSWORD: one }),
    table({ LOGIN: one, PASSWORD: guest }),
    table({ LOGIN: guest }),
    table({ login: guest, password: guest }),
    Buffer.alloc(0),
    Buffer.from('zzzz'),
  ].map((response): [string, Buffer] => ['AMQPLAIN', response]),
  ['ANONYMOUS', ''],
  ['ANONYMOUS', 'a trace'],
  ['EXTERNAL', ''],
  ['ODD', ''],
  ['', ''],
  ['plain', '\0guest\0guest'],
];

/** What a broker offers, in any order, and what it says to a response. Without the capability it is silent for three seconds. */
async function outcome(url: string, mechanism: string, response: string | Buffer, isTold: boolean) {
  const client = await RawClient.dial(url);
  client.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'));
  const { mechanisms } = (await client.next()).args;
  const capabilities = isTold ? { authentication_failure_close: true } : {};
  client.send(0, 'connection.start-ok', {
    clientProperties: { capabilities },
    mechanism,
    response: Buffer.from(response as string, 'latin1'),
    locale: 'en_US',
  });
  const begin = Date.now();
  await client.until(() => client.closed || client.received.length > 0);
  const isSlow = Date.now() - begin > 2000;
  if (client.received.some(({ name }) => name === 'connection.close'))
    await client.until(() => client.closed);
  else await sleep(100); // for what follows
  const told = client.take();
  const { closed } = client;
  client.end();
  return { offered: String(mechanisms).split(' ').sort(), told, closed, isSlow };
}

describeRabbitmq('a login is taken or refused as RabbitMQ does', () => {
  test.each([true, false])(
    'by a client that may be told why: %s',
    async (isTold) => {
      const outcomes = (url: string) =>
        Promise.all(
          RESPONSES.map(async ([mechanism, response]) => [
            `${mechanism} ${JSON.stringify(response.toString('latin1'))}`,
            await outcome(url, mechanism, response, isTold),
          ]),
        );
      expect(await outcomes(ours)).toEqual(await outcomes(rabbitmqUrl));
    },
    CEILING,
  );
});

test('a malformed response is nobody’s, whatever the users are', async () => {
  const { url } = embedded({ users: { '': '', guest: '' } });
  for (const [mechanism, response] of [
    ['PLAIN', '\0nobody'],
    ['AMQPLAIN', table({ LOGIN: value('S', 'nobody'), PASSWORD: one })],
  ] as const) {
    const { told, closed } = await outcome(url, mechanism, response, true);
    expect(told.map(({ name }) => name)).not.toContain('connection.tune');
    expect(closed).toBe(true);
  }
});
