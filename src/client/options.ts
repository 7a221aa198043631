import { readFileSync } from 'node:fs';
import { hostname, platform } from 'node:os';
import { CAPABILITIES } from '../protocol/constants';
import { encodeTable, type TableInput } from '../protocol/field-table';
import { nearest } from '../protocol/nearest';
import { MECHANISM_NAMES, type MechanismName } from '../protocol/sasl';
import type { SessionOptions, TlsOptions } from '../protocol/session-options';
import { type ParsedUri, parseUri } from '../protocol/uri';
import { typeName } from '../protocol/wire';
import { version } from '../version';
import { checkEncodable, checkInteger, checkOptions, checkShortstr, checkTimeout } from './checks';

/** How to reach the broker, and limits. Times are milliseconds, but `heartbeat` is seconds as on the wire. */
export interface ConnectOptions {
  /** `amqp[s]://user:password@host:port/vhost`; options beside it win over what it says. */
  url?: string | undefined;
  /** Default `localhost`. */
  hostname?: string | undefined;
  /** Default 5672, with TLS 5671. */
  port?: number | undefined;
  /** Default `guest`. */
  username?: string | undefined;
  /** Default `guest`. */
  password?: string | undefined;
  /** Default `/`. */
  vhost?: string | undefined;
  /** Turns TLS on; `true` for the defaults: the system's authorities, verification, TLS 1.2 at least. */
  tls?: boolean | TlsOptions | undefined;
  /** `PLAIN` (default), `AMQPLAIN`, `EXTERNAL`, `ANONYMOUS`. */
  authMechanism?: MechanismName | undefined;
  /** Milliseconds for everything until the connection is open; default 30000. */
  connectTimeout?: number | undefined;
  /** Milliseconds that a blocking call waits for the broker unless it says otherwise; default 30000. */
  callTimeout?: number | undefined;
  /** Milliseconds that a publish waits while the broker blocks publishing; default: `callTimeout`. */
  blockedTimeout?: number | undefined;
  /** Seconds; 0 turns heartbeats off; default: what the broker offers (RabbitMQ: 60). */
  heartbeat?: number | undefined;
  /** Channels at most; default 2047; 0: what the broker offers. */
  channelMax?: number | undefined;
  /** Bytes of a frame at most, 8192 to 1048576; default 131072. */
  frameMax?: number | undefined;
  /** Default `en_US`. */
  locale?: string | undefined;
  /** The connection's name in RabbitMQ's management UI and logs. */
  name?: string | undefined;
  /** Merged over what the client tells about itself. */
  clientProperties?: TableInput | undefined;
  /** Send small packets at once; default true. */
  noDelay?: boolean | undefined;
  /** Milliseconds of silence before TCP probes the peer; default 60000; 0 turns it off. */
  keepAlive?: number | undefined;
  /** Bytes of a message body at most; larger ones are not kept (MessageTooLargeError). Default 128 MiB. */
  maxMessageSize?: number | undefined;
  /** Bytes kept for a program that does not read, before the socket is left unread. Default 16 MiB. */
  maxBufferedBytes?: number | undefined;
  /** Ctrl-C ends a blocking call with InterruptedError; default true. Works in the main thread only. */
  interruptible?: boolean | undefined;
}

/** Everything filled in and checked. */
export interface Settings {
  session: SessionOptions;
  callTimeout: number;
  blockedTimeout: number;
  maxMessageSize: number;
  ringCapacity: number;
  interruptible: boolean;
  stallTimeout: number;
}

const OPTION_NAMES = new Set<string>([
  'url',
  'hostname',
  'port',
  'username',
  'password',
  'vhost',
  'tls',
  'authMechanism',
  'connectTimeout',
  'callTimeout',
  'blockedTimeout',
  'heartbeat',
  'channelMax',
  'frameMax',
  'locale',
  'name',
  'clientProperties',
  'noDelay',
  'keepAlive',
  'maxMessageSize',
  'maxBufferedBytes',
  'interruptible',
] satisfies (keyof ConnectOptions)[]);

const MIB = 1024 * 1024;
const DEFAULT_FRAME_MAX = 131_072;
/** RabbitMQ 4.1 and later refuse less. */
const LEAST_FRAME_MAX = 8192;
const LARGEST_FRAME_MAX = MIB;
const LEAST_RING = MIB;
const MOST_CLIENT_PROPERTIES = 64 * 1024;
const DEFAULT_TIMEOUT = 30_000;
const STALL_TIMEOUT = 10_000;
const LONGEST_TIMER = 0x7fff_ffff;

/**
 * Fill in and check what `connect` was given.
 * @throws {TypeError | RangeError} in one sentence that names the option and never shows the password
 */
export function resolveOptions(
  url: string | ConnectOptions | undefined,
  more: ConnectOptions = {},
): Settings {
  const given = typeof url === 'string' || url === undefined ? { url, ...more } : { ...url, ...more };
  if (url !== undefined && typeof url !== 'string' && (typeof url !== 'object' || url === null)) {
    throw new TypeError(
      `connect: the first argument must be a URL or an options object, got ${typeName(url)}`,
    );
  }
  checkOptions('connect', given, OPTION_NAMES);
  const uri = parseUri(string(given.url, 'url') ?? process.env.AMQP_URL ?? 'amqp://');
  const callTimeout = checkTimeout(given.callTimeout ?? DEFAULT_TIMEOUT, 'callTimeout');
  const frameMax = frameLimit(given.frameMax ?? uri.options.frameMax ?? DEFAULT_FRAME_MAX);
  return {
    session: {
      endpoint: endpoint(given, uri),
      handshake: handshake(given, uri, frameMax),
      connectTimeout: Math.min(
        checkTimeout(given.connectTimeout ?? uri.options.connectTimeout ?? DEFAULT_TIMEOUT, 'connectTimeout'),
        LONGEST_TIMER,
      ),
      maxBufferedBytes: checkInteger(
        given.maxBufferedBytes ?? 16 * MIB,
        'maxBufferedBytes',
        0,
        Number.MAX_SAFE_INTEGER,
      ),
    },
    callTimeout,
    blockedTimeout: checkTimeout(given.blockedTimeout ?? callTimeout, 'blockedTimeout'),
    maxMessageSize: checkInteger(
      given.maxMessageSize ?? 128 * MIB,
      'maxMessageSize',
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    ringCapacity: ringCapacity(frameMax),
    interruptible: boolean(given.interruptible, 'interruptible') ?? true,
    stallTimeout: STALL_TIMEOUT,
  };
}

/** Several frames, so that one can be written while others are on their way. */
function ringCapacity(frameMax: number): number {
  return Math.max(LEAST_RING, 2 ** Math.ceil(Math.log2(4 * frameMax)));
}

function frameLimit(value: number): number {
  if (value === 0) return LARGEST_FRAME_MAX;
  if (typeof value === 'number' && value < LEAST_FRAME_MAX) {
    throw new RangeError(
      `frameMax must be at least ${LEAST_FRAME_MAX}, got ${value}: RabbitMQ 4.1 and later refuse less`,
    );
  }
  return checkInteger(value, 'frameMax', LEAST_FRAME_MAX, LARGEST_FRAME_MAX);
}

function endpoint(given: ConnectOptions, uri: ParsedUri): SessionOptions['endpoint'] {
  const tls = tlsOptions(given, uri);
  return {
    host: string(given.hostname, 'hostname') ?? uri.hostname ?? 'localhost',
    port: checkInteger(given.port ?? uri.port ?? (tls ? 5671 : 5672), 'port', 1, 65_535),
    noDelay: boolean(given.noDelay, 'noDelay') ?? true,
    keepAlive: checkInteger(given.keepAlive ?? 60_000, 'keepAlive', 0, LONGEST_TIMER),
    tls,
  };
}

function tlsOptions(given: ConnectOptions, uri: ParsedUri): TlsOptions | undefined {
  const { tls = uri.tls } = given;
  if (tls === false) return undefined;
  if (tls !== true && (typeof tls !== 'object' || tls === null)) {
    throw new TypeError(`tls must be true, false or an options object, got ${typeName(tls)}`);
  }
  const { caFile, certFile, keyFile, serverName, verify } = uri.options;
  return {
    minVersion: 'TLSv1.2',
    ca: read(caFile),
    cert: read(certFile),
    key: read(keyFile),
    servername: serverName,
    rejectUnauthorized: verify ?? true,
    ...(tls === true ? {} : tls),
  };
}

function read(file: string | undefined): string | undefined {
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}

function handshake(given: ConnectOptions, uri: ParsedUri, frameMax: number): SessionOptions['handshake'] {
  const heartbeat = given.heartbeat ?? uri.options.heartbeat;
  const mechanism = (given.authMechanism ?? uri.options.authMechanism ?? 'PLAIN') as MechanismName;
  if (!MECHANISM_NAMES.includes(mechanism)) {
    const like = nearest(String(mechanism), MECHANISM_NAMES);
    throw new TypeError(
      `authMechanism must be one of ${MECHANISM_NAMES.join(', ')}${like ? `; did you mean ${like}?` : ''}`,
    );
  }
  return {
    mechanism,
    username: string(given.username, 'username') ?? uri.username ?? 'guest',
    password: string(given.password, 'password') ?? uri.password ?? 'guest',
    vhost: checkShortstr(given.vhost ?? uri.vhost ?? '/', 'vhost'),
    locale: checkShortstr(given.locale ?? uri.options.locale ?? 'en_US', 'locale'),
    clientProperties: clientProperties(given, uri),
    channelMax: checkInteger(given.channelMax ?? uri.options.channelMax ?? 2047, 'channelMax', 0, 0xffff),
    frameMax,
    heartbeat: heartbeat === undefined ? undefined : checkInteger(heartbeat, 'heartbeat', 0, 0xffff),
  };
}

function clientProperties(given: ConnectOptions, uri: ParsedUri): Record<string, unknown> & TableInput {
  const name = string(given.name, 'name') ?? uri.options.name;
  const properties = {
    product: 'amqp-sync',
    version,
    platform: `Node.js ${process.version} on ${platform()}`,
    host: hostname(),
    ...(name === undefined ? {} : { connection_name: name }),
    ...entries(given.clientProperties),
    capabilities: CAPABILITIES,
  };
  // here, with the caller's stack, rather than in the worker
  checkEncodable('clientProperties', MOST_CLIENT_PROPERTIES, (writer) => {
    writer.at = 'clientProperties';
    encodeTable(writer, properties);
  });
  return properties as Record<string, unknown> & TableInput;
}

function entries(table: TableInput | undefined): object {
  return table instanceof Map ? Object.fromEntries(table) : (table ?? {});
}

function string(value: unknown, name: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new TypeError(`${name} must be a string, got ${typeName(value)}`);
}

function boolean(value: unknown, name: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw new TypeError(`${name} must be true or false, got ${typeName(value)}`);
}
