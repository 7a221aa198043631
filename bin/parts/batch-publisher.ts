import type { Channel, PublishOptions, PublishResult, ReturnedMessage } from '../../src/index';
import { NackError, UnroutableError } from '../../src/index';
import { EXIT, ExitError } from './exit-status';
import type { OutgoingMessage } from './message-json';
import type { Progress } from './progress';

export interface BatchPublisherOptions extends Omit<PublishOptions, 'timeout' | 'wait'> {
  /** Unconfirmed messages at most. */
  window: number;
  confirm: boolean;
  timeout?: number | undefined;
}

type Result = Pick<PublishResult, 'status' | 'error'>;
/** The result for a message without a confirm. */
const TAKEN: Result = { status: 'acked', error: undefined };

/** A publisher of groups, each confirmed before the next, and stops at the first message that is not taken. */
export class BatchPublisher {
  published = 0;

  constructor(
    readonly channel: Channel,
    readonly options: BatchPublisherOptions,
    readonly progress: Progress,
  ) {
    if (options.confirm) channel.confirmSelect();
  }

  /**
   * `onTaken` is told of each message that the broker has, whatever became of its neighbours.
   * @throws {ExitError} a message was not taken
   */
  add(messages: readonly OutgoingMessage[], onTaken: (index: number) => void = () => {}): void {
    const { window, confirm, timeout, ...defaults } = this.options;
    const results = confirm
      ? this.channel.publishBatch(messages, { window, timeout, ...defaults })
      : messages.map(({ body, ...own }) => this.#unconfirmed(body, { ...defaults, ...own, timeout }));
    const before = this.published;
    let bytes = 0;
    for (const [index, { status }] of results.entries()) {
      if (status !== 'acked') continue;
      this.published++;
      bytes += messages[index]!.body.length;
      onTaken(index);
    }
    this.progress.add(this.published - before, bytes);
    const first = results.findIndex(({ status }) => status !== 'acked');
    if (first !== -1) throw this.#failure(before + first + 1, before + results.length, results[first]!);
  }

  #unconfirmed(body: Buffer, options: PublishOptions): Result {
    this.channel.basicPublish(body, options);
    return TAKEN;
  }

  #failure(number: number, sent: number, { status, error }: Result): Error {
    const isItsOwn = status === 'returned' || status === 'nacked' || error instanceof RangeError;
    if (error !== undefined && !isItsOwn) return error;
    const others = sent === 1 ? '' : `, ${sent - this.published} were not`;
    return new ExitError(
      `message ${number} was not taken: ${reasonOf(error)}; ${this.published} were taken${others}`,
      EXIT.NOT_TAKEN,
    );
  }
}

/** The reason in the words of who has to mend it. */
function reasonOf(error: Error | undefined): string {
  if (error instanceof NackError)
    return 'the broker refused it (basic.nack), as it does when a queue is full';
  if (!(error instanceof UnroutableError)) return `${error?.message}`;
  const { returnedMessage, replyCode, replyText } = error as UnroutableError<ReturnedMessage>;
  const { exchange, routingKey } = returnedMessage!;
  if (exchange === '' && routingKey === '')
    return `it has no routing key: -r names the queue (${replyCode} ${replyText})`;
  const missing =
    exchange === ''
      ? `there is no queue "${routingKey}"`
      : `no queue is bound to the exchange "${exchange}" for the routing key "${routingKey}"`;
  return `${missing} (${replyCode} ${replyText})`;
}
