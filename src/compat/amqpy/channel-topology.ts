import type { Args } from '../python';
import { ChannelBase, table } from './channel-base';
import { queue_declare_ok_t } from './spec';
import { unbindLater } from './wire';
import { CHANNEL } from './words';

/** The methods that make and unmake exchanges, queues and bindings. */
export abstract class TopologyChannel extends ChannelBase {
  // ── exchanges ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Make an exchange if it is not there. Blocks unless `nowait`.
   * @throws {PreconditionFailed} it is another one
   * @throws {NotFound} `passive`, and it is not there
   * @throws {AccessRefused} the name is the broker's own
   * @see AMQP 0-9-1 §1.6.2.1 (exchange.declare)
   *
   *     ch.exchange_declare('orders', 'topic', { durable: true, auto_delete: false });
   */
  exchange_declare(...args: Args<typeof CHANNEL.exchange_declare>): void {
    const { exchange, exch_type, passive, durable, ...rest } = CHANNEL.exchange_declare(args);
    const options = { passive, durable, autoDelete: rest.auto_delete, noWait: rest.nowait, ...table(rest) };
    this.call((core) => core.exchangeDeclare(exchange, exch_type, options));
  }

  /**
   * Delete an exchange; a missing one is no error for RabbitMQ. Blocks unless `nowait`.
   * @throws {PreconditionFailed} `if_unused`, and it is in use
   * @throws {AccessRefused} it is the default exchange
   */
  exchange_delete(...args: Args<typeof CHANNEL.exchange_delete>): void {
    const { exchange, if_unused, nowait } = CHANNEL.exchange_delete(args);
    this.call((core) => core.exchangeDelete(exchange, { ifUnused: if_unused, noWait: nowait }));
  }

  /** Let `dest_exch` have what `source_exch` routes there. Blocks unless `nowait`. */
  exchange_bind(...args: Args<typeof CHANNEL.exchange_bind>): void {
    const { dest_exch, source_exch, routing_key, ...rest } = CHANNEL.exchange_bind(args);
    const options = { routingKey: routing_key, noWait: rest.nowait, ...table(rest) };
    this.call((core) => core.exchangeBind(dest_exch, source_exch, options));
  }

  /** Undo `exchange_bind` with the same arguments. Blocks unless `nowait`. */
  exchange_unbind(...args: Args<typeof CHANNEL.exchange_unbind>): void {
    const { dest_exch, source_exch, routing_key, ...rest } = CHANNEL.exchange_unbind(args);
    const options = { routingKey: routing_key, noWait: rest.nowait, ...table(rest) };
    this.call((core) => core.exchangeUnbind(dest_exch, source_exch, options));
  }

  // ── queues ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Make a queue if it is not there; without a name the broker makes one up. It deletes itself unless
   * `auto_delete` is false. Blocks unless `nowait`.
   * @returns name, messages, consumers: `const [queue] = ch.queue_declare()`; null with `nowait`
   * @throws {PreconditionFailed} it is another one
   * @throws {NotFound} `passive`, and it is not there
   * @throws {ResourceLocked} it is exclusive to another connection
   * @throws {InternalError} RabbitMQ 4.3: neither durable nor exclusive; `hint` says what to change
   * @see AMQP 0-9-1 §1.7.2.1 (queue.declare)
   *
   *     ch.queue_declare('tasks', { durable: true, auto_delete: false });
   *     ch.queue_declare('tasks', { passive: true }).message_count;
   */
  queue_declare(...args: Args<typeof CHANNEL.queue_declare>): queue_declare_ok_t {
    const { queue, passive, auto_delete, nowait, ...rest } = CHANNEL.queue_declare(args);
    let { durable, exclusive } = rest;
    if (!passive && !durable && !exclusive) {
      const { transient_queues } = this.home.compat;
      durable = transient_queues === 'durable';
      exclusive = transient_queues === 'exclusive';
    }
    const options = { passive, durable, exclusive, autoDelete: auto_delete, noWait: nowait, ...table(rest) };
    const ok = this.call((core) => core.queueDeclare(queue, options));
    if (nowait) return null as never;
    return new queue_declare_ok_t(ok.queue, ok.messageCount, ok.consumerCount);
  }

  /**
   * Let a queue have what an exchange routes there. Blocks unless `nowait`.
   * @throws {NotFound} one of them is not there
   *
   *     ch.queue_bind('tasks', 'orders', 'order.*');
   */
  queue_bind(...args: Args<typeof CHANNEL.queue_bind>): void {
    const { queue, exchange, routing_key, ...rest } = CHANNEL.queue_bind(args);
    const options = { routingKey: routing_key, noWait: rest.nowait, ...table(rest) };
    this.call((core) => core.queueBind(queue, exchange, options));
  }

  /** Undo `queue_bind` with the same arguments. Blocks unless `nowait`. */
  queue_unbind(...args: Args<typeof CHANNEL.queue_unbind>): void {
    const { queue, exchange, routing_key, nowait, ...rest } = CHANNEL.queue_unbind(args);
    const options = { routingKey: routing_key, ...table(rest) };
    this.call((core) => {
      if (nowait) unbindLater(core, queue, exchange, options);
      else core.queueUnbind(queue, exchange, options);
    });
  }

  /**
   * Delete a queue; a missing one is no error for RabbitMQ. Blocks unless `nowait`.
   * @returns how many messages went with it; null with `nowait`
   * @throws {PreconditionFailed} `if_unused` and it has consumers, or `if_empty` and it has messages
   */
  queue_delete(...args: Args<typeof CHANNEL.queue_delete>): number {
    const { queue, if_unused, if_empty, nowait } = CHANNEL.queue_delete(args);
    const options = { ifUnused: if_unused, ifEmpty: if_empty, noWait: nowait };
    const count = this.call((core) => core.queueDelete(queue, options));
    return nowait ? (null as never) : count;
  }

  /** Delete the messages of a queue. Blocks unless `nowait`. @returns how many; null with `nowait` */
  queue_purge(...args: Args<typeof CHANNEL.queue_purge>): number {
    const { queue, nowait } = CHANNEL.queue_purge(args);
    const count = this.call((core) => core.queuePurge(queue, { noWait: nowait }));
    return nowait ? (null as never) : count;
  }
}
