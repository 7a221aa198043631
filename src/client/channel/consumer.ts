import { fromCaller } from '../../caller';
import { clock } from '../../clock';
import { type AmqpError, ConsumerCancelledError } from '../../errors';
import type { StreamPosition } from '../../topology/stream-position';
import { refusePromiseFor } from '../callbacks';
import { HAPPENING, OPERATION } from '../diagnostics';
import { DISPATCH, type Event } from '../dispatcher';
import { Fifo } from '../fifo';
import type { ChannelSession } from './channel-session';
import type { CancelCallback } from './consume-options';
import type { Consumer, Delivery } from './delivery';
import type { NoAckBuffer } from './no-ack-buffer';
import { PrefetchWindow } from './prefetch-window';
import { unlessEnded } from './requeuing';
import { handOut } from './stream-following';

/** The consumers of a channel, as one of them sees them. */
export interface ConsumerHost {
  readonly session: ChannelSession;
  /** The public channel, whose `onCancel` is for consumers that have none of their own. */
  readonly owner: { onCancel: CancelCallback | undefined };
  cancel(consumerTag: string, options: object): void;
  /** Give messages of one queue back, and wait until they are there. */
  giveBack(queue: string, messages: readonly Delivery[]): void;
}

/** A consumer with a callback, run by the pump. */
export class CallbackConsumer<D extends Delivery = Delivery> implements Consumer, Event {
  tag = '';
  isStream = false;
  queue = '';
  position: StreamPosition | null | undefined;
  readonly noAckBuffer: NoAckBuffer | undefined;
  readonly window: PrefetchWindow;
  #end: ConsumerCancelledError | undefined;

  constructor(
    readonly consumers: ConsumerHost,
    readonly noAck: boolean,
    readonly callback: (message: D) => unknown,
    readonly onCancel: CancelCallback | undefined,
  ) {
    const { host, unacked } = consumers.session;
    this.noAckBuffer = noAck ? host.newNoAckBuffer() : undefined;
    this.window = new PrefetchWindow((deliveryTag) => unacked.has(deliveryTag));
  }

  deliver(message: D): void {
    this.noAckBuffer?.waits(message);
    this.consumers.session.host.dispatcher.push(message);
  }

  handle(message: D): void {
    this.noAckBuffer?.taken(message);
    handOut(message, this);
    if (!this.noAck) this.window.handOut(message.deliveryTag);
    if (HAPPENING.deliver.isHeard) tellOf(message, this, 'callback');
    if (!OPERATION.process.isTraced) return this.#run(message);
    OPERATION.process.trace({ ...this.consumers.session.facts, message }, () => this.#run(message));
  }

  #run(message: D): void {
    refusePromiseFor(message, this.callback(message), 'a consumer callback');
  }

  forget(): void {}

  ended(error: AmqpError): void {
    if (!(error instanceof ConsumerCancelledError)) return;
    this.#end = error;
    this.consumers.session.host.dispatcher.push(this);
  }

  /** The broker cancelled it: tell the user, who learns it from the pump if there is no callback. */
  [DISPATCH](): unknown {
    const { owner } = this.consumers;
    const onCancel = this.onCancel ?? owner.onCancel;
    const error = this.#end as ConsumerCancelledError;
    if (onCancel === undefined) throw fromCaller(error);
    return onCancel(this.tag, error);
  }
}

/** The program gets a message now. */
function tellOf(
  message: Delivery,
  { consumers, queue }: { consumers: ConsumerHost; queue: string },
  by: 'callback' | 'loop',
): void {
  HAPPENING.deliver.tell({ ...consumers.session.facts, message, queue, by });
}

/** The broker says nothing of why. `held`: milliseconds for which its channel has held the oldest message, if it holds any. */
export function cancelled({ tag, noAck }: Consumer, held: number | undefined): ConsumerCancelledError {
  const late =
    noAck || held === undefined
      ? ''
      : `, or a message was not settled before the consumer timeout (the oldest that the channel holds came ${(held / 1000).toFixed(1)} s ago)`;
  return new ConsumerCancelledError(
    `the broker cancelled consumer "${tag}": its queue was deleted or has moved${late}`,
    { consumerTag: tag },
  );
}

/** A consumer could not be started again after the connection was recovered. */
export function notRestarted(tag: string, cause: AmqpError): ConsumerCancelledError {
  return new ConsumerCancelledError(cause.message, { consumerTag: tag, code: 'CONSUMER_LOST', cause });
}

export interface IteratorLimits {
  /** Milliseconds without a message after which the iteration ends. */
  timeout: number;
  /** Messages after which the iteration ends. */
  limit: number;
}

/**
 * A consumer as a synchronous iterator: `next` blocks until there is a message. Leaving a `for` loop in
 * any way cancels the consumer and gives back to the queue what had come but was not handed out.
 *
 *   [consuming] --break, throw, return, limit, timeout--> [over]
 *        |                                                  ^
 *        +-- cancelled by the broker, channel closed -------+  after the buffer is handed out
 */
export class IteratorConsumer<D extends Delivery = Delivery> implements Consumer {
  tag = '';
  isStream = false;
  position: StreamPosition | null | undefined;
  queue = '';
  readonly #buffer = new Fifo<D>();
  #over = false;
  #error: AmqpError | undefined;
  #left: number;
  readonly noAckBuffer: NoAckBuffer | undefined;
  readonly window: PrefetchWindow;

  constructor(
    readonly consumers: ConsumerHost,
    readonly noAck: boolean,
    readonly limits: IteratorLimits,
  ) {
    this.#left = limits.limit;
    const { host, unacked } = consumers.session;
    this.noAckBuffer = noAck ? host.newNoAckBuffer() : undefined;
    this.window = new PrefetchWindow((deliveryTag) => unacked.has(deliveryTag));
  }

  /** Waitable: there is a message, something to dispatch on the way, or no more to come. */
  get isDone(): boolean {
    return this.#buffer.length > 0 || this.#error !== undefined || this.#dispatchable;
  }

  get awaited(): string {
    return `a message of consumer "${this.tag}"${this.queue && ` of queue "${this.queue}"`}`;
  }

  get #dispatchable(): boolean {
    const { dispatcher } = this.consumers.session.host;
    return !dispatcher.busy && dispatcher.isDone;
  }

  deliver(message: D): void {
    this.noAckBuffer?.waits(message);
    this.#buffer.push(message);
  }

  handle(message: D): void {
    this.#buffer.push(message);
  }

  forget(): void {
    this.#buffer.retain((message) => message.noAck);
  }

  ended(error: AmqpError): void {
    this.#error ??= error;
  }

  /**
   * The next message; undefined: the iteration is over, and left. Blocks; callbacks of other consumers run meanwhile.
   * @throws {ConsumerCancelledError} the broker ended the consumer
   * @throws {ChannelClosedError | ConnectionClosedError} the channel ended
   */
  next(): D | undefined {
    if (this.#over || this.#left <= 0) return this.leave();
    try {
      const message = this.take(this.limits.timeout);
      if (message === undefined) return this.leave();
      this.#left--;
      return message;
    } catch (error) {
      this.#abandon(); // a `for` loop does not call `return` when `next` throws
      throw error;
    }
  }

  /** Messages that have come and were not handed out. */
  get waiting(): number {
    return this.#buffer.length;
  }

  /** Like `next`, but goes on when `timeout` ms have passed (undefined) or something was thrown. */
  take(timeout: number): D | undefined {
    const { events } = this.consumers.session.host;
    events.checkInterrupt();
    return this.#wait(events.eventDeadline(timeout));
  }

  #wait(deadline: number): D | undefined {
    const { session } = this.consumers;
    const { dispatcher, events } = session.host;
    // one of the others first: a queue that is never empty must not starve them
    if (!dispatcher.busy) dispatcher.runOne();
    for (;;) {
      const message = this.#buffer.shift();
      if (message !== undefined) {
        this.noAckBuffer?.taken(message);
        handOut(message, this);
        if (!this.noAck) this.window.handOut(message.deliveryTag);
        if (HAPPENING.deliver.isHeard) tellOf(message, this, 'loop');
        return message;
      }
      if (this.#error !== undefined) throw session.report(this.#error);
      if (this.#over) return undefined; // a callback has left it
      if (!dispatcher.busy && dispatcher.runOne()) continue;
      if (events.waitFor(this, deadline) || clock.now() < deadline) continue;
      events.checkLimit();
      return undefined;
    }
  }

  /** Leave without hiding the error that made it necessary. */
  #abandon(): void {
    try {
      this.leave();
    } catch {
      // the channel is beyond help; the broker requeues what it had not settled
    }
  }

  /**
   * Cancel, and give back what was not handed out: when this returns it is in the queue again. Blocks for a round trip,
   * and for some more if there was something to give back; does nothing a second time. If the channel ends meanwhile,
   * that is for the next call to tell.
   */
  leave(): undefined {
    if (this.#over) return;
    this.#over = true;
    const { consumers } = this;
    const { session } = consumers;
    try {
      if (session.isOpen && this.#error === undefined)
        unlessEnded(session, () => consumers.cancel(this.tag, {}));
    } finally {
      this.noAckBuffer?.drop();
      consumers.giveBack(this.queue, this.#buffer.clear());
    }
  }
}

/** Takes the place of a consumer that has been given up until the broker stops sending: all goes back. */
export class DrainingConsumer implements Consumer {
  readonly noAckBuffer = undefined;
  queue = '';
  readonly position = null;

  constructor(
    public tag: string,
    readonly noAck: boolean,
    public isStream: boolean,
    readonly giveBack: (deliveryTag: number, isStream: boolean) => void,
  ) {}

  deliver(message: Delivery): void {
    if (!this.noAck) this.giveBack(message.deliveryTag, this.isStream);
  }
  handle(message: Delivery): void {
    this.deliver(message);
  }
  forget(): void {}
  ended(): void {}
}
