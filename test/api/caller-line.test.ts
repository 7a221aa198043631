/** The stack of whatever is thrown begins with the line of the program that called, as a log needs it. */
import { connect, Message, NackMessage, Rpc, startBroker, waitAny } from '../../src';
import * as amqpy from '../../src/compat/amqpy';
import * as pika from '../../src/compat/pika';
import { channel, connection, useChannel } from '../support/channel';
import { CEILING, privateQueue, thrownBy, unique } from '../support/connect';
import { shared as sharedAmqpy } from '../support/facades/amqpy';
import { open as openPika } from '../support/facades/pika';

useChannel();

/** The first frame of what `fn` throws. */
function firstFrame(fn: () => unknown): string {
  const { stack = '' } = thrownBy(fn);
  return stack.slice(stack.indexOf('\n    at ')).split('\n')[1] ?? '';
}

const missing = unique('missing');
const anything = undefined as never;

test.each<[what: string, call: () => unknown]>([
  ['connect: nobody listens', () => connect('amqp://127.0.0.1:1')],
  ['connect: an unknown option', () => connect({ hostnam: 'x' } as never)],
  ['connect: a URL that is none', () => connect('http://localhost')],
  ['connect: wrong credentials', () => connect(process.env.AMQP_URL, { password: 'wrong' })],
  ['channel: a number that is none', () => connection.channel(-1)],
  ['basicGet: no such queue', () => channel.basicGet(missing)],
  ['basicGet: an unknown option', () => channel.basicGet('q', { noack: true } as never)],
  ['publishBatch: the wrong mode', () => channel.publishBatch([])],
  [
    'queueDeclare: arguments that no table can hold',
    () => channel.queueDeclare('q', { arguments: { a: () => 1 } as never }),
  ],
  ['queueBind: a long name', () => channel.queueBind('x'.repeat(256), 'amq.direct')],
  ['basicPublish: no body', () => channel.basicPublish(anything)],
  [
    'basicPublish: headers that no table can hold',
    () => channel.basicPublish('', { headers: { a: Symbol() as never } }),
  ],
  ['basicAck: a tag that is none', () => channel.basicAck(99)],
  ['txCommit: the wrong mode', () => channel.txCommit()],
  ['transaction: no function', () => channel.transaction(anything)],
  ['drainEvents: late', () => connection.drainEvents({ timeout: 1 })],
  ['loop: a wrong limit', () => connection.loop({ timeout: -1 })],
  ['withDeadline: late', () => connection.withDeadline(1, () => connection.loop())],
  ['waitAny: no connections', () => waitAny([anything])],
  ['declareQueue: a wrong type', () => channel.declareQueue('q', { type: 'fast' as never })],
  ['getQueue: no such queue', () => channel.getQueue(missing)],
  ['subscribe: no function', () => channel.declareQueue().subscribe(anything)],
  ['exchange.publish: unroutable', () => channel.defaultExchange.publish('x', missing)],
  ['a for loop: no such queue', () => Array.from(channel.getQueue(missing, { ensure: false }).iterator())],
  ['rpc: nobody serves it', () => connection.rpc(missing).call('x')],
  ['Rpc: nobody serves it', () => new Rpc(channel).call(missing)],
  ['Message: a body that is none', () => new Message(1 as never)],
  ['Message.json: a circle', () => Message.json(1n)],
  ['startBroker: a port that is none', () => startBroker({ port: -1 })],
  [
    'NackMessage: made by the program',
    () => {
      throw new NackMessage();
    },
  ],
])('the stack of an error begins at the caller: %s', (_, call) => {
  expect(firstFrame(call)).toContain(__filename);
});

describe('an error that was made before it is thrown', () => {
  /** The frames of a function with a name of its own. */
  function later(fn: () => unknown) {
    return firstFrame(function inTheLaterCall() {
      fn();
    });
  }

  test('says why a channel has ended, with the stack of the call that throws it', () => {
    channel.exchangeDelete('amq.direct', { noWait: true });
    connection.channel();
    expect(later(() => channel.queueDeclare())).toContain(__filename);
    expect(channel.lastError?.stack?.split('\n')[2]).toContain('inTheLaterCall');
    expect(firstFrame(() => channel.queueDeclare())).toContain(__filename);
  });

  test('says why a connection has ended, with the stack of each call that throws it', () => {
    connection.abort();
    expect(later(() => channel.queueDeclare())).toContain(__filename);
    expect(later(() => connection.drainEvents())).toContain(__filename);
  });

  test('is thrown by an iterator whose channel ends, with the stack of next()', () => {
    const messages = channel.consume(privateQueue(channel));
    channel.exchangeDelete('amq.direct', { noWait: true });
    expect(firstFrame(() => messages.next())).toContain(__filename);
  });

  test('is that of a cancelled consumer, with the stack of the loop that throws it', () => {
    const queue = privateQueue(channel);
    channel.basicConsume(queue, () => {});
    channel.queueDelete(queue);
    expect(firstFrame(() => connection.loop({ timeout: CEILING }))).toContain(__filename);
  });

  test('keeps the stack of the callback that threw it', () => {
    const queue = privateQueue(channel, 'a message');
    channel.basicConsume(queue, function theCallback() {
      throw new Error('its own');
    });
    expect(firstFrame(() => connection.loop({ timeout: CEILING }))).toContain('theCallback');
  });

  test('comes from a function given to process, with the stack of its own call', () => {
    const message = channel.basicGet(privateQueue(channel, 'a message'));
    expect(firstFrame(() => message?.process(() => channel.basicGet(missing)))).toContain(__filename);
  });
});

describe("pika's verbs", () => {
  let own: pika.BlockingConnection;
  let ch: pika.BlockingChannel;
  beforeEach(() => {
    own = openPika();
    ch = own.channel();
  });

  test.each<[what: string, call: () => unknown]>([
    [
      'BlockingConnection: nobody listens',
      () => new pika.BlockingConnection(new pika.URLParameters('amqp://127.0.0.1:1')),
    ],
    ['URLParameters: an unknown option', () => new pika.URLParameters('amqp://localhost?x=1')],
    ['basic_get: no such queue', () => ch.basic_get(missing)],
    ['basic_get: an unknown keyword', () => ch.basic_get({ que: 'x' } as never)],
    ['queue_declare: a long name', () => ch.queue_declare('x'.repeat(256))],
    ['basic_publish: a body that is none', () => ch.basic_publish('', 'x', 1 as never)],
    [
      'start_consuming: closed',
      () => {
        ch.close();
        ch.start_consuming();
      },
    ],
    [
      'channel: closed',
      () => {
        own.close();
        own.channel();
      },
    ],
    ['consume: no such queue', () => [...ch.consume(missing)]],
  ])('throw errors whose stack begins at the caller: %s', (_, call) => {
    expect(firstFrame(call)).toContain(__filename);
  });
});

describe("amqpy's verbs", () => {
  let conn: amqpy.Connection;
  let ch: amqpy.Channel;
  beforeEach(() => {
    conn = sharedAmqpy();
    ch = conn.channel();
  });

  test.each<[what: string, call: () => unknown]>([
    ['Connection: nobody listens', () => new amqpy.Connection({ host: '127.0.0.1', port: 1 })],
    ['queue_declare: no such queue', () => ch.queue_declare({ queue: missing, passive: true })],
    ['queue_declare: a wrong keyword', () => ch.queue_declare({ que: 'x' } as never)],
    [
      'basic_publish: headers that no table can hold',
      () => ch.basic_publish(new amqpy.Message('x', null, { application_headers: { a: Symbol() as never } })),
    ],
    ['drain_events: late', () => conn.drain_events(0.01)],
    [
      'basic_get: closed',
      () => {
        ch.close();
        ch.basic_get('x');
      },
    ],
    [
      'confirm_select: the wrong mode',
      () => {
        ch.tx_select();
        ch.confirm_select();
      },
    ],
  ])('throw errors whose stack begins at the caller: %s', (_, call) => {
    expect(firstFrame(call)).toContain(__filename);
  });

  test('throw errors whose stack has all that is known in front', () => {
    const error = thrownBy(() => ch.queue_declare({ queue: missing, passive: true }));
    expect(error.stack?.split('\n')[0]).toBe(`NotFound: ${error}`);
    expect(String(error)).toMatch(
      new RegExp(`^queue\\.declare \\[ch: ${ch.channel_id}\\]: \\(404\\) NOT_FOUND`),
    );
  });
});
