import type { MessagePort } from 'node:worker_threads';

/**
 * Whose a thread is, in a word of shared memory. Both ends leave FREE by compare-exchange, so a thread is never
 * taken that is about to end.
 *
 *   TAKEN --(worker) its task is over--> FREE --(main) another task--> TAKEN
 *                                        FREE --(worker) nobody came, or it crashed--> ENDED
 */
export const THREAD = { TAKEN: 0, FREE: 1, ENDED: 2 } as const;

/** The first message to a thread. Each task comes as its doorbell on `tasks`, ahead of the call that begins it. */
export interface ThreadStart {
  tasks: MessagePort;
  state: SharedArrayBuffer;
}
