import { STATE } from '../bridge/layout';
import type { Link } from '../bridge/link';
import type { WaitResult } from '../bridge/wake-signal';
import { clock } from '../clock';
import type { CloseReason } from '../contract/session-options';
import { InterruptedError } from '../errors';
import { runtime } from '../runtime';
import { closeOptions } from './options/close-options';
import { warnOfError } from './warnings';

/** What a finished script still owes its broker. */
interface Closable {
  readonly link: Pick<Link, 'state' | 'unsent' | 'unanswered'>;
  /** Wait for the end of the connection that was announced. */
  awaitEnd(deadline: number): WaitResult;
  announceClose(reason: CloseReason): void;
  close(reason: CloseReason): void;
}

/** Milliseconds for all open connections together: for a broker that takes nothing, and for one that does not answer. */
const EXIT_TIMEOUT = 1000;
/** Bytes that a slow broker deals with in a millisecond, and the most milliseconds that it gets for what it has been sent. */
const BYTES_PER_MS = 256;
const LONGEST_WORK = 5000;
/** Milliseconds until it is looked again whether bytes go out, and for all that is left to go out. */
const LOOK_EVERY = 20;
const LONGEST_SENDING = 10_000;

const open = new Set<Closable>();
/** While all are being closed: when that has to end. */
let limit: number | undefined;

/**
 * An open connection does not keep a script alive, but the script's end (the last line, process.exit, an
 * uncaught throw) flushes and closes it. Blocking in there works; nothing asynchronous would.
 */
export function closeAtExit(connection: Closable): void {
  if (open.size === 0) watchExit();
  open.add(connection);
}

export function forgetAtExit(connection: Closable): void {
  if (open.delete(connection) && open.size === 0) unwatchExit();
}

/** What 'exit' is told with, and what process.exit ends with: undocumented, and kept by Node for those who wrap it. */
type Wrapped = Record<'emit' | 'reallyExit', (...args: unknown[]) => unknown>;

/** What the process had before; kept for whoever holds ours. */
let before: Wrapped = process as unknown as Wrapped;
let isWatching = false;
const ours: Wrapped = {
  emit(...args) {
    try {
      return Reflect.apply(before.emit, process, args);
    } finally {
      if (args[0] === 'exit') closeAll();
    }
  },
  reallyExit(...args) {
    closeAll();
    return Reflect.apply(before.reallyExit, process, args);
  },
};

/** An uncaught error is about to end the program, unless it has a listener for that. */
function atFatalError(): void {
  if (process.listenerCount('uncaughtException') === 0) closeAll();
}

/**
 * The connections are closed behind the program's own 'exit' listeners, whenever those were added: they may publish.
 * A listener of ours would run before those that were added later, so the event is wrapped as a whole; and so is
 * what a listener skips the others with, by calling process.exit.
 */
function watchExit(): void {
  if (isWatching) return;
  isWatching = true;
  const host = process as unknown as Wrapped;
  before = { emit: host.emit, reallyExit: host.reallyExit };
  Object.assign(process, ours);
  if (!runtime.emitsExit) process.on('exit', closeAll);
  if (!runtime.exitsAfterError) process.on('uncaughtExceptionMonitor', atFatalError);
}

/** Wrappers of ours that others have wrapped meanwhile stay, for the next connection. */
function unwatchExit(): void {
  const host = process as unknown as Wrapped;
  if (!isWatching || host.emit !== ours.emit || host.reallyExit !== ours.reallyExit) return;
  Object.assign(process, before);
  process.off('exit', closeAll);
  process.off('uncaughtExceptionMonitor', atFatalError);
  isWatching = false;
}

/** The program is at its end. */
export function isClosingAll(): boolean {
  return limit !== undefined;
}

/**
 * Close every open connection, all together within a second of what is done last: bytes go out, and what has been
 * published is dealt with; asked again meanwhile, at once. Never throws.
 */
export function closeAll(): void {
  const isFirst = limit === undefined;
  limit = isFirst ? clock.now() + EXIT_TIMEOUT : 0;
  const left = () => Math.max(0, (limit ?? 0) - clock.now());
  const work = Math.min(LONGEST_WORK, sum('unanswered') / BYTES_PER_MS);
  // all at the same time: one that is stuck must not take the time of the others
  const timeout = isFirst ? LONGEST_SENDING + EXIT_TIMEOUT + LONGEST_WORK : 0;
  for (const connection of open) connection.announceClose(closeOptions({ timeout }));
  if (isFirst) limit = awaitSent() ? clock.now() + EXIT_TIMEOUT + work : 0;
  for (const connection of [...open]) {
    try {
      connection.close(closeOptions({ timeout: left() }));
    } catch (error) {
      // the process ends anyway, with its own exit code
      if (error instanceof InterruptedError) limit = 0;
      else warnOfError('onClose threw while the program ended', error);
    }
  }
  if (isFirst) limit = undefined;
}

/** Bytes of all connections; one that has ended on the way sends no more. */
function sum(what: 'unsent' | 'unanswered'): number {
  let bytes = 0;
  for (const { link } of open) bytes += link.state < STATE.CLOSED ? link[what] : 0;
  return bytes;
}

/** Wait until everything has gone out, as long as bytes do. @returns false: they do not, or Ctrl-C */
function awaitSent(): boolean {
  const end = clock.now() + LONGEST_SENDING;
  let lastMove = clock.now();
  for (let before = sum('unsent'); before > 0; ) {
    const sending = [...open].find(({ link }) => link.state < STATE.CLOSED && link.unsent > 0);
    if (sending?.awaitEnd(clock.now() + LOOK_EVERY) === 'interrupted') return false;
    const now = clock.now();
    const unsent = sum('unsent');
    if (unsent < before) lastMove = now;
    if (unsent > 0 && (now - lastMove >= EXIT_TIMEOUT || now >= end)) return false;
    before = unsent;
  }
  return true;
}
