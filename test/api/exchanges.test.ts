/** Exchanges: declaring, deleting, and binding them to each other. */
import { AccessRefusedError, ExchangeType, NotFoundError, PreconditionFailedError } from '../../src';
import { channel, connection, useChannel } from '../support/channel';
import { count, eventually, privateQueue, takeAll, thrownBy, unique } from '../support/connect';

useChannel();

/** Is there an exchange of this name? A missing one costs the asking channel its life. */
function exists(exchange: string): boolean {
  using inquirer = connection.channel();
  try {
    inquirer.exchangeDeclare(exchange, 'direct', { passive: true });
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(NotFoundError);
    return false;
  }
}

describe('exchangeDeclare', () => {
  it.each(['direct', 'fanout', 'topic', 'headers'] as const)('declares a %s exchange', (type) => {
    const exchange = unique(type);
    channel.exchangeDeclare(exchange, type, { autoDelete: true });
    expect(exists(exchange)).toBe(true);
    channel.exchangeDelete(exchange);
    expect(exists(exchange)).toBe(false);
  });

  it('has names for the types, and direct for no type', () => {
    const exchange = unique();
    channel.exchangeDeclare(exchange);
    channel.exchangeDeclare(exchange, ExchangeType.Direct);
    channel.exchangeDelete(exchange);
  });

  it('is idempotent, but not for other properties: 406', () => {
    const exchange = unique();
    channel.exchangeDeclare(exchange, 'fanout', { durable: true });
    channel.exchangeDeclare(exchange, 'fanout', { durable: true });
    const error = thrownBy(() => channel.exchangeDeclare(exchange, 'fanout', { durable: false }));
    expect(error).toBeInstanceOf(PreconditionFailedError);
    expect(error.message).toContain("inequivalent arg 'durable'");
    expect(error.message).toContain(
      'declareQueue and declareExchange make it durable unless told otherwise, queueDeclare and exchangeDeclare only when told to',
    );
    channel.reopen();
    channel.exchangeDelete(exchange);
  });

  it('passive only looks: 404 when it is missing', () => {
    const exchange = unique();
    expect(() => channel.exchangeDeclare(exchange, 'fanout', { passive: true })).toThrow(NotFoundError);
    expect(exists(exchange)).toBe(false);
  });

  it('autoDelete: gone with its last binding', () => {
    const exchange = unique();
    channel.exchangeDeclare(exchange, 'fanout', { autoDelete: true });
    const queue = privateQueue(channel);
    channel.queueBind(queue, exchange);
    channel.queueUnbind(queue, exchange);
    expect(exists(exchange)).toBe(false);
  });

  it('internal: publishing to it is refused, other exchanges may feed it', () => {
    const [inner, outer] = [unique('inner'), unique('outer')];
    channel.exchangeDeclare(inner, 'fanout', { internal: true });
    channel.exchangeDeclare(outer, 'fanout');
    channel.exchangeBind(inner, outer);
    const queue = privateQueue(channel);
    channel.queueBind(queue, inner);
    channel.basicPublish('through', { exchange: outer });
    expect(takeAll(channel, queue)).toEqual(['through']);
    channel.exchangeDelete(outer);
    channel.exchangeDelete(inner);

    channel.exchangeDeclare(inner, 'fanout', { internal: true, autoDelete: true });
    channel.basicPublish('refused', { exchange: inner });
    expect(() => channel.exchangeDelete(inner)).toThrow(AccessRefusedError);
    channel.reopen();
    channel.exchangeDelete(inner);
  });

  it('arguments: what no queue takes goes to the alternate exchange', () => {
    const [main, spare] = [unique('main'), unique('spare')];
    channel.exchangeDeclare(spare, 'fanout');
    channel.exchangeDeclare(main, 'direct', { arguments: { 'alternate-exchange': spare } });
    const queue = privateQueue(channel);
    channel.queueBind(queue, spare);
    channel.basicPublish('astray', { exchange: main, routingKey: 'nobody' });
    expect(takeAll(channel, queue)).toEqual(['astray']);
    channel.exchangeDelete(main);
    channel.exchangeDelete(spare);
  });

  it('noWait: declared without waiting, in order with what follows', () => {
    const exchange = unique();
    channel.exchangeDeclare(exchange, 'fanout', { noWait: true });
    channel.exchangeDeclare(exchange, 'fanout', { passive: true });
    channel.exchangeDelete(exchange, { noWait: true });
    expect(() => channel.exchangeDeclare(exchange, 'fanout', { passive: true })).toThrow(NotFoundError);
  });
});

describe('exchangeDelete', () => {
  it('succeeds for an exchange that is not there', () => {
    channel.exchangeDelete(unique());
    expect(channel.isOpen).toBe(true);
  });

  it('ifUnused: refuses with 406 while something is bound', () => {
    const exchange = unique();
    channel.exchangeDeclare(exchange, 'fanout');
    const queue = privateQueue(channel);
    channel.queueBind(queue, exchange);
    expect(() => channel.exchangeDelete(exchange, { ifUnused: true })).toThrow(PreconditionFailedError);
    channel.reopen();
    channel.queueUnbind(queue, exchange);
    channel.exchangeDelete(exchange, { ifUnused: true });
    expect(exists(exchange)).toBe(false);
  });
});

describe('routing', () => {
  it.each([
    ['stock.*.nyse', 'stock.ibm.nyse', true],
    ['stock.*.nyse', 'stock.ibm.eu.nyse', false],
    ['stock.#', 'stock.ibm.eu.nyse', true],
  ])('topic: binding %s, key %s: %s', (routingKey, key, arrives) => {
    const queue = privateQueue(channel);
    channel.queueBind(queue, 'amq.topic', { routingKey });
    channel.basicPublish('quote', { exchange: 'amq.topic', routingKey: key });
    expect(takeAll(channel, queue)).toEqual(arrives ? ['quote'] : []);
  });

  it('headers: the arguments of the binding are compared with the headers of the message', () => {
    const queue = privateQueue(channel);
    channel.queueBind(queue, 'amq.headers', {
      arguments: { 'x-match': 'all', kind: 'report', pages: 3 },
    });
    channel.basicPublish('three', { exchange: 'amq.headers', headers: { kind: 'report', pages: 3 } });
    channel.basicPublish('four', { exchange: 'amq.headers', headers: { kind: 'report', pages: 4 } });
    expect(takeAll(channel, queue)).toEqual(['three']);
  });
});

describe('exchangeBind and exchangeUnbind', () => {
  it('let one exchange receive from another by routing key, until unbound with the same arguments', () => {
    const [destination, source] = [unique('destination'), unique('source')];
    channel.exchangeDeclare(destination, 'fanout');
    channel.exchangeDeclare(source, 'direct');
    const queue = privateQueue(channel);
    channel.queueBind(queue, destination);
    const binding = { routingKey: 'red', arguments: { reason: 'test' } };

    channel.exchangeBind(destination, source, binding);
    channel.basicPublish('red', { exchange: source, routingKey: 'red' });
    channel.basicPublish('blue', { exchange: source, routingKey: 'blue' });
    expect(takeAll(channel, queue)).toEqual(['red']);

    channel.exchangeUnbind(destination, source, binding);
    channel.basicPublish('red', { exchange: source, routingKey: 'red' });
    expect(takeAll(channel, queue)).toEqual([]);
    channel.exchangeDelete(source);
    channel.exchangeDelete(destination);
  });

  it('with noWait are done without waiting', () => {
    const queue = privateQueue(channel);
    const [destination, source] = [unique('destination'), unique('source')];
    channel.exchangeDeclare(destination, 'fanout', { noWait: true });
    channel.exchangeDeclare(source, 'fanout', { noWait: true });
    channel.queueBind(queue, destination);
    channel.exchangeBind(destination, source, { noWait: true });
    channel.basicPublish('x', { exchange: source });
    eventually(() => count(channel, queue) === 1);
    channel.exchangeUnbind(destination, source, { noWait: true });
    channel.exchangeDelete(source);
    channel.exchangeDelete(destination);
  });

  it('404 when one of them is missing', () => {
    const error = thrownBy(() => channel.exchangeBind(unique('missing'), 'amq.fanout'));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ method: 'exchange.bind' });
  });
});
