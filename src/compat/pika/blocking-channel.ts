import { PARTS } from '../../api/internals';
import { outOfRange } from '../../caller';
import { type Args, milliseconds, type Signature, signatures } from '../python';
import type { BasicProperties, Table } from './basic-properties';
import { MessagesChannel } from './channel-messages';
import { table } from './channel-topology';
import { type Consumed, delivered, Source, Subscriber } from './consumers';
import { ConsumerCancelled, DuplicateConsumerTag, ReentrancyError } from './exceptions';
import type { Method } from './frame';
import { Cancel, type Deliver } from './methods/basic';
import { callable, fitting } from './words';

/** Called with every message of a consumer; `method.delivery_tag` is what `basic_ack` wants. */
export type OnMessage = (
  channel: BlockingChannel,
  method: Deliver,
  properties: BasicProperties,
  body: Buffer,
) => unknown;

/** Called when the broker has ended a consumer; `frame.method.consumer_tag` says which. */
export type OnCancel = (frame: Method<Cancel>) => unknown;

/** The arguments, and what they mean. */
interface Words {
  /** The queue; '' is the one declared last. */
  queue: [queue: string];
  /** Runs for each message, from the functions that wait for events. */
  on_message_callback: [on_message_callback: OnMessage];
  /** The broker forgets a message when it has sent it. */
  auto_ack: [auto_ack: boolean];
  /** Nobody else may consume from the queue. */
  exclusive: [exclusive: boolean];
  /** The consumer's name on this channel; null: one is made. */
  consumer_tag: [consumer_tag: string | null];
  /** RabbitMQ's x-arguments. */
  arguments: [arguments: Table | null];
  /** Seconds without a message after which three times null is yielded; null: never. */
  inactivity_timeout: [inactivity_timeout: number | null];
  /** Runs when the broker has ended a consumer. */
  callback: [callback: OnCancel];
  /** For the broker's log. */
  reply_code: [reply_code: number];
  /** For the broker's log. */
  reply_text: [reply_text: string];
}

const CONSUME =
  'queue, auto_ack=False, exclusive=False, arguments=None, inactivity_timeout=None, consumer_tag=None';
const DEF = fitting(
  signatures<Words>()('BlockingChannel', {
    close: "reply_code=0, reply_text='Normal shutdown'",
    add_on_cancel_callback: 'callback',
    basic_consume:
      'queue, on_message_callback, auto_ack=False, exclusive=False, consumer_tag=None, arguments=None',
    basic_cancel: 'consumer_tag',
    stop_consuming: 'consumer_tag=None',
    consume: CONSUME,
  }),
);

/** Without a limit there is a message in every step. */
type Endless = Omit<Words, 'inactivity_timeout'> & { inactivity_timeout: [inactivity_timeout: null] };
type ConsumeForever = Args<Signature<Endless, typeof CONSUME>>;
type Wanted = ReturnType<typeof DEF.consume>;

/**
 * A channel. Calls block until the broker has answered. Callbacks run only in `start_consuming`, `consume`, and
 * the connection's `process_data_events` and `sleep`, never inside one another.
 *
 * Every call throws ChannelClosedByBroker when the broker closes the channel for it, an AMQPConnectionError when
 * the connection ends, ChannelWrongStateError on a closed channel, and TypeError or RangeError (Python's
 * ValueError) for a wrong argument.
 */
export class BlockingChannel extends MessagesChannel {
  readonly #consumers = new Map<string, Subscriber | Source>();
  #source: Source | undefined;
  readonly #onCancel: OnCancel[] = [];

  get is_open(): boolean {
    return this.connection.is_open && this.core.isOpen;
  }
  get is_closed(): boolean {
    return !this.is_open;
  }
  /** The tags of its consumers. */
  get consumer_tags(): string[] {
    return this.core.isOpen ? [...this.#consumers.keys()] : [];
  }

  /** Python's `int(channel)`: `Number(channel)`. */
  override valueOf(): number {
    return this.channel_number;
  }
  override toString(): string {
    return `<BlockingChannel ${this.channel_number}${this.is_open ? '' : ' (closed)'}>`;
  }

  /**
   * Close the channel, after its consumers. Blocks for a round trip for each.
   * @throws {ChannelWrongStateError} it is closed
   */
  close(...args: Args<typeof DEF.close>): void {
    const { reply_code, reply_text } = DEF.close(args);
    this.call(() => this.core[PARTS].session.checkOpen('channel.close'));
    try {
      this.#cancelAll();
      this.call(() => this.core.close({ replyCode: reply_code, replyText: reply_text }));
    } finally {
      this.forget();
    }
  }

  /** Closes it if it is open: `using channel = connection.channel()`. */
  [Symbol.dispose](): void {
    if (this.is_open) this.close();
  }

  /** It has ended: nothing is consumed any more. @internal */
  forget(): void {
    this.#consumers.clear();
    this.#source = undefined;
  }

  /** Have `callback(method_frame)` called when the broker ends a consumer of `basic_consume`. */
  add_on_cancel_callback(...args: Args<typeof DEF.add_on_cancel_callback>): void {
    const { callback } = DEF.add_on_cancel_callback(args);
    this.#onCancel.push(callable(callback, 'callback'));
  }

  // ── consuming with callbacks ────────────────────────────────────────────────────────────────────────

  /**
   * Start a consumer. Without `basic_qos` the broker sends all it has at once. Blocks for a round trip.
   * @returns the consumer tag
   * @throws {DuplicateConsumerTag} the channel has one with this tag
   *
   *     channel.basic_consume('tasks', (ch, method, properties, body) => {
   *       work(body.toString());
   *       ch.basic_ack(method.delivery_tag);
   *     });
   *     channel.start_consuming();
   */
  basic_consume(...args: Args<typeof DEF.basic_consume>): string {
    const { on_message_callback, auto_ack, ...rest } = DEF.basic_consume(args);
    const onMessage = callable(on_message_callback, 'on_message_callback');
    const consumer = new Subscriber(
      this.core[PARTS].consumers,
      auto_ack,
      (message) => onMessage(this, ...delivered(message)),
      (tag) => this.#cancelledByBroker(tag),
    );
    return this.#start(consumer, rest);
  }

  #start(
    consumer: Subscriber | Source,
    wanted: {
      queue: string;
      exclusive: boolean;
      consumer_tag: string | null;
      arguments: Table | null;
    },
  ): string {
    const { queue, exclusive, consumer_tag } = wanted;
    const tag = consumer_tag || this.#newTag();
    if (this.#consumers.has(tag)) throw new DuplicateConsumerTag(tag);
    const options = { consumerTag: tag, noAck: consumer.noAck, exclusive, ...table(wanted) };
    this.call(() => this.core[PARTS].consumers.start(queue, consumer, options));
    this.#consumers.set(tag, consumer);
    return tag;
  }

  #newTag(): string {
    return `ctag${this.channel_number}.${crypto.randomUUID().replaceAll('-', '')}`;
  }

  #cancelledByBroker(consumerTag: string): void {
    this.#consumers.delete(consumerTag);
    const frame = this.frame(new Cancel(consumerTag));
    for (const callback of this.#onCancel) callback(frame);
  }

  /**
   * End a consumer; an unknown one is no error, nor is one of a closed channel. What has come and was not handed over goes back to the queue.
   * Blocks for a round trip.
   * @returns with `auto_ack`, the messages that nobody has any more; else an empty array
   */
  basic_cancel(...args: Args<typeof DEF.basic_cancel>): [Deliver, BasicProperties, Buffer][] {
    const { consumer_tag } = DEF.basic_cancel(args);
    const consumer = this.#consumers.get(consumer_tag ?? '');
    if (consumer === undefined || !this.core.isOpen) return [];
    if (consumer instanceof Source) {
      this.cancel();
      return [];
    }
    consumer.over = true;
    try {
      this.call(() => this.core.basicCancel(consumer.tag));
    } finally {
      this.#consumers.delete(consumer.tag);
    }
    return [...consumer.waiting].map(delivered);
  }

  #cancelAll(): void {
    for (const tag of this.consumer_tags) this.basic_cancel(tag);
  }

  /**
   * Run callbacks until no consumer is left. Blocks.
   * @throws {ReentrancyError} in a callback
   * @throws {ChannelClosedByBroker} the channel has been closed
   * @throws {KeyboardInterrupt} Ctrl-C
   */
  start_consuming(): void {
    if (this.connection.isDispatching) {
      throw new ReentrancyError(
        'start_consuming may not be called from the scope of another BlockingConnection or BlockingChannel callback',
      );
    }
    this.call(() => this.core[PARTS].session.checkOpen('start_consuming'));
    while (this.#consumers.size > 0) {
      this.connection.process_data_events(null);
      if (this.#consumers.size > 0) this.#raiseIfClosed();
    }
  }

  /** Its end has been told to somebody already; this caller must learn of it, too. */
  #raiseIfClosed(): void {
    const { lastError } = this.core;
    if (lastError === undefined || this.core.isOpen) return;
    this.forget();
    this.call(() => {
      throw lastError;
    });
  }

  /** Cancel all consumers, or one: `start_consuming` returns. May be called in a callback. Blocks. */
  stop_consuming(...args: Args<typeof DEF.stop_consuming>): void {
    const { consumer_tag } = DEF.stop_consuming(args);
    if (consumer_tag) this.basic_cancel(consumer_tag);
    else this.#cancelAll();
  }

  // ── consuming with a loop ───────────────────────────────────────────────────────────────────────────

  /**
   * Loop over a queue. The consumer is started at the first step, and stays when the loop is left: the same call
   * goes on with it, `cancel` ends it. Blocks until there is a message, or for `inactivity_timeout` seconds.
   * @throws {RangeError} Python's ValueError: there is one with another queue, `auto_ack` or `exclusive`
   *
   *     for (const [method, properties, body] of channel.consume('tasks')) {
   *       channel.basic_ack(method.delivery_tag);
   *       if (method.delivery_tag === 10) break;
   *     }
   *     channel.cancel();
   */
  consume(...args: ConsumeForever): Generator<[Deliver, BasicProperties, Buffer], void, undefined>;
  consume(...args: Args<typeof DEF.consume>): Generator<Consumed, void, undefined>;
  consume(...args: Args<typeof DEF.consume>): Generator<Consumed, void, undefined> {
    return this.#messages(DEF.consume(args));
  }

  *#messages(wanted: Wanted): Generator<Consumed, void, undefined> {
    this.call(() => this.core[PARTS].session.checkOpen('basic.consume'));
    const source = this.#sourceOf(wanted);
    const timeout = milliseconds(wanted.inactivity_timeout, 'inactivity_timeout');
    while (this.#source === source) {
      const message = this.#take(source, timeout);
      if (message === undefined && this.#source !== source) return;
      yield message === undefined ? [null, null, null] : delivered(message);
    }
  }

  /** The consumer that is there, or a new one. */
  #sourceOf(wanted: Wanted): Source {
    const { queue, auto_ack, exclusive } = wanted;
    const triple = [queue, auto_ack, exclusive];
    const existing = this.#source;
    if (existing !== undefined) {
      if (triple.every((value, index) => value === existing.wanted[index])) return existing;
      throw outOfRange(
        `consume: the channel consumes with (queue, auto_ack, exclusive) = ${show(existing.wanted)}, not ${show(triple)}; call cancel first`,
      );
    }
    const source = new Source(this.core[PARTS].consumers, auto_ack, { timeout: Infinity, limit: Infinity });
    source.wanted = triple;
    this.#start(source, wanted);
    this.#source = source;
    return source;
  }

  /** The next message; undefined when there is none in time, or none to come. */
  #take(source: Source, timeout: number) {
    try {
      return this.call(() => source.take(timeout));
    } catch (error) {
      if (error instanceof ConsumerCancelled) return this.#leave(source);
      if (!this.core.isOpen) this.forget();
      throw error;
    }
  }

  #leave(source: Source): undefined {
    this.#consumers.delete(source.tag);
    this.#source = undefined;
  }

  /** How many messages `consume` would yield without waiting. */
  get_waiting_message_count(): number {
    return this.#source?.waiting ?? 0;
  }

  /**
   * End what `consume` has started; messages that were not yielded go back to the queue. Blocks for a round trip.
   * @returns 0, as pika does
   */
  cancel(): number {
    const source = this.#source;
    if (source === undefined) return 0;
    this.#leave(source);
    this.call(() => source.leave());
    return 0;
  }
}

function show(triple: readonly unknown[]): string {
  return `(${triple.map(String).join(', ')})`;
}
