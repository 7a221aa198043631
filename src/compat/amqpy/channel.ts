import type { Channel as ClientChannel } from '../../api/channel';
import { PARTS, SESSION } from '../../api/internals';
import type { IncomingMessage, ReturnedMessage } from '../../api/message';
import { wrongType } from '../../caller';
import type { PublishOptions } from '../../client/options/publish-options';
import {
  type AmqpError,
  ChannelClosedError,
  type ConsumerCancelledError,
  UnroutableError,
} from '../../errors';
import type { TableInput } from '../../protocol/field-table';
import { showAs } from '../../shown';
import { COMPAT, COUNT, DIED, FORGET, OPEN, PUT, RECEIVED, REVIVE, SERVE, SETTLE } from '../internals';
import { type Args, KeyboardInterrupt, milliseconds, translating } from '../python';
import { checkCallbacks, naming } from './argument-errors';
import type { Connection } from './connection';
import {
  because,
  ConsumerCancelled,
  FrameSyntaxError,
  PreconditionFailed,
  RecoverableConnectionError,
} from './exceptions';
import { Message, outgoing, returned, unsendable } from './message';
import { ReturnedMessages } from './returned-messages';
import { CHANNEL } from './signatures';
import { Basic, type basic_return_t, queue_declare_ok_t } from './spec';
import { pythonic } from './translate';
import { closeReason, insist, leaveChannel, takeReturns, unbindLater } from './wire';

/** A channel's mode. */
type Mode = 0 | 1 | 2;
const MODES = { none: 0, tx: 1, confirm: 2 } as const;

/** Consumers that got a name here, of all channels. */
let unnamed = 0;

/**
 * A channel, open when it has been made: `conn.channel()`, or `new Channel(conn, 10)`.
 *
 * When the broker closes it, the call in progress throws (a ChannelError: NotFound, PreconditionFailed, …),
 * and by then it is open again with the same number, as new: no consumers, no prefetch, no mode. Once the
 * connection has ended, every call throws RecoverableConnectionError.
 * @example
 * const ch = conn.channel();
 * ch.queue_declare('tasks', { durable: true, auto_delete: false });
 * ch.basic_publish(new Message('hello'), { routing_key: 'tasks' });
 */
export class Channel {
  /** `mode` of a channel without transactions or confirms. */
  static readonly CH_MODE_NONE = 0;
  /** `mode` after `tx_select`. */
  static readonly CH_MODE_TX = 1;
  /** `mode` after `confirm_select`. */
  static readonly CH_MODE_CONFIRM = 2;
  /** `mode` of a channel without transactions or confirms. */
  readonly CH_MODE_NONE = 0;
  /** `mode` after `tx_select`. */
  readonly CH_MODE_TX = 1;
  /** `mode` after `confirm_select`. */
  readonly CH_MODE_CONFIRM = 2;

  /** Text for bodies whose encoding is known; may be changed at any time. */
  auto_decode: boolean;
  /** Mandatory messages that came back, oldest first. Without confirms, `conn.loop(0)` fetches them. */
  readonly returned_messages: ReturnedMessages;
  /** What is called with messages, by consumer tag; may be changed. */
  callbacks: Record<string, (msg: Message) => unknown> = Object.create(null);
  /** What is called when the broker ends a consumer, by consumer tag; may be changed. */
  cancel_callbacks: Record<string, (consumer_tag: string) => unknown> = Object.create(null);
  /** The tags of consumers without acknowledgements. */
  no_ack_consumers = new Set<string>();
  /** The connection that it was made on, open or not. */
  readonly #home: Connection;
  /** The channel of the blocking client. */
  readonly #core: ClientChannel;
  #isClosed = false;
  /** Whether basic.qos was sent: without it the client sets a prefetch, and amqpy has none. */
  #isLimited = false;

  /** Opens it: blocks for a round trip. @throws {AMQPConnectionError} the number is in use */
  constructor(...args: Args<typeof CHANNEL.__init__>) {
    const { connection, channel_id, auto_decode } = CHANNEL.__init__(args);
    if (typeof connection?.[OPEN] !== 'function') throw wrongType('connection must be a Connection');
    this.auto_decode = auto_decode;
    this.#home = connection;
    this.#core = connection[OPEN](this, channel_id);
    this.returned_messages = new ReturnedMessages({
      take: () => takeReturns(this.#core).map((message) => returned(message, this.auto_decode)),
      wait: (timeout) => this.#await(timeout),
    });
    this.#core.onReturn = (message) => this.returned_messages[PUT](returned(message, this.auto_decode));
  }

  /** The number of the channel. */
  get channel_id(): number {
    return this.#core.id;
  }

  /** The connection of the channel; null (typed as if it were not) once one of them is closed. */
  get connection(): Connection {
    return (this.is_open ? this.#home : null) as Connection;
  }

  /** Whether neither it nor its connection is closed, as far as is known. */
  get is_open(): boolean {
    return !this.#isClosed && this.#core.connection.isOpen;
  }

  /** False while the broker asks not to publish (channel.flow). */
  get active(): boolean {
    return this.#core[PARTS].publisher.isActive;
  }

  /** CH_MODE_NONE, CH_MODE_TX or CH_MODE_CONFIRM. */
  get mode(): Mode {
    return MODES[this.#core.mode];
  }

  /** Close it for good: the broker requeues what is unsettled. Blocks; does nothing when it is closed. */
  close(...args: Args<typeof CHANNEL.close>): void {
    const reason = naming(() => closeReason(CHANNEL.close(args)));
    if (!this.is_open) return;
    this.#isClosed = true;
    this.#renew();
    try {
      this.#run(() => leaveChannel(this.#core, reason));
    } finally {
      this.#home[FORGET](this, this.#core.id);
    }
  }

  /** `close`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  // ── exchanges ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Make an exchange if it is not there. Blocks unless `nowait`.
   * @throws {PreconditionFailed} it is another one
   * @throws {NotFound} `passive`, and it is not there
   * @throws {AccessRefused} the name is the broker's own
   * @see AMQP 0-9-1 §1.6.2.1 (exchange.declare)
   * @example
   * ch.exchange_declare('orders', 'topic', { durable: true, auto_delete: false });
   */
  exchange_declare(...args: Args<typeof CHANNEL.exchange_declare>): void {
    const { exchange, exch_type, passive, durable, ...rest } = CHANNEL.exchange_declare(args);
    const options = { passive, durable, autoDelete: rest.auto_delete, noWait: rest.nowait, ...table(rest) };
    this.#call((core) => core.exchangeDeclare(exchange, exch_type, options));
  }

  /**
   * Delete an exchange; a missing one is no error for RabbitMQ. Blocks unless `nowait`.
   * @throws {PreconditionFailed} `if_unused`, and it is in use
   * @throws {AccessRefused} it is the default exchange
   */
  exchange_delete(...args: Args<typeof CHANNEL.exchange_delete>): void {
    const { exchange, if_unused, nowait } = CHANNEL.exchange_delete(args);
    this.#call((core) => core.exchangeDelete(exchange, { ifUnused: if_unused, noWait: nowait }));
  }

  /** Let `dest_exch` have what `source_exch` routes there. Blocks unless `nowait`. */
  exchange_bind(...args: Args<typeof CHANNEL.exchange_bind>): void {
    const { dest_exch, source_exch, routing_key, ...rest } = CHANNEL.exchange_bind(args);
    const options = { routingKey: routing_key, noWait: rest.nowait, ...table(rest) };
    this.#call((core) => core.exchangeBind(dest_exch, source_exch, options));
  }

  /** Undo `exchange_bind` with the same arguments. Blocks unless `nowait`. */
  exchange_unbind(...args: Args<typeof CHANNEL.exchange_unbind>): void {
    const { dest_exch, source_exch, routing_key, ...rest } = CHANNEL.exchange_unbind(args);
    const options = { routingKey: routing_key, noWait: rest.nowait, ...table(rest) };
    this.#call((core) => core.exchangeUnbind(dest_exch, source_exch, options));
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
   * @example
   * ch.queue_declare('tasks', { durable: true, auto_delete: false });
   * ch.queue_declare('tasks', { passive: true }).message_count;
   */
  queue_declare(...args: Args<typeof CHANNEL.queue_declare>): queue_declare_ok_t {
    const { queue, passive, auto_delete, nowait, ...rest } = CHANNEL.queue_declare(args);
    let { durable, exclusive } = rest;
    if (!passive && !durable && !exclusive) {
      const { transient_queues } = this.#home[COMPAT];
      durable = transient_queues === 'durable';
      exclusive = transient_queues === 'exclusive';
    }
    const options = { passive, durable, exclusive, autoDelete: auto_delete, noWait: nowait, ...table(rest) };
    const ok = this.#call((core) => core.queueDeclare(queue, options));
    if (nowait) return null as never;
    return new queue_declare_ok_t(ok.queue, ok.messageCount, ok.consumerCount);
  }

  /**
   * Let a queue have what an exchange routes there. Blocks unless `nowait`.
   * @throws {NotFound} one of them is not there
   * @example
   * ch.queue_bind('tasks', 'orders', 'order.*');
   */
  queue_bind(...args: Args<typeof CHANNEL.queue_bind>): void {
    const { queue, exchange, routing_key, ...rest } = CHANNEL.queue_bind(args);
    const options = { routingKey: routing_key, noWait: rest.nowait, ...table(rest) };
    this.#call((core) => core.queueBind(queue, exchange, options));
  }

  /** Undo `queue_bind` with the same arguments. Blocks unless `nowait`. */
  queue_unbind(...args: Args<typeof CHANNEL.queue_unbind>): void {
    const { queue, exchange, routing_key, nowait, ...rest } = CHANNEL.queue_unbind(args);
    const options = { routingKey: routing_key, ...table(rest) };
    this.#call((core) => {
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
    const count = this.#call((core) => core.queueDelete(queue, options));
    return nowait ? (null as never) : count;
  }

  /** Delete the messages of a queue. Blocks unless `nowait`. @returns how many; null with `nowait` */
  queue_purge(...args: Args<typeof CHANNEL.queue_purge>): number {
    const { queue, nowait } = CHANNEL.queue_purge(args);
    const count = this.#call((core) => core.queuePurge(queue, { noWait: nowait }));
    return nowait ? (null as never) : count;
  }

  // ── messages out, and their settling ────────────────────────────────────────────────────────────────

  /**
   * Take one message, or null if there is none. Blocks for one round trip.
   * @throws {NotFound} no such queue
   * @see AMQP 0-9-1 §1.8.3.10 (basic.get)
   * @example
   * const msg = ch.basic_get('tasks');
   * if (msg !== null) { work(msg.body); msg.ack(); }
   */
  basic_get(...args: Args<typeof CHANNEL.basic_get>): Message | null {
    const { queue, no_ack } = CHANNEL.basic_get(args);
    const message = this.#call((core) => core.basicGet(queue, { noAck: no_ack }));
    return message && Message[RECEIVED](this, message);
  }

  /**
   * Start a consumer: `callback` gets its messages in `drain_events` and `loop`. Blocks unless `nowait`.
   * Without `basic_qos` the broker sends ahead as much as it has.
   * @returns the consumer tag
   * @throws {NotFound} no such queue
   * @throws {AccessRefused} somebody consumes, and one of the two is `exclusive`
   * @see AMQP 0-9-1 §1.8.3.3 (basic.consume)
   * @example
   * ch.basic_consume('tasks', { callback: (msg) => { work(msg.body); msg.ack(); } });
   * for (;;) conn.drain_events();
   */
  basic_consume(...args: Args<typeof CHANNEL.basic_consume>): string {
    const given = CHANNEL.basic_consume(args);
    const { queue, no_ack, exclusive, nowait, callback, on_cancel } = given;
    checkCallbacks({ callback, on_cancel });
    // a consumer without a name that nobody waits for would never be known
    const name = given.consumer_tag || (nowait ? `amqpy.${process.pid}.${++unnamed}` : '');
    const options = {
      consumerTag: name,
      noLocal: given.no_local,
      noAck: no_ack,
      exclusive,
      noWait: nowait,
      onCancel: (tag: string, error: ConsumerCancelledError) => this.#cancelled(tag, error),
      ...table(given),
    };
    return this.#call((core) => {
      if (!no_ack && !this.#isLimited) this.#limit(core, { prefetchCount: 0 });
      const tag = core.basicConsume(queue, (message) => this.#deliver(message), options);
      if (callback !== null) this.callbacks[tag] = callback;
      if (on_cancel !== null) this.cancel_callbacks[tag] = on_cancel;
      if (no_ack) this.no_ack_consumers.add(tag);
      return tag;
    });
  }

  #deliver(message: IncomingMessage): unknown {
    const callback = this.callbacks[message.consumerTag!];
    if (callback === undefined) return undefined;
    return this.#home[SERVE](() => callback(Message[RECEIVED](this, message)));
  }

  #cancelled(tag: string, error: ConsumerCancelledError): void {
    const on_cancel = this.cancel_callbacks[tag];
    this.#drop(tag);
    if (on_cancel !== undefined) return void this.#home[SERVE](() => on_cancel(tag));
    const text = `the broker ended consumer '${tag}'`;
    throw because(new ConsumerCancelled(text, Basic.Cancel, null, null, this.channel_id), error);
  }

  #drop(tag: string): void {
    delete this.callbacks[tag];
    delete this.cancel_callbacks[tag];
    this.no_ack_consumers.delete(tag);
  }

  /** End a consumer; what its callback has not had goes back. Blocks unless `nowait`. */
  basic_cancel(...args: Args<typeof CHANNEL.basic_cancel>): void {
    const { consumer_tag, nowait } = CHANNEL.basic_cancel(args);
    this.#call((core) => core.basicCancel(consumer_tag, { noWait: nowait }));
    this.#drop(consumer_tag);
  }

  /** Limit what the broker sends ahead, to the consumers that are started after this. Blocks. */
  basic_qos(...args: Args<typeof CHANNEL.basic_qos>): void {
    const { prefetch_size, prefetch_count, a_global } = CHANNEL.basic_qos(args);
    const limits = { prefetchSize: prefetch_size, prefetchCount: prefetch_count, global: a_global };
    this.#call((core) => this.#limit(core, limits));
  }

  #limit(core: ClientChannel, limits: Parameters<ClientChannel['basicQos']>[0]): void {
    core.basicQos(limits);
    this.#isLimited = true;
  }

  /**
   * Take responsibility for a message, or with `multiple` for all up to it. Does not block.
   * @throws {PreconditionFailed} it was settled before, or never came; the channel lives
   */
  basic_ack(...args: Args<typeof CHANNEL.basic_ack>): void {
    const { delivery_tag, multiple } = CHANNEL.basic_ack(args);
    this[SETTLE]((core) => core.basicAck(delivery_tag, { multiple }));
  }

  /** Give a message back (`requeue`), or away. Does not block. Throws like `basic_ack`. */
  basic_reject(...args: Args<typeof CHANNEL.basic_reject>): void {
    const { delivery_tag, requeue } = CHANNEL.basic_reject(args);
    this[SETTLE]((core) => core.basicReject(delivery_tag, { requeue }));
  }

  /** @internal */
  [SETTLE](settle: (core: ClientChannel) => void): void {
    try {
      this.#call(settle);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const { message } = error;
      throw because(new PreconditionFailed(message, Basic.Ack, null, null, this.channel_id), error);
    }
  }

  /**
   * Have everything unsettled delivered again. Blocks for a round trip.
   * @throws {AMQPNotImplementedError} RabbitMQ: `requeue` is false, which is the default; `hint` says what to do
   */
  basic_recover(...args: Args<typeof CHANNEL.basic_recover>): void {
    const requeue = this.#requeue(CHANNEL.basic_recover(args));
    this.#call((core) => core.basicRecover({ requeue }));
  }

  /** `basic_recover` without waiting. */
  basic_recover_async(...args: Args<typeof CHANNEL.basic_recover_async>): void {
    const requeue = this.#requeue(CHANNEL.basic_recover_async(args));
    this.#call((core) => core.basicRecoverAsync({ requeue }));
  }

  #requeue({ requeue }: { requeue: boolean }): boolean {
    return requeue || this.#home[COMPAT].recover === 'requeue';
  }

  // ── publishing, transactions ────────────────────────────────────────────────────────────────────────

  /**
   * Publish a message. In confirm mode it returns once the broker has taken responsibility; what no queue
   * took is in `returned_messages` by then. Otherwise it does not block.
   * @throws {FrameSyntaxError} something of it cannot be sent; the channel lives
   * @throws {MessageNacked} confirm mode: the broker refused it
   * @throws {Blocked} the broker takes no publishes, and `compat.call_timeout` has passed
   * @see AMQP 0-9-1 §1.8.3.7 (basic.publish)
   * @example
   * ch.basic_publish(new Message('hello', { delivery_mode: 2 }), { routing_key: 'tasks' });
   */
  basic_publish(...args: Args<typeof CHANNEL.basic_publish>): void {
    const { msg, exchange, routing_key, mandatory, immediate } = CHANNEL.basic_publish(args);
    if (!(msg instanceof Message)) throw wrongType('basic_publish: msg must be a Message');
    const { body, properties } = outgoing(msg);
    const isImmediate = immediate && this.#home[COMPAT].immediate !== 'ignore';
    const address = { exchange, routingKey: routing_key, mandatory, ...(isImmediate && { immediate }) };
    try {
      this.#call((core) => this.#publish(core, body, { ...properties, ...address }));
    } catch (error) {
      throw error instanceof TypeError || error instanceof RangeError ? unsendable(error) : error;
    }
  }

  #publish(core: ClientChannel, body: Uint8Array, options: PublishOptions): void {
    try {
      core.basicPublish(body, options);
    } catch (error) {
      if (!(error instanceof UnroutableError)) throw error;
      this.returned_messages[PUT](returned(error.returnedMessage as ReturnedMessage, this.auto_decode));
    }
  }

  /**
   * `basic_publish` in confirm mode, which is selected first if need be. Blocks until it is confirmed.
   * @example
   * ch.basic_publish_confirm(msg, { routing_key: 'tasks', mandatory: true });
   * if (!ch.returned_messages.empty()) console.log('nobody wants it');
   */
  basic_publish_confirm(...args: Args<typeof CHANNEL.basic_publish_confirm>): void {
    const given = CHANNEL.basic_publish_confirm(args);
    if (this.mode !== this.CH_MODE_CONFIRM) this.confirm_select();
    this.basic_publish(given);
  }

  /**
   * Have the broker confirm what is published from now on. Blocks unless `nowait`.
   * @throws {PreconditionFailed} in a transaction; the channel is as new then, and the next try succeeds
   */
  confirm_select(...args: Args<typeof CHANNEL.confirm_select>): void {
    const { nowait } = CHANNEL.confirm_select(args);
    this.#call((core) => {
      if (core.mode === 'tx') insist(core, 'confirm.select');
      else core.confirmSelect({ noWait: nowait });
    });
  }

  /**
   * Make what is published and acknowledged wait for `tx_commit`. Blocks.
   * @throws {PreconditionFailed} in confirm mode; the channel is as new then, and the next try succeeds
   * @example
   * ch.tx_select();
   * try { work(); ch.tx_commit(); } catch (e) { ch.tx_rollback(); throw e; }
   */
  tx_select(): void {
    this.#call((core) => (core.mode === 'confirm' ? insist(core, 'tx.select') : core.txSelect()));
  }

  /** Carry out what was published and acknowledged since the last time. Blocks until the broker has. */
  tx_commit(): void {
    this.#call((core) => (core.mode === 'tx' ? core.txCommit() : insist(core, 'tx.commit')));
  }

  /** Forget what was published and acknowledged since the last time. Blocks. */
  tx_rollback(): void {
    this.#call((core) => (core.mode === 'tx' ? core.txRollback() : insist(core, 'tx.rollback')));
  }

  /** Let the broker pause or go on delivering. Blocks. @returns what it does. RabbitMQ refuses false (540) */
  flow(...args: Args<typeof CHANNEL.flow>): boolean {
    const { active } = CHANNEL.flow(args);
    return this.#call((core) => core.flow(active));
  }

  // ── below the methods ───────────────────────────────────────────────────────────────────────────────

  /** Carry out a method on the channel beneath. */
  #call<T>(fn: (core: ClientChannel) => T): T {
    const core = this.#core;
    if (this.#isClosed)
      throw new RecoverableConnectionError('channel already closed', null, null, null, core.id);
    this.#home[COUNT](core);
    return this.#run(() => fn(core));
  }

  /** Consumers and prefetch end with the channel that is closed, whether or not it is opened again. */
  #renew(): void {
    this.callbacks = Object.create(null); // the names are the broker's
    this.cancel_callbacks = Object.create(null);
    this.no_ack_consumers = new Set();
    this.#isLimited = false;
  }

  /** Whether this error ended the channel. @internal */
  [DIED](error: AmqpError): boolean {
    return !this.#isClosed && !this.#core.isOpen && this.#core.lastError === error;
  }

  /** Open it again, as new. What the broker has against that is the next call's to tell. @internal */
  [REVIVE](): void {
    if (this.#core.isOpen) return;
    this.#renew();
    if (!this.is_open) return;
    try {
      translating(
        (error) => error,
        () => this.#core.reopen(),
      );
    } catch (error) {
      if (error instanceof KeyboardInterrupt) throw error;
    }
  }

  #run<T>(fn: () => T): T {
    const heal = (error: AmqpError) => {
      if (error instanceof ChannelClosedError) this[REVIVE]();
    };
    try {
      return pythonic(
        () => this.channel_id,
        heal,
        () => naming(fn),
      );
    } catch (error) {
      throw isUnsendable(error) ? because(new FrameSyntaxError(error.message), error) : error;
    }
  }

  /** Wait for messages that come back, while callbacks do not run. */
  #await(timeout: number | null): basic_return_t[] {
    const core = this.#core;
    const { events } = core.connection[SESSION];
    const deadline = events.eventDeadline(milliseconds(timeout, 'timeout'));
    return this.#run(() => {
      for (;;) {
        const messages = takeReturns(core);
        if (messages.length > 0 || !events.waitForAnother(deadline))
          return messages.map((message) => returned(message, this.auto_decode));
      }
    });
  }
}

showAs(Channel, ({ channel_id, is_open, mode }) => ({ channel: channel_id, is_open, mode }));

/** A table that holds what no table can, or a name that is too long for the wire. */
function isUnsendable(error: unknown): error is Error {
  if (!(error instanceof TypeError || error instanceof RangeError)) return false;
  return /^(the keys? .*of )?arguments\b|^\w+ is \d+ bytes long\b/.test(error.message);
}

/** The table of arguments, if one was given. */
export function table(given: { arguments: TableInput | null }): { arguments?: TableInput } {
  return given.arguments === null ? {} : { arguments: given.arguments };
}
