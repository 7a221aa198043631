import { type ParsedUri, parseUri } from '../../src/protocol/uri';
import { thrown } from './bytes';

/** Parts of a URI beyond "no TLS, no options". */
const plain = (parsed: Partial<ParsedUri>): ParsedUri => ({ tls: false, options: {}, ...parsed });
const message = (uri: string) => (thrown(() => parseUri(uri)) as Error).message;

describe('the parts of a URI', () => {
  test.each<[string, ParsedUri]>([
    ['amqp://', plain({})],
    ['amqp://h', plain({ hostname: 'h' })],
    ['amqp://h:1234', plain({ hostname: 'h', port: 1234 })],
    ['amqp://h:5672', plain({ hostname: 'h', port: 5672 })],
    ['amqp://h:65535', plain({ hostname: 'h', port: 65535 })],
    ['amqps://h', plain({ tls: true, hostname: 'h' })],
    ['AMQPS://h', plain({ tls: true, hostname: 'h' })],
    ['amqp://u@h', plain({ hostname: 'h', username: 'u' })],
    ['amqp://u:@h', plain({ hostname: 'h', username: 'u', password: '' })],
    ['amqp://us%3Aer:@h:1/v', plain({ hostname: 'h', port: 1, username: 'us:er', password: '', vhost: 'v' })],
    ['amqp://:@h', plain({ hostname: 'h' })],
    ['amqp://@h', plain({ hostname: 'h' })],
    ['amqp://u@h/v:@', plain({ hostname: 'h', username: 'u', vhost: 'v:@' })],
    ['amqp://:p@h', plain({ hostname: 'h', password: 'p' })],
    ['amqp://u:p@h', plain({ hostname: 'h', username: 'u', password: 'p' })],
    ['amqp://u:p@h:1/v', plain({ hostname: 'h', port: 1, username: 'u', password: 'p', vhost: 'v' })],
    ['amqp://rabbit.example.org', plain({ hostname: 'rabbit.example.org' })],
    ['amqp://10.0.0.1:99/', plain({ hostname: '10.0.0.1', port: 99 })],
  ])('are read: %s', (uri, parsed) => {
    expect(parseUri(uri)).toStrictEqual(parsed);
  });

  test.each([
    ['amqp://[::1]', '::1', undefined],
    ['amqp://[::1]:5673/v', '::1', 5673],
    ['amqps://u:p@[2001:db8::7]:5671', '2001:db8::7', 5671],
  ])('IPv6 addresses lose their brackets: %s', (uri, hostname, port) => {
    const parsed = parseUri(uri);
    expect([parsed.hostname, parsed.port]).toEqual([hostname, port]);
  });

  test.each([
    ['amqp://[fe80::1%25eth0]', 'fe80::1%eth0', undefined],
    ['amqps://u:p%25@[FE80::1%25en-1.2%7E]:5673/v?heartbeat=1', 'fe80::1%en-1.2~', 5673],
    ['amqp://u:[::1%25x]@[fe80::1%253]:1', 'fe80::1%3', 1],
  ])('an IPv6 address may have a zone: %s', (uri, hostname, port) => {
    const parsed = parseUri(uri);
    expect([parsed.hostname, parsed.port]).toEqual([hostname, port]);
  });

  test.each(['amqp://[fe80::1%eth0]', 'amqp://u:hunter2@[fe80::1%]:1', 'amqp://[fe80::1%25]'])(
    '%s: how a zone is written',
    (uri) => {
      expect(message(uri)).toBe(
        'the zone of an IPv6 address in the URL is written with %25, as in [fe80::1%25eth0]',
      );
    },
  );
});

describe('percent-encoding', () => {
  test('of user name and password', () => {
    const parsed = parseUri('amqp://us%40er%3A:p%40%3A%2F%3F%23%25%C3%A9@h');
    expect([parsed.username, parsed.password]).toEqual(['us@er:', 'p@:/?#%é']);
  });

  test('a plus sign is a plus sign', () => {
    const parsed = parseUri('amqp://a+b:c+d@h/e+f');
    expect([parsed.username, parsed.password, parsed.vhost]).toEqual(['a+b', 'c+d', 'e+f']);
  });

  test('characters that need no encoding for us', () => {
    const parsed = parseUri('amqp://jürgen:größe €@h/wörld');
    expect([parsed.username, parsed.password, parsed.vhost]).toEqual(['jürgen', 'größe €', 'wörld']);
  });

  test('an @ in the password is unambiguous: the last one counts', () => {
    const parsed = parseUri('amqp://u:p@ss@h');
    expect([parsed.username, parsed.password, parsed.hostname]).toEqual(['u', 'p@ss', 'h']);
  });

  test.each([
    ['amqp://u:100%@h', 'password'],
    ['amqp://u%zz:p@h', 'user name'],
    ['amqp://h/%e9', 'vhost'],
    ['amqp://h/a%', 'vhost'],
  ])('%s is malformed in the %s', (uri, part) => {
    expect(message(uri)).toContain(`the ${part} in the URL has a "%"`);
  });
});

describe('the vhost', () => {
  test.each([
    ['amqp://h', undefined], // undefined: the default, "/"
    ['amqp://h/', undefined],
    ['amqp://h//', undefined],
    ['amqp://h/?name=x', undefined],
    ['amqp://h/%2f', '/'],
    ['amqp://h/%2F', '/'],
    ['amqp://h/v', 'v'],
    ['amqp://h/%2Fv', '/v'],
    ['amqp://h/a%2Fb', 'a/b'],
    ['amqp://h/a%20b%3f', 'a b?'],
    ['amqp://h/%252f', '%2f'],
    ['amqp://h/V?heartbeat=1', 'V'],
  ])('of %s is %s', (uri, vhost) => {
    expect(parseUri(uri).vhost).toBe(vhost);
  });

  test.each(['amqp://h/a/b', 'amqp://h/a/', 'amqp://h//a'])('%s has too many segments', (uri) => {
    expect(message(uri)).toBe(
      'the URL has more than one path segment; write %2F for a "/" in the vhost name',
    );
  });
});

describe('query parameters', () => {
  test.each([
    ['name=my%20app%26co', { name: 'my app&co' }],
    ['heartbeat=0', { heartbeat: 0 }],
    ['heartbeat=30&channel_max=100&frame_max=8192', { heartbeat: 30, channelMax: 100, frameMax: 8192 }],
    ['connection_timeout=5000', { connectTimeout: 5000 }],
    ['locale=de_DE', { locale: 'de_DE' }],
    ['auth_mechanism=external', { authMechanism: ['EXTERNAL'] }],
    ['auth_mechanism=plain&auth_mechanism=amqplain', { authMechanism: ['PLAIN', 'AMQPLAIN'] }],
    ['interleave=2&happy_eyeballs_delay=0.25', { interleave: 2, happyEyeballsDelay: 250 }],
    ['reconnect_interval=1.5&fail_fast=no', { reconnectInterval: 1500, failFast: false }],
    ['fail_fast=enable', { failFast: true }],
    ['capath=/etc/ssl&password=s', { caPath: '/etc/ssl', passphrase: 's' }],
    ['cadata=-----BEGIN%20X-----%0Aa', { ca: '-----BEGIN X-----\na' }],
    ['cadata=LS0tLS1CRUdJTiBYLS0tLS0%3D', { ca: '-----BEGIN X-----' }],
    ['cafile=/a%20b/ca.pem', { caFile: '/a b/ca.pem' }],
    ['cacertfile=/ca.pem', { caFile: '/ca.pem' }],
    ['certfile=/c%26verify%3Dverify_none&keyfile=/k', { certFile: '/c&verify=verify_none', keyFile: '/k' }],
    ['server_name_indication=h.example', { servername: 'h.example' }],
    ['verify=verify_peer', { rejectUnauthorized: true }],
    ['verify=verify_none', { rejectUnauthorized: false }],
    ['no_verify_ssl=0', { rejectUnauthorized: true }],
    ['no_verify_ssl=false', { rejectUnauthorized: true }],
    ['no_verify_ssl=', { rejectUnauthorized: true }],
    ['no_verify_ssl=1', { rejectUnauthorized: false }],
    ['no_verify_ssl=Yes', { rejectUnauthorized: false }],
    ['no_verify_ssl=TRUE', { rejectUnauthorized: false }],
  ])('are read: %s', (query, options) => {
    expect(parseUri(`amqps://h/?${query}`)).toStrictEqual({ tls: true, hostname: 'h', options });
    expect(parseUri(`amqps://h?${query}`).options).toStrictEqual(options);
  });

  test.each([
    ['hartbeat=1', 'unknown URL parameter "hartbeat"; did you mean "heartbeat"?'],
    ['frameMax=1', 'unknown URL parameter "frameMax"; did you mean "frame_max"?'],
    ['HEARTBEAT=1', 'unknown URL parameter "HEARTBEAT"; did you mean "heartbeat"?'],
    ['xyz123=1', 'unknown URL parameter "xyz123"'],
    ['__proto__=1', 'unknown URL parameter "__proto__"'],
    ['constructor=1', 'unknown URL parameter "constructor"'],
    ['toString=1', 'unknown URL parameter "toString"'],
  ])('the parameter in %s is unknown', (query, text) => {
    expect(message(`amqp://h/?${query}`)).toBe(text);
  });

  test.each([
    'heartbeat=',
    'heartbeat=-1',
    'heartbeat=1.5',
    'heartbeat=0x10',
    'heartbeat=1e3',
    'heartbeat= 1',
  ])('%s is no whole number', (query) => {
    expect(message(`amqp://h/?${query}`)).toContain(
      'the URL parameter heartbeat must be a whole number, got "',
    );
  });

  test('verify has two values', () => {
    expect(message('amqps://h/?verify=no')).toContain('must be verify_peer or verify_none, got "no"');
  });

  test.each(['2', 'maybe', '10', 'nottrue'])('no_verify_ssl=%s is neither yes nor no', (value) => {
    expect(message(`amqps://h/?no_verify_ssl=${value}`)).toBe(
      `the URL parameter no_verify_ssl must be 1 or 0, got "${value}"`,
    );
  });
});

describe('what is no AMQP URI', () => {
  test.each([
    ['http://h', 'the URL must start with amqp:// or amqps://, not http://'],
    ['mqtt://u:hunter2@h', 'the URL must start with amqp:// or amqps://, not mqtt://'],
    ['localhost', 'the URL must start with amqp:// or amqps://'],
    ['u:hunter2@localhost', 'the URL must start with amqp:// or amqps://'],
    ['amqp:h', 'the URL must start with amqp:// or amqps://'],
    ['', 'the URL must start with amqp:// or amqps://'],
  ])('is refused: %j', (uri, text) => {
    const error = thrown(() => parseUri(uri));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toBe(text);
  });

  test.each(['amqp://h:65536', 'amqp://h:x', 'amqp://[::1', 'amqp://h h', 'amqp://u:p/w@h', 'amqp://:5672'])(
    'the URI %s is malformed',
    (uri) => {
      expect(message(uri)).toMatch(/^the URL is malformed: percent-encode/);
    },
  );
});

describe('the password is in no message', () => {
  test.each([
    'amqp://u:hunter2%@h',
    'amqp://u:hunter2@h:99999',
    'amqp://u:hunter2/x@h',
    'amqp://u:hunter2?x@h',
    'amqp://u:hunter2#x@h',
    'amqp://u:hunter2@h/a/b',
    'amqp://u:hunter2@h/%',
    'amqp://u:hunter2@h/?x=1',
    'amqp://u:hunter2@h/?heartbeat=x',
    'amqp://u:hunter2@h/?verify=x',
    'http://u:hunter2@h',
    // an unencoded "?", "/" or "#" behind digits: what is in front of it passes for a port
    'amqp://u:12?hunter2@h',
    'amqp://u:12?heartbeat=hunter2@h',
  ])('whatever is wrong: %s', (uri) => {
    const error = thrown(() => parseUri(uri)) as Error;
    expect(error).toBeInstanceOf(TypeError);
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain('hunter2');
  });

  test.each(['amqp://u:12/hunter2@h', 'amqp://u:12#hunter2@h', 'amqp://h/v#hunter2'])(
    '%s is refused: half of the password would pass for a vhost, or be dropped',
    (uri) => {
      expect(() => parseUri(uri)).toThrow(TypeError);
    },
  );
});
