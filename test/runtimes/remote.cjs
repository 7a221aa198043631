/** A thread that reaches into the connection of another. */
const { workerData } = require('node:worker_threads');
const { Remote } = require('amqp-sync');

const remote = new Remote(workerData);
remote.call('a');
remote.call('b');
setTimeout(() => {
  remote.interrupt();
  remote.close();
}, 300);
