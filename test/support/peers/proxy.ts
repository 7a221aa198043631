import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { helperThread } from '../threads/helper-thread';
import type { Direction, Order, StallMode } from './proxy-lane';
import type { Answer, Call, Gate, ProxyThreadData, Scope, Seen, Target } from './proxy-thread';

export type { Direction, Scope, Seen, StallMode, Target };

/**
 * A network that can be told to fail: a TCP proxy in front of a broker, in a thread of its own, because the
 * test's thread sleeps inside the library's calls. What it is told is in force when the call returns.
 *
 *     using proxy = startProxy(process.env.AMQP_URL!);
 *     proxy.cut({ after: 100, direction: 'broker->client', reset: true });
 *     expect(() => connect(proxy.url)).toThrow(ConnectError);
 *
 * Orders are for both directions of all connections, those to come included, unless they say otherwise.
 * `after` counts the bytes that each direction of each connection forwards from now on, or from its first
 * byte; what is ordered happens right after the last of them, without waiting for a next.
 *
 * @param target where to connect to: an AMQP URL, or a host and a port
 */
export function startProxy(target: string | Target, options: ProxyOptions = {}): TcpProxy {
  thread ??= new ProxyThread();
  return new TcpProxy(thread, target, options);
}

export interface ProxyOptions {
  /** Keep all the bytes that go through, for `recorded`; default false. */
  record?: boolean;
}

/** An order that may wait for bytes. */
export interface Later extends Scope {
  /** How many more bytes go through first. Omitted: now. */
  after?: number;
}

let thread: ProxyThread | undefined;

/** Milliseconds for what ordinarily takes one; a loaded machine takes longer. */
const PATIENCE = 30_000;

class TcpProxy {
  readonly port: number;
  /** The target's URL, but for host and port. */
  readonly url: string;
  readonly #id: number;
  #closed = false;

  /** @internal `startProxy` is the way in. */
  constructor(
    readonly thread: ProxyThread,
    target: string | Target,
    { record = false }: ProxyOptions,
  ) {
    this.#id = thread.newId();
    const address = typeof target === 'string' ? addressOf(target) : target;
    this.port = thread.call(this.#id, 'listen', [address, record], 20_000);
    const url = new URL(typeof target === 'string' ? target : 'amqp://127.0.0.1');
    url.hostname = '127.0.0.1';
    url.port = `${this.port}`;
    this.url = url.href;
  }

  /**
   * End connections: both sides get a FIN, or a reset. Without `after` it is for the connections there are;
   * `after: 0` is for those to come as well: they are accepted, and cut. A reset comes a moment after the
   * last byte, and overtakes what the receiver has no room for, unless it was to wait for bytes.
   */
  cut({ after, reset = false, ...scope }: Later & { reset?: boolean } = {}): void {
    this.#order({ order: 'cut', after: after ?? 0, reset }, scope, after !== undefined);
  }

  /**
   * A black hole: forward nothing, neither bytes nor ends nor resets. `hold` (the default) stops reading, so
   * that windows fill, and nothing gets lost; `drop` reads and throws away. `stall({ mode: 'drop' })` before
   * there are connections: they are accepted, and hear nothing.
   */
  stall({ after = 0, mode = 'hold', ...scope }: Later & { mode?: StallMode } = {}): void {
    this.#order({ order: 'stall', after, mode }, scope);
  }

  /** End stalls, and those that are waiting for bytes. What was dropped stays lost. */
  resume(scope: Scope = {}): void {
    this.#order({ order: 'resume' }, scope);
  }

  /**
   * Let at most so many bytes a second through, in pieces of at most `piece` bytes, each written alone.
   * `throttle({ piece: 1 })` gives single bytes as fast as that goes.
   */
  throttle({ bytesPerSecond, piece, ...scope }: Scope & { bytesPerSecond?: number; piece?: number }): void {
    const no = Number.POSITIVE_INFINITY;
    this.#order({ order: 'throttle', bytesPerSecond: bytesPerSecond ?? no, piece: piece ?? no }, scope);
  }

  /** Let what comes from now on, ends and resets too, leave so many milliseconds later. */
  delay(ms: number, scope: Scope = {}): void {
    this.#order({ order: 'delay', ms }, scope);
  }

  /** Replace the byte after the next `after` bytes by `to`; default all its bits are flipped. */
  corrupt({ after = 0, to, ...scope }: Later & { to?: number } = {}): void {
    this.#order({ order: 'corrupt', after, to }, scope);
  }

  /** Forget all orders but those that have been carried out: cut is cut. */
  heal(scope: Scope = {}): void {
    this.#order({ order: 'heal' }, scope);
  }

  /** Refuse connections from now on; those there are go on. The port stays ours. */
  down(): void {
    this.thread.call(this.#id, 'down', []);
  }

  /** Accept connections again. */
  up(): void {
    this.thread.call(this.#id, 'up', []);
  }

  /** What there is to see, of all connections or of one. */
  seen(connection?: number): Seen {
    return this.thread.call(this.#id, 'seen', [connection]);
  }

  /** Block until `predicate` holds. @returns what made it hold @throws {Error} it did not within `timeout` ms */
  until(predicate: (seen: Seen) => boolean, timeout = PATIENCE, connection?: number): Seen {
    let seen: Seen | undefined;
    const look = () => {
      seen = this.seen(connection);
      return predicate(seen);
    };
    if (this.thread.wait(1, look, timeout)) return seen!;
    throw new Error(`proxy: not within ${timeout} ms: ${predicate}\n  but ${JSON.stringify(seen)}`);
  }

  /** The bytes that a connection has forwarded, as the receiver got them; only with `record`. */
  recorded(direction: Direction, connection = 1): Buffer {
    return Buffer.from(this.thread.call(this.#id, 'recorded', [direction, connection]));
  }

  /** Put the port and all connections down. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.thread.call(this.#id, 'close', []);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #order(order: Order, scope: Scope, lasting = true): void {
    this.thread.call(this.#id, 'order', [order, scope, lasting]);
  }
}

export type { TcpProxy };

function addressOf(url: string): Target {
  const { protocol, hostname, port } = new URL(url);
  const usual = protocol === 'amqps:' ? 5671 : 5672;
  return { host: hostname.replace(/^\[|\]$/g, '') || 'localhost', port: Number(port || usual) };
}

/** The thread, seen from the test's: calls there, and answers that need no event loop. All proxies share it. */
class ProxyThread {
  readonly #worker: Worker;
  readonly #answers: MessagePort;
  readonly #words = new Int32Array(new SharedArrayBuffer(8));
  #lastId = 0;

  constructor() {
    const { port1, port2: port } = new MessageChannel();
    this.#answers = port1;
    const workerData: ProxyThreadData = { port, bell: this.#words.buffer as SharedArrayBuffer };
    this.#worker = helperThread('test/support/peers/proxy-thread', {
      workerData,
      transferList: [port],
    });
    port1.unref();
  }

  newId(): number {
    return ++this.#lastId;
  }

  /** Call a method of a gate, and sleep until it has returned. @throws {Error} what it threw */
  call<M extends keyof Gate>(
    gate: number,
    method: M,
    args: Parameters<Gate[M]>,
    timeout = PATIENCE,
  ): Awaited<ReturnType<Gate[M]>> {
    const call: Call = { id: this.newId(), gate, method, args };
    this.#worker.postMessage(call);
    let answer: Answer | undefined;
    const answered = () => {
      do answer = receiveMessageOnPort(this.#answers)?.message;
      while (answer?.id !== undefined && answer.id !== call.id); // of a call that did not wait for it
      return answer !== undefined;
    };
    if (!this.wait(0, answered, timeout)) throw new Error(`proxy: no answer to ${method} in ${timeout} ms`);
    if ('error' in answer!) throw new Error(`proxy: ${answer.error}`);
    return answer!.result as Awaited<ReturnType<Gate[M]>>;
  }

  /** Sleep until `predicate` holds, at most `timeout` ms; it is asked again when `word` changes. */
  wait(word: 0 | 1, predicate: () => boolean, timeout: number): boolean {
    const deadline = performance.now() + timeout;
    for (;;) {
      const count = Atomics.load(this.#words, word);
      if (predicate()) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      Atomics.wait(this.#words, word, count, left);
    }
  }
}
