import { writeSync } from 'node:fs';

const STDERR = 2;

/** Tell whoever looks at stderr, if it can be written to: no connection ends because a terminal is gone, or a disk full. */
export function printError(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // there is nobody else to tell
  }
}
