/**
 * Moves some of the messages of a queue to another one: `npx ts-node examples/move-messages.ts orders orders.ch`. The others
 * stay where they were, in their order. What is moved is acked once the other queue has it: if this is cut off, some
 * messages may be in both, and none is lost.
 */
import { connect, type Message } from '../src';

const isWanted = (message: Message) => message.json.country === 'CH';

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) {
  console.error('usage: move-messages.ts FROM TO');
  process.exit(2);
}
const connection = connect();
const channel = connection.channel();
const [source, target] = [channel.getQueue(from), channel.getQueue(to)];

// those that are there now, and no more than AMQP can limit; unsettled until the end, so that none is read twice
const limit = Math.min(source.status().messageCount, 65_535);
const messages = limit === 0 ? [] : [...source.iterator({ limit, prefetch: limit, timeout: 1000 })];
const wanted = messages.filter(isWanted);

// RabbitMQ takes no other userId than one's own
const results = target.publishBatch(wanted.map((message) => message.copy({ userId: undefined })));
let moved = 0;
for (const [index, { status, error }] of results.entries()) {
  if (status === 'acked') {
    wanted[index]!.ack();
    moved++;
  } else console.error(`stays: ${wanted[index]!.text}: ${error!.message}`);
}
if (moved < messages.length) channel.basicNack(0, { multiple: true }); // all others go back to their places
connection.close();
console.log(`${moved} of ${messages.length} moved`);
process.exitCode = moved === wanted.length ? 0 : 1;
