import { existsSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** The functions of the runtime, whatever a program puts in their place later. */
const exists = existsSync;
const readLink = readlinkSync;

/** The number of the calling thread in the system's table of them; 0 where there is no such table: Linux has one. */
export function threadNumber(): number {
  try {
    return Number(basename(readLink('/proc/thread-self'))) || 0;
  } catch {
    return 0; // another system, or a runtime that may not read there
  }
}

/** Whether a thread of this process is in that table. */
export function isListed(thread: number): boolean {
  return exists(`/proc/self/task/${thread}`);
}
