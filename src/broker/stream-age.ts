import { internalError } from './failure';

/** Seconds of a year, a month, a day …, as RabbitMQ has them. */
const UNITS: Readonly<Record<string, number>> = {
  Y: 31_536_000,
  M: 2_592_000,
  D: 86_400,
  h: 3600,
  m: 60,
  s: 1,
};

/**
 * Milliseconds of a text such as `1h`; undefined: it is none. @throws {Failure} 541, RabbitMQ 3.10 stumbles over a text
 * that does not begin with a digit
 */
export function ageOf(text: string, isSince4: boolean): number | undefined {
  if (!isSince4 && !/^\d/.test(text)) throw internalError();
  const [, count, unit] = /^(\d+)([YMDhms])$/.exec(text) ?? [];
  const age = Number(count) * UNITS[unit ?? '']! * 1000;
  return age > 0 ? age : undefined;
}
