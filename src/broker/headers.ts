import { type Table, type TableValue, TypedValue } from '../protocol/field-table';

/** What the arguments of a binding ask of a message's headers. */
export interface HeadersPattern {
  any: boolean;
  wanted: readonly (readonly [name: string, value: TableValue])[];
}

export const MATCH_MODES: readonly string[] = ['all', 'any', 'all-with-x', 'any-with-x'];

/** Names that begin with x- count only in the modes that say so. */
export function headersPattern(args: Table): HeadersPattern {
  const mode = String(args['x-match'] ?? 'all');
  const all = mode.endsWith('-with-x');
  const wanted = Object.entries(args).filter(
    ([name]) => name !== 'x-match' && (all || !name.startsWith('x-')),
  );
  return { any: mode.startsWith('any'), wanted };
}

/** A wanted value of null asks only that the header is there. */
export function matches({ any, wanted }: HeadersPattern, headers: Table): boolean {
  const holds = ([name, value]: readonly [string, TableValue]): boolean =>
    Object.hasOwn(headers, name) && (value === null || isSame(value, headers[name]!));
  return any ? wanted.some(holds) : wanted.every(holds);
}

export function isSame(one: TableValue, other: TableValue): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (one instanceof Date) return other instanceof Date && one.getTime() === other.getTime();
  if (one instanceof Uint8Array) return other instanceof Uint8Array && Buffer.compare(one, other) === 0;
  if (one instanceof TypedValue) {
    return other instanceof TypedValue && JSON.stringify(one.value) === JSON.stringify(other.value);
  }
  const names = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    names.length === Object.keys(other).length &&
    names.every(
      (name) => Object.hasOwn(other, name) && isSame((one as Table)[name]!, (other as Table)[name]!),
    )
  );
}
