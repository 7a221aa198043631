import { outOfRange, wrongType } from '../../caller';
import type { TlsOptions } from '../../client/options/tls-options';
import { splitUri, type UriParts } from '../../protocol/uri';
import { isPlainObject } from '../python';
import { PlainCredentials } from './credentials';
import { Parameters } from './parameters';
import { SSLOptions } from './ssl-options';

type Read = (text: string, name: string) => unknown;

/** The names that a query may have, and how their values are written. */
const QUERY: Readonly<Record<string, Read>> = {
  blocked_connection_timeout: float,
  channel_max: int,
  client_properties: literal,
  connection_attempts: int,
  frame_max: int,
  heartbeat: int,
  locale: String,
  retry_delay: float,
  socket_timeout: float,
  ssl_options: (text, name) => sslOptions(literal(text, name)),
  stack_timeout: float,
  tcp_options: literal,
};

/** pika's names for what Python's ssl takes, and Node's. */
const SSL_OPTIONS: Readonly<Record<string, keyof TlsOptions>> = {
  ca_certs: 'caFile',
  cafile: 'caFile',
  ca_path: 'caPath',
  capath: 'caPath',
  ca_data: 'ca',
  cadata: 'ca',
  certfile: 'certFile',
  keyfile: 'keyFile',
  password: 'passphrase',
  ciphers: 'ciphers',
};

/**
 * Where and how to connect, in a URL: `amqp[s]://user:password@host:port/vhost?heartbeat=30`. The query has the
 * names of `ConnectionParameters`; dicts are JSON, or written as Python writes them.
 * @throws {RangeError} Python's ValueError: a parameter that is unknown, repeated, or malformed
 * @example
 * new pika.URLParameters('amqp://guest:guest@localhost:5672/%2F?heartbeat=30');
 */
export class URLParameters extends Parameters {
  /** Reads the URL. Nothing is sent. */
  constructor(url: string) {
    super();
    const { url: parts, zone } = split(url);
    if (parts.protocol === 'amqps:') this.ssl_options = new SSLOptions({});
    if (parts.hostname !== '') this.host = parts.hostname.replace(/^\[(.*)\]$/, '$1') + zone;
    const usual = this.ssl_options === null ? Parameters.DEFAULT_PORT : Parameters.DEFAULT_SSL_PORT;
    this.port = parts.port === '' ? usual : Number(parts.port);
    if (parts.username !== '') {
      const { username, password } = parts;
      this.credentials = new PlainCredentials(decodeURIComponent(username), decodeURIComponent(password));
    }
    // more than one segment: pika takes the first
    const [, vhost = ''] = parts.pathname.split('/');
    if (vhost !== '') this.virtual_host = decodeURIComponent(vhost);
    for (const name of new Set(parts.searchParams.keys())) this.#query(name, parts.searchParams.getAll(name));
  }

  #query(name: string, values: readonly string[]): void {
    const read = Object.hasOwn(QUERY, name) ? QUERY[name] : undefined;
    if (read === undefined) throw outOfRange(`Unknown URL parameter: '${name}'`);
    const [value] = values as [string];
    if (values.length > 1)
      throw outOfRange(
        `Expected exactly one value for URL parameter ${name}, but got ${values.length} values`,
      );
    const converted = read(value, name);
    if (name === 'ssl_options' && converted === null && this.ssl_options !== null)
      throw outOfRange('ssl_options=None does not go with a URL that begins with amqps://');
    Object.assign(this, { [name]: converted });
  }
}

/** @throws {RangeError} that never repeats the password */
function split(url: string): UriParts {
  if (typeof url !== 'string') throw wrongType(`url must be a str, but got ${typeof url}`);
  const parts = splitUri(url);
  if (parts === undefined || !/^amqps?:$/.test(parts.url.protocol))
    throw outOfRange('Unexpected URL scheme; supported scheme values: amqp, amqps');
  return parts;
}

function int(text: string, name: string): number {
  if (!/^[+-]?\d{1,15}$/.test(text.trim())) throw invalid(text, name);
  return Number(text);
}

function float(text: string, name: string): number {
  if (text.trim() === '' || Number.isNaN(Number(text))) throw invalid(text, name);
  return Number(text);
}

/** A dict, a string or None, as JSON or as Python writes them. */
function literal(text: string, name: string): unknown {
  const words: Readonly<Record<string, string>> = { None: 'null', True: 'true', False: 'false' };
  const asJson = text
    .replace(/'([^'"]*)'/g, '"$1"')
    .replace(/\b(None|True|False)\b(?=(?:[^"]*"[^"]*")*[^"]*$)/g, (word) => words[word]!);
  for (const source of [text, asJson]) {
    try {
      return JSON.parse(source);
    } catch {
      // the other way of writing, then
    }
  }
  throw invalid(text, name);
}

function invalid(text: string, name: string): RangeError {
  return outOfRange(`Invalid ${name} value '${text}'`);
}

function sslOptions(options: unknown): SSLOptions | null {
  if (options === null) return null;
  if (!isPlainObject(options)) throw wrongType('ssl_options must be a dict or None');
  const { server_hostname = null, ...rest } = options;
  const context: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (!Object.hasOwn(SSL_OPTIONS, name)) throw outOfRange(`Unknown ssl_options entry: '${name}'`);
    context[SSL_OPTIONS[name]!] = value;
  }
  return new SSLOptions(context, server_hostname as string | null);
}
