import { wrongType } from '../caller';
import { didYouMean } from './did-you-mean';

/** The content of an AMQP URI, before any default is filled in. */
export interface ParsedUri {
  tls: boolean;
  hostname?: string;
  port?: number;
  username?: string;
  password?: string;
  vhost?: string;
  /** Query parameters by their canonical option name, converted. */
  options: UriOptions;
}

export interface UriOptions {
  name?: string;
  heartbeat?: number;
  channelMax?: number;
  frameMax?: number;
  /** milliseconds */
  connectTimeout?: number;
  locale?: string;
  /** in order of preference */
  authMechanism?: string[];
  interleave?: number;
  /** milliseconds */
  happyEyeballsDelay?: number;
  /** milliseconds; of recovery */
  reconnectInterval?: number;
  /** of recovery */
  failFast?: boolean;
  caFile?: string;
  caPath?: string;
  /** PEM */
  ca?: string;
  certFile?: string;
  keyFile?: string;
  passphrase?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** Options that mean nothing without TLS. */
export const TLS_URI_OPTIONS = [
  'caFile',
  'caPath',
  'ca',
  'certFile',
  'keyFile',
  'passphrase',
  'servername',
  'rejectUnauthorized',
] as const satisfies (keyof UriOptions)[];

/** `host:port`, with an IPv6 address in brackets. @see RFC 3986 §3.2.2 */
export function hostAndPort({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

type Convert = (text: string, name: string) => unknown;

/**
 * Query parameters: the names of aio-pika and those of RabbitMQ's URI specification.
 * @see https://www.rabbitmq.com/docs/uri-query-parameters
 */
const PARAMETERS: Readonly<Record<string, readonly [keyof UriOptions, Convert]>> = {
  name: ['name', String],
  heartbeat: ['heartbeat', whole],
  channel_max: ['channelMax', whole],
  frame_max: ['frameMax', whole],
  connection_timeout: ['connectTimeout', whole],
  locale: ['locale', String],
  auth_mechanism: ['authMechanism', (text) => [text.toUpperCase()]],
  interleave: ['interleave', whole],
  happy_eyeballs_delay: ['happyEyeballsDelay', seconds],
  reconnect_interval: ['reconnectInterval', seconds],
  fail_fast: ['failFast', flag],
  cafile: ['caFile', String],
  cacertfile: ['caFile', String],
  capath: ['caPath', String],
  cadata: ['ca', pem],
  certfile: ['certFile', String],
  keyfile: ['keyFile', String],
  password: ['passphrase', String],
  server_name_indication: ['servername', String],
  no_verify_ssl: ['rejectUnauthorized', (text, name) => !flag(text, name)],
  verify: ['rejectUnauthorized', verify],
};

/**
 * Parse `amqp[s]://user:password@host:port/vhost?name=value`. No path and `/` are both the vhost `/`.
 * @throws {TypeError} in one sentence that never repeats the password
 */
export function parseUri(uri: string): ParsedUri {
  const { url, zone, hasPassword } = parse(uri);
  const parsed: ParsedUri = { tls: url.protocol === 'amqps:', options: {} };
  if (url.hostname !== '') parsed.hostname = decode(url.hostname.replace(/^\[(.*)\]$/, '$1'), 'host') + zone;
  if (url.port !== '') parsed.port = Number(url.port);
  if (url.username !== '') parsed.username = decode(url.username, 'user name');
  if (hasPassword) parsed.password = decode(url.password, 'password');
  const vhost = vhostOf(url.pathname);
  if (vhost !== undefined) parsed.vhost = vhost;
  for (const [name, value] of url.searchParams) readParameter(name, value, parsed.options);
  return parsed;
}

/** A URI in parts that are still percent-encoded: Node's, and what Node's leave out. */
export interface UriParts {
  url: URL;
  /** Zone of an IPv6 address, with its `%`; mostly empty. @see RFC 6874 */
  zone: string;
  /** Said, though perhaps empty; but one without a user is not there unless it is something. */
  hasPassword: boolean;
}

/** @returns undefined for what is no URI */
export function splitUri(uri: string): UriParts | undefined {
  const [, front = '', address, zone = '', rest] = WITH_ZONE.exec(uri) ?? [];
  const plain = address === undefined ? uri : `${front}[${address}]${rest}`;
  if (!URL.canParse(plain)) return undefined;
  const url = new URL(plain);
  const hasPassword = url.password !== '' || (url.username !== '' && EMPTY_PASSWORD.test(uri));
  return { url, zone: zone && `%${decode(zone, 'host')}`, hasPassword };
}

const WITH_ZONE = /^([a-z]+:\/\/(?:[^/?#]*@)?)\[([0-9a-f:.]+)%25([^\][/?#@]+)\](.*)$/is;
const EMPTY_PASSWORD = /^[a-z]+:\/\/[^:/?#]+:@/i;

function parse(uri: string): UriParts {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  if (scheme !== 'amqp' && scheme !== 'amqps') {
    throw wrongType(`the URL must start with amqp:// or amqps://${scheme ? `, not ${scheme}://` : ''}`);
  }
  const parts = splitUri(uri);
  const { url } = parts ?? {};
  // a bare # / ? in a password ends the authority early, and the rest would pass for something else
  const cutShort = url !== undefined && url.username === '' && url.password === '' && url.href.includes('@');
  if (parts !== undefined && url?.hash === '' && !cutShort) return parts;
  if (/^[a-z]+:\/\/(?:[^/?#]*@)?\[[0-9a-f:.]+%/i.test(uri))
    throw wrongType('the zone of an IPv6 address in the URL is written with %25, as in [fe80::1%25eth0]');
  throw wrongType(
    'the URL is malformed: percent-encode @ : / # ? in user name and password, and check the port (1-65535)',
  );
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrongType(
      `the ${what} in the URL has a "%" that is not followed by two hex digits; write %25 for "%"`,
    );
  }
}

function vhostOf(path: string): string | undefined {
  if (path === '' || path === '/' || path === '//') return undefined;
  const segment = path.slice(1);
  if (segment.includes('/')) {
    throw wrongType('the URL has more than one path segment; write %2F for a "/" in the vhost name');
  }
  return decode(segment, 'vhost');
}

function readParameter(name: string, value: string, options: UriOptions): void {
  const parameter = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
  if (parameter === undefined) {
    throw wrongType(`unknown URL parameter "${name}"${didYouMean(name, Object.keys(PARAMETERS))}`);
  }
  const [option, convert] = parameter;
  const earlier = options[option];
  const converted = convert(value, name);
  if (earlier !== undefined && !Array.isArray(earlier))
    throw wrongType(`the URL parameter ${name} says something that has been said before`);
  Object.assign(options, {
    [option]: Array.isArray(earlier) ? [...earlier, ...(converted as string[])] : converted,
  });
}

function whole(text: string, name: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw wrongType(`the URL parameter ${name} must be a whole number, got "${text}"`);
  return Number(text);
}

/** Seconds, perhaps with a fraction; in milliseconds. */
function seconds(text: string, name: string): number {
  if (!/^\d{1,6}(\.\d+)?$/.test(text))
    throw wrongType(`the URL parameter ${name} must be a number of seconds, got "${text}"`);
  return Number(text) * 1000;
}

/** Certificates themselves, as they are or in base64. */
function pem(text: string, name: string): string {
  const plain = /^-----BEGIN/.test(text) ? text : Buffer.from(text, 'base64').toString('latin1');
  if (/^-----BEGIN/.test(plain)) return plain;
  throw wrongType(`the URL parameter ${name} must be certificates in PEM, percent-encoded or in base64`);
}

function flag(text: string, name: string): boolean {
  if (/^(1|true|yes|y|on|enable|enabled)$/i.test(text)) return true;
  if (/^(0|false|no|n|off|disable|disabled|)$/i.test(text)) return false;
  throw wrongType(`the URL parameter ${name} must be 1 or 0, got "${text}"`);
}

function verify(text: string): boolean {
  if (text === 'verify_peer') return true;
  if (text === 'verify_none') return false;
  throw wrongType(`the URL parameter verify must be verify_peer or verify_none, got "${text}"`);
}
