import { culprit } from '../protocol/culprit';
import type { Outgoing } from '../protocol/handshake';
import type { Args, Method } from '../protocol/method-types';
import { requestOf } from '../protocol/reply-match';
import type { Step } from './plan';

/**
 * One channel of a replay: its requests are sent together, and their replies counted off. A request that the broker
 * refuses takes the channel with it; what was behind it has not been heard, and is sent again.
 *
 *   [idle] --run--> [running] --all answered--> [idle] ...
 *                      | channel.close: close-ok, and after what the referee says
 *                      +--------------------------------> [running] again
 */
export class Lane {
  #isOpen = false;
  #todo: Step[] = [];
  #unanswered: Step[] = [];

  constructor(
    readonly number: number,
    readonly send: (number: number, method: Outgoing) => void,
  ) {}

  get isDone(): boolean {
    return this.#todo.length === 0 && this.#unanswered.length === 0;
  }

  /** Add steps, and send what there is. */
  run(steps: readonly Step[]): void {
    this.#todo.push(...steps);
    if (!this.#isOpen) {
      this.#isOpen = true;
      const method: Outgoing = { name: 'channel.open', args: {} };
      this.#todo.unshift({ entity: 'channel', name: `${this.number}`, method, needs: () => [] });
    }
    for (const step of this.#todo.splice(0)) {
      this.#unanswered.push(step);
      this.send(this.number, step.method);
    }
  }

  /** @returns the step that it is the reply to */
  settle(reply: Method): Step | undefined {
    const index = requestOf(this.#unanswered, reply, ({ method }) => method);
    return index < 0 ? undefined : this.#unanswered.splice(index, 1)[0];
  }

  /** The broker has closed the channel. @returns what it did not like, and what it has not heard */
  refused(close: Args<'channel.close'>): { guilty: Step | undefined; rest: Step[] } {
    const { quoted, alike } = culprit(this.#unanswered, close, ({ method }) => method);
    const guilty = quoted ?? alike ?? this.#unanswered[0];
    const rest = this.#unanswered.filter((step) => step !== guilty && step.method.name !== 'channel.open');
    this.#unanswered = [];
    this.#isOpen = false;
    this.send(this.number, { name: 'channel.close-ok', args: {} });
    return { guilty, rest };
  }

  /** Give the number back. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const args = { replyCode: 200, replyText: 'Normal shutdown' };
    this.send(this.number, { name: 'channel.close', args });
  }

  get unanswered(): readonly Step[] {
    return this.#unanswered;
  }
}
