import { workerData } from 'node:worker_threads';
import { WorkerLink } from '../../../src/bridge/worker-link';
import type { ThreadData } from './threads';

/** What an obedient thread does when it is told so over its doorbell: once, or every `every` ms. */
export type Order =
  | 'open'
  | 'publish'
  | 'ring'
  | 'close'
  | 'throw'
  | 'reject'
  | 'exit'
  | 'run out of memory'
  | 'nap'
  | 'loop for ever';

export interface Command {
  order: Order;
  /** Milliseconds. */
  after?: number;
  every?: number;
}

/** `lastWord`: leaves one in shared memory when it ends, as the worker of a connection does. */
export interface ObedientThreadOptions {
  lastWord: boolean;
}

const { memory, wakeSignal, doorbell, options } = workerData as ThreadData<ObedientThreadOptions>;
const link = new WorkerLink(
  memory,
  wakeSignal,
  doorbell,
  () => {},
  (message) => take(message as Command),
);

if (options.lastWord) {
  process.on('uncaughtException', (error) => {
    link.die(`uncaught: ${error.message}`);
    process.exit(1);
  });
  process.on('exit', (code) => link.die(`exit code ${code}`));
}

const orders: Record<Order, () => void> = {
  open: () => link.open(),
  publish: () => {
    link.inbound.write(Buffer.of(1), 0, 1);
    link.publish(link.inbound.head);
  },
  // what a frame that came in part does: nothing new to see
  ring: () => link.publish(link.inbound.head),
  close: () => link.close('closed as told', { bytesIn: 0, bytesOut: 0 }),
  throw: () => {
    throw new Error('as told');
  },
  reject: () => void Promise.reject(new Error('as told')),
  exit: () => process.exit(3),
  'run out of memory': () => {
    for (const hoard: number[][] = []; ; ) hoard.push(new Array(1_000_000).fill(1));
  },
  nap: () => {
    link.nap(10_000);
    orders.publish();
  },
  'loop for ever': () => {
    for (;;);
  },
};

function take({ order, after, every }: Command): void {
  if (every !== undefined) setInterval(orders[order], every);
  else if (after !== undefined) setTimeout(orders[order], after);
  else orders[order]();
}

link.open();
