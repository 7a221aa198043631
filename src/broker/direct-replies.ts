import { DIRECT_REPLY_TO } from '../protocol/constants';
import type { BrokerMessage } from './message';
import { randomToken } from './names';

/** A channel, as far as it gets replies. */
interface Requester {
  deliverDirectReply(message: BrokerMessage): void;
}

/**
 * The names under which channels get direct replies: `amq.rabbitmq.reply-to.<base64>.<base64>`, of which the first part
 * tells the broker and the channel, the second one consumer from the next. A name is known as such when its channel is
 * gone. The default exchange routes to them: to RabbitMQ 3.10 that happens by the way and at once, to 4.3 they are queues
 * among others.
 */
export class DirectReplies<Channel extends Requester = Requester> {
  /** Channels that wait, by the name to reply to. */
  readonly #channels = new Map<string, Channel>();
  /** What all names of this broker have in common. */
  readonly #token = randomToken();
  #count = 0;

  constructor(readonly isSince4: boolean) {}

  /** A new name for a channel that waits for replies. */
  add(channel: Channel): string {
    const place = Buffer.from(`${this.#token}${this.#count++}`).toString('base64');
    const name = `${PREFIX}${place}.${Buffer.from(randomToken()).toString('base64')}`;
    this.#channels.set(name, channel);
    return name;
  }

  remove(name: string): void {
    this.#channels.delete(name);
  }

  get(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  /** Send a message to all who wait under a name that it is routed to. */
  deliver(message: BrokerMessage): void {
    for (const name of namesIn(message)) this.#channels.get(name)?.deliverDirectReply(message);
  }

  /** Whether a message is routed to any of them, or to what looks like one. */
  concern(message: BrokerMessage): boolean {
    return namesIn(message).length > 0;
  }

  /** Whether they are queues that take a message, alive or not. */
  take(message: BrokerMessage): boolean {
    return this.isSince4 && namesIn(message).some((name) => this.isName(name));
  }

  /** Whether RabbitMQ stumbles over a name that a message is routed to. */
  breakOn(message: BrokerMessage): boolean {
    return !this.isSince4 && namesIn(message).some((name) => this.breaks(name));
  }

  /** Whether it looks like a name of this broker, alive or not. */
  isName(name: string): boolean {
    const [place, key] = partsOf(name);
    return key !== undefined && Buffer.from(place!, 'base64').toString().startsWith(this.#token);
  }

  /** Whether RabbitMQ stumbles over the name. */
  breaks(name: string): boolean {
    if (this.isName(name)) return false;
    return this.isSince4 || partsOf(name).filter(Boolean).length === 2;
  }

  /** Whether it is a queue of a kind of its own: to RabbitMQ 4.3 every name is. */
  isVolatileQueue(name: string): boolean {
    return this.isSince4 && this.isName(name);
  }
}

function namesIn({ exchange, routingKeys }: BrokerMessage): readonly string[] {
  if (exchange !== '' || !routingKeys.some((key) => key.startsWith(PREFIX))) return NONE;
  return [...new Set(routingKeys.filter((key) => key.startsWith(PREFIX)))];
}

const PREFIX = `${DIRECT_REPLY_TO}.`;
const NONE: readonly string[] = [];

/** What stands between the dots behind the name that all of them begin with. */
function partsOf(name: string): string[] {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length).split('.') : [];
}
