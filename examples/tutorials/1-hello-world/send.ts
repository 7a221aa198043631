/** Sends one message to the queue `hello`. */
import { connect } from '../../../src';

const connection = connect();
const queue = connection.channel().declareQueue('hello');

queue.publish('Hello World!');
console.log(" [x] Sent 'Hello World!'");

connection.close();
