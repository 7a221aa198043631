import { type AmqpError, StaleDeliveryError } from '../errors';
import { TopologyChannel } from './channel-topology';
import { checkInteger, checkOptions } from './checks';
import { Deliveries } from './deliveries';
import { type HowSettled, type Settlement, settlementBits, writeSettlement } from './settlement';

const NAMES = {
  basicAck: new Set(['multiple']),
  basicNack: new Set(['multiple', 'requeue']),
  basicReject: new Set(['requeue']),
};

const NO_OPTIONS = {};

/** The verbs that settle deliveries, and what is known of them. */
export abstract class SettlingChannel extends TopologyChannel {
  /** @internal */
  protected readonly deliveries = new Deliveries();
  /** The least prefetch that was asked for. */
  #prefetch = Number.POSITIVE_INFINITY;
  /** Settlements since the last one that was urgent. */
  #unhurried = 0;

  /** @internal */
  protected override renew(): void {
    super.renew();
    this.deliveries.reset();
    this.#prefetch = Number.POSITIVE_INFINITY;
  }

  /** @internal */
  protected override get nextDelivery(): number {
    return this.deliveries.nextOnWire;
  }

  /** The broker is asked for no more than `count` unsettled messages (0: no limit). @internal */
  protected limited(count: number): void {
    if (count > 0) this.#prefetch = Math.min(this.#prefetch, count);
  }

  /** Is this delivery still to be acked, nacked or rejected? */
  isUnsettled(deliveryTag: number): boolean {
    return this.deliveries.has(deliveryTag);
  }

  /**
   * Take responsibility for a message, or with `multiple` for all up to it (0: for all). Does not block.
   * @throws {AlreadySettledError} it was settled before, or needs no ack; nothing is sent, the channel lives
   * @throws {RangeError} no such message was delivered
   * @throws {StaleDeliveryError} with `recovery.staleDeliveries: 'error'`: the connection was recovered since; else
   *   that is no error, for the broker delivers the message again
   * @see AMQP 0-9-1 §1.8.3.13 (basic.ack)
   */
  basicAck(deliveryTag: number, options: { multiple?: boolean | undefined } = NO_OPTIONS): void {
    if (options !== NO_OPTIONS) checkOptions('basicAck', options, NAMES.basicAck);
    this.#settle('basic.ack', deliveryTag, options);
  }

  /** Give messages back (`requeue`, default true) or away. Does not block. Throws like `basicAck`. */
  basicNack(
    deliveryTag: number,
    options: { multiple?: boolean | undefined; requeue?: boolean | undefined } = {},
  ): void {
    checkOptions('basicNack', options, NAMES.basicNack);
    this.#settle('basic.nack', deliveryTag, { multiple: options.multiple, requeue: options.requeue ?? true });
  }

  /** Give a message away (dead letters), or back with `requeue: true`. Does not block. Throws like `basicAck`. */
  basicReject(deliveryTag: number, options: { requeue?: boolean | undefined } = {}): void {
    checkOptions('basicReject', options, NAMES.basicReject);
    this.#settle('basic.reject', deliveryTag, { requeue: options.requeue });
  }

  #settle(method: Settlement, deliveryTag: number, how: HowSettled): void {
    const multiple = how.multiple === true;
    checkInteger(deliveryTag, 'deliveryTag', multiple ? 0 : 1, Number.MAX_SAFE_INTEGER);
    this.checkOpen(method);
    if (this.deliveries.isStale(deliveryTag)) return this.#stale(method, deliveryTag);
    this.deliveries.check(deliveryTag, multiple, this.id);
    const bits = settlementBits(method, how);
    const { pump } = this.connection;
    const tag = this.deliveries.onWire(deliveryTag);
    if (bits === undefined || !writeSettlement(pump, this.id, method, tag, bits, this.#isUrgent))
      this.send(method, { deliveryTag: tag, ...how }, tag);
    else this.blame.remember(method, tag);
    this.deliveries.settle(deliveryTag, multiple);
  }

  /** The broker has the message back, and delivers it again: there is nothing to be done about it. */
  #stale(method: Settlement, deliveryTag: number): void {
    if (this.connection.recovery?.staleDeliveries !== 'error') return;
    throw new StaleDeliveryError(
      `${method} was not sent: message ${deliveryTag} came before the connection was recovered; the broker delivers it again`,
      { method, outcome: 'not-sent' },
    );
  }

  /** @internal */
  protected override paused(error: AmqpError): void {
    super.paused(error);
    this.deliveries.interrupt();
  }

  /** The broker must not run dry for want of them: a quarter of the prefetch may wait for the worker's next look. */
  get #isUrgent(): boolean {
    if (++this.#unhurried * 4 < this.#prefetch) return false;
    this.#unhurried = 0;
    return true;
  }
}
