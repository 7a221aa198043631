import { performance } from 'node:perf_hooks';
import { MessageChannel } from 'node:worker_threads';

/**
 * The clock of every wait: milliseconds that only grow, as `performance.now` has them.
 *
 * Fake timers (jest, vitest, sinon) replace the globals, and those members of Node's modules that go by the same
 * names, often before this library is loaded. A blocked thread cannot advance them, so it would sleep for ever. They
 * leave alone the prototype behind `performance.now`, and message ports.
 */
const now = (Object.getPrototypeOf(performance) as Partial<typeof performance>).now ?? performance.now; // Bun's has none

/** Milliseconds of the longest timer that Node has; a longer one ends at once. */
export const LONGEST_TIMER = 0x7fff_ffff;

export const clock = {
  now: now.bind(performance),

  /** Run `callback` once the stack has unwound: `setImmediate`, where no fake reaches. */
  onceUnwound(callback: () => void): void {
    const { port1, port2 } = new MessageChannel();
    port1.once('message', () => {
      port1.close();
      callback();
    });
    port2.postMessage(undefined);
  },
};
