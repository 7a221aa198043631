/**
 * pika's README: messages are worked on in another thread, which has them acknowledged by the thread of the
 * connection. Python hands a function over, `add_callback_threadsafe(functools.partial(ack_message, channel, tag))`;
 * Node's threads hand over values, and `remote` says what is done with them.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Remote } from '../../src';
import * as pika from '../../src/compat/pika';

if (isMainThread) consume();
else work();

function consume() {
  const connection = new pika.BlockingConnection();
  const channel = connection.channel();
  channel.queue_declare({ queue: 'standard', durable: true });
  channel.basic_qos({ prefetch_count: 1 });

  function ack_message(channel: pika.BlockingChannel, delivery_tag: number) {
    if (channel.is_open) {
      channel.basic_ack(delivery_tag);
    } else {
      // too late: the broker gives the message to somebody else
    }
    console.log(`acknowledged ${delivery_tag}`);
    channel.stop_consuming();
  }

  channel.basic_consume('standard', (_channel, method_frame, _properties, body) => {
    const handle = connection.remote((delivery_tag) => ack_message(channel, delivery_tag as number));
    const job = { handle, delivery_tag: method_frame.delivery_tag, body };
    new Worker(__filename, { workerData: job, transferList: [handle.port], execArgv: process.execArgv });
  });
  channel.start_consuming();
  connection.close();
}

function work() {
  const { handle, delivery_tag, body } = workerData;
  console.log(`worked on ${Buffer.from(body)}`);
  new Remote(handle).call(delivery_tag);
}
