import type { IncomingMessage } from '../../api/message';
import { wrongType } from '../../caller';
import type { PublishOptions } from '../../client/options/publish-options';
import { type Args, signatures, timestampSeconds } from '../python';
import { Shown, shown } from './repr';

type Received = IncomingMessage['properties'];

/** A table as it may be sent: an object or a Map. What comes is an object. */
export type Table = NonNullable<PublishOptions['headers']>;

/** The fourteen properties, and what they mean. */
interface Properties {
  /** MIME type of the body. */
  content_type: [content_type: string | null];
  /** MIME encoding of the body. */
  content_encoding: [content_encoding: string | null];
  /** Whatever you like. */
  headers: [headers: Table | null];
  /** `DeliveryMode.Transient` (1) or `DeliveryMode.Persistent` (2). */
  delivery_mode: [delivery_mode: number | null];
  /** 0 to 255; counts up to the queue's x-max-priority. */
  priority: [priority: number | null];
  /** Ties a reply to its request. */
  correlation_id: [correlation_id: string | null];
  /** The queue for replies. */
  reply_to: [reply_to: string | null];
  /** Milliseconds to live, as a string of digits. */
  expiration: [expiration: string | null];
  /** What the application calls this message. */
  message_id: [message_id: string | null];
  /** Seconds since 1970, whole. */
  timestamp: [timestamp: number | bigint | null];
  /** What kind of message it is, for the application. */
  type: [type: string | null];
  /** RabbitMQ refuses a name other than the connection's user. */
  user_id: [user_id: string | null];
  /** Which application sent it. */
  app_id: [app_id: string | null];
  /** Reserved by the specification. */
  cluster_id: [cluster_id: string | null];
}

const DEF = signatures<Properties>()('BasicProperties', {
  __init__:
    'content_type=None, content_encoding=None, headers=None, delivery_mode=None, priority=None, correlation_id=None, reply_to=None, expiration=None, message_id=None, timestamp=None, type=None, user_id=None, app_id=None, cluster_id=None',
});

const NONE = DEF.__init__([]);

/** pika's names and ours. */
const NAMES = [
  ['content_type', 'contentType'],
  ['content_encoding', 'contentEncoding'],
  ['headers', 'headers'],
  ['delivery_mode', 'deliveryMode'],
  ['priority', 'priority'],
  ['correlation_id', 'correlationId'],
  ['reply_to', 'replyTo'],
  ['expiration', 'expiration'],
  ['message_id', 'messageId'],
  ['timestamp', 'timestamp'],
  ['type', 'type'],
  ['user_id', 'userId'],
  ['app_id', 'appId'],
  ['cluster_id', 'clusterId'],
] as const satisfies readonly (readonly [keyof Properties, keyof Received])[];

/**
 * The properties of a message; null for those it does not have.
 * @example
 * new pika.BasicProperties({ content_type: 'text/plain', delivery_mode: pika.DeliveryMode.Persistent });
 */
export class BasicProperties extends Shown {
  /** MIME type of the body. */
  content_type: string | null;
  /** MIME encoding of the body. */
  content_encoding: string | null;
  /** Whatever you like; of a message that came, an object without a prototype. */
  headers: Table | null;
  /** 1 transient, 2 persistent. */
  delivery_mode: number | null;
  /** 0 to 255; counts up to the queue's x-max-priority. */
  priority: number | null;
  /** Ties a reply to its request. */
  correlation_id: string | null;
  /** The queue for replies. */
  reply_to: string | null;
  /** Milliseconds to live, as a string of digits. */
  expiration: string | null;
  /** What the application calls this message. */
  message_id: string | null;
  /** Seconds since 1970, whole. */
  timestamp: number | bigint | null;
  /** What kind of message it is, for the application. */
  type: string | null;
  /** RabbitMQ refuses a name other than the connection's user. */
  user_id: string | null;
  /** Which application sent it. */
  app_id: string | null;
  /** Reserved by the specification. */
  cluster_id: string | null;

  /** Properties in pika's order, or by name; what is left out is null. */
  constructor(...args: Args<typeof DEF.__init__>) {
    super();
    const given = args.length === 0 ? NONE : DEF.__init__(args); // of every message that comes
    this.content_type = given.content_type;
    this.content_encoding = given.content_encoding;
    this.headers = given.headers;
    this.delivery_mode = given.delivery_mode;
    this.priority = given.priority;
    this.correlation_id = given.correlation_id;
    this.reply_to = given.reply_to;
    this.expiration = given.expiration;
    this.message_id = given.message_id;
    this.timestamp = given.timestamp;
    this.type = given.type;
    this.user_id = given.user_id;
    this.app_id = given.app_id;
    this.cluster_id = given.cluster_id;
  }

  /** As pika shows them: those that are set. */
  override toString(): string {
    const set = NAMES.filter(([name]) => this[name] !== null);
    return shown(
      'BasicProperties',
      set.map(([name]) => [name, this[name]]),
    );
  }
}

/** The properties of a message that came. */
export function received(properties: Received): BasicProperties {
  const result = new BasicProperties();
  for (const [name, ours] of NAMES) {
    const value = properties[ours];
    if (value !== undefined) result[name] = value as never;
  }
  const { timestamp } = properties;
  if (timestamp !== undefined) result.timestamp = timestampSeconds(timestamp);
  return result;
}

/** Add those of a message to be sent to its `options`: what is null is left out. */
export function addTo(options: PublishOptions, properties: BasicProperties): void {
  for (const [name, ours] of NAMES) {
    const value = properties[name];
    // spread into one another later, two objects would take ten times as long
    if (value === null || value === undefined) continue;
    if (name === 'expiration' && typeof value !== 'string')
      throw wrongType(`expiration must be a string, got a ${typeof value}`);
    options[ours] = value as never;
  }
}
