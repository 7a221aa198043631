import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { runAsWorker } from 'synckit';
import { THREAD, type ThreadStart } from '../src/bridge/thread-state';

/** Milliseconds for which a thread without a task waits for another one. */
const FREE_MS = 1000;

/**
 * The tasks of a thread, one after the other: a connection, or an embedded broker. Between two of them it waits a while,
 * for starting another thread costs far more than starting another connection.
 */
export class Tasks<Call, Reply> {
  readonly #answer: (call: Call, doorbell: MessagePort) => Reply;
  #tasks: MessagePort | undefined;
  #state: Int32Array | undefined;
  #doorbell: MessagePort | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `answer` answers every call; the doorbell is that of the present task. */
  constructor(answer: (call: Call, doorbell: MessagePort) => Reply) {
    this.#answer = answer;
    parentPort?.once('message', ({ tasks, state }: ThreadStart) => {
      this.#tasks = tasks;
      this.#state = new Int32Array(state);
      runAsWorker((call: Call) => this.#take(call));
    });
    process.on('exit', () => this.#leave()); // for whatever reason: nobody is to take it any more
  }

  #take(call: Call): Reply {
    const task = receiveMessageOnPort(this.#tasks!);
    if (task !== undefined) {
      clearTimeout(this.#timer);
      this.#doorbell = task.message;
    }
    return this.#answer(call, this.#doorbell!);
  }

  /** The present task is over: its doorbell is closed, and the thread is free. */
  finish(): void {
    this.#doorbell?.close();
    Atomics.store(this.#state!, 0, THREAD.FREE);
    this.#timer = setTimeout(() => {
      if (!this.#leave()) return;
      process.removeAllListeners('exit'); // synckit's report would keep its port in main, for nobody takes it
      process.exit(0);
    }, FREE_MS);
  }

  /** @returns whether it was free */
  #leave(): boolean {
    if (this.#state === undefined) return false;
    return Atomics.compareExchange(this.#state, 0, THREAD.FREE, THREAD.ENDED) === THREAD.FREE;
  }
}
