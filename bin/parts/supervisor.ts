import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Remote, type RemoteHandle } from '../../src/index';
import { printError } from './output';

/** The request of a verb's thread: a command with its input. */
export interface CommandRequest {
  file: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  input: Uint8Array;
  /** Whether its output is the answer. */
  capture: boolean;
  /** Milliseconds to end in, once a signal has come. */
  killAfter: number;
}

/** The end of the command. */
export interface CommandAnswer {
  status: number | null;
  signal: NodeJS.Signals | null;
  output: Uint8Array;
  /** The reason for which it was not started, or not let to its end. */
  error?: string;
  /** The signal that ends this program, and that the command was told of. */
  ending?: NodeJS.Signals | undefined;
}

/** A message of the thread: a command, or how to reach its connection. */
export type ThreadMessage = { request: CommandRequest } | { handle: RemoteHandle };

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Milliseconds for the thread to settle and to close its connection. */
const CLOSE_TIMEOUT = 5000;
/** Milliseconds between two looks at what a command has left behind. */
const POLL_MS = 20;
/** Bytes that a command may print for an answer. */
const MOST_OUTPUT = 128 * 1024 * 1024;

/**
 * Run a verb with a command: the verb in a thread of its own, where it may block, its commands from this one, where
 * signals are heard. A signal is passed on to the command under way; when that has ended, the thread settles its
 * message and closes its connection, and this program dies of the signal.
 */
export function supervise(file: string, argv: readonly string[]): void {
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(file, { argv: [...argv], workerData: answered });
  let remote: Remote | undefined;
  let running: ChildCommand | undefined;
  let ending: NodeJS.Signals | undefined;

  const answer = (end: Omit<CommandAnswer, 'ending'>) => {
    running = undefined;
    thread.postMessage({ ...end, ending } satisfies CommandAnswer);
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
    if (ending !== undefined) dieInTime(ending);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (ending !== undefined) return running?.kill(); // it is wanted at once
    ending = signal;
    if (remote === undefined) return die(signal);
    remote.interrupt();
    if (running === undefined) dieInTime(signal);
    else running.end(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);

  thread.on('message', (message: ThreadMessage) => {
    if ('handle' in message) remote = new Remote(message.handle);
    else if (ending !== undefined) answer({ status: null, signal: null, output: new Uint8Array() });
    else running = new ChildCommand(message.request, answer);
  });
  thread.on('error', (error) => printError(String(error.stack ?? error)));
  thread.on('exit', (status) => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.exitCode = status;
    if (ending !== undefined) die(ending);
  });
}

function dieInTime(signal: NodeJS.Signals): void {
  setTimeout(die, CLOSE_TIMEOUT, signal).unref();
}

/** Die of a signal, as whoever sent it expects; process 1 of a container is immune. */
function die(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(128 + constants.signals[signal]);
}

/** A command under way, with all that it starts: a shell leaves its own children behind when it is killed. */
class ChildCommand {
  readonly #child: ChildProcess;
  readonly #killAfter: number;
  readonly #output: Buffer[] = [];
  #size = 0;
  #error: string | undefined;
  #isEnding = false;

  constructor({ file, args, env, input, capture, killAfter }: CommandRequest, ended: (end: Ended) => void) {
    this.#killAfter = killAfter;
    this.#child = spawn(file, args, {
      env,
      stdio: ['pipe', capture ? 'pipe' : 'inherit', 'inherit'],
      detached: process.platform !== 'win32', // a group of processes, to be signalled as one
    });
    const over = (status: number | null, signal: NodeJS.Signals | null) => {
      if (this.#isEnding && this.#signal(0)) setTimeout(over, POLL_MS, status, signal);
      else ended({ status, signal, output: Buffer.concat(this.#output), ...this.#failure() });
    };
    this.#child.once('error', (error) => {
      this.#error ??= error.message;
      if (this.#child.pid === undefined) over(null, null);
    });
    this.#child.once('close', over);
    this.#child.stdout?.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#child.stdin!.on('error', () => {}); // one that does not read its input is no failure
    this.#child.stdin!.end(input);
  }

  #failure(): { error?: string } {
    return this.#error === undefined ? {} : { error: this.#error };
  }

  #take(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#size <= MOST_OUTPUT) this.#output.push(bytes);
    else if (this.#error === undefined) {
      this.#error = `it printed more than ${MOST_OUTPUT} bytes`;
      this.kill();
    }
  }

  /** Pass a signal on. All of it has to end in time. */
  end(signal: NodeJS.Signals): void {
    this.#isEnding = true;
    this.#signal(signal);
    setTimeout(() => this.kill(), this.#killAfter).unref();
  }

  kill(): void {
    this.#signal('SIGKILL');
  }

  /** @returns false: nobody is left */
  #signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.#child;
    if (pid === undefined) return false;
    try {
      return process.kill(process.platform === 'win32' ? pid : -pid, signal);
    } catch {
      return false;
    }
  }
}

type Ended = Omit<CommandAnswer, 'ending'>;
