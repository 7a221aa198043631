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
 * The same without one where Ctrl-C does not mean the end: a REPL reads its keys, and process 1 is immune.
 */
export function interruption(how: 'interrupted' | 'stopped'): InterruptedError {
  if (how === 'stopped') return interrupted('by another thread', 'STOPPED');
  const error = interrupted('by Ctrl-C (SIGINT)', 'INTERRUPTED');
  if (process.listenerCount('SIGINT') > 0) {
    process.kill(process.pid, 'SIGINT'); // the listener runs when the stack has unwound
    listenersBeforeDeath(error);
  } else if (process.stdin.listenerCount('keypress') === 0) {
    closeAll();
    process.kill(process.pid, 'SIGINT');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DYING);
  }
  return error;
}

function interrupted(by: string, code: string): InterruptedError {
  return new InterruptedError(`interrupted ${by} while waiting for the broker`, {
    code,
    recoverable: true,
    outcome: 'unknown',
  });
}

/** An error that nobody catches ends the process before its event loop could run the listeners. */
function listenersBeforeDeath(error: InterruptedError): void {
  const monitor = (uncaught: Error) => {
    if (uncaught !== error || process.listenerCount('uncaughtException') > 0) return;
    process.exitCode ??= EXIT_CODE;
    process.emit('SIGINT', 'SIGINT');
  };
  process.once('uncaughtExceptionMonitor', monitor);
  setImmediate(() => process.off('uncaughtExceptionMonitor', monitor)).unref();
}
