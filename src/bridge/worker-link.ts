import type { MessagePort } from 'node:worker_threads';
import { type Layout, mapMemory, STATE, WORD, WORKER, writeReport } from './layout';
import { RingConsumer, RingProducer } from './ring';
import { threadNumber } from './thread-number';
import { WakeSignal } from './wake-signal';
import { WriteLock } from './write-lock';

/** The worker's side of a connection's shared memory. But for naps it never sleeps here: its event loop does. */
export class WorkerLink {
  readonly outbound: RingConsumer;
  readonly inbound: RingProducer;
  /** Who may write to the socket. */
  readonly writeLock: WriteLock;
  /** Outbound bytes that the socket has been given and has not taken. */
  inFlight = 0;
  readonly #wakeSignal: WakeSignal;
  readonly #layout: Layout;

  /** `onDoorbell` runs for every message; `onCommand` for one that is a command. */
  constructor(
    memory: SharedArrayBuffer,
    wakeSignal: SharedArrayBuffer,
    doorbell: MessagePort,
    onDoorbell: () => void,
    onCommand: (message: unknown) => void,
  ) {
    this.#layout = mapMemory(memory);
    const { words, outbound, inbound } = this.#layout;
    this.outbound = new RingConsumer(outbound, words, WORD.OUT_HEAD, WORD.OUT_TAIL);
    this.inbound = new RingProducer(inbound, words, WORD.IN_HEAD, WORD.IN_TAIL);
    this.writeLock = new WriteLock(words);
    this.#wakeSignal = new WakeSignal(wakeSignal);
    Atomics.store(words, WORD.THREAD, threadNumber());
    doorbell.on('message', (message) => {
      Atomics.add(words, WORD.BEAT, 1);
      if (message === 0) onDoorbell();
      else onCommand(message);
    });
  }

  /** Show main the inbound bytes up to `head`. */
  publish(head: number): void {
    this.inbound.publish(head);
    this.#wakeSignal.notify();
  }

  /** Give outbound bytes back; wakes main only if it waits for room. */
  release(size: number): void {
    this.outbound.release(size);
    if (Atomics.exchange(this.#layout.words, WORD.OUT_ROOM_WANTED, 0) === 1) this.#wakeSignal.notify();
  }

  /** Ask for the doorbell before looking into the outbound ring a last time. */
  park(): void {
    Atomics.store(this.#layout.words, WORD.WORKER, WORKER.PARKED);
  }
  unpark(): void {
    Atomics.store(this.#layout.words, WORD.WORKER, WORKER.AWAKE);
  }

  /** Sleep for `ms`, unless something urgent was written, or is meanwhile. */
  nap(ms: number): void {
    const { words } = this.#layout;
    Atomics.store(words, WORD.WORKER, WORKER.NAPPING);
    if (!this.isUrgent) Atomics.wait(words, WORD.WORKER, WORKER.NAPPING, ms);
    this.unpark();
  }

  /** Has main written something urgent? */
  get isUrgent(): boolean {
    return Atomics.load(this.#layout.words, WORD.URGENT) === 1;
  }

  /** What has been written up to now is being dealt with. */
  attend(): void {
    Atomics.store(this.#layout.words, WORD.URGENT, 0);
  }

  /** Bytes that have not left yet. */
  get hasOutbound(): boolean {
    const { outbound, inFlight, writeLock } = this;
    const { isLent, sent } = writeLock;
    const ahead = isLent && inFlight === 0 ? (sent - outbound.tail) | 0 : inFlight;
    return outbound.available() > Math.max(0, ahead);
  }

  /** The generation of the connection that main writes for: 1, and one more for each recovery. */
  get generation(): number {
    return Atomics.load(this.#layout.words, WORD.GENERATION);
  }

  /** Bytes in the outbound ring that are for an earlier generation than that. */
  get stale(): number {
    return (Atomics.load(this.#layout.words, WORD.GENERATION_AT) - this.outbound.tail) >>> 0;
  }

  /** Is main waiting for the answer to a call? */
  get isAwaited(): boolean {
    return Atomics.load(this.#layout.words, WORD.AWAITED) === 1;
  }

  /** Ask for the doorbell when main has made room. */
  wantRoom(): void {
    Atomics.store(this.#layout.words, WORD.IN_ROOM_WANTED, 1);
  }

  /** Main is publishing a message in pieces, or has said something that has not been heard here yet. */
  get isWritingLocked(): boolean {
    return Atomics.load(this.#layout.words, WORD.WRITES_LOCKED) !== 0;
  }

  /** What main posted before `lockWrites` has been taken in. */
  acknowledge(): void {
    Atomics.sub(this.#layout.words, WORD.WRITES_LOCKED, 1);
  }

  get state(): number {
    return Atomics.load(this.#layout.words, WORD.STATE);
  }

  open(): void {
    this.#enter(STATE.OPEN);
  }

  /** Final. The report comes first: whoever sees the state finds it. */
  close(report: string, { bytesIn, bytesOut }: { bytesIn: number; bytesOut: number }): void {
    for (const [index, bytes] of [bytesIn, bytesOut].entries())
      Atomics.store(this.#layout.traffic, index, BigInt(bytes));
    this.#end(STATE.CLOSED, report);
  }

  /** The thread is ending. Keeps an earlier report. */
  die(report: string): void {
    this.#end(STATE.DEAD, report);
  }

  #end(state: number, report: string): void {
    if (this.state >= STATE.CLOSED) return;
    writeReport(this.#layout, report);
    this.#enter(state);
  }

  #enter(state: number): void {
    Atomics.store(this.#layout.words, WORD.STATE, state);
    this.#wakeSignal.notify();
  }
}
