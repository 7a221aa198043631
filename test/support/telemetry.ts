/** OpenTelemetry's SDK, with what it exports kept in memory. */
import { type Attributes, type HrTime, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { type Instrumentation, type InstrumentOptions, instrument } from '../../src/opentelemetry';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
/** For spans of the program's own. */
export const tracer = trace.getTracer('a program');

let instrumentation: Instrumentation | undefined;
/** How what the tests of a file say is instrumented, from the first line of each test to its last. */
export function useTelemetry(options: InstrumentOptions = {}): void {
  beforeAll(() => provider.register());
  beforeEach(() => {
    instrumentation = instrument(options);
    exporter.reset();
  });
  afterEach(() => instrumentation?.disable());
  afterAll(() => provider.shutdown());
}

/** Within a test: as it is, but with other options. */
export function instrumented(options: InstrumentOptions): void {
  instrumentation?.disable();
  instrumentation = instrument(options);
}

/** Within a test: switch it off. */
export const disable = () => instrumentation?.disable();

/** Spans that have ended, in that order, and are forgotten. */
export function ended(): Shown[] {
  const spans = exporter.getFinishedSpans().map(shown);
  exporter.reset();
  return spans;
}

/** A span, as tests look at it. */
export interface Shown {
  readonly name: string;
  readonly kind: string;
  readonly attributes: Attributes;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string | undefined;
  readonly links: readonly string[];
  readonly linkAttributes: readonly (Attributes | undefined)[];
  readonly events: readonly string[];
  readonly isError: boolean;
  readonly milliseconds: number;
}

function shown(span: ReadableSpan): Shown {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    kind: SpanKind[span.kind],
    attributes: span.attributes,
    traceId,
    spanId,
    parent: span.parentSpanContext?.spanId,
    links: span.links.map((link) => link.context.spanId),
    linkAttributes: span.links.map((link) => link.attributes),
    events: span.events.map(({ name }) => name),
    isError: span.status.code === SpanStatusCode.ERROR,
    milliseconds: milliseconds(span.duration),
  };
}

const milliseconds = ([seconds, nanoseconds]: HrTime) => seconds * 1000 + nanoseconds / 1e6;

/** A meter of its own, and what it has measured. */
export function measuring() {
  const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: memory, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  return {
    meter: meters.getMeter('amqp-sync'),
    /** By name: unit and points. */
    async measured() {
      await reader.forceFlush();
      const last = memory.getMetrics().at(-1);
      const metrics = last?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
      return new Map(
        metrics.map(({ descriptor, dataPoints }) => [descriptor.name, { descriptor, dataPoints }]),
      );
    },
    end: () => meters.shutdown(),
  };
}
