/** What `connect` makes of its arguments, before it opens a socket. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectOptions, connect } from '../../../src';
import { resolveOptions } from '../../../src/client/options/settings';
import { parseUri } from '../../../src/protocol/uri';

const usualUrl = process.env.AMQP_URL;
beforeEach(() => {
  delete process.env.AMQP_URL;
});
afterAll(() => {
  if (usualUrl !== undefined) process.env.AMQP_URL = usualUrl;
});

const resolved = (url?: string | ConnectOptions, more?: ConnectOptions) => resolveOptions(url, more);
const targets = (url?: string | ConnectOptions, more?: ConnectOptions) => resolved(url, more).session.targets;
/** `host:port` of each target, in order. */
const places = (options: ConnectOptions) => targets(options).map(({ host, port }) => `${host} ${port}`);
const refusal = (options: unknown): Error => {
  try {
    connect(options as ConnectOptions).abort(); // the way in that everybody takes: it must not get further
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was not refused');
};

describe('what is given in no way', () => {
  test('is the broker of this machine, as guest', () => {
    const [target, ...others] = targets();
    expect(others).toEqual([]);
    expect(target).toMatchObject({
      host: 'localhost',
      port: 5672,
      tls: undefined,
      handshake: {
        username: 'guest',
        password: 'guest',
        vhost: '/',
        locale: 'en_US',
        mechanisms: ['PLAIN', 'AMQPLAIN'],
        channelMax: 2047,
        frameMax: 131_072,
        heartbeat: undefined,
      },
    });
    expect(resolved().session).toMatchObject({
      connectionAttempts: 1,
      retryDelay: 2000,
      connectTimeout: 30_000,
      maxBufferedBytes: 64 * 2 ** 20,
      dial: { noDelay: true, keepAlive: 60_000, happyEyeballsDelay: 250, interleave: 1 },
    });
    expect(resolved()).toMatchObject({ callTimeout: 45_000, blockedTimeout: 45_000, interruptible: true });
  });

  test('is what AMQP_URL says, unless a URL is given', () => {
    process.env.AMQP_URL = 'amqps://u:p@h:7/v?heartbeat=3';
    expect(targets()[0]).toMatchObject({ host: 'h', port: 7, handshake: { vhost: 'v', heartbeat: 3 } });
    expect(targets({ heartbeat: 9 })[0]).toMatchObject({ host: 'h', handshake: { heartbeat: 9 } });
    expect(targets('amqp://')[0]).toMatchObject({ host: 'localhost', port: 5672, tls: undefined });
    expect(targets({ urls: ['amqp://other'] })[0]).toMatchObject({
      host: 'other',
      handshake: { vhost: '/' },
    });
  });

  test.each<[ConnectOptions, string[]]>([
    [{ hostname: 'other' }, ['other 5672']],
    [{ hostname: 'other', port: 7 }, ['other 7']],
    [{ hosts: ['other', '[::1]:7'] }, ['other 5672', '::1 7']],
    [{ hosts: [{ hostname: 'other' }] }, ['other 5672']],
  ])('%j is complete in itself: nothing of AMQP_URL goes there', (options, expected) => {
    process.env.AMQP_URL = 'amqps://u:secret@h:9/v?heartbeat=3&name=n&connection_timeout=5';
    expect(places(options)).toEqual(expected);
    for (const first of [undefined, options]) {
      for (const target of targets(first, first === undefined ? options : {})) {
        expect(target).toMatchObject({
          tls: undefined,
          handshake: { username: 'guest', password: 'guest', vhost: '/', heartbeat: undefined },
        });
        expect(target.handshake.clientProperties).not.toHaveProperty('connection_name');
      }
    }
    expect(resolved(options).session.connectTimeout).toBe(30_000);
    process.env.AMQP_URL = 'not even a URL';
    expect(places(options)).toEqual(expected);
  });

  test('what says nothing of where to go adds to AMQP_URL', () => {
    process.env.AMQP_URL = 'amqp://u:p@h:7/v';
    expect(targets({ username: 'a', vhost: 'b', hosts: undefined, hostname: undefined })[0]).toMatchObject({
      host: 'h',
      handshake: { username: 'a', password: 'p', vhost: 'b' },
    });
  });

  test('a malformed AMQP_URL is refused like any other', () => {
    process.env.AMQP_URL = 'http://u:hunter2@h';
    const error = refusal({});
    expect(error.message).toBe('the URL must start with amqp:// or amqps://, not http://');
  });

  test('undefined says nothing, wherever it stands', () => {
    const nothing = {
      url: undefined,
      hosts: undefined,
      port: undefined,
      tls: undefined,
      heartbeat: undefined,
    };
    expect(targets(nothing)).toEqual(targets());
    expect(targets('amqp://h:1', { hostname: undefined, port: undefined })[0]).toMatchObject({
      host: 'h',
      port: 1,
    });
    expect(targets(undefined, { hostname: 'x' })[0]!.host).toBe('x');
  });

  test('is callTimeout, where it is blockedTimeout', () => {
    expect(resolved({ callTimeout: 7 })).toMatchObject({ callTimeout: 7, blockedTimeout: 7 });
    expect(resolved({ callTimeout: 7, blockedTimeout: 0 })).toMatchObject({ blockedTimeout: 0 });
  });
});

describe('URL and options', () => {
  test('options win over the URL, the second argument over the first', () => {
    const url = 'amqp://u:p@h:1/v?heartbeat=1&channel_max=2&frame_max=9000&name=n&connection_timeout=5';
    expect(targets(url)[0]).toMatchObject({
      handshake: { clientProperties: { connection_name: 'n' }, channelMax: 2, frameMax: 9000, heartbeat: 1 },
    });
    const all = { hostname: 'x', port: 2, username: 'a', password: 'b', vhost: 'c' };
    const [target] = targets(url, { ...all, heartbeat: 0, channelMax: 0, frameMax: 8192, name: '' });
    expect(target).toMatchObject({ host: 'x', port: 2 });
    expect(target!.handshake).toMatchObject({
      ...{ username: 'a', password: 'b', vhost: 'c', heartbeat: 0, channelMax: 0, frameMax: 8192 },
      clientProperties: { connection_name: '' },
    });
    expect(resolved(url).session.connectTimeout).toBe(5);
    expect(resolved(url, { connectTimeout: 6 }).session.connectTimeout).toBe(6);
    expect(targets({ url, vhost: 'first' }, { vhost: 'second' })[0]!.handshake.vhost).toBe('second');
  });

  test('the rest of the query', () => {
    const url =
      'amqp://h?auth_mechanism=amqplain&auth_mechanism=external&interleave=2&happy_eyeballs_delay=0.1';
    const { session } = resolved(url);
    expect(session.dial).toMatchObject({ interleave: 2, happyEyeballsDelay: 100 });
    expect(session.targets[0]!.handshake.mechanisms).toEqual(['AMQPLAIN', 'EXTERNAL']);
    expect(targets(url, { authMechanism: 'PLAIN' })[0]!.handshake.mechanisms).toEqual(['PLAIN']);
  });

  test('TLS has a port of its own, however it is turned on', () => {
    expect(targets('amqps://h')[0]).toMatchObject({
      port: 5671,
      tls: { minVersion: 'TLSv1.2', rejectUnauthorized: true },
    });
    expect(targets({ hostname: 'h', tls: true })[0]).toMatchObject({
      port: 5671,
      tls: { rejectUnauthorized: true },
    });
    expect(targets('amqps://h:5672')[0]).toMatchObject({ port: 5672 });
    expect(targets('amqps://h', { tls: { servername: 's' } })[0]).toMatchObject({ tls: { servername: 's' } });
    expect(targets('amqps://h', { tls: false })[0]).toMatchObject({ port: 5672, tls: undefined });
  });

  test('clientProperties are merged over ours, but capabilities are what this client can do', () => {
    const given = { product: 'mine', team: 'x', capabilities: { publisher_confirms: false } };
    for (const clientProperties of [given, new Map(Object.entries(given))] as never[]) {
      const [target] = targets({ clientProperties, name: 'n' });
      expect(target!.handshake.clientProperties).toMatchObject({
        ...{ product: 'mine', team: 'x', connection_name: 'n', version: expect.any(String) },
        capabilities: { publisher_confirms: true, authentication_failure_close: true },
      });
    }
  });
});

describe('several brokers', () => {
  test.each<[string, NonNullable<ConnectOptions['hosts']>, string[]]>([
    ['names and ports', ['a', 'b:1', 'c:65535'], ['a 5672', 'b 1', 'c 65535']],
    [
      'IPv6 with and without brackets',
      ['[::1]:7', '[::1]', '::1', 'fe80::1%eth0'],
      ['::1 7', '::1 5672', '::1 5672', 'fe80::1%eth0 5672'],
    ],
    ['IPv4', ['127.0.0.1', '127.0.0.1:7'], ['127.0.0.1 5672', '127.0.0.1 7']],
    ['an IPv4 address inside of an IPv6 one', ['::ffff:127.0.0.1'], ['::ffff:127.0.0.1 5672']],
    [
      'objects',
      [{ hostname: 'a' }, { hostname: '::1', port: 9 }, { hostname: 'b', port: undefined }],
      ['a 5672', '::1 9', 'b 5672'],
    ],
  ])('are found in hosts: %s', (_what, hosts, expected) => {
    expect(places({ hosts })).toEqual(expected);
  });

  test('hosts take the rest from the URL, its port too, and options', () => {
    const options = { url: 'amqps://u:p@ignored:99/v', hosts: ['a', 'b:1'], heartbeat: 3 };
    expect(places(options)).toEqual(['a 99', 'b 1']);
    for (const target of targets(options))
      expect(target).toMatchObject({ tls: {}, handshake: { username: 'u', vhost: 'v', heartbeat: 3 } });
    expect(places({ hosts: ['a', 'b:1'], port: 7 })).toEqual(['a 7', 'b 1']);
  });

  test('urls may differ in everything; who says the same shares one object, so that a no counts for all', () => {
    const urls = ['amqp://u:p@a/v', 'amqps://u:p@b/v', 'amqp://u:q@c/v', 'amqp://u:p@d/w', 'amqp://u:p@e/v'];
    expect(places({ urls })).toEqual(['a 5672', 'b 5671', 'c 5672', 'd 5672', 'e 5672']);
    const [a, b, c, d, e] = targets({ urls }).map(({ handshake }) => handshake);
    expect(b).toBe(a);
    expect(e).toBe(a);
    expect(new Set([a, c, d]).size).toBe(3);
    const [x, y] = targets({ hosts: ['x', 'y'] });
    expect(y!.handshake).toBe(x!.handshake);
  });

  test('shuffle: every order comes, and nobody is lost', () => {
    const orders = new Set(
      Array.from({ length: 300 }, () => places({ hosts: ['a', 'b', 'c'], shuffle: true }).join()),
    );
    expect(orders.size).toBe(6);
    const urls = ['amqp://a', 'amqp://b'];
    expect(new Set(Array.from({ length: 100 }, () => places({ urls, shuffle: true }).join())).size).toBe(2);
    expect(places({ hosts: ['a', 'b', 'c'], shuffle: false })).toEqual(['a 5672', 'b 5672', 'c 5672']);
  });

  test.each<[object, string]>([
    [{ urls: ['amqp://a'], url: 'amqp://b' }, 'urls and url cannot be given together'],
    [{ urls: ['amqp://a'], hosts: ['b'] }, 'urls and hosts cannot be given together'],
    [{ urls: ['amqp://a'], hostname: 'b' }, 'urls and hostname cannot be given together'],
    [{ hosts: ['a'], hostname: 'b' }, 'hosts and hostname cannot be given together'],
    [{ hosts: [] }, 'hosts must not be empty'],
    [{ urls: [] }, 'urls must not be empty'],
    [{ hosts: 'a' }, 'hosts must be an array, got a string'],
    [{ urls: 'amqp://a' }, 'urls must be an array, got a string'],
    [{ hosts: [7] }, 'hosts must be a string, got a number'],
    [{ hosts: [null] }, 'hosts must be a string, got null'],
    [{ hosts: [{}] }, 'hosts: hostname must be a string, got undefined'],
    [{ hosts: [{ hostname: 'a', prot: 7 }] }, 'hosts: unknown option "prot"; did you mean "port"?'],
    [{ hosts: [''] }, 'hosts: "" is neither a host nor host:port'],
    [{ hosts: ['a:'] }, 'hosts: "a:" is neither a host nor host:port'],
    [{ hosts: ['a:b'] }, 'hosts: "a:b" is neither a host nor host:port'],
    [{ hosts: ['a:0'] }, 'port must be a whole number from 1 to 65535, got 0'],
    [{ hosts: ['a:65536'] }, 'port must be a whole number from 1 to 65535, got 65536'],
    [{ hosts: ['[::1'] }, 'hosts: "[::1" is neither a host nor host:port'],
    [{ hosts: ['amqp://u:hunter2@h'] }, 'a URL belongs in urls'],
    [{ hosts: ['u:hunter2@h'] }, 'a URL belongs in urls'],
    [{ urls: [7] }, 'urls must be a string, got a number'],
    [{ urls: ['a'] }, 'the URL must start with amqp:// or amqps://'],
    [{ url: 7 }, 'url must be a string, got a number'],
    [{ hostname: 7 }, 'hostname must be a string, got a number'],
    [{ hostname: '' }, 'hostname must not be empty'],
    [{ hosts: [{ hostname: '' }] }, 'hosts: hostname must not be empty'],
    [{ shuffle: 'yes' }, 'shuffle must be true or false, got a string'],
  ])('%j is refused', (options, text) => {
    const error = refusal(options);
    expect(error.message).toContain(text);
    expect(error.message).not.toContain('hunter2');
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
  });
});

describe('figures', () => {
  const most = 0x7fff_ffff;

  test('Infinity, and what no timer of Node takes, is as long as there is', () => {
    const forever = Number.POSITIVE_INFINITY;
    const options = { connectTimeout: forever, retryDelay: forever, happyEyeballsDelay: forever };
    expect(resolved(options).session).toMatchObject({
      ...{ connectTimeout: most, retryDelay: most },
      dial: { happyEyeballsDelay: forever },
    });
    expect(resolved({ connectTimeout: 2 ** 40 }).session.connectTimeout).toBe(most);
    expect(resolved({ callTimeout: forever, stallTimeout: forever })).toMatchObject({ callTimeout: forever });
  });

  test('a frame is never without limit here, and the ring has room for several', () => {
    expect(targets({ frameMax: 0 })[0]!.handshake.frameMax).toBe(2 ** 20);
    expect(resolved({ frameMax: 2 ** 20 }).ringCapacity).toBeGreaterThanOrEqual(4 * 2 ** 20);
    const urls = ['amqp://a?frame_max=8192', 'amqp://b?frame_max=1000000'];
    expect(resolved({ urls }).ringCapacity).toBeGreaterThanOrEqual(4_000_000);
  });

  test.each<[object, string]>([
    [{ connectionAttempts: 0 }, 'connectionAttempts must be a whole number from 1 to'],
    [{ connectionAttempts: 1.5 }, 'connectionAttempts must be'],
    [{ connectionAttempts: Number.POSITIVE_INFINITY }, 'connectionAttempts must be'],
    [{ retryDelay: -1 }, 'retryDelay must be 0 or more milliseconds, got -1'],
    [{ retryDelay: '1' }, 'retryDelay must be a number of milliseconds, got a string'],
    [{ happyEyeballsDelay: Number.NaN }, 'happyEyeballsDelay must be 0 or more milliseconds, got NaN'],
    [{ interleave: -1 }, 'interleave must be a whole number from 0 to 65535, got -1'],
    [{ keepAlive: Number.POSITIVE_INFINITY }, 'keepAlive must be a whole number from 0 to'],
    [{ blockedTimeout: -1 }, 'blockedTimeout must be 0 or more milliseconds, got -1'],
    [{ requeuePause: '1 s' }, 'requeuePause must be a number of milliseconds, got a string'],
    [{ maxMessageSize: -1 }, 'maxMessageSize must be'],
    [{ maxBufferedBytes: 1.5 }, 'maxBufferedBytes must be'],
    [{ noDelay: 0 }, 'noDelay must be true or false, got a number'],
    [{ url: 'amqp://h?frame_max=4096' }, 'frameMax must be at least 8192, got 4096: RabbitMQ 4.1'],
    [{ url: 'amqp://h?channel_max=65536' }, 'channelMax must be a whole number from 0 to 65535, got 65536'],
    [{ url: 'amqp://h?heartbeat=65536' }, 'heartbeat must be a whole number from 0 to 65535, got 65536'],
    [{ clientProperties: { big: 'x'.repeat(70_000) } }, 'clientProperties does not fit in 65536 bytes'],
    [{ clientProperties: 7 }, 'clientProperties must be'],
    [{ name: 7 }, 'name must be a string, got a number'],
    [{ password: 7 }, 'password must be a string, got a number'],
    [{ locale: 'l'.repeat(256) }, 'locale is 256 bytes long'],
  ])('%j is refused', (options, text) => {
    const error = refusal(options);
    expect(error.message).toContain(text);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
  });

  test.each<[unknown, string]>([
    [7, 'connect: the first argument must be a URL or an options object, got a number'],
    [null, 'connect: the first argument must be a URL or an options object, got null'],
    [[], 'connect: options must be an object, got an array'],
    [new URL('amqp://u:hunter2@h'), 'connect: the URL must be a string, got a URL object; give its href'],
  ])('%p is no way to call it', (first, text) => {
    expect(refusal(first).message).toBe(text);
  });
});

describe('TLS', () => {
  let folder: string;
  const file = (name: string) => join(folder, name);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'amqp-sync-options-'));
    for (const name of ['a.pem', 'b.crt', 'c.CER', 'notes.txt', 'k&verify=verify_none'])
      writeFileSync(file(name), `of ${name}`);
    mkdirSync(file('empty'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('files are read, and are beside what is given as it is', () => {
    const tls = {
      ca: 'mine',
      caFile: file('a.pem'),
      certFile: file('a.pem'),
      keyFile: file('b.crt'),
      pfxFile: file('c.CER'),
    };
    const [target] = targets({ tls });
    expect(target!.tls).toMatchObject({
      ...{ ca: ['mine', Buffer.from('of a.pem')], cert: Buffer.from('of a.pem') },
      ...{ key: Buffer.from('of b.crt'), pfx: Buffer.from('of c.CER'), minVersion: 'TLSv1.2' },
    });
    expect(target!.tls).not.toHaveProperty('caFile');
  });

  test('caPath takes what is named like a certificate', () => {
    const [target] = targets({ tls: { caPath: folder } });
    expect((target!.tls!.ca as Buffer[]).map(String).sort()).toEqual(['of a.pem', 'of b.crt', 'of c.CER']);
  });

  test('caPath takes a folder as OpenSSL has it, each certificate once', () => {
    const hashed = file('hashed');
    mkdirSync(hashed);
    for (const name of ['0a1b2c3d.0', '0a1b2c3d.1', '0a1b2c3d.r0', '0a1b2c3.0', 'plain.crt'])
      writeFileSync(join(hashed, name), `of ${name}`);
    symlinkSync('plain.crt', join(hashed, 'ffffffff.0'));
    const [target] = targets({ tls: { caPath: hashed } });
    expect((target!.tls!.ca as Buffer[]).map(String).sort()).toEqual([
      ...['of 0a1b2c3d.0', 'of 0a1b2c3d.1', 'of plain.crt'],
    ]);
  });

  test('a URL gives files too, and a path in it cannot say anything else; options win', () => {
    const query = `certfile=${file('a.pem')}&keyfile=${encodeURIComponent(file('k&verify=verify_none'))}&password=s`;
    const [target] = targets(`amqps://h?${query}&server_name_indication=n`);
    expect(target!.tls).toMatchObject({
      ...{
        key: Buffer.from('of k&verify=verify_none'),
        passphrase: 's',
        servername: 'n',
        rejectUnauthorized: true,
      },
    });
    const [other] = targets(`amqps://h?${query}`, { tls: { passphrase: 't', key: 'k' } });
    expect(other!.tls).toMatchObject({ passphrase: 't', key: 'k', cert: Buffer.from('of a.pem') });
  });

  test.each<[object, string]>([
    [{ tls: 1 }, 'tls must be true, false or an options object, got a number'],
    [{ tls: { caFil: 'x' } }, 'tls: unknown option "caFil"; did you mean "caFile"?'],
    [{ tls: { rejectUnauthorised: false } }, 'did you mean "rejectUnauthorized"?'],
    [{ tls: { rejectUnauthorized: 0 } }, 'tls.rejectUnauthorized must be true or false, got a number'],
    [{ tls: { minVersion: 'TLSv1.1' } }, `tls.minVersion must be 'TLSv1.2' or 'TLSv1.3', got "TLSv1.1"`],
    [{ tls: { maxVersion: 'TLSv1' } }, `tls.maxVersion must be 'TLSv1.2' or 'TLSv1.3', got "TLSv1"`],
    [{ tls: { ca: 7 } }, 'tls.ca must be a string or bytes, or an array of them, got a number'],
    [{ tls: { cert: ['x', 7] } }, 'tls.cert must be a string or bytes, or an array of them, got a number'],
    [{ tls: { key: {} } }, 'tls.key must be a string or bytes'],
    [{ tls: { pfx: true } }, 'tls.pfx must be a string or bytes'],
    [{ tls: { passphrase: 7 } }, 'tls.passphrase must be a string, got a number'],
    [{ tls: { caFile: 7 } }, 'tls.caFile must be a string, got a number'],
    [{ tls: { caFile: '/no/such/ca.pem' } }, 'caFile "/no/such/ca.pem" cannot be read: ENOENT'],
    [{ tls: { keyFile: '/' } }, 'keyFile "/" cannot be read: EISDIR'],
    [{ tls: { caPath: '/no/such/folder' } }, 'caPath "/no/such/folder" cannot be read: ENOENT'],
    [{ url: 'amqps://h?cafile=/no/such/ca.pem' }, 'caFile "/no/such/ca.pem" cannot be read: ENOENT'],
    [{ url: 'amqp://h?cafile=/ca.pem' }, 'it begins with amqp://; use amqps://'],
    [{ url: 'amqp://h?verify=verify_none' }, 'it begins with amqp://; use amqps://'],
  ])('%j is refused', (options, text) => {
    const error = refusal(options);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(text);
  });

  test('is refused with a caPath in which there are no certificates', () => {
    expect(refusal({ tls: { caPath: file('empty') } }).message).toMatch(
      /has no \.pem, \.crt, \.cer or <hash>\.0 file$/,
    );
  });
});

describe('more of the URL', () => {
  test.each([
    [
      'amqps://h?verify=verify_none&no_verify_ssl=0',
      'no_verify_ssl says something that has been said before',
    ],
    ['amqps://h?cafile=/a&cacertfile=/b', 'cacertfile says something that has been said before'],
    ['amqp://h?heartbeat=1&heartbeat=1', 'heartbeat says something that has been said before'],
    ['amqps://h?cadata=bm9uZQ%3D%3D', 'cadata must be certificates in PEM, percent-encoded or in base64'],
    ['amqp://h?happy_eyeballs_delay=-1', 'happy_eyeballs_delay must be a number of seconds, got "-1"'],
    ['amqp://h?reconnect_interval=1s', 'reconnect_interval must be a number of seconds, got "1s"'],
    ['amqp://h?interleave=1.5', 'interleave must be a whole number, got "1.5"'],
    ['amqp://h?connection_timeout=1e4', 'connection_timeout must be a whole number, got "1e4"'],
    ['amqp://h?fail_fast=2', 'fail_fast must be 1 or 0, got "2"'],
    ['amqp://h?auth_mechanism=plan', 'got "PLAN"; did you mean '],
    ['amqp://h?auth_mechanism=', 'authMechanism must be one of'],
  ])('is refused where it is wrong: %s', (url, text) => {
    expect(refusal({ url }).message).toContain(text);
  });

  test.each([
    ['on', true],
    ['Y', true],
    ['enabled', true],
    ['off', false],
    ['disable', false],
  ])('may say fail_fast=%s, which is %s', (text, value) => {
    expect(parseUri(`amqp://h?fail_fast=${text}`).options).toEqual({ failFast: value });
  });
});
