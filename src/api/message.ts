import { wrongType } from '../caller';
import { inVain, refusePromiseFor } from '../client/callbacks';
import { type BodyInput, bodyBytes, IS_MESSAGE, withEncoding } from '../client/channel/content';
import { CONSUMER, type Consumer, GIVE_BACK, STREAM_OFFSET } from '../client/channel/delivery';
import { OPERATION } from '../client/diagnostics';
import { DISPATCH } from '../client/dispatcher';
import { checkBoolean, checkFunction, checkOptions } from '../client/options/checks';
import type { MessageProperties } from '../client/options/conversions';
import type { AckOptions, NackOptions, RejectOptions } from '../client/options/verb-options';
import { AlreadySettledError, StaleDeliveryError, WrongStateError } from '../errors';
import { type TypedTable, typedTable } from '../protocol/field-table';
import type { Properties } from '../protocol/properties';
import { typeName } from '../protocol/wire';
import { shortened, showAs } from '../shown';
import type { Channel } from './channel';
import { PARTS } from './internals';

export type { BodyInput } from '../client/channel/content';

/** @throws {TypeError} it cannot be written as JSON */
export function jsonText(value: unknown, verb: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw wrongType(`${verb}: it cannot be written as JSON: ${(cause as Error).message}`, { cause });
  }
  if (text === undefined) throw wrongType(`${verb}: ${typeName(value)} cannot be written as JSON`);
  return text;
}

/**
 * A body with its properties. A string body sets `contentEncoding` to `utf-8` unless it is given. `expiration`
 * and `timestamp` may be durations and moments: what is sent is counted from when the message is published.
 * @example
 * channel.basicPublish(new Message('hello', { deliveryMode: 2 }), { routingKey: 'greetings' });
 * new Message(JSON.stringify(order), { contentType: 'application/json' }).json.id;
 */
export class Message<P extends MessageProperties = MessageProperties> {
  /** The bytes; of `new Message(bytes)` a view of them, which are taken when it is published. */
  readonly body: Buffer;
  /** What it says about itself; of a message that came, those that were set. */
  readonly properties: P;

  /** `body` is text, sent as UTF-8, or bytes. Does not block. */
  constructor(body: BodyInput, properties?: P) {
    const bytes = bodyBytes(body);
    if (properties !== undefined && (typeof properties !== 'object' || properties === null)) {
      throw wrongType(`properties must be an object, got ${typeName(properties)}`);
    }
    // a view, not a copy: the bytes are taken when the message is published
    this.body = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.properties = withEncoding(body, properties ?? ({} as P));
  }

  /**
   * A message whose body is `value` as JSON; its contentType says so. Does not block.
   * @throws {TypeError} it cannot be written as JSON
   * @example
   * exchange.publish(Message.json({ id: 1 }), 'orders');
   * for (const message of queue) message.process(() => ship(message.json));
   */
  static json(value: unknown, properties: MessageProperties = {}): Message {
    if (typeof properties !== 'object' || properties === null)
      throw wrongType(`Message.json: properties must be an object, got ${typeName(properties)}`);
    return new Message(jsonText(value, 'Message.json'), { contentType: 'application/json', ...properties });
  }

  /** @internal */
  get [IS_MESSAGE](): true {
    return true;
  }

  /** The body as UTF-8 text. */
  get text(): string {
    return this.body.toString('utf8');
  }

  /** The body parsed as JSON, anew each time; `parse` gives it a type. @throws {SyntaxError} when it is not JSON */
  // biome-ignore lint/suspicious/noExplicitAny: as JSON.parse has it
  get json(): any {
    return JSON.parse(this.text);
  }

  /**
   * `json` with a type: the body parsed as JSON, anew each time. TypeScript takes your word for `T`, nothing is
   * checked; without it the value is `unknown`. Does not block.
   * @throws {SyntaxError} when it is not JSON
   * @example
   * const { id } = message.parse<{ id: number }>(); // in JavaScript: message.json
   */
  parse<T = unknown>(): T {
    return this.json as T;
  }

  /** What it is, as a plain object for a log: the properties that are set, and the size of the body. */
  info(): Record<string, unknown> {
    return { bodySize: this.body.length, ...(this.properties as object) };
  }

  /**
   * A message to be published: the same body (its bytes are shared) and the same properties but for `changes`;
   * those that are undefined there it has not.
   * @example
   * exchange.publish(message.copy({ priority: 5, expiration: undefined }), 'again');
   */
  copy(changes: MessageProperties = {}): Message {
    const properties: MessageProperties = { ...this.properties, ...changes };
    for (const [name, value] of Object.entries(properties))
      if (value === undefined) delete properties[name as keyof MessageProperties];
    return new Message(this.body, properties);
  }

  /**
   * Make the properties read-only (what is in `headers` stays as it is). An exchange does that with what it
   * has published; `copy` is the way to go on from there. The object they were made from is left alone.
   */
  lock(): void {
    if (!this.isLocked) (this as { properties: P }).properties = Object.freeze({ ...this.properties });
  }

  /** After `lock`, or once it was published by an exchange: strict code that sets a property gets a TypeError. */
  get isLocked(): boolean {
    return Object.isFrozen(this.properties);
  }
}

showAs(Message, (message) => ({ body: shortened(message.body), ...message.info() }));

/**
 * A mandatory message that came back, with the broker's reason.
 * @see AMQP 0-9-1 §1.8.3.8 (basic.return)
 * @example
 * channel.onReturn = (message) => console.log(message.replyText, message.routingKey, message.text);
 */
export class ReturnedMessage extends Message<Properties> {
  /** Made for what comes back. */
  constructor(
    /** The channel it came back on. */
    readonly channel: Channel,
    /** Why, as AMQP counts it: 312 NO_ROUTE. */
    readonly replyCode: number,
    /** Why, in the broker's words: `NO_ROUTE`. */
    readonly replyText: string,
    /** The exchange it was published to. */
    readonly exchange: string,
    /** The routing key it was published with. */
    readonly routingKey: string,
    body: Buffer,
    properties: Properties,
  ) {
    super(body, properties);
  }

  /** `Message.info`, and where it was published and why it came back. */
  override info(): Record<string, unknown> {
    const { exchange, routingKey, replyCode, replyText } = this;
    return { ...super.info(), exchange, routingKey, replyCode, replyText };
  }
}

const NO_OPTIONS: ProcessOptions = {};
const PROCESS_OPTIONS = new Set(['requeue', 'rejectOnRedelivered', 'ignoreProcessed']);

/** Options of `IncomingMessage.process`, with aio-pika's meaning. */
export interface ProcessOptions {
  /** Where a throw sends the message: back to the queue, or (default) rejected. */
  requeue?: boolean | undefined;
  /** Reject a message that failed before (`redelivered`) even if `requeue` is set. */
  rejectOnRedelivered?: boolean | undefined;
  /** `fn` may have settled the message itself. */
  ignoreProcessed?: boolean | undefined;
}

/**
 * A message from a queue. It must be settled exactly once, unless it was taken with `noAck`; with `using`
 * it goes back to the queue if it was not.
 * @example
 * for (const message of channel.consume('tasks', { timeout: 1000 })) {
 *   console.log(message.routingKey, message.text, message.properties.headers);
 *   message.ack();
 * }
 */
export class IncomingMessage extends Message<Properties> {
  readonly #consumer: Consumer | undefined;
  readonly #opening: number | undefined;

  /** Made for what comes; a test may make one, on a stand-in for a channel. */
  constructor(
    /** The channel it came by, which alone can settle it. */
    readonly channel: Channel,
    consumer:
      | {
          /** The consumer tag. */
          readonly tag: string;
        }
      | undefined,
    /** Its number on that channel, by which it is settled: 1, 2, 3 … */
    readonly deliveryTag: number,
    /** The broker has sent it before, to somebody who did not settle it. */
    readonly redelivered: boolean,
    /** The exchange it was published to; '' is the default exchange. */
    readonly exchange: string,
    /** The routing key it was published with. */
    readonly routingKey: string,
    /** Messages left in the queue; only from `basicGet`. */
    readonly messageCount: number | undefined,
    /** It needs no ack: the broker has forgotten it. */
    readonly noAck: boolean,
    body: Buffer,
    properties: Properties,
  ) {
    super(body, properties);
    this.#consumer = consumer as Consumer | undefined;
    this.#opening = this.#openings;
  }

  /** How often its channel was opened; undefined for a stand-in that a test has made. */
  get #openings(): number | undefined {
    return this.channel[PARTS]?.session.openings;
  }

  /** The tag of the consumer it came through; undefined from `basicGet`. */
  get consumerTag(): string | undefined {
    return this.#consumer?.tag;
  }

  /** The headers with the wire type of every value; undefined without headers, or once they were replaced. */
  get typedHeaders(): TypedTable | undefined {
    const { headers } = this.properties;
    return headers === undefined ? undefined : typedTable(headers);
  }

  /** `Message.info`, and how it came: exchange, routing key, tags, `redelivered`. */
  override info(): Record<string, unknown> {
    const { exchange, routingKey, consumerTag, deliveryTag, redelivered } = this;
    return { ...super.info(), exchange, routingKey, consumerTag, deliveryTag, redelivered };
  }

  /** Whether it was acked, nacked or rejected, or needs nothing of it (`noAck`). */
  get isSettled(): boolean {
    return this.noAck || this.#opening !== this.#openings || !this.channel.isUnsettled(this.deliveryTag);
  }

  /**
   * Take responsibility: the broker forgets the message. Does not block.
   * @throws {AlreadySettledError} when it was settled before or needs no ack; the channel lives
   * @throws {StaleDeliveryError} when the channel has been reopened since. After a recovery of the connection there
   *   is nothing to be done either, but that is an error with `recovery.staleDeliveries: 'error'` only
   * @example
   * const message = channel.basicGet('tasks');
   * if (message) { work(message); message.ack(); }
   */
  ack(options?: AckOptions): void {
    this.#checkSettleable('ack');
    this.channel.basicAck(this.deliveryTag, options);
  }

  /**
   * Give it back (`requeue`, default true) or away. Does not block. Throws like `ack`.
   * @example
   * message.nack(); // somebody else shall have it
   */
  nack(options: NackOptions = {}): void {
    this.#checkSettleable('nack');
    this.channel.basicNack(this.deliveryTag, options);
  }

  /**
   * Give it away (dead letters), or back with `requeue: true`. Does not block. Throws like `ack`.
   * @example
   * message.reject(); // to the dead letters
   */
  reject(options: RejectOptions = {}): void {
    this.#checkSettleable('reject');
    this.channel.basicReject(this.deliveryTag, options);
  }

  /**
   * Run `fn`: ack when it returns, reject when it throws (and throw on). Does not block but for what `fn` does.
   * @throws {AlreadySettledError} `fn` has settled it, without `ignoreProcessed`
   * @throws {TypeError} `fn` returns a promise; the message is requeued, whatever the options say
   * @example
   * message.process(() => work(message.json), { requeue: true, rejectOnRedelivered: true });
   */
  process<T>(fn: (message: this) => T, options: ProcessOptions = NO_OPTIONS): T {
    checkFunction(fn, 'process: fn');
    if (options !== NO_OPTIONS) checkOptions('process', options, PROCESS_OPTIONS);
    checkBoolean(options.requeue, 'requeue');
    checkBoolean(options.rejectOnRedelivered, 'rejectOnRedelivered');
    checkBoolean(options.ignoreProcessed, 'ignoreProcessed');
    if (!OPERATION.process.isTraced) return this.#process(fn, options);
    const { channel } = this;
    const facts = { connection: channel.connection, channel, message: this };
    return OPERATION.process.trace(facts, () => this.#process(fn, options));
  }

  #process<T>(fn: (message: this) => T, options: ProcessOptions): T {
    const { requeue = false, rejectOnRedelivered = false, ignoreProcessed = false } = options;
    let result: T;
    try {
      result = fn(this);
    } catch (error) {
      // what went wrong in `fn` is what the caller has to hear, even if `fn` has settled the message before
      inVain(() => giveUp(this, requeue && !(rejectOnRedelivered && this.redelivered)));
      throw error;
    }
    refusePromiseFor(this, result, 'process');
    if (!(ignoreProcessed && this.isSettled)) this.ack();
    return result;
  }

  #checkSettleable(verb: string): void {
    if (verb !== 'ack' && isOfStream(this)) {
      throw new WrongStateError(
        `cannot ${verb} message ${this.deliveryTag}: it is of a stream, which keeps its messages; ack it`,
        { code: 'STREAM' },
      );
    }
    if (this.noAck) {
      throw new AlreadySettledError(`cannot ${verb} message ${this.deliveryTag}: it was taken with noAck`, {
        code: 'NO_ACK',
      });
    }
    if (this.#opening !== this.#openings) {
      throw new StaleDeliveryError(
        `cannot ${verb} message ${this.deliveryTag}: channel ${this.channel.id} was reopened since; the broker delivers it again`,
      );
    }
  }

  /** @internal */
  get [CONSUMER](): Consumer | undefined {
    return this.#consumer;
  }

  /** @internal */
  get [STREAM_OFFSET](): bigint | undefined {
    const offset = this.properties.headers?.['x-stream-offset'];
    return typeof offset === 'bigint' || Number.isSafeInteger(offset) ? BigInt(offset as number) : undefined;
  }

  /** @internal */
  [DISPATCH](): void {
    this.#consumer?.handle(this);
  }

  /** @internal */
  [GIVE_BACK](): void {
    settle(this, () => this.nack());
  }

  /** Requeues the message if nothing was decided about it. If that happens again and again, it waits for a while before. */
  [Symbol.dispose](): void {
    giveUp(this, true);
  }
}

/**
 * Whoever had the message could not deal with it: back to the queue, or away, if nothing was decided yet. It is rejected in
 * either case: RabbitMQ 4.3 counts that against the delivery limit of a quorum queue, and a nack it does not.
 */
export function giveUp(message: IncomingMessage, requeue: boolean): void {
  const reject = () => settle(message, () => message.reject({ requeue }));
  const isBack = requeue && !message.isSettled && !isOfStream(message);
  const pauses = isBack ? message.channel[PARTS]?.pauses : undefined;
  if (pauses === undefined) reject();
  else pauses.failed(message, reject);
}

/** Settle it, unless that is done. A stream keeps its messages and takes none back; there an ack only asks for more. */
function settle(message: IncomingMessage, how: () => void): void {
  if (message.isSettled || !message.channel.isOpen) return;
  if (isOfStream(message)) message.ack();
  else how();
}

/** A stream keeps it, whatever becomes of it here. */
export function isOfStream(message: IncomingMessage): boolean {
  return message[CONSUMER]?.isStream === true && message[STREAM_OFFSET] !== undefined;
}
