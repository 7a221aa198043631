import type { TableInput } from '../../protocol/field-table';

/** Arguments of queues for which it matters whether a consumer is there. */
const TIED_TO_CONSUMERS = new Set(['x-expires', 'x-single-active-consumer']);

/** What is known of the queues that were declared on a connection. */
export class KnownQueues {
  readonly #lasting = new Set<string>();
  readonly #streams = new Set<string>();
  readonly #quorum = new Set<string>();

  declared(
    queue: string,
    {
      autoDelete = false,
      arguments: table,
    }: { autoDelete?: boolean | undefined; arguments?: TableInput | undefined },
  ): void {
    const given = table instanceof Map ? [...table.keys()] : Object.keys(table ?? {});
    const lasts = !autoDelete && !given.some((name) => TIED_TO_CONSUMERS.has(name));
    if (lasts) this.#lasting.add(queue);
    else this.#lasting.delete(queue);
    const type = entryOf(table, 'x-queue-type');
    if (type === 'stream') this.#streams.add(queue);
    else this.#streams.delete(queue);
    if (type === 'quorum') this.#quorum.add(queue);
    else this.#quorum.delete(queue);
  }

  /** A queue is about to be deleted, or may be: nothing is to be started again on it. */
  deleting(queue: string): void {
    this.#lasting.delete(queue);
  }

  deleted(queue: string): void {
    this.#lasting.delete(queue);
    this.#streams.delete(queue);
    this.#quorum.delete(queue);
  }

  /** A queue has another name since the connection was recovered. */
  renamed(old: string, fresh: string): void {
    for (const queues of [this.#lasting, this.#streams, this.#quorum])
      if (queues.delete(old)) queues.add(fresh);
  }

  /** Does the queue stay as it is if it loses a consumer for a while? */
  isLasting(queue: string): boolean {
    return this.#lasting.has(queue);
  }

  /** Is it a stream? Known of those declared here, or of a consumer that reads from an offset. */
  isStream(queue: string, consumerArguments?: TableInput): boolean {
    return this.#streams.has(queue) || entryOf(consumerArguments, 'x-stream-offset') !== undefined;
  }

  /** Is it a quorum queue that was declared here? */
  isQuorum(queue: string): boolean {
    return this.#quorum.has(queue);
  }
}

function entryOf(table: TableInput | undefined, name: string): unknown {
  return table instanceof Map ? table.get(name) : (table as Record<string, unknown> | undefined)?.[name];
}
