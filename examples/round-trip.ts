/**
 * Everything in one blocking script: declare, publish, get, consume with acks, commit, close.
 * `npm run demo` finds a RabbitMQ for it or starts the embedded broker; elsewhere it uses AMQP_URL or localhost.
 */
import { connect } from '../src';

const connection = connect();
const { product, version } = connection.serverProperties;
console.log(`connected to ${product} ${version}`);

const channel = connection.channel();
const { queue } = channel.queueDeclare('', { exclusive: true });
console.log(`declared ${queue}`);

channel.basicPublish('hello', { routingKey: queue, contentType: 'text/plain' });
const greeting = channel.basicGet(queue);
console.log(`got "${greeting?.text}"`);
greeting?.ack();

channel.confirmSelect();
const results = channel.publishBatch(['one', 'two', 'three'], { routingKey: queue, mandatory: true });
console.log(`published ${results.length}: ${results.map((result) => result.status).join(', ')}`);

for (const message of channel.consume(queue, { limit: 3 })) {
  console.log(`consumed "${message.text}"`);
  message.ack();
}

const bank = connection.channel();
bank.txSelect();
bank.basicPublish('debit', { routingKey: queue });
bank.basicPublish('credit', { routingKey: queue });
const before = channel.queueDeclare(queue, { passive: true }).messageCount;
bank.txCommit();
const after = channel.queueDeclare(queue, { passive: true }).messageCount;
console.log(`in the queue before the commit: ${before}, after it: ${after}`);

connection.close();
console.log('closed');
