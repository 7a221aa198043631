import { InvalidArgumentError } from 'commander';
import type { IncomingMessage } from '../../src/index';
import { FIELD_NAMES, fieldOf, octetsOfField } from './message-fields';

/** What `--where` takes, in words for the help. */
export const WHERE_NOTE = `--where FIELD=PATTERN compares a whole field, as text; in the pattern * is any text, and \\* a star.
Also != (a field that is missing is unlike all), and < <= > >= for numbers and dates. A FIELD is key,
exchange, body, size, redelivered, headers.NAME, messageId or another property. Given again, all must
hold.`;

export type Condition = (message: IncomingMessage) => boolean;

/** A condition, and those before it: all must hold. @throws {InvalidArgumentError} it cannot be read */
export function condition(text: string, before?: Condition): Condition {
  const holds = single(text);
  return before === undefined ? holds : (message) => before(message) && holds(message);
}

type Comparison = (value: number | bigint, limit: number) => boolean;

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
};

function single(text: string): Condition {
  const [, name, operator, wanted] = /^(.+?)(!=|<=|>=|=|<|>)(.*)$/s.exec(text) ?? [];
  if (name === undefined)
    throw new InvalidArgumentError("It must be FIELD=PATTERN, such as 'key=error.*' or 'headers.tries>3'.");
  const field = fieldOf(name);
  if (field === undefined)
    throw new InvalidArgumentError(`There is no field "${name}": one is ${FIELD_NAMES}.`);
  const compare = COMPARISONS[operator!];
  if (compare !== undefined) return compared(field, compare, wanted!);
  const isLike = pattern(wanted!);
  return (message) => {
    const value = field(message);
    return (value !== undefined && isLike(octetsOfField(value).toString())) === (operator === '=');
  };
}

function compared(
  field: (message: IncomingMessage) => unknown,
  compare: Comparison,
  wanted: string,
): Condition {
  const number = wanted.trim() === '' ? Number.NaN : Number(wanted);
  const moment = Number.isNaN(number) ? new Date(wanted).getTime() : number * 1000;
  if (Number.isNaN(moment))
    throw new InvalidArgumentError(`What is less or more than "${wanted}"? It must be a number or a date.`);
  return (message) => {
    const value = field(message);
    if (value instanceof Date) return compare(value.getTime(), moment);
    if (typeof value === 'number' || typeof value === 'bigint') return compare(value, number);
    const read = octetsOfField(value).toString();
    return read.trim() !== '' && compare(Number(read), number);
  };
}

/** A pattern with stars is matched piece by piece, from left to right: it takes no longer than the text is long. */
function pattern(text: string): (value: string) => boolean {
  // no argument of a program has a zero byte
  const pieces = text.replace(/\\([\\*])|\*/g, (_, literal?: string) => literal ?? '\0').split('\0');
  const [first = '', ...middle] = pieces;
  const last = middle.pop();
  if (last === undefined) return (value) => value === first;
  return (value) => {
    if (!value.startsWith(first)) return false;
    let at = first.length;
    for (const piece of middle) {
      const found = value.indexOf(piece, at);
      if (found === -1) return false;
      at = found + piece.length;
    }
    return value.length - last.length >= at && value.endsWith(last);
  };
}
