/** Codes that were warned of. */
const said = new Set<string>();

/**
 * A process warning, as `process.emitWarning` gives it, but told at once: that waits for the next turn of the event
 * loop, which a program that blocks, or is about to exit, does not have. Node's --no-warnings and
 * --disable-warning, and listeners of 'warning', work as with any other.
 */
export function warn(code: string, message: string, detail?: string): void {
  const warning = Object.assign(new Error(message), { name: 'AmqpSyncWarning', code, detail });
  process.emit('warning', warning);
}

/** Of a habit of the program, not of an event: once is enough. */
export function warnOnce(code: string, message: string): void {
  if (said.has(code)) return;
  said.add(code);
  warn(code, message);
}

/** Of an error that nobody else hears of. */
export function warnOfError(code: string, message: string, error: unknown): void {
  warn(code, `${message}: ${String(error)}`, error instanceof Error ? error.stack : undefined);
}
