import { shipOrders } from '../../examples/testing/ship-orders';
import { connect, type EmbeddedBroker, startBroker } from '../../src';

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
  for (const id of [1, 2, 3]) connection.queue('orders').publish(JSON.stringify({ id }));

  const shipped = shipOrders(broker.url, ({ id }) => {
    if (id === 2) throw new Error('sold out');
  });

  expect(shipped).toBe(2);
  expect(broker.messages('orders')).toEqual([]);
  expect(broker.messages('dead').map(({ text }) => text)).toEqual(['{"id":2}']);
});
