import { decodeTable, encodeTable, type TableValue } from './field-table';
import { ProtocolViolation } from './violation';
import { Reader, Writer } from './wire';

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

/** A SASL mechanism that is built in, as brokers call it. */
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

/** Credentials in a response: a password that is no text is that of nobody. */
export interface ReadCredentials {
  username: string;
  password: string | undefined;
}

/** Credentials in a response, as a server reads them; `undefined` if it is malformed. */
export function readResponse(mechanism: string, response: Buffer): ReadCredentials | undefined {
  if (mechanism === 'PLAIN') return readPlain(response);
  return mechanism === 'AMQPLAIN' ? readAmqplain(response) : undefined;
}

/** Response of PLAIN: a zero octet, who one is, another one, the password. RabbitMQ takes no one to act as in front. */
function readPlain(response: Buffer): ReadCredentials | undefined {
  const [actAs, username, password, more] = response.toString().split('\0');
  if (actAs !== '' || username === undefined || password === undefined || more !== undefined)
    return undefined;
  return { username, password };
}

function readAmqplain(response: Buffer): ReadCredentials | undefined {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(response.length);
  try {
    const { LOGIN, PASSWORD } = decodeTable(new Reader(Buffer.concat([size, response])));
    const username = textOf(LOGIN);
    if (username === undefined || PASSWORD === undefined) return undefined;
    return { username, password: textOf(PASSWORD) };
  } catch (error) {
    if (error instanceof ProtocolViolation) return undefined;
    throw error;
  }
}

function textOf(value: TableValue | undefined): string | undefined {
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  return typeof value === 'string' ? value : undefined;
}
