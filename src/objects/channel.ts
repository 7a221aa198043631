import { wrongType } from '../caller';
import { Channel as ClientChannel } from '../client/channel';
import {
  type CallOptions,
  checkFunction,
  checkGiven,
  checkKind,
  checkOptions,
  checkShortstr,
  optionNames,
} from '../client/checks';
import type { QosOptions } from '../client/consume-options';
import { WrongStateError } from '../errors';
import { ExchangeType } from '../protocol/constants';
import type { TableInput } from '../protocol/field-table';
import { typeName } from '../protocol/wire';
import { AMQPLIB_CHANNEL, explainAmqplib } from './amqplib-names';
import { argumentsOf, QUEUE_ARGUMENTS, type QueueType } from './arguments';
import type { Connection } from './connection';
import { Exchange, type ExchangeOptions } from './exchange';
import { nameOf } from './names';
import { QUEUE_OPTIONS, Queue, type QueueOptions } from './queue';
import { Transaction } from './transaction';

export type GetOptions = CallOptions & {
  /** Ask the broker whether it is there; default true. */
  ensure?: boolean | undefined;
};

const NAMES = {
  get: new Set(['ensure', 'timeout']),
  exchange: new Set([
    ...['passive', 'durable', 'autoDelete', 'internal', 'arguments', 'timeout'],
    ...['alternateExchange', 'delayed'],
  ]),
  qos: optionNames('basic.qos', []),
};

const EXCHANGE_ARGUMENTS = { alternateExchange: ['alternate-exchange', nameOf] } as const;

/**
 * A channel: AMQP's verbs, each blocking until the broker has answered unless it says otherwise, and on top of
 * them queues, exchanges and transactions as objects.
 *
 * Every call throws TypeError or RangeError for a wrong argument before anything is sent, TimeoutError
 * when `timeout` milliseconds pass (default: the connection's `callTimeout`), a ChannelClosedError (by
 * reply code: NotFoundError, PreconditionFailedError, …) when the broker closes the channel for it, a
 * ConnectionClosedError when the connection ends, and WrongStateError on a channel that is closed.
 */
export class Channel extends ClientChannel {
  declare readonly connection: Connection;
  #defaultExchange: Exchange | undefined;
  #transaction: Transaction | undefined;
  /** It was `transaction` that made the channel transactional, not the caller. */
  #isManaged = false;

  // ── queues and exchanges ────────────────────────────────────────────────────────────────────────────

  /**
   * Declare a queue: one with a name is durable, one without (the broker makes a name) is exclusive and
   * autoDelete, unless you say otherwise. Blocks for a round trip.
   * @throws {PreconditionFailedError} 406, it exists with other arguments: `argument`, `wanted` and `got` say which
   * @throws {ResourceLockedError} 405, exclusive to another connection
   * @throws {NotFoundError} 404, `passive` and missing
   * @see AMQP 0-9-1 §1.7.2.1 (queue.declare)
   *
   *     const orders = channel.declareQueue('orders', { type: 'quorum', deadLetterExchange: 'dead' });
   *     const replies = channel.declareQueue();
   */
  declareQueue(name = '', options: QueueOptions = {}): Queue {
    checkOptions('declareQueue', options, QUEUE_OPTIONS);
    checkShortstr(name, 'name');
    checkGiven(options, 'type');
    const { passive, timeout } = options;
    if (passive && name === '') throw wrongType('declareQueue: passive needs a name');
    if (passive) return this.getQueue(name, { timeout });
    const type = options.type ?? typeIn(options.arguments);
    const table = argumentsOf('declareQueue', options, QUEUE_ARGUMENTS, type);
    const isTemporary = name === '';
    const { exclusive = isTemporary, autoDelete = isTemporary } = options;
    // RabbitMQ 4.3 refuses what is neither durable nor exclusive
    const { durable = !isTemporary || !exclusive } = options;
    const flags = { durable, exclusive, autoDelete };
    if (type === 'quorum' || type === 'stream') refuseFleeting(type, name, flags);
    const { queue } = this.queueDeclare(name, { ...flags, arguments: table, timeout });
    return new Queue(this, queue, { ...flags, type, arguments: table });
  }

  /**
   * A queue that somebody else has declared. Blocks for a round trip, to see that it is there; with
   * `ensure: false` it does not.
   * @throws {NotFoundError} 404, no such queue; the channel is closed
   *
   *     const tasks = channel.getQueue('tasks'); // NotFoundError if nobody declared it
   *     for (const message of tasks) message.process(work);
   */
  getQueue(name: string, options: GetOptions = {}): Queue {
    checkOptions('getQueue', options, NAMES.get);
    if (checkShortstr(name, 'name') === '') throw wrongType('getQueue: name must not be empty');
    const { ensure = true, timeout } = options;
    if (ensure) this.queueDeclare(name, { passive: true, timeout });
    return new Queue(this, name);
  }

  /**
   * Declare an exchange; it is durable unless you say otherwise, as queues with a name are. Blocks for a
   * round trip.
   * @throws {PreconditionFailedError} 406, it exists with other arguments: `argument`, `wanted` and `got` say which
   * @throws {CommandInvalidError} 503, no such type, and the connection is closed; RabbitMQ 4 closes the channel only,
   *   with PreconditionFailedError 406
   * @see AMQP 0-9-1 §1.6.2.1 (exchange.declare)
   *
   *     const shop = channel.declareExchange('shop', 'topic', { alternateExchange: 'unrouted' });
   *     const later = channel.declareExchange('later', 'direct', { delayed: true });
   */
  declareExchange(
    name: string,
    ...given: [type?: ExchangeType | (string & {}), options?: ExchangeOptions]
  ): Exchange {
    const [type, options = {}] = given.length === 0 ? [ExchangeType.Direct] : given;
    checkOptions('declareExchange', options, NAMES.exchange);
    checkShortstr(name, 'name');
    checkKind(type, 'type', ExchangeType.Direct);
    const {
      passive,
      timeout,
      delayed = false,
      durable = true,
      autoDelete = false,
      internal = false,
    } = options;
    if (passive) return this.getExchange(name, { timeout });
    const table = argumentsOf('declareExchange', options, EXCHANGE_ARGUMENTS, undefined);
    if (delayed) table['x-delayed-type'] = type;
    const flags = { durable, autoDelete, internal };
    const onWire = delayed ? ExchangeType.XDelayedMessage : type;
    this.exchangeDeclare(name, onWire, { ...flags, arguments: table, timeout });
    const isDelayed = onWire === ExchangeType.XDelayedMessage;
    return new Exchange(this, name, { ...flags, type, delayed: isDelayed, arguments: table });
  }

  /**
   * An exchange that somebody else has declared. Blocks for a round trip, to see that it is there; with
   * `ensure: false` it does not.
   * @throws {NotFoundError} 404, no such exchange; the channel is closed
   *
   *     const shop = channel.getExchange('shop');
   *     shop.publish('an order', 'order.created');
   */
  getExchange(name: string, options: GetOptions = {}): Exchange {
    checkOptions('getExchange', options, NAMES.get);
    if (checkShortstr(name, 'name') === '') return this.defaultExchange;
    const { ensure = true, timeout } = options;
    if (ensure) this.exchangeDeclare(name, ExchangeType.Direct, { passive: true, timeout });
    return new Exchange(this, name);
  }

  /**
   * Routes to the queue whose name is the routing key. @see AMQP 0-9-1 §3.1.3.1
   *
   *     const { defaultExchange } = channel;
   *     defaultExchange.publish('a task', 'tasks');
   */
  get defaultExchange(): Exchange {
    this.#defaultExchange ??= new Exchange(this, '', {
      type: ExchangeType.Direct,
      durable: true,
      delayed: false,
    });
    return this.#defaultExchange;
  }

  /**
   * Limit how many unsettled messages the broker sends ahead to each consumer that starts after this. Blocks
   * for a round trip. It is `basicQos` by another name.
   *
   *     channel.setQos({ prefetchCount: 1 }); // one after the other, to whoever is free
   */
  setQos(options: QosOptions): void {
    checkOptions('setQos', options, NAMES.qos);
    this.basicQos(options);
  }

  // ── transactions ────────────────────────────────────────────────────────────────────────────────────

  /**
   * Run `fn` in a transaction: commit when it returns, roll back when it throws. Without `fn`, begin one to be
   * committed by hand; at the end of a `using` block it is rolled back if it was not. Blocks.
   *
   * It makes the channel transactional for good: what is settled between two transactions belongs to the next
   * one. Mandatory messages that come back do so at the commit, to `onReturn` or `returnedMessages`.
   * @throws {TypeError} when `fn` returns a promise; rolled back
   * @throws {WrongStateError} the channel is in confirm mode, or in a transaction already
   * @see AMQP 0-9-1 §1.9 (tx)
   *
   *     channel.transaction(() => { queue.publish(result); message.ack(); });
   */
  override transaction<T>(fn: (transaction: Transaction) => T): T;
  override transaction(): Transaction;
  override transaction<T>(...given: [fn?: (transaction: Transaction) => T]): T | Transaction {
    const [fn] = given;
    // a function that is missing by mistake must not leave a transaction open
    if (given.length > 0) checkFunction(fn, 'fn');
    const transaction = this.#begin();
    return fn === undefined ? transaction : transaction.run(fn);
  }

  #begin(): Transaction {
    if (this.#transaction?.state === 'started') {
      throw new WrongStateError(`transaction: channel ${this.id} is in one already; open another channel`, {
        code: 'NESTED_TRANSACTION',
      });
    }
    if (this.mode !== 'tx') {
      this.txSelect();
      this.#isManaged = true;
    }
    this.#transaction = new Transaction(this);
    return this.#transaction;
  }

  // ── below the objects ───────────────────────────────────────────────────────────────────────────────

  /** Let a publish be safe when it returns, or with the commit. @throws {WrongStateError} @internal */
  ready(timeout: number | undefined): void {
    if (this.mode === 'none') this.confirmSelect({ timeout });
    if (this.mode !== 'tx' || !this.#isManaged || this.#transaction?.state === 'started') return;
    throw new WrongStateError(
      `publish: channel ${this.id} is transactional and in no transaction, so it would wait for the next one; publish inside transaction(), or on another channel`,
      { code: 'NO_TRANSACTION' },
    );
  }

  /** @internal */
  protected override renew(): void {
    super.renew();
    this.#transaction = undefined;
    this.#isManaged = false;
  }
}

explainAmqplib(Channel.prototype, 'channel', AMQPLIB_CHANNEL);

/** @throws {TypeError} it is something else, a connection for one */
export function checkChannel(value: unknown, what: string): void {
  if (value instanceof Channel) return;
  throw wrongType(
    `${what}: channel must be a Channel, as connection.channel() gives, got ${typeName(value)}`,
  );
}

/** RabbitMQ says so, too, but not so clearly. @throws {TypeError} */
function refuseFleeting(
  type: string,
  name: string,
  flags: { durable: boolean; exclusive: boolean; autoDelete: boolean },
): void {
  if (name === '') throw wrongType(`declareQueue: a ${type} queue needs a name`);
  const { durable, exclusive, autoDelete } = flags;
  if (durable && !exclusive && !autoDelete) return;
  const what = durable ? (exclusive ? 'exclusive' : 'autoDelete') : 'transient';
  throw wrongType(`declareQueue: a ${type} queue is durable and shared, it cannot be ${what}`);
}

/** The type that plain arguments give. */
function typeIn(table: TableInput = {}): QueueType | undefined {
  const type = Object.fromEntries(table instanceof Map ? table : Object.entries(table))['x-queue-type'];
  return typeof type === 'string' ? (type as QueueType) : undefined;
}
