import { inVain, refusePromiseFor } from '../client/callbacks';
import { HAPPENING } from '../client/diagnostics';
import { checkBoolean, checkFunction, checkOptions } from '../client/options/checks';
import { InterruptedError } from '../errors';
import { showAs } from '../shown';
import { CONSUMER_ARGUMENTS } from './arguments';
import { giveUp, type IncomingMessage } from './message';
import type { MessageCallback } from './message-iterator';
import type { Queue, QueueConsumeOptions } from './queue';

/**
 * Decides about a message whose `fn` threw: settles it, or leaves that to the subscription (reject). What it
 * throws is thrown by `drainEvents`.
 */
export type FailureHandler = (error: unknown, message: IncomingMessage, queue: Queue) => unknown;

/** Options of `queue.subscribe`. */
export interface SubscribeOptions extends Omit<QueueConsumeOptions, 'noAck'> {
  /** Where a throw sends the message: back to the queue (default), or away (dead letters). */
  requeue?: boolean | undefined;
  /** Send a message away that comes for the second time, even if `requeue` is set. */
  rejectOnRedelivered?: boolean | undefined;
  /** Takes what `fn` throws: `retry({ … })`, or a function of your own. */
  onError?: FailureHandler | undefined;
}

const OWN = ['requeue', 'rejectOnRedelivered', 'onError'];
const NAMES = new Set([
  ...OWN,
  ...['exclusive', 'consumerTag', 'prefetch', 'arguments', 'onCancel', 'timeout'],
  ...Object.keys(CONSUMER_ARGUMENTS),
]);

/**
 * A consumer that settles its messages by itself; see `Queue.subscribe`. With `using` it is cancelled at the
 * end of the block.
 */
export class Subscription implements Disposable {
  /** The consumer tag. */
  readonly tag: string;
  readonly #fn: MessageCallback;
  readonly #requeue: boolean;
  readonly #rejectOnRedelivered: boolean;
  readonly #onError: FailureHandler | undefined;
  readonly #verb: string;

  /** Use `queue.subscribe`. */
  constructor(
    /** The queue it reads. */
    readonly queue: Queue,
    fn: MessageCallback,
    options: SubscribeOptions,
    verb = 'subscribe',
  ) {
    this.#verb = verb;
    checkOptions('subscribe', options, NAMES);
    checkFunction(fn, 'fn');
    const { requeue = true, rejectOnRedelivered = false, onError, ...rest } = options;
    checkBoolean(requeue, 'requeue');
    checkBoolean(rejectOnRedelivered, 'rejectOnRedelivered');
    if (onError !== undefined) checkFunction(onError, 'onError');
    this.#fn = fn;
    this.#requeue = requeue;
    this.#rejectOnRedelivered = rejectOnRedelivered;
    this.#onError = onError;
    this.tag = queue.consume((message) => this.#handle(message), rest);
  }

  #handle(message: IncomingMessage): void {
    let result: unknown;
    try {
      result = this.#fn(message);
    } catch (error) {
      return this.#failed(error, message);
    }
    refusePromiseFor(message, result, this.#verb);
    if (!message.isSettled) message.ack();
  }

  #failed(error: unknown, message: IncomingMessage): void {
    // an interrupt is no failure of the message's, and on a closed channel nothing can be decided any more
    const isOurs = error instanceof InterruptedError || !this.queue.channel.isOpen;
    if (this.#onError === undefined || isOurs) {
      inVain(() => this.#giveUp(message));
      throw error;
    }
    tellOfFailure(message, error);
    try {
      refusePromiseFor(message, this.#onError(error, message, this.queue), 'onError');
    } catch (failure) {
      inVain(() => message[Symbol.dispose]());
      throw failure;
    }
    this.#giveUp(message);
  }

  #giveUp(message: IncomingMessage): void {
    giveUp(message, this.#requeue && !(this.#rejectOnRedelivered && message.redelivered));
  }

  /**
   * End it; what `fn` has not seen yet is requeued. Blocks for a round trip; again: nothing.
   * @example
   * const subscription = queue.subscribe(work);
   * connection.loop({ timeout: 60_000 }); subscription.cancel();
   */
  cancel(): void {
    const { channel } = this.queue;
    if (channel.isOpen && channel.consumerTags.includes(this.tag)) this.queue.cancel(this.tag);
  }

  /** `cancel`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.cancel();
  }
}

/** What a function has thrown over a message goes no further. */
export function tellOfFailure(message: IncomingMessage, error: unknown): void {
  const { channel } = message;
  if (HAPPENING.failure.isHeard)
    HAPPENING.failure.tell({ connection: channel.connection, channel, message, error });
}

showAs(Subscription, ({ tag, queue }) => ({
  consumerTag: tag,
  queue: queue.name,
  channel: queue.channel.id,
}));
