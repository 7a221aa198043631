import type { TableInput } from '../../protocol/field-table';
import { signatures } from '../python';
import type { Connection } from './connection';
import type { Message } from './message';
import type { method_t } from './spec';

/** Options of TLS, as Python's `ssl.wrap_socket` takes them; files are PEM. */
export interface SslOptions {
  /** The client's key. */
  keyfile?: string | null | undefined;
  /** The client's certificate. */
  certfile?: string | null | undefined;
  /** The authorities to trust. */
  ca_certs?: string | null | undefined;
  /** `ssl.CERT_NONE` (the default, as in Python: anybody is believed, with a warning) or `ssl.CERT_REQUIRED`. */
  cert_reqs?: 0 | 1 | 2 | undefined;
  /** OpenSSL's names. */
  ciphers?: string | null | undefined;
  /** The name to ask for, and that the certificate must have; default: the host. */
  server_hostname?: string | null | undefined;
  /** Opens the key. */
  password?: string | undefined;
}

/**
 * Where this port may do other than amqpy, because a broker refuses what amqpy does, or because amqpy waits
 * for ever.
 */
export interface Compat {
  /**
   * What `queue_declare` makes of a queue that is neither durable nor exclusive, which RabbitMQ 4.3 refuses
   * (541): `'as-is'` (default) sends it so.
   */
  transient_queues?: 'as-is' | 'durable' | 'exclusive' | undefined;
  /** What `basic_recover(requeue=False)` sends, which RabbitMQ refuses (540): `'requeue'` makes it true. */
  recover?: 'as-is' | 'requeue' | undefined;
  /** What `immediate=True` sends, which RabbitMQ refuses (540): `'ignore'` leaves it out. */
  immediate?: 'as-is' | 'ignore' | undefined;
  /** Seconds until a call that the broker does not answer ends with Timeout; default null: amqpy waits for ever. */
  call_timeout?: number | null | undefined;
}

interface ConnectionArgumentTypes {
  /** Host of the broker; default localhost. */
  host: [host: string];
  /** Default 5672, also with `ssl`: give 5671 then. */
  port: [port: number];
  /** Turns TLS on: the options of Python's `ssl.wrap_socket`. */
  ssl: [ssl: SslOptions | null];
  /** Seconds until the connection must be open, handshake included; default 30. */
  connect_timeout: [connect_timeout: number | null];
  /** Default guest. */
  userid: [userid: string];
  /** Default guest. */
  password: [password: string];
  /** `AMQPLAIN` (default), `PLAIN`, `EXTERNAL` or `ANONYMOUS`. */
  login_method: [login_method: 'AMQPLAIN' | 'PLAIN' | 'EXTERNAL' | 'ANONYMOUS'];
  /** Default `/`. */
  virtual_host: [virtual_host: string];
  /** Default en_US. */
  locale: [locale: string];
  /** Channels at most; default 65535. */
  channel_max: [channel_max: number];
  /** Bytes of a frame at most; default 131072, at least 8192. */
  frame_max: [frame_max: number];
  /** Seconds between heartbeats; default 0: none. */
  heartbeat: [heartbeat: number];
  /** What to tell the broker about this program. */
  client_properties: [client_properties: TableInput | null];
  /** Called with a reason when the broker stops taking publishes. */
  on_blocked: [on_blocked: ((reason: string) => unknown) | null];
  /** Called when the broker takes publishes again. */
  on_unblocked: [on_unblocked: (() => unknown) | null];
  /** Where this port may do other than amqpy, which does not have this argument. */
  compat: [compat: Compat | null];
  /** The number of the channel; default: one that is free. */
  channel_id: [channel_id: number | null];
  /** Seconds to wait for an event; null is for ever, 0 takes what is there. */
  timeout: [timeout: number | null];
  /** AMQP's number of the reason; default 0. */
  reply_code: [reply_code: number];
  /** The reason in words. */
  reply_text: [reply_text: string];
  /** The method that is to blame, if one is. */
  method_type: [method_type: method_t];
}

/** Signatures of the methods of a connection. */
export const CONNECTION = signatures<ConnectionArgumentTypes>(
  new Set(['ssl', 'client_properties', 'compat']),
)('Connection', {
  __init__: `host='localhost', port=5672, ssl=None, connect_timeout=None, userid='guest', password='guest', login_method='AMQPLAIN', virtual_host='/', locale='en_US', channel_max=65535, frame_max=131072, heartbeat=0, client_properties=None, on_blocked=None, on_unblocked=None, compat=None`,
  channel: 'channel_id=None',
  close: `reply_code=0, reply_text='', method_type=...`,
  drain_events: 'timeout=None',
  loop: 'timeout=None',
});

interface ChannelArgumentTypes {
  /** The connection it is made on. */
  connection: [connection: Connection];
  /** The number of the channel; default: one that is free. */
  channel_id: [channel_id: number | null];
  /** Text for bodies whose encoding is known; default true. */
  auto_decode: [auto_decode: boolean];
  /** AMQP's number of the reason; default 0. */
  reply_code: [reply_code: number];
  /** The reason in words. */
  reply_text: [reply_text: string];
  /** The method that is to blame, if one is. */
  method_type: [method_type: method_t];
  /** true: the broker shall deliver; false: it shall pause. RabbitMQ refuses false (540). */
  active: [active: boolean];
  /** The name of the exchange; `''` is the default exchange. */
  exchange: [exchange: string];
  /** `direct`, `fanout`, `topic`, `headers`, or one of a plugin. */
  exch_type: [exch_type: string];
  /** Only see whether it is there; default false. */
  passive: [passive: boolean];
  /** Whether it survives a restart of the broker; default false. */
  durable: [durable: boolean];
  /** Whether it goes when its last user does; default true. */
  auto_delete: [auto_delete: boolean];
  /** Do not wait for the answer; default false. */
  nowait: [nowait: boolean];
  /** What else the broker knows, such as `x-message-ttl`. */
  arguments: [args: TableInput | null];
  /** Only if nobody uses it; default false. */
  if_unused: [if_unused: boolean];
  /** Only if it has no messages; default false. */
  if_empty: [if_empty: boolean];
  /** The exchange that gets the messages. */
  dest_exch: [dest_exch: string];
  /** The exchange they come from. */
  source_exch: [source_exch: string];
  /** What the exchange compares; of the default exchange, the name of a queue. */
  routing_key: [routing_key: string];
  /** The name of the queue; `''` is the one declared last on this channel. */
  queue: [queue: string];
  /** For this connection only, and gone with it; default false. */
  exclusive: [exclusive: boolean];
  /** The number of the delivery on this channel; with `multiple`, 0 means all. */
  delivery_tag: [delivery_tag: number];
  /** All up to this one; default false. */
  multiple: [multiple: boolean];
  /** Back to the queue, or away. */
  requeue: [requeue: boolean];
  /** The name of the consumer; by default the broker makes one. */
  consumer_tag: [consumer_tag: string];
  /** RabbitMQ does not know it; default false. */
  no_local: [no_local: boolean];
  /** The broker forgets what it has sent, nothing is acknowledged; default false. */
  no_ack: [no_ack: boolean];
  /** Called with each message, in `drain_events` and `loop`. */
  callback: [callback: ((msg: Message) => unknown) | null];
  /** Called with the tag when the broker ends the consumer. */
  on_cancel: [on_cancel: ((consumer_tag: string) => unknown) | null];
  /** What to publish. */
  msg: [msg: Message];
  /** The message comes back if no queue takes it; default false. */
  mandatory: [mandatory: boolean];
  /** The message comes back if no consumer is ready. RabbitMQ refuses it (540); default false. */
  immediate: [immediate: boolean];
  /** Bytes sent ahead at most; RabbitMQ knows only 0. */
  prefetch_size: [prefetch_size: number];
  /** Messages that may be unsettled at once; 0, and without this call: any number. */
  prefetch_count: [prefetch_count: number];
  /** For the channel as a whole, not for each consumer. RabbitMQ 4.3 refuses it; default false. */
  a_global: [a_global: boolean];
}

const PUBLISH = `msg, exchange='', routing_key='', mandatory=False, immediate=False`;
const EXCHANGE_BINDING = `dest_exch, source_exch='', routing_key='', nowait=False, arguments=None`;

/** Signatures of the methods of a channel. */
export const CHANNEL = signatures<ChannelArgumentTypes>()('Channel', {
  __init__: 'connection, channel_id=None, auto_decode=True',
  close: `reply_code=0, reply_text='', method_type=...`,
  flow: 'active',
  exchange_declare: `exchange, exch_type, passive=False, durable=False, auto_delete=True, nowait=False, arguments=None`,
  exchange_delete: 'exchange, if_unused=False, nowait=False',
  exchange_bind: EXCHANGE_BINDING,
  exchange_unbind: EXCHANGE_BINDING,
  queue_bind: `queue, exchange='', routing_key='', nowait=False, arguments=None`,
  queue_unbind: `queue, exchange, routing_key='', nowait=False, arguments=None`,
  queue_declare: `queue='', passive=False, durable=False, exclusive=False, auto_delete=True, nowait=False, arguments=None`,
  queue_delete: `queue='', if_unused=False, if_empty=False, nowait=False`,
  queue_purge: `queue='', nowait=False`,
  basic_ack: 'delivery_tag, multiple=False',
  basic_reject: 'delivery_tag, requeue',
  basic_cancel: 'consumer_tag, nowait=False',
  basic_consume: `queue='', consumer_tag='', no_local=False, no_ack=False, exclusive=False, nowait=False, callback=None, arguments=None, on_cancel=None`,
  basic_get: `queue='', no_ack=False`,
  basic_publish: PUBLISH,
  basic_publish_confirm: PUBLISH,
  basic_qos: 'prefetch_size=0, prefetch_count=0, a_global=False',
  basic_recover: 'requeue=False',
  basic_recover_async: 'requeue=False',
  confirm_select: 'nowait=False',
});
