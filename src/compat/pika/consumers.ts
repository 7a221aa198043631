import type { IncomingMessage } from '../../api/message';
import { CallbackConsumer, IteratorConsumer } from '../../client/channel/consumer';
import { GIVE_BACK } from '../../client/channel/delivery';
import { DISPATCH } from '../../client/dispatcher';

/** A consumer with a callback: after its end, or its channel's, nothing is handed over any more. */
export class Subscriber extends CallbackConsumer<IncomingMessage> {
  /** Messages that need no ack, have come, and were not handed over: `basic_cancel` returns them. */
  readonly waiting = new Set<IncomingMessage>();
  over = false;

  override deliver(message: IncomingMessage): void {
    if (this.noAck) this.waiting.add(message);
    super.deliver(message);
  }

  override handle(message: IncomingMessage): void {
    this.waiting.delete(message);
    if (this.#isOver) message[GIVE_BACK]();
    else super.handle(message);
  }

  override [DISPATCH](): void {
    if (!this.#isOver) super[DISPATCH]();
  }

  get #isOver(): boolean {
    return this.over || !this.consumers.session.isOpen;
  }
}

/** The consumer behind `consume()`; what it was asked for, as a later call must ask for the same. */
export class Source extends IteratorConsumer<IncomingMessage> {
  wanted: readonly unknown[] = [];
}
