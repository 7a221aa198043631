import type { Script, Step } from './scripts';
import {
  ack,
  cancel,
  consume,
  count,
  first,
  large,
  open,
  pause,
  publish,
  qos,
  remove,
  stream,
  three,
} from './stream-steps';

/** Streams: where consumers begin, how messages are settled, and what is refused. */
export const STREAM_SCRIPTS: Readonly<Record<string, Script>> = {
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
  'a stream behind an exchange': (n) => [
    stream(n),
    ['queue.bind', { queue: n('s'), exchange: 'amq.topic', routingKey: `${n('k')}.#` }],
    ['basic.publish', { exchange: 'amq.topic', routingKey: `${n('k')}.a`, mandatory: true }, 'a'],
    qos(),
    first(n),
  ],
  'a stream and a classic queue, of one exchange': (n) => [
    stream(n),
    ['queue.declare', { queue: n('q'), exclusive: true }],
    ...['s', 'q'].map(
      (queue): Step => ['queue.bind', { queue: n(queue), exchange: 'amq.direct', routingKey: n('k') }],
    ),
    ['confirm.select'],
    [
      'basic.publish',
      { exchange: 'amq.direct', routingKey: n('k'), mandatory: true },
      'a',
      { clusterId: 'c' },
    ],
    ['basic.get', { queue: n('q'), noAck: true }],
    qos(),
    first(n),
    ['queue.unbind', { queue: n('s'), exchange: 'amq.direct', routingKey: n('k') }],
    ['basic.publish', { exchange: 'amq.direct', routingKey: n('k'), mandatory: true }, 'b'],
  ],
  'a message in a transaction': (n) => [
    stream(n),
    qos(),
    consume(n),
    ['tx.select'],
    publish(n, 'a'),
    publish(n, 'b'),
    ['tx.rollback'],
    publish(n, 'c'),
    ['tx.commit'],
  ],
  'a tag that is taken': (n) => three(n, qos(1), first(n), first(n)),
  'a tag that is free again': (n) => three(n, qos(1), first(n), cancel(), first(n), ack(2)),
  'a consumer by a name that it makes': (n) => three(n, qos(1), first(n, ''), ack(1)),
  'an ack of what is unknown': (n) => three(n, qos(1), first(n), ack(5)),
  'an ack that comes twice': (n) => three(n, qos(1), first(n), ack(1), ack(1)),
  'a larger prefetch for those to come': (n) =>
    three(n, qos(1), first(n), qos(3), first(n, 'd'), ack(1), ack(3, true)),
  'another offset in the same stream, behind a deleted one': (n) =>
    three(n, remove(n), stream(n), publish(n, 'd'), qos(), first(n)),
  'a recovery without anything to recover': (n) =>
    three(n, qos(1), consume(n), ['basic.recover', { requeue: true }]),
  'a recovery that does not ask for more': (n) =>
    three(n, qos(1), first(n), ['basic.recover', { requeue: false }]),
  'a queue and a stream, and a nack for both': (n) =>
    three(
      n,
      ['queue.declare', { queue: n('q'), exclusive: true }],
      ['basic.publish', { routingKey: n('q') }, 'q'],
      qos(1),
      ['basic.get', { queue: n('q') }],
      first(n),
      ['basic.nack', { deliveryTag: 0, multiple: true, requeue: true }],
      ['basic.get', { queue: n('q') }],
    ),
  'the direct exchange does not know a stream that is gone': (n) =>
    three(n, remove(n), ['basic.publish', { routingKey: n('s'), mandatory: true }, 'x']),
  'an ack for three consumers': (n) =>
    three(
      n,
      qos(1),
      first(n, 'b'),
      first(n, 'c'),
      first(n, 'a'),
      ack(0, true),
      ack(5, true),
      publish(n, 'd'),
      ack(0, true),
    ),
  'an ack for consumers that began one behind the other': (n) =>
    three(n, qos(2), first(n, 'a'), first(n, 'b'), first(n, 'c'), ack(2), ack(5, true), ack(0, true)),
  'the last, when a new segment has begun': (n) => [
    stream(n, { 'x-stream-max-segment-size-bytes': 25_000 }),
    ...large(n, 3),
    qos(),
    consume(n),
    pause,
    consume(n, { 'x-stream-offset': 'last' }, 'last'),
    consume(n, { 'x-stream-offset': new Date(4_000_000_000_000) }, 'moment'),
    publish(n, 'd'),
  ],
  'a long chain of acks': (n) => [
    stream(n),
    qos(3),
    first(n),
    ...[...'abcdefgh'].map((body) => publish(n, body)),
    ack(2, true),
    ack(3),
    ack(5, true),
    ack(0, true),
  ],
};
