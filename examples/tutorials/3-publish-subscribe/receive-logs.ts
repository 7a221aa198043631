/** Prints every log message that is emitted from now on, until Ctrl-C. */
import { connect } from '../../../src';

const channel = connect().channel();
const logs = channel.declareExchange('logs', 'fanout');
const queue = channel.declareQueue().bind(logs); // without a name: ours alone, and gone with us

console.log(' [*] Waiting for logs. To exit press CTRL+C');
for (const message of queue.iterator({ noAck: true })) {
  console.log(` [x] '${message.text}'`);
}
