/** Limits that tell what is soon from what waits for another limit, and that other work on the machine does not break. */
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

/** How much longer than alone this process waits for a core: in the last minute, or now, where the system says that. */
export function slowness(): number {
  return Math.max(1, (1.5 * Math.max(loadavg()[0]!, runnable())) / availableParallelism());
}

/** How many threads run or want to, of all processes. */
function runnable(): number {
  try {
    return Number(/ (\d+)\//.exec(readFileSync('/proc/loadavg', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0; // this is no Linux
  }
}

/**
 * A limit for what takes `ms` on a machine that has nothing else to do, in milliseconds. A loaded one gets more, and each
 * gets what one that is slow, or held up for a moment, needs; it is less than a second for what is done at once (300).
 */
export function within(ms: number): number {
  return 250 + 2 * ms * slowness();
}
