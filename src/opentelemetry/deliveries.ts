import type { Attributes, Context, SpanContext } from '@opentelemetry/api';
import type { Channel } from '../api/channel';
import type { IncomingMessage } from '../api/message';
import type { Destination } from './attributes';

/** A message that the program has got. */
export interface Delivery {
  readonly destination: Destination;
  readonly server: Attributes;
  /** The span by which it was made. */
  readonly creator: SpanContext | undefined;
  /** That of the span of its receipt. */
  received: Context | undefined;
  /** That of the last span about it. */
  context: Context | undefined;
  isInWork: boolean;
  /** What the work on it has thrown, and somebody deals with. */
  failure: { readonly error: unknown } | undefined;
}

/** Messages that the program has got, to be found by themselves, and by their numbers until they are settled. */
export class Deliveries {
  readonly #byMessage = new WeakMap<IncomingMessage, Delivery>();
  readonly #byTag = new WeakMap<Channel, Map<number, Delivery>>();

  of(message: IncomingMessage): Delivery | undefined {
    return this.#byMessage.get(message);
  }

  add(message: IncomingMessage, delivery: Delivery): Delivery {
    this.#byMessage.set(message, delivery);
    if (message.noAck) return delivery;
    const { channel, deliveryTag } = message;
    const unsettled = this.#byTag.get(channel) ?? new Map<number, Delivery>();
    this.#byTag.set(channel, unsettled.set(deliveryTag, delivery));
    return delivery;
  }

  /** Those that are settled by this number. */
  take(channel: Channel, deliveryTag: number, multiple: boolean): Delivery[] {
    const unsettled = this.#byTag.get(channel) ?? new Map<number, Delivery>();
    const tags = multiple
      ? [...unsettled.keys()].filter((tag) => deliveryTag === 0 || tag <= deliveryTag)
      : [deliveryTag];
    return tags.flatMap((tag) => {
      const delivery = unsettled.get(tag);
      unsettled.delete(tag);
      return delivery ?? [];
    });
  }

  /** The broker has them back: they are settled no more. */
  forget(channel: Channel): void {
    this.#byTag.delete(channel);
  }
}
