import type { Table, TableValue } from '../../src/protocol/field-table';
import { ProtocolViolation } from '../../src/protocol/violation';
import { Reader, Writer } from '../../src/protocol/wire';

/** Bytes from hexadecimal digits; white space only separates the fields for the reader. */
export function hex(digits: string): Buffer {
  const compact = digits.replaceAll(/\s/g, '');
  const bytes = Buffer.from(compact, 'hex');
  if (bytes.length * 2 !== compact.length) throw new Error(`not hexadecimal: ${digits}`);
  return bytes;
}

/** `size` as the two, four or eight octets of a length field, in hexadecimal. */
export function hexOf(size: number, octets: number): string {
  return size.toString(16).padStart(octets * 2, '0');
}

/** A whole frame around a payload. */
export function frame(type: number, channel: number, payload: Uint8Array): Buffer {
  const header = hex(`${hexOf(type, 1)} ${hexOf(channel, 2)} ${hexOf(payload.length, 4)}`);
  return Buffer.concat([header, payload, hex('ce')]);
}

/** Bytes that `write` puts on the wire; `at` is the argument name it starts with. */
export function written(write: (writer: Writer) => void, at = 'headers', room = 70_000): Buffer {
  const writer = new Writer(Buffer.alloc(room));
  writer.at = at;
  write(writer);
  return Buffer.from(writer.buffer.subarray(0, writer.pos));
}

/** A reader of exactly these bytes. */
export function reading(bytes: Buffer | string, at = 'headers'): Reader {
  const reader = new Reader(typeof bytes === 'string' ? hex(bytes) : bytes);
  reader.at = at;
  return reader;
}

/** A table as it is read: without prototype. */
export function table(entries: Record<string, TableValue> | [string, TableValue][] = {}): Table {
  const list = Array.isArray(entries) ? entries : Object.entries(entries);
  const result: Table = Object.create(null);
  for (const [key, value] of list) result[key] = value;
  return result;
}

/** The error that `action` throws. */
export function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** The protocol violation that `action` throws; any other error is passed on. */
export function violation(action: () => unknown): ProtocolViolation {
  const error = thrown(action);
  if (error instanceof ProtocolViolation) return error;
  throw error;
}

/** Run `action` on hostile bytes: it may succeed or refuse them, but never fail in another way. */
export function survives<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof ProtocolViolation) return undefined;
    throw error;
  }
}
