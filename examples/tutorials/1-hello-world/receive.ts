/** Prints what comes into the queue `hello`, until Ctrl-C. */
import { connect } from '../../../src';

const channel = connect().channel();
const queue = channel.declareQueue('hello'); // whoever comes first makes it

console.log(' [*] Waiting for messages. To exit press CTRL+C');
for (const message of queue.iterator({ noAck: true })) {
  console.log(` [x] Received '${message.text}'`);
}
