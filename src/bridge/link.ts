import type { MessagePort } from 'node:worker_threads';
import { type Awakening, type Bell, threadBell } from './bell';
import { createMemory, type Layout, mapMemory, readReport, STATE, WORD } from './layout';
import { RingConsumer, RingProducer } from './ring';

/** How a wait ended. `dead`: the worker is gone. `stalled`: it is there but does not answer. */
export type WaitResult = Awakening | 'dead' | 'stalled';

/** Plain sleeps first: most replies come within this, and an interruptible sleep costs more. */
const PLAIN_MS = 5;
/** Then slices; as often the worker is looked after. */
const SLICE_MS = 200;

/**
 * The blocking side of a connection's shared memory: both rings, the doorbell, and waits that notice
 * when nobody will ever end them.
 */
export class Link {
  readonly outbound: RingProducer;
  readonly inbound: RingConsumer;
  readonly bell: Bell = threadBell();
  readonly #layout: Layout;
  #doorbell: MessagePort | undefined;
  #gone = false;
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
    return this.#gone && state < STATE.CLOSED ? STATE.DEAD : state;
  }

  /** The last word of the worker: empty if it had no time for one. */
  get report(): string {
    return readReport(this.#layout);
  }

  /** Bytes written but not yet taken by the socket. */
  get unsent(): number {
    return this.outbound.capacity - this.outbound.room();
  }

  /** Show the worker what was written, and wake it if it sleeps. */
  send(): void {
    this.outbound.publish();
    this.#wake(WORD.WORKER_PARKED);
  }

  /** Give inbound bytes back, and wake the worker if it waits for room and enough of it has come together. */
  release(size: number): void {
    this.inbound.release(size);
    if (this.inbound.available() <= this.inbound.capacity / 2) this.#wake(WORD.IN_ROOM_WANTED);
  }

  #wake(flag: number): void {
    const { words } = this.#layout;
    if (Atomics.load(words, flag) === 1 && Atomics.exchange(words, flag, 0) === 1) this.post(0);
  }

  /** Hand the worker a command. False: there is nobody to take it. */
  post(message: unknown): boolean {
    // true is Node's (undocumented) answer while the other end exists
    const delivered =
      this.#doorbell !== undefined && (this.#doorbell.postMessage(message) as unknown) === true;
    if (!delivered) this.#gone = true;
    return delivered;
  }

  /** Sleep until something is readable or the state is no longer `state`, at most until `deadline`
   * (performance.now). The caller names the state it has acted on, so that no change is slept through. */
  waitReadable(state: number, deadline: number): WaitResult {
    return this.#wait(state, deadline, () => this.inbound.available() > 0 || this.state !== state);
  }

  /** Like `waitReadable`, and also ends when `size` bytes can be written. */
  waitWritable(size: number, state: number, deadline: number): WaitResult {
    return this.#wait(state, deadline, () => {
      Atomics.store(this.#layout.words, WORD.OUT_ROOM_WANTED, 1);
      return this.outbound.room() >= size || this.inbound.available() > 0 || this.state !== state;
    });
  }

  #wait(state: number, deadline: number, news: () => boolean): WaitResult {
    const plainUntil = performance.now() + PLAIN_MS;
    for (;;) {
      const ticket = this.bell.arm();
      if (news()) return this.#awake('rung');
      const now = performance.now();
      // by the clock and not by how the last sleep ended: other connections ring the same bell
      const health = now >= this.#nextLook ? this.#look(now) : undefined;
      if (health !== undefined) {
        // a worker that left a word has ended in the ordinary way
        const spoken = Atomics.load(this.#layout.words, WORD.STATE) !== state;
        return this.#awake(spoken ? 'rung' : health);
      }
      if (now >= deadline) return this.#awake('timeout');
      const plain = now < plainUntil;
      const slice = Math.min(deadline - now, plain ? PLAIN_MS : SLICE_MS);
      const interruptible = this.interruptible && !plain;
      const end = interruptible
        ? this.bell.sleepInterruptibly(ticket, slice)
        : this.bell.sleep(ticket, slice);
      if (end === 'interrupted') return this.#awake(end);
    }
  }

  #awake(result: WaitResult): WaitResult {
    this.bell.disarm();
    return result;
  }

  /**
   * Is anybody there? A probe is answered by counting BEAT up before the next look. Silence is counted in
   * looks, not by the clock: a suspended process is no stalled worker.
   */
  #look(now: number): 'dead' | 'stalled' | undefined {
    this.#nextLook = now + SLICE_MS;
    const beat = Atomics.load(this.#layout.words, WORD.BEAT);
    this.#silentLooks = beat === this.#lastBeat ? this.#silentLooks + 1 : 0;
    this.#lastBeat = beat;
    if (!this.post(0)) return 'dead';
    return this.#silentLooks * SLICE_MS > this.stallTimeout ? 'stalled' : undefined;
  }

  /** Does the worker answer within `ms`? For calls that would wait much longer for one that does not. */
  answers(ms: number): boolean {
    const { words } = this.#layout;
    const beat = Atomics.load(words, WORD.BEAT);
    const deadline = performance.now() + ms;
    if (!this.post(0)) return false;
    while (Atomics.load(words, WORD.BEAT) === beat && performance.now() < deadline) {
      Atomics.wait(words, WORD.BEAT, beat, 1);
    }
    return Atomics.load(words, WORD.BEAT) !== beat;
  }
}
