import { StaleDeliveryError } from '../../errors';
import { HAPPENING } from '../diagnostics';
import { checkInteger } from '../options/checks';
import type { ChannelPart } from './channel-part';
import type { ChannelSession } from './channel-session';
import { type HowSettled, type Settlement, settlementBits, writeSettlement } from './settle-writer';

/** Settles the deliveries of a channel: basic.ack, basic.nack, basic.reject. */
export class Settler implements ChannelPart {
  /** The least prefetch that was asked for. */
  #prefetch = Number.POSITIVE_INFINITY;
  /** Settlements since the last one that was urgent. */
  #unhurried = 0;
  /** Consumers that the broker has cancelled and the client has not yet, by tag: the last delivery that may be theirs. */
  readonly #suspended = new Map<string, number>();

  constructor(readonly session: ChannelSession) {}

  opening(): void {
    this.#prefetch = Number.POSITIVE_INFINITY;
    this.#suspended.clear();
  }

  connectionLost(): void {
    this.#suspended.clear();
  }

  /** The broker is asked for no more than `count` unsettled messages (0: no limit). */
  limit(count: number): void {
    if (count > 0) this.#prefetch = Math.min(this.#prefetch, count);
  }

  settle(method: Settlement, deliveryTag: number, how: HowSettled): void {
    const multiple = how.multiple === true;
    checkInteger(deliveryTag, 'deliveryTag', multiple ? 0 : 1, Number.MAX_SAFE_INTEGER);
    const { session } = this;
    const { id, unacked, host } = session;
    session.checkOpen(method);
    if (unacked.isStale(deliveryTag)) return this.#stale(method, deliveryTag);
    unacked.check(deliveryTag, multiple, id);
    const bits = settlementBits(method, how);
    const tag = unacked.onWire(deliveryTag);
    if (this.#suspended.size > 0) this.endSuspended((_, last) => multiple || deliveryTag <= last);
    if (bits === undefined || !writeSettlement(host.pump, id, method, tag, bits, this.#isUrgent))
      session.send(method, { deliveryTag: tag, ...how }, tag);
    else session.history.remember(method, tag);
    unacked.settle(deliveryTag, multiple);
    if (!HAPPENING.settle.isHeard) return;
    const { requeue = false } = how;
    HAPPENING.settle.tell({ ...session.facts, method, deliveryTag, multiple, requeue });
  }

  /** The broker has the message back, and delivers it again: there is nothing to be done about it. */
  #stale(method: Settlement, deliveryTag: number): void {
    if (this.session.host.recoveryPolicy?.staleDeliveries !== 'error') return;
    throw new StaleDeliveryError(
      `${method} was not sent: message ${deliveryTag} came before the connection was recovered; the broker delivers it again`,
      { method, outcome: 'not-sent' },
    );
  }

  /** The broker must not run dry for want of them: a quarter of the prefetch may wait for the worker's next look. */
  get #isUrgent(): boolean {
    if (++this.#unhurried * 4 < this.#prefetch) return false;
    this.#unhurried = 0;
    return true;
  }

  /**
   * The broker has cancelled a consumer. RabbitMQ 4.3 only suspends one that has held a message for too long: any settlement
   * of what it brought revives it, and its tag stays taken, until the client cancels it, too. A channel that holds a message of
   * a cancelled consumer for too long is closed, however: so the cancel waits for the first settlement, and goes ahead of it.
   */
  suspended(consumerTag: string): void {
    const { unacked } = this.session;
    if (unacked.size === 0) this.session.respond('basic.cancel', { consumerTag, noWait: true });
    else this.#suspended.set(consumerTag, unacked.last);
  }

  /** Cancel suspended consumers, ahead of what is about to be sent. May block. */
  endSuspended(isMeant: (consumerTag: string, last: number) => boolean): void {
    for (const [consumerTag, last] of this.#suspended) {
      if (!isMeant(consumerTag, last)) continue;
      this.#suspended.delete(consumerTag);
      this.session.send('basic.cancel', { consumerTag, noWait: true }, consumerTag);
    }
  }

  /** Give back a delivery that nobody will see. A stream takes nothing back; there an ack only asks for more. */
  giveBack(deliveryTag: number, isStream = false): void {
    const { unacked } = this.session;
    for (const consumerTag of this.#suspended.keys())
      this.session.respond('basic.cancel', { consumerTag, noWait: true });
    this.#suspended.clear();
    unacked.settle(deliveryTag, false);
    const tag = unacked.onWire(deliveryTag);
    if (isStream) this.session.respond('basic.ack', { deliveryTag: tag });
    else this.session.respond('basic.nack', { deliveryTag: tag, requeue: true });
  }
}
