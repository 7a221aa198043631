import { wrongType } from '../caller';
import { InterruptedError } from '../errors';

/**
 * Blocking code has no place to await: a promise would be settled before its work is done. `so`: what became of the
 * work. The promise's own end is nobody's any more, not even when it rejects: this error says it all.
 */
export function refusePromise<T>(result: T, verb: string, so = ''): T {
  if (!isPromise(result)) return result;
  (result as { catch?: (ignore: () => void) => void }).catch?.(() => {});
  throw wrongType(
    `${verb}: the function returned a promise${so}; it must do its work before it returns, so write it without async`,
  );
}

function isPromise(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** What the function for a message returned. Of a promise the program is to blame, not the message: it is requeued. */
export function refusePromiseFor<T>(
  message: Disposable & { readonly isSettled: boolean },
  result: T,
  verb: string,
): T {
  if (!isPromise(result)) return result;
  const so = message.isSettled ? '' : ', and its message was requeued';
  inVain(() => message[Symbol.dispose]());
  return refusePromise(result, verb, so);
}

/**
 * Tidy up behind an error that is about to be thrown: it is what the caller has to hear, whatever fails now.
 * @throws {InterruptedError} somebody wants an end of all this, and must not be unheard
 */
export function inVain(tidyUp: () => void): void {
  try {
    tidyUp();
  } catch (error) {
    // else the channel has ended: its next call says so, and the broker tidies up by itself
    if (error instanceof InterruptedError) throw error;
  }
}
