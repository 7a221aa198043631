/** A RabbitMQ that asks every client for its certificate, and takes it for a login (EXTERNAL). */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { AuthenticationError, ConnectError, type ConnectOptions, type TlsOptions } from '../../src';
import { describeNode } from '../support/brokers/on-rabbitmq';
import { makeCertificates, type PrivateRabbitmq, startRabbitmq } from '../support/brokers/rabbitmq';
import { open } from '../support/connect';
import { expectNoSecret, refusalOf } from '../support/secrets';

const PASSPHRASE = 'open sesame/&é';

let rabbitmq: PrivateRabbitmq;
beforeAll(async () => {
  const settings = ['{ssl_cert_login_from, common_name}', "{auth_mechanisms, ['PLAIN', 'EXTERNAL']}"];
  const tlsOptions = ['{fail_if_no_peer_cert, true}'];
  const plugins = ['rabbitmq_auth_mechanism_ssl'];
  rabbitmq = await startRabbitmq({ tls: true, tlsOptions, plugins, settings });
  makeFiles();
  rabbitmq.addUser('robot', 'not to be used');
  rabbitmq.clearPassword('robot');
}, 300_000);
afterAll(() => rabbitmq?.stop());

const path = (file: string) => join(rabbitmq.certs!, file);
const text = (file: string) => readFileSync(path(file), 'utf8');

/** client.* is guest's, robot.* and stranger.* are of users with and without rights, others/ of another authority. */
function makeFiles(): void {
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: rabbitmq.certs!, stdio: 'pipe' });
  const pass = (direction: 'in' | 'out') => [`-pass${direction}`, `pass:${PASSPHRASE}`];
  for (const name of ['robot', 'stranger']) {
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      `${name}.key`,
    ];
    openssl('req', ...key, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    openssl('x509', '-req', '-days', '1', '-in', `${name}.csr`, ...authority, '-out', `${name}.pem`);
  }
  openssl('pkey', '-in', 'client.key', '-aes256', ...pass('out'), '-out', 'encrypted.key');
  const pair = ['-inkey', 'client.key', '-in', 'client.pem'];
  openssl('pkcs12', '-export', ...pair, ...pass('out'), '-out', 'client.pfx');
  openssl('pkcs12', '-export', ...pair, '-passout', 'pass:', '-out', 'open.pfx');
  makeCertificates(path('others'));
}

/** Connect with these TLS options, and declare a queue. */
function works(tls: TlsOptions, options: ConnectOptions = {}) {
  const connection = open({ url: rabbitmq.amqpsUrl, tls: { caFile: rabbitmq.ca, ...tls }, ...options });
  expect(connection.channel().queueDeclare('', { exclusive: true }).queue).toMatch(/^amq\.gen/);
  return connection;
}

/** The lines of a key that are its own. */
const keyLines = (file: string) =>
  text(file)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('-----'));

/** What is thrown; it shows neither keys nor passphrases nor passwords. */
function refused<E = ConnectError>(tls: TlsOptions, options: ConnectOptions = {}): E {
  const error = refusalOf<E>(() => works(tls, { password: 'hunter2', ...options }));
  const keys = ['client.key', 'encrypted.key', 'robot.key', 'others/client.key'].flatMap(keyLines);
  expectNoSecret(error, PASSPHRASE, 'hunter2', 'wrong words', ...keys);
  return error;
}

describeNode('the client’s certificate', () => {
  it.each<[string, () => TlsOptions]>([
    ['files', () => ({ certFile: path('client.pem'), keyFile: path('client.key') })],
    ['text', () => ({ cert: text('client.pem'), key: text('client.key') })],
    ['bytes', () => ({ cert: readFileSync(path('client.pem')), key: readFileSync(path('client.key')) })],
    ['a file and text', () => ({ certFile: path('client.pem'), key: text('client.key') })],
    [
      'an encrypted key',
      () => ({ certFile: path('client.pem'), keyFile: path('encrypted.key'), passphrase: PASSPHRASE }),
    ],
    ['PFX in a file', () => ({ pfxFile: path('client.pfx'), passphrase: PASSPHRASE })],
    ['PFX in bytes', () => ({ pfx: readFileSync(path('client.pfx')), passphrase: PASSPHRASE })],
    [
      'PFX in a Uint8Array',
      () => ({ pfx: Uint8Array.from(readFileSync(path('client.pfx'))), passphrase: PASSPHRASE }),
    ],
    ['PFX with no passphrase', () => ({ pfxFile: path('open.pfx') })],
    ['TLS 1.2', () => ({ pfxFile: path('open.pfx'), maxVersion: 'TLSv1.2' })],
  ])('is sent when it is given as %s', (_what, tls) => {
    const connection = works(tls());
    const shown = inspect(connection, { depth: 20, showHidden: true });
    for (const secret of [PASSPHRASE, ...keyLines('client.key')]) expect(shown).not.toContain(secret);
  });

  it('is sent when the URL names it', () => {
    const files = `cafile=${rabbitmq.ca}&certfile=${path('client.pem')}`;
    open({ url: `${rabbitmq.amqpsUrl}?${files}&keyfile=${path('client.key')}` });
    const encrypted = `keyfile=${path('encrypted.key')}&password=${encodeURIComponent(PASSPHRASE)}`;
    open({ url: `${rabbitmq.amqpsUrl}?${files}&${encrypted}` });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('missing (%s): the error says what to give', (maxVersion) => {
    const error = refused({ maxVersion });
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toMatch(/client certificate.*(tls\.cert and tls\.key|other ciphers)/);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is refused if it is of another authority (%s)', (maxVersion) => {
    const others = { certFile: path('others/client.pem'), keyFile: path('others/client.key') };
    const error = refused({ ...others, maxVersion });
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toContain("the broker does not trust the client's certificate");
  });
});

describeNode('material that cannot be used: said before a socket is opened', () => {
  const certFile = () => path('client.pem');
  it.each<[string, () => TlsOptions, string]>([
    [
      'the wrong passphrase for a key',
      () => ({ certFile: certFile(), keyFile: path('encrypted.key'), passphrase: 'wrong words' }),
      'the passphrase does not open tls.key',
    ],
    [
      'no passphrase for a key',
      () => ({ certFile: certFile(), keyFile: path('encrypted.key') }),
      'tls.key is encrypted, and there is no passphrase; give it as tls.passphrase (URL: password)',
    ],
    [
      'the wrong passphrase for PFX',
      () => ({ pfxFile: path('client.pfx'), passphrase: 'wrong words' }),
      'the passphrase does not open tls.pfx',
    ],
    [
      'no passphrase for PFX',
      () => ({ pfxFile: path('client.pfx') }),
      'tls.pfx has a passphrase; give it as tls.passphrase (URL: password)',
    ],
    [
      'somebody else’s key',
      () => ({ certFile: certFile(), keyFile: path('robot.key') }),
      'tls.cert and tls.key do not belong together',
    ],
    [
      'a key in the place of the certificate',
      () => ({ certFile: path('client.key'), keyFile: path('client.key') }),
      'PEM is expected',
    ],
    [
      'a certificate in the place of the key',
      () => ({ certFile: certFile(), keyFile: certFile() }),
      'PEM is expected',
    ],
    ['PEM in the place of PFX', () => ({ pfxFile: certFile() }), 'a certificate or key cannot be read'],
  ])('%s', (_what, tls, advice) => {
    const error = refused(tls());
    expect(error).toMatchObject({
      name: 'ConnectError',
      code: 'TLS_OPTIONS',
      recoverable: false,
      origin: 'client',
    });
    expect(error.message).toContain('the TLS options cannot be used: ');
    expect(error.message).toContain(advice);
    expect(error.attempts).toMatchObject([{ host: 'localhost', stage: 'tls' }]);
  });

  it('half of a pair is as good as none: what the broker says is what is thrown', () => {
    expect(refused({ certFile: certFile() })).toBeInstanceOf(ConnectError);
    expect(refused({ keyFile: path('client.key') })).toBeInstanceOf(ConnectError);
  });
});

describeNode('EXTERNAL: the certificate is the login', () => {
  const tlsOf = (name: string) => ({ certFile: path(`${name}.pem`), keyFile: path(`${name}.key`) });
  const EXTERNAL = { authMechanism: 'EXTERNAL' } as const;

  it('logs in, be it named in options or in the URL', () => {
    works(tlsOf('robot'), EXTERNAL);
    const files = `cafile=${rabbitmq.ca}&certfile=${path('robot.pem')}&keyfile=${path('robot.key')}`;
    open({ url: `${rabbitmq.amqpsUrl}?${files}&auth_mechanism=external`, name: 'external' });
    const connections = rabbitmq.eval('rabbit_networking:connection_info_all([user, auth_mechanism])');
    expect(connections).toMatch(/\{user,\s*<<"robot">>\},\s*\{auth_mechanism,\s*<<"EXTERNAL">>\}/);
  });

  it('logs in where EXTERNAL is the first of several, and the password is for brokers that do not have it', () => {
    works(tlsOf('robot'), { authMechanism: ['EXTERNAL', 'PLAIN'], username: 'nobody', password: 'hunter2' });
  });

  it('of a name that the broker does not know is refused, and not because of the guest that the URL names', () => {
    const error = refused<AuthenticationError>(tlsOf('stranger'), EXTERNAL);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ replyCode: 403, recoverable: false });
    expect(error.message).toContain('the user of the client certificate was refused: 403');
  });

  it('is not there without TLS: the broker refuses the login', () => {
    const error = refusalOf(() => open({ url: rabbitmq.url, ...EXTERNAL }));
    expect(error).toBeInstanceOf(AuthenticationError);
  });
});
