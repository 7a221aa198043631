/** Puts a task into the queue `task_queue`: `new-task.ts A task of three seconds...` */
import { connect } from '../../../src';

const message = process.argv.slice(2).join(' ') || 'Hello World!';

const connection = connect();
const tasks = connection.channel().declareQueue('task_queue');

tasks.publish(message); // durable queue, persistent message: both survive a restart of the broker
console.log(` [x] Sent '${message}'`);

connection.close();
