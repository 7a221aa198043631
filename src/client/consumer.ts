import { fromCaller } from '../caller';
import { clock } from '../clock';
import { type AmqpError, ConsumerCancelledError } from '../errors';
import { showAs } from '../shown';
import type { StreamPosition } from '../topology/stream-position';
import type { Backlog } from './backlog';
import type { Channel } from './channel';
import type { Event } from './dispatcher';
import { Fifo } from './fifo';
import { type IncomingMessage, refusePromiseFor } from './message';
import { PrefetchWindow } from './prefetch-window';
import { giveBack, unlessEnded } from './requeuing';
import { handOut } from './stream-following';

export type MessageCallback = (message: IncomingMessage) => unknown;
export type CancelCallback = (consumerTag: string) => unknown;

/** Who a delivery is for. */
export interface Consumer {
  readonly tag: string;
  readonly noAck: boolean;
  /** It reads a stream, which takes nothing back: see `IncomingMessage.giveUp`. */
  isStream: boolean;
  /** How far it has come, if it reads a stream that recovery goes on with; null if not. @internal */
  position?: StreamPosition | null | undefined;
  /** What it consumes from, by the name that the queue had when it began. */
  queue: string;
  /** Of one without acknowledgements: what waits for it. @internal */
  readonly backlog: Backlog | undefined;
  /** Of one whose messages the program settles. @internal */
  readonly window?: PrefetchWindow;
  /** A message came off the wire. */
  deliver(message: IncomingMessage): void;
  /** The pump hands the message over. */
  handle(message: IncomingMessage): void;
  /** What it has, and has to be acked, will be delivered again. */
  forget(): void;
  /** The connection is lost, and will be recovered; `forget` has been called. */
  interrupted?(error: AmqpError): void;
  /** The broker, or the end of the channel, took the consumer away; an error says which. */
  ended(error: AmqpError): void;
}

/** A consumer with a callback, run by the pump. */
export class CallbackConsumer implements Consumer, Event {
  tag = '';
  isStream = false;
  queue = '';
  /** @internal */
  position: StreamPosition | null | undefined;
  /** @internal */
  readonly backlog: Backlog | undefined;
  /** @internal */
  readonly window: PrefetchWindow;
  #end: AmqpError | undefined;

  constructor(
    readonly channel: Channel,
    readonly noAck: boolean,
    readonly callback: MessageCallback,
    readonly onCancel: CancelCallback | undefined,
  ) {
    this.backlog = noAck ? channel.connection.newBacklog() : undefined;
    this.window = new PrefetchWindow((deliveryTag) => channel.isUnsettled(deliveryTag));
  }

  deliver(message: IncomingMessage): void {
    this.backlog?.waits(message);
    this.channel.connection.dispatcher.push(message);
  }

  handle(message: IncomingMessage): void {
    this.backlog?.taken(message);
    handOut(message, this);
    if (!this.noAck) this.window.handOut(message.deliveryTag);
    refusePromiseFor(message, this.callback(message), 'a consumer callback');
  }

  forget(): void {}

  ended(error: AmqpError): void {
    if (!(error instanceof ConsumerCancelledError)) return;
    this.#end = error;
    this.channel.connection.dispatcher.push(this);
  }

  /** The broker cancelled it: tell the user, who learns it from the pump if there is no callback. */
  dispatch(): unknown {
    const onCancel = this.onCancel ?? this.channel.onCancel;
    if (onCancel === undefined) throw fromCaller(this.#end ?? cancelled(this.tag));
    return onCancel(this.tag);
  }
}

export function cancelled(tag: string): ConsumerCancelledError {
  return new ConsumerCancelledError(
    `the broker cancelled consumer "${tag}": its queue was deleted or has moved`,
    { consumerTag: tag },
  );
}

/** It could not be started again after the connection was recovered. */
export function notRestarted(tag: string, cause: AmqpError): ConsumerCancelledError {
  return new ConsumerCancelledError(cause.message, { consumerTag: tag, code: 'CONSUMER_LOST', cause });
}

export interface IteratorLimits {
  /** Milliseconds without a message after which the iteration ends. */
  timeout: number;
  /** Messages after which the iteration ends. */
  limit: number;
}

/** A queue to loop over: what `channel.consume` gives. Its `return` cancels the consumer. */
export interface MessageIterator extends IterableIterator<IncomingMessage>, Disposable {
  readonly tag: string;
}

/**
 * A consumer as a synchronous iterator: `next` blocks until there is a message. Leaving a `for` loop in
 * any way cancels the consumer and gives back to the queue what had come but was not handed out.
 *
 *   [consuming] --break, throw, return, limit, timeout--> [over]
 *        |                                                  ^
 *        +-- cancelled by the broker, channel closed -------+  after the buffer is handed out
 */
export class IteratorConsumer implements Consumer, MessageIterator {
  tag = '';
  isStream = false;
  /** @internal */
  position: StreamPosition | null | undefined;
  queue = '';
  readonly #buffer = new Fifo<IncomingMessage>();
  #over = false;
  #error: AmqpError | undefined;
  #left: number;
  /** @internal */
  readonly backlog: Backlog | undefined;
  /** @internal */
  readonly window: PrefetchWindow;

  constructor(
    readonly channel: Channel,
    readonly noAck: boolean,
    readonly limits: IteratorLimits,
  ) {
    this.#left = limits.limit;
    this.backlog = noAck ? channel.connection.newBacklog() : undefined;
    this.window = new PrefetchWindow((deliveryTag) => channel.isUnsettled(deliveryTag));
  }

  /** Waitable: there is a message, something to dispatch on the way, or no more to come. */
  get settled(): boolean {
    return this.#buffer.length > 0 || this.#error !== undefined || this.#dispatchable;
  }

  get #dispatchable(): boolean {
    const { dispatcher } = this.channel.connection;
    return !dispatcher.busy && dispatcher.settled;
  }

  deliver(message: IncomingMessage): void {
    this.backlog?.waits(message);
    this.#buffer.push(message);
  }

  handle(message: IncomingMessage): void {
    this.#buffer.push(message);
  }

  forget(): void {
    this.#buffer.retain((message) => message.noAck);
  }

  ended(error: AmqpError): void {
    this.#error ??= error;
  }

  [Symbol.iterator](): this {
    return this;
  }

  /**
   * Blocks until there is a message; callbacks of other consumers run meanwhile.
   * @throws {ConsumerCancelledError} the broker ended the consumer
   * @throws {ChannelClosedError | ConnectionClosedError} the channel ended
   */
  next(): IteratorResult<IncomingMessage, undefined> {
    if (this.#over || this.#left <= 0) return this.return();
    try {
      const message = this.take(this.limits.timeout);
      if (message === undefined) return this.return();
      this.#left--;
      return { done: false, value: message };
    } catch (error) {
      this.#abandon(); // a `for` loop does not call `return` when `next` throws
      throw error;
    }
  }

  /** Messages that have come and were not handed out. @internal */
  get waiting(): number {
    return this.#buffer.length;
  }

  /** Like `next`, but goes on when `timeout` ms have passed (undefined) or something was thrown. @internal */
  take(timeout: number): IncomingMessage | undefined {
    const { connection } = this.channel;
    connection.checkInterrupt();
    return this.#wait(connection.eventDeadline(timeout));
  }

  #wait(deadline: number): IncomingMessage | undefined {
    const { connection } = this.channel;
    // one of the others first: a queue that is never empty must not starve them
    if (!connection.dispatcher.busy) connection.dispatcher.runOne();
    for (;;) {
      const message = this.#buffer.shift();
      if (message !== undefined) {
        this.backlog?.taken(message);
        handOut(message, this);
        if (!this.noAck) this.window.handOut(message.deliveryTag);
        return message;
      }
      if (this.#error !== undefined) throw this.channel.tell(this.#error);
      if (this.#over) return undefined; // a callback has left it
      if (!connection.dispatcher.busy && connection.dispatcher.runOne()) continue;
      if (connection.waitFor(this, deadline) || clock.now() < deadline) continue;
      connection.checkLimit();
      return undefined;
    }
  }

  /** Leave as `return` does, without hiding the error that made it necessary. */
  #abandon(): void {
    try {
      this.return();
    } catch {
      // the channel is beyond help; the broker requeues what it had not settled
    }
  }

  /**
   * Cancel, and give back what was not handed out: when this returns it is in the queue again. Blocks for a round trip,
   * and for some more if there was something to give back; does nothing a second time. If the channel ends meanwhile,
   * that is for the next call to tell.
   */
  return(): IteratorResult<IncomingMessage, undefined> {
    if (!this.#over) {
      this.#over = true;
      try {
        if (this.channel.isOpen && this.#error === undefined)
          unlessEnded(this.channel, () => this.channel.basicCancel(this.tag));
      } finally {
        this.backlog?.drop();
        giveBack(this.channel, this.queue, this.#buffer.clear());
      }
    }
    return { done: true, value: undefined };
  }

  [Symbol.dispose](): void {
    this.return();
  }
}

showAs(IteratorConsumer, ({ tag, waiting, channel }) => ({ consumerTag: tag, waiting, channel: channel.id }));

/** Takes the place of a consumer that has been given up until the broker stops sending: all goes back. */
export class DrainingConsumer implements Consumer {
  readonly queue = '';
  /** @internal */
  readonly position = null;
  /** @internal */
  readonly backlog = undefined;

  constructor(
    readonly tag: string,
    readonly noAck: boolean,
    readonly isStream: boolean,
    readonly giveBack: (deliveryTag: number, isStream: boolean) => void,
  ) {}

  deliver(message: IncomingMessage): void {
    if (!this.noAck) this.giveBack(message.deliveryTag, this.isStream);
  }
  handle(message: IncomingMessage): void {
    this.deliver(message);
  }
  forget(): void {}
  ended(): void {}
}
