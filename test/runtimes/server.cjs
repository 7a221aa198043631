/** A thread that serves a procedure until it is told to stop. */
const { workerData } = require('node:worker_threads');
const { connect } = require('amqp-sync');

const connection = connect(workerData.url);
let isOver = false;
connection.rpc(workerData.name).serve((request) => {
  if (request.text === 'stop') {
    isOver = true;
    return 'stopped';
  }
  const { a, b } = request.json;
  if (typeof b !== 'number') throw new TypeError(`cannot add ${b}`);
  return a + b;
});
while (!isOver) connection.loop({ timeout: 100 });
connection.close();
