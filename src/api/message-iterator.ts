import type { IteratorConsumer } from '../client/channel/consumer';
import { showAs } from '../shown';
import type { IncomingMessage } from './message';

/** Gets the messages of a consumer, one at a time. */
export type MessageCallback = (message: IncomingMessage) => unknown;

/** A queue to loop over: what `channel.consume` gives. Its `return` cancels the consumer. */
export interface MessageIterator extends IterableIterator<IncomingMessage>, Disposable {
  /** The consumer tag. */
  readonly tag: string;
}

/** The consumer behind a loop. */
export class LoopedConsumer implements MessageIterator {
  readonly #consumer: IteratorConsumer<IncomingMessage>;
  readonly #channel: number;

  /** @internal */
  constructor(consumer: IteratorConsumer<IncomingMessage>, channel: number) {
    this.#consumer = consumer;
    this.#channel = channel;
  }

  /** The consumer tag. */
  get tag(): string {
    return this.#consumer.tag;
  }

  /** Itself: what a `for` loop asks for. */
  [Symbol.iterator](): this {
    return this;
  }

  /**
   * Blocks until there is a message; callbacks of other consumers run meanwhile.
   * @throws {ConsumerCancelledError} the broker ended the consumer
   * @throws {ChannelClosedError | ConnectionClosedError} the channel ended
   */
  next(): IteratorResult<IncomingMessage, undefined> {
    const value = this.#consumer.next();
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  /**
   * Cancel, and give back what was not handed out: when this returns it is in the queue again. Blocks for a round trip,
   * and for some more if there was something to give back; does nothing a second time. If the channel ends meanwhile,
   * that is for the next call to tell.
   */
  return(): IteratorResult<IncomingMessage, undefined> {
    this.#consumer.leave();
    return { done: true, value: undefined };
  }

  /** `return`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.return();
  }

  static {
    showAs(LoopedConsumer, (iterator) => ({
      consumerTag: iterator.tag,
      waiting: iterator.#consumer.waiting,
      channel: iterator.#channel,
    }));
  }
}
