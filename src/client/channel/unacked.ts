import { outOfRange } from '../../caller';
import { clock } from '../../clock';
import { AlreadySettledError } from '../../errors';

/**
 * Which deliveries of a channel wait to be settled. RabbitMQ answers a wrong tag by closing the channel;
 * here it is an error of the one call. In a transaction, settled tags come back with a rollback.
 */
export class Unacked {
  /** By tag: when they came, in whole milliseconds of `clock`. */
  readonly #unsettled = new Map<number, number>();
  #last = 0;
  /** Tags up to this one came before a recovery of the connection: the broker has begun to count anew since. */
  #offset = 0;
  /** Tags settled since the transaction began; undefined outside of one. */
  #settledInTransaction: [tag: number, since: number][] | undefined;

  /** A message came, with this tag of the broker's. @returns the tag by which it is known here */
  add(wireTag: number, noAck: boolean): number {
    const deliveryTag = wireTag + this.#offset;
    this.#last = Math.max(this.#last, deliveryTag);
    if (!noAck) this.#unsettled.set(deliveryTag, Math.floor(clock.now()));
    return deliveryTag;
  }

  /** The broker's tag; 0 is 0. */
  onWire(deliveryTag: number): number {
    return Math.max(0, deliveryTag - this.#offset);
  }

  /** The tag of the latest delivery. */
  get last(): number {
    return this.#last;
  }

  /** The broker's tag of the next delivery, if it counts them one by one. */
  get nextOnWire(): number {
    return this.#last - this.#offset + 1;
  }

  /** Whether the delivery is of a connection that was lost: the broker has the message back, and delivers it again. */
  isStale(deliveryTag: number): boolean {
    return deliveryTag <= this.#offset && deliveryTag > 0;
  }

  /** The connection is lost, and will be recovered. */
  interrupt(): void {
    this.clear();
    this.#offset = this.#last;
  }

  /** Has anything been settled since the transaction began? */
  get isTouched(): boolean {
    return this.#settledInTransaction !== undefined && this.#settledInTransaction.length > 0;
  }

  has(deliveryTag: number): boolean {
    return this.#unsettled.has(deliveryTag);
  }

  get size(): number {
    return this.#unsettled.size;
  }

  /** Milliseconds since the oldest came that is unsettled; undefined: none is. */
  get longest(): number | undefined {
    if (this.#unsettled.size === 0) return undefined;
    let first = Number.POSITIVE_INFINITY;
    for (const since of this.#unsettled.values()) first = Math.min(first, since);
    return clock.now() - first;
  }

  /** @throws {AlreadySettledError | RangeError} before anything is sent */
  check(deliveryTag: number, multiple: boolean, channel: number): void {
    if (this.#unsettled.has(deliveryTag) || (multiple && deliveryTag === 0)) return;
    if (deliveryTag > 0 && deliveryTag <= this.#last) {
      throw new AlreadySettledError(
        `delivery tag ${deliveryTag} of channel ${channel} was settled before, or delivered with noAck`,
        { outcome: 'not-sent' },
      );
    }
    throw outOfRange(
      `deliveryTag ${deliveryTag} was never delivered on channel ${channel}; the last one was ${this.#last}`,
    );
  }

  settle(deliveryTag: number, multiple: boolean): void {
    if (!multiple) return this.#remove(deliveryTag);
    for (const tag of this.#unsettled.keys()) {
      if (deliveryTag === 0 || tag <= deliveryTag) this.#remove(tag);
    }
  }

  #remove(deliveryTag: number): void {
    const since = this.#settledInTransaction && this.#unsettled.get(deliveryTag);
    if (since !== undefined) this.#settledInTransaction?.push([deliveryTag, since]);
    this.#unsettled.delete(deliveryTag);
  }

  /** From now on a rollback can bring settled tags back. */
  begin(): void {
    this.#settledInTransaction = [];
  }

  commit(): void {
    if (this.#settledInTransaction !== undefined) this.#settledInTransaction = [];
  }

  rollback(): void {
    for (const [tag, since] of this.#settledInTransaction ?? []) this.#unsettled.set(tag, since);
    this.commit();
  }

  /** The broker has them all back: recover, or a closed channel. */
  clear(): void {
    this.#unsettled.clear();
    this.commit();
  }

  /** A channel that is opened anew counts from 1 again. */
  reset(): void {
    this.#unsettled.clear();
    this.#last = 0;
    this.#offset = 0;
    this.#settledInTransaction = undefined;
  }
}
