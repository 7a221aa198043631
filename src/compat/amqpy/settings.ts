import { outOfRange, wrongType } from '../../caller';
import type { ConnectOptions } from '../../client/options/connect-options';
import type { TlsOptions } from '../../client/options/tls-options';
import { type Args, milliseconds } from '../python';
import type { CONNECTION, Compat, SslOptions } from './signatures';

/** The parameters of a connection, with their names. */
export type Parameters = ReturnType<typeof CONNECTION.__init__>;
export type ConnectionArguments = Args<typeof CONNECTION.__init__>;

/** The constants of Python's module `ssl` that `Connection` takes. */
export const ssl = {
  /** Anybody is believed, with a warning. */
  CERT_NONE: 0,
  /** As `CERT_REQUIRED`: a broker always has a certificate. */
  CERT_OPTIONAL: 1,
  /** The certificate must be right, and of the host. */
  CERT_REQUIRED: 2,
} as const;

/** RabbitMQ 4.1 and later refuse less. */
const LEAST_FRAME = 8192;
const SSL_OPTIONS = new Set([
  'keyfile',
  'certfile',
  'ca_certs',
  'cert_reqs',
  'ciphers',
  'server_hostname',
  'password',
]);
/** What `wrap_socket` takes besides, and what a client that always verifies and never renegotiates has no use for. */
const IGNORED_SSL_OPTIONS = new Set([
  ...['server_side', 'ssl_version', 'do_handshake_on_connect', 'suppress_ragged_eofs', 'check_hostname'],
]);
const CHOICES = {
  transient_queues: ['as-is', 'durable', 'exclusive'],
  recover: ['as-is', 'requeue'],
  immediate: ['as-is', 'ignore'],
} as const satisfies Partial<Record<keyof Compat, readonly string[]>>;

/** What this package's own connection is given. @throws {TypeError | RangeError} */
export function connectOptions(parameters: Parameters): ConnectOptions {
  const { host, port, connect_timeout, userid, password, virtual_host, locale } = parameters;
  const { login_method, channel_max, frame_max, heartbeat, client_properties } = parameters;
  if (typeof frame_max === 'number' && frame_max !== 0 && frame_max < LEAST_FRAME) {
    throw outOfRange(
      `frame_max must be at least ${LEAST_FRAME}, got ${frame_max}: RabbitMQ 4.1 and later refuse less`,
    );
  }
  return {
    hostname: host,
    port,
    tls: parameters.ssl === null ? false : tlsOptions(parameters.ssl),
    ...(connect_timeout === null
      ? undefined
      : { connectTimeout: milliseconds(connect_timeout, 'connect_timeout') }),
    username: userid,
    password,
    authMechanism: login_method,
    vhost: virtual_host,
    locale,
    channelMax: channel_max,
    frameMax: frame_max,
    heartbeat: typeof heartbeat === 'number' ? Math.ceil(heartbeat) : heartbeat,
    ...(client_properties === null ? undefined : { clientProperties: client_properties }),
    callTimeout: milliseconds(parameters.compat?.call_timeout, 'call_timeout'),
  };
}

function tlsOptions(given: SslOptions): TlsOptions {
  if (typeof given !== 'object')
    throw wrongType(`ssl must be a dict of options or null, got ${typeof given}`);
  for (const name of Object.keys(given)) {
    if (!SSL_OPTIONS.has(name) && !IGNORED_SSL_OPTIONS.has(name))
      throw wrongType(`wrap_socket() got an unexpected keyword argument '${name}'`);
  }
  const { keyfile, certfile, ca_certs, ciphers, server_hostname, password } = given;
  const named = {
    keyFile: keyfile,
    certFile: certfile,
    caFile: ca_certs,
    ciphers,
    servername: server_hostname,
    passphrase: password,
  };
  const said = Object.entries(named).filter(([, value]) => value !== null && value !== undefined);
  return {
    ...Object.fromEntries(said),
    rejectUnauthorized: (given.cert_reqs ?? ssl.CERT_NONE) !== ssl.CERT_NONE,
  };
}

/** @throws {TypeError} an unknown name or value */
export function checkCompat(given: Compat | null): Compat {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (name === 'call_timeout' || value === undefined) continue;
    const choices: readonly string[] | undefined = CHOICES[name as keyof typeof CHOICES];
    if (choices === undefined) throw wrongType(`compat: unknown option '${name}'`);
    if (!choices.includes(value as string))
      throw wrongType(`compat: ${name} must be one of ${choices.join(', ')}, got ${String(value)}`);
  }
  return given ?? {};
}
