/** pika's README: a blocking consumer, as a loop that ends after ten messages. */
import * as pika from '../../src/compat/pika';

const connection = new pika.BlockingConnection();
const channel = connection.channel();

for (const [method_frame, properties, body] of channel.consume('test')) {
  console.log(method_frame, properties, body.toString());
  channel.basic_ack(method_frame.delivery_tag);

  // the tags of a channel count from 1
  if (method_frame.delivery_tag === 10) {
    break;
  }
}

// what has come and was not looked at goes back
const requeued_messages = channel.cancel();
console.log(`Requeued ${requeued_messages} messages`);
connection.close();
