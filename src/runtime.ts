const { bun, deno } = process.versions;

/**
 * The runtime, which calls itself Node and may be another. What can be tried is tried by whoever needs it; here is what
 * shows only when the process ends, and would end it. Bun 1.4 and Deno 2.9 are those that were looked at.
 */
export const runtime = {
  /** For people. */
  name: bun !== undefined ? `Bun ${bun}` : deno !== undefined ? `Deno ${deno}` : `Node.js ${process.version}`,
  /** Ctrl-C ends a sleep under `breakOnSigint` as an error; in Deno it ends the process then, listeners or not. */
  interruptsSleep: deno === undefined,
  /** A script under `breakOnSigint` leaves SIGINT as it was; behind one in Bun it ends no process, until its listeners change. */
  restoresSigint: bun === undefined,
  /** 'exit' comes by `process.emit`, which can be wrapped; Bun calls the listeners past it. */
  emitsExit: bun === undefined,
  /** 'exit' comes after an uncaught error, too; not in Deno. */
  exitsAfterError: deno === undefined,
} as const;
