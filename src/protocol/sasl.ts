import { encodeTable } from './field-table';
import { Writer } from './wire';

export interface Credentials {
  username: string;
  password: string;
}

/** One SASL mechanism: the first response, and the answer to a challenge if it takes any. */
interface Mechanism {
  initial(credentials: Credentials): Buffer;
}

/** @see RFC 4616 (PLAIN), RFC 4505 (ANONYMOUS), RFC 4422 (EXTERNAL); AMQPLAIN is AMQP's own */
const MECHANISMS = {
  PLAIN: { initial: ({ username, password }): Buffer => Buffer.from(`\0${username}\0${password}`) },
  AMQPLAIN: { initial: amqplain },
  EXTERNAL: { initial: (): Buffer => Buffer.alloc(0) },
  ANONYMOUS: { initial: (): Buffer => Buffer.alloc(0) },
} as const satisfies Record<string, Mechanism>;

export type MechanismName = keyof typeof MECHANISMS;

export const MECHANISM_NAMES = Object.keys(MECHANISMS) as readonly MechanismName[];

/** The response to send with connection.start-ok. */
export function initialResponse(mechanism: MechanismName, credentials: Credentials): Buffer {
  return MECHANISMS[mechanism].initial(credentials);
}

/** A table of LOGIN and PASSWORD, without the length in front of it. */
function amqplain({ username, password }: Credentials): Buffer {
  const size = 64 + 3 * (username.length + password.length);
  const writer = new Writer(Buffer.alloc(size));
  encodeTable(writer, { LOGIN: username, PASSWORD: password });
  return writer.buffer.subarray(4, writer.pos);
}
