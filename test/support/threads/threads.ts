import { MessageChannel, type MessagePort, type Worker, type WorkerOptions } from 'node:worker_threads';
import type { Link } from '../../../src/bridge/link';
import { threadWakeSignal, type WakeSignal } from '../../../src/bridge/wake-signal';
import { helperThread } from './helper-thread';

/** What a thread of `startThread` finds in its `workerData`. */
export interface ThreadData<Options> {
  memory: SharedArrayBuffer;
  wakeSignal: SharedArrayBuffer;
  doorbell: MessagePort;
  options: Options;
}

/**
 * Start `test/support/threads/<name>.ts` in a thread and connect `link` with it: what `spawnWorker` and the open
 * call do, without synckit. A fatal error of the thread is for the link to notice.
 */
export function startThread<Options>(
  link: Link,
  name: string,
  options: Options,
  more: WorkerOptions = {},
): Worker {
  const { port1, port2: doorbell } = new MessageChannel();
  const workerData: ThreadData<Options> = {
    memory: link.memory,
    wakeSignal: link.wakeSignal.memory,
    doorbell,
    options,
  };
  const worker = helperThread(`test/support/threads/${name}`, {
    ...more,
    workerData,
    transferList: [doorbell],
  });
  worker.on('error', () => {});
  port1.unref();
  link.attach(port1);
  return worker;
}

/**
 * Replace the sleeps of `link` by one long sleep that fails: the slices of a real wait would hide a
 * wake-up that was lost, for a few milliseconds each time, and their probes would wake the worker. The wake signal
 * is that of the whole thread: `realSleep` undoes it.
 */
export function failOnLostWakeUp(link: Link, ceiling = 10_000): void {
  const { wakeSignal } = link;
  const sleep = (ticket: number): 'woken' => {
    if (Atomics.wait(wakeSignal.words, 0, ticket, ceiling) === 'timed-out')
      throw new Error(`nobody rang the wakeSignal for ${ceiling} ms: a wake-up was lost`);
    return 'woken';
  };
  wakeSignal.sleep = sleep;
}

export function realSleep(): void {
  const wakeSignal: Partial<WakeSignal> = threadWakeSignal();
  delete wakeSignal.sleep;
}

/** Let every message that has been posted within this thread be heard: some turns of its event loop. */
export async function portsSettled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 3));
}
