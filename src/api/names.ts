import { wrongType } from '../caller';
import { checkShortstr } from '../client/options/checks';
import { typeName } from '../protocol/wire';

/** An exchange, or the name of one. */
export type ExchangeName = string | Named;
/** A queue, or the name of one. */
export type QueueName = string | Named;

/** Something that has a name, such as a Queue or an Exchange. */
export interface Named {
  /** Its name, at the time of the call. */
  readonly name: string;
}

/** @throws {TypeError | RangeError} neither an object with a name nor a name that fits the wire */
export function nameOf(named: string | Named, what: string): string {
  const isObject = typeof named === 'object' && named !== null;
  if (isObject && typeof named.name !== 'string')
    throw wrongType(`${what} must be a name, or an object with one, got ${typeName(named)}`);
  return checkShortstr(isObject ? named.name : named, what);
}
