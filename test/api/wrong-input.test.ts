/** A wrong argument is a TypeError or RangeError that names it, before anything is sent. */
import { Message, type PropertiesInput, typed } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { privateQueue, takeAll, thrownBy, unique } from '../support/connect';

/** In confirm mode, with one message to settle and one queue to publish to. */
let queue: string;
let tag: number;
useChannel({ heartbeat: 0 }); // nothing is sent but what the tests send
beforeEach(() => {
  channel.confirmSelect();
  channel.basicQos({ prefetchCount: 10 });
  queue = privateQueue(channel, 'to be settled', 'to be left');
  tag = channel.basicGet(queue)!.deliveryTag;
});

/** Tests are written in TypeScript; programs need not be. */
// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are the subject
type Anything = any;
type Call = (channel: Anything, queue: string, tag: number) => unknown;

/** What `call` throws, after making sure that it left no trace. */
function refused(call: Call): Error {
  connection.flush();
  const { bytesOut } = connection.stats();
  const { nextPublishSeqNo } = channel;
  const error = thrownBy(() => call(channel, queue, tag));
  connection.flush();
  expect(connection.stats().bytesOut).toBe(bytesOut);
  expect(channel.nextPublishSeqNo).toBe(nextPublishSeqNo);
  expect(channel.consumerTags).toEqual([]);
  expect(channel.isUnsettled(tag)).toBe(true);
  expect(channel.isOpen).toBe(true);
  channel.basicPublish('works', { routingKey: queue });
  channel.basicAck(tag);
  expect(takeAll(channel, queue)).toEqual(['to be left', 'works']);
  return error;
}

type Case = [call: string, run: Call, errorClass: ErrorConstructor, names: string];

const X256 = 'x'.repeat(256);

/** Each of these takes a queue, an exchange, … and options; what they have in common is generated. */
const VERBS: Record<string, (channel: Anything, options?: unknown) => unknown> = {
  exchangeDeclare: (c, options) => c.exchangeDeclare('e', 'direct', options),
  exchangeDelete: (c, options) => c.exchangeDelete('e', options),
  exchangeBind: (c, options) => c.exchangeBind('e', 'f', options),
  exchangeUnbind: (c, options) => c.exchangeUnbind('e', 'f', options),
  queueDeclare: (c, options) => c.queueDeclare('q', options),
  queueBind: (c, options) => c.queueBind('q', 'e', options),
  queueUnbind: (c, options) => c.queueUnbind('q', 'e', options),
  queuePurge: (c, options) => c.queuePurge('q', options),
  queueDelete: (c, options) => c.queueDelete('q', options),
  declareExchange: (c, options) => c.declareExchange('e', 'direct', options),
  getExchange: (c, options) => c.getExchange('e', options),
  declareQueue: (c, options) => c.declareQueue('q', options),
  getQueue: (c, options) => c.getQueue('q', options),
  basicQos: (c, options) => c.basicQos(options),
  basicGet: (c, options) => c.basicGet('q', options),
  basicConsume: (c, options) => c.basicConsume('q', () => {}, options),
  consume: (c, options) => c.consume('q', options),
  basicCancel: (c, options) => c.basicCancel('t', options),
  basicAck: (c, options) => c.basicAck(1, options),
  basicNack: (c, options) => c.basicNack(1, options),
  basicReject: (c, options) => c.basicReject(1, options),
  basicRecover: (c, options) => c.basicRecover(options),
  basicRecoverAsync: (c, options) => c.basicRecoverAsync(options),
  basicPublish: (c, options) => c.basicPublish('x', options),
  publishBatch: (c, options) => c.publishBatch(['x'], options),
  waitForConfirms: (c, options) => c.waitForConfirms(options),
  confirmSelect: (c, options) => c.confirmSelect(options),
  txSelect: (c, options) => c.txSelect(options),
  txCommit: (c, options) => c.txCommit(options),
  txRollback: (c, options) => c.txRollback(options),
  flow: (c, options) => c.flow(true, options),
  close: (c, options) => c.close(options),
};
const NO_TIMEOUT = ['basicAck', 'basicNack', 'basicReject', 'basicRecoverAsync'];

describe('options', () => {
  it.each(Object.entries(VERBS))('%s: an unknown one is named, with the nearest right one', (verb, run) => {
    const error = refused((c) => run(c, { timeuot: 1, nonsense: 2 }));
    expect(error).toBeInstanceOf(TypeError);
    const hint = NO_TIMEOUT.includes(verb) ? '' : '; did you mean "timeout"?';
    expect(error.message).toBe(`${verb}: unknown option "timeuot"${hint}`);
  });

  it.each(Object.entries(VERBS))('%s: something else than an object is refused', (verb, run) => {
    for (const wrong of [null, 42, 'text', true, ['a'], () => {}]) {
      const error = thrownBy(() => run(channel, wrong));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(new RegExp(`^${verb}: options must be an object, got `));
    }
    expect(refused((c) => run(c, null)).message).toContain('got null');
  });

  const ofModes = ['confirmSelect', 'txSelect', 'txCommit', 'txRollback'];
  it.each(ofModes)('%s: timeout is a number of milliseconds', (verb) => {
    using plain = connection.channel();
    if (verb.startsWith('tx')) plain.txSelect();
    const error = refused(() => VERBS[verb]!(plain, { timeout: '5' }));
    expect(error.message).toBe('timeout must be a number of milliseconds, got a string');
  });

  it.each(Object.entries(VERBS).filter(([verb]) => ![...NO_TIMEOUT, ...ofModes].includes(verb)))(
    '%s: timeout is a number of milliseconds',
    (_verb, run) => {
      const text = refused((c) => run(c, { timeout: '5' }));
      expect(text).toBeInstanceOf(TypeError);
      expect(text.message).toBe('timeout must be a number of milliseconds, got a string');
      for (const timeout of [-1, Number.NaN]) {
        const error = thrownBy(() => run(channel, { timeout }));
        expect(error).toBeInstanceOf(RangeError);
        expect(error.message).toBe(`timeout must be 0 or more milliseconds, got ${timeout}`);
      }
    },
  );

  const bits: [string, string][] = [
    ...['passive', 'durable', 'autoDelete', 'internal', 'noWait'].map((name) => ['exchangeDeclare', name]),
    ...['ifUnused', 'noWait'].map((name) => ['exchangeDelete', name]),
    ...['exchangeBind', 'exchangeUnbind', 'queueBind'].map((verb) => [verb, 'noWait']),
    ...['passive', 'durable', 'exclusive', 'autoDelete', 'noWait'].map((name) => ['queueDeclare', name]),
    ...['passive', 'internal', 'delayed'].map((name) => ['declareExchange', name]),
    ...['passive', 'durable', 'exclusive', 'autoDelete'].map((name) => ['declareQueue', name]),
    ...['getExchange', 'getQueue'].map((verb) => [verb, 'ensure']),
    ['queuePurge', 'noWait'],
    ...['ifUnused', 'ifEmpty', 'noWait'].map((name) => ['queueDelete', name]),
    ['basicQos', 'global'],
    ['basicGet', 'noAck'],
    ...['noLocal', 'noAck', 'exclusive', 'noWait'].map((name) => ['basicConsume', name]),
    ...['noAck', 'exclusive'].map((name) => ['consume', name]),
    ['basicCancel', 'noWait'],
    ['basicAck', 'multiple'],
    ...['multiple', 'requeue'].map((name) => ['basicNack', name]),
    ['basicReject', 'requeue'],
    ['basicRecover', 'requeue'],
    ['basicRecoverAsync', 'requeue'],
    ...['mandatory', 'immediate', 'wait'].map((name) => ['basicPublish', name]),
  ] as [string, string][];
  it.each(bits)('%s: %s is true or false', (verb, name) => {
    const more = verb === 'basicConsume' ? { consumerTag: 'tag' } : {};
    const error = refused((c) => VERBS[verb]!(c, { ...more, [name]: 'yes' }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(`${name} must be true or false, got a string`);
  });

  const tables = [
    'exchangeDeclare',
    'exchangeBind',
    'exchangeUnbind',
    'queueDeclare',
    'queueBind',
    'queueUnbind',
  ];
  it.each([...tables, 'basicConsume', 'consume'])('%s: arguments is a table', (verb) => {
    const error = refused((c) => VERBS[verb]!(c, { arguments: 'x-max-length' }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe('arguments must be an object or a Map, got a string');
    const entry = thrownBy(() => VERBS[verb]!(channel, { arguments: { 'x-wrong': () => {} } }));
    expect(entry.message).toBe('arguments.x-wrong cannot be sent in a table: got a function');
  });
});

describe('arguments', () => {
  it.each<Case>([
    ['exchangeDeclare(42)', (c) => c.exchangeDeclare(42), TypeError, 'exchange'],
    ['exchangeDeclare()', (c) => c.exchangeDeclare(), TypeError, 'exchange'],
    ['exchangeDeclare(e, null)', (c) => c.exchangeDeclare('e', null), TypeError, 'type'],
    ['exchangeDeclare(256)', (c) => c.exchangeDeclare(X256), RangeError, 'exchange'],
    ['exchangeDeclare(e, 256)', (c) => c.exchangeDeclare('e', X256), RangeError, 'type'],
    ['exchangeDelete()', (c) => c.exchangeDelete(), TypeError, 'exchange'],
    ['exchangeDelete(256)', (c) => c.exchangeDelete(X256), RangeError, 'exchange'],
    ['exchangeBind({})', (c) => c.exchangeBind({}, 'f'), TypeError, 'destination'],
    ['exchangeBind(e)', (c) => c.exchangeBind('e'), TypeError, 'source'],
    ['exchangeBind routingKey', (c) => c.exchangeBind('e', 'f', { routingKey: 1 }), TypeError, 'routingKey'],
    ['exchangeUnbind(e, 256)', (c) => c.exchangeUnbind('e', X256), RangeError, 'source'],
    ['queueDeclare(42)', (c) => c.queueDeclare(42), TypeError, 'queue'],
    ['queueDeclare(null)', (c) => c.queueDeclare(null), TypeError, 'queue'],
    ['queueDeclare(256)', (c) => c.queueDeclare(X256), RangeError, 'queue'],
    ['queueBind()', (c) => c.queueBind(), TypeError, 'queue'],
    ['queueBind(q)', (c, q) => c.queueBind(q), TypeError, 'exchange'],
    ['queueBind routingKey', (c, q) => c.queueBind(q, 'e', { routingKey: X256 }), RangeError, 'routingKey'],
    ['queueUnbind(null)', (c) => c.queueUnbind(null, 'e'), TypeError, 'queue'],
    ['queueUnbind(q)', (c, q) => c.queueUnbind(q), TypeError, 'exchange'],
    ['queuePurge(42)', (c) => c.queuePurge(42), TypeError, 'queue'],
    ['queueDelete([])', (c) => c.queueDelete([]), TypeError, 'queue'],
    ['basicQos()', (c) => c.basicQos(), TypeError, 'options'],
    [
      'basicQos prefetchCount 65536',
      (c) => c.basicQos({ prefetchCount: 65_536 }),
      RangeError,
      'prefetchCount',
    ],
    ['basicQos prefetchCount -1', (c) => c.basicQos({ prefetchCount: -1 }), RangeError, 'prefetchCount'],
    ['basicQos prefetchCount text', (c) => c.basicQos({ prefetchCount: '1' }), TypeError, 'prefetchCount'],
    ['basicQos prefetchSize', (c) => c.basicQos({ prefetchSize: 2 ** 32 }), RangeError, 'prefetchSize'],
    ['basicGet(42)', (c) => c.basicGet(42), TypeError, 'queue'],
    ['basicGet(256)', (c) => c.basicGet(X256), RangeError, 'queue'],
    ['basicConsume(42)', (c) => c.basicConsume(42, () => {}), TypeError, 'queue'],
    ['basicConsume(q)', (c, q) => c.basicConsume(q), TypeError, 'callback'],
    ['basicConsume(q, {})', (c, q) => c.basicConsume(q, {}), TypeError, 'callback'],
    ['basicConsume tag', (c, q) => c.basicConsume(q, () => {}, { consumerTag: 7 }), TypeError, 'consumerTag'],
    [
      'basicConsume long tag',
      (c, q) => c.basicConsume(q, () => {}, { consumerTag: X256 }),
      RangeError,
      'consumerTag',
    ],
    ['basicConsume onCancel', (c, q) => c.basicConsume(q, () => {}, { onCancel: 1 }), TypeError, 'onCancel'],
    [
      'basicConsume noWait',
      (c, q) => c.basicConsume(q, () => {}, { noWait: true }),
      TypeError,
      'consumerTag',
    ],
    ['consume(42)', (c) => c.consume(42), TypeError, 'queue'],
    ['consume prefetch', (c, q) => c.consume(q, { prefetch: 65_536 }), RangeError, 'prefetch'],
    ['consume limit', (c, q) => c.consume(q, { limit: 1.5 }), RangeError, 'limit'],
    ['consume long tag', (c, q) => c.consume(q, { consumerTag: X256 }), RangeError, 'consumerTag'],
    ['basicCancel()', (c) => c.basicCancel(), TypeError, 'consumerTag'],
    ['basicCancel(256)', (c) => c.basicCancel(X256), RangeError, 'consumerTag'],
    ...(['basicAck', 'basicNack', 'basicReject'] as const).flatMap((verb): Case[] => [
      [`${verb}()`, (c) => c[verb](), TypeError, 'deliveryTag'],
      [`${verb}('1')`, (c) => c[verb]('1'), TypeError, 'deliveryTag'],
      [`${verb}(1n)`, (c) => c[verb](1n), TypeError, 'deliveryTag'],
      [`${verb}(0)`, (c) => c[verb](0), RangeError, 'deliveryTag'],
      [`${verb}(-1)`, (c) => c[verb](-1), RangeError, 'deliveryTag'],
      [`${verb}(1.5)`, (c) => c[verb](1.5), RangeError, 'deliveryTag'],
      [`${verb}(2^53)`, (c) => c[verb](2 ** 53), RangeError, 'deliveryTag'],
      [`${verb}(7)`, (c) => c[verb](7), RangeError, 'deliveryTag'],
    ]),
    ['basicPublish()', (c) => c.basicPublish(), TypeError, 'body'],
    ['basicPublish(null)', (c) => c.basicPublish(null), TypeError, 'body'],
    ['basicPublish({})', (c) => c.basicPublish({}), TypeError, 'body'],
    ['basicPublish(42)', (c) => c.basicPublish(42), TypeError, 'body'],
    ['basicPublish(ArrayBuffer)', (c) => c.basicPublish(new ArrayBuffer(1)), TypeError, 'body'],
    ['basicPublish(Uint16Array)', (c) => c.basicPublish(new Uint16Array(1)), TypeError, 'body'],
    ['basicPublish exchange', (c) => c.basicPublish('x', { exchange: 1 }), TypeError, 'exchange'],
    ['basicPublish routingKey', (c) => c.basicPublish('x', { routingKey: null }), TypeError, 'routingKey'],
    ['publishBatch()', (c) => c.publishBatch(), TypeError, 'messages'],
    ['publishBatch(42)', (c) => c.publishBatch(42), TypeError, 'messages'],
    ['publishBatch([null])', (c) => c.publishBatch([null]), TypeError, 'message'],
    ['publishBatch window', (c) => c.publishBatch(['x'], { window: 0 }), RangeError, 'window'],
    ['publishBatch({ a: 1 })', (c) => c.publishBatch([{ a: 1 }]), TypeError, 'Message.json(value) makes'],
    ['publishBatch onResult', (c) => c.publishBatch(['x'], { onResult: 'x' }), TypeError, 'onResult'],
    ['publishBatch window text', (c) => c.publishBatch(['x'], { window: '9' }), TypeError, 'window'],
    ['transaction(undefined)', (c) => c.transaction(undefined), TypeError, 'fn'],
    ['flow()', (c) => c.flow(), TypeError, 'active'],
    ['flow(1)', (c) => c.flow(1), TypeError, 'active'],
    ['close replyCode', (c) => c.close({ replyCode: 65_536 }), RangeError, 'replyCode'],
    ['close replyCode text', (c) => c.close({ replyCode: 'ok' }), TypeError, 'replyCode'],
    ['close replyText', (c) => c.close({ replyText: 42 }), TypeError, 'replyText'],
    ['close long replyText', (c) => c.close({ replyText: X256 }), RangeError, 'replyText'],
  ])('that are wrong are refused by name, and nothing is sent: %s', (_call, run, errorClass, names) => {
    const error = refused(run);
    expect(error).toBeInstanceOf(errorClass);
    expect(error.message).toContain(names);
    expect(error.message).toMatch(/^[^\n]{10,200}$/); // one sentence
  });
});

it.each<Case>([
  ['basicConsume(42)', (c) => c.basicConsume(42, () => {}), TypeError, 'queue'],
  ['basicConsume noLocal', (c, q) => c.basicConsume(q, () => {}, { noLocal: 1 }), TypeError, 'noLocal'],
  ['consume(42)', (c) => c.consume(42), TypeError, 'queue'],
  ['consume exclusive', (c, q) => c.consume(q, { exclusive: 1 }), TypeError, 'exclusive'],
])('%s sends nothing either where no prefetch has been set', (_call, run, errorClass, names) => {
  using fresh = connection.channel();
  const error = refused((_c, q) => run(fresh, q, 0));
  expect(error).toBeInstanceOf(errorClass);
  expect(error.message).toContain(names);
});

describe('properties', () => {
  it.each<[keyof PropertiesInput, unknown, ErrorConstructor]>([
    ['contentType', 1, TypeError],
    ['contentEncoding', null, TypeError],
    ['headers', 'x', TypeError],
    ['headers', [], TypeError],
    ['deliveryMode', '2', TypeError],
    ['deliveryMode', 256, RangeError],
    ['priority', -1, RangeError],
    ['priority', 1.5, RangeError],
    ['correlationId', 7, TypeError],
    ['replyTo', {}, TypeError],
    ['expiration', true, TypeError],
    ['messageId', Symbol('id'), TypeError],
    ['timestamp', 'now', TypeError],
    ['timestamp', new Date(Number.NaN), TypeError],
    ['timestamp', new Date(-1), RangeError],
    ['timestamp', -1, RangeError],
    ['timestamp', 2n ** 64n, RangeError],
    ['type', true, TypeError],
    ['userId', X256, RangeError],
    ['appId', X256, RangeError],
    ['clusterId', X256, RangeError],
  ])('that are wrong are refused by name: %s %p', (name, value, errorClass) => {
    const error = refused((c) => c.basicPublish('x', { [name]: value }));
    expect(error).toBeInstanceOf(errorClass);
    expect(error.message).toMatch(new RegExp(`^${name} `));
    expect(() => channel.basicPublish(new Message('x', { [name]: value } as never))).toThrow(errorClass);
  });

  const cyclic: Record<string, unknown> = {};
  cyclic.self = { cyclic };
  it.each<[string, unknown, ErrorConstructor, string]>([
    ['a function', { a: () => {} }, TypeError, 'headers.a'],
    ['a symbol', { a: Symbol('s') }, TypeError, 'headers.a'],
    ['undefined in an array', { a: [1, undefined] }, TypeError, 'headers.a[1]'],
    ['a class instance', { a: { b: new URL('http://x') } }, TypeError, 'headers.a.b'],
    ['a Set', { a: new Set() }, TypeError, 'headers.a'],
    ['a bigint of more than 64 bits', { a: 2n ** 64n }, RangeError, 'headers.a'],
    ['an int8 of 128', { a: typed.int8(128) }, RangeError, 'headers.a'],
    ['a uint16 of -1', { a: typed.uint16(-1) }, RangeError, 'headers.a'],
    ['an invalid Date', { a: new Date(Number.NaN) }, TypeError, 'headers.a'],
    ['a Date before 1970', { a: new Date(-1000) }, RangeError, 'headers.a'],
    ['a key of 256 bytes', { [X256]: 1 }, RangeError, 'of headers'],
    ['a Map with other keys than strings', new Map([[1, 'x']]), TypeError, 'headers'],
    ['itself', cyclic, RangeError, 'contains itself'],
  ])('refuse headers with %s, and name the place', (_what, headers, errorClass, names) => {
    const error = refused((c) => c.basicPublish('x', { headers }));
    expect(error).toBeInstanceOf(errorClass);
    expect(error.message).toContain(names);
  });
});

describe('short strings hold 255 bytes of UTF-8, not characters', () => {
  const fits = `${'ü'.repeat(127)}x`;
  const tooLong = `${fits}x`;

  it('where a queue and a routing key have them', () => {
    expect(channel.queueDeclare(fits, { exclusive: true }).queue).toBe(fits);
    channel.basicPublish('x', { routingKey: fits });
    expect(takeAll(channel, fits)).toEqual(['x']);
    expect(refused((c) => c.queueDeclare(tooLong)).message).toContain('queue is 256 bytes long in UTF-8');
  });

  it('where an exchange, a consumer tag and a table key have them', () => {
    channel.exchangeDeclare(fits, 'fanout', { autoDelete: true });
    channel.queueBind(queue, fits, { routingKey: fits, arguments: { [fits]: 1 } });
    expect(channel.basicConsume(queue, () => {}, { consumerTag: fits })).toBe(fits);
    channel.basicCancel(fits);
    channel.exchangeDelete(fits);
    for (const call of [
      () => channel.exchangeDeclare(tooLong),
      () => channel.basicConsume(queue, () => {}, { consumerTag: tooLong }),
      () => channel.queueBind(queue, 'amq.direct', { arguments: { [tooLong]: 1 } }),
    ])
      expect(thrownBy(call)).toBeInstanceOf(RangeError);
    expect(channel.isOpen).toBe(true);
  });

  it.each(['contentType', 'correlationId', 'replyTo', 'messageId', 'type', 'appId', 'clusterId'] as const)(
    'where the property %s has them',
    (name) => {
      channel.basicPublish('x', { routingKey: unique('nowhere'), [name]: fits });
      const error = refused((c) => c.basicPublish('x', { [name]: tooLong }));
      expect(error.message).toBe(`${name} is 256 bytes long in UTF-8; AMQP allows at most 255`);
    },
  );
});

describe('the connection', () => {
  it.each<Case>([
    ['channel(0)', (c) => c.connection.channel(0), RangeError, 'id'],
    ['channel(1.5)', (c) => c.connection.channel(1.5), RangeError, 'id'],
    ['channel(channelMax + 1)', (c) => c.connection.channel(c.connection.channelMax + 1), RangeError, 'id'],
    ["channel('1')", (c) => c.connection.channel('1'), TypeError, 'id'],
    ['drainEvents(100)', (c) => c.connection.drainEvents(100), TypeError, 'options'],
    ['drainEvents timeout', (c) => c.connection.drainEvents({ timeout: -1 }), RangeError, 'timeout'],
    [
      'drainEvents option',
      (c) => c.connection.drainEvents({ timout: 1 }),
      TypeError,
      'did you mean "timeout"?',
    ],
    ['loop timeout', (c) => c.connection.loop({ timeout: '1' }), TypeError, 'timeout'],
    ['sleep()', (c) => c.connection.sleep(), TypeError, 'ms'],
    ['sleep(-1)', (c) => c.connection.sleep(-1), RangeError, 'ms'],
    ['callLater(1)', (c) => c.connection.callLater(1), TypeError, 'callback'],
    ['callLater(NaN)', (c) => c.connection.callLater(Number.NaN, () => {}), RangeError, 'ms'],
    ['withDeadline(x)', (c) => c.connection.withDeadline('x', () => {}), TypeError, 'ms'],
    ['withDeadline(1)', (c) => c.connection.withDeadline(1), TypeError, 'fn'],
    ['flush timeout', (c) => c.connection.flush({ timeout: null }), TypeError, 'timeout'],
    ['updateSecret(42)', (c) => c.connection.updateSecret(42), TypeError, 'secret'],
    ['updateSecret reason', (c) => c.connection.updateSecret('s', X256), RangeError, 'reason'],
    ['close replyCode', (c) => c.connection.close({ replyCode: -1 }), RangeError, 'replyCode'],
    ['close replyText', (c) => c.connection.close({ replyText: 42 }), TypeError, 'replyText'],
    ['close long replyText', (c) => c.connection.close({ replyText: X256 }), RangeError, 'replyText'],
    ['close timeout', (c) => c.connection.close({ timeout: 'soon' }), TypeError, 'timeout'],
  ])('refuses wrong arguments by name, and sends nothing: %s', (_call, run, errorClass, names) => {
    const error = refused(run);
    expect(error).toBeInstanceOf(errorClass);
    expect(error.message).toContain(names);
  });
});
