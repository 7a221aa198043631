import type { Input } from '../../protocol/method-types';
import type { CallOptions } from './checks';
import type { MessageProperties } from './conversions';

/**
 * How to publish a message with a verb: the address, what the broker is to do, and the properties of the
 * message.
 */
export interface PublishOptions extends Input<'basic.publish'>, MessageProperties, CallOptions {
  /** Confirm mode: false leaves waiting to `waitForConfirms`. Default true. */
  wait?: boolean | undefined;
  /**
   * Confirm mode of a connection with recovery: if that is lost before the confirm came, publish again until one
   * does. Then the message arrives at least once, perhaps twice. Default `recovery.republish`.
   */
  retry?: boolean | undefined;
}

/** Publishing mode of a channel: transactions and confirms exclude each other. */
export type ChannelMode = 'none' | 'tx' | 'confirm';

/** How to publish many: address and properties are for those messages that have none of their own. */
export interface BatchOptions extends Omit<PublishOptions, 'wait' | 'timeout'> {
  /** Unconfirmed messages at most; default 1000. */
  window?: number | undefined;
  /** Milliseconds for the whole batch; default: `callTimeout`, counted anew with each confirm. */
  timeout?: number | undefined;
}

/** With this option a batch hands its results on, one by one, and returns their number: memory stays flat, for millions, too. */
export interface ResultReceiver {
  /**
   * Called with what became of each message, in order, as it becomes known; `index` counts from 0. It may make blocking
   * calls. What it throws ends the batch; of what was sent and not told yet, `waitForConfirms` tells.
   */
  onResult: (result: PublishResult, index: number) => void;
}

/** How many messages of a batch came to which end. */
export type BatchCounts = Record<PublishResult['status'], number>;

/** What became of one message. */
export interface PublishResult {
  /** In confirm mode's count; undefined when it was not sent. */
  seqNo: number | undefined;
  /**
   * `acked`: the broker has it, or no queue took it and it was not `mandatory`. `returned`: no queue took it. `nacked`: the
   * broker refused it. `failed`: it closed the channel. `unknown`: nobody knows. `not-sent`: it never left.
   */
  status: 'acked' | 'returned' | 'nacked' | 'failed' | 'unknown' | 'not-sent';
  /** Why it was not acked; undefined when it was. */
  error: Error | undefined;
}
