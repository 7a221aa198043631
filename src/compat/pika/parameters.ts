import { outOfRange, wrongType } from '../../caller';
import { VALUES } from '../internals';
import { type Args, isPlainObject, signatures } from '../python';
import type { Table } from './basic-properties';
import type { BlockingConnection } from './blocking-connection';
import { type Credentials, PlainCredentials, VALID_TYPES } from './credentials';
import { Shown } from './repr';
import { SSLOptions } from './ssl-options';

/** Decides on the heartbeat, in seconds, when the broker's wish is known. */
export type HeartbeatCallback = (connection: BlockingConnection, server_value: number) => number;

/**
 * What to make of calls that pika sends as they are, and that RabbitMQ ends the connection for. Without it they
 * are sent here, too, and the error says which argument it was.
 */
export interface Compat {
  /** `basic_recover(requeue=False)`, pika's default: `'requeue'` asks for requeue=True instead of a 540. */
  recover?: 'as-is' | 'requeue' | undefined;
  /**
   * Queues that are neither durable nor exclusive, which RabbitMQ 4.3 refuses (541): declare them `'durable'`,
   * or `'exclusive'`.
   */
  transient_queues?: 'as-is' | 'durable' | 'exclusive' | undefined;
  /** Seconds that a call waits for its answer; default: as long as the connection lives. */
  call_timeout?: number | undefined;
}

/** The parameters of a connection, and what they mean. */
interface ArgumentTypes {
  /** Default `localhost`. */
  host: [host: string];
  /** Default 5672, with `ssl_options` 5671. */
  port: [port: number];
  /** Default `/`. */
  virtual_host: [virtual_host: string];
  /** Default guest, guest. */
  credentials: [credentials: Credentials];
  /** Channels at most; default 65535. RabbitMQ allows 2047. */
  channel_max: [channel_max: number];
  /** Bytes of a frame at most; default 131072. */
  frame_max: [frame_max: number];
  /** Seconds; 0 is none; null (default): what the broker offers; or a function that decides when that is known. */
  heartbeat: [heartbeat: number | HeartbeatCallback | null];
  /** Turns TLS on. */
  ssl_options: [ssl_options: SSLOptions | null];
  /** How often all parameters of a sequence are gone through; default 1. Of a sequence, the last one's counts. */
  connection_attempts: [connection_attempts: number];
  /** Seconds between two attempts; default 2. Of a sequence, the last one's counts. */
  retry_delay: [retry_delay: number];
  /** Seconds for TCP; default 10. */
  socket_timeout: [socket_timeout: number | null];
  /** Seconds for TCP, TLS and AMQP together; default 15; null: no limit. */
  stack_timeout: [stack_timeout: number | null];
  /** Default `en_US`. */
  locale: [locale: string];
  /** Seconds that the broker may block publishing before the connection is given up; null (default): for ever. */
  blocked_connection_timeout: [blocked_connection_timeout: number | null];
  /** Merged over what the client tells about itself: `{ connection_name: 'importer' }`. */
  client_properties: [client_properties: Table | null];
  /** `{ TCP_KEEPIDLE: 60 }`, in seconds; Node knows no others. */
  tcp_options: [tcp_options: Readonly<Record<string, number>> | null];
  /** Where this port may do other than pika, which does not have this argument: see `Compat`. */
  compat: [compat: Compat];
}

type Values = { [K in keyof ArgumentTypes]: ArgumentTypes[K][0] };

const DEF = signatures<ArgumentTypes>(new Set(['client_properties', 'tcp_options', 'compat']))(
  'ConnectionParameters',
  {
    __init__:
      'host=..., port=..., virtual_host=..., credentials=..., channel_max=..., frame_max=..., heartbeat=..., ssl_options=..., connection_attempts=..., retry_delay=..., socket_timeout=..., stack_timeout=..., locale=..., blocked_connection_timeout=..., client_properties=..., tcp_options=..., compat=...',
  },
);

// ── checks ────────────────────────────────────────────────────────────────────────────────────────────

type Check = (value: unknown) => string | undefined;

const FRAME_MIN = 8192;
const FRAME_MAX = 131_072;

const isInt: Check = (value) => (Number.isInteger(value) ? undefined : 'an int');
const isNumber: Check = (value) =>
  typeof value === 'number' && !Number.isNaN(value) ? undefined : 'a float or int';
const isString: Check = (value) => (typeof value === 'string' ? undefined : 'a str');
const isDict: Check = (value) =>
  isPlainObject(value) || value instanceof Map ? undefined : 'a dict or None';
const isOf =
  (wanted: string, ...classes: readonly (abstract new (...args: never) => unknown)[]): Check =>
  (value) =>
    classes.some((each) => value instanceof each) ? undefined : wanted;
const isHeartbeat: Check = (value) =>
  typeof value === 'function' || Number.isInteger(value) ? undefined : 'an int or a callable function';

const COMPAT: { readonly [K in keyof Compat]-?: (value: unknown) => boolean } = {
  recover: (value) => [undefined, 'as-is', 'requeue'].includes(value as string),
  transient_queues: (value) => [undefined, 'as-is', 'durable', 'exclusive'].includes(value as string),
  call_timeout: (value) => value === undefined || (typeof value === 'number' && value > 0),
};
const isCompat: Check = (value) => {
  const entries = isPlainObject(value) ? Object.entries(value) : [['', null]];
  const isRight = (name: string, each: unknown) =>
    Object.hasOwn(COMPAT, name) && COMPAT[name as keyof Compat](each);
  return entries.every(([name, each]) => isRight(name as string, each))
    ? undefined
    : "like { recover: 'requeue', transient_queues: 'durable', call_timeout: 30 }";
};

/** What each may be: its type, whether None will do, and the range. */
const CHECKS: Record<
  keyof ArgumentTypes,
  readonly [Check, nullable: boolean, least?: number, most?: number]
> = {
  host: [isString, false],
  port: [isInt, false, 1, 65_535],
  virtual_host: [isString, false],
  credentials: [isOf('PlainCredentials or ExternalCredentials', ...VALID_TYPES), false],
  channel_max: [isInt, false, 1, 65_535],
  frame_max: [isInt, false, FRAME_MIN, FRAME_MAX],
  heartbeat: [isHeartbeat, true, 0, 65_535],
  ssl_options: [isOf('None or SSLOptions', SSLOptions), true],
  connection_attempts: [isInt, false, 1],
  retry_delay: [isNumber, false, 0],
  socket_timeout: [isNumber, true, Number.MIN_VALUE],
  stack_timeout: [isNumber, true, Number.MIN_VALUE],
  locale: [isString, false],
  blocked_connection_timeout: [isNumber, true, 0],
  client_properties: [isDict, true],
  tcp_options: [isDict, true],
  compat: [isCompat, false],
};

/** @throws {TypeError | RangeError} Python's TypeError and ValueError */
function checked(name: keyof ArgumentTypes, value: unknown): unknown {
  const [check, nullable, least, most] = CHECKS[name];
  if (value === null && nullable) return value;
  const wanted = check(value);
  if (wanted !== undefined) throw wrongType(`${name} must be ${wanted}, but got ${show(value)}`);
  if (typeof value !== 'number') return value;
  if (least !== undefined && value < least)
    throw outOfRange(`${name} must be ${bound('>', least)}, but got ${value}`);
  if (most !== undefined && value > most) throw outOfRange(`${name} must be <= ${most}, but got ${value}`);
  return value;
}

function bound(sign: string, least: number): string {
  return least === Number.MIN_VALUE ? `${sign} 0` : `${sign}= ${least}`;
}

/** A value for an error message: never a password. */
function show(value: unknown): string {
  return typeof value === 'string'
    ? JSON.stringify(value)
    : typeof value === 'object'
      ? typeof value
      : String(value);
}

// ── parameters ────────────────────────────────────────────────────────────────────────────────────────

/** Parameters of a connection. The attributes may be set later; each is checked when it is. */
export class Parameters extends Shown {
  /** The default of `host`. */
  static readonly DEFAULT_HOST = 'localhost';
  /** The default of `port`. */
  static readonly DEFAULT_PORT = 5672;
  /** The default of `port` with TLS. */
  static readonly DEFAULT_SSL_PORT = 5671;
  /** The default of `virtual_host`. */
  static readonly DEFAULT_VIRTUAL_HOST = '/';
  /** The default of `credentials.username`. */
  static readonly DEFAULT_USERNAME = 'guest';
  /** The default of `credentials.password`. */
  static readonly DEFAULT_PASSWORD = 'guest';
  /** The default of `channel_max`. */
  static readonly DEFAULT_CHANNEL_MAX = 65_535;
  /** The default of `frame_max`, in bytes. */
  static readonly DEFAULT_FRAME_MAX = FRAME_MAX;
  /** The default of `heartbeat`: what the broker offers. */
  static readonly DEFAULT_HEARTBEAT_TIMEOUT = null;
  /** The default of `ssl_options`: no TLS. */
  static readonly DEFAULT_SSL_OPTIONS = null;
  /** The default of `connection_attempts`. */
  static readonly DEFAULT_CONNECTION_ATTEMPTS = 1;
  /** The default of `retry_delay`, in seconds. */
  static readonly DEFAULT_RETRY_DELAY = 2;
  /** The default of `socket_timeout`, in seconds. */
  static readonly DEFAULT_SOCKET_TIMEOUT = 10;
  /** The default of `stack_timeout`, in seconds. */
  static readonly DEFAULT_STACK_TIMEOUT = 15;
  /** The default of `locale`. */
  static readonly DEFAULT_LOCALE = 'en_US';
  /** The default of `blocked_connection_timeout`: no limit. */
  static readonly DEFAULT_BLOCKED_CONNECTION_TIMEOUT = null;
  /** The default of `client_properties`: none of your own. */
  static readonly DEFAULT_CLIENT_PROPERTIES = null;
  /** The default of `tcp_options`: as Node has them. */
  static readonly DEFAULT_TCP_OPTIONS = null;

  /** The broker: a name or an address. */
  declare host: string;
  /** Its TCP port. */
  declare port: number;
  /** The virtual host to open. */
  declare virtual_host: string;
  /** Who logs in, and how. */
  declare credentials: Credentials;
  /** Channels at most, 1 to 65535. */
  declare channel_max: number;
  /** Bytes of a frame at most, 8192 to 131072. */
  declare frame_max: number;
  /** Seconds; 0 is none; null: what the broker offers; or a function that decides when that is known. */
  declare heartbeat: number | HeartbeatCallback | null;
  /** TLS; null: none. */
  declare ssl_options: SSLOptions | null;
  /** How often a sequence of parameters is gone through. */
  declare connection_attempts: number;
  /** Seconds between two attempts. */
  declare retry_delay: number;
  /** Seconds for TCP; null: no limit. */
  declare socket_timeout: number | null;
  /** Seconds for TCP, TLS and AMQP together; null: no limit. */
  declare stack_timeout: number | null;
  /** The language of the broker's texts. */
  declare locale: string;
  /** Seconds that the broker may block publishing before the connection is given up; null: for ever. */
  declare blocked_connection_timeout: number | null;
  /** Merged over what the client tells about itself. */
  declare client_properties: Table | null;
  /** `{ TCP_KEEPIDLE: 60 }`, in seconds; Node knows no others. */
  declare tcp_options: Readonly<Record<string, number>> | null;
  /** Where this port may do other than pika. */
  declare compat: Compat;

  /** @internal */
  readonly [VALUES]: Values = {
    host: Parameters.DEFAULT_HOST,
    port: Parameters.DEFAULT_PORT,
    virtual_host: Parameters.DEFAULT_VIRTUAL_HOST,
    credentials: new PlainCredentials(Parameters.DEFAULT_USERNAME, Parameters.DEFAULT_PASSWORD),
    channel_max: Parameters.DEFAULT_CHANNEL_MAX,
    frame_max: Parameters.DEFAULT_FRAME_MAX,
    heartbeat: Parameters.DEFAULT_HEARTBEAT_TIMEOUT,
    ssl_options: Parameters.DEFAULT_SSL_OPTIONS,
    connection_attempts: Parameters.DEFAULT_CONNECTION_ATTEMPTS,
    retry_delay: Parameters.DEFAULT_RETRY_DELAY,
    socket_timeout: Parameters.DEFAULT_SOCKET_TIMEOUT,
    stack_timeout: Parameters.DEFAULT_STACK_TIMEOUT,
    locale: Parameters.DEFAULT_LOCALE,
    blocked_connection_timeout: Parameters.DEFAULT_BLOCKED_CONNECTION_TIMEOUT,
    client_properties: Parameters.DEFAULT_CLIENT_PROPERTIES,
    tcp_options: Parameters.DEFAULT_TCP_OPTIONS,
    compat: {},
  };

  /** Everything has its default. Nothing is sent. */
  constructor() {
    super();
    // what shows an object must not show its credentials
    Object.defineProperty(this, VALUES, { enumerable: false });
  }

  /** As pika shows them, without the credentials. */
  override toString(): string {
    const { host, port, virtual_host, ssl_options } = this;
    const ssl = ssl_options === null ? 'False' : 'True';
    return `<${this.constructor.name} host=${host} port=${port} virtual_host=${virtual_host} ssl=${ssl}>`;
  }
}

for (const name of Object.keys(CHECKS) as (keyof ArgumentTypes)[]) {
  Object.defineProperty(Parameters.prototype, name, {
    get(this: Parameters) {
      return this[VALUES][name];
    },
    set(this: Parameters, value: unknown) {
      Object.assign(this[VALUES], { [name]: checked(name, value) });
    },
  });
}

/**
 * Where and how to connect.
 * @example
 * new pika.ConnectionParameters({ host: 'rabbit.example', virtual_host: 'orders' });
 */
export class ConnectionParameters extends Parameters {
  /**
   * Arguments in pika's order, or by name. Nothing is sent. @throws {TypeError | RangeError} Python's
   * TypeError and ValueError
   */
  constructor(...args: Args<typeof DEF.__init__>) {
    super();
    const { port, ...given } = DEF.__init__(args);
    for (const [name, value] of Object.entries(given)) {
      if (value !== undefined) Object.assign(this, { [name]: value });
    }
    this.port = port ?? (this.ssl_options === null ? Parameters.DEFAULT_PORT : Parameters.DEFAULT_SSL_PORT);
  }
}
