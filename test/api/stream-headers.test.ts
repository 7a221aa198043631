/** What a stream keeps of a message's headers; what it cannot have is refused where the queue is known to be a stream. */
import { Message, type PublishOptions, typed } from '../../src';
import { versionOf } from '../support/brokers/version';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, unique } from '../support/connect';
import { run } from '../support/programs/program';
import { throwaway } from '../support/throwaway';

useChannel();

const declare = throwaway();
const decimal = typed.decimal(314, 2);

describe('a decimal', () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic, [cyclic]);

  it.each<[string, PublishOptions['headers']]>([
    ['a header', { price: decimal }],
    ['a header that is an entry of a Map', new Map([['price', decimal]])],
  ])('as %s is refused before a byte is sent', (_how, headers) => {
    const stream = declare(unique('stream'), { type: 'stream' });
    const publish = () => channel.basicPublish('x', { routingKey: stream.name, headers });
    for (const attempt of [publish, () => stream.publish(new Message('x', { headers }))]) {
      expect(attempt).toThrow(RangeError);
      expect(attempt).toThrow(/^headers\.price cannot be sent to a stream/);
    }
    stream.publish('fine');
    expect(connection.isOpen).toBe(true);
  });

  it('in a table that RabbitMQ 4 keeps is refused there', () => {
    const stream = declare(unique('stream'), { type: 'stream' });
    const publish = () => stream.publish('x', { headers: { 'x-prices': { list: [1, decimal] } } });
    if (versionOf(connection) === '4.3')
      expect(publish).toThrow(/^headers\.x-prices cannot be sent to a stream/);
    else publish();
    stream.status();
  });

  it('may be in a table that a stream leaves out, and in other queues', () => {
    const stream = declare(unique('stream'), { type: 'stream' });
    stream.publish('x', { headers: { prices: { list: [decimal] } } });
    stream.status();
    const classic = declare(unique('classic'), {});
    classic.publish('x', { headers: { price: decimal } });
    expect(classic.get({ noAck: true })!.typedHeaders!.get('price')).toEqual(decimal);
  });

  it.each([
    ['a symbol', Symbol('price')],
    ['an object', Object.create(null)],
  ])('under %s is refused as in any queue: it is no name', (_what, name) => {
    const stream = declare(unique('stream'), { type: 'stream' });
    const headers = new Map([[name, decimal]]) as never;
    expect(() => stream.publish('x', { headers })).toThrow('the keys of headers must be strings');
  });

  it('a header that contains itself is refused as ever', () => {
    const stream = declare(unique('stream'), { type: 'stream' });
    expect(() => stream.publish('x', { headers: { 'x-endless': cyclic } as never })).toThrow(
      'contains itself',
    );
  });
});

describe('a value for filters', () => {
  it.each([[3], [true], [null], [Buffer.from('a')], [['a']], [typed.int32(1)]])(
    'that is no text is refused where the broker would end the connection: %p',
    (value) => {
      const stream = declare(unique('stream'), { type: 'stream' });
      const publish = () => stream.publish('x', { headers: { 'x-stream-filter-value': value } });
      if (versionOf(connection) === '3.10') publish();
      else expect(publish).toThrow(/^headers\.x-stream-filter-value must be a string, /);
      stream.publish('fine', { headers: { 'x-stream-filter-value': 'a' } });
      expect(connection.isOpen).toBe(true);
    },
  );

  it('is a header as any other in a queue that is no stream', () => {
    const classic = declare(unique('classic'), {});
    classic.publish('x', { headers: { 'x-stream-filter-value': 3 } });
    expect(classic.get({ noAck: true })!.properties.headers).toEqual({ 'x-stream-filter-value': 3 });
  });
});

it('a table or a list is left out, but for those of RabbitMQ 4', () => {
  const stream = declare(unique('stream'), { type: 'stream' });
  stream.publish('x', {
    headers: { flat: 'kept', table: { a: 1 }, list: [1], 'x-table': { a: 1 }, 'x-list': [1] },
  });
  const [message] = [...stream.iterator({ offset: 'first', limit: 1, timeout: CEILING })];
  const { 'x-stream-offset': _, ...headers } = message!.properties.headers!;
  const own = { '3.10': {}, '4.3': { 'x-table': { a: 1 }, 'x-list': [1] } };
  expect(headers).toEqual({ flat: 'kept', ...own[versionOf(connection)] });
});

describe('AMQP_SYNC_STREAM_HEADERS', () => {
  /** What a program is warned of that publishes `headers` three times. */
  const told = async (headers: string, options = '{}') => {
    const source = `
      const connection = connect(url, ${options});
      const stream = connection.channel().declareQueue(${JSON.stringify(unique('stream'))}, { type: 'stream' });
      for (let i = 0; i < 3; i++) stream.publish('x', { headers: ${headers} });
      stream.delete();`;
    return (
      (await run(source, { url: process.env.AMQP_URL! }).end).stderr.match(/\[AMQP_SYNC_STREAM_HEADERS\]/g) ??
      []
    );
  };

  it.each([['{ table: { a: 1 } }'], ['{ list: [1] }'], ["new Map([['list', [1]]])"]])(
    'is told once of %s',
    async (headers) => expect(await told(headers)).toHaveLength(1),
  );

  it('is not told of what a stream keeps, or of lists for the exchange, or where warnings are off', async () => {
    const kept = versionOf(connection) === '4.3' ? "'x-table': { a: 1 }" : '';
    expect(await told(`{ text: 'a', CC: ['a'], ${kept} }`)).toEqual([]);
    expect(await told('{ list: [1] }', '{ warnings: false }')).toEqual([]);
  });
});
