import { outOfRange } from '../caller';

/**
 * The memory two threads share for one connection.
 *
 *   0        1088      1088 + 16 KiB      + capacity           + capacity
 *   +---------+---------+------------------+--------------------+
 *   | words   | report  | outbound ring    | inbound ring       |
 *   +---------+---------+------------------+--------------------+
 *
 * Words that different threads write stand on cache lines of their own (16 words).
 */
const LINE = 16;

/** Index of each control word; the thread that writes it in brackets. */
export const WORD = {
  /** [main] bytes ever put into the outbound ring, modulo 2^32 */
  OUT_HEAD: 0 * LINE,
  /** [worker] bytes ever taken from it */
  OUT_TAIL: 1 * LINE,
  /** [worker] bytes ever put into the inbound ring */
  IN_HEAD: 2 * LINE,
  /** [main] bytes ever taken from it */
  IN_TAIL: 3 * LINE,
  /** [worker sets, main clears] what the worker does when it is not working: one of WORKER */
  WORKER: 4 * LINE,
  /** [worker sets, main clears] the worker holds bytes back: ring the doorbell after reading */
  IN_ROOM_WANTED: 5 * LINE,
  /** [main sets, worker clears] main waits for room: notify it after writing to the socket */
  OUT_ROOM_WANTED: 6 * LINE,
  /** [worker] what has become of the connection: one of STATE */
  STATE: 7 * LINE,
  /** [worker] its number in the system's table of threads, or 0; written once */
  THREAD: 7 * LINE + 1,
  /** [worker] counts answered probes */
  BEAT: 8 * LINE,
  /** [worker] bytes of the report */
  REPORT_SIZE: 9 * LINE,
  /** [both] while not 0, the worker writes no frame of its own on main's channels */
  WRITES_LOCKED: 10 * LINE,
  /** [main] it waits for the answer to a call: hand on what comes without delay */
  AWAITED: 11 * LINE,
  /** [main sets, worker clears] something was written that must not wait for the end of a nap */
  URGENT: 12 * LINE,
  /** [main] the generation of the connection that it writes for: 1, and one more for each recovery */
  GENERATION: 13 * LINE,
  /** [main] where in the outbound ring that generation begins: what is before must not reach its broker */
  GENERATION_AT: 14 * LINE,
  /** [both] who may write to the socket: one of WRITER */
  WRITER: 15 * LINE,
  /** [worker] the descriptor that main may write to, and the inode that it must have */
  DESCRIPTOR: 15 * LINE + 1,
  INODE: 15 * LINE + 2,
  /** [whose WRITER is] up to where in the outbound ring main's writes got, and up to where the last of them was to get */
  DIRECT_SENT: 15 * LINE + 3,
  DIRECT_END: 15 * LINE + 4,
  /** [worker] bytes that have come and bytes that were written, 64 bits each: the last word about them */
  TRAFFIC: 16 * LINE,
} as const;

/**
 * AWAKE it will look at what main has written; PARKED only when the doorbell rings; NAPPING before long, or when
 * this word is changed and notified.
 */
export const WORKER = { AWAKE: 0, PARKED: 1, NAPPING: 2 } as const;

/**
 * Who may write to the socket. The worker owns it, and lends the descriptor where it can.
 *
 *   NOT_LENT --(worker) lend--> FREE <--> MAIN     for the time of one write
 *      ^                         ^
 *      |                         +------> WORKER   until the socket has taken what the worker wrote
 *      +--(worker) revoke --------------- WORKER   before the descriptor is closed
 */
export const WRITER = { NOT_LENT: 0, FREE: 1, MAIN: 2, WORKER: 3 } as const;

/**
 *   STARTING --> OPEN --> CLOSED        the worker's view; CLOSED is final and has a report
 *       |          |         ^
 *       +----------+---------+   DEAD     the worker itself ended: its report says why
 *                                STALLED  it is there, but does not answer: main's own verdict
 */
export const STATE = { STARTING: 0, OPEN: 1, CLOSED: 2, DEAD: 3, STALLED: 4 } as const;

const WORDS = 17 * LINE;
const REPORT_AT = WORDS * Int32Array.BYTES_PER_ELEMENT;
const REPORT_CAPACITY = 16 * 1024;
const RINGS_AT = REPORT_AT + REPORT_CAPACITY;

export interface Layout {
  memory: SharedArrayBuffer;
  words: Int32Array;
  report: Buffer;
  traffic: BigInt64Array;
  outbound: Buffer;
  inbound: Buffer;
}

/** Allocate for two rings of `capacity` bytes, a power of two. `start` sets the first ring position. */
export function createMemory(capacity: number, start = 0): SharedArrayBuffer {
  if (!Number.isInteger(Math.log2(capacity)))
    throw outOfRange(`ring capacity ${capacity} is not a power of two`);
  const memory = new SharedArrayBuffer(RINGS_AT + 2 * capacity);
  const { words } = mapMemory(memory);
  const { OUT_HEAD, OUT_TAIL, IN_HEAD, IN_TAIL, DIRECT_SENT, DIRECT_END } = WORD;
  for (const index of [OUT_HEAD, OUT_TAIL, IN_HEAD, IN_TAIL, DIRECT_SENT, DIRECT_END]) words[index] = start;
  words[WORD.GENERATION] = 1;
  return memory;
}

/** The same memory as views; each thread maps it for itself. */
export function mapMemory(memory: SharedArrayBuffer): Layout {
  const capacity = (memory.byteLength - RINGS_AT) / 2;
  return {
    memory,
    words: new Int32Array(memory, 0, WORDS),
    report: Buffer.from(memory, REPORT_AT, REPORT_CAPACITY),
    traffic: new BigInt64Array(memory, WORD.TRAFFIC * Int32Array.BYTES_PER_ELEMENT, 2),
    outbound: Buffer.from(memory, RINGS_AT, capacity),
    inbound: Buffer.from(memory, RINGS_AT + capacity, capacity),
  };
}

/** Leave a last word in shared memory, where it outlives the thread that wrote it. */
export function writeReport({ words, report }: Layout, text: string): void {
  Atomics.store(words, WORD.REPORT_SIZE, report.write(text));
}

export function readReport({ words, report }: Layout): string {
  return report.toString('utf8', 0, Atomics.load(words, WORD.REPORT_SIZE));
}
