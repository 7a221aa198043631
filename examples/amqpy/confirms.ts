/** Publishes in confirm mode; what no queue takes comes back. */
import { Channel, Connection, Message } from '../../src/compat/amqpy';

const conn = new Connection({ host: 'localhost' });
const ch = conn.channel();
const [queue] = ch.queue_declare({ exclusive: true });

ch.confirm_select();
console.assert(ch.mode === Channel.CH_MODE_CONFIRM);
ch.basic_publish(new Message('safe'), {
  routing_key: queue,
  mandatory: true,
});
ch.basic_publish(new Message('lost'), {
  routing_key: 'no such queue',
  mandatory: true,
});

while (!ch.returned_messages.empty()) {
  const [code, text, , key, msg] = ch.returned_messages.get();
  console.log(`${code} ${text} ${key}: ${msg.body}`);
}
console.log(ch.basic_get(queue)!.body);
conn.close();
