/** Both messages arrive, or none: a transaction. */
import * as pika from '../../src/compat/pika';

const connection = new pika.BlockingConnection();
const channel = connection.channel();
channel.queue_declare({ queue: 'test', durable: true });
channel.tx_select();
try {
  channel.basic_publish('', 'test', 'debit');
  channel.basic_publish('', 'test', 'credit');
  channel.tx_commit();
  console.log('committed');
} catch (error) {
  channel.tx_rollback();
  throw error;
}
connection.close();
