/** Does the tasks of the queue `task_queue`, one second for each dot, until Ctrl-C. Start several. */
import { connect } from '../../../src';

const connection = connect();
const channel = connection.channel();
const tasks = channel.declareQueue('task_queue');
channel.setQos({ prefetchCount: 1 }); // the next task goes to whoever is free

console.log(' [*] Waiting for messages. To exit press CTRL+C');
for (const task of tasks) {
  console.log(` [x] Received '${task.text}'`);
  const dots = task.text.split('.').length - 1;
  connection.sleep(dots * 1000); // work
  console.log(' [x] Done');
  task.ack(); // if this worker dies before, another one gets the task
}
