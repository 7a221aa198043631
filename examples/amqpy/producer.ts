/** Declares an exchange and a durable queue, and publishes to it. */
import { Connection, Message } from '../../src/compat/amqpy';

{
  using conn = new Connection({ host: 'localhost' });
  const ch = conn.channel();
  ch.exchange_declare('orders', 'topic', { durable: true, auto_delete: false });
  ch.queue_declare('orders.new', { durable: true, auto_delete: false });
  ch.queue_bind('orders.new', 'orders', 'order.*');
  for (let n = 0; n < 3; n++) {
    const msg = new Message(`order ${n}`, {
      delivery_mode: 2,
      application_headers: { number: n },
    });
    ch.basic_publish(msg, 'orders', 'order.created');
  }
  console.log('published');
}
