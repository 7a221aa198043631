import type { Command } from 'commander';

/** The program, as far as a verb needs it. */
export interface VerbContext {
  /** The command to run. */
  command: readonly string[] | undefined;
  /** The whole program, with every flag of every verb. */
  program(): Command;
  /** The notes of another verb. */
  notesOf(verb: string): string;
}

/** A verb of the command line: each has a file of its own beside this one. */
export interface Verb {
  /** Remarks and examples: they end its help and its part of the manual. */
  notes: string;
  /** Add its arguments and flags. */
  define(command: Command): Command;
  /**
   * The command to run, of a verb that runs one; it takes it from `args`, or from what stands behind `--`. Of other
   * verbs that is plain arguments.
   */
  command?(
    flags: object,
    args: string[],
    behind: readonly string[] | undefined,
  ): readonly string[] | undefined;
  /** Do it. Blocks. `args` are its own to take from. @returns the exit status */
  run(flags: object, args: string[], context: VerbContext): number;
}
