import { STATE } from '../bridge/layout';
import type { Link } from '../bridge/link';
import type { WaitResult } from '../bridge/wake-signal';
import { outOfRange } from '../caller';
import { parseRecord, violationRecord } from '../contract/error-record';
import type { Command } from '../contract/session-options';
import {
  type AmqpError,
  fromRecord,
  WorkerCrashedError,
  WorkerStalledError,
  WrongStateError,
} from '../errors';
import { encodeMethod } from '../protocol/codec';
import { FRAME_HEADER_SIZE, FRAME_OVERHEAD } from '../protocol/constants';
import type { Input, MethodName } from '../protocol/method-types';
import { fitShortstr } from '../protocol/utf8';
import { ProtocolViolation } from '../protocol/violation';
import { OutOfRoom, Reader, uint32, Writer } from '../protocol/wire';
import { interruption } from './interruption';

/** Something a call waits for. */
export interface Waitable {
  readonly isDone: boolean;
  /** For a person who asks what a call waits for. */
  readonly awaited?: string;
}

/** Waitable once `predicate` holds. */
export function when(predicate: () => boolean, awaited: string): Waitable {
  return {
    awaited,
    get isDone() {
      return predicate();
    },
  };
}

const NOTHING: Waitable = { isDone: false, awaited: 'the time to pass' };

/** Where frames go, and who is told that there will be no more. */
/** What is to be written in one piece. */
interface Piece {
  /** The method, or other words for a person. */
  what: string;
  /** 0: it is of none. */
  channel: number;
  /** The bytes that it may have; default: a frame. */
  most?: number;
  tooLarge?: () => RangeError;
}

export interface FrameRouter {
  route(type: number, channel: number, reader: Reader): void;
  died(error: AmqpError): void;
  /** The error is about to be thrown to the user. */
  report(error: AmqpError): AmqpError;
}

/** Milliseconds the worker gives a broker that broke the protocol to answer connection.close. */
const CLOSE_REPLY_TIMEOUT = 2000;

/** Bytes that a method ordinarily fits in; one that does not is written again with room for a whole frame. */
const USUAL_METHOD_SIZE = 1024;

/**
 * The one loop of the blocking side: take the next frame, route it, stop when what the caller waits for
 * has settled, or its deadline has passed.
 */
export class Pump {
  readonly writer = new Writer();
  readonly #reader = new Reader();
  /** Why nothing works any more; every later call says so. */
  death: AmqpError | undefined;
  /** Methods that routing a frame gave rise to; sent once the frame has been released. */
  readonly #deferred: (() => void)[] = [];
  #holding = false;
  /** A frame is being routed; it is taken out of the ring behind that. */
  #isRouting = false;
  /** The connection is lost and being recovered: nothing is written until it is there again. */
  suspended = false;
  /** Publishing has to wait: `suspended`, or the broker has blocked it. */
  isHeld = false;
  frameMax = FRAME_OVERHEAD;

  constructor(
    readonly link: Link,
    readonly router: FrameRouter,
  ) {}

  // ── reading ─────────────────────────────────────────────────────────────────────────────────────────

  /** Route every frame that is there; a broker that is faster than this thread must not hold it here. Does not block. */
  poll(): void {
    const { inbound, state } = this.link;
    let left = inbound.available();
    do {
      const begin = inbound.tail;
      if (!this.#next()) break;
      left -= (inbound.tail - begin) >>> 0;
    } while (left > 0);
    this.#noticeEnd(state);
  }

  /** The state was read first, then the ring: whatever the worker published before it ended has been routed. */
  #noticeEnd(state: number): void {
    if (state >= STATE.CLOSED && this.death === undefined) this.#die(this.#lastWord(state));
  }

  /** True if a poll would find something. */
  get hasNews(): boolean {
    return this.link.inbound.available() > 0 || this.link.state !== STATE.OPEN;
  }

  /** Route what is there until `goal` is done. Does not block. @returns whether it has */
  advance(goal: Waitable): boolean {
    while (!goal.isDone && this.#next());
    return goal.isDone;
  }

  /**
   * Pump until `goal` is done. Returns false when `deadline` (clock.now) passed first. `hurry`: the goal
   * is the answer to a call, not whatever the broker may send.
   * @throws {InterruptedError} Ctrl-C
   * @throws {ConnectionClosedError} the connection ended, and the goal with it
   */
  until(goal: Waitable, deadline: number, hurry = true): boolean {
    this.link.watch?.begin(goal, deadline);
    for (;;) {
      const { state } = this.link;
      if (this.advance(goal)) return true;
      this.#noticeEnd(state);
      if (goal.isDone) return true;
      if (this.death !== undefined) throw this.router.report(this.death);
      this.#runDeferred();
      if (!this.#woke(this.#sleep(state, deadline, goal, hurry))) return goal.isDone;
    }
  }

  /** Route what comes until `deadline`, waiting for nothing. @throws as `until` */
  rest(deadline: number): void {
    this.until(NOTHING, deadline, false);
  }

  /** Before anything is done that cannot be done in the middle of a frame. @throws {WrongStateError} */
  checkNesting(): void {
    if (this.#isRouting) throw nested();
  }

  #next(): boolean {
    const { inbound } = this.link;
    if (inbound.isEmpty()) {
      if (inbound.taken > 0) this.link.release();
      return false;
    }
    this.checkNesting();
    inbound.view(FRAME_HEADER_SIZE);
    const type = inbound.buffer[inbound.offset]!;
    const channel = (inbound.buffer[inbound.offset + 1]! << 8) | inbound.buffer[inbound.offset + 2]!;
    const size = uint32(inbound.buffer, inbound.offset + 3);
    inbound.view(size + FRAME_OVERHEAD);
    const payload = inbound.offset + FRAME_HEADER_SIZE;
    this.#reader.source(inbound.buffer, payload, payload + size);
    this.#isRouting = true;
    try {
      this.router.route(type, channel, this.#reader);
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.#violated(error);
    } finally {
      this.#isRouting = false;
      this.link.take(size + FRAME_OVERHEAD);
    }
    this.#runDeferred();
    return true;
  }

  /** Deferred writes run as far as there is room: an answer that we owe a peer who does not read must not hold up anybody. */
  #runDeferred(): void {
    if (this.#deferred.length === 0 || this.suspended || this.#holding) return;
    this.#holding = true;
    try {
      while (this.#deferred.length > 0 && this.link.outbound.hasRoom(USUAL_METHOD_SIZE))
        this.#deferred.shift()!();
    } finally {
      this.#holding = false;
    }
  }

  /** Sleep until there is something to do. */
  #sleep(state: number, deadline: number, goal: Waitable, hurry: boolean): WaitResult {
    if (this.#deferred.length === 0 || this.suspended)
      return this.link.waitReadable(state, deadline, goal, hurry);
    return this.link.waitWritable(USUAL_METHOD_SIZE, state, deadline);
  }

  /** Run `write` with the deferred held back: nothing may come between the frames of a message. */
  undisturbed(write: () => void): void {
    this.#holding = true;
    try {
      write();
    } finally {
      this.#holding = false;
      this.#runDeferred();
    }
  }

  /** Throw away what is readable: the connection is ending, nobody will ask for it. */
  discard(): void {
    this.link.release(this.link.inbound.available());
  }

  /** Do something after the current frame: writing may have to wait, and waiting reads frames. */
  defer(write: () => void): void {
    this.#deferred.push(write);
  }

  /** The worker checks frames; what is inside them is checked here, and ends the connection the same way. */
  #violated(violation: ProtocolViolation): void {
    const { replyCode, message } = violation;
    const reason = { replyCode, replyText: fitShortstr(message), classId: 0, methodId: 0 };
    this.link.post({
      command: 'close',
      reason: { ...reason, timeout: CLOSE_REPLY_TIMEOUT },
    } satisfies Command);
    this.#die(fromRecord(violationRecord(violation)));
  }

  // ── writing ─────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Write one method frame and wake the worker. Blocks while the ring is full, and while the connection is being
   * recovered; `guard` may refuse at the last moment, for waiting reads frames, and one of them may close the
   * channel. So `args` may be asked for then, too.
   * @returns false when `deadline` passed first; nothing was written
   * @throws {TypeError | RangeError} an argument that does not fit; nothing was written
   */
  write<M extends MethodName>(
    channel: number,
    method: M,
    args: Input<M> | (() => Input<M>),
    deadline: number,
    guard?: () => void,
  ): boolean {
    if (!this.#put(channel, method, args, deadline, guard)) return false;
    this.link.send();
    return true;
  }

  /** Like `write`, for a request whose answer the caller waits for at once. */
  ask<M extends MethodName>(
    channel: number,
    method: M,
    args: Input<M> | (() => Input<M>),
    deadline: number,
    guard?: () => void,
  ): boolean {
    if (!this.#put(channel, method, args, deadline, guard)) return false;
    this.link.send(true);
    return true;
  }

  #put<M extends MethodName>(
    channel: number,
    method: M,
    args: Input<M> | (() => Input<M>),
    deadline: number,
    guard?: () => void,
  ): boolean {
    const encode = () => {
      guard?.();
      encodeMethod(this.writer, channel, method, typeof args === 'function' ? args() : args);
    };
    return this.claim(USUAL_METHOD_SIZE, encode, deadline, { what: method, channel });
  }

  /**
   * Let `encode` write into the ring, in one piece, and count it as written (not yet as sent).
   * @returns false when there was no room until `deadline`
   * @throws {RangeError} it does not fit
   */
  claim(usual: number, encode: () => void, deadline: number, piece: Piece): boolean {
    const { what, tooLarge, most = this.frameMax } = piece;
    for (const size of [usual, most]) {
      if (!this.room(size, deadline, piece)) return false;
      const { outbound } = this.link;
      outbound.claim(size);
      this.writer.target(outbound.buffer, outbound.offset, outbound.offset + size);
      try {
        encode();
        outbound.commit(this.writer.pos - outbound.offset);
        return true;
      } catch (error) {
        if (!(error instanceof OutOfRoom)) throw error;
      }
    }
    throw tooLarge?.() ?? outOfRange(`${what} does not fit in one frame of ${this.frameMax} bytes`);
  }

  /**
   * Back-pressure on whoever publishes: wait until `size` bytes can be written, through an outage if need be. Frames
   * that come meanwhile are routed. What the broker is owed goes first: it may not take what is written next before that.
   */
  room(size: number, deadline: number, { what, channel }: Piece): boolean {
    if (this.#isWritable(size)) return true;
    const goal = { isDone: false, awaited: `${what} to be sent`, ...(channel > 0 && { channel }) };
    this.link.watch?.begin(goal, deadline);
    do {
      const { state } = this.link;
      this.poll();
      if (this.death !== undefined) throw this.router.report(this.death);
      if (this.#isWritable(size)) return true; // it is suspended no more
      const needed = this.#isInTurn ? size : Math.max(size, USUAL_METHOD_SIZE);
      const end = this.suspended
        ? this.link.waitReadable(state, deadline)
        : this.link.waitWritable(needed, state, deadline);
      if (!this.#woke(end)) return false;
    } while (!this.#isWritable(size));
    return true;
  }

  #isWritable(size: number): boolean {
    this.#runDeferred();
    return !this.suspended && this.#isInTurn && this.link.outbound.hasRoom(size);
  }

  /** Nothing deferred has to be written first, or what is written is that. */
  get #isInTurn(): boolean {
    return this.#holding || this.#deferred.length === 0;
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────

  /** Returns false for a passed deadline. @throws {InterruptedError} */
  #woke(end: WaitResult): boolean {
    if (end === 'interrupted' || end === 'stopped') throw interruption(end);
    return end === 'woken';
  }

  /** The connection is over, for whatever reason; the first one stays. */
  #die(error: AmqpError): void {
    if (this.death !== undefined) return;
    this.death = error;
    this.router.died(error);
  }

  /** The user is about to hear of the end. */
  reported<E>(error: E): E {
    if (this.death !== undefined) this.router.report(this.death);
    return error;
  }

  /** The connection has ended, as this side wanted. */
  finish(error: AmqpError): void {
    this.#die(error);
  }

  /** End it from this side, without ceremony. */
  abort(error: AmqpError): void {
    this.link.post({ command: 'abort' } satisfies Command);
    this.#die(error);
  }

  #lastWord(state: number): AmqpError {
    const { report, stallTimeout } = this.link;
    const worker = { origin: 'worker', recoverable: true, outcome: 'unknown' } as const;
    if (state === STATE.STALLED) {
      return new WorkerStalledError(
        `the worker thread of the connection has not answered for ${stallTimeout} ms; it was ended`,
        worker,
      );
    }
    if (report !== '') return fromRecord(parseRecord(report));
    return new WorkerCrashedError(
      state === STATE.DEAD
        ? 'the worker thread of the connection ended without a word; it may have run out of memory'
        : 'the connection was closed',
      worker,
    );
  }
}

/** Nobody's code runs while a frame is being routed, but that of whoever listens to diagnostics channels. */
function nested(): WrongStateError {
  return new WrongStateError(
    'a subscriber to a diagnostics channel cannot make calls on the connection that it is told of: it is told in the middle of one',
    { code: 'NESTED_PUMP' },
  );
}
