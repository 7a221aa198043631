import type { Context, Link, SpanContext, TextMapGetter, TextMapPropagator } from '@opentelemetry/api';
import { api } from './api';

/** Headers of a message, whatever they hold; a string of bytes that are no UTF-8 is a Buffer. */
const getter: TextMapGetter<Record<string, unknown>> = {
  keys: (headers) => Object.keys(headers),
  get(headers, key) {
    const value = headers[key];
    return value instanceof Uint8Array
      ? Buffer.from(value).toString()
      : typeof value === 'string'
        ? value
        : undefined;
  },
};

/** The context of a message, written to its headers and read from them: `traceparent`, `tracestate`, `baggage`. */
export class HeaderPropagation {
  /** The program's propagator, which may be set later: undefined. */
  constructor(readonly propagator: TextMapPropagator | undefined) {}

  /** Write it, in the place of what an earlier sender has written; without a context nothing is touched. */
  inject(context: Context, headers: Record<string, unknown>): void {
    const { propagator = api.propagation } = this;
    const written: Record<string, unknown> = {};
    propagator.inject(context, written, api.defaultTextMapSetter);
    if (Object.keys(written).length === 0) return;
    for (const field of propagator.fields()) delete headers[field];
    Object.assign(headers, written);
  }

  /** `context` with that of the message. */
  extract(context: Context, headers: object | undefined): Context {
    const { propagator = api.propagation } = this;
    return propagator.extract(context, (headers ?? {}) as Record<string, unknown>, getter);
  }

  /** The span by which the message was made; undefined: nobody has traced that. */
  creatorOf(headers: object | undefined): SpanContext | undefined {
    const creator = api.trace.getSpanContext(this.extract(api.ROOT_CONTEXT, headers));
    return creator !== undefined && api.isSpanContextValid(creator) ? creator : undefined;
  }
}

export function linksTo(...contexts: readonly (SpanContext | undefined)[]): Link[] {
  return contexts.flatMap((context) => (context === undefined ? [] : [{ context }]));
}
