/**
 * Traces on their way to a collector, by OTLP over HTTP. One that prints what it gets stands in for yours, on this machine.
 * The spans are sent when the event loop turns: where this program awaits.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { connect } from '../../src';
import { instrument } from '../../src/opentelemetry';

/** As much of OTLP's JSON as is printed. */
interface Traces {
  resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
}
interface Span {
  name: string;
  traceId: string;
}

async function main(): Promise<void> {
  const collector = createServer(async (request, response) => {
    const { resourceSpans } = (await json(request)) as Traces;
    const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    console.log(`${request.url}: ${spans.map(({ name }) => name).join(', ')}`);
    console.log(`traces: ${new Set(spans.map(({ traceId }) => traceId)).size}`);
    response.setHeader('content-type', 'application/json').end('{}');
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { port } = collector.address() as AddressInfo;

  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}/v1/traces` });
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  provider.register();
  using _ = instrument();

  using connection = connect(process.env.AMQP_URL);
  const channel = connection.channel();
  const parcels = channel.declareQueue('parcels', { autoDelete: true });
  const orders = channel.declareQueue('orders-to-ship', { autoDelete: true });
  orders.subscribe((message) => {
    parcels.publish(`a parcel for ${message.text}`); // in the context of the order
    message.ack();
  });
  orders.publish('Ann');
  connection.drainEvents({ timeout: 10_000 });
  for (const parcel of parcels.iterator({ limit: 1, timeout: 10_000 }))
    parcel.process(() => console.log(parcel.text));

  await provider.shutdown(); // sends what is left, and waits until that is done
  collector.close();
}

main();
