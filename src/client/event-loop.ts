import { Mailbox, type MailboxHandle } from '../bridge/mailbox';
import { clock } from '../clock';
import { TimeoutError } from '../errors';
import type { Waits } from './channel/channel-host';
import { OPERATION } from './diagnostics';
import { DISPATCH, type Dispatcher } from './dispatcher';
import { interruption } from './interruption';
import { type Pump, type Waitable, when } from './pump';
import { isWarnedOf, LONG_WAIT_MS, listensToSignals, warnOf } from './warnings';

/** The connection, as its event loop sees it. */
interface LoopHost {
  /** The public connection. */
  readonly owner: object;
  readonly pump: Pump;
  readonly dispatcher: Dispatcher;
  readonly callTimeout: number;
  readonly warnings: boolean;
  readonly isOpen: boolean;
  /** Look at what has come, without waiting. */
  pollIfNews(): void;
  /** @throws why the connection has ended */
  checkAlive(what: string, how: string): void;
  /** A consumer gets no more before the program settles something. */
  isStuck(isEndless: boolean): boolean;
}

/** Milliseconds between two looks, at most. */
const LONGEST_PAUSE_MS = 50;

/** How a thread waits on a connection: for events, for the answer to a call, for nothing but the time. */
export class EventLoop implements Waits {
  /** Set by `within`. */
  #limit = Number.POSITIVE_INFINITY;

  constructor(readonly host: LoopHost) {}

  // ── deadlines ───────────────────────────────────────────────────────────────────────────────────────

  deadline(timeout: number | undefined, began = clock.now()): number {
    return Math.min(began + (timeout ?? this.host.callTimeout), this.#limit);
  }

  eventDeadline(timeout: number): number {
    if (timeout === Number.POSITIVE_INFINITY) return this.#limit; // asking for the time has its price, too
    return Math.min(clock.now() + timeout, this.#limit);
  }

  within<T>(ms: number, fn: () => T): T {
    const outer = this.#limit;
    this.#limit = Math.min(outer, clock.now() + ms);
    try {
      return fn();
    } finally {
      this.#limit = outer;
    }
  }

  checkLimit(): void {
    if (clock.now() < this.#limit) return;
    throw new TimeoutError('no event came before the deadline of withDeadline', { recoverable: true });
  }

  checkInterrupt(): void {
    if (this.host.pump.link.wakeSignal.takeInterrupt()) throw interruption('stopped');
  }

  // ── waiting ─────────────────────────────────────────────────────────────────────────────────────────

  /** `drainEvents` would not have to wait. */
  get hasEvents(): boolean {
    const { host } = this;
    host.pollIfNews();
    return !host.isOpen || host.dispatcher.isDone || host.dispatcher.hasDueTimer();
  }

  /** Wait for an event, and dispatch it. False: the deadline passed first. */
  drainOne(verb: string, deadline: number): boolean {
    const { dispatcher } = this.host;
    dispatcher.enter(verb);
    this.checkInterrupt();
    for (;;) {
      if (dispatcher.runOne()) return true;
      this.host.checkAlive(verb, 'ended');
      if (this.waitFor(dispatcher, deadline) || clock.now() < deadline) continue;
      if (dispatcher.runOne()) return true; // a timer that was due with the deadline
      this.checkLimit();
      return false;
    }
  }

  waitFor(goal: Waitable, deadline: number): boolean {
    const { owner, pump, dispatcher } = this.host;
    dispatcher.isServed = true;
    if (pump.advance(goal)) return true;
    if (!OPERATION.wait.isTraced) return this.#waitFor(goal, deadline);
    const facts = { connections: [owner], awaited: goal.awaited ?? '', timeout: deadline - clock.now() };
    return OPERATION.wait.trace(facts, () => this.#waitFor(goal, deadline));
  }

  #waitFor(goal: Waitable, deadline: number): boolean {
    const { pump, dispatcher } = this.host;
    const { busy, nextDue } = dispatcher;
    const end = busy ? deadline : Math.min(deadline, nextDue);
    const [isDeaf, isStuck] = [this.isDeaf(deadline), this.#isStuck(deadline)];
    if (isDeaf || isStuck) {
      const long = clock.now() + LONG_WAIT_MS;
      if (pump.until(goal, Math.min(end, long), false)) return true;
      if (isDeaf && long < end) warnOf('AMQP_SYNC_SIGNAL_UNHEARD');
      if (isStuck) warnOf('AMQP_SYNC_NOTHING_SETTLED');
    }
    return pump.until(goal, end, false);
  }

  /** A callback is running. */
  get isDispatching(): boolean {
    return this.host.dispatcher.busy;
  }

  /** Events that wait to be dispatched. */
  get waiting(): number {
    return this.host.dispatcher.length;
  }

  /** Wait until there is an event, or a timer is due, and dispatch nothing. @returns false: the deadline passed first */
  waitForEvents(deadline: number): boolean {
    return this.waitFor(this.host.dispatcher, deadline);
  }

  /** Wait until one more event has come, whatever waits already. @returns false: the deadline passed first */
  waitForAnother(deadline: number): boolean {
    const before = this.waiting;
    const another = when(() => this.waiting > before, 'another event');
    return this.host.pump.until(another, deadline, false);
  }

  /** Run `callback` once after `ms`. @returns an id for `cancelTimer` */
  callLater(ms: number, callback: () => unknown): number {
    return this.host.dispatcher.addTimer(clock.now() + ms, callback);
  }

  cancelTimer(id: number): void {
    this.host.dispatcher.cancelTimer(id);
  }

  /** Let another thread have `callback` run here. @returns what that thread needs for it */
  remote(callback: (value: unknown) => void): MailboxHandle {
    const mailbox = new Mailbox(this.host.pump.link.wakeSignal);
    this.host.dispatcher.addMailbox(mailbox, callback);
    return mailbox.handle;
  }

  /** Let `callback` run behind the events that wait. */
  later(callback: () => unknown): void {
    this.host.dispatcher.push({ [DISPATCH]: callback });
  }

  /** Wait for what is no event, while no callback runs. @returns false: the deadline passed first */
  until(goal: Waitable, deadline: number, hurry = true): boolean {
    return this.host.pump.until(goal, deadline, hurry);
  }

  /**
   * Look for something again and again, as nobody tells of it, until `deadline`. To whoever watches that is one wait.
   * @returns null: it was not there in time
   */
  poll<T>(look: () => T | null, awaited: string, deadline: number): T | null {
    const first = look();
    if (first !== null || clock.now() >= deadline) return first;
    const { owner, pump } = this.host;
    const { watch } = pump.link;
    const again = () => this.#poll(look, deadline);
    const wait = () =>
      watch === undefined ? again() : watch.whole({ isDone: false, awaited }, deadline, again);
    return OPERATION.wait.trace({ connections: [owner], awaited, timeout: deadline - clock.now() }, wait);
  }

  #poll<T>(look: () => T | null, deadline: number): T | null {
    for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      this.host.pump.rest(Math.min(deadline, clock.now() + pause));
      const found = look();
      if (found !== null || clock.now() >= deadline) return found;
    }
  }

  /** A wait without a limit would keep signals from their listeners. */
  isDeaf(deadline: number): boolean {
    return this.host.warnings && deadline === Number.POSITIVE_INFINITY && listensToSignals();
  }

  /** A consumer gets no more before something is settled, and nobody is there to do that: no timer, no other thread. */
  #isStuck(deadline: number): boolean {
    if (!this.host.warnings || isWarnedOf('AMQP_SYNC_NOTHING_SETTLED')) return false;
    const { nextDue, mailboxes } = this.host.dispatcher;
    if (nextDue !== Number.POSITIVE_INFINITY || mailboxes > 0) return false;
    return this.host.isStuck(deadline === Number.POSITIVE_INFINITY);
  }
}
