import { type TableValue, TypedValue } from '../protocol/field-table';

/** The type of a table's value as RabbitMQ's texts call it. Integers are named by their size, as they are usually sent. */
export function typeWord(value: TableValue): string {
  switch (typeof value) {
    case 'string':
      return 'longstr';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'long';
    case 'number':
      if (!Number.isInteger(value)) return 'double';
      return value >= -0x8000_0000 && value <= 0x7fff_ffff ? 'signedint' : 'long';
    default:
      return objectWord(value);
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = { D: 'decimal', d: 'double', f: 'float' };

function objectWord(value: object | null): string {
  if (value === null) return 'void';
  if (value instanceof Date) return 'timestamp';
  if (value instanceof Uint8Array) return 'binary';
  if (value instanceof TypedValue) return TYPE_WORDS[value.type] ?? 'timestamp';
  return Array.isArray(value) ? 'array' : 'table';
}

/** A value as RabbitMQ's texts show it. */
export function shown(value: TableValue): string {
  if (value === null) return 'undefined';
  if (value instanceof Uint8Array) return value.toString('latin1');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Text as Erlang prints a binary. */
export function printedText(text: string): string {
  if (text === '') return '<<>>';
  return /^[ -~]+$/.test(text) ? `<<"${text.replace(/["\\]/g, '\\$&')}">>` : binary(Buffer.from(text));
}

/** Bytes as Erlang prints a binary, cut where a text would become too long. */
export function binary(bytes: Uint8Array): string {
  return `<<${[...bytes.subarray(0, 60)].join()}>>`;
}

/** Whether Erlang has all the numbers of a value: it knows none that is no number, nor an endless one. */
export function isRepresentable(value: TableValue): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true;
  return Object.values(value).every(isRepresentable);
}

export function isInteger(value: TableValue): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}
