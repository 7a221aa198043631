/**
 * `soak.cjs MESSAGES BATCH URL QUEUE FILLED`: publish and consume that many messages, a batch each way in turn, and
 * tell about every tenth of a second of it in a line of JSON. FILLED: the queue has a batch in it whenever asked.
 */
const { connect } = require(process.env.AMQP_SYNC_LIBRARY || '../../../dist/src/index.js');

const [total, batch] = process.argv.slice(2, 4).map(Number);
const [url, queue, filled] = process.argv.slice(4);
const SIZE = 16;

const connection = connect(url, { heartbeat: 0 });
const out = connection.channel();
const into = connection.channel();
const body = Buffer.alloc(SIZE, 'x');
const target = filled === 'filled' ? 'bench' : queue;
let published = 0;
let consumed = 0;
let told = 0;

function tell() {
  const now = performance.now();
  if (now - told < 100) return;
  told = now;
  const { rss, heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ published, consumed, rss, heapUsed, external })}\n`);
}

while (consumed < total) {
  const size = Math.min(batch, total - consumed);
  for (let index = 0; index < size; index++) {
    out.basicPublish(body, { routingKey: target, deliveryMode: 1, messageId: String(index) });
    if (++published % 1000 === 0) tell();
  }
  out.queueDeclare(target, { passive: true });
  let left = size;
  for (const message of into.consume(queue, { prefetch: 250 })) {
    if (message.body.length !== SIZE) throw new Error('size of a message');
    message.ack();
    if (++consumed % 1000 === 0) tell();
    if (--left === 0) break;
  }
  out.queuePurge(target);
}
told = 0;
tell();
connection.close();
