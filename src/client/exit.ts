import { clock } from '../clock';

/** What a finished script still owes its broker. */
interface Closable {
  announceClose(options: { timeout: number }): void;
  close(options: { timeout: number }): void;
}

/** Milliseconds for all open connections together. */
const EXIT_TIMEOUT = 1000;

const open = new Set<Closable>();
/** While all are being closed: when that has to end. */
let limit: number | undefined;

/**
 * An open connection does not keep a script alive, but the script's end (the last line, process.exit, an
 * uncaught throw) flushes and closes it. Blocking inside 'exit' works; nothing asynchronous would.
 */
export function closeAtExit(connection: Closable): void {
  if (open.size === 0) process.once('exit', closeAll);
  open.add(connection);
}

export function forgetAtExit(connection: Closable): void {
  if (open.delete(connection) && open.size === 0) process.off('exit', closeAll);
}

/** Close every open connection, all together within a second; asked again meanwhile, at once. Never throws. */
export function closeAll(): void {
  const isFirst = limit === undefined;
  limit = isFirst ? clock.now() + EXIT_TIMEOUT : 0;
  const left = () => Math.max(0, (limit ?? 0) - clock.now());
  // all at the same time: one that is stuck must not take the time of the others
  for (const connection of open) connection.announceClose({ timeout: left() });
  for (const connection of [...open]) {
    try {
      connection.close({ timeout: left() });
    } catch {
      limit = 0; // interrupted; the process ends anyway, with its own exit code
    }
  }
  if (isFirst) limit = undefined;
}
