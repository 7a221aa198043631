// A program that computes while a queue flows in: node busy-child.cjs <library> <url> <queue> <count> <seconds> <options>.
// Says what came of it, as JSON: messages in order, those out of order, its memory, and what was thrown.
const [library, url, queue, count, seconds, options] = process.argv.slice(2);
const { connect } = require(library);

const connection = connect(url, JSON.parse(options));
const channel = connection.channel();
channel.queueDeclare(queue, { durable: true });
let next = 0;
let wrong = 0;
channel.basicConsume(
  queue,
  (message) => {
    if (message.body.readUInt32BE(0) !== next++) wrong++;
  },
  { noAck: true, consumerTag: 'busy' },
);
const before = process.memoryUsage().rss;
let most = before;
for (const end = Date.now() + Number(seconds) * 1000; Date.now() < end; ) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
  most = Math.max(most, process.memoryUsage().rss);
}
process.stdout.write('awake\n');
let error;
try {
  while (next < Number(count)) connection.drainEvents({ timeout: 60_000 });
} catch (caught) {
  error = { name: caught.name, code: caught.code, message: caught.message };
}
const tags = connection.isOpen ? channel.consumerTags : [];
connection.close();
process.stdout.write(`${JSON.stringify({ next, wrong, growth: most - before, error, tags })}\n`);
