import { MessageChannel, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { helperThread } from '../threads/helper-thread';
import type { Received } from './client-stream';
import type { Script } from './script';
import type { BrokerThreadData, Command, News } from './scripted-broker-thread';

/**
 * A broker that does exactly what a script says, for what a real one never does. It lives in a thread of
 * its own, because the test's thread sleeps inside the library's calls; it is built from the library's
 * codec turned round. All brokers of a test file share the thread, each with a port of its own.
 *
 *     const broker = scriptedBroker([...ready(), expects('queue.purge'), cut()]);
 *     const channel = connect(broker.url).channel();
 *     expect(() => channel.queuePurge('q')).toThrow(ConnectionLostError);
 *     broker.done();
 */
export function scriptedBroker(...scripts: Script[]): ScriptedBroker {
  thread ??= new BrokerThread();
  return new ScriptedBroker(thread, scripts);
}

/** Ends the process when the current test takes longer than `limit` ms; `undefined`: no test is running. */
export function watchTest(test: string | undefined, limit = 150_000): void {
  thread ??= new BrokerThread();
  thread.command({ do: 'watch', test, limit });
}

let thread: BrokerThread | undefined;

/** Milliseconds for what ordinarily takes one; a busy machine takes longer. */
const PATIENCE = 20_000;

class ScriptedBroker {
  readonly #id: number;
  readonly #transcript: Received[] = [];
  readonly #owed = new Map<number, number>();
  readonly #unfinished = new Set<number>();
  #port = 0;
  #failure: string | undefined;
  #closed = false;

  /** @internal The first connection gets the first script, and so on; the last script serves all further ones. */
  constructor(
    readonly thread: BrokerThread,
    scripts: Script[],
  ) {
    this.#id = thread.add((news) => this.#take(news));
    thread.command({ do: 'listen', broker: this.#id, scripts });
    if (!thread.wait(() => this.#port !== 0, 20_000)) throw new Error('the scripted broker does not listen');
  }

  #take(news: News): void {
    switch (news.news) {
      case 'listening':
        this.#port = news.port;
        return;
      case 'received':
        this.#transcript.push(news.entry);
        return;
      case 'owed':
        this.#owed.set(news.connection, news.count);
        this.#unfinished.add(news.connection);
        return;
      case 'finished':
        this.#unfinished.delete(news.connection);
        return;
      case 'failed':
        this.#failure ??= news.difference;
        return;
      case 'closed':
        this.#closed = true;
    }
  }

  get port(): number {
    return this.#port;
  }
  get url(): string {
    return `amqp://127.0.0.1:${this.#port}`;
  }

  /** What the clients have sent so far, heartbeats and ends of connections included. */
  transcript(): readonly Received[] {
    this.thread.drain();
    return this.#transcript;
  }

  /** The methods of the transcript, without those of the handshake: the quick look. */
  methods(): string[] {
    const openOk = ['header', 'connection.start-ok', 'connection.tune-ok', 'connection.open'];
    return this.transcript()
      .map(({ method }) => method)
      .filter((method) => !openOk.includes(method));
  }

  /** What the client did otherwise than the script says, in words. */
  failure(): string | undefined {
    this.thread.drain();
    return this.#failure;
  }

  /** Let `waitFor(name)` go on. */
  signal(name: string): void {
    this.thread.command({ do: 'signal', broker: this.#id, name });
  }

  /** Block until the scripts of all connections have run to their end. @throws {Error} the difference */
  done(timeout = PATIENCE): void {
    const finished = () => this.#unfinished.size === 0 && this.#owed.size > 0;
    this.#settle(finished, timeout, 'the script has not come to its end');
  }

  /** Block until the client has done everything that the scripts expect. @throws {Error} the difference */
  satisfied(timeout = PATIENCE): void {
    if (this.#closed) return;
    const satisfied = () => [...this.#owed.values()].every((count) => count === 0);
    this.#settle(satisfied, timeout, 'the client has not done all that the script expects');
  }

  /** Block until the transcript has what `predicate` looks for. @throws {Error} it did not come */
  until(predicate: (transcript: readonly Received[]) => boolean, timeout = PATIENCE): void {
    this.#settle(() => predicate(this.#transcript), timeout, `it did not come: ${predicate}`);
  }

  #settle(reached: () => boolean, timeout: number, complaint: string): void {
    this.thread.wait(() => this.#failure !== undefined || reached(), timeout);
    if (this.#failure !== undefined) throw new Error(`scripted broker, ${this.#failure}`);
    if (reached()) return;
    const came = this.#transcript.map(({ method }) => method).slice(-40);
    throw new Error(
      `scripted broker: ${complaint} within ${timeout} ms\n  all that came: ${came.join(', ') || 'nothing'}`,
    );
  }

  /** Put the port and all connections down. */
  close(): void {
    this.thread.command({ do: 'close', broker: this.#id });
    this.thread.wait(() => this.#closed, PATIENCE);
    this.thread.remove(this.#id);
  }
}

export type { ScriptedBroker };

/** The thread, seen from the test's: commands there, news back, and waits that need no event loop. */
class BrokerThread {
  readonly #brokers = new Map<number, (news: News) => void>();
  readonly #worker: Worker;
  readonly #news: import('node:worker_threads').MessagePort;
  readonly #words = new Int32Array(new SharedArrayBuffer(4));
  #nextId = 1;

  constructor() {
    const { port1, port2: port } = new MessageChannel();
    this.#news = port1;
    const workerData: BrokerThreadData = { port, bell: this.#words.buffer as SharedArrayBuffer };
    this.#worker = helperThread('test/support/peers/scripted-broker-thread', {
      workerData,
      transferList: [port],
    });
    port1.unref();
  }

  add(broker: (news: News) => void): number {
    this.#brokers.set(this.#nextId, broker);
    return this.#nextId++;
  }

  remove(id: number): void {
    this.#brokers.delete(id);
  }

  command(command: Command): void {
    this.#worker.postMessage(command);
  }

  /** Take the news that have come. */
  drain(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#news);
      if (received === undefined) return;
      const news = received.message as News;
      this.#brokers.get(news.broker)?.(news);
    }
  }

  /** Sleep until `predicate` holds, at most `timeout` ms. @returns whether it holds */
  wait(predicate: () => boolean, timeout: number): boolean {
    const deadline = performance.now() + timeout;
    for (;;) {
      const count = Atomics.load(this.#words, 0);
      this.drain();
      if (predicate()) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      Atomics.wait(this.#words, 0, count, left);
    }
  }
}
