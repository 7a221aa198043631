import { wrongType } from '../../caller';
import { clock } from '../../clock';
import { type AmqpError, WrongStateError, wasSent } from '../../errors';
import { isBytes, typeName } from '../../protocol/wire';
import { checkInteger, checkOptions, checkTimeout, PUBLISH_OPTIONS } from '../options/checks';
import type { BatchOptions, PublishOptions, PublishResult } from '../options/publish-options';
import type { Publish } from './confirms';
import { type Content, isMessage } from './content';
import { PropertiesTooLarge } from './publish-writer';
import type { Publisher } from './publisher';

/** One message of a batch: a body, a Message, or a body with options of its own. */
export type BatchItem = Content | (Omit<PublishOptions, 'timeout' | 'wait'> & { body: Content });

const DEFAULT_WINDOW = 1000;
const BATCH_OPTIONS = new Set([...PUBLISH_OPTIONS, 'window']);
const ITEM_OPTIONS = new Set([...PUBLISH_OPTIONS, 'body']);

/** See `Channel.publishBatch`. */
export function publishBatch(
  publisher: Publisher,
  messages: Iterable<BatchItem>,
  options: BatchOptions,
): PublishResult[] {
  checkMessages(messages);
  checkOptions('publishBatch', options, BATCH_OPTIONS);
  publisher.mode.check('confirm', 'publishBatch');
  const { window = DEFAULT_WINDOW, timeout, ...defaults } = options;
  checkInteger(window, 'window', 1, 0xffff_ffff);
  const total = timeout === undefined ? undefined : clock.now() + checkTimeout(timeout);
  const batch = new Batch(publisher, window, total, defaults, Array.isArray(messages));
  for (const item of messages) if (!batch.add(item)) break;
  return batch.finish();
}

/** Text and bytes are iterable, too, but nobody means that. @throws {TypeError} */
export function checkMessages(messages: Iterable<BatchItem>): void {
  const isOne = typeof messages === 'string' || isBytes(messages);
  if (!isOne && typeof messages?.[Symbol.iterator] === 'function') return;
  throw wrongType(`publishBatch: messages must be an array or another iterable, got ${typeName(messages)}`);
}

class Batch {
  readonly #publishes: (Publish | Error)[] = [];
  /** The first publish that may still be unconfirmed. */
  #oldest = 0;
  #failure: Error | undefined;
  /** The error of all that come after the failure. */
  #notSent: WrongStateError | undefined;

  constructor(
    readonly publisher: Publisher,
    readonly window: number,
    readonly total: number | undefined,
    readonly defaults: PublishOptions,
    /** The messages are all there, and nobody's code runs between them. */
    readonly still: boolean,
  ) {}

  get #deadline(): number {
    return this.total ?? this.publisher.session.host.events.deadline(undefined);
  }

  /**
   * Wrong items throw, as in basicPublish; what the broker or the network does becomes a result, and so do
   * properties that do not fit in a frame.
   * @returns false: do not go on. A generator may have no end, and is spared what would be lost
   */
  add(item: BatchItem): boolean {
    const { body, options } = this.#parse(item);
    if (this.#failure === undefined) this.#waitForWindow(this.window - 1);
    if (this.#failure !== undefined) {
      this.#notSent ??= notSent(this.#failure);
      this.#publishes.push(this.#notSent);
      return this.still;
    }
    try {
      const publish = this.publisher.send(body, options, this.#deadline) as Publish;
      publish.isAwaited = true;
      // a generator may fill the same buffer again for its next message
      if (!this.still && !isMessage(body)) publish.content = Buffer.from(publish.body);
      this.#publishes.push(publish);
      return true;
    } catch (error) {
      if (error instanceof PropertiesTooLarge) {
        this.#publishes.push(error); // perhaps one that was read from a queue: nobody's mistake, and of no other's concern
        return true;
      }
      if (error instanceof TypeError || error instanceof RangeError) throw error;
      this.#failure = error as Error;
      this.#publishes.push(wasSent(error) ? notSent(this.#failure) : this.#failure);
      return this.still;
    }
  }

  #parse(item: BatchItem): { body: Content; options: PublishOptions } {
    if (typeof item === 'string' || isBytes(item) || isMessage(item))
      return { body: item, options: this.defaults };
    if (typeof item !== 'object' || item === null) {
      throw wrongType(
        `publishBatch: a message must be a string, bytes, a Message or { body, … }, got ${typeName(item)}`,
      );
    }
    checkOptions('publishBatch message', item, ITEM_OPTIONS);
    const { body, ...own } = item as { body: Content } & PublishOptions;
    return { body, options: { ...this.defaults, ...own } };
  }

  finish(): PublishResult[] {
    this.#waitForWindow(0);
    return this.#publishes.map((publish) => this.#result(publish));
  }

  /** Wait until at most `open` publishes are unconfirmed. */
  #waitForWindow(open: number): void {
    const { pump } = this.publisher.session.host;
    while (this.#publishes.length - this.#oldest > open) {
      const publish = this.#publishes[this.#oldest];
      if (publish instanceof Error) {
        this.#oldest++;
        continue;
      }
      try {
        if (!pump.until(publish as Publish, this.#deadline)) {
          this.#failure ??= this.publisher.error(publish as Publish);
          return;
        }
        if (this.#repeat(publish as Publish)) continue;
      } catch (error) {
        this.#failure ??= error as Error;
        return;
      }
      this.#oldest++;
    }
  }

  /** After a recovery: publish again, in order, what was not confirmed. @returns whether there was anything */
  #repeat({ interrupted, retry }: Publish): boolean {
    if (!interrupted || !retry) return false;
    for (let index = this.#oldest; index < this.#publishes.length; index++) {
      const lost = this.#publishes[index] as Publish | Error;
      if (lost instanceof Error || !lost.interrupted || !lost.retry) continue;
      const again = this.publisher.send(lost.content, lost.options, this.#deadline) as Publish;
      again.isAwaited = true;
      this.#publishes[index] = again;
    }
    return true;
  }

  #result(publish: Publish | Error): PublishResult {
    if (publish instanceof Error) return { seqNo: undefined, status: 'not-sent', error: publish };
    const { seqNo } = publish;
    if (publish.acked) return { seqNo, status: 'acked', error: undefined };
    const error = this.publisher.error(publish);
    if (publish.returned !== undefined) return { seqNo, status: 'returned', error };
    if (publish.nacked) return { seqNo, status: 'nacked', error };
    return { seqNo, status: (error as AmqpError).outcome === 'rejected' ? 'failed' : 'unknown', error };
  }
}

function notSent(cause: Error): WrongStateError {
  return new WrongStateError(`not sent, because of an earlier message of the batch: ${cause.message}`, {
    cause,
  });
}
