import type { Table } from '../protocol/field-table';
import { headerTerm, typesOf } from './terms';

/** The headers that the arguments of a binding ask for. */
export interface HeadersPattern {
  any: boolean;
  /** Names, and terms of values; without one the header only has to be there. */
  wanted: readonly (readonly [name: string, term: string | undefined])[];
}

export const MATCH_MODES: readonly string[] = ['all', 'any', 'all-with-x', 'any-with-x'];

/** Names that begin with x- count only in the modes that say so. */
export function headersPattern(args: Table, isSince4: boolean): HeadersPattern {
  const mode = String(args['x-match'] ?? 'all');
  const all = mode.endsWith('-with-x');
  const wanted = [...typesOf(args)]
    .filter(([name]) => name !== 'x-match' && (all || !name.startsWith('x-')))
    .map(
      ([name, value]) =>
        [name, value.valueOf() === null ? undefined : headerTerm(value, isSince4, 'binding')] as const,
    );
  return { any: mode.startsWith('any'), wanted };
}

/** `terms` are those of the message's headers. */
export function matches({ any, wanted }: HeadersPattern, terms: ReadonlyMap<string, string>): boolean {
  const holds = ([name, value]: readonly [string, string | undefined]): boolean =>
    terms.has(name) && (value === undefined || value === terms.get(name));
  return any ? wanted.some(holds) : wanted.every(holds);
}
