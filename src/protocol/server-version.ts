import type { Table } from './field-table';

/** Whether the server says that it is RabbitMQ, and of this version or a later one; undefined if it does not say. */
export function isRabbitmqSince(
  { product, version }: Table,
  major: number,
  minor: number,
): boolean | undefined {
  const [, itsMajor, itsMinor] = /^(\d+)\.(\d+)/.exec(String(version)) ?? [];
  if (product !== 'RabbitMQ' || itsMajor === undefined) return undefined;
  return Number(itsMajor) > major || (Number(itsMajor) === major && Number(itsMinor) >= minor);
}
