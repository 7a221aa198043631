import type { AmqpError } from '../../errors';
import type { StreamPosition } from '../../topology/stream-position';
import type { Event } from '../dispatcher';
import type { NoAckBuffer } from './no-ack-buffer';
import type { PrefetchWindow } from './prefetch-window';

/** Members of a message for the channel that brought it; whoever reads the message does not meet them. */
export const CONSUMER = Symbol('consumer');
export const STREAM_OFFSET = Symbol('stream offset');
export const GIVE_BACK = Symbol('give back');

/** A message from a queue, as its channel sees it. */
export interface Delivery extends Event, Disposable {
  readonly deliveryTag: number;
  readonly noAck: boolean;
  readonly body: Buffer;
  readonly isSettled: boolean;
  /** Who it came for; undefined from basic.get. */
  readonly [CONSUMER]: Consumer | undefined;
  /** Where in a stream it is; but the header stays with a copy that was published elsewhere. */
  readonly [STREAM_OFFSET]: bigint | undefined;
  /** Nobody has looked at it: back to its queue, unless it is settled. `dispose` is for what somebody had. */
  [GIVE_BACK](): void;
}

/** Who a delivery is for. */
export interface Consumer {
  /** Known once the broker has started it. */
  tag: string;
  readonly noAck: boolean;
  /** Whether it reads a stream, which takes nothing back. */
  isStream: boolean;
  /** Position in the stream that recovery goes on with; null: there is none to follow. */
  position?: StreamPosition | null | undefined;
  /** The queue, by the name that it had when the consumer began. */
  queue: string;
  /** What waits for a consumer without acknowledgements. */
  readonly noAckBuffer?: NoAckBuffer | undefined;
  /** The prefetch of a consumer whose messages the program settles. */
  readonly window?: PrefetchWindow;
  /** A message came off the wire. */
  deliver(message: Delivery): void;
  /** The dispatcher hands the message over. */
  handle(message: Delivery): void;
  /** Messages that it holds and that have to be acked will be delivered again. */
  forget(): void;
  /** The connection is lost, and will be recovered; `forget` has been called. */
  interrupted?(error: AmqpError): void;
  /** The broker, or the end of the channel, took the consumer away; an error says which. */
  ended(error: AmqpError): void;
}
