/** What RabbitMQ makes of keys, header values and their wire types, and the embedded broker beside it. */
import {
  type AmqpError,
  type Channel,
  type Connection,
  connect,
  type TableInput,
  TypedValue,
  typed,
} from '../../src';
import { encodeTable } from '../../src/protocol/field-table';
import { encoded } from '../../src/protocol/wire';
import { describeRabbitmq, rabbitmqUrl } from '../support/brokers/on-rabbitmq';
import { CEILING, eventually } from '../support/connect';
import { embedded, sameRules, version } from './support/pair';
import { KEYS, letThrough, PATTERNS, VALUES } from './support/routing';

const connections: Connection[] = [];
let both: Channel[] = [];
beforeAll(() => {
  if (rabbitmqUrl === '') return;
  for (const url of [embedded(sameRules).url, rabbitmqUrl])
    connections.push(connect(url, { callTimeout: 3 * CEILING, connectTimeout: CEILING }));
});
beforeEach(() => {
  both = connections.map((connection) => connection.channel());
});
afterAll(() => {
  for (const connection of connections) connection.close();
});

/** Bindings that each broker lets through, by names. */
function routes(
  type: 'headers' | 'topic',
  bindings: readonly Named[],
  messages: readonly Named[],
): string[][] {
  return both.map((channel) =>
    letThrough(
      channel,
      type,
      bindings.map(({ how }) => how),
      messages.map(({ how }) => how),
    ).map(
      (got, index) =>
        `${bindings[index]!.name} lets through ${got.map((each) => messages[each]!.name).join(', ')}`,
    ),
  );
}

/** For RabbitMQ 4.3. */
const hasTooMany = (pattern: string) => pattern.split('.').filter((word) => word === '#').length > 2;

interface Named {
  name: string;
  how: object;
}

/** The headers of a message in the order of their keys, with all types, and no moment of time. */
function headersOf(channel: Channel, queue: string): unknown {
  let message = channel.basicGet(queue, { noAck: true });
  eventually(() => {
    message ??= channel.basicGet(queue, { noAck: true });
    return message !== null;
  });
  return plain(message!.typedHeaders);
}

function plain(value: unknown, name?: string): unknown {
  if (value instanceof Map) return [...value].map(([key, each]) => [key, plain(each, key)]);
  if (Array.isArray(value)) return value.map((each) => plain(each));
  if (!(value instanceof TypedValue)) return value;
  return name === 'time' ? 'a time' : [value.type, `${value.value}`.replace(/amq\.gen-.*/, 'a name')];
}

/** One value twice, each time with the other letter for 64 bits; keys in no order. */
const HEADERS: TableInput = new Map<string, unknown>([
  ['z', new TypedValue('L', 5)],
  [
    'b',
    new Map([
      ['y', new TypedValue('L', -1)],
      ['a', typed.int16(1)],
    ]),
  ],
  ['B', typed.decimal(-314, 2)],
  ['é', typed.uint32(5)],
  ['\u{ffff}', 1],
  ['😀', 1],
  [
    'a',
    [
      new TypedValue('L', 1),
      new Map([
        ['q', 1],
        ['p', 2],
      ]),
    ],
  ],
  ['x-e', typed.float(1)],
]) as TableInput;

describeRabbitmq('as RabbitMQ has it', () => {
  it('every pair of header values is routed alike in a headers exchange', () => {
    for (const mode of ['all', 'any']) {
      const bindings = VALUES.map(([name, value]) => ({
        name,
        how: { arguments: { 'x-match': mode, h: value } },
      }));
      const messages = VALUES.map(([name, value]) => ({ name, how: { headers: { h: value } } }));
      const [ours, theirs] = routes('headers', bindings, messages);
      expect(ours).toEqual(theirs);
    }
  });

  it('every pair of pattern and key is routed alike in a topic exchange', () => {
    const patterns = PATTERNS.filter((pattern) => version === '3.10' || !hasTooMany(pattern));
    const [ours, theirs] = routes(
      'topic',
      patterns.map((routingKey) => ({ name: `"${routingKey}"`, how: { routingKey } })),
      KEYS.map((routingKey) => ({ name: `"${routingKey}"`, how: { routingKey } })),
    );
    expect(ours).toEqual(theirs);
  });

  it('a pattern with more than two "#" is refused by 4.3', () => {
    const [tooMany] = PATTERNS.filter(hasTooMany);
    const outcomes = both.map((channel) => {
      try {
        channel.queueBind(channel.queueDeclare('', { exclusive: true }).queue, 'amq.topic', {
          routingKey: tooMany!,
        });
        return 'bound';
      } catch (error) {
        return (error as AmqpError).replyText;
      }
    });
    const refusal = `PRECONDITION_FAILED - Topic binding key '${tooMany}' uses 3 '#' wildcards, at most 2 are allowed`;
    const outcome = { '3.10': 'bound', '4.3': refusal }[version];
    expect(outcomes).toEqual([outcome, outcome]);
  });

  it('patterns that are bound and unbound again, the empty one among them', () => {
    const got = both.map((channel) => {
      const { queue } = channel.queueDeclare('', { exclusive: true });
      for (const routingKey of ['', '#.', '*']) channel.queueBind(queue, 'amq.topic', { routingKey });
      for (const routingKey of ['', '*']) channel.queueUnbind(queue, 'amq.topic', { routingKey });
      channel.confirmSelect();
      for (const routingKey of ['', 'a', '.'])
        channel.basicPublish(routingKey, { exchange: 'amq.topic', routingKey });
      return [channel.basicGet(queue, { noAck: true })?.routingKey, channel.basicGet(queue)];
    });
    expect(got).toEqual([
      ['.', null],
      ['.', null],
    ]);
  });

  it('bindings that differ in a wire type alone are two', () => {
    const got = both.map((channel) => {
      const { queue } = channel.queueDeclare('', { exclusive: true });
      const bind = (h: unknown) => ({ arguments: { h: h as number } });
      channel.queueBind(queue, 'amq.headers', bind(typed.int32(1)));
      channel.queueBind(queue, 'amq.headers', bind(typed.int64(1)));
      channel.queueUnbind(queue, 'amq.headers', bind(typed.int32(1)));
      channel.confirmSelect();
      channel.basicPublish('x', { exchange: 'amq.headers', headers: { h: 1 } });
      return channel.basicGet(queue, { noAck: true })?.text;
    });
    expect(got).toEqual(['x', 'x']);
  });

  it.each([
    ['rejected', {}],
    ['expired', { 'x-message-ttl': 1 }],
    ['maxlen', { 'x-max-length': 0 }],
  ])('the headers of a message that died: %s, again, and in another queue', (reason, args) => {
    const [ours, theirs] = both.map((channel) => {
      const dead = channel.queueDeclare('', { exclusive: true }).queue;
      const more = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead, ...args };
      const seen: unknown[] = [];
      let headers: TableInput = HEADERS;
      const queues = [1, 2].map(() => channel.queueDeclare('', { exclusive: true, arguments: more }).queue);
      for (const queue of [queues[0]!, queues[0]!, queues[1]!, queues[0]!]) {
        channel.basicPublish('x', { routingKey: queue, headers });
        if (reason === 'rejected') {
          eventually(() => channel.queueDeclare(queue, { passive: true }).messageCount === 1);
          channel.basicGet(queue)!.reject();
        }
        eventually(() => channel.queueDeclare(dead, { passive: true }).messageCount === 1);
        const message = channel.basicGet(dead)!;
        seen.push(plain(message.typedHeaders));
        headers = message.typedHeaders!;
        message.ack();
      }
      return seen;
    });
    expect(ours).toEqual(theirs);
  });

  it('headers that are written anew for other reasons', () => {
    const [ours, theirs] = both.map((channel) => {
      const { queue } = channel.queueDeclare('', { exclusive: true });
      const quorum = channel.queueDeclare(`values.${process.pid}`, {
        durable: true,
        arguments: { 'x-queue-type': 'quorum' },
      }).queue;
      channel.basicConsume('amq.rabbitmq.reply-to', () => {}, { noAck: true });
      const addressed = (name: string) =>
        new Map([...(HEADERS as Map<string, never>), [name, ['nobody'] as never]]);
      const seen: unknown[] = [];
      for (const [routingKey, headers, replyTo] of [
        [queue, HEADERS],
        [queue, addressed('CC')],
        [queue, addressed('BCC')],
        [queue, HEADERS, 'amq.rabbitmq.reply-to'],
        [quorum, HEADERS],
      ] as [string, TableInput, string?][]) {
        channel.basicPublish('x', { routingKey, headers, replyTo });
        seen.push(headersOf(channel, routingKey));
      }
      channel.queueDelete(quorum);
      return seen;
    });
    expect(ours).toEqual(theirs);
  });

  it('a content header that dead-lettering has made larger than frame_max', () => {
    const sizes = both.map((channel) => {
      const dead = channel.queueDeclare('', { exclusive: true }).queue;
      const { queue } = channel.queueDeclare('', {
        exclusive: true,
        arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead },
      });
      channel.basicPublish('x', { routingKey: queue, headers: { big: 'b'.repeat(131_000) } });
      eventually(() => channel.queueDeclare(queue, { passive: true }).messageCount === 1);
      channel.basicGet(queue)!.reject();
      eventually(() => channel.queueDeclare(dead, { passive: true }).messageCount === 1);
      const { typedHeaders } = channel.basicGet(dead, { noAck: true })!;
      return encoded((writer) => encodeTable(writer, typedHeaders)).length;
    });
    expect(sizes[0]).toBe(sizes[1]);
    expect(sizes[0]).toBeGreaterThan(131_072);
  });
});
