import { wrongType } from '../../caller';
import type { TableInput } from '../../protocol/field-table';
import { isBuiltIn, type MechanismName } from '../../protocol/sasl';
import type { SessionOptions } from '../../protocol/session-options';
import { typeName } from '../../protocol/wire';
import { checkBoolean, checkFunction, checkInteger, checkOptions, checkTimeout } from './checks';
import { OPTION_SYNONYMS } from './option-synonyms';
import { type RecoveryOptions, type RecoveryPolicy, resolveRecovery } from './recovery-options';
import { frameLimit, resolveTargets } from './targets';
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

export type AuthMechanism = MechanismName | CustomMechanism;

/** A host beside others; what it leaves out is said by the other options. */
export interface HostOptions {
  hostname: string;
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
   * suspended then, or when an eighth of this waits for its callback, where that does no harm (README, "Staying
   * alive"); at the limit the socket is left unread but for 2 MiB every 5 s, which keeps RabbitMQ patient;
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
  /** Milliseconds without a sign of life after which the worker thread counts as stalled; default 10000. */
  stallTimeout?: number | undefined;
  /**
   * Tell by process warnings of what a program does not want: a consumer that is never served, a loop that settles
   * nothing, a signal that cannot be heard, an exception that nobody takes. Default true.
   */
  warnings?: boolean | undefined;
}

/** Everything filled in and checked. */
export interface Settings {
  session: SessionOptions;
  /** The mechanism whose functions are in this thread. */
  mechanism: CustomMechanism | undefined;
  /** Bytes that wait for one consumer without acknowledgements before it is suspended. */
  suspendAt: number;
  recovery: RecoveryPolicy | undefined;
  callTimeout: number;
  blockedTimeout: number;
  maxMessageSize: number;
  ringCapacity: number;
  interruptible: boolean;
  stallTimeout: number;
  warnings: boolean;
}

const OPTION_NAMES = new Set<string>([
  'url',
  'urls',
  'hosts',
  'shuffle',
  'connectionAttempts',
  'retryDelay',
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
  'happyEyeballsDelay',
  'interleave',
  'maxMessageSize',
  'maxBufferedBytes',
  'recovery',
  'interruptible',
  'stallTimeout',
  'warnings',
] satisfies (keyof ConnectOptions)[]);

const MIB = 1024 * 1024;
const LEAST_RING = 2 * MIB;
const DEFAULT_TIMEOUT = 30_000;
const STALL_TIMEOUT = 10_000;
const RETRY_DELAY = 2000;
/** @see RFC 8305 §8 */
const HAPPY_EYEBALLS_DELAY = 250;
const LONGEST_TIMER = 0x7fff_ffff;

/**
 * Fill in and check what `connect` was given.
 * @throws {TypeError | RangeError} in one sentence that names the option and never shows the password
 */
export function resolveOptions(
  url: string | ConnectOptions | undefined,
  more: ConnectOptions = {},
): Settings {
  if (url !== undefined && typeof url !== 'string' && (typeof url !== 'object' || url === null)) {
    throw wrongType(`connect: the first argument must be a URL or an options object, got ${typeName(url)}`);
  }
  // it has no own properties: everything it says would go unheard
  if (typeof url === 'object' && 'href' in url)
    throw wrongType('connect: the URL must be a string, got a URL object; give its href');
  if (typeof url === 'object') checkOptions('connect', url, OPTION_NAMES, OPTION_SYNONYMS);
  checkOptions('connect', more, OPTION_NAMES, OPTION_SYNONYMS);
  const given = typeof url === 'string' || url === undefined ? { url, ...more } : { ...url, ...more };
  for (const name of ['noDelay', 'interruptible', 'shuffle', 'warnings'] as const)
    checkBoolean(given[name], name);
  const mechanism = customMechanism(given.authMechanism);
  const { targets, url: fromUrl } = resolveTargets(given);
  const callTimeout = checkTimeout(given.callTimeout ?? DEFAULT_TIMEOUT, 'callTimeout');
  const connectTimeout = given.connectTimeout ?? fromUrl.connectTimeout ?? DEFAULT_TIMEOUT;
  const maxBufferedBytes = count(given.maxBufferedBytes ?? 64 * MIB, 'maxBufferedBytes');
  const recovery = resolveRecovery(given.recovery, fromUrl, targets.length);
  const frameMax = Math.max(...targets.map(({ handshake }) => handshake.frameMax));
  return {
    session: {
      targets,
      dial: {
        noDelay: given.noDelay ?? true,
        keepAlive: checkInteger(given.keepAlive ?? 60_000, 'keepAlive', 0, LONGEST_TIMER),
        happyEyeballsDelay: checkTimeout(
          given.happyEyeballsDelay ?? fromUrl.happyEyeballsDelay ?? HAPPY_EYEBALLS_DELAY,
          'happyEyeballsDelay',
        ),
        interleave: checkInteger(given.interleave ?? fromUrl.interleave ?? 1, 'interleave', 0, 0xffff),
      },
      connectionAttempts: count(given.connectionAttempts ?? 1, 'connectionAttempts', 1),
      retryDelay: timer(given.retryDelay ?? RETRY_DELAY, 'retryDelay'),
      connectTimeout: timer(connectTimeout, 'connectTimeout'),
      spent: 0,
      maxBufferedBytes,
      recovery: recovery?.settings,
    },
    recovery: recovery?.policy,
    suspendAt: Math.min(maxBufferedBytes, Math.max(MIB, maxBufferedBytes / 8)),
    mechanism,
    callTimeout,
    blockedTimeout: checkTimeout(given.blockedTimeout ?? callTimeout, 'blockedTimeout'),
    maxMessageSize: count(given.maxMessageSize ?? 128 * MIB, 'maxMessageSize'),
    ringCapacity: ringCapacity(frameLimit(frameMax)),
    interruptible: given.interruptible ?? true,
    stallTimeout: checkTimeout(given.stallTimeout ?? STALL_TIMEOUT, 'stallTimeout'),
    warnings: given.warnings ?? true,
  };
}

/** Several frames, so that one can be written while others are on their way. */
function ringCapacity(frameMax: number): number {
  return Math.max(LEAST_RING, 2 ** Math.ceil(Math.log2(4 * frameMax)));
}

function count(value: number, name: string, least = 0): number {
  return checkInteger(value, name, least, Number.MAX_SAFE_INTEGER);
}

/** Milliseconds for a timer of Node's, which would take a longer time for 1. */
function timer(value: number, name: string): number {
  return Math.min(checkTimeout(value, name), LONGEST_TIMER);
}

/** There can be one: its functions stay in this thread. */
function customMechanism(given: ConnectOptions['authMechanism']): CustomMechanism | undefined {
  const custom = [given].flat().filter((each) => typeof each === 'object' && each !== null);
  if (custom.length > 1) throw wrongType('authMechanism: only one mechanism of your own is possible');
  const mechanism = custom[0] as CustomMechanism | undefined;
  if (mechanism === undefined) return undefined;
  if (typeof mechanism.name !== 'string' || !/^[A-Z0-9_-]{1,20}$/.test(mechanism.name))
    throw wrongType('authMechanism.name must be 1 to 20 of A-Z, 0-9, - and _');
  if (isBuiltIn(mechanism.name))
    throw wrongType(
      `authMechanism ${mechanism.name} is built in; a mechanism of your own needs another name`,
    );
  checkFunction(mechanism.initialResponse, 'authMechanism.initialResponse');
  if (mechanism.challenge !== undefined) checkFunction(mechanism.challenge, 'authMechanism.challenge');
  return mechanism;
}
