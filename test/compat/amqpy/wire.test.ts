/** What each method of a channel sends: with amqpy's defaults, and with all its arguments, in both styles. */
import { type Channel, Message, spec } from '../../../src/compat/amqpy';
import type { MethodName } from '../../../src/protocol/method-types';
import { talk } from '../../support/facades/amqpy';
import { expects, ready, type Script, send, serve } from '../../support/peers/script';

type Call = (ch: Channel) => unknown;
type Row = [method: MethodName, args: object, ...calls: [Call, ...Call[]]];

const t = { 'x-a': 1 };
const hi = () => new Message('hi');

const DEFAULTS: Row[] = [
  [
    'exchange.declare',
    {
      exchange: 'e',
      type: 'direct',
      passive: false,
      durable: false,
      autoDelete: true,
      internal: false,
      noWait: false,
    },
    (ch) => ch.exchange_declare('e', 'direct'),
    (ch) => ch.exchange_declare({ exchange: 'e', exch_type: 'direct' }),
  ],
  ['exchange.delete', { exchange: 'e', ifUnused: false, noWait: false }, (ch) => ch.exchange_delete('e')],
  [
    'exchange.bind',
    { destination: 'd', source: '', routingKey: '', noWait: false, arguments: {} },
    (ch) => ch.exchange_bind('d'),
  ],
  [
    'exchange.unbind',
    { destination: 'd', source: '', routingKey: '', noWait: false, arguments: {} },
    (ch) => ch.exchange_unbind('d'),
  ],
  [
    'queue.declare',
    {
      queue: '',
      passive: false,
      durable: false,
      exclusive: false,
      autoDelete: true,
      noWait: false,
      arguments: {},
    },
    (ch) => ch.queue_declare(),
    (ch) => ch.queue_declare({}),
  ],
  [
    'queue.bind',
    { queue: 'q', exchange: '', routingKey: '', noWait: false, arguments: {} },
    (ch) => ch.queue_bind('q'),
  ],
  [
    'queue.unbind',
    { queue: 'q', exchange: 'e', routingKey: '', arguments: {} },
    (ch) => ch.queue_unbind('q', 'e'),
  ],
  [
    'queue.delete',
    { queue: 'q', ifUnused: false, ifEmpty: false, noWait: false },
    (ch) => ch.queue_delete('q'),
  ],
  ['queue.purge', { queue: 'q', noWait: false }, (ch) => ch.queue_purge('q')],
  ['basic.get', { queue: 'q', noAck: false }, (ch) => ch.basic_get('q')],
  ['basic.qos', { prefetchSize: 0, prefetchCount: 0, global: false }, (ch) => ch.basic_qos()],
  ['basic.recover', { requeue: false }, (ch) => ch.basic_recover()],
  ['basic.recover-async', { requeue: false }, (ch) => ch.basic_recover_async()],
  [
    'basic.publish',
    { exchange: '', routingKey: '', mandatory: false, immediate: false },
    (ch) => ch.basic_publish(hi()),
    (ch) => ch.basic_publish({ msg: hi() }),
  ],
  ['confirm.select', { noWait: false }, (ch) => ch.confirm_select()],
  ['tx.select', {}, (ch) => ch.tx_select()],
  ['tx.commit', {}, (ch) => ch.tx_commit()],
  ['tx.rollback', {}, (ch) => ch.tx_rollback()],
  ['channel.flow', { active: true }, (ch) => ch.flow(true)],
];

const EVERYTHING: Row[] = [
  [
    'exchange.declare',
    {
      exchange: 'e',
      type: 'topic',
      passive: true,
      durable: true,
      autoDelete: false,
      noWait: true,
      arguments: t,
    },
    (ch) => ch.exchange_declare('e', 'topic', true, true, false, true, t),
    (ch) =>
      ch.exchange_declare('e', 'topic', {
        passive: true,
        durable: true,
        auto_delete: false,
        nowait: true,
        arguments: t,
      }),
  ],
  [
    'exchange.delete',
    { exchange: 'e', ifUnused: true, noWait: true },
    (ch) => ch.exchange_delete('e', true, true),
  ],
  [
    'exchange.bind',
    { destination: 'd', source: 's', routingKey: 'k', noWait: true, arguments: t },
    (ch) => ch.exchange_bind('d', 's', 'k', true, t),
    (ch) =>
      ch.exchange_bind({ dest_exch: 'd', source_exch: 's', routing_key: 'k', nowait: true, arguments: t }),
  ],
  [
    'exchange.unbind',
    { destination: 'd', source: 's', routingKey: 'k', noWait: true, arguments: t },
    (ch) => ch.exchange_unbind('d', 's', 'k', true, t),
  ],
  [
    'queue.declare',
    {
      queue: 'q',
      passive: true,
      durable: true,
      exclusive: true,
      autoDelete: false,
      noWait: true,
      arguments: t,
    },
    (ch) => ch.queue_declare('q', true, true, true, false, true, t),
    (ch) =>
      ch.queue_declare('q', true, {
        durable: true,
        exclusive: true,
        auto_delete: false,
        nowait: true,
        arguments: t,
      }),
  ],
  [
    'queue.bind',
    { queue: 'q', exchange: 'e', routingKey: 'k', noWait: true, arguments: t },
    (ch) => ch.queue_bind('q', 'e', 'k', true, t),
    (ch) => ch.queue_bind('q', { exchange: 'e', routing_key: 'k', nowait: true, arguments: t }),
  ],
  [
    'queue.unbind',
    { queue: 'q', exchange: 'e', routingKey: 'k', arguments: t },
    (ch) => ch.queue_unbind('q', 'e', 'k', false, t),
  ],
  [
    'queue.delete',
    { queue: 'q', ifUnused: true, ifEmpty: true, noWait: true },
    (ch) => ch.queue_delete('q', true, true, true),
  ],
  ['queue.purge', { queue: 'q', noWait: true }, (ch) => ch.queue_purge('q', true)],
  ['basic.get', { queue: 'q', noAck: true }, (ch) => ch.basic_get('q', true)],
  ['basic.qos', { prefetchSize: 1, prefetchCount: 2, global: true }, (ch) => ch.basic_qos(1, 2, true)],
  ['basic.recover', { requeue: true }, (ch) => ch.basic_recover(true)],
  ['basic.recover-async', { requeue: true }, (ch) => ch.basic_recover_async({ requeue: true })],
  [
    'basic.publish',
    { exchange: 'e', routingKey: 'k', mandatory: true, immediate: true },
    (ch) => ch.basic_publish(hi(), 'e', 'k', true, true),
    (ch) => ch.basic_publish(hi(), { exchange: 'e', routing_key: 'k', mandatory: true, immediate: true }),
  ],
  ['confirm.select', { noWait: true }, (ch) => ch.confirm_select(true)],
  [
    'basic.consume',
    { queue: 'q', consumerTag: 'c', noLocal: true, noAck: true, exclusive: true, noWait: true, arguments: t },
    (ch) =>
      ch.basic_consume(
        'q',
        'c',
        true,
        true,
        true,
        true,
        () => {},
        t,
        () => {},
      ),
    (ch) =>
      ch.basic_consume({
        queue: 'q',
        consumer_tag: 'c',
        no_local: true,
        no_ack: true,
        exclusive: true,
        nowait: true,
        arguments: t,
      }),
  ],
  ['basic.cancel', { consumerTag: 'c', noWait: false }, (ch) => ch.basic_cancel('c')],
  [
    'channel.close',
    { replyCode: 7, replyText: 'enough', classId: 50, methodId: 10 },
    (ch) => ch.close(7, 'enough', spec.Queue.Declare),
  ],
  ['channel.close', { replyCode: 0, replyText: '', classId: 0, methodId: 0 }, (ch) => ch.close()],
];

/** The script of a call, answered as an obliging broker answers. */
function answering([method, args]: Row): Script {
  const body = method === 'basic.publish' ? { body: 'hi' } : {};
  return [...ready(), expects(method, args as never, body), ...(REPLIES[method]?.(args) ?? []), serve()];
}

const REPLIES: Partial<Record<MethodName, (args: object) => Script>> = {};
for (const method of [
  ...[
    'exchange.declare',
    'exchange.delete',
    'exchange.bind',
    'exchange.unbind',
    'queue.declare',
    'queue.bind',
  ],
  ...[
    'queue.unbind',
    'queue.delete',
    'queue.purge',
    'basic.qos',
    'basic.recover',
    'confirm.select',
    'tx.select',
  ],
  ...['tx.commit', 'tx.rollback', 'channel.flow', 'basic.cancel', 'channel.close'],
] as const) {
  REPLIES[method] = (args) =>
    'noWait' in args && args.noWait ? [] : [send(`${method}-ok` as MethodName, args as never)];
}
REPLIES['basic.get'] = () => [send('basic.get-empty')];

const titled = (rows: Row[]) =>
  rows.flatMap(([method, args, ...calls]) =>
    calls.map((call) => [String(call).slice(8), [method, args, call] as Row] as const),
  );

test.each(titled(DEFAULTS))("a call with amqpy's defaults sends every field: %s", (_, row) => {
  const { peer, ch } = talk(answering(row));
  row[2](ch);
  peer.satisfied();
});

test.each(titled(EVERYTHING))('a call with all its arguments sends them: %s', (_, row) => {
  const { peer, ch } = talk(answering(row));
  row[2](ch);
  peer.satisfied();
});
