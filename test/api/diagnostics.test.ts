/** What diagnostics channels tell of a program's calls, and of what happens to it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import { inspect } from 'node:util';
import {
  type BatchOperation,
  type CallOperation,
  type ClosedEvent,
  type CloseOperation,
  type ConfirmedEvent,
  type ConfirmOperation,
  type ConnectOperation,
  type DeliveredEvent,
  type FailedEvent,
  type IncomingMessage,
  Message,
  NotFoundError,
  type ProcessOperation,
  type PublishOperation,
  type ReturnedEvent,
  type RpcOperation,
  retry,
  type SettledEvent,
  type SubscribeOptions,
  typed,
  UnroutableError,
  type WaitOperation,
  waitAny,
} from '../../src';
import { build } from '../support/built';
import { channel, connection, useChannel } from '../support/channel';
import { drainUntil, eventually, open, privateQueue, takeAll, thrownBy } from '../support/connect';
import { failureOf } from '../support/peers/peer';
import { factsOf, namesOf, type Told, toldDuring } from '../support/told';

useChannel();

/** The facts, without what every one has: whose they are. */
function ownFacts(told: readonly Told[], name: string): object[] {
  return factsOf<Record<string, unknown>>(told, name).map(({ connection: _, channel: __, ...own }) => own);
}

/** More than a frame has room for. */
const LARGE = 'x'.repeat(200_000);

/** All of it is of this connection, and this channel. */
function expectWhose(told: readonly Told[]): void {
  for (const { facts } of told) expect([facts.connection, facts.channel]).toEqual([connection, channel]);
}

const HEADERS = tracingChannel('amqp-sync:publish').start;

/** Publish with a subscriber that adds a header. */
function withHeader(publish: () => void): void {
  const add = (operation: unknown) => {
    (operation as PublishOperation).headers['x-trace'] = 'here';
  };
  HEADERS.subscribe(add);
  try {
    publish();
  } finally {
    HEADERS.unsubscribe(add);
  }
}

describe('a connection', () => {
  test('is opened and closed between start and end; its channels end with it', () => {
    const told = toldDuring(() => {
      const other = open();
      other.channel();
      other.close();
    });
    const names = namesOf(told).filter((name) => !name.startsWith('call'));
    expect(names).toEqual(['connect:start', 'connect:end', 'close:start', 'close', 'close', 'close:end']);
    const [connect] = factsOf<ConnectOperation>(told, 'connect:end');
    expect(connect?.hosts).toEqual([connection.stats().host]);
    expect(connect?.connection).not.toBe(connection);
    const ends = factsOf<ClosedEvent>(told, 'close');
    expect(ends.map(({ error }) => error.code)).toEqual(['CLOSED', 'CLOSED']);
    expect(ends.map((end) => end.channel?.id)).toEqual([1, undefined]);
    expect(ends.every((end) => end.connection === connect?.connection)).toBe(true);
  });

  test('that cannot be opened', () => {
    let error: unknown;
    const told = toldDuring(() => {
      error = thrownBy(() => open({ url: 'amqp://127.0.0.1:1', connectTimeout: 2000 }));
    }, 'connect');
    expect(namesOf(told)).toEqual(['connect:start', 'connect:error', 'connect:end']);
    expect(factsOf<ConnectOperation>(told, 'connect:error')[0]).toMatchObject({
      hosts: ['127.0.0.1:1'],
      error,
    });
  });

  test('that cannot be opened has not been closed', () => {
    const told = toldDuring(() => {
      expect(thrownBy(() => open({ url: 'amqp://127.0.0.1:1', connectTimeout: 2000 }))).toBeInstanceOf(Error);
    });
    expect(namesOf(told)).toEqual(['connect:start', 'connect:error', 'connect:end']);
  });

  test('is shown at any moment', () => {
    const shown: string[] = [];
    const show = (facts: unknown) => void shown.push(inspect(facts), JSON.stringify(facts));
    const { start, error } = tracingChannel('amqp-sync:connect');
    start.subscribe(show);
    error.subscribe(show);
    try {
      open().close();
      thrownBy(() => open({ url: 'amqp://127.0.0.1:1', connectTimeout: 2000 }));
    } finally {
      start.unsubscribe(show);
      error.unsubscribe(show);
    }
    expect(shown).toHaveLength(6);
    for (const text of shown) expect(text).toMatch(/hosts.*127\.0\.0\.1/s);
  });

  test('whose facts a subscriber freezes is opened, and published to', () => {
    const queue = privateQueue(channel);
    channel.confirmSelect();
    const freeze = (facts: unknown) => void Object.freeze(facts);
    const starts = ['connect', 'publish', 'batch', 'call'].map((name) => `tracing:amqp-sync:${name}:start`);
    for (const name of starts) subscribe(name, freeze);
    try {
      open().close();
      channel.basicPublish('one', { routingKey: queue });
      channel.publishBatch(['two'], { routingKey: queue });
      expect(thrownBy(() => open({ url: 'amqp://127.0.0.1:1', connectTimeout: 2000 })).name).toBe(
        'ConnectError',
      );
    } finally {
      for (const name of starts) unsubscribe(name, freeze);
    }
    expect(takeAll(channel, queue)).toEqual(['one', 'two']);
  });

  test('calls of its own', () => {
    const told = toldDuring(() => connection.flush());
    expect(namesOf(told)).toEqual(['call:start', 'call:end']);
    expect(told[0]?.facts).toEqual({ connection, channel: undefined, method: 'flush' });
  });
});

describe('a call', () => {
  test('that is answered, with nothing of the answer', () => {
    const told = toldDuring(() => privateQueue(channel), 'call');
    expect(namesOf(told)).toEqual(['call:start', 'call:end']);
    expect(told[1]?.facts).toEqual({ connection, channel, method: 'queue.declare' });
  });

  test('that the broker refuses: the error, and the end of the channel', () => {
    const told = toldDuring(() => failureOf(() => channel.queueDeclare('no-such-queue', { passive: true })));
    expect(namesOf(told)).toEqual(['call:start', 'close', 'call:error', 'call:end']);
    expectWhose(told);
    const [{ method, error }] = factsOf<CallOperation>(told, 'call:error') as [CallOperation];
    expect(method).toBe('queue.declare');
    expect(error).toBeInstanceOf(NotFoundError);
    expect(factsOf<ClosedEvent>(told, 'close')[0]?.error).toBe(error);
  });

  test('channel.close is an operation of its own', () => {
    const told = toldDuring(() => channel.close());
    expect(namesOf(told)).toEqual(['close:start', 'close', 'close:end']);
    expectWhose(told);
    expect(factsOf<CloseOperation>(told, 'close:end')[0]?.error).toBeUndefined();
  });

  test('wrong arguments are refused as ever, with an error', () => {
    const told = toldDuring(() => {
      expect(() => channel.queueDeclare(5 as never)).toThrow(TypeError);
      expect(() => channel.basicPublish(5 as never)).toThrow('body must be a string or a Uint8Array');
      expect(() => channel.basicPublish('x', { routing_key: 'q' } as never)).toThrow(TypeError);
      expect(() => channel.basicPublish('x', { headers: 5 as never })).toThrow(TypeError);
    }, 'publish');
    // what is wrong with the body and the names of options is found before anybody can be told of a publish
    expect(namesOf(told)).toEqual(['publish:start', 'publish:error', 'publish:end']);
    expect(factsOf<PublishOperation>(told, 'publish:error')[0]?.error).toBeInstanceOf(TypeError);
  });
});

describe('a publish', () => {
  test('what it is told with', () => {
    const queue = privateQueue(channel);
    const options = { routingKey: queue, mandatory: true, headers: { a: 1 }, messageId: 'm1' };
    const told = toldDuring(() => channel.basicPublish('häuser', options));
    expect(namesOf(told)).toEqual(['publish:start', 'publish:end']);
    expectWhose(told);
    expect(ownFacts(told, 'publish:start')).toEqual([
      {
        exchange: '',
        routingKey: queue,
        mandatory: true,
        size: 7,
        properties: { contentEncoding: 'utf-8', messageId: 'm1' },
        headers: { a: 1 },
        batch: undefined,
        seqNo: undefined,
      },
    ]);
  });

  test('its confirm: the wait, and the word of the broker with the publish that it is about', () => {
    channel.confirmSelect();
    const told = toldDuring(() => channel.basicPublish('x', { exchange: 'amq.fanout', routingKey: 'k' }));
    expect(namesOf(told)).toEqual([
      'publish:start',
      'confirm:start',
      'confirm',
      'confirm:end',
      'publish:end',
    ]);
    expectWhose(told);
    expect(factsOf<ConfirmOperation>(told, 'confirm:start')[0]?.unconfirmed).toBe(1);
    const [operation] = factsOf<PublishOperation>(told, 'publish:start');
    expect(operation?.seqNo).toBe(1);
    const [confirmed] = factsOf<ConfirmedEvent>(told, 'confirm');
    expect(confirmed).toMatchObject({ seqNo: 1, exchange: 'amq.fanout', routingKey: 'k', status: 'acked' });
    expect(confirmed?.publish).toBe(operation);
  });

  test('nobody waits for the confirm: it is told when it comes', () => {
    channel.confirmSelect();
    const told = toldDuring(() => {
      for (let count = 0; count < 3; count++) channel.basicPublish('x', { wait: false });
      channel.waitForConfirms();
    });
    expect(namesOf(told).filter((name) => name === 'publish:end')).toHaveLength(3);
    const numbers = factsOf<ConfirmedEvent>(told, 'confirm').map(({ seqNo }) => seqNo);
    expect(numbers).toEqual([1, 2, 3]);
  });

  test('that no queue takes: the returned message, and the error', () => {
    channel.confirmSelect();
    const told = toldDuring(() =>
      failureOf(() => channel.basicPublish('lost', { routingKey: 'no-such-queue', mandatory: true })),
    );
    expect(namesOf(told)).toEqual([
      ...['publish:start', 'confirm:start', 'return', 'confirm', 'confirm:end'],
      ...['publish:error', 'publish:end'],
    ]);
    expectWhose(told);
    expect(factsOf<ReturnedEvent>(told, 'return')[0]?.message.text).toBe('lost');
    expect(factsOf<ConfirmedEvent>(told, 'confirm')[0]?.status).toBe('returned');
    expect(factsOf<PublishOperation>(told, 'publish:error')[0]?.error).toBeInstanceOf(UnroutableError);
  });

  test('without confirms, too, a message that comes back is told of, when it does', () => {
    const told = toldDuring(() => {
      channel.basicPublish('lost', { routingKey: 'no-such-queue', mandatory: true });
      eventually(() => connection.isAlive && channel.returnedMessages.length === 1);
    }, 'return');
    expect(namesOf(told)).toEqual(['return']);
  });

  test('on a channel that it has closed', () => {
    channel.confirmSelect();
    const told = toldDuring(() =>
      failureOf(() => channel.basicPublish('x', { exchange: 'no-such-exchange' })),
    );
    const [{ status, error }] = factsOf<ConfirmedEvent>(told, 'confirm') as [ConfirmedEvent];
    expect(status).toBe('failed');
    expect(error).toBeInstanceOf(NotFoundError);
  });

  test.each<[string, (queue: string) => void]>([
    ['a verb', (queue) => channel.basicPublish('x', { routingKey: queue })],
    [
      'a verb, with headers',
      (queue) => channel.basicPublish('x', { routingKey: queue, headers: { own: 1 } }),
    ],
    [
      'a message with headers',
      (queue) => channel.basicPublish(new Message('x', { headers: { own: 1 } }), { routingKey: queue }),
    ],
    ['a queue', (queue) => channel.getQueue(queue, { ensure: false }).publish('x')],
    ['an exchange', (queue) => channel.defaultExchange.publish('x', queue)],
  ])('a header that a subscriber adds goes with the message, and with no other: %s', (what, publish) => {
    const queue = privateQueue(channel);
    publish(queue);
    withHeader(() => publish(queue));
    publish(queue);
    const headers = [1, 2, 3].map(() => channel.basicGet(queue, { noAck: true })?.properties.headers ?? {});
    const own = what.includes('headers') ? { own: 1 } : {};
    expect(headers).toEqual([own, { ...own, 'x-trace': 'here' }, own]);
  });

  test.each<[string, unknown]>([
    ['a number', 5],
    ['a string', 'abc'],
    ['an array', [1]],
    ['null', null],
    ['a Map with a number for a name', new Map([[5, 1]])],
    ['a function in them', { bad: () => {} }],
    ['a number that RabbitMQ refuses', { deep: { bad: Number.NaN } }],
  ])('wrong headers are refused as they are without a subscriber that adds some: %s', (_, headers) => {
    const publish = () => channel.basicPublish('x', { headers: headers as never });
    const { name, message } = thrownBy(publish);
    withHeader(() => expect(thrownBy(publish)).toMatchObject({ name, message }));
    expect(channel.isOpen).toBe(true);
  });

  test.each<[string, (headers: Record<string, unknown>) => void]>([
    ['nothing', () => {}],
    ['a value', (headers) => Object.assign(headers, { count: 8 })],
    ['a value in a table', (headers) => Object.assign(headers.table as object, { inner: 2 })],
    ['an item of a list', (headers) => (headers.list as unknown[]).push(3)],
    ['a header that goes', (headers) => delete headers.count],
  ])('headers of a message that came, changed in place and sent on, go as they are: %s', (_, change) => {
    const own = { count: typed.int16(7), list: [1, 2], table: { inner: 1 } };
    const queue = privateQueue(channel);
    const sentOn = (within: (publish: () => void) => void) => {
      channel.basicPublish('x', { routingKey: queue, headers: own });
      const { headers } = channel.basicGet(queue, { noAck: true })!.properties;
      change(headers as Record<string, unknown>);
      within(() => channel.basicPublish('x', { routingKey: queue, headers }));
      return new Map(channel.basicGet(queue, { noAck: true })!.typedHeaders);
    };
    const plain = sentOn((publish) => publish());
    const traced = sentOn(withHeader);
    expect(traced.delete('x-trace')).toBe(true);
    expect(traced).toEqual(plain);
  });

  test.each([undefined, null, 5, 'abc', new Map([['m', 1]])])(
    'a subscriber cannot put something else in their place: %p',
    (other) => {
      const queue = privateQueue(channel);
      const errors: unknown[] = [];
      const replace = (operation: unknown) =>
        errors.push(failureOf(() => Object.assign(operation as object, { headers: other })).error);
      HEADERS.subscribe(replace);
      try {
        channel.basicPublish('x', { routingKey: queue, headers: { own: 1 } });
      } finally {
        HEADERS.unsubscribe(replace);
      }
      expect(errors).toEqual([expect.any(TypeError)]);
      expect(channel.basicGet(queue, { noAck: true })?.properties.headers).toEqual({ own: 1 });
    },
  );

  test('the headers of the program stay as they are', () => {
    const headers = { own: 1 };
    const message = new Message('x', { headers });
    withHeader(() => {
      channel.basicPublish('x', { headers });
      channel.basicPublish(message);
    });
    expect(headers).toEqual({ own: 1 });
    expect(message.properties.headers).toEqual({ own: 1 });
  });
});

describe('a batch', () => {
  test('is around its publishes, which name it', () => {
    channel.confirmSelect();
    const told = toldDuring(() => channel.publishBatch(['a', 'b']));
    const names = namesOf(told);
    expect([names.at(0), names.at(-1)]).toEqual(['batch:start', 'batch:end']);
    const [batch] = factsOf<BatchOperation>(told, 'batch:start');
    const publishes = factsOf<PublishOperation>(told, 'publish:start');
    expect(publishes.map((publish) => publish.batch)).toEqual([batch, batch]);
    expect(publishes.map(({ seqNo }) => seqNo)).toEqual([1, 2]);
    expect(factsOf<ConfirmedEvent>(told, 'confirm').map(({ publish }) => publish)).toEqual(publishes);
  });

  test('headers are added to each of its messages', () => {
    channel.confirmSelect();
    const queue = privateQueue(channel);
    withHeader(() => channel.publishBatch(['a', { body: 'b', headers: { own: 1 } }], { routingKey: queue }));
    const headers = [1, 2].map(() => channel.basicGet(queue, { noAck: true })?.properties.headers);
    expect(headers).toEqual([{ 'x-trace': 'here' }, { own: 1, 'x-trace': 'here' }]);
  });

  test('says what was not acked', () => {
    channel.confirmSelect();
    const queue = privateQueue(channel);
    const messages = [{ body: 'a', routingKey: queue }, 'nowhere', { body: 'b', headers: { large: LARGE } }];
    for (const onResult of [undefined, () => {}]) {
      let results: unknown;
      const options = { mandatory: true, ...(onResult && { onResult }) };
      const told = toldDuring(() => {
        results = channel.publishBatch(messages, options as never);
      }, 'batch');
      const [{ failures }] = factsOf<BatchOperation>(told, 'batch:end') as [BatchOperation];
      expect(failures.map(({ status }) => status)).toEqual(['returned', 'not-sent']);
      if (onResult === undefined) expect((results as unknown[]).slice(1)).toEqual(failures);
    }
  });

  test('an item that is none ends it with an error', () => {
    channel.confirmSelect();
    const told = toldDuring(() => failureOf(() => channel.publishBatch([{ a: 1 } as never])), 'batch');
    expect(namesOf(told)).toEqual(['batch:start', 'batch:error', 'batch:end']);
  });
});

describe('a message', () => {
  const read: Record<DeliveredEvent['by'], (queue: string) => void> = {
    get: (queue) => channel.basicGet(queue)?.ack(),
    loop: (queue) => {
      for (const message of channel.consume(queue, { limit: 1 })) message.ack();
    },
    callback: (queue) => {
      channel.basicConsume(queue, (message) => message.ack());
      connection.drainEvents();
    },
  };

  test.each(Object.keys(read) as DeliveredEvent['by'][])('is handed over by %s, and settled', (by) => {
    const queue = privateQueue(channel, 'one');
    const told = toldDuring(() => read[by](queue), 'deliver', 'settle', 'process');
    const process = by === 'callback' ? ['process:start', 'settle', 'process:end'] : ['settle'];
    expect(namesOf(told)).toEqual(['deliver', ...process]);
    expectWhose(told);
    const [delivered] = factsOf<DeliveredEvent>(told, 'deliver');
    expect(delivered).toMatchObject({ by, queue });
    expect(delivered?.message.text).toBe('one');
    const { deliveryTag } = delivered!.message;
    expect(ownFacts(told, 'settle')).toEqual([
      { method: 'basic.ack', deliveryTag, multiple: false, requeue: false },
    ]);
  });

  test.each<[string, (message: IncomingMessage) => void, Partial<SettledEvent>]>([
    ['nack', (message) => message.nack(), { method: 'basic.nack', requeue: true }],
    ['nack away', (message) => message.nack({ requeue: false }), { method: 'basic.nack', requeue: false }],
    ['reject', (message) => message.reject(), { method: 'basic.reject', requeue: false }],
    [
      'reject back',
      (message) => message.reject({ requeue: true }),
      { method: 'basic.reject', requeue: true },
    ],
    ['ack of all', () => channel.basicAck(0, { multiple: true }), { deliveryTag: 0, multiple: true }],
  ])('is settled by %s', (_, settle, wanted) => {
    const message = channel.basicGet(privateQueue(channel, 'one'))!;
    const told = toldDuring(() => settle(message));
    expect(namesOf(told)).toEqual(['settle']);
    expect(told[0]?.facts).toMatchObject(wanted);
  });

  test('a settlement that is refused is not told of', () => {
    const message = channel.basicGet(privateQueue(channel, 'one'))!;
    message.ack();
    expect(toldDuring(() => failureOf(() => message.ack()))).toEqual([]);
  });

  test('is processed between start and end, with what the function throws', () => {
    const message = channel.basicGet(privateQueue(channel, 'one'))!;
    const boom = new Error('boom');
    const told = toldDuring(() =>
      failureOf(() =>
        message.process(() => {
          throw boom;
        }),
      ),
    );
    expect(namesOf(told)).toEqual(['process:start', 'settle', 'process:error', 'process:end']);
    expectWhose(told);
    const [{ message: processed, error }] = factsOf<ProcessOperation>(told, 'process:error') as [
      ProcessOperation,
    ];
    expect([processed, error]).toEqual([message, boom]);
  });

  test.each<[string, SubscribeOptions, string[]]>([
    ['onError', { onError: (_, message) => message.ack() }, ['deliver', 'failure', 'settle']],
    [
      'retry',
      { onError: retry({ max: 1, park: false, onError: () => {} }) },
      ['deliver', 'failure', 'settle'],
    ],
    ['nobody', {}, ['deliver', 'settle']],
  ])('over which a function throws: %s deals with it', (who, options, names) => {
    const mine = new Error('mine');
    const consumed = channel.getQueue(privateQueue(channel, 'one'), { ensure: false });
    const told = toldDuring(
      () => {
        using _ = consumed.subscribe(() => {
          throw mine;
        }, options);
        try {
          connection.drainEvents();
        } catch (error) {
          expect([who, error]).toEqual(['nobody', mine]);
        }
      },
      'deliver',
      'failure',
      'settle',
    );
    expect(namesOf(told).slice(0, names.length)).toEqual(names);
    const failures = factsOf<FailedEvent>(told, 'failure');
    expect(failures.map(({ message, error }) => [message.text, error])).toEqual(
      who === 'nobody' ? [] : [['one', mine]],
    );
  });

  test('a store that is bound to the start is the one in the function', () => {
    const store = new AsyncLocalStorage<string>();
    const { start } = tracingChannel('amqp-sync:process');
    start.bindStore(store, (operation) => (operation as ProcessOperation).message.text);
    const seen: (string | undefined)[] = [];
    try {
      const queue = privateQueue(channel, 'one', 'two', 'three');
      channel.basicGet(queue)!.process(() => seen.push(store.getStore()));
      channel.getQueue(queue, { ensure: false }).subscribe(() => seen.push(store.getStore()));
      drainUntil(connection, () => seen.length === 3);
    } finally {
      start.unbindStore(store);
    }
    expect(seen).toEqual(['one', 'two', 'three']);
    expect(store.getStore()).toBeUndefined();
  });
});

describe('a remote call', () => {
  test('is told of on both sides', () => {
    const procedure = `sum-${channel.id}-${process.pid}`;
    const server = open();
    using _ = server.rpc(procedure).serve((request) => (request.json as number) + 1, { exclusive: true });
    const rpc = connection.rpc(procedure);
    // one thread is caller and server: nobody answers while it waits
    const told = toldDuring(() => failureOf(() => rpc.call(1, { timeout: 200 })), 'rpc');
    expect(namesOf(told)).toEqual(['rpc:start', 'rpc:error', 'rpc:end']);
    const [call] = factsOf<RpcOperation>(told, 'rpc:end');
    expect(call).toMatchObject({ connection, procedure, reply: undefined });
    const served = toldDuring(() => server.drainEvents(), 'process', 'publish');
    expect(namesOf(served)).toEqual(['process:start', 'publish:start', 'publish:end', 'process:end']);
    const [answer] = factsOf<PublishOperation>(served, 'publish:end');
    expect(answer?.properties.correlationId).toBe(call?.correlationId);
  });
});

test('a served procedure that throws: its failure, and the answer', () => {
  const procedure = `failing-${channel.id}-${process.pid}`;
  const mine = new Error('mine');
  const server = open();
  const fails = () => {
    throw mine;
  };
  using _ = server.rpc(procedure).serve(fails, { exclusive: true, onError: () => {} });
  const replyTo = server.channel().queueDeclare('', { exclusive: true }).queue;
  channel.basicPublish('1', { routingKey: procedure, replyTo });
  const told = toldDuring(() => server.drainEvents(), 'process', 'failure', 'publish');
  expect(namesOf(told)).toEqual([
    ...['process:start', 'failure', 'publish:start', 'publish:end', 'process:end'],
  ]);
  expect(factsOf<FailedEvent>(told, 'failure')[0]?.error).toBe(mine);
});

describe('a wait', () => {
  test('is told of if there is one', () => {
    const queue = privateQueue(channel, 'one');
    channel.basicConsume(queue, (message) => message.ack());
    eventually(() => connection.stats().queuedEvents === 1);
    expect(toldDuring(() => connection.drainEvents(), 'wait')).toEqual([]);
    const told = toldDuring(() => connection.loop({ timeout: 10 }), 'wait');
    expect(namesOf(told)).toEqual(['wait:start', 'wait:end']);
    const [wait] = factsOf<WaitOperation>(told, 'wait:start');
    expect(wait).toMatchObject({ connections: [connection], awaited: 'an event' });
    expect(wait?.timeout).toBeLessThanOrEqual(10);
  });

  test('for any of several connections', () => {
    const other = open();
    const told = toldDuring(() => waitAny([connection, other], { timeout: 1 }), 'wait');
    expect(namesOf(told)).toEqual(['wait:start', 'wait:end']);
    expect(factsOf<WaitOperation>(told, 'wait:start')[0]?.connections).toEqual([connection, other]);
  });

  test('for a message of a loop', () => {
    const queue = privateQueue(channel);
    const told = toldDuring(() => [...channel.consume(queue, { timeout: 1 })], 'wait');
    expect(factsOf<WaitOperation>(told, 'wait:start')[0]?.awaited).toContain(`of queue "${queue}"`);
  });
});

test('a subscriber that is told in the middle of a call cannot make another, and the call is none the worse', () => {
  channel.confirmSelect();
  const queue = privateQueue(channel);
  const errors: unknown[] = [];
  const told = toldDuring(() => {
    const nest = () => {
      for (const call of [
        () => channel.basicGet(queue),
        () => channel.basicPublish('y'),
        () => connection.channel(),
        () => channel.close(),
        () => connection.close(),
        () => connection.abort(),
      ])
        errors.push(failureOf(call).error);
    };
    subscribe('amqp-sync:confirm', nest);
    try {
      channel.basicPublish('x', { routingKey: queue });
      channel.basicPublish('x', { routingKey: queue });
    } finally {
      unsubscribe('amqp-sync:confirm', nest);
    }
  }, 'confirm');
  expect(factsOf<ConfirmedEvent>(told, 'confirm').map(({ status }) => status)).toEqual(['acked', 'acked']);
  expect(errors).toHaveLength(12);
  for (const error of errors) expect(error).toMatchObject({ name: 'WrongStateError', code: 'NESTED_PUMP' });
  expect(takeAll(channel, queue)).toEqual(['x', 'x']);
});

test('a subscriber may end the program: its connections are closed', () => {
  const script = `
    const { connect } = require(${JSON.stringify(join(build(), 'src'))});
    const { subscribe } = require('node:diagnostics_channel');
    const connection = connect(${JSON.stringify(process.env.AMQP_URL)});
    connection.onClose = ({ code }) => console.log(code);
    const channel = connection.channel();
    channel.confirmSelect();
    subscribe('amqp-sync:confirm', () => process.exit(7));
    channel.basicPublish('x');`;
  const end = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 60_000 });
  expect([end.status, end.stdout, end.stderr]).toEqual([7, 'CLOSED\n', '']);
});

test('what a subscriber throws is an uncaught exception of its own, and does not reach the call', () => {
  const script = `
    const { tracingChannel } = require('node:diagnostics_channel');
    const { connect } = require(${JSON.stringify(join(build(), 'src'))});
    process.on('uncaughtException', (error) => console.log('uncaught:', error.message));
    tracingChannel('amqp-sync:publish').start.subscribe(() => { throw new Error('a faulty subscriber'); });
    using(connect(${JSON.stringify(process.env.AMQP_URL)}));
    function using(connection) {
      connection.channel().basicPublish('x');
      connection.close();
      console.log('published');
    }`;
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 60_000 });
  expect(stdout).toBe('published\nuncaught: a faulty subscriber\n');
});
