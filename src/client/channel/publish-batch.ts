import { wrongType } from '../../caller';
import { clock } from '../../clock';
import { InterruptedError, WrongStateError, wasSent } from '../../errors';
import { isBytes, typeName } from '../../protocol/wire';
import { refusePromise } from '../callbacks';
import { type BatchFacts, learn, OPERATION } from '../diagnostics';
import { Fifo } from '../fifo';
import { checkFunction, checkInteger, checkOptions, checkTimeout, PUBLISH_OPTIONS } from '../options/checks';
import type {
  BatchCounts,
  BatchOptions,
  PublishOptions,
  PublishResult,
  ResultReceiver,
} from '../options/publish-options';
import type { Publish } from './confirms';
import { type Content, isMessage } from './content';
import { PropertiesTooLarge } from './publish-writer';
import type { Publisher } from './publisher';

/** One message of a batch: a body, a Message, or a body with options of its own. */
export type BatchItem = Content | (Omit<PublishOptions, 'timeout' | 'wait'> & { body: Content });

const DEFAULT_WINDOW = 1000;
const BATCH_OPTIONS = new Set([...PUBLISH_OPTIONS, 'window', 'onResult']);
const ITEM_OPTIONS = new Set([...PUBLISH_OPTIONS, 'body']);

/** See `Channel.publishBatch`. */
export function publishBatch(
  publisher: Publisher,
  messages: Iterable<BatchItem>,
  options: BatchOptions & Partial<ResultReceiver>,
): PublishResult[] | BatchCounts {
  checkMessages(messages);
  checkOptions('publishBatch', options, BATCH_OPTIONS);
  publisher.mode.check('confirm', 'publishBatch');
  checkBatch(options);
  const { window = DEFAULT_WINDOW, timeout, onResult, ...defaults } = options;
  const total = timeout === undefined ? undefined : clock.now() + timeout;
  const results = onResult === undefined ? new ResultList() : new ResultCounts(onResult);
  const facts = OPERATION.batch.isTraced ? { ...publisher.session.facts, failures: [] } : undefined;
  const batch = new Batch(publisher, window, total, defaults, Array.isArray(messages), results, facts);
  if (facts === undefined) batch.run(messages);
  else OPERATION.batch.trace(facts, () => batch.run(messages));
  return results.all;
}

/** Where a batch tells what became of its messages, in their order. */
interface Results {
  add(result: PublishResult): void;
  readonly all: PublishResult[] | BatchCounts;
}

class ResultList implements Results {
  readonly all: PublishResult[] = [];

  add(result: PublishResult): void {
    this.all.push(result);
  }
}

/** Each result goes to the program, and is forgotten. */
class ResultCounts implements Results {
  readonly all: BatchCounts = { acked: 0, returned: 0, nacked: 0, failed: 0, unknown: 0, 'not-sent': 0 };
  #index = 0;

  constructor(readonly onResult: ResultReceiver['onResult']) {}

  add(result: PublishResult): void {
    this.all[result.status]++;
    refusePromise(this.onResult(result, this.#index++), 'onResult');
  }
}

/** Check what is about the batch, not about its messages. @throws {TypeError | RangeError} */
export function checkBatch({
  window,
  timeout,
  onResult,
}: Pick<BatchOptions, 'window' | 'timeout'> & Partial<ResultReceiver>): void {
  if (window !== undefined) checkInteger(window, 'window', 1, 0xffff_ffff);
  if (timeout !== undefined) checkTimeout(timeout);
  if (onResult !== undefined) checkFunction(onResult, 'onResult');
}

/** Text and bytes are iterable, too, but nobody means that. @throws {TypeError} */
export function checkMessages(messages: Iterable<BatchItem>): void {
  const isOne = typeof messages === 'string' || isBytes(messages);
  if (!isOne && typeof messages?.[Symbol.iterator] === 'function') return;
  throw wrongType(`publishBatch: messages must be an array or another iterable, got ${typeName(messages)}`);
}

class Batch {
  /** Publishes of which nothing has been told yet, and errors of what was not sent, in order. */
  readonly #open = new Fifo<Publish | Error>();
  #failure: Error | undefined;
  /** Kept if somebody listens. */
  readonly #failures: PublishResult[] = [];
  /** The error of all that come after the failure. */
  #notSent: WrongStateError | undefined;

  constructor(
    readonly publisher: Publisher,
    readonly window: number,
    readonly total: number | undefined,
    readonly defaults: PublishOptions,
    /** The messages are all there, and nobody's code runs between them. */
    readonly still: boolean,
    readonly results: Results,
    /** What whoever listens is told of it. */
    readonly facts: BatchFacts | undefined,
  ) {}

  run(messages: Iterable<BatchItem>): void {
    try {
      for (const item of messages) if (!this.add(item)) break;
      this.finish();
    } finally {
      this.leave();
      if (this.facts !== undefined) learn(this.facts, 'failures', this.#failures);
    }
  }

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
      this.#open.push(this.#notSent);
      return this.still;
    }
    try {
      const publish = this.publisher.send(body, options, this.#deadline, false, this.facts) as Publish;
      publish.isAwaited = true;
      // a generator may fill the same buffer again for its next message
      if (!this.still && !isMessage(body)) publish.content = Buffer.from(publish.body);
      this.#open.push(publish);
      return true;
    } catch (error) {
      if (error instanceof PropertiesTooLarge) {
        this.#open.push(error); // perhaps one that was read from a queue: nobody's mistake, and of no other's concern
        return true;
      }
      if (error instanceof TypeError || error instanceof RangeError) throw error;
      this.#failure = error as Error;
      this.#open.push(wasSent(error) ? notSent(this.#failure) : this.#failure);
      return this.still;
    }
  }

  #parse(item: BatchItem): { body: Content; options: PublishOptions } {
    if (typeof item === 'string' || isBytes(item) || isMessage(item))
      return { body: item, options: this.defaults };
    if (typeof item !== 'object' || item === null || !('body' in item)) {
      const what = typeof item === 'object' && item !== null ? 'an object without body' : typeName(item);
      throw wrongType(
        `publishBatch: a message must be a string, bytes, a Message or { body, … }, got ${what}; Message.json(value) makes a message of anything else`,
      );
    }
    checkOptions('publishBatch message', item, ITEM_OPTIONS);
    const { body, ...own } = item as { body: Content } & PublishOptions;
    return { body, options: { ...this.defaults, ...own } };
  }

  finish(): void {
    this.#waitForWindow(0);
    while (this.#open.length > 0) this.#tellNext();
  }

  /** Somebody's code has thrown: who asks for the confirms that are missing is `waitForConfirms` now. */
  leave(): void {
    for (const publish of this.#open) if (!(publish instanceof Error)) this.publisher.leave(publish);
  }

  /** Wait until at most `open` publishes are unconfirmed, and tell of the others. */
  #waitForWindow(open: number): void {
    while (this.#open.length > open) {
      const publish = this.#open.peek()!;
      if (!(publish instanceof Error)) {
        try {
          if (!this.publisher.waitFor(publish, this.#deadline)) {
            this.#failure ??= this.publisher.error(publish);
            return;
          }
          if (this.#repeat(publish)) continue;
        } catch (error) {
          this.#failure ??= error as Error;
          return;
        }
      }
      this.#tellNext();
    }
  }

  #tellNext(): void {
    const publish = this.#open.shift()!;
    const result = this.#result(publish);
    if (!(publish instanceof Error) && !publish.isDone && result.status === 'unknown')
      this.publisher.leave(publish);
    if (result.status !== 'acked' && this.facts !== undefined) this.#failures.push(result);
    this.results.add(result);
  }

  /** After a recovery: publish again, in order, what was not confirmed. @returns whether there was anything */
  #repeat({ isRepeated }: Publish): boolean {
    if (!isRepeated) return false;
    this.#open.update((lost) => {
      if (lost instanceof Error || !lost.isRepeated) return lost;
      const again = this.publisher.repeat(lost, this.#deadline);
      again.isAwaited = true;
      return again;
    });
    return true;
  }

  #result(publish: Publish | Error): PublishResult {
    if (publish instanceof Error) return { seqNo: undefined, status: 'not-sent', error: publish };
    const { seqNo } = publish;
    if (publish.acked) return { seqNo, status: 'acked', error: undefined };
    const isInterrupted = !publish.isDone && this.#failure instanceof InterruptedError;
    const error = isInterrupted ? this.#failure : this.publisher.error(publish);
    return { seqNo, status: publish.status, error };
  }
}

function notSent(cause: Error): WrongStateError {
  return new WrongStateError(`not sent, because of an earlier message of the batch: ${cause.message}`, {
    cause,
  });
}
