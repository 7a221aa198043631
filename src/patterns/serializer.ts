import { gunzipSync, gzipSync } from 'node:zlib';
import { checkFunction, checkShortstr } from '../client/checks';
import type { BodyInput } from '../client/message';
import { typeName } from '../protocol/wire';

/** How values become bodies. */
export interface Serializer {
  /** Goes into the property `contentType`. */
  readonly contentType: string;
  serialize(value: unknown): BodyInput;
  deserialize(body: Buffer): unknown;
}

/** JSON, as aio-pika's `JsonRPC` and `JsonMaster`. */
export const jsonSerializer: Serializer = {
  contentType: 'application/json',
  serialize: toJson,
  deserialize: (body) => JSON.parse(body.toString()),
};

/** JSON in gzip, as aio-pika's `CompressedJsonMaster`. */
export const compressedJsonSerializer: Serializer = {
  contentType: 'application/json;compression=gzip',
  serialize: (value) => gzipSync(toJson(value), { level: 6 }),
  deserialize: (body) => JSON.parse(gunzipSync(body).toString()),
};

/** @throws {TypeError} it cannot be written as JSON */
function toJson(value: unknown): string {
  const text = JSON.stringify(value ?? null) as string | undefined;
  if (text === undefined) throw new TypeError(`${typeName(value)} cannot be written as JSON`);
  return text;
}

/** @throws {TypeError} */
export function checkSerializer(value: Serializer): void {
  if (typeof value !== 'object' || value === null)
    throw new TypeError(`serializer must be an object, got ${typeName(value)}`);
  checkShortstr(value.contentType, 'serializer.contentType');
  checkFunction(value.serialize, 'serializer.serialize');
  checkFunction(value.deserialize, 'serializer.deserialize');
}

/** Arguments by name: an object. @throws {TypeError} */
export function checkKwargs(value: unknown): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new TypeError(`kwargs must be an object, got ${typeName(value)}`);
}
