/**
 * SIGTERM ends this program in order, after the message that it works on: the client blocks a thread of its own, and the
 * main thread's listener ends its wait.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { connect, InterruptedError, Remote } from '../../src';

async function main(): Promise<void> {
  const thread = new Worker(__filename, { execArgv: process.execArgv });
  const [handle] = await once(thread, 'message');
  const consumer = new Remote(handle);
  process.on('SIGTERM', () => consumer.interrupt());
  console.log('ready');
  await once(thread, 'exit');
  console.log('closed');
}

function consume(): void {
  const connection = connect();
  const tasks = connection.channel().declareQueue('jobs');
  tasks.subscribe((message) => console.log(message.text));
  const handle = connection.remote();
  parentPort?.postMessage(handle, [handle.port]);
  try {
    connection.loop();
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
  }
  connection.close();
}

if (isMainThread) main();
else consume();
