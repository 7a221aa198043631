import type { MessagePort } from 'node:worker_threads';
import { clock } from '../clock';
import { AdaptiveChoice } from './adaptive-choice';
import { DirectWriter } from './direct-writer';
import { createMemory, type Layout, mapMemory, readReport, STATE, WORD, WORKER } from './layout';
import { RingConsumer, RingProducer } from './ring';
import { hasEnded } from './thread-number';
import { threadWakeSignal, type WaitResult, type WakeSignal } from './wake-signal';

/** Plain sleeps first: most replies come within this, and an interruptible sleep costs more. */
const PLAIN_MS = 2;
/**
 * Many a broker answers sooner than a thread can be put to sleep and woken again. One that takes longer, as RabbitMQ does
 * on the same machine, is soon not watched any more: there a spin takes the time of the broker.
 */
const SPIN_MS = 0.05;
/** Sleeps last no longer at a time. */
const SLICE_MS = 200;

/** What a sleep may also wait for. */
export interface Goal {
  readonly isDone: boolean;
  /** For a person who asks what this thread waits for. */
  readonly awaited?: string;
  /** The number of the channel that it is of, where the channel itself does not know. */
  readonly channel?: number;
}

/** The watch on what this thread waits for; there is one only while somebody wants to know. */
export interface WaitWatch {
  begin(goal: Goal, deadline: number): void;
  /** All waits of `fn` are one. */
  whole<T>(goal: Goal, deadline: number, fn: () => T): T;
  /** A command for the worker, which tells of it. */
  report(): unknown;
}
const NOTHING: Goal = { isDone: false };

/**
 * Sleep until there is news, at most until `deadline` (clock.now), looking after the workers of
 * `links` meanwhile. A worker that is gone or stalled is news. The links share the wake signal of this thread.
 */
export function sleepUntil(links: readonly Link[], news: () => boolean, deadline: number): WaitResult {
  const wakeSignal = threadWakeSignal();
  const result = sleep(wakeSignal, links, news, deadline);
  wakeSignal.disarm();
  return result;
}

const spinning = new AdaptiveChoice();

/** A moment's spinning for news before sleeping. @returns whether there was any */
function spin(news: () => boolean, deadline: number): boolean {
  const now = clock.now();
  if (deadline <= now || !spinning.isWorthIt) return false;
  const until = now + SPIN_MS;
  let found = news();
  while (!found && clock.now() < until) found = news();
  spinning.learn(found);
  return found;
}

function sleep(
  wakeSignal: WakeSignal,
  links: readonly Link[],
  news: () => boolean,
  deadline: number,
): WaitResult {
  const interruptible = links.every((link) => link.interruptible);
  const plainUntil = clock.now() + PLAIN_MS;
  const end = sleepInSlices(wakeSignal, links, news, Math.min(deadline, plainUntil));
  if (end !== 'timeout' || deadline <= plainUntil) return end;
  const rest = () => sleepInSlices(wakeSignal, links, news, deadline);
  return interruptible ? wakeSignal.interruptibly(rest) : rest();
}

/** As often as a slice ends, the workers are looked after. */
function sleepInSlices(
  wakeSignal: WakeSignal,
  links: readonly Link[],
  news: () => boolean,
  deadline: number,
): WaitResult {
  for (;;) {
    const ticket = wakeSignal.arm();
    if (news()) return 'woken';
    if (wakeSignal.takeInterrupt()) return 'stopped';
    const now = clock.now();
    for (const link of links) if (!link.isAttended(now)) return 'woken';
    if (now >= deadline) return 'timeout';
    const end = wakeSignal.sleep(ticket, Math.min(deadline - now, SLICE_MS));
    if (end === 'woken') for (const link of links) link.wakeUps++;
  }
}

/**
 * The blocking side of a connection's shared memory: both rings, the doorbell, and waits that notice
 * when nobody will ever end them.
 */
export class Link {
  readonly outbound: RingProducer;
  readonly inbound: RingConsumer;
  readonly wakeSignal: WakeSignal = threadWakeSignal();
  watch: WaitWatch | undefined;
  readonly #layout: Layout;
  readonly #directWriter: DirectWriter;
  /** Whether writing directly pays where no answer is waited for: it does if this thread sleeps before it writes again. */
  readonly #writingDirectly = new AdaptiveChoice();
  /** The last write was direct, and this thread has not slept since. */
  #isUnproven = false;
  /** Where in the outbound ring the last call that waits for an answer ends. */
  #askedAt: number;
  #doorbell: MessagePort | undefined;
  /** How often this thread slept on it and was woken. */
  wakeUps = 0;
  #gone = false;
  #stalled = false;
  #lastBeat = -1;
  #silentLooks = 0;
  #nextLook = 0;

  /** `stallTimeout`: milliseconds without an answer after which the worker counts as stalled. */
  constructor(
    capacity: number,
    readonly interruptible: boolean,
    readonly stallTimeout: number,
  ) {
    this.#layout = mapMemory(createMemory(capacity));
    const { words, outbound, inbound } = this.#layout;
    this.outbound = new RingProducer(outbound, words, WORD.OUT_HEAD, WORD.OUT_TAIL);
    this.#askedAt = this.outbound.head;
    this.#directWriter = new DirectWriter(words, outbound, this.outbound);
    this.inbound = new RingConsumer(inbound, words, WORD.IN_HEAD, WORD.IN_TAIL);
  }

  get memory(): SharedArrayBuffer {
    return this.#layout.memory;
  }

  attach(doorbell: MessagePort): void {
    this.#doorbell = doorbell;
  }

  /** One of STATE. */
  get state(): number {
    const state = Atomics.load(this.#layout.words, WORD.STATE);
    if (state >= STATE.CLOSED) return state;
    if (this.#stalled) return STATE.STALLED;
    return this.#gone ? STATE.DEAD : state;
  }

  /** The last word of the worker: empty if it had no time for one. */
  get report(): string {
    return readReport(this.#layout);
  }

  /** Bytes both ways, of a connection that has ended; undefined: the worker had no time to say. */
  get lastTraffic(): { bytesIn: number; bytesOut: number } | undefined {
    if (this.state !== STATE.CLOSED) return undefined;
    const [bytesIn, bytesOut] = [0, 1].map((index) => Number(Atomics.load(this.#layout.traffic, index)));
    return { bytesIn: bytesIn!, bytesOut: bytesOut! };
  }

  /** Bytes written but not yet taken by the socket. */
  get unsent(): number {
    return this.outbound.capacity - this.outbound.room() - this.#directWriter.ahead;
  }

  /** Bytes written since the last call that waited for an answer: perhaps the broker has yet to deal with them. */
  get unanswered(): number {
    return (this.outbound.head - this.#askedAt) >>> 0;
  }

  /** Writes of this thread to the socket; undefined: it has no way there. */
  get directWrites(): number | undefined {
    const { isLent, count } = this.#directWriter;
    return isLent || count > 0 ? count : undefined;
  }

  /**
   * Send what was written: to the socket from here, or by the worker. `isAwaited`: this thread is to wait for the answer.
   * Then the wake-up of the worker is always worth saving. Otherwise it is if this thread goes to sleep: what comes one
   * piece after the other the worker sends many pieces at a time.
   */
  send(isAwaited = false): void {
    this.outbound.publish();
    if (isAwaited) this.#askedAt = this.outbound.head;
    const { words } = this.#layout;
    if (this.#isUnproven) this.#writingDirectly.learn(false);
    this.#isUnproven = false;
    const state = Atomics.load(words, WORD.WORKER);
    const isDirect = isAwaited || (state === WORKER.PARKED && this.#writingDirectly.isWorthIt);
    if (isDirect && this.#directWriter.write()) {
      this.#isUnproven = !isAwaited;
      if (state !== WORKER.NAPPING) return;
    }
    Atomics.store(words, WORD.URGENT, 1);
    this.#rouse();
  }

  /** A recovery of the connection: what is written from here on is for its new generation; what was written before is void. */
  enter(generation: number): void {
    const { words } = this.#layout;
    this.outbound.publish();
    Atomics.store(words, WORD.GENERATION_AT, this.outbound.head);
    Atomics.store(words, WORD.GENERATION, generation);
    this.post(0);
  }

  /** Show the worker what was written; it may end a nap first. */
  sendSoon(): void {
    this.outbound.publish();
    if (Atomics.load(this.#layout.words, WORD.WORKER) === WORKER.PARKED) this.#rouse();
  }

  #rouse(): void {
    const { words } = this.#layout;
    if (Atomics.load(words, WORD.WORKER) === WORKER.AWAKE) return;
    const was = Atomics.exchange(words, WORD.WORKER, WORKER.AWAKE);
    if (was === WORKER.PARKED) this.post(0);
    else if (was === WORKER.NAPPING) Atomics.notify(words, WORD.WORKER);
  }

  /** Until `unlockWrites`, or until the worker acknowledges a message: no frame of its own on main's channels. */
  lockWrites(): void {
    Atomics.add(this.#layout.words, WORD.WRITES_LOCKED, 1);
  }
  unlockWrites(): void {
    Atomics.sub(this.#layout.words, WORD.WRITES_LOCKED, 1);
  }

  /** The next `size` inbound bytes are done with. They are given back many at a time. */
  take(size: number): void {
    this.inbound.take(size);
    if (this.inbound.taken >= this.inbound.capacity / 16) this.release();
  }

  /** Give inbound bytes back, and wake the worker if it waits for room and enough of it has come together. */
  release(size = 0): void {
    this.inbound.release(size);
    if (this.inbound.available() > this.inbound.capacity / 2) return;
    const { words } = this.#layout;
    const flag = WORD.IN_ROOM_WANTED;
    if (Atomics.load(words, flag) === 1 && Atomics.exchange(words, flag, 0) === 1) this.post(0);
  }

  /** Hand the worker a command. False: there is nobody to take it. */
  post(message: unknown): boolean {
    // false is Node's (undocumented) answer once the other end is gone; other runtimes answer nothing
    const answer = this.#doorbell?.postMessage(message) as unknown;
    if (this.#doorbell === undefined || answer === false) this.#gone = true;
    return !this.#gone;
  }

  /** Send a probe, if there is a thread to answer it: one that ran out of memory, for one, ended without a word. */
  #probe(): boolean {
    if (hasEnded(Atomics.load(this.#layout.words, WORD.THREAD))) this.#gone = true;
    return !this.#gone && this.post(0);
  }

  /**
   * Sleep until something is readable, the state is no longer `state`, or `goal` is done, at most until
   * `deadline` (clock.now). The caller names the state it has acted on, so that no change is slept
   * through. `hurry`: what it waits for is an answer, which is due soon and worth spinning for.
   */
  waitReadable(state: number, deadline: number, goal = NOTHING, hurry = true): WaitResult {
    if (this.#isUnproven) this.#writingDirectly.learn(true);
    this.#isUnproven = false;
    const news = () => this.inbound.available() > 0 || this.state !== state || goal.isDone;
    if (!hurry) return sleepUntil([this], news, deadline);
    const { words } = this.#layout;
    Atomics.store(words, WORD.AWAITED, 1);
    try {
      return spin(news, deadline) ? 'woken' : sleepUntil([this], news, deadline);
    } finally {
      Atomics.store(words, WORD.AWAITED, 0);
    }
  }

  /** Like `waitReadable`, and also ends when `size` bytes can be written. */
  waitWritable(size: number, state: number, deadline: number): WaitResult {
    this.#rouse(); // perhaps it has room to give back that was sent from here
    const news = () => {
      Atomics.store(this.#layout.words, WORD.OUT_ROOM_WANTED, 1);
      return this.outbound.room() >= size || this.inbound.available() > 0 || this.state !== state;
    };
    return spin(news, deadline) ? 'woken' : sleepUntil([this], news, deadline);
  }

  /**
   * Is anybody there? A probe is answered by counting BEAT up before the next look. Silence is counted in
   * looks, not by the clock: a suspended process is no stalled worker. Looks once a slice, by the clock and
   * not by how the last sleep ended: other connections notify the same wake signal.
   * @returns false once the worker is gone or stalled; the state says which
   */
  isAttended(now: number): boolean {
    if (now < this.#nextLook) return true;
    this.#nextLook = now + SLICE_MS;
    const beat = Atomics.load(this.#layout.words, WORD.BEAT);
    this.#silentLooks = beat === this.#lastBeat ? this.#silentLooks + 1 : 0;
    this.#lastBeat = beat;
    if (!this.#probe()) return false;
    if (this.watch !== undefined) this.post(this.watch.report());
    if (this.#silentLooks * SLICE_MS > this.stallTimeout) this.#stalled = true;
    return !this.#stalled;
  }

  /** Does the worker answer within `ms`? For calls that would wait much longer for one that does not. */
  answers(ms: number): boolean {
    const { words } = this.#layout;
    const beat = Atomics.load(words, WORD.BEAT);
    const deadline = clock.now() + ms;
    if (!this.#probe()) return false;
    while (Atomics.load(words, WORD.BEAT) === beat && clock.now() < deadline) {
      Atomics.wait(words, WORD.BEAT, beat, 1);
    }
    return Atomics.load(words, WORD.BEAT) !== beat;
  }
}
