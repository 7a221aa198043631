/** Prints the log messages that fit one of some patterns, until Ctrl-C: `receive-logs-topic.ts "kern.*" "*.critical"` */
import { connect } from '../../../src';

const bindingKeys = process.argv.slice(2);
if (bindingKeys.length === 0) {
  console.error('Usage: receive-logs-topic.ts [binding_key]...');
  process.exit(1);
}

const channel = connect().channel();
const logs = channel.declareExchange('topic_logs', 'topic');
const queue = channel.declareQueue();
for (const bindingKey of bindingKeys) queue.bind(logs, bindingKey); // * is one word, # any number

console.log(' [*] Waiting for logs. To exit press CTRL+C');
for (const message of queue.iterator({ noAck: true })) {
  console.log(` [x] '${message.routingKey}':'${message.text}'`);
}
