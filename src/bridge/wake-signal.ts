import { Script } from 'node:vm';
import { isMainThread } from 'node:worker_threads';
import { runtime } from '../runtime';

const COUNT = 0;
const PARKED = 1;
const INTERRUPT = 2;

/** How a sleep ended. `interrupted`: Ctrl-C. `stopped`: another thread asked for it. */
export type WaitResult = 'woken' | 'timeout' | 'interrupted' | 'stopped';

/**
 * What a blocked thread sleeps on: one word for all its connections, so that waiting for one or for any
 * of them is the same sleep.
 *
 *   sleeper                                   notifier
 *     arm: ticket = COUNT, PARKED = 1           store the news
 *     look for news                             PARKED 1 -> 0? then COUNT += 1 and notify
 *     none: sleep while COUNT == ticket
 *
 * Both orders of "look" and "store" end well: either the sleeper sees the news, or the notifier sees it
 * parked. A stale notification only makes the sleeper look once more.
 */
export class WakeSignal {
  readonly words: Int32Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(64)) {
    this.words = new Int32Array(memory);
  }

  /**
   * Announce that this thread is about to sleep; look for news after this call. The ticket is taken first:
   * a late notification for older news may clear PARKED again, and then the ticket is what keeps us awake.
   */
  arm(): number {
    const ticket = Atomics.load(this.words, COUNT);
    Atomics.store(this.words, PARKED, 1);
    return ticket;
  }

  disarm(): void {
    Atomics.store(this.words, PARKED, 0);
  }

  /** Sleep for at most `ms`, unless the sleeper was notified since `arm` returned `ticket`. */
  sleep(ticket: number, ms: number): WaitResult {
    return Atomics.wait(this.words, COUNT, ticket, ms) === 'timed-out' ? 'timeout' : 'woken';
  }

  /**
   * Run `wait`, made of sleeps, so that Ctrl-C ends it wherever it is. Costs some 15-60 us, so it is for waits
   * that really last, and for all of one: a Ctrl-C between two of them would be lost to a program that listens.
   */
  interruptibly(wait: () => WaitResult): WaitResult {
    return isMainThread && runtime.interruptsSleep ? interruptible(wait) : wait();
  }

  /** End the sleep under way, or the next one, as `stopped`. For other threads. */
  interrupt(): void {
    Atomics.store(this.words, INTERRUPT, 1);
    this.notify();
  }

  /** Has anybody called `interrupt`? Asking takes it away. */
  takeInterrupt(): boolean {
    return Atomics.load(this.words, INTERRUPT) === 1 && Atomics.exchange(this.words, INTERRUPT, 0) === 1;
  }

  /** Wake the sleeper, if there is one. */
  notify(): void {
    if (Atomics.exchange(this.words, PARKED, 0) === 0) return;
    Atomics.add(this.words, COUNT, 1);
    Atomics.notify(this.words, COUNT);
  }
}

/** The wake signal of this thread. */
let own: WakeSignal | undefined;
export function threadWakeSignal(): WakeSignal {
  own ??= new WakeSignal();
  return own;
}

/**
 * JavaScript signal handlers never run while a thread sleeps; the one thing that ends such a sleep is the
 * watchdog of `breakOnSigint`. It guards a script, not a function, so the sleep is reached through a slot
 * on the global object of the main realm (a jest sandbox has another).
 */
const SLOT = '__amqpSyncSleep';
const script = new Script(`${SLOT}()`, { filename: 'amqp-sync-wait' });
const realm = new Script('globalThis').runInThisContext() as Record<string, unknown>;

function interruptible(wait: () => WaitResult): WaitResult {
  Object.defineProperty(realm, SLOT, { value: wait, configurable: true, enumerable: false });
  try {
    return script.runInThisContext({ breakOnSigint: true }) as WaitResult;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') return 'interrupted';
    throw error;
  } finally {
    delete realm[SLOT];
    if (!runtime.restoresSigint && process.listenerCount('SIGINT') === 0)
      process.on('SIGINT', nothing).off('SIGINT', nothing);
  }
}

function nothing(): void {}
