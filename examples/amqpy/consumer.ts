/** Consumes with a class and with functions, until Ctrl-C or until somebody deletes the queue. */
import { AbstractConsumer, Connection, KeyboardInterrupt, type Message } from '../../src/compat/amqpy';

class Printer extends AbstractConsumer {
  run(msg: Message) {
    const { number } = msg.application_headers!;
    console.log(`${number}: ${msg.body}`);
    msg.ack();
  }
}

function on_message(msg: Message) {
  console.log(`again: ${msg.body}`);
  msg.reject({ requeue: false });
}

function on_cancel(tag: string) {
  console.log(`${tag} was cancelled`);
}

const conn = new Connection({ host: 'localhost' });
const ch = conn.channel();
ch.basic_qos({ prefetch_count: 10 });
const printer = new Printer(ch, 'orders.new');
printer.declare();
conn.loop({ timeout: 0.5 }); // until it is quiet
printer.cancel();

ch.basic_consume('orders.new', 'mine', {
  callback: on_message,
  on_cancel: on_cancel,
});
console.log('started');
try {
  while (true) {
    conn.drain_events();
  }
} catch (e) {
  if (!(e instanceof KeyboardInterrupt)) throw e;
  console.log(`${printer.consume_count} printed`);
} finally {
  conn.close();
}
