/**
 * Programs of their own that use the built library, for what happens to a whole process: signals, exit
 * codes, last words. jest cannot time out what they do: each is killed after a while, and after its test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from '../built';
import { asleep } from './asleep';

/** Milliseconds after which a program is killed: far more than one takes, however busy the machine is. */
const CEILING = 120_000;

/** What every program begins with. */
const PRELUDE = (library: string, url: string) => `
  const library = ${JSON.stringify(library)};
  const amqp = require(library);
  const { connect, Remote, waitAny } = amqp;
  const url = ${JSON.stringify(url)};
  const say = (...words) => {
    const line = words.join(' ');
    require('node:fs').writeSync(1, (line === 'waiting' ? 'waiting ' + Date.now() : line) + '\\n');
  };
  const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
`;

export interface ProgramOptions {
  /** Default: AMQP_URL. */
  url?: string;
  /** The folder of the library; default: as `build` makes it. */
  library?: string;
  /** Options for node. */
  args?: string[];
  env?: NodeJS.ProcessEnv;
  /** The program is an ES module. */
  module?: boolean;
}

export interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What it said, without "waiting". */
  lines: string[];
  stderr: string;
  /** Milliseconds since it was last sent a signal, else since it last said "waiting", else since its start. */
  ms: number;
}

const running = new Set<Program>();
afterEach(() => {
  for (const program of running) program.kill('SIGKILL');
  running.clear();
});

/**
 * Run `source`, JavaScript that finds the library as `amqp` (its file as `library`), the address of its broker
 * as `url`, and `say` to tell something; `say('waiting')` before it blocks.
 */
export function run(source: string, options: ProgramOptions = {}): Program {
  return new Program(source, options);
}

class Program {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  /** How often it has said "waiting", and how often that was waited for. */
  #waits = 0;
  #awaited = 0;
  #heard = () => {};
  #ended = false;
  #since = performance.now();
  /** The end of the program, within a ceiling. */
  readonly end: Promise<End>;

  constructor(source: string, options: ProgramOptions) {
    const { url = process.env.AMQP_URL!, library = build(), args = [], env, module } = options;
    const prelude = PRELUDE(join(library, 'src', 'index.js'), url);
    const script = module
      ? `import { createRequire } from 'node:module'; const require = createRequire('/'); ${prelude} ${source}`
      : prelude + source;
    const how = module ? ['--input-type=module'] : [];
    const child = spawn(process.execPath, [...args, ...how, '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: env ?? process.env,
      timeout: CEILING,
      killSignal: 'SIGKILL',
    });
    this.#child = child;
    running.add(this);
    let stderr = '';
    child.stderr!.on('data', (text) => {
      stderr += text;
    });
    createInterface(child.stdout!).on('line', (line) => this.#take(line));
    let ms = 0;
    child.on('exit', () => {
      ms = performance.now() - this.#since;
    });
    this.end = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        running.delete(this);
        this.#ended = true;
        this.#heard();
        resolve({ code, signal, lines: this.#lines, stderr, ms });
      });
    });
  }

  #take(line: string): void {
    const [, since] = /^waiting (\d+)$/.exec(line) ?? [];
    if (since !== undefined) {
      // on a busy machine the line is heard late
      this.#since = performance.now() - (Date.now() - Number(since));
      this.#waits++;
    } else this.#lines.push(line);
    this.#heard();
  }

  /** The program has said "waiting" once more, and is asleep; or it has ended. */
  async blocked(): Promise<void> {
    await this.#until(() => this.#waits > this.#awaited);
    this.#awaited++;
    await this.asleep();
  }

  /** The main thread of the program sleeps, in a wait that a signal ends; or it has ended. */
  async asleep(): Promise<void> {
    if (!this.#ended) await asleep(this.#child.pid!);
  }

  /** The program has said `line`, or one like it; or it has ended. */
  async says(line: string | RegExp): Promise<void> {
    const isIt = (said: string) => (typeof line === 'string' ? said === line : line.test(said));
    await this.#until(() => this.#lines.some(isIt));
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached() && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  /** Close the pipe that its stderr is. */
  deafen(): void {
    this.#child.stderr!.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#since = performance.now();
    this.#child.kill(signal);
  }

  /** Press Ctrl-C as soon as it is blocked (again). */
  async ctrlC(): Promise<void> {
    await this.blocked();
    this.kill('SIGINT');
  }
}
