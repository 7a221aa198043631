import { fromCaller } from '../../caller';
import { Fifo } from '../../client/fifo';
import { showAs } from '../../shown';
import { PUT } from '../internals';
import { type Args, signatures } from '../python';
import type { basic_return_t } from './spec';

interface ArgumentTypes {
  /** Wait for one; default true. */
  block: [block: boolean];
  /** Seconds to wait; null is for ever. */
  timeout: [timeout: number | null];
}

const DEF = signatures<ArgumentTypes>()('Queue', { get: 'block=True, timeout=None' });

/** The port of Python's `queue.Empty`: there is nothing to get. */
export class Empty extends Error {
  /** As in Python: the name of the class. */
  override readonly name = 'Empty';

  /** `message` says what was asked for. */
  constructor(message?: string) {
    super(message);
    fromCaller(this);
  }
}

/** Where more may come from. */
export interface Source {
  /** What has come since it was last asked. */
  take(): Iterable<basic_return_t>;
  /** The same, after waiting for one, at most so many seconds. */
  wait(timeout: number | null): Iterable<basic_return_t>;
}

/** Mandatory messages that came back, oldest first: the part of Python's `queue.Queue` that reads. */
export class ReturnedMessages {
  readonly #messages = new Fifo<basic_return_t>();
  readonly #source: Source;

  /** @internal */
  constructor(source: Source) {
    this.#source = source;
  }

  /** How many there are, of those that have come so far. Does not block. */
  qsize(): number {
    return this.#filled().length;
  }

  /** Whether no message has come. Does not block. */
  empty(): boolean {
    return this.qsize() === 0;
  }

  /**
   * Take the oldest. Blocks until there is one, at most `timeout` seconds; callbacks do not run meanwhile.
   * @throws {Empty} there is none
   */
  get(...args: Args<typeof DEF.get>): basic_return_t {
    const { block, timeout } = DEF.get(args);
    const messages = this.#filled();
    if (messages.length === 0 && block) this.#add(this.#source.wait(timeout));
    const message = messages.shift();
    if (message === undefined) throw new Empty('no message came back');
    return message;
  }

  /** `get(false)`. @throws {Empty} there is none */
  get_nowait(): basic_return_t {
    return this.get(false);
  }

  /** @internal */
  [PUT](message: basic_return_t): void {
    this.#messages.push(message);
  }

  #filled(): Fifo<basic_return_t> {
    this.#add(this.#source.take());
    return this.#messages;
  }

  #add(messages: Iterable<basic_return_t>): void {
    for (const message of messages) this[PUT](message);
  }
}

showAs(ReturnedMessages, (messages) => ({ waiting: messages.qsize() }));
