import { wrongType } from '../caller';
import { bodyBytes } from '../client/channel/content';
import { checkBatch, checkMessages } from '../client/channel/publish-batch';
import {
  type CallOptions,
  checkGiven,
  checkOptions,
  checkString,
  checkTimeout,
  PUBLISH_OPTIONS,
} from '../client/options/checks';
import { type Duration, type MessageProperties, ttlMs, wireProperties } from '../client/options/conversions';
import type { BatchCounts, PublishResult, ResultReceiver } from '../client/options/publish-options';
import type { ExchangeDeclareOptions, ExchangeDeleteOptions } from '../client/options/verb-options';
import { clock } from '../clock';
import { DeliveryMode, type ExchangeType } from '../protocol/constants';
import type { TableInput, TableInputValue } from '../protocol/field-table';
import { showAs } from '../shown';
import type { Channel, Publishing } from './channel';
import { READY } from './internals';
import { type BodyInput, Message } from './message';
import { type ExchangeName, nameOf } from './names';

/** How to declare an exchange. */
export interface ExchangeOptions extends Omit<ExchangeDeclareOptions, 'noWait'> {
  /** Where messages go that no queue takes. @see https://www.rabbitmq.com/docs/ae */
  alternateExchange?: ExchangeName | undefined;
  /** Messages with a `delay` wait before they are routed. Needs the delayed message plugin of RabbitMQ. */
  delayed?: boolean | undefined;
}

/** What is known of an exchange; of one that was not declared here, little. */
export interface ExchangeTraits {
  /** `direct`, `fanout`, `topic`, `headers`, or a plugin's; of a delayed one, how it routes. */
  readonly type?: string | undefined;
  /** It survives a restart of the broker. */
  readonly durable?: boolean | undefined;
  /** Gone with its last binding. */
  readonly autoDelete?: boolean | undefined;
  /** Only exchanges publish to it. */
  readonly internal?: boolean | undefined;
  /** It keeps messages with a `delay`. */
  readonly delayed?: boolean | undefined;
  /** The arguments it was declared with, as they were sent. */
  readonly arguments?: Readonly<Record<string, TableInputValue>> | undefined;
}

/** How to publish; properties may stand here, too, and go before those of the message. */
export interface ExchangePublishOptions extends MessageProperties, CallOptions {
  /** A message that no queue takes is an UnroutableError; default true, with `delay` false. */
  mandatory?: boolean | undefined;
  /** False leaves waiting to `channel.waitForConfirms`; default true. */
  wait?: boolean | undefined;
  /** After a recovery, publish again what was not confirmed; see `basicPublish`. Default `recovery.republish`. */
  retry?: boolean | undefined;
  /** How long a delayed exchange keeps it: milliseconds or a duration. */
  delay?: Duration | undefined;
}

/** How to publish many: the properties are for those that have none of their own. */
export interface ExchangeBatchOptions extends Omit<ExchangePublishOptions, 'wait' | 'delay'> {
  /** Unconfirmed messages at most; default 1000. */
  window?: number | undefined;
}

/** Options of `bind` and `unbind`. */
export interface BindOptions extends CallOptions {
  /** What a headers exchange compares, for one. */
  arguments?: TableInput | undefined;
}

export const BIND_OPTIONS: ReadonlySet<string> = new Set(['arguments', 'timeout']);
const DELETE_OPTIONS = new Set(['ifUnused', 'timeout']);
const NAMES = new Set([...PUBLISH_OPTIONS, 'delay']);
for (const elsewhere of ['exchange', 'routingKey', 'immediate']) NAMES.delete(elsewhere);
const BATCH_NAMES = new Set([...NAMES, 'window', 'onResult']);
for (const single of ['wait', 'delay']) BATCH_NAMES.delete(single);

/**
 * An exchange: what one publishes to. From `channel.declareExchange`, `getExchange` or `defaultExchange`.
 * Its methods throw as the verbs of its channel do, see `Channel`.
 * @example
 * const shop = channel.declareExchange('shop', 'topic');
 * channel.declareQueue('mails').bind(shop, 'order.created');
 * shop.publish(Message.json({ id: 1 }), 'order.created');
 */
export class Exchange implements ExchangeTraits {
  /** How it routes; undefined: not declared here. */
  readonly type: ExchangeType | (string & {}) | undefined;
  /** It survives a restart of the broker; undefined: not declared here. */
  readonly durable: boolean | undefined;
  /** Gone with its last binding; undefined: not declared here. */
  readonly autoDelete: boolean | undefined;
  /** Only exchanges publish to it, and `publish` refuses; undefined: not declared here. */
  readonly internal: boolean | undefined;
  /** It keeps messages with a `delay`; undefined: not declared here. */
  readonly delayed: boolean | undefined;
  /** The arguments it was declared with, as they were sent; undefined: not declared here. */
  readonly arguments: Readonly<Record<string, TableInputValue>> | undefined;

  /** Use `channel.declareExchange` or `channel.getExchange`. */
  constructor(
    /** The channel its methods use. */
    readonly channel: Channel,
    /** '' is the default exchange. */
    readonly name: string,
    traits: ExchangeTraits = {},
  ) {
    this.type = traits.type;
    this.durable = traits.durable;
    this.autoDelete = traits.autoDelete;
    this.internal = traits.internal;
    this.delayed = traits.delayed;
    this.arguments = traits.arguments;
  }

  /**
   * Publish a message, persistent unless it says otherwise. Blocks until the broker has taken responsibility
   * for it, at most `timeout` ms (default: the connection's `callTimeout`), and locks the message.
   *
   * The first publish puts the channel in confirm mode. In a transaction it does not wait: the commit does.
   * @throws {UnroutableError} no queue took it; carries the message
   * @throws {NackError} the broker could not take it, for one because a queue is full
   * @throws {TimeoutError} `outcome` is `not-sent`, or `unknown` when only the confirm is missing
   * @throws {WrongStateError} after a `transaction` of this channel, outside of one
   * @see https://www.rabbitmq.com/docs/confirms
   * @example
   * const exchange = channel.declareExchange('shop', 'topic');
   * exchange.publish(Message.json({ id: 1 }), 'order.created', { expiration: { hours: 1 } });
   */
  publish(message: BodyInput | Message, routingKey = '', options: ExchangePublishOptions = {}): void {
    checkOptions('publish', options, NAMES);
    this.#checkAddress(routingKey);
    const { delay, wait, timeout, ...given } = options;
    if (timeout !== undefined) checkTimeout(timeout);
    const isMessage = message instanceof Message;
    if (!isMessage && typeof message !== 'string') bodyBytes(message);
    const own: MessageProperties = isMessage ? message.properties : {};
    checkGiven(own, 'deliveryMode');
    wireProperties(given); // wrong ones are refused before the channel is opened; times count from when it is sent, and sent again
    const properties: MessageProperties = given;
    properties.deliveryMode ??= own.deliveryMode ?? DeliveryMode.Persistent;
    if (delay !== undefined) properties.headers = this.#delayed(properties.headers ?? own.headers, delay);
    const began = clock.now();
    this.channel[READY](timeout);
    const left = timeout === undefined ? undefined : Math.max(0, timeout - (clock.now() - began));
    // such a plugin takes every message out of the ordinary way: to the broker it is one that no queue took
    const mandatory = options.mandatory ?? delay === undefined;
    const { name: exchange } = this;
    this.channel.basicPublish(message, {
      ...properties,
      exchange,
      routingKey,
      mandatory,
      wait,
      timeout: left,
    });
    if (isMessage) message.lock();
  }

  /**
   * Publish many messages, persistent and mandatory unless they say otherwise. Blocks until each is confirmed, at most
   * `timeout` ms altogether, with at most `window` unconfirmed ones, and locks the messages; never throws for one of
   * them. Puts the channel in confirm mode, as `publish` does.
   * @returns what became of each, in order; see `Channel.publishBatch` for where they end when no more can be sent, and for
   *   `onResult`
   * @throws {WrongStateError} the channel is transactional
   * @see https://www.rabbitmq.com/docs/confirms
   * @example
   * const results = shop.publishBatch(orders.map((order) => Message.json(order)), 'order.created', { window: 500 });
   * const lost = results.filter(({ status }) => status !== 'acked');
   */
  publishBatch(
    messages: Iterable<Publishing>,
    routingKey: string | undefined,
    options: ExchangeBatchOptions & ResultReceiver,
  ): BatchCounts;
  publishBatch(
    messages: Iterable<Publishing>,
    routingKey?: string,
    options?: ExchangeBatchOptions,
  ): PublishResult[];
  publishBatch(
    messages: Iterable<Publishing>,
    routingKey = '',
    options: ExchangeBatchOptions & Partial<ResultReceiver> = {},
  ): PublishResult[] | BatchCounts {
    checkOptions('publishBatch', options, BATCH_NAMES);
    this.#checkAddress(routingKey);
    checkMessages(messages);
    checkBatch(options);
    const { window, timeout, onResult, mandatory = true, ...given } = options;
    wireProperties(given); // as in publish
    const { deliveryMode = DeliveryMode.Persistent } = given;
    // beside a message the defaults of a batch would win over what it says itself
    const own = (item: Publishing): Publishing => {
      if (!(item instanceof Message)) return item;
      checkGiven(item.properties, 'deliveryMode');
      item.lock();
      return {
        body: item,
        deliveryMode: given.deliveryMode ?? item.properties.deliveryMode ?? deliveryMode,
      };
    };
    this.channel[READY](timeout);
    return this.channel.publishBatch(Array.isArray(messages) ? messages.map(own) : each(messages, own), {
      ...given,
      deliveryMode,
      exchange: this.name,
      routingKey,
      mandatory,
      window,
      timeout,
      ...(onResult !== undefined && { onResult }),
    });
  }

  #checkAddress(routingKey: string): void {
    checkString(routingKey, 'routingKey, the second argument,');
    if (this.internal) throw wrongType(`exchange "${this.name}" is internal: only exchanges publish to it`);
  }

  #delayed(headers: TableInput | undefined, delay: Duration): TableInput {
    if (this.delayed === false)
      throw wrongType(`delay: exchange "${this.name}" was declared without delayed: true`);
    const entries = headers instanceof Map ? headers : Object.entries(headers ?? {});
    return new Map<string, TableInputValue>([...entries, ['x-delay', ttlMs(delay, 'delay')]]);
  }

  /**
   * Receive from another exchange, too. Blocks for a round trip.
   * @returns this exchange
   * @throws {NotFoundError} 404, one of them is missing
   * @see https://www.rabbitmq.com/docs/e2e
   * @example
   * audit.bind(shop, 'order.#');
   */
  bind(source: ExchangeName, routingKey = '', options: BindOptions = {}): this {
    checkOptions('bind', options, BIND_OPTIONS);
    this.channel.exchangeBind(this.name, nameOf(source, 'source'), { ...options, routingKey });
    return this;
  }

  /**
   * Undo `bind` with the same arguments. Blocks for a round trip.
   * @returns this exchange
   * @example
   * audit.bind(shop, 'order.#');
   * audit.unbind(shop, 'order.#');
   */
  unbind(source: ExchangeName, routingKey = '', options: BindOptions = {}): this {
    checkOptions('unbind', options, BIND_OPTIONS);
    this.channel.exchangeUnbind(this.name, nameOf(source, 'source'), { ...options, routingKey });
    return this;
  }

  /**
   * Delete it; deleting a missing one succeeds. Blocks for a round trip.
   * @throws {PreconditionFailedError} 406, `ifUnused` and something is bound to it
   * @example
   * shop.delete({ ifUnused: true });
   * channel.declareExchange('shop', 'fanout');
   */
  delete(options: Omit<ExchangeDeleteOptions, 'noWait'> = {}): void {
    checkOptions('delete', options, DELETE_OPTIONS);
    this.channel.exchangeDelete(this.name, options);
  }
}

showAs(Exchange, ({ name, type, durable, autoDelete, internal, channel }) => ({
  ...{ exchange: name, type, durable, autoDelete, internal },
  channel: channel.id,
}));

function* each<T, R>(items: Iterable<T>, change: (item: T) => R): Iterable<R> {
  for (const item of items) yield change(item);
}
