import { culprit } from '../protocol/culprit';
import type { Outgoing } from '../protocol/handshake';
import type { Args, Method } from '../protocol/method-types';
import { requestOf } from '../protocol/reply-match';
import type { Step } from './replay-steps';

/**
 * The channel of a replay: its requests are sent together, and their replies counted off. A request that the broker
 * refuses takes the channel with it; what was behind it was not carried out, and is sent again.
 *
 *   [idle] --run--> [running] --all answered--> [idle] ...
 *                      | channel.close: close-ok, and after a pause
 *                      +--------------------------------> [running] again
 */
export class ReplayChannel {
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

  /** The broker has closed the channel. @returns the step that it refused, and those behind it */
  refused(close: Args<'channel.close'>): { guilty: Step | undefined; rest: Step[] } {
    const { quoted, alike } = culprit(this.#unanswered, close, ({ method }) => method);
    const guilty = quoted ?? alike ?? this.#unanswered[0];
    const rest = this.#unanswered.filter((step) => step !== guilty && step.method.name !== 'channel.open');
    this.#unanswered = [];
    this.#isOpen = false;
    this.send(this.number, { name: 'channel.close-ok', args: {} });
    return { guilty, rest };
  }

  /** Close the channel: its number is free again. */
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
