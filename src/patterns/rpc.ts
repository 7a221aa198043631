import { type Channel, checkChannel } from '../api/channel';
import { Message } from '../api/message';
import { type ExchangeName, nameOf } from '../api/names';
import type { Queue } from '../api/queue';
import { RpcReplies } from '../api/rpc-replies';
import { answering, checkServing, parted, type ServeOptions } from '../api/rpc-server';
import { errorIn } from '../api/rpc-wire';
import type { Subscription } from '../api/subscription';
import { wrongType } from '../caller';
import { type CallOptions, checkOptions, checkShortstr, checkTimeout } from '../client/options/checks';
import type { MessageProperties } from '../client/options/conversions';
import { clock } from '../clock';
import { RpcError, WrongStateError } from '../errors';
import { DeliveryMode } from '../protocol/constants';
import { showAs } from '../shown';
import { type MethodProxy, methodProxy } from './proxy';
import { checkKwargs, checkSerializer, jsonSerializer, type Serializer } from './serializer';

/** Options of `new Rpc(channel, options)`. */
export interface RpcOptions {
  /** A direct exchange for the calls, declared when it is needed; default: the default exchange. */
  exchange?: ExchangeName | undefined;
  /** How arguments and results become bodies; default JSON. */
  serializer?: Serializer | undefined;
}

/** Options of `rpc.call`. */
export interface RpcCallOptions extends CallOptions, Pick<MessageProperties, 'expiration' | 'deliveryMode'> {
  /** Default 5, which matters to queues with `maxPriority` only. */
  priority?: number | undefined;
}

const NAMES = {
  rpc: new Set(['exchange', 'serializer']),
  call: new Set(['timeout', 'expiration', 'priority', 'deliveryMode']),
};

/** Where a method's queue sends what expires, and callers get it back. Its name and kind are aio-pika's. */
const DEAD_LETTERS = 'rpc.dlx';

/**
 * Methods with arguments by name, called and served over one channel, as aio-pika's `JsonRPC` has them: the two
 * call each other. (aio-pika's own default is pickle, which only Python reads; here `Rpc` and `JsonRpc` are one.)
 *
 * Nothing is sent before the first `call` or `register`. Other programs find a method by the name of its queue,
 * or with an exchange by `exchange::method`.
 * @see https://docs.aio-pika.com/patterns.html
 * @example
 * const rpc = new Rpc(channel);
 * rpc.register('sum', ({ a, b }) => a + b);        // here, then connection.loop()
 * rpc.call('sum', { a: 1, b: 2 });                 // elsewhere; or rpc.proxy.sum({ a: 1, b: 2 })
 */
export class Rpc<P = MethodProxy> implements Disposable {
  /** `rpc.proxy.sum(kwargs, options)` is `rpc.call('sum', kwargs, options)`; in TypeScript `P` may say what there is. */
  readonly proxy: P;
  readonly #exchange: string;
  readonly #serializer: Serializer;
  #replies: { consumer: RpcReplies; queue: Queue } | undefined;
  readonly #methods = new Map<string, Subscription>();

  /** Does not block. @throws {WrongStateError} the channel is transactional: answers would wait for a commit */
  constructor(
    /** The channel that calls and answers go by. */
    readonly channel: Channel,
    options: RpcOptions = {},
  ) {
    checkChannel(channel, 'Rpc');
    checkOptions('Rpc', options, NAMES.rpc);
    const { exchange = '', serializer = jsonSerializer } = options;
    this.#exchange = nameOf(exchange, 'exchange');
    checkSerializer(serializer);
    this.#serializer = serializer;
    if (channel.mode === 'tx') {
      throw new WrongStateError(`Rpc: channel ${channel.id} is in tx mode; open another channel`, {
        code: 'WRONG_MODE',
      });
    }
    const call = (method: string, kwargs?: object, more?: object) => this.call(method, kwargs, more);
    this.proxy = methodProxy(call) as P;
  }

  // ── calling ─────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Call a method. Blocks until its result has come, at most `timeout` ms (default: the connection's
   * `callTimeout`), with no callback run meanwhile. A call that no server has taken expires with that, or
   * after `expiration` (milliseconds or a duration).
   * @throws {UnroutableError | NackError} at once: nobody has registered it, or its queue is full
   * @throws {RpcError} the method threw; the text is in it
   * @throws {TimeoutError} no result came, or (code `EXPIRED`) no server took it in time
   * @example
   * rpc.call('sum', { a: 1, b: 2 }, { timeout: 2000 }); // 3
   * rpc.proxy.sum({ a: 1, b: 2 }, { timeout: 2000 });
   */
  // biome-ignore lint/suspicious/noExplicitAny: what a method returns nobody here knows
  call<T = any>(method: string, kwargs: object = {}, options: RpcCallOptions = {}): T {
    checkOptions('call', options, NAMES.call);
    checkMethod(method);
    checkKwargs(kwargs);
    const { timeout, ...given } = options;
    if (timeout !== undefined) checkTimeout(timeout);
    const began = clock.now();
    const body = this.#encode(kwargs);
    const to = {
      procedure: method,
      exchange: this.#exchange,
      routingKey: this.#keyOf(method),
      began,
      timeout,
      errorIn: (reply: Message) => errorIn(reply, method, (bytes) => this.#serializer.deserialize(bytes)),
    };
    const ask = () => {
      const { consumer, queue } = this.#results();
      const request = new Message(body.body, {
        ...body.properties,
        deliveryMode: DeliveryMode.Transient,
        priority: 5,
        headers: { From: queue.name },
        ...given,
      });
      return consumer.call(request, to);
    };
    const reply = timeout === undefined ? ask() : this.channel.connection.withDeadline(timeout, ask);
    return this.#read(reply, method) as T;
  }

  /** The result in a reply. @throws {RpcError} */
  #read(reply: Message, method: string): unknown {
    try {
      return this.#serializer.deserialize(reply.body);
    } catch (cause) {
      throw new RpcError(`the result of "${method}" cannot be read: ${cause}`, { code: 'BAD_REPLY', cause });
    }
  }

  /** Where results come in, and calls that have expired. */
  #results(): { consumer: RpcReplies; queue: Queue } {
    if (!this.#replies?.consumer.isOpen) {
      const { channel } = this;
      this.#declareExchange();
      const queue = channel.declareQueue();
      channel.declareExchange(DEAD_LETTERS, 'headers', { durable: false, autoDelete: true });
      queue.bind(DEAD_LETTERS, '', { arguments: { From: queue.name, 'x-match': 'any' } });
      this.#replies = { consumer: new RpcReplies(channel, queue.name, { exclusive: true }), queue };
    }
    return this.#replies as { consumer: RpcReplies; queue: Queue };
  }

  #declareExchange(): void {
    if (this.#exchange === '') return;
    this.channel.declareExchange(this.#exchange, 'direct', { durable: false, autoDelete: true });
  }

  #keyOf(method: string): string {
    return this.#exchange === '' ? method : `${this.#exchange}::${method}`;
  }

  #encode(value: unknown): Message {
    const { contentType } = this.#serializer;
    return new Message(this.#serializer.serialize(value), { contentType, timestamp: new Date() });
  }

  // ── serving ─────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Serve a method: `fn` gets the arguments in `connection.drainEvents`, `loop` and `sleep`. What it returns and
   * what it throws goes to the caller, as with `connection.rpc(name).serve`. Blocks for some round trips.
   *
   * The queue is durable and goes with its last server, unless `options` say otherwise; where aio-pika serves
   * the same method beside this program they have to say what it says (`durable: false`).
   * @returns to `cancel` it, as `unregister` does
   * @throws {WrongStateError} it is registered here already
   * @throws {PreconditionFailedError} 406, the queue exists with other arguments
   * @example
   * rpc.register('sum', ({ a, b }) => a + b);
   * connection.loop();
   */
  // biome-ignore lint/suspicious/noExplicitAny: what callers send nobody here knows
  register<K = any>(method: string, fn: (kwargs: K) => unknown, options: ServeOptions = {}): Subscription {
    checkServing('register', fn, options);
    checkMethod(method);
    if (this.#isServed(method))
      throw new WrongStateError(`register: "${method}" is registered already`, { code: 'DUPLICATE_METHOD' });
    const { rejectOnRedelivered, onError, ...work } = options;
    const { forQueue, forConsumer } = parted(work);
    const key = this.#keyOf(method);
    const defaults = { autoDelete: true, deadLetterExchange: DEAD_LETTERS };
    const queue = this.channel.declareQueue(key, { ...defaults, ...forQueue });
    if (this.#exchange !== '') {
      this.#declareExchange();
      queue.bind(this.#exchange, key);
    }
    const answer = answering(
      'register',
      (request) => fn(this.#serializer.deserialize(request.body) as K),
      (value) => this.#encode(value),
      { rejectOnRedelivered, onError },
    );
    const subscription = queue.subscribe(answer, forConsumer);
    this.#methods.set(method, subscription);
    return subscription;
  }

  #isServed(method: string): boolean {
    const tag = this.#methods.get(method)?.tag;
    return tag !== undefined && this.channel.isOpen && this.channel.consumerTags.includes(tag);
  }

  /**
   * Serve a method no longer; one that is not served is no error. Blocks for a round trip.
   * @example
   * rpc.register('sum', ({ a, b }) => a + b);
   * rpc.unregister('sum'); // calls fail at once from now on
   */
  unregister(method: string): void {
    checkMethod(method);
    this.#methods.get(method)?.cancel();
    this.#methods.delete(method);
  }

  /**
   * Serve nothing any more, and give up the queue of the results. The channel stays open. Blocks.
   * @example
   * using rpc = new Rpc(channel); // closed at the end of the block
   * rpc.register('sum', ({ a, b }) => a + b); connection.loop({ timeout: 60_000 });
   */
  close(): void {
    for (const method of [...this.#methods.keys()]) this.unregister(method);
    if (this.#replies?.consumer.isOpen) {
      const { consumer, queue } = this.#replies;
      this.channel.basicCancel(consumer.tag); // the broker would tell of its end some time behind the queue's
      queue.delete();
    }
    this.#replies = undefined;
  }

  /** `close`, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

showAs(Rpc, ({ channel }) => ({ channel: channel.id }));

function checkMethod(method: string): void {
  if (checkShortstr(method, 'method') === '') throw wrongType('method must not be empty');
}
