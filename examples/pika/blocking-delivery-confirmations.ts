/** pika's documentation: with delivery confirmations, a publish returns when the broker has the message. */
import * as pika from '../../src/compat/pika';

const connection = new pika.BlockingConnection();
const channel = connection.channel();
channel.queue_declare({ queue: 'test', durable: true });

channel.confirm_delivery();

for (const routing_key of ['test', 'nobody listens here']) {
  try {
    channel.basic_publish({
      exchange: '',
      routing_key,
      body: 'Hello World!',
      properties: new pika.BasicProperties({
        content_type: 'text/plain',
        delivery_mode: pika.DeliveryMode.Transient,
      }),
      mandatory: true,
    });
    console.log('Message publish was confirmed');
  } catch (error) {
    if (!(error instanceof pika.exceptions.UnroutableError)) throw error;
    console.log('Message could not be confirmed');
  }
}
connection.close();
