import { clock } from '../clock';
import { InterruptedError } from '../errors';
import { closeAll } from './exit';

/** As a shell counts: 128 and the number of SIGINT. */
const EXIT_CODE = 130;
/** Milliseconds for the signal to be carried out. */
const DYING = 100;

/**
 * A wait was interrupted: by Ctrl-C, or by another thread (`stopped`).
 *
 * Ctrl-C ends the program, as it does everywhere, but in order: the connections are closed first. Whoever has
 * a SIGINT listener decides himself: the call throws, `finally` and `using` run, then the listener does.
 * The same without one where Ctrl-C does not mean the end: a REPL reads its keys, process 1 is immune, and
 * there is `catching`.
 */
export function interruption(how: 'interrupted' | 'stopped'): InterruptedError {
  if (how === 'stopped') return interrupted('by another thread', 'STOPPED');
  const error = interrupted('by Ctrl-C (SIGINT)', 'INTERRUPTED');
  if (process.listenerCount('SIGINT') > 0 || catchers > 0) {
    hearLater(error);
  } else if (process.stdin.listenerCount('keypress') === 0) {
    closeAll();
    process.kill(process.pid, 'SIGINT');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DYING);
  }
  return error;
}

/** Calls under way that take Ctrl-C as an error of their own. */
let catchers = 0;

/** Run `fn`: Ctrl-C is an error for its caller, who may catch it and go on, as in Python. */
export function catching<T>(fn: () => T): T {
  catchers++;
  try {
    return fn();
  } finally {
    catchers--;
  }
}

function interrupted(by: string, code: string): InterruptedError {
  return new InterruptedError(`interrupted ${by} while waiting for the broker`, {
    code,
    recoverable: true,
    outcome: 'unknown',
  });
}

/** Interruptions whose listeners have not run yet; without listeners, one that its caller may have caught is over. */
const unheard: { error: InterruptedError; isCaught: boolean }[] = [];

/**
 * The listeners run when the stack has unwound. Raising the signal again would not do: a guarded sleep takes
 * the listeners off for its time, and what was raised before it is lost. An error that nobody catches ends the
 * process before its event loop turns: then they run just before.
 */
function hearLater(error: InterruptedError): void {
  if (unheard.length === 0) {
    clock.onceUnwound(hear);
    process.on('uncaughtExceptionMonitor', dying);
  }
  unheard.push({ error, isCaught: catchers > 0 });
}

function hear(): void {
  process.off('uncaughtExceptionMonitor', dying);
  for (const { isCaught } of unheard.splice(0))
    if (!process.emit('SIGINT', 'SIGINT') && !isCaught) process.kill(process.pid, 'SIGINT');
}

function dying(uncaught: Error): void {
  // the error may have been thrown on under another name
  const isIt = unheard.some(({ error }) => error === uncaught || error === uncaught.cause);
  if (!isIt || process.listenerCount('uncaughtException') > 0) return;
  hear();
  const code = process.exitCode || EXIT_CODE;
  process.once('exit', () => {
    process.exitCode = code; // Node sets it to 1 just before
  });
}
