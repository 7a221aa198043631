/** Publishes 50,000 messages in three ways, or as many as you say: `publisher-confirms.ts 1000` */
import { connect, type Queue } from '../../../src';

const count = Number(process.argv[2] ?? 50_000);
const messages = Array.from({ length: count }, (_, index) => String(index));

/** Wait for the confirm of each message before the next one: simple, and slow. */
function individually(queue: Queue): void {
  for (const message of messages) queue.publish(message);
}

/** Wait after every hundred: much faster, but nobody knows which of them was refused. */
function inBatches(queue: Queue): void {
  for (let start = 0; start < count; start += 100) {
    for (const message of messages.slice(start, start + 100)) queue.publish(message, { wait: false });
    if (!queue.channel.waitForConfirms()) throw new Error('the broker has refused a message');
  }
}

/** Go on while confirms come in, at most a thousand behind, and see then what became of each message. */
function withWindow(queue: Queue): void {
  queue.channel.confirmSelect();
  const options = { routingKey: queue.name, mandatory: true, window: 1000 };
  for (const { error } of queue.channel.publishBatch(messages, options)) if (error) throw error;
}

const connection = connect();

function measure(how: string, publish: (queue: Queue) => void): void {
  const queue = connection.channel().declareQueue();
  const start = performance.now();
  publish(queue);
  const ms = Math.round(performance.now() - start);
  console.log(`Published ${count.toLocaleString('en')} messages ${how} in ${ms.toLocaleString('en')} ms`);
  queue.delete();
}

measure('individually', individually);
measure('in batch', inBatches);
measure('and handled confirms asynchronously', withWindow);
connection.close();
