import type { Channel, PublishOptions } from '../../src/index';
import type { Outgoing } from './envelope';
import { EXIT, Failure } from './failure';
import type { Progress } from './progress';

export interface PublishingOptions extends Omit<PublishOptions, 'timeout' | 'wait'> {
  /** Unconfirmed messages at most. */
  window: number;
  confirm: boolean;
  timeout?: number | undefined;
}

/** Publishes in groups, each confirmed before the next, and stops at the first message that is not taken. */
export class Publishing {
  published = 0;

  constructor(
    readonly channel: Channel,
    readonly options: PublishingOptions,
    readonly progress: Progress,
  ) {
    if (options.confirm) channel.confirmSelect();
  }

  /** @throws {Failure} a message was not taken; those before it were */
  add(messages: readonly Outgoing[]): void {
    const { window, confirm, timeout, ...defaults } = this.options;
    if (confirm) this.#confirmed(messages, { window, timeout, ...defaults });
    else
      for (const { body, ...own } of messages)
        this.channel.basicPublish(body, { ...defaults, ...own, timeout });
    this.published += messages.length;
    const bytes = messages.reduce((sum, { body }) => sum + body.length, 0);
    this.progress.add(messages.length, bytes);
  }

  #confirmed(messages: readonly Outgoing[], options: Parameters<Channel['publishBatch']>[1]): void {
    const results = this.channel.publishBatch(messages, options);
    const index = results.findIndex(({ status }) => status !== 'acked');
    if (index === -1) return;
    const failed = results.filter(({ status }) => status !== 'acked');
    const { status, error } = results[index]!;
    const acked = this.published + results.length - failed.length;
    const isItsOwn = status === 'returned' || status === 'nacked' || error instanceof RangeError;
    if (error !== undefined && !isItsOwn) throw error;
    const number = this.published + index + 1;
    throw new Failure(
      `message ${number} was not taken: ${error?.message}; ${acked} were, ${failed.length} of this group were not`,
      EXIT.NOT_TAKEN,
    );
  }
}
