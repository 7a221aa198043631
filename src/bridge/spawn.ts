import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { startWorkerThread } from 'synckit';
import { fromCaller } from '../caller';
/** A running worker thread, seen from the thread that started it. */
export interface WorkerThread<Call, Reply> {
  /** Blocks until the worker has answered; the worker answers at once. @throws what synckit throws */
  call(call: Call): Reply;
  /** The doorbell: any message wakes the worker. Commands that must not wait for an answer go here too. */
  doorbell: MessagePort;
  /** Ends the thread whatever it is doing. */
  terminate(): void;
}

/**
 * Start a thread of this package. `name` is its path below `worker/`, without extension; it is found
 * beside this file in `dist`, and as TypeScript under ts-node and jest. `timeout` (milliseconds) limits each
 * call, the first of which waits for the thread to start.
 * @throws {Error} when the file is not there, or the thread cannot be started
 */
export function spawnWorker<Call, Reply>(name: string, timeout: number): WorkerThread<Call, Reply> {
  const extension = extname(__filename);
  const file = join(__dirname, '..', '..', 'worker', name + extension);
  if (!existsSync(file)) {
    throw fromCaller(
      new Error(`worker file not found at ${file}; when bundling, keep the package amqp-sync external`),
    );
  }
  let worker: Worker | undefined;
  const seen = (message: unknown) => {
    worker = (message as { worker: Worker }).worker;
  };
  // synckit keeps the Worker to itself, and its workerData is fixed; Node announces every new one here
  subscribe('worker_threads', seen);
  let call: (call: Call) => Reply;
  try {
    call = startWorkerThread<(call: Call) => Reply>(file, { timeout, tsRunner: 'ts-node' });
  } finally {
    unsubscribe('worker_threads', seen);
  }
  if (worker === undefined)
    throw fromCaller(
      new Error(`this runtime (${runtime()}) does not announce new worker threads; Node 20.12 or later does`),
    );
  const { port1: doorbell, port2 } = new MessageChannel();
  doorbell.unref();
  worker.postMessage(port2, [port2]);
  // a listener keeps a worker's fatal error from becoming an uncaught exception here; the report in
  // shared memory, or the closed port, is how it is noticed
  worker.on('error', () => {});
  const thread = worker;
  return { call, doorbell, terminate: () => void thread.terminate() };
}

/** What calls itself Node, and may be something else. */
function runtime(): string {
  const { bun, deno, node } = process.versions;
  if (bun !== undefined) return `Bun ${bun}`;
  return deno === undefined ? `Node ${node}` : `Deno ${deno}`;
}
