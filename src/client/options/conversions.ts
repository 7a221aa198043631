import { wrongType } from '../../caller';
import type { PropertiesInput } from '../../protocol/properties';
import { typeName } from '../../protocol/wire';
import { checkGiven, checkInteger, checkOptions, checkTimeout } from './checks';

/** The parts of a length of time; they are added up. */
export interface DurationParts {
  /** 24 hours each. */
  days?: number | undefined;
  /** 60 minutes each. */
  hours?: number | undefined;
  /** 60 seconds each. */
  minutes?: number | undefined;
  /** 1000 milliseconds each. */
  seconds?: number | undefined;
  /** What is left; parts of one are rounded off where the broker counts. */
  milliseconds?: number | undefined;
}

/** A length of time: a number is milliseconds, as in every timeout; or `{ minutes: 1, seconds: 30 }`. */
export type Duration = number | DurationParts;

const MILLISECONDS = {
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1000,
  milliseconds: 1,
} as const satisfies Record<keyof DurationParts, number>;
const PARTS = new Set(Object.keys(MILLISECONDS));

/** The milliseconds of a duration, 0 or more. @throws {TypeError | RangeError} */
export function durationMs(value: unknown, name: string): number {
  if (typeof value === 'number') return checkTimeout(value, name);
  if (typeof value !== 'object' || value === null || isDate(value)) {
    throw wrongType(
      `${name} must be milliseconds or a duration such as { seconds: 5 }, got ${typeName(value)}`,
    );
  }
  // another kind of object shows no parts, and is not 0
  const kind = kindOf(value);
  if (kind !== 'Object' && kind !== 'Array')
    throw wrongType(`${name} must be milliseconds or a duration such as { seconds: 5 }, got a ${kind}`);
  checkOptions(name, value, PARTS);
  let sum = 0;
  for (const [part, amount = 0] of Object.entries(value) as [keyof DurationParts, number | undefined][]) {
    if (typeof amount !== 'number')
      throw wrongType(`${name}.${part} must be a number, got ${typeName(amount)}`);
    sum += amount * MILLISECONDS[part];
  }
  return checkTimeout(sum, name);
}

/** The longest time RabbitMQ counts in milliseconds: some 49 days. */
export const LONGEST_TTL = 0xffff_ffff;

/** A time to live as RabbitMQ takes it: whole milliseconds. @throws {TypeError | RangeError} */
export function ttlMs(value: unknown, name: string): number {
  return checkInteger(Math.round(durationMs(value, name)), name, 0, LONGEST_TTL);
}

/** The properties of a message as people have them; what goes over the wire is made of them when it is published. */
export interface MessageProperties extends Omit<PropertiesInput, 'expiration' | 'timestamp'> {
  /** How long it lives: milliseconds, a duration, or a Date: until then, counted from when it is published. */
  expiration?: string | Duration | Date | undefined;
  /** A moment: a Date, or seconds since 1970; a duration is that long after it is published. */
  timestamp?: Date | number | bigint | DurationParts | undefined;
}

/** The properties as they are sent. @throws {TypeError | RangeError} naming the property */
export function wireProperties<P extends MessageProperties>(
  properties: P,
  now: () => number = Date.now,
): Omit<P, keyof MessageProperties> & PropertiesInput {
  const { expiration, timestamp } = properties;
  if (properties.deliveryMode === undefined) checkGiven(properties, 'deliveryMode');
  const isPlain = expiration === undefined || (typeof expiration === 'string' && DIGITS.test(expiration));
  if (isPlain && !isDuration(timestamp))
    return properties as Omit<P, keyof MessageProperties> & PropertiesInput;
  return {
    ...(properties as Omit<P, keyof MessageProperties> & PropertiesInput),
    ...(expiration === undefined ? undefined : { expiration: lifetime(expiration, now) }),
    ...(isDuration(timestamp)
      ? { timestamp: new Date(now() + durationMs(timestamp, 'timestamp')) }
      : undefined),
  };
}

const DIGITS = /^\d+$/;

/** What it is called, also where it is of another realm: the sandbox of a test has a Date of its own. */
function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

function isDate(value: unknown): value is Date {
  return typeof value === 'object' && value !== null && kindOf(value) === 'Date';
}

function isDuration(value: MessageProperties['timestamp']): value is DurationParts {
  return typeof value === 'object' && value !== null && !isDate(value);
}

function lifetime(value: string | Duration | Date, now: () => number): string {
  if (typeof value === 'string') {
    if (DIGITS.test(value)) return value;
    throw wrongType(`expiration must be milliseconds, got the string ${JSON.stringify(value)}`);
  }
  // what should have ended by now expires at once, unless a consumer waits for it
  const left = isDate(value) ? Math.max(0, value.getTime() - now()) : value;
  return String(ttlMs(left, 'expiration'));
}
