import { type TableInput, typed } from '../../../src';
import type { Named, Script, Step } from './scripts';

/** Scripts of what RabbitMQ does otherwise since 4.0, and of what it does in all versions and few clients ask for. */
const declare = (n: Named, name = 'q', args: TableInput = {}): Step => [
  'queue.declare',
  { queue: n(name), exclusive: true, arguments: args },
];
const durable = (n: Named, args: TableInput, name = 'q'): Step => [
  'queue.declare',
  { queue: n(name), durable: true, arguments: args },
];
const quorum = (n: Named, args: TableInput = {}): Step => durable(n, { 'x-queue-type': 'quorum', ...args });
const get = (queue: string, noAck = true): Step => ['basic.get', { queue, noAck }];
const remove = (n: Named, name = 'q'): Step => ['queue.delete', { queue: n(name) }];
const toDead = (n: Named): TableInput => ({
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': n('dead'),
});

/** Headers of every wire type that RabbitMQ lets pass. */
export const HEADERS: TableInput = {
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

const SOME_ARGUMENTS: readonly TableInput[] = [
  { 'x-queue-type': '' },
  { 'x-queue-type': 'undefined' },
  { 'x-queue-type': 5 },
  { 'x-queue-leader-locator': 'client-local' },
  { 'x-queue-leader-locator': 'odd' },
  { 'x-queue-version': 1 },
  { 'x-queue-version': 2 },
  { 'x-queue-mode': 5 },
  { 'x-message-ttl': typed.double(10) },
  { 'x-consumer-timeout': 1000 },
  { 'x-consumer-timeout': 'a' },
  { 'x-consumer-timeout': -1 },
  { 'x-consumer-disconnected-timeout': 1000 },
  { 'x-consumer-disconnected-timeout': 'a' },
  { 'x-consumer-disconnected-timeout': -1 },
  { 'x-delayed-retry-type': 'all' },
  { 'x-delayed-retry-type': 5 },
  { 'x-delayed-retry-min': 1000 },
  { 'x-delayed-retry-max': 'a' },
  { 'x-quorum-target-group-size': 1 },
  { 'x-queue-master-locator': 'min-masters' },
];
const CONSUMER_ARGUMENTS: readonly TableInput[] = [
  { 'x-consumer-timeout': 1000 },
  { 'x-consumer-timeout': -1 },
  { 'x-consumer-timeout': typed.double(1000) },
  { 'x-consumer-timeout': 'a' },
  { 'x-consumer-disconnected-timeout': 1000 },
  { 'x-cancel-on-ha-failover': 'a' },
  { 'x-priority': typed.double(1) },
  { 'x-priority': -1 },
];
const entries = (all: readonly TableInput[], title: string, script: (args: TableInput) => Script) =>
  all.map((args) => [`${title} ${JSON.stringify(args)}`, script(args)] as const);

export const VERSION_SCRIPTS: Readonly<Record<string, Script>> = {
  ...Object.fromEntries(
    entries(SOME_ARGUMENTS, 'a classic queue and', (args) => (n) => [declare(n, 'q', args)]),
  ),
  ...Object.fromEntries(
    entries(SOME_ARGUMENTS, 'a quorum queue and', (args) => (n) => [quorum(n, args), remove(n)]),
  ),
  ...Object.fromEntries(
    entries(CONSUMER_ARGUMENTS, 'a consumer of a classic queue and', (args) => (n) => [
      declare(n),
      ['basic.consume', { queue: n('q'), consumerTag: 'c', arguments: args }],
    ]),
  ),
  ...Object.fromEntries(
    entries(CONSUMER_ARGUMENTS, 'a consumer of a quorum queue and', (args) => (n) => [
      quorum(n, { 'x-expires': 1000 }),
      ['basic.consume', { queue: n('q'), consumerTag: 'c', arguments: args }],
    ]),
  ),
  ...Object.fromEntries(
    ['x-consumer-timeout', 'x-consumer-disconnected-timeout', 'x-delayed-retry-min'].map(
      (name): [string, Script] => [
        `a quorum queue declared again with another ${name}`,
        (n) => [
          quorum(n, { [name]: 1000, 'x-expires': 1000 }),
          quorum(n, { [name]: 2000, 'x-expires': 1000 }),
        ],
      ],
    ),
  ),
  'text where a number was declared': (n) => [
    declare(n, 'q', { 'x-message-ttl': 5000 }),
    declare(n, 'q', { 'x-message-ttl': '5000' }),
  ],
  'an exchange of RabbitMQ 4: x-local-random': (n) => [
    ['exchange.declare', { exchange: n('e'), type: 'x-local-random', autoDelete: true }],
    declare(n),
    ['queue.bind', { queue: n('q'), exchange: n('e') }],
    ['basic.publish', { exchange: n('e'), routingKey: 'k' }, 'x'],
    get(n('q')),
    ['queue.bind', { queue: n('q'), exchange: n('e'), routingKey: 'k' }],
  ],
  'an exchange of RabbitMQ 4: x-modulus-hash': (n) => [
    ['exchange.declare', { exchange: n('e'), type: 'x-modulus-hash', autoDelete: true }],
    declare(n),
    ['queue.bind', { queue: n('q'), exchange: n('e'), routingKey: 'k' }],
    ['basic.publish', { exchange: n('e'), routingKey: 'other' }, 'x'],
    get(n('q')),
  ],
  'the default exchange, of an odd type': () => [['exchange.declare', { exchange: '', type: 'odd' }]],
  'an exchange without a type': () => [['exchange.declare', { exchange: 'e', type: '' }]],
  'the exchange of the log': () => [['exchange.declare', { exchange: 'amq.rabbitmq.log', passive: true }]],
  'delivery modes that are none': (n) => [
    declare(n),
    ...[0, 255].flatMap<Step>((deliveryMode) => [
      ['basic.publish', { routingKey: n('q') }, 'x', { deliveryMode }],
      get(n('q')),
    ]),
  ],
  'headers as they come out of a classic queue': (n) => [
    declare(n),
    ['basic.publish', { routingKey: n('q') }, 'x', { headers: HEADERS, priority: 3, expiration: '0060000' }],
    get(n('q')),
  ],
  'headers as they come out of a quorum queue': (n) => [
    quorum(n),
    ['basic.publish', { routingKey: n('q') }, 'x', { headers: HEADERS, priority: 3, expiration: '0060000' }],
    get(n('q')),
    remove(n),
  ],
  'headers as they come back': (n) => [
    ['basic.publish', { routingKey: n('none'), mandatory: true }, 'x', { headers: HEADERS }],
  ],
  'a header that is no number': (n) => [
    declare(n),
    ['basic.publish', { routingKey: n('q') }, 'x', { headers: { a: typed.double(Number.NaN) } }],
  ],
  'an endless header': (n) => [
    declare(n),
    ['basic.publish', { routingKey: n('q') }, 'x', { headers: { a: typed.float(Number.POSITIVE_INFINITY) } }],
  ],
  'a topic with three signs for many': (n) => [
    declare(n),
    ['queue.bind', { queue: n('q'), exchange: 'amq.topic', routingKey: `${n('k')}.#.a.#` }],
    ['queue.bind', { queue: n('q'), exchange: 'amq.topic', routingKey: `${n('k')}.#.a.#.b.#` }],
  ],
  "dead letters: a client's own records": (n) => [
    declare(n, 'q', toDead(n)),
    declare(n, 'dead'),
    [
      'basic.publish',
      { routingKey: n('q') },
      'x',
      {
        headers: { 'x-death': [{ queue: n('q'), reason: 'rejected', count: typed.int64(7) }], CC: ['none'] },
      },
    ],
    get(n('q'), false),
    ['basic.reject', { deliveryTag: 1 }],
    get(n('dead')),
  ],
  'dead letters: records that have no count': (n) => [
    declare(n, 'q', toDead(n)),
    declare(n, 'dead'),
    [
      'basic.publish',
      { routingKey: n('q') },
      'x',
      { headers: { 'x-death': [{ queue: n('q'), reason: 'rejected' }] } },
    ],
    get(n('q'), false),
    ['basic.reject', { deliveryTag: 1 }],
    get(n('dead')),
  ],
  'dead letters: copies': (n) => [
    declare(n, 'q', { 'x-dead-letter-exchange': 'amq.fanout' }),
    declare(n, 'dead'),
    ['queue.bind', { queue: n('dead'), exchange: 'amq.fanout' }],
    ['basic.publish', { routingKey: n('q') }, 'x', { headers: { CC: ['c'], BCC: ['b'] } }],
    get(n('q'), false),
    ['basic.reject', { deliveryTag: 1 }],
    get(n('dead')),
  ],
  'dead letters: twice, from two queues': (n) => [
    declare(n, 'q', toDead(n)),
    declare(n, 'dead', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': n('end') }),
    declare(n, 'end'),
    ['basic.publish', { routingKey: n('q') }, 'x', { headers: { a: 1 } }],
    get(n('q'), false),
    ['basic.reject', { deliveryTag: 1 }],
    get(n('dead'), false),
    ['basic.reject', { deliveryTag: 2 }],
    get(n('end')),
  ],
  'a message that comes back, of a quorum queue: rejected': (n) => [
    quorum(n),
    ['basic.publish', { routingKey: n('q') }, 'x', { headers: { 'x-delivery-count': 9 } }],
    get(n('q'), false),
    ['basic.reject', { deliveryTag: 1, requeue: true }],
    get(n('q'), false),
    ['basic.nack', { deliveryTag: 2, requeue: true }],
    get(n('q'), false),
    remove(n),
  ],
  'dead letters: expired after it came back': (n) => [
    declare(n, 'q', toDead(n)),
    declare(n, 'dead'),
    ['basic.publish', { routingKey: n('q') }, 'x', { expiration: '150' }],
    get(n('q'), false),
    ['basic.nack', { deliveryTag: 1, requeue: true }],
    ['basic.consume', { queue: n('dead'), noAck: true, consumerTag: 'c' }],
    ...[1, 2, 3].map<Step>(() => ['basic.qos', { prefetchCount: 5 }]),
  ],
  'a limit that is nothing': (n) => [
    quorum(n, { 'x-delivery-limit': 0, ...toDead(n) }),
    declare(n, 'dead'),
    ['basic.publish', { routingKey: n('q') }, 'x'],
    get(n('q'), false),
    ['basic.reject', { deliveryTag: 1, requeue: true }],
    get(n('dead')),
    remove(n),
  ],
  'priorities of a quorum queue': (n) => [
    quorum(n),
    ...[undefined, 1, 9, 40, 4, 5, 31].map<Step>((priority) =>
      priority === undefined
        ? ['basic.publish', { routingKey: n('q') }, 'none']
        : ['basic.publish', { routingKey: n('q') }, `${priority}`, { priority }],
    ),
    ...[1, 2, 3, 4, 5, 6, 7].map(() => get(n('q'))),
    remove(n),
  ],
  ...Object.fromEntries(
    (['nack', 'reject', 'recover'] as const).flatMap((how) =>
      [{}, { 'x-delivery-limit': -1 }].map((args): [string, Script] => [
        `what comes back to a quorum queue comes before higher priorities: ${how}, ${JSON.stringify(args)}`,
        (n) => [
          quorum(n, args),
          ['basic.publish', { routingKey: n('q') }, 'low', { priority: 1 }],
          get(n('q'), false),
          ...[undefined, 9, 0].map<Step>((priority) => [
            'basic.publish',
            { routingKey: n('q') },
            `${priority}`,
            priority === undefined ? {} : { priority },
          ]),
          how === 'recover'
            ? ['basic.recover', { requeue: true }]
            : [`basic.${how}`, { deliveryTag: 1, requeue: true }],
          ...[1, 2, 3, 4].map(() => get(n('q'))),
          remove(n),
        ],
      ]),
    ),
  ),
  'a prefetch for the whole channel, of classic queues': (n) => [
    declare(n, 'a'),
    declare(n, 'b'),
    ['basic.qos', { prefetchCount: 1, global: true }],
    ['basic.consume', { queue: n('a'), consumerTag: 'a' }],
    ['basic.consume', { queue: n('b'), consumerTag: 'b' }],
    ...['a', 'b'].map<Step>((queue) => ['basic.publish', { routingKey: n(queue) }, queue]),
    ['basic.ack', { deliveryTag: 1 }],
  ],
  'a prefetch for the whole channel, and a consumer without acks': (n) => [
    declare(n, 'a'),
    declare(n, 'b'),
    ['basic.qos', { prefetchCount: 1, global: true }],
    ['basic.consume', { queue: n('a'), consumerTag: 'a' }],
    ['basic.consume', { queue: n('b'), consumerTag: 'b', noAck: true }],
    ...['a', 'b', 'b'].map<Step>((queue) => ['basic.publish', { routingKey: n(queue) }, queue]),
    ['basic.ack', { deliveryTag: 1 }],
  ],
  'a mandatory message whose queue goes before the commit': (n) => [
    declare(n),
    ['tx.select'],
    ['basic.publish', { routingKey: n('q'), mandatory: true }, 'x'],
    remove(n),
    ['tx.commit'],
  ],
  'a reply to a name that nobody has': (n) => [
    ['confirm.select'],
    ['basic.publish', { routingKey: 'amq.rabbitmq.reply-to.odd', mandatory: true }, n('x')],
    ['basic.publish', { routingKey: 'amq.rabbitmq.reply-to.odd' }, n('y')],
  ],
  "consume from somebody's replies": () => [
    ['basic.consume', { queue: 'amq.rabbitmq.reply-to.odd.odd', noAck: true }],
  ],
  "get from somebody's replies": () => [get('amq.rabbitmq.reply-to.odd.odd')],
  'get from the replies': () => [get('amq.rabbitmq.reply-to')],
  'bind the replies': () => [
    ['queue.bind', { queue: 'amq.rabbitmq.reply-to', exchange: 'amq.direct', routingKey: 'k' }],
  ],
  'delete the replies': () => [['queue.delete', { queue: 'amq.rabbitmq.reply-to' }]],
  'purge the replies': () => [['queue.purge', { queue: 'amq.rabbitmq.reply-to' }]],
};
