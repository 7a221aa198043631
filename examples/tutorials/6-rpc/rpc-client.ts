/** Asks the server for a Fibonacci number: `rpc-client.ts 30` */
import { connect } from '../../../src';

const n = Number(process.argv[2] ?? 30);
if (!Number.isInteger(n) || n < 0) {
  console.error('Usage: rpc-client.ts [num]');
  process.exit(1);
}

const connection = connect();
const channel = connection.channel();
const replies = channel.declareQueue();

const correlationId = crypto.randomUUID();
console.log(` [x] Requesting fib(${n})`);
channel.defaultExchange.publish(String(n), 'rpc_queue', { correlationId, replyTo: replies.name });

for (const reply of replies.iterator({ noAck: true })) {
  if (reply.properties.correlationId !== correlationId) continue; // not the answer to this question
  console.log(` [.] Got ${reply.text}`);
  break;
}

connection.close();
