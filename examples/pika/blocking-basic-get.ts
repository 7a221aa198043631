/** pika's documentation: take one message, if there is one. */
import * as pika from '../../src/compat/pika';

const connection = new pika.BlockingConnection();
const channel = connection.channel();
const [method_frame, header_frame, body] = channel.basic_get('test');
if (method_frame) {
  console.log(method_frame, header_frame, body.toString());
  channel.basic_ack(method_frame.delivery_tag);
} else {
  console.log('No message returned');
}
connection.close();
