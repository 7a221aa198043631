/** Prints the log messages of some severities, until Ctrl-C: `receive-logs-direct.ts warning error` */
import { connect } from '../../../src';

const severities = process.argv.slice(2);
if (severities.length === 0) {
  console.error('Usage: receive-logs-direct.ts [info] [warning] [error]');
  process.exit(1);
}

const channel = connect().channel();
const logs = channel.declareExchange('direct_logs', 'direct');
const queue = channel.declareQueue();
for (const severity of severities) queue.bind(logs, severity);

console.log(' [*] Waiting for logs. To exit press CTRL+C');
for (const message of queue.iterator({ noAck: true })) {
  console.log(` [x] '${message.routingKey}':'${message.text}'`);
}
