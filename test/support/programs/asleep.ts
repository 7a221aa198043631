import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that a process has to be in the same sleep: far more than the first, uninterruptible part of one lasts. */
const SAME_SLEEP = 80;
/** Milliseconds after which a process that sleeps for shorter times only, or whose system does not say, is far enough. */
const SLACK = process.platform === 'linux' ? 3000 : 400;

/** The main thread of a process sleeps, and nothing that is under way wakes it; or the process has ended. */
export async function asleep(pid: number): Promise<void> {
  const until = performance.now() + SLACK;
  let sleep: string | undefined;
  let since = 0;
  while (performance.now() < until) {
    const now = sleepOf(pid);
    if (now === undefined || now !== sleep) [sleep, since] = [now, performance.now()];
    else if (performance.now() - since >= SAME_SLEEP) return;
    await delay(20);
  }
}

/** The number of the sleep in which the main thread of a process is, as Linux counts them. */
function sleepOf(pid: number): string | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/task/${pid}/status`, 'latin1');
    return /^State:\tS/m.test(status) ? /^voluntary_ctxt_switches:\t(\d+)/m.exec(status)?.[1] : undefined;
  } catch {
    return undefined;
  }
}
