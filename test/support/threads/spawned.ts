/** Whether a thread of the package that this file has started is free for the next task: nothing else tells. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Worker } from 'node:worker_threads';
import { THREAD, type ThreadStart } from '../../../src/bridge/thread-state';

const CEILING = 20_000;
const states = new Map<Worker, Int32Array>();

function seen(message: unknown): void {
  const { worker } = message as { worker: Worker };
  const { postMessage } = worker;
  worker.postMessage = (first: unknown, ...more) => {
    const { state } = (first ?? {}) as Partial<ThreadStart>;
    if (state instanceof SharedArrayBuffer) states.set(worker, new Int32Array(state));
    postMessage.call(worker, first, ...more);
  };
  worker.once('exit', () => states.delete(worker)); // it may have been ended while it was free
}
subscribe('worker_threads', seen);
afterAll(() => unsubscribe('worker_threads', seen));

/** Block until one of them is. */
export function waitForFreeThread(): void {
  const deadline = performance.now() + CEILING;
  while (![...states.values()].some((state) => Atomics.load(state, 0) === THREAD.FREE)) {
    if (performance.now() > deadline) throw new Error(`no thread has finished within ${CEILING} ms`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
  }
}
