import {
  decodeTypedTable,
  encodeTable,
  type Table,
  type TypedTable,
  type TypedTableValue,
  TypedValue,
  typed,
  typedTable,
} from '../protocol/field-table';
import { encodeEscaped } from '../protocol/utf8';
import { encoded, Reader } from '../protocol/wire';

/*
 * Tables as Erlang terms. RabbitMQ has a name for the type of each value beside it, but in places it compares the
 * values alone: then 1 is 1, whether it came as an int8, a double or a timestamp, and text is the same as bytes.
 */

/** A table with the wire types that it came with; one that did not come has those that it would be sent with. */
export function typesOf(table: Table): TypedTable {
  return typedTable(table) ?? decodeTypedTable(new Reader(encoded((writer) => encodeTable(writer, table))));
}

/**
 * The value as a binding or a message of a headers exchange has it: two are equal if this is. Since 4.0 floats are no
 * integers, and a moment of time is an integer to a binding but nothing that a binding could ask for to a message.
 */
export function headerTerm(value: TypedTableValue, isSince4: boolean, side: 'binding' | 'message'): string {
  if (isSince4 && value instanceof TypedValue) {
    if (value.type === 'f' || value.type === 'd')
      return `float ${Object.is(value.value, -0) ? '-0' : value.value}`;
    if (value.type === 'T' && side === 'message') return 'time';
  }
  return term(value);
}

/** Two values are equal to RabbitMQ, if their terms are. What is inside of a list or a table has its type beside it. */
export function term(value: TypedTableValue): string {
  if (Array.isArray(value)) return `[${value.map(typedTerm).join()}]`;
  if (value instanceof Map) {
    return `[${[...value].map(([name, each]) => `{${binary(name)},${typedTerm(each)}}`).join()}]`;
  }
  return scalar(value);
}

/** The same with the name of its type. */
function typedTerm(value: TypedTableValue): string {
  const type = Array.isArray(value) ? 'A' : value instanceof Map ? 'F' : letterOf(value);
  return `{${type},${term(value)}}`;
}

/** Two tables are the same to RabbitMQ, if this is: types count, the order of the keys does not. */
export function tableTerm(table: Table): string {
  return term(sorted(typesOf(table)));
}

function scalar({ type, value }: TypedValue): string {
  switch (type) {
    case 'S':
    case 'x':
      return binary(value as string | Uint8Array);
    case 'D':
      return JSON.stringify(value);
    default:
      return Number.isInteger(value) ? `${BigInt(value as number)}` : `${value}`;
  }
}

function binary(value: string | Uint8Array): string {
  const bytes = typeof value === 'string' ? encodeEscaped(value) : Buffer.from(value);
  return `<<${bytes.toString('hex')}>>`;
}

/** RabbitMQ has one name for both letters of a 64-bit integer, and writes the other one. */
function letterOf({ type }: TypedValue): TypedValue['type'] {
  return type === 'L' ? 'l' : type;
}

/** A value as RabbitMQ writes it after it has read it. */
export function rewritten(value: TypedTableValue): TypedTableValue {
  if (Array.isArray(value)) return value.map(rewritten);
  if (value instanceof Map) return rewrittenTable(value);
  return value.type === 'L' ? typed.int64(value.value as number | bigint) : value;
}

export function rewrittenTable(table: TypedTable): TypedTable {
  return new Map([...table].map(([name, value]) => [name, rewritten(value)]));
}

/** A table by its keys, as RabbitMQ leaves it when it has set one of them. */
export function sorted(table: TypedTable): TypedTable {
  return new Map([...table].sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))));
}
