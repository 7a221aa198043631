import type { TableInput } from '../../protocol/field-table';
import type { MechanismName } from '../../protocol/sasl';
import type { RecoveryOptions } from './recovery-options';
import type { TlsOptions } from './tls-options';

/** A SASL mechanism of your own. Its functions run in the thread that connects, inside of `connect`. */
export interface CustomMechanism {
  /** As the broker calls it, such as `RABBIT-CR-DEMO`. */
  name: string;
  /** The response to send with connection.start-ok. */
  initialResponse(): string | Uint8Array;
  /** The answer to connection.secure. */
  challenge?(question: Buffer): string | Uint8Array;
}

/** A SASL mechanism: one that is built in, by its name, or one of your own. */
export type AuthMechanism = MechanismName | CustomMechanism;

/** A host beside others; what it leaves out is said by the other options. */
export interface HostOptions {
  /** A name or an address: `rabbit-1`, `10.0.0.7`, `::1`. */
  hostname: string;
  /** Default: the option `port` of the connection, else 5672, with TLS 5671. */
  port?: number | undefined;
}

/**
 * How to reach the broker, and limits. Times are milliseconds, but `heartbeat` is seconds as on the wire. What names a
 * host (`url`, `urls`, `hosts`, `hostname`) is complete in itself: AMQP_URL is then not looked at.
 */
export interface ConnectOptions {
  /** `amqp[s]://user:password@host:port/vhost`; options beside it win over what it says. */
  url?: string | undefined;
  /** Several brokers, tried in order until one takes the connection; each may have credentials of its own. */
  urls?: readonly string[] | undefined;
  /** Several hosts of one cluster, such as `['rabbit-1', 'rabbit-2:5673', { hostname: '::1' }]`. */
  hosts?: readonly (string | HostOptions)[] | undefined;
  /** Try several hosts in random order; default false. */
  shuffle?: boolean | undefined;
  /** How often the list of hosts is gone through; default 1. */
  connectionAttempts?: number | undefined;
  /** Milliseconds between two rounds; default 2000. */
  retryDelay?: number | undefined;
  /** The broker's name or address; default `localhost`. */
  hostname?: string | undefined;
  /** The broker's TCP port; default 5672, with TLS 5671. */
  port?: number | undefined;
  /** The user to log in as; default `guest`. */
  username?: string | undefined;
  /** The user's password; default `guest`. */
  password?: string | undefined;
  /** The virtual host to open; default `/`. */
  vhost?: string | undefined;
  /** Turns TLS on; `true` for the defaults: Node's authorities, verification, TLS 1.2 at least. */
  tls?: boolean | TlsOptions | undefined;
  /**
   * `PLAIN`, `AMQPLAIN`, `EXTERNAL` (the client certificate), `ANONYMOUS`, or one of your own; of several the
   * first that the broker offers. Default `['PLAIN', 'AMQPLAIN']`.
   */
  authMechanism?: AuthMechanism | readonly AuthMechanism[] | undefined;
  /**
   * Milliseconds for everything until the connection is open: all hosts, attempts, pauses, names, TCP, TLS and
   * the handshake; default 30000. A host gets its share of what is left.
   */
  connectTimeout?: number | undefined;
  /**
   * Milliseconds that a blocking call waits for the broker unless it says otherwise; default 45000, which is more than the
   * 30 to 36 s after which RabbitMQ says itself that it has no majority, or cannot reach a node.
   */
  callTimeout?: number | undefined;
  /** Milliseconds that a publish waits while the broker blocks publishing; default: `callTimeout`. */
  blockedTimeout?: number | undefined;
  /**
   * Milliseconds at most that a message waits here, unsettled, before it is requeued because it has failed again
   * (`subscribe`, `process` and their kin): 50 the second time, then twice as long each time; default 1000. 0: it goes
   * back at once, and may come at once. Callbacks and heartbeats go on meanwhile.
   */
  requeuePause?: number | undefined;
  /** Seconds; 0 turns heartbeats off; default: what the broker offers (RabbitMQ: 60). */
  heartbeat?: number | undefined;
  /** Channels at most; default 2047; 0: what the broker offers. */
  channelMax?: number | undefined;
  /** Bytes of a frame at most, 8192 to 1048576; default 131072. */
  frameMax?: number | undefined;
  /** The language of the broker's texts; default `en_US`, and RabbitMQ knows no other. */
  locale?: string | undefined;
  /** The connection's name in RabbitMQ's management UI and logs. */
  name?: string | undefined;
  /** Merged over what the client tells about itself. */
  clientProperties?: TableInput | undefined;
  /** Send small packets at once; default true. */
  noDelay?: boolean | undefined;
  /** Milliseconds of silence before TCP probes the peer; default 60000; 0 turns it off. */
  keepAlive?: number | undefined;
  /**
   * Milliseconds until the next address of a host is tried beside those under way (RFC 8305); default 250;
   * `Infinity`: one after the other.
   */
  happyEyeballsDelay?: number | undefined;
  /** Addresses of the preferred family first, then the families in turn; default 1; 0: as resolved. */
  interleave?: number | undefined;
  /** Bytes of a message body at most; larger ones are not kept (MessageTooLargeError). Default 128 MiB. */
  maxMessageSize?: number | undefined;
  /**
   * Bytes kept for a program that does not read for seconds; default 64 MiB. A consumer with `noAck` is
   * suspended then, or when an eighth of this waits for its callback, where that does no harm (docs/consuming.md);
   * at the limit the socket is left unread but for 2 MiB every 5 s, which keeps RabbitMQ patient;
   * 128 MiB later the connection is given up (`OVERRUN`).
   */
  maxBufferedBytes?: number | undefined;
  /**
   * Bring a lost connection back, with all that was declared on it, also while this program is busy; `true` for the
   * defaults. Default false: it is over, and every call says so.
   */
  recovery?: boolean | RecoveryOptions | undefined;
  /** Ctrl-C ends a blocking call with InterruptedError; default true. Works in the main thread only. */
  interruptible?: boolean | undefined;
  /**
   * The calling thread writes what it waits for to the socket itself, which saves a call one of two wake-ups of
   * the worker thread; default true. It is done where the runtime has descriptors, and without TLS; see `stats().directWrites`.
   */
  directWrites?: boolean | undefined;
  /** Milliseconds without a sign of life after which the worker thread counts as stalled; default 10000. */
  stallTimeout?: number | undefined;
  /**
   * Tell by process warnings of what a program does not want: a consumer that is never served, a loop that settles
   * nothing, a signal that cannot be heard, an exception that nobody takes. Default true.
   */
  warnings?: boolean | undefined;
}
