import { Journal } from '../../src/topology/journal';
import { contents, Talk } from './talk';

let journal: Journal;
let channel: Talk;
beforeEach(() => {
  journal = new Journal();
  channel = new Talk(journal);
});

const NOTHING = { exchanges: [], queues: [], bindings: [], channels: { 1: {} } };

describe('what is remembered', () => {
  test('exchanges, queues, bindings of both kinds, consumers, limits and modes, once the broker has agreed', () => {
    channel.ask('exchange.declare', { exchange: 'e', type: 'topic' });
    channel.ask('exchange.declare', { exchange: 'f', type: 'fanout' });
    channel.ask('queue.declare', { queue: 'q', durable: true });
    channel.ask('queue.bind', { queue: 'q', exchange: 'e', routingKey: 'a.#' });
    channel.ask('exchange.bind', { source: 'f', destination: 'e', routingKey: '' });
    channel.ask('basic.qos', { prefetchCount: 7 });
    channel.ask('basic.consume', { queue: 'q' }, { consumerTag: 'made by the broker' });
    const other = new Talk(journal, 2);
    other.ask('confirm.select');
    const third = new Talk(journal, 3);
    third.ask('tx.select');
    expect(contents(journal)).toEqual({
      exchanges: ['e', 'f'],
      queues: ['q'],
      bindings: ['e -> q (a.#)', 'f => e ()'],
      channels: {
        1: { qos: 7, consumers: ['made by the broker @ q'] },
        2: { mode: 'confirm' },
        3: { mode: 'tx' },
      },
    });
  });

  test('nothing without an answer, and nothing that is answered by the end of the channel', () => {
    channel.send('queue.declare', { queue: 'q' });
    channel.send('exchange.declare', { exchange: 'e' });
    expect(contents(journal)).toEqual(NOTHING);
    channel.refuse('queue.declare', 406, "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q'");
    expect(contents(journal)).toEqual({ ...NOTHING, channels: {} });
    channel.hear('exchange.declare-ok'); // for nobody
    expect(contents(journal)).toEqual({ ...NOTHING, channels: {} });
  });

  test('what wants no answer, at once; but not if the broker complains of it', () => {
    channel.send('queue.declare', { queue: 'fine', noWait: true });
    channel.send('queue.declare', { queue: 'bad', noWait: true });
    channel.send('basic.consume', { queue: 'fine', consumerTag: 'c', noWait: true });
    expect(contents(journal)).toMatchObject({
      queues: ['fine', 'bad'],
      channels: { 1: { consumers: ['c @ fine'] } },
    });
    channel.refuse(
      'queue.declare',
      406,
      "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'bad' in vhost",
    );
    expect(contents(journal)).toEqual({ ...NOTHING, queues: ['fine'], channels: {} });
  });

  test('nothing that was only looked at', () => {
    channel.ask('queue.declare', { queue: 'q', passive: true });
    channel.ask('exchange.declare', { exchange: 'e', passive: true });
    expect(contents(journal)).toEqual(NOTHING);
  });

  test('a queue that the broker named goes by that name, and will be asked for without one', () => {
    channel.ask('queue.declare', { exclusive: true }, { queue: 'amq.gen-1' });
    expect(journal.entities.queues.get('amq.gen-1')).toMatchObject({
      isServerNamed: true,
      args: { queue: '' },
    });
  });

  test('replies of different kinds may overtake each other', () => {
    channel.send('basic.consume', { queue: 'q', consumerTag: 'c' });
    channel.send('queue.declare', { queue: 'r' });
    channel.hear('queue.declare-ok', { queue: 'r' });
    channel.hear('basic.consume-ok', { consumerTag: 'c' });
    expect(contents(journal)).toMatchObject({ queues: ['r'], channels: { 1: { consumers: ['c @ q'] } } });
  });

  test('replies for two consumers may overtake each other, named by us or by the broker', () => {
    channel.send('basic.consume', { queue: 'slow', consumerTag: 'A' });
    channel.send('basic.consume', { queue: 'fast', consumerTag: 'B' });
    channel.send('basic.consume', { queue: 'faster' });
    channel.hear('basic.consume-ok', { consumerTag: 'amq.ctag' });
    channel.hear('basic.consume-ok', { consumerTag: 'B' });
    channel.hear('basic.consume-ok', { consumerTag: 'A' });
    expect(contents(journal).channels).toEqual({
      1: { consumers: ['amq.ctag @ faster', 'B @ fast', 'A @ slow'] },
    });
  });

  test('the same binding said twice is one; with other arguments, in whatever order, it is another', () => {
    const bind = (table: Record<string, unknown>) =>
      channel.ask('queue.bind', { queue: 'q', exchange: 'e', routingKey: 'k', arguments: table as never });
    bind({ a: 1, b: { c: [1, 2n], d: Buffer.from('x') } });
    bind({ b: { d: Buffer.from('x'), c: [1, 2n] }, a: 1 });
    expect(journal.entities.bindings).toHaveLength(1);
    bind({ a: 2 });
    expect(journal.entities.bindings).toHaveLength(2);
  });
});

describe('what is forgotten', () => {
  beforeEach(() => {
    channel.ask('exchange.declare', { exchange: 'e' });
    channel.ask('queue.declare', { queue: 'q' });
    channel.ask('queue.bind', { queue: 'q', exchange: 'e', routingKey: 'k' });
    channel.ask('basic.consume', { queue: 'q', consumerTag: 'c' });
  });

  test('a deleted queue, with its bindings and with its consumers on all channels', () => {
    const other = new Talk(journal, 2);
    other.ask('basic.consume', { queue: 'q', consumerTag: 'd' });
    channel.ask('queue.delete', { queue: 'q' });
    expect(contents(journal)).toEqual({ ...NOTHING, exchanges: ['e'], channels: { 1: {}, 2: {} } });
  });

  test('not one whose deletion was refused', () => {
    channel.send('queue.delete', { queue: 'q', ifUnused: true });
    channel.refuse('queue.delete', 406, "PRECONDITION_FAILED - queue 'q' in vhost '/' in use");
    expect(contents(journal)).toMatchObject({ queues: ['q'], bindings: ['e -> q (k)'], channels: {} });
  });

  test('a deleted exchange, with the bindings from it and to it', () => {
    channel.ask('exchange.declare', { exchange: 'f' });
    channel.ask('exchange.bind', { source: 'f', destination: 'e' });
    channel.ask('exchange.delete', { exchange: 'e' });
    expect(contents(journal)).toMatchObject({ exchanges: ['f'], queues: ['q'], bindings: [] });
  });

  test('bindings that were undone', () => {
    channel.ask('queue.unbind', { queue: 'q', exchange: 'e', routingKey: 'another' });
    expect(journal.entities.bindings).toHaveLength(1);
    channel.ask('queue.unbind', { queue: 'q', exchange: 'e', routingKey: 'k' });
    channel.ask('exchange.bind', { source: 'e', destination: 'f' });
    channel.ask('exchange.unbind', { source: 'e', destination: 'f' });
    expect(contents(journal)).toMatchObject({ exchanges: ['e'], queues: ['q'], bindings: [] });
  });

  test('a cancelled consumer, answered or not, and one that the broker has cancelled', () => {
    channel.send('basic.cancel', { consumerTag: 'c' });
    expect(contents(journal)).toMatchObject({ channels: { 1: {} } });
    channel.ask('basic.consume', { queue: 'q', consumerTag: 'c' });
    channel.hear('basic.cancel', { consumerTag: 'c' });
    expect(contents(journal).channels).toEqual({ 1: {} });
  });

  test('a closed channel with its consumers, whoever closed it', () => {
    const other = new Talk(journal, 2);
    other.ask('basic.consume', { queue: 'q', consumerTag: 'd' });
    other.send('channel.close');
    other.hear('channel.close-ok');
    channel.refuse('basic.publish');
    expect(contents(journal)).toMatchObject({ queues: ['q'], bindings: ['e -> q (k)'], channels: {} });
  });

  test('a channel that is opened again is a new one', () => {
    channel.ask('confirm.select');
    channel.refuse('basic.publish');
    new Talk(journal, 1);
    expect(contents(journal).channels).toEqual({ 1: {} });
  });

  test('an autoDelete queue, with its last consumer; not before', () => {
    channel.ask('queue.declare', { queue: 'a', autoDelete: true });
    channel.ask('queue.bind', { queue: 'a', exchange: 'e', routingKey: 'x' });
    const other = new Talk(journal, 2);
    channel.ask('basic.consume', { queue: 'a', consumerTag: 'one' });
    other.ask('basic.consume', { queue: 'a', consumerTag: 'two' });
    channel.ask('basic.cancel', { consumerTag: 'one' });
    expect(contents(journal)).toMatchObject({ queues: ['q', 'a'] });
    other.ask('channel.close');
    expect(contents(journal)).toMatchObject({ queues: ['q'], bindings: ['e -> q (k)'] });
  });

  test('an autoDelete exchange, with its last binding, and what hangs on that', () => {
    for (const exchange of ['x', 'y']) channel.ask('exchange.declare', { exchange, autoDelete: true });
    channel.ask('exchange.bind', { source: 'x', destination: 'y' });
    channel.ask('queue.declare', { queue: 'a' });
    channel.ask('queue.bind', { queue: 'a', exchange: 'y', routingKey: '1' });
    channel.ask('queue.bind', { queue: 'a', exchange: 'y', routingKey: '2' });
    channel.ask('queue.unbind', { queue: 'a', exchange: 'y', routingKey: '1' });
    expect(contents(journal)).toMatchObject({ exchanges: ['e', 'x', 'y'] });
    channel.ask('queue.delete', { queue: 'a' });
    expect(contents(journal)).toMatchObject({ exchanges: ['e'], bindings: ['e -> q (k)'] });
  });
});

describe('when the connection is lost', () => {
  test('what was not answered never will be, and channels that were not open are none', () => {
    channel.send('queue.declare', { queue: 'q' });
    journal.sent(2, { name: 'channel.open', args: {} } as never);
    journal.lost();
    channel.hear('queue.declare-ok', { queue: 'q' });
    journal.received(2, { name: 'channel.open-ok', args: {} } as never);
    expect(contents(journal)).toEqual(NOTHING);
  });

  test('a queue with a new name has it in its bindings and for its consumers; its old names lead to it', () => {
    channel.ask('exchange.declare', { exchange: 'e' });
    channel.ask('queue.declare', {}, { queue: 'one' });
    channel.ask('queue.bind', { queue: 'one', exchange: 'e', routingKey: 'one' });
    channel.ask('queue.bind', { queue: 'one', exchange: 'e', routingKey: 'k' });
    channel.ask('basic.consume', { queue: 'one', consumerTag: 'c' });
    journal.renamed('one', 'two');
    journal.renamed('two', 'three');
    expect(contents(journal)).toEqual({
      exchanges: ['e'],
      queues: ['three'],
      bindings: ['e -> three (three)', 'e -> three (k)'],
      channels: { 1: { consumers: ['c @ three'] } },
    });
    expect(['one', 'two', 'three', 'four'].map((name) => journal.names.of(name))).toEqual([
      ...['three', 'three', 'three'],
      'four',
    ]);
    channel.ask('queue.unbind', { queue: 'three', exchange: 'e', routingKey: 'three' });
    expect(journal.entities.bindings).toHaveLength(1);
  });
});
