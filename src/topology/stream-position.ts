import type { Args } from '../protocol/method-types';

const NEXT = 0;
const RESUMED = 1;
const UNKNOWN = -1n;

/** RabbitMQ's units of time, in seconds. @see https://www.rabbitmq.com/docs/streams#consuming */
const UNITS: Readonly<Record<string, number>> = {
  Y: 365 * 86_400,
  M: 30 * 86_400,
  D: 86_400,
  h: 3600,
  m: 60,
  s: 1,
};

/**
 * The position of a stream's consumer: how far it has come, in memory that both threads see: main writes it as it hands messages out, and
 * the worker reads it when it starts the consumer again, while main may be busy. What main still hands out after that
 * comes twice, and the second time it is dropped.
 */
export class StreamPosition {
  constructor(readonly cells: BigInt64Array) {}

  /** Position of a consumer that has just begun. */
  static begin(): StreamPosition {
    const memory = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
    return new StreamPosition(new BigInt64Array(memory).fill(UNKNOWN));
  }

  // ── main ────────────────────────────────────────────────────────────────────────────────────────────

  /** A message has come. @returns false: it was handed out before the consumer was started again */
  came(offset: bigint): boolean {
    const next = Atomics.load(this.cells, NEXT);
    if (next === UNKNOWN) Atomics.store(this.cells, NEXT, offset);
    return offset >= next || Atomics.load(this.cells, RESUMED) === UNKNOWN;
  }

  handedOut(offset: bigint): void {
    Atomics.store(this.cells, NEXT, offset + 1n);
  }

  // ── worker ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The arguments with which a consumer goes on, `elapsed` milliseconds after its first start. An offset or moment is
   * said again as long as nothing has come; what is relative to the first start is counted from there, by the broker's
   * clock, and rather a second or two too early than too late.
   */
  resume(args: Args<'basic.consume'>, elapsed: number): Args<'basic.consume'> {
    const next = Atomics.load(this.cells, NEXT);
    Atomics.store(this.cells, RESUMED, 1n);
    const offset = next === UNKNOWN ? since(args.arguments['x-stream-offset'], elapsed) : next;
    return { ...args, arguments: { ...args.arguments, 'x-stream-offset': offset } };
  }

  /** The broker says that it is no stream: what came had been copied from one, and may come in any order. */
  refused(): void {
    Atomics.store(this.cells, RESUMED, UNKNOWN);
  }
}

function since(first: unknown, elapsed: number): Args<'basic.consume'>['arguments'][string] {
  const seconds = Math.ceil(elapsed / 1000) + 1;
  if (first === undefined || first === 'next' || first === 'last') return `${seconds}s`;
  const [, count, unit] = /^(\d+)([YMDhms])$/.exec(String(first)) ?? [];
  if (count === undefined) return first as never;
  return `${Number(count) * UNITS[unit!]! + seconds}s`;
}
