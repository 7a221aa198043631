/** Tells those who listen to a severity: `emit-log-direct.ts error Run. Run. Or it will explode.` */
import { connect } from '../../../src';

const [severity = 'info', ...words] = process.argv.slice(2);
const message = words.join(' ') || 'Hello World!';

const connection = connect();
const logs = connection.channel().declareExchange('direct_logs', 'direct');

logs.publish(message, severity, { mandatory: false }); // nobody has to listen
console.log(` [x] Sent '${severity}':'${message}'`);

connection.close();
