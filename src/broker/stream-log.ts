import type { BrokerMessage } from './message';

/** A message in the log of a stream. */
export interface LogEntry {
  readonly offset: number;
  /** Time at which it came. */
  readonly time: number;
  readonly message: BrokerMessage;
  /** The value that consumers can filter by; undefined: it has none. */
  readonly filterValue: string | undefined;
}

export interface Retention {
  /** Bytes of a segment; the message that comes then begins the next one. */
  segmentSize: number;
  /** Bytes of all segments. */
  maxBytes: number;
  /** Milliseconds. */
  maxAge: number;
}

interface Segment {
  first: number;
  bytes: number;
  entries: LogEntry[];
}

/** Bytes that RabbitMQ takes for a message beside what it was sent with, as measured, and for the records that begin a segment. */
const OVERHEAD = 130;
const SEGMENT_OVERHEAD = 68;

/** Bytes that a message takes in the log, and about what it takes of the broker's memory. */
export function logSize({ body, header, exchange, routingKey }: BrokerMessage): number {
  return body.length + header.length + exchange.length + routingKey.length + OVERHEAD;
}

/**
 * The log of a stream: messages by their offsets, in segments. It keeps every message, whoever has read it, in memory.
 * Each is a chunk of its own; RabbitMQ puts into one what comes together, and then `last`, a moment or a filter finds it all.
 *
 *       segment            segment                 segment
 *     | 0  1  2  3 | 4t  5  6  7  8 | 9t  10  11  ...
 *
 * A segment that is full is followed by another as soon as something happens to the stream; it begins with a record of
 * RabbitMQ's own (t) that takes an offset, too. Only then the oldest segments go, whole ones, that are more than the log may
 * hold or whose last message is too old; the newest one stays, whatever its size and age.
 */
export class StreamLog {
  /** The offset of the message to come. */
  next = 0;
  #segments: Segment[] = [{ first: 0, bytes: 0, entries: [] }];

  constructor(readonly retention: Retention) {}

  /** The first offset that is there. */
  get first(): number {
    return this.#segments[0]!.first;
  }

  /** The offset of the newest message; if there is none, that of the first to come. */
  get last(): number {
    const segment = this.#segments.findLast(({ entries }) => entries.length > 0);
    return segment?.entries.at(-1)?.offset ?? this.next;
  }

  get length(): number {
    return this.next - this.first;
  }

  get #newest(): Segment {
    return this.#segments.at(-1)!;
  }

  /** Put a message at the end. */
  append(message: BrokerMessage, filterValue: string | undefined, time: number): void {
    this.#newest.entries.push({ offset: this.next++, time, message, filterValue });
    this.#newest.bytes += logSize(message);
  }

  /** Begin a new segment, if the newest is full. Returns the messages that have gone then. */
  roll(now: number): LogEntry[] {
    if (this.#newest.bytes < this.retention.segmentSize || this.#newest.entries.length === 0) return [];
    this.#segments.push({ first: this.next++, bytes: SEGMENT_OVERHEAD, entries: [] });
    return this.#retain(now);
  }

  /** The message at an offset, or the first one behind it. */
  at(offset: number): LogEntry | undefined {
    let low = 0;
    for (let high = this.#segments.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1;
      if (this.#segments[middle]!.first <= offset) low = middle;
      else high = middle - 1;
    }
    const { entries } = this.#segments[low]!;
    const index = entries.length === 0 ? 0 : offset - entries[0]!.offset;
    return entries[Math.max(0, index)] ?? this.#segments[low + 1]?.entries[0];
  }

  /** The offset of the first message that came at that time or later. */
  since(time: number): number {
    for (const { entries } of this.#segments) {
      if (entries.length === 0 || entries.at(-1)!.time < time) continue;
      return entries.find((entry) => entry.time >= time)!.offset;
    }
    return this.next;
  }

  /** Take out all messages. */
  clear(): LogEntry[] {
    const gone = [...this];
    this.#segments = [{ first: this.next, bytes: 0, entries: [] }];
    return gone;
  }

  *[Symbol.iterator](): Generator<LogEntry> {
    for (const { entries } of this.#segments) yield* entries;
  }

  #retain(now: number): LogEntry[] {
    const { maxBytes, maxAge } = this.retention;
    let kept = this.#segments.length - 1;
    for (let room = maxBytes - this.#newest.bytes; kept > 0; kept--) {
      room -= this.#segments[kept - 1]!.bytes;
      if (room < 0) break;
    }
    while (kept < this.#segments.length - 1 && this.#segments[kept]!.entries.at(-1)!.time < now - maxAge)
      kept++;
    return this.#segments.splice(0, kept).flatMap(({ entries }) => entries);
  }
}
