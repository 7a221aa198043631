import { encodeTable } from './field-table';
import { Writer } from './wire';

export interface Credentials {
  username: string;
  password: string;
}

/** @see RFC 4616 (PLAIN), RFC 4505 (ANONYMOUS), RFC 4422 (EXTERNAL); AMQPLAIN is AMQP's own */
const MECHANISMS = {
  PLAIN: ({ username, password }: Credentials): Buffer => Buffer.from(`\0${username}\0${password}`),
  AMQPLAIN: amqplain,
  EXTERNAL: (): Buffer => Buffer.alloc(0),
  ANONYMOUS: (): Buffer => Buffer.alloc(0),
} as const satisfies Record<string, (credentials: Credentials) => Buffer>;

export type MechanismName = keyof typeof MECHANISMS;

export const MECHANISM_NAMES = Object.keys(MECHANISMS) as readonly MechanismName[];

/** The response to send with connection.start-ok; `undefined` for a mechanism that is not built in. */
export function initialResponse(mechanism: string, credentials: Credentials): Buffer | undefined {
  return isBuiltIn(mechanism) ? MECHANISMS[mechanism](credentials) : undefined;
}

export function isBuiltIn(mechanism: string): mechanism is MechanismName {
  return Object.hasOwn(MECHANISMS, mechanism);
}

/** The first of `wanted` that the server's list (names, separated by spaces) has. */
export function chooseMechanism(wanted: readonly string[], offered: string): string | undefined {
  const list = offered.split(' ');
  return wanted.find((mechanism) => list.includes(mechanism));
}

/** A table of LOGIN and PASSWORD, without the length in front of it. */
function amqplain({ username, password }: Credentials): Buffer {
  const size = 64 + 3 * (username.length + password.length);
  const writer = new Writer(Buffer.alloc(size));
  encodeTable(writer, { LOGIN: username, PASSWORD: password });
  return writer.buffer.subarray(4, writer.pos);
}
