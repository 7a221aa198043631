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
  /** That of the last span about it. */
  context: Context | undefined;
  isInWork: boolean;
}

/** Unsettled deliveries of a channel above which those that were settled unheard are looked for. */
const MANY = 1000;

/** Messages that the program has got, to be found by themselves, and by their numbers until they are settled. */
export class Deliveries {
  readonly #byMessage = new WeakMap<IncomingMessage, Delivery>();
  readonly #byTag = new WeakMap<Channel, { unsettled: Map<number, Delivery>; limit: number }>();

  of(message: IncomingMessage): Delivery | undefined {
    return this.#byMessage.get(message);
  }

  add(message: IncomingMessage, delivery: Delivery): Delivery {
    this.#byMessage.set(message, delivery);
    if (message.noAck) return delivery;
    const { channel, deliveryTag } = message;
    let known = this.#byTag.get(channel);
    if (known === undefined) {
      known = { unsettled: new Map(), limit: MANY };
      this.#byTag.set(channel, known);
    }
    const { unsettled } = known;
    unsettled.set(deliveryTag, delivery);
    if (unsettled.size > known.limit) {
      // given back to the broker, or lost with a connection
      for (const tag of unsettled.keys()) if (!channel.isUnsettled(tag)) unsettled.delete(tag);
      known.limit = Math.max(MANY, 2 * unsettled.size);
    }
    return delivery;
  }

  /** Those that are settled by this number. */
  take(channel: Channel, deliveryTag: number, multiple: boolean): Delivery[] {
    const { unsettled } = this.#byTag.get(channel) ?? {};
    if (unsettled === undefined) return [];
    const tags = multiple
      ? [...unsettled.keys()].filter((tag) => deliveryTag === 0 || tag <= deliveryTag)
      : [deliveryTag];
    return tags.flatMap((tag) => {
      const delivery = unsettled.get(tag);
      unsettled.delete(tag);
      return delivery ?? [];
    });
  }
}
