/** pika's README: connect again when the connection is lost, but not when the broker closed something. */
import * as pika from '../../src/compat/pika';

function on_message_callback(
  channel: pika.BlockingChannel,
  method: pika.spec.Basic.Deliver,
  _properties: pika.BasicProperties,
  body: Buffer,
) {
  console.log(`received ${body}`);
  channel.basic_ack(method.delivery_tag);
}

while (true) {
  try {
    const connection = new pika.BlockingConnection();
    const channel = connection.channel();
    channel.basic_consume('test', on_message_callback);
    channel.start_consuming();
  } catch (error) {
    // somebody wanted it closed
    if (error instanceof pika.exceptions.ConnectionClosedByBroker) {
      console.log('closed by broker');
      break;
    }
    // another connection would not help
    if (error instanceof pika.exceptions.AMQPChannelError) {
      console.log(`channel error: ${error.message}`);
      break;
    }
    // whatever else ends a connection may be over soon
    if (error instanceof pika.exceptions.AMQPConnectionError) {
      console.log('connection lost, once more');
      continue;
    }
    throw error;
  }
}
