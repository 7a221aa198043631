import { wrongType } from '../../caller';
import { ShortStringTooLong } from './exceptions';

const LONGEST = 255;
/** Arguments that the wire has as short strings. */
const SHORT_STRINGS = ['queue', 'exchange', 'routing_key', 'consumer_tag', 'source', 'destination'] as const;

type Binding = (given: never) => object;

/** Signatures that refuse names the wire has no room for. @throws {ShortStringTooLong} before anything is sent */
export function fitting<T extends Readonly<Record<string, Binding>>>(signatures: T): T {
  const fitted = Object.entries(signatures).map(([name, bind]) => [
    name,
    (given: never) => checkLengths(bind(given) as Record<string, unknown>),
  ]);
  return Object.fromEntries(fitted) as T;
}

function checkLengths(bound: Record<string, unknown>): object {
  for (const name of SHORT_STRINGS) {
    const value = bound[name];
    if (typeof value === 'string' && value.length * 3 > LONGEST && Buffer.byteLength(value) > LONGEST)
      throw new ShortStringTooLong(`${name} has ${Buffer.byteLength(value)} bytes, more than ${LONGEST}`);
  }
  return bound;
}

/** Python calls whatever it was given, and fails late. @throws {TypeError} */
export function callable<F extends (...args: never) => unknown>(value: F, name: string): F {
  if (typeof value !== 'function') throw wrongType(`${name} must be callable, got ${typeof value}`);
  return value;
}
