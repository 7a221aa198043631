/** Takes a message from one queue to another, or leaves everything as it was. */
import { Connection, Message } from '../../src/compat/amqpy';

const conn = new Connection({ host: 'localhost' });
const ch = conn.channel();
const [source] = ch.queue_declare({ exclusive: true });
const [dest] = ch.queue_declare({ exclusive: true });

ch.tx_select();
for (const text of ['one', 'two']) {
  ch.basic_publish(new Message(text), { routing_key: source });
}
ch.tx_commit();

for (const fails of [true, false]) {
  const msg = ch.basic_get(source)!;
  try {
    const upper = new Message((msg.body as string).toUpperCase());
    ch.basic_publish(upper, { routing_key: dest });
    msg.ack();
    if (fails) throw new Error('not this time');
    ch.tx_commit();
  } catch (e) {
    console.log(`rolled back: ${(e as Error).message}`);
    ch.tx_rollback();
    msg.reject(true);
    ch.tx_commit();
  }
}
console.log(ch.basic_get(dest)!.body, ch.queue_purge(source));
conn.close();
