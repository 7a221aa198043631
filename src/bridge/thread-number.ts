import { existsSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** The functions of the runtime, kept from what the tests of a program put in their place. */
const exists = existsSync;
const readLink = readlinkSync;

/** The number of the calling thread in the system's table of threads; 0 where it has none that can be read: Linux has one. */
export function threadNumber(): number {
  try {
    const number = Number(basename(readLink('/proc/thread-self')));
    return isListed(number) ? number : 0;
  } catch {
    return 0; // another system, or a runtime that may not look there
  }
}

/**
 * Has the thread of this process ended that had this number? False also where that cannot be known. A program may give up
 * its permission to look there meanwhile: what is not found counts only if the calling thread finds itself.
 */
export function hasEnded(number: number): boolean {
  try {
    return number !== 0 && !isListed(number) && threadNumber() !== 0;
  } catch {
    return false; // Node's permissions: looking is an error
  }
}

function isListed(number: number): boolean {
  return exists(`/proc/self/task/${number}`);
}
