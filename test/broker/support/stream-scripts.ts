import { type TableInput, typed } from '../../../src';
import type { TableInputValue } from '../../../src/protocol/field-table';
import type { PropertiesInput } from '../../../src/protocol/properties';
import type { Named, Script, Step } from './scripts';

/** Streams: what they take, where consumers begin, what is kept of a message and for how long, and what they refuse. */
const stream = (n: Named, args: TableInput = {}, more: object = {}): Step => [
  'queue.declare',
  { queue: n('s'), durable: true, arguments: { 'x-queue-type': 'stream', ...args }, ...more },
];
const publish = (n: Named, body: string, properties?: PropertiesInput): Step =>
  properties === undefined
    ? ['basic.publish', { routingKey: n('s') }, body]
    : ['basic.publish', { routingKey: n('s') }, body, properties];
const filtered = (n: Named, body: string, value: TableInputValue): Step =>
  publish(n, body, { headers: { 'x-stream-filter-value': value } });
const qos = (prefetchCount = 10): Step => ['basic.qos', { prefetchCount }];
const consume = (n: Named, args: TableInput = {}, consumerTag = 'c', more: object = {}): Step => [
  'basic.consume',
  { queue: n('s'), consumerTag, arguments: args, ...more },
];
const first = (n: Named, consumerTag = 'c'): Step => consume(n, { 'x-stream-offset': 'first' }, consumerTag);
const ack = (deliveryTag: number, multiple = false): Step => ['basic.ack', { deliveryTag, multiple }];
const cancel = (consumerTag = 'c'): Step => ['basic.cancel', { consumerTag }];
const remove = (n: Named): Step => ['queue.delete', { queue: n('s') }];
const count = (n: Named): Step => ['queue.declare', { queue: n('s'), passive: true }];
const open: Step = ['channel.open'];
const titled = <T>(
  values: readonly T[],
  title: string,
  script: (value: T) => Script,
): Record<string, Script> =>
  Object.fromEntries(values.map((value) => [`${title} ${JSON.stringify(value)}`, script(value)]));

/** A stream with three messages, and what is done to it. */
const three = (n: Named, ...steps: Step[]): Step[] => [
  stream(n),
  ...['a', 'b', 'c'].map((body) => publish(n, body)),
  ...steps,
];

/** A step that waits for a moment. */
const pause: Step = ['basic.publish', { routingKey: 'none' }, ''];
const large = (n: Named, count: number): Step[] =>
  Array.from({ length: count }, (_, index) => publish(n, `${index % 10}`.repeat(10_000)));

/** Headers of every type that streams can keep. */
const HEADERS: TableInput = {
  z: 'last first',
  a: typed.int8(-5),
  b: typed.uint8(200),
  c: typed.int16(-300),
  d: typed.uint16(60_000),
  e: typed.int32(-70_000),
  f: typed.uint32(4_000_000_000),
  g: typed.int64(5_000_000_000),
  h: true,
  i: typed.float(1.5),
  j: typed.double(2.5),
  k: null,
  l: Buffer.from([1, 2, 255]),
  m: new Date(1_600_000_000_000),
  n: ['x', 1, true, { deep: 'er', a: 1 }],
  o: { y: 1, b: 'two' },
};
const prefixed = (headers: TableInput): TableInput =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [`x-${name}`, value]));

const PROPERTIES: readonly PropertiesInput[] = [
  {},
  { headers: {} },
  { contentType: 'text/plain', contentEncoding: 'gzip', type: 'a type', appId: 'an app' },
  { messageId: 'id', correlationId: 'other', replyTo: 'reply', userId: 'guest', clusterId: 'cluster' },
  { deliveryMode: 1 },
  { deliveryMode: 2 },
  { priority: 0 },
  { priority: 5 },
  { priority: 255 },
  { expiration: '60000' },
  { expiration: '0060000' },
  { timestamp: new Date(1_600_000_000_000) },
  { messageId: 'urn:uuid:550e8400-e29b-41d4-a716-446655440000' },
  { correlationId: 'urn:uuid:550E8400-E29B-41D4-A716-446655440000' },
  { messageId: '', type: '', contentType: '' },
  { headers: { CC: ['x', 'y'], BCC: ['z'] } },
  { headers: { 'x-death': [{ count: typed.int64(1), reason: 'rejected' }] } },
  { headers: { 'x-stream-offset': 77, 'x-delivery-count': 5, 'x-opt-a': 'b' } },
  { headers: { 'a b': 'ä€', 'X-up': 1, x: 2, 'x-': 3, '': 4 } },
  { headers: { 'x-stream-filter-value': 'v' } },
];

const ARGUMENTS: readonly TableInput[] = [
  { 'x-max-age': '1h' },
  { 'x-max-age': '10Y' },
  { 'x-max-age': '5' },
  { 'x-max-age': '' },
  { 'x-max-age': 'h' },
  { 'x-max-age': '1h1' },
  { 'x-max-age': '1 h' },
  { 'x-max-age': '-1h' },
  { 'x-max-age': '0s' },
  { 'x-max-age': '1.5h' },
  { 'x-max-age': '7W' },
  { 'x-max-age': 5 },
  { 'x-max-length-bytes': 1000 },
  { 'x-max-length-bytes': 0 },
  { 'x-max-length-bytes': -1 },
  { 'x-max-length-bytes': 'a' },
  { 'x-stream-max-segment-size-bytes': 1000 },
  { 'x-stream-max-segment-size-bytes': 0 },
  { 'x-stream-max-segment-size-bytes': -1 },
  { 'x-stream-max-segment-size-bytes': 'a' },
  { 'x-stream-max-segment-size-bytes': 3_000_000_000 },
  { 'x-stream-max-segment-size-bytes': 3_000_000_001 },
  { 'x-stream-filter-size-bytes': 15 },
  { 'x-stream-filter-size-bytes': 16 },
  { 'x-stream-filter-size-bytes': 255 },
  { 'x-stream-filter-size-bytes': 256 },
  { 'x-stream-filter-size-bytes': 'a' },
  { 'x-stream-filter-size-bytes': -5 },
  { 'x-initial-cluster-size': 1 },
  { 'x-initial-cluster-size': 0 },
  { 'x-initial-cluster-size': 'a' },
  { 'x-queue-leader-locator': 'client-local' },
  { 'x-queue-leader-locator': 'odd' },
  { 'x-queue-leader-locator': 5 },
  { 'x-max-length': 5 },
  { 'x-message-ttl': 1000 },
  { 'x-expires': 1000 },
  { 'x-dead-letter-exchange': '' },
  { 'x-dead-letter-routing-key': 'k' },
  { 'x-dead-letter-strategy': 'at-most-once' },
  { 'x-overflow': 'drop-head' },
  { 'x-max-priority': 5 },
  { 'x-single-active-consumer': true },
  { 'x-queue-mode': 'lazy' },
  { 'x-queue-version': 2 },
  { 'x-queue-master-locator': 'min-masters' },
  { 'x-delivery-limit': 5 },
  { 'x-max-in-memory-length': 5 },
  { 'x-max-in-memory-bytes': 5 },
  { 'x-quorum-initial-group-size': 1 },
  { 'x-quorum-target-group-size': 1 },
  { 'x-consumer-timeout': 1000 },
  { 'x-consumer-disconnected-timeout': 1000 },
  { 'x-delayed-retry-type': 'all' },
  { 'x-unknown': 5 },
];

const OFFSETS: readonly TableInputValue[] = [
  'first',
  'last',
  'next',
  0,
  1,
  2,
  3,
  100,
  -1,
  true,
  null,
  '1h',
  '1s',
  '10Y',
  '0s',
  '1',
  '',
  'odd',
  'First',
  '1.5h',
  ['first'],
  { a: 1 },
];

export const STREAM_SCRIPTS: Readonly<Record<string, Script>> = {
  ...titled(ARGUMENTS, 'a stream with', (args) => (n) => [stream(n, args)]),
  ...titled(
    [{ durable: false }, { exclusive: true }, { autoDelete: true }, { queue: '' }],
    'a stream that is',
    (more) => (n) => [stream(n, {}, more)],
  ),
  ...titled(
    OFFSETS,
    'a consumer that begins at',
    (offset) => (n) => three(n, qos(), consume(n, { 'x-stream-offset': offset }), publish(n, 'd')),
  ),
  ...Object.fromEntries(
    [
      ['a double', typed.double(1)],
      ['half', typed.double(1.5)],
      ['a byte', typed.uint8(1)],
      ['a moment long ago', new Date(0)],
      ['a moment to come', new Date(4_000_000_000_000)],
      ['bytes', Buffer.from('first')],
      ['a decimal', typed.decimal(1, 0)],
    ].map(([what, offset]) => [
      `a consumer that begins at ${what}`,
      (n: Named) => three(n, qos(), consume(n, { 'x-stream-offset': offset as never }), publish(n, 'd')),
    ]),
  ),
  'a consumer that says nothing begins at next': (n) => three(n, qos(), consume(n), publish(n, 'd')),
  'a consumer of an empty stream': (n) => [
    stream(n),
    qos(),
    first(n),
    publish(n, 'a'),
    consume(n, { 'x-stream-offset': 'last' }, 'd'),
  ],
  'the last of an empty stream': (n) => [
    stream(n),
    qos(),
    consume(n, { 'x-stream-offset': 'last' }),
    publish(n, 'a'),
    publish(n, 'b'),
  ],
  'an offset that is not there yet': (n) => [
    stream(n),
    qos(),
    consume(n, { 'x-stream-offset': 2 }),
    ...['a', 'b', 'c', 'd'].map((body) => publish(n, body)),
  ],
  'a consumer without a prefetch': (n) => three(n, first(n)),
  'a consumer without acks': (n) => three(n, qos(), consume(n, {}, 'c', { noAck: true })),
  'a consumer without acks or a prefetch': (n) => three(n, consume(n, {}, 'c', { noAck: true })),
  'a prefetch for the whole channel': (n) =>
    three(n, ['basic.qos', { prefetchCount: 1, global: true }], first(n)),
  'a prefetch for the whole channel, and one for each consumer': (n) =>
    three(n, qos(2), ['basic.qos', { prefetchCount: 1, global: true }], first(n)),
  'exclusive consumers': (n) =>
    three(
      n,
      qos(),
      consume(n, { 'x-stream-offset': 'first' }, 'c', { exclusive: true }),
      consume(n, { 'x-stream-offset': 'first' }, 'd', { exclusive: true }),
      first(n, 'e'),
    ),
  ...titled(
    [
      { 'x-priority': 5 },
      { 'x-priority': 'a' },
      { 'x-consumer-timeout': 1000 },
      { 'x-consumer-timeout': 'a' },
      { 'x-cancel-on-ha-failover': true },
      { 'x-cancel-on-ha-failover': 'a' },
      { 'x-unknown': 1 },
      { 'x-stream-filter': 5 },
      { 'x-stream-match-unfiltered': 'a' },
    ],
    'a consumer of a stream with',
    (args) => (n) => three(n, qos(), consume(n, { 'x-stream-offset': 'first', ...args })),
  ),
  'a prefetch of one': (n) => three(n, qos(1), first(n), ack(1), ack(2), publish(n, 'd'), ack(3), ack(4)),
  'acks of several': (n) =>
    three(n, qos(2), first(n), publish(n, 'd'), ack(2, true), publish(n, 'e'), ack(0, true)),
  'several consumers': (n) =>
    three(
      n,
      qos(2),
      first(n, 'c'),
      ack(1),
      qos(5),
      consume(n, { 'x-stream-offset': 1 }, 'd'),
      publish(n, 'd'),
    ),
  'a nack': (n) =>
    three(n, qos(1), first(n), ['basic.nack', { deliveryTag: 1, requeue: true }], publish(n, 'd')),
  'a nack for good': (n) => three(n, qos(1), first(n), ['basic.nack', { deliveryTag: 1 }]),
  'a nack of several': (n) =>
    three(n, qos(2), first(n), ['basic.nack', { deliveryTag: 2, multiple: true, requeue: true }]),
  'a reject': (n) => three(n, qos(1), first(n), ['basic.reject', { deliveryTag: 1, requeue: true }]),
  'a reject for good': (n) => three(n, qos(1), first(n), ['basic.reject', { deliveryTag: 1 }]),
  'a recovery': (n) => three(n, qos(1), first(n), ['basic.recover', { requeue: true }], ack(1)),
  'a channel that closes': (n) => three(n, qos(2), first(n), ['channel.close'], open, qos(2), first(n)),
  'an ack after the cancel': (n) => three(n, qos(1), first(n), cancel(), ack(1), open, first(n)),
  'a nack after the cancel': (n) =>
    three(n, qos(1), first(n), cancel(), ['basic.nack', { deliveryTag: 1, requeue: true }]),
  'an ack after the stream is gone': (n) =>
    three(n, qos(1), first(n), remove(n), ack(1), ['basic.qos', { prefetchCount: 1 }]),
  'a nack after the stream is gone': (n) =>
    three(
      n,
      qos(1),
      first(n),
      remove(n),
      ['basic.nack', { deliveryTag: 1, requeue: true }],
      ['basic.qos', { prefetchCount: 1 }],
    ),
  'two consumers and a stream that goes': (n) => three(n, qos(1), first(n, 'c'), first(n, 'd'), remove(n)),
  'acks in a transaction': (n) =>
    three(n, qos(1), first(n), ['tx.select'], ack(1), publish(n, 'd'), ['tx.commit'], ack(2), [
      'tx.rollback',
    ]),
  get: (n) => three(n, ['basic.get', { queue: n('s') }]),
  purge: (n) => three(n, ['queue.purge', { queue: n('s') }]),
  'consumers are not counted': (n) => [stream(n), qos(), first(n), count(n)],
  'the count of a stream that is deleted': (n) => three(n, qos(), first(n), cancel(), remove(n), remove(n)),
  'deleted if unused': (n) => three(n, qos(), first(n), ['queue.delete', { queue: n('s'), ifUnused: true }]),
  'deleted if empty': (n) => three(n, ['queue.delete', { queue: n('s'), ifEmpty: true }]),
  confirms: (n) => [stream(n), ['confirm.select'], publish(n, 'a'), publish(n, 'b')],
  'declared again': (n) => [stream(n), stream(n)],
  'declared again, with a length': (n) => [stream(n), stream(n, { 'x-max-length-bytes': 5000 })],
  'declared again, with another length': (n) => [
    stream(n, { 'x-max-length-bytes': 4000 }),
    stream(n, { 'x-max-length-bytes': 5000 }),
  ],
  'declared again, with another age': (n) => [
    stream(n, { 'x-max-age': '1h' }),
    stream(n, { 'x-max-age': '60m' }),
  ],
  'declared again, without its age': (n) => [stream(n, { 'x-max-age': '1h' }), stream(n)],
  'declared again, with another size of segments': (n) => [
    stream(n, { 'x-stream-max-segment-size-bytes': 1000 }),
    stream(n, { 'x-stream-max-segment-size-bytes': 2000 }),
  ],
  'declared again, with another size of filters': (n) => [
    stream(n, { 'x-stream-filter-size-bytes': 16 }),
    stream(n, { 'x-stream-filter-size-bytes': 32 }),
  ],
  'declared again, with another size of the cluster': (n) => [
    stream(n, { 'x-initial-cluster-size': 1 }),
    stream(n, { 'x-initial-cluster-size': 2 }),
  ],
  'declared again, with another locator': (n) => [
    stream(n, { 'x-queue-leader-locator': 'client-local' }),
    stream(n, { 'x-queue-leader-locator': 'balanced' }),
  ],
  'a stream declared again, as a classic queue': (n) => [
    stream(n),
    ['queue.declare', { queue: n('s'), durable: true }],
  ],
  'a classic queue declared again, as a stream': (n) => [
    ['queue.declare', { queue: n('s'), durable: true }],
    stream(n),
  ],
  'a quorum queue declared again, as a stream': (n) => [stream(n, { 'x-queue-type': 'quorum' }), stream(n)],
  'a stream declared again, as a transient one': (n) => [stream(n), stream(n, {}, { durable: false })],
  'a stream behind an exchange': (n) => [
    stream(n),
    ['queue.bind', { queue: n('s'), exchange: 'amq.topic', routingKey: `${n('k')}.#` }],
    ['basic.publish', { exchange: 'amq.topic', routingKey: `${n('k')}.a`, mandatory: true }, 'a'],
    qos(),
    first(n),
  ],
  'a stream for dead letters': (n) => [
    stream(n),
    [
      'queue.declare',
      {
        queue: n('q'),
        exclusive: true,
        arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': n('s') },
      },
    ],
    ['basic.publish', { routingKey: n('q') }, 'a', { headers: { h: 1 } }],
    ['basic.get', { queue: n('q') }],
    ['basic.reject', { deliveryTag: 1 }],
    qos(),
    first(n),
  ],
  ...Object.fromEntries(
    PROPERTIES.map((properties): [string, Script] => [
      `kept in a stream: ${JSON.stringify(properties)}`,
      (n) => [stream(n), publish(n, 'x', properties), qos(), first(n)],
    ]),
  ),
  ...Object.fromEntries(
    Object.entries({ ...HEADERS, ...prefixed(HEADERS) }).map(([name, value]): [string, Script] => [
      `a header kept in a stream: ${name}`,
      (n) => [stream(n), publish(n, 'x', { headers: { [name]: value } }), qos(), first(n)],
    ]),
  ),
  'all headers at once, in a stream': (n) => [
    stream(n),
    publish(n, 'x', { headers: { ...HEADERS, ...prefixed(HEADERS) } }),
    qos(),
    first(n),
  ],
  'a decimal, in a stream': (n) => [
    stream(n),
    publish(n, 'x', { headers: { a: typed.decimal(12_345, 2) } }),
    qos(),
    first(n),
  ],
  'no body, in a stream': (n) => [stream(n), publish(n, ''), qos(), first(n)],
  'a large body, in a stream': (n) => [stream(n), publish(n, 'x'.repeat(300_000)), qos(), first(n)],
  ...titled(
    [
      { 'x-stream-filter': 'a' },
      { 'x-stream-filter': ['a', 'b'] },
      { 'x-stream-filter': 'none' },
      { 'x-stream-filter': '' },
      { 'x-stream-filter': [] },
      { 'x-stream-filter': [5, 'a'] },
      { 'x-stream-filter': 5 },
      { 'x-stream-filter': 'a', 'x-stream-match-unfiltered': true },
      { 'x-stream-filter': 'a', 'x-stream-match-unfiltered': false },
      { 'x-stream-filter': 'a', 'x-stream-match-unfiltered': 'true' },
      { 'x-stream-match-unfiltered': true },
    ],
    'a filter',
    (args) => (n) => [
      stream(n),
      filtered(n, '1', 'a'),
      filtered(n, '2', 'b'),
      publish(n, '3'),
      filtered(n, '4', 'a'),
      qos(),
      consume(n, { 'x-stream-offset': 'first', ...args }),
      filtered(n, '7', 'b'),
      filtered(n, '8', 'a'),
      publish(n, '9'),
    ],
  ),
  ...titled([5, '', null, ['a'], true], 'a filter value', (value) => (n) => [
    stream(n),
    filtered(n, '1', value),
    qos(),
    first(n),
    consume(n, { 'x-stream-offset': 'first', 'x-stream-filter': '', 'x-stream-match-unfiltered': true }, 'd'),
    consume(n, { 'x-stream-offset': 'first', 'x-stream-filter': '' }, 'e'),
    publish(n, '2'),
  ]),
  'retention by length': (n) => [
    stream(n, { 'x-max-length-bytes': 106_000, 'x-stream-max-segment-size-bytes': 36_000 }),
    ...large(n, 20),
    qos(50),
    consume(n, {}, 'next'),
    pause,
    first(n),
    consume(n, { 'x-stream-offset': 2 }, 'offset'),
    consume(n, { 'x-stream-offset': new Date(0) }, 'time'),
    ...large(n, 10),
    first(n, 'again'),
  ],
  'retention by age': (n) => [
    stream(n, { 'x-max-age': '1s', 'x-stream-max-segment-size-bytes': 36_000 }),
    ...large(n, 8),
    ...Array.from({ length: 60 }, () => pause),
    ...large(n, 1),
    pause,
    qos(50),
    first(n),
    ...large(n, 5),
    consume(n, { 'x-stream-offset': '1s' }, 'second'),
  ],
  'nothing is too old in the newest segment': (n) => [
    stream(n, { 'x-max-age': '1s' }),
    publish(n, 'a'),
    ...Array.from({ length: 60 }, () => pause),
    publish(n, 'b'),
    qos(),
    first(n),
  ],
};
