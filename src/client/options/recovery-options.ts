import { outOfRange, wrongType } from '../../caller';
import { LONGEST_TIMER } from '../../clock';
import type { RecoverySettings } from '../../contract/session-options';
import type { UriOptions } from '../../protocol/uri';
import { typeName } from '../../protocol/wire';
import { checkBoolean, checkInteger, checkOptions, checkTimeout } from './checks';
import { OPTION_SYNONYMS } from './option-synonyms';

/**
 * How a lost connection comes back. Times are milliseconds. In the query of a URL, `reconnect_interval` (seconds)
 * means that time before each further attempt, and `fail_fast` what it means here; without recovery they say nothing.
 */
export interface RecoveryOptions {
  /** Before the second attempt (the first is made at once); doubled each time. Default 1000. */
  interval?: number | undefined;
  /** The longest interval; default 30000, or `interval` if that is longer. */
  maxInterval?: number | undefined;
  /** How much of an interval is left to chance, 0 to 1; default 0.2. */
  jitter?: number | undefined;
  /** Attempts in a row, each at all hosts, before the connection is given up; default Infinity. */
  attempts?: number | undefined;
  /**
   * Milliseconds for an attempt, all hosts together; doubled with each that fails, up to `connectTimeout`. Default 5000
   * for each host: a broker or balancer that takes the connection and then hangs must not hold up the next attempt.
   */
  attemptTimeout?: number | undefined;
  /** `connect` throws when its first attempt fails; default true. With false it is tried again like a lost connection. */
  failFast?: boolean | undefined;
  /** Declare exchanges, queues and bindings again; default true. Channels and consumers come back in any case. */
  topology?: boolean | undefined;
  /**
   * Publish again what was not confirmed when the connection was lost, as if every publish said `retry`: each
   * message arrives at least once, some twice. Default false: such a publish ends with `outcome: 'unknown'`.
   */
  republish?: boolean | undefined;
  /** What settling a message does that came before the recovery: nothing (default), or StaleDeliveryError. */
  staleDeliveries?: 'ignore' | 'error' | undefined;
}

/** What of it concerns the blocking side. */
export interface RecoveryPolicy {
  republish: boolean;
  staleDeliveries: 'ignore' | 'error';
}

const NAMES = new Set<string>([
  'interval',
  'maxInterval',
  'jitter',
  'attempts',
  'attemptTimeout',
  'failFast',
  'topology',
  'republish',
  'staleDeliveries',
] satisfies (keyof RecoveryOptions)[]);

const INTERVAL = 1000;
const MAX_INTERVAL = 30_000;
const JITTER = 0.2;
const ATTEMPT_TIMEOUT = 5000;

/** `hosts`: how many there are. @throws {TypeError | RangeError} */
export function resolveRecovery(
  given: boolean | RecoveryOptions | undefined,
  url: UriOptions,
  hosts: number,
): { settings: RecoverySettings; policy: RecoveryPolicy } | undefined {
  if (given === undefined || given === false) return undefined;
  if (given !== true && (typeof given !== 'object' || given === null))
    throw wrongType(`recovery must be true, false or an options object, got ${typeName(given)}`);
  const options = given === true ? {} : given;
  checkOptions('recovery', options, NAMES, OPTION_SYNONYMS);
  for (const name of ['failFast', 'topology', 'republish'] as const)
    checkBoolean(options[name], `recovery.${name}`);
  const { staleDeliveries = 'ignore' } = options;
  if (staleDeliveries !== 'ignore' && staleDeliveries !== 'error')
    throw wrongType(`recovery.staleDeliveries must be 'ignore' or 'error', got ${String(staleDeliveries)}`);
  const { interval = url.reconnectInterval ?? INTERVAL } = options;
  // aio-pika's interval is always the same
  const isFixed = options.interval === undefined && url.reconnectInterval !== undefined;
  const {
    maxInterval = isFixed ? interval : Math.max(MAX_INTERVAL, interval),
    jitter = isFixed ? 0 : JITTER,
    attempts = Number.POSITIVE_INFINITY,
    attemptTimeout = hosts * ATTEMPT_TIMEOUT,
  } = options;
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1))
    throw outOfRange(
      `recovery.jitter must be a number from 0 to 1, got ${typeof jitter === 'number' ? jitter : typeName(jitter)}`,
    );
  return {
    settings: {
      interval: Math.min(checkTimeout(interval, 'recovery.interval'), LONGEST_TIMER),
      maxInterval: Math.min(checkTimeout(maxInterval, 'recovery.maxInterval'), LONGEST_TIMER),
      jitter,
      attempts:
        attempts === Number.POSITIVE_INFINITY
          ? attempts
          : checkInteger(attempts, 'recovery.attempts', 1, Number.MAX_SAFE_INTEGER),
      attemptTimeout: Math.min(positive(attemptTimeout, 'recovery.attemptTimeout'), LONGEST_TIMER),
      failFast: options.failFast ?? url.failFast ?? true,
      topology: options.topology ?? true,
    },
    policy: { republish: options.republish ?? false, staleDeliveries },
  };
}

/** Milliseconds in which something can be done. */
function positive(value: unknown, name: string): number {
  const limit = checkTimeout(value, name);
  if (limit === 0) throw outOfRange(`${name} must be more than 0 milliseconds`);
  return limit;
}
