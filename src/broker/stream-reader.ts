import { type Table, type TableValue, TypedValue } from '../protocol/field-table';
import type { BrokerConsumer } from './consumers';
import { isInteger } from './erlang';
import { internalError } from './failure';
import type { Rules } from './rules';
import { ageOf } from './stream-age';
import type { LogEntry, StreamLog } from './stream-log';
import { typesOf } from './terms';

/** A consumer of a stream, and how far it has come. It finds by a filter what it is to get; RabbitMQ 3.10 has none. */
export class StreamReader {
  readonly #log: StreamLog;
  readonly #filters: ReadonlySet<string> | undefined;
  readonly #matchUnfiltered: boolean;
  /** The offset to look at next. */
  #next: number;

  constructor(
    readonly consumer: BrokerConsumer,
    log: StreamLog,
    now: number,
    { isSince4 }: Rules,
  ) {
    const { args } = consumer.traits;
    this.#log = log;
    this.#filters = isSince4 ? filtersOf(args['x-stream-filter']) : undefined;
    this.#matchUnfiltered = args['x-stream-match-unfiltered'] === true || this.#filters?.has('') === true;
    this.#next = startingPoint(args, log, now, isSince4);
  }

  /** Take the next message, if it is there. */
  read(): LogEntry | undefined {
    for (let entry = this.#log.at(this.#next); entry !== undefined; entry = this.#log.at(this.#next)) {
      this.#next = entry.offset + 1;
      if (this.#matches(entry)) return entry;
    }
    return undefined;
  }

  #matches({ filterValue }: LogEntry): boolean {
    if (this.#filters === undefined) return true;
    return filterValue === undefined ? this.#matchUnfiltered : this.#filters.has(filterValue);
  }
}

/** A text, or the texts of a list. @throws {Failure} 541, a list without any */
function filtersOf(filter: TableValue | undefined): ReadonlySet<string> | undefined {
  if (typeof filter === 'string') return new Set([filter]);
  if (!Array.isArray(filter)) return undefined;
  const texts = filter.filter((each) => typeof each === 'string');
  if (texts.length === 0) throw internalError();
  return new Set(texts);
}

/** Whether RabbitMQ takes it for one; whether it is of a type that has any is seen later. @throws {Failure} 541, see `ageOf` */
export function isStreamOffset(offset: TableValue, isSince4: boolean): boolean {
  return typeof offset !== 'string' || POINTS.includes(offset) || ageOf(offset, isSince4) !== undefined;
}

const POINTS = ['first', 'last', 'next'];

/** The offset at which a consumer with these arguments begins. @throws {Failure} 541, it is of a type that is none */
function startingPoint(args: Table, log: StreamLog, now: number, isSince4: boolean): number {
  const sent = args['x-stream-offset'];
  if (sent === undefined) return log.next;
  const offset = sent instanceof Uint8Array ? sent.toString() : sent;
  if (offset === 'first') return log.first;
  if (offset === 'last') return log.last;
  if (offset === 'next') return log.next;
  if (offset instanceof Date) return log.since(offset.getTime());
  if (typeof sent === 'string') return log.since(now - ageOf(sent, isSince4)!);
  const typedOffset = typesOf(args).get('x-stream-offset');
  const isFloat = typedOffset instanceof TypedValue && 'fdD'.includes(typedOffset.type);
  if (offset === null || isFloat || !isInteger(offset as TableValue)) throw internalError();
  return Number(offset);
}
