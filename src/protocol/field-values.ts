/**
 * The types of field tables, in RabbitMQ's dialect of AMQP 0-9-1 (§4.2.5, and the errata RabbitMQ publishes).
 *
 * ```text
 * letter  on the wire            from JavaScript                     to JavaScript
 *   t     octet                  boolean                             boolean
 *   b B   int8, uint8            typed.int8 typed.uint8              number
 *   s u   int16, uint16          typed.int16 typed.uint16            number
 *   I i   int32, uint32          integer in int32 range, typed       number
 *   l     int64                  other safe integer, bigint, typed   number if safe, else bigint
 *   L     int64, too             only what was read as such          number if safe, else bigint
 *   f d   float, double          other numbers, typed                number
 *   D     scale, int32           typed.decimal                       TypedValue 'D'
 *   S     bytes behind a length  string                              string
 *   x     bytes behind a length  Uint8Array                          Buffer
 *   A F   nested                 array, plain object or Map          array, object without prototype
 *   T     uint64 seconds         Date (milliseconds are cut off)     Date, or TypedValue beyond its range
 *   V     nothing                null                                null
 * ```
 *
 * The specification has `L` unsigned, but RabbitMQ, py-amqp and pika read and write it signed, and most other clients
 * cannot read it at all.
 */
export type TableLetter =
  | 't'
  | 'b'
  | 'B'
  | 's'
  | 'u'
  | 'I'
  | 'i'
  | 'l'
  | 'L'
  | 'f'
  | 'd'
  | 'D'
  | 'S'
  | 'x'
  | 'T'
  | 'V';

/** A value with its wire type: made by `typed.*`, or read with `decodeTypedTable`. */
export class TypedValue<T = unknown> {
  /** Use `typed`, which knows what each type may hold. */
  constructor(
    /** The letter of its type on the wire: `I` for int32, `S` for a string. */
    readonly type: TableLetter,
    /** What it is worth in JavaScript. */
    readonly value: T,
  ) {}

  /** The value, for arithmetic and comparisons. */
  valueOf(): T {
    return this.value;
  }
  /** The value, for a log; a bigint is written as a string. */
  toJSON(): unknown {
    return typeof this.value === 'bigint' ? this.value.toString() : this.value;
  }
}

/** A number with `scale` digits behind the point: `typed.decimal(-314, 2)` is -3.14. */
export interface Decimal {
  /** The number without its point: -314 for -3.14. */
  unscaled: number;
  /** How many digits stand behind the point: 0 to 255. */
  scale: number;
}

/** The wire types that other clients can read, for table values: `headers: { 'x-delay': typed.int32(5000) }`. */
export const typed = {
  /** `t`: true or false. */
  boolean: (value: boolean) => new TypedValue('t', value),
  /** `b`: -128 to 127. */
  int8: (value: number) => new TypedValue('b', value),
  /** `B`: 0 to 255. */
  uint8: (value: number) => new TypedValue('B', value),
  /** `s`: -32,768 to 32,767. */
  int16: (value: number) => new TypedValue('s', value),
  /** `u`: 0 to 65,535. */
  uint16: (value: number) => new TypedValue('u', value),
  /** `I`: -2^31 to 2^31 - 1, what most clients use for whole numbers. */
  int32: (value: number) => new TypedValue('I', value),
  /** `i`: 0 to 2^32 - 1. */
  uint32: (value: number) => new TypedValue('i', value),
  /** `l`: -2^63 to 2^63 - 1; numbers beyond `Number.MAX_SAFE_INTEGER` as a bigint. */
  int64: (value: number | bigint) => new TypedValue('l', value),
  /** `f`: 32 bits, so most fractions are rounded. */
  float: (value: number) => new TypedValue('f', value),
  /** `d`: 64 bits, as JavaScript has them. */
  double: (value: number) => new TypedValue('d', value),
  /** `D`: `unscaled` (an int32) with `scale` digits behind the point, so `decimal(-314, 2)` is -3.14. */
  decimal: (unscaled: number, scale: number) => new TypedValue<Decimal>('D', { unscaled, scale }),
  /** `S`: text as UTF-8, or bytes. */
  string: (value: string | Uint8Array): TypedValue<string | Uint8Array> => new TypedValue('S', value),
  /** `x`: bytes, which most clients do not take for text. */
  bytes: (value: Uint8Array): TypedValue<Uint8Array> => new TypedValue('x', value),
  /** Seconds since 1970, as on the wire. */
  timestamp: (value: Date | number | bigint) => new TypedValue('T', value),
  /** `V`: nothing, as null is sent, too. */
  void: () => new TypedValue('V', null),
} as const;

/** A table as it is read: no prototype, so a key such as `__proto__` is only a key. */
export interface Table {
  [key: string]: TableValue;
}
/** What a table may hold when it is read. */
export type TableValue =
  | boolean
  | number
  | bigint
  | string
  | null
  | Date
  | Buffer
  | TypedValue
  | TableValue[]
  | Table;

/** Input for a table: entries that are `undefined` are left out. */
export type TableInput = { readonly [key: string]: TableInputValue } | ReadonlyMap<string, TableInputValue>;
/** What a table may hold when it is sent; `TableLetter` says how each is written. */
export type TableInputValue =
  | boolean
  | number
  | bigint
  | string
  | null
  | undefined
  | Date
  | Uint8Array
  | TypedValue
  | readonly TableInputValue[]
  | TableInput;

/** A table that keeps the wire type of every value and the order of its keys, to be sent again unchanged. */
export type TypedTable = Map<string, TypedTableValue>;
/** A value of a `TypedTable`: a typed value, a list, or a table. */
export type TypedTableValue = TypedValue | TypedTableValue[] | TypedTable;
