/** pika.BlockingConnection against the broker of this run. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import * as pika from '../../../src/compat/pika';
import { build } from '../../support/built';
import { local, localWith, open, privateQueue, untilSentAhead } from '../../support/facades/pika';
import { duration, errorOf } from '../../support/peers/peer';
import { within } from '../../support/within';

const {
  AMQPConnectionError,
  ChannelClosedByBroker,
  ConnectionWrongStateError,
  InvalidChannelNumber,
  NoFreeChannels,
  ReentrancyError,
} = pika.exceptions;

describe('opening', () => {
  test('with parameters of a URL, and what it says of itself', () => {
    const connection = open();
    expect([connection.is_open, connection.is_closed]).toEqual([true, false]);
    expect(connection).toMatchObject({
      basic_nack_supported: true,
      consumer_cancel_notify_supported: true,
      exchange_exchange_bindings_supported: true,
      publisher_confirms_supported: true,
      basic_nack: true,
      consumer_cancel_notify: true,
      exchange_exchange_bindings: true,
      publisher_confirms: true,
    });
    expect(String(connection)).toMatch(/^<BlockingConnection .+:\d+>$/);
  });

  test('the parameters may be a keyword, and one of a sequence', () => {
    for (const parameters of [local(), [local()]]) {
      using connection = new pika.BlockingConnection({ parameters });
      expect(connection.is_open).toBe(true);
    }
  });

  test('an empty sequence is a ValueError, something else a TypeError', () => {
    expect(() => new pika.BlockingConnection([])).toThrow(RangeError);
    expect(() => new pika.BlockingConnection('amqp://localhost' as never)).toThrow(TypeError);
    expect(() => new pika.BlockingConnection(...([local(), null, 1] as never))).toThrow(
      'takes from 1 to 3 positional',
    );
  });

  test('fails with ProbableAuthenticationError where the credentials are refused', () => {
    const parameters = localWith({ credentials: new pika.PlainCredentials('guest', 'wrong') });
    const error = errorOf<Error>(() => new pika.BlockingConnection(parameters));
    expect(error).toBeInstanceOf(pika.exceptions.ProbableAuthenticationError);
    expect(error).toBeInstanceOf(AMQPConnectionError);
    expect(error.message).not.toContain('wrong');
    expect(error.cause).toMatchObject({ replyCode: 403 });
  });

  test('fails with ProbableAccessDeniedError where there is no such virtual host', () => {
    expect(() => new pika.BlockingConnection(localWith({ virtual_host: 'nowhere' }))).toThrow(
      pika.exceptions.ProbableAccessDeniedError,
    );
  });

  test('fails with AuthenticationError for a mechanism that the broker does not offer', () => {
    const parameters = localWith({ credentials: new pika.ExternalCredentials() });
    expect(() => new pika.BlockingConnection(parameters)).toThrow(pika.exceptions.AuthenticationError);
  });

  test('fails with AMQPConnectionError where nobody is there', () => {
    const parameters = new pika.ConnectionParameters({ host: '127.0.0.1', port: 1 });
    const error = errorOf<Error>(() => new pika.BlockingConnection(parameters));
    expect(error.constructor).toBe(AMQPConnectionError);
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('of a sequence the first that answers is taken', () => {
    const closed = new pika.ConnectionParameters({ host: '127.0.0.1', port: 1 });
    using connection = new pika.BlockingConnection([closed, local()]);
    expect(String(connection)).toContain(`:${local().port}>`);
  });

  test('the last of a sequence says how often all are tried, and the pause between', () => {
    const first = new pika.ConnectionParameters({
      host: '127.0.0.1',
      port: 1,
      connection_attempts: 9,
      retry_delay: 9,
    });
    const last = new pika.ConnectionParameters({
      host: '127.0.0.1',
      port: 2,
      connection_attempts: 3,
      retry_delay: 0.2,
    });
    let error: Error | undefined;
    const ms = duration(() => {
      error = errorOf<Error>(() => new pika.BlockingConnection([first, last]));
    });
    expect(ms).toBeGreaterThan(400);
    expect(ms).toBeLessThan(within(3000));
    expect((error!.cause as { attempts: { port: number }[] }).attempts.map(({ port }) => port)).toEqual([
      1, 2, 1, 2, 1, 2,
    ]);
  });

  test('erase_on_connect: the credentials are gone once it is open', () => {
    const { username, password } = local().credentials as pika.PlainCredentials;
    const credentials = new pika.PlainCredentials(username, password, true);
    open(localWith({ credentials }));
    expect([credentials.username, credentials.password]).toEqual([null, null]);
  });

  test.each([
    ['stack_timeout', { stack_timeout: 0.3 }],
    ['socket_timeout, where that is null,', { stack_timeout: null, socket_timeout: 0.3 }],
  ])('%s limits an attempt', async (_, limits) => {
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((listening) => mute.once('listening', listening));
    const { port } = mute.address() as { port: number };
    const parameters = new pika.ConnectionParameters({ host: '127.0.0.1', port, ...limits });
    const ms = duration(() => {
      expect(errorOf<Error>(() => new pika.BlockingConnection(parameters)).constructor).toBe(
        AMQPConnectionError,
      );
    });
    expect(ms).toBeGreaterThan(250);
    expect(ms).toBeLessThan(within(3000));
    mute.close();
  });

  test('credentials that are refused are not tried again; the refusal is what is thrown', () => {
    const wrong = localWith({ credentials: new pika.PlainCredentials('guest', 'wrong') });
    const closed = new pika.ConnectionParameters({
      host: '127.0.0.1',
      port: 1,
      connection_attempts: 2,
      retry_delay: 0.1,
    });
    const error = errorOf<Error>(() => new pika.BlockingConnection([wrong, closed]));
    expect(error).toBeInstanceOf(pika.exceptions.ProbableAuthenticationError);
    const alone = localWith({ credentials: wrong.credentials, connection_attempts: 3, retry_delay: 5 });
    expect(duration(() => errorOf(() => new pika.BlockingConnection(alone)))).toBeLessThan(within(2000));
  });

  test('heartbeats: a number counts, also above what the broker offers; a function is asked', () => {
    const seen: number[] = [];
    const decide = (given: pika.BlockingConnection, offered: number) => {
      expect(given).toBeInstanceOf(pika.BlockingConnection);
      seen.push(offered);
      return offered;
    };
    open(localWith({ heartbeat: decide }));
    open(localWith({ heartbeat: (_, offered) => decide(_, offered) + 7 }));
    open(localWith({ heartbeat: seen[0]! + 100 }));
    expect(seen).toHaveLength(2);
    expect(() => open(localWith({ heartbeat: () => -1 }))).toThrow('must return an int');
  });
});

describe('closing', () => {
  test('closes, with its channels; what comes after is in the wrong state', () => {
    const connection = open();
    const channel = connection.channel();
    connection.close();
    expect([connection.is_open, connection.is_closed, channel.is_open]).toEqual([false, true, false]);
    for (const call of [
      () => connection.close(),
      () => connection.channel(),
      () => connection.add_callback_threadsafe(() => {}),
      () => connection.update_secret('new', 'why not'),
      () => connection.process_data_events(),
    ]) {
      expect(call).toThrow(ConnectionWrongStateError);
    }
    expect(() => channel.basic_publish('', 'q', 'x')).toThrow(pika.exceptions.ChannelWrongStateError);
    expect(() => channel.close()).toThrow(pika.exceptions.ChannelWrongStateError);
  });

  test('`using` closes what is open, and does not mind what is closed', () => {
    let kept: pika.BlockingConnection;
    {
      using connection = new pika.BlockingConnection(local());
      using channel = connection.channel();
      channel.close();
      kept = connection;
    }
    expect(kept.is_closed).toBe(true);
    {
      using connection = new pika.BlockingConnection(local());
      connection.close(320, 'bye');
    }
  });

  test('a channel that was closed by the broker, unnoticed, does not disturb it', () => {
    const connection = open();
    connection.channel().basic_publish('no such exchange', 'key', 'x');
    connection.close();
    expect(connection.is_closed).toBe(true);
  });

  test('in a callback it ends start_consuming', () => {
    const connection = open();
    const channel = connection.channel();
    const queue = privateQueue(channel, 'last');
    channel.basic_consume(queue, () => connection.close());
    channel.start_consuming();
    expect(connection.is_closed).toBe(true);
  });
});

describe('channels', () => {
  test('have numbers of their own, or a given one', () => {
    const connection = open();
    const first = connection.channel();
    const fifth = connection.channel({ channel_number: 5 });
    const second = connection.channel();
    expect([first, fifth, second].map(Number)).toEqual([1, 5, 2]);
    expect(first.connection).toBe(connection);
    expect(() => connection.channel(5)).toThrow(InvalidChannelNumber);
    first.close();
    expect([connection.channel(), connection.channel(1)].map(Number)).toEqual([3, 1]);
  });

  test('come to an end with NoFreeChannels', () => {
    const connection = open(localWith({ channel_max: 2 }));
    connection.channel();
    connection.channel();
    expect(() => connection.channel()).toThrow(NoFreeChannels);
  });
});

describe('process_data_events', () => {
  test('runs all that is there, and waits only as long as it may', () => {
    const connection = open();
    const channel = connection.channel();
    const queue = privateQueue(channel, 'one', 'two', 'three');
    const seen: string[] = [];
    channel.basic_consume(queue, (_channel, _method, _properties, body) => seen.push(String(body)), {
      auto_ack: true,
    });
    untilSentAhead(channel, queue);
    connection.process_data_events();
    expect(seen).toEqual(['one', 'two', 'three']);
    expect(duration(() => connection.process_data_events(0.2))).toBeGreaterThan(190);
    expect(duration(() => connection.process_data_events({ time_limit: 0 }))).toBeLessThan(within(100));
    channel.basic_publish('', queue, 'four');
    expect(duration(() => connection.process_data_events(30))).toBeLessThan(20_000);
    expect(seen).toHaveLength(4);
  });

  test('with None waits until something comes', () => {
    const connection = open();
    const seen: string[] = [];
    connection.call_later(0.1, () => seen.push('timer'));
    connection.process_data_events(null);
    expect(seen).toEqual(['timer']);
  });

  test('in a callback it waits, and runs nothing; without a limit it refuses', () => {
    const connection = open();
    const seen: string[] = [];
    connection.add_callback_threadsafe(() => {
      connection.add_callback_threadsafe(() => seen.push('inner'));
      expect(duration(() => connection.process_data_events(0.1))).toBeGreaterThan(90);
      expect(duration(() => connection.sleep(0.1))).toBeGreaterThan(90);
      connection.process_data_events();
      expect(() => connection.process_data_events(null)).toThrow(ReentrancyError);
      seen.push('outer');
    });
    connection.process_data_events(1);
    connection.process_data_events(1);
    expect(seen).toEqual(['outer', 'inner']);
  });

  test('throws that a channel was closed, if no call has', () => {
    const connection = open();
    const channel = connection.channel();
    channel.basic_publish('no such exchange', 'key', 'body');
    const error = errorOf<InstanceType<typeof ChannelClosedByBroker>>(() =>
      connection.process_data_events(60),
    );
    expect(error).toBeInstanceOf(ChannelClosedByBroker);
    expect(error.reply_code).toBe(404);
    expect([channel.is_open, connection.is_open]).toEqual([false, true]);
    connection.process_data_events();
  });

  test('what a callback throws comes out as it is', () => {
    const connection = open();
    const error = new Error('mine');
    connection.add_callback_threadsafe(() => {
      throw error;
    });
    expect(errorOf(() => connection.process_data_events(1))).toBe(error);
  });
});

describe('time', () => {
  test('passes in sleep, while callbacks run', () => {
    const connection = open();
    const seen: string[] = [];
    connection.call_later(0.05, () => seen.push('on the way'));
    expect(duration(() => connection.sleep(0.6))).toBeGreaterThan(599);
    expect(seen).toEqual(['on the way']);
    connection.sleep({ duration: 0 });
    expect(() => connection.sleep(-1)).toThrow(RangeError);
    expect(() => connection.sleep(null as never)).toThrow(RangeError);
  });

  test('call_later runs once, in order, and not at all when removed', () => {
    const connection = open();
    const seen: string[] = [];
    connection.call_later(0.2, () => seen.push('second'));
    connection.call_later({ delay: 0.1, callback: () => seen.push('first') });
    const removed = connection.call_later(0.15, () => seen.push('never'));
    connection.remove_timeout(removed);
    connection.remove_timeout(removed);
    while (seen.length < 2) connection.process_data_events(60);
    connection.sleep(0.1);
    expect(seen).toEqual(['first', 'second']);
    expect(() => connection.call_later(1, 'callback' as never)).toThrow('must be callable');
  });
});

describe('other threads', () => {
  test('add_callback_threadsafe runs from the pump', () => {
    const connection = open();
    const seen: string[] = [];
    connection.add_callback_threadsafe(() => seen.push('ran'));
    expect(seen).toEqual([]);
    connection.process_data_events();
    expect(seen).toEqual(['ran']);
    expect(() => connection.add_callback_threadsafe(1 as never)).toThrow(TypeError);
  });

  test('remote: a worker has something done here, while this thread waits', () => {
    const connection = open();
    const seen: unknown[] = [];
    const workerData = connection.remote((value) => seen.push(value));
    const remote = JSON.stringify(join(build(), 'src', 'index.js'));
    const source = `
      const { Remote } = require(${remote});
      new Remote(require('node:worker_threads').workerData).call('done there');`;
    new Worker(source, { eval: true, workerData, transferList: [workerData.port] }).unref();
    connection.process_data_events(60);
    expect(seen).toEqual(['done there']);
  });
});
