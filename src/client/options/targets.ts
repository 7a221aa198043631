import { hostname, platform } from 'node:os';
import { outOfRange, wrongType } from '../../caller';
import type { Target } from '../../contract/session-options';
import { CAPABILITIES } from '../../protocol/constants';
import { didYouMean } from '../../protocol/did-you-mean';
import { encodeTable, type TableInput } from '../../protocol/field-table';
import type { HandshakeParams } from '../../protocol/handshake';
import { isBuiltIn, MECHANISM_NAMES } from '../../protocol/sasl';
import { type ParsedUri, parseUri, type UriOptions } from '../../protocol/uri';
import { typeName } from '../../protocol/wire';
import { runtime } from '../../runtime';
import { version } from '../../version';
import { checkEncodable, checkInteger, checkOptions, checkShortstr, checkString } from './checks';
import type { ConnectOptions, HostOptions } from './connect-options';
import { OPTION_SYNONYMS } from './option-synonyms';
import { resolveTls } from './tls-options';

const DEFAULT_FRAME_MAX = 131_072;
/** RabbitMQ 4.1 and later refuse less. */
const LEAST_FRAME_MAX = 8192;
const LARGEST_FRAME_MAX = 1024 * 1024;
const MOST_CLIENT_PROPERTIES = 64 * 1024;
/** Less than the rest of the frame that has both. */
const MOST_CREDENTIALS = 60 * 1024;
const HOST_OPTIONS = new Set<string>(['hostname', 'port'] satisfies (keyof HostOptions)[]);
const DEFAULT_MECHANISMS = ['PLAIN', 'AMQPLAIN'];

/**
 * The brokers to try: those of `urls`, or those of `hosts` with what `url` says, or the one of `url`; where none of
 * them nor `hostname` is given, that of AMQP_URL.
 * @returns them, and the query of the first URL, for what concerns all of them
 * @throws {TypeError | RangeError}
 */
export function resolveTargets(given: ConnectOptions): { targets: Target[]; url: UriOptions } {
  const uris = parseUrls(given);
  const handshakes = new Map<string, HandshakeParams>();
  const targets = uris.map((uri) => target(given, uri, handshakes));
  if (given.hosts !== undefined) {
    const [common] = targets as [Target];
    const hosts = list(given.hosts, 'hosts').map((each) => ({ ...common, ...host(each, common.port) }));
    return { targets: given.shuffle ? shuffled(hosts) : hosts, url: uris[0]!.options };
  }
  return { targets: given.shuffle ? shuffled(targets) : targets, url: uris[0]!.options };
}

function parseUrls({ url, urls, hosts, hostname }: ConnectOptions): ParsedUri[] {
  const said = Object.entries({ url, urls, hosts, hostname }).filter(([, value]) => value !== undefined);
  const names = said.map(([name]) => name);
  if (names.includes('urls') && names.length > 1)
    throw wrongType(`urls and ${names.find((name) => name !== 'urls')} cannot be given together`);
  if (names.includes('hosts') && names.includes('hostname'))
    throw wrongType('hosts and hostname cannot be given together');
  if (urls !== undefined) return list(urls, 'urls').map((each) => parseUri(checked(each, 'urls')));
  if (url !== undefined) checkString(url, 'url');
  // what the environment says of one host, credentials before all, is not for another
  const usual = hosts === undefined && hostname === undefined ? process.env.AMQP_URL : undefined;
  return [parseUri(url ?? usual ?? 'amqp://')];
}

function list<T>(value: readonly T[], name: string): readonly T[] {
  if (!Array.isArray(value)) throw wrongType(`${name} must be an array, got ${typeName(value)}`);
  if (value.length === 0) throw wrongType(`${name} must not be empty`);
  return value;
}

function checked(value: unknown, name: string): string {
  checkString(value, name);
  return value as string;
}

/** `name`, `name:port`, `[::1]:port`, `::1`, or an object. */
function host(given: string | HostOptions, usualPort: number): { host: string; port: number } {
  if (typeof given === 'object' && given !== null) {
    checkOptions('hosts', given, HOST_OPTIONS, OPTION_SYNONYMS);
    return { host: hostName(given.hostname, 'hosts: hostname'), port: port(given.port ?? usualPort) };
  }
  const text = checked(given, 'hosts');
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  const name = bracketed ?? plain;
  // an IPv6 address without brackets has colons, but no port
  if (name === undefined && /^(?=.*:.*:)[0-9a-f:.]+(%\w+)?$/i.test(text))
    return { host: text, port: usualPort };
  // perhaps with a password in it: it is not repeated
  if (text.includes('@') || text.includes('/')) throw wrongType('hosts: a URL belongs in urls');
  if (name === undefined) throw wrongType(`hosts: "${text}" is neither a host nor host:port`);
  return { host: name, port: port(digits === undefined ? usualPort : Number(digits)) };
}

/** An empty one would be resolved to nothing at all. */
function hostName(value: unknown, name: string): string {
  const text = checked(value, name);
  if (text === '') throw wrongType(`${name} must not be empty`);
  // perhaps with a password in it: it is not repeated
  if (/[@/]/.test(text)) throw wrongType(`${name} must be the name of a host; a URL belongs in url`);
  return text;
}

function port(value: number): number {
  return checkInteger(value, 'port', 1, 65_535);
}

function shuffled<T>(targets: readonly T[]): T[] {
  const order = [...targets];
  for (let index = order.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    [order[index], order[other]] = [order[other]!, order[index]!];
  }
  return order;
}

function target(given: ConnectOptions, uri: ParsedUri, handshakes: Map<string, HandshakeParams>): Target {
  const tls = resolveTls(given.tls, uri.tls, uri.options);
  const said = handshake(given, uri);
  // the same object for the same wishes: a refusal then counts for all of them
  const { clientProperties: _, ...wishes } = said;
  const key = JSON.stringify([wishes, uri.options.name, tls?.cert, tls?.pfx]);
  if (!handshakes.has(key)) handshakes.set(key, said);
  return {
    host: given.hostname === undefined ? (uri.hostname ?? 'localhost') : hostName(given.hostname, 'hostname'),
    port: port(given.port ?? uri.port ?? (tls ? 5671 : 5672)),
    tls,
    handshake: handshakes.get(key)!,
  };
}

function handshake(given: ConnectOptions, uri: ParsedUri): HandshakeParams {
  const { options } = uri;
  const username = checked(given.username ?? uri.username ?? 'guest', 'username');
  const password = checked(given.password ?? uri.password ?? 'guest', 'password');
  checkEncodable('the user name with its password', MOST_CREDENTIALS, (writer) => {
    for (const each of [username, password]) writer.longstr(each);
  });
  const heartbeat = given.heartbeat ?? options.heartbeat;
  return {
    mechanisms: mechanisms(given.authMechanism ?? options.authMechanism ?? DEFAULT_MECHANISMS),
    username,
    password,
    vhost: checkShortstr(given.vhost ?? uri.vhost ?? '/', 'vhost'),
    locale: checkShortstr(given.locale ?? options.locale ?? 'en_US', 'locale'),
    clientProperties: clientProperties(given, uri),
    channelMax: checkInteger(given.channelMax ?? options.channelMax ?? 2047, 'channelMax', 0, 0xffff),
    frameMax: frameLimit(given.frameMax ?? options.frameMax ?? DEFAULT_FRAME_MAX),
    heartbeat: heartbeat === undefined ? undefined : checkInteger(heartbeat, 'heartbeat', 0, 0xffff),
  };
}

/** The names, in order of preference; a mechanism of the user's own has been checked before. */
function mechanisms(wanted: unknown): string[] {
  return list([wanted].flat(), 'authMechanism').map((each) => {
    if (typeof each === 'object' && each !== null) return (each as { name: string }).name;
    if (typeof each === 'string' && isBuiltIn(each)) return each;
    const known = MECHANISM_NAMES.join(', ');
    const said = typeof each === 'string' ? `"${each}"${didYouMean(each, MECHANISM_NAMES)}` : typeName(each);
    throw wrongType(`authMechanism must be one of ${known}, or a mechanism of your own, got ${said}`);
  });
}

export function frameLimit(value: number): number {
  if (value === 0) return LARGEST_FRAME_MAX;
  if (typeof value === 'number' && value < LEAST_FRAME_MAX) {
    throw outOfRange(
      `frameMax must be at least ${LEAST_FRAME_MAX}, got ${value}: RabbitMQ 4.1 and later refuse less`,
    );
  }
  return checkInteger(value, 'frameMax', LEAST_FRAME_MAX, LARGEST_FRAME_MAX);
}

function clientProperties(given: ConnectOptions, uri: ParsedUri): Record<string, unknown> & TableInput {
  const name = given.name ?? uri.options.name;
  if (name !== undefined) checkString(name, 'name');
  const properties = {
    product: 'amqp-sync',
    version,
    platform: `${runtime.name} on ${platform()}`,
    host: hostname(),
    ...(name === undefined ? {} : { connection_name: name }),
    ...entries(given.clientProperties ?? {}),
    capabilities: CAPABILITIES,
  };
  // here, with the caller's stack, rather than in the worker
  checkEncodable('clientProperties', MOST_CLIENT_PROPERTIES, (writer) => {
    writer.at = 'clientProperties';
    encodeTable(writer, properties);
  });
  return properties as Record<string, unknown> & TableInput;
}

function entries(table: TableInput): object {
  if (typeof table !== 'object' || Array.isArray(table))
    throw wrongType(`clientProperties must be an object or a Map, got ${typeName(table)}`);
  return table instanceof Map ? Object.fromEntries(table) : table;
}
