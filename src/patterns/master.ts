import { type Channel, checkChannel } from '../api/channel';
import { type IncomingMessage, Message } from '../api/message';
import type { Queue } from '../api/queue';
import { parted, WORK_OPTIONS, type WorkOptions } from '../api/rpc-server';
import { type FailureHandler, Subscription } from '../api/subscription';
import { fromCaller, wrongType } from '../caller';
import {
  type CallOptions,
  checkBoolean,
  checkFunction,
  checkOptions,
  checkShortstr,
} from '../client/options/checks';
import type { MessageProperties } from '../client/options/conversions';
import { AmqpError } from '../errors';
import { DeliveryMode } from '../protocol/constants';
import { showAs } from '../shown';
import { type MethodProxy, methodProxy } from './proxy';
import { checkKwargs, checkSerializer, jsonSerializer, type Serializer } from './serializer';

const REQUEUE = new Set(['requeue']);

/** What a worker's function decides about its message by throwing. */
abstract class Decision extends Error {
  /** Back to the queue (true), or away (dead letters). */
  readonly requeue: boolean;

  /** `requeue`: back to the queue; default false. */
  constructor(options: { requeue?: boolean | undefined } = {}) {
    super('the worker gives the message back, or away');
    this.name = new.target.name;
    checkOptions(this.name, options, REQUEUE);
    checkBoolean(options.requeue, 'requeue');
    this.requeue = options.requeue ?? false;
    fromCaller(this);
  }
}

/** Thrown by a worker's function: the message is rejected, away (dead letters) or back. */
export class RejectMessage extends Decision {}

/** Thrown by a worker's function: the message is nacked, away (dead letters) or back. */
export class NackMessage extends Decision {}

/** Options of `new Master(channel, options)`. */
export interface MasterOptions {
  /** Where a throw sends a task: back to the queue (default), or away (dead letters). */
  requeue?: boolean | undefined;
  /** Send a task away that comes for the second time, even if `requeue` is set. */
  rejectOnRedelivered?: boolean | undefined;
  /** How arguments become bodies; default JSON. */
  serializer?: Serializer | undefined;
}

/** Options of `master.createWorker`: its queue, its consumer, and what to do with failures. */
export interface WorkerOptions extends WorkOptions {
  /** Takes what `fn` throws: `retry({ … })`, or a function of your own. */
  onError?: FailureHandler | undefined;
}

/** Options of `master.createTask`: a time limit, and properties of the message. */
export interface TaskOptions extends CallOptions, MessageProperties {}

const NAMES = {
  master: new Set(['requeue', 'rejectOnRedelivered', 'serializer']),
  worker: new Set([...WORK_OPTIONS, 'onError']),
};

/** A consumer of tasks, from `master.createWorker`. With `using` it ends with the block. */
export class Worker implements Disposable {
  readonly #subscription: Subscription;

  /** Use `master.createWorker`. */
  constructor(subscription: Subscription) {
    this.#subscription = subscription;
  }

  /** The queue of its tasks. */
  get queue(): Queue {
    return this.#subscription.queue;
  }

  /**
   * End it; tasks that `fn` has not seen are requeued. Blocks for a round trip; again: nothing.
   * @example
   * const worker = master.createWorker('resize', resize);
   * connection.loop({ timeout: 60_000 }); worker.close();
   */
  close(): void {
    this.#subscription.cancel();
  }

  /** `close`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

showAs(Worker, ({ queue }) => ({ queue: queue.name, channel: queue.channel.id }));

/**
 * Tasks with arguments by name: a master hands them out, workers do them, each task one of them. On the wire as
 * aio-pika's `JsonMaster` (or with `compressedJsonSerializer` its `CompressedJsonMaster`), which may be on either
 * side.
 * @see https://docs.aio-pika.com/patterns.html
 * @example
 * new Master(channel).createWorker('resize', ({ file }) => resize(file), { prefetch: 1 }); // and loop()
 * new Master(channel).createTask('resize', { file: 'a.png' });                             // elsewhere
 */
export class Master<P = MethodProxy> {
  /** `master.proxy.resize(kwargs, options)` is `master.createTask('resize', kwargs, options)`. */
  readonly proxy: P;
  readonly #serializer: Serializer;
  readonly #requeue: boolean;
  readonly #rejectOnRedelivered: boolean;

  /** Does not block. */
  constructor(
    /** The channel that tasks go out and come in by. */
    readonly channel: Channel,
    options: MasterOptions = {},
  ) {
    checkChannel(channel, 'Master');
    checkOptions('Master', options, NAMES.master);
    const { requeue = true, rejectOnRedelivered = false, serializer = jsonSerializer } = options;
    checkBoolean(requeue, 'requeue');
    checkBoolean(rejectOnRedelivered, 'rejectOnRedelivered');
    checkSerializer(serializer);
    this.#requeue = requeue;
    this.#rejectOnRedelivered = rejectOnRedelivered;
    this.#serializer = serializer;
    const task = (queue: string, kwargs?: object, more?: object) => this.createTask(queue, kwargs, more);
    this.proxy = methodProxy(task) as P;
  }

  /**
   * Hand out a task, persistent. Blocks until the broker has taken responsibility for it, and throws like
   * `Exchange.publish`.
   * @throws {UnroutableError} the queue is missing: no worker has ever been there
   * @example
   * const master = new Master(channel);
   * for (const file of files) master.createTask('resize', { file }, { priority: 5 });
   */
  createTask(queue: string, kwargs: object = {}, options: TaskOptions = {}): void {
    checkQueue(queue);
    checkKwargs(kwargs);
    const { contentType } = this.#serializer;
    const deliveryMode = DeliveryMode.Persistent;
    const task = new Message(this.#serializer.serialize(kwargs), { contentType, deliveryMode });
    this.channel.defaultExchange.publish(task, queue, options);
  }

  /**
   * Do tasks: `fn` gets the arguments in `connection.drainEvents`, `loop` and `sleep`. The task is acked when it
   * returns. What it throws decides: RejectMessage and NackMessage say where the task goes; anything else sends it
   * back (or away, see `MasterOptions`) and is thrown by `drainEvents`, unless `onError` takes it. A body that
   * cannot be read, or is no object, is rejected (dead letters), and thrown as an AmqpError with the code `BAD_TASK`. Blocks for some round trips.
   *
   * The queue is durable, unless `options` say otherwise; where aio-pika declares it, too, they have to say what
   * it says (`durable: false`).
   * @throws {PreconditionFailedError} 406, the queue exists with other arguments
   * @example
   * master.createWorker('resize', ({ file }) => resize(file), { prefetch: 1 });
   * connection.loop();
   */
  // biome-ignore lint/suspicious/noExplicitAny: what masters send nobody here knows
  createWorker<K = any>(queue: string, fn: (kwargs: K) => unknown, options: WorkerOptions = {}): Worker {
    checkOptions('createWorker', options, NAMES.worker);
    checkFunction(fn, 'fn');
    checkQueue(queue);
    const { onError, ...work } = options;
    if (onError !== undefined) checkFunction(onError, 'onError');
    const { forQueue, forConsumer } = parted(work);
    const declared = this.channel.declareQueue(queue, forQueue);
    const doTask = (task: IncomingMessage) => this.#work(task, fn as (kwargs: unknown) => unknown);
    const failing = { onError, requeue: this.#requeue, rejectOnRedelivered: this.#rejectOnRedelivered };
    return new Worker(new Subscription(declared, doTask, { ...forConsumer, ...failing }, 'createWorker'));
  }

  #work(task: IncomingMessage, fn: (kwargs: unknown) => unknown): unknown {
    try {
      return fn(this.#kwargsOf(task));
    } catch (error) {
      if (error instanceof RejectMessage) task.reject({ requeue: error.requeue });
      else if (error instanceof NackMessage) task.nack({ requeue: error.requeue });
      else throw error;
    }
    return undefined;
  }

  /** Poison would come again and again: it is rejected whatever `requeue` says. */
  #kwargsOf(task: IncomingMessage): unknown {
    try {
      // Python's falsy values stand for no arguments
      const kwargs = this.#serializer.deserialize(task.body) || {};
      checkKwargs(kwargs);
      return kwargs;
    } catch (cause) {
      task.reject();
      throw new AmqpError(`a task in "${task.routingKey}" cannot be read, and was rejected: ${cause}`, {
        code: 'BAD_TASK',
        origin: 'remote',
        cause,
      });
    }
  }
}

showAs(Master, ({ channel }) => ({ channel: channel.id }));

function checkQueue(queue: string): void {
  if (checkShortstr(queue, 'queue') === '') throw wrongType('queue must not be empty');
}
