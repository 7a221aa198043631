/** pika's documentation: consume from whichever host answers, and from another one when it is lost. */
import * as pika from '../../src/compat/pika';

function on_message(
  ch: pika.BlockingChannel,
  method: pika.spec.Basic.Deliver,
  _properties: pika.BasicProperties,
  body: Buffer,
) {
  console.log(`received ${body}`);
  ch.basic_ack({ delivery_tag: method.delivery_tag });
}

const all_endpoints = [new pika.URLParameters('amqp://node1.invalid'), new pika.ConnectionParameters()];

while (true) {
  try {
    console.log('Connecting...');
    // clients that begin with different hosts share the work among them
    all_endpoints.sort(() => Math.random() - 0.5);
    const connection = new pika.BlockingConnection(all_endpoints);
    const channel = connection.channel();
    channel.basic_qos({ prefetch_count: 1 });
    channel.queue_declare('recovery-example', { durable: true, auto_delete: true });
    channel.basic_consume('recovery-example', on_message);
    console.log('Consuming...');
    try {
      channel.start_consuming();
    } catch (error) {
      if (!(error instanceof pika.KeyboardInterrupt)) throw error;
      channel.stop_consuming();
      connection.close();
      break;
    }
  } catch (error) {
    if (error instanceof pika.exceptions.ConnectionClosedByBroker) {
      // a node that is shut down says so; the next one may live
      console.log('Connection was closed by broker, retrying...');
    } else if (error instanceof pika.exceptions.AMQPChannelError) {
      console.log(`Caught a channel error: ${error.message}, stopping...`);
      break;
    } else if (error instanceof pika.exceptions.AMQPConnectionError) {
      console.log('Connection was closed, retrying...');
    } else {
      throw error;
    }
  }
}
