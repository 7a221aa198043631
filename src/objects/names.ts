import { checkShortstr } from '../client/checks';

/** An exchange, or the name of one. */
export type ExchangeName = string | { readonly name: string };
/** A queue, or the name of one. */
export type QueueName = string | { readonly name: string };

/** @throws {TypeError | RangeError} neither an object with a name nor a name that fits the wire */
export function nameOf(named: string | { readonly name: string }, what: string): string {
  const isObject = typeof named === 'object' && named !== null;
  return checkShortstr(isObject ? named.name : named, what);
}
