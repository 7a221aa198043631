import type { Context, Exception, Span, SpanOptions, Tracer } from '@opentelemetry/api';
import { api } from './api';
import { errorType } from './attributes';
import type { HeaderPropagation } from './headers';
import type { Metrics } from './metrics';
import type { OpenConnections } from './servers';

/** What everything is told by. */
export class Telemetry {
  /** The context in which an operation runs, by its facts. */
  readonly contexts = new WeakMap<object, Context>();
  readonly #open = new Set<Span>();

  constructor(
    readonly tracer: Tracer,
    readonly headers: HeaderPropagation,
    readonly metrics: Metrics,
    readonly connections: OpenConnections,
  ) {}

  startSpan(name: string, options: SpanOptions, parent = api.context.active()): Span {
    const span = this.tracer.startSpan(name, options, parent);
    this.#open.add(span);
    return span;
  }

  /** End a span, with what went wrong. */
  endSpan(span: Span, failure?: { readonly error: unknown }, at?: number): void {
    if (failure !== undefined) {
      const { error } = failure;
      const isObject = typeof error === 'object' && error !== null;
      const message = isObject ? String((error as Partial<Error>).message ?? '') : String(error);
      span.recordException(isObject ? (error as Exception) : message);
      failSpan(span, errorType(error), message);
    }
    this.#open.delete(span);
    span.end(at);
  }

  /** Nothing will be heard of what is under way. */
  end(): void {
    for (const span of this.#open) this.endSpan(span);
    this.metrics.end();
  }
}

export function failSpan(span: Span, type: string, message: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: api.SpanStatusCode.ERROR, message });
}
