/** The two examples of amqpy's README, which its documentation has, too: get one message, then consume the others. */
import { AbstractConsumer, Connection, Message } from '../../src/compat/amqpy';

const conn = new Connection(); // connect to guest:guest@localhost:5672 by default

const ch = conn.channel();

// declare an exchange and queue, and bind the queue to the exchange
ch.exchange_declare('test.exchange', 'direct');
ch.queue_declare('test.q', { durable: true });
ch.queue_bind('test.q', { exchange: 'test.exchange', routing_key: 'test.q' });

// publish a few messages, which will get routed to the queue bound to the routing key "test.q"
ch.basic_publish(new Message('hello world 1'), { exchange: 'test.exchange', routing_key: 'test.q' });
ch.basic_publish(new Message('hello world 2'), { exchange: 'test.exchange', routing_key: 'test.q' });
ch.basic_publish(new Message('hello world 3'), { exchange: 'test.exchange', routing_key: 'test.q' });

// get a message from the queue
const msg = ch.basic_get('test.q');

// don't forget to acknowledge it
msg!.ack();

class Consumer extends AbstractConsumer {
  run(msg: Message) {
    console.log(`Received a message: ${msg.body}`);
    msg.ack();
  }
}

const consumer = new Consumer(ch, 'test.q');
consumer.declare();

// wait for events, which will receive delivered messages and call any consumer callbacks
while (true) {
  conn.drain_events({ timeout: null });
}
