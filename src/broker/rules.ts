import type { Table } from '../protocol/field-table';
import { isInteger } from './erlang';
import { Failure, precondition } from './failure';
import { queueType } from './queue-arguments';

/** The RabbitMQ whose rules the broker keeps: 3.10 takes everything, 4.3 no longer what is deprecated. */
export type RabbitmqVersion = '3.10' | '4.3';

/** Rules that differ between versions of RabbitMQ. @throws {Failure} 541, naming the feature, for what its operator could permit */
export class Rules {
  readonly #strict: boolean;

  constructor(readonly version: RabbitmqVersion) {
    this.#strict = version === '4.3';
  }

  /** `where` is the queue, as the texts call it. @throws {Failure} 406 too, for what went with the first storage */
  queue(where: string, durable: boolean, exclusive: boolean, args: Table): void {
    if (!durable && !exclusive) this.#refuse('transient_nonexcl_queues');
    if (args['x-queue-master-locator'] !== undefined) this.#refuse('queue_master_locator');
    if (!this.#strict || queueType(args) !== 'classic') return;
    if (args['x-queue-mode'] !== undefined) {
      throw precondition(`invalid arg 'x-queue-mode' for ${where} of queue type rabbit_classic_queue`);
    }
    if (args['x-queue-version'] === 1) {
      throw precondition(`invalid arg 'x-queue-version' for ${where}: "unsupported queue version '1'"`);
    }
  }

  /** How often a message may come back to a quorum queue with these arguments; undefined is no limit. */
  deliveryLimit(args: Table): number | undefined {
    if (queueType(args) === 'classic') return undefined;
    const limit = args['x-delivery-limit'] ?? (this.#strict ? 20 : undefined);
    if (limit === undefined) return undefined;
    if (!isInteger(limit)) return Number.POSITIVE_INFINITY; // 3.10 compares with whatever it was given
    return this.#strict && limit < 0 ? undefined : Number(limit);
  }

  globalPrefetch(): void {
    this.#refuse('global_qos');
  }

  /** The smallest frame_max that a client may ask for. */
  get frameMin(): number {
    return this.#strict ? 8192 : 4096;
  }

  #refuse(feature: string): void {
    if (!this.#strict) return;
    throw new Failure(
      541,
      `Feature \`${feature}\` is deprecated.\nBy default, this feature is not permitted anymore.\nThe feature will be ` +
        'removed from a future major RabbitMQ version, regardless of the configuration; actual version to be ' +
        'determined.\nTo continue using this feature when it is not permitted by default, set the following parameter ' +
        `in your configuration:\n    "deprecated_features.permit.${feature} = true"`,
    );
  }
}
