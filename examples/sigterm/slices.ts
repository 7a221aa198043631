/** SIGTERM ends this program in order, also as PID 1 of a container: between two slices of a second its listener runs. */
import { connect } from '../../src';

let isOver = false;
process.on('SIGTERM', () => {
  isOver = true;
});

async function main(): Promise<void> {
  const connection = connect();
  const channel = connection.channel();
  const tasks = channel.declareQueue('jobs');
  tasks.subscribe((message) => console.log(message.text));
  console.log('ready');
  while (!isOver) {
    connection.sleep(1000); // a slice, in which messages are dealt with; loop() would go on while more come
    await new Promise(setImmediate); // the listener runs here
  }
  connection.close();
  console.log('closed');
}

main();
