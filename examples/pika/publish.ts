/** pika's README: publish one message with a BlockingConnection. */
import * as pika from '../../src/compat/pika';

const connection = new pika.BlockingConnection();
const channel = connection.channel();
channel.basic_publish({ exchange: 'test', routing_key: 'test', body: Buffer.from('Test message.') });
connection.close();
