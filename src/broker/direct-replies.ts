import { DIRECT_REPLY_TO } from '../protocol/constants';
import { randomToken } from './names';

/**
 * The names under which channels get direct replies: `amq.rabbitmq.reply-to.<base64>.<base64>`, of which the first part
 * tells the broker and the channel, the second one consumer from the next. A name is known as such when its channel is gone.
 */
export class DirectReplies<Channel> {
  /** Channels that wait, by the name to reply to. */
  readonly #channels = new Map<string, Channel>();
  /** What all names of this broker have in common. */
  readonly #token = randomToken();
  #count = 0;

  constructor(readonly isSince4: boolean) {}

  /** A new name for a channel that waits for replies. */
  add(channel: Channel): string {
    const place = Buffer.from(`${this.#token}${this.#count++}`).toString('base64');
    const name = `${DIRECT_REPLY_TO}.${place}.${Buffer.from(randomToken()).toString('base64')}`;
    this.#channels.set(name, channel);
    return name;
  }

  remove(name: string): void {
    this.#channels.delete(name);
  }

  get(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  /** Whether it looks like a name of this broker, alive or not. */
  isName(name: string): boolean {
    const [place, key] = partsOf(name);
    return key !== undefined && Buffer.from(place!, 'base64').toString().startsWith(this.#token);
  }

  /** Whether RabbitMQ stumbles over the name, when it is declared or (3.10) published to. */
  breaks(name: string): boolean {
    if (this.isName(name)) return false;
    return this.isSince4 || partsOf(name).filter(Boolean).length === 2;
  }

  /** Whether it is a queue of a kind of its own: to RabbitMQ 4.3 every name is. */
  isVolatileQueue(name: string): boolean {
    return this.isSince4 && this.isName(name);
  }
}

/** What stands between the dots behind the name that all of them begin with. */
function partsOf(name: string): string[] {
  const prefix = `${DIRECT_REPLY_TO}.`;
  return name.startsWith(prefix) ? name.slice(prefix.length).split('.') : [];
}
