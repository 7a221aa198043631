import { writeSync } from 'node:fs';
import { isMainThread, MessageChannel, Worker } from 'node:worker_threads';
import { STATE } from '../../../src/bridge/layout';
import { Link } from '../../../src/bridge/link';

/**
 * A process that sleeps in waits which only Ctrl-C or a deadline ends, and tells on stdout what happens to
 * it. Its argument is a JSON of these.
 */
export interface SleepingChildOptions {
  /** Milliseconds of each wait. */
  waits: number[];
  interruptible: boolean;
  stallTimeout: number;
  /** Has a SIGINT listener. */
  listener: boolean;
  /** The waits are in a worker thread. */
  nested: boolean;
  /** Milliseconds the process idles in its event loop after the waits. */
  idle: number;
  /** The process sends itself SIGINT when a slice of a wait has ended and the next has not begun. */
  interruptsItself: boolean;
}

const options = JSON.parse(process.argv[2]!) as SleepingChildOptions;
const say = (line: string) => writeSync(1, `${line}\n`);

function sleep(): void {
  const link = new Link(1024, options.interruptible, options.stallTimeout);
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  link.attach(port1);
  port2.unref();
  if (options.interruptsItself) interruptBetweenSlices(link);
  for (const ms of options.waits) {
    say('waiting');
    const began = performance.now();
    const result = link.waitReadable(STATE.STARTING, began + ms);
    say(`${result} after ${Math.round(performance.now() - began)}`);
  }
}

function interruptBetweenSlices(link: Link): void {
  const { sleep } = link.wakeSignal;
  let slices = 0;
  link.wakeSignal.sleep = (ticket, ms) => {
    const end = sleep.call(link.wakeSignal, ticket, ms);
    if (++slices === 4) process.kill(process.pid, 'SIGINT'); // the first is the plain one
    return end;
  };
}

function idle(): void {
  process.exitCode = 7;
  setTimeout(() => say('end'), options.idle);
  say('idle');
}

if (isMainThread && options.listener) process.on('SIGINT', () => say('listener ran'));
if (isMainThread && options.nested) {
  const argv = [process.argv[2]!];
  new Worker(__filename, { argv }).on('exit', idle);
} else {
  sleep();
  if (isMainThread) idle();
}
