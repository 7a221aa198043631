#!/usr/bin/env bash
# @opentelemetry/instrumentation-amqplib 0.69.0 with amqplib 2.3.1 on Node.js 20, RabbitMQ 3.10.8.
#
# A traced publish writes into the objects that the program has given: `options` gets `headers`, and the program's own
# `headers` get `traceparent`. So frozen options, which amqplib takes, are a TypeError. A publish that throws, on a closed
# channel, leaves no span at all.
source "$(dirname "$0")/support.sh"
npm_install amqplib@2.3.1 @opentelemetry/api@1.9.1 @opentelemetry/sdk-trace-node@2.12.1 \
  @opentelemetry/instrumentation@0.222.0 @opentelemetry/instrumentation-amqplib@0.69.0
start_rabbitmq bookworm 3.10.8-1.1+deb12u1
cat >"$folder/publish.cjs" <<'JS'
const { NodeTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { AmqplibInstrumentation } = require('@opentelemetry/instrumentation-amqplib');
const [, , url, how] = process.argv;
const exporter = new InMemorySpanExporter();
if (how === 'traced') {
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
  registerInstrumentations({ instrumentations: [new AmqplibInstrumentation()] });
}
const amqp = require('amqplib');
(async () => {
  const connection = await amqp.connect(url);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const publish = (options) => {
    try {
      channel.sendToQueue(queue, Buffer.from('a message'), options);
      return 'sent';
    } catch ({ name }) {
      return name;
    }
  };
  const frozen = publish(Object.freeze({ persistent: true }));
  const [options, headers] = [{ persistent: true }, { own: 1 }];
  publish(options);
  publish({ headers });
  await channel.close();
  const before = exporter.getFinishedSpans().length;
  const closed = publish({});
  const spans = exporter.getFinishedSpans().length - before;
  await connection.close();
  console.log(`frozen: ${frozen}; options: ${Object.keys(options)}; headers: ${Object.keys(headers)}; closed: ${closed}, ${spans} spans`);
})();
JS
plain=$(node "$folder/publish.cjs" "$url" plain)
traced=$(node "$folder/publish.cjs" "$url" traced)
echo "amqplib 2.3.1 alone:    $plain"
echo "instrumentation 0.69.0: $traced"
[[ $plain == 'frozen: sent; options: persistent; headers: own; closed: IllegalOperationError, 0 spans' ]]
[[ $traced == 'frozen: TypeError; options: persistent,headers; headers: own,traceparent; closed: IllegalOperationError, 0 spans' ]]
