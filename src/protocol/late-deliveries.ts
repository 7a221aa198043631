import { decodeArgs, decodeMethodPlan } from './codec';
import { FRAME } from './constants';
import type { Args } from './method-types';
import type { Reader } from './wire';

/** Channels of one number that may still be written to. */
const MOST = 8;

/**
 * The deliveries of channels that had a number before, and that the broker sends all the same: RabbitMQ writes them
 * behind its channel.close, and among the deliveries of the next channel with the number (rabbitmq-server#13384).
 * The consumer tag may be the same, if it was the user's. But each channel counts its deliveries, one by one, from 1:
 * one that goes on with the count of an earlier channel, and not with that of the present one, is the earlier one's.
 */
export class LateDeliveries {
  /** The delivery tags that are due, one for each channel that has ended. */
  readonly #due: number[] = [];

  /** The channel has ended; its next delivery would have had this tag. */
  ended(next: number): void {
    this.#due.push(next);
    if (this.#due.length > MOST) this.#due.shift();
  }

  /** A frame came while no channel with the number is open: nobody's, but it is counted. @throws {ProtocolViolation} */
  ignore(type: number, reader: Reader): void {
    if (type !== FRAME.METHOD) return;
    const plan = decodeMethodPlan(reader);
    if (plan.name === 'basic.deliver') this.ignoreDelivery(decodeArgs(reader, plan));
  }

  /** A delivery that has been decoded came while no channel with the number is open. */
  ignoreDelivery(args: Record<string, unknown>): void {
    this.includes((args as Args<'basic.deliver'>).deliveryTag, 0);
  }

  /** Whether a delivery is an earlier channel's. The present one would give its next delivery the tag `next`. */
  includes(deliveryTag: number, next: number): boolean {
    if (this.#due.length === 0 || deliveryTag === next) return false;
    const index = this.#due.lastIndexOf(deliveryTag);
    if (index < 0) return false;
    this.#due[index] = deliveryTag + 1;
    return true;
  }

  /** The connection is another. */
  clear(): void {
    this.#due.length = 0;
  }
}
