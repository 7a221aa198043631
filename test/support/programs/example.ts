/** Programs of examples/, as their reader starts them; in JavaScript, which starts several times as fast. */
import { join } from 'node:path';
import { build } from '../built';
import { type End, type ProgramOptions, run } from './program';

export type Example = ReturnType<typeof run>;

/** Start an example, `import-csv` for one, with the arguments of its command line. */
export function startExample(name: string, args: readonly string[] = [], options?: ProgramOptions): Example {
  return execute(join(build(), 'examples', `${name}.js`), args, options);
}

/** Start a script, of which `process.argv` has the arguments. */
export function execute(file: string, args: readonly string[], options?: ProgramOptions): Example {
  const argv = JSON.stringify([file, ...args]);
  return run(`process.argv.splice(1, Infinity, ...${argv}); require(process.argv[1]);`, options);
}

/** The exit code or the signal, and everything that was printed. */
export function outcome({ code, signal, lines, stderr }: End): unknown[] {
  return stderr === '' ? [code ?? signal, ...lines] : [code ?? signal, ...lines, stderr];
}
