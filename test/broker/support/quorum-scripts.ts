import type { TableInput } from '../../../src/protocol/field-table';
import type { Named, Script, Step } from './scripts';

/** Quorum queues: what they take, how messages come back, and what they refuse. */
const quorum = (n: Named, args: TableInput = {}, more: object = {}): Step => [
  'queue.declare',
  { queue: n('q'), durable: true, arguments: { 'x-queue-type': 'quorum', ...args }, ...more },
];
const publish = (n: Named, body: string): Step => ['basic.publish', { routingKey: n('q') }, body];
const get = (n: Named, queue = 'q'): Step => ['basic.get', { queue: n(queue) }];
const giveBack = (deliveryTag: number, requeue = true): Step => ['basic.nack', { deliveryTag, requeue }];
const remove = (n: Named): Step => ['queue.delete', { queue: n('q') }];
const toGrave = (n: Named): TableInput => ({
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': n('grave'),
});
const grave = (n: Named): Step => ['queue.declare', { queue: n('grave'), exclusive: true }];

export const QUORUM_SCRIPTS: Readonly<Record<string, Script>> = {
  ...Object.fromEntries(
    (
      [
        { 'x-max-priority': 5 },
        { 'x-queue-mode': 'lazy' },
        { 'x-queue-version': 2 },
        { 'x-max-age': '1h' },
        { 'x-quorum-initial-group-size': 0 },
        { 'x-quorum-initial-group-size': 'a' },
        { 'x-queue-leader-locator': 'odd' },
        { 'x-queue-leader-locator': 'client-local' },
        { 'x-dead-letter-strategy': 'odd' },
        { 'x-dead-letter-strategy': 'at-least-once' },
        { 'x-delivery-limit': 'a' },
        { 'x-max-in-memory-length': 5 },
        { 'x-max-in-memory-length': 'a' },
        { 'x-max-in-memory-bytes': 'a' },
        { 'x-max-in-memory-bytes': -1 },
        { 'x-overflow': 'reject-publish-dlx', 'x-message-ttl': 1000, 'x-expires': 10_000 },
      ] as TableInput[]
    ).map((args): [string, Script] => [
      `a quorum queue with ${JSON.stringify(args)}`,
      (n) => [quorum(n, args), remove(n)],
    ]),
  ),
  ...Object.fromEntries(
    [{ durable: false }, { exclusive: true }, { autoDelete: true }, { queue: '' }].map(
      (more): [string, Script] => [
        `a quorum queue that is ${JSON.stringify(more)}`,
        (n) => [quorum(n, {}, more), remove(n)],
      ],
    ),
  ),
  'a quorum queue declared again, with a limit': (n) => [
    quorum(n),
    quorum(n),
    quorum(n, { 'x-delivery-limit': 3 }),
    ['channel.open'],
    remove(n),
  ],
  'a quorum queue declared again, as a classic one': (n) => [
    quorum(n),
    ['queue.declare', { queue: n('q'), durable: true }],
    ['channel.open'],
    remove(n),
  ],
  'a classic queue declared again, as a quorum queue': (n) => [
    ['queue.declare', { queue: n('q'), durable: true }],
    quorum(n),
    ['channel.open'],
    remove(n),
  ],
  'without a limit what is given back goes to the end': (n) => [
    quorum(n),
    publish(n, 'a'),
    publish(n, 'b'),
    get(n),
    giveBack(1),
    get(n),
    get(n),
    giveBack(2),
    giveBack(3),
    get(n),
    remove(n),
  ],
  'with a limit it comes first, and dies after that many times': (n) => [
    quorum(n, { 'x-delivery-limit': 1, ...toGrave(n) }),
    grave(n),
    publish(n, 'a'),
    publish(n, 'b'),
    get(n),
    giveBack(1),
    get(n),
    giveBack(2),
    get(n),
    get(n, 'grave'),
    remove(n),
  ],
  'a limit below nothing': (n) => [
    quorum(n, { 'x-delivery-limit': -1 }),
    publish(n, 'a'),
    get(n),
    giveBack(1),
    get(n),
    remove(n),
  ],
  'what a closed channel had comes first': (n) => [
    quorum(n),
    publish(n, 'a'),
    publish(n, 'b'),
    publish(n, 'c'),
    get(n),
    get(n),
    ['channel.close'],
    ['channel.open'],
    get(n),
    get(n),
    get(n),
    remove(n),
  ],
  'deliveries are counted': (n) => [
    quorum(n),
    publish(n, 'a'),
    ['basic.consume', { queue: n('q'), consumerTag: 'tag' }],
    giveBack(1),
    ['basic.recover', { requeue: true }],
    ['basic.reject', { deliveryTag: 3, requeue: false }],
    remove(n),
  ],
  'a full quorum queue takes one more': (n) => [
    quorum(n, { 'x-max-length': 1, 'x-overflow': 'reject-publish' }),
    ['confirm.select'],
    ...['a', 'b', 'c', 'd'].map((body) => publish(n, body)),
    get(n),
    get(n),
    get(n),
    remove(n),
  ],
  'a full quorum queue takes none until a fifth is gone': (n) => [
    quorum(n, { 'x-max-length': 10, 'x-overflow': 'reject-publish' }),
    ['confirm.select'],
    ...[...'abcdefghijkl'].map((body) => publish(n, body)),
    ...[1, 2, 3, 4, 5].flatMap((count) => [get(n), publish(n, `${count}`)]),
    remove(n),
  ],
  ...Object.fromEntries(
    [{}, { 'x-delivery-limit': 5 }].map((args): [string, Script] => [
      `what two consumers give back goes by their tags, with ${JSON.stringify(args)}`,
      (n) => [
        quorum(n, args),
        ['basic.consume', { queue: n('q'), consumerTag: 'two' }],
        ['basic.consume', { queue: n('q'), consumerTag: 'one' }],
        ...[...'0123'].map((body) => publish(n, body)),
        ['basic.qos', { prefetchCount: 1 }],
        ['basic.cancel', { consumerTag: 'one' }],
        ['basic.cancel', { consumerTag: 'two' }],
        ['basic.nack', { deliveryTag: 0, multiple: true, requeue: true }],
        ...[0, 1, 2, 3].map(() => get(n)),
        remove(n),
      ],
    ]),
  ),
  'a prefetch for the whole channel that comes later does not hold for quorum queues': (n) => [
    quorum(n),
    ['basic.consume', { queue: n('q'), consumerTag: 'tag' }],
    ['basic.qos', { prefetchCount: 1, global: true }],
    ...[...'abc'].map((body) => publish(n, body)),
    remove(n),
  ],
  'a delivery limit that is no number': (n) => [
    quorum(n, { 'x-delivery-limit': 'a' }),
    publish(n, 'a'),
    publish(n, 'b'),
    get(n),
    giveBack(1),
    get(n),
    remove(n),
  ],
  'other limits in memory': (n) => [
    quorum(n, { 'x-max-in-memory-length': 5 }),
    quorum(n, { 'x-max-in-memory-length': 3 }),
    ['channel.open'],
    remove(n),
  ],
  'a full quorum queue loses its oldest': (n) => [
    quorum(n, { 'x-max-length': 1, ...toGrave(n) }),
    grave(n),
    publish(n, 'a'),
    publish(n, 'b'),
    get(n),
    get(n, 'grave'),
    remove(n),
  ],
  'get from a quorum queue with a single active consumer': (n) => [
    quorum(n, { 'x-single-active-consumer': true }),
    get(n),
    ['channel.open'],
    remove(n),
  ],
  'an exclusive consumer of a quorum queue is not alone': (n) => [
    quorum(n),
    ['basic.consume', { queue: n('q'), consumerTag: 'one', exclusive: true }],
    ['basic.consume', { queue: n('q'), consumerTag: 'two' }],
    remove(n),
  ],
  'a prefetch for the whole channel is not for quorum queues': (n) => [
    quorum(n, { 'x-expires': 1000 }),
    ['basic.qos', { prefetchCount: 1, global: true }],
    ['basic.consume', { queue: n('q'), consumerTag: 'tag' }],
  ],
  'a quorum queue is not deleted if empty': (n) => [
    quorum(n, { 'x-expires': 1000 }),
    ['queue.delete', { queue: n('q'), ifEmpty: true }],
  ],
  'a quorum queue is not deleted if unused': (n) => [
    quorum(n, { 'x-expires': 1000 }),
    ['queue.delete', { queue: n('q'), ifUnused: true }],
  ],
  'a quorum queue has no stream offset': (n) => [
    quorum(n),
    ['basic.consume', { queue: n('q'), arguments: { 'x-stream-offset': 5 } }],
    ['channel.open'],
    remove(n),
  ],
};
