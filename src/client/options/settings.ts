import { wrongType } from '../../caller';
import { LONGEST_TIMER } from '../../clock';
import type { SessionOptions } from '../../contract/session-options';
import { isBuiltIn } from '../../protocol/sasl';
import { typeName } from '../../protocol/wire';
import { checkBoolean, checkFunction, checkInteger, checkOptions, checkTimeout } from './checks';
import type { ConnectOptions, CustomMechanism } from './connect-options';
import { diagnosticsOf } from './diagnostics';
import { OPTION_SYNONYMS } from './option-synonyms';
import { type RecoveryPolicy, resolveRecovery } from './recovery-options';
import { frameLimit, resolveTargets } from './targets';

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
  requeuePause: number;
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
  'requeuePause',
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
  'directWrites',
  'interruptible',
  'stallTimeout',
  'warnings',
] satisfies (keyof ConnectOptions)[]);

const MIB = 1024 * 1024;
const LEAST_RING = 2 * MIB;
const CONNECT_TIMEOUT = 30_000;
/** RabbitMQ itself gives up after 30 s, for a quorum queue after 36, and then says why. */
const CALL_TIMEOUT = 45_000;
const STALL_TIMEOUT = 10_000;
const REQUEUE_PAUSE = 1000;
const RETRY_DELAY = 2000;
/** @see RFC 8305 §8 */
const HAPPY_EYEBALLS_DELAY = 250;

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
  // a URL object has no own properties: everything it says would go unheard
  if (typeof url === 'object' && 'href' in url)
    throw wrongType('connect: the URL must be a string, got a URL object; give its href');
  if (typeof url === 'object') checkOptions('connect', url, OPTION_NAMES, OPTION_SYNONYMS);
  checkOptions('connect', more, OPTION_NAMES, OPTION_SYNONYMS);
  const given = typeof url === 'string' || url === undefined ? { url, ...more } : { ...url, ...more };
  for (const name of ['noDelay', 'directWrites', 'interruptible', 'shuffle', 'warnings'] as const)
    checkBoolean(given[name], name);
  const mechanism = customMechanism(given.authMechanism);
  const { targets, url: fromUrl } = resolveTargets(given);
  const callTimeout = checkTimeout(given.callTimeout ?? CALL_TIMEOUT, 'callTimeout');
  const connectTimeout = given.connectTimeout ?? fromUrl.connectTimeout ?? CONNECT_TIMEOUT;
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
      directWrites: given.directWrites ?? true,
      recovery: recovery?.settings,
      diagnostics: diagnosticsOf(targets[0]!.handshake),
    },
    recovery: recovery?.policy,
    suspendAt: Math.min(maxBufferedBytes, Math.max(MIB, maxBufferedBytes / 8)),
    mechanism,
    callTimeout,
    blockedTimeout: checkTimeout(given.blockedTimeout ?? callTimeout, 'blockedTimeout'),
    requeuePause: checkTimeout(given.requeuePause ?? REQUEUE_PAUSE, 'requeuePause'),
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
