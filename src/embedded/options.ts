import type { BrokerUser, ServerOptions, ServerTls } from '../broker/control';
import { DEPRECATED_FEATURES, type DeprecatedFeature, type RabbitmqVersion } from '../broker/rules';
import { outOfRange, wrongType } from '../caller';
import { typeName } from '../protocol/wire';

/** How an embedded broker is to be. Everything has a default. */
export interface BrokerOptions {
  /** The TCP port to listen on; default 0: one that is free. */
  port?: number | undefined;
  /** The address to listen on; default `127.0.0.1`: reachable from this machine only. */
  host?: string | undefined;
  /** Speak TLS only, with this certificate and key (PEM, or `pfx`). `requestCert` and `ca` ask clients for theirs. */
  tls?: ServerTls | undefined;
  /** Names and passwords, or `{ password, vhosts }` for a user of some virtual hosts; default `{ guest: 'guest' }`. */
  users?: Readonly<Record<string, string | BrokerUser>> | undefined;
  /** The virtual hosts there are; default `['/']`. */
  vhosts?: readonly string[] | undefined;
  /**
   * SASL mechanisms to offer, of PLAIN, AMQPLAIN and ANONYMOUS, which logs in the first user; default: as RabbitMQ, the
   * first two, with the rules of 4.3 all of them.
   */
  mechanisms?: readonly string[] | undefined;
  /** Whose rules it keeps; default `'4.3'`, the RabbitMQ of today. */
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
  /** The largest message in bytes; default 16 MiB, with the rules of 3.10 128 MiB, as RabbitMQ. */
  maxMessageSize?: number | undefined;
  /**
   * `'virtual'`: time stands still until `advance`, for message TTL, queue expiry, the age of streams, consumer
   * timeouts and delayed retry;
   * default `'real'`.
   */
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
/** What RabbitMQ offers, in its order. */
const OFFERED = { '3.10': ['PLAIN', 'AMQPLAIN'], '4.3': ['ANONYMOUS', 'AMQPLAIN', 'PLAIN'] };

/** @throws {TypeError | RangeError} in one sentence, for what cannot be */
export function serverOptions(options: BrokerOptions): ServerOptions {
  fields('the argument of startBroker', options, KNOWN, 'startBroker');
  const { host = '127.0.0.1', version = '4.3', permit = [], clock = 'real', vhosts = ['/'] } = options;
  oneOf('version', version, ['3.10', '4.3']);
  oneOf('clock', clock, ['real', 'virtual']);
  const { mechanisms = OFFERED[version] } = options;
  for (const feature of texts('permit', permit)) oneOf('permit', feature, DEPRECATED_FEATURES);
  for (const mechanism of someTexts('mechanisms', mechanisms)) oneOf('mechanisms', mechanism, MECHANISMS);
  const users = usersOf(options.users);
  return {
    host: someText('host', host),
    port: number('port', options.port, 0, 0, 65_535),
    tls: tlsOf(options.tls),
    users,
    vhosts: someTexts('vhosts', vhosts),
    mechanisms: [...mechanisms],
    anonymousUser: Object.keys(users)[0]!,
    version,
    permit: [...permit],
    channelMax: number('channelMax', options.channelMax, 2047, 0, 65_535),
    frameMax: options.frameMax === 0 ? 0 : number('frameMax', options.frameMax, 131_072, 8192, 0x7fff_ffff),
    heartbeat: number('heartbeat', options.heartbeat, 60, 0, 65_535),
    memoryLimit: number('memoryLimit', options.memoryLimit, 256 * MIB, 1, Number.MAX_SAFE_INTEGER),
    maxMessageSize: number(
      'maxMessageSize',
      options.maxMessageSize,
      (version === '4.3' ? 16 : 128) * MIB,
      1,
      512 * MIB,
    ),
    virtualClock: clock === 'virtual',
  };
}

/** The virtual host of a method that takes no other option. @throws {TypeError} */
export function checkVhost(method: string, options: { vhost?: string | undefined }): string {
  fields(`the options of ${method}`, options, ['vhost'], method);
  return options.vhost === undefined ? '/' : text('vhost', options.vhost);
}

function usersOf(users: BrokerOptions['users'] = { guest: 'guest' }): ServerOptions['users'] {
  fields('users', users);
  const entries = Object.entries(users);
  if (entries.length === 0) throw outOfRange('users must name at least one user');
  return Object.fromEntries(
    entries.map(([name, user]) => {
      const what = `users[${JSON.stringify(name)}]`;
      if (typeof user === 'string') return [name, { password: user }];
      fields(what, user, ['password', 'vhosts'], undefined, 'a password, or { password, vhosts }');
      const { password, vhosts } = user;
      text(`${what}.password`, password);
      return [name, { password, vhosts: vhosts && texts(`${what}.vhosts`, vhosts) }];
    }),
  );
}

const TLS_TEXTS = ['cert', 'key', 'ca', 'pfx'] as const;
const TLS_FLAGS = ['requestCert', 'rejectUnauthorized'] as const;

function tlsOf(tls: ServerTls | undefined): ServerTls | undefined {
  if (tls === undefined) return undefined;
  fields('tls', tls, [...TLS_TEXTS, ...TLS_FLAGS, 'passphrase']);
  for (const name of TLS_TEXTS) {
    const value: unknown = tls[name];
    if (value === undefined || typeof value === 'string' || value instanceof Uint8Array) continue;
    throw wrongType(`tls.${name} must be a string or a Buffer, got ${typeName(value)}`);
  }
  for (const name of TLS_FLAGS) {
    const value: unknown = tls[name];
    if (value !== undefined && typeof value !== 'boolean')
      throw wrongType(`tls.${name} must be true or false, got ${typeName(value)}`);
  }
  if (tls.passphrase !== undefined) text('tls.passphrase', tls.passphrase);
  if (tls.pfx === undefined && (tls.cert === undefined || tls.key === undefined))
    throw wrongType('tls must have cert and key, or pfx');
  return tls;
}

/** @throws {TypeError} it is no plain object, or has a field that nobody knows */
function fields(
  what: string,
  value: unknown,
  known?: readonly string[],
  owner = what,
  usual = 'an object',
): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw wrongType(`${what} must be ${usual}, got ${typeName(value)}`);
  const unknown = known && Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw wrongType(`${owner} has no option ${JSON.stringify(unknown)}`);
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string') throw wrongType(`${name} must be a string, got ${typeName(value)}`);
  return value;
}

function someText(name: string, value: unknown): string {
  if (text(name, value) === '') throw outOfRange(`${name} must not be empty`);
  return value as string;
}

function texts(name: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw wrongType(`${name} must be an array of strings, got ${typeName(value)}`);
  return value.map((one, index) => text(`${name}[${index}]`, one));
}

function someTexts(name: string, value: unknown): string[] {
  const all = texts(name, value);
  if (all.length === 0) throw outOfRange(`${name} must not be empty`);
  return all;
}

function number(name: string, value: unknown, usual: number, least: number, most: number): number {
  if (value === undefined) return usual;
  if (typeof value !== 'number') throw wrongType(`${name} must be a whole number, got ${typeName(value)}`);
  if (!Number.isInteger(value)) throw wrongType(`${name} must be a whole number, got ${value}`);
  if (value < least || value > most)
    throw outOfRange(`${name} must be from ${least} to ${most}, got ${value}`);
  return value;
}

function oneOf(name: string, value: unknown, names: readonly string[]): void {
  if (names.includes(value as string)) return;
  const usual = names.join(' or ');
  if (typeof value !== 'string') throw wrongType(`${name} must be ${usual}, got ${typeName(value)}`);
  throw outOfRange(`${name} must be ${usual}, got ${JSON.stringify(value)}`);
}
