import { wrongType } from '../../caller';
import type { PropertiesInput } from '../../protocol/properties';
import { isBytes, typeName } from '../../protocol/wire';
import { checkOptions, MESSAGE_PROPERTIES } from '../options/checks';
import { type MessageProperties, wireProperties } from '../options/conversions';

/** What a body may be made of; a string is sent as UTF-8. */
export type BodyInput = string | Uint8Array;

/** The mark of a message: a plain object with a body and properties is none. */
export const IS_MESSAGE = Symbol('message');

/** A body with properties of its own. */
export interface Outgoing {
  readonly [IS_MESSAGE]: true;
  readonly body: Buffer;
  readonly properties: MessageProperties;
}

/** What can be published. */
export type Content = BodyInput | Outgoing;

export function isMessage(content: unknown): content is Outgoing {
  return (
    typeof content === 'object' && content !== null && (content as Partial<Outgoing>)[IS_MESSAGE] === true
  );
}

/** What JSON can hold, but for null, which is mostly a mistake. */
const DATA = new Set(['object', 'number', 'boolean']);

/** The bytes of a body. @throws {TypeError} for anything else */
export function bodyBytes(body: unknown): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array || isBytes(body)) return body;
  const hint =
    body !== null && DATA.has(typeof body) ? '; Message.json(value) makes a message of anything else' : '';
  throw wrongType(`body must be a string or a Uint8Array, got ${typeName(body)}${hint}`);
}

/** The bytes of what is published. @throws {TypeError} it is nothing that can be */
export function contentBytes(content: Content): Uint8Array {
  return isMessage(content) ? content.body : bodyBytes(content);
}

/** The properties to send with a body: strings say how they were encoded. */
export function withEncoding<P extends MessageProperties>(body: unknown, properties: P): P {
  if (typeof body !== 'string' || properties.contentEncoding !== undefined) return properties;
  return { ...properties, contentEncoding: 'utf-8' };
}

/** Options with the properties of what is published, as they are sent: those of a message itself, unless they are given beside it. */
export function withProperties<O extends MessageProperties>(
  content: Content,
  options: O,
): Omit<O, keyof MessageProperties> & PropertiesInput {
  const given = wireProperties(options);
  if (!isMessage(content)) return withEncoding(content, given);
  checkOptions('Message', content.properties, MESSAGE_PROPERTIES);
  return { ...wireProperties(content.properties), ...given };
}
