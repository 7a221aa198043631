import type { IncomingMessage, ReturnedMessage } from '../../api/message';
import { wrongType } from '../../caller';
import type { Table, TableInputValue } from '../../protocol/field-table';
import type { Properties, PropertiesInput } from '../../protocol/properties';
import { isBytes, typeName } from '../../protocol/wire';
import { shortened, showAs } from '../../shown';
import { RECEIVED, SETTLE } from '../internals';
import { type Args, signatures } from '../python';
import type { Channel } from './channel';
import { decode, encode } from './encodings';
import { because, FrameSyntaxError } from './exceptions';
import { Basic, basic_return_t } from './spec';

/** The properties of a message, by their Python names. */
export interface MessageProperties {
  /** MIME type of the body. */
  content_type?: string | undefined;
  /** How a body that is text becomes bytes: the name of one of Python's encodings, such as `UTF-8` or `latin_1`. */
  content_encoding?: string | undefined;
  /** The header table. */
  application_headers?: { readonly [header: string]: TableInputValue } | undefined;
  /** 1 transient, 2 persistent. */
  delivery_mode?: number | undefined;
  /** 0 to 9, or to the queue's x-max-priority. */
  priority?: number | undefined;
  /** Which request this answers. */
  correlation_id?: string | undefined;
  /** The queue that wants the answer. */
  reply_to?: string | undefined;
  /** Milliseconds to live, as digits. */
  expiration?: string | undefined;
  /** The application's own number of the message. */
  message_id?: string | undefined;
  /** A moment, in whole seconds on the wire; a number counts them from 1970. */
  timestamp?: Date | number | bigint | undefined;
  /** The application's kind of the message. */
  type?: string | undefined;
  /** Must be the connection's user, if it is given. */
  user_id?: string | undefined;
  /** The application that made it. */
  app_id?: string | undefined;
  /** A cluster; RabbitMQ does not use it. */
  cluster_id?: string | undefined;
}

/** Where a message came from. */
export interface DeliveryInfo {
  /** The number by which it is acknowledged, on its channel. */
  delivery_tag: number;
  /** Whether it was delivered before. */
  redelivered: boolean;
  /** The exchange it was published to; '' is the default exchange. */
  exchange: string;
  /** The routing key it was published with. */
  routing_key: string;
  /** The tag of the consumer that it came for. */
  consumer_tag?: string;
  /** From `basic_get`: how many are left in the queue. */
  message_count?: number;
}

type Word<T> = [value: T];
type PropertyArgumentTypes = { [K in keyof MessageProperties]-?: Word<NonNullable<MessageProperties[K]>> };

interface ArgumentTypes extends PropertyArgumentTypes {
  /** Bytes, or text: that is sent as `content_encoding` says. */
  body: [body: string | Uint8Array];
  /** The channel it belongs to; set when it is received. */
  channel: [channel: Channel | null];
}

const PROPERTIES = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  application_headers: 'headers',
  delivery_mode: 'deliveryMode',
  priority: 'priority',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  expiration: 'expiration',
  message_id: 'messageId',
  timestamp: 'timestamp',
  type: 'type',
  user_id: 'userId',
  app_id: 'appId',
  cluster_id: 'clusterId',
} as const satisfies Record<keyof MessageProperties, keyof Properties>;

const NAMES = Object.keys(PROPERTIES) as (keyof typeof PROPERTIES)[];

const DEF = signatures<ArgumentTypes>()('Message', {
  __init__: `body='', channel=None, content_type=..., content_encoding=..., application_headers=..., delivery_mode=..., priority=..., correlation_id=..., reply_to=..., expiration=..., message_id=..., timestamp=..., type=..., user_id=..., app_id=..., cluster_id=...`,
});

/** The encoding of text that names none. */
const USUAL = 'UTF-8';

/**
 * A body with its properties. Text is sent as UTF-8 unless `content_encoding` says otherwise, and the property
 * says so.
 * @example
 * new Message('hello world', { content_type: 'text/plain', application_headers: { foo: 7 } });
 */
export class Message {
  /** Text or bytes; of a message that came: text if its encoding is known and `auto_decode` is on. */
  body: string | Uint8Array;
  /** The channel it came by; null (typed as if it were not) in a message of your own. */
  channel: Channel;
  /** Its properties by their Python names; those it has not are not there. */
  properties: MessageProperties;
  /** Where it came from; empty in a message of your own. */
  delivery_info: DeliveryInfo;
  /** What it was made of: that knows which life of the channel its tag belongs to. */
  #incoming: IncomingMessage | undefined;

  /** Body, channel and properties in amqpy's order, or by name. Nothing is sent. */
  constructor(...args: Args<typeof DEF.__init__>) {
    const { body, channel, ...properties } = DEF.__init__(args);
    this.body = body;
    this.channel = channel as Channel;
    this.properties = {};
    this.delivery_info = {} as DeliveryInfo;
    for (const name of NAMES) {
      const value = properties[name];
      if (value !== undefined && value !== null) Object.assign(this.properties, { [name]: value });
    }
    if (typeof body === 'string') this.properties.content_encoding ??= USUAL;
  }

  /** The message that came over the wire. @internal */
  static [RECEIVED](channel: Channel, message: IncomingMessage): Message {
    const { deliveryTag, redelivered, exchange, routingKey, consumerTag, messageCount } = message;
    const received = messageOf(message.body, message.properties, channel.auto_decode);
    received.channel = channel;
    received.delivery_info = {
      ...(consumerTag === undefined ? undefined : { consumer_tag: consumerTag }),
      delivery_tag: deliveryTag,
      redelivered,
      exchange,
      routing_key: routingKey,
      ...(messageCount === undefined ? undefined : { message_count: messageCount }),
    };
    received.#incoming = message;
    return received;
  }

  /** The headers, if there are any; typed as those of a message that came. */
  get application_headers(): Table | null {
    return (this.properties.application_headers ?? null) as Table | null;
  }

  /** The number by which it is acknowledged, or null in a message of your own. */
  get delivery_tag(): number | null {
    return this.delivery_info.delivery_tag ?? null;
  }

  /**
   * Take responsibility: the broker forgets it. Does not block.
   * @throws {PreconditionFailed} it was settled before, or belongs to an earlier life of the channel
   */
  ack(): void {
    this.#settle(
      (incoming) => incoming.ack(),
      (tag) => this.channel.basic_ack(tag),
    );
  }

  /** Give it back (`requeue`), or away. Does not block. Throws like `ack`. */
  reject(...args: Args<typeof REJECT.reject>): void {
    const { requeue } = REJECT.reject(args);
    this.#settle(
      (incoming) => incoming.reject({ requeue }),
      (tag) => this.channel.basic_reject(tag, requeue),
    );
  }

  #settle(received: (incoming: IncomingMessage) => void, other: (tag: number) => void): void {
    const tag = this.delivery_tag;
    const incoming = this.#incoming;
    if (tag === null || this.channel === null)
      throw wrongType('a message that did not come has no delivery tag');
    if (incoming === undefined || incoming.deliveryTag !== tag) return other(tag);
    this.channel[SETTLE](() => received(incoming));
  }

  /** Python's `==`: the same properties and the same body. */
  equals(other: unknown): boolean {
    return other instanceof Message && same(this.properties, other.properties) && same(this.body, other.body);
  }
}

showAs(Message, ({ body, properties, delivery_info }) => ({
  body: shortened(body),
  ...{ properties, delivery_info },
}));

interface SettleArgumentTypes {
  /** Back to the queue (true), or away: to the dead letters, if there are any. */
  requeue: [requeue: boolean];
}
const REJECT = signatures<SettleArgumentTypes>()('Message', { reject: 'requeue' });

/** A body and properties as they came. */
export function messageOf(body: Buffer, properties: Properties, auto_decode: boolean): Message {
  const message = new Message(body);
  for (const name of NAMES) {
    const value = properties[PROPERTIES[name]];
    if (value !== undefined) Object.assign(message.properties, { [name]: value });
  }
  const { contentEncoding } = properties;
  if (auto_decode && contentEncoding !== undefined) message.body = decodedOr(body, contentEncoding);
  return message;
}

/** What is published. @throws {FrameSyntaxError} the body cannot be encoded; nothing was sent */
export function outgoing(message: Message): { body: Uint8Array; properties: PropertiesInput } {
  if (typeof message.body === 'string') message.properties.content_encoding ??= USUAL;
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message.properties)) {
    if (value === undefined || value === null) continue;
    const ours = PROPERTIES[name as keyof MessageProperties];
    if (ours === undefined) throw unsendable(wrongType(`unknown property '${name}'`));
    if (name === 'expiration') checkExpiration(value);
    properties[ours] = value;
  }
  return { body: bytesOf(message), properties };
}

/** Python has no other form for it than the wire's. @throws {FrameSyntaxError} */
function checkExpiration(value: unknown): void {
  if (typeof value !== 'string')
    throw unsendable(wrongType(`expiration must be a string, got ${typeName(value)}`));
}

function bytesOf({ body, properties }: Message): Uint8Array {
  if (typeof body !== 'string') {
    if (isBytes(body)) return body;
    throw unsendable(wrongType(`body must be a string or bytes, got ${typeName(body)}`));
  }
  try {
    return encode(body, properties.content_encoding as string);
  } catch (error) {
    throw unsendable(error as Error);
  }
}

/** A value that cannot be written; nothing was sent, the channel is usable. */
export function unsendable(cause: Error): FrameSyntaxError {
  return because(new FrameSyntaxError(cause.message, Basic.Publish), cause);
}

/** The broker's word on a message that came back. */
export function returned(message: ReturnedMessage, auto_decode: boolean): basic_return_t {
  const { replyCode, replyText, exchange, routingKey, body, properties } = message;
  const own = messageOf(body, properties, auto_decode);
  return new basic_return_t(replyCode, replyText, exchange, routingKey, own);
}

/** Bytes that are no text in this encoding, or an encoding nobody knows: bytes they are. */
function decodedOr(body: Buffer, encoding: string): string | Buffer {
  try {
    return decode(body, encoding);
  } catch {
    return body;
  }
}

/** Values as Python compares them; a table that came has no prototype, one of ours has. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isBytes(a) || isBytes(b)) return isBytes(a) && isBytes(b) && Buffer.from(a).equals(b);
  if (a instanceof Date || b instanceof Date) return Number(a) === Number(b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    left.length === right.size && left.every(([key, value]) => right.has(key) && same(value, right.get(key)))
  );
}
