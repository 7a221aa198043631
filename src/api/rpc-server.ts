import { refusePromise } from '../client/callbacks';
import { checkBoolean, checkFunction, checkOptions } from '../client/options/checks';
import { InterruptedError } from '../errors';
import { showAs } from '../shown';
import { SESSION } from './internals';
import { type IncomingMessage, Message } from './message';
import type { MessageCallback } from './message-iterator';
import { QUEUE_OPTIONS, type Queue, type QueueConsumeOptions, type QueueOptions } from './queue';
import { failureOf, MESSAGE_TYPE } from './rpc-wire';
import { Subscription, tellOfFailure } from './subscription';

/** How a queue with work is declared, and consumed. `arguments`, `exclusive` and `timeout` are for declaring it. */
export interface WorkOptions
  extends QueueOptions,
    Pick<QueueConsumeOptions, 'prefetch' | 'consumerTag' | 'onCancel' | 'priority'> {}

/** How to serve a procedure: its queue, its consumer, and what to do with failures. */
export interface ServeOptions extends WorkOptions {
  /** Answer a request that a server has had before, and not answered, with an error. Default false: try again. */
  rejectOnRedelivered?: boolean | undefined;
  /**
   * Told of what `fn` throws, after it was sent to the caller: for a log. Default: a process warning with the stack.
   * What it throws is thrown by `drainEvents`.
   */
  onError?: ((error: unknown, request: IncomingMessage) => unknown) | undefined;
}

const CONSUMING = ['prefetch', 'consumerTag', 'onCancel', 'priority'];
export const WORK_OPTIONS: ReadonlySet<string> = new Set([...QUEUE_OPTIONS, ...CONSUMING]);
const SERVE_OPTIONS: ReadonlySet<string> = new Set([...WORK_OPTIONS, 'rejectOnRedelivered', 'onError']);

type ConsumingOptions = Pick<QueueConsumeOptions, 'prefetch' | 'consumerTag' | 'onCancel' | 'priority'>;

/** What is for the queue, and what for its consumer. */
export function parted(options: WorkOptions): { forQueue: QueueOptions; forConsumer: ConsumingOptions } {
  const { prefetch, consumerTag, onCancel, priority, ...forQueue } = options;
  const given = Object.entries({ prefetch, consumerTag, onCancel, priority });
  const forConsumer = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  return { forQueue, forConsumer };
}

/** @throws {TypeError} */
export function checkServing(verb: string, fn: unknown, options: ServeOptions): void {
  checkOptions(verb, options, SERVE_OPTIONS);
  checkFunction(fn, 'fn');
  checkBoolean(options.rejectOnRedelivered, 'rejectOnRedelivered');
  if (options.onError !== undefined) checkFunction(options.onError, 'onError');
}

/**
 * Makes a subscriber of a function that answers: what it returns is sent to the caller, and what it throws as
 * well. The request is acked behind that, on the same channel, so that it is never lost without an answer. A
 * request that names nobody to answer is done and acked.
 */
export function answering(
  verb: string,
  fn: (request: IncomingMessage) => unknown,
  encode: (value: unknown) => Message,
  { rejectOnRedelivered, onError }: ServeOptions,
): MessageCallback {
  const answer = (request: IncomingMessage, type: string, value: unknown) => {
    if (request.properties.replyTo !== undefined) send(request, type, encode(value));
  };
  const warn = (error: unknown, request: IncomingMessage) =>
    request.channel.connection[SESSION].warnOfError(
      `${verb}: a request to "${request.routingKey}" failed`,
      error,
    );
  const report = onError ?? warn;
  return (request) => {
    let mistake: unknown;
    try {
      if (rejectOnRedelivered && request.redelivered) throw new Error('a server has failed on this request');
      const result = fn(request);
      try {
        refusePromise(result, verb);
      } catch (error) {
        mistake = error; // the program is wrong, and has to hear of it as well
        throw error;
      }
      answer(request, MESSAGE_TYPE.RESULT, result);
    } catch (error) {
      // an interrupt is no failure of the request's, and on a closed channel nobody can be answered
      if (error instanceof InterruptedError || !request.channel.isOpen) throw error;
      tellOfFailure(request, error);
      answer(request, MESSAGE_TYPE.ERROR, failureOf(error));
      if (mistake === undefined) mistake = reported(() => report(error, request));
    }
    if (!request.isSettled) request.ack();
    if (mistake !== undefined) throw mistake;
  };
}

/** What `report` throws, to be thrown once the request is settled. */
function reported(report: () => unknown): unknown {
  try {
    refusePromise(report(), 'onError');
    return undefined;
  } catch (error) {
    return error;
  }
}

function send({ channel, properties }: IncomingMessage, type: string, reply: Message): void {
  const { correlationId, deliveryMode, replyTo = '' } = properties;
  // as lasting as the request; nobody waits for a confirm: a caller that has gone is none of our business
  const message = new Message(reply.body, {
    ...(deliveryMode !== undefined && { deliveryMode }),
    ...reply.properties,
    type,
    correlationId,
  });
  channel.basicPublish(message, { routingKey: replyTo, wait: false });
}

/**
 * A procedure that is being served, from `connection.rpc(name).serve(fn)`. It has a channel of its own. With
 * `using` it ends with the block.
 */
export class Service implements Disposable {
  readonly #subscription: Subscription;
  #isAnswering = false;
  #isOver = false;

  /** Use `connection.rpc(name).serve(fn)`. */
  constructor(
    /** The queue of the requests; its channel is the service's own. */
    readonly queue: Queue,
    answer: MessageCallback,
    options: ConsumingOptions,
  ) {
    this.#subscription = new Subscription(queue, (request) => this.#handle(request, answer), options);
  }

  #handle(request: IncomingMessage, answer: MessageCallback): void {
    this.#isAnswering = true;
    try {
      answer(request);
    } finally {
      this.#isAnswering = false;
      if (this.#isOver) this.queue.channel.close();
    }
  }

  /**
   * End it; what was not answered yet is requeued, and the broker deletes the queue if nobody else serves it
   * (`autoDelete`). `fn` may do it, too: its answer is still sent. Blocks for two round trips; again: nothing.
   * @example
   * const service = connection.rpc('sum').serve(sum);
   * connection.loop({ timeout: 60_000 }); service.cancel();
   */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#subscription.cancel();
    if (!this.#isAnswering) this.queue.channel.close();
  }

  /** `cancel`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.cancel();
  }
}

showAs(Service, ({ queue }) => ({ queue: queue.name, channel: queue.channel.id }));
