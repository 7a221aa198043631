/** pika's README: several parameters are tried in order, as often as the last ones say. */
import * as pika from '../../src/compat/pika';

const parameters = [
  new pika.ConnectionParameters({ host: 'rabbitmq.zone1.invalid' }),
  new pika.ConnectionParameters({ connection_attempts: 5, retry_delay: 1 }),
];
const connection = new pika.BlockingConnection(parameters);
console.log(`connected: ${connection.is_open}`);
connection.close();
