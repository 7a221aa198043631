import type { Context, Link, SpanContext, TextMapGetter, TextMapPropagator } from '@opentelemetry/api';
import { api } from './api';
import { complain, guarded } from './guarded';

/** Bytes that a context may take of the frame of the properties: twice what the W3C's formats ask for. */
const MOST_BYTES = 16_384;
/** Bytes of the name of a header. */
const LONGEST_NAME = 255;

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
    const fields = guarded('inject', () => {
      propagator.inject(context, written, api.defaultTextMapSetter);
      return [...propagator.fields()];
    });
    if (fields === undefined || Object.keys(written).length === 0) return;
    const wrong = wrongHeaders(written);
    if (wrong !== undefined) return complain('inject', wrong);
    for (const field of fields) delete headers[field];
    Object.assign(headers, written);
  }

  /** `context` with that of the message. */
  extract(context: Context, headers: object | undefined): Context {
    const { propagator = api.propagation } = this;
    const given = (headers ?? {}) as Record<string, unknown>;
    const extracted = guarded('extract', () => propagator.extract(context, given, getter));
    return typeof extracted?.getValue === 'function' ? extracted : context;
  }

  /** The span by which the message was made; undefined: nobody has traced that. */
  creatorOf(headers: object | undefined): SpanContext | undefined {
    const creator = api.trace.getSpanContext(this.extract(api.ROOT_CONTEXT, headers));
    return creator !== undefined && api.isSpanContextValid(creator) ? creator : undefined;
  }
}

/** Why a message cannot have what a propagator has written; undefined: it can. */
function wrongHeaders(written: Record<string, unknown>): string | undefined {
  let size = 0;
  for (const [name, value] of Object.entries(written)) {
    if (typeof value !== 'string')
      return `the propagator wrote ${typeof value} as ${JSON.stringify(name)}, and no text`;
    if (Buffer.byteLength(name) > LONGEST_NAME)
      return `the propagator wrote a name of more than ${LONGEST_NAME} bytes`;
    size += Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  return size > MOST_BYTES ? `the propagator wrote ${size} bytes, more than ${MOST_BYTES}` : undefined;
}

export function linksTo(...contexts: readonly (SpanContext | undefined)[]): Link[] {
  return contexts.flatMap((context) => (context === undefined ? [] : [{ context }]));
}
