import type { Goal, WaitWatch } from '../../bridge/link';
import { clock } from '../../clock';
import type { Command } from '../../contract/session-options';
import type { HostedChannel } from '../channel/channel-host';

/** The connection, as far as it is told of. */
interface Watched {
  readonly channels: ReadonlyMap<number, HostedChannel>;
  readonly dispatcher: { readonly length: number };
  readonly state: string;
  readonly blockedReason: string | undefined;
}

/** The waits of this thread on a connection, for AMQP_SYNC_DEBUG: the worker hears of the one that is on, while it lasts. */
export class WaitsOfMain implements WaitWatch {
  #count = 0;
  #goal: Goal | undefined;
  #began = 0;
  #deadline = 0;
  /** The waits that begin are part of the one that is on. */
  #isWhole = false;

  constructor(readonly session: Watched) {}

  whole<T>(goal: Goal, deadline: number, fn: () => T): T {
    this.begin(goal, deadline);
    this.#isWhole = true;
    try {
      return fn();
    } finally {
      this.#isWhole = false;
    }
  }

  begin(goal: Goal, deadline: number): void {
    if (this.#isWhole) return;
    this.#count++;
    this.#goal = goal;
    this.#began = clock.now();
    this.#deadline = deadline;
  }

  report(): Command {
    const { channels, dispatcher, state, blockedReason } = this.session;
    const goal = this.#goal;
    const now = clock.now();
    const all = [...channels.values()];
    const report = {
      wait: this.#count,
      what: goal?.awaited ?? 'whatever comes',
      channel: goal?.channel ?? all.find((channel) => goal !== undefined && channel.isAwaiting(goal))?.id,
      waited: now - this.#began,
      left: this.#deadline - now,
      state,
      blockedReason,
      events: dispatcher.length,
      channels: all.map(({ id, unacked, unconfirmed }) => ({ id, unsettled: unacked.size, unconfirmed })),
    };
    return { command: 'waits', report };
  }
}
