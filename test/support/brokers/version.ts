import { type Connection, connect } from '../../../src';

/** The RabbitMQs that the tests know, each for all until the next: where they differ, a test has a table of both. */
export type KnownVersion = '3.10' | '4.3';

/** Whose rules the broker of this connection keeps; the embedded one says so, too. */
export function versionOf({ serverProperties }: Pick<Connection, 'serverProperties'>): KnownVersion {
  const [major = 0, minor = 0] = String(serverProperties.version).split('.').map(Number);
  return major > 4 || (major === 4 && minor >= 3) ? '4.3' : '3.10';
}

/** Bytes of the largest message that it takes unless its operator has set another limit, as far as tests go: 3.10 takes more. */
export const LARGE_MESSAGE = { '3.10': 100 * 2 ** 20, '4.3': 16 * 2 ** 20 };

export function versionAt(url: string): KnownVersion {
  using connection = connect(url, { callTimeout: CEILING, connectTimeout: CEILING });
  return versionOf(connection);
}

const CEILING = 30_000;
