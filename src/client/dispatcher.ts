import type { Mailbox } from '../bridge/mailbox';
import { clock } from '../clock';
import { WrongStateError } from '../errors';
import { refusePromise } from './callbacks';
import { Fifo } from './fifo';

/** How an event is handed to the user's callback. A symbol: messages are events, and their readers do not meet it. */
export const DISPATCH = Symbol('dispatch');

/** Something for the user that came while a call was under way. */
export interface Event {
  /** @returns what the user's callback has returned */
  [DISPATCH](): unknown;
}

interface Timer extends Event {
  id: number;
  due: number;
  /** The library has set it: it is no event, and nobody who waits for one hears of it. */
  isOwn: boolean;
}

/**
 * Events wait here until the user's code asks for them: callbacks run from `drainEvents`, `loop`, `sleep`
 * and iterators only, never in the middle of somebody's call, and never inside one another. Only ends do not wait.
 */
export class Dispatcher {
  readonly #events = new Fifo<Event>();
  /** Sorted by due time; few. */
  #timers: Timer[] = [];
  #nextTimer = 1;
  /** What other threads send, and who takes it. */
  readonly #mailboxes = new Map<Mailbox, (value: unknown) => void>();
  #dispatching = false;
  /** Somebody has asked for events since a consumer was started. */
  isServed = true;
  /** What has ended and has an `onClose` that was not told yet, in the order of the ends. */
  readonly #ends = new Map<object, () => unknown>();

  push(event: Event): void {
    this.#events.push(event);
  }

  get length(): number {
    return this.#events.length;
  }

  /** A callback is running. */
  get busy(): boolean {
    return this.#dispatching;
  }

  /** Waitable: there is something to dispatch. */
  get isDone(): boolean {
    return this.#events.length > 0 || (this.#mailboxes.size > 0 && this.#hasMail);
  }

  readonly awaited = 'an event';

  get #hasMail(): boolean {
    for (const mailbox of this.#mailboxes.keys()) if (mailbox.waiting) return true;
    return false;
  }

  /** When the next timer is due (clock.now), or Infinity. */
  get nextDue(): number {
    return this.#timers[0]?.due ?? Number.POSITIVE_INFINITY;
  }

  /** Whether a timer of the program's is due. Those of the library's own that are due run now. */
  hasDueTimer(): boolean {
    return this.runOwnTimers() && this.nextDue <= clock.now();
  }

  /** Unlike callbacks they run in the middle of calls: nobody's code is in them. @returns whether any timer was due */
  runOwnTimers(): boolean {
    if (this.#timers.length === 0) return false;
    const now = clock.now();
    if (this.nextDue > now) return false;
    for (const timer of this.#timers.filter(({ isOwn, due }) => isOwn && due <= now)) {
      this.cancelTimer(timer.id);
      timer[DISPATCH]();
    }
    return true;
  }

  /** @throws {WrongStateError} inside a callback */
  enter(verb: string): void {
    if (this.#dispatching) {
      throw new WrongStateError(`${verb} cannot be called from a callback: callbacks do not nest`, {
        code: 'NESTED_PUMP',
      });
    }
  }

  /** Run one due timer or one event. False: there was none. What the callback throws goes to the caller. */
  runOne(): boolean {
    this.isServed = true;
    const event = this.#take();
    if (event === undefined) return false;
    this.#dispatching = true;
    try {
      refusePromise(event[DISPATCH](), 'a callback');
    } finally {
      this.#dispatching = false;
    }
    return true;
  }

  /** `owner` has ended: `callback` is to hear of it, from whoever is told first. */
  ended(owner: object, callback: () => unknown): void {
    this.#ends.set(owner, callback);
  }

  /**
   * Tell of the end of `owner`, or of all ends. Unlike other callbacks these do not wait for the pump: a call is about
   * to throw the reason, and often it is the last one. They nest at most inside of one callback, and each runs once.
   */
  reportEnds(owner?: object): void {
    for (const [who, callback] of [...this.#ends]) {
      if ((owner !== undefined && who !== owner) || !this.#ends.delete(who)) continue;
      const outer = this.#dispatching;
      this.#dispatching = true;
      try {
        refusePromise(callback(), 'onClose');
      } finally {
        this.#dispatching = outer;
      }
    }
  }

  #take(): Event | undefined {
    if (this.hasDueTimer()) return this.#timers.shift();
    if (this.#mailboxes.size > 0) this.#takeMail();
    return this.#events.shift();
  }

  #takeMail(): void {
    for (const [mailbox, callback] of this.#mailboxes) {
      while (mailbox.waiting) {
        const mail = mailbox.take();
        if (mail !== undefined) this.push({ [DISPATCH]: () => callback(mail.message) });
      }
      if (!mailbox.isOver) continue;
      mailbox.close();
      this.#mailboxes.delete(mailbox);
    }
  }

  /** Drop the events that have become meaningless, and return them. */
  retain(keep: (event: Event) => boolean): Event[] {
    return this.#events.retain(keep);
  }

  remove(event: Event): void {
    this.retain((other) => other !== event);
  }

  addTimer(due: number, callback: () => void, isOwn = false): number {
    const id = this.#nextTimer++;
    const index = this.#timers.findIndex((timer) => timer.due > due);
    this.#timers.splice(index < 0 ? this.#timers.length : index, 0, { id, due, isOwn, [DISPATCH]: callback });
    return id;
  }

  cancelTimer(id: number): void {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  }

  addMailbox(mailbox: Mailbox, callback: (value: unknown) => void): void {
    this.#mailboxes.set(mailbox, callback);
  }

  /** Number of open mailboxes. */
  get mailboxes(): number {
    return this.#mailboxes.size;
  }

  closeMailboxes(): void {
    for (const mailbox of this.#mailboxes.keys()) mailbox.close();
    this.#mailboxes.clear();
  }
}
