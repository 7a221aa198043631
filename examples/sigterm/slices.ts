/** SIGTERM ends this program in order, also as PID 1 of a container: between two slices its listener runs. */
import { connect } from '../../src';

let isOver = false;
process.on('SIGTERM', () => {
  isOver = true;
});

async function main(): Promise<void> {
  const connection = connect();
  const channel = connection.channel();
  const tasks = channel.declareQueue('', { autoDelete: false });
  tasks.subscribe((message) => console.log(message.text));
  console.log('ready');
  while (!isOver) {
    connection.loop({ timeout: 1000 }); // a slice
    await new Promise(setImmediate); // the listener runs here
  }
  connection.close();
  console.log('closed');
}

main();
