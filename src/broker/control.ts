import type { DeprecatedFeature, RabbitmqVersion } from './rules';

/** A user of an embedded broker. */
export interface BrokerUser {
  /** Compared with what a client sends, in PLAIN and AMQPLAIN. */
  password: string;
  /** The virtual hosts this user may open; default all. */
  vhosts?: readonly string[] | undefined;
}

/** Options that the thread of the embedded broker is started with. Plain data. */
export interface ServerOptions {
  host: string;
  port: number;
  tls: ServerTls | undefined;
  users: Record<string, BrokerUser>;
  vhosts: string[];
  mechanisms: string[];
  anonymousUser: string;
  version: RabbitmqVersion;
  permit: DeprecatedFeature[];
  channelMax: number;
  frameMax: number;
  /** Seconds. */
  heartbeat: number;
  /** Bytes. */
  memoryLimit: number;
  maxMessageSize: number;
  /** The time stands still, but for `advance`. */
  virtualClock: boolean;
}

/** The TLS of an embedded broker, in Node's terms: `cert` and `key`, or `pfx`. Text is PEM. */
export interface ServerTls {
  /** The broker's certificate, with intermediate ones behind it. */
  cert?: string | Uint8Array | undefined;
  /** The key of `cert`. */
  key?: string | Uint8Array | undefined;
  /** Authorities that may sign the certificates of clients; default: Node's. */
  ca?: string | Uint8Array | undefined;
  /** Opens `key` or `pfx`. */
  passphrase?: string | undefined;
  /** Certificate and key in one, PKCS #12. */
  pfx?: Uint8Array | undefined;
  /** Ask clients for a certificate; default false. */
  requestCert?: boolean | undefined;
  /** With `requestCert`: turn away those that no authority has signed; default true. */
  rejectUnauthorized?: boolean | undefined;
}

/** A connection to an embedded broker, as `broker.connections()` lists it. */
export interface ConnectionInfo {
  /** Its number, counted by the broker; what `kill` and its kin take. */
  id: number;
  /** `connection_name` of the client's properties, or empty. */
  name: string;
  /** The user who logged in. */
  username: string;
  /** The virtual host it has opened. */
  vhost: string;
  /** `host:port` of the client. */
  peer: string;
  /** How many channels it has open. */
  channels: number;
  /** Whether it was told that publishing is blocked. */
  blocked: boolean;
}

/** A queue of an embedded broker, as `broker.queues()` lists it. */
export interface QueueInfo {
  /** Its virtual host. */
  vhost: string;
  /** Its name. */
  name: string;
  /** What kind of queue it is. */
  type: 'classic' | 'quorum' | 'stream';
  /** Whether it was declared durable. */
  durable: boolean;
  /** Whether it is for the connection alone that declared it. */
  exclusive: boolean;
  /** Whether it goes with its last consumer. */
  autoDelete: boolean;
  /** Messages that wait, or that a stream keeps. */
  messageCount: number;
  /** Messages that were delivered and are not settled. */
  unacknowledged: number;
  /** Its consumers. */
  consumerCount: number;
}

/** An exchange of an embedded broker, as `broker.exchanges()` lists it. */
export interface ExchangeInfo {
  /** Its virtual host. */
  vhost: string;
  /** Its name; '' is the default exchange. */
  name: string;
  /** `direct`, `fanout`, `topic`, `headers` … */
  type: string;
  /** Whether it was declared durable. */
  durable: boolean;
  /** Whether it goes with its last binding. */
  autoDelete: boolean;
  /** Whether only exchanges publish to it. */
  internal: boolean;
}

/** A binding of an embedded broker, as `broker.bindings()` lists it. */
export interface BindingInfo {
  /** The virtual host of both ends. */
  vhost: string;
  /** The exchange that messages come from. */
  source: string;
  /** The queue or exchange that they go to. */
  destination: string;
  /** What the destination is. */
  destinationType: 'queue' | 'exchange';
  /** What the exchange compares; fanout and headers exchanges do not look at it. */
  routingKey: string;
}

/** A consumer of an embedded broker, as `broker.consumers()` lists it. */
export interface ConsumerInfo {
  /** The virtual host of its queue. */
  vhost: string;
  /** The queue it reads. */
  queue: string;
  /** Its name on its channel. */
  consumerTag: string;
  /** The `id` of its connection. */
  connection: number;
  /** The number of its channel there. */
  channel: number;
  /** Whether messages count as acknowledged when they are sent. */
  noAck: boolean;
  /** Whether it is the only consumer that its queue takes. */
  exclusive: boolean;
  /** Unsettled messages at most; 0 is no limit. */
  prefetchCount: number;
  /** Messages it has and has not settled. */
  unacknowledged: number;
  /** Whether it is its turn in a queue with a single active consumer. */
  active: boolean;
}

export interface MessageInfo {
  exchange: string;
  routingKey: string;
  redelivered: boolean;
  priority: number;
  /** The content header and the body as they are on the wire. */
  header: Uint8Array;
  body: Uint8Array;
}

export type BrokerCall =
  | { call: 'start'; options: ServerOptions }
  | { call: 'close' }
  | { call: 'connections' | 'queues' | 'exchanges' | 'bindings' | 'consumers' }
  | { call: 'messages'; vhost: string; queue: string }
  | { call: 'metrics'; vhost: string }
  | { call: 'kill' | 'stall' | 'resume'; connection: number | string | undefined }
  | { call: 'close-connections'; connection: number | string | undefined; reason: string }
  | { call: 'block'; reason: string | undefined }
  | { call: 'advance'; ms: number };

/** Plain data, or what went wrong. */
export type BrokerReply = { ok: unknown } | { err: { message: string; code?: string | undefined } };
