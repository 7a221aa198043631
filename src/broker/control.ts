import type { User } from './engine';
import type { DeprecatedFeature, RabbitmqVersion } from './rules';

/** Options that the thread of the embedded broker is started with. Plain data. */
export interface ServerOptions {
  host: string;
  port: number;
  tls: ServerTls | undefined;
  users: Record<string, User>;
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

export interface ServerTls {
  cert?: string | Uint8Array | undefined;
  key?: string | Uint8Array | undefined;
  ca?: string | Uint8Array | undefined;
  passphrase?: string | undefined;
  pfx?: Uint8Array | undefined;
  requestCert?: boolean | undefined;
  rejectUnauthorized?: boolean | undefined;
}

export interface ConnectionInfo {
  id: number;
  /** `connection_name` of the client's properties, or empty. */
  name: string;
  username: string;
  vhost: string;
  /** `host:port` of the client. */
  peer: string;
  channels: number;
  blocked: boolean;
}

export interface QueueInfo {
  vhost: string;
  name: string;
  type: 'classic' | 'quorum' | 'stream';
  durable: boolean;
  exclusive: boolean;
  autoDelete: boolean;
  /** Messages that wait, or that a stream keeps. */
  messageCount: number;
  /** Messages that were delivered and are not settled. */
  unacknowledged: number;
  consumerCount: number;
}

export interface ExchangeInfo {
  vhost: string;
  name: string;
  type: string;
  durable: boolean;
  autoDelete: boolean;
  internal: boolean;
}

export interface BindingInfo {
  vhost: string;
  source: string;
  destination: string;
  destinationType: 'queue' | 'exchange';
  routingKey: string;
}

export interface ConsumerInfo {
  vhost: string;
  queue: string;
  consumerTag: string;
  connection: number;
  channel: number;
  noAck: boolean;
  exclusive: boolean;
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
