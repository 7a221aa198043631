/**
 * The other end of a conversation: a thread with a connection of its own, for a blocked client needs somebody to
 * answer it. It lives as long as the file; should it hang, the calls it does not answer have their ceilings.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from '../built';

const threads = new Set<Worker>();
afterAll(async () => {
  for (const thread of threads) await thread.terminate();
});

/**
 * Run `source` in a thread; resolves once it has said `ready()`. It finds the library as `amqp`, a `connection`
 * and its `channel`, and the `names` it was given.
 */
export async function otherEnd(source: string, names: Record<string, string> = {}): Promise<void> {
  const program = `
    const { workerData, parentPort } = require('node:worker_threads');
    const amqp = require(workerData.library);
    const { names } = workerData;
    const connection = amqp.connect(workerData.url);
    const channel = connection.channel();
    const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    const ready = () => parentPort.postMessage('ready');
    ${source}`;
  const workerData = { library: join(build(), 'src', 'index.js'), url: process.env.AMQP_URL, names };
  const thread = new Worker(program, { eval: true, workerData });
  threads.add(thread);
  await new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the other end has left with ${code}`)));
  });
}
