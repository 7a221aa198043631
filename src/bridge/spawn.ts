import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { fromCaller } from '../caller';
import { THREAD, type ThreadStart } from './thread-state';

/** A running worker thread, seen from the thread that started it. */
export interface WorkerThread<Call, Reply> {
  /** Blocks until the worker has answered; the worker answers at once. @throws what synckit throws */
  call(call: Call): Reply;
  /** The doorbell: any message wakes the worker. Commands that must not wait for an answer go here too. */
  doorbell: MessagePort;
  /** Ends the thread whatever it is doing, unless it has finished: then it is somebody else's, or about to end. */
  terminate(): void;
}

class Thread {
  readonly #name: string;
  readonly #timeout: number;
  /** The environment of the thread: a copy, of the time of its start. It names certificates to trust, for example. */
  readonly #env = JSON.stringify(process.env);
  readonly #worker: Worker;
  readonly #call: (call: unknown) => unknown;
  readonly #state: Int32Array;
  readonly #tasks: MessagePort;
  #doorbell: MessagePort | undefined;

  constructor(name: string, timeout: number) {
    this.#name = name;
    this.#timeout = timeout;
    const { worker, call } = start(name, timeout);
    this.#worker = worker;
    this.#call = call;
    const memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#state = new Int32Array(memory);
    const { port1, port2: tasks } = new MessageChannel();
    this.#tasks = port1;
    worker.postMessage({ tasks, state: memory } satisfies ThreadStart, [tasks]);
    // a listener keeps a worker's fatal error from becoming an uncaught exception here; the report in
    // shared memory, or the closed port, is how it is noticed
    worker.on('error', () => {});
    worker.on('exit', () => started.delete(this));
    started.add(this);
  }

  /** Take it from whoever had it before, who has finished. @returns whether it was free, and as a new one would be */
  take(name: string, timeout: number): boolean {
    if (this.#name !== name || Atomics.load(this.#state, 0) !== THREAD.FREE) return false;
    if (timeout > this.#timeout) return false; // its calls would be given up too early
    if (this.#env !== JSON.stringify(process.env)) return false;
    return Atomics.compareExchange(this.#state, 0, THREAD.FREE, THREAD.TAKEN) === THREAD.FREE;
  }

  give<Call, Reply>(): WorkerThread<Call, Reply> {
    const { port1: doorbell, port2 } = new MessageChannel();
    doorbell.unref();
    this.#tasks.postMessage(port2, [port2]);
    this.#doorbell = doorbell;
    return {
      call: this.#call as (call: Call) => Reply,
      doorbell,
      terminate: () => {
        if (this.#doorbell !== doorbell || Atomics.load(this.#state, 0) !== THREAD.TAKEN) return;
        started.delete(this);
        void this.#worker.terminate();
      },
    };
  }
}

/** Threads that have not ended, as far as this one knows. */
const started = new Set<Thread>();

/**
 * A thread of this package: one that has finished with its last task, else a new one, which takes far longer. `name` is
 * its path below `worker/`, without extension; it is found in `dist` from where this file is bundled into, and as
 * TypeScript under ts-node. `timeout` (milliseconds) limits each call, the first of which waits for a new thread to
 * start; one that is there answers at once, and its limit may be that of an earlier task which had more time.
 * @throws {Error} when the file is not there, or the thread cannot be started
 */
export function spawnWorker<Call, Reply>(name: string, timeout: number): WorkerThread<Call, Reply> {
  for (const thread of started) if (thread.take(name, timeout)) return thread.give();
  return new Thread(name, timeout).give();
}

function start(name: string, timeout: number): { worker: Worker; call: (call: unknown) => unknown } {
  const extension = extname(__filename);
  const file = join(__dirname, '..', '..', 'worker', name + extension);
  if (!existsSync(file)) {
    throw fromCaller(
      new Error(`worker file not found at ${file}; when bundling, keep the package amqp-sync external`),
    );
  }
  let worker: Worker | undefined;
  class Observed extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      worker = this;
    }
  }
  const { startWorkerThread } = require('synckit') as typeof import('synckit');
  const module = require('node:worker_threads') as object;
  const original = Object.getOwnPropertyDescriptor(module, 'Worker')!; // a program may have put anything there
  // synckit keeps the Worker to itself, and its workerData is fixed; Node alone announces new ones (diagnostics_channel)
  Object.defineProperty(module, 'Worker', { value: Observed, configurable: true });
  try {
    const call = startWorkerThread<(call: unknown) => unknown>(file, { timeout, tsRunner: 'ts-node' });
    return { worker: worker!, call };
  } finally {
    Object.defineProperty(module, 'Worker', original);
  }
}
