import type { Context, Exception, Span, SpanOptions, Tracer } from '@opentelemetry/api';
import { api } from './api';
import { errorType } from './attributes';
import { guarded } from './guarded';
import type { HeaderPropagation } from './headers';
import type { Metrics } from './metrics';
import type { OpenConnections } from './servers';

/** What everything is told by. */
export class Telemetry {
  /** The context in which an operation runs that runs code of the program's, by its facts. */
  readonly contexts = new WeakMap<object, Context>();
  /** Spans of operations that run none, the innermost last: what happens meanwhile is theirs. */
  readonly #within: Span[] = [];
  readonly #open = new Set<Span>();

  constructor(
    readonly tracer: Tracer,
    readonly headers: HeaderPropagation,
    readonly metrics: Metrics,
    readonly connections: OpenConnections,
  ) {}

  /** Whether what happens now is part of an operation. */
  get isWithin(): boolean {
    return this.#within.length > 0;
  }

  /** The span that is told of what happens now. */
  get activeSpan(): Span | undefined {
    return this.#within.at(-1) ?? api.trace.getActiveSpan();
  }

  /** The context of what begins now. */
  get context(): Context {
    const context = api.context.active();
    const span = this.#within.at(-1);
    return span === undefined ? context : api.trace.setSpan(context, span);
  }

  enter(span: Span): void {
    this.#within.push(span);
  }

  leave(span: Span): void {
    const index = this.#within.lastIndexOf(span);
    if (index >= 0) this.#within.splice(index);
  }

  startSpan(name: string, options: SpanOptions, parent = this.context): Span {
    const span = this.tracer.startSpan(name, options, parent);
    this.#open.add(span);
    return span;
  }

  /** End a span, with what went wrong. */
  endSpan(span: Span, failure?: { readonly error: unknown }, at?: number): void {
    this.#open.delete(span);
    if (failure !== undefined) guarded('a failure', () => recordFailure(span, failure.error));
    guarded('a span', () => span.end(at));
  }

  /** Nothing will be heard of what is under way. */
  end(): void {
    for (const span of this.#open) this.endSpan(span);
    this.metrics.end();
  }
}

/** Anything may have been thrown. */
function recordFailure(span: Span, error: unknown): void {
  const isObject = typeof error === 'object' && error !== null;
  const message = guarded('a message', () =>
    String(isObject ? ((error as Partial<Error>).message ?? '') : error),
  );
  failSpan(span, errorType(error), message ?? '');
  span.recordException(isObject ? (error as Exception) : (message ?? ''));
}

export function failSpan(span: Span, type: string, message: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: api.SpanStatusCode.ERROR, message });
}
