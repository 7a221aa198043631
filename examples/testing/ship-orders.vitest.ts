/**
 * A test with vitest; yours is named `ship-orders.test.ts`. It runs in both pools, `forks` (vitest's default) and `threads`:
 * a blocked test blocks its own process or thread, and files beside it go on. In neither can vitest end a call that blocks:
 * the time of a test that is over counts once the call has returned. So whatever may wait for ever has a limit of its own.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type EmbeddedBroker, startBroker } from '../../src';
import { shipOrders } from './ship-orders';

let broker: EmbeddedBroker;
beforeAll(() => {
  broker = startBroker();
  using connection = connect(broker.url);
  const channel = connection.channel();
  channel.declareQueue('dead');
  channel.declareQueue('orders', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
});
afterAll(() => broker.close());

test('what cannot be shipped goes to the dead letters', () => {
  using connection = connect(broker.url);
  const channel = connection.channel();
  for (const id of [1, 2]) channel.getQueue('orders').publish(JSON.stringify({ id }));

  const shipped = shipOrders(broker.url, ({ id }) => {
    if (id === 2) throw new Error('sold out');
  });

  expect(shipped).toBe(1);
  expect(channel.getQueue('dead').get({ timeout: 1000 })?.json).toEqual({ id: 2 }); // null after a second
});
