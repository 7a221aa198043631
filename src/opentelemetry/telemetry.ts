import type { Context, Exception, Span, Tracer } from '@opentelemetry/api';
import { api } from './api';
import { errorType } from './attributes';
import type { HeaderPropagation } from './headers';
import type { Metrics } from './metrics';
import type { OpenConnections } from './servers';

/** What everything is told by. */
export interface Telemetry {
  readonly tracer: Tracer;
  readonly headers: HeaderPropagation;
  readonly metrics: Metrics;
  readonly connections: OpenConnections;
  /** The context in which an operation runs, by its facts. */
  readonly contexts: WeakMap<object, Context>;
}

/** End a span, with what went wrong. */
export function endSpan(span: Span, failure: { readonly error: unknown } | undefined): void {
  if (failure !== undefined) {
    const { error } = failure;
    const isObject = typeof error === 'object' && error !== null;
    const message = isObject ? String((error as Partial<Error>).message ?? '') : String(error);
    span.recordException(isObject ? (error as Exception) : message);
    failSpan(span, errorType(error), message);
  }
  span.end();
}

export function failSpan(span: Span, type: string, message: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: api.SpanStatusCode.ERROR, message });
}
