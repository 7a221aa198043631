/** The facade beside pika itself, where the machine has it: names, defaults, exceptions, and how things look. */
import * as pika from '../../../src/compat/pika';
import { readSources } from '../../house/sources';
import { eventually } from '../../support/connect';
import { local, open, unique } from '../../support/facades/pika';
import { hasPika, original } from '../../support/python/original-pika';

const CLASSES = { BlockingConnection: pika.BlockingConnection, BlockingChannel: pika.BlockingChannel };
const describeOriginal = hasPika ? describe : describe.skip;

/** Every signature that our sources write down. */
function signatures(): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { text } of readSources('src/compat/pika')) {
    const constants = new Map(
      [...text.matchAll(/^const (\w+) =\s+(['"])(.*)\2;$/gm)].map((m) => [m[1], m[3]]),
    );
    for (const [, name, , literal, constant] of text.matchAll(
      /^ {2,4}([a-z_]+):\s+(?:(['"])(.*)\2|([A-Z]+)),$/gm,
    )) {
      const source = literal ?? constants.get(constant);
      if (source !== undefined) found[name!] = [...(found[name!] ?? []), source];
    }
  }
  return found;
}

/** What came after the version that Debian has; it is in 1.4. */
const NEWER: Readonly<Record<string, string>> = {
  consume: ', consumer_tag=None',
};

describeOriginal('pika itself', () => {
  test.each(['BlockingConnection', 'BlockingChannel'] as const)(
    'every public method of %s is here, with the same arguments and defaults',
    (name) => {
      const methods = original<Record<string, string>>(
        `
of = ${name}
result = {name: str(inspect.signature(each)) for name, each in vars(of).items()
          if not name.startswith('_') and inspect.isfunction(each)}`,
      );
      const ours = signatures();
      const differences = Object.entries(methods).filter(([method, signature]) => {
        const wanted = signature
          .replace(/^\((self|cls)(, )?|\)$/g, '')
          .replace(/<ExchangeType\.\w+: ('\w+')>/, '$1');
        const here = typeof CLASSES[name].prototype[method as never] === 'function';
        return !here || (wanted !== '' && !ours[method]?.includes(wanted + (NEWER[method] ?? '')));
      });
      expect(differences).toEqual([]);
      expect(Object.keys(methods).length).toBeGreaterThan(8);
    },
  );

  test.each(['BlockingConnection', 'BlockingChannel'] as const)('every property of %s is there', (name) => {
    const properties = original<string[]>(
      `result = [name for name, each in vars(${name}).items() if isinstance(each, property)]`,
    );
    const connection = open();
    const object = name === 'BlockingConnection' ? connection : connection.channel();
    expect(properties.filter((property) => (object as never)[property] === undefined)).toEqual([]);
    expect(properties).toContain('is_open');
  });

  test('has the same constructors', () => {
    const expected = original<Record<string, string>>(`
of = [pika.BasicProperties, pika.PlainCredentials, pika.SSLOptions, BlockingConnection]
result = {each.__name__: str(inspect.signature(each)) for each in of}`);
    const ours = signatures().__init__ as string[];
    const missing = Object.values(expected).filter((each) => !ours.includes(each.slice(1, -1)));
    expect(missing).toEqual([]);
  });

  test('has the same exceptions, in the same tree', () => {
    const tree = original<Record<string, string>>(`
result = {name: each.__bases__[0].__name__ for name, each in vars(pika.exceptions).items() if inspect.isclass(each)}`);
    const ours = Object.entries(pika.exceptions).map(([name, each]) => {
      const base = Object.getPrototypeOf(each).name;
      return [name, base === 'Error' ? 'Exception' : base];
    });
    const { WorkQueueFullError, ...shared } = Object.fromEntries(ours); // of the version to come
    expect(WorkQueueFullError).toBe('AMQPConnectionError');
    expect(shared).toEqual(tree);
  });

  test('has the same constants in spec', () => {
    const constants = original<Record<string, number>>(`
result = {name: each for name, each in vars(pika.spec).items() if name.isupper() and isinstance(each, int)}`);
    const ours = Object.entries(pika.spec).filter(([, value]) => typeof value === 'number');
    // RabbitMQ refuses less than 8192, and so does pika since
    expect(Object.fromEntries(ours)).toEqual({ ...constants, FRAME_MIN_SIZE: 8192 });
  });

  test('has the same names and numbers of methods', () => {
    const { Basic, Connection, Exchange, Queue, Tx } = pika.spec;
    const classes = [Basic, Connection, Exchange, Queue, Tx].flatMap((each) => Object.values(each));
    const names = classes.map(({ NAME }) => NAME);
    const indexes = original<number[]>(
      `
result = [getattr(getattr(pika.spec, name.split('.')[0]), name.split('.')[1]).INDEX for name in given]`,
      names,
    );
    expect(classes.map(({ INDEX }) => INDEX)).toEqual(indexes);
    expect(names.length).toBeGreaterThan(15);
  });

  test('has the same defaults of parameters', () => {
    const source = `
of = pika.ConnectionParameters
plain = (int, float, str, type(None))
result = {name: getattr(of, name) for name in dir(of) if name.startswith('DEFAULT_') and isinstance(getattr(of, name), plain)}`;
    const { DEFAULT_SSL, ...expected } = original<Record<string, unknown>>(source);
    expect(DEFAULT_SSL).toBe(false); // of older versions
    const ours = Object.keys(expected).map((name) => [name, pika.ConnectionParameters[name as never]]);
    expect(Object.fromEntries(ours)).toEqual(expected);
  });

  test('shows its objects with the same text', () => {
    const looks = original<string[]>(`
spec = pika.spec
result = [repr(each) for each in [
  pika.BasicProperties(content_type='a/b', headers={'a': 1, 'b': [True, None, "it's"], 'c': {}}, delivery_mode=2),
  pika.BasicProperties(headers={'text': 'two\\nlines'}), pika.BasicProperties(),
  spec.Basic.Deliver('t', 1, True, 'e', 'k'), spec.Tx.SelectOk(),
  pika.frame.Method(1, spec.Queue.DeclareOk('q', 1, 2)),
  pika.ConnectionParameters('h', 1, 'v'), pika.URLParameters('amqps://h/v'),
]]`);
    const { Basic, Queue, Tx } = pika.spec;
    const ours = [
      new pika.BasicProperties({
        content_type: 'a/b',
        headers: { a: 1, b: [true, null, "it's"], c: {} },
        delivery_mode: 2,
      }),
      new pika.BasicProperties({ headers: { text: 'two\nlines' } }),
      new pika.BasicProperties(),
      new Basic.Deliver('t', 1, true, 'e', 'k'),
      new Tx.SelectOk(),
      new pika.frame.Method(1, new Queue.DeclareOk('q', 1, 2)),
      new pika.ConnectionParameters('h', 1, 'v'),
      new pika.URLParameters('amqps://h/v'),
    ];
    expect(ours.map(String)).toEqual(looks);
  });

  test('URLs mean the same, or are refused the same', () => {
    const urls = [
      'amqp://u:p%40x@h:1/v%2f?heartbeat=5&socket_timeout=1.5&connection_attempts=3&retry_delay=0.5',
      'amqp://h?locale=de&channel_max=3&frame_max=8192&blocked_connection_timeout=2&stack_timeout=8',
      ...['amqp://', 'amqp://h', 'amqps://h', 'amqps://h:5/', 'amqp://h/', 'amqp://h/%2f', 'amqp://h/a/b'],
      ...['amqp://[::1]:7/', 'amqp://h?x=1', 'amqp://h?heartbeat=1&heartbeat=2', 'amqp://h?heartbeat=a'],
      ...['amqp://h?heartbeat=0', 'amqps://h?ssl_options=None', 'amqp://h?channel_max=0'],
      `amqp://h?client_properties=${encodeURIComponent('{"a": 1}')}`,
      `amqp://h?client_properties=${encodeURIComponent("{'a': True, 'b': None}")}`,
      'amqp://h?tcp_options={"TCP_KEEPIDLE":60}',
    ];
    const names =
      'host port virtual_host heartbeat socket_timeout stack_timeout connection_attempts retry_delay locale channel_max frame_max blocked_connection_timeout client_properties tcp_options'.split(
        ' ',
      );
    const expected = original<unknown[]>(
      `
def read(url):
    try:
        parameters = pika.URLParameters(url)
    except Exception as error:
        return type(error).__name__
    credentials = parameters.credentials
    values = [getattr(parameters, name) for name in given['names']]
    return values + [credentials.username, credentials.password, parameters.ssl_options is not None]
result = [read(url) for url in given['urls']]`,
      { urls, names },
    );
    expect(urls.map((url) => [url, read(url)])).toEqual(urls.map((url, index) => [url, expected[index]]));

    function read(url: string): unknown {
      try {
        const parameters = new pika.URLParameters(url);
        const { username, password } = parameters.credentials as pika.PlainCredentials;
        const values = names.map((name) => (parameters as never)[name] as unknown);
        return [...values, username, password, parameters.ssl_options !== null];
      } catch (error) {
        return pythonic(error);
      }
    }
  });

  test('wrong parameters are refused the same', () => {
    const wrong: [string, unknown][] = [
      ...['host', 'port', 'credentials', 'ssl_options', 'locale', 'virtual_host'].map(
        (name): [string, unknown] => [name, name === 'port' ? 'a' : 1],
      ),
      ...['client_properties', 'tcp_options', 'nonsense'].map((name): [string, unknown] => [name, 1]),
      ['channel_max', 0],
      ['channel_max', 65_536],
      ['frame_max', 100],
      ['frame_max', 200_000],
      ['heartbeat', 'x'],
      ['heartbeat', -1],
      ['connection_attempts', 0],
      ['socket_timeout', 0],
      ['stack_timeout', 0],
      ['blocked_connection_timeout', -1],
    ];
    const expected = original<string[]>(
      `
def refuse(name, value):
    try:
        pika.ConnectionParameters(**{name: value})
    except Exception as error:
        return type(error).__name__
result = [refuse(*each) for each in given]`,
      wrong,
    );
    const ours = wrong.map(([name, value]) => {
      try {
        return String(new pika.ConnectionParameters({ [name]: value }));
      } catch (error) {
        return pythonic(error);
      }
    });
    expect(ours).toEqual(expected);
  });

  test('what one publishes the other reads, all properties of it', () => {
    const channel = open().channel();
    const [there, back] = [unique(), unique()];
    for (const queue of [there, back])
      channel.queue_declare({ queue, durable: true, arguments: { 'x-expires': 60_000 } });
    const properties = new pika.BasicProperties({
      content_type: 'text/plain',
      content_encoding: 'utf-8',
      headers: {
        text: 'ü',
        number: -5,
        large: 2n ** 62n,
        flag: true,
        none: null,
        list: [1, 'two'],
        table: { a: 1 },
      },
      delivery_mode: 2,
      priority: 9,
      correlation_id: 'c',
      reply_to: 'r',
      expiration: '60000',
      message_id: 'm',
      timestamp: 1_700_000_000,
      type: 't',
      app_id: 'a',
    });
    channel.basic_publish('', there, 'grüße', properties);
    eventually(() => channel.queue_declare(there, true).method.message_count === 1);
    const looks = original<string>(
      `
with BlockingConnection(pika.URLParameters(given['url'])) as connection:
    channel = connection.channel()
    method, properties, body = channel.basic_get(given['there'], auto_ack=True)
    channel.basic_publish('', given['back'], body, properties)
    result = repr(properties)`,
      { url: process.env.AMQP_URL, there, back },
    );
    eventually(() => channel.queue_declare(back, true).method.message_count === 1);
    const [, received, body] = channel.basic_get(back, true);
    expect(received).toEqual(properties);
    expect(String(body)).toBe('grüße');
    // pika marks integers of 64 bits
    expect(looks.replace('904L', '904')).toBe(String(received));
    for (const queue of [there, back]) channel.queue_delete(queue);
  });
});

/** What Python calls it. */
function pythonic(error: unknown): string {
  if (error instanceof TypeError) return 'TypeError';
  return error instanceof RangeError ? 'ValueError' : String(error);
}

test('the parameters of this run are no secret', () => {
  const { password } = local().credentials as pika.PlainCredentials;
  expect(JSON.stringify(local()) + String(local())).not.toContain(`:${password}@`);
});
