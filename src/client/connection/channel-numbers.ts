import { LateDeliveries } from '../../protocol/late-deliveries';

/**
 * Which number a new channel gets. The broker may still be writing to one that was given back, so that rests as long
 * as can be: first come the numbers that were never used, then the one that has rested longest.
 */
export class ChannelNumbers {
  /** Numbers that were given back, with what may come late for them; the one that rests longest first. */
  readonly #past = new Map<number, LateDeliveries>();
  /** The lowest number that was never handed out in turn; those below are in use, or past. */
  #unused = 1;

  /** @returns undefined: there is none */
  next(
    max: number,
    isInUse: (id: number) => boolean,
    isReserved: (id: number) => boolean,
  ): number | undefined {
    while (isInUse(this.#unused) || this.#past.has(this.#unused)) this.#unused++;
    if (this.#unused <= max) return this.#unused;
    for (const id of this.#past.keys()) if (id <= max && !isReserved(id)) return id;
    return undefined;
  }

  /** @returns what may come late for earlier channels */
  take(id: number): LateDeliveries {
    const late = this.#past.get(id) ?? new LateDeliveries();
    this.#past.delete(id);
    return late;
  }

  giveBack(id: number, late: LateDeliveries): void {
    this.#past.delete(id);
    this.#past.set(id, late);
  }

  /** What may come late for a number that was given back. */
  late(id: number): LateDeliveries | undefined {
    return this.#past.get(id);
  }

  /** The connection is lost, and with it what had still to come. */
  lost(): void {
    for (const late of this.#past.values()) late.clear();
  }
}
