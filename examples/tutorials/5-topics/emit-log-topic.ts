/** Tells those whose pattern fits: `emit-log-topic.ts kern.critical A critical kernel error` */
import { connect } from '../../../src';

const [routingKey = 'anonymous.info', ...words] = process.argv.slice(2);
const message = words.join(' ') || 'Hello World!';

const connection = connect();
const logs = connection.channel().declareExchange('topic_logs', 'topic');

logs.publish(message, routingKey, { mandatory: false }); // nobody has to listen
console.log(` [x] Sent '${routingKey}':'${message}'`);

connection.close();
