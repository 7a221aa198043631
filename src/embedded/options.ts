import type { ServerOptions, ServerTls } from '../broker/control';
import { DEPRECATED_FEATURES, type DeprecatedFeature, type RabbitmqVersion } from '../broker/rules';
import { outOfRange, wrongType } from '../caller';

/** How an embedded broker is to be. Everything has a default. */
export interface BrokerOptions {
  /** Default 0: one that is free. */
  port?: number | undefined;
  /** The address to listen on; default `127.0.0.1`: reachable from this machine only. */
  host?: string | undefined;
  /** Speak TLS only, with this certificate and key (PEM, or `pfx`). `requestCert` and `ca` ask clients for theirs. */
  tls?: ServerTls | undefined;
  /** Names and passwords, or `{ password, vhosts }` for a user of some virtual hosts; default `{ guest: 'guest' }`. */
  users?:
    | Readonly<Record<string, string | { password: string; vhosts?: readonly string[] | undefined }>>
    | undefined;
  /** Default `['/']`. */
  vhosts?: readonly string[] | undefined;
  /** SASL mechanisms to offer, of PLAIN, AMQPLAIN and ANONYMOUS; default the first two, as RabbitMQ. */
  mechanisms?: readonly string[] | undefined;
  /** Whose rules it keeps; default `'3.10'`. `'4.3'` refuses what RabbitMQ 4.3 does. */
  version?: RabbitmqVersion | undefined;
  /** Features that RabbitMQ 4.3 refuses and its operator has permitted (`deprecated_features.permit.*`); default none. */
  permit?: readonly DeprecatedFeature[] | undefined;
  /** Offered to clients: default 2047 channels. */
  channelMax?: number | undefined;
  /** Offered to clients: default 131,072 bytes. */
  frameMax?: number | undefined;
  /** Offered to clients, in seconds: default 60; 0 is none. */
  heartbeat?: number | undefined;
  /** Bytes of messages above which publishers are blocked, those that streams keep included; default 256 MiB. */
  memoryLimit?: number | undefined;
  /** The largest message in bytes; default 128 MiB, with the rules of 4.3 16 MiB, as RabbitMQ. */
  maxMessageSize?: number | undefined;
  /** `'virtual'`: for message TTL, queue expiry and the age of streams time stands still, until `advance`; default `'real'`. */
  clock?: 'real' | 'virtual' | undefined;
}

const MIB = 2 ** 20;
const KNOWN = [
  'port',
  'host',
  'tls',
  'users',
  'vhosts',
  'mechanisms',
  'version',
  'permit',
  'channelMax',
  'frameMax',
  'heartbeat',
  'memoryLimit',
  'maxMessageSize',
  'clock',
];
const MECHANISMS = ['PLAIN', 'AMQPLAIN', 'ANONYMOUS'];

/** @throws {TypeError | RangeError} in one sentence, for what cannot be */
export function serverOptions(options: BrokerOptions): ServerOptions {
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw wrongType(`startBroker has no option ${JSON.stringify(unknown)}`);
  const {
    host = '127.0.0.1',
    version = '3.10',
    permit = [],
    clock = 'real',
    mechanisms = MECHANISMS.slice(0, 2),
  } = options;
  oneOf('version', version, ['3.10', '4.3']);
  for (const feature of permit) oneOf('permit', feature, DEPRECATED_FEATURES);
  oneOf('clock', clock, ['real', 'virtual']);
  for (const mechanism of mechanisms) oneOf('mechanisms', mechanism, MECHANISMS);
  const users = Object.entries(options.users ?? { guest: 'guest' });
  if (users.length === 0) throw outOfRange('users must name at least one user');
  return {
    host,
    port: number('port', options.port ?? 0, 0, 65_535),
    tls: options.tls,
    users: Object.fromEntries(
      users.map(([name, user]) => [name, typeof user === 'string' ? { password: user } : user]),
    ),
    vhosts: [...(options.vhosts ?? ['/'])],
    mechanisms: [...mechanisms],
    anonymousUser: users[0]![0],
    version,
    permit: [...permit],
    channelMax: number('channelMax', options.channelMax ?? 2047, 0, 65_535),
    frameMax: frameMax(options.frameMax ?? 131_072),
    heartbeat: number('heartbeat', options.heartbeat ?? 60, 0, 65_535),
    memoryLimit: number('memoryLimit', options.memoryLimit ?? 256 * MIB, 1, Number.MAX_SAFE_INTEGER),
    maxMessageSize: number(
      'maxMessageSize',
      options.maxMessageSize ?? (version === '4.3' ? 16 : 128) * MIB,
      1,
      512 * MIB,
    ),
    virtualClock: clock === 'virtual',
  };
}

function number(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw wrongType(
      `${name} must be a whole number, got ${typeof value === 'number' ? value : typeof value}`,
    );
  }
  if (value < least || value > most)
    throw outOfRange(`${name} must be from ${least} to ${most}, got ${value}`);
  return value;
}

function frameMax(value: number): number {
  return value === 0 ? 0 : number('frameMax', value, 8192, 0x7fff_ffff);
}

function oneOf(name: string, value: unknown, names: readonly string[]): void {
  if (!names.includes(value as string)) {
    throw outOfRange(`${name} must be ${names.join(' or ')}, got ${JSON.stringify(value)}`);
  }
}
