import type { Args, Method } from '../protocol/method-types';
import { requestOf } from '../protocol/reply-match';
import type { StreamPosition } from './stream-position';

export type Qos = Args<'basic.qos'>;

/** A consumer, with the prefetch that was in force when it began. */
export interface JournalConsumer {
  args: Args<'basic.consume'>;
  qos: Qos | undefined;
}

/** Methods without a reply that a channel.close may still be about. */
const MOST_UNANSWERED = 64;

/** The state of a channel that it has to be given again. */
export class JournalChannel {
  isOpen = false;
  mode: 'none' | 'confirm' | 'tx' = 'none';
  /** Limits of the consumers to come. */
  qos: Qos | undefined;
  /** Limits of the channel as a whole. */
  globalQos: Qos | undefined;
  readonly consumers = new Map<string, JournalConsumer>();
  /** Positions of the consumers that read a stream, by tag: how far they have come, and since when. */
  readonly streams = new Map<string, { position: StreamPosition; since: number }>();
  /** Requests whose replies have not come. */
  readonly owed: Method[] = [];
  /** The latest requests that wanted no reply. */
  readonly unanswered: Method[] = [];

  /** @returns the request that it is the reply to */
  settle(reply: Method): Method | undefined {
    const index = requestOf(this.owed, reply, (request) => request);
    return index < 0 ? undefined : this.owed.splice(index, 1)[0];
  }

  /** A request that wants no reply was carried out, unless the broker complains. */
  assumeDone(request: Method): void {
    this.unanswered.push(request);
    if (this.unanswered.length > MOST_UNANSWERED) this.unanswered.shift();
  }

  limit(qos: Qos): void {
    if (qos.global) this.globalQos = qos;
    else this.qos = qos;
  }

  consume(args: Args<'basic.consume'>): void {
    this.consumers.set(args.consumerTag, { args, qos: this.qos });
  }

  end(consumerTag: string): void {
    this.consumers.delete(consumerTag);
    this.streams.delete(consumerTag);
  }

  deleted(queue: string): void {
    for (const [tag, { args }] of this.consumers) if (args.queue === queue) this.end(tag);
  }
}

/** The channels of a connection, by number. */
export class JournalChannels {
  readonly #channels = new Map<number, JournalChannel>();

  get(number: number): JournalChannel | undefined {
    return this.#channels.get(number);
  }

  all(): Iterable<JournalChannel> {
    return this.#channels.values();
  }

  /** Channels that are open, by number. */
  open(): [number, JournalChannel][] {
    return [...this.#channels].filter(([, { isOpen }]) => isOpen);
  }

  opening(number: number, request: Method): void {
    const channel = new JournalChannel();
    channel.owed.push(request);
    this.#channels.set(number, channel);
  }

  /** @returns the consumers that went with it */
  close(number: number): JournalConsumer[] {
    const consumers = [...(this.#channels.get(number)?.consumers.values() ?? [])];
    this.#channels.delete(number);
    return consumers;
  }

  lost(): void {
    for (const [number, channel] of this.#channels) {
      channel.owed.length = 0;
      channel.unanswered.length = 0;
      if (!channel.isOpen) this.#channels.delete(number);
    }
  }

  consumesFrom(queue: string): boolean {
    return [...this.all()].some(({ consumers }) =>
      [...consumers.values()].some(({ args }) => args.queue === queue),
    );
  }

  rename(old: string, fresh: string): void {
    for (const { consumers } of this.all()) {
      for (const consumer of consumers.values())
        if (consumer.args.queue === old) consumer.args = { ...consumer.args, queue: fresh };
    }
  }
}
