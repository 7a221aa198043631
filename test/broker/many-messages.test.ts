/** What thousands of messages cost the engine: no more for each than for the first. */
import type { BrokerConnection } from '../../src/broker/connection';
import { DelayedMessages } from '../../src/broker/delayed-messages';
import type { Engine } from '../../src/broker/engine';
import type { QueuedMessage } from '../../src/broker/ready-messages';
import { Timers } from '../../src/broker/timers';
import { call, counts, open, publish, started } from './support/engine';

const COUNT = 5000;
/** Milliseconds before a message comes again. */
const PAUSE = 100_000;

/** A quorum queue with delayed retry, of whose messages a client holds all: each was sent a millisecond after the one before. */
function holding(): {
  engine: Engine;
  clock: { now: number };
  connection: BrokerConnection;
} {
  const { engine, clock } = started('4.3');
  const connection = open(engine);
  call(connection, 'channel.open');
  const args = { 'x-queue-type': 'quorum', 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': PAUSE };
  call(connection, 'queue.declare', { queue: 'q', durable: true, arguments: args });
  for (let count = 0; count < COUNT; count++) publish(connection, 'q', '');
  for (let count = 0; count < COUNT; count++) {
    clock.now++;
    call(connection, 'basic.get', { queue: 'q' });
  }
  return { engine, clock, connection };
}

/** Let time pass, a millisecond after the other. */
function pass(engine: Engine, clock: { now: number }, ms: number): void {
  for (let count = 0; count < ms; count++) {
    clock.now++;
    engine.tick();
  }
}

test('one that comes back is not compared with all that wait', () => {
  let compared = 0;
  const returned: number[] = [];
  const timers = new Timers(() => 0);
  const retry = { type: 'all', min: 1, max: 1 } as const;
  const delayed = new DelayedMessages(timers, retry, () => {});
  for (let place = COUNT; place > 0; place--) {
    const entry = {
      message: { body: '' },
      failures: 0,
      get order() {
        compared++;
        return place;
      },
    };
    delayed.take(entry as unknown as QueuedMessage, true);
  }
  expect(compared).toBeLessThan(COUNT * 40);
  for (const { order } of delayed.clear()) returned.push(order);
  expect(returned).toEqual(Array.from({ length: COUNT }, (_, index) => index + 1));
});

test('messages that come back and wait, and come again one by one', () => {
  const { engine, clock, connection } = holding();
  for (let deliveryTag = 1; deliveryTag <= COUNT; deliveryTag++) {
    clock.now++;
    call(connection, 'basic.reject', { deliveryTag, requeue: true });
  }
  clock.now = engine.timers.due! - 1;
  pass(engine, clock, COUNT / 2);
  expect(counts(engine, 'q')).toEqual([COUNT / 2, 0]);
  pass(engine, clock, COUNT / 2);
  expect(counts(engine, 'q')).toEqual([COUNT, 0]);
});

test('consumers that are late one after the other', () => {
  const { engine, clock } = started('4.3');
  const connection = open(engine);
  const args = { 'x-queue-type': 'quorum', 'x-consumer-timeout': 60_000 };
  call(connection, 'channel.open');
  call(connection, 'queue.declare', { queue: 'q', durable: true, arguments: args });
  const most = 100;
  for (let channel = 2; channel < 2 + COUNT / most; channel++) {
    call(connection, 'channel.open', {}, channel);
    call(connection, 'basic.qos', { prefetchCount: most }, channel);
    call(connection, 'basic.consume', { queue: 'q', consumerTag: 'c' }, channel);
  }
  for (let count = 0; count < COUNT; count++) {
    clock.now++;
    publish(connection, 'q', '');
    connection.output.take();
  }
  expect(counts(engine, 'q')).toEqual([0, COUNT]);
  pass(engine, clock, 60_000 - COUNT);
  expect(counts(engine, 'q')).toEqual([0, COUNT]);
  pass(engine, clock, COUNT / 2);
  expect(counts(engine, 'q')).toEqual([COUNT / 2, COUNT / 2]);
  pass(engine, clock, COUNT / 2);
  expect(counts(engine, 'q')).toEqual([COUNT, 0]);
});

test('timers that are cancelled do not stay until their time comes', () => {
  const timers = new Timers(() => 0);
  const last = timers.at(2_000_000, () => {});
  for (let count = 0; count < COUNT; count++) timers.at(1_000_000 + count, () => {}).cancel();
  for (let count = 0; count < COUNT; count++) timers.at(3_000_000 + count, () => {}).cancel();
  expect(timers.size).toBeLessThan(100);
  expect(timers.due).toBe(2_000_000);
  last.cancel();
  expect(timers.due).toBeUndefined();
});
