import * as fc from 'fast-check';
import type { Engine } from '../../src/broker/engine';
import { BrokerExchange } from '../../src/broker/exchange';
import { BrokerMessage } from '../../src/broker/message';
import type { BrokerQueue } from '../../src/broker/queue';
import { type QueuedMessage, ReadyMessages } from '../../src/broker/ready-messages';
import { Rules } from '../../src/broker/rules';
import { Timers } from '../../src/broker/timers';
import { call, counts, HEADER, open, publish, started } from './support/engine';

const message = (key: string): BrokerMessage => new BrokerMessage('e', [key], HEADER, Buffer.alloc(0), {});

test('methods in, frames out: a publish is delivered to who consumes', () => {
  const { engine } = started();
  const connection = open(engine);
  call(connection, 'channel.open');
  call(connection, 'queue.declare', { queue: 'q' });
  call(connection, 'basic.consume', { queue: 'q', consumerTag: 'c' });
  const args = { exchange: '', routingKey: 'q', mandatory: false, immediate: false };
  connection.publish(1, args, HEADER, Buffer.from('body'), {});
  expect(Buffer.concat(connection.output.take()).includes('body')).toBe(true);
  expect(engine.memory).toBeGreaterThan(0);
  call(connection, 'basic.ack', { deliveryTag: 1 });
  expect(engine.memory).toBe(0);
});

test('whatever becomes of messages, the memory they took is given back', () => {
  const { engine, clock } = started();
  const connection = open(engine);
  call(connection, 'channel.open');
  const args = { 'x-message-ttl': 100, 'x-max-length': 3, 'x-dead-letter-exchange': '' };
  call(connection, 'queue.declare', { queue: 'q', arguments: args });
  const publish = { exchange: '', routingKey: 'q', mandatory: false, immediate: false };
  for (let n = 0; n < 5; n++) connection.publish(1, publish, HEADER, Buffer.from('body'), {});
  call(connection, 'basic.get', { queue: 'q' });
  call(connection, 'basic.get', { queue: 'q' });
  call(connection, 'basic.nack', { deliveryTag: 2, requeue: true });
  clock.now += 100;
  engine.tick();
  call(connection, 'queue.delete', { queue: 'q' });
  const limited = { 'x-queue-type': 'quorum', 'x-delivery-limit': 0, 'x-dead-letter-exchange': '' };
  call(connection, 'queue.declare', { queue: 'q', durable: true, arguments: limited });
  connection.publish(1, publish, HEADER, Buffer.from('body'), {});
  call(connection, 'basic.get', { queue: 'q' });
  call(connection, 'basic.nack', { deliveryTag: 3, requeue: true });
  connection.end();
  expect(engine.memory).toBe(0);
  expect(engine.connections.size).toBe(0);
});

describe('a connection that ends gives everything back, and takes nothing of it', () => {
  const PUBLISH = { exchange: '', routingKey: 'q', mandatory: false, immediate: false };
  const queueOf = (engine: Engine) => engine.vhosts.get('/')!.queues.get('q')!;

  test('what it had comes back once, however many of its channels consume', () => {
    const { engine } = started();
    const connection = open(engine);
    const args = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 };
    for (let channel = 1; channel <= 5; channel++) {
      call(connection, 'channel.open', {}, channel);
      call(connection, 'queue.declare', { queue: 'q', durable: true, arguments: args }, channel);
      call(connection, 'basic.consume', { queue: 'q', consumerTag: 'c' }, channel);
    }
    connection.publish(1, PUBLISH, HEADER, Buffer.from('body'), {});
    connection.end();
    expect([...queueOf(engine).messages()].map(({ returns }) => returns)).toEqual([1]);
  });

  test.each([{}, { 'x-single-active-consumer': true }])(
    'nothing is lost to a consumer without acks, %j',
    (args) => {
      const { engine } = started();
      const connection = open(engine);
      call(connection, 'channel.open');
      call(connection, 'channel.open', {}, 2);
      call(connection, 'queue.declare', { queue: 'q', durable: true, arguments: args });
      call(connection, 'basic.consume', { queue: 'q', consumerTag: 'first' });
      for (let n = 0; n < 5; n++) connection.publish(1, PUBLISH, HEADER, Buffer.from('body'), {});
      call(connection, 'basic.consume', { queue: 'q', consumerTag: 'heir', noAck: true }, 2);
      connection.end();
      expect(queueOf(engine).messageCount).toBe(5);
    },
  );

  test('what was acked in a transaction whose commit fails', () => {
    const { engine } = started('4.3');
    const [connection, other] = [open(engine), open(engine)];
    for (const each of [connection, other]) call(each, 'channel.open');
    for (const queue of ['q', 'gone']) call(connection, 'queue.declare', { queue, durable: true });
    publish(connection, 'q');
    call(connection, 'tx.select');
    call(connection, 'basic.get', { queue: 'q' });
    call(connection, 'basic.ack', { deliveryTag: 1 });
    publish(connection, 'gone');
    call(other, 'queue.delete', { queue: 'gone' });
    call(connection, 'tx.commit');
    expect(connection.state).toBe('closing');
    expect(counts(engine, 'q')).toEqual([1, 0]);
  });

  test('a stream that is deleted has nothing any more, whoever has something of it', () => {
    const { engine } = started('4.3');
    const connection = open(engine);
    call(connection, 'channel.open');
    const args = { 'x-queue-type': 'stream' };
    call(connection, 'queue.declare', { queue: 'q', durable: true, arguments: args });
    const stream = queueOf(engine);
    publish(connection, 'q');
    call(connection, 'queue.delete', { queue: 'q' });
    expect([[...stream.messages()], engine.memory]).toEqual([[], 0]);
  });

  test.each(['basic.nack', 'tx.commit', 'basic.recover'] as const)(
    'what comes by %s with a message of a stream, which 3.10 cannot take back',
    (method) => {
      const { engine } = started();
      const connection = open(engine);
      call(connection, 'channel.open');
      const args = { 'x-queue-type': 'stream' };
      call(connection, 'queue.declare', { queue: 's', durable: true, arguments: args });
      call(connection, 'queue.declare', { queue: 'q', durable: true });
      for (const queue of ['s', 'q', 'q']) publish(connection, queue);
      call(connection, 'basic.qos', { prefetchCount: 10 });
      const first = { 'x-stream-offset': 'first' };
      call(connection, 'basic.consume', { queue: 's', consumerTag: 'c', arguments: first });
      for (let count = 0; count < 2; count++) call(connection, 'basic.get', { queue: 'q' });
      if (method === 'tx.commit') {
        call(connection, 'tx.select');
        for (let deliveryTag = 1; deliveryTag <= 3; deliveryTag++)
          call(connection, 'basic.nack', { deliveryTag, requeue: true });
        call(connection, method);
      } else {
        call(connection, method, { deliveryTag: 0, multiple: true, requeue: true } as never);
      }
      expect(connection.state).toBe('closing');
      expect([counts(engine, 's'), counts(engine, 'q')]).toEqual([
        [1, 0],
        [2, 0],
      ]);
    },
  );
});

test('topics: as the pattern says, whatever else is bound', () => {
  const words = fc.array(fc.constantFrom('a', 'b', '', '*'), { minLength: 1, maxLength: 4 });
  const patterns = fc.array(fc.constantFrom('a', 'b', '', '*', '#'), { minLength: 1, maxLength: 4 });
  /** The words of a key, which has none if it is empty as a whole. */
  const wordsOf = (parts: readonly string[]) => (parts.join('.') === '' ? [] : parts);
  const isMatch = (pattern: readonly string[], key: readonly string[]): boolean => {
    const [first, ...rest] = pattern;
    if (first === undefined) return key.length === 0;
    if (first === '#') return isMatch(rest, key) || (key.length > 0 && isMatch(pattern, key.slice(1)));
    return key.length > 0 && (first === '*' || first === key[0]) && isMatch(rest, key.slice(1));
  };
  fc.assert(
    fc.property(fc.array(patterns, { maxLength: 8 }), fc.nat(7), words, (bound, removed, key) => {
      const exchange = new BrokerExchange(
        'e',
        { type: 'topic', durable: false, autoDelete: false, internal: false },
        {},
        new Rules('3.10'),
      );
      const queues = bound.map(
        (_, n) => ({ kind: 'queue', name: `q${n}`, inbound: new Set() }) as unknown as BrokerQueue,
      );
      for (const [n, pattern] of bound.entries()) exchange.bind(queues[n]!, pattern.join('.'), {});
      if (removed < bound.length) exchange.unbind(queues[removed]!, bound[removed]!.join('.'), {});
      const found = new Set<string>();
      exchange.match(message(key.join('.')), ({ name }) => found.add(name));
      const wanted = bound.flatMap((pattern, n) =>
        n !== removed && isMatch(wordsOf(pattern), wordsOf(key)) ? [`q${n}`] : [],
      );
      expect([...found].sort()).toEqual(wanted);
    }),
  );
});

test('ready messages keep their order, whatever is taken and put back', () => {
  const steps = fc.array(fc.oneof(fc.record({ push: fc.nat(2) }), fc.constant('take'), fc.nat(9)), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const ready = new ReadyMessages();
      const taken: QueuedMessage[] = [];
      let order = 0;
      for (const step of all) {
        if (step === 'take') {
          const entry = ready.shift();
          if (entry !== undefined) taken.push(entry);
        } else if (typeof step === 'number') {
          const [entry] = taken.splice(step % Math.max(1, taken.length), 1);
          if (entry !== undefined) ready.putBack(entry);
        } else {
          const { push: priority } = step;
          ready.push({
            message: message('k'),
            order: order++,
            priority,
            level: priority,
            expiry: undefined,
            redelivered: false,
            returns: 0,
            failures: 0,
          });
        }
        const now = [...ready];
        const sorted = [...now].sort(
          (one, other) => other.priority - one.priority || one.order - other.order,
        );
        expect(now).toEqual(sorted);
        expect(ready.length).toBe(now.length);
      }
    }),
  );
});

test('timers run in the order of their times, and not when cancelled', () => {
  const times = fc.array(fc.record({ at: fc.nat(100), cancel: fc.boolean() }));
  fc.assert(
    fc.property(times, fc.nat(100), (all, now) => {
      const timers = new Timers(() => now);
      const ran: number[] = [];
      const set = all.map(({ at }) => timers.at(at, () => ran.push(at)));
      for (const [n, { cancel }] of all.entries()) if (cancel) set[n]!.cancel();
      timers.tick();
      const due = all.filter(({ at, cancel }) => !cancel && at <= now).map(({ at }) => at);
      expect(ran).toEqual(due.sort((one, other) => one - other));
      const later = all.filter(({ at, cancel }) => !cancel && at > now).map(({ at }) => at);
      expect(timers.due).toBe(later.length === 0 ? undefined : Math.min(...later));
    }),
  );
});

describe('what RabbitMQ makes of two connections', () => {
  /** The last of a client's frames, as text. */
  const told = (frames: Buffer) => frames.toString('latin1');

  test('a queue that is exclusive to somebody else cannot be unbound', () => {
    const { engine } = started();
    const [owner, other] = [open(engine), open(engine)];
    for (const connection of [owner, other]) call(connection, 'channel.open');
    call(owner, 'queue.declare', { queue: 'q', exclusive: true });
    call(owner, 'queue.bind', { queue: 'q', exchange: 'amq.direct', routingKey: 'k' });
    const unbind = { queue: 'q', exchange: 'amq.direct', routingKey: 'k' };
    expect(told(call(other, 'queue.unbind', unbind))).toContain('RESOURCE_LOCKED');
    expect(engine.vhosts.get('/')!.exchanges.get('amq.direct')!.bindings.size).toBe(1);
  });

  test('a passive declaration is a use, from which x-expires counts', () => {
    const { engine, clock } = started();
    const connection = open(engine);
    call(connection, 'channel.open');
    call(connection, 'queue.declare', { queue: 'q', durable: true, arguments: { 'x-expires': 100 } });
    for (let n = 0; n < 3; n++) {
      clock.now += 60;
      engine.tick();
      expect(told(call(connection, 'queue.declare', { queue: 'q', passive: true }))).not.toContain(
        'NOT_FOUND',
      );
    }
    clock.now += 101;
    engine.tick();
    expect(engine.vhosts.get('/')!.queues.size).toBe(0);
  });

  test('queues that share a prefetch are served in turn', () => {
    const { engine } = started();
    const connection = open(engine);
    call(connection, 'channel.open');
    const queues = ['a', 'b', 'c'];
    for (const queue of queues) call(connection, 'queue.declare', { queue });
    call(connection, 'basic.qos', { prefetchCount: 1, global: true });
    for (const queue of queues) call(connection, 'basic.consume', { queue, consumerTag: queue });
    const ready = () => queues.map((name) => engine.vhosts.get('/')!.queues.get(name)!.messageCount);
    for (const routingKey of [...'aaabbbccc']) {
      const args = { exchange: '', routingKey, mandatory: false, immediate: false };
      connection.publish(1, args, HEADER, Buffer.from('body'), {});
    }
    for (let deliveryTag = 1; deliveryTag <= 6; deliveryTag++) call(connection, 'basic.ack', { deliveryTag });
    expect(ready()).toEqual([0, 1, 1]);
  });
});
