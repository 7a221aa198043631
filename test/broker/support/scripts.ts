import { type TableInput, typed } from '../../../src';
import type { Input, MethodName } from '../../../src/protocol/method-types';
import type { PropertiesInput } from '../../../src/protocol/properties';

/** A method to send, with a message if there is a body. */
export type Step = {
  [M in MethodName]: [name: M, args?: Input<M>, body?: string, properties?: PropertiesInput];
}[MethodName];

/** Names that are the script's own. */
export type Named = (name: string) => string;
export type Script = (n: Named) => Step[];

function declare(n: Named, name = 'q', args: TableInput = {}, more: Input<'queue.declare'> = {}): Step {
  return ['queue.declare', { queue: n(name), exclusive: true, arguments: args, ...more }];
}
const publish = (key: string, body: string, properties?: PropertiesInput): Step =>
  properties === undefined
    ? ['basic.publish', { routingKey: key }, body]
    : ['basic.publish', { routingKey: key }, body, properties];
const get = (queue: string, noAck = true): Step => ['basic.get', { queue, noAck }];
const one =
  (...steps: Step[]): Script =>
  () =>
    steps;

/** A queue with an argument that is refused, or taken. */
const withArguments =
  (args: TableInput): Script =>
  (n) => [declare(n, 'q', args)];
const twice =
  (first: TableInput, second: TableInput, more: Input<'queue.declare'> = {}): Script =>
  (n) => [declare(n, 'q', first), declare(n, 'q', second, more)];
const toDead = (n: Named) => ({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': n('dead') });

/** Scripts of what a client may do, right or wrong; both brokers have to answer them alike. */
export const SCRIPTS: Readonly<Record<string, Script>> = {
  'a queue that is not there, passively': one(['queue.declare', { queue: 'none', passive: true }]),
  'an exchange that is not there, passively': one(['exchange.declare', { exchange: 'none', passive: true }]),
  'get from no queue': one(get('none')),
  'consume from no queue': one(['basic.consume', { queue: 'none' }]),
  'purge no queue': one(['queue.purge', { queue: 'none' }]),
  'no queue declared before': one(get('')),
  'bind to no exchange': (n) => [declare(n), ['queue.bind', { queue: n('q'), exchange: 'none' }]],
  'bind no queue': one(['queue.bind', { queue: 'none', exchange: 'amq.direct' }]),
  'bind to the default exchange': (n) => [declare(n), ['queue.bind', { queue: n('q'), exchange: '' }]],
  'unbind what is not bound': (n) => [
    declare(n),
    ['queue.unbind', { queue: n('q'), exchange: 'amq.direct' }],
  ],
  'unbind from no exchange': (n) => [declare(n), ['queue.unbind', { queue: n('q'), exchange: 'none' }]],
  'bind exchanges that are not there': one(['exchange.bind', { destination: 'none', source: 'amq.direct' }]),
  'unbind exchanges that are not there': one([
    'exchange.unbind',
    { destination: 'none', source: 'amq.direct' },
  ]),
  'delete what is not there': one(
    ['exchange.delete', { exchange: 'none' }],
    ['queue.delete', { queue: 'none' }],
  ),
  'delete an exchange of the system': one(['exchange.delete', { exchange: 'amq.direct' }]),
  'delete the default exchange': one(['exchange.delete', { exchange: '' }]),
  'delete a queue in use': (n) => [
    declare(n),
    ['basic.consume', { queue: n('q') }],
    ['queue.delete', { queue: n('q'), ifUnused: true }],
  ],
  'delete a queue that is not empty': (n) => [
    declare(n),
    publish(n('q'), 'x'),
    ['queue.delete', { queue: n('q'), ifEmpty: true }],
  ],
  'delete an exchange in use': (n) => [
    declare(n),
    ['exchange.declare', { exchange: n('e'), type: 'direct', autoDelete: true }],
    ['queue.bind', { queue: n('q'), exchange: n('e') }],
    ['exchange.delete', { exchange: n('e'), ifUnused: true }],
  ],
  'other durable, of an exclusive queue': twice({}, {}, { durable: true }),
  'other exclusive': twice({}, {}, { exclusive: false }),
  'other autoDelete': twice({}, {}, { autoDelete: true }),
  'one argument more': twice({}, { 'x-max-length': 5 }),
  'one argument less': twice({ 'x-max-length': 5 }, {}),
  'another value': twice({ 'x-max-length': 5 }, { 'x-max-length': 6 }),
  'another text': twice({ 'x-dead-letter-exchange': 'a' }, { 'x-dead-letter-exchange': 'b' }),
  'the same in another size': twice({ 'x-max-length': 5 }, { 'x-max-length': typed.int64(5) }),
  'an argument that means nothing': twice({}, { any: 1 }),
  'an exchange of another type': one([
    'exchange.declare',
    { exchange: 'amq.direct', type: 'fanout', durable: true },
  ]),
  'an exchange that is not durable': one(['exchange.declare', { exchange: 'amq.direct', type: 'direct' }]),
  'an exchange with an alternate': one([
    'exchange.declare',
    { exchange: 'amq.direct', type: 'direct', durable: true, arguments: { 'alternate-exchange': 'x' } },
  ]),
  'an unknown type': one(['exchange.declare', { exchange: 'e', type: 'odd' }]),
  'a reserved exchange name': one(['exchange.declare', { exchange: 'amq.odd', type: 'direct' }]),
  'a reserved queue name': one(['queue.declare', { queue: 'amq.odd' }]),
  'the default exchange': one(['exchange.declare', { exchange: '', type: 'direct' }]),
  'a consumer tag twice': (n) => [
    declare(n),
    ['basic.consume', { queue: n('q'), consumerTag: 'c' }],
    ['basic.consume', { queue: n('q'), consumerTag: 'c' }],
  ],
  'a consumer beside an exclusive one': (n) => [
    declare(n),
    ['basic.consume', { queue: n('q'), exclusive: true }],
    ['basic.consume', { queue: n('q') }],
  ],
  'an exclusive consumer beside another': (n) => [
    declare(n),
    ['basic.consume', { queue: n('q') }],
    ['basic.consume', { queue: n('q'), exclusive: true }],
  ],
  'an unknown tag': one(['basic.ack', { deliveryTag: 5 }]),
  'ack of nothing, multiple': one(['basic.ack', { deliveryTag: 0, multiple: true }]),
  'ack up to an unknown tag': one(['basic.ack', { deliveryTag: 7, multiple: true }]),
  'nack of an unknown tag': one(['basic.nack', { deliveryTag: 7 }]),
  'reject of an unknown tag': one(['basic.reject', { deliveryTag: 7 }]),
  'a prefetch size': one(['basic.qos', { prefetchSize: 10 }]),
  'recover without requeue': one(['basic.recover', { requeue: false }]),
  'recover-async without requeue': one(['basic.recover-async', { requeue: false }]),
  'flow off': one(['channel.flow', { active: false }]),
  'flow on': one(['channel.flow', { active: true }]),
  immediate: one(['basic.publish', { immediate: true }, 'x']),
  'commit of nothing': one(['tx.commit']),
  'rollback of nothing': one(['tx.rollback']),
  'confirms in a transaction': one(['tx.select'], ['confirm.select']),
  'a transaction with confirms': one(['confirm.select'], ['tx.select']),
  'publish to no exchange': one(['basic.publish', { exchange: 'none' }, 'x']),
  'publish to an internal exchange': one(['basic.publish', { exchange: 'amq.rabbitmq.trace' }, 'x']),
  'publish as somebody else': one(publish('x', 'x', { userId: 'bob' })),
  'an expiration that is no number': one(publish('x', 'x', { expiration: 'abc' })),
  'an expiration with a rest': one(publish('x', 'x', { expiration: '5x' })),
  'an expiration below zero': one(publish('x', 'x', { expiration: '-1' })),
  'an expiration too far': one(publish('x', 'x', { expiration: '315360000001' })),
  'a delivery mode that is none': one(publish('x', 'x', { deliveryMode: 3 })),
  'CC that is no list': one(publish('x', 'x', { headers: { CC: 'x' } })),
  'methods of the server': one(['queue.declare-ok', { queue: 'x' }]),
  'a message of the server': one(['basic.deliver', {}, 'x']),
  'a channel opened twice': one(['channel.open']),
  'cancel of nobody': one(['basic.cancel', { consumerTag: 'nobody' }]),
  'access.request': one(['access.request', { realm: 'x' }]),
  'x-match that is none': (n) => [
    declare(n),
    ['queue.bind', { queue: n('q'), exchange: 'amq.headers', arguments: { 'x-match': 'odd' } }],
  ],
  'x-match that is no text': (n) => [
    declare(n),
    ['queue.bind', { queue: n('q'), exchange: 'amq.headers', arguments: { 'x-match': 5 } }],
  ],
  ...Object.fromEntries(
    (
      [
        { 'x-message-ttl': -1 },
        { 'x-message-ttl': 'a' },
        { 'x-message-ttl': 1.5 },
        { 'x-message-ttl': 99_999_999_999_999 },
        { 'x-expires': 0 },
        { 'x-max-length': -1 },
        { 'x-max-priority': 256 },
        { 'x-max-priority': true },
        { 'x-dead-letter-exchange': 5 },
        { 'x-dead-letter-routing-key': 'a' },
        { 'x-overflow': 'odd' },
        { 'x-single-active-consumer': 'a' },
        { 'x-queue-mode': 'odd' },
        { 'x-queue-mode': 'lazy' },
        { 'x-queue-type': 'odd' },
        { 'x-queue-version': 9 },
        { 'x-delivery-limit': 5 },
        { 'x-max-age': '5D' },
      ] as TableInput[]
    ).map((args) => [`the argument ${JSON.stringify(args)}`, withArguments(args)]),
  ),
  'consumer arguments': (n) => [
    declare(n),
    ['basic.consume', { queue: n('q'), arguments: { 'x-priority': 'a' } }],
  ],
  'a stream offset': (n) => [
    declare(n),
    ['basic.consume', { queue: n('q'), arguments: { 'x-stream-offset': 5 } }],
  ],
  'direct replies with acks': one(['basic.consume', { queue: 'amq.rabbitmq.reply-to' }]),
  'direct replies twice': one(
    ['basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true }],
    ['basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true }],
  ),
  'a request for direct replies that nobody awaits': one(
    publish('x', 'x', { replyTo: 'amq.rabbitmq.reply-to' }),
  ),
  'return and confirm': one(
    ['confirm.select'],
    ['basic.publish', { routingKey: 'none', mandatory: true }, 'x', { messageId: 'a' }],
    publish('none', 'y'),
  ),
  'CC and BCC': (n) => [
    declare(n, 'a'),
    declare(n, 'b'),
    publish('none', 'x', { headers: { CC: [n('a')], BCC: [n('b')], more: 1 } }),
    get(n('a')),
    get(n('b')),
  ],
  'dead letters: rejected': (n) => [
    declare(n, 'q', toDead(n)),
    declare(n, 'dead'),
    publish(n('q'), 'x', { headers: { a: 1 }, expiration: '60000' }),
    get(n('q'), false),
    ['basic.reject', { deliveryTag: 1 }],
    get(n('dead')),
  ],
  'dead letters: back and forth': (n) => [
    declare(n, 'q', toDead(n)),
    declare(n, 'dead', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': n('q') }),
    publish(n('q'), 'x'),
    ...[1, 2, 3, 4, 5].flatMap<Step>((tag) => [
      get(n(tag % 2 ? 'q' : 'dead'), false),
      ['basic.reject', { deliveryTag: tag }],
    ]),
    get(n('dead')),
  ],
  'dead letters: too many': (n) => [
    declare(n, 'q', { ...toDead(n), 'x-max-length': 1 }),
    declare(n, 'dead'),
    publish(n('q'), '1'),
    publish(n('q'), '2'),
    get(n('dead')),
    get(n('q')),
  ],
  'a full queue that refuses': (n) => [
    declare(n, 'q', { 'x-max-length': 1, 'x-overflow': 'reject-publish' }),
    ['confirm.select'],
    publish(n('q'), '1'),
    publish(n('q'), '2'),
    get(n('q')),
    get(n('q')),
  ],
  'a transaction': (n) => [
    declare(n),
    ['tx.select'],
    ['basic.publish', { routingKey: 'none', mandatory: true }, 'lost'],
    publish(n('q'), 'y'),
    ['tx.commit'],
    get(n('q'), false),
    ['basic.ack', { deliveryTag: 1 }],
    ['tx.rollback'],
    ['basic.ack', { deliveryTag: 1 }],
    ['tx.commit'],
    ['basic.ack', { deliveryTag: 1 }],
  ],
  'cancel notify': (n) => [
    declare(n),
    ['basic.consume', { queue: n('q'), consumerTag: 'c' }],
    ['queue.delete', { queue: n('q') }],
  ],
  'the last consumer of an auto-delete queue': (n) => [
    declare(n, 'q', {}, { autoDelete: true }),
    ['basic.consume', { queue: n('q'), consumerTag: 'c' }],
    ['basic.cancel', { consumerTag: 'c' }],
    get(n('q')),
  ],
  'the last binding of an auto-delete exchange': (n) => [
    declare(n),
    ['exchange.declare', { exchange: n('e'), type: 'fanout', autoDelete: true }],
    ['queue.bind', { queue: n('q'), exchange: n('e') }],
    ['queue.unbind', { queue: n('q'), exchange: n('e') }],
    ['exchange.declare', { exchange: n('e'), type: 'fanout', passive: true }],
  ],
  'an alternate exchange, and one behind another': (n) => [
    declare(n),
    ['exchange.declare', { exchange: n('b'), type: 'fanout', autoDelete: true }],
    [
      'exchange.declare',
      { exchange: n('a'), type: 'direct', autoDelete: true, arguments: { 'alternate-exchange': n('b') } },
    ],
    ['queue.bind', { queue: n('q'), exchange: n('b') }],
    ['basic.publish', { exchange: n('a'), routingKey: 'k', mandatory: true }, 'x'],
    get(n('q')),
    ['exchange.delete', { exchange: n('a') }],
  ],
  'an exchange behind another': (n) => [
    declare(n),
    ['exchange.declare', { exchange: n('b'), type: 'fanout', autoDelete: true }],
    ['queue.bind', { queue: n('q'), exchange: n('b') }],
    ['exchange.bind', { destination: n('b'), source: 'amq.topic', routingKey: `${n('k')}.#` }],
    ['basic.publish', { exchange: 'amq.topic', routingKey: `${n('k')}.a.b` }, 'x'],
    get(n('q')),
  ],
  'headers: all, any, with x': (n) => [
    ...(['all', 'any', 'all-with-x', 'any-with-x'] as const).flatMap<Step>((mode) => [
      declare(n, mode),
      [
        'queue.bind',
        {
          queue: n(mode),
          exchange: 'amq.headers',
          arguments: { 'x-match': mode, [n('a')]: 1, [n('b')]: 'two', 'x-c': true },
        },
      ],
    ]),
    ['basic.publish', { exchange: 'amq.headers' }, '1', { headers: { [n('a')]: 1, [n('b')]: 'two' } }],
    ['basic.publish', { exchange: 'amq.headers' }, '2', { headers: { [n('a')]: 2, [n('b')]: 'two' } }],
    [
      'basic.publish',
      { exchange: 'amq.headers' },
      '3',
      { headers: { [n('a')]: 1, [n('b')]: 'two', 'x-c': true } },
    ],
    ...(['all', 'any', 'all-with-x', 'any-with-x'] as const).flatMap<Step>((mode) => [
      get(n(mode)),
      get(n(mode)),
      get(n(mode)),
    ]),
  ],
  'a reply that is too long': one(['queue.declare', { queue: 'a'.repeat(255), passive: true }]),
  'a reply that is too long, in another alphabet': one([
    'queue.declare',
    { queue: `a${'é'.repeat(127)}`, passive: true },
  ]),
  'line ends in names': (n) => [['queue.declare', { queue: `${n('q')}\r\n.x`, exclusive: true }]],
  'a server-named queue is the last one': (n) => [
    ['queue.declare', { exclusive: true }],
    ['queue.bind', { exchange: 'amq.direct', routingKey: n('k') }],
    ['basic.publish', { exchange: 'amq.direct', routingKey: n('k') }, 'x'],
    get(''),
    ['queue.delete', {}],
  ],
};
