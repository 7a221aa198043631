import { connect } from '../../src';

/** Ships every order that waits; one that cannot be shipped goes to the dead letters. Returns how many were shipped. */
export function shipOrders(url: string, ship: (order: { id: number }) => void): number {
  using connection = connect(url);
  const channel = connection.channel();
  let shipped = 0;
  for (const message of channel.consume('orders', { timeout: 100 })) {
    try {
      ship(message.json as { id: number });
      message.ack();
      shipped++;
    } catch {
      message.reject({ requeue: false });
    }
  }
  return shipped;
}
