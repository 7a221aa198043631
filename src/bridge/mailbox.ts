import { MessageChannel, MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { threadWakeSignal, type WakeSignal } from './wake-signal';

/** What another thread needs to reach a mailbox. */
export interface MailboxHandle {
  port: MessagePort;
  /** Counts messages, for the port cannot be looked into without taking one; 1 behind that: no more will come. */
  posted: SharedArrayBuffer;
  bell: SharedArrayBuffer;
}

export function isHandle(value: unknown): value is MailboxHandle {
  const { port, posted, bell } = (value ?? {}) as Partial<MailboxHandle>;
  return port instanceof MessagePort && [posted, bell].every((memory) => memory instanceof SharedArrayBuffer);
}

/** Messages from another thread, taken without an event loop. */
export class Mailbox {
  readonly handle: MailboxHandle;
  readonly #port: MessagePort;
  readonly #posted = new Int32Array(new SharedArrayBuffer(8));
  #taken = 0;

  constructor(wakeSignal: WakeSignal = threadWakeSignal()) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.handle = {
      port: port2,
      posted: this.#posted.buffer as SharedArrayBuffer,
      bell: wakeSignal.memory,
    };
  }

  /** The other end has been closed, and everything was taken. */
  get isOver(): boolean {
    return Atomics.load(this.#posted, 1) === 1 && !this.waiting;
  }

  get waiting(): boolean {
    return Atomics.load(this.#posted, 0) !== this.#taken;
  }

  /** The next message, if one is waiting: what was posted to a closed port is counted, but never comes. */
  take(): { message: unknown } | undefined {
    this.#taken = (this.#taken + 1) | 0;
    return receiveMessageOnPort(this.#port) as { message: unknown } | undefined;
  }

  close(): void {
    this.#port.close();
  }
}
