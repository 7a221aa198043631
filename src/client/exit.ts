import { clock } from '../clock';
import type { CloseReason } from '../contract/session-options';
import { InterruptedError } from '../errors';
import { closeOptions } from './options/close-options';
import { warnOfError } from './warnings';

/** What a finished script still owes its broker. */
interface Closable {
  announceClose(reason: CloseReason): void;
  close(reason: CloseReason): void;
}

/** Milliseconds for all open connections together. */
const EXIT_TIMEOUT = 1000;

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
}

/** Wrappers of ours that others have wrapped meanwhile stay, for the next connection. */
function unwatchExit(): void {
  const host = process as unknown as Wrapped;
  if (!isWatching || host.emit !== ours.emit || host.reallyExit !== ours.reallyExit) return;
  Object.assign(process, before);
  isWatching = false;
}

/** The program is at its end. */
export function isClosingAll(): boolean {
  return limit !== undefined;
}

/** Close every open connection, all together within a second; asked again meanwhile, at once. Never throws. */
export function closeAll(): void {
  const isFirst = limit === undefined;
  limit = isFirst ? clock.now() + EXIT_TIMEOUT : 0;
  const left = () => Math.max(0, (limit ?? 0) - clock.now());
  // all at the same time: one that is stuck must not take the time of the others
  for (const connection of open) connection.announceClose(closeOptions({ timeout: left() }));
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
