/** pika's examples: a question and its answer without a queue for it, over RabbitMQ's direct reply-to. */
import * as pika from '../../src/compat/pika';

const SERVER_QUEUE = 'rpc.server.queue';

using conn = new pika.BlockingConnection();
const channel = conn.channel();

// the server
channel.queue_declare({ queue: SERVER_QUEUE, exclusive: true, auto_delete: true });
channel.basic_consume(SERVER_QUEUE, on_server_rx_rpc_request);

// the client: its consumer has to be there before it asks, on the same channel, and with auto_ack, as there is no
// queue to keep what it does not take
channel.basic_consume('amq.rabbitmq.reply-to', on_client_rx_reply_from_server, { auto_ack: true });
channel.basic_publish({
  exchange: '',
  routing_key: SERVER_QUEUE,
  body: 'Marco',
  properties: new pika.BasicProperties({ reply_to: 'amq.rabbitmq.reply-to' }),
});

channel.start_consuming();

function on_server_rx_rpc_request(
  ch: pika.BlockingChannel,
  method_frame: pika.spec.Basic.Deliver,
  properties: pika.BasicProperties,
  body: Buffer,
) {
  console.log(`RPC Server got request: ${body}`);

  ch.basic_publish('', properties.reply_to ?? '', 'Polo');

  ch.basic_ack({ delivery_tag: method_frame.delivery_tag });

  console.log('RPC Server says good bye');
}

function on_client_rx_reply_from_server(
  ch: pika.BlockingChannel,
  _method_frame: pika.spec.Basic.Deliver,
  _properties: pika.BasicProperties,
  body: Buffer,
) {
  console.log(`RPC Client got reply: ${body}`);

  // one answer is enough: without a channel, start_consuming returns
  console.log('RPC Client says bye');
  ch.close();
}
