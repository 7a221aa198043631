/** Tells everybody who listens: `emit-log.ts A message for the log` */
import { connect } from '../../../src';

const message = process.argv.slice(2).join(' ') || 'info: Hello World!';

const connection = connect();
const logs = connection.channel().declareExchange('logs', 'fanout');

logs.publish(message, '', { mandatory: false }); // nobody has to listen
console.log(` [x] Sent '${message}'`);

connection.close();
