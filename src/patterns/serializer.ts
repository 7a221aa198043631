import { type BodyInput, jsonText } from '../api/message';
import { wrongType } from '../caller';
import { checkFunction, checkShortstr } from '../client/options/checks';
import { typeName } from '../protocol/wire';

/** How values become bodies. */
export interface Serializer {
  /** Goes into the property `contentType`. */
  readonly contentType: string;
  /** A value as the body of a message; what it throws is thrown by the call. */
  serialize(value: unknown): BodyInput;
  /** The value in a body; what it throws is a bad message. */
  deserialize(body: Buffer): unknown;
}

/** JSON, as aio-pika's `JsonRPC` and `JsonMaster`. */
export const jsonSerializer: Serializer = {
  contentType: 'application/json',
  serialize: (value) => jsonText(value ?? null, 'serialize'),
  deserialize: (body) => JSON.parse(body.toString()),
};

/** Few programs compress: it is loaded when one does. */
const zlib = () => require('node:zlib') as typeof import('node:zlib');

/** Bytes that a body may unpack to, as many as a message may have. */
const MOST_BYTES = 128 * 1024 * 1024;

/** JSON in gzip, as aio-pika's `CompressedJsonMaster`; unpacked it has 128 MiB at most. */
export const compressedJsonSerializer: Serializer = {
  contentType: 'application/json;compression=gzip',
  serialize: (value) => zlib().gzipSync(jsonText(value ?? null, 'serialize'), { level: 6 }),
  deserialize: (body) => JSON.parse(zlib().gunzipSync(body, { maxOutputLength: MOST_BYTES }).toString()),
};

/** @throws {TypeError} */
export function checkSerializer(value: Serializer): void {
  if (typeof value !== 'object' || value === null)
    throw wrongType(`serializer must be an object, got ${typeName(value)}`);
  checkShortstr(value.contentType, 'serializer.contentType');
  checkFunction(value.serialize, 'serializer.serialize');
  checkFunction(value.deserialize, 'serializer.deserialize');
}

/** Arguments by name: an object. @throws {TypeError} */
export function checkKwargs(value: unknown): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw wrongType(`kwargs must be an object, got ${typeName(value)}`);
}
