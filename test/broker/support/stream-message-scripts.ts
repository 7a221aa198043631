import { type TableInput, typed } from '../../../src';
import type { PropertiesInput } from '../../../src/protocol/properties';
import type { Script } from './scripts';
import { consume, filtered, first, large, pause, publish, qos, stream, titled } from './stream-steps';
import { HEADERS } from './version-scripts';

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

/** What streams keep of a message, whom it is for, and for how long it stays. */
export const STREAM_MESSAGE_SCRIPTS: Readonly<Record<string, Script>> = {
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
  'a decimal deep in a header': (n) => [
    stream(n),
    publish(n, 'x', { headers: { 'x-a': [typed.decimal(12_345, 2)], a: [typed.decimal(1, 1)] } }),
    qos(),
    first(n),
  ],
  'a header of every type within a list': (n) => [
    stream(n),
    publish(n, 'x', { headers: { 'x-list': Object.values(HEADERS), 'x-table': HEADERS } }),
    qos(),
    first(n),
  ],
  'expired when it came': (n) => [stream(n), publish(n, 'a', { expiration: '0' }), pause, qos(), first(n)],
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
