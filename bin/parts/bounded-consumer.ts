import { clock } from '../../src/clock';
import {
  type BasicConsumeOptions,
  type Channel,
  type IncomingMessage,
  type MessageCallback,
  PreconditionFailedError,
  TimeoutError,
} from '../../src/index';
import { ExitError } from './exit-status';
import type { Offset } from './values';

export interface BoundedConsumerOptions {
  /** Messages at most; undefined: no end. */
  count: number | undefined;
  /** Unsettled messages at most; 0: no limit. */
  prefetch: number;
  /** Milliseconds without a message after which it ends; undefined: never. */
  timeout: number | undefined;
  /** Without acknowledgements: the broker forgets a message when it has come. */
  noAck?: boolean;
  /** Where to begin in a stream; undefined: at its end. */
  offset?: Offset | undefined;
}

/** Milliseconds that a message which could be settled waits for the rest. */
const HOLD_MS = 1000;
/** Bytes of bodies that may have come before they are handed out: the rest waits at the broker. */
const MOST_BYTES = 32 * 1024 * 1024;

const noStream = (queue: string) => new ExitError(`"${queue}" is no stream, and --offset is for streams`);

/** A stream keeps what it has, takes nothing back and counts nothing. */
export const isOfStream = ({ properties }: IncomingMessage) =>
  properties.headers?.['x-stream-offset'] !== undefined;

/**
 * The consumer of a bounded number of messages: none is delivered that would go back unseen, for a quorum queue counts
 * that against its delivery limit.
 *
 * The broker sends ahead while fewer than `prefetch` messages are unsettled, so each that is settled brings one
 * more. Towards the end of `count` that would be one too many: settling waits until all have come, and the consumer
 * is gone. If they do not come soon, a consumer for one message at a time takes its place.
 */
export class BoundedConsumer {
  readonly #arrived: IncomingMessage[] = [];
  #arrivedBytes = 0;
  /** Messages of the count that are not yet handed out. */
  #left: number;
  /** Tag of the consumer: undefined if it is gone. */
  #tag: string | undefined;
  #prefetch = 0;
  /** Delivery tags of messages that the consumer has brought, and that are not settled. */
  #unsettled = new Set<number>();
  #heldAcks: (() => void)[] = [];
  #heldSince = 0;

  constructor(
    readonly channel: Channel,
    readonly queue: string,
    readonly options: BoundedConsumerOptions,
  ) {
    const { count = Number.POSITIVE_INFINITY, prefetch } = options;
    this.#left = count;
    this.#start(prefetch === 0 ? 0 : Math.min(prefetch, count));
  }

  /** Whether it consumes with acks in the place of `noAck`, because of a count: one message too many would be lost. */
  get #acksItself(): boolean {
    return this.options.noAck === true && this.options.count !== undefined;
  }

  #start(prefetch: number): void {
    const unsettled = new Set<number>();
    const { noAck = false, offset } = this.options;
    this.#unsettled = unsettled;
    this.#prefetch = prefetch === 0 ? Number.POSITIVE_INFINITY : prefetch;
    this.#tag = this.#consume(
      (message) => {
        this.#arrived.push(message);
        this.#arrivedBytes += message.body.length;
        if (!message.noAck) unsettled.add(message.deliveryTag);
      },
      {
        noAck: noAck && !this.#acksItself,
        prefetch,
        ...(offset !== undefined && { arguments: { 'x-stream-offset': offset } }),
      },
    );
  }

  /** @throws {ExitError} what only a stream takes, or only a queue */
  #consume(callback: MessageCallback, options: BasicConsumeOptions): string {
    try {
      return this.channel.basicConsume(this.queue, callback, options);
    } catch (error) {
      if (!(error instanceof PreconditionFailedError)) throw error;
      if (/x-stream-offset/.test(error.message)) throw noStream(this.queue);
      if (/prefetch count is not set/.test(error.message))
        throw new ExitError(`"${this.queue}" is a stream: say with --offset where to begin`);
      throw error;
    }
  }

  /** Wait for a message, and take up to `most` of those that have come. Blocks. @returns none: this is the end */
  next(most: number): IncomingMessage[] {
    if (this.#left === 0 || !this.#arrives()) return [];
    const messages = this.#arrived.splice(0, Math.min(most, this.#left));
    for (const { body } of messages) this.#arrivedBytes -= body.length;
    if (this.options.offset !== undefined && !isOfStream(messages[0]!)) throw noStream(this.queue);
    this.#left -= messages.length;
    if (this.#acksItself) for (const message of messages) this.settle(message, () => message.ack());
    return messages;
  }

  *[Symbol.iterator](): Iterator<IncomingMessage> {
    for (;;) {
      const [message] = this.next(1);
      if (message === undefined) return;
      yield message;
    }
  }

  /** Settle a message, by `how`, as soon as that brings none too many. Does not block. */
  settle(message: IncomingMessage, how: () => void): void {
    const room = this.#prefetch - this.#unsettled.size + 1;
    const isLimited = Number.isFinite(this.#prefetch) && !isOfStream(message);
    if (isLimited && this.#unsettled.has(message.deliveryTag) && this.#arrived.length + room > this.#left) {
      if (this.#heldAcks.length === 0) this.#heldSince = clock.now();
      this.#heldAcks.push(how);
    } else {
      this.#unsettled.delete(message.deliveryTag);
      how();
    }
  }

  /** Keep a message unsettled to the end: of a consumer for one at a time it would be the last. May block for two round trips. */
  keep(message: IncomingMessage): void {
    if (isOfStream(message)) return;
    const isInTheWay = this.#prefetch === 1 && this.#unsettled.has(message.deliveryTag);
    if (isInTheWay && this.#arrived.length < this.#left) this.#consumeOneAtATime();
  }

  /**
   * Settle what waits for it, and give back what nobody has seen; before that, for the order, `last` and all that was
   * kept before it. Blocks for a round trip.
   */
  end(last?: IncomingMessage): void {
    if (!this.channel.isOpen) return;
    this.#stop();
    // RabbitMQ 4.3 counts what is left to the end of a channel against a delivery limit, but not a nack
    last?.nack({ multiple: true });
    for (const message of this.#arrived.splice(0))
      if (!message.isSettled && !isOfStream(message)) message.nack();
  }

  #arrives(): boolean {
    const { connection } = this.channel;
    const { timeout = Number.POSITIVE_INFINITY } = this.options;
    const end = clock.now() + timeout;
    if (this.#heldAcks.length > 0) this.#receive();
    while (this.#arrived.length === 0) {
      const isHolding = this.#heldAcks.length > 0;
      const left = Math.max(0, end - clock.now());
      const wait = isHolding ? Math.min(HOLD_MS, left) : left;
      try {
        connection.drainEvents(wait === Number.POSITIVE_INFINITY ? {} : { timeout: wait });
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
        if (!isHolding || wait === left) return false;
      }
      this.#receive();
    }
    return true;
  }

  /** Take in the messages that have come already, or as many as memory is to hold. */
  #receive(): void {
    this.#drain();
    if (this.#arrived.length >= this.#left) this.#stop();
    else if (this.#heldAcks.length > 0 && clock.now() - this.#heldSince >= HOLD_MS) this.#consumeOneAtATime();
  }

  #drain(): void {
    try {
      while (this.#arrivedBytes < MOST_BYTES) this.channel.connection.drainEvents({ timeout: 0 });
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
    }
  }

  #consumeOneAtATime(): void {
    const tag = this.#tag!;
    const held = this.#heldAcks.splice(0);
    this.#start(1); // first: a queue may go with its last consumer
    this.#drain();
    this.channel.basicCancel(tag);
    for (const how of held) how();
  }

  #stop(): void {
    const tag = this.#tag;
    this.#tag = undefined;
    this.#unsettled = new Set();
    try {
      if (tag !== undefined) this.channel.basicCancel(tag);
    } finally {
      for (const how of this.#heldAcks.splice(0)) how();
    }
  }
}
