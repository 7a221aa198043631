/** pika's documentation: consume with a callback until Ctrl-C. */
import * as pika from '../../src/compat/pika';

const on_message: pika.OnMessage = (channel, method_frame, _header_frame, body) => {
  console.log(method_frame.delivery_tag);
  console.log(body.toString());
  console.log();
  channel.basic_ack({ delivery_tag: method_frame.delivery_tag });
};

const connection = new pika.BlockingConnection();
const channel = connection.channel();
channel.basic_consume('test', on_message);
try {
  channel.start_consuming();
} catch (error) {
  if (!(error instanceof pika.KeyboardInterrupt)) throw error;
  channel.stop_consuming();
}
connection.close();
