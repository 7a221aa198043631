import { clock } from '../../clock';
import { HAPPENING } from '../diagnostics';
import { DISPATCH, type Dispatcher } from '../dispatcher';
import type { Pump } from '../pump';

/** The connection, as far as the broker's alarms concern it. */
interface BlockedConnection {
  readonly owner: {
    onBlocked: ((reason: string) => void) | undefined;
    onUnblocked: (() => void) | undefined;
  };
  readonly pump: Pump;
  readonly dispatcher: Dispatcher;
}

/** connection.blocked: the broker takes no publishes for a while, because of an alarm. */
export class PublishBlock {
  /** Why, in the broker's words; undefined while it takes them. */
  reason: string | undefined;
  #since = 0;
  #total = 0;

  constructor(readonly connection: BlockedConnection) {}

  /** Milliseconds of all blocks, with the one that lasts. */
  get duration(): number {
    return this.#total + (this.reason === undefined ? 0 : clock.now() - this.#since);
  }

  begin(reason: string): void {
    const { owner, pump, dispatcher } = this.connection;
    if (this.reason === undefined) this.#since = clock.now();
    this.reason = reason;
    pump.isHeld = true;
    this.#tell();
    dispatcher.push({ [DISPATCH]: () => owner.onBlocked?.(reason) });
  }

  /** The broker takes publishes again, or is gone. */
  end(): void {
    if (this.reason === undefined) return;
    const { owner, pump, dispatcher } = this.connection;
    this.#total = this.duration;
    this.reason = undefined;
    pump.isHeld = pump.suspended;
    this.#tell();
    dispatcher.push({ [DISPATCH]: () => owner.onUnblocked?.() });
  }

  #tell(): void {
    const { reason } = this;
    if (!HAPPENING.blocked.isHeard) return;
    HAPPENING.blocked.tell({ connection: this.connection.owner, isBlocked: reason !== undefined, reason });
  }
}
