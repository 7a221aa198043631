/** Names that other clients have for the options of `connect`: the error says what they are called here. */
import { type ConnectOptions, connect } from '../../src';
import { thrownBy } from '../support/connect';

const refusal = (options: object) => thrownBy(() => connect(options as ConnectOptions)).message;

test.each([
  ['host', 'hostname'],
  ['server', 'hostname'],
  ['brokers', 'hosts'],
  ['uri', 'url'],
  ['user', 'username'],
  ['login', 'username'],
  ['userid', 'username'],
  ['credentials', 'username'],
  ['pass', 'password'],
  ['passwd', 'password'],
  ['virtualhost', 'vhost'],
  ['virtualHost', 'vhost'],
  ['virtual_host', 'vhost'],
  ['ssl', 'tls'],
  ['sslOptions', 'tls'],
  ['ssl_options', 'tls'],
  ['protocol', 'tls'],
  ['ca', 'tls'],
  ['login_method', 'authMechanism'],
  ['timeout', 'connectTimeout'],
  ['connectionTimeout', 'connectTimeout'],
  ['socket_timeout', 'connectTimeout'],
  ['requestedHeartbeat', 'heartbeat'],
  ['connectionName', 'name'],
  ['blocked_connection_timeout', 'blockedTimeout'],
  ['automaticallyRecover', 'recovery'],
  ['connection_attempts', 'connectionAttempts'],
  ['client_properties', 'clientProperties'],
  ['hearbeat', 'heartbeat'],
])('an option that others call %s is answered with %s, its name here', (theirs, ours) => {
  const message = `connect: unknown option "${theirs}"; did you mean "${ours}"?`;
  expect(refusal({ [theirs]: 'x' })).toBe(message);
  expect(thrownBy(() => connect('amqp://u:hunter2@h', { [theirs]: 'x' } as ConnectOptions)).message).toBe(
    message,
  );
});

test.each<[object, string]>([
  [{ hosts: [{ host: 'a' }] }, 'hosts: unknown option "host"; did you mean "hostname"?'],
  [{ tls: { sni: 'a' } }, 'tls: unknown option "sni"; did you mean "servername"?'],
  [{ tls: { password: 'a' } }, 'tls: unknown option "password"; did you mean "passphrase"?'],
  [{ tls: { cacertfile: 'a' } }, 'tls: unknown option "cacertfile"; did you mean "caFile"?'],
  [{ tls: { verify: true } }, 'tls: unknown option "verify"; did you mean "rejectUnauthorized"?'],
  [
    { recovery: { connectionAttempts: 1 } },
    'recovery: unknown option "connectionAttempts"; did you mean "attempts"?',
  ],
  [{ recovery: { timeout: 1 } }, 'recovery: unknown option "timeout"; did you mean "attemptTimeout"?'],
  [{ zzz: 1 }, 'connect: unknown option "zzz"'],
  [{ constructor: 1 }, 'connect: unknown option "constructor"'],
])('the options %j are refused, with what was meant if that is near', (options, message) => {
  expect(refusal(options)).toBe(message);
});
