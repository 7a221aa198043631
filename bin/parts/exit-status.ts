import * as amqp from '../../src/index';

/** Exit statuses; those of rabbitmq-c's tools where they have one. */
export const EXIT = {
  OK: 0,
  ERROR: 1,
  /** The queue is empty, nothing came. */
  EMPTY: 2,
  TIMEOUT: 3,
  /** A message was unroutable or refused. */
  NOT_TAKEN: 5,
  /** As sysexits.h has it. */
  USAGE: 64,
  /** As a program that dies of SIGPIPE. */
  PIPE: 141,
} as const;

/** The exit statuses in words, for the help. */
export const EXIT_NOTE = `Exit status: 0 done, 1 error, 2 nothing there, 3 no answer in time, 5 not all messages were taken,
64 wrong usage, 130 Ctrl-C, 141 nobody reads the output any more, 143 SIGTERM.`;

/** The error that ends the program with one line on stderr, or with none if the text is empty. */
export class ExitError extends Error {
  constructor(
    text: string,
    readonly exit: number = EXIT.ERROR,
  ) {
    super(text);
  }
}

/** Hints at what to try; the first that fits is given. */
const HINTS: readonly (readonly [kind: abstract new (...args: never[]) => Error, hint: string])[] = [
  [amqp.AuthenticationError, 'check the user name and the password (--username, --password, or in the URL)'],
  [amqp.ConnectError, 'is the broker running there? Say where with --url or AMQP_URL'],
  [amqp.NotAllowedError, 'check the vhost (--vhost, or the path of the URL)'],
  [amqp.NotFoundError, 'check the name; declare-queue and declare-exchange make one'],
  [amqp.AccessRefusedError, 'ask for the permission, or use another user'],
  [amqp.ResourceLockedError, 'another connection has it for itself'],
  [amqp.PreconditionFailedError, 'declare it as it is, or delete it first'],
  // publish and shovel say themselves what was not taken
  [amqp.UnroutableError, 'nobody serves it: check the name, or serve it with rpc <procedure> -- command'],
];

/** The text for an error, and the exit status. */
export function explain(error: unknown): { text: string; exit: number } {
  if (error instanceof ExitError) return { text: error.message, exit: error.exit };
  if (!(error instanceof Error)) return { text: String(error), exit: EXIT.ERROR };
  // a signal ends this program, and says so itself
  if (error instanceof amqp.InterruptedError && error.code === 'STOPPED')
    return { text: '', exit: EXIT.ERROR };
  const hint = HINTS.find(([kind]) => error instanceof kind && !isAboutNothingDeclared(error))?.[1];
  const text = hint === undefined ? error.message : `${error.message}; ${hint}`;
  return { text: text.replace(/\s*\n\s*/g, ' | '), exit: exitOf(error) };
}

/** 406 is said of many things: of what is declared otherwise, it names the argument. */
function isAboutNothingDeclared(error: Error): boolean {
  return error instanceof amqp.PreconditionFailedError && error.argument === undefined;
}

function exitOf(error: Error): number {
  if (error instanceof amqp.UnroutableError || error instanceof amqp.NackError) return EXIT.NOT_TAKEN;
  if (error instanceof amqp.TimeoutError) return EXIT.TIMEOUT;
  // the library refuses what it is given: a flag has a wrong value
  if (error instanceof TypeError || error instanceof RangeError) return EXIT.USAGE;
  return EXIT.ERROR;
}
