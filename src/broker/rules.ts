import type { Table } from '../protocol/field-table';
import { isInteger } from './erlang';
import { Failure } from './failure';

/** The RabbitMQ whose rules the broker keeps: 3.10 takes everything, 4.3 no longer what is deprecated. */
export type RabbitmqVersion = '3.10' | '4.3';

/** What RabbitMQ 4.3 refuses unless its operator permits it. @throws {Failure} 541, naming the feature */
export class Rules {
  readonly #strict: boolean;

  constructor(readonly version: RabbitmqVersion) {
    this.#strict = version === '4.3';
  }

  queue(durable: boolean, exclusive: boolean, args: Table): void {
    if (!durable && !exclusive) this.#refuse('transient_nonexcl_queues');
    if (args['x-queue-mode'] !== undefined) this.#refuse('lazy queue mode (x-queue-mode)');
    if (args['x-queue-version'] === 1) this.#refuse('classic queue storage version 1 (x-queue-version)');
  }

  /** How often a message may come back to a quorum queue with these arguments; undefined is no limit. */
  deliveryLimit(args: Table): number | undefined {
    const limit = args['x-delivery-limit'] ?? (this.#strict ? 20 : undefined);
    if (limit === undefined || !isInteger(limit)) return undefined;
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
    throw new Failure(541, `Feature \`${feature}\` is deprecated. It is not permitted in RabbitMQ 4.3.`);
  }
}
