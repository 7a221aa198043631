import { wrongType } from '../caller';
import type { Args, Input, MethodName } from '../protocol/method-types';
import { ChannelCore } from './channel-core';
import { type CallOptions, checkKind, checkOptions, checkString, optionNames } from './checks';

/** The options of a verb: the method's fields in the one table, less what is positional. */
export type OptionsOf<M extends MethodName, Positional extends string = never> = Omit<Input<M>, Positional> &
  CallOptions;

export type ExchangeDeclareOptions = OptionsOf<'exchange.declare', 'exchange' | 'type'>;
export type ExchangeDeleteOptions = OptionsOf<'exchange.delete', 'exchange'>;
export type ExchangeBindOptions = OptionsOf<'exchange.bind', 'destination' | 'source'>;
export type QueueDeclareOptions = OptionsOf<'queue.declare', 'queue'>;
export type QueueBindOptions = OptionsOf<'queue.bind', 'queue' | 'exchange'>;
export type QueueUnbindOptions = OptionsOf<'queue.unbind', 'queue' | 'exchange'>;
export type QueuePurgeOptions = OptionsOf<'queue.purge', 'queue'>;
export type QueueDeleteOptions = OptionsOf<'queue.delete', 'queue'>;

/** What a queue.declare says of the queue. */
export interface DeclaredQueue {
  queue: string;
  messageCount: number;
  consumerCount: number;
}

const NAMES = {
  exchangeDeclare: optionNames('exchange.declare', ['exchange', 'type']),
  exchangeDelete: optionNames('exchange.delete', ['exchange']),
  exchangeBind: optionNames('exchange.bind', ['destination', 'source']),
  queueDeclare: optionNames('queue.declare', ['queue']),
  queueBind: optionNames('queue.bind', ['queue', 'exchange']),
  queueUnbind: optionNames('queue.unbind', ['queue', 'exchange']),
  queuePurge: optionNames('queue.purge', ['queue']),
  queueDelete: optionNames('queue.delete', ['queue']),
};

/** Arguments of queues for which it matters whether a consumer is there. */
const TIED_TO_CONSUMERS = new Set(['x-expires', 'x-single-active-consumer']);

/** The verbs of exchanges and queues. */
export abstract class TopologyChannel extends ChannelCore {
  #lastQueue = '';

  /** @internal */
  protected override renew(): void {
    super.renew();
    this.#lastQueue = '';
  }

  /** `''` is the queue declared last. RabbitMQ has the same rule, and answers 404 when there is none. @internal */
  protected queueNamed(queue: string): string {
    return queue === '' ? this.#lastQueue : queue;
  }

  // ── exchanges ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare an exchange, or with `passive` check that it is there. Blocks for a round trip unless `noWait`.
   * @throws {PreconditionFailedError} 406, it exists with other properties
   * @throws {NotFoundError} 404, passive and missing
   * @see AMQP 0-9-1 §1.6.2.1 (exchange.declare)
   *
   *     channel.exchangeDeclare('logs', 'fanout', { durable: true });
   */
  exchangeDeclare(exchange: string, ...given: [type?: string, options?: ExchangeDeclareOptions]): void {
    const [type, options = {}] = given.length === 0 ? ['direct'] : given;
    checkOptions('exchangeDeclare', options, NAMES.exchangeDeclare);
    checkString(exchange, 'exchange');
    checkKind(type, 'type', 'direct');
    this.call('exchange.declare', { ...options, exchange, type }, options, exchange);
  }

  /**
   * Delete an exchange; deleting a missing one succeeds. Blocks for a round trip unless `noWait`.
   * @throws {PreconditionFailedError} 406, `ifUnused` and it has bindings
   * @see AMQP 0-9-1 §1.6.2.3 (exchange.delete)
   */
  exchangeDelete(exchange: string, options: ExchangeDeleteOptions = {}): void {
    checkOptions('exchangeDelete', options, NAMES.exchangeDelete);
    checkString(exchange, 'exchange');
    this.call('exchange.delete', { ...options, exchange }, options, exchange);
  }

  /**
   * Let `destination` receive from `source`. Blocks for a round trip unless `noWait`.
   * @throws {NotFoundError} 404, one of them is missing
   * @see RabbitMQ: exchange to exchange bindings (exchange.bind)
   */
  exchangeBind(destination: string, source: string, options: ExchangeBindOptions = {}): void {
    checkOptions('exchangeBind', options, NAMES.exchangeBind);
    checkString(destination, 'destination');
    checkString(source, 'source');
    this.call('exchange.bind', { ...options, destination, source }, options, destination);
  }

  /** Undo `exchangeBind` with the same arguments. Blocks for a round trip unless `noWait`. */
  exchangeUnbind(destination: string, source: string, options: ExchangeBindOptions = {}): void {
    checkOptions('exchangeUnbind', options, NAMES.exchangeBind);
    checkString(destination, 'destination');
    checkString(source, 'source');
    this.call('exchange.unbind', { ...options, destination, source }, options, destination);
  }

  /** With neither queue nor routing key both are the queue declared last. @see AMQP 0-9-1 §1.7.2.3 */
  #source(
    queue: string,
    { routingKey = '' }: { routingKey?: string | undefined },
  ): { queue: string; routingKey: string } {
    const named = this.queueNamed(queue);
    return { queue: named, routingKey: queue === '' && routingKey === '' ? named : routingKey };
  }

  // ── queues ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Declare a queue, or with `passive` check that it is there. `''` lets the broker choose a name; from
   * then on `''` means this queue in other calls. Blocks for a round trip unless `noWait`.
   * @returns its name and counts (0 with `noWait`, when nobody answers)
   * @throws {PreconditionFailedError} 406, it exists with other properties
   * @throws {NotFoundError} 404, passive and missing
   * @throws {ResourceLockedError} 405, exclusive to another connection
   * @see AMQP 0-9-1 §1.7.2.1 (queue.declare)
   *
   *     const { queue } = channel.queueDeclare('', { exclusive: true });
   */
  queueDeclare(queue = '', options: QueueDeclareOptions = {}): DeclaredQueue {
    checkOptions('queueDeclare', options, NAMES.queueDeclare);
    if (options.noWait && queue === '')
      throw wrongType('queueDeclare: noWait needs a queue name, or nobody will know it');
    const name = options.passive ? this.queueNamed(queue) : queue;
    const answer = this.call('queue.declare', { ...options, queue: name }, options, queue);
    const declared = (answer?.args ?? {
      queue,
      messageCount: 0,
      consumerCount: 0,
    }) as Args<'queue.declare-ok'>;
    this.#lastQueue = declared.queue;
    if (!options.passive) this.#note(declared.queue, options);
    return declared;
  }

  /** Does the queue stay as it is if it loses a consumer for a while? */
  #note(queue: string, { autoDelete = false, arguments: table }: QueueDeclareOptions): void {
    const given = table instanceof Map ? [...table.keys()] : Object.keys(table ?? {});
    const lasts = !autoDelete && !given.some((name) => TIED_TO_CONSUMERS.has(name));
    if (lasts) this.connection.lastingQueues.add(queue);
    else this.connection.lastingQueues.delete(queue);
    if (entryOf(table, 'x-queue-type') === 'stream') this.connection.streams.add(queue);
    else this.connection.streams.delete(queue);
  }

  /** Is it a stream that a consumer reads? Known of those declared here, or read from an offset. @internal */
  protected isStream({ queue = '', arguments: table }: Input<'basic.consume'>): boolean {
    return this.connection.streams.has(queue) || entryOf(table, 'x-stream-offset') !== undefined;
  }

  /**
   * Route messages from an exchange to a queue. Blocks for a round trip unless `noWait`.
   * @throws {NotFoundError} 404, queue or exchange is missing
   * @see AMQP 0-9-1 §1.7.2.3 (queue.bind)
   */
  queueBind(queue: string, exchange: string, options: QueueBindOptions = {}): void {
    checkOptions('queueBind', options, NAMES.queueBind);
    checkString(queue, 'queue');
    checkString(exchange, 'exchange');
    this.call('queue.bind', { ...options, ...this.#source(queue, options), exchange }, options, exchange);
  }

  /** Undo `queueBind` with the same arguments. Blocks for a round trip. @see AMQP 0-9-1 §1.7.2.5 */
  queueUnbind(queue: string, exchange: string, options: QueueUnbindOptions = {}): void {
    checkOptions('queueUnbind', options, NAMES.queueUnbind);
    checkString(queue, 'queue');
    checkString(exchange, 'exchange');
    this.call('queue.unbind', { ...options, ...this.#source(queue, options), exchange }, options, exchange);
  }

  /**
   * Remove all messages that are not waiting for an ack. Blocks for a round trip unless `noWait`.
   * @returns how many there were (0 with `noWait`)
   * @see AMQP 0-9-1 §1.7.2.7 (queue.purge)
   */
  queuePurge(queue = '', options: QueuePurgeOptions = {}): number {
    checkOptions('queuePurge', options, NAMES.queuePurge);
    const answer = this.call('queue.purge', { ...options, queue: this.queueNamed(queue) }, options, queue);
    return (answer?.args as Args<'queue.purge-ok'> | undefined)?.messageCount ?? 0;
  }

  /**
   * Delete a queue with its messages; deleting a missing one succeeds. Blocks for a round trip unless `noWait`.
   * @returns how many messages went with it (0 with `noWait`)
   * @throws {PreconditionFailedError} 406, `ifUnused` and it has consumers, or `ifEmpty` and it has messages
   * @see AMQP 0-9-1 §1.7.2.9 (queue.delete)
   */
  queueDelete(queue = '', options: QueueDeleteOptions = {}): number {
    checkOptions('queueDelete', options, NAMES.queueDelete);
    this.connection.lastingQueues.delete(this.queueNamed(queue));
    const answer = this.call('queue.delete', { ...options, queue: this.queueNamed(queue) }, options, queue);
    return (answer?.args as Args<'queue.delete-ok'> | undefined)?.messageCount ?? 0;
  }
}

function entryOf(table: Input<'basic.consume'>['arguments'], name: string): unknown {
  return table instanceof Map ? table.get(name) : (table as Record<string, unknown> | undefined)?.[name];
}
