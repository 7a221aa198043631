/**
 * Field tables in RabbitMQ's dialect of AMQP 0-9-1 (§4.2.5, and the errata RabbitMQ publishes).
 *
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
  constructor(
    readonly type: TableLetter,
    readonly value: T,
  ) {}

  valueOf(): T {
    return this.value;
  }
  toJSON(): unknown {
    return typeof this.value === 'bigint' ? this.value.toString() : this.value;
  }
}

/** A number with `scale` digits behind the point: `typed.decimal(-314, 2)` is -3.14. */
export interface Decimal {
  unscaled: number;
  scale: number;
}

/** The wire types that other clients can read, for table values: `headers: { 'x-delay': typed.int32(5000) }`. */
export const typed = {
  boolean: (value: boolean) => new TypedValue('t', value),
  int8: (value: number) => new TypedValue('b', value),
  uint8: (value: number) => new TypedValue('B', value),
  int16: (value: number) => new TypedValue('s', value),
  uint16: (value: number) => new TypedValue('u', value),
  int32: (value: number) => new TypedValue('I', value),
  uint32: (value: number) => new TypedValue('i', value),
  int64: (value: number | bigint) => new TypedValue('l', value),
  float: (value: number) => new TypedValue('f', value),
  double: (value: number) => new TypedValue('d', value),
  decimal: (unscaled: number, scale: number) => new TypedValue<Decimal>('D', { unscaled, scale }),
  string: (value: string | Uint8Array): TypedValue<string | Uint8Array> => new TypedValue('S', value),
  bytes: (value: Uint8Array): TypedValue<Uint8Array> => new TypedValue('x', value),
  /** Seconds since 1970, as on the wire. */
  timestamp: (value: Date | number | bigint) => new TypedValue('T', value),
  void: () => new TypedValue('V', null),
} as const;

/** A table as it is read: no prototype, so a key such as `__proto__` is only a key. */
export interface Table {
  [key: string]: TableValue;
}
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
export type TypedTableValue = TypedValue | TypedTableValue[] | TypedTable;
