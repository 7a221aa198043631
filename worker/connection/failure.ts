import { type ConnectAttempt, closeRecord, type ErrorRecord } from '../../src/contract/error-record';
import type { TlsMaterial } from '../../src/contract/session-options';
import { describeReply, replyCodeName } from '../../src/protocol/constants';
import type { Handshake } from '../../src/protocol/handshake';
import type { Args } from '../../src/protocol/method-types';
import { hostAndPort } from '../../src/protocol/uri';

/** Messages of OpenSSL and Node that help nobody at night, and what to do about each. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /wrong version number|packet length too long|record layer failure|http request|WRONG_VERSION_NUMBER|PACKET_LENGTH/i,
    'the other end does not speak TLS; use amqp://, or the port for TLS (5671)',
  ],
  [
    /ALTNAME_INVALID/,
    'the certificate is for another name; connect by a name that is in it, or give that name as tls.servername',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED/,
    "the broker's certificate is signed by nobody who is trusted here; give its authority as tls.ca (URL: cafile)",
  ],
  [/CERT_HAS_EXPIRED/, "the broker's certificate has expired"],
  [/CERT_NOT_YET_VALID/, "the broker's certificate is not valid yet; check the clock"],
  [
    /certificate required|CERTIFICATE_REQUIRED/i,
    'the broker asks for a client certificate; give tls.cert and tls.key (URL: certfile, keyfile)',
  ],
  [/alert unknown ca|ALERT_UNKNOWN_CA/i, "the broker does not trust the client's certificate"],
  [/alert bad certificate|ALERT_BAD_CERTIFICATE/i, "the broker refuses the client's certificate"],
  [
    /alert protocol version|ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|unsupported protocol/i,
    'both ends have no TLS version in common; TLS 1.2 is the least that is accepted here',
  ],
  [
    /handshake failure|HANDSHAKE_FAILURE/i,
    'the broker broke off the TLS handshake: it may want a client certificate, or other ciphers',
  ],
  [/mac verify failure/i, 'the passphrase does not open tls.pfx'],
  [/key values mismatch|KEY_VALUES_MISMATCH/i, 'tls.cert and tls.key do not belong together'],
  [
    /no start line|NO_START_LINE|DECODER|not enough data|bad base64|asn1|wrong tag/i,
    'a certificate or key cannot be read; PEM is expected, and PKCS #12 for tls.pfx',
  ],
];

/** The reason in words. Node's AggregateError (several addresses) has an empty message of its own. */
export function describe(error: Error): string {
  const errors = (error as AggregateError).errors as Error[] | undefined;
  const text = errors?.length ? errors.map((each) => each.message).join('; ') : withoutOpenssl(error.message);
  const { code } = error as NodeJS.ErrnoException;
  const advice = ADVICE.find(([pattern]) => pattern.test(`${code} ${text}`))?.[1];
  return advice === undefined ? text : `${advice} (${text})`;
}

/** The reason in words why TLS options cannot be used. */
export function describeOptions(
  error: Error,
  { key, passphrase }: Pick<TlsMaterial, 'key' | 'passphrase'>,
): string {
  const text = withoutOpenssl(error.message);
  if ([key].flat().some((each) => each !== undefined && isSealed(each, passphrase)))
    return passphrase === undefined
      ? `tls.key is encrypted, and there is no passphrase; give it as tls.passphrase (URL: password) (${text})`
      : `the passphrase does not open tls.key (${text})`;
  if (passphrase === undefined && /mac verify failure/i.test(text))
    return `tls.pfx has a passphrase; give it as tls.passphrase (URL: password) (${text})`;
  return describe(error);
}

/**
 * Whether an encrypted key stays closed. What OpenSSL says of a wrong passphrase does not tell: one of some 250
 * decrypts to bytes that are padded as they should be, and then the key counts as one in no known format.
 */
function isSealed(key: string | Uint8Array, passphrase = ''): boolean {
  const pem = Buffer.from(key).toString('latin1');
  if (!/^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem)) return false;
  try {
    const { createPrivateKey } = require('node:crypto') as typeof import('node:crypto');
    createPrivateKey({ key: pem, passphrase });
    return false;
  } catch {
    return true;
  }
}

/** `…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/…:350:` says four words to a person. */
function withoutOpenssl(message: string): string {
  return /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message.trim();
}

/** The record of an attempt that failed before the connection was open. */
export function failed(name: string, attempt: ConnectAttempt): ErrorRecord {
  const { stage, reason } = attempt;
  const waiting = stage.startsWith('connection.') ? `waiting for ${stage}` : `at ${stage}`;
  return {
    name,
    message: `cannot connect to ${hostAndPort(attempt)} (${waiting}): ${reason}`,
    code: name === 'ConnectError' ? 'CONNECT' : undefined,
    attempts: [attempt],
    origin: 'network',
    recoverable: true,
    outcome: 'not-sent',
  };
}

/** Reply codes of a broker that has troubles of its own: it shuts down, or a vhost is not up. */
const TROUBLES = new Set([320, 541]);

/** The broker closed the connection before it was open, but refused nothing. */
export function troubled(
  { replyCode, replyText }: Pick<Args<'connection.close'>, 'replyCode' | 'replyText'>,
  attempt: Omit<ConnectAttempt, 'reason'>,
): ErrorRecord | undefined {
  if (!TROUBLES.has(replyCode)) return undefined;
  const reason = describeReply(replyCode, replyText);
  const { name, code, origin } = closeRecord(replyCode, replyText, undefined);
  return { ...failed(name, { ...attempt, reason }), code, replyCode, replyText, origin };
}

/** The broker said no to the credentials. */
export function refusedUser(
  { mechanism, params }: Pick<Handshake, 'mechanism' | 'params'>,
  close: Pick<Args<'connection.close'>, 'replyCode' | 'replyText'>,
  attempt: Omit<ConnectAttempt, 'reason'>,
): ErrorRecord {
  const { replyCode, replyText } = close;
  const reason = `${userOf(mechanism, params.username)} was refused: ${describeReply(replyCode, replyText)}`;
  return {
    ...failed('AuthenticationError', { ...attempt, reason }),
    code: 'ACCESS_REFUSED',
    replyCode,
    replyText,
    origin: 'broker',
    recoverable: false,
  };
}

/** The user in words; only two mechanisms send the user name of the options. */
function userOf(mechanism: string, username: string): string {
  if (mechanism === 'EXTERNAL') return 'the user of the client certificate';
  return /^(AMQ)?PLAIN$/.test(mechanism) ? `user "${username}"` : `the user of mechanism ${mechanism}`;
}

/** The broker said no to the virtual host: it is not there, or not for this user. */
export function refusedVhost(
  vhost: string,
  close: Pick<Args<'connection.close'>, 'replyCode' | 'replyText'>,
  attempt: Omit<ConnectAttempt, 'reason'>,
): ErrorRecord {
  const { replyCode, replyText } = close;
  const reason = `vhost "${vhost}" was refused: ${describeReply(replyCode, replyText)}`;
  const record = closeRecord(replyCode, replyText, undefined);
  const code = vhostCode(replyCode, replyText) ?? record.code;
  return { ...record, code, message: reason, attempts: [{ ...attempt, reason }], outcome: 'not-sent' };
}

/** RabbitMQ has one reply code for both, and two texts; the specification, and others, have several codes. */
function vhostCode(replyCode: number, replyText: string): string | undefined {
  switch (replyCodeName(replyCode)) {
    case 'INVALID_PATH':
      return 'VHOST_NOT_FOUND';
    case 'ACCESS_REFUSED':
      return 'VHOST_REFUSED';
    case 'NOT_ALLOWED':
      return / not found/.test(replyText) ? 'VHOST_NOT_FOUND' : 'VHOST_REFUSED';
  }
  return undefined;
}

/** Milliseconds from which on a connection counts as idle. */
const LEAST_IDLE_MS = 1000;

/**
 * An open connection whose socket is gone; `idle`: milliseconds since the last byte, in whatever direction. What cuts
 * idle connections (a balancer, a firewall) does so after a time of its own.
 */
export function lost(
  target: { host: string; port: number },
  reason: string,
  idle: number,
  heartbeat: number,
): ErrorRecord {
  const beat = heartbeat === 0 ? 'off' : `${heartbeat} s`;
  const pause =
    idle < LEAST_IDLE_MS
      ? ''
      : `; it had been idle for ${Math.floor(idle / 1000)} s, and the heartbeat is ${beat}`;
  return {
    name: 'ConnectionLostError',
    message: `the connection to ${hostAndPort(target)} was lost: ${reason}${pause}`,
    reason,
    origin: 'network',
    recoverable: true,
    outcome: 'unknown',
  };
}

/** Attempts at most in a report: more do not fit in it, and nobody reads them. */
const MOST_ATTEMPTS = 16;
const LONGEST_REASON = 200;

/** Several attempts, and none succeeded: the last ones, each with its reason, and what was refused if anything. */
export function allFailed(
  attempts: readonly ConnectAttempt[],
  hint: string,
  refusal: ErrorRecord | undefined,
): ErrorRecord {
  const shown = attempts
    .slice(-MOST_ATTEMPTS)
    .map((attempt) => ({ ...attempt, reason: cut(attempt.reason) }));
  const hidden = attempts.length - shown.length;
  const lines = shown.map((attempt) => {
    const { host, address, stage, reason } = attempt;
    const where = address === undefined || address === host ? '' : ` [${address}]`;
    return `\n  ${hostAndPort(attempt)}${where} at ${stage}: ${reason}`;
  });
  const earlier = hidden > 0 ? `\n  (and ${hidden} before these)` : '';
  const all = `${attempts.length} attempts failed${hint}:${lines.join('')}${earlier}`;
  if (refusal !== undefined) {
    const message = attempts.length > 1 ? `${refusal.message}\n${all}` : refusal.message;
    return { ...refusal, message, attempts: shown };
  }
  return {
    name: 'ConnectError',
    message: `cannot connect, ${all}`,
    code: 'CONNECT',
    attempts: shown,
    origin: 'network',
    recoverable: true,
    outcome: 'not-sent',
  };
}

function cut(text: string): string {
  return text.length <= LONGEST_REASON ? text : `${text.slice(0, LONGEST_REASON)}…`;
}

/** The connection was lost (or there never was one), and cannot be recovered: `last` is why the last attempt failed. */
export function givenUp(loss: ErrorRecord | undefined, last: ErrorRecord, attempts: number): ErrorRecord {
  const count = attempts === 1 ? 'the attempt' : `${attempts} attempts`;
  const beginning =
    loss === undefined ? '' : `${loss.message}; ${count} to recover it failed, and it was given up: `;
  return { ...last, message: beginning + last.message };
}
