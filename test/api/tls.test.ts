/** TLS with a real RabbitMQ of this file's own: whom the client trusts, and what it says when it does not. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConnectError, type ConnectOptions, type ProtocolError } from '../../src';
import { describeNode } from '../support/brokers/on-rabbitmq';
import { makeCertificates, type PrivateRabbitmq, startRabbitmq } from '../support/brokers/rabbitmq';
import { build } from '../support/built';
import { CEILING, duration, open, pause, privateQueue, warmUp } from '../support/connect';
import { startProxy } from '../support/peers/proxy';
import { TlsPeer } from '../support/peers/tls-peer';
import { expectNoSecret, refusalOf } from '../support/secrets';
import { within } from '../support/within';

const SECRET = 'pa55/wörd-%&"';

let rabbitmq: PrivateRabbitmq;
/** PEM of the authority. */
let ca: string;
/** A server whose certificate is for rabbit.example only. */
let elsewhere: TlsPeer;
const peers: TlsPeer[] = [];

beforeAll(async () => {
  rabbitmq = await startRabbitmq({ tls: true, settings: [`{max_message_size, ${32 * 2 ** 20}}`] }); // 4.3 takes half of that
  ca = readFileSync(rabbitmq.ca!, 'utf8');
  elsewhere = await peer(certificateFor('rabbit.example'));
}, 300_000);
afterAll(async () => {
  for (const each of peers) await each.stop();
  await rabbitmq?.stop();
});

async function peer(options: Parameters<typeof TlsPeer.start>[0]): Promise<TlsPeer> {
  const started = await TlsPeer.start(options);
  peers.push(started);
  return started;
}

/** Certificate and key for a name, from the node's authority. */
function certificateFor(name: string, ...more: string[]): { cert: string; key: string } {
  const options = { cwd: rabbitmq.certs!, stdio: 'pipe' } as const;
  const openssl = (...args: string[]) => execFileSync('openssl', args, options);
  writeFileSync(join(rabbitmq.certs!, 'alt'), `subjectAltName = DNS:${name}\n`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'other.key'];
  openssl('req', ...key, '-subj', `/CN=${name}`, '-out', 'other.csr');
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'alt'];
  openssl('x509', '-req', '-days', '1', '-in', 'other.csr', ...authority, ...more, '-out', 'other.pem');
  const read = (file: string) => readFileSync(join(rabbitmq.certs!, file), 'utf8');
  return { cert: read('other.pem'), key: read('other.key') };
}

const url = (query = '', host = 'localhost') => {
  const to = new URL(rabbitmq.amqpsUrl!);
  return `amqps://guest:guest@${host}:${to.port}/%2f${query}`;
};
const tlsPort = () => Number(new URL(rabbitmq.amqpsUrl!).port);
const works = (options: ConnectOptions) => {
  const connection = open(options);
  expect(privateQueue(connection.channel())).toMatch(/^amq\.gen/);
  return connection;
};

describeNode('the broker’s certificate is verified, unless that is turned off', () => {
  it('an authority that nobody knows: refused, with what to do, before anything is sent', async () => {
    const error = refusalOf<ConnectError>(() => open({ url: url(), password: SECRET }));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toMatch(
      /\(at tls\): .*nobody who is trusted here; give its authority as tls\.ca \(URL: cafile\)/,
    );
    expect(error.attempts).toMatchObject([{ host: 'localhost', port: tlsPort(), stage: 'tls' }]);
    expectNoSecret(error, SECRET);

    const own = await peer(certificateFor('localhost'));
    expect(
      refusalOf(() => open({ url: `amqps://u:${encodeURIComponent(SECRET)}@localhost:${own.port}` })),
    ).toBeInstanceOf(ConnectError);
    expect(own.client().bytes).toBe(0);
  });

  it.each<[string, () => ConnectOptions]>([
    ['caFile', () => ({ url: url(), tls: { caFile: rabbitmq.ca } })],
    ['ca as text', () => ({ url: url(), tls: { ca } })],
    ['ca as bytes', () => ({ url: url(), tls: { ca: readFileSync(rabbitmq.ca!) } })],
    ['ca as one of several', () => ({ url: url(), tls: { ca: [otherCa(), ca] } })],
    ['caPath', () => ({ url: url(), tls: { caPath: folderWith(rabbitmq.ca!) } })],
    ['the URL’s cafile', () => ({ url: url(`?cafile=${encodeURIComponent(rabbitmq.ca!)}`) })],
    ['the URL’s cacertfile', () => ({ url: url(`?cacertfile=${rabbitmq.ca}`) })],
    ['the URL’s capath', () => ({ url: url(`?capath=${folderWith(rabbitmq.ca!)}`) })],
    ['the URL’s cadata', () => ({ url: url(`?cadata=${encodeURIComponent(ca)}`) })],
    [
      'the URL’s cadata in base64',
      () => ({ url: url(`?cadata=${encodeURIComponent(Buffer.from(ca).toString('base64'))}`) }),
    ],
    ['the address, which the certificate names', () => ({ url: url('', '127.0.0.1'), tls: { ca } })],
    ['hosts', () => ({ url: 'amqp://', hosts: [{ hostname: 'localhost', port: tlsPort() }], tls: { ca } })],
    [
      'a servername of the certificate',
      () => ({ url: url('?server_name_indication=localhost', '127.0.0.1'), tls: { ca } }),
    ],
  ])('and is accepted with %s', (_what, options) => {
    works(options());
  });

  /** An authority that has nothing to do with the node. */
  const otherCa = () => {
    const folder = join(rabbitmq.dir, 'others');
    makeCertificates(folder);
    return readFileSync(join(folder, 'ca.pem'), 'utf8');
  };
  const folderWith = (file: string) => {
    const folder = join(rabbitmq.dir, 'trusted');
    mkdirSync(folder, { recursive: true });
    copyFileSync(file, join(folder, 'authority.crt'));
    writeFileSync(join(folder, 'readme.txt'), 'no certificate');
    return folder;
  };

  it('and is refused with another authority, given instead', () => {
    const error = refusalOf(() => open({ url: url(), tls: { ca: otherCa() } }));
    expect(error.message).toContain('nobody who is trusted here');
  });

  it('rejectUnauthorized: false, and verify_none, take any certificate', () => {
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    works({ url: url(), tls: { rejectUnauthorized: false } });
    works({ url: url('?verify=verify_none') });
    works({ url: url('?no_verify_ssl=1') });
    warning.mockRestore();
  });

  it('which is warned of once in a process', () => {
    const script = `
      const { connect } = require(${JSON.stringify(join(build(), 'src'))});
      connect(${JSON.stringify(url('?verify=verify_none'))}).close();
      connect(${JSON.stringify(url())}, { tls: { rejectUnauthorized: false } }).close();`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', script], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    expect(status).toBe(0);
    expect(stderr.match(/AMQP_SYNC_UNVERIFIED_TLS/g)).toHaveLength(1);
    expect(stderr).toContain('SecurityWarning: TLS certificates are not verified');
    expect(stderr).not.toContain('guest');
  });
});

describeNode('the name', () => {
  const to = () => `amqps://guest:${encodeURIComponent(SECRET)}@127.0.0.1:${elsewhere.port}`;

  it('is not that of the certificate: refused before anything is sent', () => {
    const error = refusalOf<ConnectError>(() => open({ url: to(), tls: { ca } }));
    expect(error.message).toContain('the certificate is for another name; connect by a name that is in it');
    expect(error.attempts[0]).toMatchObject({ stage: 'tls' });
    expectNoSecret(error, SECRET);
    // an address is no name to ask for
    expect(elsewhere.client()).toMatchObject({ bytes: 0, sni: undefined });
    expect(
      refusalOf(() => works({ url: url(), tls: { ca, servername: 'other.example' } })).message,
    ).toContain('another name');
  });

  it('is replaced by servername, in what is asked for and in what is checked', () => {
    warmUp();
    const error = refusalOf(() =>
      open({ url: to(), tls: { ca, servername: 'rabbit.example' }, connectTimeout: 2000 }),
    );
    expect(error.message).toContain('waiting for connection.start'); // that server speaks no AMQP
    expect(elsewhere.client()).toEqual({ bytes: 8, sni: 'rabbit.example' });
  });

  it('is asked for if the host is a name', () => {
    const options = { hostname: 'localhost', port: elsewhere.port, tls: { ca } };
    const error = refusalOf(() => open(options));
    expect(error.message).toContain('another name');
    expect(error.message).toContain('rabbit.example');
    expect(elsewhere.client()).toMatchObject({ bytes: 0, sni: 'localhost' });
  });

  it('does not matter where the certificate has expired: that is said', async () => {
    const expired = await peer(certificateFor('localhost', '-days', '-1'));
    const error = refusalOf(() => open({ url: `amqps://localhost:${expired.port}`, tls: { ca } }));
    expect(error.message).toContain("the broker's certificate has expired");
    expect(expired.client().bytes).toBe(0);
  });
});

describeNode('versions', () => {
  it('TLS 1.3, or what the broker has; stats tells which', () => {
    expect(works({ url: url(), tls: { ca } }).stats().tls).toMatch(/^TLSv1\.[23] \S+$/);
    expect(works({ url: url(), tls: { ca, maxVersion: 'TLSv1.2' } }).stats().tls).toMatch(
      /^TLSv1\.2 ECDHE-\S+$/,
    );
    expect(works({ url: rabbitmq.url }).stats().tls).toBe('');
    const ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384';
    expect(works({ url: url(), tls: { ca, maxVersion: 'TLSv1.2', ciphers } }).stats().tls).toBe(
      `TLSv1.2 ${ciphers}`,
    );
  });

  it('a server that has only TLS 1.1 is refused, even if nothing is verified', async () => {
    const ciphers = 'DEFAULT@SECLEVEL=0';
    const old = await peer({
      ...certificateFor('localhost'),
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers,
    });
    for (const tls of [{ ca }, { ca, ciphers }]) {
      const error = refusalOf<ConnectError>(() => open({ url: `amqps://localhost:${old.port}`, tls }));
      expect(error.message).toContain(
        'both ends have no TLS version in common; TLS 1.2 is the least that is accepted',
      );
      expect(old.client()).toMatchObject({ bytes: 0, error: expect.any(String) });
    }
  });

  it('ciphers that there are not are an error in words', () => {
    const error = refusalOf(() => open({ url: url(), tls: { ca, ciphers: 'NONE-OF-THIS-NAME' } }));
    expect(error).toMatchObject({ name: 'ConnectError', code: 'TLS_OPTIONS', recoverable: false });
    expect(error.message).toContain('the TLS options cannot be used');
  });
});

describeNode('the wrong port', () => {
  it('amqp:// to the port for TLS', () => {
    const plain = `amqp://guest:${encodeURIComponent(SECRET)}@localhost:${tlsPort()}`;
    let error!: ConnectError | ProtocolError;
    expect(duration(() => (error = refusalOf(() => open({ url: plain }))))).toBeLessThan(within(2000));
    expect(error.message).toMatch(/it speaks TLS; use amqps:\/\/ or the option tls/);
    expectNoSecret(error, SECRET);
  });

  it('amqps:// to the plain port', () => {
    const secure = rabbitmq.url
      .replace('amqp:', 'amqps:')
      .replace('guest:guest', `guest:${encodeURIComponent(SECRET)}`);
    let error!: ConnectError;
    expect(duration(() => (error = refusalOf(() => open({ url: secure, tls: { ca } }))))).toBeLessThan(
      within(2000),
    );
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.message).toContain('the other end does not speak TLS; use amqp://');
    expect(error.attempts[0]).toMatchObject({ stage: 'tls' });
    expectNoSecret(error, SECRET);
  });
});

describeNode('TLS that is cut or stalls', () => {
  const through = (port: number) => ({ url: `amqps://guest:guest@localhost:${port}/%2f`, tls: { ca } });

  // into the handshake of TLS, and into that of AMQP
  it.each([0, 1, 7, 300, 1500])('after %d bytes from the broker: an error at once', (after) => {
    using proxy = startProxy({ host: '127.0.0.1', port: tlsPort() });
    for (const reset of [false, true]) {
      proxy.cut({ after, direction: 'broker->client', reset });
      let error!: ConnectError;
      const took = duration(() => (error = refusalOf(() => open(through(proxy.port)))));
      expect(error.attempts[0]!.stage).toMatch(/^(tcp|tls|connection\.\S+)$/);
      expect(took).toBeLessThan(within(2000));
    }
  });

  it.each([0, 7, 300, 1500])('that goes silent after %d bytes: connectTimeout', (after) => {
    using proxy = startProxy({ host: '127.0.0.1', port: tlsPort() });
    proxy.stall({ after, direction: 'broker->client', mode: 'drop' });
    let error!: ConnectError;
    warmUp();
    const took = duration(
      () => (error = refusalOf(() => open({ ...through(proxy.port), connectTimeout: 2000 }))),
    );
    expect(error.message).toContain('no answer within connectTimeout (2000 ms)');
    expect(error.attempts[0]!.stage).toMatch(/^(tls|connection\.\S+)$/);
    expect(took).toBeGreaterThanOrEqual(1990);
    expect(took).toBeLessThan(within(3000));
  });

  it('a server that accepts, and says nothing', async () => {
    const mute = await peer({});
    warmUp();
    const error = refusalOf<ConnectError>(() => open({ ...through(mute.port), connectTimeout: 2000 }));
    expect(error.attempts).toMatchObject([
      { stage: 'tls', reason: 'no answer within connectTimeout (2000 ms)' },
    ]);
    expect(mute.client().bytes).toBeGreaterThan(100); // a client hello, no more
  });

  it('an open connection that is cut is lost like any other', () => {
    using proxy = startProxy({ host: '127.0.0.1', port: tlsPort() });
    const connection = works(through(proxy.port));
    const channel = connection.channel();
    proxy.cut({ reset: true });
    expect(() => channel.queueDeclare('', { exclusive: true })).toThrow(/was lost/);
    expect(connection.lastError).toMatchObject({ code: 'CONNECTION_LOST' });
  });
});

describeNode('bodies over TLS', () => {
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

  it.each([[0], [1], [16_384], [131_072], [20 * 2 ** 20]])('%d bytes go and come back the same', (size) => {
    const connection = open({ url: url(), tls: { ca } });
    const channel = connection.channel();
    channel.confirmSelect();
    const queue = privateQueue(channel);
    const body = randomBytes(size);
    channel.basicPublish(body, { routingKey: queue });
    const message = channel.basicGet(queue, { noAck: true })!;
    expect(message.body.length).toBe(size);
    expect(hash(message.body)).toBe(hash(body));
  });

  it('many small ones, in order, consumed while they are published', () => {
    const connection = open({ url: url(), tls: { ca } });
    const channel = connection.channel();
    const queue = privateQueue(channel);
    const seen: string[] = [];
    channel.basicConsume(queue, (message) => void seen.push(message.text), { noAck: true });
    for (let i = 0; i < 2000; i++) channel.basicPublish(String(i), { routingKey: queue });
    while (seen.length < 2000) connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual(Array.from({ length: 2000 }, (_, i) => String(i)));
  });

  it('more than there is room for, while nobody reads: it stops coming, and comes when it is wanted', () => {
    const MIB = 2 ** 20;
    const connection = open({ url: url(), tls: { ca }, maxBufferedBytes: 4 * MIB });
    const channel = connection.channel();
    const queue = privateQueue(channel);
    for (let i = 0; i < 40; i++) channel.basicPublish(Buffer.alloc(MIB, i), { routingKey: queue });
    const seen: number[] = [];
    channel.basicQos({ prefetchCount: 40 });
    channel.basicConsume(queue, (message) => {
      seen.push(message.body[MIB - 1]!);
      message.ack();
    });
    pause(1000);
    expect(connection.stats().bytesIn).toBeLessThan(30 * MIB);
    while (seen.length < 40) connection.drainEvents({ timeout: CEILING });
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });
});
