import type { MessagePort } from 'node:worker_threads';
import { isHandle } from '../bridge/mailbox';
import { WakeSignal } from '../bridge/wake-signal';
import { wrongType } from '../caller';
import { typeName } from '../protocol/wire';
import { showAs } from '../shown';

/** What another thread needs to reach a connection. `port` has to be in the `transferList`. */
export interface RemoteHandle {
  /** Where values are posted; it has to be in the `transferList`. */
  port: MessagePort;
  /** How many were posted, and whether the other end has closed. */
  posted: SharedArrayBuffer;
  /** Wakes the thread with the connection. */
  bell: SharedArrayBuffer;
}

/**
 * A connection, seen from another thread than the one that made it and may be blocked by it.
 * @example
 * // the thread with the connection
 * const handle = connection.remote((job) => channel.basicPublish(String(job), { routingKey: 'jobs' }));
 * new Worker('./producer.js', { workerData: handle, transferList: [handle.port] });
 * connection.loop();
 * // producer.js
 * new Remote(workerData).call('a job');
 */
export class Remote {
  readonly #handle: RemoteHandle;
  readonly #posted: Int32Array;
  readonly #wakeSignal: WakeSignal;

  /** `handle` is what `connection.remote` gave, received by this thread. @throws {TypeError} */
  constructor(handle: RemoteHandle) {
    if (!isHandle(handle))
      throw wrongType(`Remote needs the handle that connection.remote() gave, got ${typeName(handle)}`);
    this.#handle = handle;
    this.#posted = new Int32Array(handle.posted);
    this.#wakeSignal = new WakeSignal(handle.bell);
  }

  /**
   * Have the connection's thread call its callback with a copy of `value`, from its pump. Does not block.
   * Does nothing when the connection is closed, or this is.
   * @throws {DOMException} `value` cannot be cloned
   */
  call(value?: unknown): void {
    this.#handle.port.postMessage(value);
    Atomics.add(this.#posted, 0, 1);
    this.#wakeSignal.notify();
  }

  /**
   * End the blocking call under way in that thread, or its next one, with InterruptedError (code `STOPPED`);
   * the closing of a connection is let to its end. Does not block.
   */
  interrupt(): void {
    this.#wakeSignal.interrupt();
  }

  /** The handle is not needed any more. */
  close(): void {
    Atomics.store(this.#posted, 1, 1);
    this.#wakeSignal.notify();
    this.#handle.port.close();
  }
}

showAs(Remote, () => ({}));
