import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { wrongType } from '../../caller';
import type { TlsData, TlsMaterial, TlsVersion } from '../../contract/session-options';
import { TLS_URI_OPTIONS, type UriOptions } from '../../protocol/uri';
import { typeName } from '../../protocol/wire';
import { checkBoolean, checkOptions, checkString } from './checks';
import { OPTION_SYNONYMS } from './option-synonyms';

export type { TlsData, TlsVersion } from '../../contract/session-options';

/**
 * TLS, in Node's terms. Certificates and keys are PEM, as text or bytes, or the path of a file. Without `ca`
 * the authorities that come with Node are trusted (and those of `NODE_EXTRA_CA_CERTS`).
 */
export interface TlsOptions {
  /** Authorities to trust. */
  ca?: TlsData | undefined;
  /** A file of authorities to trust, PEM; read when the connection is made. */
  caFile?: string | undefined;
  /** A folder; every `.pem`, `.crt` and `.cer` file in it is trusted, and OpenSSL's `<hash>.0`, `<hash>.1` … */
  caPath?: string | undefined;
  /** The client's certificate, with intermediate ones behind it. */
  cert?: TlsData | undefined;
  /** `cert`, from a file. */
  certFile?: string | undefined;
  /** The key of `cert`. */
  key?: TlsData | undefined;
  /** `key`, from a file. */
  keyFile?: string | undefined;
  /** Certificate and key in one, PKCS #12. */
  pfx?: Uint8Array | string | undefined;
  /** `pfx`, from a file. */
  pfxFile?: string | undefined;
  /** Opens `key` or `pfx`. */
  passphrase?: string | undefined;
  /** Certificates that are no longer valid. */
  crl?: TlsData | undefined;
  /** OpenSSL's names, separated by colons. */
  ciphers?: string | undefined;
  /** The name the certificate must have, and that is asked for (SNI); default: the host. */
  servername?: string | undefined;
  /** Default `TLSv1.2`; nothing older is accepted. */
  minVersion?: TlsVersion | undefined;
  /** Default: the newest that Node knows. */
  maxVersion?: TlsVersion | undefined;
  /** Default true. False accepts any certificate: whoever answers gets the password. */
  rejectUnauthorized?: boolean | undefined;
}

const NAMES = new Set<string>([
  'ca',
  'caFile',
  'caPath',
  'cert',
  'certFile',
  'key',
  'keyFile',
  'pfx',
  'pfxFile',
  'passphrase',
  'crl',
  'ciphers',
  'servername',
  'minVersion',
  'maxVersion',
  'rejectUnauthorized',
] satisfies (keyof TlsOptions)[]);

const VERSIONS = ['TLSv1.2', 'TLSv1.3', undefined];

/**
 * What a URL and the option `tls` say together, with files read.
 * @returns undefined for no TLS
 * @throws {TypeError} wrong types, unknown names, files that cannot be read
 */
export function resolveTls(
  option: boolean | TlsOptions | undefined,
  secureUrl: boolean,
  fromUrl: UriOptions,
): TlsMaterial | undefined {
  const tls = option ?? secureUrl;
  if (tls !== true && tls !== false && (typeof tls !== 'object' || tls === null)) {
    throw wrongType(`tls must be true, false or an options object, got ${typeName(tls)}`);
  }
  const url = Object.fromEntries(TLS_URI_OPTIONS.map((name) => [name, fromUrl[name]])) as TlsOptions;
  if (tls === false) {
    if (Object.values(url).every((value) => value === undefined)) return undefined;
    throw wrongType('the URL has parameters for TLS, but it begins with amqp://; use amqps://');
  }
  if (tls !== true) checkTls(tls);
  const { caFile, caPath, certFile, keyFile, pfxFile, ...rest } = { ...url, ...(tls === true ? {} : tls) };
  const material: TlsMaterial = {
    ...rest,
    ca: together(rest.ca, read('caFile', caFile), readFolder('caPath', caPath)),
    cert: rest.cert ?? read('certFile', certFile),
    key: rest.key ?? read('keyFile', keyFile),
    pfx: rest.pfx ?? read('pfxFile', pfxFile),
    minVersion: rest.minVersion ?? 'TLSv1.2',
    rejectUnauthorized: rest.rejectUnauthorized ?? true,
  };
  if (!material.rejectUnauthorized) warnOnce();
  return material;
}

function checkTls(tls: TlsOptions): void {
  checkOptions('tls', tls, NAMES, OPTION_SYNONYMS);
  for (const name of [
    'caFile',
    'caPath',
    'certFile',
    'keyFile',
    'pfxFile',
    'passphrase',
    'ciphers',
    'servername',
  ] as const) {
    if (tls[name] !== undefined) checkString(tls[name], `tls.${name}`);
  }
  for (const name of ['ca', 'cert', 'key', 'crl', 'pfx'] as const) checkData(tls[name], `tls.${name}`);
  for (const name of ['minVersion', 'maxVersion'] as const) {
    if (VERSIONS.includes(tls[name])) continue;
    throw wrongType(`tls.${name} must be 'TLSv1.2' or 'TLSv1.3', got ${JSON.stringify(tls[name])}`);
  }
  checkBoolean(tls.rejectUnauthorized, 'tls.rejectUnauthorized');
}

function checkData(value: unknown, name: string): void {
  for (const each of Array.isArray(value) ? value : [value]) {
    if (each === undefined || typeof each === 'string' || each instanceof Uint8Array) continue;
    throw wrongType(`${name} must be a string or bytes, or an array of them, got ${typeName(each)}`);
  }
}

function together(...parts: (TlsData | undefined)[]): TlsData | undefined {
  const all = parts.flat().filter((part) => part !== undefined);
  return all.length === 0 ? undefined : all;
}

function read(option: string, file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw unreadable(option, file, error);
  }
}

function readFolder(option: string, folder: string | undefined): Buffer[] | undefined {
  if (folder === undefined) return undefined;
  let files: string[];
  try {
    files = readdirSync(folder).filter((file) => CERTIFICATE.test(file));
  } catch (error) {
    throw unreadable(option, folder, error);
  }
  if (files.length === 0) throw wrongType(`${option} "${folder}" has no .pem, .crt, .cer or <hash>.0 file`);
  // c_rehash makes the names with a hash as links to the others
  const paths = new Set(files.map((file) => real(option, join(folder, file))));
  return [...paths].map((path) => read(option, path) as Buffer);
}

const CERTIFICATE = /\.(pem|crt|cer)$|^[0-9a-f]{8}\.\d+$/i;

function real(option: string, path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw unreadable(option, path, error);
  }
}

function unreadable(option: string, path: string, cause: unknown): TypeError {
  return wrongType(`${option} "${path}" cannot be read: ${(cause as NodeJS.ErrnoException).code}`, {
    cause,
  });
}

let warned = false;
function warnOnce(): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    'TLS certificates are not verified (rejectUnauthorized: false): whoever answers gets the password',
    { type: 'SecurityWarning', code: 'AMQP_SYNC_UNVERIFIED_TLS' },
  );
}
