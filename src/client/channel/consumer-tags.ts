import { WrongStateError } from '../../errors';
import { ProtocolViolation } from '../../protocol/violation';
import { DrainingConsumer } from './consumer';
import type { Consumer } from './delivery';

/** Consumers that have ended, and may still be brought something. */
const MOST_ENDED = 64;

/** The consumers of a channel, by tag: those that are there, those that are yet to come, those that were. */
export class ConsumerTags {
  readonly #current = new Map<string, Consumer>();
  /** The latest that have ended. What comes for them all the same goes back. */
  readonly #ended = new Map<string, DrainingConsumer>();
  /** Tags whose consume-ok is late. RabbitMQ ends the connection if such a tag is used again. */
  readonly #owed = new Set<string>();

  constructor(
    readonly channel: number,
    readonly giveBack: (deliveryTag: number, isStream: boolean) => void,
  ) {}

  get(tag: string): Consumer | undefined {
    return this.#current.get(tag);
  }

  all(): Iterable<Consumer> {
    return this.#current.values();
  }

  /** Tags of consumers that have not been given up. */
  get tags(): string[] {
    const consumers = [...this.#current.values()];
    return consumers.filter((each) => !(each instanceof DrainingConsumer)).map(({ tag }) => tag);
  }

  /** Who takes a delivery; undefined: nobody knows this tag. */
  receiver(tag: string): Consumer | undefined {
    return this.#current.get(tag) ?? this.#ended.get(tag);
  }

  // ── the beginning ───────────────────────────────────────────────────────────────────────────────────

  /** @throws {WrongStateError} the tag cannot be used, for now */
  check(tag: string): void {
    if (tag === '' || !this.#owed.has(tag)) return;
    throw new WrongStateError(
      `consumer "${tag}" of channel ${this.channel} cannot be used yet: the broker still owes the answer to its start`,
      { code: 'CONSUMER_PENDING' },
    );
  }

  /** @throws {WrongStateError} the tag cannot be given to a new consumer */
  checkNew(tag: string): void {
    this.check(tag);
    if (this.#isFree(tag)) return;
    throw new WrongStateError(`channel ${this.channel} has a consumer "${tag}" already`, {
      code: 'DUPLICATE_TAG',
    });
  }

  #isFree(tag: string): boolean {
    const consumer = this.#current.get(tag);
    return consumer === undefined || consumer instanceof DrainingConsumer;
  }

  /** basic.consume is about to be sent. */
  expect(tag: string): void {
    this.#owed.add(tag);
  }

  /** basic.consume was answered, or was not sent. */
  answered(tag: string): void {
    this.#owed.delete(tag);
  }

  /** @throws {ProtocolViolation} 503, another one has the tag that the broker chose */
  add(tag: string, consumer: Consumer): void {
    if (!this.#isFree(tag)) {
      throw new ProtocolViolation(503, 'consumer tag given twice', 'basic.consume-ok', 'a new tag', tag);
    }
    this.#current.set(tag, consumer);
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────

  /** The broker has ended it. */
  end(tag: string): void {
    const consumer = this.#current.get(tag);
    if (consumer === undefined) return;
    this.#current.delete(tag);
    this.#ended.delete(tag);
    this.#ended.set(tag, this.#draining(consumer));
    if (this.#ended.size > MOST_ENDED) this.#ended.delete(this.#ended.keys().next().value as string);
  }

  /** Give a consumer up, whom the broker has not ended: what comes for it goes back. @returns how to end that */
  drain(tag: string, consumer: Consumer): () => void {
    const draining = this.#draining(consumer);
    this.#current.set(tag, draining);
    return () => {
      if (this.#current.get(tag) === draining) this.end(tag);
    };
  }

  #draining({ tag, noAck, isStream }: Consumer): DrainingConsumer {
    return new DrainingConsumer(tag, noAck, isStream, this.giveBack);
  }

  /** The connection is lost; `owed` are the tags whose starts are repeated on the next. */
  interrupted(owed: Iterable<string>): void {
    this.#ended.clear();
    this.#owed.clear();
    for (const tag of owed) this.#owed.add(tag);
  }

  /** The channel has ended. */
  clear(): void {
    for (const tags of [this.#current, this.#ended, this.#owed]) tags.clear();
  }
}
