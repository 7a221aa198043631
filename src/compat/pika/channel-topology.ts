import type { Channel } from '../../api/channel';
import { type Args, signatures } from '../python';
import type { Method as AmqpMethod } from './amqp-object';
import type { Table } from './basic-properties';
import type { BlockingConnection } from './blocking-connection';
import { Method } from './frame';
import * as Exchange from './methods/exchange';
import * as Queue from './methods/queue';
import * as Tx from './methods/tx';
import { Shown } from './repr';
import type { Hint } from './translate';
import { fitting } from './words';

/** The arguments, and what they mean. */
interface Words {
  /** The exchange; '' is the default one. */
  exchange: [exchange: string];
  /** `direct`, `fanout`, `headers`, `topic`, or what a plugin of the broker brings. */
  exchange_type: [exchange_type: string];
  /** Only check that it is there; 404 if not. */
  passive: [passive: boolean];
  /** It survives a restart of the broker. */
  durable: [durable: boolean];
  /** For this connection only, and gone with it. */
  exclusive: [exclusive: boolean];
  /** Gone when the last one that used it has left. */
  auto_delete: [auto_delete: boolean];
  /** For bindings of exchanges only: nobody may publish to it. */
  internal: [internal: boolean];
  /** RabbitMQ's x-arguments. */
  arguments: [arguments: Table | null];
  /** 406 if it is in use. */
  if_unused: [if_unused: boolean];
  /** 406 if it has messages. */
  if_empty: [if_empty: boolean];
  /** The exchange that receives. */
  destination: [destination: string];
  /** The exchange that gives. */
  source: [source: string];
  /** What is routed; of queues, null is the name of the queue. */
  routing_key: [routing_key: string | null];
  /** The queue; where one is declared, '' lets the broker choose a name, elsewhere '' is the one declared last. */
  queue: [queue: string];
}

const DEF = fitting(
  signatures<Words>()('BlockingChannel', {
    exchange_declare:
      "exchange, exchange_type='direct', passive=False, durable=False, auto_delete=False, internal=False, arguments=None",
    exchange_delete: 'exchange=None, if_unused=False',
    exchange_bind: "destination, source, routing_key='', arguments=None",
    exchange_unbind: "destination=None, source=None, routing_key='', arguments=None",
    queue_declare: 'queue, passive=False, durable=False, exclusive=False, auto_delete=False, arguments=None',
    queue_delete: 'queue, if_unused=False, if_empty=False',
    queue_purge: 'queue',
    queue_bind: 'queue, exchange, routing_key=None, arguments=None',
    queue_unbind: 'queue, exchange=None, routing_key=None, arguments=None',
    tx_select: '',
    tx_commit: '',
    tx_rollback: '',
  }),
);

const TRANSIENT: Hint = {
  replyCodes: [540, 541],
  advice:
    "this broker refuses queues that are neither durable nor exclusive: give durable=True or exclusive=True, or connect with the parameter compat={transient_queues: 'durable'}",
};

/** The methods of a channel that declare, bind and delete, and transactions. */
export abstract class TopologyChannel extends Shown {
  /** @internal */
  declare protected readonly core: Channel;

  constructor(
    /** The connection it belongs to. */
    readonly connection: BlockingConnection,
    core: Channel,
  ) {
    super();
    // what shows a channel must not show all beneath it
    Object.defineProperty(this, 'core', { value: core });
  }

  /** The channel's number. */
  get channel_number(): number {
    return this.core.id;
  }

  /** Make calls of the core; what it throws comes out as pika's exception. @internal */
  protected call<T>(fn: () => T, hint?: Hint): T {
    return this.connection.guard('channel', fn, hint);
  }

  /** A method as the calls return it. @internal */
  protected frame<M extends AmqpMethod>(method: M): Method<M> {
    return new Method(this.channel_number, method);
  }

  // ── exchanges ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare an exchange, or with `passive` check that it is there. Blocks for a round trip.
   * @throws {ChannelClosedByBroker} 406, it exists with other properties; 404, `passive` and missing
   *
   *     channel.exchange_declare({ exchange: 'logs', exchange_type: 'fanout' });
   */
  exchange_declare(...args: Args<typeof DEF.exchange_declare>): Method<Exchange.DeclareOk> {
    const { exchange, exchange_type, passive, durable, auto_delete, internal, ...rest } =
      DEF.exchange_declare(args);
    const options = { passive, durable, autoDelete: auto_delete, internal, ...table(rest) };
    this.call(() => this.core.exchangeDeclare(exchange, exchange_type, options));
    return this.frame(new Exchange.DeclareOk());
  }

  /** Delete an exchange; a missing one is no error. Blocks for a round trip. */
  exchange_delete(...args: Args<typeof DEF.exchange_delete>): Method<Exchange.DeleteOk> {
    const { exchange, if_unused } = DEF.exchange_delete(args);
    this.call(() => this.core.exchangeDelete(exchange, { ifUnused: if_unused }));
    return this.frame(new Exchange.DeleteOk());
  }

  /** Let `destination` receive from `source`. Blocks for a round trip. */
  exchange_bind(...args: Args<typeof DEF.exchange_bind>): Method<Exchange.BindOk> {
    const { destination, source, routing_key, ...rest } = DEF.exchange_bind(args);
    const options = { routingKey: routing_key ?? '', ...table(rest) };
    this.call(() => this.core.exchangeBind(destination, source, options));
    return this.frame(new Exchange.BindOk());
  }

  /** Undo `exchange_bind` with the same arguments. Blocks for a round trip. */
  exchange_unbind(...args: Args<typeof DEF.exchange_unbind>): Method<Exchange.UnbindOk> {
    const { destination, source, routing_key, ...rest } = DEF.exchange_unbind(args);
    const options = { routingKey: routing_key ?? '', ...table(rest) };
    this.call(() => this.core.exchangeUnbind(destination, source, options));
    return this.frame(new Exchange.UnbindOk());
  }

  // ── queues ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare a queue, or with `passive` check that it is there. Blocks for a round trip.
   * @returns a frame with `.method.queue`, `.method.message_count`, `.method.consumer_count`
   * @throws {ChannelClosedByBroker} 406, it exists with other properties; 404, `passive` and missing; 405
   * @throws {ConnectionClosedByBroker} 541, RabbitMQ 4.3 and later, for pika's default: see `compat`
   *
   *     const result = channel.queue_declare({ queue: '', exclusive: true });
   *     const queue_name = result.method.queue;
   */
  queue_declare(...args: Args<typeof DEF.queue_declare>): Method<Queue.DeclareOk> {
    const { queue, passive, durable, exclusive, auto_delete, ...rest } = DEF.queue_declare(args);
    const isTransient = !passive && !durable && !exclusive;
    const instead = isTransient ? this.connection.compat.transient_queues : undefined;
    const options = {
      passive,
      durable: durable || instead === 'durable',
      exclusive: exclusive || instead === 'exclusive',
      autoDelete: auto_delete,
      ...table(rest),
    };
    const declared = this.call(
      () => this.core.queueDeclare(queue, options),
      isTransient ? TRANSIENT : undefined,
    );
    return this.frame(new Queue.DeclareOk(declared.queue, declared.messageCount, declared.consumerCount));
  }

  /** Delete a queue; a missing one is no error. Blocks for a round trip. @returns `.method.message_count` */
  queue_delete(...args: Args<typeof DEF.queue_delete>): Method<Queue.DeleteOk> {
    const { queue, if_unused, if_empty } = DEF.queue_delete(args);
    const options = { ifUnused: if_unused, ifEmpty: if_empty };
    return this.frame(new Queue.DeleteOk(this.call(() => this.core.queueDelete(queue, options))));
  }

  /** Remove the messages that wait for no ack. Blocks for a round trip. @returns `.method.message_count` */
  queue_purge(...args: Args<typeof DEF.queue_purge>): Method<Queue.PurgeOk> {
    const { queue } = DEF.queue_purge(args);
    return this.frame(new Queue.PurgeOk(this.call(() => this.core.queuePurge(queue))));
  }

  /** Route messages from an exchange to a queue. Blocks for a round trip. */
  queue_bind(...args: Args<typeof DEF.queue_bind>): Method<Queue.BindOk> {
    const { queue, exchange, routing_key, ...rest } = DEF.queue_bind(args);
    const options = { routingKey: routing_key ?? queue, ...table(rest) };
    this.call(() => this.core.queueBind(queue, exchange, options));
    return this.frame(new Queue.BindOk());
  }

  /** Undo `queue_bind` with the same arguments. Blocks for a round trip. */
  queue_unbind(...args: Args<typeof DEF.queue_unbind>): Method<Queue.UnbindOk> {
    const { queue, exchange, routing_key, ...rest } = DEF.queue_unbind(args);
    const options = { routingKey: routing_key ?? queue, ...table(rest) };
    this.call(() => this.core.queueUnbind(queue, exchange, options));
    return this.frame(new Queue.UnbindOk());
  }

  // ── transactions ────────────────────────────────────────────────────────────────────────────────────

  /** Make publishes and acks of this channel transactional, for good. Blocks for a round trip. */
  tx_select(...args: Args<typeof DEF.tx_select>): Method<Tx.SelectOk> {
    DEF.tx_select(args);
    this.call(() => this.core.txSelect());
    return this.frame(new Tx.SelectOk());
  }

  /** Commit what was published and settled. Blocks until the broker has. */
  tx_commit(...args: Args<typeof DEF.tx_commit>): Method<Tx.CommitOk> {
    DEF.tx_commit(args);
    this.call(() => this.core.txCommit());
    return this.frame(new Tx.CommitOk());
  }

  /** Forget what was published and settled since the last commit. Blocks until the broker has. */
  tx_rollback(...args: Args<typeof DEF.tx_rollback>): Method<Tx.RollbackOk> {
    DEF.tx_rollback(args);
    this.call(() => this.core.txRollback());
    return this.frame(new Tx.RollbackOk());
  }
}

/** What the core takes: a table, or nothing. */
export function table(rest: { arguments: Table | null }): { arguments: Table | undefined } {
  return { arguments: rest.arguments ?? undefined };
}
