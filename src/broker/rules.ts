import type { Table, TableValue } from '../protocol/field-table';
import { isInteger } from './erlang';
import { Failure } from './failure';
import { DELAYED_RETRY_TYPES, type DelayedRetry, queueType } from './queue-arguments';

/** The RabbitMQ whose rules the broker keeps. */
export type RabbitmqVersion = '3.10' | '4.3';

/** Features that RabbitMQ 4.3 refuses, unless its operator permits them. */
export const DEPRECATED_FEATURES = [
  'global_qos',
  'queue_master_locator',
  'transient_nonexcl_queues',
] as const;
/** The name of a feature that RabbitMQ 4.3 refuses unless it is permitted. */
export type DeprecatedFeature = (typeof DEPRECATED_FEATURES)[number];

/** Deliveries after which RabbitMQ 4.3 takes a message for a bad one. */
const DELIVERY_LIMIT = 20;
/** Milliseconds for which a client may hold a message, unless an argument says otherwise. */
const CONSUMER_TIMEOUT = 1_800_000;
/** Levels of priority in quorum queues, and that of messages without one. */
const HIGHEST_PRIORITY = 31;
const USUAL_PRIORITY = 4;

/** Rules that differ between versions of RabbitMQ. What more than one place asks for has a name here. */
export class Rules {
  /** RabbitMQ 4.0 and later: messages are kept in a form of their own, and what was deprecated has gone. */
  readonly isSince4: boolean;
  readonly #permitted: ReadonlySet<DeprecatedFeature>;

  constructor(
    readonly version: RabbitmqVersion,
    permitted: readonly DeprecatedFeature[] = [],
  ) {
    this.isSince4 = version === '4.3';
    this.#permitted = new Set(permitted);
  }

  permits(feature: DeprecatedFeature): boolean {
    return !this.isSince4 || this.#permitted.has(feature);
  }

  /** @throws {Failure} 541, naming the feature, if it is not permitted */
  deprecated(feature: DeprecatedFeature): void {
    if (this.permits(feature)) return;
    throw new Failure(
      541,
      `Feature \`${feature}\` is deprecated.\nBy default, this feature is not permitted anymore.\nThe feature will be ` +
        'removed from a future major RabbitMQ version, regardless of the configuration; actual version to be ' +
        'determined.\nTo continue using this feature when it is not permitted by default, set the following parameter ' +
        `in your configuration:\n    "deprecated_features.permit.${feature} = true"`,
    );
  }

  /** How often a message may come back to a quorum queue with these arguments; undefined is no limit. */
  deliveryLimit(args: Table): number | undefined {
    if (queueType(args) !== 'quorum') return undefined;
    const limit = args['x-delivery-limit'] ?? (this.isSince4 ? DELIVERY_LIMIT : undefined);
    if (limit === undefined) return undefined;
    if (!isInteger(limit)) return Number.POSITIVE_INFINITY; // 3.10 compares with whatever it was given
    return this.isSince4 && limit < 0 ? undefined : Number(limit);
  }

  /** Milliseconds in which messages of a queue are to be settled, or go back to it; undefined: it does not ask. */
  queueTimeout(args: Table): number | undefined {
    if (!this.isSince4 || queueType(args) !== 'quorum') return undefined;
    return Number(args['x-consumer-timeout'] ?? CONSUMER_TIMEOUT);
  }

  /** The pauses before messages come again to a queue with these arguments. What is no pause to RabbitMQ is none. */
  delayedRetry(args: Table): DelayedRetry | undefined {
    const { 'x-delayed-retry-type': type, 'x-delayed-retry-min': min, 'x-delayed-retry-max': max } = args;
    if (!this.isSince4 || queueType(args) !== 'quorum') return undefined;
    if (!isOneOf(type, DELAYED_RETRY_TYPES) || !isPositive(min)) return undefined;
    return { type, min: Number(min), max: Number(isPositive(max) ? max : min) };
  }

  /** Milliseconds in which a channel settles its messages, or ends; undefined: its queues see to it. */
  get channelTimeout(): number | undefined {
    return this.isSince4 ? undefined : CONSUMER_TIMEOUT;
  }

  /** The priority of a message in a quorum queue. */
  quorumPriority(priority: number | undefined): number {
    return this.isSince4 ? Math.min(priority ?? USUAL_PRIORITY, HIGHEST_PRIORITY) : 0;
  }

  /** The smallest frame_max that a client may ask for. */
  get frameMin(): number {
    return this.isSince4 ? 8192 : 4096;
  }
}

function isPositive(value: TableValue | undefined): value is number | bigint {
  return value !== undefined && isInteger(value) && value > 0;
}

function isOneOf<T extends string>(value: TableValue | undefined, names: readonly T[]): value is T {
  return names.includes(value as T);
}
