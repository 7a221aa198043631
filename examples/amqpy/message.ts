/** The example of amqpy's documentation of Message: properties and headers, there and back. */
import { Connection, Message } from '../../src/compat/amqpy';

const msg = new Message('hello world', { content_type: 'text/plain', application_headers: { foo: 7 } });

const conn = new Connection();
const ch = conn.channel();
const [queue] = ch.queue_declare({ exclusive: true });
ch.basic_publish(msg, { routing_key: queue });
const received = ch.basic_get(queue)!;
console.log(received.body, received.properties, received.equals(msg));
conn.close();
