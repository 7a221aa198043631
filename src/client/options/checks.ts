import { outOfRange, wrongType } from '../../caller';
import { isReserved } from '../../protocol/codec';
import { didYouMean } from '../../protocol/did-you-mean';
import type { MethodName } from '../../protocol/method-types';
import { METHODS } from '../../protocol/methods';
import { PROPERTY_NAMES } from '../../protocol/properties';
import { OutOfRoom, typeName, Writer } from '../../protocol/wire';

/** Options every blocking call takes. */
export interface CallOptions {
  /** Milliseconds; omitted: the connection's `callTimeout`; 0: do not wait. */
  timeout?: number | undefined;
}

/** Options of what waits for events. */
export interface WaitOptions {
  /** Milliseconds to wait; omitted: for ever; 0: only what is there. */
  timeout?: number | undefined;
}

/** The option names of a verb: the method's fields in the one table, less what is positional. */
export function optionNames(
  method: MethodName,
  positional: readonly string[],
  more: readonly string[] = [],
): Set<string> {
  const fields = Object.keys(METHODS[method].args).filter((field) => !isReserved(field));
  return new Set([...fields.filter((field) => !positional.includes(field)), 'timeout', ...more]);
}

export const MESSAGE_PROPERTIES = new Set<string>(PROPERTY_NAMES);
export const PUBLISH_OPTIONS = optionNames('basic.publish', [], ['wait', 'retry', ...PROPERTY_NAMES]);

/** What verbs of other clients call their options, in lower case and without `_`. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  persistent: ['deliveryMode'],
  cc: ['headers'],
  bcc: ['headers'],
  autoack: ['noAck'],
  prefetchcount: ['prefetchCount', 'prefetch'],
};

/** @throws {TypeError} for something that is not an options object, or a name that is not an option */
export function checkOptions(
  verb: string,
  options: object,
  allowed: ReadonlySet<string>,
  synonyms = ELSEWHERE,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw wrongType(
      `${verb}: options must be an object, got ${typeName(options)}${didYouMeanOption(options, allowed)}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (!allowed.has(name))
      throw wrongType(`${verb}: unknown option "${name}"${didYouMean(name, allowed, synonyms)}`);
  }
}

/** What is given without its name elsewhere, by its type: in amqplib, in Python. */
const BARE: Readonly<Record<string, readonly string[]>> = {
  string: ['routingKey'],
  boolean: ['multiple', 'requeue', 'noAck'],
  number: ['prefetchCount', 'timeout'],
};

function didYouMeanOption(value: unknown, allowed: ReadonlySet<string>): string {
  const name = BARE[typeof value]?.find((each) => allowed.has(each));
  return name === undefined ? '' : `; did you mean { ${name}: ${JSON.stringify(value)} }?`;
}

/** @throws {TypeError} */
export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw wrongType(`${name} must be a function, got ${typeName(value)}`);
}

/** A required string: what is missing is not the same as what is empty. @throws {TypeError} */
export function checkString(value: unknown, name: string): void {
  if (typeof value !== 'string') throw wrongType(`${name} must be a string, got ${typeName(value)}`);
}

/** @throws {TypeError} */
export function checkBoolean(value: unknown, name: string): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw wrongType(`${name} must be true or false, got ${typeName(value)}`);
}

/**
 * A kind or a mode that is given is defined: a constant that does not exist (`DeliveryMode.DURABLE`) is no way to leave
 * it out. @throws {TypeError}
 */
export function checkGiven(options: object, name: string): void {
  if (Object.hasOwn(options, name) && options[name as keyof typeof options] === undefined)
    throw wrongType(`${name} is undefined; leave it out, or see how the constant is spelt`);
}

/** As `checkGiven`, where it stands in order. `usual`: what it is when it is left out. @throws {TypeError | RangeError} */
export function checkKind(value: unknown, name: string, usual: string): asserts value is string {
  if (value === undefined || value === '')
    throw wrongType(
      `${name} must be a string${value === '' ? ' and not empty' : ', got undefined'}; the usual one is '${usual}'`,
    );
  checkShortstr(value, name);
}

/** A limit in milliseconds: 0 or more, Infinity is none. @throws {TypeError | RangeError} */
export function checkTimeout(value: unknown, name = 'timeout'): number {
  if (typeof value !== 'number')
    throw wrongType(`${name} must be a number of milliseconds, got ${typeName(value)}`);
  if (!(value >= 0)) throw outOfRange(`${name} must be 0 or more milliseconds, got ${value}`);
  return value;
}

/** A whole number in a range. @throws {TypeError | RangeError} */
export function checkInteger(value: unknown, name: string, least: number, most: number): number {
  const wanted = `${name} must be a whole number from ${least} to ${most}`;
  if (typeof value !== 'number') throw wrongType(`${wanted}, got ${typeName(value)}`);
  if (!Number.isInteger(value) || value < least || value > most) throw outOfRange(`${wanted}, got ${value}`);
  return value;
}

/** Refuse what cannot be written, or takes more than `size` bytes. @throws {TypeError | RangeError} */
export function checkEncodable(what: string, size: number, encode: (writer: Writer) => void): void {
  try {
    encode(new Writer(Buffer.allocUnsafe(size)));
  } catch (error) {
    if (!(error instanceof OutOfRoom)) throw error;
    throw outOfRange(`${what} does not fit in ${size} bytes`);
  }
}

/** A string that fits a short string of the wire. @throws {TypeError | RangeError} */
export function checkShortstr(value: unknown, name: string): string {
  const writer = new Writer(Buffer.alloc(256));
  writer.at = name;
  writer.shortstr(value);
  return value as string;
}
