import { InvalidArgumentError, Option } from 'commander';
import type { TableInputValue } from '../../src/index';
import { fromJson } from './message-json';

/** Parsers for the values of flags; a value that does not fit is commander's error, which names the flag. */

export function integer(least = 0, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds: `500ms`, `5s`, `2m`, `1h`, `7d`, `0`. A bare number is seconds for some tools, milliseconds for others. */
export function duration(text: string): number {
  if (text === '0') return 0;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (amount === undefined)
    throw new InvalidArgumentError('It must be a time with its unit, such as 500ms, 5s, 2m, 1h.');
  return Number(amount) * UNITS[unit]!;
}

/** A date, or seconds since 1970. */
export function moment(text: string): Date | bigint {
  if (/^\d+$/.test(text)) return BigInt(text);
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new InvalidArgumentError('It must be a date such as 2030-01-31T12:00:00Z, or seconds since 1970.');
  return date;
}

/** A place in a stream, as the argument x-stream-offset has it. */
export type Offset = 'first' | 'last' | 'next' | bigint | Date | string;

/** The option of verbs that read a stream. */
export function offsetFlag(): Option {
  return new Option(
    '--offset <where>',
    'where to begin in a stream: first, last, next (default), a number, a date, or how long ago: 30m, 7d',
  ).argParser(offset);
}

function offset(text: string): Offset {
  if (['first', 'last', 'next'].includes(text)) return text;
  if (/^\d+$/.test(text)) return BigInt(text);
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) return `${Math.ceil(duration(text) / 1000)}s`;
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError(
    'It must be first, last, next, a number, a date such as 2030-01-31T12:00:00Z, or a time such as 30m, 7d.',
  );
}

export type Entries = Map<string, TableInputValue>;

/** `key: value` is text, `key:=json` has a type: a number, true, a list, or `{"$int16":5}`. One more each time. */
export function entry(text: string, entries: Entries = new Map()): Entries {
  const typed = /^([^:]+):=(.*)$/s.exec(text);
  if (typed !== null) return entries.set(typed[1]!.trim(), typedValue(typed[2]!));
  const [, key, value] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError('It must be "key: value", or key:=json.');
  return entries.set(key.trim(), value!.trimStart());
}

function typedValue(json: string): TableInputValue {
  try {
    return fromJson(JSON.parse(json));
  } catch (error) {
    throw new InvalidArgumentError(`What follows := must be JSON: ${(error as Error).message}.`);
  }
}

/** A list: one more value each time, or several with commas. */
export function list(text: string, values: string[] = []): string[] {
  return [...values, ...text.split(',')];
}
