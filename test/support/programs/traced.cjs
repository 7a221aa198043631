/**
 * A program that is traced by an SDK of its own, and prints its spans as JSON when it has done its part:
 * `node traced.cjs ROLE URL QUEUE LIBRARY`. amqplib needs an event loop that turns, and a remote call somebody who serves it.
 */
const { context, propagation, trace } = require('@opentelemetry/api');
const {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} = require('@opentelemetry/sdk-trace-node');
const { AmqplibInstrumentation } = require('@opentelemetry/instrumentation-amqplib');

const [role, url, queue, library] = process.argv.slice(2);
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
const instrumentation = new AmqplibInstrumentation();
instrumentation.setTracerProvider(provider);

const roles = {
  /** An amqplib consumer, which answers one message. */
  async consumer(channel) {
    await channel.assertQueue(queue, { autoDelete: true });
    await new Promise((resolve) => {
      channel.consume(queue, (message) => {
        const { replyTo } = message.properties;
        channel.publish('', replyTo, Buffer.from('answer'), { headers: {} });
        channel.ack(message);
        resolve();
      });
      console.log('ready');
    });
  },
  /** An amqplib producer of one message, to a queue that is there. */
  async producer(channel) {
    channel.publish('', queue, Buffer.from('hello'), { headers: {} });
  },
};

async function amqplib() {
  const connection = await require('amqplib').connect(url);
  const channel = await connection.createChannel();
  await roles[role](channel);
  await channel.close();
  await connection.close();
}

/** amqp-sync serves one remote call; the numbers of the trace are in its answer. */
function server() {
  const { connect } = require(`${library}/index.js`);
  require(`${library}/opentelemetry.js`).instrument();
  const connection = connect(url);
  const service = connection.rpc(queue).serve((request) => {
    if (request.text === 'fail') throw new RangeError('mine');
    const baggage = propagation.getBaggage(context.active())?.getEntry('user')?.value;
    return { ...trace.getActiveSpan().spanContext(), baggage };
  });
  console.log('ready');
  connection.drainEvents({ timeout: 60_000 });
  service.cancel();
  connection.close();
}

const done = role === 'server' ? Promise.resolve().then(server) : amqplib();
done.then(() => {
  const spans = exporter.getFinishedSpans().map((span) => ({
    name: span.name,
    kind: span.kind,
    ...span.spanContext(),
    parent: span.parentSpanContext?.spanId,
    links: span.links.map((link) => link.context.spanId),
  }));
  console.log(JSON.stringify(spans));
});
