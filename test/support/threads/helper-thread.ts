import { Worker, type WorkerOptions } from 'node:worker_threads';
import { built } from '../built';

const threads = new Set<Worker>();
// a process of jest's runs many files, and would keep the threads of all; programs without jest have no hooks
globalThis.afterAll?.(() => Promise.all([...threads].map((thread) => thread.terminate())));

/** Start a thread of the tests' own, `path` in the project without extension. It ends with the file at the latest. */
export function helperThread(path: string, options: WorkerOptions): Worker {
  const thread = new Worker(built(path), options);
  threads.add(thread.once('exit', () => threads.delete(thread)));
  thread.unref();
  return thread;
}
